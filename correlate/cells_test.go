package correlate

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// Bucket 0 is what is shorter than 1 ms, bucket 1+4k+i holds from 2^(k+i/4) ms
// on. The edges between octaves are kept in 1/256, so a duration may be off by
// so much.
func TestBucketOf(t *testing.T) {
	for ms, want := range map[int64]int{-5: 0, 0: 0, 1: 1, 2: 5, 4: 9, 8: 13, 1024: 41, 1 << 19: 77, 1 << 20: 79, 1 << 40: 79, math.MaxInt64: 79} {
		if got := bucketOf(ms); got != want {
			t.Errorf("bucketOf(%d) = %d, want %d", ms, got, want)
		}
	}
	const rounding = 0.015 // of a bucket: 4 log2(1 + 1/(256·1.19))
	before := 0
	for ms := int64(1); ms < 700_000; ms++ {
		got, exact := bucketOf(ms), 1+4*math.Log2(float64(ms))
		if float64(got) > exact+rounding || float64(got)+1 < exact-rounding {
			t.Fatalf("bucketOf(%d) = %d, want that of %.3f", ms, got, exact)
		}
		if got < before {
			t.Fatalf("bucketOf(%d) = %d, below that of %d", ms, got, ms-1)
		}
		before = got
	}
}

// A quantile lies within a quarter octave of the value at its rank.
func TestQuantileAgainstSorting(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for round := range 300 {
		n := 1 + rng.IntN(400)
		var h hist
		values := make([]int64, n)
		centre, spread := math.Exp2(rng.Float64()*15), rng.Float64()*3
		for i := range values {
			values[i] = int64(min(max(centre*math.Exp2(rng.NormFloat64()*spread), 1), 700_000))
			h.add(values[i], rng.IntN(5) == 0)
		}
		slices.Sort(values)
		for _, q := range []float64{0.01, 0.25, 0.5, 0.9, 0.99, 1} {
			want := float64(values[max(int(math.Ceil(q*float64(n)))-1, 0)])
			got, _ := h.quantile(q)
			if off := math.Abs(math.Log2(got / want)); off > 0.25+0.01 {
				t.Errorf("round %d: the %v quantile of %d is %.1f, want %.0f: %.2f octaves off", round, q, n, got, want, off)
			}
		}
	}
}

// The cut flag says that the quantile fell on a request that was cut: its true
// duration is longer, so it ranks behind the whole ones of its bucket.
func TestQuantileCut(t *testing.T) {
	f := func(whole, cut map[int64]int, q float64, wantMS float64, want bool) {
		t.Helper()
		var h hist
		for ms, n := range whole {
			for range n {
				h.add(ms, false)
			}
		}
		for ms, n := range cut {
			for range n {
				h.add(ms, true)
			}
		}
		ms, got := h.quantile(q)
		if got != want || math.Abs(math.Log2(ms/wantMS)) > 0.26 {
			t.Errorf("whole %v, cut %v: the %v quantile is %.0f ms, cut %v; want %.0f, %v", whole, cut, q, ms, got, wantMS, want)
		}
	}
	f(map[int64]int{10: 100}, nil, 0.5, 10, false)
	f(nil, map[int64]int{500: 100}, 0.5, 500, true)
	f(map[int64]int{10: 40}, map[int64]int{500: 60}, 0.5, 500, true)
	f(map[int64]int{10: 60}, map[int64]int{500: 40}, 0.5, 10, false)
	f(map[int64]int{10: 60}, map[int64]int{500: 40}, 0.9, 500, true)
	f(map[int64]int{500: 60}, map[int64]int{500: 40}, 0.5, 500, false)
	f(map[int64]int{500: 40}, map[int64]int{500: 60}, 0.5, 500, true)
	f(map[int64]int{900: 100}, map[int64]int{10: 20}, 0.9, 900, false)
}

// plus and plusLess are sums of histograms.
func TestHistSums(t *testing.T) {
	var a, b, all hist
	for i := range int64(200) {
		one := &a
		if i%3 == 0 {
			one = &b
		}
		one.add(i*i, i%7 == 0)
		all.add(i*i, i%7 == 0)
	}
	var sum, others hist
	sum.plus(&a)
	sum.plus(&b)
	if sum != all {
		t.Error("a and b together are not all")
	}
	others.plusLess(&all, &a)
	if others != b {
		t.Error("all less a is not b")
	}
	if ms, cut := (&hist{}).quantile(0.5); cut {
		t.Errorf("the median of nothing is %v, cut", ms)
	}
}

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
