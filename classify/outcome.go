package classify

import (
	"bytes"

	"github.com/slowpod/slowpod/ingest/accesslog"
)

// Outcome is what became of the request of a record.
type Outcome uint8

// The outcomes.
const (
	UnknownOutcome Outcome = iota
	OK
	ClientError
	ServerError
	Timeout
	IdleTimeout
	DownstreamClosed
	ClosedAfterResponse
	ConnectFailed
	TLSFailed
	UpstreamClosed
	UpstreamReset
	LocalResetOutcome
	ProtocolError
	NoHealthyUpstream
	NoRoute
	NoCluster
	Overflow
	RateLimited
	Denied
	PolicyError
	FaultInjected
	Overloaded
	Blocked
	DNSFailed
	ConfigMissing
	TCP

	// Outcomes is the number of outcomes.
	Outcomes = int(TCP) + 1
)

var outcomeNames = [Outcomes]string{
	"unknown", "ok", "client_error", "server_error", "timeout", "idle_timeout", "downstream_closed",
	"closed_after_response", "connect_failed", "tls_failed", "upstream_closed", "upstream_reset",
	"local_reset", "protocol_error", "no_healthy_upstream", "no_route", "no_cluster", "overflow",
	"rate_limited", "denied", "policy_error", "fault_injected", "overloaded", "blocked", "dns_failed",
	"config_missing", "tcp",
}

// String returns the outcome's name, a metric label and a key of the report.
func (o Outcome) String() string { return outcomeNames[o] }

// Class is what classify says of one record.
type Class struct {
	Side    Side
	Flags   Set
	Outcome Outcome
	// HTTP says that the record is a request: it counts in ratios.
	HTTP bool
	// Failure says that the request failed, for ratios. False unless HTTP.
	Failure bool
	// Half says that the record is one side of a call that went wrong or
	// was cut, and waits for the other.
	Half bool
}

// Classify classifies a record.
func Classify(r *accesslog.Record) Class {
	c := Class{Side: SideOf(r), Flags: ParseSet(r.Flags)}
	// A TCP record has neither method nor protocol; a request that was too
	// broken to have them still got a code.
	c.HTTP = r.Method != nil || r.Protocol != nil || r.Code != 0
	c.Outcome = outcomeOf(r, &c)
	c.Failure = c.HTTP && failed(r.Code, c.Outcome)
	// A refused plain-text connection is the one record without a request
	// that belongs to a call: the server's word for the client's UC.
	c.Half = (c.HTTP && (c.Flags != 0 || r.Code == 0 || r.Code >= 500)) || refusedPlaintext(r, c.Flags)
	return c
}

// refusedPlaintext is the connection record of a server that demands mTLS and
// met plain text (Istio logs listener records for NR only).
func refusedPlaintext(r *accesslog.Record, flags Set) bool {
	return flags.Has(NR) && string(r.Details) == "filter_chain_not_found"
}

// outcomeOf decides from flags, details, transport failure reason, side and
// code together, the code last: gRPC failures carry code 200, disconnects 0.
// The order of the cases is the order of trust: what ended the request before
// what followed from it.
func outcomeOf(r *accesslog.Record, c *Class) Outcome {
	f, d := c.Flags, r.Details
	switch {
	case hasPrefix(r.Cluster, "BlackHole"),
		string(r.Route) == "block_all" && string(d) == "direct_response":
		return Blocked
	case !c.HTTP && !refusedPlaintext(r, f):
		return TCP
	case f == 0:
		return outcomeByDetails(r)
	case f.Has(UT):
		return Timeout
	case f.Any(Of(SI, UMSDR, DT)):
		return IdleTimeout
	case f.Has(UF):
		if tlsReason(r.TransportFailure) || tlsReason(d) {
			return TLSFailed
		}
		return ConnectFailed
	case f.Has(UC):
		return UpstreamClosed
	case f.Has(UR):
		return UpstreamReset
	case f.Has(LR):
		return LocalResetOutcome
	case f.Any(Of(UPE, DPE, IH)):
		return ProtocolError
	case f.Any(Of(UH, LH)):
		return NoHealthyUpstream
	case f.Has(NC), f.Has(NR) && string(d) == "cluster_not_found":
		// Before Envoy 1.18 a missing cluster was an NR.
		return NoCluster
	case f.Has(NR):
		return NoRoute
	case f.Has(UO) && string(d) != "via_upstream":
		// With via_upstream only a retry was refused: the code decides.
		return Overflow
	case f.Has(RL):
		return RateLimited
	case f.Has(UAEX):
		if string(d) == "ext_authz_error" || string(d) == "ext_authz_invalid" {
			return PolicyError
		}
		return Denied
	case f.Has(RLSE):
		return PolicyError
	case f.Has(FI):
		return FaultInjected
	case f.Any(Of(OM, DO, UDO)):
		return Overloaded
	case f.Has(DF):
		return DNSFailed
	case f.Has(NFCF):
		return ConfigMissing
	case f.Any(Of(DC, DR)):
		if r.Code != 0 {
			return ClosedAfterResponse
		}
		return DownstreamClosed
	case f.Has(RFCF):
		return OK
	}
	return outcomeByDetails(r)
}

// outcomeByDetails is for records whose flags say nothing.
func outcomeByDetails(r *accesslog.Record) Outcome {
	d := r.Details
	switch {
	case string(d) == "via_upstream": // nearly all
	case hasPrefix(d, "rbac_access_denied"), hasPrefix(d, "jwt_authn_access_denied"),
		string(d) == "ext_authz_denied":
		return Denied
	case string(d) == "ext_authz_error", string(d) == "ext_authz_invalid", string(d) == "rate_limiter_error":
		return PolicyError
	case string(d) == "request_overall_timeout", string(d) == "request_header_timeout",
		string(d) == "max_duration_timeout", string(d) == "duration_timeout", string(d) == "stream_idle_timeout":
		// The duration timeouts have no flag.
		return IdleTimeout
	case r.Code == 0 && flaglessClose(r):
		return DownstreamClosed
	}
	switch {
	case r.Code >= 500:
		return ServerError
	case r.Code >= 400:
		return ClientError
	case r.Code >= 100:
		return OK
	}
	return UnknownOutcome
}

// flaglessClose is the form in which proxies before Envoy 1.30 log a stream
// that their peer reset: code 0, no flag, and the codec's details or none.
func flaglessClose(r *accesslog.Record) bool {
	d := r.Details
	return r.Flags == nil && (len(d) == 0 || string(d) == "http2.remote_reset" ||
		string(d) == "http2.remote_refuse" || hasPrefix(d, "http3."))
}

// tlsReason says whether a transport failure reason (or the details that quote
// it) speaks of TLS: Envoy's ssl_socket.cc writes "TLS error:" with spaces
// before 1.23 and underscores since, and the SDS form without it.
func tlsReason(b []byte) bool {
	return bytes.Contains(b, []byte("TLS_error")) || bytes.Contains(b, []byte("TLS error")) ||
		bytes.Contains(b, []byte("SSL_routines")) || bytes.Contains(b, []byte("SSL routines")) ||
		bytes.Contains(b, []byte("Secret_is_not_supplied")) || bytes.Contains(b, []byte("Secret is not supplied"))
}

// failed is the rule for ratios: what the caller's application would call a
// failed request, whatever the code says.
func failed(code int, o Outcome) bool {
	switch o {
	case Timeout, IdleTimeout, DownstreamClosed, ConnectFailed, TLSFailed, UpstreamClosed, UpstreamReset,
		LocalResetOutcome, NoHealthyUpstream, NoCluster, Overflow, Overloaded, DNSFailed, ConfigMissing:
		return true
	case ClosedAfterResponse:
		return code >= 500
	}
	return code >= 500 || code == 0
}
