package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// sample is one measurement.
type sample struct {
	lines int
	bytes int64
	cpu   time.Duration
	wall  time.Duration // 0: says nothing
	peak  int64         // bytes; 0: says nothing
}

// quickTimes makes up for how much the time of a short run varies.
const quickTimes = 3

// row is one thing that is measured.
type row struct {
	name    string
	log     string
	procs   int     // GOMAXPROCS; 0: as many cores as it likes
	corpus  *corpus // that is to be there; nil without
	base    *row    // that it is compared with; nil without
	quick   bool    // takes so little that it is measured quickTimes a round
	run     func(context.Context) (sample, error)
	samples []sample // in order
}

// Figures of a sample.

func linesPerCPU(s sample) float64 { return float64(s.lines) / s.cpu.Seconds() }
func bytesPerCPU(s sample) float64 { return float64(s.bytes) / s.cpu.Seconds() }
func peak(s sample) float64        { return float64(s.peak) }
func cpu(s sample) float64         { return s.cpu.Seconds() }
func wall(s sample) float64        { return s.wall.Seconds() }

// linesPerSecond is by the clock, in the fastest round: the others were slower
// by what else the machine did.
func (r *row) linesPerSecond() (most float64) {
	for _, s := range r.samples {
		most = max(most, float64(s.lines)/s.wall.Seconds())
	}
	return most
}

// median of a figure over the rounds.
func (r *row) median(figure func(sample) float64) float64 {
	all := make([]float64, len(r.samples))
	for i, s := range r.samples {
		all[i] = figure(s)
	}
	return median(all)
}

// times is how many times as large as other's a figure is: the median over the
// rounds, in each of which both were measured soon after one another.
func (r *row) times(other *row, figure func(sample) float64) float64 {
	all := make([]float64, len(r.samples))
	for i, s := range r.samples {
		all[i] = figure(s) / figure(other.samples[i])
	}
	return median(all)
}

// spread of the CPU time over the rounds, as a share of its median.
func (r *row) spread() float64 {
	low, high := r.samples[0].cpu, r.samples[0].cpu
	for _, s := range r.samples {
		low, high = min(low, s.cpu), max(high, s.cpu)
	}
	return (high - low).Seconds() / r.median(cpu)
}

func median(all []float64) float64 {
	all = slices.Sorted(slices.Values(all))
	if n := len(all); n%2 == 0 {
		return (all[n/2-1] + all[n/2]) / 2
	}
	return all[len(all)/2]
}

// limit is what slowpod promises.
type limit struct {
	what  string
	least bool // the bound is a lower one
	bound float64
	unit  string
	got   float64
}

func (l *limit) kept() bool { return l.least && l.got >= l.bound || !l.least && l.got <= l.bound }

func (l *limit) required() string {
	sign := "<="
	if l.least {
		sign = ">="
	}
	return fmt.Sprintf("%s %s %.3g%s", l.what, sign, l.bound, l.unit)
}
