package app

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/slowpod/slowpod/correlate"
	"github.com/slowpod/slowpod/ingest"
	"github.com/slowpod/slowpod/sinks/calls"
	"github.com/slowpod/slowpod/sinks/counts"
	"github.com/slowpod/slowpod/sinks/report"
)

// Engine is the live state of `run` and `demo`: the counts and the core, fed by
// some streams and looked at by many readers.
type Engine struct {
	counts.Set

	mu     sync.Mutex
	moved  sync.Cond // the watermark has moved, or a stream no longer holds it
	core   *correlate.Correlator
	feeds  map[*Feed]struct{}
	calls  *calls.Writer // nil: nobody wants them
	closed bool
}

// NewEngine returns an engine whose core is as configured, and writes calls to
// w, unless that is nil.
func NewEngine(cfg correlate.Config, w *calls.Writer) *Engine {
	if w != nil {
		cfg.OnCall = w.Write
	}
	e := &Engine{core: correlate.New(cfg), feeds: map[*Feed]struct{}{}, calls: w}
	e.moved.L = &e.mu
	return e
}

// Flush writes out the calls that are final. Its error says that some still wait.
func (e *Engine) Flush() error {
	if e.calls == nil {
		return nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.calls.Flush()
}

// Feed is one stream on its way into the engine.
type Feed struct {
	engine *Engine
	stream *correlate.Stream
	// caughtUp says that nothing is there to be read; nil means always.
	caughtUp func() bool
	received time.Time // the last record, by the wall clock
	some     bool      // there was a record
	silent   bool      // nobody waits for it
	waits    bool      // with a record that ends at pending
	pending  int64
	upSince  time.Time // caught up since; zero: it is not

	// batch holds records, of which those from at on are still to go in. The
	// lines in given have been counted though their batch was given up half
	// way: they come again, perhaps in batches that are cut differently.
	batch block
	at    int
	given lineSpan
}

// lineSpan is the lines of a stream from first on, before end.
type lineSpan struct{ first, end int64 }

func spanOf(b ingest.Batch) lineSpan {
	return lineSpan{b.Lines[0].Number, b.Lines[len(b.Lines)-1].Number + 1}
}

// Feed adds a stream; caughtUp, if set, says whether all that is there of it
// has been handled.
func (e *Engine) Feed(caughtUp func() bool) *Feed {
	e.mu.Lock()
	defer e.mu.Unlock()
	f := &Feed{engine: e, stream: e.core.Stream(), caughtUp: caughtUp, received: time.Now()}
	e.feeds[f] = struct{}{}
	return f
}

// Close takes the stream out.
func (f *Feed) Close() {
	e := f.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, ok := e.feeds[f]; ok && !e.closed {
		delete(e.feeds, f)
		f.stream.Close()
		e.moved.Broadcast()
	}
}

// Handle gives the records of a batch to the core. Reading them needs no lock:
// streams are parsed beside each other, and meet only in the core. It waits
// where another stream is too far behind, and uses ctx for that alone: a batch
// that need not wait is finished. Where it was given up and comes again, it goes
// on where it was. It is called by one goroutine at a time.
func (f *Feed) Handle(ctx context.Context, p *Pipeline, b ingest.Batch) error {
	if len(b.Lines) == 0 {
		return nil
	}
	lines := spanOf(b)
	if f.given.first <= lines.first && lines.first < f.given.end {
		i, _ := slices.BinarySearchFunc(b.Lines, f.given.end, func(l ingest.Line, end int64) int { return cmp.Compare(l.Number, end) })
		b.Lines = b.Lines[i:]
	} else {
		f.batch.reset()
		f.at, f.given = 0, lineSpan{}
	}
	if err := p.Handle(b, f.batch.add); err != nil {
		return err
	}
	f.given = lineSpan{lines.first, max(lines.end, f.given.end)}
	e := f.engine
	stop := context.AfterFunc(ctx, func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.moved.Broadcast()
	})
	defer stop()
	e.mu.Lock()
	defer e.mu.Unlock()
	var r correlate.Record
	for ; f.at < len(f.batch.ends); f.at++ {
		if err := r.Decode(f.batch.record(f.at), nil); err != nil {
			return err
		}
		if err := f.add(ctx, &r); err != nil {
			return err
		}
	}
	f.given.first = lines.end // all of it is in, and what comes of it again has been counted
	return nil
}

// Add gives one record to the core.
func (f *Feed) Add(r *correlate.Record) {
	f.engine.mu.Lock()
	defer f.engine.mu.Unlock()
	_ = f.add(context.Background(), r) // waits for nobody: a merged stream is the only one
}

func (f *Feed) add(ctx context.Context, r *correlate.Record) error {
	e := f.engine
	if f.stream.Blocked(r.End()) {
		if err := f.wait(ctx, r.End()); err != nil {
			return err
		}
	}
	before := e.core.Watermark()
	f.stream.Add(r)
	f.received, f.some, f.silent = time.Now(), true, false
	if e.core.Watermark() != before {
		e.moved.Broadcast()
	}
	return nil
}

// wait waits until a record that ends at end may go in.
func (f *Feed) wait(ctx context.Context, end int64) error {
	e := f.engine
	f.waits, f.pending = true, end
	defer func() { f.waits = false }()
	e.moved.Broadcast() // perhaps all wait now
	for f.stream.Blocked(end) && !f.isNext() {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		e.moved.Wait()
	}
	return nil
}

// isNext says whether every stream that has something to say waits, and none
// with an earlier record than this: there is a gap in all of them.
func (f *Feed) isNext() bool {
	for o := range f.engine.feeds {
		if o != f && !o.silent && (!o.waits || o.pending < f.pending) {
			return false
		}
	}
	return true
}

// idleAfter is how long a stream must be silent before the others go on
// without it.
const idleAfter = 15 * time.Second

// Run looks after silent streams until ctx ends.
func (e *Engine) Run(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			e.advance(now)
		}
	}
}

func (e *Engine) advance(now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return
	}
	someWait := false
	for f := range e.feeds {
		someWait = someWait || f.waits
	}
	for f := range e.feeds {
		if f.waits || f.caughtUp != nil && !f.caughtUp() {
			f.upSince = time.Time{}
			continue
		}
		if f.upSince.IsZero() {
			f.upSince = now
		}
		// A stream that has nothing at all, an empty partition, is not
		// waited for, nor one that is caught up and brings so little that
		// others would wait for its watermark.
		idle := now.Sub(f.received)
		if idle >= idleAfter || f.caughtUp != nil && !f.some || someWait && now.Sub(f.upSince) >= idleAfter {
			f.silent = true
			f.stream.Silent(idle.Milliseconds())
			e.moved.Broadcast()
		}
	}
}

// Close says that no more records are to come: everything is judged.
func (e *Engine) Close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.closed {
		e.core.Close()
		e.closed = true
	}
}

// Oldest is correlate.Correlator.Oldest.
func (e *Engine) Oldest(file int32) (line int64, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.core.Oldest(file)
}

// Snapshot copies what the core holds.
func (e *Engine) Snapshot() *correlate.Snapshot {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.core.Snapshot()
}

// Watermark is up to when all is judged, Unix milliseconds; 0: nothing is.
func (e *Engine) Watermark() int64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.core.Watermark()
}

// Reading says whether there is any stream. Without one, nobody here knows how
// pods are now.
func (e *Engine) Reading() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.feeds) > 0
}

// Changes counts the findings that began or ended.
func (e *Engine) Changes() uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.core.Changes()
}

// Report makes the report of what was seen so far.
func (e *Engine) Report() *report.Report {
	s := e.Snapshot()
	return report.New(e.Totals(), s)
}
