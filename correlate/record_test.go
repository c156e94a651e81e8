package correlate

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slowpod/slowpod/classify"
	"github.com/slowpod/slowpod/correlate/faults"
	"github.com/slowpod/slowpod/ingest/accesslog"
)

// What a fault is told by is kept of records that are not ok, and of calls past
// the mesh; of all others it costs nothing. It survives the encoding.
func TestRecordOfFault(t *testing.T) {
	entry := func(cluster, flags string) *accesslog.Record {
		a := &accesslog.Record{
			Start: 1_772_446_500_000, Duration: 12, Method: []byte("GET"), Path: []byte("/"), Protocol: []byte("HTTP/1.1"), Code: 503,
			HasCluster: true, Cluster: []byte(cluster), Flags: []byte(flags), Authority: []byte("orders:8080"),
			ServerName: []byte("example.com"), TransportFailure: []byte("delayed_connect_error:_111"),
			UpstreamHost: []byte("10.0.0.1:8080"), DownstreamPeer: []byte("10.0.0.9:4711"),
		}
		if flags == "" {
			a.Code, a.Flags = 200, nil
		}
		return a
	}
	f := func(a *accesslog.Record, kept, passed bool) {
		t.Helper()
		var r, back Record
		r.From(a, classify.Classify(a), 3, 4)
		if err := back.Decode(r.AppendTo(nil, nil), nil); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(r, back); diff != "" {
			t.Error(diff)
		}
		if got := r.Reason != nil && r.Authority != nil && r.ServerName != nil && r.Downstream != nil; got != kept || r.Passed != passed {
			t.Errorf("%s %s: kept %v, passed %v", a.Cluster, a.Flags, got, r.Passed)
		}
		if r.Asked != faults.Fingerprint(a.Authority) {
			t.Errorf("asked %d", r.Asked)
		}
	}
	f(entry("outbound|80||orders.shop.svc.cluster.local", "UF"), true, false)
	f(entry("outbound|80||orders.shop.svc.cluster.local", ""), false, false)
	f(entry("", "NC"), true, false)
	f(entry("PassthroughCluster", ""), true, true)
	f(entry("AllowAnyDynamicDNSCluster", "UF"), true, true)
}
