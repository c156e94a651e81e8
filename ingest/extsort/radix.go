package extsort

// Digits of a key have digitBits bits: the counts of all fit the first-level
// cache.
const (
	digitBits = 11
	digits    = 1 << digitBits
)

// radixSort sorts a by key, least digit first, and is stable. b is as long and
// is overwritten; the result is a or b. Digits in which no two keys differ cost
// nothing, so that the ends of the lines of a day take three rounds.
func radixSort(a, b []entry) []entry {
	if len(a) == 0 {
		return a
	}
	low, high, sorted := a[0].key, a[0].key, true
	for i := range a {
		sorted = sorted && a[i].key >= high
		low, high = min(low, a[i].key), max(high, a[i].key)
	}
	if sorted {
		return a
	}
	// As unsigned numbers the distances are right even where high-low does not
	// fit an int64.
	for shift, most := 0, uint64(high)-uint64(low); most>>shift != 0; shift += digitBits {
		var ends [digits]uint32
		for i := range a {
			ends[(uint64(a[i].key)-uint64(low))>>shift%digits]++
		}
		sum := uint32(0)
		for i, n := range ends {
			ends[i] = sum // where the digit begins
			sum += n
		}
		for i := range a {
			at := &ends[(uint64(a[i].key)-uint64(low))>>shift%digits]
			b[*at] = a[i]
			*at++
		}
		a, b = b, a
	}
	return a
}
