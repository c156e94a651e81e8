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

const (
	leavingHalfLife = 120_000
	leavingKept     = 50 // requests that a half-life takes at least
	usualHalfLife   = 30 * 60_000
	usualAfter      = 12  // slices: so long nothing is taken for usual
	leastUsual      = 100 // requests without which nothing is usual
	leastConfirmed  = 5
	leastUnknown    = 10
	leastLeaving    = 0.01
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
	short := math.Exp2(-min(elapsed/leavingHalfLife, fresh.lines/leavingKept))
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
			Kind: kind.CallerCancels, Service: s.name, Start: l.from, Detected: now, evidence: l.evidence,
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
		l.evidence.leavers = l.names()
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
