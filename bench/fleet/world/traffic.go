package world

import (
	"cmp"
	"math"
	"slices"
)

// change is something that was planned for a pod.
type change struct {
	at     int64
	what   happening
	pod    *pod
	length int64 // of standing still
}

type happening uint8

const (
	joins happening = iota
	leaves
	dies
	stands
)

// prepare makes the service ready to run.
func (s *service) prepare() {
	slices.SortStableFunc(s.plan, func(a, b change) int { return cmp.Compare(a.at, b.at) })
	for _, p := range s.pods {
		if p.born == s.fleet.begin {
			s.live = append(s.live, p)
		}
	}
	s.hashKeys()
	for _, c := range s.callers {
		c.open = make([]int32, len(s.pods))
	}
}

// run simulates the time from from to to, both microseconds. Calls come in
// independently of each other (Poisson) at a rate that is constant in it: what
// a longer gap would be is drawn again by the next run.
func (s *service) run(from, to int64) {
	gap := float64(second) / s.traffic(from)
	next := from + int64(s.rng.ExpFloat64()*gap)
	for {
		if next >= s.fleet.end {
			next = never
		}
		event, planned := never, never
		if len(s.events) > 0 {
			event = s.events[0].at
		}
		if s.next < len(s.plan) {
			planned = s.plan[s.next].at
		}
		switch {
		case min(planned, event, next) >= to:
			return
		case planned <= min(event, next):
			s.change(s.plan[s.next])
			s.next++
		case event <= next:
			s.happen(s.events.pop())
		default:
			s.begin(next)
			next += int64(s.rng.ExpFloat64() * gap)
		}
	}
}

// traffic is the calls per second: the service's own rate on a day curve of
// 25 % up and down, and its surges.
func (s *service) traffic(now int64) float64 {
	const day = 24 * 60 * minute
	rate := s.rate * (1 + 0.25*math.Sin(2*math.Pi*float64(now%day)/float64(day)))
	for i := range s.spells {
		if p := &s.spells[i]; p.kind == Surge && p.on(now) {
			rate *= p.size
		}
	}
	return rate
}

// happen is what an event brings, if it is not void.
func (s *service) happen(e event) {
	if e.what == done {
		s.workDone(e, e.at)
		return
	}
	c := &s.calls[e.call]
	if c.serial != e.serial {
		return
	}
	switch e.what {
	case arrives:
		s.arrive(e.call, c)
	case refused:
		s.refuse(e.call, c, e.at)
	case replied:
		s.reply(e.call, c, e.at)
	case limit:
		s.giveUp(e.call, c, e.at)
	case retry:
		s.send(e.call, c, e.at)
	}
}

func (s *service) change(c change) {
	switch c.what {
	case joins:
		s.join(c.pod)
	case leaves:
		s.leave(c.pod)
	case stands:
		c.pod.stand(c.at, c.length)
	case dies:
		c.pod.dead = true
		for id := range s.calls {
			k := &s.calls[id]
			if s.pods[k.pod] == c.pod && (k.stage == queued || k.stage == working) {
				s.cut(uint32(id), k, c.at)
			}
		}
	}
}

// quiet says that nothing is under way.
func (s *service) quiet() bool { return len(s.free) == len(s.calls) }
