package kafka

import (
	"math"

	"github.com/slowpod/slowpod/ingest"
)

const (
	// chunkBytes is about the size of a batch. It fits the second-level cache,
	// so that the lines are still there when the handler reads them.
	chunkBytes = 256 << 10
	// firstRoom is the longest value that is read without a second fetch until
	// the partition brings a longer one; from then on it is mostRoom.
	firstRoom = 64 << 10
	// mostRoom takes a line of ingest.MaxLineBytes with its line end.
	mostRoom = ingest.MaxLineBytes + 2

	maxBatchLines = 4096
)

// chunk is the memory of a batch, used again and again.
type chunk struct {
	buf   []byte
	used  int
	room  int
	most  int // lines
	lines []ingest.Line
}

// space is where the next value goes; nil says that the chunk is full. Values
// are read with at least room bytes free, as kafka-go fetches once more what
// did not fit.
func (c *chunk) space() []byte {
	if c.buf == nil {
		c.grow(firstRoom)
	}
	if len(c.lines) >= c.most || len(c.buf)-c.used < c.room {
		return nil
	}
	return c.buf[c.used:len(c.buf):len(c.buf)]
}

// grow makes the room for a value; the chunk is empty.
func (c *chunk) grow(room int) {
	c.room = room
	c.buf = make([]byte, max(chunkBytes, c.room+chunkBytes/2))
}

// add takes the n bytes that were read into space as the line at an offset.
func (c *chunk) add(offset int64, n int) (reason string) {
	v := c.buf[c.used : c.used+n : c.used+n]
	if control(v) {
		return skippedControl
	}
	line := withoutEnd(v)
	cut := len(line) > ingest.MaxLineBytes
	if cut {
		line = line[:ingest.MaxLineBytes]
	} else if blank(line) {
		return skippedEmpty
	}
	c.used += n
	c.lines = append(c.lines, ingest.Line{Bytes: line, Number: offset, Cut: cut})
	return ""
}

// first is the offset of the first line, beyond any offset when there is none.
func (c *chunk) first() int64 {
	if len(c.lines) == 0 {
		return math.MaxInt64
	}
	return c.lines[0].Number
}

// again makes the n bytes that were read into space the first of an empty chunk.
func (c *chunk) again(n int) {
	copy(c.buf, c.buf[c.used:c.used+n])
	c.reset()
}

func (c *chunk) reset() {
	c.used = 0
	c.lines = c.lines[:0]
}

// control says whether a value is that of a transaction marker: a version, which
// is 0, and four bytes of an epoch. kafka-go hands them out as records, and
// Batch.Read does not tell their key; but no line begins with two NULs.
func control(v []byte) bool { return len(v) == 6 && v[0] == 0 && v[1] == 0 }

// withoutEnd drops a line end that a producer has left on.
func withoutEnd(v []byte) []byte {
	if n := len(v); n > 0 && v[n-1] == '\n' {
		v = v[:n-1]
		if n > 1 && v[n-2] == '\r' {
			v = v[:n-2]
		}
	}
	return v
}

func blank(line []byte) bool {
	for _, c := range line {
		if c != ' ' && (c < '\t' || c > '\r') {
			return false
		}
	}
	return true
}
