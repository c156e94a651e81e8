package accesslog

// fields are the values of a JSON object by key, whichever way it was read: what
// they say is read from here alone.
type fields struct {
	spans [numKeys]span // those of keys that were not seen are of an earlier line
	seen  uint64        // a bit for each key
}

// span is a value.
type span struct {
	kind  spanKind
	bytes []byte // of a string without its quotes, of a number; else nil
}

type spanKind uint8

const (
	stringSpan  spanKind = iota
	escapedSpan          // a string with escapes, as it stands in the line
	numberSpan
	nullSpan
	otherSpan // true, false, an array, an object
)

// has says that the key is there, whatever its value.
func (f *fields) has(k key) bool { return f.seen&(1<<k) != 0 }

// isNull says that the value is absent, null, "" or "-".
func (f *fields) isNull(k key) bool {
	if !f.has(k) {
		return true
	}
	s := &f.spans[k]
	return s.kind == nullSpan || s.kind == stringSpan && value(s.bytes) == nil
}

// text is the string under the first of the keys that has one. A value that is
// no string is none.
func (f *fields) text(keys ...key) []byte {
	for _, k := range keys {
		if f.has(k) && f.spans[k].kind == stringSpan {
			if b := value(f.spans[k].bytes); b != nil {
				return b
			}
		}
	}
	return nil
}

// digits is the text of a number or of a string; nil for any other value.
func (f *fields) digits(k key) []byte {
	if f.has(k) && f.spans[k].kind == numberSpan {
		return f.spans[k].bytes
	}
	return f.text(k)
}

// number reads a number, or a string of digits; 0 where unset.
func (f *fields) number(k key) (n int64, ok bool) {
	if f.isNull(k) {
		return 0, true
	}
	return parseNumber(f.digits(k))
}
