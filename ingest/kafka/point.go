package kafka

import (
	"strconv"
	"strings"
)

// metadataVersion begins what is committed along with an offset. Text of
// another version says nothing to this one: then there is no horizon.
const metadataVersion = "slowpod/1"

// metadataOf writes the horizon of a commit: lines from there on, before the
// committed offset, are needed again by a new owner.
func metadataOf(next, horizon int64, ok bool) string {
	if !ok || horizon < 0 || horizon >= next {
		return metadataVersion
	}
	return metadataVersion + " horizon=" + strconv.FormatInt(horizon, 10)
}

// horizonOf reads it. One that is beyond the committed offset, or no number, is
// none.
func horizonOf(c committed) (int64, bool) {
	fields := strings.Fields(c.metadata)
	if len(fields) == 0 || fields[0] != metadataVersion {
		return 0, false
	}
	for _, f := range fields[1:] {
		if v, ok := strings.CutPrefix(f, "horizon="); ok {
			n, err := strconv.ParseInt(v, 10, 64)
			return n, err == nil && n >= 0 && n < c.offset
		}
	}
	return 0, false
}

// mark notes what is to be committed: the next unhandled line, and what its
// open halves need. The two have to be of one moment, or a half that opens
// between them is lost, so the caller holds p.handling.
func (p *partition) mark() {
	if p.next < 0 || p.next < p.replayEnd {
		// Nothing handled yet, or still reading again: the commit that is
		// there stands.
		return
	}
	horizon, ok := p.run.o.Horizon(p.stream)
	p.point.Store(&committed{p.next, metadataOf(p.next, horizon, ok)})
}

// due returns what is to be committed, and whether that is news. While a
// handler is busy, perhaps for long, it is what was marked before; the worker
// will mark when the handler returns.
func (p *partition) due() (committed, bool) {
	if p.handling.TryLock() {
		p.mark()
		p.handling.Unlock()
	} else {
		p.wanted.Store(true)
	}
	c := p.point.Load()
	if c == nil || *c == p.committed {
		return committed{}, false
	}
	return *c, true
}
