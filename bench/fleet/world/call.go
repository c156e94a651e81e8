package world

// stage is where a call is.
type stage uint8

const (
	idle       stage = iota // no call: the slot is free
	connecting              // to a pod that will refuse
	travelling              // to the pod, late
	queued                  // at the pod
	working                 // a worker has it
	replying                // the reply is under way, late
	backingOff              // before the next try
)

// reason is why a caller stops to wait.
type reason uint8

const (
	noReason reason = iota
	routeTimeout
	tryTimeout
	patience // of the application
)

// call is what a caller waits for. Its current attempt is at a pod.
type call struct {
	begun    int64 // at the caller's proxy
	gone     int64 // when the application goes, or never
	idA, idB uint64
	serial   uint32 // of the attempt; goes on when the slot is used again
	caller   uint16
	item     uint16
	class    uint8
	attempt  uint8
	code     uint16
	nameless bool // without a request id

	// Of the attempt.
	stage   stage
	reason  reason // of limit
	armed   bool   // the event of limit is in the heap
	joined  bool   // there was a connection
	pod     uint16
	sent    int64
	arrived int64 // at the pod's proxy
	limit   int64
	back    int64 // from the pod's proxy to the caller's
	late    int64 // of that, what is unusual
	stood   int64 // of the pod, that the end of the work accounts for
}

// state is what moves while a service runs.
type state struct {
	calls  []call
	free   []uint32
	events events
	next   int // of plan
}

// begin starts a call, unless all threads of the caller are busy.
func (s *service) begin(now int64) {
	rng := s.rng
	number, x := 0, rng.Float64()
	for s.shares[number] < x && number < len(s.shares)-1 {
		number++
	}
	from := s.callers[number]
	if from.calls == mostCalls {
		return
	}
	from.calls++
	var id uint32
	if n := len(s.free); n > 0 {
		id, s.free = s.free[n-1], s.free[:n-1]
	} else {
		id = uint32(len(s.calls))
		s.calls = append(s.calls, call{})
	}
	c := &s.calls[id]
	*c = call{
		begun: now, gone: never, idA: rng.Uint64(), idB: rng.Uint64(), serial: c.serial, caller: uint16(number),
		class: s.request(), code: 200,
	}
	c.item = uint16(c.idB % 10000)
	if wait := from.patience(rng, now); wait != never {
		c.gone = now + wait
	}
	// Some answers are errors, at all pods alike, and a few calls have no id.
	switch x := rng.Uint32N(2000); {
	case x < 6:
		c.code = 404
	case x < 10:
		c.code = 500
	case x < 20:
		c.nameless = true
	}
	s.send(id, c, now)
}

// send aims an attempt at a pod.
func (s *service) send(id uint32, c *call, now int64) {
	from := s.callers[c.caller]
	p := s.choose(c, from)
	c.attempt++
	c.serial++
	c.pod, c.sent, c.armed, c.late, c.joined = p.index, now, false, 0, now >= p.listens
	c.limit, c.reason = c.gone, patience
	if from.sidecar && s.timeout > 0 {
		c.bound(c.begun+s.timeout, routeTimeout)
		if s.perTry > 0 {
			c.bound(now+s.perTry, tryTimeout)
		}
	}
	from.open[p.index]++
	if p.requests == 0 {
		p.first = now
	}
	p.requests++
	counted(p.spells, now)
	counted(s.spells, now)
	counted(from.spells, now)
	if !c.joined {
		at := now + micros(s.rng, 300, 2500)
		c.stage = connecting
		s.events.push(event{at: at, serial: c.serial, call: id, what: refused})
		s.arm(id, c, at)
		return
	}
	late := int64(0)
	if len(p.spells) > 0 {
		if loss := p.loss(now); loss > 0 {
			late, c.late = s.retransmitted(loss), s.retransmitted(loss)
		}
	}
	if len(from.spells) > 0 {
		late += from.slowness(s.rng, now)
		c.late += from.slowness(s.rng, now)
	}
	c.arrived = now + micros(s.rng, 300, 900) + late
	c.back = micros(s.rng, 350, 900) + c.late
	if late == 0 {
		s.arrive(id, c)
		return
	}
	c.stage = travelling
	s.events.push(event{at: c.arrived, serial: c.serial, call: id, what: arrives})
	s.arm(id, c, c.arrived)
}

// bound shortens the attempt's limit.
func (c *call) bound(at int64, why reason) {
	if at < c.limit {
		c.limit, c.reason = at, why
	}
}

// retransmitted draws how late a packet is of which this share gets lost: TCP
// waits 200 ms at first (Linux, TCP_RTO_MIN) and twice as long each time.
func (s *service) retransmitted(loss float64) int64 {
	late := int64(0)
	for wait := 200 * millisecond; wait < 30*second && s.rng.Float64() < loss; wait *= 2 {
		late += wait + micros(s.rng, 500, 5000)
	}
	return late
}

// arm makes sure that the caller's limit is an event if it comes before at. Most
// attempts end earlier and need none.
func (s *service) arm(id uint32, c *call, at int64) {
	if !c.armed && c.limit <= at && c.limit != never {
		c.armed = true
		s.events.push(event{at: c.limit, serial: c.serial, call: id, what: limit})
	}
}

// arrive is at the pod's proxy, which hands over to the application.
func (s *service) arrive(id uint32, c *call) {
	p := s.pods[c.pod]
	switch {
	case p.dead: // on the way
		s.cut(id, c, c.arrived)
	case p.busy < p.workers:
		p.busy++
		s.work(id, c, p, c.arrived)
	default:
		c.stage = queued
		p.waiting.push(ticket{id, c.serial})
		s.arm(id, c, never)
	}
}

// work gives a worker the call.
func (s *service) work(id uint32, c *call, p *pod, now int64) {
	at := max(now, c.arrived, p.standsUntil)
	end := at + p.work(&s.classes[c.class], at)
	c.stage, c.stood = working, p.stood
	s.events.push(event{at: end, serial: c.serial, call: id, pod: p.index, what: done})
	s.arm(id, c, end+c.back)
}

// workDone ends the work on an attempt, unless the pod stood still meanwhile:
// then the work goes on. An application also ends what nobody waits for any
// more: it has not been told.
func (s *service) workDone(e event, now int64) {
	p, c := s.pods[e.pod], &s.calls[e.call]
	if c.serial != e.serial {
		if p.standsUntil > now {
			e.at = p.standsUntil
			s.events.push(e)
			return
		}
		s.release(p, now)
		return
	}
	if more := p.stood - c.stood; more > 0 {
		c.stood = p.stood
		e.at = now + more
		s.events.push(e)
		s.arm(e.call, c, e.at+c.back)
		return
	}
	p.last = max(p.last, now)
	s.serverLine(c, now, ended)
	s.release(p, now)
	end := now + c.back
	if c.late == 0 && end <= c.limit {
		s.reply(e.call, c, end)
		return
	}
	c.stage = replying
	s.events.push(event{at: end, serial: c.serial, call: e.call, what: replied})
	s.arm(e.call, c, end)
}

// release frees a worker and gives it what waits. What was given up is dropped.
func (s *service) release(p *pod, now int64) {
	for {
		t, ok := p.waiting.pop()
		if !ok {
			p.busy--
			return
		}
		if c := &s.calls[t.call]; c.serial == t.serial {
			s.work(t.call, c, p, now)
			return
		}
	}
}
