package correlate

import (
	"math"
	"slices"

	"github.com/slowpod/slowpod/correlate/durations"
)

// Evidence is the numbers of a finding, from its start on. Counts are of
// slices that have closed.
type Evidence struct {
	Requests, Timeouts          uint64 // the callers' word
	Confirmed, Held             uint64 // timeouts of which the pod's record says so too
	ServerRequests, Disconnects uint64 // the pod's word, without what callers cut themselves
	// Left are disconnects of which the caller's own record says that its
	// application left.
	Left               uint64
	Siblings           int // of a service: its pods
	SiblingRequests    uint64
	SiblingTimeouts    uint64
	SiblingDisconnects uint64
	// P50 and P90 compare with the siblings in the same slices.
	P50, P90 Ratio
	// Sides are the same by side; P50 and P90 are of the side that tells most.
	Sides [2]SideRatios
	// TimeoutMS is the timeout that the callers' requests ran into; 0 where
	// their durations do not agree.
	TimeoutMS int64
	// Callers are those whose requests timed out, the first few by name; of
	// callers that leave, those that most often do, most first.
	Callers []string
	// AllCallers is how many called it, at least, HitCallers of how many
	// requests timed out, up to a bound. MainCaller is the one of several that
	// has most of the timeouts; "" if none has.
	AllCallers, HitCallers int
	MainCaller             string
	Samples                []Sample
	// Course is how it went, slice by slice, evenly spaced or nearly so.
	Course []Point
	// UsualP90 is what the points were before, of all pods; 0: not known.
	UsualP90 float64
	// Beside is the subset of the same service that P50 and P90 compare with,
	// where HasBeside says that it is one: "" is the pods without a subset.
	Beside    string
	HasBeside bool
}

// Ratio compares a quantile of durations with the siblings'. Cut: it fell on a
// request that was cut, so the ratio is a lower bound.
type Ratio struct {
	Value float64 // 0: unknown
	Cut   bool
}

// SideRatios are the ratios by one side's records.
type SideRatios struct{ P50, P90 Ratio }

// evidence sums up slices while a pod is suspected.
type evidence struct {
	start, lastBad int64
	tally
	// bad is the tally as of the last bad slice: what a finding that has
	// ended rests on.
	bad     tally
	samples []Sample // calls that timed out or were cut
	slowest []Sample // calls that were answered, late
	course  []Point
	step    int64   // milliseconds that a point of it stands for
	usual   float64 // p90 of the service until then; 0: not known
	// beside is the subset that it is compared with, if it is with one.
	beside    string
	hasBeside bool
	leavers   []string // callers that leave, most first
}

// tally is the sums of some slices.
type tally struct {
	requests, timeouts          uint64
	confirmed, held             int64
	left                        uint64 // disconnects of which the caller's record says that it left
	serverRequests, disconnects uint64
	siblings                    int
	sibling                     cuts
	sides                       [2]versus
	ut                          waited
	callers                     callerSet
}

// versus is how long requests took: all, those that are lower bounds, and the
// siblings'.
type versus struct{ own, cut, others durations.Hist }

// cuts is requests and those that timed out or were cut, by side.
type cuts struct{ n, cut [2]uint64 }

// newEvidence begins in a slice that is bad; the first bad request's start is
// the onset, if the slice knows it.
func newEvidence(slice int64, c *cell) *evidence {
	e := &evidence{start: slice}
	if c != nil && c.firstBad > slice {
		e.start = c.firstBad
	}
	return e
}

// siblingSum is the sum of one slice over all pods of a group.
type siblingSum struct {
	cuts
	pods  int
	sides [2]durations.Hist
}

func (s *siblingSum) add(o *share) {
	s.pods++
	for side := range s.sides {
		n, cut := o.cell.cuts(side)
		s.n[side] += n
		s.cut[side] += cut
		s.sides[side].Add(&o.sides[side].slice, 1)
	}
}

// cuts counts a side's requests; cuts that the caller's application made are
// not the pod's.
func (c *cell) cuts(side int) (n, cut uint64) {
	v := &c.sides[side]
	n, cut = uint64(v.n), uint64(v.cut)
	if side == SideServer {
		cut -= min(cut, uint64(max(c.callerLeft, 0)))
	}
	return n, cut
}

// keepEvidence enters a slice into the pod's evidence, if there is any.
func (c *Correlator) keepEvidence(s *share, sum *siblingSum, now int64) {
	j := &s.pod.judge
	if j.alone { // what it is compared with is its service's past
		var own siblingSum
		own.add(s)
		own.pods = 0 // it has no siblings
		j.evidence.addService([]share{*s}, &own, now, s.pod.group.judge.rises())
		return
	}
	if j.finding == nil && j.level(SideClient) == 0 && j.level(SideServer) == 0 && j.utLost < netTimeouts/2 {
		j.evidence = nil
		return
	}
	if j.evidence == nil {
		j.evidence = newEvidence(now-sliceLen, s.cell)
	}
	j.evidence.add(s, sum, now)
}

// add enters a slice of the pod, and what the whole group did in it.
func (e *evidence) add(s *share, group *siblingSum, now int64) {
	c := s.cell
	e.tally.enter(c)
	for side := range e.sides {
		n, cut := c.cuts(side)
		e.sibling.n[side] += group.n[side] - n
		e.sibling.cut[side] += group.cut[side] - cut
		v := &e.sides[side]
		v.own.Add(&s.sides[side].slice, 1)
		v.cut.Add(&s.sides[side].cut, 1)
		v.others.Add(&group.sides[side], 1)
		v.others.Add(&s.sides[side].slice, -1)
	}
	e.siblings = max(e.siblings, group.pods-1)
	side := SideServer
	if s.sides[side].n == 0 {
		side = SideClient
	}
	others := group.sides[side]
	others.Add(&s.sides[side].slice, -1)
	if past := &s.pod.group.judge.past[side]; e.usual == 0 && len(e.course) == 0 && past.N() >= servicePast {
		e.usual = math.Exp2(past.Quantile(0.9))
	}
	e.follow(now-sliceLen, &s.sides[side].slice, &others)
	e.keepSlowest(c)
	if c.sides[SideClient].cut > 0 || s.pod.judge.rose() {
		e.lastBad, e.bad = now, e.tally
		e.bad.callers = e.callers.clone()
	}
}

// enter adds what a cell counts.
func (e *tally) enter(c *cell) {
	requests, timeouts := c.cuts(SideClient)
	served, disconnects := c.cuts(SideServer)
	e.requests += requests
	e.timeouts += timeouts
	e.serverRequests += served
	e.disconnects += disconnects
	e.confirmed += int64(c.confirmed)
	e.held += int64(c.held)
	e.ut.add(c.ut)
	e.callers.plus(&c.callers)
}

// rose says that the last slice spoke against the pod, in the way that most of
// the evidence does.
func (j *judge) rose() bool { return j.sides[SideClient].rose || j.sides[SideServer].rose }

// numbers is the evidence as others see it; of a finding that has ended, up to
// its last bad slice.
func (e *evidence) numbers(ended bool) Evidence {
	t := &e.tally
	if ended {
		t = &e.bad
	}
	v := t.numbers()
	v.Samples, v.Course, v.UsualP90 = slices.Clone(e.samples), slices.Clone(e.course), e.usual
	v.Beside, v.HasBeside = e.beside, e.hasBeside
	if e.leavers != nil {
		v.Callers = slices.Clone(e.leavers)
	}
	if len(v.Samples) == 0 {
		v.Samples = slices.Clone(e.slowest)
	}
	return v
}

func (e *tally) numbers() Evidence {
	v := Evidence{
		Requests: e.requests, Timeouts: e.timeouts, Left: e.left, Confirmed: uint64(max(e.confirmed, 0)), Held: uint64(max(e.held, 0)),
		ServerRequests: e.serverRequests, Disconnects: e.disconnects, Siblings: e.siblings,
		SiblingRequests: e.sibling.n[SideClient], SiblingTimeouts: e.sibling.cut[SideClient],
		SiblingDisconnects: e.sibling.cut[SideServer],
		TimeoutMS:          e.ut.value(), Callers: e.callers.names(),
	}
	v.AllCallers, v.MainCaller = e.callers.of()
	v.HitCallers = len(e.callers.lost)
	for side := range e.sides {
		v.Sides[side] = e.sides[side].ratios()
	}
	v.P50, v.P90 = v.Sides[SideClient].P50, v.Sides[SideClient].P90
	if v.P50.Value == 0 || e.timeouts == 0 && e.disconnects > 0 {
		v.P50, v.P90 = v.Sides[SideServer].P50, v.Sides[SideServer].P90
	}
	return v
}

func (v *versus) ratios() SideRatios {
	if v.own.N() < 0.5 || v.others.N() < 0.5 {
		return SideRatios{}
	}
	ratio := func(q float64) Ratio {
		at := v.own.Quantile(q)
		isCut := v.cut.Around(at) > 0
		if isCut { // a lower bound must not be too high
			at = durations.Floor(at)
		}
		return Ratio{Value: math.Exp2(at - v.others.Quantile(q)), Cut: isCut}
	}
	return SideRatios{P50: ratio(0.5), P90: ratio(0.9)}
}

// clone returns a copy that shares nothing.
func (e *evidence) clone() *evidence {
	c := *e
	c.callers, c.bad.callers = e.callers.clone(), e.bad.callers.clone()
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
	e.siblings = max(e.siblings, sum.pods)
	if isBad {
		e.lastBad, e.bad = now, e.tally
		e.bad.callers = e.callers.clone()
	}
}
