package extsort

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// merge gives the records of some runs in order.
func (t *tape) merge(ctx context.Context, runs []run, maxBytes int, f func(key int64, payload []byte) error) error {
	bufBytes := min(max(maxBytes/(fanIn+1), minReadBytes), maxReadBytes)
	heads := make(heap, 0, len(runs))
	for _, r := range runs {
		h := &head{r: bufio.NewReaderSize(io.NewSectionReader(t.file, r.offset, r.size), bufBytes), left: r.size}
		if err := h.next(); err != nil {
			return t.unreadable(err)
		}
		heads = append(heads, h)
	}
	for i := len(heads)/2 - 1; i >= 0; i-- {
		heads.down(i)
	}
	for i := 0; len(heads) > 0; i++ {
		if i%checkEvery == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		h := heads[0]
		if err := f(h.key, h.payload); err != nil {
			return err
		}
		if h.left == 0 {
			last := len(heads) - 1
			heads[0], heads[last] = heads[last], nil
			heads = heads[:last]
		} else if err := h.next(); err != nil {
			return t.unreadable(err)
		}
		heads.down(0)
	}
	return nil
}

func (t *tape) unreadable(err error) error {
	return fmt.Errorf("read a file for sorting in %s: %w", t.dir, err)
}

// head is the first record of a run that has not been given.
type head struct {
	key     int64
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
	n := int(binary.LittleEndian.Uint32(header[8:]))
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

// heap has the run with the least record first.
type heap []*head

func (h heap) less(i, j int) bool {
	if h[i].key != h[j].key {
		return h[i].key < h[j].key
	}
	return bytes.Compare(h[i].payload, h[j].payload) < 0
}

// down lets the run at i sink to its place.
func (h heap) down(i int) {
	for {
		least := 2*i + 1
		if least >= len(h) {
			return
		}
		if right := least + 1; right < len(h) && h.less(right, least) {
			least = right
		}
		if !h.less(least, i) {
			return
		}
		h[i], h[least] = h[least], h[i]
		i = least
	}
}
