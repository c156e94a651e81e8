// Package faults finds what is wrong in the configuration and the life of a
// mesh: pods whose app does not listen, addresses that nobody serves, services
// without a healthy pod, routes that lead nowhere, refused certificates.
//
// It knows what failing records of a service, a host or an authority mean as an
// episode, in event time and slice by slice. It must never know files, formats,
// clocks, or how long requests of healthy pods take: durations are the judge's.
package faults

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// Group is a service, or one of its subsets.
type Group struct{ Service, Subset string }

// covers says that trouble of one of them may be the other's.
func (g Group) covers(o Group) bool {
	return g.Service == o.Service && (g.Subset == "" || o.Subset == "" || g.Subset == o.Subset)
}

func (g Group) compare(o Group) int {
	return cmp.Or(strings.Compare(g.Service, o.Service), strings.Compare(g.Subset, o.Subset))
}

// Traffic is the requests of one slice: those that callers sent, those of them
// that failed, and those that pods took.
type Traffic struct{ Client, Failed, Server uint64 }

func (t Traffic) most() uint64 { return max(t.Client, t.Server) }

// Host is what is known of an upstream host by the end of a slice. Times are 0
// where it never was.
type Host struct {
	Group                   Group
	Traffic                 Traffic // of the slice
	FirstAnswer, LastAnswer int64   // of its app, by whomever
	// Named says that a caller's cluster, or the pod's own requests, say what
	// it is; a label alone does not.
	Named bool
	// Taken says that a pod of another service has the address by now.
	Taken bool
}

// Mesh is what is known of those that records speak of, by the slice that is
// being closed.
type Mesh interface {
	// Host describes an ip:port as one of a service's, or, where that is "",
	// of the one that it belongs to; its Group has no service where nothing is
	// known of it.
	Host(addr, service string) Host
	// Group is the requests of a service, and the end of the slice in which
	// the newest of its pods first answered; 0: none did.
	Group(g Group) (t Traffic, newest int64)
	// Slow says that the service is held to be slow, or one of its pods.
	Slow(g Group) bool
	// TooLow says that healthy pods of the service run into its callers'
	// timeout, of so many milliseconds.
	TooLow(g Group) (ms int64, tooLow bool)
	// Began is the start of the first slice.
	Began() int64
}

// Slices is how many slices may be open at once.
const Slices = 5

// Watch finds episodes. It belongs to one goroutine at a time.
type Watch struct {
	bound    int
	dropped  *uint64
	open     [Slices]slice
	states   map[subject]*state
	groups   map[Group]*state // those of them that are groups
	episodes []*Episode       // open
	// entries is how many tallies and states are held, names those of
	// authorities: anybody can make these up.
	entries, names int
	changes        []Change
}

type slice struct {
	tallies map[key]*tally
	// asked counts callers' requests by a fingerprint of their authority.
	asked [authorities]uint32
	some  bool // asked is not empty
}

// authorities is how many authorities' requests are told apart, nearly: two
// that share a place share their count, so that the share of those that fail
// may seem lower than it is.
const authorities = 1 << 13

// subject is what failures are counted for: a host, a service, or a name.
type subject struct {
	Group
	host, name string
}

func (s subject) compare(o subject) int {
	return cmp.Or(s.Group.compare(o.Group), strings.Compare(s.host, o.host), strings.Compare(s.name, o.name))
}

type key struct {
	subject
	symptom Symptom
}

// New returns a Watch. It keeps at most bound subjects, half of them names that
// were asked for; what does not fit is added to dropped.
func New(bound int, dropped *uint64) *Watch {
	return &Watch{bound: bound, dropped: dropped, states: map[subject]*state{}, groups: map[Group]*state{}}
}

// onHost are the symptoms that belong to a host, if the record names one.
var onHost = of(AppRefused, AppClosed, AppClosedIdle, Refused, Unanswered, PlaintextMet, PlaintextSent, TLSFailed, LinkClosed)

// Asked counts a request of a caller for an authority, by its fingerprint.
func (w *Watch) Asked(place int, authority uint16) {
	w.open[place].asked[authority%authorities]++
	w.open[place].some = true
}

// Note enters a record that shows a symptom into the slice at a place.
func (w *Watch) Note(place int, e *Entry) {
	s := &w.open[place]
	if s.tallies == nil {
		s.tallies = map[key]*tally{}
	}
	var t *tally // a key made in place is not allocated
	switch e.about() {
	case aHost:
		t = s.tallies[key{subject{Group{string(e.Service), string(e.Subset)}, string(e.Host), ""}, e.Symptom}]
	case aGroup:
		t = s.tallies[key{subject{Group{string(e.Service), string(e.Subset)}, "", ""}, e.Symptom}]
	case aName:
		t = s.tallies[key{subject{Group{}, "", string(e.name())}, e.Symptom}]
	}
	if t == nil {
		if t = w.newTally(s, e); t == nil {
			*w.dropped++
			return
		}
	}
	t.add(e)
}

// What a record's symptom is a trouble of.
const (
	aHost = iota
	aGroup
	aName
)

func (e *Entry) about() int {
	switch {
	case len(e.Host) > 0 && (e.Server || onHost.has(e.Symptom) && len(e.Service) > 0):
		return aHost
	case len(e.Service) > 0 && e.Symptom != PassedThrough && e.Symptom != Blocked:
		return aGroup
	}
	return aName
}

// name is what was asked for, as far as the record tells.
func (e *Entry) name() []byte {
	for _, name := range [...][]byte{e.Authority, e.ServerName, e.Host} {
		if len(name) > 0 {
			return name[:min(len(name), maxValue)]
		}
	}
	return nil
}

func (w *Watch) newTally(s *slice, e *Entry) *tally {
	k := key{symptom: e.Symptom}
	switch e.about() {
	case aHost:
		k.Group, k.host = Group{string(e.Service), string(e.Subset)}, string(e.Host)
	case aGroup:
		k.Group = Group{string(e.Service), string(e.Subset)}
	case aName:
		k.name = string(e.name())
	}
	if k.name != "" {
		if w.names >= w.bound/2 {
			return nil
		}
		w.names++
	}
	if w.entries >= w.bound {
		return nil
	}
	w.entries++
	t := &tally{}
	s.tallies[k] = t
	return t
}

// Empty says that the slice at a place holds nothing.
func (w *Watch) Empty(place int) bool { return len(w.open[place].tallies) == 0 }

// state is what is held of a subject.
type state struct {
	subject
	trails  [symptoms][]point
	traffic []traffic
	seen    int64 // end of the last slice in which something failed
	info    Host  // of a host, by the last slice
	newest  int64 // of a group: when its newest pod first answered
	// since is when connections to it began to fail, for the first time since
	// it is held.
	since int64
	// explained are its symptoms that other trouble brings about.
	explained set
}

// point is a slice in which something failed.
type point struct {
	at int64 // its end
	*tally
	fresh bool // of the slice that is being closed
}

type traffic struct {
	at int64
	Traffic
}

// Change is what became of an episode.
type Change struct {
	Episode *Episode
	What    What
}

// What may become of an episode.
type What uint8

const (
	// Opened says that it is new.
	Opened What = iota
	// Ended says that it is over.
	Ended
	// Retracted says that it is part of another, which is known better now.
	Retracted
)

// Close judges the slice at a place, which ends at now. The changes are valid
// until the next call.
func (w *Watch) Close(place int, now int64, m Mesh) []Change {
	s := &w.open[place]
	for k, t := range s.tallies {
		st := w.states[k.subject]
		if st == nil {
			st = &state{subject: k.subject}
			w.add(st)
		}
		if k.name != "" {
			w.names--
		}
		w.entries--
		st.seen = now
		st.trails[k.symptom] = append(st.trails[k.symptom], point{at: now, tally: t, fresh: true})
	}
	w.count(now, m, s)
	w.judge(now, m, false)
	clear(s.tallies)
	if s.some {
		s.asked, s.some = [authorities]uint32{}, false
	}
	return w.changes
}

// Idle says that nothing came until now.
func (w *Watch) Idle(now int64, m Mesh) []Change {
	w.judge(now, m, false)
	return w.changes
}

// Finish says that the input has ended: what waits for more is decided.
func (w *Watch) Finish(now int64, m Mesh) []Change {
	w.judge(now, m, true)
	return w.changes
}

// count notes the requests of the slice that is being closed.
func (w *Watch) count(now int64, m Mesh, s *slice) {
	for _, st := range w.sorted() {
		if st.host != "" {
			st.info = m.Host(st.host, st.Service)
			if g := st.of(); known(g) && w.groups[g] == nil {
				w.add(&state{subject: subject{Group: g}, seen: now})
			}
		}
	}
	for _, st := range w.states {
		var t Traffic
		switch {
		case st.host != "":
			t = st.info.Traffic
		case st.Service != "":
			t, st.newest = m.Group(st.Group)
		default:
			t.Client = uint64(s.asked[Fingerprint([]byte(st.name))%authorities])
		}
		st.traffic = append(st.traffic, traffic{now, t})
	}
}

// of is the service that a host is of.
func (st *state) of() Group {
	if st.Service != "" {
		return st.Group
	}
	return st.info.Group
}

// known says that the service of a host is known.
func known(g Group) bool { return g.Service != "" && g.Service != Unknown }

// Unknown is the service of what nothing names.
const Unknown = "unknown"

func (w *Watch) add(st *state) {
	w.states[st.subject] = st
	w.entries++
	if st.name != "" {
		w.names++
	}
	if st.Service != "" && st.host == "" {
		w.groups[st.Group] = st
	}
}

// forget drops the subjects of which nothing was heard within the window.
func (w *Watch) forget(now int64) {
	for k, st := range w.states {
		for i := range st.trails {
			trail := st.trails[i]
			for j := range trail {
				trail[j].fresh = false
			}
			for len(trail) > 0 && now-trail[0].at >= window {
				trail = trail[1:]
			}
			st.trails[i] = trail
		}
		for len(st.traffic) > 0 && now-st.traffic[0].at >= window {
			st.traffic = st.traffic[1:]
		}
		if now-st.seen < 2*window || w.inEpisode(st) {
			continue
		}
		delete(w.states, k)
		w.entries--
		if st.name != "" {
			w.names--
		}
		if w.groups[st.Group] == st {
			delete(w.groups, st.Group)
		}
	}
}

func (w *Watch) inEpisode(st *state) bool {
	return slices.ContainsFunc(w.episodes, func(e *Episode) bool {
		if st.name != "" || e.Name != "" {
			return e.Name == st.name
		}
		return e.Group == st.of()
	})
}

// sorted returns the states in an order that does not depend on the lines.
func (w *Watch) sorted() []*state {
	return slices.SortedFunc(maps.Values(w.states), func(a, b *state) int { return a.compare(b.subject) })
}

// Fingerprint tells authorities apart, nearly: see Watch.Asked.
func Fingerprint(authority []byte) uint16 {
	h := uint32(2166136261) // FNV-1a
	for _, c := range authority {
		h = (h ^ uint32(c)) * 16777619
	}
	return uint16(h>>16 ^ h)
}
