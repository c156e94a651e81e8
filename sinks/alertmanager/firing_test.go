package alertmanager

import (
	"maps"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
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
