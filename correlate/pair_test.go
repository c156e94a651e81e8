package correlate

import (
	"testing"

	"github.com/slowpod/slowpod/classify"
)

// Two records alone are one call by the keys of the join, and by nothing else.
func TestPair(t *testing.T) {
	const host, peer = "10.0.0.1:80", "10.0.0.9:4711"
	cut := func(id, host, peer string, end int64) *Record {
		return &Record{
			Class:     classify.Class{Side: classify.Server, Outcome: classify.DownstreamClosed, HTTP: true, Failure: true, Half: true},
			RequestID: []byte(id), UpstreamHost: []byte(host), Peer: []byte(peer), UpstreamLocal: []byte("127.0.0.6:1"),
			Start: end - 1000, Duration: 1000,
		}
	}
	client := &Record{
		Class:     classify.Class{Side: classify.Client, Outcome: classify.Timeout, HTTP: true, Failure: true, Half: true},
		RequestID: []byte("id"), UpstreamHost: []byte(host), Peer: []byte(peer), UpstreamLocal: []byte(peer),
		Start: 9000, Duration: 1001, Target: classify.Target{Service: []byte("cart.shop.svc")},
	}
	end := client.End()
	f := func(name string, client, server *Record, want Verdict, wantKey Key, wantOK bool) {
		t.Helper()
		for _, r := range []*Record{client, server} {
			r.fingerprint()
		}
		if v, key, ok := Pair(client, server); v != want || key != wantKey || ok != wantOK {
			t.Errorf("%s: %s by %s, %v; want %s by %s, %v", name, v, key, ok, want, wantKey, wantOK)
		}
	}
	f("id and connection", client, cut("id", host, peer, end), Confirmed, TupleID, true)
	f("id and pod", client, cut("id", host, "192.0.2.1:0", end), Confirmed, IDHost, true)
	f("connection", client, cut("", host, peer, end+1000), Confirmed, Tuple, true)
	f("connection, too far apart", client, cut("", host, peer, end+1001), Undecided, NoKey, false)
	f("pod and time", client, cut("", host, "192.0.2.1:0", end-250), Confirmed, Probable, true)
	f("pod, too far apart", client, cut("", host, "192.0.2.1:0", end-251), Undecided, NoKey, false)
	f("pod, another connection", client, cut("", host, "10.0.0.9:4712", end), Undecided, NoKey, false)
	f("another id", client, cut("other", host, peer, end), Undecided, NoKey, false)
	f("the id again, minutes later", client, cut("id", host, peer, end+maxWait+1), Undecided, NoKey, false)
	f("an earlier try", client, cut("id", "10.0.0.2:80", peer, end-1), HiddenRetry, NoKey, true)
	f("a later record", client, cut("id", "10.0.0.2:80", peer, end+1), Undecided, NoKey, false)
	deeper := cut("id", "10.0.0.2:80", peer, end-1)
	deeper.Target.Service = []byte("prices.shop.svc")
	f("a deeper hop", client, deeper, Undecided, NoKey, false)
	fine := cut("id", "10.0.0.2:80", peer, end-1)
	fine.Class = classify.Class{Side: classify.Server, Outcome: classify.OK, HTTP: true}
	f("another pod that answered", client, fine, Undecided, NoKey, false)
}
