package correlate

import (
	"slices"

	"github.com/slowpod/slowpod/correlate/durations"
	"github.com/slowpod/slowpod/correlate/kind"
)

// A service is slow when what all its pods do together is slower than what they
// did before, and most of them are.
const (
	serviceZone   = 2.0 // quarter octaves
	servicePast   = 60  // requests without which there is no past
	movingAbove   = 0.2 * bar
	frozenAbove   = 0.6 * bar
	mostUp        = 0.6 // share of pods, by traffic, that are up
	fewUp         = 0.3
	upP50, upP90  = 0.4, 0.6 // octaves
	upRequests    = 4
	upAtMost      = 20.0 // requests that a pod counts for
	guardAfter    = 180_000
	startsAfter   = 30_000  // beyond the grace of a pod, for its service
	upWithin      = 120_000 // pods without a record for longer are not asked
	serviceShifts = 3
)

// level is the evidence, by one side's records, that all pods have become
// slower.
func (gj *groupJudge) level(side int) float64 { return slices.Max(gj.moves[side][:]) }

// side is the one that tells how long requests take: the pods' own, where they
// report.
func (gj *groupJudge) side() int {
	if gj.report[SideServer] >= reportShare*gj.report[SideClient] {
		return SideServer
	}
	return SideClient
}

// state is what the service is now, as far as its pods tell.
func (gj *groupJudge) state() State {
	if gj.finding != nil || gj.beside.finding != nil {
		return SlowService
	}
	return Healthy
}

// moving says that to one side all pods together change, or have just done so:
// nothing old says anything of one. A slow caller moves them all, to callers.
func (gj *groupJudge) moving(side int, now int64) bool {
	return gj.slow || gj.level(side) > movingAbove || now < gj.guard
}

// frozen says of each side that what is seen now is not to be taken for what is
// usual.
func (gj *groupJudge) frozen() [2]bool {
	return [2]bool{gj.slow || gj.level(SideClient) > frozenAbove, gj.slow || gj.level(SideServer) > frozenAbove}
}

// judgeService enters a slice into the evidence that all pods are slower.
func (c *Correlator) judgeService(g *group, shares []share, now int64) {
	gj := &g.judge
	gj.rose = [2]bool{}
	for side := range gj.moves {
		past := &gj.past[side]
		if past.N() < servicePast {
			gj.moves[side] = [serviceShifts]float64{}
			continue
		}
		var slice durations.Hist
		for i := range shares {
			j := &shares[i].pod.judge
			if named := j.finding != nil && !j.alone; !named && !c.starts(&shares[i], now) {
				slice.Add(&shares[i].sides[side].slice, 1)
			}
		}
		r := durations.NewReference(past)
		w := r.Weigh(&slice, serviceZone)
		for k := range gj.moves[side] {
			m := &gj.moves[side][k]
			*m = summed(*m, w.Slower[k], maxSlice)
		}
		gj.rose[side] = slices.Max(w.Slower[:serviceShifts]) > 0
	}
	side := gj.side()
	e, enough := gj.level(side), bar
	if c.rolledOut(shares, now) {
		enough *= carefulBar
	}
	if !gj.slow && e < enough {
		return
	}
	part, up, pods := gj.up(shares, side, now)
	gj.most = part >= mostUp
	switch {
	case !gj.slow:
		gj.slow = gj.most && up >= min(2, pods)
		gj.calmRun = 0
	case e < quietBelow || part < fewUp:
		if gj.calmRun++; gj.calmRun >= quietSlices {
			gj.calm(now)
		}
	case !gj.most && onlySome(shares, side):
		if gj.calmRun++; gj.calmRun >= quietSlices {
			gj.calm(now)
			gj.guard = now // what is left is known to be the pod's
		}
	default:
		gj.calmRun = 0
	}
}

// onlySome says that the slices before had all the evidence that names a pod:
// others of its service do better.
func onlySome(shares []share, side int) bool {
	return slices.ContainsFunc(shares, func(s share) bool {
		j := &s.pod.judge
		return j.level(side) >= bar && j.sides[side].persistent() && !j.alone
	})
}

// starts says that a pod is new, so that how it does yet says nothing of its
// service.
func (c *Correlator) starts(s *share, now int64) bool {
	return c.young(&s.pod.judge, now, grace+startsAfter)
}

// rolledOut says that most of the requests go to pods that have just come.
func (c *Correlator) rolledOut(shares []share, now int64) bool {
	var all, young float64
	for i := range shares {
		n := max(shares[i].sides[SideClient].n, shares[i].sides[SideServer].n)
		all += n
		if c.young(&shares[i].pod.judge, now, careful) {
			young += n
		}
	}
	return 2*young > all
}

// calm says that the service is as it was, or that nobody knows.
func (gj *groupJudge) calm(now int64) {
	gj.slow, gj.calmRun, gj.guard = false, 0, now+guardAfter
	gj.moves = [2][serviceShifts]float64{}
}

// present says that the pod had data lately.
func (s *share) present(now int64) bool { return s.cell != nil || now-s.pod.judge.judged <= upWithin }

// up is the share of the pods, by traffic, that are slower than the service's
// past, how many these are, and of how many that have data lately. It looks no
// farther back than it has to: who is well again shows at once.
func (gj *groupJudge) up(shares []share, side int, now int64) (part float64, ups, pods int) {
	past := &gj.past[side]
	if past.N() < servicePast {
		return 0, 0, 0
	}
	p50, p90 := past.Quantile(0.5), past.Quantile(0.9)
	owns := make([]durations.Hist, 0, len(shares))
	busy := 0
	for i := range shares {
		if !shares[i].present(now) {
			continue
		}
		pods++
		s := &shares[i].sides[side]
		own, held := s.slice, &shares[i].pod.judge.sides[side]
		if own.Add(&held.near, 1); own.N() < upAtMost {
			own = s.slice
			own.Add(&held.window, 1)
		}
		owns = append(owns, own)
		if own.N() >= upRequests {
			busy++
		}
	}
	least := float64(upRequests)
	if busy < 3 {
		least = 0.5
	}
	var all, up float64
	for i := range owns {
		n := owns[i].N()
		if n < least {
			continue
		}
		weight := min(n, upAtMost)
		all += weight
		if owns[i].Quantile(0.5) > p50+upP50 || owns[i].Quantile(0.9) > p90+upP90 {
			up += weight
			ups++
		}
	}
	if all == 0 {
		return 0, 0, pods
	}
	return up / all, ups, pods
}

// decideService opens and ends the finding that the whole service is slow. Of a
// service with one pod it is the pod's.
func (c *Correlator) decideService(g *group, shares []share, sum *siblingSum, now int64) {
	gj := &g.judge
	e := gj.level(gj.side())
	if e == 0 && !gj.slow && gj.finding == nil {
		gj.evidence = nil
	} else {
		if gj.evidence == nil {
			gj.evidence = newEvidence(now-sliceLen, nil)
			for side := range gj.evidence.sides {
				gj.evidence.sides[side].others = gj.past[side]
			}
		}
		gj.evidence.addService(shares, sum, now, gj.rises())
	}
	var sole *pod
	present, alone := 0, false
	for i := range shares {
		if shares[i].present(now) {
			sole = shares[i].pod
			present++
		}
		alone = alone || shares[i].pod.judge.alone
	}
	switch {
	case gj.slow && gj.finding == nil && !alone && present == 1:
		if j := &sole.judge; j.finding == nil && !c.young(j, now, grace) {
			state := SlowPod
			if !j.reporting() {
				state = SlowPodUnverified
			}
			if c.common() {
				c.openService(g, now)
				break
			}
			j.alone, j.evidence = true, gj.evidence.clone()
			j.evidence.siblings, j.evidence.bad.siblings = 0, 0
			c.open(sole, state, now, now)
		}
	case gj.slow && gj.beside.finding != nil: // it has been told
	case gj.slow && gj.finding == nil && !alone:
		c.openService(g, now)
	case !gj.slow && gj.finding != nil:
		c.close(gj.finding, gj.evidence.lastBad)
		gj.finding, gj.evidence = nil, nil
	}
	if !alone {
		return
	}
	if gj.slow {
		c.withdraw(g, now)
		return
	}
	for _, p := range gj.live {
		if p.judge.alone && p.judge.finding != nil {
			c.end(p, p.judge.evidence.lastBad)
			p.judge.clear()
		}
	}
}

// withdraw takes back what was said of the only pod of a service a short while
// ago, where it turns out that many services move: then it is the service's.
func (c *Correlator) withdraw(g *group, now int64) {
	if !c.common() {
		return
	}
	for _, p := range g.judge.live {
		j := &p.judge
		if !j.alone || j.finding == nil || now-j.finding.Detected > commonWithin {
			continue
		}
		old := j.finding
		c.retract(old)
		j.finding, j.state, j.worst = nil, Healthy, old.worstBefore
		j.clear()
		c.openService(g, now)
	}
}

// openService opens the finding that all pods of the service are slow.
func (c *Correlator) openService(g *group, now int64) {
	gj := &g.judge
	gj.finding = &Finding{
		Kind: kind.SlowService, Service: g.service.name, Subset: g.subset, Start: gj.evidence.start, Detected: now, evidence: gj.evidence,
		heard: g.heard, drop: func(at int64) { gj.finding, gj.evidence = nil, nil; gj.calm(at) },
	}
	gj.worst = SlowService
	c.publish(gj.finding)
}

// rises says that the last slice still spoke against the service, and not only
// against some of its pods.
func (gj *groupJudge) rises() bool { return gj.rose[gj.side()] && gj.most && gj.calmRun == 0 }

// heard is when any of the pods was last heard of.
func (g *group) heard() int64 {
	last := g.judge.judged
	for _, p := range g.judge.live {
		last = max(last, p.heard)
	}
	return last
}

// callersMove says that most pods look slow to their callers at once, though
// not to themselves: that is a caller's doing.
func callersMove(shares []share) bool {
	pods, up := 0, 0
	for i := range shares {
		if j := &shares[i].pod.judge; shares[i].sides[SideClient].n > 0 || j.sides[SideClient].window.N() >= 1 {
			pods++
			if j.level(SideClient) > someShare*bar && j.level(SideServer) < someShare*bar {
				up++
			}
		}
	}
	return up >= 2 && 2*up >= pods
}
