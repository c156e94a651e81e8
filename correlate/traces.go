package correlate

import "github.com/slowpod/slowpod/classify"

// trace is the few bytes that a finished record leaves, so that a half can
// find that it was answered: 32 of them.
type trace struct {
	id uint64
	// end and code: 48 bits of Unix milliseconds, 15 of the code, and the
	// lowest bit for the side that wrote the record.
	endCode  uint64
	host     int32
	duration int32  // saturated
	line     uint32 // its low bits, see traceTable.record
	file     uint16
	tuple    uint16
}

func newTrace(r *Record, host int32) trace {
	endCode := uint64(r.End())<<16 | uint64(r.Code&0x7fff)<<1
	if r.Side == classify.Server {
		endCode |= 1
	}
	return trace{
		id: r.ID, endCode: endCode, host: host, duration: int32(min(r.Duration, 1<<31-1)),
		line: uint32(r.Line), file: uint16(r.File), tuple: uint16(r.Connection),
	}
}

func (t *trace) end() int64 { return int64(t.endCode) >> 16 }
func (t *trace) code() int  { return int(t.endCode >> 1 & 0x7fff) }

func (t *trace) side() classify.Side {
	if t.endCode&1 != 0 {
		return classify.Server
	}
	return classify.Client
}

// traceTable keeps traces in a ring in the order of arrival, findable by id.
// When the horizon no longer fits, it keeps them for a share of the ids only,
// chosen by hash, halved as often as needed; inShare says which.
//
// Traces are numbered as they come, so that a number tells by itself whether its
// trace is still in the ring: to forget one touches no memory.
type traceTable struct {
	ring []trace
	// older is the chain: for each place in the ring the number of the next
	// older trace of the same head.
	older  []uint32
	first  int // place of the oldest in the ring
	count  int
	oldest uint32   // number of the oldest
	heads  []uint32 // by id: number of the newest; a power of two
	shift  uint     // share = 1/2^shift
	left   uint64   // records that left no trace because of that
	// unlinked is how many of the newest are not in the chains yet: see link.
	unlinked int
	// newest is the last line seen of each file that traces can tell apart:
	// it has the high bits of their lines.
	newest []int64
}

// maxTraces bounds a walk. An application that passes the request id on makes it
// appear on all that one request causes.
const maxTraces = 1024

func newTraceTable(bound int) *traceTable {
	n := 1
	for n < bound {
		n <<= 1
	}
	return &traceTable{ring: make([]trace, bound), older: make([]uint32, bound), oldest: 1, heads: make([]uint32, n)}
}

// inShare says whether traces of this id are kept.
func (t *traceTable) inShare(id uint64) bool { return id>>(64-t.shift) == 0 || t.shift == 0 }

func (t *traceTable) head(id uint64) *uint32 { return &t.heads[id&uint64(len(t.heads)-1)] }

// add leaves a trace of r. Traces that ended before oldest have become useless;
// those after newest have an absurd time.
func (t *traceTable) add(r *Record, host int32, oldest, newest int64) {
	for int(uint16(r.File)) >= len(t.newest) {
		t.newest = append(t.newest, 0)
	}
	t.newest[uint16(r.File)] = r.Line
	if !t.inShare(r.ID) {
		t.left++
		return
	}
	for t.count == len(t.ring) {
		if end := t.ring[t.first].end(); end < oldest || end > newest {
			t.drop()
			continue
		}
		t.halve()
		if !t.inShare(r.ID) {
			t.left++
			return
		}
	}
	t.put(newTrace(r, host))
}

func (t *traceTable) put(tr trace) {
	t.ring[t.place(t.count)] = tr
	t.count++
	if t.unlinked++; t.unlinked == linkedAtOnce {
		t.link()
	}
}

// linkedAtOnce is how many traces are linked at once.
const linkedAtOnce = 16

// link puts the newest traces into their chains, several at once: heads are all
// over the memory, and a processor waits for many no longer than for one.
func (t *traceTable) link() {
	for after := t.count - t.unlinked; after < t.count; after++ {
		i := t.place(after)
		head := t.head(t.ring[i].id)
		t.older[i] = *head
		*head = t.oldest + uint32(after)
	}
	t.unlinked = 0
}

// place is where in the ring the trace is that came so many after the oldest.
func (t *traceTable) place(after int) int {
	if i := t.first + after; i < len(t.ring) {
		return i
	}
	return t.first + after - len(t.ring)
}

// drop forgets the oldest trace. What leads to it needs no mending: see each.
func (t *traceTable) drop() {
	if t.unlinked == t.count {
		t.link()
	}
	t.first = t.place(1)
	t.oldest++
	t.count--
}

// halve keeps every second id and packs the ring, where it is.
func (t *traceTable) halve() {
	t.shift++
	clear(t.heads)
	count := t.count
	t.count, t.unlinked = 0, 0
	for k := range count {
		if s := t.ring[t.place(k)]; t.inShare(s.id) {
			t.put(s)
		} else {
			t.left++
		}
	}
}

// purge forgets traces that ended before oldest, as far as they are the
// oldest in the ring.
func (t *traceTable) purge(oldest int64) {
	for t.count > 0 && t.ring[t.first].end() < oldest {
		t.drop()
	}
}

// each calls f with every trace of the id, newest first, until f says no. It says
// whether it could look at all of them.
func (t *traceTable) each(id uint64, f func(*trace) bool) bool {
	if t.unlinked > 0 {
		t.link()
	}
	next := *t.head(id)
	for before, n := uint32(t.count), 0; ; n++ {
		// Along a chain numbers fall; what is not in the ring is after all
		// that are.
		after := next - t.oldest
		if after >= before {
			return true
		}
		if n == maxTraces {
			return false
		}
		i := t.place(int(after))
		if tr := &t.ring[i]; tr.id == id && !f(tr) {
			return true
		}
		before, next = after, t.older[i]
	}
}

// record is what a trace holds; the rest is unset. Traces live for minutes, so
// its line is the nearest to the newest of the file that has these low bits.
func (t *traceTable) record(tr *trace) Record {
	newest := t.newest[tr.file]
	return Record{
		Class: classify.Class{Side: tr.side(), HTTP: true, Outcome: classify.UnknownOutcome},
		Start: tr.end() - int64(tr.duration), Duration: int64(tr.duration), Code: tr.code(),
		File: int32(tr.file), Line: newest + int64(int32(tr.line-uint32(newest))),
	}
}
