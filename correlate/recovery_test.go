package correlate

import (
	"fmt"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/slowpod/slowpod/classify"
)

// A finding ends when the pod is well again: soon, and its end is the last bad
// slice, not when that was decided. The worst state stays.
func TestRecovery(t *testing.T) {
	for _, share := range []float64{0.15, 0.4, 0.8, 1} {
		t.Run(fmt.Sprint(share), func(t *testing.T) {
			const well = 6 * min1
			s := newScene(2)
			s.traffic(0, 12*min1, 3, 10, func(at int64, pod int) end {
				if pod == 3 && at >= onset && at < well {
					return s.share(share, timeout)
				}
				return s.ok()
			})
			lastBad := int64(0)
			for i := range s.records {
				if s.records[i].Outcome == classify.Timeout {
					lastBad = max(lastBad, s.records[i].End())
				}
			}
			c := New(Config{Bounds: DefaultBounds()})
			var told int64
			records := s.byEnd()
			for i := range records {
				feed(c).Add(&records[i])
				if told == 0 && len(c.findings) > 0 && c.findings[0].Ended {
					told = c.window.start
				}
			}
			c.Close()
			snap := c.Snapshot()
			if len(snap.Findings) != 1 || !snap.Findings[0].Ended {
				t.Fatalf("findings %q, want one that ended", kinds(snap))
			}
			if end := snap.Findings[0].End; end < lastBad-sliceLen || end > lastBad+sliceLen {
				t.Errorf("the end is %d ms from the last bad request", end-lastBad)
			}
			if after := told - lastBad; after > 2*min1 {
				t.Errorf("the end was told %d ms after the last bad request", after)
			}
			for i := range snap.Pods {
				if p := snap.Pods[i]; p.UpstreamHost == "10.244.2.3:8080" && (p.State != Healthy || p.Worst != SlowPod) {
					t.Errorf("the pod is %s, was %s", p.State, p.Worst)
				}
			}
		})
	}
}

// A pod that is slow in another way than when it was found is not well.
func TestLessSlowIsNotWell(t *testing.T) {
	for seed := range uint64(8) {
		s := newScene(seed)
		s.traffic(0, 6*min1, 3, 10, func(at int64, pod int) end {
			switch {
			case pod != 3:
				return s.ok()
			case at < min1:
				return s.takes(16)
			}
			return s.takes(1.9)
		})
		if got := s.read().Findings; len(got) != 1 || got[0].Ended {
			t.Errorf("seed %d: %d findings, want one that goes on", seed, len(got))
		}
	}
}

// What is no single pod's ends when it is over, too, to the slice; and soon
// enough after that.
func TestRecoveryOfServices(t *testing.T) {
	const from, well, last = 15 * min1, 20 * min1, 30 * min1
	bad := func(at int64) bool { return at >= from && at < well }
	for name, make := range map[string]func(*scene){
		"slow_service": func(s *scene) {
			s.traffic(0, last, 3, 10, func(at int64, _ int) end {
				if bad(at) {
					return s.takes(4)
				}
				return s.ok()
			})
		},
		"slow_pod of one": func(s *scene) {
			s.traffic(0, last, 1, 10, func(at int64, _ int) end {
				if bad(at) {
					return s.takes(4)
				}
				return s.ok()
			})
		},
		"slow_service of a subset": func(s *scene) {
			s.subset, s.subnet = "v1", 1
			s.traffic(0, last, 3, 10, func(int64, int) end { return s.ok() })
			s.subset, s.subnet = "v2", 2
			s.traffic(from, from+10*min1, 1, 2, func(at int64, _ int) end {
				if bad(at) {
					return s.takes(5)
				}
				return s.ok()
			})
		},
		"caller_cancels": func(s *scene) {
			s.traffic(0, last, 3, 10, func(at int64, _ int) end {
				if bad(at) {
					return s.share(0.2, leaves)
				}
				return s.ok()
			})
		},
		"network": func(s *scene) {
			s.traffic(0, last, 3, 10, func(at int64, pod int) end {
				if pod == 3 && bad(at) {
					return s.share(0.6, lost)
				}
				return s.ok()
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(4)
			make(s)
			c := New(Config{Bounds: DefaultBounds()})
			var told int64
			records := s.byEnd()
			for i := range records {
				feed(c).Add(&records[i])
				if told == 0 && len(c.findings) > 0 && c.findings[0].Ended {
					told = c.window.start - epoch0
				}
			}
			c.Close()
			snap := c.Snapshot()
			if len(snap.Findings) != 1 || !snap.Findings[0].Ended {
				t.Fatalf("findings %q, want one that ended", kinds(snap))
			}
			if end := snap.Findings[0].End - epoch0 - well; abs(end) > 2*sliceLen {
				t.Errorf("the end is %d ms from it", end)
			}
			if after := told - well; after > 5*min1 {
				t.Errorf("the end was told after %d ms", after)
			}
		})
	}
}

// A pod that comes back to trouble gets a finding of its own.
func TestSecondFinding(t *testing.T) {
	s := newScene(3)
	s.traffic(0, 20*min1, 3, 10, func(at int64, pod int) end {
		if pod == 3 && (at >= onset && at < 5*min1 || at >= 12*min1 && at < 15*min1) {
			return s.share(0.8, timeout)
		}
		return s.ok()
	})
	snap := s.read()
	want := []string{"slow_pod 10.244.2.3:8080 both ended", "slow_pod 10.244.2.3:8080 both ended"}
	if diff := gocmp.Diff(want, kinds(snap)); diff != "" {
		t.Fatalf("-want +got\n%s", diff)
	}
	if a, b := snap.Findings[0], snap.Findings[1]; a.ID == b.ID || b.Start < epoch0+12*min1 {
		t.Errorf("ids %s, %s, second start %d ms", a.ID, b.ID, b.Start-epoch0)
	}
}

// What a pod was from its first record on has been told once: where it comes
// back as it was after a break, that is how the pod is. What is worse, or fails,
// is told again.
func TestHowThePodIs(t *testing.T) {
	f := func(name string, again func(s *scene) end, want int) {
		t.Helper()
		s := newScene(5)
		s.traffic(0, 60*min1, 3, 4, func(at int64, pod int) end {
			switch {
			case pod == 3 && at < 30*min1:
				return s.takes(2)
			case pod == 3 && at >= 36*min1:
				return again(s)
			}
			return s.ok()
		})
		if found := s.read().Findings; len(found) != want {
			t.Errorf("%s: findings %v, want %d", name, kinds(s.read()), want)
		}
	}
	f("as before", func(s *scene) end { return s.takes(2) }, 1)
	f("worse", func(s *scene) end { return s.takes(6) }, 2)
	f("failing", func(s *scene) end { return s.share(0.5, timeout) }, 2)
}

// A finding whose pod neither wrote nor was named for ten minutes ends at its
// last record, and not before ten minutes have passed.
func TestSilentPod(t *testing.T) {
	const gone = 4 * min1
	s := newScene(4)
	s.traffic(0, gone, 3, 10, s.slowThird(0.8, timeout))
	s.traffic(gone, gone+12*min1, 2, 10, func(int64, int) end { return s.ok() })
	last := int64(0)
	for i := range s.records {
		if string(s.records[i].UpstreamHost) == "10.244.2.3:8080" {
			last = max(last, s.records[i].End())
		}
	}
	c := New(Config{Bounds: DefaultBounds()})
	records := s.byEnd()
	for i := range records {
		feed(c).Add(&records[i])
		if len(c.findings) > 0 && c.findings[0].Ended {
			if c.window.start-last < 600*sec {
				t.Fatalf("ended %d ms after its last record", c.window.start-last)
			}
			if c.window.start-last > 620*sec {
				t.Errorf("ended only %d ms after its last record", c.window.start-last)
			}
			break
		}
	}
	c.Close()
	snap := c.Snapshot()
	if len(snap.Findings) != 1 || !snap.Findings[0].Silent || snap.Findings[0].End != last {
		t.Errorf("findings %+v, want one that ended in silence at %d", snap.Findings, last)
	}
}

// The same when the whole stream is silent and only the shell moves time on.
func TestSilentStream(t *testing.T) {
	s := newScene(5)
	s.traffic(0, 4*min1, 3, 10, s.slowThird(0.8, timeout))
	c := New(Config{Bounds: DefaultBounds()})
	defer c.Close()
	records := s.byEnd()
	for i := range records {
		feed(c).Add(&records[i])
	}
	feed(c).Silent(5 * min1)
	if snap := c.Snapshot(); len(snap.Findings) != 1 || snap.Findings[0].Ended {
		t.Errorf("after five minutes: %q", kinds(snap))
	}
	feed(c).Silent(11 * min1)
	snap := c.Snapshot()
	if len(snap.Findings) != 1 || !snap.Findings[0].Ended || !snap.Findings[0].Silent {
		t.Fatalf("after eleven minutes: %q", kinds(snap))
	}
	if end := snap.Findings[0].End; end > records[len(records)-1].End() {
		t.Errorf("ends %d ms after the last record", end-records[len(records)-1].End())
	}
}
