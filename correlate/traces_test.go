package correlate

import (
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"

	"github.com/slowpod/slowpod/classify"
)

func TestTraceSize(t *testing.T) {
	if n := unsafe.Sizeof(trace{}); n != 32 {
		t.Errorf("a trace takes %d bytes, want 32", n)
	}
}

// finished is a record that leaves a trace under an id.
func finished(id uint64, side classify.Side, end, duration int64, code int, line int64) *Record {
	return &Record{
		Class: classify.Class{Side: side, HTTP: true, Outcome: classify.OK},
		ID:    id, Start: end - duration, Duration: duration, Code: code, File: 3, Line: line,
		Peer: []byte("10.0.0.1:4711"), UpstreamHost: []byte("10.0.0.9:8080"),
	}
}

// What goes into 32 bytes comes out again.
func TestTraceHolds(t *testing.T) {
	for _, side := range []classify.Side{classify.Client, classify.Server} {
		for _, end := range []int64{0, 1, epoch0, 1<<47 - 1, -1, -hour} {
			for _, code := range []int{0, 100, 204, 404, 599, 999} {
				r := finished(42, side, end, 12_345, code, 1_000_000)
				tr := newTrace(r, 7)
				if tr.end() != end || tr.code() != code || tr.side() != side || tr.host != 7 ||
					tr.duration != 12_345 || tr.line != 1_000_000 || tr.file != 3 {
					t.Errorf("%s %d %d: %+v: end %d, code %d, side %s", side, end, code, tr, tr.end(), tr.code(), tr.side())
				}
				table := newTraceTable(1)
				table.add(r, 7, -1<<62, 1<<62)
				if back := table.record(&tr); back.Start != r.Start || back.End() != end || back.Code != code || back.Side != side {
					t.Errorf("%s %d %d: record %+v", side, end, code, back)
				}
			}
		}
	}
	// what is too long for its place is cut, not wrapped
	if tr := newTrace(finished(1, classify.Client, epoch0, 1<<40, 200, 1), 0); tr.duration != 1<<31-1 {
		t.Errorf("duration %d", tr.duration)
	}
}

// plainTraces is the same table as a slice: slow and plain.
type plainTraces struct {
	bound  int
	shift  uint
	traces []plainTrace // oldest first
}

type plainTrace struct {
	id  uint64
	end int64
	n   int64
}

func (p *plainTraces) inShare(id uint64) bool { return p.shift == 0 || id>>(64-p.shift) == 0 }

func (p *plainTraces) add(tr plainTrace, oldest, newest int64) {
	if !p.inShare(tr.id) {
		return
	}
	for len(p.traces) == p.bound {
		if end := p.traces[0].end; end < oldest || end > newest {
			p.traces = p.traces[1:]
			continue
		}
		p.shift++
		var kept []plainTrace
		for _, k := range p.traces {
			if p.inShare(k.id) {
				kept = append(kept, k)
			}
		}
		p.traces = kept
		if !p.inShare(tr.id) {
			return
		}
	}
	p.traces = append(p.traces, tr)
}

func (p *plainTraces) purge(oldest int64) {
	for len(p.traces) > 0 && p.traces[0].end < oldest {
		p.traces = p.traces[1:]
	}
}

// of lists the traces of an id, newest first.
func (p *plainTraces) of(id uint64) (n []int64) {
	for i := len(p.traces) - 1; i >= 0; i-- {
		if p.traces[i].id == id {
			n = append(n, p.traces[i].n)
		}
	}
	return n
}

func found(t *traceTable, id uint64) (n []int64) {
	t.each(id, func(tr *trace) bool {
		n = append(n, int64(tr.line))
		return true
	})
	return n
}

// Under any adding, forgetting and overflowing the table finds what a plain
// slice would: all of an id, newest first, and nothing outside the share.
func TestTracesAgainstASlice(t *testing.T) {
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 1))
		bound := 1 + rng.IntN(40)
		table, plain := newTraceTable(bound), &plainTraces{bound: bound}
		if seed%2 == 1 {
			table.oldest = math.MaxUint32 - 700 // numbers begin again
		}
		ids := make([]uint64, 1+rng.IntN(60))
		for i := range ids {
			ids[i] = rng.Uint64()
			if i > 0 && rng.IntN(4) == 0 { // in one bucket with another
				ids[i] = ids[i-1]&0xffff | rng.Uint64()<<16
			}
		}
		now := int64(epoch0)
		for step := range int64(1500) {
			now += rng.Int64N(200)
			end := now - rng.Int64N(2000)
			if rng.IntN(200) == 0 {
				end += year // absurd
			}
			oldest := now - 4000 - rng.Int64N(4000)
			if rng.IntN(50) == 0 {
				oldest = now - hour // long calls: nothing may be forgotten
			}
			id := ids[rng.IntN(len(ids))]
			table.add(finished(id, classify.Client, end, 5, 200, step), 1, oldest, now+farJump)
			plain.add(plainTrace{id, end, step}, oldest, now+farJump)
			if rng.IntN(10) == 0 {
				table.purge(oldest)
				plain.purge(oldest)
			}
			if table.shift != plain.shift || table.count != len(plain.traces) {
				t.Fatalf("seed %d, step %d: shift %d, %d traces; want %d, %d", seed, step, table.shift, table.count, plain.shift, len(plain.traces))
			}
			if seed%3 != 0 && rng.IntN(30) != 0 {
				continue // to look links what is new
			}
			for _, id := range ids {
				if diff := cmp.Diff(plain.of(id), found(table, id)); diff != "" {
					t.Fatalf("seed %d, step %d, id %x: -want +got\n%s", seed, step, id, diff)
				}
			}
		}
	}
}

// When the horizon no longer fits, the share of the ids is halved as often as
// needed; an id outside it is said to be outside, and what left no trace is
// counted.
func TestTraceShare(t *testing.T) {
	const bound = 64
	table := newTraceTable(bound)
	rng := rand.New(rand.NewPCG(7, 7))
	var ids []uint64
	for i := range int64(1000) {
		id := rng.Uint64()
		ids = append(ids, id)
		table.add(finished(id, classify.Server, epoch0+i, 5, 200, i), 1, epoch0-hour, epoch0+hour)
	}
	if table.shift < 4 || table.shift > 6 {
		t.Errorf("1,000 ids in %d places: share 1/%d", bound, 1<<table.shift)
	}
	in := 0
	for i, id := range ids {
		got := found(table, id)
		if !table.inShare(id) {
			if got != nil {
				t.Errorf("id %x is outside the share and found", id)
			}
			continue
		}
		in++
		if len(got) != 1 || got[0] != int64(i) {
			t.Errorf("id %x is inside the share; found %d", id, got)
		}
	}
	if uint64(len(ids)-in) != table.left {
		t.Errorf("%d records left no trace, counted %d", len(ids)-in, table.left)
	}
}

// f may stop the search.
func TestEachStops(t *testing.T) {
	table := newTraceTable(8)
	for i := range int64(5) {
		table.add(finished(42, classify.Server, epoch0+i, 5, 200, i), 1, 0, epoch0+hour)
	}
	n := 0
	table.each(42, func(*trace) bool { n++; return n < 2 })
	if n != 2 {
		t.Errorf("called %d times after it said no, want 2", n)
	}
}

// Offsets of Kafka do not fit into 32 bits: what a trace lacks of its line, the
// newest line of the file has.
func TestTraceOfAFarLine(t *testing.T) {
	for _, c := range []struct{ line, newest int64 }{
		{7, 7}, {1 << 40, 1<<40 + 1000}, {1<<32 - 5, 1<<32 + 5}, {1<<33 + 5, 1<<33 - 5}, {3 << 32, 3<<32 + 1<<31 - 1},
		{3, 2}, // the topic was made anew, and its offsets began at 0
	} {
		table := newTraceTable(4)
		table.add(finished(1, classify.Server, epoch0, 1, 200, 9<<32), 0, 0, 1<<62)
		table.add(finished(2, classify.Server, epoch0, 1, 200, c.line), 0, 0, 1<<62)
		table.add(finished(3, classify.Server, epoch0, 1, 200, c.newest), 0, 0, 1<<62)
		table.each(2, func(tr *trace) bool {
			if got := table.record(tr); got.Line != c.line || got.File != 3 {
				t.Errorf("line %d of file %d, want %d", got.Line, got.File, c.line)
			}
			return true
		})
	}
}

// A request id that everything has makes no walk long.
func TestEachIsBounded(t *testing.T) {
	table := newTraceTable(10 * maxTraces)
	for i := range int64(10 * maxTraces) {
		table.add(finished(5, classify.Server, epoch0+i, 1, 200, i), 0, 0, 1<<62)
	}
	n, last := 0, int64(0)
	if table.each(5, func(tr *trace) bool { n++; last = tr.end(); return true }) {
		t.Error("looked at all of them")
	}
	if n != maxTraces || last != epoch0+9*maxTraces {
		t.Errorf("looked at %d, the last of %d", n, last-epoch0)
	}
	// and that is counted
	s := newScene(8)
	for i := range int64(2 * maxTraces) {
		s.call(i, 1, s.ok())
	}
	s.call(3000, 1, timeout)
	for i := range s.records {
		s.records[i].RequestID = []byte("da28cc83-9055-9ed5-8c0e-104bf3337a0c")
		s.records[i].fingerprint()
	}
	if got := read(s.byEnd()).Dropped; got["traces"] == 0 {
		t.Errorf("dropped %v", got)
	}
}
