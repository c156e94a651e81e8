package accesslog

// maxDigits bounds every number of an entry: fifteen digits are 31,000 years
// in milliseconds, and a sum of two cannot overflow.
const maxDigits = 15

// parseNumber reads digits with an optional fraction, which is floored: some
// shippers turn durations into floats ("12.5"). A sign and an exponent are not
// taken: Envoy writes neither.
func parseNumber(b []byte) (int64, bool) {
	var n int64
	for _, c := range b {
		if !isDigit(c) || len(b) > maxDigits {
			whole, _, ok := splitNumber(b)
			return whole, ok
		}
		n = n*10 + int64(c-'0')
	}
	return n, len(b) > 0
}

// parseEpoch reads a Unix time in seconds with an optional fraction, as Fluent
// Bit's time key has it by default ("double", "epoch"), into milliseconds.
// From 1e11 on it is taken for milliseconds ("epoch_ms"): as seconds that would
// be the year 5138.
func parseEpoch(b []byte) (int64, bool) {
	whole, fraction, ok := splitNumber(b)
	if !ok {
		return 0, false
	}
	if whole >= 1e11 {
		return whole, true
	}
	return whole*1000 + milliseconds(fraction), true
}

// splitNumber reads digits, or digits "." digits.
func splitNumber(b []byte) (whole int64, fraction []byte, ok bool) {
	n := digits(b)
	if n == 0 || n > maxDigits {
		return 0, nil, false
	}
	for _, c := range b[:n] {
		whole = whole*10 + int64(c-'0')
	}
	b = b[n:]
	if len(b) == 0 {
		return whole, nil, true
	}
	if b[0] != '.' || len(b) == 1 || digits(b[1:]) != len(b)-1 {
		return 0, nil, false
	}
	return whole, b[1:], true
}

// milliseconds is the first three digits of the fraction of a second.
func milliseconds(fraction []byte) int64 {
	var ms int64
	for i := range 3 {
		ms *= 10
		if i < len(fraction) {
			ms += int64(fraction[i] - '0')
		}
	}
	return ms
}

// digits is the length of the run of decimal digits that b begins with.
func digits(b []byte) int {
	for i, c := range b {
		if !isDigit(c) {
			return i
		}
	}
	return len(b)
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
