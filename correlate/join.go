package correlate

import (
	"github.com/slowpod/slowpod/classify"
)

// How long a half waits for the other side, in milliseconds.
const (
	minWait = 40_000
	maxWait = 180_000
	// withoutID is how much longer a half without a request id waits, so
	// that a half that has one, and is sure of its own, chooses first.
	withoutID = 2_000
	// reportsWithin is how near before a half a pod must have written for
	// its silence to mean something.
	reportsWithin = 60_000
	// retrySkew is how much earlier than an attempt the call that it was
	// an attempt of may seem to end: two clocks.
	retrySkew = 1_000
)

// Key says by what the two sides of a call were joined.
type Key uint8

// The join keys, best first. NoKey is a half alone, or a hidden retry: it is
// found by its request id on another host.
const (
	NoKey Key = iota
	TupleID
	IDHost
	Tuple
	Probable

	// Keys is the number of keys, NoKey included.
	Keys = int(Probable) + 1
)

var keyNames = [Keys]string{"", "tuple_id", "id_host", "tuple", "probable"}

// String returns the key's name; "" for NoKey.
func (k Key) String() string { return keyNames[k] }

// Call is a half with the records of the other side that belong to it, and
// what they prove. It is valid until the function that got it returns. Records
// made from a trace hold only times, code, side and place.
type Call struct {
	Verdict      Verdict
	Key          Key
	Service      string
	Subset       string
	UpstreamHost string // "" where the request was sent nowhere
	RequestID    []byte
	Client       *Record // nil: none
	Server       []Record
}

// JoinStats counts halves and calls.
type JoinStats struct {
	ClientHalves, ServerHalves uint64
	Duplicates                 uint64 // lines that were delivered twice
	ByKey                      [Keys]uint64
}

// join holds what waits for its other side.
type join struct {
	halves  *halfTable
	traces  *traceTable
	stats   JoinStats
	dueList []int32 // scratch

	// Scratch memory for one call.
	client  Record
	server  []Record
	buf     []byte
	matches []int32
}

// enter takes a record into the join: a half waits, a finished record leaves
// its trace.
func (c *Correlator) enter(r *Record, hostIndex int32) {
	if !r.Half {
		if r.ID != 0 && hostIndex >= 0 && r.HTTP {
			c.join.traces.add(r, hostIndex, c.horizon(), c.window.start+farJump)
		}
		return
	}
	switch {
	case r.Replay: // was counted when it came first
	case r.Side == classify.Client:
		c.join.stats.ClientHalves++
	default:
		c.join.stats.ServerHalves++
	}
	switch same, long := c.join.twice(r, hostIndex); {
	case same:
		c.join.stats.Duplicates++
		return
	case long:
		c.dropped[BoundHalvesPerCall]++
		return
	}
	from := min(r.End(), c.window.start+farJump)
	i := c.join.halves.put(r, hostIndex, from+minWait)
	if i < 0 {
		c.dropped[BoundHalves]++
		return
	}
	c.oldest.note(r.File, r.Line)
	c.join.halves.all[i].from = from
	c.join.halves.all[i].service = c.registry.indexOf(r.Target)
	c.pair(i)
}

// twice says whether this very record is open already, and whether its chain
// is too long to take another.
func (j *join) twice(r *Record, host int32) (same, long bool) {
	chain, hash := chainID, r.ID
	if r.ID == 0 {
		chain, hash = chainTuple, r.Connection
	}
	if hash == 0 {
		return false, false
	}
	whole := j.halves.walk(chain, hash, func(_ int32, h *half) bool {
		same = h.side == r.Side && h.host == host && h.id == r.ID && h.tuple == r.Connection &&
			h.end == r.End() && h.duration == r.Duration && int(h.code) == r.Code
		return !same
	})
	return same, !whole
}

// pair credits a pod with what a half and its other side prove as soon as both
// are at hand, long before the horizon: a finding cannot wait for it.
func (c *Correlator) pair(i int32) {
	h := &c.join.halves.all[i]
	if h.id == 0 || h.host < 0 {
		return
	}
	c.join.halves.walk(chainID, h.id, func(_ int32, o *half) bool {
		if o.id != h.id || o.host != h.host || o.side == h.side || (o.replay && h.replay) {
			return true
		}
		client, server := h, o
		if h.side == classify.Server {
			client, server = o, h
		}
		p := c.podOfHalf(client)
		if p == nil {
			return true
		}
		switch {
		case client.outcome == classify.Timeout && isCut(server.outcome) && !client.paired:
			client.paired, client.pairedHeld = true, !server.appHad
			c.credit(p, client.end, server.appHad, 1)
		case isCut(client.outcome) && server.outcome == classify.DownstreamClosed && !server.paired && client.end < floorSlice(server.end)+sliceLen:
			// Of a later slice the other's record may come before this one's
			// closes, or after: then the call is counted when it is whole.
			server.paired = true
			c.creditLeft(p, server)
		}
		return true
	})
}

// podAt is the pod that held a host at a time, as far as is known, and the one
// of the service (by index) if several are behind the address; nil if there is
// none.
func (c *Correlator) podAt(hostIndex int32, end int64, service int32) *pod {
	if hostIndex < 0 {
		return nil
	}
	h := c.registry.hostList[hostIndex]
	if h == nil { // forgotten
		return nil
	}
	if named := c.registry.at(service); named != nil {
		if p := h.holder(end, named); p != nil && p.group.service == named {
			return p
		}
	}
	return h.holder(end, nil)
}

// podOfHalf is podAt for a half.
func (c *Correlator) podOfHalf(h *half) *pod { return c.podAt(h.host, h.end, h.service) }

// waitOf is how long a half waits, by what is known of its service by now.
func (c *Correlator) waitOf(h *half) int64 {
	s := c.registry.at(h.service)
	if s == nil {
		if p := c.podAt(h.host, h.end, 0); p != nil {
			s = p.group.service
		}
	}
	if s == nil {
		return minWait
	}
	return min(max(minWait, s.longest), maxWait)
}

// emit counts a call and hands it on.
func (c *Correlator) emit(call *Call, g *group, p *pod) {
	g.calls[call.Verdict]++
	if p != nil {
		p.calls[call.Verdict]++
		call.UpstreamHost = p.host.addr
	}
	if call.Client != nil && len(call.Server) > 0 && call.Key != NoKey {
		c.join.stats.ByKey[call.Key]++
	}
	call.Service, call.Subset = g.service.name, g.subset
	c.left(g, call)
	if p != nil {
		p.sample(call)
	}
	c.sampleFault(call)
	if c.onCall != nil {
		c.onCall(call)
	}
}
