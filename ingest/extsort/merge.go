package extsort

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// merge gives the records of some runs in order.
type merge struct {
	tape  *tape
	heads []*head // a heap: the run with the least record first
	given *head   // by next
}

func (t *tape) merge(runs []run, maxBytes int) (*merge, error) {
	bufBytes := min(max(maxBytes/(fanIn+1), minReadBytes), maxReadBytes)
	m := &merge{tape: t, heads: make([]*head, 0, len(runs))}
	for _, r := range runs {
		h := &head{r: bufio.NewReaderSize(io.NewSectionReader(t.file, r.offset, r.size), bufBytes), left: r.size}
		if err := h.next(); err != nil {
			return nil, t.unreadable(err)
		}
		m.heads = append(m.heads, h)
	}
	for i := len(m.heads)/2 - 1; i >= 0; i-- {
		m.down(i)
	}
	return m, nil
}

// next returns the run whose record is the next one, nil after the last; good
// until it is called again.
func (m *merge) next() (*head, error) {
	if h := m.given; h != nil {
		if h.left == 0 {
			last := len(m.heads) - 1
			m.heads[0], m.heads[last] = m.heads[last], nil
			m.heads = m.heads[:last]
		} else if err := h.next(); err != nil {
			return nil, m.tape.unreadable(err)
		}
		m.down(0)
		m.given = nil
	}
	if len(m.heads) > 0 {
		m.given = m.heads[0]
	}
	return m.given, nil
}

func (t *tape) unreadable(err error) error {
	return fmt.Errorf("read a file for sorting in %s: %w", t.dir, err)
}

// head is the first record of a run that has not been given.
type head struct {
	key     int64
	rank    uint64
	payload []byte // within r's buffer, or own; good until next

	r    *bufio.Reader
	left int64 // bytes of the run after this record
	skip int   // bytes of this record that are still in r
	own  []byte
}

// next goes to the next record, which must be there.
func (h *head) next() error {
	_, _ = h.r.Discard(h.skip) // it was peeked at: it is there
	h.skip = 0
	header, err := h.r.Peek(headerBytes)
	if err != nil {
		return torn(err)
	}
	h.key = int64(binary.LittleEndian.Uint64(header))
	h.rank = binary.LittleEndian.Uint64(header[8:])
	n := int(binary.LittleEndian.Uint32(header[16:]))
	h.left -= headerBytes + int64(n)
	if h.left < 0 {
		return io.ErrUnexpectedEOF
	}
	if headerBytes+n <= h.r.Size() {
		record, err := h.r.Peek(headerBytes + n)
		if err != nil {
			return torn(err)
		}
		h.payload, h.skip = record[headerBytes:], len(record)
		return nil
	}
	_, _ = h.r.Discard(headerBytes)
	if cap(h.own) < n {
		h.own = make([]byte, n)
	}
	h.payload = h.own[:n]
	_, err = io.ReadFull(h.r, h.payload)
	return torn(err)
}

// torn says that the end is none that was expected.
func torn(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (m *merge) less(i, j int) bool {
	a, b := m.heads[i], m.heads[j]
	switch {
	case a.key != b.key:
		return a.key < b.key
	case a.rank != b.rank:
		return a.rank < b.rank
	}
	return m.tape.compare(a.payload, b.payload) < 0
}

// down lets the run at i sink to its place.
func (m *merge) down(i int) {
	h := m.heads
	for {
		least := 2*i + 1
		if least >= len(h) {
			return
		}
		if right := least + 1; right < len(h) && m.less(right, least) {
			least = right
		}
		if !m.less(least, i) {
			return
		}
		h[i], h[least] = h[least], h[i]
		i = least
	}
}
