package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// firstBytes is how much the first read asks for: more than it takes to know
// the format, so that a source that brings its lines one read at a time does
// not begin with a torn one.
const firstBytes = 4 << 10

// input counts what is read from r, remembers why a read failed, and can look
// at the first bytes without taking them.
type input struct {
	r io.Reader
	// n counts the bytes that r has brought.
	n int64
	// err is the failure of a read; the end is none. It tells a disk that
	// cannot be read from a compressed file that is damaged.
	err error
	// head has been looked at and not been taken.
	head []byte
}

func (in *input) Read(p []byte) (int, error) {
	if len(in.head) > 0 {
		n := copy(p, in.head)
		in.head = in.head[n:]
		return n, nil
	}
	if in.err != nil {
		return 0, in.err
	}
	return in.fetch(p)
}

func (in *input) fetch(p []byte) (int, error) {
	n, err := in.r.Read(p)
	in.n += int64(n)
	if err != nil && err != io.EOF {
		in.err = err
	}
	return n, err
}

// sniff looks at the first bytes, as many as it takes to know the format. An end
// or a failure on the way is met again by the next Read.
func (in *input) sniff() format {
	head := make([]byte, 0, firstBytes)
	for range maxEmptyReads {
		n, err := in.fetch(head[len(head):cap(head)])
		head = head[:len(head)+n]
		in.head = head
		f, sure := recognise(head[:min(len(head), magicBytes)])
		if sure || err != nil {
			return f
		}
	}
	return plain
}

// open opens a file that can hold lines.
func open(name string) (*os.File, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, failed(name, err)
	}
	if fi, err := f.Stat(); err == nil && fi.IsDir() {
		f.Close()
		return nil, failed(name, syscall.EISDIR)
	}
	return f, nil
}

// failed says which input could not be read, why, and what to do about it.
func failed(name string, err error) error {
	if name == stdinName {
		name = "stdin"
	}
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		err = pe.Err // the path is the name once more
	}
	hint := ""
	switch {
	case errors.Is(err, fs.ErrNotExist):
		hint = ": check the path"
	case errors.Is(err, fs.ErrPermission):
		hint = ": read it as a user who may"
	case errors.Is(err, syscall.EISDIR):
		hint = ": name the files in it"
	}
	return fmt.Errorf("%s: %w%s", name, err, hint)
}

// interruptible reads r in a goroutine of its own, on demand and into its own
// memory, so that a read that waits can be given up.
type interruptible struct {
	ctx  context.Context
	ask  chan struct{}
	got  chan result
	left result
	lost bool // a read was given up; what it brings is nobody's
}

type result struct {
	data []byte
	err  error
}

func newInterruptible(ctx context.Context, r io.Reader, size int) *interruptible {
	in := &interruptible{ctx: ctx, ask: make(chan struct{}), got: make(chan result, 1)}
	go func() {
		buf := make([]byte, size)
		for range in.ask {
			n, err := r.Read(buf)
			in.got <- result{data: buf[:n], err: err}
		}
	}()
	return in
}

func (in *interruptible) Read(p []byte) (int, error) {
	if in.lost {
		return 0, in.ctx.Err()
	}
	if len(in.left.data) == 0 && in.left.err == nil {
		in.ask <- struct{}{}
		select {
		case in.left = <-in.got:
		case <-in.ctx.Done():
			in.lost = true
			return 0, in.ctx.Err()
		}
	}
	n := copy(p, in.left.data)
	in.left.data = in.left.data[n:]
	if len(in.left.data) > 0 {
		return n, nil
	}
	return n, in.left.err
}

// close lets the goroutine end, after the read it may be in.
func (in *interruptible) close() { close(in.ask) }
