package world

// reply reaches the caller.
func (s *service) reply(id uint32, c *call, now int64) {
	s.callers[c.caller].open[c.pod]--
	s.finish(id, c, now, ended)
}

// refuse is that the pod's proxy does not listen yet.
func (s *service) refuse(id uint32, c *call, now int64) {
	s.callers[c.caller].open[c.pod]--
	if s.triesAgain(c) {
		s.backOff(id, c, now)
		return
	}
	s.finish(id, c, now, refusal)
}

// triesAgain says whether there is a further attempt.
func (s *service) triesAgain(c *call) bool {
	return s.callers[c.caller].sidecar && c.attempt <= s.retries
}

// backOff waits before the next try: up to 25 ms, twice as long each time
// (Envoy's default).
func (s *service) backOff(id uint32, c *call, now int64) {
	c.serial++
	c.stage, c.armed = backingOff, true
	c.limit, c.reason = c.gone, patience
	c.bound(c.begun+s.timeout, routeTimeout)
	e := event{at: now + micros(s.rng, 100, 25*millisecond<<(c.attempt-1)), serial: c.serial, call: id, what: retry}
	if c.limit <= e.at {
		e.at, e.what = max(c.limit, now), limit
	}
	s.events.push(e)
}

// giveUp is that the caller's limit is reached. Its proxy resets the attempt:
// the pod's proxy writes that, if it knows of the attempt and has not answered.
func (s *service) giveUp(id uint32, c *call, now int64) {
	from := s.callers[c.caller]
	if c.stage != backingOff {
		from.open[c.pod]--
		if from.sidecar && c.reason != patience {
			s.timedOut(c)
		}
	}
	if c.stage == queued || c.stage == working {
		s.serverLine(c, max(now, c.arrived)+micros(s.rng, 300, 900), abandoned)
	}
	switch {
	case c.reason == patience:
		s.finish(id, c, now, abandoned)
	case c.reason == tryTimeout && s.triesAgain(c):
		s.backOff(id, c, now)
	case c.reason == tryTimeout:
		s.finish(id, c, now+micros(s.rng, 50, 1500), timeoutOfTry)
	default:
		s.finish(id, c, now+micros(s.rng, 50, 1500), timeoutOfRoute)
	}
}

// timedOut counts for what is on where the attempt was aimed.
func (s *service) timedOut(c *call) {
	timedOut(s.pods[c.pod].spells, c.sent)
	timedOut(s.spells, c.sent)
	timedOut(s.callers[c.caller].spells, c.sent)
}

// cut is that the pod is gone with all connections. Its proxy writes no more.
func (s *service) cut(id uint32, c *call, now int64) {
	s.callers[c.caller].open[c.pod]--
	s.finish(id, c, now+micros(s.rng, 300, 900), broken)
}

// finish ends the call for its caller and frees the slot.
func (s *service) finish(id uint32, c *call, now int64, how ending) {
	from := s.callers[c.caller]
	from.calls--
	if from.sidecar {
		s.clientLine(c, now, how)
	}
	c.stage = idle
	c.serial++
	s.free = append(s.free, id)
}
