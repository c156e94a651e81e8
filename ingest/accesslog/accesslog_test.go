package accesslog

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// parsed checks that the line is an entry and what it says.
func parsed(t *testing.T, line string, want Record) {
	t.Helper()
	var got Record
	result, reason := NewParser().Parse([]byte(line), &got)
	if result != Parsed || reason != NoReason {
		t.Errorf("Parse(%q) = %v, %v; want it parsed", line, result, reason)
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Parse(%q): -want +got\n%s", line, diff)
	}
}

// foreign checks that the line is no access-log entry.
func foreign(t *testing.T, line string) {
	t.Helper()
	refused(t, line, Foreign, NoReason)
}

// malformed checks that the line claims to be an entry and why it cannot be read.
func malformed(t *testing.T, line string, want Reason) {
	t.Helper()
	refused(t, line, Malformed, want)
}

func refused(t *testing.T, line string, wantResult Result, wantReason Reason) {
	t.Helper()
	var r Record
	result, reason := NewParser().Parse([]byte(line), &r)
	if result != wantResult || reason != wantReason {
		t.Errorf("Parse(%q) = %v, %v; want %v, %v", line, result, reason, wantResult, wantReason)
	}
	if diff := cmp.Diff(Record{ServiceTime: -1}, r); diff != "" {
		t.Errorf("Parse(%q) left something in the record: %s", line, diff)
	}
}

// at is a time in Unix milliseconds.
func at(s string) int64 {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t.UnixMilli()
}

func b(s string) []byte { return []byte(s) }

// One call of cart by checkout, in every format. Both sides, where they differ.
const (
	istioJSON = `{"authority":"cart:8080","bytes_received":12,"bytes_sent":345,"connection_termination_details":null,"downstream_local_address":"10.96.7.7:8080","downstream_remote_address":"10.244.1.8:37910","duration":21,"method":"POST","path":"/v1/carts/7?full=1","protocol":"HTTP/1.1","request_id":"5b6c9d1e-0f2a-9b3c-8d4e-5f60718293a4","requested_server_name":null,"response_code":200,"response_code_details":"via_upstream","response_flags":"-","route_name":"default","start_time":"2026-03-02T10:15:04.558Z","upstream_cluster":"outbound|8080||cart.shop.svc.cluster.local","upstream_host":"10.244.2.23:8080","upstream_local_address":"10.244.1.8:37022","upstream_service_time":"20","upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`

	istioText = `[2026-03-02T10:15:04.558Z] "POST /v1/carts/7?full=1 HTTP/1.1" 200 - via_upstream - "-" 12 345 21 20 "-" "Go-http-client/1.1" "5b6c9d1e-0f2a-9b3c-8d4e-5f60718293a4" "cart:8080" "10.244.2.23:8080" outbound|8080||cart.shop.svc.cluster.local 10.244.1.8:37022 10.96.7.7:8080 10.244.1.8:37910 - default`

	envoyText = `[2026-03-02T10:15:04.558Z] "POST /v1/carts/7?full=1 HTTP/1.1" 200 - 12 345 21 20 "-" "Go-http-client/1.1" "5b6c9d1e-0f2a-9b3c-8d4e-5f60718293a4" "cart:8080" "10.244.2.23:8080"`
)

// call is what istioJSON and istioText say.
func call() Record {
	r := envoyCall()
	r.Details = b("via_upstream")
	r.HasCluster = true
	r.Cluster = b("outbound|8080||cart.shop.svc.cluster.local")
	r.UpstreamLocal = b("10.244.1.8:37022")
	r.DownstreamLocal = b("10.96.7.7:8080")
	r.DownstreamPeer = b("10.244.1.8:37910")
	r.Route = b("default")
	return r
}

// envoyCall is what envoyText says.
func envoyCall() Record {
	return Record{
		Start:         at("2026-03-02T10:15:04.558Z"),
		Duration:      21,
		Method:        b("POST"),
		Path:          b("/v1/carts/7?full=1"),
		Protocol:      b("HTTP/1.1"),
		Authority:     b("cart:8080"),
		RequestID:     b("5b6c9d1e-0f2a-9b3c-8d4e-5f60718293a4"),
		UserAgent:     b("Go-http-client/1.1"),
		Code:          200,
		BytesReceived: 12,
		BytesSent:     345,
		ServiceTime:   20,
		UpstreamHost:  b("10.244.2.23:8080"),
	}
}

// with is r after change.
func with(r Record, change func(*Record)) Record {
	change(&r)
	return r
}
