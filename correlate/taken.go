package correlate

import "strings"

// ip is the address without its port.
func (h *host) ip() string { return h.addr[:max(strings.LastIndexByte(h.addr, ':'), 0)] }

// taken says that the pod's IP is another's by now: of another service at the
// same port, of another name or id at any.
func (g *registry) taken(p *pod) bool {
	for _, h := range g.ports[p.host.ip()] {
		for _, o := range h.pods {
			if o.group.service != p.group.service && o.group != g.unknown && o.firstServer != 0 && o.answers.last > p.answers.last &&
				(h == p.host || o.isNot(p)) {
				return true
			}
		}
	}
	return false
}

// isNot says that the two are known to be different pods, by their ids or else
// their names.
func (p *pod) isNot(o *pod) bool {
	if p.podID != "" && o.podID != "" {
		return p.podID != o.podID
	}
	return p.name != "" && o.name != "" && p.name != o.name
}
