package correlate

import (
	"encoding/hex"
	"hash/fnv"
	"strconv"
)

// Proof says whose records prove a finding.
type Proof string

// The proofs.
const (
	ProofBoth   Proof = "both"
	ProofClient Proof = "client"
	ProofServer Proof = "server"
)

// Finding is a state of a pod that a person should hear of. Times are event
// times in Unix milliseconds.
type Finding struct {
	ID              string
	Kind            State
	Proof           Proof
	Service, Subset string
	Namespace, Pod  string // "" where unknown
	Node            string
	UpstreamHost    string
	Start, Detected int64
	End             int64
	Ended           bool
	Silent          bool // ended because nobody heard of the pod any more
	Evidence        Evidence

	pod *pod
}

// maxFindings is how many findings that ended are remembered.
const maxFindings = 1000

// open opens a finding on a pod.
func (c *Correlator) open(p *pod, kind State, now int64) {
	j := &p.judge
	f := &Finding{Kind: kind, UpstreamHost: p.host.addr, Start: j.evidence.start, Detected: now, pod: p}
	f.ID = findingID(kind, p, f.Start)
	j.finding, j.state, j.worst = f, kind, max(j.worst, kind)
	c.findings = append(c.findings, f)
	c.changes++
	j.client.watch(j.evidence.timeouts, j.evidence.requests)
	j.server.watch(j.evidence.disconnects, j.evidence.serverRequests)
}

// findingID is the same for the same finding however often the lines are read.
func findingID(kind State, p *pod, start int64) string {
	h := fnv.New64a()
	for _, s := range [...]string{kind.String(), p.group.service.name, p.group.subset, p.host.addr, strconv.FormatInt(start, 10)} {
		_, _ = h.Write([]byte(s))
		_, _ = h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil))
}

// end ends the pod's finding at a time.
func (c *Correlator) end(p *pod, at int64) {
	j := &p.judge
	f := j.finding
	f.End, f.Ended = max(at, f.Start), true
	f.fill()
	j.finding, j.state = nil, Healthy
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

// endSilent ends findings on pods that neither wrote nor were named for so
// long that nobody can say how they are, and on pods whose address is another's
// by now.
func (c *Correlator) endSilent(now int64) {
	for i := 0; i < len(c.findings); i++ {
		if f := c.findings[i]; !f.Ended && (now-f.pod.heard > silence || f.pod.replaced(now)) {
			p := f.pod
			f.Silent = !p.replaced(now)
			c.end(p, p.heard)
			p.judge = judge{worst: p.judge.worst}
		}
	}
}

// replaced says that another pod, by its own records, has held the address for
// a minute in which this one was not heard of.
func (p *pod) replaced(now int64) bool {
	next := p.host.pods[len(p.host.pods)-1]
	return next != p && next.firstServer > p.heard && now-p.heard > 60_000
}

// fill brings what the finding says of its pod up to date.
func (f *Finding) fill() {
	p := f.pod
	e := p.judge.evidence
	f.Service, f.Subset = p.group.service.name, p.group.subset
	f.Namespace, f.Pod, f.Node = p.inNamespace(), p.name, p.node
	f.Evidence = e.numbers(f.Ended)
	switch {
	case f.Kind == SlowPodUnverified:
		f.Proof = ProofClient
	case e.timeouts == 0:
		f.Proof = ProofServer
	default:
		f.Proof = ProofBoth
	}
}
