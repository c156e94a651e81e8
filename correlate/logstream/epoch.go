package logstream

// epoch is the sums of some time.
type epoch struct {
	services []service // by number
	sides    [2]sideSum
	unnamed  uint64
	// lost are timeouts of which the pod has no record, late those that it
	// answered.
	lost, late uint64
	lostAt     []int32
	// looked are records that were compared with others, twice those of them
	// that had come before.
	looked, twice uint64
	clocks        map[int32]*clockSum
}

// sideSum is the sums of one side, over all services.
type sideSum struct {
	requests, ok, code0 uint64
	missing             [Fields]uint64
}

// service is the sums of one service.
type service struct {
	sides   [2]serviceSum
	outside bool
}

// serviceSum is the sums of one side of it.
type serviceSum struct {
	// met are requests that both sides had to do with: a caller's that was
	// answered or cut, not one that found no way to a pod.
	requests, met, ok, refused uint64
	// sure are requests that went well by this side's word, and that the other
	// side, which logs, should have; alone are those of them that it has not.
	sure, alone uint64
}

func (s *serviceSum) plus(o *serviceSum) {
	s.requests += o.requests
	s.met += o.met
	s.ok += o.ok
	s.refused += o.refused
	s.sure += o.sure
	s.alone += o.alone
}

func (e *epoch) some() bool { return e.unnamed+e.sides[Client].requests+e.sides[Server].requests > 0 }

func (e *epoch) service(i int32) *service {
	for int(i) >= len(e.services) {
		e.services = append(e.services, service{})
	}
	return &e.services[i]
}

func (e *epoch) clock(i int32) *clockSum {
	c := e.clocks[i]
	if c == nil {
		if e.clocks == nil {
			e.clocks = map[int32]*clockSum{}
		}
		c = &clockSum{}
		e.clocks[i] = c
	}
	return c
}

// plus adds o.
func (e *epoch) plus(o *epoch) {
	for i := range o.services {
		to, from := e.service(int32(i)), &o.services[i]
		to.outside = to.outside || from.outside
		for side := range to.sides {
			to.sides[side].plus(&from.sides[side])
		}
	}
	for side := range o.sides {
		to, from := &e.sides[side], &o.sides[side]
		to.requests += from.requests
		to.ok += from.ok
		to.code0 += from.code0
		for f, n := range from.missing {
			to.missing[f] += n
		}
	}
	e.unnamed += o.unnamed
	e.lost += o.lost
	e.late += o.late
	for _, host := range o.lostAt {
		if len(e.lostAt) == 0 || e.lostAt[0] != host {
			e.lostAt = append(e.lostAt, host)
		}
	}
	e.looked += o.looked
	e.twice += o.twice
	for i, c := range o.clocks {
		to := e.clock(i)
		to.pairs += c.pairs
		to.off += c.off
		to.ahead += c.ahead
	}
}
