package file

import (
	"bytes"
	stdgzip "compress/gzip"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

func compress(t testing.TB, f format, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	var w io.WriteCloser = gzip.NewWriter(&out)
	if f == zstdFormat {
		var err error
		if w, err = zstd.NewWriter(&out, zstd.WithEncoderConcurrency(1)); err != nil {
			t.Fatal(err)
		}
	}
	w.Write(data)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// logLines is text that compresses about as well as a log.
func logLines(n int) []byte {
	rng := rand.New(rand.NewPCG(3, 4))
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, "{\"n\":%d,\"id\":%q}\n", i, fmt.Sprint(rng.Uint64()))
	}
	return b.Bytes()
}

func TestCompressed(t *testing.T) {
	data := logLines(8000)
	half := bytes.IndexByte(data[len(data)/2:], '\n') + len(data)/2 - 5 // within a line
	skip := "\x5f\x2a\x4d\x18\x03\x00\x00\x00abc"
	gz := func(d []byte) string { return string(compress(t, gzipFormat, d)) }
	zs := func(d []byte) string { return string(compress(t, zstdFormat, d)) }
	for name, in := range map[string]string{
		"gzip":             gz(data),
		"gzip members":     gz(data[:half]) + gz(nil) + gz(data[half:]),
		"zstd":             zs(data),
		"zstd frames":      zs(data[:half]) + zs(nil) + zs(data[half:]),
		"zstd skippable":   skip + zs(data[:half]) + skip + zs(data[half:]) + skip,
		"gzip with a BOM":  gz(append([]byte("\xef\xbb\xbf"), data...)),
		"zstd without \\n": zs(data[:len(data)-1]),
	} {
		want := oracle(data, 1<<20)
		for _, follow := range []bool{false, true} {
			var last int64
			o := Options{Follow: follow, Progress: func(n int64) { last = n }}
			got, err := read(t, write(t, in), o)
			if diff := diffLines(want, got); diff != "" || err != nil {
				t.Errorf("%s: %v -want +got\n%.500s", name, err, diff)
			}
			if last != int64(len(in)) {
				t.Errorf("%s: progress ends at %d of %d bytes", name, last, len(in))
			}
		}
		got, err := read(t, "-", Options{Stdin: iotest.OneByteReader(strings.NewReader(in))})
		if diff := diffLines(want, got); diff != "" || err != nil {
			t.Errorf("%s by bytes: %v -want +got\n%.500s", name, err, diff)
		}
	}
	for _, empty := range []string{gz(nil), zs(nil), skip} {
		if got, err := read(t, write(t, empty), Options{}); got != nil || err != nil {
			t.Error(got, err)
		}
	}
}

// cuts are places to cut n bytes: every one near both ends, some between.
func cuts(n int) (at []int) {
	for i := 2; i < n; i++ {
		if i < 24 || i > n-16 || i%(n/24) == 0 {
			at = append(at, i)
		}
	}
	return at
}

func TestCutShort(t *testing.T) {
	data := logLines(5000)
	// What may be lost of the bytes before the cut: gzip's last symbols, which
	// the decompressor reads ahead of; zstd's last block, which is all or nothing.
	for f, loss := range map[format]int{gzipFormat: 300, zstdFormat: 0} {
		whole := compress(t, f, data)
		longest := 0
		for _, n := range cuts(len(whole)) {
			name := write(t, string(whole[:n]))
			got, err := read(t, name, Options{})
			if !errors.Is(err, ErrCutShort) {
				t.Fatalf("%s cut to %d bytes: %v", f, n, err)
			}
			lines := fmt.Sprint(len(got), " lines")
			if len(got) == 1 {
				lines = "1 line"
			}
			if want := fmt.Sprintf("%s: %s stream is cut short after %s: %v", name, f, lines, ErrCutShort); err.Error() != want {
				t.Fatalf("cut to %d bytes: got  %v\nwant %s", n, err, want)
			}
			size := 0
			for _, l := range got {
				size += len(l.Text) + 1
			}
			size = min(size, len(data))
			if len(got) > 0 && !slices.Equal(oracle(data[:size], 1<<20), got) && !slices.Equal(oracle(data[:size-1], 1<<20), got) {
				t.Fatalf("%s cut to %d bytes: other lines than were written, last %v", f, n, got[len(got)-1])
			}
			if can := readable(t, f, whole[:n]); size < can-loss {
				t.Fatalf("%s cut to %d bytes: %d bytes of lines, %d could be read", f, n, size, can)
			}
			longest = max(longest, len(got))
		}
		if longest < 3000 {
			t.Errorf("%s: at most %d lines of a cut file were read", f, longest)
		}
	}
}

// readable is how much another decompressor, or another way to call it, reads.
func readable(t *testing.T, f format, in []byte) int {
	var r io.Reader
	var err error
	if f == gzipFormat {
		r, err = stdgzip.NewReader(bytes.NewReader(in))
	} else {
		z, zerr := zstd.NewReader(iotest.OneByteReader(bytes.NewReader(in)), zstd.WithDecoderConcurrency(2))
		if zerr == nil {
			defer z.Close()
		}
		r, err = z, zerr
	}
	if err != nil {
		return 0
	}
	n, err := io.Copy(io.Discard, r)
	if err == nil {
		t.Error("a cut stream was read without error")
	}
	return int(n)
}

func TestCutBetweenMembersIsSeenInTheNext(t *testing.T) {
	a, b := logLines(100), []byte("tail\n")
	for _, f := range []format{gzipFormat, zstdFormat} {
		first, second := compress(t, f, a), compress(t, f, b)
		for n := 1; n < len(second); n++ {
			got, err := read(t, write(t, string(first)+string(second[:n])), Options{})
			if !errors.Is(err, ErrCutShort) || len(got) < 100 {
				t.Errorf("%s, %d bytes of the second: %d lines, %v", f, n, len(got), err)
			}
		}
	}
}

func TestDamaged(t *testing.T) {
	data := logLines(10000)
	for f, want := range map[format]int{gzipFormat: 10000, zstdFormat: 6000} {
		in := compress(t, f, data)
		in[len(in)-3] ^= 0xff // in the check sum
		got, err := read(t, write(t, string(in)), Options{})
		if !errors.Is(err, ErrCutShort) || !strings.Contains(err.Error(), fmt.Sprintf("%s stream is damaged after %d lines (", f, len(got))) {
			t.Error(err)
		}
		if len(got) < want {
			t.Errorf("%s: %d lines", f, len(got))
		}
	}
	got, err := read(t, write(t, string(compress(t, gzipFormat, []byte("a\n")))+"garbage that is no member"), Options{})
	if !errors.Is(err, ErrCutShort) || len(got) != 1 {
		t.Error(got, err)
	}
}

func TestFailureOfTheDiskIsNoDamage(t *testing.T) {
	broken := errors.New("the disk is broken")
	for _, f := range []format{gzipFormat, zstdFormat} {
		in := compress(t, f, logLines(20000))
		for _, n := range []int{2, 3, 8, len(in) - 10} {
			r := io.MultiReader(bytes.NewReader(in[:n]), iotest.ErrReader(broken))
			_, err := read(t, "-", Options{Stdin: r})
			if !errors.Is(err, broken) || errors.Is(err, ErrCutShort) {
				t.Error(f, n, err)
			}
		}
	}
}

func TestZstdWindowIsBounded(t *testing.T) {
	// A frame header that asks for a window of 2 GiB.
	in := "\x28\xb5\x2f\xfd\x00\xa8\x01\x00\x00"
	_, err := read(t, write(t, in), Options{})
	if err == nil || !strings.Contains(err.Error(), "zstd window is larger than 128 MiB") {
		t.Error(err)
	}
}
