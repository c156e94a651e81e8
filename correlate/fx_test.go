package correlate_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	fleet "github.com/slowpod/slowpod/bench/fleet/world"
	"github.com/slowpod/slowpod/classify"
	"github.com/slowpod/slowpod/correlate"
	"github.com/slowpod/slowpod/ingest/accesslog"
)

func TestFX2(t *testing.T) {
	all := map[fleet.Kind]float64{
		fleet.Slow3: 6, fleet.Slow10: 6, fleet.Hang: 6, fleet.Partial: 6, fleet.SlowNode: 10, fleet.PacketLoss: 4,
		fleet.HangUps: 8, fleet.Deploy: 8, fleet.SlowService: 3, fleet.Pause: 1, fleet.LogOutage: 3,
	}
	for _, without := range []fleet.Kind{""} {
		for seed := range uint64(3) {
			cfg := fleet.Config{Seed: seed, Length: 20 * time.Minute, WarmUp: 3 * time.Minute, Services: 15, LeastPods: 3, MostPods: 8, Rate: 0.25, Inject: maps.Clone(all)}
			delete(cfg.Inject, without)
			l := fleetLogOf(t, cfg, true)
			want := l.read(t, l.inOrder())
			for s := range uint64(3) {
				got := l.read(t, l.within(s, 9000))
				nf, np := 0, 0
				if len(got.Findings) != len(want.Findings) {
					nf = 1000
				} else {
					for i := range got.Findings {
						if !gocmp.Equal(want.Findings[i], got.Findings[i], cmpopts.IgnoreUnexported(correlate.Finding{})) {
							nf++
						}
					}
				}
				for i := range got.Pods {
					if !gocmp.Equal(want.Pods[i], got.Pods[i]) {
						np++
					}
				}
				t.Log("without", without, "seed", seed, "shuffle", s, "findings differ", nf, "of", len(want.Findings), "pods differ", np, "of", len(want.Pods))
			}
		}
	}
}

func fleetLogOf(t testing.TB, cfg fleet.Config, unique bool) *fleetLog {
	type line struct {
		end   int64
		bytes []byte
	}
	var lines []line
	var r correlate.Record
	truth, err := fleet.Run(context.Background(), cfg, func(int64, *accesslog.Record) {})
	if err != nil {
		t.Fatal(err)
	}
	byHost := map[string][]fleet.PodLife{}
	for _, p := range truth.Pods {
		byHost[p.Host] = append(byHost[p.Host], p)
	}
	reused := 0
	for h := range byHost {
		slices.SortFunc(byHost[h], func(a, b fleet.PodLife) int { return cmp.Compare(a.Born, b.Born) })
		if len(byHost[h]) > 1 {
			reused++
		}
	}
	t.Log("reused", reused, "of", len(byHost))
	_, err = fleet.Run(context.Background(), cfg, func(_ int64, a *accesslog.Record) {
		r.From(a, classify.Classify(a), 0, int64(len(lines)+1))
		if unique {
			k := 0
			for i, p := range byHost[string(r.UpstreamHost)] {
				if r.Side == classify.Server && p.PodID == string(r.PodID) || r.Side == classify.Client && p.Born <= r.End() {
					k = i
				}
			}
			r.UpstreamHost = fmt.Appendf(nil, "%s%d", r.UpstreamHost, k)
		}
		lines = append(lines, line{r.End(), r.AppendTo(nil)})
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortStableFunc(lines, func(a, b line) int { return cmp.Compare(a.end, b.end) })
	var l fleetLog
	for i := range lines {
		l.ends, l.bytes = append(l.ends, lines[i].end), append(l.bytes, lines[i].bytes)
	}
	_ = fmt.Sprint
	return &l
}
