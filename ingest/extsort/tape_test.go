package extsort

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// full is a disk with room for some bytes.
type full struct {
	file
	room int64
}

func (f *full) WriteAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > f.room {
		return 0, &fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}
	}
	return f.file.WriteAt(p, off)
}

func TestDiskFull(t *testing.T) {
	records := random(1, 20000, 10)
	var data int64
	for _, r := range records {
		data += headerBytes + int64(len(r.payload))
	}
	// Full in the first run, in a later one, and while runs are merged.
	for _, room := range []int64{0, data / 2, data + 1000} {
		dir := t.TempDir()
		s := New(Options{MaxBytes: 5000, Dir: dir})
		s.spill.create = func(dir string) (file, error) {
			f, err := createTemp(dir)
			return &full{f, room}, err
		}
		var err error
		for _, r := range records {
			if err = s.Add(r.key, r.rank, []byte(r.payload)); err != nil {
				break
			}
		}
		if (err == nil) != (room > data) {
			t.Error(room, err)
		}
		if err == nil {
			err = s.Each(context.Background(), func(int64, []byte) error { return nil })
		}
		if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), dir) ||
			!strings.HasSuffix(err.Error(), "no space left on device: set TMPDIR to a disk with room") {
			t.Error(err)
		}
		if again := s.Add(1, 0, nil); again != err {
			t.Error(again)
		}
		if again := s.Each(context.Background(), nil); again != err {
			t.Error(again)
		}
		closed(t, s)
	}
}

func TestDevFull(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip(err)
	}
	s := New(Options{MaxBytes: 1000, Dir: t.TempDir()})
	s.spill.create = func(string) (file, error) { return os.OpenFile("/dev/full", os.O_RDWR, 0) }
	var err error
	for i := int64(0); err == nil && i < 1000; i++ {
		err = s.Add(i, 0, []byte("payload"))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Error(err)
	}
	closed(t, s)
}

func TestNoDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "missing")
	s := New(Options{MaxBytes: 1, Dir: dir})
	defer s.Close()
	add(t, s, random(1, 1, 1))
	err := s.Add(1, 0, nil)
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "set TMPDIR") {
		t.Error(err)
	}
}

// damaged gives back other bytes than were written.
type damaged struct {
	file
	readAt func(f io.ReaderAt, p []byte, off int64) (int, error)
}

func (d damaged) ReadAt(p []byte, off int64) (int, error) { return d.readAt(d.file, p, off) }

func TestDamagedFile(t *testing.T) {
	broken := errors.New("the disk is broken")
	for name, readAt := range map[string]func(f io.ReaderAt, p []byte, off int64) (int, error){
		"fails":  func(io.ReaderAt, []byte, int64) (int, error) { return 0, broken },
		"shrank": func(io.ReaderAt, []byte, int64) (int, error) { return 0, io.EOF },
		"other lengths": func(_ io.ReaderAt, p []byte, off int64) (int, error) {
			for i := range p {
				p[i] = 0x11
			}
			return len(p), nil
		},
	} {
		s := New(Options{MaxBytes: 5000, Dir: t.TempDir()})
		s.spill.create = func(dir string) (file, error) {
			f, err := createTemp(dir)
			return damaged{f, readAt}, err
		}
		add(t, s, random(1, 1000, 10))
		err := s.Each(context.Background(), func(int64, []byte) error { return nil })
		if !errors.Is(err, broken) && !errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(err.Error(), s.o.Dir) {
			t.Error(name, err)
		}
		closed(t, s)
	}
}

func TestTempFile(t *testing.T) {
	dir := t.TempDir()
	f, err := createTemp(dir)
	if err != nil {
		t.Fatal(err)
	}
	fi, err := f.(*tempFile).Stat()
	if err != nil || fi.Mode().Perm() != 0o600 {
		t.Error(fi.Mode(), err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	// Where an open file cannot be removed, it is on Close.
	osFile, err := os.CreateTemp(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := (&tempFile{osFile, true}).Close(); err != nil {
		t.Error(err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Error("left behind:", left)
	}
}
