package extsort

import (
	"bufio"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

// tape is the temporary file. All runs are stretches of it, one after another,
// so that it takes one file descriptor, however many there are. What merging
// has made useless stays until the end: a file that only grows is simple, and
// no record is merged twice before there are more than fanIn² runs.
type tape struct {
	dir     string
	create  func(dir string) (file, error)
	compare func(a, b []byte) int // payloads of the same key and rank
	file    file
	writer  *bufio.Writer
	size    int64
	runs    []run
}

// file is what a tape needs of an *os.File.
type file interface {
	io.WriterAt
	io.ReaderAt
	io.Closer
}

// run is a stretch of the tape that holds sorted records: the key, the rank and
// the length of the payload, little-endian, and the payload.
type run struct{ offset, size int64 }

const (
	headerBytes = 8 + 8 + 4

	// writeBytes is how much is written at once.
	writeBytes = 256 << 10

	// fanIn is how many runs are merged at once. More would make the buffers
	// so small that a disk seeks more than it reads.
	fanIn = 64

	// Buffers of a merge, each; their sum is bounded by Options.MaxBytes, too.
	minReadBytes, maxReadBytes = 16 << 10, 256 << 10
)

// tempFile closes a temporary file, and removes it where that was not possible
// while it was open.
type tempFile struct {
	*os.File
	linked bool
}

func createTemp(dir string) (file, error) {
	f, err := os.CreateTemp(dir, "slowpod-sort-*")
	if err != nil {
		return nil, err
	}
	// Without a name it goes away with the process, even when that is killed.
	return &tempFile{f, os.Remove(f.Name()) != nil}, nil
}

func (f *tempFile) Close() error {
	err := f.File.Close()
	if f.linked {
		err = errors.Join(err, os.Remove(f.Name()))
	}
	return err
}

// putRecord takes a record.
type putRecord func(key int64, rank uint64, payload []byte) error

// write appends a run of the records that records puts. After an error the tape
// is as it was.
func (t *tape) write(records func(put putRecord) error) error {
	if t.file == nil {
		f, err := t.create(t.dir)
		if err != nil {
			return fmt.Errorf("create a file for sorting: %w: set TMPDIR to a directory that can be written", err)
		}
		t.file, t.writer = f, bufio.NewWriterSize(nil, writeBytes)
	}
	w := t.writer
	w.Reset(io.NewOffsetWriter(t.file, t.size))
	var header [headerBytes]byte
	r := run{offset: t.size}
	failed := func(err error) error {
		return fmt.Errorf("write to a file for sorting in %s: %w: set TMPDIR to a disk with room", t.dir, err)
	}
	err := records(func(key int64, rank uint64, payload []byte) error {
		binary.LittleEndian.PutUint64(header[:], uint64(key))
		binary.LittleEndian.PutUint64(header[8:], rank)
		binary.LittleEndian.PutUint32(header[16:], uint32(len(payload)))
		if _, err := w.Write(header[:]); err != nil {
			return failed(err)
		}
		if _, err := w.Write(payload); err != nil {
			return failed(err)
		}
		r.size += headerBytes + int64(len(payload))
		return nil
	})
	if err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return failed(err)
	}
	t.size += r.size
	t.runs = append(t.runs, r)
	return nil
}

// merged gives the records of all runs in order, after merging the smallest runs
// until no more than fanIn are left.
func (t *tape) merged(ctx context.Context, maxBytes int) (*merge, error) {
	for len(t.runs) > fanIn {
		slices.SortFunc(t.runs, func(a, b run) int { return cmp.Compare(a.size, b.size) })
		n := min(fanIn, len(t.runs)-fanIn+1)
		if err := t.write(func(put putRecord) error { return t.copy(ctx, t.runs[:n], maxBytes, put) }); err != nil {
			return nil, err
		}
		t.runs = slices.Delete(t.runs, 0, n)
	}
	return t.merge(t.runs, maxBytes)
}

// copy puts the records of some runs in order.
func (t *tape) copy(ctx context.Context, runs []run, maxBytes int, put putRecord) error {
	m, err := t.merge(runs, maxBytes)
	if err != nil {
		return err
	}
	for i := 0; ; i++ {
		if i%checkEvery == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		h, err := m.next()
		if err != nil || h == nil {
			return err
		}
		if err := put(h.key, h.rank, h.payload); err != nil {
			return err
		}
	}
}

func (t *tape) close() error {
	if t.file == nil {
		return nil
	}
	err := t.file.Close()
	t.file, t.writer, t.runs = nil, nil, nil
	return err
}
