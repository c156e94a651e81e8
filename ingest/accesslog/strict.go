package accesslog

import "github.com/valyala/fastjson"

// JSON as RFC 8259 has it. fastjson is lenient, differently in its parser and
// its validator (1.6.10: 01, nan, 1.e3, control bytes in strings), and does not
// say where a text stops being JSON.
//
// Each skip… begins at b[i] and returns the index behind what it skips or, with
// false, of the first byte that cannot stand where it does: len(b) where b ends
// too early.

// jsonFault is the index of the first byte of b that keeps it from being one
// JSON value with white space around it, -1 if there is none. Nesting deeper
// than fastjson.MaxDepth is a fault.
func jsonFault(b []byte) int {
	i, ok := skipValue(b, skipSpace(b, 0), 1)
	if !ok {
		return i
	}
	if i = skipSpace(b, i); i < len(b) {
		return i
	}
	return -1
}

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\r' || b[i] == '\n') {
		i++
	}
	return i
}

func skipValue(b []byte, i, depth int) (int, bool) {
	if i == len(b) || depth > fastjson.MaxDepth {
		return i, false
	}
	switch c := b[i]; {
	case c == '"':
		return skipString(b, i)
	case c == '{':
		return skipObject(b, i, depth)
	case c == '[':
		return skipArray(b, i, depth)
	case c == '-' || isDigit(c):
		return skipNumber(b, i)
	case c == 't':
		return skipWord(b, i, "true")
	case c == 'f':
		return skipWord(b, i, "false")
	case c == 'n':
		return skipWord(b, i, "null")
	}
	return i, false
}

func skipObject(b []byte, i, depth int) (int, bool) {
	i = skipSpace(b, i+1)
	if i < len(b) && b[i] == '}' {
		return i + 1, true
	}
	for {
		value, ok := skipKey(b, i)
		if !ok {
			return value, false
		}
		if i, ok = skipValue(b, value, depth+1); !ok {
			return i, false
		}
		i = skipSpace(b, i)
		if i == len(b) || b[i] != ',' && b[i] != '}' {
			return i, false
		}
		if b[i] == '}' {
			return i + 1, true
		}
		i = skipSpace(b, i+1)
	}
}

// skipKey skips a key, its colon and the white space around that.
func skipKey(b []byte, i int) (int, bool) {
	if i == len(b) || b[i] != '"' {
		return i, false
	}
	i, ok := skipString(b, i)
	if !ok {
		return i, false
	}
	i = skipSpace(b, i)
	if i == len(b) || b[i] != ':' {
		return i, false
	}
	return skipSpace(b, i+1), true
}

func skipArray(b []byte, i, depth int) (int, bool) {
	i = skipSpace(b, i+1)
	if i < len(b) && b[i] == ']' {
		return i + 1, true
	}
	for {
		var ok bool
		if i, ok = skipValue(b, i, depth+1); !ok {
			return i, false
		}
		i = skipSpace(b, i)
		if i == len(b) || b[i] != ',' && b[i] != ']' {
			return i, false
		}
		if b[i] == ']' {
			return i + 1, true
		}
		i = skipSpace(b, i+1)
	}
}

func skipString(b []byte, i int) (int, bool) {
	i++
	for i < len(b) {
		switch c := b[i]; {
		case c == '"':
			return i + 1, true
		case c < ' ':
			return i, false
		case c == '\\':
			var ok bool
			if i, ok = skipEscape(b, i); !ok {
				return i, false
			}
		default:
			i++
		}
	}
	return i, false
}

func skipEscape(b []byte, i int) (int, bool) {
	i++
	if i == len(b) {
		return i, false
	}
	switch b[i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 1, true
	case 'u':
		i++
		for end := i + 4; i < end; i++ {
			if i == len(b) || !isHex(b[i]) {
				return i, false
			}
		}
		return i, true
	}
	return i, false
}

func skipNumber(b []byte, i int) (int, bool) {
	if b[i] == '-' {
		i++
	}
	if i < len(b) && b[i] == '0' {
		i++
	} else if n := digits(b[i:]); n > 0 {
		i += n
	} else {
		return i, false
	}
	if i < len(b) && b[i] == '.' {
		i++
		n := digits(b[i:])
		if i += n; n == 0 {
			return i, false
		}
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		n := digits(b[i:])
		if i += n; n == 0 {
			return i, false
		}
	}
	return i, true
}

func skipWord(b []byte, i int, word string) (int, bool) {
	for n := range len(word) {
		if i == len(b) || b[i] != word[n] {
			return i, false
		}
		i++
	}
	return i, true
}

func isHex(c byte) bool {
	return isDigit(c) || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}
