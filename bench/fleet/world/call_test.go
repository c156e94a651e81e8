package world

import (
	"math/rand/v2"
	"testing"
)

// A pod that melts does not melt its sibling: a retry takes a worker there when
// it arrives, and what was given up while it waited is dropped.
func TestSiblingOfASlowPodStaysFast(t *testing.T) {
	cfg := faulty(Slow10, 8)
	cfg.LeastPods, cfg.MostPods, cfg.Rate = 2, 2, 1
	l := simulate(t, cfg)
	slow := make(map[string]*Episode) // by service
	for i := range l.truth.Episodes {
		e := &l.truth.Episodes[i]
		slow[e.Service] = e
	}
	var ratios []float64
	for i := range l.lines {
		s := &l.lines[i]
		e := slow[s.service]
		if e == nil || s.client || l.afflicted(s) || s.start < e.Start || s.start > e.End || s.class != "class0" {
			continue
		}
		ratios = append(ratios, (s.duration()+0.5)/(l.usual[s.service+s.class]*l.factors[s.writer]+0.5))
	}
	within(t, "requests", float64(len(ratios)), 100, 1e6)
	within(t, "slowness of the sibling", median(ratios), 0.9, 1.15)
}

// What is open when a pod dies is UC for the caller; the pod writes nothing.
func TestPodDies(t *testing.T) {
	f, err := prepare(small())
	if err != nil {
		t.Fatal(err)
	}
	s := f.services[0]
	for _, other := range f.services {
		if other.rate > s.rate {
			s = other
		}
	}
	for _, c := range s.callers {
		c.sidecar = true
	}
	p := s.pods[0]
	s.timeout, s.perTry, s.retries = 0, 0, 0
	p.leaves, p.dies = f.begin+minute, f.begin+2*minute
	s.plan = []change{
		{at: f.begin + minute/2, what: stands, pod: p, length: 10 * minute},
		{at: p.leaves, what: leaves, pod: p}, {at: p.dies, what: dies, pod: p},
	}
	cut := 0
	for now := f.begin; now < f.end; now += second {
		s.run(now, now+second)
		f.out.arrived(func(_ int64, e *entry) {
			switch {
			case e.pod != p:
			case e.client && e.ending == broken:
				cut++
			case !e.client && e.ending == ended && e.start > (f.begin+minute/2)/millisecond+50:
				t.Fatalf("a dead pod wrote of %d to %d", e.start, e.duration)
			}
		})
	}
	within(t, "broken calls", float64(cut), 1, 1000)
	if !s.quiet() && len(s.live) != len(s.pods)-1 {
		t.Error("something is left of it")
	}
	for _, c := range s.callers {
		if c.open[p.index] != 0 {
			t.Errorf("%s counts %d open requests", c.name, c.open[p.index])
		}
	}
}

func TestEventsComeInOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var h events
	last, pushed := int64(0), 0
	for range 10000 {
		if rng.IntN(2) == 0 || len(h) == 0 {
			h.push(event{at: last + rng.Int64N(1000)})
			pushed++
			continue
		}
		e := h.pop()
		pushed--
		if e.at < last {
			t.Fatalf("%d after %d", e.at, last)
		}
		last = e.at
	}
	if len(h) != pushed {
		t.Errorf("%d events of %d", len(h), pushed)
	}
}

func TestQueue(t *testing.T) {
	var q queue
	next, last := uint32(0), uint32(0)
	for round := range 1000 {
		for range round % 7 {
			q.push(ticket{call: next})
			next++
		}
		for range round % 5 {
			if k, ok := q.pop(); ok {
				if k.call != last {
					t.Fatalf("%d after %d", k.call, last)
				}
				last++
			}
		}
	}
	if len(q.tickets)-q.head != int(next-last) || cap(q.tickets) > 4000 {
		t.Errorf("%d tickets in room for %d, not %d", len(q.tickets)-q.head, cap(q.tickets), next-last)
	}
}

func TestHex8(t *testing.T) {
	for v, want := range map[uint32]string{0: "00000000", 0x0123abcd: "0123abcd", 0x9f8e7d6c: "9f8e7d6c", 0xffffffff: "ffffffff"} {
		if got := hex8(v); string(got[:]) != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
