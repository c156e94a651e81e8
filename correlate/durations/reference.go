package durations

import "math"

// Alternatives is the number of ways to be slow that are tested for.
const Alternatives = 5

// The alternatives: everything takes longer, by a little, more or much; or only
// some requests do, far longer or by a moderate factor.
const (
	farSlower = 3 + iota
	someSlower
)

const (
	// strayShare is the share of durations that may lie anywhere above
	// without meaning anything.
	strayShare = 0.005
	// blend is the share of the null in each alternative: no duration is
	// impossible under any.
	blend = 0.02
	// maxPerRequest bounds what one request can say.
	maxPerRequest = 2.2
	// floor keeps every density above zero.
	floor = 1e-6

	farShare  = 0.18
	someShare = 0.30
)

// Shifts in buckets, beyond the dead zone where that is said.
var (
	shifts     = [farSlower][]float64{{1, 2, 3}, {5, 7, 9}, {11, 14, 17, 20}} // beyond the dead zone
	someShifts = []float64{3, 5, 8}                                           // beyond the dead zone
	farShifts  = []float64{5, 8, 11, 14, 18, 22}
)

// Reference is how long requests take elsewhere: a smoothed density.
type Reference struct {
	q, above [Buckets]float64 // density; mass from this bucket on
	high     int              // first bucket beyond nine tenths of the mass
}

// For says whether the durations speak for an alternative.
func (w *Weight) For(k int) bool {
	return w.Slower[k] > 0 && (k < farSlower || w.Same[k] > 0)
}

// ForAny says whether they speak for any.
func (w *Weight) ForAny() bool {
	for k := range w.Slower {
		if w.For(k) {
			return true
		}
	}
	return false
}

// NewReference smooths a histogram: what was seen a few times in one bucket
// may as well be seen in the next, and nothing is impossible.
func NewReference(h *Hist) Reference {
	kernel := [...]float64{1, 2, 3, 2, 1}
	var r Reference
	n := h.N()
	r.high = Buckets - 1
	var sum float64
	for i := range r.q {
		for k, w := range kernel {
			if j := i + k - 2; j >= 0 && j < Buckets {
				r.q[i] += w / 9 * float64(h[j])
			}
		}
		r.q[i] += 0.0003*n + 0.008
		sum += r.q[i]
	}
	var above float64
	for i := Buckets - 1; i >= 0; i-- {
		r.q[i] /= sum
		above += r.q[i]
		r.above[i] = above
		if above <= 0.1 {
			r.high = i
		}
	}
	return r
}

// at is the density of bucket i when everything takes longer by so many
// buckets, a fraction shared between two.
func (r *Reference) at(i int, shift float64) float64 {
	whole := int(shift)
	part := shift - float64(whole)
	return (1-part)*r.whole(i-whole, i) + part*r.whole(i-whole-1, i)
}

// whole is the mass that comes from bucket j to bucket i.
func (r *Reference) whole(j, i int) float64 {
	switch {
	case j < 0:
		return 0
	case i == Buckets-1:
		return r.above[j]
	}
	return r.q[j]
}

func (r *Reference) mean(i int, zone float64, shifts []float64) float64 {
	var sum float64
	for _, s := range shifts {
		sum += r.at(i, zone+s)
	}
	return sum / float64(len(shifts))
}

// Weight is what some durations say: log-likelihood ratios, bounded per
// request, of each alternative against the null.
type Weight struct {
	// Slower is against the reference shifted by the dead zone.
	Slower [Alternatives]float64
	// Same is against the reference as it is; 0 for the shifts, for which it
	// says nothing that Slower does not.
	Same [Alternatives]float64
	// Well is how much better the reference as it is explains the durations
	// than the alternative does: the mirror test.
	Well [Alternatives]float64
}

// Weigh weighs durations against the reference. The dead zone is in buckets:
// up to so much slower is nothing to speak of.
func (r *Reference) Weigh(h *Hist, zone float64) Weight {
	var w Weight
	for i, v := range h {
		if v == 0 {
			continue
		}
		n := float64(v)
		var stray float64
		if i >= r.high {
			stray = 0.5 / float64(Buckets-r.high)
		}
		stray += 0.5 * r.mean(i, 0, farShifts)
		same := r.at(i, 0)
		// Where there is next to nothing of the reference the stray share must
		// not lower the null: that would speak for any alternative.
		shifted := r.at(i, zone)
		null := max(shifted, (1-strayShare)*shifted+strayShare*stray) + floor
		well := max(same, (1-strayShare)*same+strayShare*stray) + floor
		var alternative [Alternatives]float64
		for k := range shifts {
			alternative[k] = r.mean(i, zone, shifts[k])
		}
		alternative[farSlower] = (1-farShare)*same + farShare*stray
		alternative[someSlower] = (1-someShare)*same + someShare*r.mean(i, zone, someShifts)
		logNull, logWell := math.Log(null), math.Log(well)
		for k, a := range alternative {
			log := math.Log((1-blend)*a + blend*null)
			w.Slower[k] += n * bound(log-logNull, maxPerRequest)
			w.Well[k] += n * bound(logWell-log, maxPerRequest)
			if k >= farSlower {
				w.Same[k] += n * bound(log-logWell, maxPerRequest)
			}
		}
	}
	return w
}

func bound(v, most float64) float64 { return min(max(v, -most), most) }
