package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"runtime"
	"strings"

	"github.com/slowpod/slowpod/correlate"
	"github.com/slowpod/slowpod/ingest"
	"github.com/slowpod/slowpod/ingest/extsort"
	"github.com/slowpod/slowpod/ingest/file"
	"github.com/slowpod/slowpod/sinks/calls"
	"github.com/slowpod/slowpod/sinks/counts"
	"github.com/slowpod/slowpod/sinks/report"
)

// Offline reads logs that have ended, in any order of time: compact records are
// brought into the order of their ends in bounded memory and given to the core as
// one stream.
type Offline struct {
	Files  []string // "-" is Stdin
	Stdin  io.Reader
	Logger *slog.Logger
	// Calls, if set, gets each call as one JSON line.
	Calls io.Writer
	// Letters, if set, takes malformed lines, in the order in which they stand:
	// with that one worker reads them all.
	Letters DeadLetters
	// Progress, if set, is told how many bytes have been read of all files; from 0
	// again where a file is read again.
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
//
// A single file, which can be read again, is judged as it is read, for most logs
// are nearly in order; where that one is not, all is done over, with sorting.
func (o *Offline) Run(ctx context.Context) (*report.Report, error) {
	warned := map[string]*logged{}
	if before := o.again(); before != nil {
		r, err := o.run(ctx, warned, func(workers int, give func(*correlate.Record)) sorting {
			return newSortedAsRead(workers, o.sortMemory(), give)
		})
		if !errors.Is(err, extsort.ErrOrder) {
			return r, err
		}
		if after := o.again(); after == nil || !os.SameFile(before, after) || after.Size() < before.Size() {
			return nil, fmt.Errorf("%s: its lines are not in order, so it has to be read again, and it is another one by now: read a copy, or pipe it in", o.Files[0])
		}
	}
	return o.run(ctx, warned, func(workers int, give func(*correlate.Record)) sorting {
		return newSortedWhole(workers, o.sortMemory(), o.processors() == 1, give)
	})
}

// again describes the one file that can be read again, without anybody noticing
// that it is; nil where that cannot be.
func (o *Offline) again() fs.FileInfo {
	if len(o.Files) != 1 || o.Calls != nil || o.Letters != nil {
		return nil
	}
	name := o.Files[0]
	if _, regular := file.Size(name); !regular || strings.HasPrefix(name, "/dev/") { // which may go on where it was
		return nil
	}
	fi, err := os.Stat(name)
	if err != nil {
		return nil
	}
	return fi
}

func (o *Offline) sortMemory() int { return cmp.Or(o.sortBytes, defaultSortBytes) }

// run is Run with one sorting. What was logged of a file before is in warned.
func (o *Offline) run(ctx context.Context, warned map[string]*logged, newSorting func(workers int, give func(*correlate.Record)) sorting) (*report.Report, error) {
	var set counts.Set
	var streams Streams
	cfg := correlate.Config{Bounds: correlate.DefaultBounds()}
	cfg.Bounds.ForgetAfter = 0 // a report tells of all pods
	var out *calls.Writer
	if o.Calls != nil {
		out = calls.NewWriter(o.Calls, streams.Name)
		cfg.OnCall = out.Write
	}
	core := correlate.New(cfg)
	workers := make([]*counts.Worker, o.workers())
	for i := range workers {
		workers[i] = set.Worker("file") // nobody asks a report for the kind of source
	}
	to := newSorting(len(workers), core.Stream().Add)
	defer to.close()
	readable, err := o.read(ctx, &set, &streams, warned, workers, to)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if o.Letters != nil {
		if werr := o.Letters.Flush(); werr != nil {
			err = errors.Join(err, fmt.Errorf("dead-letter file: %w", werr))
		}
	}
	if !readable || errors.Is(err, extsort.ErrOrder) {
		return nil, err
	}
	if serr := to.finish(ctx); serr != nil {
		return nil, errors.Join(err, serr)
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	core.Close()
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

// workers is how many workers parse.
func (o *Offline) workers() int {
	if o.Letters != nil {
		return 1
	}
	return min(o.processors(), maxWorkers)
}

// read reads all files into a sorting and says whether any could be read.
func (o *Offline) read(ctx context.Context, set *counts.Set, streams *Streams, warned map[string]*logged, workers []*counts.Worker, to sorting) (readable bool, err error) {
	var done int64
	for _, name := range o.Files {
		last := int64(0)
		src := file.New(name, file.Options{Stdin: o.Stdin, BatchBytes: o.batchBytes, Progress: func(n int64) {
			last = n
			if o.Progress != nil {
				o.Progress(done + n)
			}
		}})
		first := NewPipeline(workers[0], streams.Number(name), o.Letters, o.Logger)
		if before := warned[name]; before != nil {
			first.logged = before
		}
		warned[name] = first.logged
		handlers := make([]file.Handler, len(workers))
		for i, w := range workers {
			p := first
			if i > 0 {
				p = first.Beside(w)
			}
			add := func(r *correlate.Record) error { return to.add(i, r) }
			handlers[i] = func(_ context.Context, b ingest.Batch) error {
				if err := p.Handle(b, add); err != nil {
					return err
				}
				return to.done(i, b.Number)
			}
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

// SourceOf is the kind of source that a name stands for.
func SourceOf(name string) string {
	if name == "-" {
		return "stdin"
	}
	return "file"
}
