package correlate

import (
	"bytes"
	"slices"

	"github.com/slowpod/slowpod/classify"
	"github.com/slowpod/slowpod/correlate/faults"
)

// notice counts a record towards the faults that it shows.
func (c *Correlator) notice(r *Record) {
	place := c.window.nearest(r.End())
	if r.Side == classify.Client && r.HTTP {
		c.faults.Asked(place, r.Asked)
	}
	if r.Outcome == classify.OK && !r.Passed {
		return
	}
	symptom := faults.Of(&r.Class, r.Details, r.Reason, r.Passed, r.Duration)
	if symptom == faults.None {
		return
	}
	e := faults.Entry{
		Symptom: symptom, Server: r.Side == classify.Server, Sent: len(r.UpstreamLocal) > 0,
		Start: r.Start, End: r.End(), Code: r.Code, PathClass: r.PathClass, Host: r.UpstreamHost,
		Authority: r.Authority, ServerName: r.ServerName, Flags: r.FlagText, Details: r.Details, Reason: r.Reason,
		Caller: r.asker(), RequestID: r.RequestID,
	}
	if r.Side == classify.Client && r.Pod != nil {
		e.CallerNamespace = r.Namespace
	}
	if r.Side == classify.Client || len(r.UpstreamHost) == 0 {
		e.Service, e.Subset = r.Target.Service, r.Target.Subset
	}
	c.faults.Note(place, &e)
}

// asker names who sent the request: the pod whose proxy wrote of it, else the
// address it came from; nil where that is only what x-forwarded-for says.
func (r *Record) asker() []byte {
	from := r.Peer
	if r.Side == classify.Client {
		if r.Pod != nil {
			return r.Pod
		}
		if from == nil {
			from = r.Downstream
		}
	}
	if bytes.HasSuffix(from, []byte(":0")) {
		return nil
	}
	return addressIP(from)
}

// answered notes that the pod's app answered in a slice.
func (p *pod) answered(a answers) {
	if a.first == 0 {
		return
	}
	if p.answers.first == 0 {
		p.group.newest = max(p.group.newest, a.first)
		whole := p.group.service.whole
		whole.newest = max(whole.newest, a.first)
	}
	p.answers.add(a)
}

// empty says that no open slice holds anything.
func (c *Correlator) empty() bool {
	if !c.window.empty() {
		return false
	}
	for place := range openSlices {
		if !c.faults.Empty(place) {
			return false
		}
	}
	return true
}

// slice is what faults are told of the mesh, by the slice at a place.
type slice struct {
	*Correlator
	place int
}

// nowhere is no slice: nothing came.
const nowhere = -1

// Began is the start of the first slice.
func (s *slice) Began() int64 { return s.began }

// Host describes an upstream host: see faults.Mesh.
func (s *slice) Host(addr, service string) (h faults.Host) {
	p := s.locate(addr, service)
	if p == nil {
		return h
	}
	h.Group = faults.Group{Service: p.group.service.name, Subset: p.group.subset}
	h.Named = !p.labelled || p.answers.first != 0
	h.FirstAnswer, h.LastAnswer = p.answers.first, p.answers.last
	h.Taken = s.registry.taken(p)
	if s.place != nowhere {
		if cell := p.cells[s.place]; cell != nil {
			h.Traffic.Client = uint64(cell.sides[SideClient].n) + uint64(cell.refused)
			h.Traffic.Server = uint64(cell.sides[SideServer].n)
		}
	}
	return h
}

// locate finds the pod that stands for a service at an address, the one that
// was heard of last where no service is named; nil if there is none.
func (c *Correlator) locate(addr, service string) (found *pod) {
	h := c.registry.hosts[addr]
	if h == nil {
		return nil
	}
	for _, p := range h.pods {
		if (service == "" || p.group.service.name == service) && (found == nil || p.heard >= found.heard) {
			found = p
		}
	}
	return found
}

// Group describes a service: see faults.Mesh.
func (s *slice) Group(of faults.Group) (t faults.Traffic, newest int64) {
	g := s.groupNamed(of)
	if g == nil || s.place == nowhere {
		return t, 0
	}
	t.Client, t.Failed = uint64(g.asked[s.place]), uint64(g.failed[s.place])
	for _, p := range g.judge.live {
		if cell := p.cells[s.place]; cell != nil {
			t.Server += uint64(cell.sides[SideServer].n)
		}
	}
	return t, g.newest
}

// Slow says that a service is held to be slow, or one of its pods.
func (s *slice) Slow(of faults.Group) bool {
	g := s.groupNamed(of)
	return g != nil && g.service.slow()
}

// TooLow says that healthy pods of a service run into its callers' timeout, of
// so many milliseconds.
func (s *slice) TooLow(of faults.Group) (ms int64, tooLow bool) {
	g := s.groupNamed(of)
	if g == nil {
		return 0, false
	}
	return g.timeouts.ms, g.timeouts.tooLow
}

func (c *Correlator) groupNamed(of faults.Group) *group {
	s := c.registry.services[of.Service]
	if s == nil {
		return nil
	}
	return s.groups[of.Subset]
}

// callsFor is how long after an episode its calls may get their verdict.
const callsFor = 2 * maxWait

// apply makes findings of what has become of episodes.
func (c *Correlator) apply(changes []faults.Change, now int64) {
	c.faulty = slices.DeleteFunc(c.faulty, func(f *Finding) bool { return f.Ended && now-f.End > callsFor })
	for _, change := range changes {
		e := change.Episode
		i := slices.IndexFunc(c.faulty, func(f *Finding) bool { return f.episode == e })
		switch change.What {
		case faults.Opened:
			f := &Finding{Kind: e.Kind, Start: e.Start, Detected: e.Detected, episode: e, locate: c.locate}
			c.faulty = append(c.faulty, f)
			c.publish(f)
		case faults.Retracted:
			c.retract(c.faulty[i])
			c.faulty = slices.Delete(c.faulty, i, i+1)
		case faults.Ended:
			c.faulty[i].Silent = e.Silent
			c.close(c.faulty[i], e.Last)
		}
	}
}

// fillFault brings what a finding of a fault says up to date. It is of one host
// if all that failed names that one.
func (f *Finding) fillFault() {
	e := f.episode
	f.Service, f.Subset, f.Authority, f.Case, f.First = e.Service, e.Subset, e.Name, e.Case, e.First
	f.Last, f.Evidence.TimeoutMS = e.Last, e.TimeoutMS
	var sides faults.Sides
	f.Fault, sides = e.Evidence()
	f.Proof = [...]Proof{faults.ByCallers: ProofClient, faults.ByPods: ProofServer, faults.ByBoth: ProofBoth}[sides]
	f.UpstreamHost, f.Pod, f.Node, f.Namespace, f.FaultPod = "", "", "", classify.Namespace(f.Service), ""
	if len(f.Fault.Hosts) == 0 {
		return
	}
	p := f.locate(f.Fault.Hosts[0].Value, f.Service)
	if p != nil {
		f.FaultPod = p.name
	}
	if e.OfHosts && len(f.Fault.Hosts) == 1 {
		f.UpstreamHost = f.Fault.Hosts[0].Value
		if p != nil {
			f.Namespace, f.Pod, f.Node = p.inNamespace(), p.name, p.node
		}
	}
}

// sampleFault gives the samples of a fault the other side and the verdict of
// their calls.
func (c *Correlator) sampleFault(call *Call) {
	if len(c.faulty) == 0 || len(call.RequestID) == 0 || call.Verdict == Undecided {
		return
	}
	for _, f := range c.faulty {
		samples := f.episode.Samples()
		for i := range samples {
			s := &samples[i]
			if s.RequestID != string(call.RequestID) || !isSample(s, call) {
				continue
			}
			s.Verdict = call.Verdict.String()
			if call.Client != nil {
				s.Client = sampleSide(call.Client)
			}
			if len(call.Server) > 0 {
				s.Server = sampleSide(&call.Server[0])
			}
			f.fill()
		}
	}
}

// isSample says that the call holds the record that the sample was made of.
func isSample(s *faults.Sample, call *Call) bool {
	if s.Client != nil && call.Client != nil {
		return s.Client.Start == call.Client.Start
	}
	return s.Server != nil && slices.ContainsFunc(call.Server, func(r Record) bool { return r.Start == s.Server.Start })
}
