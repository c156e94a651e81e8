package app

import (
	"context"
	"sync"
	"time"

	"github.com/slowpod/slowpod/correlate"
	"github.com/slowpod/slowpod/ingest"
	"github.com/slowpod/slowpod/sinks/counts"
	"github.com/slowpod/slowpod/sinks/report"
)

// Engine is the live state of `run` and `demo`: the counts and the core, for
// one writer and many readers.
type Engine struct {
	counts.Set

	mu       sync.Mutex
	core     *correlate.Correlator
	received time.Time // of the last record, by the wall clock
	closed   bool
}

// NewEngine returns an engine that keeps as much as the bounds allow.
func NewEngine(b correlate.Bounds) *Engine {
	return &Engine{core: correlate.New(correlate.Config{Bounds: b})}
}

// Handle gives the records of a batch to the core.
func (e *Engine) Handle(ctx context.Context, p *Pipeline, b ingest.Batch) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return p.Handle(ctx, b, func(r *correlate.Record) error {
		e.core.Add(r)
		e.received = time.Now()
		return nil
	})
}

// Add gives one record to the core.
func (e *Engine) Add(r *correlate.Record) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.core.Add(r)
	e.received = time.Now()
}

// idleAfter is how long a stream must be silent before its watermark is moved
// on by the time that has passed.
const idleAfter = 15 * time.Second

// Run moves the watermark of a silent stream on, until ctx ends.
func (e *Engine) Run(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			e.advance(now)
		}
	}
}

func (e *Engine) advance(now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if idle := now.Sub(e.received); !e.received.IsZero() && !e.closed && idle >= idleAfter {
		e.core.Advance(idle.Milliseconds())
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

// Snapshot copies what the core holds.
func (e *Engine) Snapshot() *correlate.Snapshot {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.core.Snapshot()
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
