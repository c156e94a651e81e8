package extsort

import (
	"cmp"
	"context"
	"slices"
	"sync"
)

// Lane is a sorter on its way into a Merge.
type Lane[T any] struct {
	Sorter *Sorter
	// Decode makes a value of a payload, from which it may borrow. It is
	// called by a goroutine of this lane, one payload at a time.
	Decode func(payload []byte, to *T) error
}

// Merge gives what several sorters hold to f in one order, as if one had held
// it all. Beside each sorter a goroutine reads ahead and decodes, so that f,
// which is called by the calling goroutine, need not wait for that.
//
// compare orders values of the same key and rank, as Options.Compare does their
// payloads. A value lives until f returns. An error of a sorter, of Decode or of
// ctx ends it and is returned as it is; f may have got some records by then. The
// sorters are for nobody else until Merge returns, and are then as after Each.
func Merge[T any](ctx context.Context, lanes []Lane[T], compare func(a, b *T) int, f func(*T)) error {
	ctx, stop := context.WithCancel(ctx)
	var readers sync.WaitGroup
	defer readers.Wait()
	defer stop()
	all := make([]*ahead[T], len(lanes))
	for i, l := range lanes {
		all[i] = newAhead[T]()
		readers.Go(func() { all[i].read(ctx, l) })
	}

	// Those that have something, the one with the least first.
	ready := make([]*ahead[T], 0, len(all))
	for _, a := range all {
		more, err := a.next(ctx)
		if err != nil {
			return err
		}
		if more {
			ready = append(ready, a)
		}
	}
	order := func(a, b *ahead[T]) int {
		x, y := &a.current.heads[a.at], &b.current.heads[b.at]
		switch {
		case x.key != y.key:
			return cmp.Compare(x.key, y.key)
		case x.rank != y.rank:
			return cmp.Compare(x.rank, y.rank)
		}
		return compare(&a.current.values[a.at], &b.current.values[b.at])
	}
	slices.SortFunc(ready, order)
	for len(ready) > 0 {
		a := ready[0]
		f(&a.current.values[a.at])
		more, err := a.next(ctx)
		if err != nil {
			return err
		}
		if !more {
			ready = ready[1:]
			continue
		}
		for i := 1; i < len(ready) && order(a, ready[i]) > 0; i++ {
			ready[i-1], ready[i] = ready[i], a
		}
	}
	return nil
}

const (
	// blocksAhead is how many blocks a lane has: one at each end, one between.
	blocksAhead = 3

	// A block is full with as many records, or with payloads of as many bytes:
	// enough to make a wait worth it, and little enough for a cache.
	blockRecords = 256
	blockBytes   = 64 << 10
)

// ahead is what has been read of a lane and not been taken.
type ahead[T any] struct {
	full, free chan *block[T]
	err        error // why full was closed; nil is the end

	// Of the goroutine that takes.
	current *block[T]
	at      int
}

// block is some records of a sorter in their order.
type block[T any] struct {
	heads  []blockHead
	values []T
	bytes  []byte // the payloads, of which values borrow
}

type blockHead struct {
	key  int64
	rank uint64
}

func newAhead[T any]() *ahead[T] {
	a := &ahead[T]{full: make(chan *block[T], blocksAhead), free: make(chan *block[T], blocksAhead)}
	for range blocksAhead {
		a.free <- &block[T]{}
	}
	return a
}

// read fills blocks until the sorter has no more.
func (a *ahead[T]) read(ctx context.Context, l Lane[T]) {
	defer close(a.full)
	c, err := l.Sorter.Sort(ctx)
	if err != nil {
		a.err = err
		return
	}
	b := <-a.free
	for c.Next() {
		if b.isFull(len(c.Payload)) {
			a.full <- b // there is room for all blocks
			select {
			case b = <-a.free:
				b.reset()
			case <-ctx.Done():
				a.err = ctx.Err()
				return
			}
		}
		if a.err = l.Decode(b.add(c)); a.err != nil {
			return
		}
	}
	if a.err = c.Err(); a.err == nil && len(b.heads) > 0 {
		a.full <- b
	}
}

// next goes to the next record; false says that there is none.
func (a *ahead[T]) next(ctx context.Context) (more bool, err error) {
	if a.current != nil {
		if a.at++; a.at < len(a.current.heads) {
			return true, nil
		}
		a.free <- a.current
		a.current = nil
	}
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	b, more := <-a.full
	if !more {
		return false, a.err
	}
	a.current, a.at = b, 0
	return true, nil
}

func (b *block[T]) isFull(payload int) bool {
	return len(b.heads) >= blockRecords || len(b.heads) > 0 && len(b.bytes)+payload > blockBytes
}

func (b *block[T]) reset() { b.heads, b.values, b.bytes = b.heads[:0], b.values[:0], b.bytes[:0] }

// add copies a record and says what to decode, and to where.
func (b *block[T]) add(c *Cursor) ([]byte, *T) {
	if b.heads == nil {
		b.heads, b.values = make([]blockHead, 0, blockRecords), make([]T, 0, blockRecords)
		b.bytes = make([]byte, 0, blockBytes)
	}
	start := len(b.bytes)
	b.heads = append(b.heads, blockHead{c.Key, c.Rank})
	b.values = b.values[:len(b.values)+1]
	b.bytes = append(b.bytes, c.Payload...)
	return b.bytes[start:len(b.bytes):len(b.bytes)], &b.values[len(b.values)-1]
}
