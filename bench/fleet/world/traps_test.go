package world

import "testing"

func TestPacketLoss(t *testing.T) {
	l := simulate(t, faulty(PacketLoss, 8), idling)
	var server []float64
	l.stretched(PacketLoss, func(_ *Episode, s *seen, times float64) {
		if !s.cut() {
			server = append(server, times)
		}
	})
	within(t, "server durations by the usual", median(server), 0.9, 1.1)
	reached := make(map[string]*seen)
	for i := range l.lines {
		if s := &l.lines[i]; !s.client {
			reached[s.id+s.host] = s
		}
	}
	late, timeouts, lost, fast, all := 0, 0, 0, 0, 0
	l.during(PacketLoss, true, func(_ *Episode, c *seen) {
		if c.id == "" {
			return
		}
		all++
		s := reached[c.id+c.host]
		switch {
		case hasFlag(c.flags, "UT"):
			timeouts++
			if s == nil {
				lost++
			} else if !s.cut() {
				fast++
			}
		case s != nil && c.duration() > s.duration()+190:
			late++
		}
	})
	t.Logf("of %d calls %d late, %d timed out, %d of them without a server line, %d with a fast answer", all, late, timeouts, lost, fast)
	within(t, "share of calls that suffer", float64(late+timeouts)/float64(all), 0.25, 0.75)
	if late == 0 || lost == 0 || fast == 0 {
		t.Error("one way to suffer is missing")
	}
}

func TestHangUps(t *testing.T) {
	l := simulate(t, faulty(HangUps, 8))
	server := make(map[string]*seen)
	for i := range l.lines {
		if s := &l.lines[i]; !s.client {
			server[s.id] = s
		}
	}
	left, all, both := 0, 0, 0
	l.during(HangUps, true, func(e *Episode, c *seen) {
		if c.writer != e.Caller || c.id == "" {
			return
		}
		all++
		if c.cut() {
			left++
			if s := server[c.id]; s != nil && s.cut() && s.flags == c.flags {
				both++
			}
		}
	})
	within(t, "share of calls given up", float64(left)/float64(all), 0.1, 0.7)
	within(t, "share of those that both sides write so", float64(both)/float64(left), 0.9, 1)
}

func TestSlowCaller(t *testing.T) {
	l := simulate(t, faulty(SlowCaller, 8), idling)
	var server, client []float64
	began := make(map[string]*seen)
	l.during(SlowCaller, true, func(e *Episode, c *seen) {
		if c.writer == e.Caller && c.id != "" && !c.cut() && c.flags == "" {
			began[c.id] = c
		}
	})
	for i := range l.lines {
		s := &l.lines[i]
		if c := began[s.id]; !s.client && c != nil && s.code == 200 && s.class == "class0" {
			server = append(server, (s.duration()+0.5)/(l.usual[s.service+s.class]*l.factors[s.writer]+0.5))
			client = append(client, c.duration()-s.duration())
		}
	}
	within(t, "server durations by the usual", median(server), 0.85, 1.15)
	within(t, "ms that the client saw more", median(client), 50, 2000)
}

func TestPause(t *testing.T) {
	l := simulate(t, faulty(Pause, 100))
	answers, hit := 0, make(map[*Episode]bool)
	l.during(Pause, false, func(e *Episode, s *seen) {
		hit[e] = true
		if !s.cut() && s.end > e.Start+1 && s.end < e.End-1 {
			answers++
		}
	})
	if answers > 0 {
		t.Errorf("%d answers of pods that stand still", answers)
	}
	within(t, "pauses that hit a request", float64(len(hit)), 10, 1e6)
}

func TestSurge(t *testing.T) {
	l := simulate(t, faulty(Surge, 4))
	rate := make(map[string]float64) // as planned
	for _, s := range l.fleet.services {
		rate[s.fqdn] = s.traffic(l.fleet.begin)
	}
	got, want := 0.0, 0.0
	for _, e := range l.truth.Episodes {
		got += float64(e.Requests)
		want += rate[e.Service] * e.Factor * float64(e.End-e.Start) / 1000
	}
	within(t, "requests by those expected", got/want, 0.9, 1.1)
}

func TestLogOutage(t *testing.T) {
	l := simulate(t, faulty(LogOutage, 3))
	outages := 0
	for _, e := range l.truth.Episodes {
		clients, outside := 0, 0
		for i := range l.lines {
			s := &l.lines[i]
			if s.node != e.Node {
				continue
			}
			// Two milliseconds for what the whole ones hide.
			switch in := e.Start+2 < s.end && s.end < e.End-2; {
			case in && s.client:
				clients++
			case in:
				t.Fatalf("a server line of %s, %d ms into its outage", e.Node, s.end-e.Start)
			case !s.client:
				outside++
			}
		}
		if clients > 0 && outside > 0 {
			outages++
		}
		if e.Requests == 0 {
			t.Logf("nobody asked %s", e.Node)
		}
	}
	within(t, "outages with client lines", float64(outages), 2, 100)
}

func TestDeploy(t *testing.T) {
	cfg := faulty(Deploy, 12)
	cfg.Services = 12
	l := simulate(t, cfg)
	byHost, names, pods := make(map[string][]PodLife), make(map[string]PodLife), 0
	for _, p := range l.truth.Pods {
		if names[p.Pod].Pod != "" {
			t.Errorf("two pods are called %s", p.Pod)
		}
		names[p.Pod] = p
		if p.Born > l.truth.Begin {
			pods++
		}
		byHost[p.Host] = append(byHost[p.Host], p)
	}
	within(t, "new pods", float64(pods), 30, 1000)
	again, strangers := 0, 0
	for host, lives := range byHost {
		for i := 1; i < len(lives); i++ {
			again++
			a, b := lives[i-1], lives[i]
			if a.Service != b.Service {
				strangers++
			}
			if a.Born > b.Born {
				a, b = b, a
			}
			if a.Died == 0 || a.Died >= b.Born {
				t.Errorf("%s is of %s until %d and of %s from %d", host, a.Pod, a.Died, b.Pod, b.Born)
			}
		}
	}
	within(t, "addresses that came back", float64(again), 10, 1000)
	within(t, "to another service", float64(strangers), 1, 1000)

	refusals := 0
	var cold []float64
	for i := range l.lines {
		s := &l.lines[i]
		if hasFlag(s.flags, "UF") {
			refusals++
			if s.local != "" || s.code != 503 {
				t.Errorf("%+v", *s)
			}
		}
		p := names[s.writer]
		if s.client {
			continue
		}
		if s.start < p.Born || p.Died > 0 && s.end > p.Died+1 {
			t.Errorf("%s lived from %d to %d and wrote of %d to %d", p.Pod, p.Born, p.Died, s.start, s.end)
		}
		if s.class == "class0" && p.Born > l.truth.Begin && s.start < p.Born+30e3 && l.usual[s.service+s.class] >= 5 {
			cold = append(cold, s.duration()/l.usual[s.service+s.class])
		}
	}
	within(t, "refused calls", float64(refusals), 5, 1e5)
	within(t, "slowness in the first half minute", median(cold), 1.8, 5)
}
