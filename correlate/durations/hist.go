// Package durations compares how long requests take with a reference, and weighs
// how much slower they are.
//
// It knows histograms of durations and likelihoods. It must never know what a
// pod, a service or a record is, nor what follows from the weight.
package durations

import (
	"math"
	"math/bits"
)

// Buckets is the number of buckets of a Hist: quarter octaves from 2^-4 to 2^8
// times the median of a duration's class; the outer two hold what is beyond.
const Buckets = 48

// perOctave is the number of buckets of a Hist in an octave.
const perOctave = 4

// unit is the bucket in which the median of a class lies.
const unit = 4 * perOctave

// Hist counts durations relative to the median of their class.
type Hist [Buckets]float32

// N returns the number of durations.
func (h *Hist) N() float64 {
	var n float64
	for _, v := range h {
		n += float64(v)
	}
	return n
}

// Add adds o, weighted.
func (h *Hist) Add(o *Hist, weight float64) {
	w := float32(weight)
	for i, v := range o {
		h[i] += w * v
	}
}

// Scale multiplies all counts.
func (h *Hist) Scale(factor float64) {
	f := float32(factor)
	for i := range h {
		h[i] *= f
	}
}

// Shift moves all durations by so many octaves. What would leave at an end
// stays in the last bucket.
func (h *Hist) Shift(octaves float64) {
	if octaves == 0 {
		return
	}
	by := octaves * perOctave
	whole := math.Floor(by)
	part := float32(by - whole)
	var to Hist
	for i, v := range h {
		if v == 0 {
			continue
		}
		at := i + int(whole)
		to[clamp(at)] += v * (1 - part)
		to[clamp(at+1)] += v * part
	}
	*h = to
}

func clamp(bucket int) int { return min(max(bucket, 0), Buckets-1) }

// Quantile returns the place, in octaves from the median of the class, below
// which a share q of the durations lies; within a bucket they lie evenly.
// Without durations it returns 0.
func (h *Hist) Quantile(q float64) float64 {
	rank := q * h.N()
	for i, v := range h {
		if w := float64(v); w > 0 && rank <= w {
			return (float64(i-unit) + rank/w) / perOctave
		} else if rank > w {
			rank -= w
		}
	}
	return 0
}

// Floor returns the lower end of the bucket of a place in octaves.
func Floor(octaves float64) float64 { return (math.Ceil(octaves*perOctave) - 1) / perOctave }

// Around returns how many durations lie in the bucket of a place in octaves.
func (h *Hist) Around(octaves float64) float64 {
	return float64(h[clamp(int(math.Ceil(octaves*perOctave))-1+unit)])
}

// Beyond returns the share of durations that lie above a place in octaves.
func (h *Hist) Beyond(octaves float64) float64 {
	n := h.N()
	if n == 0 {
		return 0
	}
	at := octaves*perOctave + unit
	var sum float64
	for i := max(int(math.Floor(at)), 0); i < Buckets; i++ {
		sum += float64(h[i]) * min(float64(i+1)-at, 1)
	}
	return sum / n
}

// fine is the number of buckets for durations as such: eighth octaves
// from 1/16 ms; the last holds what is longer than 4 minutes.
const fine = 176

// eighth is in which of the eighths of an octave, which begin at 2^(1/8) …
// 2^(7/8), the 256ths of it lie.
var eighth = func() (of [256]uint8) {
	for _, begin := range [...]int{279, 304, 332, 362, 395, 431, 470} {
		for i := begin - 256; i < len(of); i++ {
			of[i]++
		}
	}
	return of
}()

// durationBucket returns the bucket of a duration in ms. Proxies log whole
// milliseconds: 0 counts as half of one.
func durationBucket(ms int64) int {
	if ms < 1 {
		return 3 * 8
	}
	m := uint64(min(ms, 1<<40)) // no shift leaves the word
	octave := bits.Len64(m) - 1
	return min(8*(octave+4)+int(eighth[m<<8>>octave&0xff]), fine-1)
}
