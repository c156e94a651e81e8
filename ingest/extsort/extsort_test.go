package extsort

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
)

type record struct {
	key     int64
	rank    uint64
	payload string
}

func compare(a, b record) int {
	return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.rank, b.rank), strings.Compare(a.payload, b.payload))
}

// random makes records with many equal keys, some of them equal altogether.
func random(seed uint64, n, maxPayload int) []record {
	rng := rand.New(rand.NewPCG(seed, 0))
	records := make([]record, n)
	for i := range records {
		key := rng.Int64N(int64(n)) - int64(n)/2
		switch rng.IntN(50) {
		case 0:
			key = int64(rng.Uint64()) // anything, negative too
		case 1:
			key = 7
		}
		payload := make([]byte, rng.IntN(maxPayload+1))
		for j := range payload {
			payload[j] = byte(rng.IntN(2))
		}
		records[i] = record{key, rng.Uint64N(3), string(payload)}
	}
	return records
}

func add(t testing.TB, s *Sorter, records []record) {
	t.Helper()
	var payload []byte // one for all: Add copies
	for _, r := range records {
		payload = append(payload[:0], r.payload...)
		if err := s.Add(r.key, r.rank, payload); err != nil {
			t.Fatal(err)
		}
	}
}

func sorted(t testing.TB, s *Sorter) []record {
	t.Helper()
	var got []record
	c, err := s.Sort(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for c.Next() {
		got = append(got, record{c.Key, c.Rank, string(c.Payload)})
	}
	if c.Err() != nil || c.Next() {
		t.Fatal("after the end: ", c.Err())
	}
	return got
}

func equal(t testing.TB, want, got []record) {
	t.Helper()
	if len(want) != len(got) {
		t.Fatalf("%d records, want %d", len(got), len(want))
	}
	for i := range want {
		if want[i] != got[i] {
			t.Fatalf("record %d is %v, want %v", i, got[i], want[i])
		}
	}
}

// closed closes a sorter and sees that it leaves nothing behind.
func closed(t testing.TB, s *Sorter) {
	t.Helper()
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if left, err := os.ReadDir(s.o.Dir); err != nil || len(left) > 0 {
		t.Error("left behind:", left, err)
	}
	if err := s.Add(1, 0, nil); !errors.Is(err, os.ErrClosed) {
		t.Error(err)
	}
	if err := s.Each(context.Background(), nil); !errors.Is(err, os.ErrClosed) {
		t.Error(err)
	}
}

func TestSort(t *testing.T) {
	tests := []struct {
		name                    string
		n, maxPayload, maxBytes int
		minRuns, maxRuns        int
	}{
		{"nothing", 0, 0, 0, 0, 0},
		{"one", 1, 10, 0, 0, 0},
		{"in memory", 20000, 30, 0, 0, 0},
		{"empty payloads", 5000, 0, 16 << 10, 10, fanIn},
		{"some runs", 20000, 60, 64 << 10, 2, fanIn},
		{"several passes", 20000, 30, 4 << 10, 2 * fanIn, 5000},
		{"many passes", 25000, 10, 200, fanIn*fanIn + 1, 25000},
		{"long payloads", 300, 50000, 64 << 10, 2 * fanIn, 300},
		{"memory for no record", 500, 10, 1, 498, 500},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			records := random(1, tt.n, tt.maxPayload)
			s := New(Options{MaxBytes: tt.maxBytes, Dir: t.TempDir()})
			add(t, s, records)
			if n := len(s.spill.runs); n < tt.minRuns || n > tt.maxRuns {
				t.Errorf("%d runs", n)
			}
			if (s.spill.file != nil) != (tt.minRuns > 0) {
				t.Error("a file is used, or is not")
			}
			slices.SortFunc(records, compare)
			equal(t, records, sorted(t, s))
			if n := len(s.spill.runs); n > fanIn {
				t.Errorf("%d runs were merged at once", n)
			}
			equal(t, records, sorted(t, s)) // Each may be called again

			more := random(2, 100, 10) // and Add after it
			add(t, s, more)
			records = append(records, more...)
			slices.SortFunc(records, compare)
			equal(t, records, sorted(t, s))
			closed(t, s)
		})
	}
}

func TestOrderOfInsertionDoesNotMatter(t *testing.T) {
	records := random(5, 5000, 20)
	rng := rand.New(rand.NewPCG(6, 0))
	var first []record
	for i := range 10 {
		s := New(Options{MaxBytes: []int{0, 5000, 20000}[i%3], Dir: t.TempDir()})
		add(t, s, records)
		got := sorted(t, s)
		if first == nil {
			first = got
		}
		equal(t, first, got)
		closed(t, s)
		rng.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
	}
}

func TestMemoryIsBounded(t *testing.T) {
	for _, size := range []int{0, 20, 500, 30000} {
		const maxBytes = 1 << 20
		s := New(Options{MaxBytes: maxBytes, Dir: t.TempDir()})
		payload := make([]byte, size)
		most := 0
		for i := range min(200000, 8<<20/(size+1)) {
			if err := s.Add(int64(-i), 0, payload); err != nil {
				t.Fatal(err)
			}
			held := 0
			for _, c := range s.arena.chunks {
				held += cap(c)
			}
			if held != s.arena.held {
				t.Fatalf("%d bytes held, said to be %d", held, s.arena.held)
			}
			most = max(most, held+cap(s.index)*entryBytes)
		}
		if most > maxBytes || most < maxBytes/3 {
			t.Errorf("payloads of %d: %d of %d bytes used", size, most, maxBytes)
		}
		closed(t, s)
	}
}

func TestFunctionThatFails(t *testing.T) {
	enough := errors.New("enough")
	for _, maxBytes := range []int{0, 4000} {
		s := New(Options{MaxBytes: maxBytes, Dir: t.TempDir()})
		records := random(1, 1000, 10)
		add(t, s, records)
		calls := 0
		err := s.Each(context.Background(), func(int64, []byte) error {
			if calls++; calls == 10 {
				return enough
			}
			return nil
		})
		if err != enough || calls != 10 {
			t.Error(err, calls)
		}
		slices.SortFunc(records, compare)
		equal(t, records, sorted(t, s)) // nothing is lost by it
		closed(t, s)
	}
}

func TestCancel(t *testing.T) {
	for _, maxBytes := range []int{0, 100 << 10, 1000} {
		s := New(Options{MaxBytes: maxBytes, Dir: t.TempDir()})
		records := random(1, 9000, 10)
		add(t, s, records)
		ctx, cancel := context.WithCancel(context.Background())
		calls := 0
		err := s.Each(ctx, func(int64, []byte) error {
			calls++
			cancel()
			return nil
		})
		if err != context.Canceled || calls > checkEvery {
			t.Error(err, calls)
		}
		if err := s.Each(ctx, func(int64, []byte) error { return nil }); err != context.Canceled {
			t.Error(err)
		}
		slices.SortFunc(records, compare)
		equal(t, records, sorted(t, s))
		closed(t, s)
	}
}

// Keys of all sizes, near each other and far apart, come in order; those of equal
// keys stay as they were.
func TestRadixSort(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	for _, width := range []int64{1, 2, digits, digits + 1, digits * digits, 1 << 40, math.MaxInt64} {
		for _, n := range []int{0, 1, 2, 1000} {
			for _, base := range []int64{0, -width / 2, math.MinInt64} {
				index := make([]entry, n)
				for i := range index {
					index[i] = entry{key: base + rng.Int64N(width), rank: uint64(i)}
				}
				if n == 1000 && width == math.MaxInt64 {
					index[0].key, index[1].key = math.MaxInt64, math.MinInt64
				}
				want := slices.Clone(index)
				slices.SortStableFunc(want, func(a, b entry) int { return cmp.Compare(a.key, b.key) })
				if got := radixSort(index, make([]entry, n)); !slices.Equal(got, want) {
					t.Fatalf("%d keys within %d from %d", n, width, base)
				}
			}
		}
	}
}

// What is equal but for its bytes has the order that is asked for.
func TestCompare(t *testing.T) {
	for _, maxBytes := range []int{0, 2000} {
		s := New(Options{MaxBytes: maxBytes, Dir: t.TempDir(), Compare: func(a, b []byte) int { return bytes.Compare(b, a) }})
		want := random(3, 500, 3)
		for i := range want {
			want[i].key, want[i].rank = want[i].key%2, 0
		}
		add(t, s, want)
		slices.SortFunc(want, func(a, b record) int { return cmp.Or(cmp.Compare(a.key, b.key), strings.Compare(b.payload, a.payload)) })
		equal(t, want, sorted(t, s))
		closed(t, s)
	}
}
