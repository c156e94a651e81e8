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
	cluster    string // in the client's line, where it is not the subset's
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

// failed tells whether the caller got no good answer, by its own proxy's line:
// a code from 500 or none at all, or a timeout, which gRPC hides behind code
// 200.
func (r *record) failed() bool {
	return r.code >= 500 || r.code == 0 || r.ending == timedOut
}
