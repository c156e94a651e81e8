package faults

import (
	"bytes"
	"strings"

	"github.com/slowpod/slowpod/classify"
)

// Symptom is what one record shows of a fault.
type Symptom uint8

// The symptoms, by the facts of envoy-facts section 8.
const (
	None          Symptom = iota
	AppRefused            // server UF: the pod's proxy cannot connect to its app
	AppClosed             // server UC, UR: the app closed while it worked on a request
	AppClosedIdle         // server UC, UR: the app closed as the request came
	Refused               // client UF: the connection was refused
	Unanswered            // client UF: the connection was not answered
	PlaintextMet          // client UF: TLS met plain text
	PlaintextSent         // server NR filter_chain_not_found: plain text met TLS
	TLSFailed             // client UF: any other trouble with TLS
	LinkClosed            // client UC
	NoHealthyHost         // client UH
	NoRoute               // client NR
	NoCluster             // client NC
	PassedThrough         // PassthroughCluster, whatever became of it
	Blocked               // BlackHoleCluster, or the route block_all
	Overflowed            // client UO
	Limited               // RL, RLSE
	Denied                // RBAC, JWT, ext_authz
	RetriesUsedUp         // client URX with none of the above
	TimedOut              // client UT

	symptoms = int(TimedOut) + 1
)

// idleWithin is how soon, in milliseconds, a request fails that is sent on a
// connection which its app has just closed.
const idleWithin = 5

// connectTimeout is how long, in milliseconds, an attempt to connect takes at
// least until it counts as not answered where nothing else tells (Envoy up to
// 1.26 writes connection_failure for both).
const connectTimeout = 900

// Of says what a record shows; None is most of them. details and reason are
// %RESPONSE_CODE_DETAILS% and %UPSTREAM_TRANSPORT_FAILURE_REASON%, passed says
// that its cluster is the one for hosts that the mesh does not know, duration
// is in milliseconds.
func Of(c *classify.Class, details, reason []byte, passed bool, duration int64) Symptom {
	server := c.Side == classify.Server
	switch {
	case passed:
		return PassedThrough
	case c.Outcome == classify.TCP:
		return ofConnection(c, reason, duration)
	case c.Outcome == classify.Blocked:
		return Blocked
	case server:
		return ofServer(c, duration)
	}
	return ofClient(c, details, reason, duration)
}

// ofConnection is for records of connections, which have neither a code nor
// details: the flags say all.
func ofConnection(c *classify.Class, reason []byte, duration int64) Symptom {
	server := c.Side == classify.Server
	switch {
	case c.Flags.Has(classify.UF) && server:
		return AppRefused
	case c.Flags.Has(classify.UF):
		return notConnected(nil, reason, duration)
	case c.Flags.Has(classify.UH) && !server:
		return NoHealthyHost
	case c.Flags.Has(classify.NC) && !server:
		return NoCluster
	case c.Flags.Has(classify.UO) && !server:
		return Overflowed
	}
	return None
}

func ofServer(c *classify.Class, duration int64) Symptom {
	switch c.Outcome {
	case classify.ConnectFailed:
		return AppRefused
	case classify.UpstreamClosed, classify.UpstreamReset:
		if duration <= idleWithin {
			return AppClosedIdle
		}
		return AppClosed
	case classify.NoRoute:
		if !c.HTTP {
			return PlaintextSent
		}
	case classify.RateLimited:
		return Limited
	case classify.Denied:
		return Denied
	case classify.PolicyError:
		return ofPolicy(c)
	}
	return None
}

func ofClient(c *classify.Class, details, reason []byte, duration int64) Symptom {
	switch c.Outcome {
	case classify.ConnectFailed, classify.TLSFailed:
		return notConnected(details, reason, duration)
	case classify.UpstreamClosed:
		return LinkClosed
	case classify.NoHealthyUpstream:
		return NoHealthyHost
	case classify.NoRoute:
		return NoRoute
	case classify.NoCluster:
		return NoCluster
	case classify.Overflow:
		return Overflowed
	case classify.RateLimited:
		return Limited
	case classify.Denied:
		return Denied
	case classify.PolicyError:
		return ofPolicy(c)
	}
	switch {
	case c.Outcome == classify.Timeout && !c.Flags.Has(classify.URX):
		return TimedOut
	case c.Flags.Has(classify.URX) && c.Failure:
		return RetriesUsedUp
	}
	return None
}

// ofPolicy is for a policy that could not be asked, and failed closed.
func ofPolicy(c *classify.Class) Symptom {
	if c.Flags.Has(classify.RLSE) {
		return Limited
	}
	return Denied
}

// refusal says what a transport failure reason tells of why TLS failed; "" is
// nothing. Envoy up to 1.22 wrote blanks where it writes underscores since
// (envoy-facts section 8).
func refusal(reason string) (cause string) {
	reason = strings.ReplaceAll(reason, " ", "_")
	for _, known := range [...]struct{ text, cause string }{
		{"is_not_supplied_by_SDS", "not_supplied"},
		{"CERTIFICATE_EXPIRED", "expired"},
		{"certificate_has_expired", "expired"},
		{"UNKNOWN_CA", "other_root"},
		{"SAN", "wrong_name"},
	} {
		if strings.Contains(reason, known.text) {
			return known.cause
		}
	}
	return ""
}

// notConnected says in which way a connection did not come about. Envoy repeats
// the reason in the details.
func notConnected(details, reason []byte, duration int64) Symptom {
	has := func(s string) bool {
		return bytes.Contains(reason, []byte(s)) || bytes.Contains(details, []byte(s))
	}
	switch {
	case has("WRONG_VERSION_NUMBER"):
		return PlaintextMet
	case has("TLS"), has("SSL"), has("Secret"):
		return TLSFailed
	case has("connection_timeout"):
		return Unanswered
	case len(reason) == 0 && !has("remote_connection_failure") && !has("delayed_connect_error") && duration >= connectTimeout:
		return Unanswered
	}
	return Refused
}
