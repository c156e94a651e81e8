package durations

import (
	"cmp"
	"math"
	"slices"
)

// Ending says how far a duration is known.
type Ending uint8

// The endings.
const (
	// Whole: the request took so long.
	Whole Ending = iota
	// Cut: it took at least so long; below the upper quartile of its class
	// that says nothing.
	Cut
	// TimedOut: it took at least so long, and nobody waits longer: that is
	// its duration.
	TimedOut
	// Failed: it took so long until the app answered with an error; how long
	// the answer would have taken nobody knows.
	Failed
)

// A Key is the class of a request's path and method, its duration and ending,
// in one word: see NewKey.
type Key uint32

// keySome is set in every Key, so that none is 0.
const keySome = 4

// NewKey returns the key of a duration in ms.
func NewKey(class uint16, ms int64, e Ending) Key {
	return Key(class)<<16 | Key(durationBucket(ms))<<8 | keySome | Key(e)
}

func (k Key) class() uint16  { return uint16(k >> 16) }
func (k Key) bucket() int    { return int(k >> 8 & 0xff) }
func (k Key) ending() Ending { return Ending(k & 3) }

// Failed says that the ending is Failed.
func (k Key) Failed() bool { return k.ending() == Failed }

// Count is a key and how often it came.
type Count struct {
	Key Key
	N   uint32
}

// Table counts keys: a small hash table that is used again and again. What it
// holds does not depend on the order in which it came. The zero Table is
// empty.
type Table struct {
	counts []Count // a power of two; N == 0: free
	used   int
	n      int
	// folded is how often the table was full: so many halvings ago the
	// classes that keep their own keys were chosen, by hash.
	folded uint
	// The newest keys wait here, where the memory is at hand, until there are
	// some for counts, where it is not.
	newest [8]Key
	waits  uint8 // how many of newest
}

const (
	leastTable = 16
	mostTable  = 4096
)

// N returns the number of durations.
func (t *Table) N() int { return t.n + int(t.waits) }

// Add counts a key. Where the table is full, class 0 stands in for a share of
// the classes, which does not depend on what came first.
func (t *Table) Add(k Key) {
	if int(t.waits) == len(t.newest) {
		t.settle()
	}
	t.newest[t.waits] = k
	t.waits++
}

// settle counts the newest keys.
func (t *Table) settle() {
	for _, k := range t.newest[:t.waits] {
		t.add(k, 1)
	}
	t.waits = 0
}

func (t *Table) add(k Key, n uint32) {
	if t.counts == nil {
		t.grow()
	}
	t.n += int(n)
	if t.folded > 0 {
		k = k.fold(t.folded)
	}
	mask := uint32(len(t.counts) - 1)
	for i := uint32(k) * 0x9e3779b1 >> 16 & mask; ; i = (i + 1) & mask {
		switch c := &t.counts[i]; {
		case c.N == 0:
			*c = Count{k, n}
			if t.used++; 4*t.used > 3*len(t.counts) {
				t.grow()
			}
			return
		case c.Key == k:
			c.N += n
			return
		}
	}
}

// fold puts all but every 2^by-th class, by a hash, into class 0.
func (k Key) fold(by uint) Key {
	if uint16(k.class()*0x9e37)>>(16-min(by, 16)) != 0 {
		k &= 0xffff
	}
	return k
}

func (t *Table) grow() {
	old := t.counts
	if len(old) == mostTable {
		t.folded++
	}
	t.counts = make([]Count, min(max(2*len(old), leastTable), mostTable))
	t.used, t.n = 0, 0
	for _, c := range old {
		if c.N > 0 {
			t.add(c.Key, c.N)
		}
	}
}

// Reset empties the table and keeps a small one's memory.
func (t *Table) Reset() {
	if len(t.counts) > 16*leastTable {
		t.counts = nil
	}
	clear(t.counts)
	t.used, t.n, t.folded, t.waits = 0, 0, 0, 0
}

// AtLeast counts what took that long or nearly, in ms, and all.
func (t *Table) AtLeast(ms int64) (n, all uint32) {
	b := durationBucket(ms)
	t.Each(func(c Count) {
		all += c.N
		if c.Key.bucket() >= b {
			n += c.N
		}
	})
	return n, all
}

// Each calls f with each key and how often it came, in no particular order.
func (t *Table) Each(f func(Count)) {
	if t.settle(); t.n == 0 {
		return
	}
	for _, c := range t.counts {
		if c.N > 0 {
			f(c)
		}
	}
}

// Sides is the number of sides that tell of a request.
const Sides = 2

const (
	kept    = 8 // classes with a median of their own
	rest    = kept
	tracked = 64

	firstRecords = 3   // a median is taken of
	manyRecords  = 300 // and taken again at every close until there are
	halfLife     = 30 * 60_000.0
	retake       = 60_000
)

// Classes are the classes of one service's requests, with the median duration
// of each on each side. A class is what NewKey was given; the busiest are told
// apart, the others are one.
type Classes struct {
	seen   map[uint16]*seen
	slots  [kept + 1]*medians
	owners [kept]*seen
	taken  int64 // when the medians were last taken
	ranked int64 // when the busiest were last looked for
	began  int64
}

// seen is a class that is tracked.
type seen struct {
	class uint16
	n     float64
	slot  int // rest: none of its own
}

// median is the durations of one class on one side.
type median struct {
	hist [fine]float32
	n    float64
	at   float64 // in buckets; 0: not known
}

type medians [Sides]median

// Observe notes which classes came in a slice, from one pod.
func (c *Classes) Observe(t *Table) {
	if c.seen == nil {
		c.seen = map[uint16]*seen{}
	}
	t.Each(func(k Count) {
		s := c.seen[k.Key.class()]
		if s == nil {
			s = &seen{class: k.Key.class(), slot: rest}
			c.seen[s.class] = s
		}
		s.n += float64(k.N)
	})
}

// Learn adds the durations of a slice to those that the medians are taken of;
// frozen, to those only that have none. A cut duration is not known, and that
// of an error is none of an answer: they say nothing.
func (c *Classes) Learn(side int, t *Table, frozen bool) {
	t.Each(func(k Count) {
		if e := k.Key.ending(); e == Cut || e == Failed {
			return
		}
		if m := &c.slot(k.Key)[side]; !frozen || m.at == 0 {
			m.hist[k.Key.bucket()] += float32(k.N)
			m.n += float64(k.N)
		}
	})
}

func (c *Classes) slot(k Key) *medians {
	i := rest
	if s := c.seen[k.class()]; s != nil {
		i = s.slot
	}
	if c.slots[i] == nil {
		c.slots[i] = &medians{}
	}
	return c.slots[i]
}

// Rank gives the busiest classes medians of their own: at once while there is
// room, and once a minute where one has become twice as busy as another.
func (c *Classes) Rank(now int64, frozen bool) {
	if c.began == 0 {
		c.began, c.ranked, c.taken = now, now, now
	}
	full := now-c.ranked >= retake && !frozen
	var without []*seen
	for _, s := range c.seen {
		if s.slot == rest {
			without = append(without, s)
		}
	}
	slices.SortFunc(without, func(a, b *seen) int {
		return cmp.Or(cmp.Compare(b.n, a.n), cmp.Compare(a.class, b.class))
	})
	for _, s := range without {
		i := c.room(s, full)
		if i < 0 {
			break
		}
		if o := c.owners[i]; o != nil {
			o.slot = rest
		}
		c.owners[i], s.slot, c.slots[i] = s, i, nil
	}
	for i := tracked - kept; i < len(without); i++ {
		if without[i].slot == rest {
			delete(c.seen, without[i].class)
		}
	}
	if !full {
		return
	}
	decay := math.Exp2(-float64(now-c.ranked) / halfLife)
	c.ranked = now
	for class, s := range c.seen {
		if s.n *= decay; s.n < 0.5 && s.slot == rest {
			delete(c.seen, class)
		}
	}
}

// room finds a slot for a class; -1 where all are better used.
func (c *Classes) room(s *seen, full bool) int {
	least := -1
	for i, o := range c.owners {
		if o == nil {
			return i
		}
		if least < 0 || o.n < c.owners[least].n {
			least = i
		}
	}
	if full && s.n > 2*c.owners[least].n {
		return least
	}
	return -1
}

// Take takes the medians: always of a class that has none yet; at every close
// while little is known; once a minute from then on, unless frozen. It is
// called when a slice closes.
func (c *Classes) Take(now int64, frozen [Sides]bool) {
	young, due := now-c.began < 600_000, now-c.taken >= retake
	decay := 1.0
	if due {
		decay = math.Exp2(-float64(now-c.taken) / halfLife)
		c.taken = now
	}
	for _, slot := range c.slots {
		if slot == nil {
			continue
		}
		for side := range slot {
			m := &slot[side]
			if m.n >= firstRecords && (m.at == 0 || !frozen[side] && (due || young && m.n < manyRecords)) {
				m.take()
			}
			if due && !frozen[side] {
				m.fade(decay)
			}
		}
	}
}

func (m *median) take() {
	rank := m.n / 2
	for i, v := range m.hist {
		w := float64(v)
		if w > 0 && rank <= w {
			m.at = float64(i) + rank/w
			return
		}
		rank -= w
	}
}

func (m *median) fade(factor float64) {
	m.n *= factor
	for i := range m.hist {
		m.hist[i] *= float32(factor)
	}
}

// upperQuartile is the place in octaves above the median of a class below which
// a cut duration says nothing: it might have been as short as any.
const upperQuartile = 0.7

// mostAtOnce is the share of errors that came at once, in less than half of the
// median of their class, from which on they are those of an app that fails
// before it does its work.
const mostAtOnce = 0.8

// FailsAtOnce says that as good as all errors in a table came at once.
func (c *Classes) FailsAtOnce(side int, t *Table) bool {
	var all, atOnce float64
	t.Each(func(k Count) {
		m := c.slot(k.Key)[side].at
		if !k.Key.Failed() || m == 0 {
			return
		}
		all += float64(k.N)
		if float64(k.Key.bucket())+0.5-m < -8 { // an octave
			atOnce += float64(k.N)
		}
	})
	return all > 0 && atOnce >= mostAtOnce*all
}

// Bin enters durations into h, relative to the median of their class, and says
// whether that is known; isCut gets those that are lower bounds as well.
func (c *Classes) Bin(side int, k Count, h, isCut *Hist) (known bool) {
	m := c.slot(k.Key)[side].at
	if m == 0 {
		return false
	}
	x := (float64(k.Key.bucket()) + 0.5 - m) / 8
	if k.Key.ending() == Cut && x < upperQuartile {
		return true
	}
	b := clamp(int(math.Floor(x*perOctave)) + unit)
	h[b] += float32(k.N)
	if e := k.Key.ending(); e == Cut || e == TimedOut {
		isCut[b] += float32(k.N)
	}
	return true
}
