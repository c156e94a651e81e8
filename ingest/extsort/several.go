package extsort

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"sync"
)

// Merge gives what several sorters hold to f in one order, as if one had held
// it all. Beside each sorter a goroutine reads ahead and decodes, so that f,
// which is called by the calling goroutine, need not wait for that.
//
// decode makes a value of a payload, by several goroutines at once; the value
// may borrow from the payload. It lives until f returns. An error of decode, of
// f or of ctx ends it and is returned as it is. The sorters are for nobody else
// until Merge returns, and are then as after Each.
func Merge[T any](ctx context.Context, sorters []*Sorter, decode func(payload []byte, to *T) error, f func(*T) error) error {
	ctx, stop := context.WithCancel(ctx)
	var readers sync.WaitGroup
	defer readers.Wait()
	defer stop()
	lanes := make([]*lane[T], 0, len(sorters))
	for _, s := range sorters {
		l := newLane[T]()
		lanes = append(lanes, l)
		readers.Go(func() { l.read(ctx, s, decode) })
	}

	// The lanes that have something, the one with the least first.
	ready := lanes[:0]
	for _, l := range lanes {
		more, err := l.next(ctx)
		if err != nil {
			return err
		}
		if more {
			ready = append(ready, l)
		}
	}
	slices.SortFunc(ready, func(a, b *lane[T]) int { return a.compare(b) })
	for len(ready) > 0 {
		l := ready[0]
		if err := f(&l.current.values[l.at]); err != nil {
			return err
		}
		more, err := l.next(ctx)
		if err != nil {
			return err
		}
		if !more {
			ready = ready[1:]
			continue
		}
		for i := 1; i < len(ready) && l.compare(ready[i]) > 0; i++ {
			ready[i-1], ready[i] = ready[i], l
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

// lane is a sorter on its way into a merge.
type lane[T any] struct {
	full, free chan *block[T]
	err        error // why full was closed; nil is the end

	// Of the merging goroutine.
	current *block[T]
	at      int
}

// block is some records of a sorter in their order.
type block[T any] struct {
	keys   []int64
	starts []int // of the payloads in bytes
	bytes  []byte
	values []T
}

func newLane[T any]() *lane[T] {
	l := &lane[T]{full: make(chan *block[T], blocksAhead), free: make(chan *block[T], blocksAhead)}
	for range blocksAhead {
		l.free <- &block[T]{}
	}
	return l
}

// read fills blocks until the sorter has no more.
func (l *lane[T]) read(ctx context.Context, s *Sorter, decode func([]byte, *T) error) {
	defer close(l.full)
	b := <-l.free
	l.err = s.Each(ctx, func(key int64, payload []byte) error {
		if b.isFull(len(payload)) {
			l.full <- b // there is room for all blocks
			select {
			case b = <-l.free:
				b.reset()
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return decode(b.add(key, payload))
	})
	if l.err == nil && len(b.keys) > 0 {
		l.full <- b
	}
}

// next goes to the lane's next record; false says that there is none.
func (l *lane[T]) next(ctx context.Context) (more bool, err error) {
	if l.current != nil {
		if l.at++; l.at < len(l.current.keys) {
			return true, nil
		}
		l.free <- l.current
		l.current = nil
	}
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	b, more := <-l.full
	if !more {
		return false, l.err
	}
	l.current, l.at = b, 0
	return true, nil
}

// compare is the order of a Sorter.
func (l *lane[T]) compare(o *lane[T]) int {
	if c := cmp.Compare(l.current.keys[l.at], o.current.keys[o.at]); c != 0 {
		return c
	}
	return bytes.Compare(l.current.payload(l.at), o.current.payload(o.at))
}

func (b *block[T]) isFull(payload int) bool {
	return len(b.keys) >= blockRecords || len(b.keys) > 0 && len(b.bytes)+payload > blockBytes
}

func (b *block[T]) reset() {
	b.keys, b.starts, b.bytes, b.values = b.keys[:0], b.starts[:0], b.bytes[:0], b.values[:0]
}

// add copies a payload and says what to decode, and to where.
func (b *block[T]) add(key int64, payload []byte) ([]byte, *T) {
	if b.keys == nil {
		b.keys, b.starts = make([]int64, 0, blockRecords), make([]int, 0, blockRecords)
		b.bytes, b.values = make([]byte, 0, blockBytes), make([]T, 0, blockRecords)
	}
	start := len(b.bytes)
	b.keys, b.starts = append(b.keys, key), append(b.starts, start)
	b.bytes = append(b.bytes, payload...)
	b.values = b.values[:len(b.values)+1]
	return b.bytes[start:len(b.bytes):len(b.bytes)], &b.values[len(b.values)-1]
}

// payload returns the bytes of the i-th record.
func (b *block[T]) payload(i int) []byte {
	if i+1 < len(b.starts) {
		return b.bytes[b.starts[i]:b.starts[i+1]]
	}
	return b.bytes[b.starts[i]:]
}
