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
	bytes []byte // of a string without its quotes, and of a number
	whole int64  // of a number that follow has read; -1 of any other number
}

// setString makes it the span of a string; null where that stands for no value.
func (s *span) setString(b []byte) {
	if s.kind, s.bytes = stringSpan, b; len(b) <= 1 && value(b) == nil {
		s.kind = nullSpan
	}
}

func (s *span) setNumber(b []byte, whole int64) { s.kind, s.bytes, s.whole = numberSpan, b, whole }

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
	return f.spans[k].kind == nullSpan
}

// text is the string under a key. A value that is no string is none.
func (f *fields) text(k key) []byte {
	if !f.has(k) || f.spans[k].kind != stringSpan {
		return nil
	}
	return f.spans[k].bytes
}

// either is the string under a key, else that under its alias.
func (f *fields) either(k, alias key) []byte {
	if b := f.text(k); b != nil {
		return b
	}
	return f.text(alias)
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
	if s := &f.spans[k]; s.kind == numberSpan && s.whole >= 0 {
		return s.whole, true
	}
	return parseNumber(f.digits(k))
}
