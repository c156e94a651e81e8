package correlate

import (
	"cmp"
	"math"
	"slices"

	"github.com/slowpod/slowpod/classify"
	"github.com/slowpod/slowpod/correlate/durations"
)

// A service is slow when what all its pods do together is slower than what they
// did before, and most of them are.
const (
	serviceZone  = 2.0 // quarter octaves
	servicePast  = 60  // requests without which there is no past
	movingAbove  = 0.2 * bar
	frozenAbove  = 0.6 * bar
	mostUp       = 0.6 // share of pods, by traffic, that are up
	fewUp        = 0.3
	upP50, upP90 = 0.4, 0.6 // octaves
	upRequests   = 4
	upAtMost     = 20.0 // requests that a pod counts for
	guardAfter   = 180_000
	// Where so many services move at once it is no single pod's doing, even of
	// services that have only one: their load, the cluster, what they all
	// depend on.
	commonServices = 3
	commonOf       = 10 // services with a past and with requests
	commonShare    = 0.2
	startsAfter    = 30_000  // beyond the grace of a pod, for its service
	upWithin       = 120_000 // pods without a record for longer are not asked
	serviceShifts  = 3
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
	if gj.finding != nil {
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
	for side := range gj.moves {
		past := &gj.past[side]
		if past.N() < servicePast {
			gj.moves[side] = [serviceShifts]float64{}
			continue
		}
		var slice durations.Hist
		for i := range shares {
			if !c.starts(&shares[i], now) {
				slice.Add(&shares[i].sides[side].slice, 1)
			}
		}
		r := durations.NewReference(past)
		w := r.Weigh(&slice, serviceZone)
		for k := range gj.moves[side] {
			m := &gj.moves[side][k]
			*m = min(max(*m+min(max(w.Slower[k], -maxSlice), maxSlice), 0), maxSum)
		}
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
	switch {
	case !gj.slow:
		gj.slow = part >= mostUp && up >= min(2, pods)
		gj.calmRun = 0
	case e < quietBelow || part < fewUp:
		if gj.calmRun++; gj.calmRun >= quietSlices {
			gj.calm(now)
		}
	default:
		gj.calmRun = 0
	}
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
// past, how many these are, and of how many that have data lately.
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
		own := s.slice
		own.Add(&shares[i].pod.judge.sides[side].window, 1)
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
			kind := SlowPod
			if !j.reporting() {
				kind = SlowPodUnverified
			}
			if c.common() {
				c.openService(g, now)
				break
			}
			j.alone, j.evidence = true, gj.evidence.clone()
			j.evidence.siblings, j.evidence.bad.siblings = 0, 0
			c.open(sole, kind, now, now)
		}
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
		c.findings = slices.DeleteFunc(c.findings, func(f *Finding) bool { return f == old })
		j.finding, j.state, j.worst = nil, Healthy, old.worstBefore
		j.clear()
		c.openService(g, now)
	}
}

// openService opens the finding that all pods of the service are slow.
func (c *Correlator) openService(g *group, now int64) {
	gj := &g.judge
	gj.finding = &Finding{
		Kind: SlowService, Service: g.service.name, Subset: g.subset, Start: gj.evidence.start, Detected: now, evidence: gj.evidence,
		heard: g.heard, drop: func(at int64) { gj.finding, gj.evidence = nil, nil; gj.calm(at) },
	}
	gj.worst = SlowService
	c.publish(gj.finding)
}

// common says that many services have become slower at once, by the last slice.
func (c *Correlator) common() bool {
	return c.mesh.moving >= commonServices && c.mesh.all >= commonOf &&
		float64(c.mesh.moving) >= commonShare*float64(c.mesh.all)
}

// mesh counts the services that had requests lately and have a past, and those
// of them that have moved lately.
type mesh struct{ all, moving int }

// commonWithin is what lately is, in milliseconds.
const commonWithin = 180_000

func (gj *groupJudge) note(now int64) {
	if gj.slow || gj.level(gj.side()) > someShare*bar {
		gj.movedAt = now
	}
}

// countMesh looks at all services once a slice.
func (c *Correlator) countMesh(now int64) {
	c.mesh = mesh{}
	for _, s := range c.registry.list {
		for _, g := range s.groups {
			gj := &g.judge
			if now-gj.judged > commonWithin || gj.past[gj.side()].N() < servicePast {
				continue
			}
			c.mesh.all++
			if gj.movedAt != 0 && now-gj.movedAt <= commonWithin {
				c.mesh.moving++
			}
		}
	}
}

// rises says that the last slice still spoke against the service.
func (gj *groupJudge) rises() bool { return gj.level(gj.side()) > 0 && gj.calmRun == 0 }

// clone returns a copy that shares nothing.
func (e *evidence) clone() *evidence {
	c := *e
	c.callers, c.bad.callers = slices.Clone(e.callers), slices.Clone(e.bad.callers)
	c.samples, c.slowest, c.course = slices.Clone(e.samples), slices.Clone(e.slowest), slices.Clone(e.course)
	return &c
}

// addService enters a slice of all pods; what they are compared with is their
// past.
func (e *evidence) addService(shares []share, sum *siblingSum, now int64, isBad bool) {
	for i := range shares {
		if c := shares[i].cell; c != nil {
			e.tally.enter(c)
			e.keepSlowest(c)
		}
		for side := range e.sides {
			e.sides[side].cut.Add(&shares[i].sides[side].cut, 1)
		}
	}
	side := SideClient
	for i := range e.sides {
		e.sides[i].own.Add(&sum.sides[i], 1)
		if sum.sides[i].N() > 0 {
			side = i
		}
	}
	e.follow(now-sliceLen, &sum.sides[side], &e.sides[side].others)
	if sum.pods > 1 {
		e.siblings = max(e.siblings, sum.pods)
	}
	if isBad {
		e.lastBad, e.bad = now, e.tally
		e.bad.callers = slices.Clone(e.callers)
	}
}

// heard is when any of the pods was last heard of.
func (g *group) heard() int64 {
	last := g.judge.judged
	for _, p := range g.judge.live {
		last = max(last, p.heard)
	}
	return last
}

// leavers counts, for one service, requests that the caller's application gave
// up.
type leavers struct {
	at                 int64               // end of the last slice
	fresh, short, long leaving             // since then; of the last minutes; as usual, without the last minutes
	latest             [usualAfter]leaving // what is to become usual
	slices             int
	callers            []callerCount
	from               int64   // since when there are so many; 0: there are not
	since              leaving // since then
	run                int     // slices in a row with too many
	peak               float64 // highest share of a finding
	calm               int     // slices in a row far below it
	worst              State
	finding            *Finding
	evidence           *evidence
}

type leaving struct {
	lines              float64 // of the server side
	confirmed, unknown float64 // with the caller's own word, and without any
}

func (l *leaving) plus(o leaving) {
	l.lines += o.lines
	l.confirmed += o.confirmed
	l.unknown += o.unknown
}

func (l *leaving) scale(f float64) {
	l.lines *= f
	l.confirmed *= f
	l.unknown *= f
}

func (l *leaving) share() float64 {
	if l.lines <= 0 {
		return 0
	}
	return (l.confirmed + l.unknown) / l.lines
}

type callerCount struct {
	name string
	n    float64
}

const (
	leavingHalfLife = 120_000
	usualHalfLife   = 30 * 60_000
	usualAfter      = 12  // slices: so long nothing is taken for usual
	leastUsual      = 100 // requests without which nothing is usual
	leastConfirmed  = 5
	leastUnknown    = 10
	leastLeaving    = 0.02
	leavingFactor   = 4
	leavingCalm     = 6 // slices in a row
	maxLeavers      = 32
)

// left notes who gave a request up: by the caller's own record, or, where no
// other side was found, by the pod's alone. What both sides have said at once
// has been counted with its slice, see creditLeft.
func (c *Correlator) left(g *group, call *Call) {
	if g == c.registry.unknown || len(call.Server) == 0 {
		return
	}
	l, server := &g.service.leavers, &call.Server[0]
	switch {
	case server.Outcome != classify.DownstreamClosed:
		return
	case call.Verdict == CallerLeft:
		name := string(call.Client.Pod)
		if name == "" {
			name = string(addressIP(call.Client.UpstreamLocal))
		}
		l.blame(name)
	case call.Verdict == ServerOnly:
		l.fresh.unknown++
		l.blame(string(addressIP(server.Peer)))
	default:
		return
	}
	l.began(server.Start)
}

// began notes when a request was sent that was given up.
func (l *leavers) began(start int64) {
	if l.from == 0 || start < l.from {
		l.from = start
	}
}

func (l *leavers) blame(name string) {
	if name == "" {
		return
	}
	for i := range l.callers {
		if l.callers[i].name == name {
			l.callers[i].n++
			return
		}
	}
	if len(l.callers) == maxLeavers { // the rarest makes room
		i := 0
		for k := range l.callers {
			if l.callers[k].n < l.callers[i].n {
				i = k
			}
		}
		l.callers[i] = callerCount{name, 1}
		return
	}
	l.callers = append(l.callers, callerCount{name, 1})
}

// judgeLeavers decides, once a slice, whether callers of the service give up on
// their own account.
func (c *Correlator) judgeLeavers(s *service, now int64) {
	l := &s.leavers
	elapsed := float64(sliceLen)
	if l.at != 0 {
		elapsed = float64(now - l.at)
	}
	l.at = now
	fresh := l.fresh
	l.fresh = leaving{}
	short := math.Exp2(-elapsed / leavingHalfLife)
	l.short.scale(short)
	for i := range l.callers {
		l.callers[i].n *= short
	}
	l.short.plus(fresh)
	l.since.plus(fresh)
	if l.finding == nil { // what goes on now is not what is usual
		l.long.scale(math.Exp2(-elapsed / usualHalfLife))
		next := &l.latest[l.slices%usualAfter]
		l.long.plus(*next)
		*next = fresh
		l.slices++
	}
	usual, share := leavingFactor*l.long.share(), l.short.share()
	many := l.long.lines >= leastUsual && (l.short.confirmed >= leastConfirmed || l.short.unknown >= leastUnknown) && share > max(leastLeaving, usual)
	if many && !s.slow() {
		l.run++
	} else {
		l.run = 0
	}
	switch {
	case l.finding == nil && l.run >= persistSlices:
		l.evidence = newEvidence(now-sliceLen, nil)
		l.evidence.lastBad = now
		l.finding = &Finding{
			Kind: CallerCancels, Service: s.name, Start: l.from, Detected: now, evidence: l.evidence,
			heard: func() int64 { return l.at }, drop: func(int64) { l.reset() },
		}
		l.evidence.leave(l.since)
		l.worst, l.peak = CallerCancels, share
		c.publish(l.finding)
	case l.finding != nil && share > max(leastLeaving/2, l.peak/3):
		l.calm, l.peak = 0, max(l.peak, share)
		l.evidence.lastBad = now
	case l.finding != nil:
		if l.calm++; l.calm >= leavingCalm {
			c.close(l.finding, l.evidence.lastBad)
			l.reset()
		}
	case share <= max(leastLeaving, usual)/2:
		l.from, l.since = 0, leaving{}
	}
	if l.finding != nil {
		if l.finding.Detected != now {
			l.evidence.leave(fresh)
		}
		l.evidence.callers = l.names()
		l.evidence.bad = l.evidence.tally
	}
}

// leave adds to what the finding tells.
func (e *evidence) leave(o leaving) {
	e.disconnects += uint64(o.confirmed + o.unknown)
	e.left += uint64(o.confirmed)
	e.serverRequests += uint64(o.lines)
}

// reset forgets all but what is usual.
func (l *leavers) reset() {
	l.finding, l.evidence, l.calm, l.run, l.from = nil, nil, 0, 0, 0
	l.short, l.since, l.callers = leaving{}, leaving{}, l.callers[:0]
}

// slow says that the service as a whole is slow, or that a pod of it may be.
func (s *service) slow() bool {
	for _, g := range s.groups {
		if g.judge.slow {
			return true
		}
		for _, p := range g.judge.live {
			if p.judge.state == SlowPod || p.judge.state == SlowPodUnverified || p.judge.suspect() {
				return true
			}
		}
	}
	return false
}

// names are the callers that most of the cancels come from, most first.
func (l *leavers) names() []string {
	var all float64
	for _, c := range l.callers {
		all += c.n
	}
	sorted := slices.Clone(l.callers)
	slices.SortFunc(sorted, func(a, b callerCount) int {
		return cmp.Or(cmp.Compare(b.n, a.n), cmp.Compare(a.name, b.name))
	})
	var names []string
	for _, c := range sorted {
		if c.n < 0.2*all || len(names) == maxCallers {
			break
		}
		names = append(names, c.name)
	}
	return names
}
