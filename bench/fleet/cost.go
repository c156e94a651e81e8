package main

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/slowpod/slowpod/bench/fleet/world"
	"github.com/slowpod/slowpod/bench/process"
	"github.com/slowpod/slowpod/classify"
	"github.com/slowpod/slowpod/correlate"
	"github.com/slowpod/slowpod/ingest/accesslog"
)

// cost is A19: what a record and a pod cost the core, parsing and classifying
// left out, and whether its state stays bounded while pods come and go. Its
// jobs run alone: time and memory are nobody else's then.
type cost struct {
	id, name string

	perRecord time.Duration
	records   uint64
	perPod    float64
	pods      int
	half, all uint64 // bytes after half of a day of deploys, and after all of it
}

// The limits of A19.
const (
	mostPerRecord = time.Microsecond
	mostPerPod    = 3 << 10 // bytes
	// mostGrowth is how much more state there may be after 24 h of deploys
	// than after 12 h: what is kept of pods that are gone is given up.
	mostGrowth = 1.2
)

func (c *cost) title() (id, name string) { return c.id, c.name }

func (c *cost) jobs(p *plan) []job {
	long := 20 * time.Minute
	if p.full {
		long = 2 * time.Hour
	}
	busy := mix()
	busy.Seed, busy.Length = p.seed, long
	// A small and quiet fleet, in which each service is rolled out more than
	// twice an hour.
	rolling := only(40, world.Deploy)
	rolling.Seed, rolling.Services, rolling.Rate = p.seed, 10, 0.05
	day := func(length time.Duration, bytes *uint64) job {
		cfg := rolling
		cfg.Length = length
		return job{weight: weight(&cfg), alone: true, run: func(ctx context.Context, progress func(float64)) error {
			m, err := measure(ctx, p.simulate, cfg, progress)
			*bytes = m.bytes
			return err
		}}
	}
	return []job{
		{weight: weight(&busy), alone: true, run: func(ctx context.Context, progress func(float64)) error {
			m, err := measure(ctx, p.simulate, busy, progress)
			c.records, c.pods = m.records, m.pods
			c.perRecord = m.took / time.Duration(max(m.records, 1))
			c.perPod = float64(m.bytes) / float64(max(m.pods, 1))
			return err
		}},
		day(12*time.Hour, &c.half), day(24*time.Hour, &c.all),
	}
}

func (c *cost) lines() []line {
	lines := []line{
		{required: fmt.Sprintf("time per record <= %v", mostPerRecord),
			measured: fmt.Sprintf("%v (%d)", c.perRecord, c.records), verdict: verdictOf(c.perRecord <= mostPerRecord)},
		{required: fmt.Sprintf("bytes per pod <= %d", mostPerPod),
			measured: fmt.Sprintf("%.0f (%d)", c.perPod, c.pods), verdict: verdictOf(c.perPod <= mostPerPod)},
	}
	growth := float64(c.all) / float64(max(c.half, 1))
	return append(lines, line{required: fmt.Sprintf("state after 24 h of deploys <= %.1f times that after 12 h", mostGrowth),
		measured: fmt.Sprintf("%.2f (%d KiB)", growth, c.all>>10), verdict: verdictOf(growth <= mostGrowth)})
}

func verdictOf(kept bool) verdict {
	if kept {
		return fine
	}
	return missed
}

// measured is what a core took. The tables that a bound alone decides are left
// out of bytes, and so is the memory of fastcache, which Go does not see.
type measured struct {
	took    time.Duration // CPU time
	records uint64
	bytes   uint64
	pods    int
}

// measureBatch is how many records are kept to be entered in one go, so that
// the kernel is not asked for each.
const measureBatch = 10_000

// measure enters the records of a fleet in batches. The core keeps no memory of
// them, so that what is left when all else is gone is its own.
func measure(ctx context.Context, simulate simulate, cfg world.Config, progress func(float64)) (measured, error) {
	before := heap()
	core := correlate.New(correlate.Config{Bounds: correlate.DefaultBounds()})
	stream := core.Stream()
	empty := heap() - before

	var m measured
	var text []byte
	ends := make([]int, 0, measureBatch)
	records := make([]correlate.Record, measureBatch)
	enter := func() {
		from := 0
		for i, end := range ends {
			_ = records[i].Decode(text[from:end], nil) // encoded a moment ago
			from = end
		}
		before := process.Own()
		for i := range ends {
			stream.Add(&records[i])
		}
		m.took += process.Own() - before
		m.records += uint64(len(ends))
		ends, text = ends[:0], text[:0]
	}
	var first int64
	var r correlate.Record
	_, err := simulate(ctx, cfg, func(arrival int64, a *accesslog.Record) {
		r.From(a, classify.Classify(a), 0, int64(m.records))
		if r.Producer == 0 {
			r.Producer = 1
		}
		if text = r.AppendTo(text, nil); first == 0 {
			first = arrival
		}
		if ends = append(ends, len(text)); len(ends) == measureBatch {
			enter()
			progress(float64(arrival-first) / float64(cfg.Length.Milliseconds()))
		}
	})
	if err != nil {
		return m, err
	}
	enter()
	text, ends, records = nil, nil, nil //nolint:ineffassign // so that they are not counted
	full := heap() - before
	m.pods = len(core.Snapshot().Pods)
	m.bytes = full - min(empty, full)
	runtime.KeepAlive(core)
	return m, nil
}

// heap is what is in use.
func heap() uint64 {
	runtime.GC()
	runtime.GC() // what the first one finalised
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
