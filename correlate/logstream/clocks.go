package logstream

import (
	"cmp"
	"slices"
)

// clocks numbers clocks by their names.
type clocks struct {
	byName  map[string]int32
	names   []string
	dropped uint64
}

// clockSum is what pairs say of a clock: how many are with another clock, in how
// many the two surely differ, and the sum of how far it is ahead in these.
type clockSum struct {
	pairs, off uint64
	ahead      int64
}

func newClocks() clocks { return clocks{byName: map[string]int32{}} }

// number returns the number of a clock; -1 where it has no name, or no more fit.
func (c *clocks) number(name []byte) int32 {
	if len(name) == 0 {
		return -1
	}
	if i, ok := c.byName[string(name)]; ok {
		return i
	}
	if len(c.names) >= maxClocks {
		c.dropped++
		return -1
	}
	s := string(name)
	i := int32(len(c.names))
	c.byName[s] = i
	c.names = append(c.names, s)
	return i
}

// compare compares the clocks of the two sides of a call. The pod's interval
// lies within the caller's, unless the caller cut it: then both end at once.
func (l *Log) compare(client, server *entry) {
	if client.clock < 0 || server.clock < 0 || client.clock == server.clock {
		return
	}
	var least, most int64 // by how much the server's clock is ahead
	switch {
	case client.outcome == OK && server.outcome == OK, client.outcome == Refused && server.outcome == Refused:
		least, most = server.end-client.end, server.start-client.start
	case client.outcome == Cut && server.outcome == Cut:
		least, most = server.end-client.end-endsWithin, server.end-client.end+endsWithin
	default:
		return
	}
	if least > most {
		return // another call
	}
	e := l.at(client.end)
	one, two := e.clock(client.clock), e.clock(server.clock)
	one.pairs++
	two.pairs++
	if least > mostSkew || most < -mostSkew {
		ahead := (least + most) / 2
		one.off++
		two.off++
		one.ahead -= ahead
		two.ahead += ahead
	}
}

// wrong returns the clocks that are wrong, the most so first.
func (l *Log) wrong(e *epoch) (all []Clock) {
	for i, c := range e.clocks {
		if c.off >= leastPairs && float64(c.off) >= leastSkewed*float64(c.pairs) {
			all = append(all, Clock{l.clocks.names[i], c.ahead / int64(c.off)})
		}
	}
	slices.SortFunc(all, func(a, b Clock) int {
		return cmp.Or(cmp.Compare(max(b.Ahead, -b.Ahead), max(a.Ahead, -a.Ahead)), cmp.Compare(a.Name, b.Name))
	})
	return all
}

// mend forgets all clocks, or callers, where there is hardly room for another:
// many are those of pods that are gone.
func (l *Log) mend() {
	if len(l.pairs.callers) >= callersToMend {
		clear(l.pairs.callers)
	}
	if len(l.clocks.names) < clocksToMend {
		return
	}
	l.clocks = clocks{byName: map[string]int32{}, dropped: l.clocks.dropped}
	for i := range l.epochs {
		l.epochs[i].clocks = nil
	}
	for i := range l.pairs.ring {
		l.pairs.ring[i].clock = -1
	}
}
