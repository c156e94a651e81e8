package world

import (
	"testing"
	"time"
)

// faulty is a fleet that something befalls n times.
func faulty(kind Kind, n int) Config {
	cfg := small()
	for _, o := range occurrences() {
		if o.kind == kind {
			hours := (cfg.Length - cfg.WarmUp).Hours()
			cfg.Inject = map[Kind]float64{kind: float64(n) / (o.perHour * hours * float64(cfg.Services) / 200)}
		}
	}
	return cfg
}

// The service times of what is so many times slower are so many times longer.
func TestFactors(t *testing.T) {
	pods := faulty(Slow2, 4)
	pods.MostPods, pods.Rate = 4, 1
	for _, kind := range []Kind{Slow3, Slow5, Slow10} {
		pods.Inject[kind] = faulty(kind, 4).Inject[kind]
	}
	for _, cfg := range []Config{pods, faulty(SlowNode, 2), faulty(SlowService, 3), faulty(MildNoise, 3)} {
		l := simulate(t, cfg, idling)
		for kind := range cfg.Inject {
			var ratios []float64
			l.stretched(kind, func(e *Episode, _ *seen, times float64) { ratios = append(ratios, times/e.Factor) })
			within(t, string(kind)+": requests", float64(len(ratios)), 60, 1e6)
			within(t, string(kind)+": median of slowness by factor", median(ratios), 0.85, 1.15)
		}
	}
}

func TestLatency(t *testing.T) {
	l := simulate(t, faulty(Latency, 8), idling)
	mean := make(map[string]float64)
	for _, s := range l.fleet.services {
		mean[s.fqdn] = s.mean() / float64(millisecond)
	}
	var shares []float64
	l.stretched(Latency, func(e *Episode, s *seen, _ float64) {
		shares = append(shares, (s.duration()-l.usual[s.service+s.class])/((e.Factor-1)*mean[s.service]))
	})
	within(t, "requests", float64(len(shares)), 100, 1e6)
	within(t, "median of what is on top", median(shares), 0.9, 1.1)
}

func TestPartial(t *testing.T) {
	l := simulate(t, faulty(Partial, 8), idling)
	slow, all, want := 0, 0, 0.0
	l.stretched(Partial, func(e *Episode, _ *seen, times float64) {
		all++
		want += e.Share
		if times > 5 {
			slow++
		}
	})
	within(t, "requests", float64(all), 100, 1e6)
	within(t, "slow requests by those expected", float64(slow)/want, 0.7, 1.25)
}

func TestGCThrash(t *testing.T) {
	l := simulate(t, faulty(GCThrash, 8), idling)
	slow, all := 0, 0
	l.stretched(GCThrash, func(_ *Episode, s *seen, _ float64) {
		all++
		if s.duration() > l.usual[s.service+s.class]*4+150 {
			slow++
		}
	})
	within(t, "requests", float64(all), 100, 1e6)
	within(t, "share of requests in a pause", float64(slow)/float64(all), 0.08, 0.4)
}

func TestHang(t *testing.T) {
	l := simulate(t, faulty(Hang, 8), idling)
	answered := 0
	l.during(Hang, false, func(e *Episode, s *seen) {
		if s.code != 0 && s.end < e.End-1 {
			answered++
		}
	})
	n, requests, timeouts := l.episodes(Hang)
	t.Logf("%d pods, %d requests, %d timeouts", n, requests, timeouts)
	if answered > 0 {
		t.Errorf("%d answers", answered)
	}
	within(t, "share of timeouts", float64(timeouts)/float64(requests), 0.2, 1)
}

func TestRamp(t *testing.T) {
	l := simulate(t, faulty(Ramp, 8), idling)
	var first, last []float64
	l.stretched(Ramp, func(e *Episode, s *seen, times float64) {
		switch part := float64(s.start-e.Start) / float64(e.End-e.Start); {
		case part < 0.2:
			first = append(first, times)
		case part > 0.8:
			last = append(last, times/e.Factor)
		}
	})
	within(t, "slowness in the beginning", median(first), 1, 2.5)
	within(t, "slowness in the end by factor", median(last), 0.7, 1.2)
}

func TestSlowFromStart(t *testing.T) {
	cfg := small()
	cfg.Services, cfg.Length, cfg.SlowFromStart = 20, time.Minute, 0.4
	l := simulate(t, cfg)
	services := make(map[string]bool)
	for _, e := range l.truth.Episodes {
		services[e.Service] = true
		if !e.Severe() || e.Start >= l.truth.Begin || e.End != l.truth.End {
			t.Errorf("%+v", e)
		}
	}
	if len(services) != 8 || len(l.truth.Episodes) != 8 {
		t.Errorf("%d episodes in %d services", len(l.truth.Episodes), len(services))
	}
}

// All slow pods together are as many as said, and none has two faults at once.
func TestSlowPodsAreCounted(t *testing.T) {
	cfg := Default()
	cfg.Inject = Everything()
	f, err := prepare(cfg)
	if err != nil {
		t.Fatal(err)
	}
	slow, last := 0, make(map[string]Episode)
	for _, e := range f.truth(0).Episodes {
		if !e.SlowPod() {
			continue
		}
		if e.Kind != SlowNode {
			slow++
		}
		if before, ok := last[e.Pod]; ok && e.Start < before.End && e.Kind != SlowNode && before.Kind != SlowNode {
			t.Errorf("%+v\nand %+v", before, e)
		}
		last[e.Pod] = e
		if e.End <= e.Start || e.Pod == "" || e.Host == "" || e.PodID == "" || e.Node == "" {
			t.Errorf("%+v", e)
		}
	}
	within(t, "slow pods", float64(slow), 48, 53) // 36 per hour, 80 minutes, rounded up by kind
}
