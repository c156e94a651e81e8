package report

import (
	"math"
	"strings"

	"github.com/slowpod/slowpod/correlate"
)

// bars are eighths of a cell, from the bottom.
var bars = []rune("▁▂▃▄▅▆▇█")

// leastCourse is how many points make a course worth drawing.
const leastCourse = 3

// course draws how the pod went beside its siblings: p90 of each while, on one
// scale by doublings.
func (t *text) course(f *Finding) {
	c := f.Evidence.Course
	if len(c) < leastCourse {
		return
	}
	const indent = 22
	for len(c) > t.width-indent {
		c = halved(c)
	}
	least, most := math.Inf(1), 0.0
	for _, p := range c {
		least, most = min(least, p.Own, p.Others), max(most, p.Own, p.Others)
	}
	bar := func(v float64) rune {
		if most <= 1.1*least {
			return bars[0]
		}
		at := math.Log(v/least) / math.Log(most/least)
		return bars[int(math.Round(at*float64(len(bars)-1)))]
	}
	var own, others strings.Builder
	for _, p := range c {
		own.WriteRune(bar(p.Own))
		others.WriteRune(bar(p.Others))
	}
	name, beside := "p90 of the pod", "of its siblings"
	if f.UpstreamHost == nil {
		name = "p90 of all pods"
	}
	switch {
	case f.Evidence.Beside != "":
		beside = "of " + Safe(f.Evidence.Beside)
	case f.UpstreamHost == nil || f.Evidence.Siblings == 0:
		beside = "before"
	}
	t.line("")
	t.line("  %-20s%s", name, t.style(red, own.String()))
	t.line("  %-20s%s", beside, others.String())
	from, to := Time(c[0].At).Clock(), Time(c[len(c)-1].At).Clock()
	gap := max(len(c)-len(from)-len(to), 1)
	t.line("  %-20s%s", "", t.style(dim, from+strings.Repeat(" ", gap)+to))
}

// halved draws two points as one, the worse.
func halved(c []correlate.Point) []correlate.Point {
	var out []correlate.Point
	for i := 0; i < len(c); i += 2 {
		p := c[i]
		if i+1 < len(c) {
			p.Own, p.Others = max(p.Own, c[i+1].Own), max(p.Others, c[i+1].Others)
		}
		out = append(out, p)
	}
	return out
}
