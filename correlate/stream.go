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
	// held keeps the first records back, encoded, until it is clear where
	// the first slice lies.
	held [][]byte
	// silent streams are caught up and have nothing to say: nobody waits for
	// them until they speak again.
	silent bool
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
	c.streams = slices.DeleteFunc(c.streams, func(o *Stream) bool { return o == s })
	if c.started {
		c.closeReady()
	} else if c.hasHeld() {
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
		s.take(r)
		return
	}
	s.held = append(s.held, r.AppendTo(nil))
	s.mark.observe(r.Producer, r.End())
	s.core.beginIfClear()
}

// clear says that the stream has shown where its first slice lies.
func (s *Stream) clear() bool {
	return s.silent || len(s.held) >= maxHeld || s.mark.moved() >= heldLen
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
// held back, all streams together in order of their ends.
func (c *Correlator) begin() {
	if c.started || !c.hasHeld() {
		return
	}
	type first struct {
		stream *Stream
		end    int64
		bytes  []byte
	}
	var all []first
	oldest := int64(math.MaxInt64)
	var r Record
	for _, s := range c.streams {
		median := s.mark.position()
		for _, b := range s.held {
			if r.Decode(b) == nil {
				all = append(all, first{s, r.End(), b})
				if r.End() >= median-beforeFirst {
					oldest = min(oldest, r.End())
				}
			}
		}
		s.held = nil
	}
	if len(c.streams) > 1 {
		slices.SortStableFunc(all, func(a, b first) int { return cmp.Compare(a.end, b.end) })
	}
	c.started = true
	c.window.start = floorSlice(oldest)
	c.firstEnd, c.lastEnd = math.MaxInt64, math.MinInt64
	for _, s := range c.streams {
		s.mark = newWatermark()
		s.mark.opened(c.window.start)
	}
	// No slice closes before all are in: the first of them alone would be
	// most producers.
	c.beginning = true
	for _, f := range all {
		if r.Decode(f.bytes) == nil {
			f.stream.take(&r)
		}
	}
	c.beginning = false
	c.closeReady()
}

// take counts a record, enters it into its slice and into the join, and closes
// the slices that it shows to be complete.
func (s *Stream) take(r *Record) {
	c := s.core
	end := r.End()
	if !r.Replay {
		c.observeSpan(r, end)
	}
	if r.Side == classify.Client || r.Side == classify.Server {
		c.enterPod(r)
	}
	if s.mark.observe(r.Producer, end) {
		c.closeReady()
	}
}

// closeReady closes the slices that every stream has passed.
func (c *Correlator) closeReady() {
	if c.beginning {
		return
	}
	position, some := int64(math.MaxInt64), false
	for _, s := range c.streams {
		switch {
		case s.silent:
		case !s.mark.ready():
			return
		default:
			position, some = min(position, s.mark.position()), true
		}
	}
	if !some {
		return
	}
	// Most producers are there: it is no absurd time.
	c.lastEnd = max(c.lastEnd, position)
	c.closeUntil(closable(position))
}

// Blocked says whether a record that ends at end should wait: its slice is not
// open yet because another stream is behind. Its stream is not to be read on
// until that stream has spoken or was said to be silent.
func (s *Stream) Blocked(end int64) bool {
	c := s.core
	if !c.started {
		return len(s.held) >= maxHeld && !s.silent
	}
	if end < c.window.start+openSlices*sliceLen || !s.mark.ready() {
		return false
	}
	return slices.ContainsFunc(c.streams, func(o *Stream) bool { return o != s && !o.silent && !o.mark.ready() })
}

// Silent says that the stream is caught up and has been idle for so many
// milliseconds since its last record. Others no longer wait for it; where all
// are silent, the watermark moves on by that much, never to the clock's own
// time, so that old logs can be replayed. It is the shell's word: the core
// reads no clock.
func (s *Stream) Silent(idle int64) {
	c := s.core
	s.silent = true
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
			position = max(position, o.mark.position())
		}
	}
	if start := closable(position + idle); position != math.MinInt64 && start > c.window.start {
		c.closeUntil(start)
	}
}
