package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gotest.tools/v3/golden"

	"github.com/slowpod/slowpod/correlate"
	"github.com/slowpod/slowpod/sinks/counts"
)

func asText(t *testing.T, r *Report, o TextOptions) string {
	t.Helper()
	var b bytes.Buffer
	if err := WriteText(&b, r, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func asJSON(t *testing.T, r *Report) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := WriteJSON(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestGolden(t *testing.T) {
	for name, r := range reports() {
		t.Run(name, func(t *testing.T) {
			golden.Assert(t, asText(t, r, TextOptions{}), name+".txt.golden")
			golden.Assert(t, string(asJSON(t, r)), name+".json.golden")
		})
	}
	t.Run("colour", func(t *testing.T) {
		golden.Assert(t, asText(t, with(slowPod()), TextOptions{Colour: true, Width: 80}), "colour.txt.golden")
	})
}

// paths lists where the values of decoded JSON stand. The keys of what counts
// by name are data, not schema: "*".
func paths(v any, at string, into map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		for key, x := range v {
			p := at + "." + key
			for _, byName := range []string{".malformed_by_reason", ".dropped", ".calls"} {
				if strings.HasSuffix("."+at, byName) {
					p = at + ".*"
				}
			}
			paths(x, strings.TrimPrefix(p, "."), into)
		}
	case []any:
		for _, x := range v {
			paths(x, at+"[]", into)
		}
	default:
		into[at] = true
	}
}

// schema is every key of the JSON: what programs rely on.
var schema = strings.Fields(`
schema
lines.read lines.records lines.foreign lines.malformed lines.malformed_by_reason.*
span.start span.end
flags[].side flags[].flag flags[].count
outcomes[].side outcomes[].outcome outcomes[].count
join.client_halves join.server_halves join.joined
join.by_key.tuple_id join.by_key.id_host join.by_key.tuple join.by_key.probable
dropped.*
services[].service services[].subset
services[].client.requests services[].client.failures services[].client.success_ratio services[].client.withheld
services[].server.requests services[].server.failures services[].server.success_ratio
services[].server.istio_success_ratio services[].server.withheld
services[].calls.* services[].state
pods[].upstream_host pods[].service pods[].subset pods[].namespace pods[].pod pods[].pod_id pods[].node
pods[].client.requests pods[].client.timeouts pods[].client.failures
pods[].server.requests pods[].server.disconnects pods[].server.failures
pods[].calls.* pods[].state
findings[].id findings[].kind findings[].severity findings[].proof
findings[].service findings[].subset findings[].namespace findings[].pod findings[].node findings[].upstream_host
findings[].start findings[].detected findings[].end
findings[].title findings[].summary findings[].cause
findings[].evidence.requests findings[].evidence.timeouts findings[].evidence.confirmed findings[].evidence.disconnects
findings[].evidence.p50_ratio findings[].evidence.p50_cut findings[].evidence.p90_ratio findings[].evidence.p90_cut
findings[].evidence.siblings findings[].evidence.callers[] findings[].evidence.timeout_ms
findings[].evidence.failures findings[].evidence.authority
findings[].evidence.hosts[].value findings[].evidence.hosts[].count findings[].evidence.flags[].value findings[].evidence.flags[].count
findings[].evidence.details[].value findings[].evidence.details[].count findings[].evidence.reasons[].value findings[].evidence.reasons[].count
findings[].evidence.codes[].value findings[].evidence.codes[].count
findings[].evidence.samples[].request_id findings[].evidence.samples[].verdict
findings[].evidence.samples[].client.start findings[].evidence.samples[].client.duration_ms
findings[].evidence.samples[].client.code findings[].evidence.samples[].client.flags findings[].evidence.samples[].client.details
findings[].evidence.samples[].server.start findings[].evidence.samples[].server.duration_ms
findings[].evidence.samples[].server.code findings[].evidence.samples[].server.flags findings[].evidence.samples[].server.details
findings[].next[].why findings[].next[].command findings[].next[].changes
`)

func TestSchema(t *testing.T) {
	got := map[string]bool{}
	var v any
	if err := json.Unmarshal(asJSON(t, with(slowPod(), notListening())), &v); err != nil {
		t.Fatal(err)
	}
	paths(v, "", got)
	delete(got, "findings[].evidence.samples[].server") // null in the second sample
	want := map[string]bool{}
	for _, p := range schema {
		want[p] = true
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// Every key is always there: null where unknown, an empty array or object
// where there is nothing. No two reports differ in their keys.
func TestKeysAreAlwaysThere(t *testing.T) {
	keys := func(v any, key string) []string {
		var names []string
		m, _ := v.(map[string]any)
		if key != "" {
			a, _ := m[key].([]any)
			if len(a) == 0 {
				return nil
			}
			m, _ = a[0].(map[string]any)
		}
		for k := range m {
			names = append(names, k)
		}
		slices.Sort(names)
		return names
	}
	decode := func(r *Report) (v any) {
		if err := json.Unmarshal(asJSON(t, r), &v); err != nil {
			t.Fatal(err)
		}
		return v
	}
	full := decode(with(slowPod()))
	for name, r := range reports() {
		v := decode(r)
		for _, key := range []string{"", "services", "pods", "findings", "flags", "outcomes"} {
			if got := keys(v, key); got != nil && !slices.Equal(got, keys(full, key)) {
				t.Errorf("%s: keys of %q are %q", name, key, got)
			}
		}
		for _, array := range []string{"flags", "outcomes", "services", "pods", "findings"} {
			if _, ok := v.(map[string]any)[array].([]any); !ok {
				t.Errorf("%s: %s is no array", name, array)
			}
		}
		if _, ok := v.(map[string]any)["dropped"].(map[string]any); !ok {
			t.Errorf("%s: dropped is no object", name)
		}
	}
}

// What was counted comes out as it went in.
func TestCounts(t *testing.T) {
	r := with(slowPod())
	l := r.Lines
	if l.Read != l.Records+l.Foreign+l.Malformed {
		t.Errorf("read %d is not %d + %d + %d", l.Read, l.Records, l.Foreign, l.Malformed)
	}
	var sum uint64
	for _, n := range l.MalformedByReason {
		sum += n
	}
	if sum != l.Malformed || len(l.MalformedByReason) != 2 {
		t.Errorf("reasons %v, malformed %d", l.MalformedByReason, l.Malformed)
	}
	sum = 0
	for _, n := range r.Join.ByKey {
		sum += n
	}
	if sum != r.Join.Joined || r.Join.Joined != 231 || len(r.Join.ByKey) != 4 {
		t.Errorf("by key %v, joined %d", r.Join.ByKey, r.Join.Joined)
	}
	wantFlags := []FlagCount{{"client", "URX", 7}, {"client", "UT", 231}, {"client", "XYZ", 3}, {"server", "DC", 231}}
	if diff := cmp.Diff(wantFlags, r.Flags); diff != "" {
		t.Errorf("flags by side, name: -want +got\n%s", diff)
	}
	wantOutcomes := []OutcomeCount{
		{"client", "ok", 2983}, {"client", "timeout", 231}, {"server", "downstream_closed", 231}, {"server", "ok", 2998},
	}
	if diff := cmp.Diff(wantOutcomes, r.Outcomes); diff != "" {
		t.Errorf("outcomes by side, name: -want +got\n%s", diff)
	}
}

// A ratio is unrounded, or withheld with the reason.
func TestRatios(t *testing.T) {
	f := func(client, clientFailures, server, serverFailures, istioOK uint64, want ...any) {
		t.Helper()
		s := &correlate.Snapshot{Records: 1, Services: []correlate.ServiceStats{{Name: catalog, Total: correlate.GroupStats{
			ClientRequests: client, ClientFailures: clientFailures, ServerRequests: server, ServerFailures: serverFailures, IstioOK: istioOK,
		}}}}
		row := New(&counts.Totals{}, s).Services[0]
		value := func(ratio *float64, withheld *string) any {
			switch {
			case (ratio == nil) == (withheld == nil):
				return "both or neither"
			case ratio != nil:
				return *ratio
			}
			return *withheld
		}
		got := []any{value(row.Client.SuccessRatio, row.Client.Withheld), value(row.Server.SuccessRatio, row.Server.Withheld),
			value(row.Server.IstioSuccessRatio, row.Server.Withheld)}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("client %d/%d, server %d/%d: -want +got\n%s", clientFailures, client, serverFailures, server, diff)
		}
	}
	f(1000, 231, 1000, 231, 1000, 0.769, 0.769, 1.0)
	f(3, 1, 3, 3, 0, 2.0/3, 0.0, 0.0)
	f(1000, 231, 0, 0, 0, 0.769, "one_sided", "one_sided")
	f(0, 0, 1000, 231, 1000, "one_sided", 0.769, 1.0)
	f(0, 0, 0, 0, 0, "no_requests", "no_requests", "no_requests")
}

// The state of a pod in a report is the worst it had; each identity has a row,
// and a service with subset null comes before its subsets.
func TestRows(t *testing.T) {
	s := seen()
	s.Pods = []correlate.PodStats{
		{UpstreamHost: slow, Service: catalog, PodID: "a", State: correlate.Healthy, Worst: correlate.SlowPod},
		{UpstreamHost: slow, Service: catalog, PodID: "b", State: correlate.Healthy, Worst: correlate.Healthy},
	}
	r := New(read(), s)
	if len(r.Pods) != 2 || r.Pods[0].State != "slow_pod" || r.Pods[1].State != "healthy" {
		t.Errorf("pods %+v", r.Pods)
	}
	if p := r.Pods[0]; p.Namespace != nil || p.Pod != nil || p.Subset != nil {
		t.Errorf("names %+v: unknown is null", p)
	}
	var rows []string
	for _, svc := range r.Services {
		row, _, _ := strings.Cut(svc.Service, ".")
		if svc.Subset != nil {
			row += "/" + *svc.Subset
		}
		rows = append(rows, row)
	}
	if diff := cmp.Diff([]string{"catalog", "catalog/version-v2", "orders", "webapp"}, rows); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestTime(t *testing.T) {
	for ms, want := range map[Time]string{
		0: "1970-01-01T00:00:00.000Z", Time(at("14:01:00") + 5): "2026-11-21T14:01:00.005Z", -1: "1969-12-31T23:59:59.999Z",
	} {
		if ms.String() != want {
			t.Errorf("%d is %s, want %s", ms, ms, want)
		}
		b, err := json.Marshal(ms)
		var back Time
		if err != nil || json.Unmarshal(b, &back) != nil || back != ms {
			t.Errorf("%s comes back as %d", b, back)
		}
	}
	var back Time
	if err := json.Unmarshal([]byte(`"yesterday"`), &back); err == nil {
		t.Error("yesterday is a time")
	}
}

type broken struct{}

var errBroken = errors.New("broken pipe")

func (broken) Write([]byte) (int, error) { return 0, errBroken }

func TestWriteErrors(t *testing.T) {
	r := with(slowPod())
	if err := WriteText(broken{}, r, TextOptions{}); !errors.Is(err, errBroken) {
		t.Errorf("text: %v", err)
	}
	if err := WriteJSON(broken{}, r); !errors.Is(err, errBroken) {
		t.Errorf("JSON: %v", err)
	}
	if err := WriteFinding(broken{}, r, &r.Findings[0], TextOptions{}); !errors.Is(err, errBroken) {
		t.Errorf("finding: %v", err)
	}
}
