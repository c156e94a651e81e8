package correlate

import (
	"math"

	"github.com/slowpod/slowpod/correlate/durations"
)

// judgePast says whether the pod's own past has a say: a long habit excuses,
// and what a pod has learned whose birth was seen.
func (c *Correlator) judgePast(p *pod, now int64) {
	j := &p.judge
	counts := j.isNew || j.age(now) >= longHabit
	if j.sides[SideClient].failing || j.sides[SideServer].failing {
		counts = false
	}
	if c.without&RuleOwnPast != 0 {
		counts = true
	}
	for side := range j.sides {
		s := &j.sides[side]
		s.pastCounts = counts && s.past.N() >= leastPast
	}
}

// judgeSide enters a slice of one side into the evidence.
func (c *Correlator) judgeSide(g *group, s *share, side int, pool *pooled, now int64) {
	j, moving := &s.pod.judge, g.judge.moving(side, now)
	held, got := &j.sides[side], &s.sides[side]
	held.failing = held.fails(pool.cut-held.cut, pool.n-held.n)
	if held.failing && c.without&RuleOwnPast == 0 {
		j.sides[SideClient].pastCounts, j.sides[SideServer].pastCounts = false, false
	}
	ref, ok := g.reference(got, side, pool, moving)
	if !ok {
		if moving {
			held.scale(0.9)
		}
		return
	}
	zone := deadZone + g.judge.zone[side] + held.usual
	if g.service.uneven && !held.pastCounts {
		zone += unevenZone
	}
	plain := deadZone
	if c.without&RuleDeadZone != 0 {
		zone, plain = 0, 0
	}
	r := durations.NewReference(&ref)
	w := r.Weigh(&got.even, min(zone, mostDeadZone))
	most := maxSlice
	switch {
	case c.without&RuleSliceBound != 0:
		most = math.Inf(1)
	case held.failing:
		most = maxFailing
	}
	enter := func(sum *float32, l float64) { *sum = float32(summed(float64(*sum), l, most)) }
	held.recent <<= 1
	for k := range held.siblings {
		enter(&held.siblings[k], w.Slower[k])
		enter(&held.same[k], w.Same[k])
		held.trend[k] += float32(w.Slower[k])
		switch {
		case held.siblings[k] == 0:
			held.from[k] = 0
		case held.from[k] == 0:
			held.from[k] = now - sliceLen
		}
	}
	if w.ForAny() {
		held.recent |= 1
	}
	if held.trendFrom == 0 {
		held.trendFrom = now - sliceLen
	}
	held.trendN += got.n
	if past := held.past; past.N() >= leastPast {
		past.Scale(min(1, mostPast/past.N()))
		pr := durations.NewReference(&past)
		pw := pr.Weigh(&got.slice, plain)
		for k := range held.own {
			enter(&held.own[k], pw.Slower[k])
		}
	} else {
		held.own = held.siblings
	}
	if j.finding != nil {
		well := w.Well[held.lead]
		if w.ForAny() { // it is slow in another way now: that is not well
			well = min(well, 0)
		}
		held.well = summed(held.well, well, most)
	}
	lead := held.lead
	if j.finding == nil {
		_, lead = held.evidence()
	}
	held.rose = w.For(lead)
	c.see(held, got, &ref, zone, now)
	if since := held.from[lead]; j.finding == nil && since != 0 && now-since >= longHabit && c.without&RuleOwnPast == 0 {
		// What did not suffice for so long is how the pod is.
		held.usual = min(max(held.usual, 4*held.p50), mostUsual)
		held.clear()
	}
	// What it always differs by.
	if j.level(SideClient) < learnBelow && j.level(SideServer) < learnBelow && got.n > leastOffset {
		own := held.window
		own.Add(&got.slice, 1)
		d := min(max(own.Quantile(0.5)-ref.Quantile(0.5), -mostOffset), mostOffset)
		held.offset += (d - held.offset) * got.n / (held.offsetN + slowOffset)
		held.offsetN = min(held.offsetN+got.n, keptOffset)
	}
}

// see measures how large the difference is, and lets evidence fade of which
// nothing is left to see.
func (c *Correlator) see(held *sums, got *shareSide, ref *durations.Hist, zone float64, now int64) {
	own := got.window
	own.Add(&got.even, 1)
	held.p50 = own.Quantile(0.5) - ref.Quantile(0.5)
	held.p90 = own.Quantile(0.9) - ref.Quantile(0.9)
	held.tail = own.Beyond(ref.Quantile(0.99) + (zone+1)/4)
	held.effective = max(held.p50, held.p90) >= effect || held.tail >= tailEffect || c.without&RuleDeadZone != 0
	e, _ := held.evidence()
	if e == 0 {
		held.since = 0
	} else {
		held.since += got.n
	}
	if e < quietBelow {
		held.quiet++
	} else {
		held.quiet = 0
	}
	switch {
	case e > held.top+0.3:
		held.top, held.topAt = e, now
	case e < held.top/2:
		held.top = e
	case max(held.p50, held.p90) < fadeEffect && held.tail < fadeTail && own.N() >= fadeRequests && now-held.topAt >= fadeAfter:
		held.scale(fade)
	}
}

// calm says that the pod is as always, as far as anybody can tell.
func (j *judge) calm() bool {
	return j.level(SideClient) < learnBelow && j.level(SideServer) < learnBelow && j.finding == nil
}
