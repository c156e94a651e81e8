package correlate

import (
	"testing"
	"time"

	"github.com/slowpod/slowpod/classify"
)

// Times of a tape, in milliseconds.
const (
	sec  = 1000
	min1 = 60 * sec
	hour = 60 * min1
	day  = 24 * hour
	year = 365 * day
)

// epoch0 is a time that is no start of a slice.
const epoch0 = 1_772_446_504_558

// tick is a finished request that a producer wrote.
func tick(producer int, end int64) *Record {
	return &Record{
		Class: classify.Class{Side: classify.Client, Outcome: classify.OK, HTTP: true},
		Start: end - 5, Duration: 5, Code: 200, Producer: uint64(producer) + 1,
		UpstreamHost: []byte("10.0.0.9:8080"), UpstreamLocal: []byte("10.0.0.1:4711"),
		Target: classify.Target{Service: []byte("cart.shop.svc.cluster.local")},
	}
}

// tape is producers that each write one record a second, at ends of their own
// making: end is what a producer's clock says at a time; ok false: it is silent.
type tape struct {
	producers int
	seconds   int64
	end       func(producer int, now int64) (end int64, ok bool)
}

// seen is what a tape did to the watermark.
type seen struct {
	lag     int64         // most that a slice closed after its end, by the true clock
	hang    int64         // longest time without a move
	final   int64         // watermark behind the true clock at the end
	moves   int           // how often it moved
	late    map[int]int64 // late records by producer
	written map[int]int64
}

// play runs a tape. The first minute is left out of lag: there the beginning
// is looked for.
func (tp tape) play(t *testing.T) seen {
	t.Helper()
	c := New(Config{Bounds: DefaultBounds()})
	defer c.Close()
	s := seen{late: map[int]int64{}, written: map[int]int64{}}
	movedAt, lastLate, mark := int64(0), uint64(0), int64(0)
	for i := range tp.seconds {
		for p := range tp.producers {
			at := i*sec + int64(p)*sec/int64(tp.producers)
			end, ok := tp.end(p, epoch0+at)
			if !ok {
				continue
			}
			feed(c).Add(tick(p, end))
			s.written[p]++
			snap := c.Snapshot()
			if mark != 0 { // before, records were held back and came all at once
				s.late[p] += int64(snap.Late - lastLate)
			}
			lastLate = snap.Late
			if snap.Watermark == mark {
				continue
			}
			if snap.Watermark < mark {
				t.Fatalf("the watermark went back by %d ms", mark-snap.Watermark)
			}
			mark = snap.Watermark
			if s.moves++; s.moves > 1 {
				s.hang = max(s.hang, at-movedAt)
			}
			movedAt = at
			if at > min1 {
				s.lag = max(s.lag, epoch0+at-mark)
			}
		}
	}
	now := tp.seconds * sec
	s.hang = max(s.hang, now-movedAt)
	s.final = epoch0 + now - mark
	return s
}

func well(_ int, now int64) (int64, bool) { return now, true }

// skewed has the last producer's clock off.
func skewed(of int, by int64) func(int, int64) (int64, bool) {
	return func(p int, now int64) (int64, bool) {
		if p == of-1 {
			return now + by, true
		}
		return now, true
	}
}

// The ten cases that the rule was tried on: five producers, five records a
// second. Wherever most producers are right, slices close 10 to 12 seconds
// after their end and no producer's record but the skewed one's own is late.
func TestWatermarkCases(t *testing.T) {
	const seconds = 600
	cases := []struct {
		name    string
		tape    tape
		maxLag  int64
		maxHang int64
		allLate int // producer of which (nearly) all records are late; -1 none
	}{
		{"all well", tape{5, seconds, well}, 12 * sec, 12 * sec, -1},
		{"one 40 s ahead", tape{5, seconds, skewed(5, 40*sec)}, 12 * sec, 12 * sec, -1},
		{"one 40 s behind", tape{5, seconds, skewed(5, -40*sec)}, 12 * sec, 12 * sec, 4},
		{"one a year ahead", tape{5, seconds, skewed(5, year)}, 12 * sec, 12 * sec, -1},
		{"one an hour behind", tape{5, seconds, skewed(5, -hour)}, 12 * sec, 12 * sec, 4},
		{"one jumps by an hour", tape{5, seconds, func(p int, now int64) (int64, bool) {
			if p == 4 && now > epoch0+300*sec {
				return now + hour, true
			}
			return now, true
		}}, 12 * sec, 12 * sec, -1},
		{"four of five die", tape{5, seconds, func(p int, now int64) (int64, bool) {
			return now, p == 4 || now <= epoch0+300*sec
		}}, 70 * sec, 70 * sec, -1},
		{"a gap of five minutes", tape{5, seconds, func(_ int, now int64) (int64, bool) {
			return now, now < epoch0+120*sec || now >= epoch0+420*sec
		}}, 322 * sec, 322 * sec, -1},
		{"one absurd time", tape{5, seconds, func(p int, now int64) (int64, bool) {
			if p == 2 && now >= epoch0+200*sec && now < epoch0+201*sec {
				return now + 7000*year, true
			}
			return now, true
		}}, 12 * sec, 12 * sec, -1},
		// Nobody can tell who is right: the other's records are late, but
		// slices still close.
		{"two, one ahead", tape{2, seconds, skewed(2, 40*sec)}, 12 * sec, 12 * sec, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := c.tape.play(t)
			if s.lag > c.maxLag {
				t.Errorf("a slice closed %d ms after its end, want at most %d", s.lag, c.maxLag)
			}
			if s.hang > c.maxHang {
				t.Errorf("the watermark stood still for %d ms, want at most %d", s.hang, c.maxHang)
			}
			if s.moves < 10 {
				t.Errorf("the watermark moved %d times", s.moves)
			}
			if s.final > 25*sec {
				t.Errorf("at the end the watermark is %d ms behind", s.final)
			}
			for p, written := range s.written {
				switch late := s.late[p]; {
				case p == c.allLate && 10*late < 9*written:
					t.Errorf("of producer %d %d of %d records are late, want nearly all", p, late, written)
				case p != c.allLate && late > 0:
					t.Errorf("of producer %d %d of %d records are late, want none", p, late, written)
				}
			}
		})
	}
}

// One absurd time moves nothing, not even where few producers write, or where
// each of them has one.
func TestAbsurdTimes(t *testing.T) {
	for producers := 1; producers <= 5; producers++ {
		c := New(Config{Bounds: DefaultBounds()})
		last := int64(0)
		for i := range int64(120) {
			for p := range producers {
				if i == 40+10*int64(p) {
					feed(c).Add(tick(p, epoch0+(i+7000)*year))
				}
				last = epoch0 + i*sec
				feed(c).Add(tick(p, last))
			}
		}
		s := c.Snapshot()
		if want := closable(last); s.Watermark != want || s.Late != 0 {
			t.Errorf("%d producers: watermark %d, want %d; %d late", producers, s.Watermark, want, s.Late)
		}
		c.Close()
	}
}

// With the first record after a gap from half of the producers everything
// before it is closed.
func TestWatermarkAfterGap(t *testing.T) {
	c := New(Config{Bounds: DefaultBounds()})
	defer c.Close()
	for i := range int64(60) {
		for p := range 5 {
			feed(c).Add(tick(p, epoch0+i*sec))
		}
	}
	back := int64(epoch0 + 59*sec + 5*min1)
	for p := range 3 {
		feed(c).Add(tick(p, back))
	}
	if got, want := c.Snapshot().Watermark, closable(back); got != want {
		t.Errorf("watermark %d, want %d: %d ms behind", got, want, want-got)
	}
}

// The first slice is not chosen by the first record, nor is it closed by it: a
// producer that is ahead may be the first to write.
func TestBeginning(t *testing.T) {
	for name, absurd := range map[string]int64{
		"a year ahead": year, "40 s ahead": 40 * sec, "an hour behind": -hour, "the zero time": -epoch0,
	} {
		t.Run(name, func(t *testing.T) {
			c := New(Config{Bounds: DefaultBounds()})
			defer c.Close()
			feed(c).Add(tick(9, epoch0+absurd))
			for i := range int64(30) {
				for p := range 5 {
					feed(c).Add(tick(p, epoch0+i*sec))
				}
			}
			if got, want := c.Snapshot().Watermark, closable(epoch0+29*sec); got != want {
				t.Errorf("watermark %d, want %d", got, want)
			}
			if late := c.Snapshot().Late; late > 1 {
				t.Errorf("%d records late", late)
			}
		})
	}
}

func TestFloorSlice(t *testing.T) {
	for in, want := range map[int64]int64{
		0: 0, 1: 0, 9999: 0, 10_000: 10_000, 10_001: 10_000,
		-1: -10_000, -9999: -10_000, -10_000: -10_000, -10_001: -20_000,
	} {
		if got := floorSlice(in); got != want {
			t.Errorf("floorSlice(%d) = %d, want %d", in, got, want)
		}
	}
}

// A slice closes as soon as a record ended a lateness after it: [s, s+10 s) at
// s+20 s, and not a millisecond before.
func TestClosable(t *testing.T) {
	for in, want := range map[int64]int64{
		20_000: 10_000, 19_999: 0, 29_999: 10_000, 30_000: 20_000,
		0: -10_000, -1: -20_000, -10_000: -20_000, -10_001: -30_000,
	} {
		if got := closable(in); got != want {
			t.Errorf("closable(%d) = %d, want %d", in, got, want)
		}
	}
	for s := int64(-50_000); s <= 50_000; s += sliceLen {
		if closable(s+sliceLen+lateness) <= s || closable(s+sliceLen+lateness-1) > s {
			t.Errorf("the slice at %d does not close at its end and a lateness", s)
		}
	}
}

// steady is a correlator that has read a well minute.
func steady(t *testing.T) (*Correlator, int64) {
	t.Helper()
	c := New(Config{Bounds: DefaultBounds()})
	t.Cleanup(c.Close)
	last := int64(0)
	for i := range int64(60) {
		for p := range 5 {
			last = epoch0 + i*sec
			feed(c).Add(tick(p, last))
		}
	}
	return c, last
}

// Advance moves the watermark by what it is told since the last record, no
// further and never back.
func TestAdvance(t *testing.T) {
	c, last := steady(t)
	want := closable(last)
	f := func(idle, to int64) {
		t.Helper()
		feed(c).Silent(idle)
		if got := c.Snapshot().Watermark; got != to {
			t.Errorf("Advance(%d): watermark %d ms after the last record, want %d", idle, got-last, to-last)
		}
	}
	f(0, want)
	f(15*sec, closable(last+15*sec))
	f(15*sec, closable(last+15*sec)) // told twice, moved once
	f(5*sec, closable(last+15*sec))  // never back
	f(16*sec, closable(last+16*sec))
	f(300*sec, closable(last+300*sec))

	// A record then counts from its own time on.
	next := last + 310*sec
	for range 2 { // five minutes are a jump that a second record must confirm
		for p := range 5 {
			feed(c).Add(tick(p, next))
		}
	}
	if got := c.Snapshot().Watermark; got != closable(next) {
		t.Errorf("after the next records: %d, want %d", got, closable(next))
	}
}

// Without any record there is nothing to move.
func TestAdvanceBeforeTheFirstRecord(t *testing.T) {
	c := New(Config{Bounds: DefaultBounds()})
	defer c.Close()
	feed(c).Silent(hour)
	if s := c.Snapshot(); s.Watermark != 0 || s.Records != 0 {
		t.Errorf("%+v", s)
	}
	feed(c).Add(tick(0, epoch0))
	feed(c).Silent(30 * sec)
	if got, want := c.Snapshot().Watermark, closable(epoch0+30*sec); got != want {
		t.Errorf("one record and 30 s: watermark %d, want %d", got, want)
	}
}

// A gap costs the same however long it is: a step for each slice of 30,000
// years would take minutes.
func TestAdvanceOverAGap(t *testing.T) {
	for _, gap := range []int64{year, 30_000 * year} {
		c, last := steady(t)
		done := make(chan struct{})
		go func() {
			defer close(done)
			feed(c).Silent(gap)
		}()
		select {
		case <-done:
		case <-time.After(20 * time.Second):
			t.Fatalf("Advance(%d) is still at it", gap)
		}
		if got, want := c.Snapshot().Watermark, closable(last+gap); got != want {
			t.Errorf("Advance(%d): watermark %d, want %d", gap, got, want)
		}
	}
}

// The same for a gap that the records themselves show.
func TestRecordsAfterAGap(t *testing.T) {
	c, last := steady(t)
	next := last + 30_000*year
	for i := range int64(3) { // a far jump needs a second record that agrees
		for p := range 5 {
			feed(c).Add(tick(p, next+i*sec))
		}
	}
	if got, want := c.Snapshot().Watermark, closable(next+sec); got < want {
		t.Errorf("watermark %d, want %d", got, want)
	}
}
