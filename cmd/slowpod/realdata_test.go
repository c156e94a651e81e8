package main

import (
	"encoding/csv"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slowpod/slowpod/sinks/report"
)

// realData is a directory of logs from public repositories. They are not part
// of this one: their licences are mixed.
func realData(t *testing.T, path ...string) string {
	t.Helper()
	dir := os.Getenv("SLOWPOD_REALDATA")
	if dir == "" {
		t.Skip("SLOWPOD_REALDATA names no directory of real logs")
	}
	return filepath.Join(append([]string{dir}, path...)...)
}

// redback is a sample of the logs of 440 pods.
const redback = "the-redback-istio-log-parsing.jsonl"

func TestRealLogsAreRead(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(realData(t, "dev", "*"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, ".src.tsv") {
			continue
		}
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			a := slowpod(t, "report", "--output=json", name)
			r := reportOf(t, a.stdout)
			addsUp(t, r)
			want := exitFine
			if r.Lines.Records == 0 {
				want = exitFailed
			}
			if a.code != want {
				t.Errorf("exit code %d for %+v\n%s", a.code, r.Lines, a.stderr)
			}
			for _, f := range r.Findings {
				if !slices.Contains(realFaults, f.Kind) {
					t.Errorf("these logs are samples, no such finding can be true: %+v", f)
				}
			}
			hasNoControls(t, "the text", slowpod(t, "report", name).stdout)
		})
	}
}

// realFaults are what even a sample of real logs shows: databases that were not
// ready when their callers started, Debian's mirrors called past the mesh, an app
// whose proxy was up before it; and that they are samples.
var realFaults = []string{"log_stream", "unavailable", "passthrough", "start_race", "app_not_listening"}

// addsUp checks the sums that a report promises.
func addsUp(t *testing.T, r *report.Report) {
	t.Helper()
	var malformed, joined uint64
	for _, n := range r.Lines.MalformedByReason {
		malformed += n
	}
	for _, n := range r.Join.ByKey {
		joined += n
	}
	if l := r.Lines; l.Read != l.Records+l.Foreign+l.Malformed || l.Malformed != malformed {
		t.Errorf("the lines do not add up: %+v", l)
	}
	if r.Join.Joined != joined {
		t.Errorf("the keys do not add up: %+v", r.Join)
	}
	var outcomes uint64
	for _, o := range r.Outcomes {
		outcomes += o.Count
	}
	if outcomes != r.Lines.Records {
		t.Errorf("%d outcomes of %d records", outcomes, r.Lines.Records)
	}
}

func TestRealFlags(t *testing.T) {
	t.Parallel()
	r := reportOf(t, fine(t, "report", "--output=json", realData(t, "dev", redback)))
	if r.Lines.Records != 1921 || r.Lines.Malformed != 0 || r.Lines.Foreign != 0 {
		t.Errorf("lines %+v", r.Lines)
	}
	got := map[string]uint64{}
	for _, f := range r.Flags {
		got[f.Flag] += f.Count
	}
	want := map[string]uint64{"DC": 310, "UH": 37, "URX": 15, "UT": 10, "UF": 4, "UC": 1}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Pairs of lines that are known to be the two sides of one call. Where one of
// the sides is a half, the calls file has them in one call, and no other line
// with their request id is in it: an application passed the id on to a deeper
// hop.
func TestRealPairs(t *testing.T) {
	t.Parallel()
	name, calls := realData(t, "dev", redback), filepath.Join(t.TempDir(), "calls.jsonl")
	fine(t, "report", "--output=json", "--calls="+calls, name)
	type lines struct {
		client int
		server string
	}
	byClient, byServer := map[int][]lines{}, map[string][]lines{}
	for _, c := range callsOf(t, calls) {
		l := lines{}
		var server []string
		for _, s := range c.Server {
			server = append(server, strconv.Itoa(s.Line))
		}
		slices.Sort(server)
		l.server = strings.Join(server, ",")
		if c.Client != nil {
			l.client = c.Client.Line
			byClient[l.client] = append(byClient[l.client], l)
		}
		for _, line := range server {
			byServer[line] = append(byServer[line], l)
		}
	}

	f, err := os.Open(realData(t, "expected", "the-redback-pairs.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	table := csv.NewReader(f)
	table.Comma = '\t'
	rows, err := table.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	halves, servers := 0, map[int][]string{}
	for _, row := range rows[1:] {
		if !isHalf(t, row[3]) && !isHalf(t, row[4]) {
			continue
		}
		halves++
		client, err := strconv.Atoi(row[0])
		if err != nil {
			t.Fatal(row)
		}
		servers[client] = append(servers[client], row[1]) // several after retries
	}
	for client, server := range servers {
		slices.Sort(server)
		want := []lines{{client, strings.Join(server, ",")}}
		if diff := cmp.Diff(want, byClient[client], cmp.AllowUnexported(lines{})); diff != "" {
			t.Errorf("the client line %d is in: %s", client, diff)
		}
		for _, line := range server {
			if diff := cmp.Diff(want, byServer[line], cmp.AllowUnexported(lines{})); diff != "" {
				t.Errorf("the server line %s is in: %s", line, diff)
			}
		}
	}
	if halves != 261 {
		t.Errorf("%d pairs with a half", halves)
	}
}

// isHalf tells it of a code and flags as the table has them: "503,URX".
func isHalf(t *testing.T, s string) bool {
	t.Helper()
	code, flags, ok := strings.Cut(s, ",")
	n, err := strconv.Atoi(code)
	if !ok || err != nil {
		t.Fatalf("no code and flags: %s", s)
	}
	return flags != "-" || n == 0 || n >= 500
}

// Half a year of load tests on another mesh, every service of which has one pod:
// again and again all of them get slow at once, with the load. That is told as
// the services', not as their pods'.
func TestRealMeshHasNoSlowPod(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 166,043 lines")
	}
	t.Parallel()
	name := realData(t, "full", "the-redback-all-166043.jsonl.gz")
	r := reportOf(t, fine(t, "report", "--output=json", name))
	addsUp(t, r)
	if r.Lines.Records != 166_043 {
		t.Errorf("lines %+v", r.Lines)
	}
	services, pods, faults := 0, 0, map[string]int{}
	for _, f := range r.Findings {
		if f.Kind == "slow_service" {
			services++
			continue
		}
		if f.Evidence.Failures != nil {
			faults[f.Kind]++
			continue
		}
		if f.Kind == "log_stream" {
			// Of a part of the mesh one side alone was logged.
			if !strings.HasPrefix(f.Cause, "one_sided") {
				t.Errorf("%s: %s", f.Title, f.Cause)
			}
			continue
		}
		pods++
		t.Logf("%s %s at %s from %v: %s", f.Kind, f.Title, said(f.UpstreamHost), f.Start, f.Summary)
	}
	// Two were alone in getting slow; nobody knows why.
	if services < 50 || pods > 2 {
		t.Errorf("%d findings of services, %d of pods", services, pods)
	}
	// Four databases without a healthy pod, and services called by a port that
	// they do not have.
	if want := map[string]int{"unavailable": 4, "passthrough": 4}; !maps.Equal(faults, want) {
		t.Errorf("faults %v, want %v", faults, want)
	}
	if len(r.Dropped) != 0 {
		t.Errorf("dropped %v", slices.Collect(maps.Keys(r.Dropped)))
	}
}
