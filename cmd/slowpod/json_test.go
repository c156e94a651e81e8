package main

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slowpod/slowpod/bench/workload"
)

// The keys of the JSON are what programs rely on.
func TestReportJSONHasItsKeys(t *testing.T) {
	t.Parallel()
	log := catalog(workload.CatalogOptions{Options: workload.Options{Duration: twoMinutes}})
	var v any
	text := fine(t, "report", "--output=json", log.file(t))
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	keysOf(v, "", got)
	want := strings.Fields(`
schema
lines lines.read lines.records lines.foreign lines.malformed lines.malformed_by_reason
span span.start span.end
flags[] flags[].side flags[].flag flags[].count
outcomes[] outcomes[].side outcomes[].outcome outcomes[].count
join join.client_halves join.server_halves join.joined
join.by_key join.by_key.tuple_id join.by_key.id_host join.by_key.tuple join.by_key.probable
dropped
services[] services[].service services[].subset services[].calls services[].calls.confirmed services[].state
services[].client services[].client.requests services[].client.failures services[].client.success_ratio services[].client.withheld
services[].server services[].server.requests services[].server.failures services[].server.success_ratio
services[].server.istio_success_ratio services[].server.withheld
pods[] pods[].upstream_host pods[].service pods[].subset pods[].namespace pods[].pod pods[].pod_id pods[].node
pods[].client pods[].client.requests pods[].client.timeouts pods[].client.failures
pods[].server pods[].server.requests pods[].server.disconnects pods[].server.failures
pods[].calls pods[].calls.confirmed pods[].state
findings[] findings[].id findings[].kind findings[].severity findings[].proof findings[].service findings[].subset
findings[].namespace findings[].pod findings[].node findings[].upstream_host findings[].start findings[].detected
findings[].end findings[].title findings[].summary findings[].cause
findings[].evidence findings[].evidence.requests findings[].evidence.timeouts findings[].evidence.confirmed
findings[].evidence.disconnects findings[].evidence.p50_ratio findings[].evidence.p50_cut findings[].evidence.p90_ratio
findings[].evidence.p90_cut findings[].evidence.siblings findings[].evidence.callers[] findings[].evidence.timeout_ms
findings[].evidence.failures findings[].evidence.authority findings[].evidence.hosts[] findings[].evidence.flags[]
findings[].evidence.details[] findings[].evidence.reasons[] findings[].evidence.codes[]
findings[].evidence.samples[] findings[].evidence.samples[].request_id findings[].evidence.samples[].verdict
findings[].next[] findings[].next[].why findings[].next[].command findings[].next[].changes`)
	for _, side := range []string{"client", "server"} {
		for _, key := range []string{"", ".start", ".duration_ms", ".code", ".flags", ".details"} {
			want = append(want, "findings[].evidence.samples[]."+side+key)
		}
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(got))); diff != "" {
		t.Error(diff)
	}
	stamp := regexp.MustCompile(`"(start|end|detected)": ("\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"|null)`)
	if n := strings.Count(text, `"start": `) + strings.Count(text, `"end": `) + strings.Count(text, `"detected": `); len(stamp.FindAllString(text, -1)) != n {
		t.Errorf("not all of %d times are RFC 3339 UTC with milliseconds, or null", n)
	}
}

// keysOf collects the ways to all values.
func keysOf(v any, at string, all map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		for k, w := range v {
			way := strings.TrimPrefix(at+"."+k, ".")
			if _, list := w.([]any); !list {
				all[way] = true
			}
			keysOf(w, way, all)
		}
	case []any:
		all[at+"[]"] = true
		for _, w := range v {
			keysOf(w, at+"[]", all)
		}
	}
}
