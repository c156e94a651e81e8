package correlate

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/slowpod/slowpod/correlate/kind"
)

// told lists findings as "kind subject start-end", in seconds after epoch0 and
// to half a minute; "…" where one is open.
func told(s *Snapshot) []string {
	rows := []string{}
	at := func(t int64) string { return fmt.Sprint((t - epoch0 + 15*sec) / (30 * sec) * 30) }
	for i := range s.Findings {
		f := &s.Findings[i]
		end := "…"
		if f.Ended {
			end = at(f.End)
		}
		subject := f.UpstreamHost
		if f.Kind == kind.SlowNode {
			subject = f.Node
		}
		rows = append(rows, fmt.Sprintf("%s %s %s-%s", f.Kind, subject, at(f.Start), end))
	}
	return rows
}

// beside adds a healthy service, so that the log goes on where the other is
// silent.
func (s *scene) beside(until int64) {
	o := newScene(5)
	o.service, o.subnet = "other.shop.svc.cluster.local", 7
	o.traffic(0, until, 3, 4, func(int64, int) end { return o.ok() })
	s.records = append(s.records, o.records...)
}

// One episode is one finding, from its begin to its end, whatever else happens.
func TestEpisodes(t *testing.T) {
	from := func(s *scene, at int64, factor float64) func(int64, int) end {
		return func(now int64, _ int) end {
			if now >= at {
				return s.takes(factor)
			}
			return s.ok()
		}
	}
	const one, three = "10.244.2.1:8080", "10.244.2.3:8080"
	for _, c := range []struct {
		name string
		make func(s *scene)
		want []string
	}{
		{"the only pod is slow, and is scaled up", func(s *scene) {
			s.traffic(0, 10*min1, 1, 10, from(s, 6*min1, 3))
			s.traffic(10*min1, 14*min1, 2, 20, func(_ int64, pod int) end {
				if pod == 1 {
					return s.takes(3)
				}
				return s.ok()
			})
		}, []string{"slow_pod " + one + " 360-…"}},
		{"a pod of two is slow, then both, then the other", func(s *scene) {
			s.traffic(0, 40*min1, 2, 10, func(at int64, pod int) end {
				if pod == 1 && at >= 20*min1 && at < 26*min1 || pod == 2 && at >= 23*min1 {
					return s.takes(6)
				}
				return s.ok()
			})
		}, []string{"slow_pod " + one + " 1200-1380", "slow_service  1380-1560", "slow_pod 10.244.2.2:8080 1590-…"}},
		{"a pod of two is slow, and both are asked twice in ten seconds", func(s *scene) {
			for at, pod := int64(0), 1; at < 60*min1; at, pod = at+2500, 3-pod {
				factor := math.Exp(s.rng.NormFloat64())
				if pod == 2 && at >= 40*min1 && at < 50*min1 {
					factor *= 5
				}
				s.call(at, pod, s.takes(factor))
			}
		}, []string{"slow_pod 10.244.2.2:8080 2400-3000"}},
		{"all pods are slow, and one of two stays so, and is named at once", func(s *scene) {
			s.traffic(0, 29*min1, 2, 10, func(at int64, pod int) end {
				if at >= 20*min1 && (pod == 2 || at < 26*min1) {
					return s.takes(4)
				}
				return s.ok()
			})
		}, []string{"slow_service  1200-1590", "slow_pod 10.244.2.2:8080 1560-…"}},
		{"a service is slow, falls silent and comes back well", func(s *scene) {
			s.traffic(0, 10*min1, 3, 10, from(s, 6*min1, 3))
			s.traffic(25*min1, 30*min1, 3, 10, func(int64, int) end { return s.ok() })
			s.beside(30 * min1)
		}, []string{"slow_service  360-600"}},
		{"the only pod is slow, falls silent and comes back well", func(s *scene) {
			s.traffic(0, 10*min1, 1, 10, from(s, 6*min1, 3))
			s.traffic(25*min1, 30*min1, 1, 10, func(int64, int) end { return s.ok() })
			s.beside(30 * min1)
		}, []string{"slow_pod " + one + " 360-600"}},
		{"the server logs stop as the pod gets well", func(s *scene) {
			s.traffic(0, 5*min1, 3, 10, s.slowThirdBy(4))
			s.server = false
			s.traffic(5*min1, 15*min1, 3, 10, func(int64, int) end { return s.ok() })
		}, []string{"slow_pod " + three + " 120-300"}},
		{"its own logs come later", func(s *scene) {
			s.server = false
			s.traffic(0, 5*min1, 3, 10, s.slowThird(0.8, timeout))
			s.server = true
			s.traffic(5*min1, 12*min1, 3, 10, s.slowThird(0.8, timeout))
		}, []string{"slow_pod " + three + " 120-…"}},
		{"the way to a pod, and then its logs stop", func(s *scene) {
			s.traffic(0, 5*min1, 3, 10, s.slowThird(0.5, lost))
			s.server = false
			s.traffic(5*min1, 12*min1, 3, 10, s.slowThird(0.5, lost))
		}, []string{"network " + three + " 120-…"}},
		{"callers leave, at first as usual", func(s *scene) {
			s.traffic(0, 60*min1, 3, 10, func(at int64, _ int) end {
				if at >= 50*min1 {
					return s.share(0.2, leaves)
				}
				return s.share(0.005, leaves)
			})
		}, []string{"caller_cancels  3000-…"}},
		{"a new pod is slow while it starts, and quiet then", func(s *scene) {
			s.traffic(0, 20*min1, 3, 10, func(int64, int) end { return s.ok() })
			for at := int64(5 * min1); at < 5*min1+100*sec; at += 300 {
				s.call(at, 4, s.takes(5))
			}
			for at := int64(5*min1 + 125*sec); at < 20*min1; at += 2000 {
				s.call(at, 4, s.ok())
			}
		}, []string{}},
		{"a pod whose clock is a quarter of an hour behind", func(s *scene) {
			s.client = false
			s.traffic(0, 10*min1, 5, 20, s.slowThirdBy(4))
			for i := range s.records {
				if r := &s.records[i]; string(r.UpstreamHost) == three {
					r.Start -= 15 * min1
				}
			}
		}, []string{"slow_pod " + three + " 120-…"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(1)
			c.make(s)
			records := s.byEnd()
			if records[0].Start < epoch0 { // as they arrive
				records = s.records
			}
			if diff := gocmp.Diff(c.want, told(read(records))); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// A rollout to a slow version shows as soon as one in place does.
func TestRollout(t *testing.T) {
	for _, pods := range []int{1, 3} {
		s := newScene(1)
		s.traffic(0, 10*min1, pods, 10, func(int64, int) end { return s.ok() })
		for at, i := int64(10*min1), 0; at < 30*min1; at, i = at+100, i+1 {
			s.call(at, 10+i%pods, s.takes(5))
		}
		snap := s.read()
		if len(snap.Findings) != 1 {
			t.Fatalf("%d pods: %q", pods, told(snap))
		}
		if f := snap.Findings[0]; f.Detected > epoch0+14*min1 {
			t.Errorf("%d pods: told %d s after the rollout", pods, (f.Detected-epoch0)/sec-600)
		}
	}
}

// Starting is over with the grace, though the pod says nothing more.
func TestStartingEnds(t *testing.T) {
	s := newScene(1)
	s.traffic(0, 12*min1, 3, 10, func(int64, int) end { return s.ok() })
	for at := int64(5 * min1); at < 6*min1; at += 300 {
		s.call(at, 4, s.takes(5))
	}
	snap := s.read()
	for _, p := range snap.Pods {
		if p.State != Healthy {
			t.Errorf("%s is %s", p.UpstreamHost, p.State)
		}
		if p.UpstreamHost == "10.244.2.4:8080" && p.Worst != Starting {
			t.Errorf("%s was %s at its worst", p.UpstreamHost, p.Worst)
		}
	}
}

// starting is from when to when the pod at a host is said to be starting, after
// epoch0; 0: never.
func (s *scene) starting(host string) (from, until int64) {
	c := New(Config{Bounds: DefaultBounds()})
	closed := int64(0)
	for _, r := range s.byEnd() {
		if feed(c).Add(&r); c.window.start == closed {
			continue
		}
		closed = c.window.start
		for _, p := range c.Snapshot().Pods {
			if p.State != Starting || p.UpstreamHost != host {
				continue
			}
			if until = closed + sliceLen - epoch0; from == 0 {
				from = closed - epoch0
			}
		}
	}
	return from, until
}

// A pod that starts so slowly that its first answers come after half a minute is
// two minutes old two minutes after it was first asked.
func TestStartingCountsFromTheFirstRequest(t *testing.T) {
	s := newScene(1)
	s.traffic(0, 12*min1, 3, 10, func(int64, int) end { return s.ok() })
	for at := int64(5 * min1); at < 9*min1; at += 300 {
		s.call(at, 4, s.takes(1000))
	}
	if from, until := s.starting("10.244.2.4:8080"); from == 0 || until > 5*min1+grace {
		t.Errorf("it is said to be starting from %d s to %d s", from/sec, until/sec)
	}
}

// Of pods that are known by their addresses only, one that comes to the address of
// another starts, too.
func TestStartingAtTheAddressOfAnother(t *testing.T) {
	s := newScene(1)
	s.server = false
	s.traffic(0, 10*min1, 3, 10, func(int64, int) end { return s.ok() })
	s.traffic(10*min1, 11*min1, 2, 10, func(int64, int) end { return s.ok() })
	s.traffic(11*min1, 14*min1, 3, 10, func(_ int64, pod int) end {
		if pod == 3 {
			return s.takes(8)
		}
		return s.ok()
	})
	if from, until := s.starting("10.244.2.3:8080"); from < 11*min1 || from > 12*min1 || until > 11*min1+grace {
		t.Errorf("it is said to be starting from %d s to %d s", from/sec, until/sec)
	}
}

// A gap of the whole stream makes no pod new.
func TestGapMakesNoneNew(t *testing.T) {
	s := newScene(1)
	s.server = false
	s.traffic(0, 10*min1, 3, 12, func(int64, int) end { return s.ok() })
	s.traffic(11*min1, 20*min1, 3, 12, func(_ int64, pod int) end {
		if pod == 3 {
			return s.share(0.8, timeout)
		}
		return s.ok()
	})
	snap := s.read()
	if len(snap.Findings) != 1 || snap.Findings[0].Detected > epoch0+12*min1 {
		t.Errorf("%q", told(snap))
	}
}

// nodeMesh is four services, of which the third pod of each runs on worker-3.
func nodeMesh(of func(s *scene, service int)) *Snapshot {
	var all []Record
	for i := range 4 {
		s := newScene(uint64(i))
		s.service, s.subnet = fmt.Sprintf("svc%d.shop.svc.cluster.local", i), 10+i
		s.node = func(pod int) string { return fmt.Sprintf("worker-%d", pod) }
		of(s, i)
		all = append(all, s.records...)
	}
	slices.SortStableFunc(all, func(a, b Record) int { return cmp.Compare(a.End(), b.End()) })
	return read(all)
}

// A node's finding ends with those of its pods, whatever else is slow there.
func TestSlowNodeEnds(t *testing.T) {
	snap := nodeMesh(func(s *scene, service int) {
		s.traffic(0, 15*min1, 3, 10, func(at int64, pod int) end {
			if pod == 3 && (service < 3 && at >= onset && at < 6*min1 || service == 3 && at >= 5*min1) {
				return s.takes(4)
			}
			return s.ok()
		})
	})
	want := []string{"slow_node worker-3 120-360"}
	got := slices.DeleteFunc(told(snap), func(row string) bool { return row[:9] != "slow_node" })
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// A pod that is known better later is one member.
func TestNodeMembersAreCountedOnce(t *testing.T) {
	snap := nodeMesh(func(s *scene, _ int) {
		of := func(at int64, pod int) end {
			if pod == 3 && at >= 6*min1 {
				return s.takes(4)
			}
			return s.ok()
		}
		s.traffic(0, 1*min1, 3, 10, of)
		s.server = false
		s.traffic(1*min1, 9*min1, 3, 10, of)
		s.server = true
		s.traffic(9*min1, 15*min1, 3, 10, of)
	})
	for _, f := range snap.Findings {
		if f.Kind == kind.SlowNode && len(f.Members) != 4 {
			t.Errorf("%d members", len(f.Members))
		}
		if f.Kind != kind.SlowNode && (f.Kind != kind.SlowPod || !f.Covered) {
			t.Errorf("%s of %s, covered %v", f.Kind, f.UpstreamHost, f.Covered)
		}
	}
	if len(snap.Findings) != 5 {
		t.Errorf("%q", told(snap))
	}
}

// A slow pod that nobody's timeout runs out on has its slowest calls for
// examples, with both sides.
func TestSlowestCallsAreSamples(t *testing.T) {
	s := newScene(1)
	s.traffic(0, 6*min1, 3, 10, s.slowThirdBy(4))
	snap := s.read()
	if len(snap.Findings) != 1 {
		t.Fatalf("%q", told(snap))
	}
	samples := snap.Findings[0].Evidence.Samples
	if len(samples) != maxSamples {
		t.Fatalf("%d samples", len(samples))
	}
	for i, sample := range samples {
		if sample.Client == nil || sample.Server == nil || sample.Verdict != Joined || sample.RequestID == "" {
			t.Errorf("%+v", sample)
			continue
		}
		if sample.Client.Duration < 150 || sample.Server.Duration > sample.Client.Duration {
			t.Errorf("client %d ms, server %d ms", sample.Client.Duration, sample.Server.Duration)
		}
		if i > 0 && sample.duration() > samples[i-1].duration() {
			t.Error("not the slowest first")
		}
	}
}
