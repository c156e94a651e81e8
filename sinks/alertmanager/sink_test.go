package alertmanager

import (
	"maps"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/slowpod/slowpod/sinks/report"
)

func one(t *testing.T, all []got) got {
	t.Helper()
	if len(all) != 1 {
		t.Fatalf("%d alerts were received, want 1: %v", len(all), all)
	}
	return all[0]
}

// A firing alert is sent at once, again and again, and always long before it
// expires; the caller may give the same list as often as it likes.
func TestFiringIsSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		r := start(t, f, nil)
		finding := slow("a", time.Minute)
		began := time.Now().Add(-time.Minute)
		r.send(finding)
		last := one(t, f.received("one:9093"))
		if !last.StartsAt.Equal(began) {
			t.Errorf("it starts at %s, the finding at %s", last.StartsAt, began)
		}
		for range 10 {
			for range 60 {
				r.send(finding)
				pass(time.Second)
			}
			g := one(t, f.received("one:9093"))
			if !g.at.Before(last.EndsAt.Add(-2 * time.Minute)) {
				t.Fatalf("sent at %s, and what was sent before expires at %s", g.at, last.EndsAt)
			}
			if want := g.at.Add(4 * time.Minute); !g.EndsAt.Equal(want) {
				t.Errorf("ends at %s, want %s", g.EndsAt, want)
			}
			if !maps.Equal(g.Labels, last.Labels) || !g.StartsAt.Equal(last.StartsAt) {
				t.Errorf("it is another alert: %v, %v", g, last)
			}
			last = g
		}
	})
}

// What becomes known later goes into annotations; the labels stay.
func TestLabelsAreFixedAtFiring(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		r := start(t, f, nil)
		finding := slow("a", time.Minute)
		finding.Pod, finding.Subset = nil, nil
		r.send(finding)
		first := one(t, f.received("one:9093"))
		if _, ok := first.Labels["upstream_pod"]; ok {
			t.Errorf("a pod that is not known: %v", first.Labels)
		}
		now := slow("a", 2*time.Minute)
		now.Severity, now.Evidence.Timeouts, now.Summary = "warning", 500, "Callers gave up on 500 of 700 requests."
		r.send(now)
		pass(time.Minute)
		second := one(t, f.received("one:9093"))
		if !maps.Equal(first.Labels, second.Labels) || !first.StartsAt.Equal(second.StartsAt) {
			t.Errorf("labels or start have changed: %v, %v", first, second)
		}
		if got := second.Annotations; got["description"] != now.Summary || got["pod"] != *now.Pod {
			t.Errorf("annotations are not of now: %v", got)
		}
		r.send(over(now, 10*time.Second))
		third := one(t, f.received("one:9093"))
		if !maps.Equal(first.Labels, third.Labels) || third.firing() {
			t.Errorf("the end is of another alert, or none: %v", third)
		}
	})
}

// A finding that ends is told as resolved at once and for a while.
func TestResolved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		r := start(t, f, nil)
		finding := slow("a", time.Hour)
		r.send(finding)
		firing := one(t, f.received("one:9093"))
		ended := over(finding, 20*time.Second)
		r.send(ended)
		g := one(t, f.received("one:9093"))
		if g.firing() || g.EndsAt.UnixMilli() != int64(*ended.End) {
			t.Errorf("ends at %s, want %s", g.EndsAt, ended.End)
		}
		if !maps.Equal(g.Labels, firing.Labels) || !g.StartsAt.Equal(firing.StartsAt) {
			t.Errorf("it is another alert: %v, %v", g, firing)
		}
		for range 3 * 60 {
			r.send(ended)
			pass(time.Minute)
		}
		again := f.received("one:9093")
		if len(again) < 10 || len(again) > 15 {
			t.Errorf("told %d times that it is over, want some 14", len(again))
		}
		for _, g := range again {
			if g.firing() || g.EndsAt.UnixMilli() != int64(*ended.End) {
				t.Errorf("fires again: %v", g)
			}
		}
		if len(r.book.byKey)+len(r.book.byFinding) != 0 {
			t.Error("it is remembered for ever")
		}
	})
}

// A finding that ended because nobody hears of the pod any more may be another
// member's by now, under the same labels: it is not resolved, but expires.
func TestSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		reg := prometheus.NewRegistry()
		r := start(t, f, func(c *Config, o *Options) {
			c.URLs = []string{"http://one:9093", "http://two:9093"}
			o.Registerer = reg
		})
		a, b := slow("a", time.Hour), slow("b", time.Hour)
		b.UpstreamHost = ptr("172.17.0.18:3000")
		r.send(a, b)
		if n := len(f.received("one:9093")); n != 2 {
			t.Fatalf("%d alerts fire, want 2", n)
		}
		f.set(func(host string, _ int) (int, error) {
			if host == "two:9093" {
				return 0, errDead
			}
			return 200, nil
		})
		pass(3 * time.Minute)
		f.received("one:9093")
		a = over(a, 10*time.Minute)
		a.Silent = true
		b = over(b, 10*time.Minute)
		r.send(a, b)
		pass(20 * time.Minute)
		for _, g := range f.received("one:9093") {
			if g.Labels["upstream_host"] == "172.17.0.17:3000" {
				t.Fatalf("told after it fell silent: %v", g)
			}
		}
		f.received("two:9093")
		f.set(nil)
		pass(time.Minute)
		if got := f.received("two:9093"); len(got) != 0 {
			t.Errorf("a replica that was away was told %v", got)
		}
		if n := value(t, reg, "slowpod_sink_dropped_total", "http://two:9093", dropExpired); n != 2 {
			t.Errorf("%v expired, want 2", n)
		}
		// It is heard of again, and recovers.
		a = slow("c", 0)
		r.send(a)
		if g := one(t, f.received("one:9093")); !g.firing() {
			t.Errorf("does not fire: %v", g)
		}
		r.send(over(a, 0))
		if g := one(t, f.received("one:9093")); g.firing() {
			t.Errorf("is not resolved: %v", g)
		}
	})
}

// A member that has nothing to read any more says nothing, neither that
// something fires nor that it is over; not even at the end.
func TestYield(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		r := start(t, f, nil)
		a, b := slow("a", time.Hour), slow("b", time.Hour)
		b.UpstreamHost = ptr("172.17.0.18:3000")
		r.send(a, b)
		r.send(a, over(b, 0))
		f.received("one:9093")
		r.Yield()
		pass(30 * time.Minute)
		if got := f.received("one:9093"); len(got) != 0 {
			t.Errorf("told: %v", got)
		}
		r.send(a)
		if g := one(t, f.received("one:9093")); !g.firing() {
			t.Errorf("does not fire again: %v", g)
		}
		r.Yield()
		r.shutdown()
		if got := f.received("one:9093"); len(got) != 0 {
			t.Errorf("told at the end: %v", got)
		}
	})
}

// The end of a finding is in the time of its records. Alertmanager wants one
// that is not to come, and not before the start.
func TestTimesOfReplayAndSkew(t *testing.T) {
	f := func(name string, begin, end time.Duration, gone bool) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				r := start(t, f, nil)
				finding := slow("a", -begin)
				r.send(finding)
				g := one(t, f.received("one:9093"))
				if g.StartsAt.After(g.at) || !g.firing() {
					t.Errorf("at %s: %s to %s", g.at, g.StartsAt, g.EndsAt)
				}
				pass(5 * time.Second)
				if gone {
					r.send()
				} else {
					r.send(over(finding, -end))
				}
				g = one(t, f.received("one:9093"))
				if g.firing() || g.EndsAt.Before(g.StartsAt) {
					t.Errorf("at %s: %s to %s", g.at, g.StartsAt, g.EndsAt)
				}
			})
		})
	}
	f("now", -time.Minute, -time.Second, false)
	f("a replay of yesterday", -24*time.Hour, -23*time.Hour, false)
	f("a clock that is ahead", time.Hour, 2*time.Hour, false)
	f("ends where it starts", -time.Hour, -time.Hour-5*time.Second, false)
	f("ends before it starts", -time.Hour, -2*time.Hour, false)
	f("no longer in the list", -time.Hour, 0, true)
	f("no longer in the list, ahead", time.Hour, 0, true)
}

// What was over before anybody was told is not told.
func TestOverBeforeTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		r := start(t, f, nil)
		r.send(over(slow("a", time.Hour), time.Minute))
		pass(5 * time.Minute)
		if got := f.received("one:9093"); len(got) != 0 {
			t.Errorf("was told: %v", got)
		}
	})
}

// The same pod is slow again while the end of its first finding is still being
// told: it must not be told as over in between.
func TestSlowAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		r := start(t, f, nil)
		a := slow("a", time.Hour)
		r.send(a)
		a = over(a, 0)
		r.send(a)
		pass(3*time.Minute + time.Second)
		f.received("one:9093")
		b := slow("b", time.Second)
		r.send(a, b)
		pass(20 * time.Minute)
		for _, g := range f.received("one:9093") {
			if !g.firing() || g.Annotations["finding_id"] != "b" || g.StartsAt.UnixMilli() != int64(b.Start) {
				t.Errorf("at %s: %v", g.at, g)
			}
		}
		r.send(a, over(b, 0))
		if g := one(t, f.received("one:9093")); g.firing() {
			t.Errorf("not over: %v", g)
		}
	})
}

// Two findings that share all labels are one alert, over when both are.
func TestTwoFindingsOneAlert(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		r := start(t, f, nil)
		a, b := slow("a", time.Hour), slow("b", time.Minute)
		r.send(b, a)
		if g := one(t, f.received("one:9093")); g.Annotations["finding_id"] != "b" {
			t.Errorf("tells of %v", g.Annotations)
		}
		b = over(b, 0)
		r.send(a, b)
		if got := f.received("one:9093"); len(got) != 0 {
			t.Errorf("told that it is over: %v", got)
		}
		r.send(over(a, 0), b)
		if g := one(t, f.received("one:9093")); g.firing() {
			t.Errorf("not over: %v", g)
		}
	})
}

// A dead replica is tried again with growing waits; the living one does not
// notice. When the dead one comes back after longer than an alert lives, what it
// gets is of then: firing still fires, over is over.
func TestDeadReplica(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		dead := func(host string, _ int) (int, error) {
			if host == "two:9093" {
				return 0, errDead
			}
			return 200, nil
		}
		f.set(dead)
		reg := prometheus.NewRegistry()
		r := start(t, f, func(c *Config, o *Options) {
			c.URLs = []string{"http://one:9093", "http://two:9093"}
			o.Registerer = reg
		})
		a, b := slow("a", 0), slow("b", 0)
		b.UpstreamHost = ptr("172.17.0.18:3000")
		r.send(a, b)
		pass(5 * time.Minute)
		a = over(a, 0)
		r.send(a, b)
		pass(5 * time.Minute)
		if n := len(f.received("one:9093")); n != 2+5*2+1+5*2 {
			t.Errorf("the living replica took %d alerts", n)
		}
		tries := f.triesOf("two:9093")
		if len(tries) < 15 || len(tries) > 45 {
			t.Errorf("the dead replica was tried %d times in ten minutes", len(tries))
		}
		least, most := firstWait/2, firstWait
		for i := 1; i < len(tries); i++ {
			if wait := tries[i].Sub(tries[i-1]); wait < least || wait > most {
				t.Errorf("wait %d is %s, want %s to %s", i, wait, least, most)
			}
			least, most = min(2*least, longestWait/2), min(2*most, longestWait)
		}
		f.set(nil)
		pass(longestWait)
		state := map[string]bool{}
		for _, g := range f.received("two:9093") {
			state[g.Labels["upstream_host"]] = g.firing()
		}
		if want := map[string]bool{"172.17.0.17:3000": false, "172.17.0.18:3000": true}; !maps.Equal(state, want) {
			t.Errorf("it was told %v, want %v", state, want)
		}
		if n := value(t, reg, "slowpod_alertmanager_requests_failed_total", "http://two:9093", failNetwork); n != float64(len(tries)) {
			t.Errorf("%v failures are counted, want %d", n, len(tries))
		}
	})
}

// 5xx and 429 are tried again, other answers only when the alert is due.
func TestAnswers(t *testing.T) {
	f := func(code int, reason string, again bool) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			f.set(func(_ string, try int) (int, error) {
				if try == 1 {
					return code, nil
				}
				return 200, nil
			})
			reg := prometheus.NewRegistry()
			r := start(t, f, func(_ *Config, o *Options) { o.Registerer = reg })
			r.send(slow("a", 0))
			pass(10 * time.Second)
			if got := len(f.received("one:9093")) == 1; got != again {
				t.Errorf("%d: tried again: %v, want %v", code, got, again)
			}
			pass(time.Minute)
			one(t, f.received("one:9093"))
			if n := value(t, reg, "slowpod_alertmanager_requests_failed_total", "http://one:9093", reason); n != 1 {
				t.Errorf("%d: %v failures for %s are counted", code, n, reason)
			}
			refused := 0.0
			if !again {
				refused = 1
			}
			if n := value(t, reg, "slowpod_sink_dropped_total", "http://one:9093", dropRefused); n != refused {
				t.Errorf("%d: %v dropped", code, n)
			}
			if n := value(t, reg, "slowpod_alertmanager_last_success_timestamp_seconds", "http://one:9093"); n < float64(time.Now().Unix()-60) {
				t.Errorf("%d: last success at %v", code, n)
			}
		})
	}
	f(500, failServer, true)
	f(503, failServer, true)
	f(429, failTooMany, true)
	f(400, failRefused, false)
	f(401, failRefused, false)
	f(404, failRefused, false)
	f(301, failRefused, false)
}

// A replica that does not answer is given up after the timeout.
func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.set(func(_ string, try int) (int, error) {
			if try == 1 {
				return hang, nil
			}
			return 200, nil
		})
		r := start(t, f, nil)
		r.send(slow("a", 0))
		pass(12 * time.Second)
		one(t, f.received("one:9093"))
	})
}

// However many alerts wait for a dead replica, no more than the bound do.
func TestQueueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.set(func(string, int) (int, error) { return 503, nil })
		reg := prometheus.NewRegistry()
		r := start(t, f, func(c *Config, o *Options) { c.QueueCapacity, o.Registerer = 100, reg })
		var all []report.Finding
		for i := range 1000 {
			g := slow(string(rune('a'+i)), 0)
			g.UpstreamHost = ptr(string(rune('a'+i)) + ":1")
			all = append(all, g)
		}
		r.send(all...)
		if n := value(t, reg, "slowpod_alertmanager_queue_length", "http://one:9093"); n != 100 {
			t.Errorf("%v wait", n)
		}
		if n := value(t, reg, "slowpod_sink_dropped_total", "http://one:9093", dropQueueFull); n != 900 {
			t.Errorf("%v were dropped", n)
		}
		// When it is back, resending heals what was dropped, bit by bit.
		f.set(nil)
		pass(30*time.Second + time.Minute)
		if n := len(f.received("one:9093")); n < 100 {
			t.Errorf("%d were received", n)
		}
	})
}

// What is resolved and was never accepted is given up when the replica can no
// longer hold it for firing.
func TestResolvedExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.set(func(string, int) (int, error) { return 0, errDead })
		reg := prometheus.NewRegistry()
		r := start(t, f, func(_ *Config, o *Options) { o.Registerer = reg })
		a := slow("a", 0)
		r.send(a)
		r.send(over(a, 0))
		// It may be in a request, and not in the queue, at the very moment.
		pass(resolvedFor + time.Minute + longestWait)
		if r.replicas[0].queue.len() != 0 {
			t.Error("it waits for ever")
		}
		if n := value(t, reg, "slowpod_sink_dropped_total", "http://one:9093", dropExpired); n != 1 {
			t.Errorf("%v dropped", n)
		}
	})
}

// At the end all that fires is sent once more, so that it outlives a restart,
// and what was given at the very last is not lost.
func TestShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		r := start(t, f, nil)
		a, b := slow("a", 0), slow("b", 0)
		b.UpstreamHost = ptr("172.17.0.18:3000")
		r.send(a)
		pass(30 * time.Second)
		f.received("one:9093")
		r.Send([]report.Finding{over(a, 0), b})
		r.shutdown()
		state := map[string]bool{}
		for _, g := range f.received("one:9093") {
			state[g.Labels["upstream_host"]] = g.firing()
		}
		if want := map[string]bool{"172.17.0.17:3000": false, "172.17.0.18:3000": true}; !maps.Equal(state, want) {
			t.Errorf("it was told %v, want %v", state, want)
		}
		r.Send(nil) // after the end: nothing happens
	})
}

// A replica that is dead, or does not answer, does not hold up the end.
func TestShutdownWithinDeadline(t *testing.T) {
	f := func(name string, answer int, err error, most time.Duration) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				f.set(func(host string, _ int) (int, error) {
					if host == "two:9093" {
						return answer, err
					}
					return 200, nil
				})
				reg := prometheus.NewRegistry()
				r := start(t, f, func(c *Config, o *Options) {
					c.URLs = []string{"http://one:9093", "http://two:9093"}
					o.Registerer = reg
				})
				r.send(slow("a", 0))
				pass(20 * time.Second)
				f.received("one:9093")
				at := time.Now()
				r.shutdown()
				if took := time.Since(at); took > most {
					t.Errorf("the end took %s", took)
				}
				one(t, f.received("one:9093"))
				if n := value(t, reg, "slowpod_sink_dropped_total", "http://two:9093", dropShutdown); n != 1 {
					t.Errorf("%v dropped", n)
				}
			})
		})
	}
	f("dead", 0, errDead, 0)
	f("busy", 503, nil, 0)
	f("silent", hang, nil, flushWithin)
}

// Nobody waits for a replica that does not answer.
func TestSendNeverBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.set(func(string, int) (int, error) { return hang, nil })
		r := start(t, f, nil)
		at := time.Now()
		for range 10_000 {
			r.Send([]report.Finding{slow("a", 0)})
		}
		if took := time.Since(at); took != 0 {
			t.Errorf("it took %s", took)
		}
	})
	s, err := New(DefaultConfig(), Options{}) // does not run
	if err != nil {
		t.Fatal(err)
	}
	s.Send(nil)
	s.Send(nil)
}

// Large numbers go in several requests.
func TestBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		r := start(t, f, nil)
		var all []report.Finding
		for i := range 150 {
			g := slow(string(rune('a'+i)), 0)
			g.UpstreamHost = ptr(string(rune('a'+i)) + ":1")
			all = append(all, g)
		}
		r.send(all...)
		if n, tries := len(f.received("one:9093")), len(f.triesOf("one:9093")); n != 150 || tries != 3 {
			t.Errorf("%d alerts in %d requests", n, tries)
		}
	})
}

// value reads one series; labels are the values, in any order.
func value(t *testing.T, reg *prometheus.Registry, name string, labels ...string) float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
	series:
		for _, m := range family.GetMetric() {
			have := map[string]bool{}
			for _, l := range m.GetLabel() {
				have[l.GetValue()] = true
			}
			for _, want := range labels {
				if !have[want] {
					continue series
				}
			}
			return m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	t.Fatalf("no series %s %v", name, labels)
	return 0
}

func TestMetrics(t *testing.T) {
	cfg := DefaultConfig()
	cfg.URLs = []string{"http://one:9093", "https://two/alertmanager"}
	reg := prometheus.NewRegistry()
	s, err := New(cfg, Options{Registerer: reg})
	if err != nil {
		t.Fatal(err)
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	if problems, err := promlint.NewWithMetricFamilies(families).Lint(); err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
	names := map[string]int{}
	for _, f := range families {
		names[f.GetName()] = len(f.GetMetric())
	}
	if want := map[string]int{
		"slowpod_alertmanager_alerts_sent_total":              2,
		"slowpod_alertmanager_requests_failed_total":          8,
		"slowpod_sink_dropped_total":                          8,
		"slowpod_alertmanager_last_success_timestamp_seconds": 2,
		"slowpod_alertmanager_queue_length":                   2,
		"slowpod_alertmanager_queue_capacity":                 2,
	}; !maps.Equal(names, want) {
		t.Errorf("series: %v, want %v", names, want)
	}
	if _, err := New(cfg, Options{Registerer: reg}); err == nil {
		t.Error("two sinks on one registerer")
	}
	s.Unregister(reg)
	if _, err := New(cfg, Options{Registerer: reg}); err != nil {
		t.Error(err)
	}
}
