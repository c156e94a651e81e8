package world

import (
	"math"
	"math/rand/v2"
	"slices"
)

// planAll draws when and where everything happens, before anything does. A kind
// has random numbers of its own: with or without the others it comes alike,
// except that it keeps away from pods that have something already.
func (f *fleet) planAll() {
	hours := float64(f.end-f.warm) / float64(60*minute)
	for _, o := range occurrences() {
		// The 1e-9 is for factors that miss a whole number by a rounding.
		n := int(math.Ceil(o.perHour*f.cfg.Inject[o.kind]*hours*float64(f.cfg.Services)/200 - 1e-9))
		rng := newChance(f.cfg.Seed, string(o.kind), 0)
		for _, from := range f.times(rng, n) {
			f.plan(o.kind, rng, from)
		}
		if o.kind == Deploy {
			f.giveAddresses()
			f.planSlowFromStart()
		}
	}
}

// times draws when n episodes begin, in order: any time after the warm-up but in
// the last twentieth.
func (f *fleet) times(rng *rand.Rand, n int) []int64 {
	times := make([]int64, n)
	for i := range times {
		times[i] = f.warm + int64(between(rng, 0, 0.95)*float64(f.end-f.warm))
	}
	slices.Sort(times)
	return times
}

// plan draws one episode of a kind that begins at from. The end of the world
// ends it, if it lasts so long.
func (f *fleet) plan(kind Kind, rng *rand.Rand, from int64) {
	switch kind {
	case Deploy:
		f.planDeploy(rng, from)
	case SlowNode:
		f.planSlowNode(rng, from)
	case MildNoise, LogOutage:
		f.planNode(kind, rng, from)
	case SlowService, Surge:
		f.planService(kind, rng, from)
	case HangUps, SlowCaller:
		f.planCaller(kind, rng, from)
	case PacketLoss:
		if p := f.pickPod(rng, from); p != nil {
			s := spell{from: from, to: f.until(from, minutes(rng, 5, 25), p), kind: kind, share: between(rng, 0.15, 0.5)}
			f.afflict(p, s)
		}
	case Pause:
		if p := f.pickAny(rng, from); p != nil {
			s := spell{from: from, to: from + int64(logUniform(rng, 0.4, 3)*float64(second)), kind: kind}
			f.afflict(p, s)
		}
	default:
		if p := f.pickPod(rng, from); p != nil {
			f.planSlowPod(kind, rng, p, from, f.until(from, minutes(rng, 4, 30), p))
		}
	}
}

// minutes draws a length of low to high minutes.
func minutes(rng *rand.Rand, low, high float64) int64 {
	return int64(logUniform(rng, low, high) * float64(minute))
}

// until is the end of what begins at from on a pod.
func (f *fleet) until(from, length int64, p *pod) int64 {
	return min(from+length, f.end, p.leaves)
}

// pickAny draws a pod of those that live, nil if none does.
func (f *fleet) pickAny(rng *rand.Rand, now int64) *pod {
	for range 1000 {
		if p := f.pods[rng.IntN(len(f.pods))]; p.lives(now) {
			return p
		}
	}
	return nil
}

// pickPod draws a pod that lives a minute longer and has nothing of its own half
// an hour around.
func (f *fleet) pickPod(rng *rand.Rand, from int64) *pod {
	const around = 30 * minute
	for range 1000 {
		p := f.pickAny(rng, from)
		if p == nil {
			return nil
		}
		free := p.leaves > from+minute
		for i := range p.spells {
			s := &p.spells[i]
			own := s.kind != Pause && s.kind != MildNoise && s.kind != LogOutage
			free = free && (!own || s.to < from || s.from > from+around)
		}
		if free {
			return p
		}
	}
	return nil
}

// newEpisode is the truth about a spell.
func (f *fleet) newEpisode(s *spell) *Episode {
	e := &Episode{Kind: s.kind, Start: s.from / millisecond, End: s.to / millisecond, Share: s.share}
	s.episode = e
	f.episodes = append(f.episodes, e)
	return e
}

// afflict gives a pod a spell that is an episode.
func (f *fleet) afflict(p *pod, s spell) *Episode {
	e := f.newEpisode(&s)
	e.Service, e.Pod, e.Host, e.PodID = p.service.fqdn, string(p.name), string(p.host), string(p.id)
	e.Node, e.Factor = string(p.node.name), s.size
	p.spells = append(p.spells, s)
	if s.kind == Hang || s.kind == Pause {
		p.service.plan = append(p.service.plan, change{at: s.from, what: stands, pod: p, length: s.to - s.from})
	}
	return e
}

// planSlowPod makes a pod slow in the way of the kind.
func (f *fleet) planSlowPod(kind Kind, rng *rand.Rand, p *pod, from, to int64) {
	s := spell{from: from, to: to, kind: kind}
	mean := p.service.mean()
	switch kind {
	case Slow2:
		s.size = 2
	case Slow3:
		s.size = 3
	case Slow5:
		s.size = 5
	case Slow10:
		s.size = 10
	case Latency: // three to ten times the usual time, 50 ms at least
		s.size = max(between(rng, 3, 10)*mean, float64(50*millisecond))
	case Partial:
		s.size, s.share = 15, between(rng, 0.15, 0.4)
	case Ramp:
		s.size = between(rng, 6, 12)
	case GCThrash: // stands 0.3 to 1.2 s every 1.5 to 5 s
		every := between(rng, 1.5, 5) * float64(second)
		for at := from; at < to; at += int64(every * between(rng, 0.5, 1.5)) {
			length := int64(between(rng, 0.3, 1.2) * float64(second))
			p.service.plan = append(p.service.plan, change{at: at, what: stands, pod: p, length: length})
		}
	}
	e := f.afflict(p, s)
	if kind == Latency {
		e.Factor = 1 + s.size/mean
	}
}

// planSlowFromStart gives a share of the services a pod that is severely slow
// since ten minutes before the first line, and stays so.
func (f *fleet) planSlowFromStart() {
	rng := newChance(f.cfg.Seed, "slow from start", 0)
	kinds := []Kind{Slow3, Slow5, Slow10, Latency, Hang}
	n := int(math.Round(f.cfg.SlowFromStart * float64(len(f.services))))
	for _, i := range rng.Perm(len(f.services))[:n] {
		pods := f.services[i].pods
		p := pods[rng.IntN(len(pods))]
		for p.born > f.begin {
			p = pods[rng.IntN(len(pods))]
		}
		f.planSlowPod(kinds[rng.IntN(len(kinds))], rng, p, f.begin-10*minute, min(f.end, p.leaves))
	}
}

// planSlowNode makes all pods of a node three to six times slower, also those
// that come to it meanwhile.
func (f *fleet) planSlowNode(rng *rand.Rand, from int64) {
	to := from + minutes(rng, 4, 30)
	size := between(rng, 3, 6)
	p := f.pickAny(rng, from)
	for try := 0; has(p.spells, SlowNode, from, to); try++ {
		if try == 1000 {
			return
		}
		p = f.pickAny(rng, from)
	}
	for _, q := range f.pods {
		s := spell{from: from, to: f.until(from, to-from, q), kind: SlowNode, size: size}
		if q.node == p.node && q.born < s.to && q.leaves > from {
			f.afflict(q, s)
		}
	}
}

// planNode is what is one episode of a node: noise of 1.1 to 1.3, or that its
// server logs are missing.
func (f *fleet) planNode(kind Kind, rng *rand.Rand, from int64) {
	s := spell{from: from, to: min(from+minutes(rng, 5, 30), f.end), kind: kind}
	if kind == MildNoise {
		s.size = between(rng, 1.1, 1.3)
	}
	n := f.nodes[rng.IntN(len(f.nodes))]
	for try := 0; has(n.spells, kind, from, s.to); try++ {
		if try == 1000 {
			return
		}
		n = f.nodes[rng.IntN(len(f.nodes))]
	}
	e := f.newEpisode(&s)
	e.Node, e.Factor = string(n.name), s.size
	for _, p := range f.pods {
		if p.node == n {
			p.spells = append(p.spells, s)
		}
	}
	n.spells = append(n.spells, s)
}

// planService is what befalls a whole service: it is two to five times slower,
// or gets two to four times the traffic.
func (f *fleet) planService(kind Kind, rng *rand.Rand, from int64) {
	p := spell{from: from, to: min(from+minutes(rng, 4, 20), f.end), kind: kind, size: between(rng, 2, 5)}
	if kind == Surge {
		p.size = between(rng, 2, 4)
	}
	s := f.services[rng.IntN(len(f.services))]
	for try := 0; has(s.spells, kind, from, p.to); try++ {
		if try == 1000 {
			return
		}
		s = f.services[rng.IntN(len(f.services))]
	}
	e := f.newEpisode(&p)
	e.Service, e.Factor = s.fqdn, p.size
	s.spells = append(s.spells, p)
}

// planCaller is what befalls a caller with a sidecar: it gives up 30 to 80 % of
// its calls in about the time that they take, or its proxy holds up requests
// and replies by the mean service time and more each, 30 ms at least.
func (f *fleet) planCaller(kind Kind, rng *rand.Rand, from int64) {
	p := spell{from: from, to: min(from+minutes(rng, 5, 25), f.end), kind: kind}
	s := f.services[rng.IntN(len(f.services))]
	c := s.callers[rng.IntN(len(s.callers))]
	for try := 0; !c.sidecar || has(c.spells, kind, from, p.to); try++ {
		if try == 1000 {
			return
		}
		s = f.services[rng.IntN(len(f.services))]
		c = s.callers[rng.IntN(len(s.callers))]
	}
	if kind == HangUps {
		p.size, p.share = s.mean(), between(rng, 0.3, 0.8)
	} else {
		p.size = max(between(rng, 1, 4)*s.mean(), float64(30*millisecond))
	}
	e := f.newEpisode(&p)
	e.Service, e.Caller, e.Node = s.fqdn, string(c.name), string(c.node.name)
	c.spells = append(c.spells, p)
}
