package file

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"github.com/slowpod/slowpod/ingest"
)

// readParallel runs a source with n handlers and returns what they were given,
// by line number.
func readParallel(t testing.TB, ctx context.Context, name string, o Options, n int) ([]line, error) {
	t.Helper()
	kept := make([][]line, n)
	var handlers []Handler
	for i := range n {
		var busy atomic.Bool
		handlers = append(handlers, func(_ context.Context, b ingest.Batch) error {
			if busy.Swap(true) {
				t.Error("a handler is called twice at once")
			}
			defer busy.Store(false)
			if len(b.Lines) == 0 {
				t.Error("batch without lines")
			}
			if b.Stream != name || b.Source != map[bool]string{true: "stdin", false: "file"}[name == "-"] {
				t.Errorf("batch of source %q, stream %q", b.Source, b.Stream)
			}
			before := len(kept[i])
			kept[i] = keep(kept[i], b.Lines)
			if before > 0 && kept[i][before-1].Number >= kept[i][before].Number {
				t.Error("a handler gets batches out of order")
			}
			return nil
		})
	}
	err := New(name, o).RunParallel(ctx, handlers)
	all := slices.Concat(kept...)
	slices.SortFunc(all, func(a, b line) int { return cmp.Compare(a.Number, b.Number) })
	if len(all) == 0 {
		all = nil
	}
	return all, err
}

// Every line comes to one handler, once, whole and with its number.
func TestParallel(t *testing.T) {
	const maxLine = ingest.MaxLineBytes
	long := strings.Repeat("0123456789", 1<<18)
	for _, in := range []string{
		"", "\n\n", "a", "a\nb\n", "\xef\xbb\xbfa\r\n\r\nb",
		long[:maxLine] + "\r\na\n", "a\n" + long + "\nb\n" + long,
		strings.Repeat("a\n\n", 20000), string(logLines(20000)) + "torn",
		strings.Repeat(long[:3000]+"\nb\n", 100),
	} {
		want := oracle([]byte(in), maxLine)
		name, packed := write(t, in), write(t, string(compress(t, gzipFormat, []byte(in))))
		for _, n := range []int{1, 2, 3, 8} {
			for _, size := range []int{0, 1000, 17} {
				if size == 17 && len(in) > 100000 {
					continue
				}
				check := func(how string, got []line, err error) {
					t.Helper()
					if diff := diffLines(want, got); diff != "" || err != nil {
						t.Errorf("%.20q, %d handlers, %d bytes, %s: %v -want +got\n%.1000s", in, n, size, how, err, diff)
					}
				}
				var progress int64
				o := Options{BatchBytes: size, Progress: func(n int64) { progress = n }}
				got, err := readParallel(t, t.Context(), name, o, n)
				check("file", got, err)
				if progress != int64(len(in)) {
					t.Errorf("progress ends at %d of %d bytes", progress, len(in))
				}
				got, err = readParallel(t, t.Context(), packed, o, n)
				check("gzip", got, err)
				o.Stdin = iotest.HalfReader(strings.NewReader(in))
				got, err = readParallel(t, t.Context(), "-", o, n)
				check("stdin", got, err)
			}
		}
	}
}

func TestParallelReadThatFailsLeavesNoLineBehind(t *testing.T) {
	broken := errors.New("the disk is broken")
	data := append(logLines(3000), "torn"...)
	o := Options{BatchBytes: 1000, Stdin: io.MultiReader(bytes.NewReader(data), iotest.ErrReader(broken))}
	got, err := readParallel(t, t.Context(), "-", o, 3)
	if !errors.Is(err, broken) {
		t.Error(err)
	}
	if diff := diffLines(oracle(data, ingest.MaxLineBytes), got); diff != "" {
		t.Error("-want +got\n", diff)
	}

	whole := compress(t, gzipFormat, data)
	want, _ := read(t, write(t, string(whole[:len(whole)/2])), Options{})
	got, err = readParallel(t, t.Context(), write(t, string(whole[:len(whole)/2])), Options{BatchBytes: 1000}, 3)
	if !errors.Is(err, ErrCutShort) || len(got) == 0 {
		t.Error(len(got), err)
	}
	if diff := diffLines(want, got); diff != "" {
		t.Error("-want +got\n", diff)
	}
}

// An error of one handler ends the run, though another one is at work and the
// reading waits for memory, or for more to read.
func TestParallelHandlerErrorEndsTheRun(t *testing.T) {
	refused := errors.New("refused")
	silent, w := io.Pipe()
	defer w.Close()
	endless := Options{BatchBytes: 1000, Stdin: io.MultiReader(strings.NewReader(strings.Repeat("a\n", 600)), silent)}
	for _, tt := range []struct {
		name string
		o    Options
	}{
		{write(t, strings.Repeat("a\n", 10000)), Options{BatchBytes: 1000}},
		{"-", endless},
	} {
		busy, failed := make(chan struct{}), make(chan struct{})
		var first sync.Once
		var calls atomic.Int32
		handle := func(ctx context.Context, _ ingest.Batch) error {
			calls.Add(1)
			isFirst := false
			first.Do(func() { isFirst = true })
			if isFirst {
				close(busy)
				<-ctx.Done() // which the other's error brings about
				<-failed
				return nil
			}
			<-busy
			defer close(failed)
			return refused
		}
		err := New(tt.name, tt.o).RunParallel(t.Context(), []Handler{handle, handle})
		if err != refused || calls.Load() != 2 {
			t.Error(tt.name, err, calls.Load())
		}
	}
}

// When all handlers fail, nobody waits for the memory they had.
func TestParallelHandlersThatAllFail(t *testing.T) {
	refused := errors.New("refused")
	handle := func(context.Context, ingest.Batch) error { return refused }
	name := write(t, strings.Repeat("a\n", 100000))
	if err := New(name, Options{BatchBytes: 100}).RunParallel(t.Context(), []Handler{handle, handle, handle}); err != refused {
		t.Error(err)
	}
}

// What was read before ctx was cancelled is handed over, be it waiting still.
func TestParallelCancel(t *testing.T) {
	for _, n := range []int{1, 2, 4} {
		ctx, cancel := context.WithCancel(t.Context())
		data := logLines(5000)
		// The read that cancels is the last; all before it is complete lines.
		half := bytes.IndexByte(data[len(data)/2:], '\n') + len(data)/2 + 1
		r := io.MultiReader(bytes.NewReader(data[:half]), then(cancel), bytes.NewReader(data[half:]))
		got, err := readParallel(t, ctx, "-", Options{BatchBytes: 1000, Stdin: r}, n)
		if err != context.Canceled {
			t.Error(err)
		}
		want := oracle(data[:half], ingest.MaxLineBytes)
		if len(got) > len(want) || diffLines(want[:len(got)], got) != "" {
			t.Errorf("%d handlers: %d lines are no beginning of %d", n, len(got), len(want))
		}
		if len(got) < len(want)-40 { // the read that waited when ctx ended is nobody's
			t.Errorf("%d handlers: %d lines of %d", n, len(got), len(want))
		}
	}
}

// then is a reader that does something and brings nothing.
type then func()

func (f then) Read([]byte) (int, error) {
	f()
	return 0, io.EOF
}

// A batch is its handler's: its bytes stay until the handler returns, whatever
// is read meanwhile. More batches take no more memory.
func TestParallelMemory(t *testing.T) {
	const n, size = 3, 1000
	data := logLines(4000)
	var mu sync.Mutex
	var handlers []Handler
	for range n {
		handlers = append(handlers, func(_ context.Context, b ingest.Batch) error {
			before := keep(nil, b.Lines)
			mu.Lock() // the others read on, and wait here with their batches
			defer mu.Unlock()
			if diff := diffLines(before, keep(nil, b.Lines)); diff != "" {
				t.Error("a batch has changed\n", diff)
			}
			return nil
		})
	}
	s := New(write(t, string(data)), Options{BatchBytes: size})
	if err := s.RunParallel(t.Context(), handlers); err != nil {
		t.Fatal(err)
	}

	allocs := func(lines int) float64 {
		name := write(t, strings.Repeat(strings.Repeat("x", 99)+"\n", lines))
		o := Options{BatchBytes: size}
		none := func(context.Context, ingest.Batch) error { return nil }
		return testing.AllocsPerRun(5, func() {
			if err := New(name, o).RunParallel(t.Context(), []Handler{none, none, none}); err != nil {
				t.Fatal(err)
			}
		})
	}
	if few, many := allocs(1000), allocs(100000); many > few+20 {
		t.Errorf("%v allocations for 100 batches, %v for 10000", few, many)
	}
}
