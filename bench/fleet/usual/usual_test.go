package usual

import (
	"fmt"
	"slices"
	"testing"

	"github.com/slowpod/slowpod/classify"
	"github.com/slowpod/slowpod/correlate"
)

// script feeds records to a way, at seconds of the collector's time.
type script struct{ way Way }

func (s *script) at(second float64, r correlate.Record) { s.way.Observe(int64(second*1000), &r) }

// times repeats a record within a second.
func (s *script) times(n int, second float64, r correlate.Record) {
	for range n {
		s.at(second, r)
	}
}

const start = 600 // seconds: the beginning of a minute

func client(host string, code int, ms int64) correlate.Record {
	r := correlate.Record{Class: classify.Class{Side: classify.Client, HTTP: true, Outcome: classify.OK}, Code: code, Duration: ms}
	r.UpstreamHost, r.Target.Service, r.UpstreamLocal = []byte(host), []byte("s"), []byte("c:1")
	return r
}

func server(host string, ms int64) correlate.Record {
	r := client(host, 200, ms)
	r.Side = classify.Server
	return r
}

func timeout(host, id string) correlate.Record {
	r := client(host, 504, 1000)
	r.Outcome, r.Flags, r.RequestID = classify.Timeout, classify.Of(classify.UT), []byte(id)
	return r
}

func disconnect(host, id string) correlate.Record {
	r := server(host, 1000)
	r.Outcome, r.Flags, r.Code, r.RequestID = classify.DownstreamClosed, classify.Of(classify.DC), 0, []byte(id)
	return r
}

// wants compares alerts written as "host at-cleared" in seconds after start;
// an alert that lasts has no end.
func wants(t *testing.T, w Way, want ...string) {
	t.Helper()
	var got []string
	for _, a := range w.Alerts() {
		s := fmt.Sprintf("%s %g-", a.Host, float64(a.At)/1000-start)
		if a.Cleared != 0 {
			s += fmt.Sprintf("%g", float64(a.Cleared)/1000-start)
		}
		got = append(got, s)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("%s: alerts %q, want %q", w.Name(), got, want)
	}
}

func TestGrep(t *testing.T) {
	for _, c := range []struct {
		name  string
		least int
		feed  func(s *script)
		want  []string
	}{
		{"one is enough for 1", 1, func(s *script) { s.at(start+5, timeout("a", "1")) }, []string{"a 5-"}},
		{"two are too few for 3", 3, func(s *script) { s.times(2, start+5, timeout("a", "1")) }, nil},
		{"the third cries at once", 3, func(s *script) { s.times(3, start+5, timeout("a", "1")) }, []string{"a 5-"}},
		{"not over two minutes", 3, func(s *script) {
			s.times(2, start+59, timeout("a", "1"))
			s.times(2, start+61, timeout("a", "1"))
		}, nil},
		{"nor over two hosts", 3, func(s *script) {
			s.times(2, start+5, timeout("a", "1"))
			s.times(2, start+5, timeout("b", "1"))
		}, nil},
		{"it lasts while each minute has enough", 1, func(s *script) {
			s.at(start+5, timeout("a", "1"))
			s.at(start+65, timeout("a", "1"))
			s.at(start+130, client("b", 200, 1))
			s.at(start+190, client("b", 200, 1))
		}, []string{"a 5-180"}},
		{"and comes again", 1, func(s *script) {
			s.at(start+5, timeout("a", "1"))
			s.at(start+125, client("a", 200, 1))
			s.at(start+190, timeout("a", "1"))
		}, []string{"a 190-", "a 5-180"}},
		{"only what callers write", 1, func(s *script) {
			r := timeout("a", "1")
			r.Side = classify.Server
			s.at(start+5, r)
			s.at(start+6, client("a", 504, 1))
		}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &script{way: NewGrep(c.least)}
			c.feed(s)
			wants(t, s.way, c.want...)
		})
	}
}

func TestJoined(t *testing.T) {
	pair := func(s *script, second float64, host, id string) {
		s.at(second, timeout(host, id))
		s.at(second+0.5, disconnect(host, id))
	}
	for _, c := range []struct {
		name string
		feed func(s *script)
		want []string
	}{
		{"three pairs", func(s *script) {
			for i := range 3 {
				pair(s, start+float64(i), "a", fmt.Sprint(i))
			}
		}, []string{"a 2.5-"}},
		{"the server's side first", func(s *script) {
			for i := range 3 {
				s.at(start+float64(i), disconnect("a", fmt.Sprint(i)))
				s.at(start+10+float64(i), timeout("a", fmt.Sprint(i)))
			}
		}, []string{"a 12-"}},
		{"across the end of a minute", func(s *script) {
			for i := range 3 {
				s.at(start+57+float64(i), timeout("a", fmt.Sprint(i)))
			}
			for i := range 3 {
				s.at(start+61+float64(i), disconnect("a", fmt.Sprint(i)))
			}
		}, []string{"a 63-"}},
		{"a half alone is no pair", func(s *script) {
			for i := range 9 {
				s.at(start+float64(i), timeout("a", fmt.Sprint(i)))
			}
		}, nil},
		{"nor is another pod's disconnect", func(s *script) {
			for i := range 9 {
				s.at(start+float64(i), timeout("a", fmt.Sprint(i)))
				s.at(start+float64(i), disconnect("b", fmt.Sprint(i)))
			}
		}, nil},
		{"a line that comes twice is one", func(s *script) {
			for range 3 {
				pair(s, start, "a", "1")
			}
		}, nil},
		{"no wait for ever", func(s *script) {
			for i := range 3 {
				s.at(start+float64(i), timeout("a", fmt.Sprint(i)))
			}
			s.at(start+70, client("b", 200, 1))
			for i := range 3 {
				s.at(start+130+float64(i), disconnect("a", fmt.Sprint(i)))
			}
		}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &script{way: NewJoined(3)}
			c.feed(s)
			wants(t, s.way, c.want...)
		})
	}
}

// interval gives each host so many requests, of which some fail.
func interval(s *script, second float64, hosts map[string][2]int) {
	for host, n := range hosts {
		s.times(n[0]-n[1], second, client(host, 200, 5))
		s.times(n[1], second, client(host, 503, 5))
	}
}

func TestOutliers(t *testing.T) {
	five := func(n int, failed ...int) map[string][2]int {
		hosts := map[string][2]int{}
		for i, f := range failed {
			hosts[string(rune('a'+i))] = [2]int{n, f}
		}
		return hosts
	}
	for _, c := range []struct {
		name  string
		way   *Outliers
		hosts map[string][2]int
		want  []string
	}{
		// Mean 90, sd 20: the limit is 52.
		{"success rate: one of five fails half", NewSuccessRate(), five(100, 50, 0, 0, 0, 0), []string{"a 10-20"}},
		{"success rate: too few requests", NewSuccessRate(), five(99, 50, 0, 0, 0, 0), nil},
		{"success rate: too few hosts", NewSuccessRate(), five(100, 50, 0, 0, 0), nil},
		{"success rate: all the same", NewSuccessRate(), five(100, 50, 50, 50, 50, 50), nil},
		// Its weakness: where all are fine, one failure is an outlier.
		{"success rate: one failure among healthy hosts", NewSuccessRate(), five(100, 1, 0, 0, 0, 0), []string{"a 10-20"}},
		{"failure percentage: 85 of 100", NewFailures(85, 50), five(100, 85, 0, 0, 0, 0), []string{"a 10-20"}},
		{"failure percentage: 84 of 100", NewFailures(85, 50), five(100, 84, 0, 0, 0, 0), nil},
		{"failure percentage: too few requests", NewFailures(85, 50), five(49, 49, 0, 0, 0, 0), nil},
		{"failure percentage 50, volume 10", NewFailures(50, 10), five(10, 5, 0, 0, 0, 4), []string{"a 10-20"}},
		{"failure percentage: too few hosts", NewFailures(50, 10), five(10, 5, 0, 0, 0), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &script{way: c.way}
			interval(s, start+5, c.hosts)
			interval(s, start+15, five(100, 0, 0, 0, 0, 0))
			s.at(start+25, client("a", 200, 5))
			wants(t, s.way, c.want...)
		})
	}
}

// A caller that hangs up is no failure of the host.
func TestOutliersLeaveHangUpsOut(t *testing.T) {
	s := &script{way: NewFailures(50, 10)}
	for _, host := range []string{"a", "b", "c", "d", "e"} {
		s.times(10, start+5, client(host, 0, 5))
	}
	s.at(start+15, client("a", 200, 5))
	wants(t, s.way)
}

// minuteOf gives hosts ten requests of a duration in a minute.
func minuteOf(s *script, n int, make func(string, int64) correlate.Record, ms ...int64) {
	for i, d := range ms {
		s.times(10, start+60*float64(n)+30, make(string(rune('a'+i)), d))
	}
}

func TestQuantiles(t *testing.T) {
	ok := func(host string, ms int64) correlate.Record { return client(host, 200, ms) }
	end := func(s *script, n int) { s.at(start+60*float64(n)+1, server("z", 1)) }
	for _, c := range []struct {
		name string
		way  *Quantiles
		feed func(s *script)
		want []string
	}{
		{"peers: twice as slow in five minutes", NewPeers(2, 5), func(s *script) {
			for n := range 5 {
				minuteOf(s, n, server, 40, 20, 20, 20)
			}
			end(s, 5)
		}, []string{"a 300-"}},
		{"peers: four are too few", NewPeers(2, 5), func(s *script) {
			for n := range 4 {
				minuteOf(s, n, server, 40, 20, 20, 20)
			}
			minuteOf(s, 4, server, 39, 20, 20, 20)
			end(s, 5)
		}, nil},
		{"peers: a good minute ends it", NewPeers(3, 3), func(s *script) {
			for n := range 3 {
				minuteOf(s, n, server, 60, 20, 20, 20)
			}
			minuteOf(s, 3, server, 20, 20, 20, 20)
			end(s, 4)
		}, []string{"a 180-240"}},
		{"peers: so does one with too few requests", NewPeers(3, 3), func(s *script) {
			for n := range 5 {
				if n == 2 {
					s.times(9, start+60*2+30, server("a", 60))
					minuteOf(s, n, func(h string, ms int64) correlate.Record { return server("x"+h, ms) }, 20, 20, 20)
					continue
				}
				minuteOf(s, n, server, 60, 20, 20, 20)
			}
			end(s, 5)
		}, nil},
		{"peers: two pods are no siblings", NewPeers(2, 1), func(s *script) {
			minuteOf(s, 0, server, 60, 20)
			end(s, 1)
		}, nil},
		{"peers: less than a millisecond is nothing", NewPeers(2, 1), func(s *script) {
			minuteOf(s, 0, server, 1, 0, 0, 0)
			end(s, 1)
		}, nil},
		// The others' p50 are 18 to 22: median 20, MAD 1, and 0.6745 x 6 is 4.
		{"MAD: far out", NewMAD(classify.Server, 0.5, 1), func(s *script) {
			minuteOf(s, 0, server, 26, 18, 19, 20, 20, 21, 22)
			end(s, 1)
		}, []string{"a 60-"}},
		{"MAD: not so far", NewMAD(classify.Server, 0.5, 1), func(s *script) {
			minuteOf(s, 0, server, 25, 18, 19, 20, 20, 21, 22)
			end(s, 1)
		}, nil},
		{"MAD: pods that are all alike have 5 %", NewMAD(classify.Server, 0.5, 1), func(s *script) {
			minuteOf(s, 0, server, 127, 100, 100, 100, 100)
			end(s, 1)
		}, []string{"a 60-"}},
		{"MAD: p95 sees one in ten", NewMAD(classify.Server, 0.95, 1), func(s *script) {
			minuteOf(s, 0, server, 20, 20, 20, 20)
			s.at(start+31, server("a", 500))
			end(s, 1)
		}, []string{"a 60-"}},
		{"MAD: p50 does not", NewMAD(classify.Server, 0.5, 1), func(s *script) {
			minuteOf(s, 0, server, 20, 20, 20, 20)
			s.at(start+31, server("a", 500))
			end(s, 1)
		}, nil},
		{"MAD: the client's side", NewMAD(classify.Client, 0.95, 3), func(s *script) {
			for n := range 3 {
				minuteOf(s, n, ok, 60, 20, 20, 20)
				minuteOf(s, n, server, 20, 20, 20, 60)
			}
			end(s, 3)
		}, []string{"a 180-"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &script{way: c.way}
			c.feed(s)
			wants(t, s.way, c.want...)
		})
	}
}

// A server record that names no service is of the one that callers name for
// its address.
func TestQuantilesLearnTheService(t *testing.T) {
	s := &script{way: NewPeers(2, 1)}
	for i, ms := range []int64{60, 20, 20} {
		host := string(rune('a' + i))
		r := server(host, ms)
		r.Target.Service = nil
		s.at(start+1, r) // too early: nobody has named it
		s.at(start+2, client(host, 200, ms))
		s.times(10, start+3, r)
	}
	s.at(start+61, server("z", 1))
	wants(t, s.way, "a 60-")
}

// The ways of the table are those of detection.md 3.2.
func TestAll(t *testing.T) {
	names := map[string]bool{}
	for _, w := range All() {
		names[w.Name()] = true
	}
	if len(names) != 12 {
		t.Errorf("%d ways with names of their own: %v", len(names), names)
	}
}
