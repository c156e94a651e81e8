package correlate_test

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slowpod/slowpod/classify"
	"github.com/slowpod/slowpod/correlate"
)

// The oracle joins a whole log at once, by comparing every record with every
// other: it has no stream, no expiry, no slices, no bounds. What it says must
// not depend on the order of the records.

// The times of the join, in milliseconds.
const (
	leastWait    = 40_000
	mostWait     = 180_000
	tupleApart   = 1_000
	hostApart    = 250
	retryOverlap = 1_000 // a call may end so much before the attempt it gave up
)

// call is one call of a log. Lines are named by their number.
type call struct {
	verdict, key string
	client       int64 // 0: none
	server       []int64
	// open: who belongs to whom is a guess, and any guess is right.
	open bool
}

func (c call) String() string {
	return fmt.Sprintf("%s key=%q client=%d server=%d", c.verdict, c.key, c.client, c.server)
}

// notReceivedOrNot is the oracle's verdict where a pod is so near the limit of
// what counts as reporting that both answers are right.
const notReceivedOrNot = "not_received|client_only"

// oracleLog is a finite log without its duplicates.
type oracleLog struct {
	clientHalves, serverHalves     []*correlate.Record
	clientFinished, serverFinished []*correlate.Record // those that can be found: with a request id
	open                           map[*correlate.Record]bool
	all                            []*correlate.Record

	services    map[string]string // by upstream host, as client records name it
	longest     map[string]int64  // client duration, by service
	first, last int64             // earliest and latest end
}

func readOracleLog(records []correlate.Record) *oracleLog {
	l := &oracleLog{services: map[string]string{}, longest: map[string]int64{}, open: map[*correlate.Record]bool{}}
	seen := map[string]bool{}
	for i := range records {
		r := &records[i]
		if i == 0 {
			l.first, l.last = r.End(), r.End()
		}
		l.first, l.last = min(l.first, r.End()), max(l.last, r.End())
		if r.Side != classify.Client && r.Side != classify.Server || !r.HTTP && !r.Half {
			continue
		}
		if r.HTTP && r.Side == classify.Client {
			s := string(r.Target.Service)
			l.longest[s] = max(l.longest[s], r.Duration)
			l.services[string(r.UpstreamHost)] = s
		}
		line := sameLine(r)
		if seen[line] {
			continue
		}
		seen[line] = true
		l.all = append(l.all, r)
		switch client := r.Side == classify.Client; {
		case r.Half && client:
			l.clientHalves = append(l.clientHalves, r)
		case r.Half:
			l.serverHalves = append(l.serverHalves, r)
		case len(r.RequestID) == 0:
		case client:
			l.clientFinished = append(l.clientFinished, r)
		default:
			l.serverFinished = append(l.serverFinished, r)
		}
	}
	return l
}

// sameLine is equal for two deliveries of one line: side, pod, id and start.
// Without an id the connection must be equal, too; where neither is known, two
// lines that say the same may be two requests.
func sameLine(r *correlate.Record) string {
	if !hasID(r) {
		if !hasTuple(r) {
			return fmt.Sprint(r.Line)
		}
		return fmt.Sprint(r.Side, "|", string(r.UpstreamHost), "||", r.Start, "|", r.Duration, "|", r.Code, "|", string(r.FlagText), "|", string(r.Peer))
	}
	return fmt.Sprint(r.Side, "|", string(r.UpstreamHost), "|", maskedID(r), "|", r.Start)
}

// maskedID is the request id as far as two proxies agree on it.
func maskedID(r *correlate.Record) string {
	id := string(r.RequestID)
	if len(id) == 36 {
		return id[:14] + "?" + id[15:]
	}
	return id
}

func hasID(r *correlate.Record) bool { return len(r.RequestID) > 0 }

func sameID(a, b *correlate.Record) bool { return hasID(a) && hasID(b) && maskedID(a) == maskedID(b) }

func sameHost(a, b *correlate.Record) bool {
	return len(a.UpstreamHost) > 0 && string(a.UpstreamHost) == string(b.UpstreamHost)
}

// hasTuple says whether a record names the connection between the proxies. A
// port of 0 is a client of x-forwarded-for, no connection.
func hasTuple(r *correlate.Record) bool {
	return len(r.UpstreamHost) > 0 && len(r.Peer) > 0 && !strings.HasSuffix(string(r.Peer), ":0")
}

func sameTuple(a, b *correlate.Record) bool {
	return hasTuple(a) && hasTuple(b) && sameHost(a, b) && string(a.Peer) == string(b.Peer)
}

func apart(a, b *correlate.Record) int64 { return max(a.End()-b.End(), b.End()-a.End()) }

// service of a record: its own word, else what client records say of the host.
func (l *oracleLog) service(r *correlate.Record) string {
	if len(r.Target.Service) > 0 {
		return string(r.Target.Service)
	}
	return l.services[string(r.UpstreamHost)]
}

func (l *oracleLog) wait(r *correlate.Record) int64 {
	return min(max(leastWait, l.longest[l.service(r)]), mostWait)
}

// ofOneCall says whether two records have the id and the host in common, and
// time to find each other.
func (l *oracleLog) ofOneCall(half, other *correlate.Record) bool {
	return sameID(half, other) && sameHost(half, other) && apart(half, other) <= l.wait(half)
}

// nearest returns the candidate that ended nearest to r; nil where none fits.
func nearest(r *correlate.Record, candidates []*correlate.Record, fits func(c *correlate.Record) bool) *correlate.Record {
	var best *correlate.Record
	for _, c := range candidates {
		if fits(c) && (best == nil || apart(r, c) < apart(r, best)) {
			best = c
		}
	}
	return best
}

// oracle says what the calls of a log are.
func oracle(records []correlate.Record) []call {
	l := readOracleLog(records)
	var calls []call

	// By id and host: a client half takes all server records that carry
	// both; a server half belongs to the client half that ended nearest.
	servers := map[*correlate.Record][]*correlate.Record{} // of client halves
	joined := map[*correlate.Record]bool{}
	for _, s := range l.serverHalves {
		c := nearest(s, l.clientHalves, func(c *correlate.Record) bool { return l.ofOneCall(s, c) })
		if c != nil {
			servers[c] = append(servers[c], s)
			joined[s], joined[c] = true, true
		}
	}
	for _, c := range l.clientHalves {
		for _, s := range l.serverFinished {
			if l.ofOneCall(c, s) {
				servers[c] = append(servers[c], s)
				joined[c] = true
			}
		}
	}

	// By id: a server half whose client record has finished, or ended on
	// another host.
	for _, s := range l.serverHalves {
		if joined[s] {
			continue
		}
		if c := nearest(s, l.clientFinished, func(c *correlate.Record) bool { return l.ofOneCall(s, c) }); c != nil {
			calls = append(calls, newCall("joined", keyOf(c, s), c, s))
			joined[s] = true
		} else if isClosed(s) || s.Failure {
			if c := l.endedElsewhere(s); c != nil {
				calls = append(calls, newCall("hidden_retry", "", c, s))
				joined[s] = true
			}
		}
	}

	l.joinWithoutID(servers, joined)

	for _, c := range l.clientHalves {
		ss := servers[c]
		key := ""
		for _, s := range ss {
			key = betterKey(key, keyOf(c, s))
		}
		k := newCall(l.clientVerdict(c, ss), key, c, ss...)
		k.open = l.open[c]
		calls = append(calls, k)
	}
	for _, s := range l.serverHalves {
		if joined[s] {
			continue
		}
		k := newCall("server_only", "", nil, s)
		if l.nearTheEdge(s) {
			k.verdict = "undecided"
		}
		k.open = l.open[s]
		calls = append(calls, k)
	}
	return calls
}

// endedElsewhere finds the client's record of the call that s was an attempt of.
func (l *oracleLog) endedElsewhere(s *correlate.Record) *correlate.Record {
	return nearest(s, slices.Concat(l.clientHalves, l.clientFinished), func(c *correlate.Record) bool {
		return sameID(c, s) && len(c.UpstreamHost) > 0 && !sameHost(c, s) && l.service(c) == l.service(s) &&
			c.End() >= s.End()-retryOverlap && c.End() <= s.End()+l.wait(s)
	})
}

// joinWithoutID joins halves of which at least one has no id: the two that are
// nearest to each other on one connection, then the two that are alone with
// each other on a host. Who belongs to whom in a crowd is open.
func (l *oracleLog) joinWithoutID(servers map[*correlate.Record][]*correlate.Record, joined map[*correlate.Record]bool) {
	type pair struct{ c, s *correlate.Record }
	candidates := func(fits func(c, s *correlate.Record) bool) (pairs []pair) {
		for _, c := range l.clientHalves {
			for _, s := range l.serverHalves {
				if !joined[c] && !joined[s] && !notSent(c) && (!hasID(c) || !hasID(s)) && fits(c, s) {
					pairs = append(pairs, pair{c, s})
				}
			}
		}
		return pairs
	}
	// settle joins the pairs that are right, and leaves the others open.
	settle := func(pairs []pair, right func(p pair) bool) {
		for _, p := range pairs {
			if right(p) {
				servers[p.c] = append(servers[p.c], p.s)
				joined[p.c], joined[p.s] = true, true
			}
		}
		for _, p := range pairs {
			l.open[p.c] = l.open[p.c] || !joined[p.c]
			l.open[p.s] = l.open[p.s] || !joined[p.s]
		}
	}

	tuples := candidates(func(c, s *correlate.Record) bool { return sameTuple(c, s) && apart(c, s) <= tupleApart })
	settle(tuples, func(p pair) bool {
		return !slices.ContainsFunc(tuples, func(o pair) bool {
			return o != p && (o.c == p.c || o.s == p.s) && apart(o.c, o.s) <= apart(p.c, p.s)
		})
	})
	// Two halves that name different connections are of different calls.
	hosts := candidates(func(c, s *correlate.Record) bool {
		return sameHost(c, s) && apart(c, s) <= hostApart && !(hasTuple(c) && hasTuple(s))
	})
	settle(hosts, func(p pair) bool {
		return !l.open[p.c] && !l.open[p.s] && !slices.ContainsFunc(hosts, func(o pair) bool {
			return o != p && (o.c == p.c || o.s == p.s)
		})
	})
}

func newCall(verdict, key string, c *correlate.Record, ss ...*correlate.Record) call {
	k := call{verdict: verdict, key: key}
	if c != nil {
		k.client = c.Line
	}
	for _, s := range ss {
		k.server = append(k.server, s.Line)
	}
	slices.Sort(k.server)
	return k
}

func keyOf(c, s *correlate.Record) string {
	switch {
	case sameID(c, s) && sameTuple(c, s):
		return "tuple_id"
	case sameID(c, s):
		return "id_host"
	case sameTuple(c, s) && apart(c, s) <= tupleApart:
		return "tuple"
	}
	return "probable"
}

func betterKey(a, b string) string {
	order := []string{"tuple_id", "id_host", "tuple", "probable", ""}
	return order[min(slices.Index(order, a), slices.Index(order, b))]
}

// isClosed: the caller closed: DC or DR with any code, or the flagless form.
func isClosed(r *correlate.Record) bool {
	return r.Flags.Any(classify.Of(classify.DC, classify.DR)) || r.Outcome == classify.DownstreamClosed
}

// notSent: the caller's proxy had no connection to the pod.
func notSent(c *correlate.Record) bool { return len(c.UpstreamLocal) == 0 }

// clientVerdict is the verdict of a client half and the server records of its call.
func (l *oracleLog) clientVerdict(c *correlate.Record, ss []*correlate.Record) string {
	if len(ss) == 0 {
		switch {
		case notSent(c):
			return "not_sent"
		case l.nearTheEdge(c):
			return "undecided"
		case c.Outcome == classify.Timeout && hasID(c):
			// Without an id nobody can say that it was not answered.
			return l.reports(c)
		}
		return "client_only"
	}
	any := func(is func(*correlate.Record) bool) bool { return slices.ContainsFunc(ss, is) }
	flag := func(f classify.Flag) func(*correlate.Record) bool {
		return func(s *correlate.Record) bool { return s.Flags.Has(f) }
	}
	switch {
	case c.Flags.Has(classify.UT):
		switch {
		case any(func(s *correlate.Record) bool {
			// The app had it, or answered at the last moment.
			return isClosed(s) && len(s.UpstreamLocal) > 0 || !isClosed(s) && 10*s.Duration >= 8*c.Duration
		}):
			return "confirmed"
		case any(isClosed):
			return "held_in_proxy"
		}
		return "answered_late"
	case c.Flags.Has(classify.UC):
		switch {
		case any(isClosed):
			return "cut"
		case any(func(s *correlate.Record) bool {
			return s.Flags.Has(classify.NR) && string(s.Details) == "filter_chain_not_found"
		}):
			return "mtls_refused"
		}
	case isClosed(c):
		return "caller_left"
	case c.Code == 503 && string(c.Details) == "via_upstream":
		switch {
		case any(flag(classify.UF)):
			return "app_refused"
		case any(flag(classify.UC)):
			return "app_closed"
		}
	}
	return "joined"
}

// nearTheEdge: what belongs to the half may lie before or after the log.
func (l *oracleLog) nearTheEdge(r *correlate.Record) bool {
	return r.End()-l.wait(r) < l.first || r.End()+l.wait(r) > l.last
}

// reports says whether the pod that c timed out on writes a log: server records
// within 60 s before and, by the end of the wait, after c, and at least 30 % of
// the client records. The limits are in slices of time and the share decays,
// so near them the oracle does not decide.
func (l *oracleLog) reports(c *correlate.Record) string {
	const unsharp = 25_000
	var before int
	var maybeBefore, after, maybeAfter bool
	var servers, clients float64
	for _, r := range l.all {
		if !sameHost(r, c) {
			continue
		}
		if r.Side == classify.Client {
			clients++
			continue
		}
		servers++
		switch d := r.End() - c.End(); {
		case d <= 0:
			if d > -60_000+unsharp {
				before++
			}
			maybeBefore = maybeBefore || d > -60_000-unsharp
		default:
			after = after || d < l.wait(c)-unsharp/2 && d > unsharp/2
			maybeAfter = maybeAfter || d < l.wait(c)+unsharp
		}
		if apart(r, c) < unsharp/2 {
			maybeBefore, maybeAfter = true, true
		}
	}
	switch {
	case !maybeBefore || !maybeAfter || servers < 0.15*clients:
		return "client_only"
	case before > 4 && after && servers > 0.6*clients:
		return "not_received"
	}
	return notReceivedOrNot
}
