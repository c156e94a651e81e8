package extsort

import (
	"cmp"
	"errors"
	"slices"
)

// ErrOrder says that a record came too late for the order of a Window.
var ErrOrder = errors.New("sort: a record comes before one that was given already")

// Window sorts a stream that is nearly in order, in bounded memory and without a
// temporary file: it holds the newest records back and gives the others on, in
// the order in which a Sorter would give all. It is for one goroutine.
type Window struct {
	give     func(payload []byte) error
	memory          // what is held back
	most     int    // bytes that are held back
	old      memory // what is being given, in order
	given    int    // of old
	hasGiven bool
	last     int64 // key of old
	seen     int   // bytes
}

const (
	// leastHeld and heldShare are how many bytes, or what share of all that came,
	// are held back; half of that at least. What a short log still holds back at
	// its end is given while nobody reads any more.
	leastHeld = 8 << 20
	heldShare = 8

	// givenAtOnce is how many records are given for one that comes: more than one,
	// so that few old ones are left at the end.
	givenAtOnce = 2
)

// NewWindow returns a Window, of which Options.Dir means nothing. It gives records
// to give; their payloads are borrowed until that returns.
func NewWindow(o Options, give func(payload []byte) error) *Window {
	o = o.withDefaults()
	m := memory{arena: arena{chunkBytes: min(max(o.MaxBytes/128, 512), 256<<10)}, compare: o.Compare}
	// Old records take as much again, and an index has room to grow.
	return &Window{give: give, memory: m, most: o.MaxBytes / 3, old: m}
}

// Add copies payload, which may be empty, under key and rank, and may give some
// records. The error is one of give, as it is, or ErrOrder; the Window is broken
// then.
func (w *Window) Add(key int64, rank uint64, payload []byte) error {
	if w.hasGiven && key <= w.last {
		return ErrOrder
	}
	size := len(payload) + entryBytes
	full := min(max(leastHeld, w.seen/heldShare), w.most)
	if len(w.index) > 1 && w.arena.used+len(w.index)*entryBytes+size > full {
		if err := w.turn(len(w.index) / 2); err != nil {
			return err
		}
	}
	w.put(key, rank, payload)
	w.seen += size
	return w.giveSome(givenAtOnce)
}

// Flush gives all that was held back.
func (w *Window) Flush() error {
	if err := w.turn(len(w.index)); err != nil {
		return err
	}
	return w.giveSome(len(w.old.index))
}

// giveSome gives so many of the old records, while there are some.
func (w *Window) giveSome(n int) error {
	for ; n > 0 && w.given < len(w.old.index); n-- {
		w.given++
		if err := w.give(w.old.arena.bytes(w.old.index[w.given-1].ref)); err != nil {
			return err
		}
	}
	return nil
}

// turn makes about the first n records old ones, and of one key all or none: for
// their order is known only when all are there.
func (w *Window) turn(n int) error {
	if err := w.giveSome(len(w.old.index)); err != nil {
		return err
	}
	w.old.arena.reset()
	w.memory, w.old = w.old, w.memory
	w.given = 0
	w.old.sort()
	all := w.old.index
	if n < len(all) {
		key := all[n].key
		if n, _ = slices.BinarySearchFunc(all, key, compareKey); n < len(all)/4 {
			// So few that sorting would not pay: the others of that key, too.
			n, _ = slices.BinarySearchFunc(all, key, compareAfter)
		}
	}
	w.index = w.index[:0]
	for _, e := range all[n:] {
		w.put(e.key, e.rank, w.old.arena.bytes(e.ref))
	}
	if w.old.index = all[:n]; n > 0 {
		w.last, w.hasGiven = all[n-1].key, true
	}
	return nil
}

func compareKey(e entry, key int64) int { return cmp.Compare(e.key, key) }

// compareAfter finds what comes after a key.
func compareAfter(e entry, key int64) int {
	if e.key <= key {
		return -1
	}
	return 1
}
