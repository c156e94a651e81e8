// Package correlate joins the two sides of calls and judges which pod is slow.
//
// It knows records, event time and what siblings do. It must never know where
// records come from or who hears of what it finds: it does no I/O, reads no
// clock, starts no goroutine, and knows neither Kafka nor Prometheus. A
// Correlator belongs to one goroutine at a time.
package correlate

import (
	"math"

	"github.com/slowpod/slowpod/classify"
	"github.com/slowpod/slowpod/correlate/faults"
	"github.com/slowpod/slowpod/correlate/logstream"
)

// Config says how much a Correlator keeps and who hears of calls.
type Config struct {
	Bounds Bounds
	// OnCall, if set, is called with every call when its verdict is final.
	// The Call is borrowed until it returns.
	OnCall func(*Call)
	// Uneven are services whose pods get different work by design, by
	// consistent hashing or because they are pinned to a locality: nothing in
	// a log shows that. Their pods may differ by more.
	Uneven []string
	// Without leaves rules of the judge out. It is for the benchmark that
	// shows what each is worth.
	Without Rule
}

// Correlator takes the records of streams, each roughly in order of writing,
// and holds what they prove. Results do not depend on how the records are
// batched.
type Correlator struct {
	registry *registry
	join     join
	log      *logstream.Log
	window   window
	faults   *faults.Watch
	faulty   []*Finding // of faults, open or lately
	streams  []*Stream
	onCall   func(*Call)
	without  Rule
	findings []*Finding
	changes  uint64              // findings that began or ended
	looked   uint64              // changes when nodes were last looked at
	nodes    map[string]*Finding // open ones
	dropped  [numBounds]uint64

	started           bool  // the first slice has been chosen
	releasing         bool  // records held back are being taken
	firstEnd, lastEnd int64 // of the records read, absurd times left out
	farEnd            int64 // the last that seemed absurd
	span              Span
	records           uint64

	longest int64 // client duration, of all services
	oldest  oldestLines

	began  int64             // start of the first slice
	shares []share           // scratch
	mesh   mesh              // of the last slice
	groups []*group          // scratch
	names  map[string]string // callers
}

// Span is from the earliest start to the latest end of all records.
type Span struct{ Start, End int64 }

// New returns a Correlator. The bounds must be valid.
func New(cfg Config) *Correlator {
	c := &Correlator{
		onCall: cfg.OnCall, without: cfg.Without, log: logstream.New(), names: map[string]string{}, nodes: map[string]*Finding{},
		join: join{
			halves: newHalfTable(cfg.Bounds.Halves, cfg.Bounds.JoinBytes),
			traces: newTraceTable(cfg.Bounds.Traces),
		},
	}
	c.registry = newRegistry(cfg.Bounds, &c.dropped)
	c.faults = faults.New(cfg.Bounds.Faults, &c.dropped[BoundFaults])
	for _, name := range cfg.Uneven {
		c.registry.uneven[name] = true
	}
	return c
}

func (c *Correlator) observeSpan(r *Record, end int64) {
	if c.records == 0 {
		c.span = Span{r.Start, end}
	}
	c.records++
	c.span.Start, c.span.End = min(c.span.Start, r.Start), max(c.span.End, end)
	switch {
	case abs(end-c.window.start) <= farJump:
		c.firstEnd, c.lastEnd = min(c.firstEnd, end), max(c.lastEnd, end)
	case end > c.lastEnd && c.farEnd != 0 && abs(end-c.farEnd) <= farJump:
		c.lastEnd = max(end, c.farEnd) // two agree: it is no absurd time
	default:
		c.farEnd = end
	}
}

// enterPod takes a record of a client or a server.
func (c *Correlator) enterPod(r *Record) {
	g := c.registry
	named := g.named(r.Target)
	g.latest = c.window.start + farJump
	h, hostIndex := g.hostOf(r.UpstreamHost), int32(-1)
	var p *pod
	if h != nil {
		h.heard = max(h.heard, min(r.End(), g.latest))
		hostIndex = h.index
	}
	// An address that no service stands for, behind PassthroughCluster say,
	// is a pod only if it reports itself.
	if h != nil && (r.Side == classify.Server || r.Target.Service != nil) {
		var svc *service
		if r.Target.Service != nil && (named != g.unknown || string(r.Target.Service) == unknownService) {
			svc = named.service
		}
		if p = g.podOf(h, r, svc); p != nil {
			g.name(p, named, r.Side)
		}
	}
	if !r.Replay {
		if r.Side == classify.Client {
			place := c.window.nearest(r.End())
			named.asked[place]++
			if r.Failure {
				named.failed[place]++
			}
		}
		svc := named.service
		if r.Side == classify.Server && named == g.unknown && p != nil {
			svc = g.unnamedGroup(p).service
		}
		svc.series.observe(r)
		if r.HTTP {
			c.countPod(r, p, named)
			c.examine(r, svc, hostIndex)
		}
	}
	if r.HTTP || r.Half {
		c.enter(r, hostIndex)
	}
}

// countPod counts a request for its service and its pod.
func (c *Correlator) countPod(r *Record, p *pod, named *group) {
	if r.Side == classify.Client {
		named.client.requests++
		named.service.longest = max(named.service.longest, r.Duration)
		c.longest = max(c.longest, r.Duration)
		if r.Failure {
			named.client.failures++
		}
		if p != nil {
			p.client.requests++
			if r.Failure {
				p.client.failures++
			}
			if r.Outcome == classify.Timeout {
				p.timeouts++
			}
			c.window.count(p, r, c.callerOf(r))
		}
		return
	}
	switch {
	case named != c.registry.unknown || p == nil:
		named.server.add(r)
	default:
		p.unnamed.add(r)
	}
	if p == nil {
		return
	}
	p.server.add(r)
	if r.Outcome == classify.DownstreamClosed {
		p.disconnects++
	}
	p.serve(r.End())
	c.window.count(p, r, "")
}

// callerOf names who sent a request that timed out: the pod that wrote the
// record, else its address. "" for all others.
func (c *Correlator) callerOf(r *Record) string {
	if r.Outcome != classify.Timeout {
		return ""
	}
	name := r.Pod
	if name == nil {
		name = addressIP(r.UpstreamLocal)
	}
	if name == nil {
		return ""
	}
	if known, ok := c.names[string(name)]; ok {
		return known
	}
	if len(c.names) >= c.registry.bounds.Pods {
		clear(c.names)
	}
	s := string(name)
	c.names[s] = s
	return s
}

// serve notes that the pod wrote a server record. It remembers 64 slices.
func (p *pod) serve(end int64) {
	at := floorSlice(end) / sliceLen
	switch d := at - p.servedAt; {
	case p.served == 0 || d >= 64:
		p.servedAt, p.served = at, 1
	case d >= 0:
		p.servedAt, p.served = at, p.served<<d|1
	case d > -64:
		p.served |= 1 << -d
	}
}

// servedBetween says whether the pod wrote a server record in one of the
// slices from a to b.
func (p *pod) servedBetween(a, b int64) bool {
	from, to := floorSlice(a)/sliceLen, floorSlice(b)/sliceLen
	for at := max(from, p.servedAt-63); at <= min(to, p.servedAt); at++ {
		if p.served>>(p.servedAt-at)&1 != 0 {
			return true
		}
	}
	return false
}

// closeUntil closes all slices before start. A gap costs nothing: slices that
// hold nothing are skipped.
func (c *Correlator) closeUntil(start int64) {
	for c.window.start < start && !c.empty() {
		c.closeSlice()
		c.expire(c.window.start)
	}
	if c.window.start < start {
		c.window.start = start
		c.expire(start)
		c.endSilent(start)
		c.apply(c.faults.Idle(start, &slice{c, nowhere}), start)
	}
	c.registry.sweep(c.window.start)
	c.log.Advance(c.window.start)
	c.join.traces.purge(c.horizon())
	for _, s := range c.streams {
		s.mark.opened(c.window.start)
	}
}

// horizon is the end time before which no half can ask for a trace.
func (c *Correlator) horizon() int64 {
	return c.window.start - 2*min(max(minWait, c.longest), maxWait)
}

// Watermark is the start of the oldest open slice: up to then all is judged.
func (c *Correlator) Watermark() int64 { return c.window.start }

// Changes counts the findings that began or ended: cheap to ask for, so that
// a Snapshot is made only when there is news.
func (c *Correlator) Changes() uint64 { return c.changes + c.log.Changes() }

// endOfInput is after everything.
const endOfInput = math.MaxInt64

// Close says that the input has ended: every slice is closed and every call
// gets its verdict. Nothing may be added afterwards.
func (c *Correlator) Close() {
	c.begin()
	c.release(true)
	for !c.empty() {
		c.closeSlice()
		c.expire(c.window.start)
	}
	c.apply(c.faults.Finish(c.window.start, &slice{c, nowhere}), c.window.start)
	c.expire(endOfInput)
	c.log.Close(c.window.start)
	c.join.halves.close()
}
