package app

import (
	"bytes"
	"context"
	"sync"

	"github.com/slowpod/slowpod/correlate"
	"github.com/slowpod/slowpod/ingest/extsort"
)

// sorting takes the records of several workers, in any order, and gives them on as
// one stream in the order of their ends.
type sorting interface {
	// add takes a record of a worker, and borrows it. Each worker has its own
	// goroutine.
	add(worker int, r *correlate.Record) error
	// done says that a worker has given all of a batch, which is the number-th of
	// the file.
	done(worker int, number int64) error
	// finish gives all that was not given yet. The workers have ended.
	finish(ctx context.Context) error
	// close may be called at any time after the workers have ended, and again.
	close()
}

// sortedWhole is a sorting that gives nothing before it has all: see extsort.Sorter.
type sortedWhole struct {
	give    func(*correlate.Record)
	workers []wholeWorker
	inline  bool // nothing is read and decoded beside
}

type wholeWorker struct {
	texts  *correlate.Texts // of what is in sorter
	sorter *extsort.Sorter
	buf    []byte
}

func newSortedWhole(workers, maxBytes int, inline bool, give func(*correlate.Record)) *sortedWhole {
	s := &sortedWhole{give: give, workers: make([]wholeWorker, workers), inline: inline}
	for i := range s.workers {
		texts := correlate.NewTexts()
		s.workers[i] = wholeWorker{texts: texts, sorter: extsort.New(extsort.Options{
			MaxBytes: maxBytes / workers,
			Compare:  func(a, b []byte) int { return compareEncoded(a, b, texts) },
		})}
	}
	return s
}

func (s *sortedWhole) add(worker int, r *correlate.Record) error {
	w := &s.workers[worker]
	w.buf = r.AppendTo(w.buf[:0], w.texts)
	return w.sorter.Add(r.End(), r.Rank(), w.buf)
}

func (s *sortedWhole) done(int, int64) error { return nil }

func (s *sortedWhole) finish(ctx context.Context) error {
	if s.inline {
		w := &s.workers[0]
		var r correlate.Record
		return w.sorter.Each(ctx, func(_ int64, b []byte) error {
			if err := r.Decode(b, w.texts); err != nil {
				return err
			}
			s.give(&r)
			return nil
		})
	}
	lanes := make([]extsort.Lane[correlate.Record], len(s.workers))
	for i, w := range s.workers {
		lanes[i].Sorter = w.sorter
		lanes[i].Decode = func(b []byte, r *correlate.Record) error { return r.Decode(b, w.texts) }
	}
	return extsort.Merge(ctx, lanes, (*correlate.Record).Compare, s.give)
}

func (s *sortedWhole) close() {
	for _, w := range s.workers {
		_ = w.sorter.Close() // a temporary file that is gone already
	}
}

// compareEncoded compares encoded records of the same end and rank.
func compareEncoded(a, b []byte, t *correlate.Texts) int {
	var x, y correlate.Record
	if x.Decode(a, t) != nil || y.Decode(b, t) != nil {
		return bytes.Compare(a, b) // it was encoded here: never
	}
	return x.Compare(&y)
}

// sortedAsRead is a sorting for a log that is nearly in order: it gives records while
// others are still being read, and fails with extsort.ErrOrder where one comes
// too late for that. It takes the batches in the order of the file, so that this
// does not depend on the workers; where there are several, a goroutine of its own
// does.
type sortedAsRead struct {
	give    func(*correlate.Record)
	window  *extsort.Window
	record  correlate.Record
	batches []*encoded // that each worker fills

	full, free chan *encoded
	failed     chan struct{} // closed once err is set
	err        error
	ended      chan struct{} // nothing is given any more; nil: no goroutine
	once       sync.Once
}

// encoded is the records of a batch, on their way from a worker.
type encoded struct {
	number int64
	heads  []encodedHead
	bytes  []byte
}

type encodedHead struct {
	end  int64
	rank uint64
	to   int // where its bytes end
}

// maxBatches is how many batches there are, so that workers go on while a slice is
// judged. They take the third of the memory that a Window leaves, about: the lines
// of a batch are 256 KiB, and its records a quarter of that, or as much if the
// lines are short.
const maxBatches = 64

func newSortedAsRead(workers, maxBytes int, give func(*correlate.Record)) *sortedAsRead {
	s := &sortedAsRead{give: give, batches: make([]*encoded, workers)}
	s.window = extsort.NewWindow(extsort.Options{
		MaxBytes: maxBytes, Compare: func(a, b []byte) int { return compareEncoded(a, b, nil) },
	}, s.decode)
	for i := range s.batches {
		s.batches[i] = &encoded{}
	}
	if workers == 1 {
		return s
	}
	s.full, s.free = make(chan *encoded, maxBatches), make(chan *encoded, maxBatches)
	for range maxBatches - workers {
		s.free <- &encoded{}
	}
	s.failed, s.ended = make(chan struct{}), make(chan struct{})
	go s.run()
	return s
}

// add encodes texts as they are: to number them costs more than to copy them,
// and what it saves is memory, of which little is needed here.
func (s *sortedAsRead) add(worker int, r *correlate.Record) error {
	b := s.batches[worker]
	b.bytes = r.AppendTo(b.bytes, nil)
	b.heads = append(b.heads, encodedHead{r.End(), r.Rank(), len(b.bytes)})
	return nil
}

func (s *sortedAsRead) done(worker int, number int64) error {
	if s.ended == nil {
		return s.take(s.batches[worker])
	}
	s.batches[worker].number = number
	select {
	case s.full <- s.batches[worker]:
	case <-s.failed:
		return s.err
	}
	select {
	case s.batches[worker] = <-s.free:
		return nil
	case <-s.failed:
		return s.err
	}
}

// run takes batches, as the file has them, until there are no more or one fails. A
// batch that waits for another keeps nobody from filling that one.
func (s *sortedAsRead) run() {
	defer close(s.ended)
	waiting, next := map[int64]*encoded{}, int64(0)
	for b := range s.full {
		waiting[b.number] = b
		for b := waiting[next]; b != nil; b = waiting[next] {
			if s.err = s.take(b); s.err != nil {
				close(s.failed)
				return
			}
			delete(waiting, next)
			next++
			s.free <- b
		}
	}
}

// take puts the records of a batch into the window and makes it an empty one.
func (s *sortedAsRead) take(b *encoded) error {
	from := 0
	for _, h := range b.heads {
		if err := s.window.Add(h.end, h.rank, b.bytes[from:h.to]); err != nil {
			return err
		}
		from = h.to
	}
	b.heads, b.bytes = b.heads[:0], b.bytes[:0]
	return nil
}

func (s *sortedAsRead) decode(b []byte) error {
	if err := s.record.Decode(b, nil); err != nil {
		return err
	}
	s.give(&s.record)
	return nil
}

func (s *sortedAsRead) finish(context.Context) error {
	if s.close(); s.err != nil {
		return s.err
	}
	return s.window.Flush()
}

func (s *sortedAsRead) close() {
	if s.ended == nil {
		return
	}
	s.once.Do(func() { close(s.full) })
	<-s.ended
}
