package correlate

import (
	"math"
	"slices"
	"strings"

	"github.com/slowpod/slowpod/correlate/durations"
)

// share is a pod in the slice that is being closed.
type share struct {
	pod   *pod
	cell  *cell // nil: no data
	sides [2]shareSide
}

type shareSide struct {
	n          float64        // requests whose duration is known
	slice, cut durations.Hist // of these, those that are lower bounds
	even       durations.Hist // slice without the pod's habitual offset
	part       float64        // what it counts for among the siblings
	same       durations.Hist // these seconds: slice and near, without the offset
	window     durations.Hist
}

// closeSlice judges all pods that have data in the oldest open slice.
func (c *Correlator) closeSlice() {
	now := c.window.start + sliceLen
	place, pods := c.window.oldest()
	groups := c.groups[:0]
	for _, p := range pods {
		if !p.group.touched {
			p.group.touched = true
			groups = append(groups, p.group)
		}
		if p.group != c.registry.unknown { // nobody knows who its siblings are
			p.group.meet(p, now)
		}
	}
	// Names decide the order, not who came first: findings are numbered and
	// listed the same way however the lines were batched.
	slices.SortFunc(groups, func(a, b *group) int { return strings.Compare(a.key, b.key) })
	for _, g := range groups {
		if g != c.registry.unknown {
			c.judgeGroup(g, place, now)
			g.judge.note(now)
		}
		g.touched = false
	}
	c.countMesh(now)
	for i, g := range groups {
		if i+1 == len(groups) || groups[i+1].service != g.service {
			c.judgeLeavers(g.service, now)
		}
	}
	c.groups = groups
	for _, p := range pods {
		p.answered(p.cells[place].answers)
	}
	c.apply(c.faults.Close(place, now, &slice{c, place}), now)
	for _, s := range c.registry.list {
		for _, g := range s.groups {
			g.asked[place], g.failed[place] = 0, 0
		}
	}
	for _, p := range pods {
		c.window.release(p, place)
	}
	c.window.shift(place)
	c.endSilent(now)
}

func (c *Correlator) judgeGroup(g *group, place int, now int64) {
	gj := &g.judge
	g.forget(now)
	if gj.judged != 0 && now-gj.judged > outdated {
		gj.forgetPast()
	}
	c.births(g, now)
	gj.sliceNo++
	shares := c.gather(g, place, now)
	c.place(g, shares, now)
	for i := range shares {
		shares[i].even(now)
	}
	c.judgeService(g, shares, now)
	for i := range shares {
		c.endGrace(shares[i].pod, now)
		c.judgePast(shares[i].pod, now)
	}
	var pool [2]pooled
	for side := range pool {
		c.pool(shares, side, now, &pool[side])
	}
	for i := range shares {
		s := &shares[i]
		if s.cell == nil {
			continue
		}
		for side := range s.sides {
			if s.sides[side].n > 0 {
				c.judgeSide(g, s, side, &pool[side], now)
			}
		}
	}
	gj.callersMove = callersMove(shares)
	var sum siblingSum
	for i := range shares {
		if shares[i].cell != nil {
			sum.add(&shares[i])
		}
	}
	for i := range shares {
		if s := &shares[i]; s.cell != nil {
			c.keepEvidence(s, &sum, now)
			c.decide(s.pod, now)
		}
	}
	c.decideService(g, shares, &sum, now)
	c.judgeTimeouts(g, shares, now)
	c.judgeSubset(g, shares, now)
	for i := range shares {
		c.remember(&shares[i], now)
	}
	g.remember(shares, now)
}

// gather lists the live pods and lets what is held of them fade.
func (c *Correlator) gather(g *group, place int, now int64) []share {
	gj := &g.judge
	elapsed := float64(now - max(gj.judged, now-int64(silence)))
	if gj.judged == 0 {
		elapsed = sliceLen
	}
	gj.judged = now
	shares := c.shares[:0]
	reportDecay := math.Exp2(-elapsed / reportHalfLife)
	nearDecay := math.Exp2(-elapsed / sliceLen)
	for side := range gj.report {
		gj.report[side] *= reportDecay
	}
	for _, p := range gj.live {
		shares = append(shares, share{pod: p, cell: p.cells[place]})
		j := &p.judge
		j.ut = (j.ut + float64(j.settled)) * reportDecay
		j.utLost = (j.utLost + float64(j.lost)) * reportDecay
		j.settled, j.lost = 0, 0
		j.refused *= reportDecay
		for side := range j.sides {
			j.report[side] *= reportDecay
			held := &j.sides[side]
			held.near.Scale(nearDecay)
			held.rose, held.effective = false, false
		}
		cell := p.cells[place]
		if cell == nil {
			j.missed++
			continue
		}
		p.perhapsReborn(cell, now)
		j.refused += float64(cell.refused)
		if cell.callerLeft > 0 {
			g.service.leavers.fresh.confirmed += float64(cell.callerLeft)
			g.service.leavers.began(cell.leftFrom)
		}
		for side := range cell.sides {
			v := &cell.sides[side]
			j.report[side] += float64(v.n)
			gj.report[side] += float64(v.n)
			if side == SideServer {
				g.service.leavers.fresh.lines += float64(v.n)
			}
			s, n, cut := &j.sides[side], float64(v.n), float64(v.cut)
			if side == SideServer {
				cut = max(cut-float64(cell.callerLeft), 0)
			}
			decay := math.Exp2(-min(elapsed/windowHalfLife, n/failingKept))
			s.n, s.cut = s.n*decay+n, s.cut*decay+cut
		}
		gj.requests += float64(max(cell.sides[SideClient].n, cell.sides[SideServer].n))
	}
	c.shares = shares
	return shares
}

// place takes the medians of the classes and places what came in the slice
// relative to them.
func (c *Correlator) place(g *group, shares []share, now int64) {
	classes, frozen := &g.judge.classes, g.judge.frozen()
	for i := range shares {
		if cell := shares[i].cell; cell != nil {
			if !cell.isOfApp() {
				cell.sides[SideClient].lasted.Reset()
			}
			for side := range cell.sides {
				classes.Observe(&cell.sides[side].lasted)
			}
		}
	}
	classes.Rank(now, frozen[SideClient] || frozen[SideServer])
	for i := range shares {
		if cell := shares[i].cell; cell != nil {
			for side := range cell.sides {
				classes.Learn(side, &cell.sides[side].lasted, frozen[side])
			}
		}
	}
	classes.Take(now, frozen)
	for i := range shares {
		s := &shares[i]
		for side := range s.sides {
			to, held := &s.sides[side], &s.pod.judge.sides[side]
			kept := held.waiting[:0]
			for _, w := range held.waiting {
				if !classes.Bin(side, w.Count, &to.slice, &to.cut) && now-w.since < waitFor {
					kept = append(kept, w)
				}
			}
			held.waiting = kept
			if s.cell != nil {
				lasted := &s.cell.sides[side].lasted
				atOnce := classes.FailsAtOnce(side, lasted)
				lasted.Each(func(k durations.Count) {
					if atOnce && k.Key.Failed() {
						return // else the siblings, which do their work, would look slow
					}
					if !classes.Bin(side, k, &to.slice, &to.cut) && len(held.waiting) < maxWaiting {
						held.waiting = append(held.waiting, waiting{k, now})
					}
				})
			}
			to.n = to.slice.N()
		}
	}
}

// even takes off what the pod always differs by, once that is a long habit.
func (s *share) even(now int64) {
	for side := range s.sides {
		to, held := &s.sides[side], &s.pod.judge.sides[side]
		to.even = to.slice
		to.same = to.slice
		to.same.Add(&held.near, 1)
		to.window = held.window
		if s.pod.judge.age(now) >= longHabit && held.offset != 0 {
			to.even.Shift(-held.offset)
			to.same.Shift(-held.offset)
			to.window.Shift(-held.offset)
		}
	}
}

// remember lets the slice become the pod's past.
func (c *Correlator) remember(s *share, now int64) {
	j, gj := &s.pod.judge, &s.pod.group.judge
	calm := j.calm()
	for side := range s.sides {
		held, got := &j.sides[side], &s.sides[side]
		if got.n == 0 {
			continue
		}
		held.near.Add(&got.slice, 1)
		held.window.Scale(math.Exp2(-min(float64(now-max(j.judged, now-windowHalfLife*10))/windowHalfLife, got.n/windowKept)))
		held.window.Add(&got.slice, 1)
		learns := calm && !gj.moving(side, now) && (!j.isNew || j.age(now) >= learnsFrom)
		if learns || c.without&RuleOwnPast != 0 {
			held.past.Scale(max(0, 1-got.n/keptPast))
			held.past.Add(&got.slice, 1)
		}
	}
	if s.cell != nil {
		j.judged = now
	}
}

// remember lets the slice become the service's past, and looks at how far its
// pods always lie apart.
func (g *group) remember(shares []share, now int64) {
	gj := &g.judge
	young, frozen := now-gj.born < longHabit, gj.frozen()
	every, least := 30, float64(leastPast)
	if young {
		every, least = 3, 30
	}
	for side := range gj.past {
		if !frozen[side] {
			decay := math.Exp2(-sliceLen / (30 * 60_000.0))
			gj.past[side].Scale(decay)
			for i := range shares {
				// A log may begin inside a fault; one pod alone is what the
				// service is.
				if len(gj.live) == 1 || shares[i].pod.judge.calm() {
					gj.past[side].Add(&shares[i].sides[side].slice, 1)
				}
			}
		}
		if gj.sliceNo%every == 0 {
			gj.spread[side] = spreadOf(gj.live, side, least)
			gj.zone[side] = spreadZone * max(gj.spread[side]-usualSpread, 0)
		}
	}
}
