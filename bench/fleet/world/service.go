package world

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// balancing is how callers choose pods.
type balancing uint8

const (
	leastRequest   balancing = iota // of two drawn, the one with fewer open requests of the caller
	roundRobin                      // of the caller
	consistentHash                  // of a key of the request
)

// class is a kind of request.
type class struct {
	path    []byte // before the number of the item
	method  []byte
	median  float64 // microseconds of the application's work
	sigma   float64
	upTo    float64 // cumulated share of the requests
	in, out int32   // bytes of the bodies, at least
}

// service has pods that work and callers that call, and is independent of all
// other services.
type service struct {
	fleet  *fleet
	number int
	// rng is of the traffic, mail of the lines: what is lost or silent changes
	// nothing of what happens.
	rng, mail *rand.Rand

	fqdn                                string
	name                                string
	cluster, sni, vip, authority, proto []byte
	http2                               bool
	logsAttempts                        bool

	balancing balancing
	spread    float64 // sigma of the hidden differences of its pods
	rate      float64 // requests per second, over the day
	classes   [3]class
	callers   []*caller
	shares    []float64 // cumulated, of callers

	// timeout of the route and per try; 0 where there is none. Tries that a
	// timeout or a refused connection is followed by.
	timeout, perTry int64
	retries         uint8

	pods   []*pod // all that ever live
	live   []*pod // now, as the balancers see it
	ring   []*pod // by key, of consistent hashing
	spells []spell
	plan   []change
	state
}

// newService draws a service: its rate (log-normal, median 3/s, sigma 1.6, 0.05
// to 400/s), its work, its timeouts, its callers and first pods.
func newService(f *fleet, number int) *service {
	rng := newChance(f.cfg.Seed, "service", number)
	name := fmt.Sprintf("svc-%d", number)
	fqdn := name + ".sim.svc.cluster.local"
	s := &service{
		fleet: f, number: number,
		rng: newChance(f.cfg.Seed, "traffic", number), mail: newChance(f.cfg.Seed, "lines", number),
		name: name, fqdn: fqdn,
		cluster:   []byte("outbound|8080||" + fqdn),
		sni:       []byte("outbound_.8080_._." + fqdn),
		authority: []byte(fqdn + ":8080"),
		vip:       fmt.Appendf(nil, "10.96.%d.%d:8080", number/250, 1+number%250),
		proto:     []byte("HTTP/1.1"),
		rate:      f.cfg.Rate * min(max(logNormal(rng, 3, 1.6), 0.05), 400),
	}
	if rng.Float64() < 0.4 {
		s.http2, s.proto = true, []byte("HTTP/2")
	}
	s.logsAttempts = rng.Float64() < 0.7 && f.cfg.Attempts == SomeAttempts || f.cfg.Attempts == AlwaysAttempts
	switch b := rng.Float64(); {
	case b < 0.1:
		s.balancing = roundRobin
	case b < 0.15:
		s.balancing = consistentHash
	case b < 0.2:
		s.balancing, s.spread = consistentHash, 0.3
	}
	s.drawClasses(rng)
	s.drawTimeouts(rng)
	n := int(logUniform(rng, float64(f.cfg.LeastPods), float64(f.cfg.MostPods)+1))
	version, workers := word(rng, 10), s.workers(rng, n)
	for range n {
		p := s.newPod(rng, version, workers, f.begin)
		p.setAddress(f.newAddress())
		p.listens = f.begin
	}
	s.drawCallers(rng)
	return s
}

// drawClasses draws the work: three classes that cost 1 : 3 : 6 to 20, the
// cheapest 12 ms in the middle.
func (s *service) drawClasses(rng *rand.Rand) {
	base := min(max(logNormal(rng, 12, 0.9), 1), 80) * float64(millisecond)
	first, second := between(rng, 0.5, 0.75), between(rng, 0.15, 0.25)
	upTo := [3]float64{first, first + second, 1}
	costs := [3]float64{1, 3, between(rng, 6, 20)}
	for i := range s.classes {
		k := &s.classes[i]
		*k = class{
			path: fmt.Appendf(nil, "/class%d/items/", i), method: []byte("GET"),
			median: base * costs[i], sigma: between(rng, 0.35, 0.95), upTo: upTo[i],
			out: int32(logNormal(rng, 900, 1)),
		}
		if i == 2 {
			k.method, k.in = []byte("POST"), 20+rng.Int32N(400)
		}
	}
}

// drawTimeouts draws what callers' proxies do: a timeout of 0.9 to 2 times the
// p99.9 on 85 % of the services, on 34 % as the timeout of one of two to four
// tries. Others have retries switched off: a refused connection is seen then.
func (s *service) drawTimeouts(rng *rand.Rand) {
	kind, factor, tries, all := rng.Float64(), between(rng, 0.9, 2), 1+rng.IntN(3), rng.Float64()
	if kind >= 0.85 {
		return
	}
	s.timeout = int64(factor*s.quantile(0.001))/millisecond*millisecond + 3*millisecond
	if kind < 0.34 {
		s.perTry, s.retries = s.timeout, uint8(tries)
		s.timeout = int64(float64(s.perTry)*(1.5+all*(float64(tries)-0.3))) / millisecond * millisecond
	}
}

// quantile is the service time of a normal pod that this share of requests
// exceeds.
func (s *service) quantile(above float64) float64 {
	low, high := 0.0, s.classes[2].median*1e4
	for range 60 {
		middle, share, before := (low+high)/2, 0.0, 0.0
		for _, k := range s.classes {
			share += (k.upTo - before) * math.Erfc(math.Log(middle/k.median)/(k.sigma*math.Sqrt2)) / 2
			before = k.upTo
		}
		if share > above {
			low = middle
		} else {
			high = middle
		}
	}
	return high
}

// mean service time of a normal pod.
func (s *service) mean() float64 {
	var mean, before float64
	for _, k := range s.classes {
		mean += (k.upTo - before) * k.median * math.Exp(k.sigma*k.sigma/2)
		before = k.upTo
	}
	return mean
}

// workers of each of n pods: at least 2, 4, 8 or 16 as the application has it,
// and as many as keep 5 to 30 % of them busy.
func (s *service) workers(rng *rand.Rand, n int) int {
	least, busy := 2<<rng.IntN(4), between(rng, 0.05, 0.3)
	return max(least, int(math.Ceil(s.rate/float64(n)*s.mean()/float64(second)/busy)))
}

// request draws the class of one.
func (s *service) request() uint8 {
	switch x := s.rng.Float64(); {
	case x < s.classes[0].upTo:
		return 0
	case x < s.classes[1].upTo:
		return 1
	}
	return 2
}
