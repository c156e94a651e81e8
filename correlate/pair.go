package correlate

import "bytes"

// Pair says what a client's and a server's record prove together where nothing
// else is known, and by which key they are one call. ok is false where they
// are not. It decides by the rules of the join, for two records alone; a
// verdict on half a call needs a Correlator.
func Pair(client, server *Record) (v Verdict, key Key, ok bool) {
	sameID := client.ID != 0 && client.ID == server.ID
	sameHost := len(client.UpstreamHost) > 0 && bytes.Equal(client.UpstreamHost, server.UpstreamHost)
	tuple, other := client.Connection, server.Connection
	sameTuple := tuple != 0 && tuple == other
	noID := client.ID == 0 || server.ID == 0
	apart := abs(client.End() - server.End())
	switch {
	case sameID && sameHost && apart <= maxWait:
		key = IDHost
		if sameTuple {
			key = TupleID
		}
	case sameTuple && noID && apart <= tupleWithin:
		key = Tuple
	case sameHost && noID && apart <= hostWithin && (tuple == 0 || other == 0):
		key = Probable
	case sameID && retried(server) && server.End() <= client.End() && apart <= maxWait && sameTarget(client, server):
		return HiddenRetry, NoKey, true
	default:
		return Undecided, NoKey, false
	}
	return both(client, []Record{*server}), key, true
}

// sameTarget says whether the records may be of one service: one of another is
// a deeper hop of an application that passes the request id on.
func sameTarget(client, server *Record) bool {
	return len(client.UpstreamHost) > 0 &&
		(len(client.Target.Service) == 0 || len(server.Target.Service) == 0 || bytes.Equal(client.Target.Service, server.Target.Service))
}
