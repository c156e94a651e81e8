package workload

import (
	"fmt"
	"slices"
	"time"
)

// FaultOptions of the scenario Fault. Zero fields stand for defaults.
type FaultOptions struct {
	Options
	// Kind is what goes wrong, one of FaultKinds.
	Kind string
	// From and To bound the fault, since the start; minutes two to four.
	From, To time.Duration
}

// FaultKinds are the kinds that FaultOptions.Kind takes: what is wrong in the
// configuration or the life of a mesh.
func FaultKinds() []string {
	kinds := make([]string, 0, len(troubles))
	for kind := range troubles {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	return kinds
}

// troubles are what happens instead of a call while something is wrong; false:
// the call goes as usual.
var troubles = map[string]func(*trouble, *hop) bool{
	"app_not_listening": (*trouble).notListening,
	"proxy_refusing":    (*trouble).refusing,
	"stale_address":     (*trouble).stale,
	"start_race":        (*trouble).starting,
	"unavailable":       (*trouble).unavailable,
	"route_missing":     (*trouble).routeMissing,
	"cluster_missing":   (*trouble).clusterMissing,
	"passthrough":       (*trouble).passes,
	"egress_blocked":    (*trouble).blocks,
	"mtls_mismatch":     (*trouble).speaksPlain,
	"certificate":       (*trouble).mistrusts,
	"circuit_breaker":   (*trouble).breaks,
	"throttled":         (*trouble).limits,
	"access_denied":     (*trouble).denies,
	"retries_exhausted": (*trouble).retries,
	"keepalive_race":    (*trouble).races,
	"app_crash":         (*trouble).crashes,
	"timeout_too_low":   (*trouble).lowers,
}

// trouble is what is wrong, and where.
type trouble struct {
	g        *Generator
	kind     string
	from, to int64 // microseconds of Unix time
	orders   *subset
	pod      *Pod // it is of this one's
	fresh    *Pod // comes when the trouble begins; nil: none does
	web      []*Pod
	gate     *Pod
	shop     *agent
	whole    bool   // it is of the service, not of one pod
	name     string // what is asked for, where it is of no service
	ended    int64  // when it was over, if that is before to
	next     int64  // crash, see crashes
}

// Fault is a gateway and the two pods of web, which call the three pods of
// orders. For a while something is wrong in the configuration or in the life of
// a pod; which pod is up to the seed. Besides, strangers ask the gateway for
// what nobody has.
//
// By default 20 requests/s for 6 minutes.
func Fault(o FaultOptions) *Generator {
	o.Options = o.or(6*time.Minute, 20)
	if o.From <= 0 {
		o.From = 2 * time.Minute
	}
	if o.To <= 0 {
		o.To = o.From + 2*time.Minute
	}
	const namespace, ms = "shop", time.Millisecond

	w := newWorld(o.Options, 5, "node-a", "node-b")
	t := &trouble{kind: o.Kind, shop: browsers()[0]}
	t.gate = w.addGateway("7f9c6d5b8d", "10.244.0.9", gateway{port: 8443, protocol: "HTTP/2", sni: "shop.example.com"})
	web := w.addSubset(newService("web", namespace, "10.96.10.10", 8080, 8080, 2*time.Second), "", namespace, "10.244.2.%d", 20, 2)
	t.web = web.pods
	pods := 3
	if t.comes() {
		pods++
	}
	s := newService("orders", namespace, "10.96.44.10", 8080, 8080, 2*time.Second)
	t.orders = w.addSubset(s, "", namespace, "10.244.3.%d", 20, pods)
	if t.comes() {
		t.fresh = t.orders.pods[3]
		t.orders.pods = t.orders.pods[:3]
		t.orders.share = evenDeck(3, 4)
	}
	t.pod = t.orders.pods[w.rng.IntN(3)]
	order := newClass("GET", "/api/orders/{n}", 20*ms, 0.5, 0, 1180)

	g := newGenerator("fault", o.Options, w)
	t.g, t.from, t.to = g, g.at(o.From), g.at(o.To)
	g.noise = noise{notFound: 0.003, appError: 0.002, cancel: 0.001, timeout: 0.0003}
	happens := troubles[o.Kind]
	if happens != nil {
		g.trouble = t
	}
	callers := newDeck(2, 1, 1)
	g.arrive = func(at int64) {
		h := hop{to: t.orders, class: order, agent: t.shop, id: newUUID(g.rng), at: at, number: g.rng.Uint32N(90000) + 1000}
		switch from := callers.draw(g.rng); from {
		case 0:
			h.caller, h.authority, h.xff = t.gate, "shop.example.com", stranger(g.rng)
		default:
			h.caller, h.authority, h.agent = t.web[from-1], s.host, s.client
		}
		if h.caller == t.gate && g.rng.IntN(30) == 0 {
			t.scan(&h)
			return
		}
		h.pod = t.orders.pods[t.orders.share.draw(g.rng)]
		if t.kind == "stale_address" && h.pod == t.pod && at >= t.to {
			h.pod = t.fresh // now they all know
		}
		if happens == nil || at < t.from || at >= t.to || !happens(t, &h) {
			g.call(&h)
		}
	}
	return g
}

// comes says that a pod comes when the trouble begins.
func (t *trouble) comes() bool { return t.kind == "stale_address" || t.kind == "start_race" }

func (t *trouble) truth() FaultTruth {
	f := FaultTruth{Kind: t.kind, Authority: t.name, From: time.UnixMicro(t.from).UTC(), To: time.UnixMicro(t.to).UTC()}
	if t.ended != 0 {
		f.To = time.UnixMicro(t.ended).UTC()
	}
	if t.name != "" {
		return f
	}
	f.Namespace, f.Service = t.pod.Namespace, t.pod.Service
	if p := t.pod; !t.whole {
		f.Pod, f.UpstreamHost = p.Name, p.Host
	}
	return f
}

// client is the caller's record of a call that ended otherwise.
func (t *trouble) client(h *hop, e ending, took int64, code, out int) record {
	r := record{
		start: h.at, end: h.at + took, id: h.id, set: h.to, class: h.class, caller: h.caller, pod: h.pod, agent: h.agent,
		authority: h.authority, number: h.number, xff: h.xff, in: h.class.in, side: ClientSide,
		ending: e, code: code, out: out, waited: -1,
	}
	if e == answered || e == usedUp {
		r.waited = took / 1000
	}
	return r
}

// sent gives a record the connection to the pod.
func (t *trouble) sent(r *record) {
	g := t.g
	r.connPort = g.pools.between(r.caller, r.pod).take(g.rng, r.start, r.end, r.set.http2, r.ending == answered)
}

// served is the called pod's record of the same call.
func (t *trouble) served(c *record, e ending, took int64, code, out int) {
	s := *c
	s.side, s.start = ServerSide, c.start+t.g.latency()
	s.end, s.ending, s.code, s.out, s.waited = s.start+took, e, code, out, -1
	if e == answered {
		s.waited = took / 1000
	}
	s.upPort = t.g.pools.inbound[s.pod.index].take(t.g.rng, s.start, s.end, false, e == answered)
	t.g.push(&s)
}

// between is a time between two, in milliseconds, as microseconds.
func (t *trouble) between(low, high float64) int64 {
	return int64(1000 * between(t.g.rng, low, high))
}

// failedBehind is a call that the caller's proxy takes for answered, by a 503
// of the called pod's proxy.
func (t *trouble) failedBehind(h *hop, e ending, took int64, code, out int) {
	c := t.client(h, answered, took+2*t.g.latency(), code, out)
	t.sent(&c)
	t.served(&c, e, took, code, out)
	t.g.finish(&c)
}

// unsent is a call that only the caller's proxy knows of, and no pod.
func (t *trouble) unsent(h *hop, e ending, took int64, code, out int) {
	c := t.client(h, e, took, code, out)
	c.pod = nil
	t.g.finish(&c)
}

// refuse is a call that no connection was had for.
func (t *trouble) refuse(h *hop) {
	c := t.client(h, refused, t.between(25, 110), 503, 190)
	t.g.finish(&c)
}

// scan is a request of a stranger who tries doors.
func (t *trouble) scan(h *hop) {
	word := t.g.world.word(8)
	h.class = newClass("GET", "/"+word+".php", time.Millisecond, 0.1, 0, 0)
	t.unsent(h, noRoute, 200, 404, 0)
}

func (t *trouble) notListening(h *hop) bool {
	if h.pod != t.pod {
		return false
	}
	t.failedBehind(h, refused, t.between(40, 90), 503, 190)
	return true
}

func (t *trouble) refusing(h *hop) bool {
	if h.pod != t.pod {
		return false
	}
	t.refuse(h)
	return true
}

// stale replaces the pod by a fresh one, of which one of the callers does not
// learn.
func (t *trouble) stale(h *hop) bool {
	if h.pod != t.pod {
		return false
	}
	if h.caller == t.gate {
		h.pod = t.fresh
		return false
	}
	t.refuse(h)
	return true
}

// starting has a fresh pod called before it listens.
func (t *trouble) starting(h *hop) bool {
	if t.pod = t.fresh; t.g.rng.IntN(4) != 0 {
		return false
	}
	h.pod = t.fresh
	if t.ended = t.from + 8e6; h.at >= t.ended {
		return false
	}
	t.refuse(h)
	return true
}

// unavailable: with odd seeds the pods refuse for ten seconds before they are
// ejected.
func (t *trouble) unavailable(h *hop) bool {
	t.whole = true
	if t.g.options.Seed%2 == 1 && h.at < t.from+10e6 {
		t.refuse(h)
		return true
	}
	t.unsent(h, noHost, 200, 503, 19)
	return true
}

func (t *trouble) routeMissing(h *hop) bool {
	t.name = "api.example.com"
	if h.caller != t.gate || t.g.rng.IntN(3) != 0 {
		return false
	}
	h.authority = t.name
	h.class = newClass("GET", []string{"/v2/orders/{n}", "/v2/carts/{n}"}[t.g.rng.IntN(2)], time.Millisecond, 0.1, 0, 0)
	t.unsent(h, noRoute, 200, 404, 0)
	return true
}

func (t *trouble) clusterMissing(h *hop) bool {
	t.name = "reviews:9080"
	if h.caller == t.gate || t.g.rng.IntN(4) != 0 {
		return false
	}
	h.authority = t.name
	t.unsent(h, noCluster, 200, 503, 0)
	return true
}

func (t *trouble) passes(h *hop) bool {
	t.name = "api.partner.example"
	if h.caller == t.gate || t.g.rng.IntN(4) != 0 {
		return false
	}
	h.authority = t.name
	outside := *t.pod
	outside.Host = "203.0.113.40:80"
	h.pod = &outside
	c := t.client(h, answered, t.between(60, 90), 200, 512)
	c.cluster, c.connPort = "PassthroughCluster", uint16(40000+t.g.rng.IntN(20000))
	t.g.finish(&c)
	return true
}

func (t *trouble) blocks(h *hop) bool {
	t.name = "api.partner.example"
	if h.caller == t.gate || t.g.rng.IntN(4) != 0 {
		return false
	}
	h.authority = t.name
	t.unsent(h, blocked, 200, 502, 0)
	return true
}

// speaksPlain: one pod demands TLS, and web speaks plain text.
func (t *trouble) speaksPlain(h *hop) bool {
	if h.pod != t.pod || h.caller == t.gate {
		return false
	}
	c := t.client(h, cut, t.between(1, 3), 503, 95)
	t.sent(&c)
	t.served(&c, plaintext, 200, 0, 0)
	t.g.finish(&c)
	return true
}

func (t *trouble) mistrusts(h *hop) bool {
	t.whole = true
	if h.caller == t.gate {
		return false
	}
	c := t.client(h, untrusted, t.between(25, 80), 503, 240)
	t.g.finish(&c)
	return true
}

func (t *trouble) breaks(h *hop) bool {
	t.whole = true
	if t.g.rng.IntN(3) != 0 {
		return false
	}
	t.unsent(h, full, 300, 503, 81)
	return true
}

func (t *trouble) limits(h *hop) bool {
	t.whole = true
	if t.g.rng.IntN(3) != 0 {
		return false
	}
	t.failedBehind(h, limited, 300, 429, 18)
	return true
}

func (t *trouble) denies(h *hop) bool {
	t.whole = true
	if h.caller == t.gate {
		return false
	}
	t.failedBehind(h, denied, 300, 403, 19)
	return true
}

// retries: the application answers each of three tries with an error.
func (t *trouble) retries(h *hop) bool {
	t.whole = true
	if t.g.rng.IntN(3) != 0 {
		return false
	}
	each := t.between(10, 30)
	c := t.client(h, usedUp, 3*each+t.between(30, 90), 503, 21)
	t.sent(&c)
	for i := range int64(3) {
		try := c
		try.start, try.pod = c.start+i*(each+20_000), t.orders.pods[t.g.rng.IntN(3)]
		if i == 2 {
			try.pod = c.pod
		}
		t.served(&try, answered, each, 503, 21)
	}
	t.g.finish(&c)
	return true
}

func (t *trouble) races(h *hop) bool {
	if h.pod != t.pod || t.g.rng.IntN(12) != 0 {
		return false
	}
	t.failedBehind(h, dead, t.between(0.2, 1.5), 503, 95)
	return true
}

// crashes: the application dies each half minute, with all it works on, and
// needs five seconds to come back.
func (t *trouble) crashes(h *hop) bool {
	if t.next == 0 {
		t.next = t.from
	}
	if h.pod != t.pod {
		return false
	}
	switch since := h.at - t.next; {
	case since < 0:
		return false
	case since < 600e3: // what came in the last 600 ms dies at one instant
		t.failedBehind(h, dead, 650e3-since, 503, 95)
	case since < 5e6:
		t.failedBehind(h, refused, t.between(40, 90), 503, 190)
	default:
		t.next += 30e6
		return false
	}
	t.ended = t.next + 5e6
	return true
}

// lowers: somebody has set the timeout to what one in twenty needs longer than.
func (t *trouble) lowers(h *hop) bool {
	t.whole = true
	to := *t.orders.service
	to.timeout = (45 * time.Millisecond).Microseconds()
	set := *t.orders
	set.service = &to
	h.to, h.uncapped = &set, true
	return false
}

// FQDN is the full name of the service, "" without one.
func (f *FaultTruth) FQDN() string {
	if f.Service == "" {
		return ""
	}
	return fmt.Sprintf("%s.%s.svc.cluster.local", f.Service, f.Namespace)
}
