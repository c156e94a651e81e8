package world

import (
	"math/rand/v2"
)

// ending is how an attempt ended for its server, or a call for its caller.
type ending uint8

const (
	ended          ending = iota
	abandoned             // by the caller
	timeoutOfRoute        // from here on of a client only
	timeoutOfTry          // of the last one
	refusal
	broken // the pod died
)

// entry is a line on its way to the collector.
type entry struct {
	start    int64 // milliseconds, of the writer's clock
	caller   *caller
	pod      *pod
	idA, idB uint64
	duration uint32 // milliseconds
	waited   int32  // x-envoy-upstream-service-time
	code     uint16
	item     uint16
	at       uint16 // arrival, milliseconds of the second
	class    uint8
	attempt  uint8
	ending   ending
	client   bool
	nameless bool
	joined   bool
}

// collector keeps lines until they have arrived: a ring of seconds.
type collector struct {
	seconds [64][]entry
	now     int64 // the second that comes next
	kept    int
	starts  [1001]int32 // of the milliseconds in order
	order   []int32
}

func newCollector(now int64) *collector { return &collector{now: now} }

// ship takes a line that a pod on the node writes at end, and returns where it
// is to be filled in; nil if it gets lost. Shipping takes 1.35 s in the mean
// (exponential), on some nodes a lag on top; lines overtake each other.
func (c *collector) ship(rng *rand.Rand, n *node, end int64) *entry {
	if rng.Float64() < n.loss {
		return nil
	}
	delay := n.lag + min(int64(rng.ExpFloat64()*1.35e6), 25*second)
	arrival := uint64(end+delay) / uint64(millisecond)
	place := &c.seconds[arrival/1000%64]
	*place = append(*place, entry{at: uint16(arrival % 1000)})
	c.kept++
	return &(*place)[len(*place)-1]
}

// arrived calls with the lines of the next second, in order.
func (c *collector) arrived(take func(arrival int64, e *entry)) {
	place := &c.seconds[c.now%64]
	entries := *place
	clear(c.starts[:])
	for i := range entries {
		c.starts[entries[i].at+1]++
	}
	for i := 1; i < len(c.starts); i++ {
		c.starts[i] += c.starts[i-1]
	}
	if cap(c.order) < len(entries) {
		c.order = make([]int32, 2*len(entries))
	}
	c.order = c.order[:len(entries)]
	for i := range entries {
		at := entries[i].at
		c.order[c.starts[at]] = int32(i)
		c.starts[at]++
	}
	for _, i := range c.order {
		take(c.now*1000+int64(entries[i].at), &entries[i])
	}
	c.kept -= len(entries)
	*place = entries[:0]
	c.now++
}

// serverLine is of the pod's proxy, at the end of the work or of the wait.
func (s *service) serverLine(c *call, end int64, how ending) {
	p := s.pods[c.pod]
	// The application is done at end; the proxy has sent the answer later.
	tail := int64(0)
	if how == ended {
		tail = micros(s.mail, 30, 250)
	}
	if s.fleet.cfg.ServerSilent || !p.node.logs(end+tail) {
		return
	}
	e := s.fleet.out.ship(s.mail, p.node, end+tail)
	if e == nil {
		return
	}
	s.fill(e, c, p.node, c.arrived, end+tail, how)
	if how == ended {
		e.waited = int32((end - c.arrived) / millisecond)
	}
}

// clientLine is of the caller's proxy.
func (s *service) clientLine(c *call, end int64, how ending) {
	n := s.callers[c.caller].node
	e := s.fleet.out.ship(s.mail, n, end)
	if e == nil {
		return
	}
	s.fill(e, c, n, c.begun, end, how)
	e.client = true
	if how == ended {
		e.waited = int32(max(end-c.begun-micros(s.mail, 30, 250), 0) / millisecond)
	}
}

func (s *service) fill(e *entry, c *call, n *node, start, end int64, how ending) {
	e.start = (start + n.skew) / millisecond
	e.duration = uint32((end - start) / millisecond)
	e.caller, e.pod = s.callers[c.caller], s.pods[c.pod]
	e.idA, e.idB = c.idA, c.idB
	e.waited, e.code = -1, c.code
	e.class, e.item, e.attempt = c.class, c.item, c.attempt
	e.ending, e.nameless, e.joined = how, c.nameless, c.joined
}
