package accesslog

import "github.com/valyala/fastjson"

// parseObject reads a JSON object: an entry, or a wrapper around one. The
// outer object's own keys win over what it wraps.
func (p *Parser) parseObject(b []byte, depth int, r *Record) (Result, Reason) {
	if depth == maxDocuments {
		return Foreign, NoReason
	}
	d := p.documents[depth]
	object, ok := d.parse(b)
	if !ok {
		if claimsEntry(b) {
			return Malformed, InvalidJSON
		}
		return Foreign, NoReason
	}
	for range maxDocuments {
		d.set(object)
		p.readEnvelope(d, r)
		if d.isEntry() {
			return resultOf(p.readEntry(d, r))
		}
		if d.isPiece() {
			return Malformed, Partial
		}
		wrapped := d.wrapped()
		switch {
		case wrapped == nil:
			return Foreign, NoReason
		case wrapped.Type() == fastjson.TypeString:
			line, _ := wrapped.StringBytes()
			return p.parse(line, depth+1, r)
		}
		object, _ = wrapped.Object()
	}
	return Foreign, NoReason
}

// isEntry is the rule that tells an entry from any other JSON object. A name
// that only Envoy's world uses (response_code, response_flags) is not enough,
// applications log it too; "@timestamp" and "ts" do not count as a start time
// here because every second logging library writes them.
func (d *document) isEntry() bool {
	if !d.has(keyCode) && !d.has(keyFlags) {
		return false
	}
	return d.has(keyStart) || d.has(keyDuration) || d.has(keyCluster) ||
		d.has(keyMethod) && (d.has(keyPath) || d.has(keyPathHeader))
}

// readEntry fills the record. A key of Istio's default format wins over its
// alias.
func (p *Parser) readEntry(d *document, r *Record) Reason {
	r.Method = d.text(keyMethod)
	r.Path = d.text(keyPath, keyPathHeader)
	r.Protocol = d.text(keyProtocol)
	r.Authority = d.text(keyAuthority, keyAuthorityHeader)
	r.RequestID = d.text(keyRequestID, keyRequestIDHeader)
	r.UserAgent = d.text(keyUserAgent, keyUserAgentHeader)
	r.ForwardedFor = d.text(keyForwardedFor, keyForwardedForHeader)

	r.Flags = d.text(keyFlags)
	r.Details = d.text(keyDetails)
	r.TerminationDetails = d.text(keyTerminationDetails)
	r.TransportFailure = d.text(keyTransportFailure)

	r.HasCluster = d.has(keyCluster)
	r.Cluster = clusterName(d.text(keyCluster))
	r.UpstreamHost = d.text(keyUpstreamHost)
	r.UpstreamLocal = d.text(keyUpstreamLocal)
	r.DownstreamLocal = d.text(keyDownstreamLocal)
	r.DownstreamPeer = d.text(keyDownstreamRemote)
	r.ServerName = d.text(keyServerName)
	r.Route = d.text(keyRoute)

	start := d.values[keyStart]
	if isNull(start) {
		start = d.contourStart()
	}
	if start != nil && start.Type() != fastjson.TypeString {
		return InvalidTime // an epoch time, say: no default format has one
	}
	own := stringOf(start)
	if own != nil {
		// Before the numbers, so that a line with both faults has one name.
		if _, ok := parseTime(own); !ok {
			return InvalidTime
		}
	}

	code, ok1 := p.number(d, keyCode)
	duration, ok2 := p.number(d, keyDuration)
	received, ok3 := p.number(d, keyBytesReceived)
	sent, ok4 := p.number(d, keyBytesSent)
	attempts, ok5 := p.number(d, keyAttempts)
	if !ok1 || !ok2 || !ok3 || !ok4 || !ok5 || code > maxCode || attempts > maxAttempts {
		return InvalidNumber
	}
	r.Code, r.Duration, r.Attempts = int(code), duration, int(attempts)
	r.BytesReceived, r.BytesSent = received, sent
	r.ServiceTime = serviceTime(p.rawNumber(d.values[keyServiceTime]))
	if r.ServiceTime < 0 {
		r.ServiceTime = serviceTime(p.rawNumber(d.values[keyServiceTimeHeader]))
	}
	return p.setStart(own, r)
}

const (
	maxCode     = 999
	maxAttempts = 1 << 30
)

// contourStart is Contour's start time, nil if there is none. As a number
// "@timestamp" is Fluent Bit's.
func (d *document) contourStart() *fastjson.Value {
	for _, k := range [...]key{keyTimestamp, keyStartContour} {
		if v := d.values[k]; v != nil && stringOf(v) != nil {
			return v
		}
	}
	return nil
}

// number reads a number, or a string of digits; 0 where unset.
func (p *Parser) number(d *document, k key) (n int64, ok bool) {
	v := d.values[k]
	if isNull(v) {
		return 0, true
	}
	return parseNumber(p.rawNumber(v))
}

// rawNumber is the text of a number or of a string; nil for any other value.
func (p *Parser) rawNumber(v *fastjson.Value) []byte {
	if v == nil || v.Type() != fastjson.TypeNumber {
		return stringOf(v)
	}
	p.digits = v.MarshalTo(p.digits[:0])
	return p.digits
}

// serviceTime reads x-envoy-upstream-service-time. It is a response header:
// what is no number there is no fault of the entry, and unset.
func serviceTime(b []byte) int64 {
	if n, ok := parseNumber(b); ok {
		return n
	}
	return -1
}
