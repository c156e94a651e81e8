package logstream

// entry is a record that waits for the other side's.
type entry struct {
	id         uint64
	connection uint64
	caller     uint64
	start, end int64
	due        int64
	line       int64
	host       int32
	service    int32
	older      int32 // index+1 of the next older of the same head
	clock      int32 // -1: none
	file       int32
	code       int16
	side       uint8
	outcome    Outcome
	settled    bool
}

// pairs are the records of a share of the request ids, chosen by the id: all of
// them while they fit, and half as many as often as they do not.
type pairs struct {
	ring         []entry
	first, count int
	heads        []int32 // by id: index+1 of the newest
	shift        uint    // share = 1/2^shift
	// pods and callers are when they logged: pods by the number of their host,
	// callers by a fingerprint of their address.
	pods    []logged
	callers map[uint64]*logged
}

// logged is from when to when somebody logged.
type logged struct{ first, last int64 }

func (l *logged) add(end int64) {
	if l.last < end-2*pairsWait { // silent for long: another's address by now, perhaps
		l.first, l.last = end, end
	}
	l.first, l.last = min(l.first, end), max(l.last, end)
}

// around says whether they logged before a time, and after it.
func (l *logged) around(at int64) bool { return l.first < at && l.last > at }

func newPairs() pairs {
	return pairs{ring: make([]entry, maxEntries), heads: make([]int32, maxEntries), callers: map[uint64]*logged{}}
}

func (p *pairs) inShare(id uint64) bool { return p.shift == 0 || id>>(64-p.shift) == 0 }

func (p *pairs) head(id uint64) *int32 { return &p.heads[id&uint64(len(p.heads)-1)] }

// log notes who wrote a record that ended at a time, absurd ones left out.
func (p *pairs) log(r *Record, end int64) {
	if r.Side == Server {
		for int(r.Host) >= len(p.pods) {
			p.pods = append(p.pods, logged{})
		}
		if r.Host >= 0 {
			p.pods[r.Host].add(end)
		}
		return
	}
	if r.Caller == 0 {
		return
	}
	c := p.callers[r.Caller]
	if c == nil {
		if len(p.callers) >= maxCallers {
			return
		}
		c = &logged{}
		p.callers[r.Caller] = c
	}
	c.add(end)
}

// otherLogs says whether the other side of a record logged before it and after.
func (p *pairs) otherLogs(e *entry) bool {
	if e.side == Client {
		return int(e.host) < len(p.pods) && p.pods[e.host].around(e.end)
	}
	c := p.callers[e.caller]
	return c != nil && c.around(e.end)
}

// put adds an entry.
func (p *pairs) put(e entry) {
	for p.count == len(p.ring) {
		p.halve()
		if !p.inShare(e.id) {
			return
		}
	}
	i := (p.first + p.count) % len(p.ring)
	head := p.head(e.id)
	e.older = *head
	p.ring[i] = e
	*head = int32(i) + 1
	p.count++
}

// drop forgets the oldest. Links to it end at an entry that is no older, see
// each.
func (p *pairs) drop() {
	head := p.head(p.ring[p.first].id)
	if *head == int32(p.first)+1 {
		*head = 0
	}
	p.first = (p.first + 1) % len(p.ring)
	p.count--
}

// halve keeps every second id.
func (p *pairs) halve() {
	p.shift++
	old, first, count := p.ring, p.first, p.count
	p.ring = make([]entry, len(old))
	clear(p.heads)
	p.first, p.count = 0, 0
	for k := range count {
		if e := old[(first+k)%len(old)]; p.inShare(e.id) {
			p.put(e)
		}
	}
}

// each calls f with the entries of an id at a host, the newest first, until f
// says no.
func (p *pairs) each(id uint64, host int32, f func(*entry) bool) {
	age, n := p.count, 0
	for i := *p.head(id); i != 0; i = p.ring[i-1].older {
		a := (int(i-1) - p.first + len(p.ring)) % len(p.ring)
		if n++; a >= age || n > maxSameCall {
			return
		}
		age = a
		if e := &p.ring[i-1]; e.id == id && e.host == host && !f(e) {
			return
		}
	}
}

// pair looks for the other side of a record, and for itself.
func (l *Log) pair(e *epoch, r *Record) {
	p, end := &l.pairs, min(r.End(), l.next+epochLen)
	p.log(r, end)
	if r.ID == 0 || r.Host < 0 || !p.inShare(r.ID) {
		return
	}
	in := entry{
		id: r.ID, connection: r.Connection, caller: r.Caller, start: r.Start, end: r.End(), line: r.Line, file: r.File,
		host: r.Host, service: r.Service, code: int16(r.Code), side: uint8(r.Side), outcome: r.Outcome,
		clock: l.clocks.number(r.Clock), due: end + pairsWait,
	}
	again, moved := false, false
	p.each(r.ID, r.Host, func(o *entry) bool {
		again = o.side == in.side && o.start == in.start && o.end == in.end && o.code == in.code && o.connection == in.connection
		moved = o.file != in.file || o.line != in.line
		return !again
	})
	if again && !moved {
		return // it is read again
	}
	e.looked++
	if again {
		e.twice++
		return
	}
	p.put(in)
}

// settle decides on the records whose other side does not come any more.
func (l *Log) settle(now int64) {
	p := &l.pairs
	for k := range p.count {
		if e := &p.ring[(p.first+k)%len(p.ring)]; !e.settled && e.due <= now {
			l.settleCall(e)
		}
	}
	for p.count > 0 && p.ring[p.first].settled {
		p.drop()
	}
}

// settleCall settles the records of one request id at one host together: which
// of several belong to each other does not matter, only how many have no other
// side.
func (l *Log) settleCall(e *entry) {
	p := &l.pairs
	var sides [2][]*entry
	p.each(e.id, e.host, func(o *entry) bool {
		if !o.settled && o.end-e.end <= pairsWait && e.end-o.end <= pairsWait {
			sides[o.side] = append(sides[o.side], o)
		}
		return true
	})
	for side, all := range sides {
		lacking := len(all) - len(sides[1-side])
		for _, o := range all {
			o.settled = true
			if o.outcome != OK || lacking > 0 && !p.otherLogs(o) {
				continue
			}
			s := &l.at(o.end).service(o.service).sides[side]
			s.sure++
			if lacking > 0 {
				s.alone++
				lacking--
			}
		}
	}
	if len(sides[Client]) == 1 && len(sides[Server]) == 1 {
		l.compare(sides[Client][0], sides[Server][0])
	}
	e.settled = true // however long the chain
}
