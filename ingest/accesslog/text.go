package accesslog

import "bytes"

// Envoy's default text format (HttpDefaultAccessLogFormat in
// source/common/formatter/substitution_format_utility.cc) and those of Istio
// (EnvoyTextLogFormat) differ in two places: between the flags and the bytes
// received, and behind the upstream host.
//
//	[START] "METHOD PATH PROTOCOL" CODE FLAGS
//	  (nothing)                     Envoy, Istio 1.0
//	  "MIXER"                       Istio 1.1 and 1.2
//	  "MIXER" "FAILURE"             Istio 1.2 under the control plane of 1.3, 1.3 to 1.7
//	  "FAILURE"                     Istio 1.8
//	  DETAILS TERMINATION "FAILURE" Istio 1.9 and later
//	RECEIVED SENT DURATION SERVICE_TIME "FORWARDED_FOR" "USER_AGENT" "REQUEST_ID" "AUTHORITY" "UPSTREAM_HOST"
//	  (nothing)                                                                   Envoy
//	  CLUSTER UPSTREAM_LOCAL DOWNSTREAM_LOCAL DOWNSTREAM_REMOTE SERVER_NAME       Istio up to 1.2
//	  CLUSTER UPSTREAM_LOCAL DOWNSTREAM_LOCAL DOWNSTREAM_REMOTE SERVER_NAME ROUTE Istio 1.3 and later
//
// FAILURE is the transport failure reason. Words without quotes that follow the
// last field are ignored: somebody appended operators of his own.

// textLine is what a text line says, before numbers and times are read.
type textLine struct {
	time, code                       []byte
	received, sent, duration, served []byte
}

// parseText reads a text line.
func (p *Parser) parseText(entry []byte, r *Record) (Result, Reason) {
	var line textLine
	b := entry
	timed := b[0] == '['
	if timed {
		var ok bool
		if line.time, b, ok = cutTime(b); !ok {
			return Foreign, NoReason
		}
		if len(b) == 0 || string(b) == " " {
			return p.malformed(InvalidText, len(entry)) // torn here
		}
		if _, _, again := cutTime(trimSpace(b)); again {
			return p.malformed(InvalidText, indexIn(entry, b)) // torn here, and the next line behind
		}
		if bytes.HasPrefix(b, []byte(` \"`)) {
			return p.malformed(InvalidText, indexIn(entry, b)+1) // cut out of JSON as it was
		}
		if b, ok = bytes.CutPrefix(b, []byte(" ")); !ok || b[0] != '"' {
			return Foreign, NoReason
		}
	}
	// Where another line begins in this one, it was written while this one was
	// not finished: whose fields are whose is a guess.
	if i := anotherLine(b); i >= 0 {
		return p.notText(timed, indexIn(entry, b)+i)
	}
	if rest, ok := line.split(b, r); !ok {
		return p.notText(timed, indexIn(entry, rest))
	}
	if reason, field := line.read(r); reason != NoReason {
		return p.malformed(reason, indexIn(entry, field))
	}
	if !timed && !p.setStart(r) {
		return p.malformed(NoTime, 0)
	}
	return Parsed, NoReason
}

// anotherLine is where in b a line begins, -1 if none does.
func anotherLine(b []byte) int {
	for end := 0; ; end++ {
		i := bytes.Index(b[end:], []byte(`Z] "`))
		if i < 0 {
			return -1
		}
		end += i
		near := max(0, end-maxTime)
		if begin := bytes.LastIndexByte(b[near:end], '['); begin >= 0 {
			if _, _, ok := cutTime(b[near+begin:]); ok {
				return near + begin
			}
		}
	}
}

// notText is the result of a line that is no text entry from the offset on.
// Without a time nothing says that it meant to be one.
func (p *Parser) notText(timed bool, offset int) (Result, Reason) {
	if !timed {
		return Foreign, NoReason
	}
	return p.malformed(InvalidText, offset)
}

// maxTime bounds what may stand in the brackets; a time has 36 bytes at most.
const maxTime = 64

// cutTime splits "[TIME]…". A line that ends within the time has no rest.
func cutTime(b []byte) (time, rest []byte, ok bool) {
	const begin = "2006-01-02T15:"
	if len(b) < 1+len(begin) || !hasTimeShape(b[1:1+len(begin)]) {
		return nil, nil, false
	}
	b = b[1:]
	if i := bytes.IndexByte(b[:min(len(b), maxTime)], ']'); i >= 0 {
		return b[:i], b[i+1:], true
	}
	for _, c := range b[len(begin):] {
		if !isDigit(c) && c != ':' && c != '.' && c != '-' && c != '+' && c != 'Z' {
			return nil, nil, false
		}
	}
	return b, nil, true
}

// split takes the line apart behind its time. false means that a field is
// missing or that it cannot be told which is which; rest then begins where. The
// functions that it is made of say so in the same way.
func (l *textLine) split(b []byte, r *Record) (rest []byte, ok bool) {
	if b, ok = splitRequest(b, r); !ok {
		return b, false
	}
	var flags []byte
	if l.code, b, ok = word(b); !ok {
		return b, false
	}
	if flags, b, ok = word(b); !ok {
		return b, false
	}
	if len(b) == 0 || b[0] == ' ' {
		return b, false
	}
	r.Flags = value(flags)

	// What stands behind the flags tells the version.
	minAddresses := 5
	var onlyQuoted []byte
	switch {
	case b[0] == '"':
		if onlyQuoted, b, ok = quoted(b); !ok {
			return b, false
		}
		if b[0] == '"' {
			var failure []byte
			if failure, b, ok = quoted(b); !ok {
				return b, false
			}
			r.TransportFailure = value(failure)
			onlyQuoted = nil
		}
	case isDigit(b[0]) || b[0] == '-' && len(b) > 1 && isDigit(b[1]):
		minAddresses = 0
	default:
		if b, ok = splitDetails(b, r); !ok {
			return b, false
		}
		minAddresses = 6
	}

	for _, field := range [...]*[]byte{&l.received, &l.sent, &l.duration, &l.served} {
		if *field, b, ok = word(b); !ok {
			return b, false
		}
	}
	if b, ok = splitQuoted(b, r); !ok {
		return b, false
	}
	n, b, ok := splitAddresses(b, r)
	if !ok || n < minAddresses {
		return b, false
	}
	if n >= 6 && onlyQuoted != nil {
		r.TransportFailure = value(onlyQuoted)
	}
	return b, true
}

// splitRequest takes "METHOD PATH PROTOCOL" off, which is "- - -" for TCP. A
// path may hold quotes, so the end is where a protocol stands before the quote.
func splitRequest(b []byte, r *Record) (rest []byte, ok bool) {
	rest = b[len(b):]
	for i := 1; i < len(b); i++ {
		if b[i] != '"' || i+1 < len(b) && b[i+1] != ' ' {
			continue
		}
		if len(rest) == 0 {
			rest = b[i:] // the first quote that might have been the end
		}
		first := bytes.IndexByte(b[1:i], ' ') + 1
		last := bytes.LastIndexByte(b[1:i], ' ') + 1
		if first == last {
			continue
		}
		protocol := b[last+1 : i]
		if string(protocol) != "-" && !bytes.HasPrefix(protocol, []byte("HTTP/")) {
			continue
		}
		if i+1 == len(b) {
			return b[len(b):], false
		}
		r.Method, r.Path, r.Protocol = value(b[1:first]), value(b[first+1:last]), value(protocol)
		return b[i+2:], true
	}
	return rest, false
}

// splitDetails takes DETAILS TERMINATION "FAILURE" off. Details hold no spaces
// since Envoy replaces them, older ones do within {}; a termination may be
// "transport socket timeout was reached".
func splitDetails(b []byte, r *Record) (rest []byte, ok bool) {
	end := bytes.Index(b, []byte(` "`))
	if end < 0 {
		return b[len(b):], false
	}
	words, rest := b[:end], b[end+1:]
	depth, space := 0, -1
	for i, c := range words {
		if c == '{' {
			depth++
		} else if c == '}' {
			depth--
		} else if c == ' ' && depth <= 0 {
			space = i
			break
		}
	}
	if space <= 0 || space == len(words)-1 {
		return rest, false
	}
	r.Details, r.TerminationDetails = value(words[:space]), value(words[space+1:])
	failure, rest, ok := quoted(rest)
	r.TransportFailure = value(failure)
	return rest, ok
}

// splitQuoted takes the five quoted fields off. Envoy escapes nothing in text,
// so a user agent may hold quotes and even `" "`. The fields are therefore
// counted from both ends, the user agent being what remains.
func splitQuoted(b []byte, r *Record) (rest []byte, ok bool) {
	end := bytes.LastIndexByte(b, '"')
	if end < 1 || b[0] != '"' {
		return b, false
	}
	quotes, rest := b[1:end], b[end+1:]
	few := rest // where a further field should have begun
	if len(rest) > 0 && rest[0] != ' ' {
		few = b[len(b):] // within the last field, which has no end
	}
	var fields [4][]byte
	for i := len(fields) - 1; i > 0; i-- {
		j := bytes.LastIndex(quotes, []byte(`" "`))
		if j < 0 {
			return few, false
		}
		quotes, fields[i] = quotes[:j], quotes[j+3:]
	}
	forwarded, agent, ok := bytes.Cut(quotes, []byte(`" "`))
	if !ok {
		return few, false
	}
	host := fields[3]
	// A space or quote in the host is the sign of a line with another layout.
	if i := bytes.IndexAny(host, ` "`); i >= 0 {
		return host[i:], false
	}
	r.ForwardedFor, r.UserAgent = value(forwarded), value(agent)
	r.RequestID, r.Authority, r.UpstreamHost = value(fields[1]), value(fields[2]), value(host)
	return rest, true
}

// splitAddresses reads the words behind the upstream host and counts them.
func splitAddresses(b []byte, r *Record) (n int, rest []byte, ok bool) {
	if len(b) == 0 {
		return 0, b, true
	}
	if b[0] != ' ' {
		return 0, b, false
	}
	if b[len(b)-1] == ' ' {
		return 0, b[len(b):], false
	}
	b = b[1:]
	fields := [...]*[]byte{
		&r.Cluster, &r.UpstreamLocal, &r.DownstreamLocal, &r.DownstreamPeer, &r.ServerName, &r.Route,
	}
	for ; len(b) > 0; n++ {
		var field []byte
		if field, b, ok = word(b); !ok {
			return n, b, false
		}
		if n < len(fields) {
			*fields[n] = value(field)
		}
	}
	r.HasCluster = true
	r.Cluster = clusterName(r.Cluster)
	return n, b, n >= 5
}

// read reads the time and the numbers of a line that is whole. The field is the
// one that cannot be read.
func (l *textLine) read(r *Record) (reason Reason, field []byte) {
	var ok bool
	if l.time != nil {
		if r.Start, ok = parseTime(l.time); !ok {
			return InvalidTime, l.time
		}
	}
	code, ok := textNumber(l.code)
	if !ok || code > maxCode {
		return InvalidNumber, l.code
	}
	r.Code = int(code)
	if r.BytesReceived, ok = textNumber(l.received); !ok {
		return InvalidNumber, l.received
	}
	if r.BytesSent, ok = textNumber(l.sent); !ok {
		return InvalidNumber, l.sent
	}
	if r.Duration, ok = textNumber(l.duration); !ok {
		return InvalidNumber, l.duration
	}
	r.ServiceTime = serviceTime(l.served)
	return NoReason, nil
}

// textNumber reads a number, 0 for "-": the duration of a TCP connection that
// is still open is unset.
func textNumber(b []byte) (int64, bool) {
	if value(b) == nil {
		return 0, true
	}
	return parseNumber(b)
}

// word takes the bytes up to the next space off, and the space.
func word(b []byte) (word, rest []byte, ok bool) {
	i := bytes.IndexByte(b, ' ')
	switch {
	case i < 0:
		return b, b[len(b):], len(b) > 0
	case i == 0:
		return nil, b, false
	}
	return b[:i], b[i+1:], true
}

// quoted takes a quoted field off that a number or another quoted field follows.
func quoted(b []byte) (field, rest []byte, ok bool) {
	rest = b[len(b):]
	for i := 1; i+2 < len(b); i++ {
		if b[i] != '"' || b[i+1] != ' ' {
			continue
		}
		if c := b[i+2]; isDigit(c) || c == '-' || c == '"' {
			return b[1:i], b[i+2:], true
		}
		if len(rest) == 0 {
			rest = b[i+2:] // what should have been a number or a quote
		}
	}
	return nil, rest, false
}
