package correlate

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slowpod/slowpod/classify"
	"github.com/slowpod/slowpod/ingest/accesslog"
)

const (
	cart    = "cart.shop.svc.cluster.local"
	orders  = "orders.shop.svc.cluster.local"
	address = "10.0.0.9:8080"
)

// said is a finished request to address; what else it says is set by mods.
func said(side classify.Side, after int64, mods ...func(*Record)) *Record {
	r := finished(0, side, epoch0+after, 5, 200, 1)
	r.UpstreamHost, r.UpstreamLocal, r.Producer = []byte(address), []byte("10.0.0.1:4711"), 1
	for _, m := range mods {
		m(r)
	}
	return r
}

// called is a caller's record of it, wrote the pod's own.
func called(after int64, mods ...func(*Record)) *Record {
	return said(classify.Client, after, append([]func(*Record){to(cart, "")}, mods...)...)
}

func wrote(after int64, mods ...func(*Record)) *Record {
	return said(classify.Server, after, mods...)
}

func to(service, subset string) func(*Record) {
	return func(r *Record) {
		r.Target = classify.Target{Service: []byte(service)}
		if subset != "" {
			r.Target.Subset = []byte(subset)
		}
	}
}

func as(pod, id string) func(*Record) {
	return func(r *Record) {
		r.Pod = []byte(pod)
		if id != "" {
			r.PodID = []byte(id)
		}
	}
}

func labelled(label string) func(*Record) { return func(r *Record) { r.Label = []byte(label) } }

func at(host string) func(*Record) { return func(r *Record) { r.UpstreamHost = []byte(host) } }

// after reads records, in that order, to their end.
func after(b Bounds, records ...*Record) *Snapshot {
	c := New(Config{Bounds: b})
	for _, r := range records {
		feed(c).Add(r)
	}
	c.Close()
	return c.Snapshot()
}

// pods names each identity with its counts: "pod id client+server".
func pods(s *Snapshot) (rows []string) {
	for i := range s.Pods {
		p := &s.Pods[i]
		rows = append(rows, fmt.Sprintf("%s %s %d+%d", p.Pod, p.PodID, p.ClientRequests, p.ServerRequests))
	}
	slices.Sort(rows)
	return rows
}

// Who is behind an address. An identity is the pod's id; without one it is the
// address, until ten minutes of silence on both sides or another name or service.
func TestIdentity(t *testing.T) {
	f := func(name string, want []string, records ...*Record) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(want, pods(after(DefaultBounds(), records...))); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
	a, b := as("cart-a", "id-a"), as("cart-b", "id-b")
	named := as("cart-a", "")

	f("both sides of one pod", []string{"cart-a id-a 1+1"}, called(0), wrote(1, a))
	f("an address only callers name", []string{"  2+0"}, called(0), called(hour/10))

	// the id
	f("another id is another pod", []string{"cart-a id-a 0+1", "cart-b id-b 0+1"}, wrote(0, a), wrote(1000, b))
	f("another id of the same name too", []string{"cart-0 id-a 0+1", "cart-0 id-b 0+1"},
		wrote(0, as("cart-0", "id-a")), wrote(1000, as("cart-0", "id-b")))
	f("an id is the same pod after any silence", []string{"cart-a id-a 1+2"}, wrote(0, a), wrote(2*hour, a), called(2*hour+1))
	f("its callers come back first", []string{"cart-a id-a 1+2"}, wrote(0, a), called(2*hour), wrote(2*hour+1, a))
	f("an id comes back behind another", []string{"cart-a id-a 0+2", "cart-b id-b 0+1"}, wrote(0, a), wrote(2000, b), wrote(1000, a))

	// the name
	f("another name is another pod", []string{"cart-a  0+1", "cart-b  0+1"}, wrote(0, named), wrote(1000, as("cart-b", "")))
	f("a name fills in", []string{"cart-a  1+2"}, called(0), wrote(1), wrote(2, named))

	// silence
	f("ten minutes less a second", []string{"  0+2"}, wrote(0), wrote(10*min1-sec))
	f("ten minutes and a second", []string{"  0+1", "  0+1"}, wrote(0), wrote(10*min1+sec))
	f("the same of callers", []string{"  1+0", "  1+0"}, called(0), called(10*min1+sec))
	f("callers break the silence", []string{"  2+2"}, wrote(0), called(1), called(9*min1), wrote(15*min1))
	f("the pod breaks the callers' silence", []string{"  2+2"}, called(0), wrote(1), wrote(9*min1), called(15*min1))

	// the service
	f("another service is another pod", []string{"  0+1", "  0+2"},
		wrote(0, to(cart, "")), wrote(1000, to(cart, "")), wrote(min1, to(orders, "")))
}

// A client record belongs to the pod that, by server records, held the address
// at its end, and before the first of those to the address.
func TestClientRecordsOfAnAddressThatChangedHands(t *testing.T) {
	a, b := as("cart-a", "id-a"), as("cart-b", "id-b")
	f := func(name string, end int64, want ...string) {
		t.Helper()
		records := []*Record{wrote(2*min1, a), wrote(4*min1, a), wrote(6*min1, b), wrote(8*min1, b), called(end)}
		if diff := cmp.Diff(want, pods(after(DefaultBounds(), records...))); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
	}
	f("before all", min1, "cart-a id-a 1+2", "cart-b id-b 0+2")
	f("while the first holds it", 3*min1, "cart-a id-a 1+2", "cart-b id-b 0+2")
	f("between", 5*min1, "cart-a id-a 1+2", "cart-b id-b 0+2")
	f("as the second takes it", 6*min1, "cart-a id-a 0+2", "cart-b id-b 1+2")
	f("while the second holds it", 7*min1, "cart-a id-a 0+2", "cart-b id-b 1+2")
	f("after all", 9*min1, "cart-a id-a 0+2", "cart-b id-b 1+2")
}

// Who comes back first after a silence, the pod or its callers, does not decide
// how many pods there were.
func TestIdentityAfterSilenceInAnyOrder(t *testing.T) {
	named := as("cart-0", "")
	first := pods(after(DefaultBounds(), wrote(0, named), wrote(15*min1, named), called(15*min1+1)))
	second := pods(after(DefaultBounds(), wrote(0, named), called(15*min1+1), wrote(15*min1, named)))
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("pod first, callers first: -want +got\n%s", diff)
	}
}

// The service of a server record: its SNI, else the one cluster that callers
// use for the host, else the label of its pod, else unknown.
func TestServiceOfAServerRecord(t *testing.T) {
	f := func(name, want string, records ...*Record) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			s := after(DefaultBounds(), records...)
			var got []string
			for i := range s.Services {
				if s.Services[i].Total.ServerRequests > 0 {
					got = append(got, s.Services[i].Name)
				}
			}
			if !slices.Equal(got, []string{want}) {
				t.Errorf("counted for %q, want %s", got, want)
			}
		})
	}
	f("SNI", orders, wrote(0, to(orders, ""), labelled("x")), called(1))
	f("the callers' cluster", cart, called(0), wrote(1, labelled("x")))
	f("the callers' cluster, known later", cart, wrote(0, labelled("x")), called(1))
	f("two subsets of one service", cart, called(0), called(1, to(cart, "v2")), wrote(2))
	f("the label", "x", wrote(0, labelled("x")))
	f("the label, where callers use two", "x", called(0), called(1), called(2, to(orders, "")), wrote(3, labelled("x")))
	f("nothing, where callers use two", unknownService, called(0), called(1), called(2, to(orders, "")), wrote(3))
	f("nothing", unknownService, wrote(0))
}

// The label is the canonical name, else app; a caller's own labels say nothing
// of who was called.
func TestLabel(t *testing.T) {
	f := func(side classify.Side, canonical, app, want string) {
		t.Helper()
		a := accesslog.Record{Writer: accesslog.Writer{CanonicalName: []byte(canonical), App: []byte(app)}}
		if canonical == "" {
			a.Writer.CanonicalName = nil
		}
		if app == "" {
			a.Writer.App = nil
		}
		var r Record
		r.From(&a, classify.Class{Side: side}, 0, 0)
		if string(r.Label) != want {
			t.Errorf("%s, canonical name %q, app %q: label %q, want %q", side, canonical, app, r.Label, want)
		}
	}
	f(classify.Server, "cart", "shop", "cart")
	f(classify.Server, "", "shop", "shop")
	f(classify.Server, "", "", "")
	f(classify.Client, "web", "web", "")
}

// Pods stand with the group that callers name most, whatever the order.
func TestGroupOfAPod(t *testing.T) {
	f := func(service, subset string, records ...*Record) {
		t.Helper()
		for range 2 {
			s := after(DefaultBounds(), records...)
			if p := s.Pods[0]; p.Service != service || p.Subset != subset {
				t.Errorf("the pod belongs to %s %s, want %s %s", p.Service, p.Subset, service, subset)
			}
			slices.Reverse(records)
		}
	}
	f(cart, "v2", called(0, to(cart, "v2")), called(1, to(cart, "v2")), called(2))
	f(cart, "", called(0), wrote(1, to(orders, "")), wrote(2, to(orders, "")))
	f(orders, "v1", wrote(0, to(orders, "v1"), labelled("x")))
	f("x", "", wrote(0, labelled("x")), wrote(1))
}

// An address behind a cluster that is no service is a pod only if it reports.
func TestPassthroughIsNoPod(t *testing.T) {
	none := func(r *Record) { r.Target = classify.Target{} }
	if got := pods(after(DefaultBounds(), called(0, none), called(1, none))); got != nil {
		t.Errorf("pods %q, want none", got)
	}
}

// What does not fit is counted under the name of its bound, and what was
// known before stays.
func TestBounds(t *testing.T) {
	var records []*Record
	for i := range 5 {
		for k := range int64(3) {
			host := fmt.Sprintf("10.0.0.%d:8080", i+1)
			records = append(records, called(k, at(host), to(fmt.Sprintf("s%d.shop.svc.cluster.local", i), "")))
		}
	}
	b := DefaultBounds()
	b.Pods = 2
	s := after(b, records...)
	if len(s.Pods) != 2 || s.Dropped["pods"] != 9 || len(s.Services) != 5 {
		t.Errorf("two pods: %d pods, %d services, dropped %v; want 2, 5, 9 pods", len(s.Pods), len(s.Services), s.Dropped)
	}

	b = DefaultBounds()
	b.Services = 3 // unknown is one
	s = after(b, records...)
	var names []string
	for i := range s.Services {
		names = append(names, fmt.Sprintf("%s %d", s.Services[i].Name, s.Services[i].Total.ClientRequests))
	}
	if diff := cmp.Diff([]string{"s0.shop.svc.cluster.local 3", "s1.shop.svc.cluster.local 3", "unknown 9"}, names); diff != "" || s.Dropped["services"] != 9 {
		t.Errorf("three services: dropped %v, -want +got\n%s", s.Dropped, diff)
	}

	b.Services = 2
	s = after(b, called(0), called(1, to(orders, "")))
	if diff := cmp.Diff([]string{"  2+0"}, pods(s)); diff != "" || s.Dropped["services"] != 1 {
		t.Errorf("a second service of an address: dropped %v, -want +got\n%s", s.Dropped, diff)
	}

	b = DefaultBounds()
	b.Halves = 2
	timeout := func(r *Record) {
		r.Outcome, r.Failure, r.Half, r.Code, r.Flags = classify.Timeout, true, true, 504, classify.Of(classify.UT)
		r.RequestID = fmt.Appendf(nil, "%d", r.Start)
		r.fingerprint()
	}
	records = nil
	for i := range int64(5) {
		records = append(records, called(i, timeout))
	}
	if s = after(b, records...); s.Dropped["halves"] != 3 || s.Pods[0].Timeouts != 5 {
		t.Errorf("two halves: dropped %v, %d timeouts; want 3 halves, 5", s.Dropped, s.Pods[0].Timeouts)
	}

	b = DefaultBounds()
	b.Traces = 2
	records = nil
	for i := range int64(50) {
		records = append(records, called(i, func(r *Record) { r.ID = idFingerprint(fmt.Append(nil, i)) }))
	}
	if s = after(b, records...); s.Dropped["traces"] < 40 {
		t.Errorf("two traces of 50: dropped %v", s.Dropped)
	}

	if s = after(DefaultBounds(), records...); len(s.Dropped) != 0 {
		t.Errorf("default bounds: dropped %v", s.Dropped)
	}
}

func TestBoundsValidate(t *testing.T) {
	if err := DefaultBounds().Validate(); err != nil {
		t.Errorf("default: %v", err)
	}
	want := "join_bytes must be at least 33554432, not 1\nhalves must be at least 1, not 0\n" +
		"traces must be at least 1, not -1\npods must be at least 1, not 0\nservices must be at least 1, not 0\nfaults must be at least 2, not 0"
	if err := (Bounds{JoinBytes: 1, Traces: -1}).Validate(); err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

// An IP that refuses at one port because another pod has it by now, which
// listens on another, is stale; a pod may have several ports and services.
func TestAddressTaken(t *testing.T) {
	f := func(id, want string) {
		t.Helper()
		other := []func(*Record){at("10.0.0.9:9090"), as("pay-"+id, id), to(orders, "")}
		var records []*Record
		for n := range int64(150) {
			after := n * 2_000
			if after < 100_000 {
				records = append(records, called(after), wrote(after, as("cart-1", "1"), to(cart, "")))
				continue
			}
			records = append(records, wrote(after, other...), called(after, func(r *Record) {
				r.Code, r.UpstreamLocal, r.RequestID = 503, nil, fmt.Append(nil, "id-", n)
				r.Class = classify.Class{Side: classify.Client, HTTP: true, Outcome: classify.ConnectFailed, Failure: true}
				r.Reason = []byte("delayed_connect_error:_111")
			}))
		}
		var got []string
		for _, found := range after(DefaultBounds(), records...).Findings {
			got = append(got, found.Kind.String())
		}
		if diff := cmp.Diff([]string{want}, got); diff != "" {
			t.Errorf("pod %s: %s", id, diff)
		}
	}
	f("2", "stale_address")
	f("1", "proxy_refusing")
}
