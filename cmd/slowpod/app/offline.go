package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

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
	// Letters, if set, takes malformed lines.
	Letters DeadLetters
	// Progress, if set, is told how many bytes have been read of all files.
	Progress func(read int64)
}

// Run reads, judges and reports. Inputs that cannot be read are errors; the
// report of what could be read is returned with them, nil where there was
// nothing.
func (o *Offline) Run(ctx context.Context) (*report.Report, error) {
	texts := correlate.NewTexts()
	sorter := extsort.New(extsort.Options{Compare: comparer(texts)})
	defer func() { _ = sorter.Close() }() // a temporary file that is gone already
	var set counts.Set
	var streams Streams
	readable, err := o.read(ctx, &set, &streams, sorter, texts)
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
	stream := core.Stream()
	var r correlate.Record
	sortErr := sorter.Each(ctx, func(_ int64, b []byte) error {
		if err := r.Decode(b, texts); err != nil {
			return err
		}
		stream.Add(&r)
		return nil
	})
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

// read reads all files into the sorter and says whether any could be read.
func (o *Offline) read(ctx context.Context, set *counts.Set, streams *Streams, sorter *extsort.Sorter, texts *correlate.Texts) (readable bool, err error) {
	var done int64
	var buf []byte
	for _, name := range o.Files {
		p := NewPipeline(set.Worker(SourceOf(name)), streams.Number(name), o.Letters, o.Logger)
		last := int64(0)
		src := file.New(name, file.Options{Stdin: o.Stdin, Progress: func(n int64) {
			last = n
			if o.Progress != nil {
				o.Progress(done + n)
			}
		}})
		ferr := src.Run(ctx, func(_ context.Context, b ingest.Batch) error {
			return p.Handle(b, func(r *correlate.Record) error {
				buf = r.AppendTo(buf[:0], texts)
				return sorter.Add(r.End(), r.Rank(), buf)
			})
		})
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
