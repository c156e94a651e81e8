package main

import (
	"bytes"
	"encoding/json"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slowpod/slowpod/bench/workload"
	"github.com/slowpod/slowpod/sinks/report"
)

// tellsOfLog says whether a finding is that the log is not whole, for a reason.
func tellsOfLog(f *report.Finding, reason string) bool {
	return f.Kind == "log_stream" && f.Severity == "info" && strings.HasPrefix(f.Cause, reason+": ")
}

// logApart parts findings of the mesh from those of the log itself.
func logApart(r *report.Report) (mesh, ofLog []report.Finding) {
	for _, f := range r.Findings {
		if f.Kind == "log_stream" {
			ofLog = append(ofLog, f)
		} else {
			mesh = append(mesh, f)
		}
	}
	return mesh, ofLog
}

// entry is a line of a log, decoded.
type entry struct {
	text []byte
	keys map[string]any
}

// text0 is a value, "" where there is none.
func (e *entry) text0(key string) string { s, _ := e.keys[key].(string); return s }
func (e *entry) code() int               { return int(e.keys["response_code"].(float64)) }
func (e *entry) server() bool            { return strings.HasPrefix(e.text0("upstream_cluster"), "inbound|") }

// set gives keys other values; with nil there is none.
func (e *entry) set(values map[string]any) {
	keys := maps.Clone(e.keys)
	maps.Copy(keys, values)
	e.keys, e.text = keys, nil
}

// entries decodes a log.
func entries(t *testing.T, g *workload.Generator) (all []entry) {
	t.Helper()
	for l := (workload.Line{}); g.Next(&l); {
		e := entry{text: bytes.Clone(l.Bytes)}
		if err := json.Unmarshal(e.text, &e.keys); err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

// filter passes each entry of a log through what a log pipeline may do to it; it
// returns how often the line is written.
func filter(t *testing.T, log []entry, f func(*entry) int) []byte {
	t.Helper()
	var b bytes.Buffer
	for _, e := range log {
		n := f(&e)
		if e.text == nil {
			var err error
			if e.text, err = json.Marshal(e.keys); err != nil {
				t.Fatal(err)
			}
		}
		for range n {
			b.Write(e.text)
			b.WriteByte('\n')
		}
	}
	return b.Bytes()
}

func when(keep bool) int {
	if keep {
		return 1
	}
	return 0
}

// What is wrong with a log is said, each with its reason, and nothing else; of a
// whole log nothing is.
func TestLogStream(t *testing.T) {
	t.Parallel()
	mesh := entries(t, workload.Mesh(workload.MeshOptions{
		Options: workload.Options{Seed: 5, Duration: 4 * time.Minute, Rate: 10, Format: workload.FluentBit},
		From:    20 * time.Second, To: 170 * time.Second,
	}))
	without := func(keys ...string) func(*entry) int {
		return func(e *entry) int {
			none := map[string]any{}
			for _, k := range keys {
				none[k] = nil
			}
			e.set(none)
			return 1
		}
	}
	chance := rand.New(rand.NewPCG(1, 2))
	share := func(part float64) bool { return chance.Float64() < part }
	for _, c := range []struct {
		name     string
		filter   func(*entry) int
		want     string // reasons
		withheld string // why the ratios of the pods' side are
		says     []string
	}{
		{"nothing", func(*entry) int { return 1 }, "", "", nil},
		{"response.code >= 400 || response.code == 0", func(e *entry) int { return when(e.code() >= 400 || e.code() == 0) },
			"errors_only", "errors_only", []string{"callers and called pods none tells of a request that went well"}},
		{"response.code >= 400", func(e *entry) int { return when(e.code() >= 400) }, "errors_only", "errors_only", nil},
		{"response.code != 0", func(e *entry) int { return when(e.code() != 0) }, "code_0_filtered", "", nil},
		{"10 % of all", func(*entry) int { return when(share(0.1)) }, "sampled", "sampled", nil},
		{"half of all", func(*entry) int { return when(share(0.5)) }, "sampled", "sampled", nil},
		{"10 % of the pods'", func(e *entry) int { return when(!e.server() || share(0.1)) },
			"sampled", "sampled", []string{"The logs of called pods are sampled"}},
		{"10 % of the callers'", func(e *entry) int { return when(e.server() || share(0.1)) },
			"sampled", "", []string{"The logs of callers are sampled"}},
		{"a few lost", func(*entry) int { return when(share(0.98)) }, "", "", nil},
		{"no pods'", func(e *entry) int { return when(!e.server()) },
			"one_sided", "", []string{"records of callers only, none of called pods"}},
		{"no callers'", func(e *entry) int { return when(e.server()) },
			"one_sided", "", []string{"records of called pods only, none of callers"}},
		{"one service's pods log nothing", func(e *entry) int {
			return when(!e.server() || !strings.Contains(e.text0("requested_server_name"), "payments"))
		}, "one_sided", "", []string{"Only one side of payments is logged", "kubectl -n shop logs <pod> -c istio-proxy"}},
		{"no request id", without("request_id"), "fields_missing", "", []string{"request_id is missing in", "no tuple_id, no id_host"}},
		{"no addresses", without("upstream_local_address", "downstream_remote_address"),
			"fields_missing", "", []string{"upstream_local_address is missing", "downstream_remote_address is missing"}},
		{"no details", without("response_code_details"), "fields_missing", "", []string{"response_code_details is missing"}},
		{"no duration", without("duration"), "fields_missing", "", []string{"duration is missing"}},
		{"no cluster", func(e *entry) int {
			e.set(nil)
			delete(e.keys, "upstream_cluster")
			return 1
		}, "fields_missing", "", []string{"upstream_cluster is missing"}},
		{"a clock that is 5 s ahead", func(e *entry) int {
			if e.keys["kubernetes"].(map[string]any)["host"] == "node-b" {
				start, err := time.Parse(time.RFC3339, e.text0("start_time"))
				if err != nil {
					t.Error(err)
				}
				e.set(map[string]any{"start_time": start.Add(5 * time.Second).Format("2006-01-02T15:04:05.000Z")})
			}
			return 1
		}, "skew", "", []string{"Clocks around node-b disagree", "s ahead", "spec.nodeName=node-b"}},
		{"everything twice", func(*entry) int { return 2 }, "duplicates", "", []string{"came before"}},
	} {
		name := fileOf(t, filter(t, mesh, c.filter))
		r := reportOf(t, fine(t, "report", "--output=json", name))
		reasons := map[string]bool{}
		for _, f := range r.Findings {
			if reason, _, _ := strings.Cut(f.Cause, ":"); tellsOfLog(&f, reason) {
				reasons[reason] = true
			}
		}
		if got := strings.Join(slices.Sorted(maps.Keys(reasons)), " "); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		last := ""
		if len(c.says) > 0 || c.want == "" {
			var text strings.Builder
			if err := report.WriteText(&text, r, report.TextOptions{}); err != nil {
				t.Fatal(err)
			}
			_, last, _ = strings.Cut(unwrapped(text.String()), "The logs themselves ")
		}
		if c.want == "" && last != "" {
			t.Errorf("%s: the last section is %q", c.name, last)
		}
		for _, says := range c.says {
			if !strings.Contains(last, says) {
				t.Errorf("%s: %q is not in %q", c.name, says, last)
			}
		}
		withheld := ""
		for _, s := range r.Services {
			if why := said(s.Server.Withheld); why != "" && why != "one_sided" && why != "no_requests" {
				withheld = why
				if s.Server.SuccessRatio != nil || s.Server.IstioSuccessRatio != nil {
					t.Errorf("%s: a ratio of %s is there and withheld", c.name, s.Service)
				}
			}
		}
		if withheld != c.withheld {
			t.Errorf("%s: the pods' ratios are withheld by %q, want %q", c.name, withheld, c.withheld)
		}
	}
}

// A service that fails altogether while others answer is no filter, nor is a mesh
// in which nothing is answered at all.
func TestFailuresAreNoFilter(t *testing.T) {
	t.Parallel()
	mesh := entries(t, workload.Mesh(workload.MeshOptions{
		Options: workload.Options{Seed: 6, Duration: 150 * time.Second, Rate: 20}, Healthy: true,
	}))
	fail := func(e *entry) {
		e.set(map[string]any{
			"response_code": 503, "response_flags": "UF", "upstream_local_address": nil,
			"response_code_details": "upstream_reset_before_response_started{connection_timeout}",
		})
	}
	for name, f := range map[string]func(*entry) int{
		"one service refuses": func(e *entry) int {
			if strings.Contains(e.text0("upstream_cluster"), "payments") {
				fail(e)
			}
			return when(!strings.Contains(e.text0("requested_server_name"), "payments"))
		},
		"the mesh is down": func(e *entry) int {
			if e.server() {
				return 0
			}
			fail(e)
			return 1
		},
	} {
		r := reportOf(t, fine(t, "report", "--output=json", fileOf(t, filter(t, mesh, f))))
		for i := range r.Findings {
			if tellsOfLog(&r.Findings[i], "errors_only") {
				t.Errorf("%s: %s", name, r.Findings[i].Summary)
			}
		}
		for _, s := range r.Services {
			if s.Client.Requests > 0 && s.Client.SuccessRatio == nil {
				t.Errorf("%s: the ratio of %s is withheld: %s", name, s.Service, said(s.Client.Withheld))
			}
		}
	}
}
