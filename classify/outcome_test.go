package classify

import (
	"fmt"
	"strings"
	"testing"

	"github.com/slowpod/slowpod/ingest/accesslog"
)

// entry makes a record of an HTTP request of "side code flags details", as the
// documents write them: C is a caller's proxy, S the called pod's.
func entry(text string) *accesslog.Record {
	fields := strings.Fields(text)
	r := &accesslog.Record{
		HasCluster: true, Method: b("GET"), Protocol: b("HTTP/1.1"), Path: b("/"),
		Cluster: b("outbound|8080||orders.shop.svc.cluster.local"),
	}
	if fields[0] == "S" {
		r.Cluster = b("inbound|8080||")
	}
	if _, err := fmt.Sscan(fields[1], &r.Code); err != nil {
		panic(err)
	}
	if fields[2] != "-" {
		r.Flags = b(fields[2])
	}
	if len(fields) > 3 {
		r.Details = b(strings.Join(fields[3:], " "))
	}
	return r
}

const (
	fails = true
	fine  = false

	before  = "upstream_reset_before_response_started"
	after   = "upstream_reset_after_response_started"
	refused = "delayed_connect_error:_Connection_refused"
	noTLS   = "TLS_error:|268435703:SSL_routines:OPENSSL_internal:WRONG_VERSION_NUMBER:TLS_error_end"
)

// check classifies an entry. half says whether it waits for its other side.
func check(t *testing.T, r *accesslog.Record, in string, want Outcome, failure, half bool) {
	t.Helper()
	c := Classify(r)
	if c.Outcome != want {
		t.Errorf("%s: outcome %s, want %s", in, c.Outcome, want)
	}
	if c.Failure != failure {
		t.Errorf("%s: failure %v, want %v", in, c.Failure, failure)
	}
	if c.Half != half {
		t.Errorf("%s: half %v, want %v", in, c.Half, half)
	}
	if !c.HTTP {
		t.Errorf("%s: not HTTP", in)
	}
	if want := map[byte]Side{'C': Client, 'S': Server}[in[0]]; c.Side != want {
		t.Errorf("%s: side %s, want %s", in, c.Side, want)
	}
}

// outcomes is every HTTP record of the fact sheet on timeouts and failures,
// with what became of its request. All are halves but those marked otherwise.
var outcomes = []struct {
	in      string
	want    Outcome
	failure bool
}{
	// route timeout
	{"C 504 UT response_timeout", Timeout, fails},
	{"C 504 UT upstream_response_timeout", Timeout, fails},
	{"C 200 UT response_timeout", Timeout, fails}, // gRPC, or after the headers
	{"S 0 DC downstream_remote_disconnect", DownstreamClosed, fails},
	{"S 0 DR http2.remote_reset", DownstreamClosed, fails},
	{"S 0 DR http2.remote_refuse", DownstreamClosed, fails},
	{"S 0 - http2.remote_reset", DownstreamClosed, fails}, // before Envoy 1.30
	{"S 0 - http2.remote_refuse", DownstreamClosed, fails},
	{"S 0 - http3.remote_reset", DownstreamClosed, fails},
	{"S 0 -", DownstreamClosed, fails}, // old caller, new server: no details at all
	{"C 0 -", DownstreamClosed, fails},
	// per-try timeout
	{"C 504 UT upstream_per_try_timeout", Timeout, fails},
	{"C 504 UT upstream_per_try_idle_timeout", Timeout, fails},
	{"C 504 URX,UT upstream_per_try_timeout", Timeout, fails},
	{"C 504 UT,URX upstream_per_try_timeout", Timeout, fails},
	// after the response had begun
	{"S 200 DC downstream_remote_disconnect", ClosedAfterResponse, fine},
	{"S 200 DR http2.remote_reset", ClosedAfterResponse, fine},
	{"S 206 DC downstream_remote_disconnect", ClosedAfterResponse, fine},
	{"S 404 DC downstream_remote_disconnect", ClosedAfterResponse, fine},
	// the caller's application left
	{"C 0 DC downstream_remote_disconnect", DownstreamClosed, fails},
	{"C 0 DR http2.remote_reset", DownstreamClosed, fails},
	{"C 0 DC downstream_local_disconnect(some_reason)", DownstreamClosed, fails},
	// idle and duration timeouts
	{"C 504 SI stream_idle_timeout", IdleTimeout, fails},
	{"C 408 SI stream_idle_timeout", IdleTimeout, fails},
	{"C 504 UMSDR upstream_max_stream_duration_reached", IdleTimeout, fails},
	{"C 408 UMSDR upstream_max_stream_duration_reached", IdleTimeout, fails},
	{"C 504 - max_duration_timeout", IdleTimeout, fails},
	{"C 504 - request_overall_timeout", IdleTimeout, fails},
	{"C 504 - request_header_timeout", IdleTimeout, fails},
	{"C 0 DT duration_timeout", IdleTimeout, fails},
	// nobody there
	{"C 503 UF " + before + "{connection_timeout}", ConnectFailed, fails},
	{"C 503 URX,UF " + before + "{connection_timeout}", ConnectFailed, fails},
	{"C 503 UF " + before + "{remote_connection_failure|" + refused + "}", ConnectFailed, fails},
	{"C 503 URX,UF " + before + "{remote_connection_failure|" + refused + "}", ConnectFailed, fails},
	{"C 503 UF,URX " + before + "{connection_failure,delayed_connect_error:_111}", ConnectFailed, fails},
	{"C 503 UF " + before + "{remote_connection_failure,delayed_connect_error:_111}", ConnectFailed, fails},
	{"C 503 UF " + before + "{connection_failure}", ConnectFailed, fails},
	{"C 503 UF " + before + "{local_connection_failure}", ConnectFailed, fails},
	{"C 503 UF " + before + "{remote_connection_failure|immediate_connect_error:_Network_is_unreachable|remote_address:10.0.0.9:80}", ConnectFailed, fails},
	{"C 200 UF " + before + "{remote_connection_failure|" + refused + "}", ConnectFailed, fails}, // gRPC
	// the app does not listen
	{"C 503 - via_upstream", ServerError, fails},
	{"S 503 UF " + before + "{remote_connection_failure|" + refused + "}", ConnectFailed, fails},
	{"S 503 URX,UF " + before + "{remote_connection_failure|" + refused + "}", ConnectFailed, fails},
	// no healthy upstream, no cluster, no route
	{"C 503 UH no_healthy_upstream", NoHealthyUpstream, fails},
	{"C 200 UH no_healthy_upstream", NoHealthyUpstream, fails}, // gRPC
	{"S 503 LH health_check_failed", NoHealthyUpstream, fails},
	{"C 503 NC cluster_not_found", NoCluster, fails},
	{"C 500 NC cluster_not_found", NoCluster, fails}, // HTTPRoute
	{"C 200 NC cluster_not_found", NoCluster, fails}, // gRPC
	{"C 503 NR cluster_not_found", NoCluster, fails}, // before Envoy 1.18
	{"C 404 NR route_not_found", NoRoute, fine},
	{"C 200 NR route_not_found", NoRoute, fine}, // gRPC
	// circuit breakers
	{"C 503 UO " + before + "{overflow}", Overflow, fails},
	{"C 200 UO " + before + "{overflow}", Overflow, fails}, // gRPC
	{"C 503 UO maintenance_mode", Overflow, fails},
	{"C 503 UO via_upstream", ServerError, fails}, // only a retry was refused
	{"C 200 UO via_upstream", OK, fine},
	{"C 404 UO via_upstream", ClientError, fine},
	{"C 503 UO,UF " + before + "{remote_connection_failure|" + refused + "}", ConnectFailed, fails},
	{"C 503 UC,UO " + before + "{connection_termination}", UpstreamClosed, fails},
	{"C 504 UT,UO upstream_per_try_timeout", Timeout, fails},
	// retries used up: never an outcome
	{"C 503 URX via_upstream", ServerError, fails},
	{"C 200 URX via_upstream", OK, fine},
	{"C 429 URX via_upstream", ClientError, fine},
	// the app or the link went away
	{"S 503 UC " + before + "{connection_termination}", UpstreamClosed, fails},
	{"S 200 UC " + before + "{connection_termination}", UpstreamClosed, fails}, // gRPC
	{"S 200 UC " + after + "{connection_termination}", UpstreamClosed, fails},
	{"C 503 UC " + before + "{connection_termination}", UpstreamClosed, fails},
	{"C 200 UC " + after + "{connection_termination}", UpstreamClosed, fails},
	{"C 200 UPE " + after + "{protocol_error}", ProtocolError, fine},
	{"S 200 UPE " + after + "{protocol_error}", ProtocolError, fine},
	{"C 200 UR " + after + "{remote_reset}", UpstreamReset, fails},
	{"C 503 UR " + before + "{remote_reset}", UpstreamReset, fails},
	{"C 503 UR " + before + "{remote_refused_stream_reset}", UpstreamReset, fails},
	{"C 503 LR " + before + "{local_reset}", LocalResetOutcome, fails},
	{"C 503 LR " + before + "{HTTP/1_premature_upstream_half_close}", LocalResetOutcome, fails},
	// protocol errors
	{"C 502 UPE " + before + "{protocol_error}", ProtocolError, fails},
	{"C 400 DPE http1.codec_error", ProtocolError, fine},
	{"S 400 DPE http2.invalid.header.field", ProtocolError, fine},
	{"C 0 DPE http2.violation.of.messaging.rule", ProtocolError, fails},
	{"C 400 IH", ProtocolError, fine},
	// policy
	{"S 429 RL local_rate_limited", RateLimited, fine},
	{"C 429 RL request_rate_limited", RateLimited, fine},
	{"C 500 RLSE rate_limiter_error", PolicyError, fails},
	{"S 403 UAEX ext_authz_denied", Denied, fine},
	{"C 302 UAEX ext_authz_denied", Denied, fine},
	{"S 403 UAEX ext_authz_error", PolicyError, fine},
	{"S 500 UAEX ext_authz_invalid", PolicyError, fails},
	{"C 503 FI fault_filter_abort", FaultInjected, fails},
	{"C 418 FI fault_filter_abort", FaultInjected, fine},
	{"C 503 DI,FI fault_filter_abort", FaultInjected, fails},
	{"C 200 DI via_upstream", OK, fine}, // a delay only marks
	{"C 503 DI via_upstream", ServerError, fails},
	{"C 504 DI,UT response_timeout", Timeout, fails},
	{"C 0 DI,DC downstream_remote_disconnect", DownstreamClosed, fails},
	// overload, configuration, DNS, cache
	{"S 503 OM overload", Overloaded, fails},
	{"S 0 OM overload", Overloaded, fails},
	{"C 503 DO drop_overload", Overloaded, fails},
	{"C 503 UDO unconditional_drop_overload", Overloaded, fails},
	{"C 503 DF dns_resolution_failure", DNSFailed, fails},
	{"S 500 NFCF", ConfigMissing, fails},
	{"C 200 RFCF response_from_cache_filter", OK, fine},
	// an extension's own flag says nothing by itself
	{"C 200 XYZ via_upstream", OK, fine},
	{"C 503 XYZ via_upstream", ServerError, fails},
	// the app's own
	{"S 500 - via_upstream", ServerError, fails},
	{"C 507 - request_payload_exceeded_retry_buffer_limit", ServerError, fails},
}

// whole are records that wait for nobody: no flag, a code from 1 to 499.
var whole = []struct {
	in      string
	want    Outcome
	failure bool
}{
	{"C 200 - via_upstream", OK, fine},
	{"S 200 - via_upstream", OK, fine},
	{"S 101 - via_upstream", OK, fine},
	{"C 302 - internal_redirect", OK, fine},
	{"S 200 - health_check_ok", OK, fine},
	{"S 404 - via_upstream", ClientError, fine},
	{"C 429 - via_upstream", ClientError, fine},
	{"C 499 - via_upstream", ClientError, fine}, // another proxy's; Envoy never logs it
	{"C 403 - via_upstream", ClientError, fine},
	{"C 400 - missing_host_header", ClientError, fine},
	{"C 413 - request_payload_too_large", ClientError, fine},
	{"C 426 - low_version", ClientError, fine},
	{"S 403 - rbac_access_denied_matched_policy[none]", Denied, fine},
	{"S 403 - rbac_access_denied_matched_policy[ns[shop]-policy[orders-deny]-rule[0]]", Denied, fine},
	{"C 200 - rbac_access_denied_matched_policy[none]", Denied, fine}, // gRPC
	{"S 401 - jwt_authn_access_denied{Jwt_is_missing}", Denied, fine},
	{"S 403 - jwt_authn_access_denied{Audiences_in_Jwt_are_not_allowed}", Denied, fine},
	{"C 408 - max_duration_timeout", IdleTimeout, fails},
	{"C 200 - max_duration_timeout", IdleTimeout, fails}, // gRPC
	{"C 408 - request_overall_timeout", IdleTimeout, fails},
	{"C 408 - request_header_timeout", IdleTimeout, fails},
}

func TestOutcome(t *testing.T) {
	seen := [Outcomes]bool{}
	for _, row := range outcomes {
		check(t, entry(row.in), row.in, row.want, row.failure, true)
		seen[row.want] = true
	}
	for _, row := range whole {
		check(t, entry(row.in), row.in, row.want, row.failure, false)
		seen[row.want] = true
	}
	for o, ok := range seen {
		// Those that need more than flags, code and details are below.
		if o := Outcome(o); !ok && o != UnknownOutcome && o != TLSFailed && o != Blocked && o != TCP {
			t.Errorf("no record of outcome %s", o)
		}
	}
}

// The set decides, not its order, nor whether the names are long.
func TestOutcomeOfAnyOrder(t *testing.T) {
	long := map[string]string{}
	for f := range Flags {
		long[Flag(f).String()] = Flag(f).Long()
	}
	for _, row := range outcomes {
		r := entry(row.in)
		names := strings.Split(string(r.Flags), ",")
		var turned, spelled []string
		for _, n := range names {
			turned = append([]string{n}, turned...)
			if long[n] != "" {
				n = long[n]
			}
			spelled = append(spelled, n)
		}
		for _, flags := range [][]string{turned, spelled} {
			r.Flags = b(strings.Join(flags, ","))
			check(t, r, row.in, row.want, row.failure, true)
		}
	}
}

// A connection that failed is TLS's fault where the transport failure reason
// says so, or the details, which quote it since Envoy 1.20.
func TestTLSFailed(t *testing.T) {
	f := func(details, reason string, want Outcome) {
		t.Helper()
		for _, in := range []string{"C 503 UF ", "C 503 URX,UF ", "C 200 UF "} {
			r := entry(in + details)
			r.TransportFailure = b(reason)
			check(t, r, in+details+" / "+reason, want, true, true)
		}
	}
	f(before+"{remote_connection_failure|"+noTLS+"}", noTLS, TLSFailed)
	f(before+"{remote_connection_failure|"+noTLS+"}", "", TLSFailed)
	f(before+"{connection_failure,TLS_error:_268435703:SSL_routines:OPENSSL_internal:WRONG_VERSION_NUMBER}",
		"TLS_error:_268435703:SSL_routines:OPENSSL_internal:WRONG_VERSION_NUMBER", TLSFailed) // up to 1.27
	f(before+"{connection_failure}", "TLS error: 268435703:SSL routines:OPENSSL_internal:WRONG_VERSION_NUMBER", TLSFailed) // before 1.23
	f(before+"{remote_connection_failure}", "TLS_error:|268435581:SSL_routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:verify_cert_failed:_SAN_matcher:TLS_error_end", TLSFailed)
	for _, alert := range []string{
		"SSLV3_ALERT_CERTIFICATE_EXPIRED", "SSLV3_ALERT_CERTIFICATE_UNKNOWN", "TLSV1_ALERT_UNKNOWN_CA",
		"SSLV3_ALERT_HANDSHAKE_FAILURE", "TLSV1_ALERT_PROTOCOL_VERSION",
	} {
		f(before+"{remote_connection_failure}", "TLS_error:|268436501:SSL_routines:OPENSSL_internal:"+alert+":TLS_error_end", TLSFailed)
	}
	f(before+"{connection failure,TLS error: 26}", "", TLSFailed)
	f(before+"{connection_failure}", "TLS error: 1", TLSFailed)
	f(before+"{connection_failure}", "TLS_error:_1", TLSFailed)
	f(before+"{remote_connection_failure}", "TLS_error:_Secret_is_not_supplied_by_SDS", TLSFailed)
	f(before+"{connection_failure}", "TLS error: Secret is not supplied by SDS", TLSFailed)

	f(before+"{remote_connection_failure|"+refused+"}", refused, ConnectFailed)
	f(before+"{connection_failure}", "delayed connect error: 111", ConnectFailed)
	f(before+"{connection_timeout}", "", ConnectFailed)
	f(before+"{local_connection_failure|failed_to_bind_to_10.0.0.1:0:_Address_in_use}", "", ConnectFailed)

	// the reason of an earlier try may stand beside another end
	r := entry("C 503 UH no_healthy_upstream")
	r.TransportFailure = b(noTLS)
	check(t, r, "C 503 UH no_healthy_upstream", NoHealthyUpstream, true, true)
}

func TestBlocked(t *testing.T) {
	// HTTP: no cluster, a route of its own
	r := entry("C 502 - direct_response")
	r.Cluster, r.Route = nil, b("block_all")
	check(t, r, "C 502 - direct_response block_all", Blocked, true, true)

	r.Route = b("my_redirects") // somebody's own direct response
	check(t, r, "C 502 - direct_response", ServerError, true, true)

	// TLS and TCP
	c := Classify(&accesslog.Record{HasCluster: true, Cluster: b("BlackHoleCluster"), Flags: b("UH"), ServerName: b("example.com")})
	if c.Outcome != Blocked || c.HTTP || c.Failure || c.Half || c.Side != Client {
		t.Errorf("blocked TCP: %+v", c)
	}
}

// TCP is counted apart: in no ratio, in no join.
func TestTCP(t *testing.T) {
	f := func(cluster, flags, details string) {
		t.Helper()
		c := Classify(&accesslog.Record{HasCluster: true, Cluster: b(cluster), Flags: b(flags), Details: b(details)})
		if c.Outcome != TCP || c.HTTP || c.Failure || c.Half {
			t.Errorf("%s %s %s: %+v, want tcp, no failure, no half", cluster, flags, details, c)
		}
	}
	f("outbound|9200||search.shop.svc.cluster.local", "", "")
	f("outbound|9200||search.shop.svc.cluster.local", "UF,URX", "")
	f("PassthroughCluster", "UF", "")
	f("inbound|9200||", "", "")
	f("inbound|9200||", "DC", "")
	f("outbound|9200||search.shop.svc.cluster.local", "UO", "")
}

// The one connection record that belongs to a call: plain text met a proxy that
// demands mTLS. It is a half, but no request.
func TestRefusedPlaintext(t *testing.T) {
	c := Classify(&accesslog.Record{HasCluster: true, Flags: b("NR"), Details: b("filter_chain_not_found")})
	want := Class{Side: Server, Flags: Of(NR), Outcome: NoRoute, Half: true}
	if c != want {
		t.Errorf("%+v, want %+v", c, want)
	}
}

// A request too broken to have a method got a code all the same.
func TestRequestWithoutMethod(t *testing.T) {
	r := entry("C 400 DPE http1.codec_error")
	r.Method, r.Path, r.Protocol = nil, nil, nil
	check(t, r, "C 400 DPE http1.codec_error", ProtocolError, false, true)
}

// Code 0 without a word on why is no success.
func TestUnknownOutcome(t *testing.T) {
	check(t, entry("C 0 - something_new"), "C 0 - something_new", UnknownOutcome, true, true)
	check(t, entry("S 0 - via_upstream"), "S 0 - via_upstream", UnknownOutcome, true, true)
}

// The names are labels of metrics and keys of the report.
func TestNames(t *testing.T) {
	want := "unknown ok client_error server_error timeout idle_timeout downstream_closed closed_after_response " +
		"connect_failed tls_failed upstream_closed upstream_reset local_reset protocol_error no_healthy_upstream " +
		"no_route no_cluster overflow rate_limited denied policy_error fault_injected overloaded blocked " +
		"dns_failed config_missing tcp"
	var got []string
	for o := range Outcomes {
		got = append(got, Outcome(o).String())
	}
	if strings.Join(got, " ") != want {
		t.Errorf("outcomes\n%s\nwant\n%s", strings.Join(got, " "), want)
	}
	got = nil
	for s := range Sides {
		got = append(got, Side(s).String())
	}
	if strings.Join(got, " ") != "unknown client server waypoint" {
		t.Errorf("sides %s", got)
	}
}

func TestNoAllocation(t *testing.T) {
	var records []*accesslog.Record
	for _, row := range outcomes {
		r := entry(row.in)
		r.TransportFailure, r.ServerName = b(noTLS), b("outbound_.80_.v2_.catalog.shop.svc.cluster.local")
		records = append(records, r)
	}
	names := 0
	count := func([]byte) { names++ }
	for _, r := range records {
		if n := testing.AllocsPerRun(10, func() {
			c := Classify(r)
			TargetOf(r, c.Side)
			c.Flags.Each(func(Flag) { names++ })
			EachCustom(r.Flags, count)
		}); n != 0 {
			t.Errorf("%s %d: %v allocations", r.Flags, r.Code, n)
		}
	}
}
