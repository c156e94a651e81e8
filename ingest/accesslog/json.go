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
			if reason, k := p.readEntry(&d.fields, r); reason != NoReason {
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
		p.readTimes(&d.fields)
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
func (f *fields) isEntry() bool {
	if !f.has(keyCode) && !f.has(keyFlags) {
		return false
	}
	return f.has(keyStart) || f.has(keyDuration) || f.has(keyCluster) ||
		f.has(keyMethod) && (f.has(keyPath) || f.has(keyPathHeader))
}

// readEntry fills the record. A key of Istio's default format wins over its
// alias. The key is the one whose value cannot be read.
func (p *Parser) readEntry(f *fields, r *Record) (Reason, key) {
	r.Method = f.either(keyMethod, keyMethodHeader)
	r.Path = f.either(keyPath, keyPathHeader)
	r.Protocol = f.text(keyProtocol)
	r.Authority = f.either(keyAuthority, keyAuthorityHeader)
	r.RequestID = f.either(keyRequestID, keyRequestIDHeader)
	r.UserAgent = f.either(keyUserAgent, keyUserAgentHeader)
	r.ForwardedFor = f.either(keyForwardedFor, keyForwardedForHeader)

	r.Flags = f.text(keyFlags)
	r.Details = f.text(keyDetails)
	r.TerminationDetails = f.text(keyTerminationDetails)
	r.TransportFailure = f.text(keyTransportFailure)

	r.HasCluster = f.has(keyCluster)
	r.Cluster = clusterName(f.text(keyCluster))
	r.UpstreamHost = f.text(keyUpstreamHost)
	r.UpstreamLocal = f.text(keyUpstreamLocal)
	r.DownstreamLocal = f.text(keyDownstreamLocal)
	r.DownstreamPeer = f.text(keyDownstreamRemote)
	r.ServerName = f.text(keyServerName)
	r.Route = f.text(keyRoute)

	// Before the numbers, so that a line with both faults has one name.
	startKey := f.startKey()
	hasStart := !f.isNull(startKey)
	if hasStart {
		// A number, an epoch time say, is none: no default format has one.
		var ok bool
		if r.Start, ok = p.minute.parseTime(f.text(startKey)); !ok {
			return InvalidTime, startKey
		}
	}

	code, ok := f.number(keyCode)
	if !ok || code > maxCode {
		return InvalidNumber, keyCode
	}
	if r.Duration, ok = f.number(keyDuration); !ok {
		return InvalidNumber, keyDuration
	}
	if r.BytesReceived, ok = f.number(keyBytesReceived); !ok {
		return InvalidNumber, keyBytesReceived
	}
	if r.BytesSent, ok = f.number(keyBytesSent); !ok {
		return InvalidNumber, keyBytesSent
	}
	attempts, ok := f.number(keyAttempts)
	if !ok || attempts > maxAttempts {
		return InvalidNumber, keyAttempts
	}
	r.Code, r.Attempts = int(code), int(attempts)
	r.ServiceTime = serviceTime(f.digits(keyServiceTime))
	if r.ServiceTime < 0 {
		r.ServiceTime = serviceTime(f.digits(keyServiceTimeHeader))
	}
	if !hasStart {
		if p.readTimes(f); !p.setStart(r) {
			return NoTime, startKey
		}
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
func (f *fields) startKey() key {
	if f.isNull(keyStart) {
		for _, k := range [...]key{keyTimestamp, keyStartContour} {
			if f.text(k) != nil {
				return k
			}
		}
	}
	if f.has(keyStart) {
		return keyStart
	}
	return noKey
}

// serviceTime reads x-envoy-upstream-service-time. It is a response header:
// what is no number there is no fault of the entry, and unset.
func serviceTime(b []byte) int64 {
	if n, ok := parseNumber(b); ok {
		return n
	}
	return -1
}
