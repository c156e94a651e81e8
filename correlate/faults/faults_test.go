package faults

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slowpod/slowpod/correlate/kind"
)

// Time in these tests is in seconds since the first slice.

const (
	shop   = "orders.shop.svc.cluster.local"
	hostA  = "10.0.0.1:8080"
	hostB  = "10.0.0.2:8080"
	second = 1000
)

// town is a mesh of one service.
type town struct {
	hosts map[string]Host
	// host, group and name are the requests of a slice: of a host, of the
	// service, and for a name.
	host, group Traffic
	name        int
	// newest is when the newest pod first answered, in seconds.
	newest int64
	slow   bool
	tooLow int64
}

func (m *town) Host(addr, service string) Host {
	h := m.hosts[addr]
	h.Group, h.Named, h.Traffic = Group{Service: shop}, true, m.host
	return h
}
func (m *town) Group(Group) (Traffic, int64) { return m.group, m.newest * second }
func (m *town) Slow(Group) bool              { return m.slow }
func (m *town) TooLow(Group) (int64, bool)   { return m.tooLow, m.tooLow != 0 }
func (m *town) Began() int64                 { return 0 }

// calm is a mesh in which both hosts have answered from the beginning.
func calm() *town {
	old := Host{FirstAnswer: 1 * second, LastAnswer: 1000 * second}
	return &town{
		hosts: map[string]Host{hostA: old, hostB: old}, host: Traffic{Client: 50, Server: 50}, group: Traffic{Client: 100, Server: 100}, newest: 2,
	}
}

// at is a record that ends at a time.
type at struct {
	seconds float64
	Entry
}

func on(s Symptom, host string, times ...float64) (all []at) {
	for i, t := range times {
		e := Entry{Symptom: s, RequestID: fmt.Appendf(nil, "%s-%d-%g", host, i, t), Code: 503}
		switch {
		case strings.HasPrefix(host, "10."):
			e.Host = []byte(host)
			if of(AppRefused, AppClosed, AppClosedIdle, PlaintextSent, Limited, Denied).has(s) {
				e.Server = true
			} else {
				e.Service = []byte(shop)
			}
		case host == shop:
			e.Service = []byte(shop)
		default:
			e.Authority = []byte(host)
		}
		all = append(all, at{t, e})
	}
	return all
}

// each is times from one to another.
func each(step, from, to float64) (all []float64) {
	for t := from; t < to; t += step {
		all = append(all, t)
	}
	return all
}

// found runs the records and tells each episode as "kind host from-to".
func found(m *town, until int64, records ...at) []string {
	var dropped uint64
	w := New(1000, &dropped)
	m.run(w, until, records)
	return told(w)
}

func (m *town) run(w *Watch, until int64, records []at) {
	for slice := range until / 10 {
		if len(records) > 0 {
			for range m.name {
				w.Asked(0, Fingerprint(records[0].Authority))
			}
		}
		for _, r := range records {
			if int64(r.seconds)/10 == slice {
				e := r.Entry
				e.End = int64(r.seconds * second)
				e.Start = e.End
				w.Note(0, &e)
			}
		}
		w.seen(w.Close(0, (slice+1)*10*second, m))
	}
	w.seen(w.Finish(until*second, m))
}

// log is the episodes that were told, by the Watch that did.
var log = map[*Watch][]*Episode{}

func (w *Watch) seen(changes []Change) {
	for _, c := range changes {
		switch c.What {
		case Opened:
			log[w] = append(log[w], c.Episode)
		case Retracted:
			log[w] = slices.DeleteFunc(log[w], func(e *Episode) bool { return e == c.Episode })
		}
	}
}

func told(w *Watch) (all []string) {
	for _, e := range log[w] {
		v, _ := e.Evidence()
		subject := e.Name
		for i, h := range v.Hosts {
			if !e.OfHosts {
				break
			}
			if i > 0 {
				subject += ","
			}
			subject += h.Value
		}
		if subject == "" {
			subject = "service"
		}
		if e.Case != "" {
			subject += " " + e.Case
		}
		end := "…"
		if e.over {
			end = fmt.Sprint(e.Last / second)
		}
		all = append(all, fmt.Sprintf("%s %s %d-%s", e.Kind, subject, e.Start/second, end))
	}
	delete(log, w)
	return all
}

func join(all ...[]at) []at { return slices.Concat(all...) }

func TestEpisodes(t *testing.T) {
	young := func() *town {
		m := calm()
		m.hosts[hostB] = Host{}
		return m
	}
	since := func(seconds int64) *town {
		m := young()
		m.hosts[hostB] = Host{FirstAnswer: seconds * second, LastAnswer: 1000 * second}
		return m
	}
	gone := func(last int64) *town {
		m := calm()
		m.hosts[hostB] = Host{FirstAnswer: 1 * second, LastAnswer: last * second}
		return m
	}
	replaced := gone(100)
	replaced.newest = 95
	taken := gone(100)
	taken.hosts[hostB] = Host{FirstAnswer: second, LastAnswer: 100 * second, Taken: true}
	tooLow, slow := calm(), calm()
	tooLow.tooLow, slow.slow = 500, true

	for _, c := range []struct {
		name    string
		mesh    *town
		records []at
		want    []string
	}{
		{"nothing", calm(), nil, nil},
		{"two refusals of an app", calm(), on(AppRefused, hostA, 100, 120), nil},
		{"three refusals of an app, and it goes on serving", calm(), on(AppRefused, hostA, 100, 103, 106), []string{"app_not_listening 10.0.0.1:8080 100-106"}},
		{"three in six minutes", calm(), on(AppRefused, hostA, 100, 280, 460), nil},
		{"the app refuses, and all that follows from it", calm(), join(
			on(AppRefused, hostA, each(1, 100, 130)...), on(NoHealthyHost, shop, each(1, 130, 160)...), on(RetriesUsedUp, shop, each(1, 100, 130)...)),
			[]string{"app_not_listening 10.0.0.1:8080 100-159"}},
		{"one that refuses now and then", calm(), on(Refused, hostA, each(15, 100, 500)...), nil},
		{"an address that refuses", gone(99), on(Refused, hostB, each(1, 100, 150)...), []string{"proxy_refusing 10.0.0.2:8080 100-149"}},
		{"for two seconds, as pods do that stop", gone(99), on(Refused, hostB, each(0.1, 100, 102)...), nil},
		{"an address that does not answer", gone(99), on(Unanswered, hostB, each(1, 100, 150)...), []string{"proxy_refusing 10.0.0.2:8080 timeout 100-149"}},
		{"two addresses are one trouble", gone(99), join(on(Refused, hostA, each(1, 100, 150)...), on(Refused, hostB, each(1, 100, 150)...)),
			[]string{"proxy_refusing 10.0.0.1:8080,10.0.0.2:8080 100-149"}},
		{"the address of a pod that was replaced", replaced, on(Refused, hostB, each(1, 101, 150)...), []string{"stale_address 10.0.0.2:8080 101-149"}},
		{"the address of another service's pod", taken, on(Refused, hostB, each(1, 101, 150)...), []string{"stale_address 10.0.0.2:8080 101-149"}},
		{"whose certificate has another name", taken, on(TLSFailed, hostB, each(1, 101, 150)...), []string{"stale_address 10.0.0.2:8080 101-149"}},
		{"an address that was silent for long", gone(100), on(Refused, hostB, each(1, 300, 350)...), []string{"stale_address 10.0.0.2:8080 300-349"}},
		{"a pod that starts", since(110), on(Refused, hostB, each(1, 100, 110)...), []string{"start_race 10.0.0.2:8080 100-109"}},
		{"an app that starts", since(110), on(AppRefused, hostB, each(1, 100, 110)...), []string{"start_race 10.0.0.2:8080 100-109"}},
		{"a pod that answers one and refuses another while it starts", since(98), on(Refused, hostB, each(1, 100, 110)...),
			[]string{"start_race 10.0.0.2:8080 100-109"}},
		{"a pod that never starts", young(), on(Refused, hostB, each(1, 100, 200)...), []string{"proxy_refusing 10.0.0.2:8080 100-199"}},
		{"a pod that starts after minutes", since(300), on(Refused, hostB, each(1, 100, 300)...), []string{"proxy_refusing 10.0.0.2:8080 100-299"}},
		{"no healthy pod", calm(), on(NoHealthyHost, shop, each(0.2, 100, 130)...), []string{"unavailable service 100-129"}},
		{"one in twenty found none", calm(), on(NoHealthyHost, shop, each(2, 100, 130)...), nil},
		{"no healthy pod after all have refused", gone(99), join(on(Refused, hostB, each(0.5, 100, 110)...), on(NoHealthyHost, shop, each(0.2, 110, 130)...)),
			[]string{"unavailable service 100-129"}},
		{"plain text where TLS is demanded", calm(), join(on(PlaintextSent, hostA, each(1, 100, 130)...), on(LinkClosed, hostA, each(1, 100, 130)...)),
			[]string{"mtls_mismatch 10.0.0.1:8080 100-129"}},
		{"a connection lost now and then", calm(), on(LinkClosed, hostA, each(5, 100, 200)...), nil},
		{"the app closes what is idle", calm(), on(AppClosedIdle, hostA, each(15, 100, 250)...), []string{"keepalive_race 10.0.0.1:8080 100-235"}},
		{"the app dies at work", calm(), on(AppClosed, hostA, 100.1, 100.2, 100.3, 100.4), []string{"app_crash 10.0.0.1:8080 100-100"}},
		{"and needs a while to come back", calm(), join(on(AppClosed, hostA, 100.1), on(AppRefused, hostA, each(1, 101, 110)...)),
			[]string{"app_crash 10.0.0.1:8080 100-109"}},
		{"each try fails", calm(), on(RetriesUsedUp, shop, each(0.5, 100, 160)...), []string{"retries_exhausted service 100-159"}},
		{"each try fails, for the service is slow", slow, on(RetriesUsedUp, shop, each(0.5, 100, 160)...), nil},
		{"timeouts", calm(), on(TimedOut, shop, each(1, 100, 160)...), nil},
		{"timeouts that healthy pods need longer than", tooLow, on(TimedOut, shop, each(1, 100, 160)...), []string{"timeout_too_low service 100-159"}},
		{"a rare one long before is no part of it", tooLow, on(TimedOut, shop, append([]float64{50}, each(1, 100, 160)...)...),
			[]string{"timeout_too_low service 100-159"}},
		{"nor is one long after", tooLow, on(TimedOut, shop, append(each(1, 100, 160), 190, 250)...), []string{"timeout_too_low service 100-159"}},
		{"a cluster that is not there", calm(), on(NoCluster, "reviews:9080", 100, 110, 120), []string{"cluster_missing reviews:9080 100-120"}},
		{"hosts that nobody serves, each once", calm(), join(on(NoRoute, "a", 100, 101), on(NoRoute, "b", 102), on(NoRoute, "c", 103)), nil},
		{"the same path again and again", calm(), on(NoRoute, "api.example.com", each(1, 100, 130)...), []string{"route_missing api.example.com 100-129"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, found(c.mesh, 600, c.records...)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The reason of a refused certificate names the likeliest cause, and which side
// speaks TLS why the two do not agree.
func TestRefusals(t *testing.T) {
	of := func(symptom Symptom, reason string, want ...string) {
		t.Helper()
		records := on(symptom, hostA, each(1, 100, 110)...)
		for i := range records {
			records[i].Reason = []byte(reason)
		}
		var dropped uint64
		w := New(1000, &dropped)
		calm().run(w, 300, records)
		if all := log[w]; len(all) != 1 || !slices.Equal(all[0].First, want) {
			t.Errorf("%s: %q, want %q", reason, all[0].First, want)
		}
		delete(log, w)
	}
	f := func(reason string, want ...string) { t.Helper(); of(TLSFailed, reason, want...) }
	of(PlaintextMet, "TLS_error:|268435703:SSL_routines:OPENSSL_internal:WRONG_VERSION_NUMBER:TLS_error_end", "plaintext_server", "double_tls")
	of(PlaintextSent, "")
	f("TLS_error:_Secret_is_not_supplied_by_SDS", "not_supplied")
	f("TLS error: Secret is not supplied by SDS", "not_supplied")
	f("TLS_error:_268436501:SSL_routines:OPENSSL_internal:SSLV3_ALERT_CERTIFICATE_EXPIRED", "expired")
	f("TLS_error:|268435581:SSL_routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:verify_cert_failed:_certificate_has_expired:TLS_error_end", "expired")
	f("TLS_error:|268436504:SSL_routines:OPENSSL_internal:TLSV1_ALERT_UNKNOWN_CA:TLS_error_end", "other_root")
	f("TLS_error:|268435581:SSL_routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:verify_cert_failed:_verify_SAN_list:TLS_error_end", "wrong_name")
	f("TLS_error:|268435581:SSL_routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:TLS_error_end")
}

// Strangers who try doors ask for another path each time.
func TestScanners(t *testing.T) {
	records := on(NoRoute, "shop.example.com", each(0.5, 100, 160)...)
	for i := range records {
		records[i].PathClass = uint16(i)
	}
	if got := found(calm(), 300, records...); got != nil {
		t.Error(got)
	}
}

// The attempts of one call are one call.
func TestAttempts(t *testing.T) {
	records := on(AppRefused, hostA, 100, 100.03, 100.06)
	for i := range records {
		records[i].RequestID = []byte("the same")
	}
	if got := found(calm(), 300, records...); got != nil {
		t.Error(got)
	}
}

// What is told does not depend on the order of records within a slice.
func TestOrder(t *testing.T) {
	type result struct {
		Kind        string
		Start, Last int64
		Evidence    Evidence
		Sides       Sides
	}
	var first []result
	for seed := range uint64(5) {
		records := join(on(AppRefused, hostA, each(0.3, 100, 150)...), on(Refused, hostB, each(0.7, 103, 160)...), on(NoCluster, "x", each(1, 90, 110)...))
		for i := range records {
			records[i].Details, records[i].Caller = fmt.Appendf(nil, "detail %d", i%17), fmt.Appendf(nil, "web-%d", i%13)
		}
		r := rand.New(rand.NewPCG(seed, 0))
		r.Shuffle(len(records), func(i, k int) { records[i], records[k] = records[k], records[i] })
		var dropped uint64
		w := New(1000, &dropped)
		calm().run(w, 300, records)
		var all []result
		for _, e := range log[w] {
			v, sides := e.Evidence()
			all = append(all, result{e.Kind.String(), e.Start, e.Last, v, sides})
		}
		delete(log, w)
		if first == nil {
			first = all
		}
		if diff := cmp.Diff(first, all); diff != "" || len(all) != 3 {
			t.Fatal(len(all), diff)
		}
	}
}

// What does not fit is counted, and made-up names leave room for hosts.
func TestBound(t *testing.T) {
	var dropped uint64
	w := New(20, &dropped)
	for i := range 50 {
		w.Note(0, &Entry{Symptom: NoRoute, Authority: fmt.Appendf(nil, "host-%d", i)})
	}
	for i := range 5 {
		w.Note(0, &Entry{Symptom: AppRefused, Server: true, Host: fmt.Appendf(nil, "10.0.0.%d:80", i)})
	}
	if got := len(w.open[0].tallies); got != 15 || dropped != 40 {
		t.Errorf("%d subjects, %d dropped", got, dropped)
	}
	m := calm()
	for i := range int64(100) {
		w.Close(0, (i+1)*10*second, m)
	}
	if len(w.states) != 0 || w.entries != 0 || w.names != 0 {
		t.Errorf("%d subjects, %d entries, %d names are kept for ever", len(w.states), w.entries, w.names)
	}
}

// Fewer failures than a kind needs, spread over a longer or squeezed into a
// shorter time, or among more requests, are no finding.
func TestLimits(t *testing.T) {
	const minute, window = 60, 180
	among := func(m *town, requests int) *town {
		n := uint64(requests)
		m.host, m.group, m.name = Traffic{n, 0, n}, Traffic{n, 0, n}, requests
		return m
	}
	taken := func() *town {
		m := calm()
		m.hosts[hostB] = Host{FirstAnswer: second, LastAnswer: 99 * second, Taken: true}
		return m
	}
	starts := func() *town {
		m := calm()
		m.hosts[hostB] = Host{FirstAnswer: 110 * second, LastAnswer: 1000 * second}
		return m
	}
	tooLow := func() *town {
		m := calm()
		m.tooLow = 500
		return m
	}
	tested := map[kind.Kind]bool{}
	for _, c := range []struct {
		kind    kind.Kind
		mesh    func() *town
		symptom Symptom
		on      string
		least   int
		within  float64 // seconds; 0: what is held back is looked at for longer
		lasts   float64 // seconds
		among   int     // requests; 0: any number
	}{
		{kind.AppNotListening, calm, AppRefused, hostA, 3, minute, 0, 60},
		{kind.ProxyRefusing, calm, Refused, hostA, 3, minute, 5, 60},
		{kind.StaleAddress, taken, Refused, hostB, 3, minute, 5, 60},
		{kind.StartRace, starts, Refused, hostB, 3, 0, 0, 20}, // in each of the three slices until it is over
		{kind.Unavailable, calm, NoHealthyHost, shop, 3, minute, 0, 30},
		{kind.ClusterMissing, calm, NoCluster, "reviews:9080", 3, minute, 0, 0},
		{kind.EgressBlocked, calm, Blocked, "example.com", 3, minute, 0, 0},
		{kind.Passthrough, calm, PassedThrough, "example.com", 5, minute, 0, 0},
		{kind.MTLSMismatch, calm, PlaintextSent, hostA, 3, minute, 0, 0},
		{kind.Certificate, calm, TLSFailed, hostA, 3, minute, 0, 0},
		{kind.RouteMissing, calm, NoRoute, "api.example.com", 10, minute, 0, 100},
		{kind.CircuitBreaker, calm, Overflowed, shop, 10, minute, 0, 1000},
		{kind.Throttled, calm, Limited, shop, 10, minute, 0, 200},
		{kind.AccessDenied, calm, Denied, shop, 10, minute, 0, 200},
		{kind.RetriesExhausted, calm, RetriesUsedUp, shop, 10, minute, 0, 200},
		{kind.KeepaliveRace, calm, AppClosedIdle, hostA, 6, window, 0, 2000},
		{kind.TimeoutTooLow, tooLow, TimedOut, shop, 10, minute, 30, 0},
		{kind.AppCrash, calm, AppClosed, hostA, 3, minute, 0, 300},
	} {
		tested[c.kind] = true
		found := func(n int, over float64, requests int) bool {
			return slices.ContainsFunc(found(among(c.mesh(), requests), 600, on(c.symptom, c.on, evenly(n, over)...)...),
				func(told string) bool { return strings.HasPrefix(told, c.kind.String()+" ") })
		}
		f := func(what string, n int, over float64, requests int, want bool) {
			t.Helper()
			if got := found(n, over, requests); got != want {
				t.Errorf("%s, %s: found %v", c.kind, what, got)
			}
		}
		usual := max(c.lasts, 9)
		f("enough", c.least, usual, 1, true)
		f("too few", c.least-1, usual, 1, false)
		if c.within != 0 {
			f("just within the time", c.least, c.within-5, 1, true)
			f("over a longer time", c.least, c.within+5, 1, false)
		}
		if c.lasts != 0 {
			f("for too short a time", c.least, c.lasts-1, 1, false)
		}
		if c.among != 0 {
			f("among many", c.least, usual, c.among-1, true)
			f("among too many", c.least, usual, c.among+1, false)
		} else {
			f("among whatever else", c.least, usual, 10_000, true)
		}
	}
	for _, k := range kind.All() {
		if k > kind.CallerCancels && k != kind.LogStream && (!tested[k] || !slices.Contains(ranks, k)) {
			t.Errorf("%s has no limit here, or no rank", k)
		}
	}
}

// evenly is so many times from the 100th second on, the last so much later.
func evenly(n int, over float64) (all []float64) {
	for i := range n {
		all = append(all, 100+over*float64(i)/float64(max(n-1, 1)))
	}
	return all
}
