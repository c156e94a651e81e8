package app

import (
	"context"
	"time"

	"github.com/slowpod/slowpod/correlate"
	"github.com/slowpod/slowpod/ingest"
)

// mergeGrace is how long a silent file is waited for: proxies write out once a
// second, and a file that has ended for now must not hold the others back.
const mergeGrace = 1500 * time.Millisecond

// Merger brings the records of several files into one stream, by end time as
// far as each file is in that order: files given together are one stream.
type Merger struct {
	lanes  []*Lane
	notify chan struct{} // something has changed in a lane
}

// NewMerger returns a merger without lanes.
func NewMerger() *Merger { return &Merger{notify: make(chan struct{}, 1)} }

// Lane is one file on its way into a Merger.
type Lane struct {
	notify chan struct{}
	full   chan *block
	free   chan *block

	// Of the merger's goroutine.
	current *block
	at      int
	head    correlate.Record
	hasHead bool
	ended   bool
	silent  time.Time // since when it has nothing; zero: it has
}

// block is the records of a batch, encoded one after the other.
type block struct {
	bytes []byte
	ends  []int
}

func (b *block) reset() { b.bytes, b.ends = b.bytes[:0], b.ends[:0] }

func (b *block) add(r *correlate.Record) error {
	b.bytes = r.AppendTo(b.bytes, nil)
	b.ends = append(b.ends, len(b.bytes))
	return nil
}

// record returns the bytes of the i-th record.
func (b *block) record(i int) []byte {
	from := 0
	if i > 0 {
		from = b.ends[i-1]
	}
	return b.bytes[from:b.ends[i]]
}

// Lane adds a lane. All lanes are added before Run.
func (m *Merger) Lane() *Lane {
	l := &Lane{notify: m.notify, full: make(chan *block, 1), free: make(chan *block, 2)}
	l.free <- &block{}
	l.free <- &block{}
	m.lanes = append(m.lanes, l)
	return l
}

// Handle puts the records of a batch into the lane; it blocks while the merger
// is behind.
func (l *Lane) Handle(ctx context.Context, p *Pipeline, b ingest.Batch) error {
	var blk *block
	select {
	case blk = <-l.free:
	case <-ctx.Done():
		return ctx.Err()
	}
	blk.reset()
	if err := p.Handle(b, blk.add); err != nil {
		return err
	}
	select {
	case l.full <- blk:
	case <-ctx.Done():
		return ctx.Err()
	}
	l.tell()
	return nil
}

// Close says that the lane gets no more.
func (l *Lane) Close() {
	close(l.full)
	l.tell()
}

func (l *Lane) tell() {
	select {
	case l.notify <- struct{}{}:
	default:
	}
}

// Run gives the records to out until all lanes are closed and empty, or ctx
// ends.
func (m *Merger) Run(ctx context.Context, out func(*correlate.Record)) error {
	timer := time.NewTimer(mergeGrace)
	defer timer.Stop()
	for ctx.Err() == nil {
		first, wait, open := m.look(time.Now())
		switch {
		case first != nil && wait <= 0:
			out(&first.head)
			first.step()
			continue
		case first == nil && !open:
			return nil
		case first == nil:
			wait = mergeGrace
		}
		timer.Reset(wait)
		select {
		case <-m.notify:
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	return nil
}

// look returns the lane whose next record ended first, how long to wait for a
// lane that may have an earlier one, and whether any lane is open.
func (m *Merger) look(now time.Time) (first *Lane, wait time.Duration, open bool) {
	for _, l := range m.lanes {
		l.fill(now)
		open = open || !l.ended
		switch {
		case l.hasHead:
			if first == nil || l.head.End() < first.head.End() {
				first = l
			}
		case !l.ended:
			wait = max(wait, mergeGrace-now.Sub(l.silent))
		}
	}
	return first, wait, open
}

// fill looks for the lane's next record.
func (l *Lane) fill(now time.Time) {
	for !l.hasHead && !l.ended {
		if l.current == nil {
			select {
			case blk, ok := <-l.full:
				if !ok {
					l.ended = true
					return
				}
				l.current, l.at, l.silent = blk, 0, time.Time{}
			default:
				if l.silent.IsZero() {
					l.silent = now
				}
				return
			}
		}
		l.step()
	}
}

// step goes on to the next record of the current block.
func (l *Lane) step() {
	l.hasHead = false
	for l.at < len(l.current.ends) {
		at := l.at
		l.at++
		if l.head.Decode(l.current.record(at), nil) == nil {
			l.hasHead = true
			return
		}
	}
	l.free <- l.current
	l.current = nil
}
