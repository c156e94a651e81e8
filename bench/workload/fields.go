package workload

import (
	"cmp"
	"slices"
	"strconv"
)

// A field is a key of Istio's JSON format.
type field uint8

const (
	authority field = iota
	bytesReceived
	bytesSent
	connectionTerminationDetails
	downstreamLocalAddress
	downstreamRemoteAddress
	duration
	method
	path
	protocol
	requestID
	requestedServerName
	responseCode
	responseCodeDetails
	responseFlags
	routeName
	startTime
	upstreamCluster
	upstreamHost
	upstreamLocalAddress
	upstreamServiceTime
	upstreamTransportFailureReason
	userAgent
	xForwardedFor
	fields // how many
)

// key is the name as it stands in a line.
func (f field) key() string {
	return [fields]string{
		`"authority":`, `"bytes_received":`, `"bytes_sent":`, `"connection_termination_details":`,
		`"downstream_local_address":`, `"downstream_remote_address":`, `"duration":`, `"method":`, `"path":`,
		`"protocol":`, `"request_id":`, `"requested_server_name":`, `"response_code":`,
		`"response_code_details":`, `"response_flags":`, `"route_name":`, `"start_time":`,
		`"upstream_cluster":`, `"upstream_host":`, `"upstream_local_address":`, `"upstream_service_time":`,
		`"upstream_transport_failure_reason":`, `"user_agent":`, `"x_forwarded_for":`,
	}[f]
}

// sortedKeys is how Envoy writes since 1.32.
func sortedKeys() []field {
	order := make([]field, fields)
	for i := range order {
		order[i] = field(i)
	}
	slices.SortFunc(order, func(a, b field) int { return cmp.Compare(a.key(), b.key()) })
	return order
}

// declaredKeys is the order in which Istio declares its format.
func declaredKeys() []field {
	return []field{
		startTime, routeName, method, path, protocol, responseCode, responseFlags, responseCodeDetails,
		connectionTerminationDetails, bytesReceived, bytesSent, duration, upstreamServiceTime, xForwardedFor,
		userAgent, requestID, authority, upstreamHost, upstreamCluster, upstreamLocalAddress,
		downstreamLocalAddress, downstreamRemoteAddress, requestedServerName, upstreamTransportFailureReason,
	}
}

// hashedKeys is an order as old proxies have it: that of a hash table.
func hashedKeys() []field {
	return []field{
		userAgent, responseCode, responseFlags, startTime, method, requestID, upstreamHost, xForwardedFor,
		requestedServerName, bytesReceived, responseCodeDetails, bytesSent, upstreamCluster,
		downstreamRemoteAddress, authority, path, protocol, upstreamServiceTime, upstreamLocalAddress, duration,
		upstreamTransportFailureReason, routeName, connectionTerminationDetails, downstreamLocalAddress,
	}
}

// form is how values of a format are written.
type form struct {
	null string // in place of a value that there is none of
	json bool
}

// value appends what a field of r holds. Strings stand in double quotes, in
// JSON and in those places of the text format that have them (quoted).
func (g *Generator) value(b []byte, r *record, f field, how form, quoted bool) []byte {
	quoted = quoted || how.json
	text := func(s string) []byte {
		if s == "" {
			return null(b, how, quoted)
		}
		if quoted {
			return append(append(append(b, '"'), s...), '"')
		}
		return append(b, s...)
	}
	client := r.side == ClientSide
	if r.ending == plaintext { // a connection, not a request
		switch f {
		case authority, method, path, protocol, requestID, requestedServerName, routeName, upstreamHost,
			userAgent, xForwardedFor:
			return text("")
		}
	}
	switch f {
	case bytesReceived:
		return strconv.AppendInt(b, int64(r.in), 10)
	case bytesSent:
		return strconv.AppendInt(b, int64(r.out), 10)
	case duration:
		return strconv.AppendInt(b, (r.end-r.start)/1000, 10)
	case responseCode:
		return strconv.AppendInt(b, int64(r.code), 10)
	case authority:
		return text(r.authority)
	case method:
		return text(r.class.method)
	case protocol:
		return text(r.protocol())
	case responseCodeDetails:
		return text(r.ending.words(r.writer().old).details)
	case responseFlags:
		return text(r.ending.words(r.writer().old).flags)
	case upstreamTransportFailureReason:
		return text(r.ending.words(r.writer().old).transport)
	case connectionTerminationDetails: // of TCP only
		return text("")
	case routeName:
		switch {
		case r.ending == blocked:
			return text("block_all")
		case r.cluster != "":
			return text("allow_any")
		case !r.ending.named() || client && r.caller.gateway != nil:
			return text("")
		}
		return text("default")
	case requestedServerName:
		if !client {
			return text(r.set.sni)
		}
		if r.caller.gateway != nil {
			return text(r.caller.gateway.sni)
		}
		return text("")
	case upstreamCluster:
		switch {
		case !r.ending.named():
			return text("")
		case r.cluster != "":
			return text(r.cluster)
		case client:
			return text(r.set.cluster)
		}
		return text(r.set.inbound)
	case upstreamHost:
		if r.pod == nil || !client && !r.ending.reached() && r.ending != refused {
			return text("")
		}
		return text(r.pod.Host)
	case downstreamLocalAddress:
		if !client {
			return text(r.pod.Host)
		}
		if r.caller.gateway == nil {
			return text(r.set.vip)
		}
	case userAgent:
		if how.json {
			return text(r.agent.json)
		}
		return text(r.agent.raw)
	case xForwardedFor:
		if r.xff == 0 {
			return text("")
		}
	case upstreamServiceTime:
		if r.waited < 0 {
			return text("")
		}
		quoted = how.json // a header: a string even in typed JSON
	case upstreamLocalAddress:
		if client && r.connPort == 0 || !client && !r.ending.reached() {
			return text("")
		}
	}
	if quoted {
		return append(g.composed(append(b, '"'), r, f), '"')
	}
	return g.composed(b, r, f)
}

func null(b []byte, how form, quoted bool) []byte {
	if quoted && !how.json {
		return append(append(append(b, '"'), how.null...), '"')
	}
	return append(b, how.null...)
}

// composed appends the values that are made of parts.
func (g *Generator) composed(b []byte, r *record, f field) []byte {
	client := r.side == ClientSide
	switch f {
	case path:
		b = append(b, r.class.head...)
		if r.class.numbered {
			b = strconv.AppendUint(b, uint64(r.number), 10)
			b = append(b, r.class.tail...)
		}
		return append(b, r.query...)
	case requestID:
		return r.id.appendTo(b)
	case startTime:
		return g.clock.append(b, (r.start+r.writer().skew)/1000)
	case xForwardedFor:
		return appendIP(b, r.xff)
	case upstreamServiceTime:
		return strconv.AppendInt(b, r.waited, 10)
	case downstreamLocalAddress:
		return appendAddress(b, r.caller.IP, r.caller.gateway.port)
	case downstreamRemoteAddress:
		switch {
		case r.xff != 0 && client && r.caller.gateway != nil: // it is who it is
			return strconv.AppendUint(append(appendIP(b, r.xff), ':'), uint64(r.appPort), 10)
		case r.xff != 0: // taken from the header, which knows no port
			return append(appendIP(b, r.xff), ":0"...)
		case client:
			return appendAddress(b, r.caller.IP, int(r.appPort))
		default:
			return appendAddress(b, r.caller.IP, int(r.connPort))
		}
	case upstreamLocalAddress:
		if client {
			return appendAddress(b, r.caller.IP, int(r.connPort))
		}
		return appendAddress(b, "127.0.0.6", int(r.upPort))
	}
	panic("workload: a field without a value")
}

// protocol that the writer's downstream spoke.
func (r *record) protocol() string {
	http2 := r.set.http2
	if r.side == ClientSide {
		if r.caller.gateway != nil {
			return r.caller.gateway.protocol
		}
		http2 = r.set.grpc
	}
	if http2 {
		return "HTTP/2"
	}
	return "HTTP/1.1"
}

func appendAddress(b []byte, ip string, port int) []byte {
	b = append(b, ip...)
	b = append(b, ':')
	return strconv.AppendInt(b, int64(port), 10)
}

func appendIP(b []byte, ip uint32) []byte {
	for shift := 24; shift >= 0; shift -= 8 {
		b = strconv.AppendUint(b, uint64(ip>>shift&0xff), 10)
		if shift > 0 {
			b = append(b, '.')
		}
	}
	return b
}
