package app

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slowpod/slowpod/bench/workload"
	"github.com/slowpod/slowpod/sinks/deadletter"
	"github.com/slowpod/slowpod/sinks/report"
)

// linesOf is the log of a simulated mesh.
func linesOf(g *workload.Generator) []byte {
	var b bytes.Buffer
	for l := (workload.Line{}); g.Next(&l); {
		b.Write(l.Bytes)
		b.WriteByte('\n')
	}
	return b.Bytes()
}

func catalogLines(d time.Duration) []byte {
	return linesOf(workload.Catalog(workload.CatalogOptions{Options: workload.Options{Seed: 1, Rate: 10, Duration: d}}))
}

// messyLines are malformed ones of two reasons, foreign ones, and records with
// more custom flags than are told apart.
func messyLines() []byte {
	var b bytes.Buffer
	for i := range 600 {
		fmt.Fprintf(&b, `{"start_time":"2026-03-02T10:00:%02d.%03dZ","duration":3,"response_code":503,"response_flags":"X%d","upstream_cluster":"outbound|80||a.b.svc.cluster.local","upstream_host":"10.0.0.1:80"}`+"\n", i%60, i, i*7%300)
		fmt.Fprintf(&b, `{"start_time":"yesterday","response_code":%d,"response_flags":"-"}`+"\n", i)
		fmt.Fprintf(&b, "hello\n{\"start_time\":\"2026-03-02T10:00:00.000Z\",\"response_flags\":\"-\",\"path\":\"/%d", i)
		b.WriteByte('\n')
	}
	return b.Bytes()
}

func logFile(t *testing.T, data []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "access.log")
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// told is all that an Offline says.
type told struct{ JSON, Calls, Log, Err string }

func tell(t *testing.T, o Offline) (s told) {
	t.Helper()
	var calls, log bytes.Buffer
	o.Calls = &calls
	o.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
	r, err := o.Run(t.Context())
	if err != nil {
		s.Err = err.Error()
	}
	if r != nil {
		var b bytes.Buffer
		if err := report.WriteJSON(&b, r); err != nil {
			t.Fatal(err)
		}
		s.JSON = b.String()
	}
	s.Calls, s.Log = calls.String(), log.String()
	return s
}

// Any number of workers says the same to the last byte, whether the records fit
// in memory or not.
func TestOfflineSaysTheSameWithAnyWorkers(t *testing.T) {
	t.Parallel()
	const small = 200 << 10 // bytes of records, so that some go to a file
	mesh := linesOf(workload.Mesh(workload.MeshOptions{Options: workload.Options{Seed: 2, Rate: 20, Duration: 2 * time.Minute}}))
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write(mesh[:len(mesh)/3])
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	rest := mesh[len(mesh)/3:]
	for name, in := range map[string]struct {
		files []string
		stdin string
	}{
		"catalog":         {[]string{logFile(t, catalogLines(3*time.Minute))}, ""},
		"mesh":            {[]string{logFile(t, mesh)}, ""},
		"mesh in pieces":  {[]string{logFile(t, rest[:len(rest)/2]), logFile(t, packed.Bytes()), "-"}, string(rest[len(rest)/2:])},
		"messy":           {[]string{logFile(t, messyLines())}, ""},
		"one file is not": {[]string{logFile(t, mesh), "missing.log", logFile(t, packed.Bytes()[:packed.Len()/2])}, ""},
		"nothing":         {[]string{logFile(t, nil)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := func(workers, sortBytes int) told {
				return tell(t, Offline{
					Files: in.files, Stdin: strings.NewReader(in.stdin),
					Workers: workers, batchBytes: 8 << 10, sortBytes: sortBytes,
				})
			}
			want := run(1, 0)
			if want.JSON == "" || (want.Err != "") != (name == "one file is not") || (want.Calls == "") != (name == "nothing") {
				t.Fatalf("%+.1000v", want)
			}
			for workers, sortBytes := range map[int]int{1: small, 2: 0, 3: small, 8: small} {
				got := run(workers, sortBytes)
				// Which malformed line was the first is up to the workers.
				if a, b := strings.Count(want.Log, "\n"), strings.Count(got.Log, "\n"); a != b {
					t.Errorf("%d workers log %d lines, one logs %d\n%s", workers, b, a, got.Log)
				}
				got.Log = want.Log
				if got != want {
					t.Errorf("%d workers: %.3000s", workers, cmp.Diff(want, got))
				}
			}
		})
	}
}

// A log that is in order is judged as it is read, another one is sorted, and one
// that turns out not to be is read again: what is said is the same.
func TestOfflineSaysTheSameInAnyOrder(t *testing.T) {
	t.Parallel()
	mesh := linesOf(workload.Mesh(workload.MeshOptions{Options: workload.Options{Seed: 3, Rate: 20, Duration: 2 * time.Minute}}))
	lines := bytes.SplitAfter(mesh, []byte("\n"))
	half := len(lines) / 2
	lines = slices.Insert(lines, 10, []byte(`{"response_flags":"-","start_time":"yesterday"}`+"\n"))
	for name, lines := range map[string][][]byte{
		"in order": lines, "second half first": slices.Concat(lines[half:], lines[:half]), "first line last": append(slices.Clone(lines[1:]), lines[0]),
	} {
		data := bytes.Join(lines, nil)
		file := logFile(t, data)
		tell := func(o Offline) (s told, again bool) {
			var log bytes.Buffer
			read := int64(0)
			o.Progress = func(n int64) { again, read = again || n < read, n }
			o.Logger, o.batchBytes = slog.New(slog.NewTextHandler(&log, nil)), 8<<10
			r, err := o.Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			if err := report.WriteJSON(&b, r); err != nil {
				t.Fatal(err)
			}
			return told{JSON: b.String(), Log: fmt.Sprint(strings.Count(log.String(), "malformed line"))}, again
		}
		// stdin cannot be read again
		want, _ := tell(Offline{Files: []string{"-"}, Stdin: bytes.NewReader(data), Workers: 1})
		if want.Log != "1" {
			t.Errorf("%s: %s malformed lines are logged", name, want.Log)
		}
		for _, workers := range []int{1, 2, 5} {
			for _, sortBytes := range []int{0, 300 << 10} {
				got, again := tell(Offline{Files: []string{file}, Workers: workers, sortBytes: sortBytes})
				if got != want {
					t.Errorf("%s, %d workers, %d bytes: %.2000s", name, workers, sortBytes, cmp.Diff(want, got))
				}
				if again != (name != "in order" && sortBytes != 0) {
					t.Errorf("%s, %d workers, %d bytes: read again: %t", name, workers, sortBytes, again)
				}
			}
		}
	}
}

// onLog does something whenever a line is logged.
type onLog func()

func (f onLog) Write(b []byte) (int, error) {
	f()
	return len(b), nil
}

// A file that has to be read again, but is another one by then, is no report of
// that one.
func TestOfflineIsReplacedWhileRead(t *testing.T) {
	t.Parallel()
	lines := catalogLines(2 * time.Minute)
	for how, spoil := range map[string]func(name string) error{
		"renamed over": func(name string) error { return os.Rename(logFile(t, slices.Concat(lines, lines, lines)), name) },
		"truncated":    func(name string) error { return os.Truncate(name, 100) },
		"removed":      os.Remove,
	} {
		name := logFile(t, slices.Concat(lines, []byte(`{"response_flags":"-","start_time":"yesterday"}`+"\n"), lines))
		o := Offline{Files: []string{name}, Workers: 1, sortBytes: 100 << 10, Logger: slog.New(slog.NewTextHandler(onLog(func() {
			if err := spoil(name); err != nil {
				t.Error(err)
			}
		}), nil))}
		if r, err := o.Run(t.Context()); r != nil || err == nil || !strings.Contains(err.Error(), "it is another one by now") {
			t.Error(how, r != nil, err)
		}
	}
}

// Letters come in the order of the lines, and once, in whatever order these are.
func TestOfflineKeepsLettersInOrder(t *testing.T) {
	t.Parallel()
	name := logFile(t, messyLines())
	letters := func(workers int) string {
		var b bytes.Buffer
		o := Offline{
			Files: []string{name}, Letters: deadletter.NewFile(&b), Logger: slog.New(slog.DiscardHandler),
			Workers: workers, batchBytes: 1000, sortBytes: 20 << 10,
		}
		if _, err := o.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	want := letters(1)
	if n := strings.Count(want, "\n"); n != 1200 {
		t.Fatalf("%d letters", n)
	}
	if diff := cmp.Diff(want, letters(8)); diff != "" {
		t.Error(diff)
	}
}

// A temporary file that cannot be made is told, with what to do about it.
func TestOfflineWithoutRoomToSort(t *testing.T) {
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "missing"))
	name := logFile(t, catalogLines(2*time.Minute))
	for _, workers := range []int{1, 3} {
		o := Offline{
			Files: []string{name}, Calls: io.Discard, // what cannot be taken back
			Logger: slog.New(slog.DiscardHandler), Workers: workers, batchBytes: 1000, sortBytes: 100 << 10,
		}
		r, err := o.Run(t.Context())
		if r != nil || !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "set TMPDIR to a directory that can be written") {
			t.Errorf("%d workers: %v, %v", workers, r != nil, err)
		}
	}
}

func TestOfflineIsCancelled(t *testing.T) {
	t.Parallel()
	name := logFile(t, catalogLines(2*time.Minute))
	for _, workers := range []int{1, 3} {
		ctx, cancel := context.WithCancel(t.Context())
		o := Offline{
			Files: []string{name}, Logger: slog.New(slog.DiscardHandler), Workers: workers, batchBytes: 1000,
			Progress: func(int64) { cancel() },
		}
		if r, err := o.Run(ctx); r != nil || err != context.Canceled {
			t.Errorf("%d workers: %v, %v", workers, r != nil, err)
		}
	}
}
