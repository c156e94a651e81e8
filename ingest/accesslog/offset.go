package accesslog

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/valyala/fastjson"
)

// Offset is where the line of the last Parse cannot be read, in bytes from the
// beginning of the line as it was handed over, wrappers and prefixes included:
//
//   - the first byte that cannot stand where it does, the length of the line
//     where it ends too early;
//   - the first byte of a time or number that is none, or of the mark of a piece;
//   - where a start time belongs and is not: its value that is unset, or the
//     first byte of the entry.
//
// In JSON within a JSON string it is the byte of the outermost line that stands
// for the byte within. It is 0 unless the last result was Malformed.
func (p *Parser) Offset() int { return p.offset }

// indexIn is where part begins in b, of which it was cut. What is cut off in
// front lowers the capacity by as much.
func indexIn(b, part []byte) int { return cap(b) - cap(part) }

// place is the way to a value of a line that is JSON: a key of the outermost
// object, a key of the object that is its value, and so on.
type place struct {
	keys [maxDocuments + 1]key
	n    int
}

// with is the place of a value of the object that stands in this place.
func (p place) with(k key) place {
	p.keys[p.n] = k
	p.n++
	return p
}

// offsetIn is the index in b, which is one JSON object, of the value in that
// place. Where there is none it is that of the innermost object.
func (p place) offsetIn(b []byte) int {
	i := skipSpace(b, 0)
	for _, k := range p.keys[:p.n] {
		v := valueOf(b, i, k)
		if v < 0 {
			break
		}
		i = v
	}
	return i
}

// valueOf is the index of the value of that key in the object at b[i], of the
// last one where it comes more than once; -1 where it does not. b is JSON.
func valueOf(b []byte, i int, k key) int {
	found := -1
	i = skipSpace(b, i+1)
	for i < len(b) && b[i] == '"' {
		end, _ := skipString(b, i)
		value, _ := skipKey(b, i)
		if nameOf(b[i:end]) == k {
			found = value
		}
		i, _ = skipValue(b, value, 1)
		if i = skipSpace(b, i); i < len(b) && b[i] == ',' {
			i = skipSpace(b, i+1)
		}
	}
	return found
}

// nameOf is the key that a JSON string names.
func nameOf(quoted []byte) key {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return keyOf(quoted[1 : len(quoted)-1])
	}
	v, err := fastjson.ParseBytes(quoted)
	if err != nil {
		return noKey
	}
	name, _ := v.StringBytes()
	return keyOf(name)
}

// indexInString is the index in b of what stands for the n-th byte of the text
// of the JSON string at b[i].
func indexInString(b []byte, i, n int) int {
	for i++; n > 0 && i < len(b) && b[i] != '"'; {
		width, size := 1, 1
		if b[i] == '\\' {
			width, size = escapeAt(b[i:])
		}
		if size > n {
			break
		}
		i, n = i+width, n-size
	}
	return i
}

// escapeAt is the number of bytes of the escape that b begins with, and of the
// text that fastjson makes of it: half a surrogate pair stays as it is.
func escapeAt(b []byte) (width, size int) {
	if b[1] != 'u' {
		return 2, 1
	}
	r := hexRune(b[2:6])
	if !utf16.IsSurrogate(r) {
		return 6, utf8.RuneLen(r)
	}
	if len(b) < 12 || b[6] != '\\' || b[7] != 'u' {
		return 6, 6
	}
	return 12, utf8.RuneLen(utf16.DecodeRune(r, hexRune(b[8:12])))
}

// hexRune is the value of four hexadecimal digits.
func hexRune(b []byte) rune {
	var r rune
	for _, c := range b {
		switch {
		case isDigit(c):
			r = r<<4 | rune(c-'0')
		default:
			r = r<<4 | rune(c|0x20-'a'+10)
		}
	}
	return r
}
