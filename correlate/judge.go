package correlate

import (
	"math"
	"slices"
)

// State is what slowpod holds a pod or a service to be.
type State uint8

// The states that this judge can tell, worst last.
const (
	Healthy State = iota
	Network
	SlowPodUnverified
	SlowPod

	// States is the number of states.
	States = int(SlowPod) + 1
)

var stateNames = [States]string{"healthy", "network", "slow_pod_unverified", "slow_pod"}

// String returns the state's name, a metric label and a kind of finding.
func (s State) String() string { return stateNames[s] }

// The judge compares the share of requests that timed out or were cut with
// that of the siblings in the same seconds. Evidence is a log-likelihood ratio
// per slice, bounded, and summed: the bound is what makes one pause, however
// many requests it hits, fall short of the bar.
const (
	bar        = 10.0 // evidence that decides
	maxSum     = 2 * bar
	maxGain    = 3.4 // per slice: three bad slices in a row decide
	maxLoss    = 2.5
	leaveBar   = 7.0 // of the opposite evidence
	someShare  = 0.4 // of the bar: not yet a finding, no longer nothing
	persist    = 3   // slices that must be bad out of the last five with data
	minCut     = 4   // requests that timed out or were cut
	minShare   = 0.06
	deadFactor = 2.0 // times the siblings' share is nothing to speak of
	minDead    = 0.03
	maxDead    = 0.9
	// suspectWeight is what a suspect counts for among the siblings.
	suspectWeight = 0.05
	minSibling    = 5.0 // requests of siblings without which nothing is said
	// netSlices is how many slices the callers alone must say so before the
	// way to a pod is blamed.
	netSlices = 3
	// Half-lives in milliseconds.
	windowHalfLife = 60_000
	reportHalfLife = 120_000
	// reportShare is the share of the client's requests that the server side
	// must show to count as reporting.
	reportShare = 0.3
)

// alternatives are the shares that a slow pod is tested for.
func alternatives(dead float64) [3]float64 {
	return [3]float64{
		min(max(3*dead, dead+minShare), 0.95),
		min(max(6*dead, 0.25), 0.96),
		max(0.7, min(dead+0.05, 0.97)),
	}
}

// sums is one side's evidence against a pod.
type sums struct {
	up   [3]float64 // per alternative
	down float64    // the mirror: evidence for its health, since a finding
	lead int        // the alternative that raised the finding
	dead float64    // share of the last slice below which it is like its siblings
	bad  uint8      // bit per slice with data, newest lowest
	n    float64    // requests, decayed
	cut  float64    // of these timed out or cut, decayed
}

func (s *sums) evidence() float64 { return max(s.up[0], s.up[1], s.up[2]) }

// watch begins to collect evidence for the pod's health, against the
// alternative that fits best what the evidence holds.
func (s *sums) watch(cut, n uint64) {
	s.down, s.lead = 0, 0
	if s.dead == 0 {
		return
	}
	best := math.Inf(-1)
	for i, p := range alternatives(s.dead) {
		if l := logRatio(float64(cut), float64(n), p, s.dead); l > best {
			best, s.lead = l, i
		}
	}
}

// logRatio is how much better a share p explains cut of n requests than dead.
func logRatio(cut, n, p, dead float64) float64 {
	return cut*math.Log(p/dead) + (n-cut)*math.Log((1-p)/(1-dead))
}

// add enters a slice: cut of n requests, while dead is the share that would
// be nothing to speak of.
func (s *sums) add(cut, n, dead float64) {
	s.dead = dead
	best := math.Inf(-1)
	for i, p := range alternatives(dead) {
		l := logRatio(cut, n, p, dead)
		best = max(best, l)
		l = min(max(l, -maxLoss), maxGain)
		s.up[i] = min(max(s.up[i]+l, 0), maxSum)
		if i == s.lead {
			s.down = max(s.down-l, 0)
		}
	}
	s.bad <<= 1
	if best > 0 {
		s.bad |= 1
	}
}

func (s *sums) persistent() bool {
	n := 0
	for b := s.bad & 0x1f; b != 0; b &= b - 1 {
		n++
	}
	return n >= persist
}

func (s *sums) fires() bool { return s.evidence() >= bar && s.persistent() }

// judge is what is held of one pod.
type judge struct {
	state, worst             State
	client, server           sums
	reportClient, reportServ float64 // decayed counts of requests
	netCount                 int
	weight                   float64 // in the siblings' reference of this slice
	evidence                 *evidence
	finding                  *Finding
}

// suspect says that there is half the evidence of a finding against the pod, or
// a finding.
func (j *judge) suspect() bool {
	return j.finding != nil || max(j.client.evidence(), j.server.evidence()) > bar/2
}

// reporting says whether the pod's own proxy writes about as much as its
// callers say it should.
func (j *judge) reporting() bool {
	return j.reportServ >= reportShare*j.reportClient && j.reportServ > 0
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
	}
	// Names decide the order, not who came first: findings are numbered and
	// listed the same way however the lines were batched.
	slices.SortFunc(groups, func(a, b *group) int {
		if a.key < b.key {
			return -1
		}
		return 1
	})
	for _, g := range groups {
		c.judgeGroup(g, place, now)
		g.touched = false
	}
	c.groups = groups
	for _, p := range pods {
		c.window.release(p, place)
	}
	c.window.shift(place)
	c.endSilent(now)
}

// shares is the requests and cut requests of some pods.
type shares struct{ client, clientCut, server, serverCut float64 }

func (s *shares) plus(o shares, sign float64) {
	s.client += sign * o.client
	s.clientCut += sign * o.clientCut
	s.server += sign * o.server
	s.serverCut += sign * o.serverCut
}

// sharesOf is what a pod has in its decayed window and in this slice.
func (p *pod) sharesOf(place int) shares {
	j := &p.judge
	s := shares{j.client.n, j.client.cut, j.server.n, j.server.cut}
	if c := p.cells[place]; c != nil {
		s.plus(c.shares(), 1)
	}
	return s
}

// shares counts what the judge compares: cuts that the caller's application
// made are not the pod's.
func (c *cell) shares() shares {
	return shares{
		client: float64(c.client.n), clientCut: float64(c.client.cut), server: float64(c.server.n),
		serverCut: max(float64(c.server.cut)-float64(c.callerLeft), 0),
	}
}

func (c *Correlator) judgeGroup(g *group, place int, now int64) {
	decay := math.Exp2(-float64(now-g.judged) / windowHalfLife)
	reportDecay := math.Exp2(-float64(now-g.judged) / reportHalfLife)
	g.judged = now
	var sum siblingSum
	suspects, known := 0, 0
	for _, p := range g.pods {
		j := &p.judge
		for _, s := range [...]*sums{&j.client, &j.server} {
			s.n *= decay
			s.cut *= decay
		}
		j.reportClient *= reportDecay
		j.reportServ *= reportDecay
		cell := p.cells[place]
		if cell != nil {
			j.reportClient += float64(cell.client.n)
			j.reportServ += float64(cell.server.n)
			sum.add(cell)
		}
		if cell != nil || j.client.n+j.server.n > 1 {
			known++
			if j.suspect() {
				suspects++
			}
		}
	}
	// Slow siblings do not excuse a pod, as long as they are the fewer.
	var reference, slice shares
	for _, p := range g.pods {
		p.judge.weight = 1
		if p.judge.suspect() && 2*suspects <= known {
			p.judge.weight = suspectWeight
		}
		reference.plus(p.sharesOf(place), p.judge.weight)
		if cell := p.cells[place]; cell != nil {
			slice.plus(cell.shares(), p.judge.weight)
		}
	}
	for _, p := range g.pods {
		if cell := p.cells[place]; cell != nil {
			c.judgePod(p, cell, place, reference, slice, &sum, now)
		}
	}
	for _, p := range g.pods {
		if cell := p.cells[place]; cell != nil {
			s := cell.shares()
			j := &p.judge
			j.client.n += s.client
			j.client.cut += s.clientCut
			j.server.n += s.server
			j.server.cut += s.serverCut
		}
	}
}

// deadShare is the share of cut requests below which a pod is like its
// siblings. At maxDead they fare so badly that nothing can be said of one.
func deadShare(siblingsCut, siblings float64) float64 {
	return min(max(deadFactor*(siblingsCut+0.5)/(siblings+20), minDead), maxDead)
}

// enter enters a side's slice of a pod. The siblings' last minute counts, but
// where they fare worse right now, only that does: what comes over all of them
// at once is no pod's fault.
func (s *sums) enter(own, ownCut, siblings, siblingsCut, now, nowCut float64, open bool) {
	switch {
	case own == 0:
		return
	case siblings < minSibling:
		if open { // alone now: it can still get well
			s.add(ownCut, own, minDead)
		}
		return
	}
	if dead := max(deadShare(siblingsCut, siblings), deadShare(nowCut, now)); dead < maxDead {
		s.add(ownCut, own, dead)
	}
}

func (c *Correlator) judgePod(p *pod, cell *cell, place int, siblings, slice shares, sum *siblingSum, now int64) {
	j := &p.judge
	own := cell.shares()
	siblings.plus(p.sharesOf(place), -j.weight)
	slice.plus(own, -j.weight)
	j.client.enter(own.client, own.clientCut, siblings.client, siblings.clientCut, slice.client, slice.clientCut, j.finding != nil)
	j.server.enter(own.server, own.serverCut, siblings.server, siblings.serverCut, slice.server, slice.serverCut, j.finding != nil)
	if j.finding == nil && j.client.evidence() == 0 && j.server.evidence() == 0 {
		j.evidence, j.netCount = nil, 0
		return
	}
	if j.evidence == nil {
		j.evidence = newEvidence(now-sliceLen, cell)
	}
	j.evidence.add(cell, sum, now)
	c.decide(p, now)
}

// verdictOn says what the evidence amounts to; Healthy where it is not enough.
func (j *judge) verdictOn() State {
	e := j.evidence
	switch {
	case j.server.fires() && e.serious(e.disconnects, e.serverRequests):
		if e.held > e.confirmed {
			return Network // stuck in the pod's proxy, before the app
		}
		return SlowPod
	case !j.client.fires() || !e.serious(e.timeouts, e.requests):
		return Healthy
	case !j.reporting():
		return SlowPodUnverified
	case j.server.evidence() < someShare*bar:
		if j.netCount++; j.netCount >= netSlices {
			return Network
		}
	}
	return Healthy
}

// decide opens, raises or ends the pod's finding.
func (c *Correlator) decide(p *pod, now int64) {
	j := &p.judge
	kind := j.verdictOn()
	switch {
	case j.finding == nil && kind != Healthy:
		c.open(p, kind, now)
	case j.finding != nil && kind == SlowPod && j.state != SlowPod:
		// The other side has begun to report: it is the same trouble,
		// known better.
		c.end(p, now)
		c.open(p, kind, now)
	case j.finding != nil && j.recovered():
		c.end(p, j.evidence.lastBad)
		*j = judge{worst: j.worst, reportClient: j.reportClient, reportServ: j.reportServ,
			client: sums{n: j.client.n, cut: j.client.cut}, server: sums{n: j.server.n, cut: j.server.cut}}
	}
}

// recovered says that every side that has something to say speaks for the
// pod's health.
func (j *judge) recovered() bool {
	// A side that has fallen silent has nothing to say.
	client, server := j.client.evidence() == 0 || j.client.n < 1, j.server.evidence() == 0 || j.server.n < 1
	return (client || j.client.down >= leaveBar) && (server || j.server.down >= leaveBar)
}
