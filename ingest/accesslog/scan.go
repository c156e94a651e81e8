package accesslog

import (
	"encoding/binary"
	"math/bits"
)

// scanner reads the JSON that proxies, Fluent Bit and Docker write: one flat
// object with a kubernetes object at most, or one that holds the line as a string
// under "log". It does so in one pass and without a tree: values are spans of the
// line. What is unusual it leaves to the way through fastjson, which decides
// then: nested objects, escapes in what is kept, a key that comes twice, an entry
// without a start time, and all that is malformed.
type scanner struct {
	values [numKeys]span
	seen   uint64 // a bit for each key
	// next is the key that came after each in the lines before: a proxy writes
	// one order.
	next   [numKeys]key
	writer Writer
}

// span is a value of the line.
type span struct {
	kind  spanKind
	bytes []byte // of a string without its quotes
}

type spanKind uint8

const (
	absent spanKind = iota
	stringSpan
	escapedSpan // a string with escapes, as it stands in the line
	numberSpan
	nullSpan
	otherSpan // true, false
)

// scan reads an object, so deep in the line, and says whether it could. b begins
// with "{". The result is Parsed or Foreign.
func (p *Parser) scan(b []byte, depth int, r *Record) (result Result, ok bool) {
	s := &p.scanners[depth]
	s.seen = 0
	s.writer = r.Writer
	if !s.object(b) {
		return Foreign, false
	}
	if !s.isEntry() {
		return p.scanLog(s, depth, r)
	}
	if !s.read(r) {
		return Foreign, false
	}
	r.Writer = s.writer
	return Parsed, true
}

// scanLog reads the line that an object holds under "log".
func (p *Parser) scanLog(s *scanner, depth int, r *Record) (Result, bool) {
	const unusual = 1<<keyCode | 1<<keyFlags | 1<<keyRequestHeaders | 1<<keyResponseHeaders | 1<<keyPodName
	log := &s.values[keyLog]
	if !s.has(keyLog) || log.kind > escapedSpan || s.seen&unusual != 0 ||
		string(s.text(keyPiece)) == "P" || string(s.text(keyPieceOld)) == "P" {
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
	for _, k := range [...]key{keyTimeOfCloud, keyDate, keyTimestamp, keyTime} { // see readEnvelope
		s.readTime(k, p)
	}
	result, _ := p.parse(line, depth+1, r)
	if result == Malformed { // where, the other way says
		*r, p.ended, p.hasEnded, p.offset = before, ended, hasEnded, 0
	}
	return result, result != Malformed
}

// readTime takes a time of the envelope: see Parser.readTime.
func (s *scanner) readTime(k key, p *Parser) {
	switch v := &s.values[k]; {
	case !s.has(k):
	case v.kind == stringSpan:
		b := value(v.bytes)
		ms, ok := parseTime(b)
		if !ok {
			ms, ok = parseSQLTime(b)
		}
		p.setEnded(ms, ok)
	case v.kind == numberSpan:
		p.setEnded(parseEpoch(v.bytes))
	}
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
	prev := noKey
	for i := skipSpace(b, 1); ; {
		k, value := s.key(b, i, prev)
		if value < 0 {
			return false
		}
		var end int
		var ok bool
		switch {
		case k == noKey:
			end, ok = skipValue(b, value, 2)
		case s.seen&(1<<k) != 0:
			return false
		case k == keyKubernetes:
			s.seen |= 1 << k
			end, ok = scanKubernetes(b, value, &s.writer)
		default:
			s.seen |= 1 << k
			end, ok = s.values[k].scan(b, value)
			ok = ok && (s.values[k].kind != escapedSpan || k == keyLog)
			prev = k
		}
		if !ok {
			return false
		}
		if end = skipSpace(b, end); end == len(b) {
			return false
		}
		switch b[end] {
		case ',':
			i = skipSpace(b, end+1)
		case '}':
			return skipSpace(b, end+1) == len(b)
		default:
			return false
		}
	}
}

// key reads the key at b[i] and returns the index of its value, -1 where there
// is none or it has an escape.
func (s *scanner) key(b []byte, i int, prev key) (k key, value int) {
	if i >= len(b) || b[i] != '"' {
		return noKey, -1
	}
	i++
	if guess := s.next[prev]; guess != noKey {
		name := keyNames[guess]
		if end := i + len(name); end+1 < len(b) && string(b[i:end]) == name && b[end] == '"' && b[end+1] == ':' {
			return guess, skipSpace(b, end+2)
		}
	}
	end := plainEnd(b, i)
	if end == len(b) || b[end] != '"' {
		return noKey, -1
	}
	if k = keyOf(b[i:end]); k != noKey && k != keyKubernetes {
		s.next[prev] = k
	}
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
		end = plainEnd(b, i+1)
		v.kind = stringSpan
		for end < len(b) && b[end] == '\\' {
			v.kind = escapedSpan
			if end, ok = skipEscape(b, end); !ok {
				return end, false
			}
			end = plainEnd(b, end)
		}
		if end == len(b) || b[end] != '"' {
			return end, false
		}
		v.bytes = b[i+1 : end : end]
		return end + 1, true
	case c == 'n':
		v.kind, v.bytes = nullSpan, nil
		return skipWord(b, i, "null")
	case c == '-' || isDigit(c):
		end, ok = skipNumber(b, i)
		v.kind, v.bytes = numberSpan, b[i:end:end]
		return end, ok
	case c == 't' || c == 'f':
		v.kind, v.bytes = otherSpan, nil
		return skipValue(b, i, 2)
	}
	return i, false
}

// plainEnd is the index from b[i] on of the first byte that is not simply part
// of a string: a quote, a backslash or a control byte; len(b) if there is none.
func plainEnd(b []byte, i int) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	for ; i+8 <= len(b); i += 8 {
		x := binary.LittleEndian.Uint64(b[i:])
		quote, backslash := x^(ones*'"'), x^(ones*'\\')
		// Of the bytes that are marked the lowest is right: a borrow can mark
		// those above it.
		found := ((x-ones*' ')&^x | (quote-ones)&^quote | (backslash-ones)&^backslash) & highs
		if found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for ; i < len(b); i++ {
		if c := b[i]; c == '"' || c == '\\' || c < ' ' {
			return i
		}
	}
	return i
}

// has says that the key is there, whatever its value.
func (s *scanner) has(k key) bool { return s.seen&(1<<k) != 0 }

// isEntry says that the object is an entry for sure: see document.isEntry.
func (s *scanner) isEntry() bool {
	const unusual = 1<<keyRequestHeaders | 1<<keyResponseHeaders | 1<<keyPodName
	return s.seen&unusual == 0 && (s.has(keyCode) || s.has(keyFlags)) && s.has(keyStart)
}

// text is the string under the first of the keys that has one: see
// document.text.
func (s *scanner) text(keys ...key) []byte {
	for _, k := range keys {
		if s.has(k) && s.values[k].kind == stringSpan {
			if b := value(s.values[k].bytes); b != nil {
				return b
			}
		}
	}
	return nil
}

// digits is the text of a number or of a string: see Parser.rawNumber.
func (s *scanner) digits(k key) []byte {
	if s.has(k) && s.values[k].kind == numberSpan {
		return s.values[k].bytes
	}
	return s.text(k)
}

// number reads a number, or a string of digits; 0 where unset.
func (s *scanner) number(k key) (n int64, ok bool) {
	if !s.has(k) || s.values[k].kind == nullSpan {
		return 0, true
	}
	if s.values[k].kind == stringSpan && s.text(k) == nil {
		return 0, true
	}
	return parseNumber(s.digits(k))
}

// read fills the record: see Parser.readEntry.
func (s *scanner) read(r *Record) bool {
	var ok bool
	if r.Start, ok = parseTime(s.text(keyStart)); !ok {
		return false
	}
	code, ok1 := s.number(keyCode)
	duration, ok2 := s.number(keyDuration)
	received, ok3 := s.number(keyBytesReceived)
	sent, ok4 := s.number(keyBytesSent)
	attempts, ok5 := s.number(keyAttempts)
	if !ok1 || !ok2 || !ok3 || !ok4 || !ok5 || code > maxCode || attempts > maxAttempts {
		return false
	}
	r.Code, r.Duration, r.BytesReceived, r.BytesSent, r.Attempts = int(code), duration, received, sent, int(attempts)
	if r.ServiceTime = serviceTime(s.digits(keyServiceTime)); r.ServiceTime < 0 {
		r.ServiceTime = serviceTime(s.digits(keyServiceTimeHeader))
	}
	r.Method = s.text(keyMethod, keyMethodHeader)
	r.Path = s.text(keyPath, keyPathHeader)
	r.Protocol = s.text(keyProtocol)
	r.Authority = s.text(keyAuthority, keyAuthorityHeader)
	r.RequestID = s.text(keyRequestID, keyRequestIDHeader)
	r.UserAgent = s.text(keyUserAgent, keyUserAgentHeader)
	r.ForwardedFor = s.text(keyForwardedFor, keyForwardedForHeader)
	r.Flags = s.text(keyFlags)
	r.Details = s.text(keyDetails)
	r.TerminationDetails = s.text(keyTerminationDetails)
	r.TransportFailure = s.text(keyTransportFailure)
	r.HasCluster = s.has(keyCluster)
	r.Cluster = clusterName(s.text(keyCluster))
	r.UpstreamHost = s.text(keyUpstreamHost)
	r.UpstreamLocal = s.text(keyUpstreamLocal)
	r.DownstreamLocal = s.text(keyDownstreamLocal)
	r.DownstreamPeer = s.text(keyDownstreamRemote)
	r.ServerName = s.text(keyServerName)
	r.Route = s.text(keyRoute)
	return true
}

// scanKubernetes adds to the writer what Fluent Bit's kubernetes object at b[i]
// says of it: see writerReader. end is the index behind it.
func scanKubernetes(b []byte, i int, w *Writer) (end int, ok bool) {
	return scanStrings(b, i, 2, func(name []byte) *[]byte {
		switch string(name) {
		case "namespace_name":
			return &w.Namespace
		case "pod_name":
			return &w.Pod
		case "pod_id":
			return &w.PodID
		case "pod_ip":
			return &w.PodIP
		case "host":
			return &w.Node
		}
		return nil
	}, func(b []byte, i int) (int, bool) {
		return scanStrings(b, i, 3, func(name []byte) *[]byte {
			switch string(name) {
			case "service.istio.io/canonical-name":
				return &w.CanonicalName
			case "app":
				return &w.App
			}
			return nil
		}, nil)
	})
}

// scanStrings reads the object at b[i], so deep in the line, and sets the strings for which place has
// one; labels reads the value of the key of that name. A string that is kept and
// has an escape, or comes twice, is not ok.
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
