package world

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"time"
)

// Inside the package times and durations are microseconds, times since 1970.
const (
	millisecond = int64(1000)
	second      = 1000 * millisecond
	minute      = 60 * second
)

// never is later than all.
const never = int64(math.MaxInt64)

// fleet is all that there is.
type fleet struct {
	cfg        Config
	begin, end int64 // of the traffic
	warm       int64 // no fault begins before
	nodes      []*node
	services   []*service
	pods       []*pod // of all services and times
	callers    []*caller
	episodes   []*Episode
	names      map[string]bool // that pods have
	addresses  int             // handed out
	out        *collector
}

// node is a machine: what it does to all lines and pods on it.
type node struct {
	name   []byte
	loss   float64 // share of lines
	lag    int64   // of the shipping, on top
	skew   int64   // of the clock
	spells []spell // of all of it: MildNoise, LogOutage
}

// newFleet makes all that is there at the beginning. The clock of the world
// begins at a fixed time: nothing depends on when it is simulated.
func newFleet(cfg Config) *fleet {
	begin := time.Date(2026, time.March, 2, 10, 0, 0, 0, time.UTC).UnixMicro()
	f := &fleet{
		cfg:   cfg,
		begin: begin,
		end:   begin + cfg.Length.Microseconds(),
		warm:  begin + cfg.WarmUp.Microseconds(),
		names: make(map[string]bool),
		out:   newCollector(begin / second),
	}
	rng := newChance(cfg.Seed, "nodes", 0)
	// 150 for 200 services, so that a node has about 15 pods in any fleet.
	for i := range max(3, cfg.Services*3/4) {
		f.nodes = append(f.nodes, newNode(rng, i, cfg.Loss))
	}
	for i := range cfg.Services {
		f.services = append(f.services, newService(f, i))
	}
	return f
}

// newNode draws a node: 0 to 5 % loss, a clock that is 20 ms off (5 % of nodes
// up to 3 s, 2 % up to 40 s), 4 % with a lag of up to 35 s.
func newNode(rng *rand.Rand, number int, loss float64) *node {
	n := &node{
		name: fmt.Appendf(nil, "node-%03d", number),
		loss: between(rng, 0, 0.05),
		skew: int64(rng.NormFloat64() * float64(20*millisecond)),
	}
	switch {
	case loss > 0:
		n.loss = loss
	case loss < 0:
		n.loss = 0
	}
	switch clock := rng.Float64(); {
	case clock < 0.02:
		n.skew = int64(between(rng, -40, 40) * float64(second))
	case clock < 0.07:
		n.skew = int64(between(rng, -3, 3) * float64(second))
	}
	if rng.Float64() < 0.04 {
		n.lag = int64(between(rng, 2, 35) * float64(second))
	}
	return n
}

// logs says whether the node's server logs arrive.
func (n *node) logs(now int64) bool {
	for i := range n.spells {
		if s := &n.spells[i]; s.kind == LogOutage && s.on(now) {
			return false
		}
	}
	return true
}

// identity is what makes a pod, of a service or of its callers.
type identity struct {
	name, id, ip []byte
	app          []byte // both labels
	node         *node
	key          uint64 // random, for hashes
}

// newIdentity draws a pod of a workload; version is the hash of its template.
func (f *fleet) newIdentity(rng *rand.Rand, workload, version string) identity {
	name := ""
	for name == "" || f.names[name] {
		name = workload + "-" + version + "-" + word(rng, 5)
	}
	f.names[name] = true
	a, b := rng.Uint64(), rng.Uint64()
	id := fmt.Appendf(nil, "%08x-%04x-4%03x-%04x-%012x", a>>32, a>>16&0xffff, a&0xfff, b>>48&0x3fff|0x8000, b&0xffffffffffff)
	return identity{
		name: []byte(name), id: id, app: []byte(workload),
		node: f.nodes[rng.IntN(len(f.nodes))], key: mix(a ^ b),
	}
}

// newAddress is one that nobody had before, from 10.16.0.1 on.
func (f *fleet) newAddress() []byte {
	n := f.addresses
	f.addresses++
	b := []byte("10.")
	b = append(strconv.AppendInt(b, int64(16+n/(254*256)), 10), '.')
	b = append(strconv.AppendInt(b, int64(n/254%256), 10), '.')
	return strconv.AppendInt(b, int64(1+n%254), 10)
}
