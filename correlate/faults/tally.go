package faults

import (
	"cmp"
	"slices"
	"strings"
)

// Entry is what a record says that shows a symptom. Texts are borrowed until
// Note returns, nil where unset.
type Entry struct {
	Symptom Symptom
	// Server says that the called pod's proxy wrote it; Sent, of a client's,
	// that the request went out.
	Server, Sent bool
	Start, End   int64 // Unix milliseconds
	Code         int
	PathClass    uint16

	// Service and Subset are what the record names, Host the upstream host,
	// Authority and ServerName what was asked for.
	Service, Subset, Host, Authority, ServerName []byte
	Flags, Details, Reason                       []byte
	Caller, RequestID                            []byte
	// CallerNamespace is set where Caller is a pod's name.
	CallerNamespace []byte
}

// Count is how often a value was seen.
type Count struct {
	Value string
	N     uint64
}

// Counts are the values that were seen most, or what is kept of them: the
// lowest few, sorted, so that what is kept does not depend on the order of
// records.
type Counts []Count

// maxCounts is how many values are told apart.
const maxCounts = 10

// maxValue is how much of a value is kept, in bytes.
const maxValue = 256

func (c *Counts) add(value []byte) {
	if len(value) == 0 {
		return
	}
	value = value[:min(len(value), maxValue)]
	i, found := slices.BinarySearchFunc(*c, value, compareValue)
	switch {
	case found:
		(*c)[i].N++
	case i < maxCounts:
		c.insert(i, Count{string(value), 1})
	}
}

// compareValue compares without making a string of the value.
func compareValue(a Count, value []byte) int {
	switch {
	case a.Value < string(value):
		return -1
	case a.Value > string(value):
		return 1
	}
	return 0
}

func (c *Counts) insert(i int, n Count) {
	if len(*c) == maxCounts {
		*c = (*c)[:maxCounts-1]
	}
	*c = slices.Insert(*c, i, n)
}

func (c *Counts) merge(o Counts) {
	for _, n := range o {
		i, found := slices.BinarySearchFunc(*c, n.Value, func(a Count, b string) int { return strings.Compare(a.Value, b) })
		switch {
		case found:
			(*c)[i].N += n.N
		case i < maxCounts:
			c.insert(i, n)
		}
	}
}

func (c Counts) have(value string) bool {
	return slices.ContainsFunc(c, func(n Count) bool { return n.Value == value })
}

// most returns the counts, highest first.
func (c Counts) most() Counts {
	sorted := slices.Clone(c)
	slices.SortFunc(sorted, func(a, b Count) int { return cmp.Or(cmp.Compare(b.N, a.N), strings.Compare(a.Value, b.Value)) })
	return sorted
}

// Side is one side's record of a sample. Start is Unix milliseconds, Duration
// milliseconds. Flags and Details are "" where unset or unknown.
type Side struct {
	Start, Duration int64
	Code            int
	Flags, Details  string
}

// Sample is a call that failed.
type Sample struct {
	RequestID string
	// Verdict is correlate's; until the call is known, what one side alone
	// can say.
	Verdict        string
	Client, Server *Side
}

// end is when it ended, by the caller if its record is known.
func (s *Sample) end() int64 {
	side := s.Client
	if side == nil {
		side = s.Server
	}
	return side.Start + side.Duration
}

const maxSamples = 5

// tally is what one slice holds of one symptom of one subject.
type tally struct {
	n, server      uint64
	first, last    int64 // earliest start, latest end
	seconds        [10]uint16
	flags, details Counts
	reasons, codes Counts
	names          Counts // authorities, else server names
	callers        Counts // names, those of pods as namespace/name
	hosts          Counts // of a name: where it led
	paths          []path // lowest few
	samples        []Sample
	in             *Episode // the last that took it in; nil: none
}

// takenBy says that the episode, or one that it took in, has taken it.
func (t *tally) takenBy(e *Episode) bool {
	for in := t.in; in != nil; in = in.into {
		if in == e {
			return true
		}
	}
	return false
}

type path struct {
	class uint16
	n     uint64
}

// maxPaths is how many path classes of a slice are told apart.
const maxPaths = 64

var codes = func() (all [600][]byte) {
	for i := range all {
		all[i] = []byte{byte('0' + i/100), byte('0' + i/10%10), byte('0' + i%10)}
	}
	all[0] = []byte("0")
	return all
}()

func (t *tally) add(e *Entry) {
	if t.n == 0 || e.Start < t.first {
		t.first = e.Start
	}
	t.last = max(t.last, e.End)
	t.n++
	if e.Server {
		t.server++
	}
	if s := &t.seconds[uint64(e.End)/1000%10]; *s < 1<<16-1 {
		*s++
	}
	t.flags.add(e.Flags)
	t.details.add(e.Details)
	t.reasons.add(e.Reason)
	if e.Code >= 0 && e.Code < len(codes) {
		t.codes.add(codes[e.Code])
	}
	var buf [maxValue]byte
	t.callers.add(e.caller(buf[:0]))
	if len(e.Authority) > 0 {
		t.names.add(e.Authority)
	} else {
		t.names.add(e.ServerName)
	}
	if e.about() == aName {
		t.hosts.add(e.Host)
	}
	i, found := slices.BinarySearchFunc(t.paths, e.PathClass, func(p path, class uint16) int { return cmp.Compare(p.class, class) })
	switch {
	case found:
		t.paths[i].n++
	case i < maxPaths:
		t.paths = slices.Insert(t.paths, i, path{e.PathClass, 1})
		t.paths = t.paths[:min(len(t.paths), maxPaths)]
	}
	t.sample(e)
}

// sample keeps the earliest few.
func (t *tally) sample(e *Entry) {
	if len(t.samples) == maxSamples && e.End > t.samples[maxSamples-1].end() {
		return
	}
	s := Sample{RequestID: string(e.RequestID)}
	side := &Side{e.Start, e.End - e.Start, e.Code, string(e.Flags), string(e.Details)}
	switch {
	case e.Server:
		s.Server, s.Verdict = side, "server_only"
	case e.Sent:
		s.Client, s.Verdict = side, "client_only"
	default:
		s.Client, s.Verdict = side, "not_sent"
	}
	t.samples = keepEarliest(t.samples, s)
}

func keepEarliest(all []Sample, s Sample) []Sample {
	i, found := slices.BinarySearchFunc(all, s, func(a, b Sample) int {
		return cmp.Or(cmp.Compare(a.end(), b.end()), strings.Compare(a.RequestID, b.RequestID))
	})
	if found || i == maxSamples {
		return all
	}
	all = slices.Insert(all, i, s)
	return all[:min(len(all), maxSamples)]
}

// peak is how many of the records ended in the fullest second.
func (t *tally) peak() (most uint64) {
	for _, n := range t.seconds {
		most = max(most, uint64(n))
	}
	return most
}

// Evidence is the numbers of an episode, from its start to its last failure.
type Evidence struct {
	// Failures are the records that show it, Requests what was asked of its
	// subject in the same time.
	Failures, Requests uint64
	// The values verbatim, those seen most first: at most ten of each.
	Flags, Details, Reasons, Codes Counts
	// Names are the authorities, or server names, that were asked for.
	Names   Counts
	Hosts   Counts
	Callers []Caller // by name
	Samples []Sample // the earliest five
}

// Caller is who sent requests: a pod, or what else is known, an address.
type Caller struct{ Namespace, Name string }

// caller is the Caller as one value, which may stand in buf. No name of
// Kubernetes has a slash.
func (e *Entry) caller(buf []byte) []byte {
	if len(e.CallerNamespace) == 0 {
		return e.Caller
	}
	return append(append(append(buf, e.CallerNamespace...), '/'), e.Caller...)
}

// gathered is evidence as it grows.
type gathered struct {
	Evidence
	client, server uint64 // whose records
	callers        Counts
}

func (e *gathered) add(t *tally, host string) {
	e.server += t.server
	e.client += t.n - t.server
	e.Flags.merge(t.flags)
	e.Details.merge(t.details)
	e.Reasons.merge(t.reasons)
	e.Codes.merge(t.codes)
	e.Names.merge(t.names)
	e.callers.merge(t.callers)
	e.Hosts.merge(t.hosts)
	if host != "" {
		e.Hosts.merge(Counts{{host, t.n}})
	}
	for _, s := range t.samples {
		e.Samples = keepEarliest(e.Samples, s)
	}
}

// merge takes in what an episode of the same trouble has.
func (e *gathered) merge(o *gathered) {
	e.client += o.client
	e.server += o.server
	e.Requests = max(e.Requests, o.Requests)
	for _, to := range [...]struct {
		all *Counts
		of  Counts
	}{
		{&e.Flags, o.Flags}, {&e.Details, o.Details}, {&e.Reasons, o.Reasons}, {&e.Codes, o.Codes},
		{&e.Names, o.Names}, {&e.Hosts, o.Hosts}, {&e.callers, o.callers},
	} {
		to.all.merge(to.of)
	}
	for _, s := range o.Samples {
		e.Samples = keepEarliest(e.Samples, s)
	}
}

// numbers returns a copy that shares nothing, in the order in which it is told.
func (e *gathered) numbers() Evidence {
	v := e.Evidence
	v.Failures = max(e.client, e.server)
	v.Requests = max(e.Requests, v.Failures)
	v.Flags, v.Details, v.Reasons, v.Codes = e.Flags.most(), e.Details.most(), e.Reasons.most(), e.Codes.most()
	v.Names, v.Hosts = e.Names.most(), e.Hosts.most()
	v.Callers = nil
	for _, c := range e.callers {
		namespace, name, isPod := strings.Cut(c.Value, "/")
		if !isPod {
			namespace, name = "", c.Value
		}
		v.Callers = append(v.Callers, Caller{namespace, name})
	}
	slices.SortStableFunc(v.Callers, func(a, b Caller) int { return strings.Compare(a.Name, b.Name) })
	v.Samples = slices.Clone(e.Samples)
	return v
}

// bothSides says that the callers and the called pod both bear it out.
func (e *gathered) bothSides() bool {
	if e.client > 0 && e.server > 0 {
		return true
	}
	for i := range e.Samples {
		if e.Samples[i].Client != nil && e.Samples[i].Server != nil {
			return true
		}
	}
	return false
}
