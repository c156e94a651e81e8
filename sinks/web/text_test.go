package web

import (
	"strings"
	"testing"
	"time"

	"github.com/slowpod/slowpod/sinks/report"
)

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"172.17.0.17:3000":              "172.17.0.17:3000",
		"a\u202eb\u2069":                `a\u202eb\u2069`,
		"\x00\t\n\x1b[0m\x7f\u0085":     `\u0000\u0009\u000a\u001b[0m\u007f\u0085`,
		"\xff\xfe�":                     `\xff\xfe�`,
		"schön":                         "schön",
		strings.Repeat("ä", 1<<19):      strings.Repeat("ä", 20) + "…",
		strings.Repeat("\u202e", 1<<10): strings.Repeat(`\u202e`, 6) + "…",
	} {
		if got := clean(in, 40); got != want {
			t.Errorf("%.40q: %q, want %q", in, got, want)
		}
	}
}

func TestEmphasize(t *testing.T) {
	for _, want := range []string{
		"Callers gave up on [231 of 267] requests when the [0.5 s] timeout ran out.",
		"The proxy of catalog-v2-56c9 at 172.17.0.17:3000 logged [all 231] as disconnects.",
		"No line since [14:04:30]. It is [≥ 28 times] slower ([76.9 %], [1,234] calls, [5] seconds).",
		"[100 %]",
		"",
		"v2 and 2a and 10.0.0.1 and 1:2 and 3-4",
	} {
		var got strings.Builder
		for _, r := range emphasize(strings.NewReplacer("[", "", "]", "").Replace(want)) {
			if r.Bold {
				got.WriteString("[" + r.Text + "]")
			} else {
				got.WriteString(r.Text)
			}
		}
		if got.String() != want {
			t.Errorf("got  %s\nwant %s", got.String(), want)
		}
	}
}

func TestNumbers(t *testing.T) {
	check := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	check(percent(1), "100")
	check(percent(0.99996), "> 99.9")
	check(percent(0.7694), "76.9")
	check(percent(0.5), "50")
	check(percent(0.0001), "< 0.1")
	check(percent(0), "0")
	check(times(28.7, true), "28")
	check(times(28.7, false), "29")
	check(times(2.99, true), "2.9")
	check(times(2, false), "2")
	check(count(uint64(999)), "999")
	check(count(1000), "1,000")
	check(count(uint64(1234567)), "1,234,567")
	check(lasting(59*time.Second), "59 s")
	check(lasting(11*time.Minute+40*time.Second), "11 min")
	check(lasting(125*time.Minute), "2 h 5 min")
	check(lasting(75*time.Hour), "3 days")
	check(clock(at("14:01:00"), at("15:00:00")), "14:01:00")
	check(clock(at("14:01:00"), at("15:00:00")+report.Time(24*time.Hour/time.Millisecond)), "2026-11-21 14:01:00")
}
