package correlate

// maxSegments is how many segments of a path tell its class.
const maxSegments = 4

// pathClass is a fingerprint of a method and a path, without what differs from
// request to request: the query is cut off; a segment of digits only, with
// three digits or more, or longer than 32 bytes stands for any other such; and
// what comes after the fourth segment says nothing.
func pathClass(method, path []byte) uint16 {
	h := uint32(2166136261) // FNV-1a
	add := func(c byte) { h = (h ^ uint32(c)) * 16777619 }
	for _, c := range method {
		add(c)
	}
	segments := 0
	for i := 0; i < len(path) && path[i] != '?'; {
		if path[i] == '/' {
			i++
			continue
		}
		end, digits := i, 0
		for end < len(path) && path[end] != '/' && path[end] != '?' {
			if c := path[end]; '0' <= c && c <= '9' {
				digits++
			}
			end++
		}
		if segments++; segments > maxSegments {
			break
		}
		add('/')
		if digits >= 3 || digits == end-i || end-i > 32 {
			add('*')
		} else {
			for _, c := range path[i:end] {
				add(c)
			}
		}
		i = end
	}
	return uint16(h>>16 ^ h)
}
