package extsort

import (
	"bytes"
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

// borrowed is what these tests make of a payload.
type borrowed struct{ text []byte }

func (b *borrowed) compare(o *borrowed) int { return bytes.Compare(b.text, o.text) }

func borrow(payload []byte, to *borrowed) error {
	to.text = payload
	return nil
}

func lanes(sorters []*Sorter, decode func([]byte, *borrowed) error) (all []Lane[borrowed]) {
	for _, s := range sorters {
		all = append(all, Lane[borrowed]{s, decode})
	}
	return all
}

// The order of several sorters is the order of one that holds everything.
func TestMerge(t *testing.T) {
	for _, maxBytes := range []int{0, 64 << 10, 8 << 10} {
		for _, n := range []int{1, 2, 3, 8} {
			records := random(uint64(n), 5000, 30)
			records = append(records, record{3, 1, strings.Repeat("long", blockBytes)}, record{3, 1, ""}, record{3, 1, ""})
			sorters := deal(t, records, n, maxBytes)
			slices.SortFunc(records, compare)
			for range 2 { // it may be called again
				var got []string
				if err := Merge(t.Context(), lanes(sorters, borrow), (*borrowed).compare, func(b *borrowed) { got = append(got, string(b.text)) }); err != nil {
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
	sorters := append(deal(t, nil, 2, 0), deal(t, []record{{1, 0, "a"}}, 2, 0)...)
	n := 0
	if err := Merge(t.Context(), lanes(sorters, borrow), (*borrowed).compare, func(*borrowed) { n++ }); err != nil || n != 1 {
		t.Error(n, err)
	}
	if err := Merge(t.Context(), nil, (*borrowed).compare, nil); err != nil {
		t.Error(err)
	}
}

// Whoever fails ends it, with that error, and what the sorters hold is not lost
// by it.
func TestMergeThatFails(t *testing.T) {
	broken := errors.New("no record")
	records := random(1, 9000, 10)
	for _, maxBytes := range []int{0, 20 << 10} {
		sorters := deal(t, records, 3, maxBytes)
		ctx, cancel := context.WithCancel(t.Context())
		var decoded atomic.Int32
		for _, tt := range []struct {
			want   error
			decode func([]byte, *borrowed) error
			f      func(n int) // of the n-th record
		}{
			{broken, func([]byte, *borrowed) error {
				if decoded.Add(1) >= 4000 {
					return broken
				}
				return nil
			}, func(int) {}},
			{context.Canceled, borrow, func(n int) {
				if n == 100 {
					cancel()
				}
			}},
		} {
			n := 0
			err := Merge(ctx, lanes(sorters, tt.decode), (*borrowed).compare, func(*borrowed) {
				n++
				tt.f(n)
			})
			if err != tt.want || n > 4000 {
				t.Errorf("%v, want %v, after %d records", err, tt.want, n)
			}
		}
		n := 0
		count := func(*borrowed) { n++ }
		if err := Merge(t.Context(), lanes(sorters, borrow), (*borrowed).compare, count); err != nil || n != len(records) {
			t.Error(n, err)
		}
		if err := sorters[1].Close(); err != nil {
			t.Fatal(err)
		}
		if err := Merge(t.Context(), lanes(sorters, borrow), (*borrowed).compare, count); !errors.Is(err, os.ErrClosed) {
			t.Error(err)
		}
	}
}
