package extsort

import "encoding/binary"

// arena holds payloads in chunks, which unlike one growing slice never have to
// be copied, nor are there twice while they are. A payload that is longer than
// a chunk has one of its own. In front of each payload stands its length.
type arena struct {
	chunkBytes int
	chunks     [][]byte
	// current is the chunk that is being filled; held is the bytes of all, used
	// those of them that hold something.
	current, held, used int
}

// ref finds a payload. It is one word, for a sort moves it: the number of the
// chunk, and in the low 32 bits where the payload's length stands.
type ref uint64

// sizeBytes is what the length takes, little-endian.
const sizeBytes = 4

// wants is how many bytes of new chunks it takes to add n bytes.
func (a *arena) wants(n int) int {
	n += sizeBytes
	if n > a.chunkBytes {
		return n
	}
	for _, c := range a.chunks[a.current:] {
		if cap(c)-len(c) >= n {
			return 0
		}
	}
	return a.chunkBytes
}

func (a *arena) add(payload []byte) ref {
	n, at := sizeBytes+len(payload), len(a.chunks)
	if n <= a.chunkBytes {
		for a.current < at && cap(a.chunks[a.current])-len(a.chunks[a.current]) < n {
			a.current++
		}
		at = a.current
	}
	if at == len(a.chunks) {
		size := max(n, a.chunkBytes)
		a.chunks = append(a.chunks, make([]byte, 0, size))
		a.held += size
	}
	a.used += n
	c := a.chunks[at]
	a.chunks[at] = append(binary.LittleEndian.AppendUint32(c, uint32(len(payload))), payload...)
	return ref(at)<<32 | ref(len(c))
}

func (a *arena) bytes(r ref) []byte {
	from := a.chunks[r>>32][uint32(r):]
	size := binary.LittleEndian.Uint32(from)
	return from[sizeBytes : sizeBytes+size]
}

// reset forgets the payloads and keeps the chunks, but for those that were made
// for one long payload.
func (a *arena) reset() {
	kept := a.chunks[:0]
	a.held, a.used = 0, 0
	for _, c := range a.chunks {
		if cap(c) == a.chunkBytes {
			kept = append(kept, c[:0])
			a.held += cap(c)
		}
	}
	clear(a.chunks[len(kept):])
	a.chunks, a.current = kept, 0
}
