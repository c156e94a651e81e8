package correlate

import (
	"bytes"

	"github.com/cespare/xxhash/v2"

	"github.com/slowpod/slowpod/classify"
	"github.com/slowpod/slowpod/correlate/faults"
	"github.com/slowpod/slowpod/ingest/accesslog"
)

// Record is what the core keeps of an access-log record and its class. Text
// fields are nil where there is no value; who fills a Record says how long
// they live.
type Record struct {
	classify.Class

	Start, Duration int64 // Unix milliseconds; milliseconds
	Code            int
	// Attempts is how often the request was sent, as far as is known.
	Attempts int
	// PathClass is a fingerprint of what is asked for, see pathClass; Asked,
	// of a caller's request, of whom, see faults.Fingerprint.
	PathClass, Asked uint16
	FlagText         []byte // verbatim
	Details          []byte
	RequestID        []byte

	// ID is a fingerprint of the request id, and Connection one of the
	// connection between the proxies; 0 where there is none: see From.
	ID, Connection uint64

	// UpstreamHost is the ip:port of the pod that was called: for a client
	// the upstream_host, for a server its own downstream_local_address.
	UpstreamHost []byte
	// Peer is the caller's end of the connection between the proxies: a
	// client's upstream_local_address, a server's downstream_remote_address.
	Peer []byte
	// UpstreamLocal is the upstream_local_address: on a server its absence
	// means that the application was not reached.
	UpstreamLocal []byte

	// Target is what the record itself says of the service. Label is what
	// the labels of the writing pod say.
	Target classify.Target
	Label  []byte

	// The pod whose proxy wrote the record, as far as known.
	Namespace, Pod, PodID, Node []byte
	// Producer is a fingerprint of that writer, 0 where nothing names it.
	Producer uint64

	// Passed says that the request went to a host that the mesh does not know:
	// its cluster is PassthroughCluster, or one of those that stand for it.
	Passed bool
	// What follows is kept only of records that are not ok, and of those of
	// callers that name no service: %UPSTREAM_TRANSPORT_FAILURE_REASON%,
	// what was asked for, and, of a caller's record, who asked its proxy.
	Reason, Authority, ServerName, Downstream []byte

	// File numbers the stream that the line came from; Line is its place.
	File int32
	Line int64
	// Replay says that the line was acknowledged before: it feeds the join
	// only, and is counted nowhere.
	Replay bool
}

// End is when the record ended: event time.
func (r *Record) End() int64 { return r.Start + r.Duration }

// Longest values that are kept of text fields, in bytes. What is longer is cut.
const (
	maxID      = 128
	maxText    = 256
	maxDetails = 512
	// maxDuration keeps sums of times in range: 3 years.
	maxDuration = 100_000_000_000
	maxAttempts = 1000
)

// From fills r from a parsed record and its class. The text fields borrow from
// a and live as long.
func (r *Record) From(a *accesslog.Record, c classify.Class, file int32, line int64) {
	*r = Record{} // and then field by field: a literal would be made aside and copied
	r.Class, r.File, r.Line = c, file, line
	r.Start, r.Duration, r.Code = a.Start, min(a.Duration, maxDuration), a.Code
	r.Attempts, r.PathClass = min(max(a.Attempts, 1), maxAttempts), pathClass(a.Method, a.Path)
	r.FlagText, r.Details, r.RequestID = cut(a.Flags, maxText), cut(a.Details, maxDetails), cut(a.RequestID, maxID)
	r.UpstreamLocal = cut(a.UpstreamLocal, maxText)
	r.Namespace, r.Pod = cut(a.Writer.Namespace, maxText), cut(a.Writer.Pod, maxText)
	r.PodID, r.Node = cut(a.Writer.PodID, maxText), cut(a.Writer.Node, maxText)
	t := classify.TargetOf(a, c.Side)
	r.Target.Service, r.Target.Subset = cut(t.Service, maxText), cut(t.Subset, maxText)
	if c.Outcome != classify.OK || c.Side == classify.Client && r.Target.Service == nil {
		r.Reason, r.Authority = cut(a.TransportFailure, maxText), cut(a.Authority, maxText)
		r.ServerName = cut(a.ServerName, maxText)
	}
	switch c.Side {
	case classify.Client:
		r.Passed = passed(a.Cluster)
		if r.Authority != nil || r.Reason != nil || c.Outcome != classify.OK {
			r.Downstream = cut(a.DownstreamPeer, maxText)
		}
		if c.HTTP {
			r.Asked = faults.Fingerprint(a.Authority)
		}
		r.UpstreamHost, r.Peer = cut(a.UpstreamHost, maxText), r.UpstreamLocal
		r.Producer = producer(a, a.UpstreamLocal)
	case classify.Server:
		r.UpstreamHost, r.Peer = cut(a.DownstreamLocal, maxText), cut(a.DownstreamPeer, maxText)
		r.Producer = producer(a, a.DownstreamLocal)
		r.Label = cut(a.Writer.CanonicalName, maxText)
		if r.Label == nil {
			r.Label = cut(a.Writer.App, maxText)
		}
	case classify.Waypoint, classify.Unknown:
		r.Producer = producer(a, nil)
	}
	r.fingerprint()
}

func (r *Record) fingerprint() {
	r.ID, r.Connection = idFingerprint(r.RequestID), connectionFingerprint(r)
}

// passed says that a cluster is one of those to hosts that the mesh does not
// know (Istio's ALLOW_ANY).
func passed(cluster []byte) bool {
	return string(cluster) == "PassthroughCluster" || bytes.HasPrefix(cluster, []byte("AllowAny"))
}

// producer names who wrote the line: the pod, else the address that the proxy
// itself has on it.
func producer(a *accesslog.Record, own []byte) uint64 {
	switch w := &a.Writer; {
	case w.PodID != nil:
		return xxhash.Sum64(w.PodID)
	case w.Pod != nil:
		return xxhash.Sum64(w.Pod)
	}
	ip := addressIP(own)
	if ip == nil {
		return 0
	}
	return xxhash.Sum64(ip)
}

// addressIP cuts the port off; nil where there is none.
func addressIP(addr []byte) []byte {
	i := bytes.LastIndexByte(addr, ':')
	if i <= 0 {
		return nil
	}
	return addr[:i]
}

func cut(b []byte, n int) []byte {
	if len(b) > n {
		return b[:n]
	}
	return b
}

// idFingerprint returns a fingerprint of the request id, 0 where there is
// none. Index 14 of a UUID is masked: a proxy that decides on sampling
// rewrites it (TRACE_BYTE_POSITION in Envoy's uuid request id extension), so
// two proxies may log ids that differ there.
func idFingerprint(id []byte) uint64 {
	if len(id) == 0 {
		return 0
	}
	const uuid = 36
	if len(id) == uuid && id[8] == '-' && id[13] == '-' {
		masked := [uuid]byte(id)
		masked[14] = 0
		id = masked[:]
	}
	return max(xxhash.Sum64(id), 1)
}

// connectionFingerprint returns a fingerprint of the connection between the
// proxies, 0 where the record does not have all of it. A port of 0 is not an
// address but the client of x-forwarded-for (Envoy's getLastAddressFromXFF).
func connectionFingerprint(r *Record) uint64 {
	if len(r.Peer) == 0 || len(r.UpstreamHost) == 0 || bytes.HasSuffix(r.Peer, []byte(":0")) {
		return 0
	}
	return max(xxhash.Sum64(r.Peer)*31+xxhash.Sum64(r.UpstreamHost), 1)
}
