package correlate

import (
	"cmp"
	"math"
	"slices"

	"github.com/slowpod/slowpod/classify"
)

// Stream is one partition, one connection, or the files given together: records
// roughly in order of writing. Slices close when all streams have passed them.
// A Stream belongs to its Correlator and is used as it is: by one goroutine at
// a time.
type Stream struct {
	core *Correlator
	mark *watermark
	// held keeps the first records back until it is clear where the first
	// slice lies, and until theirs is open.
	held []heldRecord
	// silent streams are caught up and have nothing to say: nobody waits for
	// them until they speak again.
	silent bool
	idle   int64 // since its last record, milliseconds, while silent
}

// heldRecord is an encoded record that is kept back.
type heldRecord struct {
	end   int64
	bytes []byte
	half  bool
	file  int32
	line  int64
}

// Stream adds a stream. Until it has given a record, or was said to be silent,
// no slice closes.
func (c *Correlator) Stream() *Stream {
	s := &Stream{core: c, mark: newWatermark()}
	if c.started {
		s.mark.opened(c.window.start)
	}
	c.streams = append(c.streams, s)
	return s
}

// Close takes the stream out: nobody waits for it any more.
func (s *Stream) Close() {
	c := s.core
	if len(s.held) > 0 {
		c.begin()
		for len(s.held) > 0 { // they were handled: they count, in the nearest slice
			s.unhold()
		}
	}
	c.streams = slices.DeleteFunc(c.streams, func(o *Stream) bool { return o == s })
	if c.started {
		c.closeReady()
	} else {
		c.beginIfClear()
	}
}

// The beginning: how many records, or how much of one producer's time, are
// looked at before the first slice is chosen; and how far before the median of
// a stream's producers it may lie. In milliseconds.
const (
	maxHeld     = 5000
	heldLen     = 10_000
	beforeFirst = 20_000
)

// Add takes the next record of the stream. r and what it borrows may be used
// again when Add returns.
func (s *Stream) Add(r *Record) {
	s.silent = false
	if s.core.started {
		for len(s.held) > 0 { // others are far behind, and nobody heeds Blocked
			s.unhold()
		}
		s.take(r)
		return
	}
	s.held = append(s.held, heldRecord{r.End(), r.AppendTo(nil, nil), r.Half, r.File, r.Line})
	if r.Half {
		s.core.oldest.note(r.File, r.Line)
	}
	s.mark.observe(r.Producer, r.End())
	s.core.beginIfClear()
}

// clear says that the stream has shown where its first slice lies.
func (s *Stream) clear() bool {
	return s.silent || len(s.held) >= maxHeld || s.mark.moved >= heldLen
}

func (c *Correlator) hasHeld() bool {
	return slices.ContainsFunc(c.streams, func(s *Stream) bool { return len(s.held) > 0 })
}

func (c *Correlator) beginIfClear() {
	for _, s := range c.streams {
		if !s.clear() {
			return
		}
	}
	c.begin()
}

// begin chooses the first slice, if there is any record, and takes the records
// held back.
func (c *Correlator) begin() {
	if c.started || !c.hasHeld() {
		return
	}
	oldest := int64(math.MaxInt64)
	for _, s := range c.streams {
		median := s.mark.position()
		for _, h := range s.held {
			if h.end >= median-beforeFirst {
				oldest = min(oldest, h.end)
			}
		}
		slices.SortStableFunc(s.held, func(a, b heldRecord) int { return cmp.Compare(a.end, b.end) })
	}
	c.started = true
	c.window.start = floorSlice(oldest)
	c.began = c.window.start
	c.firstEnd, c.lastEnd = math.MaxInt64, math.MinInt64
	for _, s := range c.streams {
		s.mark.opened(c.window.start)
	}
	c.release(false)
}

// release takes the records held back as their slices open, all streams
// together in order of their ends; all says that nothing else is to come.
func (c *Correlator) release(all bool) {
	if c.releasing {
		return
	}
	c.releasing = true
	for c.hasHeld() {
		before := c.window.start
		took := c.releaseOpen()
		c.closeReady()
		switch {
		case took || c.window.start != before:
		case all:
			c.closeUntil(floorSlice(c.firstHeld()))
		case !c.releaseAhead():
			c.releasing = false
			return
		}
	}
	c.releasing = false
	c.closeReady()
}

// nextHeld is the stream with the earliest record held back; nil if there is
// none.
func (c *Correlator) nextHeld() *Stream {
	var first *Stream
	for _, s := range c.streams {
		if len(s.held) > 0 && (first == nil || s.held[0].end < first.held[0].end) {
			first = s
		}
	}
	return first
}

// releaseOpen takes the held records whose slices are open and says whether
// there were any.
func (c *Correlator) releaseOpen() (some bool) {
	for {
		s := c.nextHeld()
		if s == nil || s.held[0].end >= c.window.start+openSlices*sliceLen {
			return some
		}
		s.unhold()
		some = true
	}
}

// releaseAhead takes the earliest held record though its slice is not open, if
// that is its own stream's doing: a producer that is ahead, or an absurd time.
func (c *Correlator) releaseAhead() bool {
	s := c.nextHeld()
	if s.held[0].end-s.mark.position() <= farJump && s.othersBehind() {
		return false
	}
	s.unhold()
	return true
}

func (s *Stream) unhold() {
	h := s.held[0]
	if s.held = s.held[1:]; len(s.held) == 0 {
		s.held = nil // gives up the memory of all of them
	}
	var r Record
	if r.Decode(h.bytes, nil) == nil {
		s.core.enterRecord(&r)
	}
}

// othersBehind says whether another stream is waited for.
func (s *Stream) othersBehind() bool {
	return slices.ContainsFunc(s.core.streams, func(o *Stream) bool { return o != s && !o.silent && !o.mark.ready() })
}

// firstHeld is the earliest end of the records held back; there must be one.
func (c *Correlator) firstHeld() int64 {
	first := int64(math.MaxInt64)
	for _, s := range c.streams {
		if len(s.held) > 0 {
			first = min(first, s.held[0].end)
		}
	}
	return first
}

// take enters a record and closes the slices that it shows to be complete.
func (s *Stream) take(r *Record) {
	s.core.enterRecord(r)
	if s.mark.observe(r.Producer, r.End()) {
		s.core.closeReady()
	}
}

// enterRecord counts a record and enters it into its slice and into the join.
func (c *Correlator) enterRecord(r *Record) {
	if !r.Replay {
		c.observeSpan(r, r.End())
	}
	switch {
	case r.Side == classify.Client || r.Side == classify.Server:
		c.enterPod(r)
		if !r.Replay {
			c.notice(r)
		}
	case r.Side == classify.Unknown && r.HTTP && !r.Replay:
		c.log.Unnamed(r.End())
	}
}

// closeReady closes the slices that every stream has passed, but none that a
// record held back belongs to.
func (c *Correlator) closeReady() {
	for _, s := range c.streams { // positions cost: first see whether all are ready
		if !s.silent && !s.mark.ready() {
			return
		}
	}
	limit := floorSlice(c.firstHeld())
	if limit <= c.window.start {
		return
	}
	position, some := int64(math.MaxInt64), false
	for _, s := range c.streams {
		if !s.silent {
			position, some = min(position, s.mark.position()), true
		}
	}
	if !some {
		return
	}
	// Most producers are there: it is no absurd time.
	c.lastEnd = max(c.lastEnd, position)
	c.closeUntil(min(closable(position), limit))
	if !c.releasing && c.hasHeld() {
		c.release(false)
	}
}

// Blocked says whether a record that ends at end should wait: its slice is not
// open yet, and another stream is behind. Its stream is not to be read on until
// that stream has spoken or was said to be silent; where all wait, the one with
// the earliest record goes on. A jump so far that it may be an absurd time does
// not wait: nobody would ever catch up with it.
func (s *Stream) Blocked(end int64) bool {
	c := s.core
	if !c.started || len(s.held) > 0 {
		return s.clear() && !s.silent
	}
	if end < c.window.start+openSlices*sliceLen || end-s.mark.position() > farJump {
		return false
	}
	return s.othersBehind()
}

// Silent says that the stream is caught up and has been idle for so many
// milliseconds since its last record. Others no longer wait for it; where all
// are silent, the watermark moves on by that much, never to the clock's own
// time, so that old logs can be replayed. It is the shell's word: the core
// reads no clock.
func (s *Stream) Silent(idle int64) {
	c := s.core
	s.silent, s.idle = true, idle
	if !c.started {
		c.beginIfClear()
	}
	if !c.started {
		return
	}
	position := int64(math.MinInt64)
	for _, o := range c.streams {
		if !o.silent {
			c.closeReady()
			return
		}
		if len(o.mark.producers) > 0 {
			position = max(position, o.mark.position()+o.idle)
		}
	}
	if start := closable(position); position != math.MinInt64 && start > c.window.start {
		c.closeUntil(start)
	}
}
