package correlate

import (
	"cmp"
	"math"
	"slices"

	"github.com/slowpod/slowpod/classify"
	"github.com/slowpod/slowpod/correlate/kind"
)

// leavers counts, for one service, requests that the caller's application gave
// up.
type leavers struct {
	at                 int64   // end of the last slice
	fresh, short, long leaving // since then; of the last minutes; as usual
	callers            []callerCount
	sums               [3]float64 // evidence that more leave than usual, by how many more
	risen              int64      // since when there is some; 0: there is none
	since              leaving    // since then: not yet what is usual
	from               int64      // when the first of these was sent; 0: there is none
	peak               float64    // highest share of a finding
	calm               int        // slices in a row far below it
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

const (
	leavingHalfLife = 120_000
	leavingKept     = 50 // requests that a half-life takes at least
	usualHalfLife   = 30 * 60_000
	leastUsual      = 100 // requests without which nothing is usual
	// usualLeft of usualLines is what is taken to have been before: no past
	// without a single one says that there never is one.
	usualLeft, usualLines = 0.5, 20
	// leastLeaving is a share of the service's requests: of fifteen callers
	// one that leaves a tenth of its calls leaves more.
	leastLeaving  = 0.005
	leavingFactor = 4
	// unknownLeft is what a request counts for that nobody but the pod tells
	// of: its caller's proxy may have timed it out, unheard.
	unknownLeft = 0.5
	leavingCalm = 6 // slices in a row
	maxLeavers  = 32
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
		l.began(server.Start)
	}
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
	short := math.Exp2(-min(elapsed/leavingHalfLife, fresh.lines/leavingKept))
	l.short.scale(short)
	for i := range l.callers {
		l.callers[i].n *= short
	}
	l.short.plus(fresh)
	l.since.plus(fresh)
	if l.finding == nil {
		l.long.scale(math.Exp2(-elapsed / usualHalfLife))
	}
	usual, share := l.usual(), l.short.share()
	slow := s.slow()
	if slow || l.long.lines < leastUsual {
		l.sums = [len(l.sums)]float64{}
	} else {
		l.weigh(fresh, usual)
	}
	switch {
	case l.finding == nil && slices.Max(l.sums[:]) >= bar && share > leavingFactor*usual:
		l.evidence = newEvidence(now-sliceLen, nil)
		l.evidence.lastBad = now
		l.finding = &Finding{
			Kind: kind.CallerCancels, Service: s.name, Start: l.from, Detected: now, evidence: l.evidence,
			heard: func() int64 { return l.at }, drop: func(int64) { l.reset() },
		}
		l.evidence.leave(l.since)
		l.worst, l.peak = CallerCancels, share
		c.publish(l.finding)
	case l.finding != nil && share > max(leastLeaving/2, l.peak/3):
		l.calm, l.peak = 0, max(l.peak, share)
		if fresh.weight(usual, moreThan(usual)) > 0 {
			l.evidence.lastBad = now
		}
	case l.finding != nil:
		if l.calm++; l.calm >= leavingCalm {
			c.close(l.finding, l.evidence.lastBad)
			l.reset()
		}
	default:
		l.settle(slow, now)
	}
	if l.finding != nil {
		if l.finding.Detected != now {
			l.evidence.leave(fresh)
		}
		l.evidence.leavers = l.names()
		l.evidence.bad = l.evidence.tally
	}
}

// usual is the share of requests that callers usually give up, at least what
// nobody minds.
func (l *leavers) usual() float64 {
	return max((l.long.confirmed+l.long.unknown+usualLeft)/(l.long.lines+usualLines), leastLeaving/leavingFactor)
}

// weigh enters a slice into the evidence that more leave than usual, for each of
// several larger shares, bounded and summed as the judge of pods does. So no
// burst decides, however large, and what trickles adds up.
func (l *leavers) weigh(o leaving, usual float64) {
	more := usual
	for k := range l.sums {
		more = moreThan(more)
		l.sums[k] = summed(l.sums[k], o.weight(usual, more), maxSlice)
	}
}

func moreThan(share float64) float64 { return min(share*leavingFactor, (1+share)/2) }

// weight is what the requests say for a larger share than usual: a binomial
// log-likelihood ratio.
func (l *leaving) weight(usual, more float64) float64 {
	left := l.confirmed + unknownLeft*l.unknown
	stayed := max(l.lines-left, 0)
	return left*math.Log(more/usual) + stayed*math.Log((1-more)/(1-usual))
}

// settle takes for usual what has come, once nothing speaks against it, or what
// does has not sufficed for so long. What comes from a slow service is never
// what is usual.
func (l *leavers) settle(slow bool, now int64) {
	switch {
	case slices.Max(l.sums[:]) == 0:
	case l.risen == 0:
		l.risen = now
		return
	case now-l.risen < longHabit:
		return
	}
	if !slow {
		l.long.plus(l.since)
	}
	l.sums = [len(l.sums)]float64{}
	l.risen, l.from, l.since = 0, 0, leaving{}
}

// leave adds to what the finding tells.
func (e *evidence) leave(o leaving) {
	e.disconnects += uint64(o.confirmed + o.unknown)
	e.left += uint64(o.confirmed)
	e.serverRequests += uint64(o.lines)
}

// reset forgets all but what is usual.
func (l *leavers) reset() {
	l.finding, l.evidence, l.calm, l.risen, l.from = nil, nil, 0, 0, 0
	l.sums = [len(l.sums)]float64{}
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
