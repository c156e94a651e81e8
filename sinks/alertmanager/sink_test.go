package alertmanager

import (
	"maps"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/slowpod/slowpod/sinks/report"
)

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
