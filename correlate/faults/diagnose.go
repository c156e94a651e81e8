package faults

import (
	"cmp"
	"slices"

	"github.com/slowpod/slowpod/correlate/kind"
)

// complaint is what symptoms of some subjects amount to, if they are many
// enough.
type complaint struct {
	kind  kind.Kind
	group Group
	name  string
	// what is the case of the kind, first the causes that the records speak
	// for, as classify/causes names them.
	what  string
	first []string
	of    []source
	// sure says that the share does not matter, within is longer than the
	// kind's where the symptoms were held back.
	sure   bool
	within int64
}

// source is symptoms of one subject.
type source struct {
	*state
	symptoms set
}

// sum is the records of some trails.
type sum struct {
	n           uint64
	first, last int64
}

func (s *sum) add(t *tally) {
	if s.n == 0 || t.first < s.first {
		s.first = t.first
	}
	s.n += t.n
	s.last = max(s.last, t.last)
}

// recent sums up what came after a time and is not explained.
func (st *state) recent(of set, after int64) (s sum) {
	for _, p := range st.points(of&^st.explained, after) {
		s.add(p.tally)
	}
	return s
}

var (
	connecting = of(Refused, Unanswered)
	closing    = of(AppClosed, AppClosedIdle)
)

// diagnose says what is wrong at a host.
func (w *Watch) diagnose(st *state, now int64, m Mesh, last bool, tell func(complaint)) {
	here := func(k kind.Kind, s set) complaint {
		return complaint{kind: k, group: st.of(), of: []source{{st, s}}}
	}
	if s := st.recent(connecting, now-window); s.n > 0 {
		c := here(kind.ProxyRefusing, connecting)
		if st.recent(of(Unanswered), now-window).n > st.recent(of(Refused), now-window).n {
			c.what = "timeout"
		}
		if st.starting(&c, s, now, m.Began(), last) {
			if c.kind == kind.ProxyRefusing {
				w.gone(st, &c, m)
			}
			tell(c)
		}
	}
	refused := st.recent(of(AppRefused), now-window)
	closed := st.recent(closing, now-window)
	switch {
	case refused.n > 0 && closed.n > 0 && closed.first <= refused.first && refused.first-closed.last <= crashBefore:
		c := here(kind.AppCrash, closing|of(AppRefused))
		c.sure = true
		tell(c)
		closed = sum{}
	case refused.n > 0:
		c := here(kind.AppNotListening, of(AppRefused))
		if st.starting(&c, refused, now, m.Began(), last) {
			tell(c)
		}
	}
	if closed.n > 0 {
		tell(st.closes(here, now))
	}
	if st.recent(of(PlaintextSent), now-window).n > 0 && st.info.Named {
		tell(here(kind.MTLSMismatch, of(PlaintextSent)))
	}
	if st.recent(of(PlaintextMet), now-window).n > 0 {
		tell(here(kind.MTLSMismatch, of(PlaintextMet)))
	}
	if st.recent(of(TLSFailed), now-window).n > 0 {
		if st.info.Taken { // its new owner has another name in its certificate
			c := here(kind.StaleAddress, of(TLSFailed))
			c.first = []string{"reused"}
			tell(c)
		} else {
			tell(here(kind.Certificate, of(TLSFailed)))
		}
	}
}

// starting looks whether connections to a host fail because it is just
// starting: then it will answer soon. It says whether enough is known by now.
func (st *state) starting(c *complaint, s sum, now, began int64, last bool) bool {
	answer := st.info.FirstAnswer
	isNew := answer > began+opening && st.since-answer <= answerSkew
	switch {
	case answer != 0 && answer <= st.since && !isNew:
		return true // it did answer before
	case answer == 0:
		c.within = window
		return last || now-st.since >= holdOff
	case answer-st.since > startsWithin, s.last > answer+warmUp:
		c.within = window
		return true
	}
	c.kind, c.what, c.first, c.within = kind.StartRace, "", nil, window
	return last || now-s.last >= settled
}

// gone looks whether whoever had the address is gone, not just down.
func (w *Watch) gone(st *state, c *complaint, m Mesh) {
	h := &st.info
	newest := int64(0)
	if g := w.groups[st.of()]; g != nil {
		newest = g.newest
	}
	silent := h.LastAnswer != 0 && h.LastAnswer <= st.since+attemptSkew
	switch {
	case h.Taken:
		c.kind, c.first = kind.StaleAddress, []string{"reused"}
	case silent && st.since-h.LastAnswer >= goneFor:
		c.kind, c.first = kind.StaleAddress, []string{"fixed"}
	case silent && newest > h.FirstAnswer && newest > m.Began()+opening && newest >= h.LastAnswer-replacedWithin:
		c.kind = kind.StaleAddress
	}
}

// closes tells an app that dies at work from one that closes what is idle.
func (st *state) closes(here func(kind.Kind, set) complaint, now int64) complaint {
	idle, working := st.recent(of(AppClosedIdle), now-window).n, st.recent(of(AppClosed), now-window).n
	var bursts uint64
	for _, p := range st.points(closing, now-window) {
		if peak := p.peak(); peak >= burst && float64(peak) >= burstShare*float64(p.n) {
			bursts += p.n
		}
	}
	all := idle + working
	switch {
	case 2*bursts >= all,
		working >= limits[kind.AppCrash].least && working >= idle,
		all >= leastRaces && float64(all) > mostRaces*float64(st.asked(now-window)):
		return here(kind.AppCrash, closing)
	}
	return here(kind.KeepaliveRace, of(AppClosedIdle))
}

// points are the slices after a time in which something failed that is not part
// of an episode that is over.
func (st *state) points(s set, after int64) (all []point) {
	for i := range st.trails {
		if s.has(Symptom(i)) {
			for _, p := range st.trails[i] {
				if p.at > after && (p.in == nil || !p.in.over) {
					all = append(all, p)
				}
			}
		}
	}
	return all
}

// asked is the requests of a subject in the slices that ended after a time.
func (st *state) asked(after int64) (n uint64) {
	for _, t := range st.traffic {
		if t.at > after {
			n += t.most()
		}
	}
	return n
}

// ofService is what symptoms mean that are not of a single host.
var ofService = []struct {
	symptom Symptom
	kind    kind.Kind
}{
	{NoHealthyHost, kind.Unavailable}, {Overflowed, kind.CircuitBreaker}, {Limited, kind.Throttled}, {Denied, kind.AccessDenied},
	{RetriesUsedUp, kind.RetriesExhausted}, {TimedOut, kind.TimeoutTooLow}, {NoCluster, kind.ClusterMissing}, {NoRoute, kind.RouteMissing},
	{PassedThrough, kind.Passthrough}, {Blocked, kind.EgressBlocked},
	// Of a service without a host, that is: of those that callers name none.
	{Refused, kind.ProxyRefusing}, {TLSFailed, kind.Certificate}, {PlaintextMet, kind.MTLSMismatch},
}

// diagnoseAll says what is wrong with a service, or a name, as a whole.
func diagnoseAll(all []*state, group Group, name string, now int64, tell func(complaint)) {
	for _, row := range ofService {
		c := complaint{kind: row.kind, group: group, name: name}
		for _, st := range all {
			if st.host != "" && onHost.has(row.symptom) {
				continue
			}
			if s := of(row.symptom); st.recent(s, now-window).n > 0 {
				c.of = append(c.of, source{st, s})
			}
		}
		if len(c.of) > 0 {
			tell(c)
		}
	}
}

// enough says whether a complaint is worth a finding, and which of its records
// count: those since the first of them.
func (c *complaint) enough(w *Watch, now int64) (sum, bool) {
	l := limits[c.kind]
	after := now - max(l.within, c.within)
	s, after := c.run(after)
	if s.n < l.least || s.last-s.first < l.lasts || !c.calls(min(l.least, 3), after) {
		return s, false
	}
	if c.kind == kind.RouteMissing && !c.repeats(after) {
		return s, false
	}
	return s, c.sure || float64(s.n) >= l.share*float64(max(w.askedOf(c, after), s.n))
}

// run sums up the latest run of failures: what is as far before them as one
// that is expected seldom to be is no part of it. It returns the time after
// which it began.
func (c *complaint) run(after int64) (sum, int64) {
	var all []point
	for _, o := range c.of {
		all = append(all, o.points(o.symptoms&^o.explained, after)...)
	}
	if len(all) == 0 {
		return sum{}, after
	}
	slices.SortFunc(all, func(a, b point) int { return cmp.Compare(a.at, b.at) })
	var n uint64
	for _, p := range all {
		n += p.n
	}
	first, last := all[0].at, all[len(all)-1].at
	gap := max(runGap, runEmpty*(last-first+10_000)/int64(n))
	from := len(all) - 1
	for from > 0 && all[from].at-all[from-1].at <= gap {
		from--
	}
	var s sum
	for _, p := range all[from:] {
		s.add(p.tally)
	}
	return s, all[from].at - 1
}

// calls says whether it is so many calls: each attempt of one is a record.
func (c *complaint) calls(least uint64, after int64) bool {
	ids := map[string]bool{}
	var n uint64
	for _, o := range c.of {
		for _, p := range o.points(o.symptoms&^o.explained, after) {
			for i := range p.samples {
				if id := p.samples[i].RequestID; id == "" || !ids[id] {
					ids[id] = true
					n++
				}
			}
		}
	}
	return n >= least
}

// repeats says whether it is the same few paths that are asked for.
func (c *complaint) repeats(after int64) bool {
	byPath := map[uint16]uint64{}
	var all, repeated uint64
	for _, o := range c.of {
		for _, p := range o.points(o.symptoms, after) {
			all += p.n
			for _, path := range p.paths {
				byPath[path.class] += path.n
			}
		}
	}
	for _, n := range byPath {
		if n >= repeatedPath {
			repeated += n
		}
	}
	return float64(repeated) >= repeatedShare*float64(all)
}

// askedOf is the requests that a complaint is a share of: those of its hosts,
// where it is of hosts.
func (w *Watch) askedOf(c *complaint, after int64) (n uint64) {
	if !c.ofHosts() {
		if st := w.subjectOf(c.group, c.name); st != nil {
			n = st.asked(after)
		}
		return n
	}
	byHost := map[string]uint64{}
	for _, o := range c.of {
		byHost[o.host] = max(byHost[o.host], o.asked(after))
	}
	for _, m := range byHost {
		n += m
	}
	return n
}

// ofHosts says that the complaint is of single hosts.
func (c *complaint) ofHosts() bool {
	return !slices.ContainsFunc(c.of, func(o source) bool { return o.host == "" || o.symptoms&onHost == 0 })
}

// subjectOf is the state of a whole service, or a name; nil if there is none.
func (w *Watch) subjectOf(g Group, name string) *state {
	if g.Service != "" {
		return w.groups[g]
	}
	return w.states[subject{name: name}]
}
