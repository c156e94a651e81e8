// Package extsort sorts records that need not fit in memory by an integer key.
// It knows keys, bytes, memory and temporary files. It must never know what the
// bytes mean.
package extsort

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
)

// Options bound a Sorter. The zero value is the default of everything.
type Options struct {
	// MaxBytes bounds the memory for records; 0 is 64 MiB. A merge takes 1 MiB
	// where this is less, and one payload is always held whole.
	MaxBytes int
	// Dir is where records go that do not fit in memory, up to twice their
	// size; "" is os.TempDir().
	Dir string
}

// withDefaults is the one place where defaults are.
func (o Options) withDefaults() Options {
	if o.MaxBytes <= 0 {
		o.MaxBytes = 64 << 20
	}
	if o.Dir == "" {
		o.Dir = os.TempDir()
	}
	return o
}

// Sorter takes records in any order and gives them back in ascending order of
// key, then payload. That order is total: what comes out does not depend on the
// order in which it went in.
//
// It is for one goroutine. After an error of a temporary file it is broken:
// every later call but Close returns that error.
type Sorter struct {
	o      Options
	arena  arena
	index  []entry
	spill  tape
	broken error
}

// entry is a record in memory.
type entry struct {
	key int64
	ref ref
}

const entryBytes = 24

// maxPayload is the longest payload, so that its length fits in 32 bits.
const maxPayload = 1 << 30

// New returns an empty sorter. It takes no memory and touches no file before
// there are records.
func New(o Options) *Sorter {
	o = o.withDefaults()
	return &Sorter{
		o:     o,
		arena: arena{chunkBytes: min(max(o.MaxBytes/16, 512), 1<<20)},
		spill: tape{dir: o.Dir, create: createTemp},
	}
}

// Add copies payload, which may be empty, under key. When the memory is full,
// what is in it is written to a temporary file.
func (s *Sorter) Add(key int64, payload []byte) error {
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
		s.index = append(make([]entry, 0, grown(cap(s.index))), s.index...)
	}
	s.index = append(s.index, entry{key, s.arena.add(payload)})
	return nil
}

// needed is the memory that is held while a payload of n bytes is added. An
// index that has to grow is there twice until the old one is collected.
func (s *Sorter) needed(n int) int {
	bytes := s.arena.held + s.arena.wants(n) + cap(s.index)*entryBytes
	if len(s.index) == cap(s.index) {
		bytes += grown(cap(s.index)) * entryBytes
	}
	return bytes
}

func grown(entries int) int { return max(16, entries+entries/2) }

// Each calls f with every record in order. The payload is borrowed until f
// returns. An error of f, or of ctx, ends it and is returned as it is. Each may
// be called again, and Add after it, but neither by f.
func (s *Sorter) Each(ctx context.Context, f func(key int64, payload []byte) error) error {
	if s.broken != nil {
		return s.broken
	}
	if len(s.spill.runs) == 0 {
		return s.inMemory(ctx, f)
	}
	// The memory is needed for the buffers of the merge.
	if err := s.flush(); err != nil {
		return err
	}
	s.index, s.arena = nil, arena{chunkBytes: s.arena.chunkBytes}
	var failed error // of f
	err := s.spill.each(ctx, s.o.MaxBytes, func(key int64, payload []byte) error {
		failed = f(key, payload)
		return failed
	})
	if err != nil && failed == nil && ctx.Err() == nil {
		s.broken = err
	}
	return err
}

func (s *Sorter) inMemory(ctx context.Context, f func(key int64, payload []byte) error) error {
	s.sort()
	for i, e := range s.index {
		if i%checkEvery == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if err := f(e.key, s.arena.bytes(e.ref)); err != nil {
			return err
		}
	}
	return nil
}

// checkEvery is how many records go by between two looks at a context.
const checkEvery = 1024

func (s *Sorter) sort() {
	slices.SortFunc(s.index, func(a, b entry) int {
		if c := cmp.Compare(a.key, b.key); c != 0 {
			return c
		}
		return bytes.Compare(s.arena.bytes(a.ref), s.arena.bytes(b.ref))
	})
}

// flush writes what is in memory as a run and keeps the memory.
func (s *Sorter) flush() error {
	if len(s.index) == 0 {
		return nil
	}
	s.sort()
	err := s.spill.write(func(put func(key int64, payload []byte) error) error {
		for _, e := range s.index {
			if err := put(e.key, s.arena.bytes(e.ref)); err != nil {
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
	s.index, s.arena = nil, arena{}
	s.broken = fmt.Errorf("sort: %w", os.ErrClosed)
	return s.spill.close()
}
