package correlate

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// A record counts in its own slice; one that is older in the oldest open, one
// that is far ahead in the fourth after it. None is dropped.
func TestWindowPlaces(t *testing.T) {
	for _, start := range []int64{0, 50_000, -50_000, -20_000, epoch0 - epoch0%sliceLen} {
		t.Run(fmt.Sprint(start), func(t *testing.T) {
			w := window{start: start}
			seen := map[int]int64{}
			for i := range int64(openSlices) {
				place := w.at(start + i*sliceLen)
				if place < 0 || place >= openSlices {
					t.Fatalf("slice %d is in place %d", i, place)
				}
				if other, taken := seen[place]; taken {
					t.Errorf("slices %d and %d share place %d", other, i, place)
				}
				seen[place] = i
				if last := w.at(start + (i+1)*sliceLen - 1); last != place {
					t.Errorf("slice %d begins in place %d and ends in %d", i, place, last)
				}
			}
			if w.late != 0 || w.ahead != 0 {
				t.Errorf("late %d, ahead %d, want none", w.late, w.ahead)
			}
			if got := w.at(start - 1); got != w.at(start) || w.late != 1 {
				t.Errorf("a late record: place %d, late %d", got, w.late)
			}
			newest := w.at(start + (openSlices-1)*sliceLen)
			if got := w.at(start + openSlices*sliceLen); got != newest || w.ahead != 1 {
				t.Errorf("a record ahead: place %d, ahead %d", got, w.ahead)
			}
			if got := w.at(start + year); got != newest || w.ahead != 2 {
				t.Errorf("a record a year ahead: place %d, ahead %d", got, w.ahead)
			}
		})
	}
}

// Whose requests timed out: the lowest names, sorted, each once, whatever came
// first.
func TestCallers(t *testing.T) {
	names := []string{"m", "c", "a", "", "c", "z", "l", "k", "j", "i", "h", "g", "f", "e", "d", "b", "a"}
	want := []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"}
	rng := rand.New(rand.NewPCG(3, 4))
	for range 50 {
		rng.Shuffle(len(names), func(i, k int) { names[i], names[k] = names[k], names[i] })
		var set []string
		for _, n := range names {
			addCaller(&set, n)
		}
		if !slices.Equal(set, want) {
			t.Fatalf("of %q: %q, want %q", names, set, want)
		}
	}
}
