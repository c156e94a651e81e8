package extsort

import (
	"cmp"
	"slices"
)

// memory is records that are in memory.
type memory struct {
	arena   arena
	index   []entry
	other   []entry // as long, once the index was sorted
	compare func(a, b []byte) int
}

// entry is a record in memory.
type entry struct {
	key  int64
	rank uint64
	ref  ref
}

// entryBytes is what an entry takes: sorting needs its place a second time.
const entryBytes = 2 * 24

// put copies a record.
func (m *memory) put(key int64, rank uint64, payload []byte) {
	m.index = append(m.index, entry{key, rank, m.arena.add(payload)})
}

// sort sorts the index: by the digits of the keys, which lie near each other in
// a log, and then what has the same key.
func (m *memory) sort() {
	if cap(m.other) < len(m.index) {
		m.other = make([]entry, len(m.index))
	}
	if sorted := radixSort(m.index, m.other[:len(m.index)]); len(sorted) > 0 && &sorted[0] != &m.index[0] {
		m.index, m.other = m.other[:len(sorted)], m.index
	}
	for rest := m.index; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].key == rest[0].key {
			n++
		}
		if n > 1 {
			slices.SortFunc(rest[:n], m.compareEqual)
		}
		rest = rest[n:]
	}
}

// compareEqual compares entries of the same key.
func (m *memory) compareEqual(a, b entry) int {
	if a.rank != b.rank {
		return cmp.Compare(a.rank, b.rank)
	}
	return m.compare(m.arena.bytes(a.ref), m.arena.bytes(b.ref))
}
