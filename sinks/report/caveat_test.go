package report

import (
	"testing"

	"github.com/slowpod/slowpod/correlate/faults"
)

// Records that tell of no pod say why they do not: a waypoint's are for both
// sides, others lack what the format leaves out.
func TestCaveats(t *testing.T) {
	const (
		waypoint = " records are a waypoint’s, which logs a request once, for both sides: they are counted, and tell of no pod."
		nameless = " name no cluster, so nothing tells who wrote them and which pod they speak of; they carry 2 flags. Add %UPSTREAM_CLUSTER_RAW% and the addresses to the log format, as Istio’s has them."
	)
	f := func(waypoints, others uint64, want ...string) {
		t.Helper()
		r := &Report{Flags: []FlagCount{{Count: 2}}}
		r.Lines.Records = waypoints + others
		if waypoints > 0 {
			r.Outcomes = append(r.Outcomes, OutcomeCount{Side: "waypoint", Outcome: "ok", Count: waypoints})
		}
		if others > 0 {
			r.Outcomes = append(r.Outcomes, OutcomeCount{Side: "unknown", Outcome: "ok", Count: others})
		}
		got := Caveats(r)
		if len(got) != len(want) {
			t.Fatalf("%d of a waypoint, %d others: %q", waypoints, others, got)
		}
		for i := range got {
			if got[i] != want[i] {
				t.Errorf("%d of a waypoint, %d others:\n%s, want\n%s", waypoints, others, got[i], want[i])
			}
		}
	}
	f(0, 5, "5 records"+nameless)
	f(5, 0, "5 of 5"+waypoint)
	f(5, 2, "5 of 7"+waypoint, "2 records"+nameless)
}

// Where not one request went well, the log may be one of errors only.
func TestFailing(t *testing.T) {
	f := func(requests, failures uint64, want string) {
		t.Helper()
		s := &Service{Service: "a.b.svc.cluster.local"}
		s.Client.Requests, s.Client.Failures = requests, failures
		p := Pod{Service: s.Service, UpstreamHost: "10.0.0.1:80"}
		p.Client.Requests, p.Client.Failures, p.Client.Timeouts = requests, failures, failures
		if got := failing(&Report{Pods: []Pod{p}}, s); got != want {
			t.Errorf("%d of %d:\n%s, want\n%s", failures, requests, got, want)
		}
	}
	f(100, 99, "99 of 100 requests to a failed for their callers, all by timeout; all 99 at 10.0.0.1:80.")
	f(100, 100, "100 of 100 requests to a failed for their callers, all by timeout; all 100 at 10.0.0.1:80."+
		" Either it serves nobody, or these records leave out what went well: then ratios of success say nothing.")
}

// What is quoted of the records of a fault is said of all of them or of most;
// where none is in the majority, nothing is.
func TestSeenAs(t *testing.T) {
	f := func(codes, flags faults.Counts, want string) {
		t.Helper()
		if got := seenAs(&faults.Evidence{Codes: codes, Flags: flags}); got != want {
			t.Errorf("%v %v: %q, want %q", codes, flags, got, want)
		}
	}
	f(nil, nil, "")
	f(faults.Counts{{Value: "503", N: 4}}, faults.Counts{{Value: "UH", N: 4}}, ", all with 503 UH")
	f(faults.Counts{{Value: "503", N: 4}}, nil, ", all with 503")
	f(faults.Counts{{Value: "503", N: 3}, {Value: "504", N: 1}}, faults.Counts{{Value: "UF", N: 4}}, ", most with 503 UF")
	f(faults.Counts{{Value: "503", N: 2}, {Value: "504", N: 2}}, faults.Counts{{Value: "UF", N: 4}}, ", all with UF")
	f(faults.Counts{{Value: "503", N: 2}, {Value: "504", N: 2}}, nil, "")
}
