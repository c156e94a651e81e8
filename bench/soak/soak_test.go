package main

import (
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/slowpod/slowpod/bench/process"
)

// of makes a course of so many lines, which looked at memory, in MiB, at even
// steps.
func of(lines int, resident ...int64) *course {
	c := &course{lines: lines, scrapes: []scrape{{time.Millisecond, 1000, 1}, {3 * time.Millisecond, 2_000_000, 7}}}
	for i, mib := range resident {
		c.looks = append(c.looks, look{time.Duration(i+1) * time.Second, lines * (i + 1) / len(resident), mib << 20})
		c.used.Peak = max(c.used.Peak, mib<<20)
	}
	c.used.CPU = 10 * time.Second
	return c
}

func TestLimits(t *testing.T) {
	const long = 100_000_000
	for _, c := range []struct {
		name string
		*course
		kept bool
	}{
		{"flat", of(long, 50, 90, 100, 100, 100, 101, 100, 104), true},
		{"steep at first, then flat", of(long, 10, 20, 100, 100, 100, 100, 100, 100), true},
		{"growing", of(long, 50, 60, 70, 80, 90, 100, 110, 120), false},
		{"growing, but short", of(3_000_000, 50, 60, 70, 80, 90, 100, 110, 120), true},
		{"flat, but too much", of(long, 300, 300, 300, 300, 300, 300, 300, 300), false},
		{"too much once", of(long, 100, 100, 100, 257, 100, 100, 100, 100), false},
	} {
		if got := c.course.kept(); got != c.kept {
			t.Errorf("%s: %v, growth %.2f", c.name, got, c.growth())
		}
	}
}

func TestTable(t *testing.T) {
	c := of(100_000_000, 50, 90, 100, 100, 100, 101, 100, 104)
	c.dropped = map[string]float64{"traces": 12, "faults": 0}
	var b strings.Builder
	c.page(&b)
	for _, want := range []string{
		"    make soak LINES=100000000 OUTPUT=bench/results/soak.md\n",
		"| resident memory <= 256 MiB | 104 MiB | kept |\n",
		"| last quarter of the lines, of the second's memory <= 1.1 | 1.04 | kept |\n",
		"| 100.0 M | 1h23m20s | 8s | 104 |\n",
		"10000 k lines per CPU-second", "2 scrapes, the last of 2.0 MB, the slowest in 3ms; 7 pods had a state",
		"Dropped at bounds: traces 12.\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, &b)
		}
	}
}

func TestWatchesASlowpodToTheLastLine(t *testing.T) {
	dir := t.TempDir()
	if err := process.Build(t.Context(), dir, "./cmd/slowpod"); err != nil {
		t.Fatal(err)
	}
	var bar strings.Builder
	c, err := watch(t.Context(), exec.Command(dir+"/slowpod"), 20_000, &bar)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.looks) == 0 || c.looks[len(c.looks)-1].lines != 20_000 || len(c.scrapes) == 0 || c.scrapes[0].bytes < 1000 ||
		c.used.CPU <= 0 || c.used.Peak < 10<<20 || bar.Len() != 0 {
		t.Errorf("%+v, bar %q", c, &bar)
	}
}

func TestAProgramThatEndsIsAnError(t *testing.T) {
	if _, err := watch(t.Context(), exec.Command("false"), 1000, &strings.Builder{}); err == nil {
		t.Error("nothing is said of a program that has ended")
	}
}
