package file

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"

	"github.com/slowpod/slowpod/ingest"
)

// read runs a source to its end and returns what its handler was given.
func read(t testing.TB, name string, o Options) ([]line, error) {
	t.Helper()
	var kept []line
	err := New(name, o).Run(t.Context(), func(_ context.Context, b ingest.Batch) error {
		if len(b.Lines) == 0 {
			t.Error("batch without lines")
		}
		if b.Stream != name || b.Source != map[bool]string{true: "stdin", false: "file"}[name == "-"] {
			t.Errorf("batch of source %q, stream %q", b.Source, b.Stream)
		}
		kept = keep(kept, b.Lines)
		return nil
	})
	return kept, err
}

func write(t testing.TB, data string) (name string) {
	t.Helper()
	name = filepath.Join(t.TempDir(), "access.log")
	if err := os.WriteFile(name, []byte(data), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestFile(t *testing.T) {
	const maxLine = ingest.MaxLineBytes
	long := strings.Repeat("0123456789", 1<<20)
	for _, in := range []string{
		"", "\n\n", "a", "a\nb\n", "\x1f", "\x28", "P", "P*M", "[2026", "(\n", "\xef\xbb\xbfa\r\n\r\nb",
		long[:maxLine] + "\r\na\n", long[:maxLine+1] + "\r\na\n", "a\n" + long + "\nb\n" + long,
		strings.Repeat("a\n\n", 20000),
	} {
		want := oracle([]byte(in), maxLine)
		check := func(how string, got []line, err error) {
			t.Helper()
			if diff := diffLines(want, got); diff != "" || err != nil {
				t.Errorf("%.20q %s: %v -want +got\n%.1000s", in, how, err, diff)
			}
		}
		name := write(t, in)
		for _, size := range []int{0, 1000} {
			got, err := read(t, name, Options{BatchBytes: size})
			check("file", got, err)
			got, err = read(t, "-", Options{BatchBytes: size, Stdin: strings.NewReader(in)})
			check("stdin", got, err)
			got, err = read(t, "-", Options{BatchBytes: size, Stdin: iotest.HalfReader(strings.NewReader(in)), Follow: true})
			check("stdin in halves", got, err)
		}
		got, err := read(t, "-", Options{Stdin: iotest.OneByteReader(strings.NewReader(in[:min(len(in), 1000)]))})
		if len(in) <= 1000 {
			check("stdin by bytes", got, err)
		}
	}
}

func TestErrors(t *testing.T) {
	dir := t.TempDir()
	secret := write(t, "a\n")
	if err := os.Chmod(secret, 0); err != nil {
		t.Fatal(err)
	}
	missing := filepath.Join(dir, "missing.log")
	broken := errors.New("the disk is broken")
	tests := []struct {
		name string
		o    Options
		is   error
		want string
	}{
		{missing, Options{}, fs.ErrNotExist, missing + ": no such file or directory: check the path"},
		{missing, Options{Follow: true}, fs.ErrNotExist, missing + ": no such file or directory: check the path"},
		{dir, Options{}, syscall.EISDIR, dir + ": is a directory: name the files in it"},
		{secret, Options{}, fs.ErrPermission, secret + ": permission denied: read it as a user who may"},
		{"-", Options{Stdin: iotest.ErrReader(broken)}, broken, "stdin: the disk is broken"},
	}
	for _, tt := range tests {
		if tt.is == fs.ErrPermission && os.Geteuid() == 0 {
			continue // root may read everything
		}
		_, err := read(t, tt.name, tt.o)
		if !errors.Is(err, tt.is) || err.Error() != tt.want {
			t.Errorf("got  %v\nwant %s", err, tt.want)
		}
	}
}

func TestReadThatFailsLeavesNoLineBehind(t *testing.T) {
	broken := errors.New("the disk is broken")
	for _, in := range []string{"a\nb\ntorn", "ab", "a"} {
		r := io.MultiReader(strings.NewReader(in), iotest.ErrReader(broken))
		got, err := read(t, "-", Options{Stdin: r})
		if !errors.Is(err, broken) || errors.Is(err, ErrCutShort) {
			t.Error(err)
		}
		if diff := diffLines(oracle([]byte(in), 100), got); diff != "" {
			t.Error("-want +got\n", diff)
		}
	}
}

func TestHandlerErrorEndsTheRun(t *testing.T) {
	refused := errors.New("refused")
	name := write(t, strings.Repeat("a\n", 10000))
	for _, follow := range []bool{false, true} {
		calls := 0
		err := New(name, Options{BatchBytes: 1000, Follow: follow}).Run(t.Context(), func(context.Context, ingest.Batch) error {
			if calls++; calls == 3 {
				return refused
			}
			return nil
		})
		if err != refused || calls != 3 {
			t.Error(err, calls)
		}
	}
}

func TestCancelBetweenBatches(t *testing.T) {
	name := write(t, strings.Repeat("a\n", 10000))
	for _, follow := range []bool{false, true} {
		ctx, cancel := context.WithCancel(t.Context())
		lines := 0
		err := New(name, Options{BatchBytes: 1000, Follow: follow}).Run(ctx, func(ctx context.Context, b ingest.Batch) error {
			lines += len(b.Lines)
			cancel()
			return nil
		})
		want := context.Canceled
		if follow {
			want = nil
		}
		if err != want || lines != 500 {
			t.Error(follow, err, lines)
		}
	}
}

func TestCancelWhileStdinIsSilent(t *testing.T) {
	for _, follow := range []bool{false, true} {
		r, w := io.Pipe()
		defer w.Close()
		ctx, cancel := context.WithCancel(t.Context())
		got := make(chan string, 10)
		done := make(chan error)
		go func() {
			done <- New("-", Options{Stdin: r, Follow: follow}).Run(ctx, func(_ context.Context, b ingest.Batch) error {
				got <- string(b.Lines[0].Bytes)
				return nil
			})
		}()
		io.WriteString(w, "first\nincomplete")
		if l := <-got; l != "first" {
			t.Error(l)
		}
		cancel()
		if err := <-done; (err == nil) != follow || err != nil && err != context.Canceled {
			t.Error(follow, err)
		}
		if len(got) > 0 {
			t.Error("incomplete line handed over")
		}
	}
}

func TestDevice(t *testing.T) {
	got, err := read(t, "/dev/null", Options{Follow: true})
	if err != nil || got != nil {
		t.Error(got, err)
	}
}

func TestSizeAndProgress(t *testing.T) {
	name := write(t, strings.Repeat("a\n", 5000)+"\n\n")
	size, ok := Size(name)
	if !ok || size != 10002 {
		t.Error(size, ok)
	}
	for _, none := range []string{"-", name + "x", filepath.Dir(name), "/dev/null"} {
		if n, ok := Size(none); ok || n != 0 {
			t.Error(none, n, ok)
		}
	}
	var seen []int64
	o := Options{BatchBytes: 4000, Progress: func(n int64) { seen = append(seen, n) }}
	if _, err := read(t, name, o); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(seen); got != "[4096 4096 8096 10002 10002]" {
		t.Error(got)
	}
}

func BenchmarkFile(b *testing.B) {
	record := []byte(`{"start_time":"2026-01-01T00:00:00.000Z","path":"` + strings.Repeat("x", 800) + "\"}\n")
	data := bytes.Repeat(record, 64<<20/len(record))
	name := write(b, string(data))
	run := func(b *testing.B, name string, size int) {
		s := New(name, Options{BatchBytes: size})
		b.SetBytes(int64(len(data)))
		b.ReportAllocs()
		for b.Loop() {
			lines := 0
			err := s.Run(b.Context(), func(_ context.Context, b ingest.Batch) error {
				lines += len(b.Lines)
				return nil
			})
			if err != nil || lines != len(data)/len(record) {
				b.Fatal(lines, err)
			}
		}
	}
	for _, size := range []int{64 << 10, 256 << 10, 1 << 20} {
		b.Run(fmt.Sprintf("plain/%dKiB", size>>10), func(b *testing.B) { run(b, name, size) })
	}
	for _, f := range []format{gzipFormat, zstdFormat} {
		packed := write(b, string(compress(b, f, data)))
		b.Run(string(f), func(b *testing.B) { run(b, packed, 0) })
	}
}
