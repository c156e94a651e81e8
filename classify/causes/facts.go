package causes

import (
	"bytes"

	"github.com/slowpod/slowpod/classify"
	"github.com/slowpod/slowpod/ingest/accesslog"
)

// Facts are what rows look at. Texts are borrowed, nil where unset.
type Facts struct {
	// Given says which of the fields are known; what is not given rules no
	// row out.
	Given Given

	Side  classify.Side
	Flags classify.Set
	Code  int
	// Details is %RESPONSE_CODE_DETAILS%, Reason
	// %UPSTREAM_TRANSPORT_FAILURE_REASON%, Termination
	// %CONNECTION_TERMINATION_DETAILS%.
	Details, Reason, Termination []byte
	Cluster, Route               []byte
	UpstreamHost, UpstreamLocal  []byte
	// TCP says that the record is of a connection, not of a request.
	TCP bool
	// Duration is in milliseconds.
	Duration int64
}

// Given is a set of the fields of Facts. Flags are always given.
type Given uint16

// The fields that can be given or not.
const (
	GivenSide Given = 1 << iota
	GivenCode
	GivenDetails
	GivenReason
	GivenTermination
	GivenCluster
	GivenRoute
	GivenUpstreamHost
	GivenUpstreamLocal
	GivenTCP
	GivenDuration

	// GivenAll is what a whole record gives.
	GivenAll = GivenDuration<<1 - 1
)

// FactsOf returns the facts of a record. They borrow from it.
func FactsOf(r *accesslog.Record, c *classify.Class) Facts {
	return Facts{
		Given: GivenAll, Side: c.Side, Flags: c.Flags, Code: r.Code,
		Details: r.Details, Reason: r.TransportFailure, Termination: r.TerminationDetails,
		Cluster: r.Cluster, Route: r.Route, UpstreamHost: r.UpstreamHost, UpstreamLocal: r.UpstreamLocal,
		TCP: !c.HTTP, Duration: r.Duration,
	}
}

// hasSubset says whether an Istio cluster, direction|port|subset|fqdn, names a
// subset.
func hasSubset(cluster []byte) bool {
	rest, ok := bytes.CutPrefix(cluster, []byte("outbound|"))
	_, rest, _ = bytes.Cut(rest, []byte{'|'})
	return ok && len(rest) > 0 && rest[0] != '|'
}

// resetPrefixes stand in details before the reset reason.
var resetPrefixes = [][]byte{
	[]byte("upstream_reset_before_response_started{"), []byte("upstream_reset_after_response_started{"),
}

// resetReason is the reset reason that details hold in braces; ok is false
// where they are of another kind.
func resetReason(details []byte) (reason []byte, ok bool) {
	for _, prefix := range resetPrefixes {
		if reason, ok = bytes.CutPrefix(details, prefix); ok {
			if end := bytes.IndexAny(reason, "|,}"); end >= 0 {
				reason = reason[:end]
			}
			return reason, true
		}
	}
	return nil, false
}
