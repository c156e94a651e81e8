package durations

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const usualZone = 1.6

// weighed is Weigh from the rules of the method, 2.4 and 2.9 rules 6 to 8, over
// whole densities.
func weighed(ref, h *Hist, zone float64) (w Weight) {
	type density [Buckets]float64
	var q density
	for i, v := range ref {
		for by, share := range map[int]float64{-2: 1, -1: 2, 0: 3, 1: 2, 2: 1} {
			if k := i + by; k >= 0 && k < Buckets {
				q[k] += float64(v) * share / 9
			}
		}
	}
	var total float64
	for i := range q {
		q[i] += 0.0003*ref.N() + 0.008
		total += q[i]
	}
	for i := range q {
		q[i] /= total
	}

	mixed := func(a float64, x density, b float64, y density) (to density) {
		for i := range to {
			to[i] = a*x[i] + b*y[i]
		}
		return to
	}
	// slower is the mean of q shifted by each of some numbers of buckets.
	slower := func(by ...float64) (to density) {
		for _, s := range by {
			for i, v := range q {
				low, part := math.Modf(float64(i) + s)
				v /= float64(len(by))
				to[min(int(low), Buckets-1)] += v * (1 - part)
				to[min(int(low)+1, Buckets-1)] += v * part
			}
		}
		return to
	}
	beyond := func(by ...float64) density {
		for i := range by {
			by[i] += zone
		}
		return slower(by...)
	}
	var even density
	first, below := 0, 0.0
	for first < Buckets-1 && below < 0.9 {
		below += q[first]
		first++
	}
	for i := first; i < Buckets; i++ {
		even[i] = 1 / float64(Buckets-first)
	}
	stray := mixed(0.5, slower(5, 8, 11, 14, 18, 22), 0.5, even)

	// The stray share only adds: see Weigh.
	atLeast := func(x, y density) density {
		for i := range x {
			x[i] = max(x[i], y[i])
		}
		return x
	}
	null := atLeast(beyond(0), mixed(0.995, beyond(0), 0.005, stray))
	well := atLeast(q, mixed(0.995, q, 0.005, stray))
	for i := range null {
		null[i] += 1e-6
		well[i] += 1e-6
	}
	for k, a := range [Alternatives]density{
		beyond(1, 2, 3),
		beyond(5, 7, 9),
		beyond(11, 14, 17, 20),
		mixed(0.82, q, 0.18, stray),
		mixed(0.70, q, 0.30, beyond(3, 5, 8)),
	} {
		a = mixed(0.98, a, 0.02, null)
		ratio := func(x, y density) (sum float64) {
			for i, v := range h {
				sum += float64(v) * max(-2.2, min(2.2, math.Log(x[i]/y[i])))
			}
			return sum
		}
		w.Slower[k] = ratio(a, null)
		w.Well[k] = ratio(well, a)
		if k >= 3 {
			w.Same[k] = ratio(a, well)
		}
	}
	return w
}

func TestWeighAgainstRules(t *testing.T) {
	rng := rand.New(rand.NewPCG(10, 1))
	zones := []float64{0, 1, usualZone, 2, 12}
	for i := range 400 {
		ref, h := randomHist(rng), randomHist(rng)
		switch i % 4 {
		case 1:
			ref = drawn(rng, rng.IntN(2000), 0, 2*rng.Float64())
		case 2: // weighted
			ref.Scale(rng.Float64())
			h.Scale(rng.Float64())
		case 3: // long ago, or nothing
			ref.Scale(1e-6 * float64(rng.IntN(2)))
		}
		zone := 12 * rng.Float64()
		if i < 100 {
			zone = zones[i%len(zones)]
		}
		r := NewReference(&ref)
		if d := cmp.Diff(weighed(&ref, &h, zone), r.Weigh(&h, zone), near(1e-9)); d != "" {
			t.Fatalf("%v against %v, zone %v (-want +got):\n%s", h, ref, zone, d)
		}
	}
}

// A reference is a density, whatever it is shifted by; nothing is impossible.
func TestReferenceDensity(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 1))
	for i := range 200 {
		h := randomHist(rng)
		if i == 0 {
			h = Hist{}
		}
		r := NewReference(&h)
		for _, shift := range []float64{0, 1, 2.5, 34 * rng.Float64()} {
			var sum float64
			for i := range Buckets {
				sum += r.at(i, shift)
			}
			if math.Abs(sum-1) > 1e-12 {
				t.Fatalf("of %v, shifted by %v: the sum is %v, want 1", h, shift, sum)
			}
		}
		for i := range Buckets {
			if r.q[i] <= 0 {
				t.Fatalf("of %v: bucket %d is impossible", h, i)
			}
		}
	}
}

// shapes are references as services have them: of few requests or many, alike
// or not.
func shapes(f func(name string, rng *rand.Rand, n int, spread float64)) {
	for _, n := range []int{100, 300, 3000} {
		for _, spread := range []float64{0.5, 0.75, 1} {
			f(fmt.Sprintf("%d requests, spread %v", n, spread), rand.New(rand.NewPCG(12, uint64(n))), n, spread)
		}
	}
}

// A pod that does as its siblings do is on average no evidence for any shift;
// one that takes twice as long is.
func TestWeighTellsApart(t *testing.T) {
	shapes(func(name string, rng *rand.Rand, n int, spread float64) {
		var same, twice [farSlower]float64
		for range 30 {
			ref := drawn(rng, n, 0, spread)
			r := NewReference(&ref)
			var like Hist
			for range 50 { // as the reference says itself
				i, rest := 0, rng.Float64()
				for ; i < Buckets-1 && rest >= r.q[i]; i++ {
					rest -= r.q[i]
				}
				like[i]++
			}
			slow := like
			slow.Shift(1)
			a, b := r.Weigh(&like, usualZone), r.Weigh(&slow, usualZone)
			for k := range farSlower {
				same[k] += a.Slower[k]
				twice[k] += b.Slower[k]
			}
		}
		for k := range farSlower {
			if same[k] >= 0 {
				t.Errorf("%s: alternative %d: as the reference weighs %v, want less than 0", name, k, same[k])
			}
		}
		if twice[0] <= 0 {
			t.Errorf("%s: twice as slow weighs %v, want more than 0", name, twice)
		}
	})
}

// The partial alternatives must beat the reference shifted and as it is.
func TestWeightFor(t *testing.T) {
	type sums = [Alternatives]float64
	f := func(slower, same sums, want ...int) {
		t.Helper()
		w := Weight{Slower: slower, Same: same}
		var got []int
		for k := range Alternatives {
			if w.For(k) {
				got = append(got, k)
			}
		}
		if d := cmp.Diff(want, got); d != "" || w.ForAny() != (want != nil) {
			t.Errorf("of %v: ForAny %v, For (-want +got):\n%s", w, w.ForAny(), d)
		}
	}
	f(sums{}, sums{})
	f(sums{-1, -1, -1, -1, -1}, sums{3: 1, 4: 1})
	f(sums{1: 0.5}, sums{}, 1)
	f(sums{3: 1, 4: 1}, sums{3: -1, 4: 2}, 4)
	f(sums{1, 1, 1, 1, 1}, sums{3: 1, 4: 1}, 0, 1, 2, 3, 4)
}

// Whatever it is, one request never says more than the bound, and many say as
// much as each of them.
func TestWeighBound(t *testing.T) {
	rng := rand.New(rand.NewPCG(14, 1))
	for range 100 {
		ref := randomHist(rng)
		r, zone := NewReference(&ref), 12*rng.Float64()
		for i := range Buckets {
			var one, many Hist
			one[i], many[i] = 1, 250
			w := r.Weigh(&one, zone)
			for _, sums := range [][Alternatives]float64{w.Slower, w.Same, w.Well} {
				for k := range sums {
					if math.Abs(sums[k]) > 2.2 {
						t.Fatalf("a request in %d against %v says %v", i, ref, w)
					}
				}
			}
			for k, v := range r.Weigh(&many, zone).Slower {
				if math.Abs(v-250*w.Slower[k]) > 1e-9 {
					t.Fatalf("250 requests in %d say %v, one %v", i, v, w.Slower[k])
				}
			}
		}
	}
}

// Well is the mirror: of Same, where that is said; of Slower, where there is no
// dead zone.
func TestWellIsMirror(t *testing.T) {
	rng := rand.New(rand.NewPCG(15, 1))
	for range 100 {
		ref, h := randomHist(rng), randomHist(rng)
		r := NewReference(&ref)
		mirror := func(sums [Alternatives]float64, from int) []float64 {
			for k := range sums {
				sums[k] = -sums[k]
			}
			return sums[from:]
		}
		w := r.Weigh(&h, usualZone)
		if d := cmp.Diff(mirror(w.Same, farSlower), w.Well[farSlower:], near(1e-9)); d != "" {
			t.Fatalf("Same against Well (-want +got):\n%s", d)
		}
		w = r.Weigh(&h, 0)
		if d := cmp.Diff(mirror(w.Slower, 0), w.Well[:], near(1e-9)); d != "" {
			t.Fatalf("without a dead zone, Slower against Well (-want +got):\n%s", d)
		}
	}
	// A pod as the reference is well by every alternative.
	ref := drawn(rng, 1000, 0, 0.75)
	r := NewReference(&ref)
	w := r.Weigh(&ref, usualZone)
	for k, v := range w.Well {
		if v <= 0 {
			t.Errorf("alternative %d: as the reference is, Well is %v", k, v)
		}
	}
}

// A pod that is faster than its siblings is no evidence.
func TestFasterIsNoEvidence(t *testing.T) {
	shapes(func(name string, rng *rand.Rand, n int, spread float64) {
		for range 30 {
			ref, h := drawn(rng, n, 0, spread), drawn(rng, 200, 0, spread)
			h.Shift(-2)
			r := NewReference(&ref)
			if w := r.Weigh(&h, usualZone); w.ForAny() {
				t.Fatalf("%s: %v is evidence against %v: %v", name, h, ref, w)
			}
		}
	})
}

// The same where all durations are alike.
func TestFasterIsNoEvidenceWhereAllAreAlike(t *testing.T) {
	for _, n := range []float32{60, 1000, 100_000} {
		for _, zone := range []float64{0, usualZone, 4, 12} {
			r := NewReference(&Hist{unit: n})
			for _, h := range []Hist{{unit - 8: 1000}, {unit: 1000}} {
				if w := r.Weigh(&h, zone); w.ForAny() {
					t.Errorf("%v alike, zone %v: %v is evidence: %v", n, zone, h, w)
				}
			}
		}
	}
}
