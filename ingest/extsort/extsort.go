// Package extsort sorts records that need not fit in memory by two integers: all
// of them, with a Sorter, or what is nearly in order as it comes, with a Window.
// It knows keys, bytes, memory and temporary files. It must never know what the
// bytes mean.
package extsort

import (
	"bytes"
	"context"
	"fmt"
	"os"
)

// Options bound a Sorter or a Window. The zero value is the default of everything.
type Options struct {
	// MaxBytes bounds the memory for records; 0 is 64 MiB. A merge takes 1 MiB
	// where this is less, and one payload is always held whole.
	MaxBytes int
	// Dir is where records go that do not fit in memory, up to twice their
	// size; "" is os.TempDir().
	Dir string
	// Compare orders payloads that have the same key and rank; nil is
	// bytes.Compare.
	Compare func(a, b []byte) int
}

// withDefaults is the one place where defaults are.
func (o Options) withDefaults() Options {
	if o.MaxBytes <= 0 {
		o.MaxBytes = 64 << 20
	}
	if o.Dir == "" {
		o.Dir = os.TempDir()
	}
	if o.Compare == nil {
		o.Compare = bytes.Compare
	}
	return o
}

// Sorter takes records in any order and gives them back in ascending order of
// key, then rank, then payload. That order is total: what comes out does not
// depend on the order in which it went in.
//
// It is for one goroutine. After an error of a temporary file it is broken:
// every later call but Close returns that error.
type Sorter struct {
	o Options
	memory
	spill  tape
	broken error
}

// maxPayload is the longest payload, so that its length fits in 32 bits.
const maxPayload = 1 << 30

// New returns an empty sorter. It takes no memory and touches no file before
// there are records.
func New(o Options) *Sorter {
	o = o.withDefaults()
	return &Sorter{
		o:      o,
		memory: memory{arena: arena{chunkBytes: min(max(o.MaxBytes/16, 512), 1<<20)}, compare: o.Compare},
		spill:  tape{dir: o.Dir, create: createTemp, compare: o.Compare},
	}
}

// Add copies payload, which may be empty, under key and rank. When the memory is
// full, what is in it is written to a temporary file.
func (s *Sorter) Add(key int64, rank uint64, payload []byte) error {
	if s.broken != nil {
		return s.broken
	}
	if len(payload) > maxPayload {
		return fmt.Errorf("sort a record of %d bytes: longer than %d", len(payload), maxPayload)
	}
	if len(s.index) > 0 && s.needed(len(payload)) > s.o.MaxBytes {
		if err := s.flush(); err != nil {
			return err
		}
	}
	if len(s.index) == cap(s.index) {
		s.index = append(make([]entry, 0, s.grown()), s.index...)
	}
	s.put(key, rank, payload)
	return nil
}

// needed is the memory that is held while a payload of n bytes is added. An
// index that has to grow is there twice until the old one is collected.
func (s *Sorter) needed(n int) int {
	bytes := s.arena.held + s.arena.wants(n) + cap(s.index)*entryBytes
	if len(s.index) == cap(s.index) {
		bytes += s.grown() * entryBytes
	}
	return bytes
}

// grown is how many entries there is room for next: few, then a quarter of the
// memory at once, of which what is not used is never touched, for what grows is
// copied.
func (s *Sorter) grown() int {
	const few = 4096
	large := s.o.MaxBytes / 4 / entryBytes
	if cap(s.index) == 0 {
		return max(16, min(few, large))
	}
	return max(large, cap(s.index)+cap(s.index)/2)
}

// Each calls f with every record in order. The payload is borrowed until f
// returns. An error of f, or of ctx, ends it and is returned as it is. Each may
// be called again, and Add after it, but neither by f.
func (s *Sorter) Each(ctx context.Context, f func(key int64, payload []byte) error) error {
	c, err := s.Sort(ctx)
	if err != nil {
		return err
	}
	for c.Next() {
		if err := f(c.Key, c.Payload); err != nil {
			return err
		}
	}
	return c.Err()
}

// Sort brings the records in order, to be given one by one. Further calls of the
// Sorter end the Cursor. An error of ctx is returned as it is, here and by the
// Cursor.
func (s *Sorter) Sort(ctx context.Context) (*Cursor, error) {
	switch {
	case s.broken != nil:
		return nil, s.broken
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case len(s.spill.runs) == 0:
		s.sort()
		return &Cursor{ctx: ctx, sorter: s}, nil
	}
	// The memory is needed for the buffers of the merge.
	if err := s.flush(); err != nil {
		return nil, err
	}
	s.index, s.other, s.arena = nil, nil, arena{chunkBytes: s.arena.chunkBytes}
	m, err := s.spill.merged(ctx, s.o.MaxBytes)
	if err != nil {
		return nil, s.failed(ctx, err)
	}
	return &Cursor{ctx: ctx, sorter: s, merge: m}, nil
}

// failed notes an error of the temporary file, and returns it.
func (s *Sorter) failed(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		s.broken = err
	}
	return err
}

// Cursor gives sorted records one by one.
type Cursor struct {
	// Key, Rank and Payload are those of the record that Next went to; Payload
	// is borrowed until the next Next.
	Key     int64
	Rank    uint64
	Payload []byte

	ctx    context.Context //nolint:containedctx // a cursor is a call that goes on
	sorter *Sorter
	at     int    // given so far
	merge  *merge // of what was spilled; nil: all is in memory
	err    error
}

// Err is why Next went to no further record: nil at the end.
func (c *Cursor) Err() error { return c.err }

// Next goes to the next record and says whether there is one.
func (c *Cursor) Next() bool {
	if c.err != nil {
		return false
	}
	if c.at%checkEvery == 0 && c.ctx.Err() != nil {
		c.err = c.ctx.Err()
		return false
	}
	if c.merge != nil {
		h, err := c.merge.next()
		if err != nil {
			c.err = c.sorter.failed(c.ctx, err)
			return false
		}
		if h == nil {
			return false
		}
		c.at++
		c.Key, c.Rank, c.Payload = h.key, h.rank, h.payload
		return true
	}
	if c.at >= len(c.sorter.index) {
		return false
	}
	e := &c.sorter.index[c.at]
	c.at++
	c.Key, c.Rank, c.Payload = e.key, e.rank, c.sorter.arena.bytes(e.ref)
	return true
}

// checkEvery is how many records go by between two looks at a context.
const checkEvery = 1024

// flush writes what is in memory as a run and keeps the memory.
func (s *Sorter) flush() error {
	if len(s.index) == 0 {
		return nil
	}
	s.sort()
	err := s.spill.write(func(put putRecord) error {
		for _, e := range s.index {
			if err := put(e.key, e.rank, s.arena.bytes(e.ref)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		s.broken = err
		return err
	}
	s.index = s.index[:0]
	s.arena.reset()
	return nil
}

// Close gives back memory and temporary file. It may be called at any time and
// again; every other call returns an error from then on.
func (s *Sorter) Close() error {
	s.index, s.other, s.arena = nil, nil, arena{}
	s.broken = fmt.Errorf("sort: %w", os.ErrClosed)
	return s.spill.close()
}
