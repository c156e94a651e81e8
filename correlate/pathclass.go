package correlate

// maxSegments is how many segments of a path tell its class.
const maxSegments = 4

// pathClass is a fingerprint of a method and a path, without what differs from
// request to request: the query is cut off; a segment of digits only, with
// three digits or more, or longer than 32 bytes stands for any other such; and
// what comes after the fourth segment says nothing.
func pathClass(method, path []byte) uint16 {
	h := uint32(2166136261) // FNV-1a
	const prime = 16777619
	for _, c := range method {
		h = (h ^ uint32(c)) * prime
	}
	segments := 0
	for i := 0; i < len(path) && path[i] != '?'; {
		if path[i] == '/' {
			i++
			continue
		}
		if segments++; segments > maxSegments {
			break
		}
		h = (h ^ '/') * prime
		from, digits, verbatim := i, 0, h
		for ; i < len(path) && path[i] != '/' && path[i] != '?'; i++ {
			c := path[i]
			verbatim = (verbatim ^ uint32(c)) * prime
			if c-'0' <= 9 {
				digits++
			}
		}
		if n := i - from; digits >= 3 || digits == n || n > 32 {
			h = (h ^ '*') * prime
		} else {
			h = verbatim
		}
	}
	return uint16(h>>16 ^ h)
}
