package correlate

import (
	"encoding/hex"
	"hash/fnv"
	"slices"
	"strconv"

	"github.com/slowpod/slowpod/classify"
	"github.com/slowpod/slowpod/correlate/durations"
	"github.com/slowpod/slowpod/correlate/faults"
	"github.com/slowpod/slowpod/correlate/kind"
)

// Proof says whose records prove a finding.
type Proof string

// The proofs.
const (
	ProofBoth   Proof = "both"
	ProofClient Proof = "client"
	ProofServer Proof = "server"
)

// Finding is a state of a pod or a service that a person should hear of. Times
// are event times in Unix milliseconds.
type Finding struct {
	ID              string
	Kind            kind.Kind
	Proof           Proof
	Service, Subset string
	Namespace, Pod  string // "" where unknown, or where it is of no single pod
	Node            string
	UpstreamHost    string
	Start, Detected int64
	End             int64
	Ended           bool
	Silent          bool // ended because nobody heard of the pod any more
	Evidence        Evidence

	// Fault is the evidence of a finding of configuration or life, Authority
	// what was asked for where there is no service. Case and First are the case
	// of the kind and the causes that the records speak for, as classify/causes
	// names them. FaultPod is a pod at which it was seen, "" where none is
	// known: one to look at where the finding is of several.
	Fault     faults.Evidence
	FaultPod  string
	Authority string
	Case      string
	First     []string
	Last      int64 // of a fault: when it was last seen

	// SinceFirst says that it has been so since the pod was first seen:
	// whether it ever was otherwise is not in the records.
	SinceFirst bool
	// Members are the slow pods of a node. Covered says that a node's finding
	// tells this one, too.
	Members []Member
	Covered bool

	episode     *faults.Episode // of a fault
	locate      func(addr, service string) *pod
	pod         *pod            // nil: it is of a whole service, or a node
	worstBefore State           // of the pod
	members     []*Finding      // of a node
	evidence    *evidence       // nil: it has ended
	drop        func(now int64) // forgets it, where it is of a whole service
	heard       func() int64    // when what it speaks of was last heard of
}

// Member is a slow pod of a node.
type Member struct{ Service, Pod, UpstreamHost string }

// maxFindings is how many findings that ended are remembered.
const maxFindings = 1000

// open opens a finding on a pod, which has been so since start or longer.
func (c *Correlator) open(p *pod, state State, start, now int64) {
	j := &p.judge
	for side := range j.sides {
		s := &j.sides[side]
		_, s.lead = s.evidence()
		s.well, s.quiet = 0, 0
	}
	start = min(start, j.onset(state))
	f := &Finding{Kind: state.finding(), UpstreamHost: p.host.addr, Start: start, Detected: now, pod: p, evidence: j.evidence}
	f.heard, f.worstBefore = func() int64 { return p.heard }, j.worst
	j.finding, j.state, j.worst = f, state, max(j.worst, state)
	if f.SinceFirst = start-j.born < sinceFirst; f.SinceFirst {
		// It has been so since it was first seen: what it learned in the
		// meantime is no past that could excuse it.
		for side := range j.sides {
			j.sides[side].past = durations.Hist{}
		}
	}
	c.publish(f)
}

// onset is since when the pod has been so: since the evidence that decides left
// 0 for the last time. A little of other evidence may be older.
func (j *judge) onset(state State) int64 {
	side := SideClient
	if state == SlowPod {
		side = SideServer
	}
	s := &j.sides[side]
	if from := s.from[s.lead]; !j.alone && from >= j.evidence.start {
		return from
	}
	return j.evidence.start
}

// sinceFirst is how soon after a pod's first record, in milliseconds, its
// trouble must begin to be there since the first.
const sinceFirst = 60_000

// supersede puts a finding that knows more in the place of the pod's.
func (c *Correlator) supersede(p *pod, state State, now int64) {
	old := p.judge.finding
	c.retract(old)
	c.open(p, state, old.Start, now)
	for _, node := range c.nodes {
		if i := slices.Index(node.members, old); i >= 0 {
			node.members[i], p.judge.finding.Covered = p.judge.finding, true
		}
	}
}

// retract takes a finding back, as if it had never been.
func (c *Correlator) retract(f *Finding) {
	c.findings = slices.DeleteFunc(c.findings, func(o *Finding) bool { return o == f })
	c.changes++
}

// publish makes a finding known.
func (c *Correlator) publish(f *Finding) {
	f.fill()
	f.ID = f.id()
	c.findings = append(c.findings, f)
	c.changes++
}

// id is the same for the same finding however often the lines are read.
func (f *Finding) id() string {
	subject := f.UpstreamHost
	switch {
	case f.Kind == kind.SlowNode:
		subject = f.Node
	case f.Service == "":
		subject = f.Authority
	}
	return findingID(f.Kind, f.Service, f.Subset, subject, f.Start)
}

func findingID(k kind.Kind, service, subset, subject string, start int64) string {
	h := fnv.New64a()
	for _, s := range [...]string{k.String(), service, subset, subject, strconv.FormatInt(start, 10)} {
		_, _ = h.Write([]byte(s))
		_, _ = h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil))
}

// end ends the pod's finding at a time.
func (c *Correlator) end(p *pod, at int64) {
	f := p.judge.finding
	p.judge.finding, p.judge.state = nil, Healthy
	c.close(f, at)
	if f.SinceFirst && p.judge.sides != nil {
		p.judge.admit(f)
	}
}

// admit lets what was found become the pod's past, where it has been so since
// the pod was first seen, is mild and fails no calls: it has been told, and when
// it comes back, that is how the pod is.
func (j *judge) admit(f *Finding) {
	e := &f.Evidence
	cut := float64(e.Timeouts+e.Disconnects) > mildCuts*float64(e.Requests+e.ServerRequests)
	if e.P50.Value >= mildRatio || e.P90.Value >= mildRatio || cut {
		return
	}
	for side := range j.sides {
		j.sides[side].past.Add(&j.evidence.sides[side].own, 1)
	}
}

// What is mild: how many times as long as the siblings', and the share of
// requests that are cut.
const (
	mildRatio = 3
	mildCuts  = 0.01
)

// close ends a finding at a time.
func (c *Correlator) close(f *Finding, at int64) {
	f.End, f.Ended = max(at, f.Start), true
	f.fill()
	f.pod, f.evidence, f.heard, f.drop = nil, nil, nil, nil
	c.changes++
	c.forgetFindings()
}

// forgetFindings drops the oldest findings that ended, beyond the bound.
func (c *Correlator) forgetFindings() {
	for i := 0; len(c.findings) > maxFindings && i < len(c.findings); i++ {
		if c.findings[i].Ended {
			c.findings = append(c.findings[:i], c.findings[i+1:]...)
			c.dropped[BoundFindings]++
			return
		}
	}
}

// endSilent ends findings on what neither wrote nor was named for so long that
// nobody can say how it is, and on pods whose address is another's by now.
func (c *Correlator) endSilent(now int64) {
	for i := 0; i < len(c.findings); i++ {
		f := c.findings[i]
		switch {
		case f.Ended || f.Kind == kind.SlowNode || f.episode != nil: // it ends with its pods, or its failures
		case f.pod != nil && now-f.pod.judge.seen <= silence && !f.pod.replaced(now):
		case now-f.heard() <= silence && (f.pod == nil || !f.pod.replaced(now)):
		case f.pod != nil:
			p := f.pod
			f.Silent = !p.replaced(now)
			if p.judge.alone {
				p.group.judge.calm(now)
			}
			c.end(p, p.heard)
			p.judge.clear()
		default:
			f.Silent = true
			drop := f.drop
			c.close(f, f.heard())
			drop(now)
		}
	}
	c.judgeNodes(now)
}

// replaced says that another pod, by its own records, has held the address for
// a minute in which this one was not heard of.
func (p *pod) replaced(now int64) bool {
	next := p.host.pods[len(p.host.pods)-1]
	return next != p && next.firstServer > p.heard && now-p.heard > 60_000
}

// fill brings what the finding says up to date.
func (f *Finding) fill() {
	switch {
	case f.Kind == kind.SlowNode:
		f.fillNode()
		return
	case f.episode != nil:
		f.fillFault()
		return
	}
	e := f.evidence
	if p := f.pod; p != nil {
		f.Service, f.Subset = p.group.service.name, p.group.subset
		f.Namespace, f.Pod, f.Node = p.inNamespace(), p.name, p.node
	} else {
		f.Namespace = classify.Namespace(f.Service)
	}
	f.Evidence = e.numbers(f.Ended)
	switch {
	case f.Kind == kind.CallerCancels && e.left > 0:
		f.Proof = ProofBoth
	case f.Kind == kind.SlowPodUnverified || e.serverRequests == 0:
		f.Proof = ProofClient
	case f.Kind == kind.SlowPod && e.timeouts == 0 && !e.seenByCallers(), e.requests == 0:
		f.Proof = ProofServer
	default:
		f.Proof = ProofBoth
	}
}

// seenByCallers says that the callers' records, too, show the pod to be slower
// than its siblings.
func (e *evidence) seenByCallers() bool {
	r := e.sides[SideClient].ratios()
	return max(r.P50.Value, r.P90.Value) >= seenRatio
}

// seenRatio is how much slower callers must see a pod to bear its own word out.
const seenRatio = 1.5
