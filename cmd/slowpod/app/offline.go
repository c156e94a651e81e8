package app

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"

	"github.com/slowpod/slowpod/correlate"
	"github.com/slowpod/slowpod/ingest"
	"github.com/slowpod/slowpod/ingest/extsort"
	"github.com/slowpod/slowpod/ingest/file"
	"github.com/slowpod/slowpod/sinks/calls"
	"github.com/slowpod/slowpod/sinks/counts"
	"github.com/slowpod/slowpod/sinks/report"
)

// Offline reads logs that have ended, in any order of time: compact records
// are sorted by end time in bounded memory and given to the core as one
// ordered stream.
type Offline struct {
	Files  []string // "-" is Stdin
	Stdin  io.Reader
	Logger *slog.Logger
	// Calls, if set, gets each call as one JSON line.
	Calls io.Writer
	// Letters, if set, takes malformed lines, in the order in which they stand:
	// with that one worker reads them all.
	Letters DeadLetters
	// Progress, if set, is told how many bytes have been read of all files.
	Progress func(read int64)
	// Workers is how many goroutines parse; 0 is as many as Go may use
	// processors. With 1 all is done in the goroutine of Run. What comes out
	// does not depend on it.
	Workers int

	batchBytes int // of file.Options
	sortBytes  int // defaultSortBytes, but in tests
}

const (
	// defaultSortBytes is the memory for records, of all workers together.
	defaultSortBytes = 64 << 20

	// maxWorkers is where more would not help: one goroutine cuts the lines for
	// all, and takes a fifth of the time that it takes to parse them.
	maxWorkers = 8
)

// Run reads, judges and reports. Inputs that cannot be read are errors; the
// report of what could be read is returned with them, nil where there was
// nothing.
func (o *Offline) Run(ctx context.Context) (*report.Report, error) {
	var set counts.Set
	var streams Streams
	workers := o.workers(&set)
	defer func() {
		for _, w := range workers {
			_ = w.sorter.Close() // a temporary file that is gone already
		}
	}()
	readable, err := o.read(ctx, &set, &streams, workers)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if o.Letters != nil {
		if werr := o.Letters.Flush(); werr != nil {
			err = errors.Join(err, fmt.Errorf("dead-letter file: %w", werr))
		}
	}
	if !readable {
		return nil, err
	}
	cfg := correlate.Config{Bounds: correlate.DefaultBounds()}
	cfg.Bounds.ForgetAfter = 0 // a report tells of all pods
	var out *calls.Writer
	if o.Calls != nil {
		out = calls.NewWriter(o.Calls, streams.Name)
		cfg.OnCall = out.Write
	}
	core := correlate.New(cfg)
	sortErr := o.each(ctx, workers, core.Stream().Add)
	core.Close()
	if sortErr != nil {
		return nil, errors.Join(err, sortErr)
	}
	if out != nil {
		if werr := out.Flush(); werr != nil {
			err = errors.Join(err, fmt.Errorf("calls file: %w", werr))
		}
	}
	return report.New(set.Totals(), core.Snapshot()), err
}

// processors is how many goroutines may be at work at once.
func (o *Offline) processors() int {
	n := o.Workers
	if n <= 0 {
		n = runtime.GOMAXPROCS(0)
	}
	return n
}

// worker counts and sorts its share of the lines.
type worker struct {
	counts *counts.Worker
	texts  *correlate.Texts // of what is in sorter
	sorter *extsort.Sorter
	buf    []byte
}

func (o *Offline) workers(set *counts.Set) []*worker {
	n := min(o.processors(), maxWorkers)
	if o.Letters != nil {
		n = 1
	}
	workers := make([]*worker, n)
	for i := range workers {
		texts := correlate.NewTexts()
		workers[i] = &worker{
			counts: set.Worker("file"), // nobody asks a report for the kind of source
			texts:  texts,
			sorter: extsort.New(extsort.Options{
				MaxBytes: cmp.Or(o.sortBytes, defaultSortBytes) / n, Compare: comparer(texts),
			}),
		}
	}
	return workers
}

// sort takes the records of a batch into the sorter.
func (w *worker) sort(p *Pipeline, b ingest.Batch) error {
	return p.Handle(b, func(r *correlate.Record) error {
		w.buf = r.AppendTo(w.buf[:0], w.texts)
		return w.sorter.Add(r.End(), r.Rank(), w.buf)
	})
}

// read reads all files into the sorters and says whether any could be read.
func (o *Offline) read(ctx context.Context, set *counts.Set, streams *Streams, workers []*worker) (readable bool, err error) {
	var done int64
	for _, name := range o.Files {
		last := int64(0)
		src := file.New(name, file.Options{Stdin: o.Stdin, BatchBytes: o.batchBytes, Progress: func(n int64) {
			last = n
			if o.Progress != nil {
				o.Progress(done + n)
			}
		}})
		first := NewPipeline(workers[0].counts, streams.Number(name), o.Letters, o.Logger)
		handlers := make([]file.Handler, len(workers))
		for i, w := range workers {
			p := first
			if i > 0 {
				p = first.Beside(w.counts)
			}
			handlers[i] = func(_ context.Context, b ingest.Batch) error { return w.sort(p, b) }
		}
		ferr := src.RunParallel(ctx, handlers)
		done += last
		if ctx.Err() != nil {
			return readable, ctx.Err()
		}
		if ferr != nil {
			err = errors.Join(err, ferr)
		}
		readable = readable || ferr == nil || errors.Is(ferr, file.ErrCutShort)
	}
	return readable || set.Totals().Read > 0, err
}

// each gives all records to take, by end time. Beside it, where there is a
// processor for that, the next ones are read and decoded.
func (o *Offline) each(ctx context.Context, workers []*worker, take func(*correlate.Record)) error {
	if w := workers[0]; o.processors() == 1 {
		var r correlate.Record
		return w.sorter.Each(ctx, func(_ int64, b []byte) error {
			if err := r.Decode(b, w.texts); err != nil {
				return err
			}
			take(&r)
			return nil
		})
	}
	lanes := make([]extsort.Lane[correlate.Record], len(workers))
	for i, w := range workers {
		lanes[i].Sorter = w.sorter
		lanes[i].Decode = func(b []byte, r *correlate.Record) error { return r.Decode(b, w.texts) }
	}
	return extsort.Merge(ctx, lanes, (*correlate.Record).Compare, take)
}

// comparer compares encoded records.
func comparer(t *correlate.Texts) func(a, b []byte) int {
	return func(a, b []byte) int {
		var x, y correlate.Record
		if x.Decode(a, t) != nil || y.Decode(b, t) != nil {
			return bytes.Compare(a, b) // it was encoded here: never
		}
		return x.Compare(&y)
	}
}

// SourceOf is the kind of source that a name stands for.
func SourceOf(name string) string {
	if name == "-" {
		return "stdin"
	}
	return "file"
}
