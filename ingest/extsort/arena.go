package extsort

// arena holds payloads in chunks, which unlike one growing slice never have to
// be copied, nor are there twice while they are. A payload that is longer than
// a chunk has one of its own.
type arena struct {
	chunkBytes int
	chunks     [][]byte
	// current is the chunk that is being filled; held is the bytes of all.
	current, held int
}

// ref finds a payload.
type ref struct{ chunk, offset, size uint32 }

// wants is how many bytes of new chunks it takes to add n bytes.
func (a *arena) wants(n int) int {
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
	n, at := len(payload), len(a.chunks)
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
	c := a.chunks[at]
	a.chunks[at] = append(c, payload...)
	return ref{uint32(at), uint32(len(c)), uint32(n)}
}

func (a *arena) bytes(r ref) []byte {
	return a.chunks[r.chunk][r.offset : r.offset+r.size]
}

// reset forgets the payloads and keeps the chunks, but for those that were made
// for one long payload.
func (a *arena) reset() {
	kept := a.chunks[:0]
	a.held = 0
	for _, c := range a.chunks {
		if cap(c) == a.chunkBytes {
			kept = append(kept, c[:0])
			a.held += cap(c)
		}
	}
	clear(a.chunks[len(kept):])
	a.chunks, a.current = kept, 0
}
