package file

import (
	"context"
	"sync"

	"github.com/slowpod/slowpod/ingest"
)

// RunParallel is Run for several handlers, at least one: the calling goroutine reads and cuts
// the lines, and each handler gets every batch that it is the first to be free
// for. A handler is called by one goroutine at a time, its own; there is no
// order between the handlers, but the batches that one of them gets are in the
// order of the file. A single handler is called by the calling goroutine: that
// is Run.
//
// A batch keeps its memory until its handler returns, and there are two more
// batches than handlers: one that is being read, one that waits. Each takes
// Options.BatchBytes, or up to ingest.MaxLineBytes once it had a line as long.
//
// The first error of a handler ends the run and is returned as it is; what
// other handlers are at by then they finish, and no more batches are handed
// over. All else is as with Run: no handler is at work any more when it
// returns. Progress tells of what has been read, not of what has been handled.
// Options.Follow is not for it.
func (s *Source) RunParallel(ctx context.Context, handlers []Handler) error {
	if len(handlers) == 1 {
		return s.Run(ctx, handlers[0])
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	p := &parallel{
		work:   make(chan loan, len(handlers)+2),
		free:   make(chan memory, len(handlers)+2),
		unmade: len(handlers) + 1, // the splitter has brought its own
		failed: make(chan struct{}),
		stop:   stop,
	}
	var workers sync.WaitGroup
	for _, handle := range handlers {
		workers.Go(func() { p.handle(ctx, handle) })
	}
	r := s.reading(p.lend)
	p.split = r.split
	err := s.run(ctx, r)
	close(p.work)
	workers.Wait()
	if p.err != nil {
		return p.err
	}
	return err
}

// parallel hands the batches of one reading to several handlers.
type parallel struct {
	split *splitter
	// work has room for every memory there is: sending to it never waits.
	work   chan loan
	free   chan memory
	unmade int // how many memories may still be made

	once   sync.Once
	failed chan struct{} // closed once err is set
	err    error         // the first of a handler
	stop   func()        // ends the reading
}

// loan is a batch and the memory it lives in.
type loan struct {
	batch  ingest.Batch
	memory memory
}

// lend is the Handler of the reading. It does not look at ctx, for what has
// been read is handed over even then.
func (p *parallel) lend(_ context.Context, b ingest.Batch) error {
	m, ok := p.memory()
	if !ok {
		return p.err
	}
	p.work <- loan{b, p.split.swap(m)}
	return nil
}

// memory waits for memory that nobody uses. It says false when a handler has
// failed.
func (p *parallel) memory() (memory, bool) {
	select {
	case <-p.failed:
		return memory{}, false
	case m := <-p.free:
		return m, true
	default:
	}
	if p.unmade > 0 { // for a small file it never comes to all of them
		p.unmade--
		return newMemory(p.split.readBytes), true
	}
	select {
	case <-p.failed:
		return memory{}, false
	case m := <-p.free:
		return m, true
	}
}

// handle gives batches to one handler until there are no more, or one fails.
func (p *parallel) handle(ctx context.Context, handle Handler) {
	for l := range p.work {
		select {
		case <-p.failed:
			return
		default:
		}
		if err := handle(ctx, l.batch); err != nil {
			p.once.Do(func() {
				p.err = err
				close(p.failed)
				p.stop()
			})
			return
		}
		p.free <- l.memory
	}
}
