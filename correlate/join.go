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
	// retrySkew is how much earlier than an attempt the call may seem to
	// end that it was an attempt of: two clocks.
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
	dueList []int32

	// Scratch memory for one call.
	client  Record
	server  []Record
	buf     []byte
	matches []int32
}

// enter takes a record into the join: a half waits, a finished record leaves
// its trace.
func (c *Correlator) enter(r *Record, p *pod, hostIndex int32) {
	id := idFingerprint(r.RequestID)
	if !r.Half {
		if id != 0 && hostIndex >= 0 && r.HTTP {
			c.join.traces.add(r, id, hostIndex, c.horizon(), c.window.start+farJump)
		}
		return
	}
	if r.Side == classify.Client {
		c.join.stats.ClientHalves++
	} else {
		c.join.stats.ServerHalves++
	}
	tuple := tupleFingerprint(r)
	switch same, long := c.join.twice(r, id, tuple, hostIndex); {
	case same:
		c.join.stats.Duplicates++
		return
	case long:
		c.dropped[BoundHalvesPerCall]++
		return
	}
	i := c.join.halves.put(r, id, tuple, hostIndex, c.dueTime(r, p, id))
	if i < 0 {
		c.dropped[BoundHalves]++
		return
	}
	c.pair(i)
}

// twice says whether this very record is open already, and whether its chain
// is too long to take another.
func (j *join) twice(r *Record, id, tuple uint64, host int32) (same, long bool) {
	if id == 0 && tuple == 0 {
		return false, false
	}
	whole := j.halves.walk(chainID, idHash(id, tuple), func(_ int32, h *half) bool {
		same = h.side == r.Side && h.host == host && h.id == id && h.tuple == tuple &&
			h.end == r.End() && h.duration == r.Duration && int(h.code) == r.Code
		return !same
	})
	return same, !whole
}

// dueTime is when a half has waited long enough.
func (c *Correlator) dueTime(r *Record, p *pod, id uint64) int64 {
	due := r.End() + c.waitOf(r, p)
	if id == 0 {
		due += withoutID
	}
	return due
}

// waitOf is how long a record of the service waits.
func (c *Correlator) waitOf(r *Record, p *pod) int64 {
	var s *service
	switch {
	case r.Target.Service != nil:
		s = c.registry.services[string(r.Target.Service)]
	case p != nil:
		s = p.group.service
	}
	if s == nil {
		return minWait
	}
	return min(max(minWait, s.longest), maxWait)
}

// pair credits a pod with what a half and its other side prove as soon as both
// are at hand, long before the horizon: a finding cannot wait for it.
func (c *Correlator) pair(i int32) {
	h := &c.join.halves.all[i]
	if h.id == 0 || h.host < 0 {
		return
	}
	c.join.halves.walk(chainID, idHash(h.id, 0), func(_ int32, o *half) bool {
		if o.id != h.id || o.host != h.host || o.side == h.side {
			return true
		}
		client, server := h, o
		if h.side == classify.Server {
			client, server = o, h
		}
		p := c.podAt(h.host, client.end)
		if p == nil {
			return true
		}
		switch {
		case client.outcome == classify.Timeout && isCut(server.outcome) && !client.paired:
			client.paired = true
			c.credit(p, client.end, server.appHad, 1)
		case isCut(client.outcome) && server.outcome == classify.DownstreamClosed && !server.paired:
			server.paired = true
			c.creditLeft(p, server.end)
		}
		return true
	})
}

func (c *Correlator) podAt(hostIndex int32, end int64) *pod {
	if hostIndex < 0 {
		return nil
	}
	return c.registry.hostList[hostIndex].holder(end)
}

// expire resolves all halves that are due, in the order of what they know:
// those with a request id choose before those without, and clients before
// servers, because a call is the client's.
func (c *Correlator) expire(now int64) {
	t := c.join.halves
	c.join.dueList = t.takeDue(now, c.join.dueList)
	for pass := range 4 {
		for _, i := range c.join.dueList {
			h := &t.all[i]
			inPass := h.id != 0 == (pass < 2) && (h.side == classify.Client) == (pass%2 == 0)
			if inPass && !h.taken {
				c.resolve(i)
			}
		}
	}
	for _, i := range c.join.dueList {
		if h := &t.all[i]; h.deferred {
			h.deferred = false
		} else {
			t.release(i)
		}
	}
}

// resolve makes the call of a half that has waited.
func (c *Correlator) resolve(i int32) {
	h := &c.join.halves.all[i]
	if h.side == classify.Client {
		c.resolveClient(i)
		return
	}
	if h.id != 0 {
		if other := c.openClient(h); other != nil && other.due > h.due {
			// Its client half waits longer: the call is the client's.
			h.deferred = true
			c.join.halves.schedule(i, other.due+1)
			return
		}
	}
	if other := c.loneMatch(h); other >= 0 {
		c.resolvePair(other, i)
		return
	}
	c.resolveServer(i)
}

// openClient returns the open client half of the same id and host.
func (c *Correlator) openClient(h *half) (found *half) {
	c.join.halves.walk(chainID, idHash(h.id, 0), func(_ int32, o *half) bool {
		if o.id == h.id && o.host == h.host && o.side == classify.Client && !o.taken {
			found = o
		}
		return found == nil
	})
	return found
}

// loneMatch finds the other side of a half by connection or, failing that, by
// host and time, where one of the two has no request id. -1: none, or more
// than one that is only probable.
func (c *Correlator) loneMatch(h *half) int32 {
	t := c.join.halves
	best, distance := int32(-1), int64(tupleWithin)+1
	if h.tuple != 0 {
		t.walk(chainID, idHash(0, h.tuple), func(i int32, o *half) bool {
			if o.id == 0 && o.tuple == h.tuple && o.side != h.side && !o.taken {
				if d := abs(o.end - h.end); d < distance {
					best, distance = i, d
				}
			}
			return true
		})
	}
	if best >= 0 || h.host < 0 {
		return best
	}
	count := 0
	for b := int64(-1); b <= 1; b++ {
		at := h.end + b*hostWithin
		t.walk(chainHost, hostHash(h.host, at), func(i int32, o *half) bool {
			if o.host == h.host && o.end/hostWithin == at/hostWithin && o.side != h.side && !o.taken &&
				abs(o.end-h.end) <= hostWithin && (o.tuple == 0 || h.tuple == 0 || o.tuple == h.tuple) {
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

func abs(d int64) int64 {
	if d < 0 {
		return -d
	}
	return d
}

// resolveClient makes the call of a client half: all server records of its id
// and host, open or finished, else the one that its connection or time finds.
func (c *Correlator) resolveClient(i int32) {
	j, h := &c.join, &c.join.halves.all[i]
	j.matches = j.matches[:0]
	if h.id != 0 && h.host >= 0 {
		j.halves.walk(chainID, idHash(h.id, 0), func(k int32, o *half) bool {
			if o.id == h.id && o.host == h.host && o.side == classify.Server && !o.taken && c.nearest(h, o) {
				j.matches = append(j.matches, k)
			}
			return true
		})
	}
	if len(j.matches) == 0 {
		if k := c.loneMatch(h); k >= 0 {
			j.matches = append(j.matches, k)
		}
	}
	c.finishClient(i)
}

// resolvePair makes the call of a client half that a server half has found.
func (c *Correlator) resolvePair(client, server int32) {
	c.join.matches = append(c.join.matches[:0], server)
	c.finishClient(client)
}

// nearest says whether no other open client half of the same id and host ended
// nearer to the server half: an id may be used again.
func (c *Correlator) nearest(client, server *half) bool {
	mine, ok := abs(client.end-server.end), true
	c.join.halves.walk(chainID, idHash(client.id, 0), func(_ int32, o *half) bool {
		if o != client && o.id == client.id && o.host == client.host && o.side == classify.Client && !o.taken {
			ok = abs(o.end-server.end) >= mine
		}
		return ok
	})
	return ok
}

// finishClient loads the client half and its matches, looks for finished
// records, and hands the call on.
func (c *Correlator) finishClient(i int32) {
	j, h := &c.join, &c.join.halves.all[i]
	h.taken = true
	j.buf = j.buf[:0]
	if !j.halves.load(i, &j.client, &j.buf) {
		c.dropped[BoundJoinBytes]++
		return
	}
	key := NoKey
	j.server = j.server[:0]
	for _, k := range j.matches {
		o := &j.halves.all[k]
		o.taken = true
		var s Record
		if !j.halves.load(k, &s, &j.buf) {
			c.dropped[BoundJoinBytes]++
			continue
		}
		j.server = append(j.server, s)
		key = better(key, keyOf(h, o))
	}
	if h.id != 0 && h.host >= 0 {
		j.traces.each(h.id, func(t *trace) bool {
			if t.host == h.host && t.side() == classify.Server && j.plausible(h, t) {
				j.server = append(j.server, t.record())
				key = better(key, traceKey(h, t))
			}
			return len(j.server) < maxChain
		})
	}
	sortByEnd(j.server)
	p := c.podAt(h.host, h.end)
	var verdict Verdict
	if len(j.server) == 0 {
		shared := h.id != 0 && j.traces.inShare(h.id)
		verdict = aloneClient(&j.client, shared, c.reports(p, h), c.atEdge(h, p, &j.client))
	} else {
		verdict = both(&j.client, j.server)
	}
	c.settle(p, h, verdict)
	group := c.registry.named(j.client.Target)
	c.emit(&Call{Verdict: verdict, Key: key, RequestID: j.client.RequestID, Client: &j.client, Server: j.server}, group, p)
}

// resolveServer makes the call of a server half without a client half.
func (c *Correlator) resolveServer(i int32) {
	j, h := &c.join, &c.join.halves.all[i]
	h.taken = true
	j.buf, j.server = j.buf[:0], j.server[:0]
	var s Record
	if !j.halves.load(i, &s, &j.buf) {
		c.dropped[BoundJoinBytes]++
		return
	}
	j.server = append(j.server, s)
	p := c.podAt(h.host, h.end)
	call := Call{Verdict: ServerOnly, RequestID: s.RequestID, Server: j.server}
	if h.id != 0 && h.host >= 0 {
		c.finishedClient(h, p, &call)
	}
	if call.Client == nil && c.atEdge(h, p, &s) {
		call.Verdict = Undecided
	}
	group := c.groupOf(&s, p)
	c.emit(&call, group, p)
}

// finishedClient looks for the client's record among the traces, and on other
// pods: there the half was an attempt that was made again.
func (c *Correlator) finishedClient(h *half, p *pod, call *Call) {
	j := &c.join
	var here, elsewhere *trace
	j.traces.each(h.id, func(t *trace) bool {
		if t.side() != classify.Client {
			return true
		}
		if t.host == h.host {
			if here == nil || abs(t.end()-h.end) < abs(here.end()-h.end) {
				here = t
			}
		} else if t.end() >= h.end-retrySkew && c.sameService(p, c.podAt(t.host, t.end())) {
			elsewhere = t
		}
		return true
	})
	retry := retried(&call.Server[0])
	switch {
	case here != nil:
		j.client = here.record()
		call.Client, call.Verdict, call.Key = &j.client, Joined, traceKey(h, here)
	case retry && elsewhere != nil:
		j.client = elsewhere.record()
		call.Client, call.Verdict = &j.client, HiddenRetry
	case retry:
		c.retriedHalf(h, p, call)
	}
}

func (c *Correlator) retriedHalf(h *half, p *pod, call *Call) {
	found := int32(-1)
	c.join.halves.walk(chainID, idHash(h.id, 0), func(i int32, o *half) bool {
		if o.id == h.id && o.side == classify.Client && o.host >= 0 && o.host != h.host &&
			o.end >= h.end-retrySkew && c.sameService(p, c.podAt(o.host, o.end)) {
			found = i
		}
		return found < 0
	})
	if found >= 0 && c.join.halves.load(found, &c.join.client, &c.join.buf) {
		call.Client, call.Verdict = &c.join.client, HiddenRetry
	}
}

func (c *Correlator) sameService(a, b *pod) bool {
	return a != nil && b != nil && a.group.service == b.group.service && a.group != c.registry.unknown
}

// plausible keeps traces of an id that is used again and again from piling up
// in one call: the nearest few are enough.
func (j *join) plausible(h *half, t *trace) bool {
	return len(j.server) < 4 || abs(t.end()-h.end) <= h.duration+tupleWithin
}

// record is what a trace holds; the rest is unset.
func (t *trace) record() Record {
	return Record{
		Class: classify.Class{Side: t.side(), HTTP: true, Outcome: classify.UnknownOutcome},
		Start: t.end() - int64(t.duration), Duration: int64(t.duration), Code: t.code(),
		File: int32(t.file), Line: int64(t.line),
	}
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

func sortByEnd(s []Record) {
	for i := 1; i < len(s); i++ {
		for k := i; k > 0 && s[k].End() < s[k-1].End(); k-- {
			s[k], s[k-1] = s[k-1], s[k]
		}
	}
}

// reports says whether the pod wrote server records around a half, so that
// their absence means something.
func (c *Correlator) reports(p *pod, h *half) bool {
	if p == nil || !p.judge.reporting() {
		return false
	}
	return p.servedBetween(h.end-reportsWithin, h.end) && p.servedBetween(h.end, h.due)
}

// atEdge says whether the other side of a half may lie outside of what was
// read.
func (c *Correlator) atEdge(h *half, p *pod, r *Record) bool {
	wait := c.waitOf(r, p)
	return h.end-wait < c.firstEnd || h.end+wait > c.lastEnd
}

// groupOf is the service and subset of a server record: its own word, else
// that of its pod.
func (c *Correlator) groupOf(r *Record, p *pod) *group {
	switch {
	case r.Target.Service != nil:
		return c.registry.named(r.Target)
	case p != nil:
		return p.group
	}
	return c.registry.unknown
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
	if p != nil {
		p.sample(call)
	}
	if c.onCall != nil {
		c.onCall(call)
	}
}
