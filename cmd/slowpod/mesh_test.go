package main

import (
	"strings"
	"testing"

	"github.com/slowpod/slowpod/bench/workload"
	"github.com/slowpod/slowpod/sinks/report"
)

func TestReportOfAHealthyMesh(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		log := catalog(workload.CatalogOptions{Options: workload.Options{Seed: seed, Rate: 10}, Healthy: true})
		name := log.file(t)
		if r := reportOf(t, fine(t, "report", "--output=json", name)); len(r.Findings) != 0 {
			t.Errorf("findings in a healthy mesh: %+v", r.Findings)
		}
		if text := fine(t, "report", name); !strings.HasPrefix(text, "No slow pod found.") {
			t.Errorf("the text begins with %.100s", text)
		}
	}
}

func TestReportTellsWhenAPodHasRecovered(t *testing.T) {
	t.Parallel()
	log := catalog(workload.CatalogOptions{From: twoMinutes, To: 2 * twoMinutes, Options: workload.Options{Duration: 4 * twoMinutes}})
	r := reportOf(t, fine(t, "report", "--output=json", log.file(t)))
	if len(r.Findings) != 1 || r.Findings[0].End == nil {
		t.Fatalf("findings %+v", r.Findings)
	}
	f, slow := r.Findings[0], log.slow()
	if said(f.UpstreamHost) != slow.UpstreamHost {
		t.Errorf("found %s, slow was %s", said(f.UpstreamHost), slow.UpstreamHost)
	}
	near := func(what string, got report.Time, want int64) {
		if d := int64(got) - want; d < -15_000 || d > 15_000 {
			t.Errorf("the %s is off by %d ms", what, d)
		}
	}
	near("start", f.Start, slow.From.UnixMilli())
	near("end", *f.End, slow.To.UnixMilli())
}
