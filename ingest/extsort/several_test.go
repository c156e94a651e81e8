package extsort

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
)

// deal gives each record to one of n sorters.
func deal(t testing.TB, records []record, n, maxBytes int) []*Sorter {
	t.Helper()
	sorters := make([]*Sorter, n)
	for i := range sorters {
		sorters[i] = New(Options{MaxBytes: maxBytes, Dir: t.TempDir()})
		var own []record
		for k := i; k < len(records); k += n {
			own = append(own, records[k])
		}
		add(t, sorters[i], own)
	}
	return sorters
}

// borrowed is what decode makes of a payload in these tests.
type borrowed struct{ text []byte }

func decode(payload []byte, to *borrowed) error {
	to.text = payload
	return nil
}

// The order of several sorters is the order of one that holds everything.
func TestMerge(t *testing.T) {
	for _, maxBytes := range []int{0, 64 << 10, 4 << 10} {
		for _, n := range []int{1, 2, 3, 8} {
			records := random(uint64(n), 5000, 30)
			records = append(records, record{3, strings.Repeat("long", blockBytes)}, record{3, ""}, record{3, ""})
			sorters := deal(t, records, n, maxBytes)
			slices.SortFunc(records, compare)
			for range 2 { // it may be called again
				var got []string
				err := Merge(t.Context(), sorters, decode, func(b *borrowed) error {
					got = append(got, string(b.text))
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				if len(got) != len(records) {
					t.Fatalf("%d sorters of %d bytes: %d records of %d", n, maxBytes, len(got), len(records))
				}
				for i, r := range records {
					if got[i] != r.payload {
						t.Fatalf("%d sorters of %d bytes: record %d is %.50q, want %.50q", n, maxBytes, i, got[i], r.payload)
					}
				}
			}
			for _, s := range sorters {
				closed(t, s)
			}
		}
	}
}

func TestMergeOfNothing(t *testing.T) {
	sorters := append(deal(t, nil, 2, 0), deal(t, []record{{1, "a"}}, 2, 0)...)
	n := 0
	err := Merge(t.Context(), sorters, decode, func(*borrowed) error { n++; return nil })
	if err != nil || n != 1 {
		t.Error(n, err)
	}
	if err := Merge(t.Context(), nil, decode, nil); err != nil {
		t.Error(err)
	}
}

// Whoever fails ends it, with that error and with no more records, and what the
// sorters hold is not lost by it.
func TestMergeThatFails(t *testing.T) {
	enough, broken := errors.New("enough"), errors.New("no record")
	records := random(1, 9000, 10)
	for _, maxBytes := range []int{0, 20 << 10} {
		sorters := deal(t, records, 3, maxBytes)
		ctx, cancel := context.WithCancel(t.Context())
		var decoded atomic.Int32
		for _, tt := range []struct {
			want   error
			decode func([]byte, *borrowed) error
			f      func(n int) error // of the n-th record
		}{
			{enough, decode, func(n int) error {
				if n == 4000 {
					return enough
				}
				return nil
			}},
			{broken, func([]byte, *borrowed) error {
				if decoded.Add(1) >= 4000 {
					return broken
				}
				return nil
			}, func(int) error { return nil }},
			{context.Canceled, decode, func(n int) error {
				if n == 100 {
					cancel()
				}
				return nil
			}},
		} {
			n := 0
			err := Merge(ctx, sorters, tt.decode, func(*borrowed) error {
				n++
				return tt.f(n)
			})
			if err != tt.want || n > 4000 {
				t.Errorf("%v, want %v, after %d records", err, tt.want, n)
			}
		}
		n := 0
		count := func(*borrowed) error { n++; return nil }
		if err := Merge(t.Context(), sorters, decode, count); err != nil || n != len(records) {
			t.Error(n, err)
		}
		if err := sorters[1].Close(); err != nil {
			t.Fatal(err)
		}
		if err := Merge(t.Context(), sorters, decode, count); !errors.Is(err, os.ErrClosed) {
			t.Error(err)
		}
	}
}
