package classify

import (
	"bytes"
	"strings"

	"github.com/slowpod/slowpod/ingest/accesslog"
)

// Side says who wrote a record.
type Side uint8

// The sides. Unknown is a format that does not carry the cluster.
const (
	Unknown Side = iota
	Client
	Server
	Waypoint

	// Sides is the number of sides.
	Sides = int(Waypoint) + 1
)

var sideNames = [Sides]string{"unknown", "client", "server", "waypoint"}

// String returns the side's name, a metric label and a key of the report.
func (s Side) String() string { return sideNames[s] }

const (
	outboundCluster = "outbound|"
	outboundSNI     = "outbound_."
	inboundCluster  = "inbound|"
	vipCluster      = "inbound-vip|"
)

// hasPrefix is bytes.HasPrefix of a constant, which is compared in a few
// instructions where this is inlined.
func hasPrefix(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && string(b[:len(prefix)]) == prefix
}

// SideOf says who wrote the record, by its cluster (Istio's BuildSubsetKey and
// the names of its fixed clusters) and, where the cluster is empty, by what
// only an inbound listener writes.
func SideOf(r *accesslog.Record) Side {
	c := r.Cluster
	switch {
	case !r.HasCluster:
		return Unknown
	case len(c) == 0:
		if string(r.Details) == "filter_chain_not_found" || inboundLocal(r.UpstreamLocal) ||
			hasPrefix(r.ServerName, outboundSNI) {
			return Server
		}
		return Client
	case hasPrefix(c, inboundCluster), hasPrefix(c, "InboundPassthrough"):
		return Server
	case hasPrefix(c, outboundCluster), hasPrefix(c, outboundSNI),
		string(c) == "PassthroughCluster", hasPrefix(c, "AllowAny"),
		hasPrefix(c, "BlackHole"):
		return Client
	case hasPrefix(c, vipCluster):
		return Waypoint
	}
	return Unknown
}

// inboundLocal says whether an upstream_local_address is the one that an
// inbound listener binds to reach its own application.
func inboundLocal(addr []byte) bool {
	return hasPrefix(addr, "127.0.0.6:") || hasPrefix(addr, "[::6]:")
}

// Target is the service that a record itself says it speaks of. Borrowed from
// the record; nil where the record does not say.
type Target struct {
	Service, Subset []byte
}

// TargetOf reads the service and subset out of a client's cluster, or out of
// the SNI that an Istio client sends to a server.
func TargetOf(r *accesslog.Record, side Side) Target {
	switch side {
	case Client, Waypoint:
		if hasPrefix(r.Cluster, outboundSNI) {
			return sniTarget(r.Cluster)
		}
		return clusterTarget(r.Cluster)
	case Server:
		if t := sniTarget(r.ServerName); t.Service != nil {
			return t
		}
		return clusterTarget(r.Cluster)
	case Unknown:
	}
	return Target{}
}

// clusterTarget reads direction|port|subset|fqdn.
func clusterTarget(c []byte) Target {
	_, rest := cutBar(c)
	_, rest = cutBar(rest)
	subset, service := cutBar(rest)
	if len(service) == 0 || bytes.IndexByte(service, '|') >= 0 {
		return Target{}
	}
	if !hasPrefix(c, outboundCluster) {
		// An inbound cluster's third part is a port's name (Istio up to
		// 1.7: inbound|8000|http|fqdn), a waypoint's a protocol.
		subset = nil
	}
	return Target{Service: service, Subset: orNil(subset)}
}

// cutBar cuts at the first "|"; after is nil where there is none.
func cutBar(b []byte) (before, after []byte) {
	i := bytes.IndexByte(b, '|')
	if i < 0 {
		return b, nil
	}
	return b[:i], b[i+1:]
}

// sniTarget reads outbound_.port_.subset_.fqdn, and nothing that is not
// exactly that: SNI is the peer's word.
func sniTarget(sni []byte) Target {
	if !hasPrefix(sni, outboundSNI) {
		return Target{}
	}
	port, rest, ok1 := cutSNI(sni[len(outboundSNI):])
	subset, fqdn, ok2 := cutSNI(rest)
	if !ok1 || !ok2 || !digits(port) || !name(fqdn) || (len(subset) > 0 && !name(subset)) {
		return Target{}
	}
	return Target{Service: fqdn, Subset: orNil(subset)}
}

// cutSNI cuts at the first "_.".
func cutSNI(b []byte) (before, after []byte, ok bool) {
	for i := 0; i+1 < len(b); i++ {
		if b[i] == '_' && b[i+1] == '.' {
			return b[:i], b[i+2:], true
		}
	}
	return b, nil, false
}

// Namespace is the namespace of the pods of a Kubernetes service: that of the
// service, whose selector reaches no other. "" where the name is none of
// NAME.NAMESPACE.svc….
func Namespace(service string) string {
	_, rest, ok := strings.Cut(service, ".")
	namespace, rest, ok2 := strings.Cut(rest, ".")
	if !ok || !ok2 || rest != "svc" && !strings.HasPrefix(rest, "svc.") {
		return ""
	}
	return namespace
}

func orNil(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}

func digits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(b) > 0 && len(b) <= 5
}

// name says whether b has the characters and length of a DNS name.
func name(b []byte) bool {
	for _, c := range b {
		if !nameBytes[c] {
			return false
		}
	}
	return len(b) > 0 && len(b) <= 253
}

// nameBytes are those of a DNS name.
var nameBytes = func() (in [256]bool) {
	for _, c := range "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._" {
		in[c] = true
	}
	return in
}()
