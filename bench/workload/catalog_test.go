package workload_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/slowpod/slowpod/bench/workload"
)

func TestCatalogCallersSee77Percent(t *testing.T) {
	for _, pods := range []int{2, 3} {
		for _, rate := range []float64{2, 5, 10} {
			for seed := range uint64(4) {
				g := workload.Catalog(workload.CatalogOptions{
					Options: workload.Options{Seed: seed, Rate: rate}, Pods: pods,
				})
				var all, failed int
				for _, e := range read(t, g) {
					if e.client() {
						all++
						if e.ResponseCode >= 500 {
							failed++
						}
					}
				}
				got := float64(all-failed) / float64(all)
				if math.Abs(got-0.77) > 0.01 {
					t.Errorf("%d pods, %g/s, seed %d: success %.4f", pods, rate, seed, got)
				}
				if truth := g.Truth().Client; truth.Requests != all || truth.Failures != failed || truth.SuccessRatio != got {
					t.Errorf("%d pods, %g/s, seed %d: truth says %+v, the lines %d of %d", pods, rate, seed, truth, failed, all)
				}
			}
		}
	}
}

func TestCatalogEveryTimeoutHasItsDisconnectOnTheSlowPod(t *testing.T) {
	slowest := map[string]bool{}
	for seed := range uint64(4) {
		g := workload.Catalog(workload.CatalogOptions{Options: workload.Options{Seed: seed}})
		entries, truth := read(t, g), g.Truth()
		slow := truth.Faults[0].UpstreamHost
		slowest[slow] = true
		disconnects := map[string][]entry{}
		var belowFiveHundred, served int
		for _, e := range entries {
			if e.client() {
				if !e.has("UT") && e.ResponseFlags != "-" {
					t.Fatalf("seed %d: the gateway logs %s", seed, e.ResponseFlags)
				}
				continue
			}
			served++
			if e.ResponseCode < 500 {
				belowFiveHundred++
			}
			switch {
			case e.has("DC"):
				disconnects[e.RequestID] = append(disconnects[e.RequestID], e)
				if e.DownstreamLocalAddress != slow || e.ResponseCode != 0 || e.Protocol != "HTTP/1.1" ||
					*e.ResponseCodeDetails != "downstream_remote_disconnect" || e.UpstreamServiceTime != nil ||
					e.UpstreamLocalAddress == nil || (*e.UpstreamLocalAddress)[:10] != "127.0.0.6:" {
					t.Fatalf("seed %d: %+v", seed, e)
				}
			case e.ResponseFlags != "-" || e.ResponseCode != 200:
				t.Fatalf("seed %d: a server logs %d %s", seed, e.ResponseCode, e.ResponseFlags)
			}
		}
		if belowFiveHundred != served {
			t.Errorf("seed %d: by Istio's count %d of %d succeed at the server", seed, belowFiveHundred, served)
		}

		var timeouts int
		for _, e := range entries {
			if !e.has("UT") {
				continue
			}
			if *e.UpstreamHost != slow || e.ResponseCode != 504 || *e.BytesSent != 24 ||
				*e.ResponseCodeDetails != "response_timeout" || e.Duration < 500 || e.Duration > 503 {
				t.Fatalf("seed %d: %+v", seed, e)
			}
			if e.client() {
				want := truth.Timeouts[timeouts]
				got := workload.Timeout{RequestID: e.RequestID, UpstreamHost: *e.UpstreamHost, Start: e.StartTime, DurationMs: e.Duration}
				if got != want {
					t.Fatalf("seed %d: truth has %+v, the log %+v", seed, want, got)
				}
			}
			timeouts++
			pair := disconnects[e.RequestID]
			if len(pair) != 1 || pair[0].DownstreamLocalAddress != *e.UpstreamHost ||
				max(pair[0].ends()-e.ends(), e.ends()-pair[0].ends()) > 64 {
				t.Fatalf("seed %d: %+v is answered by %+v", seed, e, pair)
			}
		}
		if timeouts == 0 || timeouts != len(disconnects) || timeouts != len(truth.Timeouts) {
			t.Errorf("seed %d: %d UT, %d DC, %d in the truth", seed, timeouts, len(disconnects), len(truth.Timeouts))
		}
		for _, p := range truth.Pods {
			if p.UpstreamHost != slow && (p.Timeouts != 0 || p.Disconnects != 0) {
				t.Errorf("seed %d: %+v is not the slow pod", seed, p)
			}
			if p.UpstreamHost == slow && (p.Timeouts != timeouts || p.Disconnects != timeouts) {
				t.Errorf("seed %d: %+v for %d timeouts", seed, p, timeouts)
			}
		}
	}
	if len(slowest) < 2 {
		t.Errorf("which pod is slow does not change with the seed: %v", slowest)
	}
}

func TestCatalogSplitsAsItsRouteSays(t *testing.T) {
	count := map[string]int{}
	all := 0
	for _, e := range read(t, workload.Catalog(workload.CatalogOptions{})) {
		if e.client() {
			count[*e.UpstreamCluster]++
			all++
			continue
		}
		if sni := fmt.Sprintf("outbound_.80_.%s_.catalog.istioinaction.svc.cluster.local", e.pod.Subset); *e.RequestedServerName != sni || *e.UpstreamCluster != "inbound|3000||" {
			t.Fatalf("%+v", e)
		}
	}
	v1 := count["outbound|80|version-v1|catalog.istioinaction.svc.cluster.local"]
	v2 := count["outbound|80|version-v2|catalog.istioinaction.svc.cluster.local"]
	if v1+v2 != all || math.Abs(float64(v2)/float64(all)-0.8) > 0.01 {
		t.Errorf("%v", count)
	}
}

func TestCatalogFaultLastsAsLongAsToldTo(t *testing.T) {
	g := workload.Catalog(workload.CatalogOptions{From: time.Minute, To: 2 * time.Minute})
	f := g.Truth().Faults[0]
	if f.To.Sub(f.From) != time.Minute || f.From.Sub(g.Truth().Start) != time.Minute {
		t.Errorf("%+v", f)
	}
	for _, e := range read(t, g) {
		if e.has("UT") && (e.StartTime.Before(f.From.Add(-time.Second)) || e.StartTime.After(f.To.Add(time.Second))) {
			t.Errorf("a timeout at %v, outside of %v to %v", e.StartTime, f.From, f.To)
		}
	}
	healthy := workload.Catalog(workload.CatalogOptions{Healthy: true})
	read(t, healthy)
	if truth := healthy.Truth(); len(truth.Faults) != 0 || truth.Client.Failures != 0 {
		t.Errorf("healthy, yet %+v and %+v", truth.Faults, truth.Client)
	}
}

func TestCatalogUniformlySlow(t *testing.T) {
	g := workload.Catalog(workload.CatalogOptions{Uniform: true})
	var slow, quick int
	host := g.Truth().Faults[0].UpstreamHost
	for _, e := range read(t, g) {
		if !e.client() && e.DownstreamLocalAddress == host {
			if e.Duration < 50 {
				quick++
			}
			slow++
		}
	}
	if truth := g.Truth(); slow == 0 || quick != 0 || truth.Client.SuccessRatio < 0.80 || truth.Client.SuccessRatio > 0.92 {
		t.Errorf("%d of %d requests of the slow pod are quick; callers see %+v", quick, slow, truth.Client)
	}
}
