// Package kind names the kinds of findings and says how soon somebody should
// look.
//
// It knows names and severities. It must never know how a finding of a kind is
// found, nor how it is told.
package kind

// Kind is what a finding says.
type Kind uint8

// The kinds: what the judge of durations finds, then what is wrong in
// configuration and life, and at last what is wrong with the log.
const (
	SlowPod Kind = iota
	SlowPodUnverified
	Network
	SlowService
	SlowNode
	CallerCancels

	AppNotListening // the pod's proxy cannot reach its app
	ProxyRefusing   // the pod's address refuses or does not answer
	StaleAddress    // callers still go to a pod that is gone
	StartRace       // only the first calls to a pod were refused
	Unavailable     // no healthy pod to send to
	RouteMissing
	ClusterMissing
	Passthrough   // to a host that the mesh does not know
	EgressBlocked // to a host that the mesh does not allow
	MTLSMismatch
	Certificate
	CircuitBreaker
	RetriesExhausted
	Throttled
	AccessDenied
	KeepaliveRace // the app closes idle connections as requests arrive
	AppCrash      // the app dies while it answers
	TimeoutTooLow

	LogStream // the log itself is not whole

	// Kinds is the number of kinds.
	Kinds = int(LogStream) + 1
)

var names = [Kinds]string{
	"slow_pod", "slow_pod_unverified", "network", "slow_service", "slow_node", "caller_cancels",
	"app_not_listening", "proxy_refusing", "stale_address", "start_race", "unavailable",
	"route_missing", "cluster_missing", "passthrough", "egress_blocked", "mtls_mismatch", "certificate",
	"circuit_breaker", "retries_exhausted", "throttled", "access_denied", "keepalive_race", "app_crash",
	"timeout_too_low", "log_stream",
}

// String returns the kind's name: a metric label, a label of alerts, and what
// --fail-on takes.
func (k Kind) String() string { return names[k] }

// Severity says how soon somebody should look: critical, warning or info.
func (k Kind) Severity() string {
	switch k {
	case SlowPod, SlowService, SlowNode, Unavailable:
		return "critical"
	case CallerCancels, Passthrough, LogStream:
		return "info"
	}
	return "warning"
}

// All returns every kind, in order.
func All() []Kind {
	all := make([]Kind, Kinds)
	for i := range all {
		all[i] = Kind(i)
	}
	return all
}
