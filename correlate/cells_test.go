package correlate

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/slowpod/slowpod/correlate/kind"
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
		var set callerSet
		for _, n := range names {
			set.add(n, 1)
		}
		if got := set.names(); !slices.Equal(got, want) {
			t.Fatalf("of %q: %q, want %q", names, got, want)
		}
	}
}

// TestMainCaller: one of several callers that has most of the timeouts is named.
func TestMainCaller(t *testing.T) {
	f := func(producers int, lost string, callers int, main string) {
		t.Helper()
		var set callerSet
		for i := range producers {
			set.see(uint64(i))
		}
		for _, name := range lost {
			var one callerSet
			one.add(string(name), 1)
			set.plus(&one)
		}
		if n, who := set.of(); n != callers || who != main {
			t.Errorf("%d producers, timeouts %s: %d callers, main %q; want %d, %q", producers, lost, n, who, callers, main)
		}
	}
	f(3, "aaaaaaaab", 3, "a")
	f(3, "aaab", 3, "")
	f(1, "aaaa", 1, "") // there is no other to tell it from
	f(3, "", 3, "")
	f(0, "ab", 2, "") // nobody else was seen
}

// TestOneCallerLosesCalls: the way is one caller's, and it is named.
func TestOneCallerLosesCalls(t *testing.T) {
	s := newScene(1)
	s.traffic(0, 6*min1, 3, 10, func(at int64, pod int) end {
		if pod == 3 && at >= onset && (s.calls+1)%2 == 0 {
			return lost
		}
		return s.ok()
	})
	found := s.read().Findings
	if len(found) != 1 || found[0].Kind != kind.Network || found[0].Evidence.MainCaller != "web-1" || found[0].Evidence.AllCallers != 2 {
		t.Errorf("found %+v", found)
	}
}
