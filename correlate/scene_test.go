package correlate

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/slowpod/slowpod/classify"
	"github.com/slowpod/slowpod/ingest/accesslog"
)

// scene is the records of one service, made call by call.
type scene struct {
	rng     *rand.Rand
	records []Record
	calls   int64
	// client and server say which sides are logged.
	client, server bool
	service        string
	subset         string
	subnet         int // of its pods
	node           func(pod int) string
}

func newScene(seed uint64) *scene {
	return &scene{rng: rand.New(rand.NewPCG(seed, 9)), client: true, server: true,
		service: cart, subset: "v2", subnet: 2, node: func(int) string { return "worker-1" }}
}

// An end is how a call ends. The times are those of the caller's and of the
// pod's record.
type end struct {
	code            int
	flags, details  string
	duration        int64
	serverCode      int
	serverFlags     string
	serverDetails   string
	serverDuration  int64
	held, noReceipt bool // stuck in the pod's proxy; never arrived there
}

func (s *scene) ok() end {
	d := 15 + s.rng.Int64N(30)
	return end{code: 200, details: "via_upstream", duration: d + 2, serverCode: 200, serverDetails: "via_upstream", serverDuration: d}
}

// takes is a request that takes so many times as long as usual.
func (s *scene) takes(factor float64) end {
	e := s.ok()
	e.serverDuration = int64(float64(e.serverDuration) * factor)
	e.duration = e.serverDuration + 2
	return e
}

const routeTimeout = 500

var (
	// timeout is the pair of a slow app: the caller's proxy gives up.
	timeout = end{
		code: 504, flags: "UT", details: "response_timeout", duration: routeTimeout,
		serverDetails: "downstream_remote_disconnect", serverFlags: "DC", serverDuration: routeTimeout - 2,
	}
	// refused is the pair of an app that does not listen, over gRPC: by the
	// caller's record all is well.
	refused = end{
		code: 200, details: "via_upstream", duration: 2, serverCode: 200, serverFlags: "UF", serverDuration: 1,
		serverDetails: "upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused}",
	}
	// brokenAtOnce is an app that answers with an error at once.
	brokenAtOnce = end{code: 500, details: "via_upstream", duration: 3, serverCode: 500, serverDetails: "via_upstream", serverDuration: 1}
	// cancel is a caller's application that leaves.
	cancel = end{
		flags: "DC", details: "downstream_remote_disconnect", duration: 300,
		serverDetails: "downstream_remote_disconnect", serverFlags: "DC", serverDuration: 298,
	}
	// leaves is a caller's application that leaves as soon as others are answered.
	leaves = end{
		flags: "DC", details: "downstream_remote_disconnect", duration: 25,
		serverDetails: "downstream_remote_disconnect", serverFlags: "DC", serverDuration: 23,
	}
	// lost is a pod that answers at once, and a caller that never hears of it.
	lost = end{
		code: 504, flags: "UT", details: "response_timeout", duration: routeTimeout,
		serverCode: 200, serverDetails: "via_upstream", serverDuration: 5,
	}
)

// call makes the records of a call of a pod that begins a time after epoch0.
func (s *scene) call(after int64, pod int, e end) {
	s.calls++
	id := fmt.Sprintf("%08x-%04x-9000-8000-%012x", s.calls, s.subnet, s.calls)
	caller := fmt.Sprintf("10.244.1.%d", 1+s.calls%2)
	port := 30_000 + s.calls%20_000
	host := fmt.Sprintf("10.244.%d.%d:8080", s.subnet, pod)
	start := epoch0 + after
	if s.client {
		s.add(accesslog.Record{
			Start: start, Duration: e.duration, Code: e.code, Flags: []byte(e.flags), Details: []byte(e.details),
			HasCluster: true, Cluster: []byte("outbound|8080|" + s.subset + "|" + s.service), UpstreamHost: []byte(host),
			UpstreamLocal: fmt.Appendf(nil, "%s:%d", caller, port), DownstreamLocal: []byte("10.96.7.7:8080"),
			RequestID: []byte(id), Writer: accesslog.Writer{Pod: []byte("web-" + caller[9:])},
		})
	}
	if s.server && !e.noReceipt {
		r := accesslog.Record{
			Start: start + 1, Duration: e.serverDuration, Code: e.serverCode, Flags: []byte(e.serverFlags),
			Details: []byte(e.serverDetails), HasCluster: true, Cluster: []byte("inbound|8080||"), UpstreamHost: []byte(host),
			UpstreamLocal: []byte("127.0.0.6:52563"), DownstreamLocal: []byte(host),
			DownstreamPeer: fmt.Appendf(nil, "%s:%d", caller, port), ServerName: []byte("outbound_.8080_." + s.subset + "_." + s.service),
			RequestID: []byte(id), Writer: accesslog.Writer{
				Pod: fmt.Appendf(nil, "cart-v2-%d", pod), PodID: fmt.Appendf(nil, "uid-%d-%d", s.subnet, pod), Namespace: []byte("shop"), Node: []byte(s.node(pod)),
			},
		}
		if e.held {
			r.UpstreamLocal = nil
		}
		s.add(r)
	}
}

func (s *scene) add(a accesslog.Record) {
	a.Method, a.Path, a.Protocol, a.ServiceTime = []byte("GET"), []byte("/items"), []byte("HTTP/1.1"), -1
	if len(a.Flags) == 0 {
		a.Flags = nil
	}
	var r Record
	r.From(&a, classify.Classify(&a), 0, int64(len(s.records))+1)
	s.records = append(s.records, r)
}

// traffic is calls of the pods 1 to n in turn, perSecond together, from one
// time to another. of says how a call of a pod ends.
func (s *scene) traffic(from, until int64, n, perSecond int, of func(at int64, pod int) end) {
	step := int64(sec / perSecond)
	for at, i := from, 0; at < until; at, i = at+step, i+1 {
		pod := 1 + i%n
		s.call(at, pod, of(at, pod))
	}
}

// share ends a share of calls badly and the others well.
func (s *scene) share(p float64, bad end) end {
	if s.rng.Float64() < p {
		return bad
	}
	return s.ok()
}

// byEnd is the records as one stream writes them.
func (s *scene) byEnd() []Record {
	sorted := slices.Clone(s.records)
	slices.SortStableFunc(sorted, func(a, b Record) int { return cmp.Compare(a.End(), b.End()) })
	return sorted
}

// read gives records to a new correlator and returns what it found.
func read(records []Record) *Snapshot {
	c := New(Config{Bounds: DefaultBounds()})
	for i := range records {
		feed(c).Add(&records[i])
	}
	c.Close()
	return c.Snapshot()
}

func (s *scene) read() *Snapshot { return read(s.byEnd()) }

// kinds lists findings as "kind host proof", an ended one with "ended".
func kinds(s *Snapshot) []string {
	rows := []string{}
	for i := range s.Findings {
		f := &s.Findings[i]
		row := fmt.Sprintf("%s %s %s", f.Kind, f.UpstreamHost, f.Proof)
		if f.Ended {
			row += " ended"
		}
		rows = append(rows, row)
	}
	return rows
}

// onset is when the trouble of most scenes begins.
const onset = 2 * min1

// slowThird makes the third pod end badly from the onset on.
func (s *scene) slowThird(p float64, bad end) func(int64, int) end {
	return func(at int64, pod int) end {
		if pod == 3 && at >= onset {
			return s.share(p, bad)
		}
		return s.ok()
	}
}

// slowThirdBy makes the third pod take so many times as long from the onset on.
func (s *scene) slowThirdBy(factor float64) func(int64, int) end {
	return func(at int64, pod int) end {
		if pod == 3 && at >= onset {
			return s.takes(factor)
		}
		return s.ok()
	}
}

// seldomThenOften is two hours of traffic of two pods, and calls of a third one
// that take so many times as long: ten minutes apart, and in the end 20 s.
func (s *scene) seldomThenOften(factor float64) {
	s.traffic(0, 2*hour, 2, 1, func(int64, int) end { return s.ok() })
	for at := int64(0); at < 2*hour; {
		s.call(at, 3, s.takes(factor))
		if at < 100*min1 {
			at += 10 * min1
		} else {
			at += 20 * sec
		}
	}
}
