package durations

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestKey(t *testing.T) {
	for _, class := range []uint16{0, 1, 255, 256, math.MaxUint16} {
		for _, ms := range []int64{-1, 0, 1, 100, 240_000, math.MaxInt64} {
			for _, e := range []Ending{Whole, Cut, TimedOut} {
				k := NewKey(class, ms, e)
				if k == 0 || k.class() != class || k.bucket() != durationBucket(ms) || k.ending() != e {
					t.Errorf("NewKey(%d, %d, %d) = %#x, holds %d, %d, %d", class, ms, e, k, k.class(), k.bucket(), k.ending())
				}
			}
		}
	}
}

func contents(t *Table) map[Key]uint32 {
	all := map[Key]uint32{}
	t.Each(func(c Count) { all[c.Key] += c.N })
	return all
}

func randomKey(rng *rand.Rand, classes int) Key {
	return NewKey(uint16(rng.IntN(classes)), int64(math.Exp(12*rng.Float64())), Ending(rng.IntN(3)))
}

// What a Table holds is what came, in any order, and again after a Reset.
func TestTableAgainstMap(t *testing.T) {
	rng := rand.New(rand.NewPCG(20, 1))
	var table Table
	for range 30 {
		var keys []Key
		want := map[Key]uint32{}
		classes := 1 + rng.IntN(40)
		for range rng.IntN(1 << rng.IntN(13)) {
			k := randomKey(rng, classes)
			if len(want) < 3*mostTable/4 {
				keys = append(keys, k)
				want[k]++
			}
		}
		for range 2 {
			table.Add(randomKey(rng, classes)) // and forgotten
			table.Reset()
			if table.N() != 0 || len(contents(&table)) != 0 {
				t.Fatalf("after a Reset: N() = %d, %v", table.N(), contents(&table))
			}
			if len(table.counts) > 16*leastTable {
				t.Fatalf("after a Reset it keeps %d places", len(table.counts))
			}
			for _, k := range keys {
				table.Add(k)
			}
			if n := table.N(); n != len(keys) {
				t.Fatalf("N() = %d; want %d", n, len(keys))
			}
			if d := cmp.Diff(want, contents(&table)); d != "" {
				t.Fatalf("(-want +got):\n%s", d)
			}
			if table.N() != len(keys) || table.used != len(want) {
				t.Fatalf("N() = %d, %d keys; want %d, %d", table.N(), table.used, len(keys), len(want))
			}
			rng.Shuffle(len(keys), func(i, k int) { keys[i], keys[k] = keys[k], keys[i] })
		}
	}
}

// A Table that is full grows no more, yet counts all; of what class a duration
// was may be lost, how long it took is not.
func TestTableFull(t *testing.T) {
	rng := rand.New(rand.NewPCG(21, 1))
	var table Table
	type took struct {
		bucket int
		ending Ending
	}
	want, own := map[took]uint32{}, map[Key]uint32{}
	for n := 1; n <= 100_000; n++ {
		k := randomKey(rng, 1<<16)
		table.Add(k)
		want[took{k.bucket(), k.ending()}]++
		own[k]++
		if len(table.counts) > mostTable || table.used >= mostTable || table.N() != n {
			t.Fatalf("%d came: N() = %d, %d keys in %d places", n, table.N(), table.used, len(table.counts))
		}
	}
	got := map[took]uint32{}
	for k, n := range contents(&table) {
		got[took{k.bucket(), k.ending()}] += n
		if k.class() != 0 && n > own[k] {
			t.Errorf("%#x came %d times, held %d", k, own[k], n)
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestTableFullInAnyOrder(t *testing.T) {
	var keys []Key
	for class := range uint16(5000) {
		keys = append(keys, NewKey(class, 10, Whole))
	}
	var a, b Table
	for i := range keys {
		a.Add(keys[i])
		b.Add(keys[len(keys)-1-i])
	}
	if d := cmp.Diff(contents(&a), contents(&b)); d != "" {
		t.Errorf("(-forwards +backwards):\n%s", d)
	}
}

// counted is a Table of n durations of a class.
func counted(class uint16, n int, ms int64) *Table { return ended(class, n, ms, Whole) }

func ended(class uint16, n int, ms int64, e Ending) *Table {
	var t Table
	t.add(NewKey(class, ms, e), uint32(n))
	return &t
}

// closeSlice closes a slice, as the judge does.
func closeSlice(c *Classes, now int64, frozen bool, tables ...*Table) {
	for _, t := range tables {
		c.Observe(t)
	}
	c.Rank(now, false)
	for _, t := range tables {
		c.Learn(0, t, frozen)
	}
	c.Take(now, [Sides]bool{frozen, frozen})
}

// medianOf is the bucket in which a class's median lies on the first side; -1:
// not known.
func medianOf(c *Classes, class uint16) int {
	at := c.slot(NewKey(class, 0, Whole))[0].at
	return int(math.Ceil(at)) - 1
}

// owned is which class has which slot.
func owned(c *Classes) (classes []uint16) {
	for _, o := range c.owners {
		if o != nil {
			classes = append(classes, o.class)
		}
	}
	return classes
}

const t0 = int64(1_700_000_000_000)

// The median of a class is that of its durations sorted, of those that are
// known: of cut ones it is not.
func TestMedians(t *testing.T) {
	rng := rand.New(rand.NewPCG(22, 1))
	for range 200 {
		var c Classes
		var table Table
		raw := map[uint16][]int64{}
		for class := range uint16(3) {
			typical := 8 * rng.Float64()
			for range firstRecords + rng.IntN(200) {
				ms := int64(math.Exp(typical + rng.NormFloat64()))
				e := Ending(rng.IntN(3))
				table.Add(NewKey(class, ms, e))
				if e != Cut {
					raw[class] = append(raw[class], ms)
				}
			}
		}
		closeSlice(&c, t0, false, &table)
		for class, all := range raw {
			slices.Sort(all)
			want := durationBucket(all[(len(all)-1)/2])
			if len(all) < firstRecords {
				want = -1
			}
			if got := medianOf(&c, class); got != want {
				t.Fatalf("the median of %v is in bucket %d, want %d", all, got, want)
			}
		}
	}
}

func TestFirstMedian(t *testing.T) {
	f := func(want bool, tables ...*Table) {
		t.Helper()
		var c Classes
		closeSlice(&c, t0, false, tables...)
		var h, cut Hist
		if got := c.Bin(0, Count{NewKey(1, 10, Whole), 1}, &h, &cut); got != want || h.N() > 0 != want {
			t.Errorf("known: %v, counted: %v, want %v", got, h.N(), want)
		}
		if c.Bin(1, Count{NewKey(1, 10, Whole), 1}, &h, &cut) {
			t.Error("the other side knows, of which nothing came")
		}
	}
	f(false)
	f(false, counted(1, 2, 10))
	f(true, counted(1, 3, 10))
	f(true, counted(1, 2, 10), counted(1, 1, 20))
	// Another class says nothing of this one.
	f(false, counted(1, 2, 10), counted(2, 100, 10))
	// A cut duration is not known; one that timed out is.
	f(false, counted(1, 2, 10), ended(1, 100, 10, Cut))
	f(true, counted(1, 2, 10), ended(1, 1, 10, TimedOut))
}

// The busiest classes have medians of their own, whichever table was observed
// first; those from the ninth on share one.
func TestSlots(t *testing.T) {
	var tables, others []*Table
	for class := range uint16(20) {
		// Of two pods each; the busiest in the middle, 8 and 12 as busy as
		// each other.
		n, ms := 100-int(math.Abs(float64(class)-10)), int64(1)<<(class%8)
		tables = append(tables, counted(class, n, ms), counted(class, 5, ms))
		if class < 6 || class > 13 {
			others = append(others, counted(0, n+5, ms))
		}
	}
	var together Classes
	closeSlice(&together, t0, false, others...)
	rest := medianOf(&together, 0)
	rng := rand.New(rand.NewPCG(23, 1))
	for range 20 {
		var c Classes
		closeSlice(&c, t0, false, tables...)
		if d := cmp.Diff([]uint16{10, 9, 11, 8, 12, 7, 13, 6}, owned(&c)); d != "" {
			t.Fatalf("(-want +got):\n%s", d)
		}
		for _, class := range owned(&c) {
			if want := 32 + 8*int(class%8); medianOf(&c, class) != want {
				t.Errorf("class %d: median in %d, want %d", class, medianOf(&c, class), want)
			}
		}
		for _, class := range []uint16{0, 5, 14, 19, 999} {
			if got := medianOf(&c, class); got != rest {
				t.Errorf("class %d: median in %d, want that of the rest, %d", class, got, rest)
			}
		}
		rng.Shuffle(len(tables), func(i, k int) { tables[i], tables[k] = tables[k], tables[i] })
	}
}

// A class takes another's slot once it is twice as busy, and not before a
// minute is over; a slot that is free it takes at once.
func TestSlotsChange(t *testing.T) {
	f := func(n int, later int64, want ...uint16) {
		t.Helper()
		var c Classes
		var busy []*Table
		for class := uint16(1); class <= kept; class++ {
			busy = append(busy, counted(class, 200-int(class), 10))
		}
		closeSlice(&c, t0, false, busy...)
		closeSlice(&c, t0+later, false, counted(9, n, 1000))
		if d := cmp.Diff(want, owned(&c)); d != "" {
			t.Errorf("%d requests, %d ms later (-want +got):\n%s", n, later, d)
		}
		// What the other did says nothing of it, nor it of the other.
		if want[7] == 9 && (c.slots[7][0].at == 0 || c.slots[7][0].n > float64(n) || medianOf(&c, 8) >= 0) {
			t.Errorf("a slot was handed over with %v of %d requests; the other: %d", c.slots[7][0].n, n, medianOf(&c, 8))
		}
	}
	f(1000, 59_999, 1, 2, 3, 4, 5, 6, 7, 8)
	f(1000, 60_000, 1, 2, 3, 4, 5, 6, 7, 9)
	f(384, 60_000, 1, 2, 3, 4, 5, 6, 7, 8)
	f(385, 60_000, 1, 2, 3, 4, 5, 6, 7, 9)

	var c Classes
	closeSlice(&c, t0, false, counted(1, 5, 10))
	closeSlice(&c, t0+10_000, false, counted(2, 500, 10))
	if d := cmp.Diff([]uint16{1, 2}, owned(&c)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// Ten thousand paths of an attacker are not tracked, and take no slot from the
// classes that are busy.
func TestTracked(t *testing.T) {
	var c Classes
	rng := rand.New(rand.NewPCG(24, 1))
	for now := t0; now < t0+180_000; now += 10_000 {
		var tables []*Table
		for class := range uint16(kept) {
			tables = append(tables, counted(class, 50, 100))
		}
		var attack Table
		for range 2500 {
			attack.Add(NewKey(uint16(100+rng.IntN(10_000)), 1, Whole))
		}
		closeSlice(&c, now, false, append(tables, &attack)...)
		if len(c.seen) > tracked {
			t.Fatalf("%d classes are tracked", len(c.seen))
		}
		if d := cmp.Diff([]uint16{0, 1, 2, 3, 4, 5, 6, 7}, owned(&c)); d != "" {
			t.Fatalf("(-want +got):\n%s", d)
		}
	}
	// What comes no more is forgotten; what has a slot keeps it.
	closeSlice(&c, t0+24*3_600_000, false)
	if len(c.seen) != kept {
		t.Errorf("%d classes are tracked a day later, want %d", len(c.seen), kept)
	}
}

// Frozen, only a class without a median learns, and none forgets.
func TestFrozen(t *testing.T) {
	var c Classes
	closeSlice(&c, t0, false, counted(1, 400, 16))
	closeSlice(&c, t0+5000, false, counted(1, 600, 4096)) // the median is not due
	for now := t0 + 10_000; now <= t0+300_000; now += 10_000 {
		closeSlice(&c, now, true, counted(1, 100, 4096), counted(2, 1, 64))
	}
	if got, want := medianOf(&c, 1), durationBucket(16); got != want {
		t.Errorf("frozen, the median moved to %d, want %d", got, want)
	}
	if n := c.slots[0][0].n; n != 1000 {
		t.Errorf("frozen, 1,000 durations became %v", n)
	}
	if got, want := medianOf(&c, 2), durationBucket(64); got != want {
		t.Errorf("frozen, the first median is in %d, want %d", got, want)
	}
	closeSlice(&c, t0+310_000, false, counted(1, 100, 4096))
	closeSlice(&c, t0+370_000, false, counted(1, 100, 4096))
	if got, want := medianOf(&c, 1), durationBucket(4096); got != want {
		t.Errorf("thawed, the median is in %d, want %d", got, want)
	}
}

// While a class is young its median is taken at every close, later once a
// minute.
func TestTakenAgain(t *testing.T) {
	f := func(n int, start, later int64, want int64) {
		t.Helper()
		var c Classes
		closeSlice(&c, t0, false)
		closeSlice(&c, t0+start, false, counted(1, n, 16))
		closeSlice(&c, t0+start+later, false, counted(1, 3*n, 4096))
		if got := medianOf(&c, 1); got != durationBucket(want) {
			t.Errorf("%d and %d more %d ms later: the median is in %d, want %d", n, 3*n, later, got, durationBucket(want))
		}
	}
	f(10, 0, 10_000, 4096)
	f(300, 0, 10_000, 16)
	f(300, 0, 60_000, 4096)
	f(10, 600_000, 10_000, 16)
	f(10, 600_000, 60_000, 4096)
}

// Durations count half after half an hour.
func TestHalfLife(t *testing.T) {
	f := func(n int, want int64) {
		t.Helper()
		var c Classes
		now := t0
		closeSlice(&c, now, false, counted(1, 1000, 16))
		for now < t0+30*60_000 {
			now += 10_000
			closeSlice(&c, now, false)
		}
		closeSlice(&c, now+10_000, false, counted(1, n, 4096))
		closeSlice(&c, now+60_000, false)
		if got := medianOf(&c, 1); got != durationBucket(want) {
			t.Errorf("%d: the median is in %d, want %d", n, got, durationBucket(want))
		}
	}
	f(480, 16)
	f(520, 4096)
}

func TestBin(t *testing.T) {
	var c Classes
	closeSlice(&c, t0, false, counted(1, 100, 100))
	const none = -1
	f := func(ms int64, e Ending, want, wantCut int) {
		t.Helper()
		var h, isCut, wantH, wantIs Hist
		if want != none {
			wantH[want] = 7
		}
		if wantCut != none {
			wantIs[wantCut] = 7
		}
		if !c.Bin(0, Count{NewKey(1, ms, e), 7}, &h, &isCut) {
			t.Errorf("%d ms: not known", ms)
		}
		if d := cmp.Diff([]Hist{wantH, wantIs}, []Hist{h, isCut}); d != "" {
			t.Errorf("%d ms, ending %d (-want +got):\n%s", ms, e, d)
		}
	}
	f(100, Whole, unit, none)
	f(200, Whole, unit+4, none)
	f(50, Whole, unit-4, none)
	f(1600, Whole, unit+16, none)
	// The outer two hold what is beyond.
	f(3, Whole, 0, none)
	f(0, Whole, 0, none)
	f(100_000, Whole, Buckets-1, none)
	// Below the upper quartile a cut duration says nothing.
	f(0, Cut, none, none)
	f(100, Cut, none, none)
	f(164, Cut, none, none)
	f(170, Cut, unit+3, unit+3)
	f(400, Cut, unit+8, unit+8)
	f(100_000, Cut, Buckets-1, Buckets-1)
	// That it timed out after so long says so much.
	f(50, TimedOut, unit-4, unit-4)
	f(400, TimedOut, unit+8, unit+8)

}

func BenchmarkTableAdd(b *testing.B) {
	b.ReportAllocs()
	rng := rand.New(rand.NewPCG(26, 1))
	keys := make([]Key, 1024)
	for i := range keys {
		keys[i] = NewKey(uint16(rng.IntN(8)), int64(30*math.Exp(rng.NormFloat64()/2)), Whole)
	}
	var t Table
	for i := 0; b.Loop(); i++ {
		t.Add(keys[i%len(keys)])
	}
}

func BenchmarkBin(b *testing.B) {
	b.ReportAllocs()
	var c Classes
	closeSlice(&c, t0, false, counted(1, 100, 100))
	var h, cut Hist
	k := Count{NewKey(1, 170, Cut), 1}
	for b.Loop() {
		c.Bin(0, k, &h, &cut)
	}
}
