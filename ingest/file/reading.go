package file

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"github.com/slowpod/slowpod/ingest"
)

// reading is the state of one Run.
type reading struct {
	Options
	name   string
	handle Handler
	split  *splitter
	// in is what is read now; before counts the bytes of what was read under
	// the same name before it.
	in      *input
	before  int64
	batches int64 // handed over
}

// stdin reads Options.Stdin to its end.
func (r *reading) stdin(ctx context.Context) error {
	in := newInterruptible(ctx, r.Stdin, r.BatchBytes)
	defer in.close()
	_, err := r.stream(ctx, in, nil)
	return err
}

// files reads the file of that name and, when following, every file that comes
// after it.
func (r *reading) files(ctx context.Context) error {
	f, err := open(r.name)
	for err == nil && f != nil {
		var next *os.File
		next, err = r.file(ctx, f)
		if next != f {
			f.Close()
		}
		f = next
	}
	if f != nil {
		f.Close()
	}
	return err
}

// file reads f from where it stands, and closes nothing. It returns the file to
// go on with: none, f again when it was truncated, or the one that has taken
// its name.
func (r *reading) file(ctx context.Context, f *os.File) (next *os.File, err error) {
	fi, err := f.Stat()
	if err != nil {
		return nil, failed(r.name, err)
	}
	if !fi.Mode().IsRegular() {
		// A pipe may be silent for long; a deadline ends the read that waits.
		// What has no deadlines, such as some devices, is left to wait.
		stop := context.AfterFunc(ctx, func() { _ = f.SetReadDeadline(time.Unix(1, 0)) })
		defer stop()
		return r.stream(ctx, f, nil)
	}
	if !r.Follow {
		return r.stream(ctx, f, nil)
	}
	return r.stream(ctx, f, f)
}

// stream reads src to its end, decompressed when its first bytes say so. A
// plain src ends, when it is followed, only by being truncated or replaced; the
// file to go on with is then returned.
func (r *reading) stream(ctx context.Context, src io.Reader, followed *os.File) (next *os.File, err error) {
	if r.in != nil {
		r.before += r.in.n
	}
	r.in = &input{r: src}
	r.split.restart()

	format := r.in.sniff()
	decoded, closeDecoder, err := format.decode(r.in)
	if err != nil {
		return nil, r.finish(ctx, format, err)
	}
	defer closeDecoder()

	for {
		end, err := r.pump(ctx, decoded)
		if err != nil {
			return nil, err
		}
		if !errors.Is(end, io.EOF) || format != plain || followed == nil {
			return nil, r.finish(ctx, format, end)
		}
		next, err := r.await(ctx, followed)
		if err != nil {
			return nil, err
		}
		if next != nil {
			// No one will complete the last line any more.
			return next, r.finish(ctx, format, io.EOF)
		}
	}
}

// pump hands on complete lines until src ends: end is io.EOF or the failure of
// a read. err is what stopped it before that: ctx or the handler.
func (r *reading) pump(ctx context.Context, src io.Reader) (end, err error) {
	for end == nil {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		end = r.split.fill(src)
		for lines := r.split.next(); len(lines) > 0; lines = r.split.next() {
			if err := r.deliver(ctx, lines); err != nil {
				return nil, err
			}
		}
	}
	return end, nil
}

// finish hands on the last line, which has no line end, and says what end means.
func (r *reading) finish(ctx context.Context, format format, end error) error {
	if !errors.Is(end, io.EOF) && ctx.Err() != nil {
		// The read failed because it was interrupted.
		return ctx.Err()
	}
	if lines := r.split.rest(); len(lines) > 0 {
		if err := r.deliver(ctx, lines); err != nil {
			return err
		}
	} else {
		r.progress()
	}
	switch {
	case errors.Is(end, io.EOF):
		return nil
	case r.in.err != nil:
		return failed(r.name, r.in.err)
	case format == plain:
		return failed(r.name, end)
	}
	return damaged(r.name, format, r.split.number, end)
}

func (r *reading) deliver(ctx context.Context, lines []ingest.Line) error {
	b := ingest.Batch{Source: "file", Stream: r.name, Number: r.batches, Lines: lines}
	r.batches++
	if r.name == stdinName {
		b.Source = "stdin"
	}
	if err := r.handle(ctx, b); err != nil {
		return err
	}
	r.progress()
	return nil
}

func (r *reading) progress() {
	if r.Progress != nil {
		r.Progress(r.before + r.in.n)
	}
}
