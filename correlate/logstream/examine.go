package logstream

import "slices"

// examine says what is wrong with the last two epochs.
func (l *Log) examine(now int64) {
	var e epoch
	e.plus(&l.epochs[0])
	e.plus(&l.epochs[1])
	var found [Reasons]*Fault
	for _, f := range [...]*Fault{
		e.oneSided(), e.errorsOnly(), e.sampled(), e.code0Filtered(), e.fieldsMissing(), l.skewed(&e), e.duplicates(),
	} {
		if f != nil {
			found[f.Reason] = f
		}
	}
	if e.some() { // else nobody knows
		l.keep(found, max(l.next-2*epochLen, l.began), now)
	}
	l.mend()
}

// keep enters what was found into what is known.
func (l *Log) keep(found [Reasons]*Fault, start, now int64) {
	for i := range slices.Backward(l.faults) { // the last of a reason is the one that may go on
		f := &l.faults[i]
		again := found[f.Reason]
		switch {
		case again != nil && (!f.Ended || start-f.End <= oneEpisode):
			if f.Ended {
				l.changes++
			}
			again.Start, again.Detected = f.Start, f.Detected
			*f = *again
			found[f.Reason] = nil
		case again == nil && !f.Ended:
			f.End, f.Ended = now, true
			l.changes++
		}
	}
	for _, f := range found {
		if f != nil {
			f.Start, f.Detected = start, now
			l.faults = append(l.faults, *f)
			l.changes++
		}
	}
	for i := 0; len(l.faults) > maxFaults && i < len(l.faults); {
		if l.faults[i].Ended {
			l.faults = slices.Delete(l.faults, i, i+1)
		} else {
			i++
		}
	}
}

func share(n, total uint64) float64 { return float64(n) / float64(max(total, 1)) }

// oneSided looks for services of which only one side writes.
func (e *epoch) oneSided() *Fault {
	f := Fault{Reason: OneSided}
	for i := range e.services {
		s := &e.services[i]
		for side := range s.sides {
			switch {
			case s.sides[1-side].met < leastRequests || s.sides[side].requests > 0,
				side == Server && (i == 0 || s.outside),                  // pods that nobody expects to log
				side == Client && i == 0 && e.sides[Client].requests > 0: // may be those of any service
				continue
			}
			f.Sides[side] = true
			f.Of++
			f.N += s.sides[1-side].requests
			f.Services[side] = append(f.Services[side], int32(i))
		}
		f.Total += s.sides[Client].requests + s.sides[Server].requests
	}
	if f.Of == 0 {
		return nil
	}
	return &f
}

// errorsOnly looks for a side that does not log what goes well.
func (e *epoch) errorsOnly() *Fault {
	f := Fault{Reason: ErrorsOnly}
	for side := range e.sides {
		s := &e.sides[side]
		if s.requests < leastRequests || share(s.ok, s.requests) > mostOK {
			continue
		}
		answering, refused := 0, uint64(0)
		for i := range e.services {
			n := e.services[i].sides[side].refused
			refused += n
			if n >= leastAnswerings {
				answering++
			}
		}
		if answering < leastAnswering || refused < leastRefused {
			continue
		}
		f.Sides[side] = true
		f.N += s.ok
		f.Total += s.requests
	}
	if f.Total == 0 {
		return nil
	}
	return &f
}

// sampled looks for requests that are in the log of one side and not in that of
// the other, though that logs.
func (e *epoch) sampled() *Fault {
	f := Fault{Reason: Sampled}
	for side := range e.sides {
		var sure, alone uint64
		for i := range e.services {
			if s := &e.services[i].sides[side]; s.alone < s.sure {
				sure += s.sure
				alone += s.alone
			}
		}
		if sure >= leastRequests && share(alone, sure) >= leastLacking {
			f.Sides[1-side] = true
			f.N += alone
			f.Total += sure
		}
	}
	if f.Total == 0 {
		return nil
	}
	return &f
}

// code0Filtered looks for timeouts of which the pods have no record, where they
// have none of any request that was cut. What pods answered and nobody got was
// lost on its way, and others are likely to have been, too.
func (e *epoch) code0Filtered() *Fault {
	client, server := &e.sides[Client], &e.sides[Server]
	switch {
	case e.lost < leastLost || server.requests < leastServed || server.code0 > 0,
		len(e.lostAt) < 2 && client.code0 > 0, float64(e.late) > mostLate*float64(e.lost):
		return nil
	}
	return &Fault{Reason: Code0Filtered, Sides: [2]bool{Server: true}, N: e.lost, Total: server.requests}
}

// fieldsMissing looks for fields that many records of a side do not have.
func (e *epoch) fieldsMissing() *Fault {
	f := Fault{Reason: FieldsMissing}
	all := e.unnamed + e.sides[Client].requests + e.sides[Server].requests
	if all >= leastRequests && share(e.unnamed, all) >= leastMissing {
		f.Fields = append(f.Fields, Missing{Field: Cluster, N: e.unnamed, Total: all})
		f.Sides = [2]bool{true, true}
	}
	for side := range e.sides {
		s := &e.sides[side]
		for field, n := range s.missing {
			least, of := leastMissing, s.ok // the others need not have them
			switch Field(field) {
			case Details:
				of = s.requests
			case DurationOfCall:
				least, of = leastTimeless, s.requests
			}
			if of >= leastRequests && share(n, of) >= least {
				f.Fields = append(f.Fields, Missing{side, Field(field), n, of})
				f.Sides[side] = true
			}
		}
	}
	for _, m := range f.Fields {
		if m.N > f.N {
			f.N, f.Total = m.N, m.Total
		}
	}
	if len(f.Fields) == 0 {
		return nil
	}
	return &f
}

// skewed looks for clocks that are wrong.
func (l *Log) skewed(e *epoch) *Fault {
	wrong := l.wrong(e)
	if len(wrong) == 0 {
		return nil
	}
	f := Fault{Reason: Skew, Of: len(wrong), Clocks: wrong[:min(len(wrong), MaxClocks)]}
	for _, c := range e.clocks {
		f.N += c.off
		f.Total += c.pairs
	}
	f.N, f.Total = f.N/2, f.Total/2 // each pair has two clocks
	return &f
}

// duplicates looks for records that come twice.
func (e *epoch) duplicates() *Fault {
	if e.looked < leastRequests || share(e.twice, e.looked) < leastTwice {
		return nil
	}
	return &Fault{Reason: Duplicates, N: e.twice, Total: e.looked}
}
