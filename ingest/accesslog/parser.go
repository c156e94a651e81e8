package accesslog

// Parser reads lines into records. The zero value is not ready: use NewParser.
//
// It reuses its memory from line to line and allocates nothing per record, so
// it belongs to one goroutine, and what a Record borrows ends with the next
// Parse.
type Parser struct {
	// documents are the JSON objects of a line, the outer one first.
	documents [maxDocuments]*document
	// ended is the envelope's time in Unix milliseconds. A shipper stamps a
	// line when it is written, which is when the entry has ended.
	ended    int64
	hasEnded bool
	writer   *writerReader
	// offset is what Offset returns; while the inner line of a wrapper is read,
	// in that line.
	offset int
	// scanners read what is as usual, lines holds the lines that they find in
	// strings, each by its depth. wholly sends all JSON through fastjson
	// instead, so that tests can compare the two.
	scanners [maxDocuments]scanner
	lines    [maxDocuments][]byte
	wholly   bool
	minute   minute
}

// maxDocuments bounds JSON inside a string inside JSON. Docker's file read by
// Fluent Bit without a parser needs three.
const maxDocuments = 3

// NewParser returns a Parser that is ready for its first line.
func NewParser() *Parser {
	p := &Parser{writer: newWriterReader()}
	for i := range p.documents {
		p.documents[i] = newDocument()
	}
	return p
}

// Parse reads one line, with or without its line end. r holds the record when
// the result is Parsed; otherwise r is empty. The reason is NoReason unless the
// result is Malformed; Offset then says where.
//
// The format and the wrappers are recognised by what the line holds:
//
//   - A JSON object is an entry if it has the key response_code or
//     response_flags, and one of start_time, duration, upstream_cluster, or
//     method with path. The values do not matter: a key that is null counts.
//   - A text line is an entry if it begins with [YYYY-MM-DDTHH:…] and a quote;
//     without the time, if it is whole in every other respect.
//   - Around either there may be the wrapper of Docker, the CRI, Fluent Bit or
//     Google Cloud Logging, and the prefixes of kubectl logs and docker compose:
//     three JSON strings deep, and in each three objects.
func (p *Parser) Parse(line []byte, r *Record) (Result, Reason) {
	p.ended, p.hasEnded, p.offset = 0, false, 0
	*r = Record{ServiceTime: -1}
	result, reason := p.parse(line, 0, r)
	if result != Parsed {
		*r = Record{ServiceTime: -1}
	}
	return result, reason
}

// parse reads a line, or the line that a JSON object at that depth wraps.
func (p *Parser) parse(line []byte, depth int, r *Record) (Result, Reason) {
	content, piece := p.stripPrefixes(line, r)
	if piece {
		return p.malformed(Partial, indexIn(line, content))
	}
	content = trimSpace(content)
	if len(content) == 0 {
		return Foreign, NoReason
	}
	result, reason := Foreign, NoReason
	switch content[0] {
	case '{':
		result, reason = p.parseObject(content, depth, r)
	case '[', '"':
		result, reason = p.parseText(content, r)
	}
	if result == Malformed {
		p.offset += indexIn(line, content)
	}
	return result, reason
}

// malformed is the result of a line that cannot be read from the offset on.
func (p *Parser) malformed(reason Reason, offset int) (Result, Reason) {
	p.offset = offset
	return Malformed, reason
}

// setStart gives a record without a start time of its own the envelope's, if
// that has one.
func (p *Parser) setStart(r *Record) bool {
	if p.hasEnded {
		r.Start = p.ended - r.Duration
	}
	return p.hasEnded
}

func (p *Parser) setEnded(ms int64, ok bool) {
	if ok {
		p.ended, p.hasEnded = ms, true
	}
}

// value is b, or nil where Envoy or a shipper writes that there is none.
func value(b []byte) []byte {
	if len(b) == 0 || len(b) == 1 && b[0] == '-' {
		return nil
	}
	return b
}

// clusterName is a cluster without the trailing ";" that %UPSTREAM_CLUSTER%
// shows since Istio 1.23 (constants.StatPrefixDelimiter in istio.io/istio).
func clusterName(b []byte) []byte {
	if n := len(b); n > 0 && b[n-1] == ';' {
		b = b[:n-1]
	}
	return value(b)
}

// trimSpace cuts white space in front and line ends behind. Spaces behind stay:
// in a text line they show that it is torn.
func trimSpace(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t' || b[0] == '\r' || b[0] == '\n') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == '\r' || b[len(b)-1] == '\n') {
		b = b[:len(b)-1]
	}
	return b
}
