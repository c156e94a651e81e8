// Package file reads lines from files and from stdin, plain, gzip or zstd, and
// hands them on in batches; it can follow a file that grows, is truncated or is
// rotated. It knows bytes, line ends, compressions and the ways in which a file
// is replaced. It must never know what a line says, nor keep one after the
// handler has returned.
package file

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"github.com/slowpod/slowpod/ingest"
)

// Handler takes a batch; nil is the acknowledgement. The lines are borrowed: a
// handler that keeps bytes copies them. An error ends the run and is returned
// by it as it is.
type Handler func(ctx context.Context, b ingest.Batch) error

// Options say how a source reads. The zero value is the default of everything.
type Options struct {
	// Stdin is what the name "-" reads; nil is os.Stdin.
	Stdin io.Reader
	// Follow waits for more at the end of a regular, uncompressed file, starts
	// over when the file was truncated, and goes on with the new file when
	// another one has taken its name. Everything else just ends. What a file
	// is, is judged by what it holds when it is opened: an empty one is plain.
	Follow bool
	// BatchBytes is how many bytes are read at once, and with that about the
	// size of a batch; 0 is 256 KiB. A line longer than this is still handed
	// over whole up to ingest.MaxLineBytes.
	BatchBytes int
	// Progress is told how many bytes of the input, still compressed, have
	// been read: after each batch and at the end. It may be nil. It is called
	// by the goroutine of Run.
	Progress func(readBytes int64)
}

// withDefaults is the one place where defaults are.
func (o Options) withDefaults() Options {
	if o.Stdin == nil {
		o.Stdin = os.Stdin
	}
	if o.BatchBytes <= 0 {
		// Fits the second-level cache, so that the lines are still there when
		// the handler reads them.
		o.BatchBytes = 256 << 10
	}
	return o
}

// Source reads one file, or stdin for "-".
type Source struct {
	name string
	o    Options
}

// New returns a source that does nothing until Run.
func New(name string, o Options) *Source {
	return &Source{name: name, o: o.withDefaults()}
}

// Run reads the file from its start and gives every line that is not blank to
// handle, in order, one batch at a time. It returns nil when the file has ended.
//
// A batch is handed over as soon as a read has brought at least one complete
// line; it never waits to be full, except for compressed input. Batches follow
// one another in the goroutine of Run, and handle is never called again once
// Run has returned.
//
// When ctx is cancelled, the complete lines that were read are handed over
// before Run returns: with ctx.Err(), or with nil when Options.Follow is set,
// for then that is the ordinary end, whatever is being read and whether or not
// the handler has complained about ctx. A read of stdin that waits for bytes
// cannot be interrupted: Run returns at once and leaves a goroutine behind,
// which ends with the next byte, the end of stdin or the process. Nor can the
// opening of a named pipe that nobody writes to: there Run waits for a writer.
//
// When a read fails, everything that was read, a torn last line included, is
// handed over before the error is returned; for compressed input that is cut
// short or damaged the error is an ErrCutShort.
func (s *Source) Run(ctx context.Context, handle Handler) error {
	return s.run(ctx, s.reading(handle))
}

func (s *Source) reading(handle Handler) *reading {
	return &reading{
		Options: s.o,
		name:    s.name,
		handle:  handle,
		split:   newSplitter(s.o.BatchBytes, ingest.MaxLineBytes),
	}
}

func (s *Source) run(ctx context.Context, r *reading) error {
	var err error
	if s.name == stdinName {
		err = r.stdin(ctx)
	} else {
		err = r.files(ctx)
	}
	if s.o.Follow && ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

// Size returns the size of a file in bytes, as it is stored, and whether there
// is one: stdin, pipes, devices and what cannot be looked at have none.
func Size(name string) (int64, bool) {
	if name == stdinName {
		return 0, false
	}
	fi, err := os.Stat(name)
	if err != nil || !fi.Mode().IsRegular() {
		return 0, false
	}
	return fi.Size(), true
}

const (
	// stdinName is how a user names stdin.
	stdinName = "-"

	// pollInterval is how long a followed file is left alone. Asking is three
	// system calls; watching directories would need a watcher per platform,
	// and fails on network file systems and through symlinks.
	pollInterval = 250 * time.Millisecond

	// quietPolls is how many polls in a row must find nothing in a file that
	// has lost its name before the new one is opened. A rotation by rename and
	// create tells the writer afterwards, and until it reopens it writes to
	// the old file.
	quietPolls = 4

	// reopenPolls is how many polls in a row the new file may refuse to open:
	// a rotation can set owner and mode after it has created the file.
	reopenPolls = 40
)
