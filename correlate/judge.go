package correlate

import (
	"math/bits"
	"slices"

	"github.com/slowpod/slowpod/correlate/durations"
	"github.com/slowpod/slowpod/correlate/kind"
)

// State is what slowpod holds a pod or a service to be.
type State uint8

// The states of a pod, worst last, then those of a service, worst last.
const (
	Healthy State = iota
	Starting
	Network
	SlowPodUnverified
	SlowPod
	CallerCancels
	SlowService

	// States is the number of states.
	States = int(SlowService) + 1
)

var stateNames = [States]string{
	"healthy", "starting", "network", "slow_pod_unverified", "slow_pod", "caller_cancels", "slow_service",
}

// String returns the state's name, a metric label.
func (s State) String() string { return stateNames[s] }

// finding is the kind of finding that a pod in the state gets; it must not be
// Healthy or Starting.
func (s State) finding() kind.Kind {
	switch s {
	case SlowPod:
		return kind.SlowPod
	case SlowPodUnverified:
		return kind.SlowPodUnverified
	}
	return kind.Network
}

// The judge compares how long a pod's requests take with what its siblings'
// take in the same seconds, beyond a dead zone, and with its own past. What
// that says is a log-likelihood ratio per slice, bounded, and summed: the bound
// is what makes one pause, however many requests it hits, fall short of the
// bar.
const (
	bar        = 10.0 // evidence that decides
	maxSum     = 2 * bar
	maxSlice   = 2.5 // of a slice
	maxFailing = 3.4 // of a slice of a pod whose calls fail: three slices decide
	leaveBar   = 7.0 // of the opposite evidence

	deadZone     = 1.6 // quarter octaves: x1.32
	mostDeadZone = 12
	unevenZone   = 2 // more, see Config.Uneven
	// Habitual spread between siblings, in octaves, widens the dead zone.
	usualSpread = 0.12
	priorSpread = 0.1
	spreadZone  = 4.8 // quarter octaves per octave of spread

	learnBelow   = bar / 4 // evidence up to which a pod is taken to be as always
	suspectAbove = bar / 2
	quietBelow   = bar / 3
	someShare    = 0.4 // of the bar: not yet a finding, no longer nothing
	quietSlices  = 9

	persistSlices = 3 // of the last five with data
	leastRequests = 6
	effect        = 0.585 // octaves: x1.5
	tailEffect    = 0.06
	// What is below these is nothing to see.
	fadeEffect, fadeTail = 0.3, 0.03
	fadeRequests         = 8
	fadeAfter            = 300_000
	fade                 = 0.85

	// The reference.
	enoughSiblings = 60 // requests in the same seconds; fewer are filled up
	fewSiblings    = 5
	movingSiblings = 8
	goOn           = 2  // requests by which siblings show that they are there
	fromPast       = 30 // requests of the service's past, at most
	whale          = 4  // times the median count is all a sibling counts for
	whaleAtLeast   = 40
	suspectWeight  = 0.05
	mostSuspects   = 0.4 // share of suspects from which on they are the rule

	// The own past.
	longHabit  = 30 * 60_000
	leastPast  = 100
	mostPast   = 400 // requests it weighs
	keptPast   = 3000
	learnsFrom = 600_000 // age of a new pod

	mostUsual = 4 // quarter octaves: x2

	// The own offset, in octaves.
	mostOffset  = 0.75
	slowOffset  = 50
	keptOffset  = 3000
	leastOffset = 5

	// Start-up.
	newAfter    = 60_000 // of its service
	newRequests = 10     // of each pod of the service until then
	grace       = 120_000
	careful     = 300_000
	youngWeight = 0.05
	carefulBar  = 1.5
	graceSome   = 2.0

	// An address that falls silent for so long, while so many requests were
	// to be expected, may be another pod's when it is back.
	rebornAfter    = 3 // slices
	rebornRequests = 8
	rateWeight     = 0.2

	// Failing calls.
	failingBar    = 4.0
	failingLeast  = 4.0
	failingStill  = 3.5
	failingKept   = 40 // requests that a half-life takes at least
	failingDouble = 2.0

	// netSlices is how many slices the callers alone must say so before the
	// way to a pod is blamed.
	netSlices   = 3
	netTimeouts = 4
	netLost     = 0.6  // share of timeouts that the pod does not know
	netShare    = 0.01 // of the callers' requests

	// Half-lives in milliseconds.
	windowHalfLife = 60_000
	reportHalfLife = 120_000
	windowKept     = 20 // requests that a half-life of the window takes at least
	// reportShare is the share of the client's requests that the server side
	// must show to count as reporting; reportLeast is requests.
	reportShare = 0.3
	reportLeast = 2
)

// Rule is a rule of the judge. Benchmarks switch them off to show what each is
// worth.
type Rule uint

// The rules that can be left out.
const (
	RuleDeadZone   Rule = 1 << iota // the dead zone and the least effect
	RuleSliceBound                  // the bound of a slice's evidence, and how many must speak
	RuleGrace                       // the grace of new pods
	RuleOwnPast                     // the own past is old, of calm times, and excuses no failing calls
	RuleNewOfPeers                  // a new pod is new to its service, not to the stream
)

// sums is what is held of one side's word on a pod.
type sums struct {
	// Durations: the last minute, this slice and what is left of the ones
	// before, and as far back as it goes.
	window, near, past durations.Hist
	// siblings, same and own are evidence by alternative: against the
	// siblings beyond the dead zone, against them as they are, and against
	// the pod's own past.
	siblings, same, own [durations.Alternatives]float32
	well                float64                       // evidence for the pod's health, since a finding
	lead                int                           // the alternative that raised the finding
	offset, offsetN     float64                       // habitual difference to the siblings, octaves
	usual               float64                       // as much slower it has been for a long habit, quarter octaves
	recent              uint8                         // bit per slice with data, newest lowest: evidence rose
	since               float64                       // requests since evidence was last 0
	from                [durations.Alternatives]int64 // start of the slice in which each left 0
	top                 float64                       // highest evidence for a while, and when
	topAt               int64
	quiet               int     // slices in a row with next to no evidence
	n, cut              float64 // requests, and those that timed out or were cut, decayed
	failing             bool
	pastCounts          bool // its own past has a say
	rose                bool // with the last slice, in its lead
	effective           bool // by the last slice, the difference is worth speaking of
	p50, p90, tail      float64
	trend               [durations.Alternatives]float32 // unbounded per slice, since the first
	trendN              float64
	trendFrom           int64
	waiting             []waiting // durations whose class has no median yet
}

// waiting is durations that wait for the median of their class.
type waiting struct {
	durations.Count
	since int64
}

// How many may wait for one pod and side, and how long.
const (
	maxWaiting = 1000
	waitFor    = 6 * sliceLen
)

// evidence is how much speaks for the pod being slow, and in which way.
func (s *sums) evidence() (most float64, lead int) {
	var highest float32
	for k := range s.siblings {
		e := s.siblings[k]
		if k >= durations.Alternatives-2 { // only some requests: see Weight.Same
			e = min(e, s.same[k])
		}
		if s.pastCounts {
			e = min(e, s.own[k])
		}
		if e > highest {
			highest, lead = e, k
		}
	}
	return float64(highest), lead
}

func (s *sums) scale(f float32) {
	for k := range s.siblings {
		s.siblings[k] *= f
		s.same[k] *= f
		s.own[k] *= f
	}
}

// clear forgets all evidence.
func (s *sums) clear() {
	s.scale(0)
	s.since, s.recent, s.well, s.quiet, s.top = 0, 0, 0, 0, 0
	s.from = [durations.Alternatives]int64{}
	s.effective = false
}

// summed enters what a slice says, which is bounded, into a sum.
func summed(sum, slice, most float64) float64 {
	return min(max(sum+min(max(slice, -maxSlice), most), 0), maxSum)
}

func (s *sums) persistent() bool { return bits.OnesCount8(s.recent&0x1f) >= persistSlices }

// judge is what is held of one pod.
type judge struct {
	state, worst  State
	sides         *[2]sums // SideClient, SideServer; nil while it is not live
	report        [2]float64
	ut, utLost    float64 // timeouts whose call is known, and those the pod knows nothing of; decayed
	refused       float64 // decayed
	born          int64   // first record, held to the slice it was seen in; 0: not yet
	isNew         bool    // came to a service that was being watched
	graced        bool    // what it did in its grace has been thrown away
	seen          int64   // end of the last slice with data, by the stream's time
	missed        int     // slices with data of its siblings and none of it, in a row
	live          bool    // in its group's list
	judged        int64   // end of the last slice with data
	rate          float64 // requests in a slice, smoothed
	netCount      int
	alone         bool // the finding rests on its own past: it has no siblings
	evidence      *evidence
	finding       *Finding
	settled, lost int // of this slice: calls whose timeout is settled, and lost ones
}

// level is the evidence of a side.
func (j *judge) level(side int) float64 {
	e, _ := j.sides[side].evidence()
	return e
}

// suspect says that there is half the evidence of a finding against the pod, or
// a finding.
func (j *judge) suspect() bool {
	return j.finding != nil || max(j.level(SideClient), j.level(SideServer)) > suspectAbove
}

// reporting says whether the pod's own proxy writes about as much as its
// callers say it should.
func (j *judge) reporting() bool {
	return j.report[SideServer] >= reportShare*j.report[SideClient] && j.report[SideServer] > reportLeast
}

func (j *judge) age(now int64) int64 { return now - j.born }

// young says that the pod is new and younger than a limit.
func (c *Correlator) young(j *judge, now, limit int64) bool {
	return j.isNew && j.age(now) < limit && c.without&RuleGrace == 0
}

// enters says whether a side's evidence is enough for a finding.
func (c *Correlator) enters(j *judge, side int, bar float64) bool {
	s := &j.sides[side]
	persistent := s.persistent() || c.without&RuleSliceBound != 0
	return j.level(side) >= bar && persistent && s.since >= leastRequests && s.effective
}

// verdict says what the evidence amounts to; Healthy where it is not enough.
// While the service as a whole is slow, or has just been, nothing new is said of
// a pod.
func (c *Correlator) verdict(p *pod, now int64) State {
	j, gj := &p.judge, &p.group.judge
	guarded := gj.slow || now < gj.guard
	if c.young(j, now, grace) {
		if j.level(SideClient) > graceSome || j.level(SideServer) > graceSome || j.refused > 0.5 {
			return Starting
		}
		return Healthy
	}
	enough := bar
	if c.young(j, now, careful) {
		enough *= carefulBar
	}
	if c.enters(j, SideServer, enough) && (!guarded || j.state == SlowPod) {
		if e := j.evidence; e != nil && e.held > e.confirmed && e.held >= netTimeouts {
			return Network // stuck in the pod's proxy, before the app
		}
		return SlowPod
	}
	if guarded {
		enough = carefulBar * bar
	}
	callers := c.enters(j, SideClient, enough) && !gj.callersMove
	if callers && !j.reporting() {
		return SlowPodUnverified
	}
	lost := j.utLost >= netTimeouts && j.utLost > netLost*j.ut && j.ut > netShare*j.report[SideClient]
	if (callers || lost) && j.reporting() && j.level(SideServer) < someShare*bar {
		j.netCount = min(j.netCount+1, 2*netSlices)
	} else {
		j.netCount = max(j.netCount-1, 0)
	}
	if j.netCount >= netSlices {
		return Network
	}
	return Healthy
}

// decide opens, raises or ends the pod's finding after a slice.
func (c *Correlator) decide(p *pod, now int64) {
	j := &p.judge
	state := c.verdict(p, now)
	switch {
	case c.young(j, now, grace):
		j.state, j.worst = state, max(j.worst, state)
	case j.finding == nil:
		j.state = Healthy
		if state != Healthy {
			c.open(p, state, now, now)
		}
	case j.alone: // decideService ends it
	case state == SlowPod && j.finding.Kind != kind.SlowPod:
		// Its own records say so now: it is the same trouble, known better.
		c.supersede(p, state, now)
	case j.recovered():
		c.end(p, j.evidence.lastBad)
		j.clear()
	}
}

// endGrace throws away what spoke against a new pod while it started.
func (c *Correlator) endGrace(p *pod, now int64) {
	j := &p.judge
	if !j.isNew || j.graced || c.young(j, now, grace) {
		return
	}
	j.graced = true
	if j.state == Starting {
		j.state = Healthy
	}
	if j.finding == nil && c.without&RuleGrace == 0 {
		j.clear()
	}
}

func (j *judge) clear() {
	if j.sides != nil {
		for side := range j.sides {
			j.sides[side].clear()
		}
	}
	j.netCount, j.ut, j.utLost = 0, 0, 0
	j.evidence, j.alone = nil, false
}

// recovered says that the pod answers as its siblings do again, by the side
// that said otherwise; where that has fallen silent, by the other.
func (j *judge) recovered() bool {
	side := SideServer
	if j.finding.Kind != kind.SlowPod || !j.reporting() && j.sides[SideClient].window.N() > 0 {
		side = SideClient
	}
	s := &j.sides[side]
	well := s.well >= leaveBar || s.quiet >= quietSlices
	if j.finding.Kind == kind.Network {
		// The timeouts that nobody answered fade slowly: where they were many,
		// callers that are well for so long say it sooner.
		gone := j.netCount == 0 || well && j.judged-j.evidence.lastBad >= quietSlices*sliceLen
		return gone && j.level(SideServer) < quietBelow
	}
	return well
}

// forecast is how many more requests, and milliseconds, it takes to be sure of
// a pod that evidence has begun to speak against; zeros where it has not.
func (j *judge) forecast() (requests, ms int64) {
	side := SideClient
	if j.level(SideServer) > j.level(SideClient) {
		side = SideServer
	}
	s, e := &j.sides[side], j.level(side)
	seen := j.judged - s.trendFrom
	if e < someShare*bar || e >= bar || s.trendN < foretellLeast || seen < foretellAfter || !s.effective {
		return 0, 0
	}
	most := maxSlice
	if s.failing {
		most = maxFailing
	}
	each := min(max(float64(slices.Max(s.trend[:]))/s.trendN, leastTrend), mostTrend)
	perSlice := s.trendN / (float64(seen) / sliceLen)
	missing := bar - e
	more := max(missing/each, perSlice*missing/most, leastRequests-s.trendN)
	return round(more), int64(sliceLen * max(missing/most, more/perSlice))
}

// When a forecast is worth telling, and between what a request may bring.
const (
	foretellLeast         = 3
	foretellAfter         = 15_000
	leastTrend, mostTrend = 0.1, 1.2
)

// round rounds up to 1, 2 or 5 times a power of ten.
func round(v float64) int64 {
	for unit := int64(1); ; unit *= 10 {
		for _, n := range [...]int64{unit, 2 * unit, 5 * unit} {
			if float64(n) >= v {
				return n
			}
		}
	}
}
