package correlate

import "github.com/slowpod/slowpod/classify"

// name notes that a record names the group for the pod.
func (g *registry) name(p *pod, to *group, side classify.Side) {
	if to == g.unknown {
		return
	}
	t := p.target(to)
	if side == classify.Client {
		t.client++
	} else {
		t.server++
	}
	if p.group != to && (p.labelled || t.outweighs(p.target(p.group))) {
		p.labelled = false
		g.move(p, to)
	}
}

func (p *pod) target(to *group) *target {
	for i := range p.targets {
		if p.targets[i].group == to {
			return &p.targets[i]
		}
	}
	if len(p.targets) == maxTargets {
		return &p.targets[maxTargets-1]
	}
	p.targets = append(p.targets, target{group: to})
	return &p.targets[len(p.targets)-1]
}

// maxTargets bounds the services that are remembered for one pod.
const maxTargets = 16

// target is a group that records name for a pod, and how often.
type target struct {
	group          *group
	client, server uint64
}

// outweighs is the order of the groups of one pod: what clients name most,
// then the SNI, then the name, so that the order of records does not matter.
func (t *target) outweighs(o *target) bool {
	switch {
	case t.client != o.client:
		return t.client > o.client
	case t.server != o.server:
		return t.server > o.server
	}
	return t.group.key < o.group.key
}

func (g *registry) move(p *pod, to *group) {
	p.group.lose(p)
	p.group = to
}

// unnamedGroup is the group of the pod's records that name no service: the one
// that callers use for the address, else that of the label, else unknown.
func (g *registry) unnamedGroup(p *pod) *group {
	var sole *group
	for _, o := range p.host.pods {
		if o != p && (o.last < p.first-sliceLen || o.first > p.last+sliceLen) {
			continue // held the address at another time
		}
		for i := range o.targets {
			t := &o.targets[i]
			switch {
			case t.client == 0 || t.group == sole:
			case sole == nil:
				sole = t.group
			case sole.service != t.group.service:
				return g.labelGroup(p)
			default:
				sole = sole.service.whole // several subsets of one service
			}
		}
	}
	if sole == nil {
		return g.labelGroup(p)
	}
	return sole
}

func (g *registry) labelGroup(p *pod) *group {
	if p.label == "" {
		return g.unknown
	}
	if s := g.services[p.label]; s != nil {
		return s.whole
	}
	return g.unknown
}
