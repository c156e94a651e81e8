package logstream

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// begin is the begin of an epoch.
const begin = 1_772_445_600_000

// scene writes the log of some services with two pods each, a call every 100 ms:
// both sides' records, in the order of their ends. Each call has the number of its
// service and its own, from 0.
type scene struct {
	calls    int
	services int32
	change   func(n int, client, server *Record) (keepClient, keepServer bool)
}

func (s *scene) write(l *Log) {
	at := int64(begin)
	for n := range s.calls {
		at += 100
		service := int32(n)%s.services + 1
		host := 2*service + int32(n/int(s.services))%2
		client := Record{
			Side: Client, Start: at, Duration: 20, Code: 200, Outcome: OK, Service: service, Host: host,
			ID: uint64(n + 1), Connection: uint64(host), Caller: 7, Clock: []byte("node-a"), Line: int64(2*n + 1),
		}
		server := client
		server.Side, server.Start, server.Duration, server.Line = Server, at+5, 10, int64(2*n+2)
		server.Clock = fmt.Appendf(nil, "node-%c", 'b'+rune(host%2))
		keepClient, keepServer := true, true
		if s.change != nil {
			keepClient, keepServer = s.change(n, &client, &server)
		}
		if keepServer {
			l.Add(&server)
		}
		if keepClient {
			l.Add(&client)
		}
		if n%100 == 0 {
			l.Advance(at - 10_000)
		}
	}
	l.Close(at + 10_000)
}

// told is what is found, as words.
func told(l *Log) string {
	var all []string
	for _, f := range l.Faults() {
		s := f.Reason.String()
		for side, is := range f.Sides {
			if is {
				s += [...]string{" client", " server"}[side]
			}
		}
		for _, c := range f.Clocks {
			s += fmt.Sprintf(" %s%+d", c.Name, c.Ahead)
		}
		for _, m := range f.Fields {
			s += " " + m.Field.Name(m.Side)
		}
		if f.Ended {
			s += " ended"
		}
		all = append(all, s)
	}
	return strings.Join(all, ", ")
}

func refuse(r *Record)  { r.Code, r.Outcome = 500, Refused }
func timeOut(r *Record) { r.Code, r.Outcome, r.Duration = 504, Cut, 500 }
func cutOff(r *Record)  { r.Code, r.Outcome, r.Duration = 0, Cut, 495 }

func TestReasons(t *testing.T) {
	f := func(name string, s scene, want string) {
		t.Helper()
		l := New()
		if s.services == 0 {
			s.services = 4
		}
		s.write(l)
		if got := told(l); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	f("whole", scene{calls: 2000}, "")
	f("too short to tell", scene{calls: 40, change: func(int, *Record, *Record) (bool, bool) { return true, false }}, "")

	f("callers only", scene{calls: 1000, change: func(int, *Record, *Record) (bool, bool) { return true, false }}, "one_sided server")
	f("pods only", scene{calls: 1000, change: func(int, *Record, *Record) (bool, bool) { return false, true }}, "one_sided client")
	f("one service without its pods", scene{calls: 1000, change: func(_ int, c, _ *Record) (bool, bool) { return true, c.Service != 2 }}, "one_sided server")
	f("a service outside of the mesh", scene{calls: 1000, change: func(_ int, c, s *Record) (bool, bool) {
		c.Outside, s.Outside = c.Service == 2, s.Service == 2
		return true, c.Service != 2
	}}, "")
	f("pods that nobody names", scene{calls: 1000, change: func(_ int, _, s *Record) (bool, bool) { s.Service = 0; return false, true }}, "one_sided client")

	errors := func(n int, c, s *Record) (bool, bool) {
		if n%20 != 0 {
			return false, false
		}
		refuse(c)
		refuse(s)
		return true, true
	}
	f("errors only", scene{calls: 4000, services: 3, change: errors}, "errors_only client server")
	f("errors only, of one service", scene{calls: 4000, services: 1, change: errors}, "")
	f("errors only of callers", scene{calls: 4000, services: 3, change: func(n int, c, s *Record) (bool, bool) {
		keep, _ := errors(n, c, s)
		return keep, true
	}}, "errors_only client")
	f("one service fails", scene{calls: 1000, change: func(_ int, c, s *Record) (bool, bool) {
		if c.Service == 2 {
			refuse(c)
			refuse(s)
		}
		return true, true
	}}, "")
	f("nothing is answered", scene{calls: 1000, change: func(_ int, c, _ *Record) (bool, bool) {
		c.Code, c.Outcome = 503, Other
		return true, false
	}}, "")
	f("all connections to a service are refused", scene{calls: 1000, change: func(_ int, c, _ *Record) (bool, bool) {
		if c.Service == 2 {
			c.Code, c.Outcome = 503, Other
		}
		return true, c.Service != 2
	}}, "")
	f("and it logs nothing of what it answers", scene{calls: 1000, change: func(n int, c, _ *Record) (bool, bool) {
		if c.Service == 2 && n%8 > 3 {
			c.Code, c.Outcome = 503, Other
		}
		return true, c.Service != 2
	}}, "one_sided server")

	f("a tenth of all", scene{calls: 5000, change: func(n int, _, _ *Record) (bool, bool) { return n%10 == 0 || n%7 == 0, n%10 == 0 || n%11 == 0 }}, "sampled client server")
	f("half of the pods'", scene{calls: 2000, change: func(n int, _, _ *Record) (bool, bool) { return true, n/8%2 == 0 }}, "sampled server")
	f("half of the callers'", scene{calls: 2000, change: func(n int, _, _ *Record) (bool, bool) { return n/8%2 == 0, true }}, "sampled client")
	f("a few lost", scene{calls: 2000, change: func(n int, _, _ *Record) (bool, bool) { return n%50 != 0, n%40 != 0 }}, "")
	f("callers outside of the mesh", scene{calls: 2000, change: func(n int, _, s *Record) (bool, bool) {
		if n/8%2 == 0 {
			s.Caller = 1000
		}
		return n/8%2 != 0, true
	}}, "")
	f("a pod that logs nothing", scene{calls: 2000, change: func(_ int, _, s *Record) (bool, bool) { return true, s.Host != 4 }}, "")
	f("a pod that logs nothing any more", scene{calls: 2000, change: func(n int, _, s *Record) (bool, bool) { return true, s.Host != 4 || n < 1000 }}, "")
	f("another id on the way", scene{calls: 2000, change: func(n int, c, s *Record) (bool, bool) {
		if c.Service == 2 {
			s.ID += 1 << 40
		}
		return true, true
	}}, "")

	missing := func(of Field, every int) scene {
		return scene{calls: 1000, change: func(n int, c, s *Record) (bool, bool) {
			if n%every == 0 {
				c.Missing.Add(of)
				s.Missing.Add(of)
			}
			return true, true
		}}
	}
	f("no ids", missing(RequestID, 1), "fields_missing client server request_id request_id")
	f("no ids of some", missing(RequestID, 4), "fields_missing client server request_id request_id")
	f("no ids of a few", missing(RequestID, 10), "")
	f("no addresses", missing(Connection, 1), "fields_missing client server upstream_local_address downstream_remote_address")
	f("no hosts", missing(UpstreamHost, 1), "fields_missing client server upstream_host downstream_local_address")
	f("no details", missing(Details, 1), "fields_missing client server response_code_details response_code_details")
	f("no durations", missing(DurationOfCall, 1), "fields_missing client server duration duration")
	f("short calls", missing(DurationOfCall, 2), "")

	ahead := func(node string, ms int64, cut bool) scene {
		return scene{calls: 2000, change: func(_ int, c, s *Record) (bool, bool) {
			if cut {
				timeOut(c)
				cutOff(s)
			}
			for _, r := range []*Record{c, s} {
				if string(r.Clock) == node {
					r.Start += ms
				}
			}
			return true, true
		}}
	}
	f("a pod's node", ahead("node-b", 5000, false), "skew node-b+5000")
	f("a pod's node, behind", ahead("node-c", -5000, false), "skew node-c-5000")
	f("the callers' node", ahead("node-a", 1500, false), "skew node-a+1500 node-b-1500 node-c-1500")
	f("by cut calls", ahead("node-b", 5000, true), "skew node-b+5000")
	f("by less than matters", ahead("node-b", 900, false), "")

}

// A record that comes twice is one at another place; what is read again is none.
func TestDuplicates(t *testing.T) {
	f := func(again int, sameLine bool, want string) {
		t.Helper()
		l := New()
		s := scene{calls: 2000, services: 4, change: func(n int, c, s *Record) (bool, bool) {
			if n%again == 0 {
				l.Add(c)
				if !sameLine {
					c.Line += 1 << 20
				}
			}
			return true, true
		}}
		s.write(l)
		if got := told(l); got != want {
			t.Errorf("each %dth, same line %v: %q, want %q", again, sameLine, got, want)
		}
	}
	f(1, false, "duplicates")
	f(5, false, "duplicates")
	f(30, false, "")
	f(1, true, "")
}

// Timeouts of which pods that log know nothing, while these log no code 0.
func TestCode0Filtered(t *testing.T) {
	f := func(name string, lost, late, hosts int, clientZero, serverZero bool, want string) {
		t.Helper()
		l := New()
		for n := range late {
			l.AnsweredLate(begin + int64(n)*1000)
		}
		s := scene{calls: 1000, services: 4, change: func(n int, c, s *Record) (bool, bool) {
			if n%100 == 1 && clientZero {
				c.Code, c.Outcome = 0, Other
			}
			if n%100 == 1 && serverZero {
				cutOff(s)
			}
			return true, true
		}}
		for n := range lost {
			l.NotReceived(begin+int64(n)*1000, int32(n%hosts))
		}
		s.write(l)
		if got := told(l); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	f("two pods, few of which answered", 40, 2, 2, false, false, "code_0_filtered server")
	f("two pods, and callers that log code 0", 40, 0, 2, true, false, "code_0_filtered server")
	f("one pod", 40, 0, 1, false, false, "code_0_filtered server")
	f("one pod that may be cut off", 40, 0, 1, true, false, "")
	f("one pod, whose answers get lost, too", 40, 40, 1, false, false, "")
	f("pods log code 0", 40, 0, 2, false, true, "")
	f("a few timeouts", 10, 0, 2, false, false, "")
}

// A fault ends when the log is whole again, and is the same one if it comes back
// soon.
func TestFaultsEnd(t *testing.T) {
	f := func(bad func(minute int) bool, minutes int, want string, start, end int64) {
		t.Helper()
		l := New()
		s := scene{calls: minutes * 600, services: 2, change: func(n int, _, _ *Record) (bool, bool) { return true, !bad(n / 600) }}
		s.write(l)
		if got := told(l); got != want {
			t.Fatalf("%q, want %q", got, want)
		}
		faults := l.Faults()
		last := faults[len(faults)-1]
		if got := []int64{(last.Start - begin) / 60_000, (last.End - begin) / 60_000}; last.Ended && !slices.Equal(got, []int64{start, end}) {
			t.Errorf("from minute %d to %d, want %d to %d", got[0], got[1], start, end)
		}
	}
	f(func(m int) bool { return m < 12 }, 40, "one_sided server ended", 0, 15)
	f(func(m int) bool { return m < 12 || m >= 30 && m < 45 }, 80, "one_sided server ended", 0, 50)
	f(func(m int) bool { return m < 12 || m >= 100 && m < 115 }, 140, "one_sided server ended, one_sided server ended", 100, 120)
	f(func(m int) bool { return m >= 30 }, 60, "one_sided server", 0, 0)
}

// However much comes, what is kept is bounded, and a whole log stays one.
func TestBounded(t *testing.T) {
	l := New()
	s := scene{calls: 0, services: 1}
	s.write(l)
	at := int64(begin)
	for n := range 200_000 {
		if n%50 == 0 {
			at++
		}
		r := Record{
			Side: Server, Start: at, Duration: 5, Code: 200, Outcome: OK, Service: int32(n % 7), Host: int32(n % 100),
			ID: uint64(n+1) * 0x9e3779b97f4a7c15, Caller: uint64(n % 50_000), Clock: fmt.Appendf(nil, "10.0.%d.%d", n%20_000/256, n%256),
		}
		l.Add(&r)
		r.Side, r.Start, r.Duration, r.Line = Client, at-1, 8, 1
		l.Add(&r)
	}
	if n := len(l.pairs.ring); n != maxEntries || l.pairs.shift == 0 {
		t.Errorf("%d entries, share 1/2^%d", n, l.pairs.shift)
	}
	if len(l.clocks.names) > maxClocks || len(l.pairs.callers) > maxCallers || l.Dropped() == 0 {
		t.Errorf("%d clocks, %d callers, %d dropped", len(l.clocks.names), len(l.pairs.callers), l.Dropped())
	}
	l.Close(at)
	if got := told(l); got != "" {
		t.Errorf("%q", got)
	}
	for n := range 500 { // and it ends and begins for ever
		var found [Reasons]*Fault
		if n%2 == 0 {
			found[Skew] = &Fault{Reason: Skew}
		}
		l.keep(found, at, at+1)
		at += 2 * oneEpisode
	}
	if len(l.faults) > maxFaults+Reasons {
		t.Errorf("%d faults are kept", len(l.faults))
	}
}

// Absurd times neither hang nor move anything.
func TestAbsurdTimes(t *testing.T) {
	l := New()
	s := scene{calls: 1000, services: 4, change: func(n int, _, server *Record) (bool, bool) {
		if n == 500 {
			server.Start = 1 << 60
		}
		if n == 600 {
			server.Start = -1 << 60
		}
		return true, true
	}}
	s.write(l)
	l.Advance(begin + 1<<50)
	if diff := cmp.Diff("", told(l)); diff != "" {
		t.Error(diff)
	}
}
