package workload

// A record is what one proxy knows of one call when it writes its line.
type record struct {
	start, end int64 // microseconds of Unix time, by a clock without skew
	id         uuid
	set        *subset
	class      *class
	caller     *Pod
	pod        *Pod // the called one; nil when none was chosen
	agent      *agent
	authority  string
	query      string
	number     uint32 // in the path
	xff        uint32 // X-Forwarded-For, an IPv4 address; 0 without
	code       int
	in, out    int
	waited     int64  // milliseconds for the application's headers; -1 when there were none
	appPort    uint16 // of the client of the caller's proxy
	connPort   uint16 // of the caller's proxy; 0 when it never connected
	upPort     uint16 // of the called pod's proxy towards its application
	side       Side
	ending     ending
}

func (r *record) writer() *Pod {
	if r.side == ServerSide {
		return r.pod
	}
	return r.caller
}

// An agent is a client program. Both spellings are ready to be written.
type agent struct {
	json string // escaped as a proxy escapes it in JSON
	raw  string // as the client sent it
}

func plainAgent(s string) *agent { return &agent{json: s, raw: s} }

// An ending is how a call ended for one of its proxies.
type ending uint8

const (
	answered ending = iota // whatever the application said
	timedOut               // the caller's proxy gave up
	closed                 // the caller closed the connection
	reset                  // the caller reset the stream of HTTP/2
	noHost                 // no healthy pod
	noRoute                // no route matched
	refused                // every try to connect was refused
	cut                    // the connection broke while the answer was awaited
)

// flags as the proxy prints them; old versions print in the order of a table.
func (e ending) flags(old bool) string {
	switch e {
	case timedOut:
		return "UT"
	case closed:
		return "DC"
	case reset:
		return "DR"
	case noHost:
		return "UH"
	case noRoute:
		return "NR"
	case refused:
		if old {
			return "UF,URX"
		}
		return "URX,UF"
	case cut:
		return "UC"
	default:
		return "-"
	}
}

// details of the response code. The wording of refused connections changed.
func (e ending) details(old bool) string {
	switch e {
	case timedOut:
		return "response_timeout"
	case closed:
		return "downstream_remote_disconnect"
	case reset:
		return "http2.remote_reset"
	case noHost:
		return "no_healthy_upstream"
	case noRoute:
		return "route_not_found"
	case refused:
		if old {
			return "upstream_reset_before_response_started{remote_connection_failure,delayed_connect_error:_111}"
		}
		return "upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused}"
	case cut:
		return "upstream_reset_before_response_started{connection_termination}"
	default:
		return "via_upstream"
	}
}

// transport is the failure reason of the transport; empty when it did not fail.
func (e ending) transport(old bool) string {
	switch {
	case e != refused:
		return ""
	case old:
		return "delayed_connect_error:_111"
	default:
		return "delayed_connect_error:_Connection_refused"
	}
}

// failed tells whether the caller got no good answer, by its own proxy's line:
// a code from 500 or none at all, or a timeout, which gRPC hides behind code
// 200.
func (r *record) failed() bool {
	return r.code >= 500 || r.code == 0 || r.ending == timedOut
}
