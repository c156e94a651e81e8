package accesslog

import "github.com/valyala/fastjson"

// parseObject reads a JSON object: an entry, or a wrapper around one. The
// outer object's own keys win over what it wraps.
func (p *Parser) parseObject(b []byte, depth int, r *Record) (Result, Reason) {
	if depth == maxDocuments {
		return Foreign, NoReason
	}
	if !p.wholly {
		if result, ok := p.scan(b, depth, r); ok {
			return result, NoReason
		}
	}
	d := p.documents[depth]
	object, fault := d.parse(b)
	if object == nil {
		if claimsEntry(b) {
			return p.malformed(InvalidJSON, fault)
		}
		return Foreign, NoReason
	}
	var at place // of the object
	for range maxDocuments {
		d.set(object)
		p.readEnvelope(d, r)
		if d.isEntry() {
			if reason, k := p.readEntry(d, r); reason != NoReason {
				return p.malformed(reason, at.with(k).offsetIn(b))
			}
			return Parsed, NoReason
		}
		if k := d.piece(); k != noKey {
			return p.malformed(Partial, at.with(k).offsetIn(b))
		}
		k := d.wrapped()
		if k == noKey {
			return Foreign, NoReason
		}
		at = at.with(k)
		wrapped := d.values[k]
		if wrapped.Type() == fastjson.TypeString {
			line, _ := wrapped.StringBytes()
			result, reason := p.parse(line, depth+1, r)
			if result == Malformed {
				p.offset = indexInString(b, at.offsetIn(b), p.offset)
			}
			return result, reason
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
// alias. The key is the one whose value cannot be read.
func (p *Parser) readEntry(d *document, r *Record) (Reason, key) {
	r.Method = d.text(keyMethod, keyMethodHeader)
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

	// Before the numbers, so that a line with both faults has one name.
	startKey := d.startKey()
	start := stringOf(d.values[startKey])
	hasStart := !isNull(d.values[startKey])
	if hasStart {
		// A number, an epoch time say, is none: no default format has one.
		var ok bool
		if r.Start, ok = parseTime(start); !ok {
			return InvalidTime, startKey
		}
	}

	code, ok := p.number(d, keyCode)
	if !ok || code > maxCode {
		return InvalidNumber, keyCode
	}
	if r.Duration, ok = p.number(d, keyDuration); !ok {
		return InvalidNumber, keyDuration
	}
	if r.BytesReceived, ok = p.number(d, keyBytesReceived); !ok {
		return InvalidNumber, keyBytesReceived
	}
	if r.BytesSent, ok = p.number(d, keyBytesSent); !ok {
		return InvalidNumber, keyBytesSent
	}
	attempts, ok := p.number(d, keyAttempts)
	if !ok || attempts > maxAttempts {
		return InvalidNumber, keyAttempts
	}
	r.Code, r.Attempts = int(code), int(attempts)
	r.ServiceTime = serviceTime(p.rawNumber(d.values[keyServiceTime]))
	if r.ServiceTime < 0 {
		r.ServiceTime = serviceTime(p.rawNumber(d.values[keyServiceTimeHeader]))
	}
	if !hasStart && !p.setStart(r) {
		return NoTime, startKey
	}
	return NoReason, noKey
}

const (
	maxCode     = 999
	maxAttempts = 1 << 30
)

// startKey is the key of the start time: Istio's name of it where that has a
// value, else Contour's. As a number "@timestamp" is Fluent Bit's. Where none
// has a value it is Istio's; noKey where that is not there either.
func (d *document) startKey() key {
	if isNull(d.values[keyStart]) {
		for _, k := range [...]key{keyTimestamp, keyStartContour} {
			if stringOf(d.values[k]) != nil {
				return k
			}
		}
	}
	if d.has(keyStart) {
		return keyStart
	}
	return noKey
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
