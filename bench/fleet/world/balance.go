package world

import (
	"math"
	"slices"
)

// keys is how many keys requests of consistent hashing have.
const keys = 1024

// choose picks a pod for an attempt of a call. A retry avoids the pod before it
// where there is another one, as Istio's retry policy does (previous_hosts).
func (s *service) choose(c *call, from *caller) *pod {
	p := s.draw(from)
	if c.attempt > 0 && len(s.live) > 1 {
		for range 5 {
			if p.index != c.pod {
				break
			}
			p = s.draw(from)
		}
	}
	return p
}

func (s *service) draw(from *caller) *pod {
	n := uint32(len(s.live))
	switch {
	case !from.sidecar: // kube-proxy: any
		return s.live[s.rng.Uint32N(n)]
	case s.balancing == roundRobin:
		from.turn++
		return s.live[from.turn%len(s.live)]
	case s.balancing == consistentHash:
		return s.ring[s.rng.Uint32N(keys)]
	}
	a, b := s.live[s.rng.Uint32N(n)], s.live[s.rng.Uint32N(n)]
	if from.open[b.index] < from.open[a.index] {
		return b
	}
	return a
}

// join and leave change the balancers' lists; all callers learn at once.
func (s *service) join(p *pod) {
	s.live = append(s.live, p)
	s.hashKeys()
}

func (s *service) leave(p *pod) {
	s.live = slices.DeleteFunc(s.live, func(q *pod) bool { return q == p })
	s.hashKeys()
}

// hashKeys gives each key the pod with the highest score (weighted rendezvous
// hashing): a pod that comes or goes moves only its own keys.
func (s *service) hashKeys() {
	if s.balancing != consistentHash || len(s.live) == 0 {
		return
	}
	if s.ring == nil {
		s.ring = make([]*pod, keys)
	}
	for k := range s.ring {
		best := math.Inf(-1)
		for _, p := range s.live {
			u := (float64(mix(p.key^mix(uint64(k)))>>11) + 0.5) / (1 << 53)
			if score := -p.weight / math.Log(u); score > best {
				best, s.ring[k] = score, p
			}
		}
	}
}
