package workload

import (
	"strconv"
	"time"
)

// render writes the line of a record into the generator's buffer.
func (g *Generator) render(r *record) []byte {
	b := g.buf[:0]
	switch g.options.Format {
	case Text:
		b = g.text(b, r)
	case FluentBit:
		b = append(g.envelope(b, r), ',')
		b = append(g.keys(b, r), ',')
		b = append(append(b, r.writer().kubernetes...), '}')
	case FluentBitLog:
		g.inner = append(g.keys(append(g.inner[:0], '{'), r), '}')
		b = append(g.envelope(b, r), `,"log":"`...)
		b = append(appendEscaped(b, g.inner), `",`...)
		b = append(append(b, r.writer().kubernetes...), '}')
	default:
		b = append(g.keys(append(b, '{'), r), '}')
	}
	g.buf = b
	return b
}

// keys appends the 24 keys without braces.
func (g *Generator) keys(b []byte, r *record) []byte {
	how := form{null: "null", json: true}
	for i, f := range r.writer().order {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, f.key()...)
		b = g.value(b, r, f, how, false)
	}
	return b
}

// text appends Istio's default text format.
func (g *Generator) text(b []byte, r *record) []byte {
	how := form{null: "-"}
	b = append(b, '[')
	b = g.value(b, r, startTime, how, false)
	b = append(b, `] "`...)
	for _, f := range [...]field{method, path, protocol} {
		b = append(g.value(b, r, f, how, false), ' ')
	}
	b[len(b)-1] = '"'
	for _, f := range [...]field{responseCode, responseFlags, responseCodeDetails, connectionTerminationDetails} {
		b = g.value(append(b, ' '), r, f, how, false)
	}
	b = g.value(append(b, ' '), r, upstreamTransportFailureReason, how, true)
	for _, f := range [...]field{bytesReceived, bytesSent, duration, upstreamServiceTime} {
		b = g.value(append(b, ' '), r, f, how, false)
	}
	for _, f := range [...]field{xForwardedFor, userAgent, requestID, authority, upstreamHost} {
		b = g.value(append(b, ' '), r, f, how, true)
	}
	for _, f := range [...]field{upstreamCluster, upstreamLocalAddress, downstreamLocalAddress,
		downstreamRemoteAddress, requestedServerName, routeName} {
		b = g.value(append(b, ' '), r, f, how, false)
	}
	return b
}

// envelope appends what Fluent Bit puts before the line's own keys. Its times
// are those of the container's log: a proxy hands its lines over once a second.
func (g *Generator) envelope(b []byte, r *record) []byte {
	p := r.writer()
	t := r.end + p.skew - p.flush
	t += 1e6 - t%1e6 + p.flush // the next flush, in microseconds
	b = append(b, `{"@timestamp":`...)
	b = strconv.AppendInt(b, t/1e6, 10)
	b = appendMicros(append(b, '.'), t%1e6)
	b = append(b, `,"time":"`...)
	b = g.clock.second(b, t/1e6)
	b = appendMicros(append(b, '.'), t%1e6)
	return append(b, `000Z","stream":"stdout","_p":"F"`...)
}

// appendMicros appends six digits.
func appendMicros(b []byte, v int64) []byte {
	for unit := int64(1e5); unit > 0; unit /= 10 {
		b = append(b, '0'+byte(v/unit%10))
	}
	return b
}

// appendEscaped appends JSON as it stands inside a JSON string.
func appendEscaped(b, s []byte) []byte {
	done := 0
	for i, c := range s {
		if c == '"' || c == '\\' {
			b = append(append(b, s[done:i]...), '\\')
			done = i
		}
	}
	return append(b, s[done:]...)
}

// clockText writes times and keeps the last second that it wrote.
type clockText struct {
	last int64
	text []byte // 2006-01-02T15:04:05
}

func (c *clockText) second(b []byte, unix int64) []byte {
	if c.last != unix || c.text == nil {
		c.last = unix
		c.text = time.Unix(unix, 0).UTC().AppendFormat(c.text[:0], "2006-01-02T15:04:05")
	}
	return append(b, c.text...)
}

// append writes milliseconds of Unix time as a proxy does.
func (c *clockText) append(b []byte, ms int64) []byte {
	b = c.second(b, ms/1000)
	ms %= 1000
	return append(b, '.', '0'+byte(ms/100), '0'+byte(ms/10%10), '0'+byte(ms%10), 'Z')
}
