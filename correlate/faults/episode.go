package faults

import (
	"cmp"
	"slices"

	"github.com/slowpod/slowpod/correlate/kind"
)

// Episode is one trouble, from its first failure to its last. Times are Unix
// milliseconds.
type Episode struct {
	Kind kind.Kind
	// Group is the service; without one Name is what was asked for.
	Group
	Name string
	// Case and First are the case of the kind and the causes that the records
	// speak for, as classify/causes names them.
	Case  string
	First []string

	Start, Last, Detected int64
	// TimeoutMS is the timeout that the requests ran into; 0: none.
	TimeoutMS int64
	// OfHosts says that it is of single hosts, not of the service as a whole.
	OfHosts bool
	// Silent says that it ended because nobody asked any more.
	Silent bool

	evidence gathered
	// asked is the requests of the service, or for the name, up to the last
	// failure; pending are those of the subject, and of the service, since.
	asked   uint64
	pending struct{ subject, service uint64 }
	over    bool
	into    *Episode // that took it in; nil: none
}

// Sides says whose records show it.
type Sides uint8

// Whose records show an episode.
const (
	ByCallers Sides = iota
	ByPods
	ByBoth
)

// Evidence returns the numbers so far, and whose word they are.
func (e *Episode) Evidence() (Evidence, Sides) {
	sides := ByCallers
	switch {
	case e.evidence.bothSides():
		sides = ByBoth
	case e.evidence.client == 0:
		sides = ByPods
	}
	return e.evidence.numbers(), sides
}

// Samples are the calls that are kept as examples, for what becomes known of
// them later.
func (e *Episode) Samples() []Sample { return e.evidence.Samples }

// judge hears all complaints, in the order of what explains what.
func (w *Watch) judge(now int64, m Mesh, last bool) {
	w.changes = w.changes[:0]
	if len(w.states) == 0 && len(w.episodes) == 0 {
		return
	}
	states := w.sorted()
	for _, st := range states {
		st.explained = 0
		if s := st.recent(connecting|of(AppRefused), now-window); s.n == 0 {
			st.since = 0
		} else if st.since == 0 {
			st.since = s.first
		}
	}
	for _, e := range w.episodes {
		service := uint64(0)
		if s := w.subjectOf(e.Group, e.Name); s != nil {
			service = s.asked(now - 1)
		}
		e.pending.service += service
		if e.OfHosts {
			e.pending.subject += w.askedOfHosts(states, e, now-1)
		} else {
			e.pending.subject += service
		}
	}
	slices.SortStableFunc(states, func(a, b *state) int { return a.of().compare(b.of()) })
	for len(states) > 0 {
		n := 1
		for n < len(states) && states[n].kin(states[0]) {
			n++
		}
		w.judgeKin(states[:n], now, m, last)
		states = states[n:]
	}
	w.end(now)
	w.forget(now)
}

// askedOfHosts is the requests of an episode's hosts after a time. What callers
// say of one and what it says itself are the same requests.
func (w *Watch) askedOfHosts(states []*state, e *Episode, after int64) (n uint64) {
	for _, h := range e.evidence.Hosts {
		var most uint64
		for _, st := range states {
			if st.host == h.Value {
				most = max(most, st.asked(after))
			}
		}
		n += most
	}
	return n
}

// kin says that the two are of one service, so that trouble of one may explain
// the other's; a name has none.
func (st *state) kin(o *state) bool {
	return st.name == "" && o.name == "" && st.of().Service == o.of().Service && known(st.of())
}

// judgeKin judges the subjects of one service, or one name.
func (w *Watch) judgeKin(all []*state, now int64, m Mesh, last bool) {
	var complaints []complaint
	tell := func(c complaint) {
		if eachHost[c.kind] && c.ofHosts() && w.episodeOf(&c) == nil {
			if _, enough := c.enough(w, now); !enough {
				return
			}
		}
		for i := range complaints { // hosts with the same trouble
			if o := &complaints[i]; o.kind == c.kind && o.group == c.group && o.what == c.what {
				o.of = append(o.of, c.of...)
				o.sure, o.within = o.sure || c.sure, max(o.within, c.within)
				return
			}
		}
		complaints = append(complaints, c)
	}
	byGroup := map[Group][]*state{}
	var groups []Group
	for _, st := range all {
		g := st.of()
		if st.host != "" && !known(g) {
			continue
		}
		if byGroup[g] == nil {
			groups = append(groups, g)
		}
		byGroup[g] = append(byGroup[g], st)
	}
	for _, g := range groups {
		for _, st := range byGroup[g] {
			if st.host != "" {
				w.diagnose(st, now, m, last, tell)
			}
		}
		name := ""
		if g.Service == "" {
			name = all[0].name
		}
		diagnoseAll(byGroup[g], g, name, now, tell)
	}
	for _, e := range w.episodes { // what is going on explains things, too
		if byGroup[e.Group] != nil && e.Name == "" {
			tell(complaint{kind: e.Kind, group: e.Group, what: e.Case})
		}
	}
	slices.SortStableFunc(complaints, func(a, b complaint) int {
		return cmp.Compare(slices.Index(ranks, a.kind), slices.Index(ranks, b.kind))
	})
	for i := range complaints {
		w.hear(&complaints[i], all, now, m)
	}
}

// hear opens the episode of a complaint, or goes on with it, and notes what it
// explains.
func (w *Watch) hear(c *complaint, kin []*state, now int64, m Mesh) {
	e := w.episodeOf(c)
	ms, tooLow := int64(0), true
	if c.kind == kind.TimeoutTooLow {
		ms, tooLow = m.TooLow(c.group)
	}
	if e == nil {
		s, enough := c.enough(w, now)
		if !enough || !tooLow || c.kind == kind.RetriesExhausted && m.Slow(c.group) {
			return
		}
		e = w.begin(c, s, now)
		e.TimeoutMS = ms
	}
	if !e.strays(c) {
		for _, o := range c.of {
			e.takeNew(o.points(o.symptoms&^o.explained, 0), o.host, now)
		}
	}
	c.explain(e, kin, now)
}

// strays says that what has just come is a failure or two long after the last,
// or far fewer than before: such as there are without any trouble, too, of the
// kinds that a healthy mesh has some of.
func (e *Episode) strays(c *complaint) bool {
	var s sum
	for _, o := range c.of {
		for _, p := range o.points(o.symptoms&^o.explained, 0) {
			if p.fresh {
				s.add(p.tally)
			}
		}
	}
	n := int64(max(e.evidence.client, e.evidence.server, 1))
	lasted := e.Last - e.Start
	if s.n == 0 || limits[c.kind].least < usual {
		return false
	}
	return float64(s.n)*float64(lasted) < fewer*float64(n)*10_000 ||
		s.n <= mostStrays && s.first-e.Last > max(strayGap, strayEmpty*lasted/n)
}

// takeNew takes what the episode has not taken yet.
func (e *Episode) takeNew(all []point, host string, now int64) {
	for _, p := range all {
		if (p.fresh || e.Detected == now && p.first >= e.Start) && !p.takenBy(e) {
			e.take(p.tally, host)
		}
	}
}

// explain takes in what the trouble brings about elsewhere.
func (c *complaint) explain(e *Episode, kin []*state, now int64) {
	why := meanings[c.kind]
	for _, st := range kin {
		if st.name != "" || !c.group.covers(st.of()) {
			continue
		}
		mine := set(0)
		for _, o := range c.of {
			if o.state == st {
				mine |= o.symptoms
			}
		}
		what := why.explains
		if st.host != "" && e.evidence.Hosts.have(st.host) {
			what |= why.onHosts
		}
		what &^= mine | st.explained
		e.takeNew(st.points(what, 0), "", now)
		st.explained |= what | mine
	}
}

// episodeOf is the open episode of a complaint, or the one on the same hosts
// that knows the same trouble better; nil if there is none.
func (w *Watch) episodeOf(c *complaint) (found *Episode) {
	for _, e := range w.episodes {
		switch {
		case e.Group != c.group || e.Name != c.name:
		case e.Kind == c.kind:
			return e
		case slices.Contains(meanings[e.Kind].supersedes, c.kind) && c.ofHosts() &&
			slices.ContainsFunc(c.of, func(o source) bool { return e.evidence.Hosts.have(o.host) }):
			found = e
		}
	}
	return found
}

// begin opens an episode, and takes in those that turn out to be the same
// trouble.
func (w *Watch) begin(c *complaint, s sum, now int64) *Episode {
	e := &Episode{
		Kind: c.kind, Group: c.group, Name: c.name, Case: c.what, First: c.first,
		Start: s.first, Last: s.last, Detected: now, OfHosts: c.ofHosts(),
	}
	w.supersede(e, c)
	e.evidence.Requests = max(e.evidence.Requests, w.askedOf(c, e.Start))
	if s := w.subjectOf(e.Group, e.Name); s != nil {
		e.asked = max(e.asked, s.asked(e.Start))
	}
	w.rank(e, c)
	w.episodes = append(w.episodes, e)
	w.changes = append(w.changes, Change{e, Opened})
	return e
}

// supersede takes in the episodes that are the same trouble, less well known.
func (w *Watch) supersede(e *Episode, c *complaint) {
	w.episodes = slices.DeleteFunc(w.episodes, func(o *Episode) bool {
		shared := !c.ofHosts() || slices.ContainsFunc(c.of, func(s source) bool { return o.evidence.Hosts.have(s.host) })
		if !slices.Contains(meanings[e.Kind].supersedes, o.Kind) || !e.covers(o.Group) || !shared ||
			e.Kind == kind.Unavailable && e.Start-o.Start > oneTrouble {
			return false
		}
		e.Start, e.Last = min(e.Start, o.Start), max(e.Last, o.Last)
		e.evidence.merge(&o.evidence)
		e.evidence.Requests += o.pending.subject
		e.asked = o.asked + o.pending.service
		o.into = e
		w.changes = append(w.changes, Change{o, Retracted})
		return true
	})
}

// rank says which causes the records speak for.
func (w *Watch) rank(e *Episode, c *complaint) {
	switch e.Kind {
	case kind.Unavailable:
		w.rankUnavailable(e)
	case kind.Certificate:
		e.First = c.refusals()
	case kind.MTLSMismatch:
		if slices.ContainsFunc(c.of, func(o source) bool { return o.symptoms.has(PlaintextMet) }) {
			e.First = []string{"plaintext_server", "double_tls"} // the caller does speak TLS
		}
	}
}

// refusals are the causes that the reasons name for which certificates were
// refused, as classify/causes names them, the one seen most first.
func (c *complaint) refusals() (first []string) {
	var seen Counts
	for _, o := range c.of {
		for _, p := range o.points(o.symptoms, 0) {
			for _, r := range p.reasons {
				if cause := refusal(r.Value); cause != "" {
					seen.merge(Counts{{cause, r.N}})
				}
			}
		}
	}
	for _, n := range seen.most() {
		first = append(first, n.Value)
	}
	return first
}

func (w *Watch) rankUnavailable(e *Episode) {
	g := w.groups[e.Group]
	var failed bool
	for _, st := range w.states {
		if st.of().Service == e.Service && st.recentOf(connecting|closing|of(AppRefused), e.Start-minute) {
			failed = true
		}
	}
	switch {
	case g != nil && g.newest == 0 && e.Subset != "":
		e.First = []string{"empty_subset", "never_ready"}
	case g != nil && g.newest == 0:
		e.First = []string{"never_ready"}
	case failed || g != nil && g.failed(e.Start):
		e.First = []string{"ejected", "not_ready"}
	default:
		e.First = []string{"not_ready"}
	}
}

func (st *state) recentOf(s set, after int64) bool { return len(st.points(s, after)) > 0 }

// failed says that many requests failed just before a time.
func (st *state) failed(before int64) bool {
	for _, t := range st.traffic {
		if t.Failed >= expected && t.at-before <= 10_000 && before-t.at <= minute {
			return true
		}
	}
	return false
}

// take enters a tally of the episode.
func (e *Episode) take(t *tally, host string) {
	t.in = e
	e.evidence.add(t, host)
	e.Last = max(e.Last, t.last)
	e.evidence.Requests += e.pending.subject
	e.asked += e.pending.service
	e.pending.subject, e.pending.service = 0, 0
}

// end ends the episodes that are over: nothing failed though so much was asked
// that something would have, or nothing was asked.
func (w *Watch) end(now int64) {
	w.episodes = slices.DeleteFunc(w.episodes, func(e *Episode) bool {
		quiet := now - e.Last
		n := float64(max(e.evidence.client, e.evidence.server))
		would := float64(e.pending.service) * n / max(float64(e.asked), n)
		inTime := float64(quiet) * n / float64(max(e.Last-e.Start, 1000))
		switch {
		case quiet >= over && would >= expected:
		case quiet >= overName && e.Service == "" && inTime >= expectedName: // nobody else asks for it
		case quiet >= silence:
			e.Silent = true
		default:
			return false
		}
		e.over = true
		w.changes = append(w.changes, Change{e, Ended})
		return true
	})
}
