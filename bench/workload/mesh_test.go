package workload_test

import (
	"testing"
	"time"

	"github.com/slowpod/slowpod/bench/workload"
)

func TestMeshHasOneSlowPodAndNoiseEverywhere(t *testing.T) {
	g := workload.Mesh(workload.MeshOptions{Options: workload.Options{Duration: 6 * time.Minute}})
	entries, truth := read(t, g), g.Truth()
	if len(truth.Faults) != 1 || truth.Faults[0].Service != "orders" {
		t.Fatalf("%+v", truth.Faults)
	}
	f := truth.Faults[0]
	if f.From.Sub(truth.Start) != 2*time.Minute || f.To.Sub(truth.Start) != 4*time.Minute {
		t.Errorf("the fault is from %v to %v", f.From, f.To)
	}
	perSecond := float64(truth.Client.Requests) / (6 * 60)
	if perSecond < 50 || perSecond > 120 {
		t.Errorf("%.0f requests/s in all", perSecond)
	}
	share := func(n, of int) float64 { return float64(n) / float64(of) }
	var all, errors, missing, cancels, timeouts, grpc int
	for _, e := range entries {
		if !e.client() {
			continue
		}
		all++
		switch {
		case e.has("UT"):
			in := !e.StartTime.Before(f.From.Add(-time.Second)) && e.StartTime.Before(f.To.Add(time.Second))
			if in && *e.UpstreamHost == f.UpstreamHost {
				continue
			}
			timeouts++
			if e.ResponseCode == 200 {
				grpc++
			}
		case e.has("DC"), e.has("DR"):
			cancels++
		case e.ResponseCode == 500:
			errors++
		case e.ResponseCode == 404:
			missing++
		}
	}
	for name, got := range map[string]float64{"500": share(errors, all), "404": share(missing, all)} {
		if got < 0.001 || got > 0.005 {
			t.Errorf("%.4f of all are %s", got, name)
		}
	}
	if got := share(cancels, all); got < 0.0005 || got > 0.0015 {
		t.Errorf("%.4f of all callers leave", got)
	}
	if got := share(timeouts, all); got < 0.0002 || got > 0.001 || grpc == 0 {
		t.Errorf("%.5f time out elsewhere, %d of them over gRPC", got, grpc)
	}
	if truth.Entry.SuccessRatio < 0.97 || truth.Entry.SuccessRatio > 0.999 {
		t.Errorf("visitors see %.4f succeed", truth.Entry.SuccessRatio)
	}
	for _, p := range truth.Pods {
		if slow := p.UpstreamHost == f.UpstreamHost; slow != (share(p.Timeouts, p.Requests) > 0.05) {
			t.Errorf("%+v", p)
		}
	}
}

func TestMeshAnyServiceCanBeTheSlowOne(t *testing.T) {
	for _, name := range workload.MeshServices() {
		g := workload.Mesh(workload.MeshOptions{
			Options: workload.Options{Duration: 30 * time.Second}, Slow: name, To: 30 * time.Second,
		})
		entries, truth := read(t, g), g.Truth()
		f := truth.Faults[0]
		if f.Service != name {
			t.Fatalf("%+v", f)
		}
		var code, pairs int
		for _, e := range entries {
			switch {
			case e.client() && e.has("UT") && *e.UpstreamHost == f.UpstreamHost:
				code = e.ResponseCode
			case !e.client() && (e.has("DC") || e.has("DR")) && *e.UpstreamHost == f.UpstreamHost:
				pairs++
			}
		}
		want := 504
		if name == "payments" || name == "inventory" {
			want = 200 // gRPC
		}
		if code != want || pairs == 0 {
			t.Errorf("%s: the callers' code is %d, not %d, against %d disconnects", name, code, want, pairs)
		}
	}
}

func TestTruthCountsTheLines(t *testing.T) {
	for _, s := range scenarios() {
		g := s.make(workload.Options{Seed: 6, Lines: 4000, Duration: time.Hour, Rate: 100})
		entries, truth := read(t, g), g.Truth()
		type pod struct{ requests, timeouts, served, disconnects int }
		pods := map[string]*pod{}
		for _, p := range truth.Pods {
			pods[p.UpstreamHost] = &pod{p.Requests, p.Timeouts, p.Served, p.Disconnects}
		}
		flags := map[string]map[string]int{"client": {}, "server": {}}
		for _, e := range entries {
			for _, f := range []string{"-", "UT", "DC", "DR", "UF", "URX", "UH", "NR", "UC"} {
				if e.has(f) {
					flags[e.side.String()][f]++
				}
			}
			if e.UpstreamHost == nil {
				continue
			}
			switch p := pods[*e.UpstreamHost]; {
			case e.client():
				p.requests--
				if e.has("UT") {
					p.timeouts--
				}
			default:
				p.served--
				if e.has("DC") || e.has("DR") {
					p.disconnects--
				}
			}
		}
		for host, left := range pods {
			if *left != (pod{}) {
				t.Errorf("%s: the truth of %s has more than the lines by %+v", s.name, host, *left)
			}
		}
		for side, want := range flags {
			if got := truth.Records[side].Flags; mustJSON(t, got) != mustJSON(t, want) {
				t.Errorf("%s: %s flags %v in the truth, %v in the lines", s.name, side, got, want)
			}
		}
	}
}
