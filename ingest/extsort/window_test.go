package extsort

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// windowed gives records to a Window and returns what it gives, and how many it
// took.
func windowed(t testing.TB, records []record, maxBytes int) (given []string, took int, err error) {
	t.Helper()
	w := NewWindow(Options{MaxBytes: maxBytes}, func(payload []byte) error {
		given = append(given, string(payload))
		return nil
	})
	most := (Options{MaxBytes: maxBytes}).withDefaults().MaxBytes + 8192 // a few records, however little memory
	var payload []byte
	for i, r := range records {
		payload = append(payload[:0], r.payload...)
		if err := w.Add(r.key, r.rank, payload); err != nil {
			return given, i, err
		}
		held := w.arena.held + w.old.arena.held + (cap(w.index)+cap(w.other)+cap(w.old.index)+cap(w.old.other))*entryBytes/2
		if held > most {
			t.Fatalf("%d bytes are held after %d records; %d are allowed", held, i+1, most)
		}
	}
	return given, len(records), w.Flush()
}

// late is a stream whose records come up to so much later than their keys say.
func late(seed uint64, n int, most int64) []record {
	rng := rand.New(rand.NewPCG(seed, 1))
	records := random(seed, n, 30)
	for i := range records {
		records[i].key = int64(i)/3 - rng.Int64N(most+1)
	}
	return records
}

func payloads(records []record) (all []string) {
	for _, r := range records {
		all = append(all, r.payload)
	}
	return all
}

// What comes out is what a Sorter gives, or it is said where that cannot be.
func TestWindow(t *testing.T) {
	const n = 20_000
	for _, tt := range []struct {
		name     string
		records  []record
		maxBytes int
		ordered  bool
	}{
		{"in order", late(1, n, 0), 64 << 10, true},
		{"a little late", late(2, n, 20), 64 << 10, true},
		{"a little late, and all fits", late(3, n, 20), 0, true},
		{"no order at all, and all fits", random(4, n, 30), 0, true},
		{"too late", late(5, n, 2000), 64 << 10, false},
		{"no order at all", random(6, n, 30), 64 << 10, false},
		{"backwards", []record{{3, 0, "c"}, {2, 0, "b"}, {1, 0, "a"}}, 0, true},
		{"nothing", nil, 0, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			given, took, err := windowed(t, tt.records, tt.maxBytes)
			want := slices.Clone(tt.records)
			if !tt.ordered {
				if !errors.Is(err, ErrOrder) || took == 0 {
					t.Fatalf("took %d: %v", took, err)
				}
				// What was given comes first of all that had come.
				want = want[:took]
			} else if err != nil {
				t.Fatal(err)
			}
			slices.SortFunc(want, compare)
			if tt.ordered && len(given) != len(want) || !slices.Equal(given, payloads(want[:len(given)])) {
				t.Fatalf("%d records of %d, or not in order", len(given), len(want))
			}
		})
	}
}

// Records of one key are given together, for their order is known only then.
func TestWindowOfOneKey(t *testing.T) {
	for _, key := range []int64{math.MinInt64, 0, math.MaxInt64} {
		var records []record
		for i := range 1000 {
			records = append(records, record{key, uint64(1000 - i), "some text"})
		}
		given, took, err := windowed(t, records[:100], 1<<20)
		if err != nil || len(given) != 100 {
			t.Errorf("%d: %d of %d, %v", key, len(given), took, err)
		}
		// More than fit: those that come after others were given are too late.
		if given, took, err := windowed(t, records, 16<<10); !errors.Is(err, ErrOrder) || len(given) > took {
			t.Errorf("%d: %d of %d, %v", key, len(given), took, err)
		}
	}
}

// Many records of one late time do not make it sort for each that comes.
func TestWindowThatIsFullOfOneKey(t *testing.T) {
	var records []record
	for range 330 { // nearly all that is held back
		records = append(records, record{1 << 40, 0, "some text"})
	}
	for i := range int64(1000) {
		records = append(records, record{i, 0, "some text"})
	}
	if given, took, err := windowed(t, records, 64<<10); !errors.Is(err, ErrOrder) {
		t.Errorf("%d of %d, %v", len(given), took, err)
	}
}

// The longer the stream, the later a record may come.
func TestWindowOfALongStream(t *testing.T) {
	const n, late = 2_000_000, 80_000
	w := NewWindow(Options{}, func([]byte) error { return nil })
	for i := range int64(n) {
		key := i
		if i > n*3/4 && i%2 == 0 {
			key -= late
		}
		if err := w.Add(key, 0, []byte("some text")); err != nil {
			t.Fatalf("record %d: %v", i, err)
		}
	}
}

// It gives as it takes, so that neither waits for the other.
func TestWindowGivesAsItTakes(t *testing.T) {
	given, most := 0, 0
	w := NewWindow(Options{MaxBytes: 64 << 10}, func([]byte) error { given++; return nil })
	for i := range int64(100_000) {
		before := given
		if err := w.Add(i, 0, []byte("text")); err != nil {
			t.Fatal(err)
		}
		most = max(most, given-before)
	}
	if given < 90_000 || most > givenAtOnce {
		t.Errorf("gave %d, up to %d at once", given, most)
	}
}

func TestWindowThatCannotGive(t *testing.T) {
	full := errors.New("full")
	w := NewWindow(Options{MaxBytes: 16 << 10}, func([]byte) error { return full })
	var err error
	for i := int64(0); err == nil && i < 10_000; i++ {
		err = w.Add(i, 0, []byte("text"))
	}
	if err != full {
		t.Error(err)
	}
	w = NewWindow(Options{}, func([]byte) error { return full })
	if err := w.Add(1, 1, nil); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != full {
		t.Error(err)
	}
}
