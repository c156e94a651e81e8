package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/slowpod/slowpod/bench/process"
)

// The limits.
const (
	mostResident = 256 << 20 // bytes
	// mostGrowth is how much more memory the last quarter of the lines may see
	// than the second: by then all pods are known.
	mostGrowth = 1.1
	// leastLines is how long a run must be for growth to say something: before
	// that, slowpod is still learning how long each pod takes.
	leastLines = 40_000_000
)

// course is how a run went.
type course struct {
	lines   int
	looks   []look // in order of time
	scrapes []scrape
	dropped map[string]float64 // by bound
	used    process.Usage
}

// look is the memory at one moment.
type look struct {
	after    time.Duration
	lines    int
	resident int64 // bytes
}

// scrape is what a scrape cost; slow is how many pods had a state then.
type scrape struct {
	took  time.Duration
	bytes int
	slow  int
}

// peak is the most memory between two shares of the lines, and when and where
// that part ended.
func (c *course) peak(from, to float64) (bytes int64, end look) {
	for _, l := range c.looks {
		if at := float64(l.lines) / float64(c.lines); at > from && at <= to {
			bytes, end = max(bytes, l.resident), l
		}
	}
	return bytes, end
}

// growth of the last quarter over the second; 0 where nobody has looked.
func (c *course) growth() float64 {
	early, _ := c.peak(0.25, 0.5)
	late, _ := c.peak(0.75, 1)
	if early == 0 {
		return 0
	}
	return float64(late) / float64(early)
}

func (c *course) kept() bool {
	return c.used.Peak <= mostResident && (c.lines < leastLines || c.growth() <= mostGrowth)
}

// write writes the tables as Markdown, which can be read as text, too.
func (c *course) write(w io.Writer) {
	verdict := func(ok bool) string {
		if ok {
			return "kept"
		}
		return "**MISSED**"
	}
	flat := verdict(c.growth() <= mostGrowth)
	if c.lines < leastLines {
		flat = fmt.Sprintf("too short to tell: from %d million lines on", leastLines/1_000_000)
	}
	fmt.Fprintf(w, "| required | measured |  |\n|---|---|---|\n")
	fmt.Fprintf(w, "| resident memory <= %d MiB | %d MiB | %s |\n", mostResident>>20, c.used.Peak>>20, verdict(c.used.Peak <= mostResident))
	fmt.Fprintf(w, "| last quarter of the lines, of the second's memory <= %.1f | %.2f | %s |\n\n", mostGrowth, c.growth(), flat)
	fmt.Fprintf(w, "| lines | time of the log | after | resident MiB, at most |\n|---|---|---|---|\n")
	const parts = 10
	for i := range parts {
		if bytes, end := c.peak(float64(i)/parts, float64(i+1)/parts); bytes > 0 {
			fmt.Fprintf(w, "| %.1f M | %v | %v | %d |\n", float64(end.lines)/1e6,
				(time.Duration(end.lines) * time.Second / (2 * rate)).Round(time.Second), end.after.Round(time.Second), bytes>>20)
		}
	}
	slowest := slices.MaxFunc(c.scrapes, func(a, b scrape) int { return cmp.Compare(a.took, b.took) })
	last := c.scrapes[len(c.scrapes)-1]
	fmt.Fprintf(w, "\n%s lines per CPU-second, generator not counted. %d scrapes, the last of %.1f MB, the slowest in %v; %d pods had a state in the last. Dropped at bounds: %s.\n",
		perSecond(float64(c.lines)/c.used.CPU.Seconds()), len(c.scrapes), float64(last.bytes)/1e6, slowest.took.Round(time.Millisecond), last.slow, c.drops())
}

func perSecond(v float64) string { return fmt.Sprintf("%.0f k", v/1e3) }

// drops names the bounds that were reached.
func (c *course) drops() string {
	var all []string
	for _, bound := range slices.Sorted(maps.Keys(c.dropped)) {
		if n := c.dropped[bound]; n > 0 {
			all = append(all, fmt.Sprintf("%s %.0f", bound, n))
		}
	}
	if len(all) == 0 {
		return "nothing"
	}
	return strings.Join(all, ", ")
}

// page is a whole document.
func (c *course) page(w io.Writer) {
	fmt.Fprintf(w, "# Soak\n\n`slowpod run` on %d services of ten pods each, one pod in %d slow, scraped every %v. One command makes this page:\n\n    make soak LINES=%d OUTPUT=bench/results/soak.md\n\nMachine: %s.\n\n",
		services, slow, scrapeEvery, c.lines, process.Machine())
	c.write(w)
}
