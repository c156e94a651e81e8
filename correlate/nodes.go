package correlate

import (
	"cmp"
	"maps"
	"slices"

	"github.com/slowpod/slowpod/correlate/kind"
)

// Pods that become slow together, on one node and of several services, have the
// node in common.
const (
	nodePods     = 3
	nodeServices = 2
	nodeWithin   = 60_000 // between the first start and the last
)

// judgeNodes looks for nodes on which pods have become slow together. Each pod
// keeps its own finding; that of the node lists them.
func (c *Correlator) judgeNodes(now int64) {
	if c.looked == c.changes {
		return
	}
	byNode := map[string][]*Finding{}
	for _, f := range c.findings {
		if f.pod != nil && !f.Ended && f.pod.node != "" && (f.Kind == kind.SlowPod || f.Kind == kind.SlowPodUnverified) {
			byNode[f.pod.node] = append(byNode[f.pod.node], f)
		}
	}
	for _, node := range slices.Sorted(maps.Keys(c.nodes)) {
		f := c.nodes[node]
		if slices.ContainsFunc(f.members, func(m *Finding) bool { return !m.Ended }) {
			continue
		}
		end := f.Start
		for _, m := range f.members {
			end = max(end, m.End)
		}
		c.close(f, end)
		delete(c.nodes, node)
	}
	for _, node := range slices.Sorted(maps.Keys(byNode)) {
		c.judgeNode(node, byNode[node], now)
	}
	c.looked = c.changes
}

func (c *Correlator) judgeNode(node string, slow []*Finding, now int64) {
	slices.SortFunc(slow, func(a, b *Finding) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.ID, b.ID))
	})
	f := c.nodes[node]
	if f == nil {
		together := slowTogether(slices.DeleteFunc(slow, func(f *Finding) bool { return f.Covered }))
		if together == nil {
			return
		}
		f = &Finding{Kind: kind.SlowNode, Node: node, Start: together[0].Start, Detected: now, members: together}
		for _, m := range together {
			m.Covered = true
		}
		c.nodes[node] = f
		c.publish(f)
		return
	}
	for _, m := range slow {
		if !m.Covered && m.Start-f.Start <= nodeWithin && f.Start-m.Start <= nodeWithin {
			m.Covered = true
			f.members = append(f.members, m)
			c.changes++
		}
	}
}

// slowTogether returns the first of the findings, in order of their starts,
// that are enough to blame what they have in common; nil where none are.
func slowTogether(slow []*Finding) []*Finding {
	for i := range slow {
		k := i
		services := map[string]bool{}
		for ; k < len(slow) && slow[k].Start-slow[i].Start <= nodeWithin; k++ {
			services[slow[k].pod.group.service.name] = true
		}
		if k-i >= nodePods && len(services) >= nodeServices {
			return slices.Clone(slow[i:k])
		}
	}
	return nil
}

// fillNode sums up what the findings of a node's pods say.
func (f *Finding) fillNode() {
	var e Evidence
	f.Members, f.Proof = nil, ProofServer
	var callers callerSet
	var p50, p90 []float64
	for _, m := range f.members {
		if !m.Ended {
			m.fill()
		}
		o := &m.Evidence
		f.Members = append(f.Members, Member{Service: m.Service, Pod: m.Pod, UpstreamHost: m.UpstreamHost})
		e.Requests += o.Requests
		e.Timeouts += o.Timeouts
		e.Confirmed += o.Confirmed
		e.Held += o.Held
		e.ServerRequests += o.ServerRequests
		e.Disconnects += o.Disconnects
		for _, name := range o.Callers {
			callers.add(name, 1)
		}
		if o.P50.Value > 0 {
			p50, p90 = append(p50, o.P50.Value), append(p90, o.P90.Value)
		}
		if m.Proof == ProofBoth || f.Proof == ProofServer && m.Proof == ProofClient {
			f.Proof = m.Proof
		}
	}
	e.Callers = callers.names()
	slices.SortFunc(f.Members, func(a, b Member) int {
		return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(a.UpstreamHost, b.UpstreamHost))
	})
	if len(p50) > 0 {
		slices.Sort(p50)
		slices.Sort(p90)
		e.P50.Value, e.P90.Value = p50[len(p50)/2], p90[len(p90)/2]
	}
	f.Evidence = e
}
