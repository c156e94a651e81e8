package workload

import (
	"math"
	"math/rand/v2"
)

// A deck deals its cards in random order, each once, before it shuffles them
// again. Shares drawn from a deck hold over minutes and not only over hours, so
// that a short log shows what its scenario says, whatever the seed.
type deck struct {
	cards []uint16
	next  int
}

// newDeck has counts[i] cards of i.
func newDeck(counts ...int) deck {
	var d deck
	for i, n := range counts {
		for range n {
			d.cards = append(d.cards, uint16(i))
		}
	}
	d.next = len(d.cards)
	return d
}

// evenDeck has as many cards of each of n kinds.
func evenDeck(n, each int) deck {
	counts := make([]int, n)
	for i := range counts {
		counts[i] = each
	}
	return newDeck(counts...)
}

func (d *deck) draw(rng *rand.Rand) int {
	if d.next == len(d.cards) {
		rng.Shuffle(len(d.cards), func(i, j int) {
			d.cards[i], d.cards[j] = d.cards[j], d.cards[i]
		})
		d.next = 0
	}
	d.next++
	return int(d.cards[d.next-1])
}

// uniform draws from [0, 1), evenly within each round of an even deck.
func (d *deck) uniform(rng *rand.Rand) float64 {
	return (float64(d.draw(rng)) + rng.Float64()) / float64(len(d.cards))
}

// zipfCounts spreads about total cards over n kinds, the i-th weighing
// 1/(i+1)^s, and none getting no card.
func zipfCounts(n, total int, s float64) []int {
	var sum float64
	for i := range n {
		sum += math.Pow(float64(i+1), -s)
	}
	counts := make([]int, n)
	for i := range counts {
		counts[i] = max(1, int(math.Round(float64(total)*math.Pow(float64(i+1), -s)/sum)))
	}
	return counts
}

// logNormal draws from the log-normal distribution with this median.
func logNormal(rng *rand.Rand, median, sigma float64) float64 {
	return median * math.Exp(sigma*rng.NormFloat64())
}

// between draws evenly from [low, high).
func between(rng *rand.Rand, low, high float64) float64 {
	return low + (high-low)*rng.Float64()
}

// A uuid is a random one, version 4.
type uuid struct{ high, low uint64 }

func newUUID(rng *rand.Rand) uuid {
	return uuid{
		high: rng.Uint64()&^0xf000 | 0x4000,
		low:  rng.Uint64()&^(3<<62) | 2<<62,
	}
}

// sampled is the id as a proxy rewrites it when it decides to trace a request.
func (u uuid) sampled() uuid {
	u.high = u.high&^0xf000 | 0x9000
	return u
}

func (u uuid) appendTo(b []byte) []byte {
	b = appendHex(b, u.high>>32, 8)
	b = append(b, '-')
	b = appendHex(b, u.high>>16, 4)
	b = append(b, '-')
	b = appendHex(b, u.high, 4)
	b = append(b, '-')
	b = appendHex(b, u.low>>48, 4)
	b = append(b, '-')
	return appendHex(b, u.low, 12)
}

func (u uuid) String() string { return string(u.appendTo(nil)) }

// appendHex appends the lowest n hexadecimal digits.
func appendHex(b []byte, v uint64, n int) []byte {
	for shift := 4 * (n - 1); shift >= 0; shift -= 4 {
		b = append(b, "0123456789abcdef"[v>>shift&15])
	}
	return b
}
