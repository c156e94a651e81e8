package world

import (
	"fmt"
	"math/rand/v2"
)

// caller is a pod that calls a service.
type caller struct {
	identity
	sidecar  bool // without one it writes no line, and nobody balances or times out for it
	deadline int64
	agent    []byte
	spells   []spell
	open     []int32 // requests by pod, as its proxy counts them
	calls    int     // open in all
	turn     int     // of round robin
}

// mostCalls is how many calls a caller has open at most: an application has so
// many threads. What comes on top is not sent, and the queue of a pod that
// hangs does not grow without end.
const mostCalls = 128

// drawCallers draws one to three workloads of two to five pods. 12 % of the
// workloads have no sidecar, 20 % have deadlines of their own, without a sidecar
// half of them.
func (s *service) drawCallers(rng *rand.Rand) {
	agents := []string{"Go-http-client/1.1", "python-requests/2.32.3", "axios/1.7.9", "Apache-HttpClient/5.3.1 (Java/21.0.4)"}
	if s.http2 {
		agents = []string{"Go-http-client/2.0", "Java-http-client/21.0.4", "python-httpx/0.27.2"}
	}
	var sum float64
	for i := range 1 + rng.IntN(3) {
		workload, version := fmt.Sprintf("caller-%d%c", s.number, 'a'+i), word(rng, 10)
		share, agent := between(rng, 0.3, 1), agents[rng.IntN(len(agents))]
		sidecar, own := rng.Float64() >= 0.12, 0.2
		if !sidecar {
			own = 0.5
		}
		var deadline int64
		if has, factor := rng.Float64() < own, between(rng, 1, 3); has {
			deadline = int64(factor * s.quantile(0.001))
		}
		for range 2 + rng.IntN(4) {
			c := &caller{
				identity: s.fleet.newIdentity(rng, workload, version),
				sidecar:  sidecar, deadline: deadline, agent: []byte(agent),
			}
			c.ip = s.fleet.newAddress()
			c.turn = rng.IntN(1 << 16)
			s.callers = append(s.callers, c)
			s.fleet.callers = append(s.fleet.callers, c)
			sum += share
			s.shares = append(s.shares, sum)
		}
	}
	for i := range s.shares {
		s.shares[i] /= sum
	}
}

// patience draws how long the application waits for a call that begins now;
// never where it does not mind.
func (c *caller) patience(rng *rand.Rand, now int64) int64 {
	patience := never
	if c.deadline > 0 {
		patience = c.deadline
	}
	for i := range c.spells {
		if s := &c.spells[i]; s.kind == HangUps && s.on(now) && rng.Float64() < s.share {
			patience = min(patience, int64(s.size*between(rng, 0.2, 1.2)))
		}
	}
	return patience
}

// slowness draws how long a slow proxy holds up a request or a reply.
func (c *caller) slowness(rng *rand.Rand, now int64) int64 {
	for i := range c.spells {
		if s := &c.spells[i]; s.kind == SlowCaller && s.on(now) {
			return int64(logNormal(rng, s.size, 0.6))
		}
	}
	return 0
}
