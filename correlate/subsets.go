package correlate

import (
	"cmp"
	"math"
	"slices"

	"github.com/slowpod/slowpod/correlate/durations"
	"github.com/slowpod/slowpod/correlate/kind"
)

// Versions of one service may differ, and a new one has no past to be compared
// with. So a subset is compared with another of its service, too, beyond a dead
// zone of its own.
const (
	subsetZone   = 4.0 // quarter octaves: x2
	subsetEffect = 1.0 // octaves of the median
	// subsetTraffic is the share of the requests of a subset that came at the
	// same time another must have to be what is usual: of two that are about
	// equally busy either may be, and only the slower one shows.
	subsetTraffic = 2.0 / 3
	// subsetLeast is how many requests a median is taken of, to say since when.
	subsetLeast = 10
)

// subsetJudge is what is held of a subset beside another one.
type subsetJudge struct {
	moves    [2][serviceShifts]float64
	own      [2]durations.Hist // its last minutes, by the other's medians
	calmRun  int
	finding  *Finding
	evidence *evidence
}

func (j *subsetJudge) level(side int) float64 { return slices.Max(j.moves[side][:]) }

// usualSubset is the subset of the same service that the group is compared
// with: the busiest of those that are older, or not much less busy; nil if
// there is none. What a finding is told beside stays so while it has requests.
func (g *group) usualSubset() *group {
	if len(g.service.groups) < 2 {
		return nil
	}
	least := subsetTraffic * g.judge.traffic()
	if g.judge.beside.finding != nil {
		least = min(least, servicePast)
	}
	var usual *group
	for _, o := range g.service.groups {
		older, busy := g.judge.born-o.judge.born > newAfter, o.judge.traffic() >= least
		switch {
		case o == g || o.judge.sliceNo == 0 || !older && !busy:
		case usual == nil || cmp.Or(cmp.Compare(o.judge.traffic(), usual.judge.traffic()), cmp.Compare(usual.key, o.key)) > 0:
			usual = o
		}
	}
	return usual
}

// traffic is the requests of the last minutes.
func (gj *groupJudge) traffic() float64 { return max(gj.report[SideClient], gj.report[SideServer]) }

// judgeSubset enters a slice into the evidence that a subset is slower than
// another of its service, and opens and ends the finding. Where its pods are
// told apart, or it is slower than before, that says more.
func (c *Correlator) judgeSubset(g *group, shares []share, now int64) {
	j := &g.judge.beside
	usual := g.usualSubset()
	if usual == nil {
		if j.finding != nil {
			c.close(j.finding, j.evidence.lastBad)
		}
		*j = subsetJudge{}
		return
	}
	placed, sum := c.placeBeside(usual, shares, now)
	side := g.judge.side()
	effect, rose := 0.0, false
	for s := range j.moves {
		var ref durations.Hist
		for _, p := range usual.judge.live {
			if !p.judge.suspect() {
				ref.Add(&p.judge.sides[s].window, 1)
			}
		}
		j.own[s].Scale(math.Exp2(-min(sliceLen/float64(windowHalfLife), sum.sides[s].N()/windowKept)))
		j.own[s].Add(&sum.sides[s], 1)
		if s == side && min(j.own[s].N(), ref.N()) >= subsetLeast {
			effect = j.own[s].Quantile(0.5) - ref.Quantile(0.5)
		}
		if ref.N() < servicePast {
			j.moves[s] = [serviceShifts]float64{}
			continue
		}
		r := durations.NewReference(&ref)
		w := r.Weigh(&sum.sides[s], subsetZone)
		for k := range j.moves[s] {
			j.moves[s][k] = summed(j.moves[s][k], w.Slower[k], maxSlice)
			rose = rose || s == side && w.Slower[k] > 0
		}
		if j.evidence != nil {
			j.evidence.sides[s].others = ref
		}
	}
	e := j.level(side)
	switch {
	case e == 0 && effect < subsetEffect/2 && j.finding == nil:
		j.evidence = nil
		return
	case e == 0 && effect < subsetEffect && j.evidence == nil:
		return
	case j.evidence == nil:
		j.evidence = newEvidence(now-sliceLen, nil)
	}
	j.evidence.beside, j.evidence.hasBeside = usual.subset, true
	j.evidence.addService(placed, &sum, now, rose && e >= quietBelow)
	switch {
	case j.finding == nil && e >= bar && effect >= subsetEffect && !g.told():
		j.finding = &Finding{
			Kind: kind.SlowService, Service: g.service.name, Subset: g.subset, Start: j.evidence.start, Detected: now, evidence: j.evidence,
			heard: g.heard, drop: func(int64) { *j = subsetJudge{} },
		}
		g.judge.worst = SlowService
		c.publish(j.finding)
	case j.finding != nil && e < quietBelow:
		if j.calmRun++; j.calmRun >= quietSlices {
			c.close(j.finding, j.evidence.lastBad)
			*j = subsetJudge{}
		}
	default:
		j.calmRun = 0
	}
}

// told says that there is a finding on the subset, or on one of its pods.
func (g *group) told() bool {
	return g.judge.finding != nil || slices.ContainsFunc(g.judge.live, func(p *pod) bool { return p.judge.finding != nil })
}

// placeBeside is the pods that do not start, their durations relative to the
// medians of another subset, and the sum of these.
func (c *Correlator) placeBeside(usual *group, shares []share, now int64) (placed []share, sum siblingSum) {
	for i := range shares {
		s := share{pod: shares[i].pod, cell: shares[i].cell}
		if s.cell == nil || c.starts(&s, now) {
			continue
		}
		for side := range s.sides {
			to := &s.sides[side]
			s.cell.sides[side].lasted.Each(func(k durations.Count) {
				usual.judge.classes.Bin(side, k, &to.slice, &to.cut)
			})
		}
		placed = append(placed, s)
		sum.add(&s)
	}
	return placed, sum
}
