package world

import "math/rand/v2"

// pod works for a service. Each of its workers does one request at a time; what
// waits is done in order.
type pod struct {
	identity
	index   uint16 // in the service's pods
	service *service
	host    []byte // ip:8080
	factor  float64
	weight  float64 // of consistent hashing
	workers int

	born    int64 // it is in the balancers' lists from then on
	listens int64 // before, connections are refused
	leaves  int64 // the lists; what it has begun it ends
	dies    int64 // with what is open still
	last    int64 // end of its last request
	dead    bool

	busy    int
	waiting queue
	// A pod that stands still until then, and how long it has stood in all:
	// work that is under way ends so much later.
	standsUntil, stood int64

	spells   []spell
	first    int64 // when the first request came
	requests int
}

// newPod draws a pod. Pods differ by up to 6 % and by what the service hides.
// It has no address yet.
func (s *service) newPod(rng *rand.Rand, version string, workers int, born int64) *pod {
	p := &pod{
		identity: s.fleet.newIdentity(rng, s.name, version),
		index:    uint16(len(s.pods)), service: s, workers: workers,
		factor: between(rng, 0.94, 1.06) * logNormal(rng, 1, s.spread),
		weight: logNormal(rng, 1, 0.2),
		born:   born, leaves: never, dies: never,
	}
	s.pods = append(s.pods, p)
	s.fleet.pods = append(s.fleet.pods, p)
	return p
}

func (p *pod) setAddress(ip []byte) {
	p.ip = ip
	p.host = append(append([]byte(nil), ip...), ":8080"...)
}

// lives says whether the balancers know it.
func (p *pod) lives(now int64) bool { return p.born <= now && now < p.leaves }

// work draws how long a request of a class takes that begins now.
func (p *pod) work(k *class, now int64) int64 {
	s := p.service
	t := logNormal(s.rng, k.median, k.sigma) * p.factor
	for _, spells := range [2][]spell{p.spells, s.spells} {
		for i := range spells {
			if spells[i].on(now) {
				t = spells[i].stretch(t, now, s.rng.Float64)
			}
		}
	}
	return int64(t)
}

// stand makes the pod stop for so long.
func (p *pod) stand(now, length int64) {
	before := max(now, p.standsUntil)
	p.standsUntil = max(before, now+length)
	p.stood += p.standsUntil - before
}

// loss is the share of packets to and from the pod that get lost.
func (p *pod) loss(now int64) float64 {
	for i := range p.spells {
		if s := &p.spells[i]; s.kind == PacketLoss && s.on(now) {
			return s.share
		}
	}
	return 0
}

// life is what the truth says of the pod.
func (p *pod) life() PodLife {
	l := PodLife{
		Service: p.service.fqdn, Pod: string(p.name), Host: string(p.host), PodID: string(p.id), Node: string(p.node.name),
		Born: p.born / millisecond, First: p.first / millisecond, Hash: p.service.balancing == consistentHash, Hidden: p.factor, Requests: p.requests,
	}
	if p.leaves <= p.service.fleet.end {
		l.Died = min(max(p.leaves, p.last), p.dies) / millisecond
	}
	return l
}

// ticket is an attempt that waits at a pod; void if the call's serial moved on.
type ticket struct{ call, serial uint32 }

// queue is first in, first out. Its memory is used again once it is empty or
// the used half is the larger one.
type queue struct {
	tickets []ticket
	head    int
}

func (q *queue) push(t ticket) {
	if q.head > 64 && q.head > len(q.tickets)/2 {
		q.tickets = append(q.tickets[:0], q.tickets[q.head:]...)
		q.head = 0
	}
	q.tickets = append(q.tickets, t)
}

func (q *queue) pop() (ticket, bool) {
	if q.head == len(q.tickets) {
		q.tickets, q.head = q.tickets[:0], 0
		return ticket{}, false
	}
	q.head++
	return q.tickets[q.head-1], true
}
