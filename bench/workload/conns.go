package workload

import (
	"math/rand/v2"
	"slices"
)

// A pool keeps the connections from one end to another alive. They are known by
// their source ports.
type pool struct {
	conns []conn
}

type conn struct {
	port uint16
	free int64 // microseconds; when the request on it will have ended
}

// take gives the port for a request from now to end. HTTP/1.1 has a connection
// for each request in flight, HTTP/2 one for all (shared). A connection that is
// not kept is closed at the end, as HTTP/1.1 has to when it gives a request up.
func (p *pool) take(rng *rand.Rand, now, end int64, shared, keep bool) uint16 {
	i := len(p.conns) - 1
	for ; i >= 0; i-- { // the one used last first, as Envoy does
		if shared || p.conns[i].free <= now {
			break
		}
	}
	if i < 0 {
		i = len(p.conns)
		p.conns = append(p.conns, conn{port: p.unused(rng)})
	}
	port := p.conns[i].port
	if keep || shared {
		p.conns[i].free = end
	} else {
		p.conns = slices.Delete(p.conns, i, i+1)
	}
	return port
}

// unused is an ephemeral port of Linux that no connection of the pool has.
func (p *pool) unused(rng *rand.Rand) uint16 {
	for {
		port := uint16(32768 + rng.IntN(60999-32768+1))
		if !slices.ContainsFunc(p.conns, func(c conn) bool { return c.port == port }) {
			return port
		}
	}
}

// pools of a generator, made when first used.
type pools struct {
	apps     []pool // of each pod's application to its own proxy
	inbound  []pool // of each pod's proxy to its own application
	outbound map[[2]int]*pool
}

func newPools(pods int) pools {
	return pools{
		apps:     make([]pool, pods),
		inbound:  make([]pool, pods),
		outbound: make(map[[2]int]*pool),
	}
}

// between the proxies of two pods.
func (p *pools) between(from, to *Pod) *pool {
	key := [2]int{from.index, to.index}
	c := p.outbound[key]
	if c == nil {
		c = new(pool)
		p.outbound[key] = c
	}
	return c
}
