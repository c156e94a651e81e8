package correlate_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/slowpod/slowpod/classify"
	"github.com/slowpod/slowpod/correlate"
	"github.com/slowpod/slowpod/ingest/accesslog"
)

// epoch is when the generated logs begin, Unix milliseconds.
var epoch = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC).UnixMilli()

// knobs say what a generated mesh is like. Shares are in percent.
type knobs struct {
	requests int
	length   int64 // of the log, ms
	lost     int   // lines
	twice    int   // lines that are delivered twice
	noID     int   // calls whose records have no request id
	halfID   int   // calls of which one record has no request id
	index14  int   // calls whose ids differ at index 14
	xff      int   // calls that entered by a gateway: no tuple on the server
	ordinary int   // calls that go well
	far      int   // calls whose sides do not agree on the time
	silent   int   // pods that write no log
	noSNI    int   // pods that are called without SNI
	pooled   int   // calls on a kept-alive connection
	named    bool  // writers are named
	long     bool  // one service has a call of 90 s
	dense    bool  // pods answer something every few seconds
	subsets  bool  // every other pod is of another subset
}

func knobsOf(seed uint64) knobs {
	r := rand.New(rand.NewPCG(seed, 14))
	pick := func(of ...int) int { return of[r.IntN(len(of))] }
	return knobs{
		requests: 40 + r.IntN(160), length: int64(300_000 + r.IntN(300_000)),
		lost: pick(0, 0, 5, 25), twice: pick(0, 0, 10, 40), noID: pick(0, 0, 10, 50), halfID: pick(0, 0, 10),
		index14: pick(0, 20), xff: pick(0, 20, 60), ordinary: pick(10, 30, 60), far: pick(0, 0, 10, 30),
		silent: pick(0, 20), noSNI: pick(0, 30), pooled: pick(0, 50, 95), named: r.IntN(2) == 0, long: r.IntN(4) == 0,
		dense: r.IntN(3) > 0, subsets: r.IntN(4) == 0,
	}
}

type service struct {
	name string
	pods []*pod
}

type pod struct {
	name, ip string
	service  *service
	subset   string
	silent   bool
	noSNI    bool
}

func (p *pod) host() string { return p.ip + ":8080" }

type caller struct{ name, ip string }

// world generates the records of a mesh.
type world struct {
	*rand.Rand
	knobs
	services []*service
	callers  []caller
	records  []correlate.Record
	port     int
}

func newWorld(seed uint64, k knobs) *world {
	w := &world{Rand: rand.New(rand.NewPCG(seed, 41)), knobs: k, port: 30_000}
	for i, name := range []string{"front", "back"} {
		s := &service{name: name + ".shop.svc.cluster.local"}
		for n := range 2 + w.IntN(2) {
			subset := ""
			if k.subsets {
				subset = []string{"v1", "v2"}[n%2]
			}
			s.pods = append(s.pods, &pod{
				subset: subset,
				name:   fmt.Sprintf("%s-%d", name, n), ip: fmt.Sprintf("10.244.%d.%d", i, 10+n), service: s,
				silent: w.percent(k.silent), noSNI: w.percent(k.noSNI),
			})
		}
		w.services = append(w.services, s)
	}
	for n := range 2 + w.IntN(2) {
		w.callers = append(w.callers, caller{fmt.Sprintf("caller-%d", n), fmt.Sprintf("10.244.9.%d", 10+n)})
	}
	return w
}

func (w *world) percent(n int) bool { return w.IntN(100) < n }

// span is a duration between a and b, in milliseconds.
func (w *world) span(a, b int64) int64 { return a + w.Int64N(b-a+1) }

// log generates all records.
func (w *world) log() []correlate.Record {
	if w.long {
		c := w.call(w.services[0], -120_000)
		c.client(c.pod, 90_000, 200, "", "via_upstream")
		c.server(c.pod, 89_990, 200, "", "via_upstream")
	}
	// The callers know every pod from the beginning.
	lost := w.lost
	w.lost = 0
	for _, s := range w.services {
		for _, p := range s.pods {
			c := w.call(s, -30_000)
			c.pod = p
			c.ordinary()
		}
	}
	w.lost = lost
	for range w.requests {
		w.request(w.Int64N(w.length))
	}
	if w.dense {
		for _, s := range w.services {
			for _, p := range s.pods {
				for at := w.span(0, 8_000); at < w.length; at += w.span(4_000, 9_000) {
					c := w.call(s, at)
					c.pod = p
					c.ordinary()
				}
			}
		}
	}
	return w.records
}

// request generates a request that starts at some time, with all its attempts.
func (w *world) request(at int64) {
	c := w.call(w.services[w.IntN(len(w.services))], at)
	if w.percent(w.knobs.ordinary) {
		c.ordinary()
		return
	}
	stories[w.IntN(len(stories))](c)
}

// story is a request in the making.
type story struct {
	*world
	caller caller
	pod    *pod
	id     string
	port   string
	xff    bool
	at     int64 // start, after epoch
	noID   bool
	// which of the two sides has no id, or another index 14
	clientNoID, serverNoID bool
	clientID, serverID     string
}

func (w *world) call(s *service, at int64) *story {
	c := &story{
		world: w, caller: w.callers[w.IntN(len(w.callers))], pod: s.pods[w.IntN(len(s.pods))], at: at,
		noID: w.percent(w.knobs.noID), xff: w.percent(w.knobs.xff),
	}
	c.id = fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", w.Uint32(), w.IntN(1<<16), w.IntN(1<<12), w.IntN(1<<12), w.Uint64()>>16)
	c.clientID, c.serverID = c.id, c.id
	if w.percent(w.index14) {
		c.clientID = c.id[:14] + "9" + c.id[15:]
		c.serverID = c.id[:14] + "a" + c.id[15:]
	}
	if w.percent(w.halfID) {
		if w.IntN(2) == 0 {
			c.clientNoID = true
		} else {
			c.serverNoID = true
		}
	}
	c.connect()
	return c
}

// connect chooses the connection of the next attempt.
func (c *story) connect() {
	c.world.port++
	port := c.world.port
	if c.percent(c.pooled) {
		port = 20_000 + c.IntN(2)
	}
	c.port = fmt.Sprint(port)
}

func text(s string) []byte {
	if s == "" {
		return nil
	}
	return []byte(s)
}

// client writes the caller's record: the host is that of the last attempt, nil
// where none was chosen. Its flags beginning with "!" say that no connection
// was obtained.
func (c *story) client(p *pod, duration int64, code int, flags, details string) {
	connected := !strings.HasPrefix(flags, "!") && p != nil
	a := accesslog.Record{
		Start: epoch + c.at, Duration: duration, Method: text("GET"), Path: text("/"), Protocol: text("HTTP/1.1"),
		RequestID: text(c.clientID), Code: code, Flags: text(strings.TrimPrefix(flags, "!")), Details: text(details),
		HasCluster: true, Cluster: text("outbound|8080||" + c.pod.service.name), DownstreamLocal: text("10.96.0.1:8080"),
		DownstreamPeer: text(c.caller.ip + ":40000"), ServiceTime: -1,
	}
	if c.noID || c.clientNoID {
		a.RequestID = nil
	}
	if p != nil {
		a.Cluster = text("outbound|8080|" + p.subset + "|" + c.pod.service.name)
		a.UpstreamHost = text(p.host())
	}
	if connected {
		a.UpstreamLocal = text(c.caller.ip + ":" + c.port)
	}
	if c.named {
		a.Writer.Pod = text(c.caller.name)
	}
	c.write(a)
}

// server writes the called pod's record. It starts a little after the client's
// and ends so that the two ends agree as they do in a real mesh, if the
// durations do. Its flags beginning with "!" say that the app was not reached.
func (c *story) server(p *pod, duration int64, code int, flags, details string) {
	if p.silent {
		return
	}
	a := accesslog.Record{
		Start: epoch + c.at + c.lag(), Duration: duration, Method: text("GET"), Path: text("/"), Protocol: text("HTTP/1.1"),
		RequestID: text(c.serverID), Code: code, Flags: text(strings.TrimPrefix(flags, "!")), Details: text(details),
		HasCluster: true, Cluster: text("inbound|8080||"), UpstreamHost: text(p.host()), UpstreamLocal: text("127.0.0.6:50000"),
		DownstreamLocal: text(p.host()), DownstreamPeer: text(c.caller.ip + ":" + c.port), ServiceTime: -1,
	}
	if c.noID || c.serverNoID {
		a.RequestID = nil
	}
	if strings.HasPrefix(flags, "!") {
		a.UpstreamLocal = nil
	}
	if c.xff {
		a.DownstreamPeer = text("203.0.113.7:0")
	}
	if !p.noSNI {
		a.ServerName = text("outbound_.8080_." + p.subset + "_." + p.service.name)
	}
	if c.named {
		a.Writer.Pod = text(p.name)
	}
	c.write(a)
}

// refused writes the record of a connection that spoke no TLS to a server that
// demands it.
func (c *story) refused(p *pod, after int64) {
	if p.silent {
		return
	}
	a := accesslog.Record{
		Start: epoch + c.at + after, Flags: text("NR"), Details: text("filter_chain_not_found"), HasCluster: true,
		DownstreamLocal: text(p.host()), DownstreamPeer: text(c.caller.ip + ":" + c.port), ServiceTime: -1,
	}
	if c.named {
		a.Writer.Pod = text(p.name)
	}
	c.write(a)
}

// lag is how much later the server's record is than the client's.
func (c *story) lag() int64 {
	switch {
	case c.percent(c.far):
		return c.span(-38_000, 38_000)
	case c.percent(3):
		return c.span(-68, 569)
	}
	return c.span(-21, 64)
}

// write keeps a line, loses it, or delivers it twice.
func (w *world) write(a accesslog.Record) {
	if w.percent(w.lost) {
		return
	}
	n := 1
	if w.percent(w.twice) {
		n = 2
	}
	for range n {
		var r correlate.Record
		r.From(&a, classify.Classify(&a), 1, int64(len(w.records)+1))
		w.records = append(w.records, r)
	}
}

// other is another pod of the same service.
func (c *story) other() *pod {
	for {
		if p := c.pod.service.pods[c.IntN(len(c.pod.service.pods))]; p != c.pod {
			return p
		}
	}
}

func (c *story) ordinary() {
	d := c.span(2, 400)
	c.client(c.pod, d+2, 200, "", "via_upstream")
	c.server(c.pod, d, 200, "", "via_upstream")
}

// timeout is one of the usual ones of a mesh, or any.
func (c *story) timeout() int64 {
	if c.IntN(2) == 0 {
		return []int64{500, 1000, 3000, 15_000}[c.IntN(4)]
	}
	return c.span(200, 30_000)
}

// closed writes the server's half of a call that its caller gave up.
func (c *story) closed(p *pod, duration int64) {
	switch c.IntN(4) {
	case 0:
		c.server(p, duration, 0, "DR", "http2.remote_reset")
	case 1:
		c.server(p, duration, 0, "", "http2.remote_reset")
	default:
		c.server(p, duration, 0, "DC", "downstream_remote_disconnect")
	}
}

func sortByEnd(log []correlate.Record) {
	slices.SortStableFunc(log, func(a, b correlate.Record) int { return cmp.Compare(a.End(), b.End()) })
}

// shuffleWithin delays every line by up to so many milliseconds.
func shuffleWithin(log []correlate.Record, seed uint64, late int64) {
	r := rand.New(rand.NewPCG(seed, 8))
	arrival := map[int64]int64{}
	for i := range log {
		arrival[log[i].Line] = log[i].End() + r.Int64N(late+1)
	}
	slices.SortStableFunc(log, func(a, b correlate.Record) int { return cmp.Compare(arrival[a.Line], arrival[b.Line]) })
}
