package world

import (
	"cmp"
	"math/rand/v2"
	"slices"
)

// planDeploy replaces the pods of a service one after the other, every 8 to
// 30 s. A new pod is in the balancers' lists 0.3 to 4 s before it listens, and
// is two to six times slower at first, over one to three minutes. The old one
// leaves the lists some seconds later and dies 30 s after that (the default
// grace period of Kubernetes). Deployments are planned in order, and a service
// has five minutes of rest between two.
func (f *fleet) planDeploy(rng *rand.Rand, from int64) {
	s := f.services[rng.IntN(len(f.services))]
	for try := 0; has(s.spells, Deploy, from-5*minute, never); try++ {
		if try == 1000 {
			return
		}
		s = f.services[rng.IntN(len(f.services))]
	}
	var old []*pod
	for _, p := range s.pods {
		if p.lives(from) {
			old = append(old, p)
		}
	}
	gap := between(rng, 8, 30) * float64(second)
	version, workers := word(rng, 10), old[0].workers
	d := spell{from: from, to: from, kind: Deploy}
	at := from
	for _, o := range old {
		if at >= f.end {
			break
		}
		p := s.newPod(rng, version, workers, at)
		p.listens = at + int64(between(rng, 0.3, 4)*float64(second))
		cold := spell{from: at, to: at + int64(between(rng, 60, 180)*float64(second)), kind: coldStart, size: between(rng, 2, 6)}
		p.spells = append(p.spells, cold)
		o.leaves = at + int64(between(rng, 4, 10)*float64(second))
		o.dies = o.leaves + 30*second
		s.plan = append(s.plan, change{at: at, what: joins, pod: p},
			change{at: o.leaves, what: leaves, pod: o}, change{at: o.dies, what: dies, pod: o})
		d.to = min(cold.to, f.end)
		at += int64(gap * between(rng, 0.8, 1.2))
	}
	f.newEpisode(&d).Service = s.fqdn
	s.spells = append(s.spells, d)
}

// giveAddresses gives the pods of deployments theirs, in order of birth: one
// that came free, after three others had, and may be of any service; a fresh
// one where there is none.
func (f *fleet) giveAddresses() {
	var born, gone []*pod
	for _, p := range f.pods {
		if p.ip == nil {
			born = append(born, p)
		}
		if p.dies != never {
			gone = append(gone, p)
		}
	}
	slices.SortStableFunc(born, func(a, b *pod) int { return cmp.Compare(a.born, b.born) })
	slices.SortStableFunc(gone, func(a, b *pod) int { return cmp.Compare(a.dies, b.dies) })
	var free [][]byte
	for _, p := range born {
		for len(gone) > 0 && gone[0].dies+second < p.born {
			// Its own birth was earlier than this one: the address is known.
			free = append(free, gone[0].ip)
			gone = gone[1:]
		}
		if len(free) > 3 {
			p.setAddress(free[0])
			free = free[1:]
			continue
		}
		p.setAddress(f.newAddress())
	}
}
