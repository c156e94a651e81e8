package workload_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slowpod/slowpod/bench/workload"
)

func TestOneSeedGivesTheSameBytes(t *testing.T) {
	for _, s := range scenarios() {
		for _, format := range []workload.Format{workload.JSON, workload.FluentBit, workload.FluentBitLog, workload.Text} {
			o := workload.Options{Seed: 7, Lines: 1000, Format: format}
			one, two := text(t, s.make(o)), text(t, s.make(o))
			o.Seed = 8
			if one != two {
				t.Errorf("%s as %v: two logs of one seed differ", s.name, format)
			}
			if one == text(t, s.make(o)) {
				t.Errorf("%s as %v: two seeds give the same log", s.name, format)
			}
			if n := strings.Count(one, "\n"); n != 1000 {
				t.Errorf("%s as %v: %d lines of 1000", s.name, format, n)
			}
		}
	}
}

func TestEveryLineHasThe24Keys(t *testing.T) {
	want := strings.Fields(`authority bytes_received bytes_sent connection_termination_details
		downstream_local_address downstream_remote_address duration method path protocol request_id
		requested_server_name response_code response_code_details response_flags route_name start_time
		upstream_cluster upstream_host upstream_local_address upstream_service_time
		upstream_transport_failure_reason user_agent x_forwarded_for`)
	key := regexp.MustCompile(`[{,]"([a-z_]+)":`)
	for _, s := range scenarios() {
		g := s.make(workload.Options{Seed: 3, Lines: 1500})
		for l := (workload.Line{}); g.Next(&l); {
			var v map[string]any
			if err := json.Unmarshal(l.Bytes, &v); err != nil {
				t.Fatalf("%s: %v in %s", s.name, err, l.Bytes)
			}
			if got := slices.Sorted(maps.Keys(v)); !slices.Equal(got, want) {
				t.Fatalf("%s: keys %v", s.name, got)
			}
			var inLine []string
			for _, m := range key.FindAllSubmatch(l.Bytes, -1) {
				inLine = append(inLine, string(m[1]))
			}
			if len(inLine) != len(want) {
				t.Fatalf("%s: a key twice, or blanks between: %s", s.name, l.Bytes)
			}
			if s.name != "corpus" && s.name != "storm" && !slices.IsSorted(inLine) {
				t.Fatalf("%s: keys not sorted: %s", s.name, l.Bytes)
			}
		}
	}
}

func TestLinesComeInTheOrderInWhichProxiesWriteThem(t *testing.T) {
	for _, s := range scenarios() {
		for _, skew := range []time.Duration{-1, 0, time.Second} {
			last := map[*workload.Pod]int64{}
			for _, e := range read(t, s.make(workload.Options{Seed: 5, Lines: 3000, Skew: skew})) {
				if e.end < last[e.pod] {
					t.Fatalf("%s: %s goes back in time by %d ms", s.name, e.pod.Name, last[e.pod]-e.end)
				}
				last[e.pod] = e.end
				if late := e.end - e.ends(); late < 0 || late > 2 {
					t.Fatalf("%s: start and duration end %d ms before End", s.name, late)
				}
			}
		}
	}
}

func TestBothSidesOfACallAgree(t *testing.T) {
	for _, s := range scenarios() {
		type key struct{ id, host string }
		clients := map[key]entry{}
		entries := read(t, s.make(workload.Options{Seed: 9, Duration: 10 * time.Second, Rate: 150, Skew: -1}))
		for _, e := range entries {
			if e.client() && e.UpstreamHost != nil {
				clients[key{e.RequestID, *e.UpstreamHost}] = e
			}
		}
		for _, e := range entries {
			if e.client() {
				continue
			}
			c, ok := clients[key{e.RequestID, e.DownstreamLocalAddress}]
			if !ok {
				t.Fatalf("%s: a server line without its client's: %+v", s.name, e)
			}
			if or(e.UpstreamHost) != e.DownstreamLocalAddress || e.pod.Host != e.DownstreamLocalAddress {
				t.Fatalf("%s: the server line names another pod: %+v", s.name, e)
			}
			if e.StartTime.Before(c.StartTime) || e.ends() > c.ends()+64 {
				t.Fatalf("%s: the server's interval is outside the client's: %+v %+v", s.name, e, c)
			}
			if c.ResponseFlags == "-" && (e.ends() > c.ends()+1 || e.ResponseCode != c.ResponseCode) {
				t.Fatalf("%s: answered before it was: %+v %+v", s.name, e, c)
			}
			if e.XForwardedFor != nil {
				if e.DownstreamRemoteAddress != *e.XForwardedFor+":0" {
					t.Fatalf("%s: %s behind a header from %s", s.name, e.DownstreamRemoteAddress, *e.XForwardedFor)
				}
			} else if e.DownstreamRemoteAddress != or(c.UpstreamLocalAddress) {
				t.Fatalf("%s: the two ends of a connection differ: %+v %+v", s.name, e, c)
			}
			if e.Protocol == "HTTP/2" && e.has("DC") || e.Protocol == "HTTP/1.1" && e.has("DR") {
				t.Fatalf("%s: %s over %s", s.name, e.ResponseFlags, e.Protocol)
			}
		}
	}
}

// An HTTP/1.1 connection is busy until its request has ended.
func TestConnectionsCarryOneRequestAtATime(t *testing.T) {
	busy := map[[2]string][][2]int64{}
	reused := 0
	for _, e := range read(t, workload.Mesh(workload.MeshOptions{Options: workload.Options{Duration: time.Minute, Skew: -1}})) {
		if e.client() || e.Protocol != "HTTP/1.1" || e.XForwardedFor != nil {
			continue
		}
		k := [2]string{e.DownstreamRemoteAddress, e.DownstreamLocalAddress}
		for _, b := range busy[k] {
			if e.StartTime.UnixMilli() < b[1] && b[0] < e.ends()-1 {
				t.Fatalf("%v carries two requests at once", k)
			}
		}
		reused += len(busy[k])
		busy[k] = append(busy[k], [2]int64{e.StartTime.UnixMilli(), e.ends() - 1})
	}
	if reused == 0 {
		t.Error("no connection was kept alive")
	}
}

func TestFluentBitShapesHoldTheLine(t *testing.T) {
	for _, s := range scenarios() {
		o := workload.Options{Seed: 4, Lines: 1000}
		want := strings.Split(text(t, s.make(o)), "\n")
		for _, format := range []workload.Format{workload.FluentBit, workload.FluentBitLog} {
			o.Format = format
			g := s.make(o)
			i := 0
			for l := (workload.Line{}); g.Next(&l); i++ {
				var got map[string]any
				if err := json.Unmarshal(l.Bytes, &got); err != nil {
					t.Fatalf("%s as %v: %v in %s", s.name, format, err, l.Bytes)
				}
				pod := got["kubernetes"].(map[string]any)
				if pod["pod_name"] != l.Pod.Name || pod["pod_id"] != l.Pod.UID || pod["pod_ip"] != l.Pod.IP {
					t.Fatalf("%s as %v: another pod: %s", s.name, format, l.Bytes)
				}
				at := time.UnixMicro(int64(got["@timestamp"].(float64) * 1e6)).UnixMilli()
				if at < l.End-1 || at > l.End+1001 {
					t.Fatalf("%s as %v: flushed %d ms after the end", s.name, format, at-l.End)
				}
				if format == workload.FluentBitLog {
					if got["log"] != want[i] {
						t.Fatalf("%s: log holds\n%v\nnot\n%v", s.name, got["log"], want[i])
					}
				} else if !strings.Contains(string(l.Bytes), want[i][1:len(want[i])-1]) {
					t.Fatalf("%s: the keys are not merged: %s", s.name, l.Bytes)
				}
			}
		}
	}
}

func TestTextIsIstiosDefaultFormat(t *testing.T) {
	line := regexp.MustCompile(`^\[[0-9T:.-]{23}Z\] "[A-Z]+ \S+ HTTP/(1\.1|2)" \d+ \S+ \S+ - "\S+" \d+ \d+ \d+ ` +
		`(\d+|-) "[0-9.-]+" ".+" "[0-9a-f-]{36}" "\S+" "\S+" \S+ \S+ \S+ \S+ \S+ (default|-)$`)
	for _, s := range scenarios() {
		log := text(t, s.make(workload.Options{Lines: 3000, Format: workload.Text}))
		for l := range strings.Lines(log) {
			if !line.MatchString(strings.TrimSuffix(l, "\n")) {
				t.Fatalf("%s: %s", s.name, l)
			}
		}
	}
}

func TestOneSideAloneIsThatPartOfTheWhole(t *testing.T) {
	for _, s := range scenarios() {
		o := workload.Options{Seed: 2, Duration: 10 * time.Second, Rate: 100}
		var whole [workload.ServerSide + 1]strings.Builder
		g := s.make(o)
		for l := (workload.Line{}); g.Next(&l); {
			whole[l.Side].Write(append(l.Bytes, '\n'))
		}
		for _, side := range []workload.Side{workload.ClientSide, workload.ServerSide} {
			o.Side = side
			part := s.make(o)
			if text(t, part) != whole[side].String() {
				t.Errorf("%s: the %v side alone is not what it is among both", s.name, side)
			}
			if a, b := mustJSON(t, part.Truth()), mustJSON(t, g.Truth()); a != b {
				t.Errorf("%s: the truth changes with the side that is written", s.name)
			}
		}
	}
}

func TestFilesHoldWhatTheirPodsWrote(t *testing.T) {
	o := workload.Options{Duration: 30 * time.Second}
	want := map[string][]byte{}
	g := workload.Mesh(workload.MeshOptions{Options: o})
	for l := (workload.Line{}); g.Next(&l); {
		name := l.Pod.Namespace + "_" + l.Pod.Name + ".log"
		want[name] = append(append(want[name], l.Bytes...), '\n')
	}
	dir := filepath.Join(t.TempDir(), "logs")
	if err := workload.Mesh(workload.MeshOptions{Options: o}).WriteFiles(dir); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != len(want) {
		t.Fatalf("%d files of %d pods, %v", len(files), len(want), err)
	}
	for name, lines := range want {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !bytes.Equal(got, lines) {
			t.Errorf("%s holds something else, %v", name, err)
		}
	}
}

func mustJSON(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
