package web

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/slowpod/slowpod/sinks/report"
)

// Values come from logs and so from whoever sent a request: each is cut. Text
// that slowpod composes of several values is longer.
const (
	maxName    = 200
	maxTitle   = 100
	maxRail    = 72
	maxWhy     = 300
	maxSummary = 1000
	maxCommand = 1000
)

// clean returns a value as it may be shown: control bytes, bidirectional
// controls and what is no UTF-8 are written as escapes, and what is longer than
// limit bytes is cut.
func clean(s string, limit int) string {
	var b strings.Builder
	for i, r := range s {
		shown := string(r)
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], string(utf8.RuneError)):
			shown = fmt.Sprintf(`\x%02x`, s[i])
		case r < 0x20, 0x7f <= r && r <= 0x9f, 0x202a <= r && r <= 0x202e, 0x2066 <= r && r <= 0x2069:
			shown = fmt.Sprintf(`\u%04x`, r)
		}
		if b.Len()+len(shown) > limit {
			return b.String() + "…"
		}
		b.WriteString(shown)
	}
	return b.String()
}

func name(s *string) string {
	if s == nil {
		return ""
	}
	return clean(*s, maxName)
}

// run is a stretch of text.
type run struct {
	Text string
	Bold bool
}

var number = regexp.MustCompile(`(?:all )?(?:[≥<>] ?)?(?:\d\d:\d\d(?::\d\d)?|\d+(?:,\d{3})*(?:\.\d+)?)` +
	`(?: of \d+(?:,\d{3})*)?(?: ?%| (?:ms|s|min|h|times)\b)?`)

// emphasize splits text so that its numbers stand out. Digits within a name or
// an address are none.
func emphasize(text string) []run {
	var runs []run
	done := 0
	for _, m := range number.FindAllStringIndex(text, -1) {
		before, after := text[:m[0]], strings.TrimLeft(text[m[1]:], ".,;:)")
		if before != "" && !strings.HasSuffix(before, " ") && !strings.HasSuffix(before, "(") ||
			after != "" && after[0] != ' ' {
			continue
		}
		if m[0] > done {
			runs = append(runs, run{Text: text[done:m[0]]})
		}
		runs = append(runs, run{Text: text[m[0]:m[1]], Bold: true})
		done = m[1]
	}
	if done < len(text) {
		runs = append(runs, run{Text: text[done:]})
	}
	return runs
}

// count writes a count with its thousands apart.
func count[T ~int | ~uint64](n T) string {
	s := strconv.FormatUint(uint64(n), 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func plural[T ~int | ~uint64](n T, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return count(n) + " " + many
}

// small writes a small count as a word.
func small(n uint64) string {
	words := [...]string{"no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"}
	if n < uint64(len(words)) {
		return words[n]
	}
	return count(n)
}

// percent writes a ratio without its sign. What is not all is never shown as
// 100, what is not nothing never as 0.
func percent(ratio float64) string {
	p := strconv.FormatFloat(ratio*100, 'f', 1, 64)
	switch {
	case p == "100.0" && ratio < 1:
		return "> 99.9"
	case p == "0.0" && ratio > 0:
		return "< 0.1"
	}
	return strings.TrimSuffix(p, ".0")
}

// times writes a factor. A lower bound is rounded down, so that it stays one.
func times(ratio float64, bound bool) string {
	digits, scale := 0, 1.0
	if ratio < 10 {
		digits, scale = 1, 10
	}
	if bound {
		ratio = math.Floor(ratio*scale) / scale
	}
	return strings.TrimSuffix(strconv.FormatFloat(ratio, 'f', digits, 64), ".0")
}

// lasting writes how long something has lasted, in its largest units.
func lasting(d time.Duration) string {
	switch h := int(d.Hours()); {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case h < 48:
		return fmt.Sprintf("%d h %d min", h, int(d.Minutes())-60*h)
	default:
		return fmt.Sprintf("%d days", h/24)
	}
}

func between(from, to report.Time) time.Duration {
	return max(0, time.Duration(to-from)*time.Millisecond)
}

func day(t report.Time) string { return t.String()[:len("2006-01-02")] }

// clock writes a time of day, with the day where that is not the day of ref.
func clock(t, ref report.Time) string {
	if day(t) == day(ref) {
		return t.Clock()
	}
	return day(t) + " " + t.Clock()
}

// hour is a clock without its seconds.
func hour(clock string) string { return clock[:len(clock)-len(":05")] }
