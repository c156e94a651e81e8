package file

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/slowpod/slowpod/ingest"
)

// line is an ingest.Line that may be kept.
type line struct {
	Number int64
	Text   string
	Cut    bool
}

func keep(kept []line, lines []ingest.Line) []line {
	for _, l := range lines {
		kept = append(kept, line{l.Number, string(l.Bytes), l.Cut})
	}
	return kept
}

// diffLines is cmp.Diff, which takes long over many lines that are equal.
func diffLines(want, got []line) string {
	if slices.Equal(want, got) {
		return ""
	}
	return cmp.Diff(want, got)
}

// splitAll gives all lines of r with a splitter of these sizes.
func splitAll(t testing.TB, r io.Reader, readBytes, maxLine int) []line {
	t.Helper()
	s := newSplitter(readBytes, maxLine)
	var kept []line
	for {
		err := s.fill(r)
		for lines := s.next(); len(lines) > 0; lines = s.next() {
			kept = keep(kept, lines)
		}
		if err == io.EOF {
			return keep(kept, s.rest())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// oracle says the same in the plainest way, with everything in memory.
func oracle(data []byte, maxLine int) []line {
	data = bytes.TrimPrefix(data, utf8BOM)
	parts := bytes.Split(data, []byte("\n"))
	if len(parts[len(parts)-1]) == 0 {
		parts = parts[:len(parts)-1]
	}
	var lines []line
	for i, p := range parts {
		p = bytes.TrimSuffix(p, []byte("\r"))
		switch {
		case len(p) > maxLine:
			lines = append(lines, line{int64(i + 1), string(p[:maxLine]), true})
		case len(bytes.Trim(p, " \t\n\v\f\r")) > 0:
			lines = append(lines, line{int64(i + 1), string(p), false})
		}
	}
	return lines
}

func TestLines(t *testing.T) {
	const maxLine = 8
	tests := []struct {
		name, in string
		want     []line
	}{
		{"empty", "", nil},
		{"one", "a\n", []line{{1, "a", false}}},
		{"no line end at the end", "a\nb", []line{{1, "a", false}, {2, "b", false}}},
		{"blank lines are counted", "\n \t\r\n\v\f\na\n\nb\n\n", []line{{4, "a", false}, {6, "b", false}}},
		{"CRLF", "a\r\nb\r\n", []line{{1, "a", false}, {2, "b", false}}},
		{"one CR only", "a\r\r\n\rb\n", []line{{1, "a\r", false}, {2, "\rb", false}}},
		{"CR at the end", "a\nb\r", []line{{1, "a", false}, {2, "b", false}}},
		{"white space inside stays", " a b \n", []line{{1, " a b ", false}}},
		{"BOM", "\xef\xbb\xbfa\nb\n", []line{{1, "a", false}, {2, "b", false}}},
		{"BOM alone", "\xef\xbb\xbf", nil},
		{"BOM on a blank line", "\xef\xbb\xbf\na", []line{{2, "a", false}}},
		{"one BOM only", "\xef\xbb\xbf\xef\xbb\xbf\n", []line{{1, "\xef\xbb\xbf", false}}},
		{"BOM later is text", "a\n\xef\xbb\xbfb\n", []line{{1, "a", false}, {2, "\xef\xbb\xbfb", false}}},
		{"torn BOM", "\xef\xbb", []line{{1, "\xef\xbb", false}}},
		{"nearly a BOM", "\xef\xbb\n", []line{{1, "\xef\xbb", false}}},
		{"NUL", "a\x00b\n\x00\n", []line{{1, "a\x00b", false}, {2, "\x00", false}}},
		{"not UTF-8", "\xff\xfe\n", []line{{1, "\xff\xfe", false}}},
		{"longest", "12345678\n12345678\r\n12345678", []line{{1, "12345678", false}, {2, "12345678", false}, {3, "12345678", false}}},
		{"too long", "123456789\nb\n", []line{{1, "12345678", true}, {2, "b", false}}},
		{"too long by a CR", "12345678\r\r\n", []line{{1, "12345678", true}}},
		{"too long, CRLF", "123456789\r\nb\n", []line{{1, "12345678", true}, {2, "b", false}}},
		{"too long at the end", "a\n123456789abcdef", []line{{1, "a", false}, {2, "12345678", true}}},
		{"much too long", strings.Repeat("12345678", 99) + "\nb", []line{{1, "12345678", true}, {2, "b", false}}},
		{"too long and blank so far", "         \nb", []line{{1, "        ", true}, {2, "b", false}}},
		{"longest after a BOM", "\xef\xbb\xbf12345678\r\n", []line{{1, "12345678", false}}},
	}
	readers := map[string]func(io.Reader) io.Reader{
		"whole":   func(r io.Reader) io.Reader { return r },
		"bytes":   iotest.OneByteReader,
		"halves":  iotest.HalfReader,
		"dataErr": iotest.DataErrReader,
	}
	for _, tt := range tests {
		for how, reader := range readers {
			for _, readBytes := range []int{1, 3, 16, 4096} {
				t.Run(fmt.Sprintf("%s/%s/%d", tt.name, how, readBytes), func(t *testing.T) {
					got := splitAll(t, reader(strings.NewReader(tt.in)), readBytes, maxLine)
					if diff := diffLines(tt.want, got); diff != "" {
						t.Error("-want +got\n", diff)
					}
				})
			}
		}
		if diff := diffLines(tt.want, oracle([]byte(tt.in), maxLine)); diff != "" {
			t.Error("oracle", tt.name, "-want +got\n", diff)
		}
	}
}

// pieces reads r in pieces of random length, some of them empty.
type pieces struct {
	r   io.Reader
	rng *rand.Rand
}

func (p pieces) Read(b []byte) (int, error) {
	return p.r.Read(b[:min(len(b), p.rng.IntN(40))])
}

func FuzzLines(f *testing.F) {
	f.Add([]byte("a\nb\r\n\n \n123456789012345678\nc"), uint64(1), uint8(4), uint8(8))
	f.Add([]byte("\xef\xbb\xbf\r\n\x00\r\r\n"), uint64(2), uint8(0), uint8(0))
	f.Add(bytes.Repeat([]byte("12345678\r\n"), 50), uint64(3), uint8(200), uint8(7))
	f.Add(bytes.Repeat([]byte("x"), 5000), uint64(4), uint8(10), uint8(100))
	f.Fuzz(func(t *testing.T, data []byte, seed uint64, readBytes, maxLine uint8) {
		r := pieces{bytes.NewReader(data), rand.New(rand.NewPCG(seed, 0))}
		got := splitAll(t, r, int(readBytes)+1, int(maxLine)+1)
		if diff := diffLines(oracle(data, int(maxLine)+1), got); diff != "" {
			t.Error("-want +got\n", diff)
		}
	})
}

func TestLinesRandom(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	alphabet := []byte("ab \t\r\n\n\xef\xbb\xbf\x00")
	for range 3000 {
		data := make([]byte, rng.IntN(300))
		for i := range data {
			data[i] = alphabet[rng.IntN(len(alphabet))]
		}
		readBytes, maxLine := 1+rng.IntN(64), 1+rng.IntN(20)
		got := splitAll(t, pieces{bytes.NewReader(data), rng}, readBytes, maxLine)
		if diff := diffLines(oracle(data, maxLine), got); diff != "" {
			t.Fatalf("%q in reads of %d, line %d: -want +got\n%s", data, readBytes, maxLine, diff)
		}
	}
}

// endless brings n bytes of one line.
type endless struct{ n int }

func (e *endless) Read(p []byte) (int, error) {
	if e.n == 0 {
		return 0, io.EOF
	}
	n := min(e.n, len(p))
	e.n -= n
	for i := range p[:n] {
		p[i] = 'x'
	}
	return n, nil
}

func TestLongLineIsNotKept(t *testing.T) {
	s := newSplitter(4096, 10000)
	r := io.MultiReader(&endless{100 << 20}, strings.NewReader("\nnext\n"))
	var got []line
	for err := error(nil); err == nil; {
		err = s.fill(r)
		got = keep(got, s.next())
	}
	want := []line{{1, strings.Repeat("x", 10000), true}, {2, "next", false}}
	if diff := diffLines(want, got); diff != "" {
		t.Error("-want +got\n", diff)
	}
	if len(s.buf) > 10003 {
		t.Errorf("buffer has grown to %d bytes", len(s.buf))
	}
}

func TestManyShortLines(t *testing.T) {
	s := newSplitter(1<<20, 100)
	if err := s.fill(strings.NewReader(strings.Repeat("a\n", 100000))); err != nil {
		t.Fatal(err)
	}
	var sum int
	for lines := s.next(); len(lines) > 0; lines = s.next() {
		sum += len(lines)
	}
	if sum != 100000 || cap(s.lines) > 2*maxBatchLines {
		t.Errorf("%d lines, room for %d", sum, cap(s.lines))
	}
}

func TestSplitterDoesNotAllocate(t *testing.T) {
	data := bytes.NewReader(bytes.Repeat([]byte(strings.Repeat("x", 700)+"\n"), 5000))
	s := newSplitter(64<<10, ingest.MaxLineBytes)
	allocs := testing.AllocsPerRun(10, func() {
		data.Seek(0, io.SeekStart)
		s.restart()
		for err := error(nil); err == nil; {
			err = s.fill(data)
			for len(s.next()) > 0 {
			}
		}
	})
	if allocs > 0 {
		t.Errorf("%v allocations for 5000 lines", allocs)
	}
}

func TestReaderThatBringsNothing(t *testing.T) {
	s := newSplitter(16, 16)
	if err := s.fill(idle{}); err != io.ErrNoProgress {
		t.Error(err)
	}
}

type idle struct{}

func (idle) Read([]byte) (int, error) { return 0, nil }
