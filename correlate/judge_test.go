package correlate

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slowpod/slowpod/classify"
)

func TestJudge(t *testing.T) {
	const host = "10.244.2.3:8080"
	cases := []struct {
		name string
		make func(s *scene)
		want []string
	}{
		{"nothing is wrong", func(s *scene) {
			s.traffic(0, 10*min1, 3, 10, func(int64, int) end { return s.ok() })
		}, []string{}},
		{"one pod of three times out", func(s *scene) {
			s.traffic(0, 5*min1, 3, 10, s.slowThird(0.8, timeout))
		}, []string{"slow_pod " + host + " both"}},
		{"one pod of three times out from before the first record", func(s *scene) {
			s.traffic(onset, 5*min1, 3, 10, s.slowThird(0.8, timeout))
		}, []string{"slow_pod " + host + " both"}},
		{"the whole service times out", func(s *scene) {
			s.traffic(0, 6*min1, 3, 10, func(at int64, _ int) end {
				if at >= onset {
					return s.share(0.8, timeout)
				}
				return s.ok()
			})
		}, []string{"slow_service  both"}},
		{"the whole service is slow for four minutes, without a timeout", func(s *scene) {
			s.traffic(0, 20*min1, 3, 10, func(at int64, _ int) end {
				if at >= 5*min1 && at < 9*min1 {
					return s.takes(4)
				}
				return s.ok()
			})
		}, []string{"slow_service  both ended"}},
		{"one pod of three takes three times as long", func(s *scene) {
			s.traffic(0, 6*min1, 3, 10, s.slowThirdBy(3))
		}, []string{"slow_pod " + host + " both"}},
		{"one pod of two takes three times as long", func(s *scene) {
			s.traffic(0, 6*min1, 2, 10, func(at int64, pod int) end {
				if pod == 2 && at >= onset {
					return s.takes(3)
				}
				return s.ok()
			})
		}, []string{"slow_pod 10.244.2.2:8080 both"}},
		{"one pod of two answers at once that it cannot", func(s *scene) {
			s.traffic(0, 6*min1, 2, 10, func(at int64, pod int) end {
				if pod == 2 && at >= onset {
					return refused
				}
				return s.ok()
			})
		}, []string{"app_not_listening 10.244.2.2:8080 both"}},
		{"one pod of two fails at once", func(s *scene) {
			s.traffic(0, 6*min1, 2, 10, func(at int64, pod int) end {
				if pod == 2 && at >= onset {
					return brokenAtOnce
				}
				return s.ok()
			})
		}, []string{}},
		{"all pods fail, as fast as they answer", func(s *scene) {
			s.traffic(0, 6*min1, 3, 10, func(at int64, pod int) end {
				e := s.ok()
				if at >= onset {
					e.code, e.serverCode = 500, 500
				}
				return e
			})
		}, []string{}},
		{"one pod of three fails after a long time", func(s *scene) {
			s.traffic(0, 6*min1, 3, 10, func(at int64, pod int) end {
				e := s.ok()
				if pod == 3 && at >= onset {
					e = s.takes(8)
					e.code, e.serverCode = 500, 500
				}
				return e
			})
		}, []string{"slow_pod " + host + " both"}},
		{"the only pod takes three times as long as before", func(s *scene) {
			s.traffic(0, 10*min1, 1, 10, func(at int64, _ int) end {
				if at >= 6*min1 {
					return s.takes(3)
				}
				return s.ok()
			})
		}, []string{"slow_pod 10.244.2.1:8080 both"}},
		{"one pod of three takes a quarter longer", func(s *scene) {
			s.traffic(0, 30*min1, 3, 10, s.slowThirdBy(1.25))
		}, []string{}},
		{"all but the callers find one pod slow: its answers are lost time on the way", func(s *scene) {
			s.traffic(0, 6*min1, 3, 10, func(at int64, pod int) end {
				e := s.ok()
				if pod == 3 && at >= onset {
					e.duration *= 4
				}
				return e
			})
		}, []string{"network " + host + " both"}},
		{"callers of all pods begin to leave", func(s *scene) {
			s.traffic(0, 20*min1, 3, 10, func(at int64, _ int) end {
				if at >= 12*min1 && at < 15*min1 {
					return s.share(0.2, leaves)
				}
				return s.ok()
			})
		}, []string{"caller_cancels  both ended"}},
		{"one caller of many begins to leave", func(s *scene) {
			s.traffic(0, 20*min1, 3, 10, func(at int64, _ int) end {
				if at >= 12*min1 && at < 15*min1 {
					return s.share(0.025, leaves)
				}
				return s.ok()
			})
		}, []string{"caller_cancels  both ended"}},
		{"callers of a quiet service begin to leave", func(s *scene) {
			for at := int64(0); at < 50*min1; at += 10_000 {
				e := s.ok()
				if at >= 30*min1 && at < 35*min1 && at/10_000%3 == 0 {
					e = leaves
				}
				s.call(at, 1+int(at/10_000)%3, e)
			}
		}, []string{"caller_cancels  both ended"}},
		{"one caller of fifteen leaves a tenth of its calls", func(s *scene) {
			s.traffic(0, 30*min1, 3, 20, func(at int64, _ int) end {
				if at >= 15*min1 && at < 25*min1 {
					return s.share(0.007, leaves)
				}
				return s.ok()
			})
		}, []string{"caller_cancels  both ended"}},
		{"one caller of a quiet service leaves now and then", func(s *scene) {
			for i := int64(0); i < 600; i++ {
				e := s.ok()
				if i >= 300 && i < 400 && i%16 == 0 {
					e = leaves
				}
				s.call(i*10_000, 1+int(i)%3, e)
			}
		}, []string{"caller_cancels  both ended"}},
		{"callers leave a little more often, and then often", func(s *scene) {
			s.traffic(0, 30*min1, 3, 10, func(at int64, _ int) end {
				switch {
				case at >= 20*min1:
					return s.share(0.04, leaves)
				case at >= 12*min1:
					return s.share(0.01, leaves)
				}
				return s.share(0.002, leaves)
			})
		}, []string{"caller_cancels  both"}},
		{"many callers leave at once, and no more", func(s *scene) {
			s.traffic(0, 20*min1, 3, 20, func(at int64, _ int) end {
				if at >= 12*min1 && at < 12*min1+8*sec {
					return leaves
				}
				return s.ok()
			})
		}, []string{}},
		{"a new pod is slow for its first minute", func(s *scene) {
			s.traffic(0, 12*min1, 3, 10, func(int64, int) end { return s.ok() })
			for at := int64(5 * min1); at < 12*min1; at += 300 {
				e := s.ok()
				if at < 6*min1 {
					e = s.takes(5)
				}
				s.call(at, 4, e)
			}
		}, []string{}},
		{"a rollout of a service with one pod, that starts slowly for three minutes", func(s *scene) {
			s.traffic(0, 10*min1, 1, 10, func(int64, int) end { return s.ok() })
			for at := int64(10 * min1); at < 20*min1; at += 100 {
				e := s.ok()
				if at < 13*min1 {
					e = s.takes(4)
				}
				s.call(at, 9, e)
			}
		}, []string{}},
		{"a new pod is slow and stays so", func(s *scene) {
			s.traffic(0, 12*min1, 3, 10, func(int64, int) end { return s.ok() })
			for at := int64(5 * min1); at < 12*min1; at += 300 {
				s.call(at, 4, s.takes(5))
			}
		}, []string{"slow_pod 10.244.2.4:8080 both"}},
		{"only the callers' records: the next pod gets the address, and is slow for its first minute", func(s *scene) {
			s.server = false
			s.traffic(0, 12*min1, 3, 12, func(int64, int) end { return s.ok() })
			for at := int64(0); at < 12*min1; at += 300 {
				switch {
				case at < 5*min1 || at > 7*min1:
					s.call(at, 4, s.ok())
				case at > 6*min1:
					s.call(at, 4, s.takes(5))
				}
			}
		}, []string{}},
		{"a pod's habit of half an hour", func(s *scene) {
			s.traffic(0, 50*min1, 3, 4, func(_ int64, pod int) end {
				if pod == 3 {
					return s.takes(1.2)
				}
				return s.ok()
			})
		}, []string{}},
		{"a quiet pod that has always been somewhat slower", func(s *scene) {
			s.traffic(0, 3*hour, 2, 1, func(int64, int) end { return s.ok() })
			for at := int64(0); at < 3*hour; at += 105 * sec {
				s.call(at, 3, s.takes(1.75))
			}
		}, []string{}},
		{"… until it becomes much slower", func(s *scene) {
			s.traffic(0, 3*hour, 2, 1, func(int64, int) end { return s.ok() })
			for at := int64(0); at < 3*hour; at += 105 * sec {
				if s.call(at, 3, s.takes(1.75)); at >= 100*min1 {
					s.call(at+1000, 3, s.takes(8))
				}
			}
		}, []string{"slow_pod " + host + " both"}},
		{"a pod that has always been somewhat slower is called often at last", func(s *scene) {
			s.seldomThenOften(1.9)
		}, []string{}},
		{"a pod that has always been much slower is called often at last", func(s *scene) {
			s.seldomThenOften(5)
		}, []string{"slow_pod " + host + " both"}},
		{"the whole service is down from before the first record", func(s *scene) {
			s.traffic(0, 5*min1, 3, 10, func(int64, int) end { return timeout })
		}, []string{}},
		{"one pause of three seconds hits a hundred requests", func(s *scene) {
			s.traffic(0, 5*min1, 3, 30, func(int64, int) end { return s.ok() })
			for i := range int64(100) {
				s.call(onset+i*30, 3, timeout)
			}
		}, []string{}},
		{"callers cancel at one pod", func(s *scene) {
			s.traffic(0, 6*min1, 3, 10, s.slowThird(0.8, cancel))
		}, []string{"slow_pod " + host + " both"}},
		{"only the callers' records", func(s *scene) {
			s.server = false
			s.traffic(0, 5*min1, 3, 10, s.slowThird(0.8, timeout))
		}, []string{"slow_pod_unverified " + host + " client"}},
		{"only the pods' records", func(s *scene) {
			s.client = false
			s.traffic(0, 5*min1, 3, 10, s.slowThird(0.8, timeout))
		}, []string{"slow_pod " + host + " server"}},
		{"callers time out, the pod answers at once", func(s *scene) {
			s.traffic(0, 5*min1, 3, 10, s.slowThird(0.5, lost))
		}, []string{"network " + host + " both"}},
		{"callers time out, the pod never saw it", func(s *scene) {
			never := lost
			never.noReceipt = true
			s.traffic(0, 5*min1, 3, 10, s.slowThird(0.5, never))
		}, []string{"network " + host + " both"}},
		{"requests are stuck in the pod's proxy", func(s *scene) {
			held := timeout
			held.held = true
			s.traffic(0, 5*min1, 3, 10, s.slowThird(0.8, held))
		}, []string{"network " + host + " both"}},
		{"one in a hundred everywhere, for an hour", func(s *scene) {
			s.traffic(0, hour, 3, 4, func(int64, int) end { return s.share(0.01, timeout) })
		}, []string{}},
		{"it recovers", func(s *scene) {
			s.traffic(0, 10*min1, 3, 10, func(at int64, pod int) end {
				if pod == 3 && at >= onset && at < 5*min1 {
					return s.share(0.8, timeout)
				}
				return s.ok()
			})
		}, []string{"slow_pod " + host + " both ended"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			for seed := range uint64(3) {
				s := newScene(seed)
				c.make(s)
				snap := s.read()
				if diff := cmp.Diff(c.want, kinds(snap)); diff != "" {
					t.Errorf("seed %d: -want +got\n%s", seed, diff)
				}
				if snap.Late != 0 || len(snap.Dropped) != 0 || snap.OpenHalves != 0 {
					t.Errorf("seed %d: late %d, dropped %v, open halves %d", seed, snap.Late, snap.Dropped, snap.OpenHalves)
				}
			}
		})
	}
}

// A slow pod is told within four slices of its onset, with its numbers.
func TestSlowPod(t *testing.T) {
	s := newScene(1)
	s.traffic(0, 5*min1, 3, 10, s.slowThird(0.8, timeout))
	snap := s.read()
	if len(snap.Findings) != 1 {
		t.Fatalf("findings %q", kinds(snap))
	}
	f := snap.Findings[0]
	first := floorSlice(epoch0 + onset)
	if f.Detected%sliceLen != 0 || f.Detected > first+4*sliceLen {
		t.Errorf("decided %d ms after the first bad slice began, want within four slices", f.Detected-first)
	}
	if f.Start < epoch0+onset || f.Start > epoch0+onset+sliceLen {
		t.Errorf("starts %d ms after the onset", f.Start-epoch0-onset)
	}
	if f.Service != cart || f.Subset != "v2" || f.Namespace != "shop" || f.Pod != "cart-v2-3" || f.Node != "worker-1" {
		t.Errorf("of %s %s, %s/%s on %s", f.Service, f.Subset, f.Namespace, f.Pod, f.Node)
	}
	e := f.Evidence
	var requests, timeouts uint64
	for i := range s.records {
		if r := &s.records[i]; r.Side == classify.Client && string(r.UpstreamHost) == "10.244.2.3:8080" && r.End() >= f.Start {
			requests++
			if r.Outcome == classify.Timeout {
				timeouts++
			}
		}
	}
	// Evidence is by slice: the one of the start is taken whole.
	if e.Timeouts != timeouts || e.Requests < requests || e.Requests > requests+40 {
		t.Errorf("%d timeouts of %d requests, want %d of about %d", e.Timeouts, e.Requests, timeouts, requests)
	}
	if e.Confirmed != e.Timeouts || e.Held != 0 || e.Disconnects != e.Timeouts {
		t.Errorf("confirmed %d, held %d, disconnects %d, want all %d, none, all", e.Confirmed, e.Held, e.Disconnects, e.Timeouts)
	}
	if e.Siblings != 2 || e.SiblingTimeouts != 0 || e.SiblingRequests < 2*requests-4 || e.TimeoutMS != routeTimeout {
		t.Errorf("%d siblings with %d of %d, timeout %d ms", e.Siblings, e.SiblingTimeouts, e.SiblingRequests, e.TimeoutMS)
	}
	if e.P50.Value < 10 || !e.P50.Cut || !e.P90.Cut {
		t.Errorf("p50 %+v, p90 %+v: want at least tenfold, cut", e.P50, e.P90)
	}
	if want := []string{"web-1", "web-2"}; !slices.Equal(e.Callers, want) {
		t.Errorf("callers %q, want %q", e.Callers, want)
	}
	if len(e.Samples) != maxSamples {
		t.Errorf("%d samples, want %d", len(e.Samples), maxSamples)
	}
	for i := range e.Samples {
		if c, srv := e.Samples[i].Client, e.Samples[i].Server; c == nil || srv == nil || c.Flags != "UT" || srv.Flags != "DC" {
			t.Errorf("sample %d: %+v, %+v", i, c, srv)
		}
	}
	for i := range snap.Pods {
		want := Healthy
		if snap.Pods[i].UpstreamHost == f.UpstreamHost {
			want = SlowPod
		}
		if snap.Pods[i].State != want || snap.Pods[i].Worst != want {
			t.Errorf("%s is %s, worst %s; want %s", snap.Pods[i].UpstreamHost, snap.Pods[i].State, snap.Pods[i].Worst, want)
		}
	}
}

// Of a service whose pods are uneven by design a pod may differ by more.
func TestUneven(t *testing.T) {
	s := newScene(1)
	s.traffic(0, 8*min1, 3, 10, func(_ int64, pod int) end {
		if pod == 3 {
			return s.takes(1.75)
		}
		return s.ok()
	})
	for _, c := range []struct {
		uneven []string
		want   int
	}{{nil, 1}, {[]string{"other"}, 1}, {[]string{cart}, 0}} {
		core := New(Config{Bounds: DefaultBounds(), Uneven: c.uneven})
		records := s.byEnd()
		for i := range records {
			feed(core).Add(&records[i])
		}
		core.Close()
		if got := len(core.Snapshot().Findings); got != c.want {
			t.Errorf("uneven %q: %d findings, want %d", c.uneven, got, c.want)
		}
	}
}
