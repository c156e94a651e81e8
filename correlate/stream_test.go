package correlate

import (
	"testing"

	"github.com/slowpod/slowpod/classify"
)

// feed returns the only stream of a Correlator.
func feed(c *Correlator) *Stream {
	if len(c.streams) == 0 {
		return c.Stream()
	}
	return c.streams[0]
}

// until writes a record a second to a stream, by two producers of its own.
func until(s *Stream, producers int, from, to int64) {
	for end := from; end <= to; end += sec {
		s.Add(tick(producers, end))
		s.Add(tick(producers+1, end))
	}
}

// The watermark is that of the stream that is farthest behind.
func TestSlicesCloseWhenAllStreamsHavePassed(t *testing.T) {
	c := New(Config{Bounds: DefaultBounds()})
	defer c.Close()
	ahead, behind := c.Stream(), c.Stream()
	until(ahead, 1, epoch0, epoch0+20*sec)
	if c.started {
		t.Fatal("began before the other stream has shown where it is")
	}
	until(behind, 5, epoch0-10*sec, epoch0+sec)
	if want := floorSlice(epoch0 - 10*sec); c.window.start != want {
		t.Errorf("began at %d, want %d: the earlier stream's first slice", c.window.start, want)
	}
	until(ahead, 1, epoch0+21*sec, epoch0+40*sec)
	if got, want := c.Watermark(), closable(epoch0+sec); got > max(want, floorSlice(epoch0-10*sec)) {
		t.Errorf("watermark %d, want %d: one stream is behind", got, want)
	}
	until(behind, 5, epoch0+2*sec, epoch0+30*sec)
	if got, want := c.Watermark(), closable(epoch0+30*sec); got != want {
		t.Errorf("watermark %d, want %d", got, want)
	}
	if c.window.late != 0 {
		t.Errorf("%d late", c.window.late)
	}
}

// A stream has shown where it is when one of its producers has, whoever writes
// next.
func TestBeginningByOneProducer(t *testing.T) {
	c := New(Config{Bounds: DefaultBounds()})
	defer c.Close()
	first, second := c.Stream(), c.Stream()
	until(first, 1, epoch0, epoch0+10*sec)
	first.Add(tick(3, epoch0+10*sec))
	until(second, 5, epoch0, epoch0+10*sec)
	if !c.started {
		t.Error("has not begun")
	}
}

// A record is not to be read on while its slice cannot open because another
// stream is behind, and only then.
func TestBlocked(t *testing.T) {
	begin := func() (*Correlator, *Stream, *Stream) {
		c := New(Config{Bounds: DefaultBounds()})
		a, b := c.Stream(), c.Stream()
		until(a, 1, epoch0, epoch0+30*sec)
		until(b, 5, epoch0, epoch0+12*sec)
		return c, a, b
	}
	far := int64(epoch0 + 70*sec)

	c, a, b := begin()
	if !a.Blocked(far) {
		t.Error("a stream a minute ahead of another goes on")
	}
	if a.Blocked(epoch0 + 31*sec) {
		t.Error("a record whose slice is open waits")
	}
	if b.Blocked(far) {
		t.Error("the stream that is behind waits: nobody could go on")
	}
	until(b, 5, epoch0+13*sec, epoch0+60*sec)
	until(a, 1, epoch0+31*sec, epoch0+60*sec)
	if a.Blocked(far) {
		t.Error("still waits when the other has come up")
	}
	c.Close()

	c, a, b = begin()
	b.Silent(15 * sec)
	if a.Blocked(far) {
		t.Error("waits for a stream that has nothing to say")
	}
	if b.Add(tick(5, epoch0+13*sec)); !a.Blocked(far) {
		t.Error("does not wait for a stream that speaks again")
	}
	c.Close()

	c, a, b = begin()
	b.Close()
	if a.Blocked(far) {
		t.Error("waits for a stream that was taken out")
	}
	c.Close()

	c = New(Config{Bounds: DefaultBounds()})
	a = c.Stream()
	until(a, 1, epoch0, epoch0+30*sec)
	if a.Blocked(far) {
		t.Error("the only stream waits for nobody")
	}
	c.Close()
}

// An empty partition holds nobody once it was said to be silent.
func TestEmptyStream(t *testing.T) {
	c := New(Config{Bounds: DefaultBounds()})
	defer c.Close()
	full, empty := c.Stream(), c.Stream()
	until(full, 1, epoch0, epoch0+30*sec)
	if c.Watermark() != 0 {
		t.Error("began without a word from the other stream")
	}
	empty.Silent(0)
	if got, want := c.Watermark(), closable(epoch0+30*sec); got != want {
		t.Errorf("watermark %d, want %d", got, want)
	}
}

// Where all are silent the watermark moves on by what the clock did, from where
// the one that is farthest stood.
func TestAllSilent(t *testing.T) {
	c := New(Config{Bounds: DefaultBounds()})
	defer c.Close()
	a, b := c.Stream(), c.Stream()
	until(a, 1, epoch0, epoch0+30*sec)
	until(b, 5, epoch0, epoch0+25*sec)
	a.Silent(20 * sec)
	b.Silent(20 * sec)
	if got, want := c.Watermark(), closable(epoch0+50*sec); got != want {
		t.Errorf("watermark %d, want %d", got, want)
	}
}

// A line that was acknowledged before gives its half to the join and is counted
// nowhere.
func TestReplay(t *testing.T) {
	var calls []Verdict
	c := New(Config{Bounds: DefaultBounds(), OnCall: func(k *Call) { calls = append(calls, k.Verdict) }})
	half := func(r *Record, o classify.Outcome, replay bool) *Record {
		r.Outcome, r.Half, r.Failure, r.RequestID, r.UpstreamLocal = o, true, true, []byte("one"), []byte("127.0.0.6:1")
		r.Replay, r.File, r.Line = replay, 0, 7
		return r
	}
	s := c.Stream()
	until(s, 3, epoch0-120*sec, epoch0)
	before := *c.Snapshot()
	s.Add(half(called(0), classify.Timeout, true))
	if line, ok := c.Oldest(0); !ok || line != 7 {
		t.Errorf("oldest line %d, %v; want the open half's, 7", line, ok)
	}
	if after := c.Snapshot(); after.Records != before.Records || after.Join.ClientHalves != before.Join.ClientHalves ||
		after.Services[0].Total != before.Services[0].Total {
		t.Errorf("counted: %d records, %d halves", after.Records-before.Records, after.Join.ClientHalves)
	}
	s.Add(half(wrote(0), classify.DownstreamClosed, false))
	until(s, 3, epoch0+sec, epoch0+120*sec)
	if _, ok := c.Oldest(0); ok {
		t.Error("a half is open after its wait")
	}
	c.Close()
	if len(calls) != 1 || calls[0] != Confirmed {
		t.Errorf("calls %v, want one that is confirmed", calls)
	}
}

// Each stream's silence is its own: one that has been empty for an hour does
// not throw the watermark an hour forward when the other pauses.
func TestSilenceIsEachStreamsOwn(t *testing.T) {
	c := New(Config{Bounds: DefaultBounds()})
	defer c.Close()
	full, empty := c.Stream(), c.Stream()
	empty.Silent(hour)
	until(full, 1, epoch0, epoch0+30*sec)
	full.Silent(15 * sec)
	empty.Silent(hour)
	if got, want := c.Watermark(), closable(epoch0+45*sec); got != want {
		t.Errorf("watermark %d, want %d", got, want)
	}
}

// A record with an absurd time keeps nothing open for ever: neither its half
// nor its pod.
func TestAbsurdTimeKeepsNothing(t *testing.T) {
	c := New(Config{Bounds: DefaultBounds()})
	s := c.Stream()
	until(s, 1, epoch0, epoch0+30*sec)
	r := called(365 * 24 * hour)
	r.Outcome, r.Half, r.RequestID = classify.Timeout, true, []byte("ahead")
	s.Add(r)
	until(s, 1, epoch0+31*sec, epoch0+10*min1)
	if _, open := c.Oldest(r.File); open {
		t.Error("its half is open after ten minutes")
	}
	if p := c.registry.hosts[address].pods[0]; p.heard > epoch0+11*min1 {
		t.Errorf("its pod was last heard of at %d", p.heard)
	}
	c.Close()
}

// The first records after a long gap are of one pod, though time has not come
// near them yet when the first is read.
func TestAGapMakesOnePod(t *testing.T) {
	s := after(DefaultBounds(), called(0), called(1), called(24*hour), called(24*hour+5), called(24*hour+9))
	if len(s.Pods) != 2 {
		t.Errorf("%d pods, want one before the gap and one after", len(s.Pods))
	}
}
