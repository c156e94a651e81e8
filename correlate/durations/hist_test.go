package durations

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// near is the equality of what is computed in another order, or in float32.
func near(margin float64) cmp.Option { return cmpopts.EquateApprox(0, margin) }

// randomHist has counts in some of its buckets, in few or in all.
func randomHist(rng *rand.Rand) (h Hist) {
	for range 1 + rng.IntN(2*Buckets) {
		h[rng.IntN(Buckets)] += float32(rng.IntN(20))
	}
	return h
}

// drawn is n durations of a pod whose requests take 2^at times as long as
// usual, give or take spread octaves.
func drawn(rng *rand.Rand, n int, at, spread float64) (h Hist) {
	for range n {
		x := at + spread*rng.NormFloat64()
		h[clamp(int(math.Floor(x*perOctave))+unit)]++
	}
	return h
}

func TestDurationBucket(t *testing.T) {
	f := func(ms int64, want int) {
		t.Helper()
		if got := durationBucket(ms); got != want {
			t.Errorf("durationBucket(%d) = %d, want %d", ms, got, want)
		}
	}
	// Whole milliseconds: 0 is half of one, and so is what cannot be.
	f(0, 24)
	f(math.MinInt64, 24)
	f(1, 32)
	f(2, 40)
	f(3, 44)
	f(1<<17, 32+8*17)
	// The last holds what is longer than four minutes.
	f(240_000, fine-2)
	f(241_000, fine-1)
	f(1<<56, fine-1)
	f(math.MaxInt64, fine-1)

	// The bounds of the buckets are known to 1/512, else it is the logarithm.
	const known = 1.0 / 512
	exact := func(ms float64) int {
		return min(int(math.Floor(8*math.Log2(ms)))+32, fine-1)
	}
	check := func(ms int64) {
		t.Helper()
		got := durationBucket(ms)
		low, high := exact(float64(ms)*(1-known)), exact(float64(ms)*(1+known))
		if got < low || got > high {
			t.Fatalf("durationBucket(%d) = %d, want %d … %d", ms, got, low, high)
		}
	}
	for ms := int64(1); ms <= 300_000; ms++ {
		check(ms)
		if durationBucket(ms) < durationBucket(ms-1) {
			t.Fatalf("durationBucket(%d) is less than of one less", ms)
		}
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for range 20_000 {
		check(1 + rng.Int64()>>rng.IntN(63))
	}
}

// cell is one duration of a Hist: it lies anywhere between low and high.
type cell struct{ low, high float64 }

// cells is a Hist of whole counts, duration by duration, sorted.
func cells(h *Hist) (all []cell) {
	for i, v := range h {
		for k := range int(v) {
			low := float64(i-unit) + float64(k)/float64(v)
			all = append(all, cell{low / perOctave, (low + 1/float64(v)) / perOctave})
		}
	}
	return all
}

func TestHistAgainstSorting(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	for range 300 {
		h := randomHist(rng)
		all := cells(&h)
		if h.N() != float64(len(all)) {
			t.Fatalf("N() = %v, want %d", h.N(), len(all))
		}
		if len(all) == 0 {
			continue
		}
		for _, q := range []float64{rng.Float64(), 0.01, 0.5, 0.9, 0.99, 1} {
			rank := q * float64(len(all))
			c := all[max(int(math.Ceil(rank))-1, 0)]
			want := c.low + (rank-math.Ceil(rank)+1)*(c.high-c.low)
			got := h.Quantile(q)
			if math.Abs(got-want) > 1e-9 {
				t.Fatalf("Quantile(%v) = %v, want %v in %v", q, got, want, h)
			}
			// The share beyond a quantile is the rest.
			if beyond := h.Beyond(got); math.Abs(beyond-(1-q)) > 1e-9 {
				t.Fatalf("Beyond(Quantile(%v)) = %v in %v", q, beyond, h)
			}
			// And there are durations in its bucket.
			if h.Around(got) == 0 {
				t.Fatalf("Around(Quantile(%v)) = 0 in %v", q, h)
			}
		}
		for _, x := range []float64{rng.Float64()*14 - 5, -4, 0, 8, -100, 100} {
			var beyond, around float64
			for _, c := range all {
				beyond += min(max((c.high-x)/(c.high-c.low), 0), 1)
				// A bucket holds its upper bound, the outer two all beyond.
				top := math.Ceil(min(max(x, -4+1e-9), 8) * perOctave)
				if math.Ceil(c.high*perOctave-1e-9) == top {
					around++
				}
			}
			if got, want := h.Beyond(x), beyond/float64(len(all)); math.Abs(got-want) > 1e-9 {
				t.Fatalf("Beyond(%v) = %v, want %v in %v", x, got, want, h)
			}
			if got := h.Around(x); got != around {
				t.Fatalf("Around(%v) = %v, want %v in %v", x, got, around, h)
			}
		}
	}
}

// Of nothing, every quantile is 0, and no share is beyond.
func TestHistEmpty(t *testing.T) {
	var h Hist
	for _, q := range []float64{0, 0.5, 1} {
		if got := h.Quantile(q); got != 0 {
			t.Errorf("Quantile(%v) = %v, want 0", q, got)
		}
	}
	if h.Shift(1.3); h.N() != 0 || h.Beyond(-10) != 0 || h.Around(0) != 0 {
		t.Errorf("N() = %v, Beyond = %v, Around = %v, want nothing", h.N(), h.Beyond(-10), h.Around(0))
	}
}

func TestHistShift(t *testing.T) {
	f := func(from int, octaves float64, want map[int]float32) {
		t.Helper()
		var h Hist
		h[from] = 8
		h.Shift(octaves)
		got := map[int]float32{}
		for i, v := range h {
			if v != 0 {
				got[i] = v
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("bucket %d by %v octaves (-want +got):\n%s", from, octaves, d)
		}
	}
	f(16, 0, map[int]float32{16: 8})
	f(16, 1, map[int]float32{20: 8})
	f(16, -2, map[int]float32{8: 8})
	// A part of a bucket is shared between two.
	f(16, 0.0625, map[int]float32{16: 6, 17: 2})
	f(16, -0.0625, map[int]float32{15: 2, 16: 6})
	// What would leave stays at the end.
	f(46, 0.375, map[int]float32{47: 8})
	f(47, 0.125, map[int]float32{47: 8})
	f(1, -0.375, map[int]float32{0: 8})
	f(20, 1000, map[int]float32{47: 8})
	f(20, -1000, map[int]float32{0: 8})

	rng := rand.New(rand.NewPCG(3, 3))
	for range 100 {
		h := randomHist(rng)
		by := (rng.Float64() - 0.5) * 30
		var want [Buckets]float64
		for i, v := range h {
			for k := -2 * Buckets; k < 3*Buckets; k++ {
				share := 1 - math.Abs(float64(i)+by*perOctave-float64(k))
				want[clamp(k)] += float64(v) * max(share, 0)
			}
		}
		moved := h
		moved.Shift(by)
		for i, v := range moved {
			if math.Abs(float64(v)-want[i]) > 1e-3 {
				t.Fatalf("%v by %v octaves: %v, want %v", h, by, moved, want)
			}
		}
		if math.Abs(moved.N()-h.N()) > 1e-3 {
			t.Fatalf("%v durations, by %v octaves: %v", h.N(), by, moved.N())
		}
	}
}

// The judge calls these of every request or of every pod at every close: none
// may allocate.
func TestNoAllocations(t *testing.T) {
	var table Table
	k := NewKey(1, 100, Whole)
	table.Add(k)
	var c Classes
	closeSlice(&c, t0, false, counted(1, 50, 100))
	h := drawn(rand.New(rand.NewPCG(4, 4)), 1000, 0, 1)
	r := NewReference(&h)
	var into, cut Hist
	for name, f := range map[string]func(){
		"Table.Add":    func() { table.Add(k) },
		"Shift":        func() { h.Shift(0.1) },
		"NewReference": func() { r = NewReference(&h) },
		"Weigh":        func() { r.Weigh(&h, 1.6) },
		"Bin":          func() { c.Bin(0, Count{k, 1}, &into, &cut) },
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations, want none", name, n)
		}
	}
}

func BenchmarkNewReference(b *testing.B) {
	b.ReportAllocs()
	h := drawn(rand.New(rand.NewPCG(5, 5)), 1000, 0, 1)
	for b.Loop() {
		NewReference(&h)
	}
}

func BenchmarkWeigh(b *testing.B) {
	ref := drawn(rand.New(rand.NewPCG(6, 6)), 1000, 0, 1)
	r := NewReference(&ref)
	for _, n := range []int{5, 30} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			var h Hist
			for i := range n {
				h[unit-n/2+i] = 1
			}
			for b.Loop() {
				r.Weigh(&h, 1.6)
			}
		})
	}
}
