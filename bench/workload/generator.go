package workload

import (
	"math/rand/v2"
	"time"
)

// A Line is one line of one proxy's log.
type Line struct {
	// End is when the proxy wrote it, in milliseconds of Unix time by the clock
	// of the proxy's node. It is start_time + duration, or up to 2 ms later,
	// because a proxy cuts off the fractions of both.
	End int64
	// Side that wrote the line.
	Side Side
	// Pod whose proxy wrote the line.
	Pod *Pod
	// Bytes of the line, without a newline. They are borrowed until the next
	// call of Next.
	Bytes []byte
}

// A Generator makes the log of one scenario, line by line. It is inert until
// the first call of Next and for one goroutine at a time.
type Generator struct {
	scenario string
	options  Options
	world    *world
	rng      *rand.Rand
	arrive   func(at int64) // starts one request from outside
	noise    noise
	fault    *fault
	trouble  *trouble
	pools    pools

	start, now, until int64   // microseconds; until is 0 without an end
	gap               float64 // between two arrivals on average, in microseconds
	closed            bool    // nothing arrives any more
	written           int     // lines handed out

	pending queue
	records []record // slots, by pending.slot
	unused  []int32  // slots

	buf   []byte // of the line handed out
	inner []byte // of the line inside an escaped one
	clock clockText
	count counts
}

// newGenerator is what the constructors of scenarios have in common. They set
// arrive.
func newGenerator(scenario string, o Options, w *world) *Generator {
	start := o.Start.UnixMilli() * 1000
	g := &Generator{
		scenario: scenario,
		options:  o,
		world:    w,
		rng:      w.rng,
		start:    start,
		now:      start,
		gap:      1e6 / o.Rate,
		pools:    newPools(len(w.pods)),
		count:    newCounts(len(w.pods)),
	}
	if o.Duration > 0 {
		g.until = start + o.Duration.Microseconds()
	}
	return g
}

// Pods of the mesh, gateways included. The slice is the caller's.
func (g *Generator) Pods() []*Pod { return append([]*Pod(nil), g.world.pods...) }

// Next puts the next line into l and tells whether there was one. Lines come in
// the order in which they are written, over all proxies.
func (g *Generator) Next(l *Line) bool {
	for {
		if g.options.Lines > 0 && g.written >= g.options.Lines {
			return false
		}
		// What arrives later ends later, so what ended by now is final.
		if len(g.pending) > 0 && (g.closed || g.pending[0].end <= g.now) {
			slot := g.pending.pop()
			r := &g.records[slot]
			g.unused = append(g.unused, slot)
			g.count.add(r)
			if g.options.Side != BothSides && g.options.Side != r.side {
				continue
			}
			g.written++
			pod := r.writer()
			l.End = (r.end + pod.skew) / 1000
			l.Side, l.Pod, l.Bytes = r.side, pod, g.render(r)
			return true
		}
		if g.closed {
			return false
		}
		g.now += int64(g.gap * g.rng.ExpFloat64())
		if g.until != 0 && g.now >= g.until {
			g.closed = true
			continue
		}
		g.arrive(g.now)
	}
}

// push keeps a record until its line is due.
func (g *Generator) push(r *record) {
	var slot int32
	if n := len(g.unused); n > 0 {
		slot = g.unused[n-1]
		g.unused = g.unused[:n-1]
		g.records[slot] = *r
	} else {
		slot = int32(len(g.records))
		g.records = append(g.records, *r)
	}
	g.pending.push(r.end, slot)
}

// at is a time since the start.
func (g *Generator) at(d time.Duration) int64 { return g.start + d.Microseconds() }

// A queue is a binary heap of records by their end. Equal ends come in no
// particular but always the same order.
type queue []pending

type pending struct {
	end  int64
	slot int32
}

func (q *queue) push(end int64, slot int32) {
	h := append(*q, pending{})
	i := len(h) - 1
	for i > 0 {
		parent := (i - 1) / 2
		if h[parent].end <= end {
			break
		}
		h[i] = h[parent]
		i = parent
	}
	h[i] = pending{end, slot}
	*q = h
}

// pop returns the slot of the record that ends first.
func (q *queue) pop() int32 {
	h := *q
	first := h[0].slot
	last := h[len(h)-1]
	h = h[:len(h)-1]
	i := 0
	for {
		child := 2*i + 1
		if child >= len(h) {
			break
		}
		if child+1 < len(h) && h[child+1].end < h[child].end {
			child++
		}
		if h[child].end >= last.end {
			break
		}
		h[i] = h[child]
		i = child
	}
	if len(h) > 0 {
		h[i] = last
	}
	*q = h
	return first
}
