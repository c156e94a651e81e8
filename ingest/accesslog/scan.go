package accesslog

import (
	"encoding/binary"
	"math/bits"
)

// scanner reads the JSON that proxies, Fluent Bit and Docker write: one flat
// object with a kubernetes object at most, or one that holds the line as a string
// under "log". It does so in one pass and without a tree: values are spans of the
// line. What is unusual it leaves to the way through fastjson, which decides
// then: nested objects, escapes in what is kept, a key that comes twice, and all
// that is malformed.
type scanner struct {
	fields
	orders orders
	writer Writer
}

// scan reads an object, so deep in the line, and says whether it could. b begins
// with "{". The result is Parsed or Foreign.
func (p *Parser) scan(b []byte, depth int, r *Record) (result Result, ok bool) {
	s := &p.scanners[depth]
	s.seen = 0
	s.writer = r.Writer
	if !s.object(b) || s.has(keyPodName) {
		return Foreign, false
	}
	if !s.isEntry() {
		return p.scanLog(s, depth, r)
	}
	if reason, _ := p.readEntry(&s.fields, r); reason != NoReason {
		return Foreign, false
	}
	r.Writer = s.writer
	return Parsed, true
}

// scanLog reads the line that an object holds under "log".
func (p *Parser) scanLog(s *scanner, depth int, r *Record) (Result, bool) {
	log := &s.spans[keyLog]
	if !s.has(keyLog) || log.kind > escapedSpan || s.piece() != noKey {
		return Foreign, false
	}
	line := log.bytes
	if log.kind == escapedSpan {
		if cap(p.lines[depth]) > keepBytes {
			p.lines[depth] = nil
		}
		var ok bool
		if p.lines[depth], ok = unescape(p.lines[depth][:0], line); !ok {
			return Foreign, false
		}
		line = p.lines[depth]
	}
	before, ended, hasEnded := *r, p.ended, p.hasEnded
	r.Writer = s.writer
	p.readTimes(&s.fields)
	result, _ := p.parse(line, depth+1, r)
	if result == Malformed { // where, the other way says
		*r, p.ended, p.hasEnded, p.offset = before, ended, hasEnded, 0
	}
	return result, result != Malformed
}

// unescape appends the string that b stands for; escapes by number, which no
// shipper needs for a line, are not taken.
func unescape(to, b []byte) (line []byte, ok bool) {
	for i := 0; ; {
		end := plainEnd(b, i)
		to = append(to, b[i:end]...)
		if end == len(b) {
			return to, true
		}
		c := b[end+1] // b is whole: see skipString
		switch c {
		case 'n':
			c = '\n'
		case 't':
			c = '\t'
		case 'r':
			c = '\r'
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'u':
			return to, false
		}
		to = append(to, c)
		i = end + 2
	}
}

// object notes the values of the object that is all of b.
func (s *scanner) object(b []byte) bool {
	o := &s.orders.all[s.orders.last]
	var learning *order
	known := true // the orders lead through this line
	for i, n := 0, 0; ; {
		if known {
			n, i = s.follow(b, o, n, i)
		}
		if i = skipSpace(b, i); i == len(b) {
			return false
		}
		switch {
		case n == 0 && b[i] == '{', n > 0 && b[i] == ',':
		case n > 0 && b[i] == '}':
			if known {
				s.orders.followed()
			} else if learning != nil {
				s.orders.keep()
			}
			return skipSpace(b, i+1) == len(b)
		default:
			return false
		}
		if known && !o.leads(n, b, i) {
			if other := s.orders.other(o, n, b, i); other != nil {
				o = other
				continue
			}
			known, learning = false, s.orders.learn(o, n)
		}
		var k key
		var value int
		if known {
			k, value = o.steps[n].key, i+int(o.steps[n].to-o.steps[n].from)
		} else {
			if k, value = readKey(b, skipSpace(b, i+1)); value < 0 {
				return false
			}
			if learning != nil && !learning.add(k, b[i:value]) {
				learning = nil
			}
		}
		var ok bool
		switch {
		case k == noKey:
			i, ok = skipValue(b, value, 2)
		case s.seen&(1<<k) != 0:
			return false
		case k == keyKubernetes:
			s.seen |= 1 << k
			i, ok = scanKubernetes(b, value, &s.writer)
		default:
			s.seen |= 1 << k
			i, ok = s.spans[k].scan(b, value)
			ok = ok && (s.spans[k].kind != escapedSpan || k == keyLog)
		}
		if !ok {
			return false
		}
		n++
	}
}

// follow reads on from b[i] as an order leads from its step n, as far as that is
// so and the values are plain strings, digits or null: what nearly all of a line
// is. It returns the step and the index from which object goes on.
func (s *scanner) follow(b []byte, o *order, n, i int) (int, int) {
	const word = 8
	for ; n < len(o.steps); n++ {
		step := &o.steps[n]
		size := int(step.to) - int(step.from)
		value := i + size
		if !step.plain || value+2*word > len(b) ||
			binary.LittleEndian.Uint64(b[i:]) != step.head || binary.LittleEndian.Uint64(b[value-word:]) != step.tail {
			break
		}
		if !o.middle(step, b[i:value]) {
			break
		}
		v := &s.spans[step.key]
		switch c := b[value]; {
		case c == '"':
			end := plainEnd(b, value+1)
			if end == len(b) || b[end] != '"' {
				return n, i
			}
			v.setString(b[value+1 : end : end])
			i = end + 1
		case c == 'n':
			if binary.LittleEndian.Uint32(b[value:]) != null {
				return n, i
			}
			v.kind = nullSpan
			i = value + 4
		case '1' <= c && c <= '9' || c == '0' && !isDigit(b[value+1]):
			whole, end := int64(c-'0'), value+1
			for end < len(b) && isDigit(b[end]) && end-value < maxDigits {
				whole = whole*10 + int64(b[end]-'0')
				end++
			}
			if end == len(b) || b[end] != ',' && b[end] != '}' { // a fraction, say
				return n, i
			}
			v.setNumber(b[value:end:end], whole)
			i = end
		default:
			return n, i
		}
		s.seen |= 1 << step.key
	}
	return n, i
}

// null is the word, as it is read from a line.
const null = 'n' | 'u'<<8 | 'l'<<16 | 'l'<<24

// readKey reads the key at b[i] and returns the index of its value, -1 where
// there is none or it has an escape.
func readKey(b []byte, i int) (k key, value int) {
	if i >= len(b) || b[i] != '"' {
		return noKey, -1
	}
	end := plainEnd(b, i+1)
	if end == len(b) || b[end] != '"' {
		return noKey, -1
	}
	k = keyOf(b[i+1 : end])
	if end = skipSpace(b, end+1); end == len(b) || b[end] != ':' {
		return noKey, -1
	}
	return k, skipSpace(b, end+1)
}

// scan notes the value at b[i] and returns the index behind it.
func (v *span) scan(b []byte, i int) (end int, ok bool) {
	if i == len(b) {
		return i, false
	}
	switch c := b[i]; {
	case c == '"':
		escaped := false
		end = plainEnd(b, i+1)
		for end < len(b) && b[end] == '\\' {
			escaped = true
			if end, ok = skipEscape(b, end); !ok {
				return end, false
			}
			end = plainEnd(b, end)
		}
		if end == len(b) || b[end] != '"' {
			return end, false
		}
		if v.setString(b[i+1 : end : end]); escaped {
			v.kind = escapedSpan
		}
		return end + 1, true
	case c == 'n':
		v.kind = nullSpan
		return skipWord(b, i, "null")
	case c == '-' || isDigit(c):
		end, ok = skipNumber(b, i)
		v.setNumber(b[i:end:end], -1)
		return end, ok
	case c == 't' || c == 'f':
		v.kind = otherSpan
		return skipValue(b, i, 2)
	}
	return i, false
}

// plainEnd is the index from b[i] on of the first byte that is not simply part
// of a string: a quote, a backslash or a control byte; len(b) if there is none.
func plainEnd(b []byte, i int) int {
	for ; i+16 <= len(b); i += 16 {
		first, second := odd(binary.LittleEndian.Uint64(b[i:])), odd(binary.LittleEndian.Uint64(b[i+8:]))
		if first|second != 0 {
			if first == 0 {
				return i + 8 + bits.TrailingZeros64(second)/8
			}
			return i + bits.TrailingZeros64(first)/8
		}
	}
	for ; i < len(b); i++ {
		if c := b[i]; c == '"' || c == '\\' || c < ' ' {
			return i
		}
	}
	return i
}

// odd marks the high bit of the bytes of x that are not simply part of a string.
// Of those that are marked the lowest is right: a borrow can mark others above.
func odd(x uint64) uint64 {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	// With its second bit turned over a quote is next to the control bytes.
	low := (x ^ ones*2) - ones*('"'^2+1)
	backslash := (x ^ ones*'\\') - ones
	return (low | backslash) &^ x & highs
}

// scanKubernetes adds to the writer what Fluent Bit's kubernetes object at b[i]
// says of it: see writerReader. end is the index behind it.
func scanKubernetes(b []byte, i int, w *Writer) (end int, ok bool) {
	return scanStrings(b, i, 2, w.field, func(b []byte, i int) (int, bool) {
		return scanStrings(b, i, 3, w.label, nil)
	})
}

// scanStrings reads the object at b[i], so deep in the line, and sets the strings
// that place has one for; labels reads the value of the key of that name. A string
// that is kept and has an escape, or comes twice, is not ok.
func scanStrings(b []byte, i, depth int, place func(name []byte) *[]byte, labels func(b []byte, i int) (int, bool)) (end int, ok bool) {
	if i == len(b) || b[i] != '{' {
		return i, false
	}
	if i = skipSpace(b, i+1); i < len(b) && b[i] == '}' {
		return i + 1, true
	}
	var set [8]*[]byte
	for n, hadLabels := 0, false; ; {
		if i >= len(b) || b[i] != '"' {
			return i, false
		}
		name := i + 1
		end = plainEnd(b, name)
		at, ok := skipKey(b, i)
		if !ok || b[end] != '"' {
			return i, false
		}
		to := place(b[name:end])
		switch {
		case to != nil:
			for _, before := range set[:n] {
				if before == to {
					return i, false
				}
			}
			set[n] = to
			n++
			var v span
			if i, ok = v.scan(b, at); v.kind == escapedSpan {
				return i, false
			}
			if ok && v.kind == stringSpan {
				if text := value(v.bytes); text != nil {
					*to = text
				}
			}
		case labels != nil && string(b[name:end]) == "labels":
			if hadLabels {
				return i, false
			}
			hadLabels = true
			i, ok = labels(b, at)
		default:
			i, ok = skipValue(b, at, depth+1)
		}
		if !ok {
			return i, false
		}
		if i = skipSpace(b, i); i == len(b) {
			return i, false
		}
		switch b[i] {
		case ',':
			i = skipSpace(b, i+1)
		case '}':
			return i + 1, true
		default:
			return i, false
		}
	}
}
