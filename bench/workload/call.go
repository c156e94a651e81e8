package workload

// A hop is a call that is about to be made.
type hop struct {
	caller    *Pod
	to        *subset
	pod       *Pod // nil: as the load balancer spreads them
	class     *class
	agent     *agent
	authority string
	query     string
	id        uuid
	at        int64 // microseconds; when the caller's proxy has the request
	number    uint32
	xff       uint32
	uncapped  bool // its work may take longer than its caller waits
}

// Noise is what goes wrong in any mesh: shares of all calls.
type noise struct {
	notFound float64 // 404 of the application
	appError float64 // 500 of the application; gRPC has none that a proxy could see
	cancel   float64 // the caller leaves before the answer
	timeout  float64 // the application takes too long, on whatever pod
	noHost   float64
	noRoute  float64
	refused  float64
	cut      float64
}

// A fate is what chance has decided for a call, before any fault.
type fate uint8

const (
	fine fate = iota
	notFound
	appError
	cancelled
	tooSlow
	withoutHost
	withoutRoute
	withoutConnection
	broken
)

func (n *noise) draw(u float64) fate {
	for f, share := range [...]float64{n.notFound, n.appError, n.cancel, n.timeout,
		n.noHost, n.noRoute, n.refused, n.cut} {
		if u < share {
			return fine + 1 + fate(f)
		}
		u -= share
	}
	return fine
}

// A fault makes one pod slow for a while.
type fault struct {
	pod      *Pod
	from, to int64 // microseconds of Unix time
	share    float64
	deal     deck    // for share
	low      float64 // microseconds that the other requests take longer: from low to high
	high     float64
}

// latency of one way between two proxies, in microseconds: 0.2 ms and more,
// rarely up to 8.
func (g *Generator) latency() int64 {
	return 200 + int64(min(g.rng.ExpFloat64()*400, 7800))
}

// work is how long the application takes for its own part, in microseconds.
func (g *Generator) work(h *hop, pod *Pod, at int64, f fate) int64 {
	timeout := float64(h.to.timeout)
	// Ordinary work is never near the timeout: who times out is a decision.
	w := logNormal(g.rng, h.class.median*pod.pace, h.class.sigma)
	if !h.uncapped {
		w = min(w, 0.8*timeout)
	}
	if f == tooSlow {
		return int64(between(g.rng, 1.02, 2) * timeout)
	}
	if t := g.fault; t != nil && t.pod == pod && at >= t.from && at < t.to {
		if t.share > 0 && t.deal.uniform(g.rng) < t.share {
			return int64(between(g.rng, 1.02, 2) * timeout)
		}
		w += between(g.rng, t.low, t.high)
	}
	return int64(w)
}

// call makes the records of a call and of all that it causes. It returns when
// the caller's proxy was done with it, and whether with success.
func (g *Generator) call(h *hop) (end int64, ok bool) {
	f := g.noise.draw(g.rng.Float64())
	r := record{
		start: h.at, id: h.id, set: h.to, class: h.class, caller: h.caller, agent: h.agent,
		authority: h.authority, query: h.query, number: h.number, xff: h.xff, in: h.class.in,
		side: ClientSide,
	}
	if f == withoutHost || f == withoutRoute {
		return g.unsent(&r, f)
	}
	pod := h.pod
	if pod == nil {
		pod = h.to.pods[h.to.share.draw(g.rng)]
	}
	r.pod = pod
	if f == withoutConnection {
		return g.unsent(&r, f)
	}

	// Without a deadline: the way there, the work, the way back.
	server := h.at + g.latency()
	app := server + 100
	done, fed := g.serve(h, pod, app, f)
	sent := done + 100
	received := sent + g.latency()
	r.code, r.out = g.answer(h, f, fed)
	clientEnd, serverEnd := received, sent
	clientEnding, serverEnding := answered, answered

	deadline := h.at + h.to.timeout + int64(g.rng.Float64()*1500)
	leaves := f == cancelled && received-h.at > 8000
	if leaves {
		deadline = min(deadline, h.at+int64(between(g.rng, 0.5, 0.9)*float64(received-h.at)))
	}
	if received > deadline {
		clientEnd, clientEnding = deadline, timedOut
		if leaves {
			clientEnding = hangup(h.to.grpc)
		}
		if heard := deadline + g.latency(); sent > heard {
			serverEnd, serverEnding = heard, hangup(h.to.http2)
		} // else it has answered, and the answer came too late
	} else if f == broken {
		clientEnding = cut
	}

	kept := clientEnding == answered
	r.connPort = g.pools.between(h.caller, pod).take(g.rng, h.at, clientEnd, h.to.http2, kept)
	r.upPort = g.pools.inbound[pod.index].take(g.rng, app, serverEnd, h.to.grpc, serverEnding == answered)
	s := r
	s.side, s.start, s.end, s.ending = ServerSide, server, serverEnd, serverEnding
	s.waited = (done - app) / 1000
	if serverEnding != answered {
		s.code, s.out, s.waited = 0, 0, -1
	}
	if clientEnding != cut { // a pod that breaks the connection took its proxy's line with it
		g.push(&s)
	}

	r.end, r.ending, r.waited = clientEnd, clientEnding, (received-h.at-50)/1000
	switch clientEnding {
	case timedOut:
		r.code, r.out, r.waited = 504, len("upstream request timeout"), -1
		if h.to.grpc { // the error travels in a header
			r.code, r.out = 200, 0
		}
	case closed, reset:
		r.code, r.out, r.waited = 0, 0, -1
	case cut:
		r.code, r.out, r.waited = 503, 95, -1
	}
	g.finish(&r)
	return clientEnd, !r.failed()
}

// serve has the application do its work and the calls it needs. fed tells
// whether those went well.
func (g *Generator) serve(h *hop, pod *Pod, app int64, f fate) (done int64, fed bool) {
	w := g.work(h, pod, app, f)
	if f == cancelled { // whoever leaves has waited a while
		w += int64(between(g.rng, 0.05, 0.5) * float64(h.to.timeout))
		w = min(w, h.to.timeout*9/10)
	}
	done, fed = app+w, true
	for i := range h.class.calls {
		next := &h.class.calls[i]
		done += g.latency()
		end, ok := g.call(&hop{
			caller: pod, to: next.to, class: next.class, agent: next.to.client, authority: next.to.host,
			id: h.id, at: done, number: h.number,
		})
		done = end + g.latency()
		if !ok && next.required {
			return done, false
		}
	}
	return done, fed
}

// answer is the code and the size of what the application says.
func (g *Generator) answer(h *hop, f fate, fed bool) (code, size int) {
	switch {
	case h.to.grpc:
	case !fed:
		return 503, 31
	case f == appError:
		return 500, 21
	case f == notFound:
		return 404, 18
	}
	return 200, int(float64(h.class.out) * between(g.rng, 0.8, 1.2))
}

// unsent is a call that only the caller's proxy knows of.
func (g *Generator) unsent(r *record, f fate) (end int64, ok bool) {
	r.end, r.waited = r.start+200, -1
	switch f {
	case withoutHost:
		r.ending, r.code, r.out = noHost, 503, len("no healthy upstream")
	case withoutRoute:
		r.ending, r.code, r.out = noRoute, 404, 0
	default: // three tries
		r.ending, r.code, r.out = refused, 503, 190
		r.end = r.start + int64(between(g.rng, 25e3, 110e3))
	}
	g.finish(r)
	return r.end, r.code < 500
}

// finish gives the client's record the address of who asked its proxy.
func (g *Generator) finish(r *record) {
	if r.caller.gateway != nil { // strangers come and go
		r.appPort = uint16(32768 + g.rng.IntN(60999-32768+1))
	} else {
		r.appPort = g.pools.apps[r.caller.index].take(g.rng, r.start, r.end, r.set.grpc, r.ending != closed)
	}
	g.push(r)
}

// hangup is how a proxy sees that its caller gave up.
func hangup(http2 bool) ending {
	if http2 {
		return reset
	}
	return closed
}
