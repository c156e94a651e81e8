package correlate

import (
	"cmp"
	"slices"

	"github.com/slowpod/slowpod/classify"
)

// expire resolves all halves that are due. The keys choose in their order of
// trust, each for all halves before the next begins, clients before servers: a
// call is the client's.
func (c *Correlator) expire(now int64) {
	t := c.join.halves
	c.join.dueList = t.takeDue(now, c.join.dueList)
	list := c.join.dueList
	for _, i := range list {
		c.await(i, now)
	}
	each := func(side classify.Side, f func(int32)) {
		for _, i := range list {
			if h := &t.all[i]; h.side == side && !h.taken && !h.later {
				f(i)
			}
		}
	}
	each(classify.Client, c.resolveClientByID)
	each(classify.Server, c.resolveServerByID)
	for _, find := range [...]func(*half) int32{c.byTuple, c.byHost} {
		each(classify.Client, func(i int32) {
			if o := c.mutual(i, find); o >= 0 {
				c.join.matches = append(c.join.matches[:0], o)
				c.finishClient(i)
			}
		})
		each(classify.Server, func(i int32) {
			if o := c.mutual(i, find); o >= 0 {
				c.join.matches = append(c.join.matches[:0], i)
				c.finishClient(o)
			}
		})
	}
	each(classify.Client, func(i int32) {
		c.join.matches = c.join.matches[:0]
		c.finishClient(i)
	})
	each(classify.Server, c.serverAlone)
	for _, i := range list {
		c.leave(i, now)
		c.oldest.fresh = false
	}
}

// await says how long a half waits by what is known now, and puts it off if
// that is longer than was known when it came.
func (c *Correlator) await(i int32, now int64) {
	h := &c.join.halves.all[i]
	h.later = false
	if h.taken {
		return
	}
	h.wait = c.waitOf(h)
	due := h.end + h.wait
	if h.end > now+farJump { // absurd: time has not come near it
		due = h.from + h.wait
	}
	if h.id == 0 {
		due += withoutID
	}
	if due > now {
		h.later = true
		c.join.halves.schedule(i, due)
	}
}

// leave frees the place of a half that was due, unless it is to be looked at
// again. A client half stays a little longer, for attempts that seem to have
// ended after it.
func (c *Correlator) leave(i int32, now int64) {
	h := &c.join.halves.all[i]
	switch {
	case h.later:
	case h.side == classify.Client && h.id != 0 && !h.lingers && now < endOfInput:
		h.lingers = true
		c.join.halves.schedule(i, max(h.due+retrySkew, now+1))
	default:
		c.join.halves.release(i)
	}
}

// resolveClientByID makes the call of a client half whose server records are
// found by its request id.
func (c *Correlator) resolveClientByID(i int32) {
	j, h := &c.join, &c.join.halves.all[i]
	j.matches = c.servers(h, j.matches[:0])
	if len(j.matches) > 0 || c.answered(h) {
		c.finishClient(i)
	}
}

// answered says whether a finished server record has the half's id and host.
func (c *Correlator) answered(h *half) (yes bool) {
	if h.id != 0 && h.host >= 0 {
		c.join.traces.each(h.id, func(t *trace) bool {
			yes = t.host == h.host && t.side() == classify.Server && h.near(t.end())
			return !yes
		})
	}
	return yes
}

// resolveServerByID makes the call of a server half whose client's record is
// found by its request id, on its own host or, if it was an attempt that was
// made again, on another.
func (c *Correlator) resolveServerByID(i int32) {
	j, h := &c.join, &c.join.halves.all[i]
	if h.id == 0 || h.host < 0 {
		return
	}
	if other := c.openClient(h); other != nil {
		// Its client half waits longer: the call is the client's.
		h.later = true
		j.halves.schedule(i, max(other.due, h.due)+1)
		return
	}
	j.buf = j.buf[:0]
	p := c.podOfHalf(h)
	here, elsewhere := c.clientTraces(h, p)
	switch {
	case here != nil:
		j.client = j.traces.record(here)
		c.finishServer(i, p, Joined, traceKey(h, here), &j.client)
	case h.failed:
		half := c.clientElsewhere(h, p)
		switch {
		case half >= 0 && (elsewhere == nil || abs(j.halves.all[half].end-h.end) < abs(elsewhere.end()-h.end)):
			if j.halves.load(half, &j.client, &j.buf) {
				c.finishServer(i, p, HiddenRetry, NoKey, &j.client)
			}
		case elsewhere != nil:
			j.client = j.traces.record(elsewhere)
			c.finishServer(i, p, HiddenRetry, NoKey, &j.client)
		}
	}
}

// serverAlone makes the call of a server half without any client record.
func (c *Correlator) serverAlone(i int32) {
	h := &c.join.halves.all[i]
	c.join.buf = c.join.buf[:0]
	verdict := ServerOnly
	if c.atEdge(h) {
		verdict = Undecided
	}
	c.finishServer(i, c.podOfHalf(h), verdict, NoKey, nil)
}

func (c *Correlator) finishServer(i int32, p *pod, v Verdict, key Key, client *Record) {
	j := &c.join
	j.halves.all[i].taken = true
	var s Record
	if !j.halves.load(i, &s, &j.buf) {
		c.dropped[BoundJoinBytes]++
		return
	}
	j.server = append(j.server[:0], s)
	c.emit(&Call{Verdict: v, Key: key, RequestID: s.RequestID, Client: client, Server: j.server}, c.groupOf(&s, p), p)
}

// finishClient makes the call of a client half with the server halves in
// matches and the finished records of its id and host.
func (c *Correlator) finishClient(i int32) {
	j, h := &c.join, &c.join.halves.all[i]
	h.taken = true
	j.buf, j.server = j.buf[:0], j.server[:0]
	if !j.halves.load(i, &j.client, &j.buf) {
		c.dropped[BoundJoinBytes]++
		return
	}
	if h.wait == 0 { // a server half found it before it was due
		h.wait = c.waitOf(h)
	}
	key := NoKey
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
		if isCut(h.outcome) && o.outcome == classify.DownstreamClosed && !o.paired {
			if p := c.podOfHalf(o); p != nil {
				c.creditLeft(p, o)
			}
		}
	}
	key = c.addAnswers(h, key)
	slices.SortStableFunc(j.server, func(a, b Record) int {
		return cmp.Or(cmp.Compare(a.End(), b.End()), cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	p := c.podOfHalf(h)
	if len(j.matches) > 0 { // its record says whose call it was
		p = c.podAt(h.host, j.halves.all[j.matches[0]].end, h.service)
	}
	var verdict Verdict
	if len(j.server) == 0 {
		shared := h.id != 0 && j.traces.inShare(h.id)
		verdict = aloneClient(&j.client, shared, c.reports(p, h), c.atEdge(h))
	} else {
		verdict = both(&j.client, j.server)
	}
	c.settle(p, h, verdict)
	c.emit(&Call{Verdict: verdict, Key: key, RequestID: j.client.RequestID, Client: &j.client, Server: j.server},
		c.registry.named(j.client.Target), p)
}

// addAnswers adds the finished server records of a client half's id and host.
func (c *Correlator) addAnswers(h *half, key Key) Key {
	if h.id == 0 || h.host < 0 {
		return key
	}
	j := &c.join
	halves := len(j.server)
	whole := j.traces.each(h.id, func(t *trace) bool {
		if t.host != h.host || t.side() != classify.Server || !h.near(t.end()) || !j.plausible(h, t) {
			return true
		}
		s := j.traces.record(t)
		for k := range j.server[halves:] {
			if o := &j.server[halves+k]; o.Start == s.Start && o.Duration == s.Duration && o.Code == s.Code {
				// Delivered twice: the first place stands.
				if s.File < o.File || s.File == o.File && s.Line < o.Line {
					*o = s
				}
				return true
			}
		}
		j.server = append(j.server, s)
		key = better(key, traceKey(h, t))
		return len(j.server) < maxChain
	})
	if !whole {
		c.dropped[BoundTraces]++
	}
	return key
}

// plausible keeps traces of an id that is used again and again from piling up
// in one call: the nearest few are enough.
func (j *join) plausible(h *half, t *trace) bool {
	return len(j.server) < 4 || abs(t.end()-h.end) <= h.duration+tupleWithin
}

// reports says whether the pod wrote server records around a half, so that
// their absence means something.
func (c *Correlator) reports(p *pod, h *half) bool {
	if p == nil || !p.judge.reporting() {
		return false
	}
	return c.servedAround(p, h)
}

// servedAround says whether the pod wrote any server records before a half and
// after it.
func (c *Correlator) servedAround(p *pod, h *half) bool {
	return p.servedBetween(h.end-reportsWithin, h.end) && p.servedBetween(h.end, h.end+h.wait)
}

// atEdge says whether the other side of a half may lie outside of what was
// read.
func (c *Correlator) atEdge(h *half) bool {
	return h.end-h.wait < c.firstEnd || h.end+h.wait > c.lastEnd
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
