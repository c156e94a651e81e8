package correlate

import "github.com/slowpod/slowpod/classify"

// near says whether two ends are within the wait of a half.
func (h *half) near(end int64) bool { return abs(end-h.end) <= h.wait }

// sent says whether a request went out: nothing can answer one that did not.
func (h *half) sent() bool { return h.side == classify.Server || h.appHad }

// servers appends to list the open server halves of a client half's id and
// host.
func (c *Correlator) servers(h *half, list []int32) []int32 {
	if h.id == 0 || h.host < 0 {
		return list
	}
	c.join.halves.walk(chainID, h.id, func(i int32, o *half) bool {
		if o.id == h.id && o.host == h.host && o.side == classify.Server && !o.taken && h.near(o.end) && c.nearest(h, o) {
			list = append(list, i)
		}
		return true
	})
	return list
}

// nearest says whether no other open client half of the same id and host ended
// nearer to the server half: an id may be used again.
func (c *Correlator) nearest(client, server *half) bool {
	mine, ok := abs(client.end-server.end), true
	c.join.halves.walk(chainID, client.id, func(_ int32, o *half) bool {
		if o != client && o.id == client.id && o.host == client.host && o.side == classify.Client && !o.taken {
			ok = abs(o.end-server.end) >= mine
		}
		return ok
	})
	return ok
}

// openClient returns the open client half of a server half's id and host; nil
// if there is none.
func (c *Correlator) openClient(h *half) (found *half) {
	if h.host < 0 {
		return nil
	}
	c.join.halves.walk(chainID, h.id, func(_ int32, o *half) bool {
		if o.id == h.id && o.host == h.host && o.side == classify.Client && !o.taken && h.near(o.end) {
			found = o
		}
		return found == nil
	})
	return found
}

// knowsOwn says whether a half has a partner by its request id, so that it is
// no candidate for a weaker key.
func (c *Correlator) knowsOwn(h *half) (knows bool) {
	if h.id == 0 || h.host < 0 {
		return false
	}
	c.join.halves.walk(chainID, h.id, func(_ int32, o *half) bool {
		knows = o.id == h.id && o.host == h.host && o.side != h.side
		return !knows
	})
	if !knows {
		c.join.traces.each(h.id, func(t *trace) bool {
			knows = t.host == h.host && t.side() != h.side
			return !knows
		})
	}
	return knows
}

// candidate says whether two halves may belong together by a key weaker than
// the request id.
func (c *Correlator) candidate(h, o *half) bool {
	return o.side != h.side && !o.taken && (o.id == 0 || h.id == 0) && o.sent() && !c.knowsOwn(o)
}

// byTuple finds the half of the other side that the same connection carried
// and that ended nearest, within a second; -1 if there is none.
func (c *Correlator) byTuple(h *half) int32 {
	t := c.join.halves
	best, distance := int32(-1), int64(tupleWithin)+1
	if h.tuple == 0 {
		return best
	}
	t.walk(chainTuple, h.tuple, func(i int32, o *half) bool {
		if o.tuple != h.tuple || !c.candidate(h, o) {
			return true
		}
		if d := abs(o.end - h.end); d < distance || d == distance && best >= 0 && o.compare(&t.all[best]) < 0 {
			best, distance = i, d
		}
		return true
	})
	return best
}

// byHost finds the only half of the other side that ended on the same host
// within a quarter of a second; -1 if there is none, or more than one.
func (c *Correlator) byHost(h *half) int32 {
	best, count := int32(-1), 0
	if h.host < 0 {
		return best
	}
	for b := int64(-1); b <= 1; b++ {
		at := h.end + b*hostWithin
		c.join.halves.walk(chainHost, hostHash(h.host, at), func(i int32, o *half) bool {
			if o.host == h.host && o.end/hostWithin == at/hostWithin && abs(o.end-h.end) <= hostWithin &&
				(o.tuple == 0 || h.tuple == 0 || o.tuple == h.tuple) && c.candidate(h, o) {
				best = i
				count++
			}
			return true
		})
	}
	if count != 1 {
		return -1
	}
	return best
}

// mutual finds a partner that finds the half in turn.
func (c *Correlator) mutual(i int32, find func(*half) int32) int32 {
	all := c.join.halves.all
	if !all[i].sent() {
		return -1
	}
	if o := find(&all[i]); o >= 0 && find(&all[o]) == i {
		return o
	}
	return -1
}

// clientTraces finds, among finished records, the client's record of a server
// half, and the nearest on another pod of its service that ended after it.
func (c *Correlator) clientTraces(h *half, p *pod) (here, elsewhere *trace) {
	whole := c.join.traces.each(h.id, func(t *trace) bool {
		switch {
		case t.side() != classify.Client || !h.near(t.end()):
		case t.host == h.host:
			if here == nil || abs(t.end()-h.end) < abs(here.end()-h.end) {
				here = t
			}
		case t.end() >= h.end-retrySkew && c.sameService(p, c.podAt(t.host, t.end(), h.service)):
			if elsewhere == nil || abs(t.end()-h.end) < abs(elsewhere.end()-h.end) {
				elsewhere = t
			}
		}
		return true
	})
	if !whole {
		c.dropped[BoundTraces]++
	}
	return here, elsewhere
}

// clientElsewhere finds the nearest client half of the same id on another pod
// of the service that ended after a server half; -1 if there is none.
func (c *Correlator) clientElsewhere(h *half, p *pod) int32 {
	t := c.join.halves
	found := int32(-1)
	t.walk(chainID, h.id, func(i int32, o *half) bool {
		if o.id == h.id && o.side == classify.Client && o.host >= 0 && o.host != h.host && h.near(o.end) &&
			o.end >= h.end-retrySkew && c.sameService(p, c.podOfHalf(o)) &&
			(found < 0 || abs(o.end-h.end) < abs(t.all[found].end-h.end)) {
			found = i
		}
		return true
	})
	return found
}

func (c *Correlator) sameService(a, b *pod) bool {
	return a != nil && b != nil && a.group.service == b.group.service && a.group != c.registry.unknown
}

func keyOf(a, b *half) Key {
	sameTuple := a.tuple != 0 && a.tuple == b.tuple
	switch {
	case a.id != 0 && a.id == b.id && sameTuple:
		return TupleID
	case a.id != 0 && a.id == b.id:
		return IDHost
	case sameTuple:
		return Tuple
	}
	return Probable
}

func traceKey(h *half, t *trace) Key {
	if h.tuple != 0 && uint16(h.tuple) == t.tuple {
		return TupleID
	}
	return IDHost
}

// better returns the key that proves more.
func better(a, b Key) Key {
	if a == NoKey || b < a {
		return b
	}
	return a
}

func abs(d int64) int64 {
	if d < 0 {
		return -d
	}
	return d
}
