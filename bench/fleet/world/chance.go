package world

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
)

// newChance is a stream of random numbers of its own: what one part of the
// world draws does not change what another part gets.
func newChance(seed uint64, part string, number int) *rand.Rand {
	h := fnv.New64a()
	_, _ = h.Write([]byte(part))
	return rand.New(rand.NewPCG(seed, mix(h.Sum64()+uint64(number))))
}

// between draws evenly from [low, high).
func between(rng *rand.Rand, low, high float64) float64 {
	return low + (high-low)*rng.Float64()
}

// logUniform draws from [low, high), every doubling being as likely.
func logUniform(rng *rand.Rand, low, high float64) float64 {
	return low * math.Pow(high/low, rng.Float64())
}

// logNormal draws from the log-normal distribution with this median.
func logNormal(rng *rand.Rand, median, sigma float64) float64 {
	return median * math.Exp(sigma*rng.NormFloat64())
}

// micros draws a time from [low, high) microseconds. It is the cheap one: the
// world draws several per call.
func micros(rng *rand.Rand, low, high int64) int64 {
	return low + int64(uint64(rng.Uint32())*uint64(high-low)>>32)
}

// mix is the finaliser of splitmix64 (Steele, Lea and Flood, 2014): every bit
// of x moves every bit of the result.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// word draws n of the characters that Kubernetes makes names of.
func word(rng *rand.Rand, n int) string {
	const letters = "bcdfghjklmnpqrstvwxz2456789"
	b := make([]byte, n)
	for i := range b {
		b[i] = letters[rng.IntN(len(letters))]
	}
	return string(b)
}
