package report

import (
	"fmt"
	"strconv"
)

// count writes a number with thousands set apart.
func count(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// small writes a small number as people do.
func small(n int) string {
	words := [...]string{"no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"}
	if n >= 0 && n < len(words) {
		return words[n]
	}
	return count(uint64(max(n, 0)))
}

// percent writes a ratio with one decimal.
func percent(ratio float64) string { return fmt.Sprintf("%.1f %%", 100*ratio) }

// duration writes milliseconds in the unit that reads best.
func duration(ms int64) string {
	if ms < 100 {
		return fmt.Sprintf("%d ms", ms)
	}
	return strconv.FormatFloat(float64(ms)/1000, 'f', -1, 64) + " s"
}
