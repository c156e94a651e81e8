package correlate

import (
	"github.com/slowpod/slowpod/classify"
)

// unknownService is the service of a record that nothing names.
const unknownService = "unknown"

// silence is how long a pod must be unheard of, on both sides, until its
// address may belong to another one.
const silence = 600_000

// service is one service; its subsets, and what has no subset, are groups.
type service struct {
	name    string
	groups  map[string]*group // by subset, "" without
	whole   *group            // the one without
	index   int32             // in the list, from 1
	series  Series
	longest int64 // longest client duration
	leavers leavers
	uneven  bool // see Config.Uneven
	outside bool // no service of Kubernetes by its name: pods of it need not log
}

// group is the siblings of one service and subset.
type group struct {
	service *service
	subset  string
	key     string // service|subset: an order that does not depend on the lines
	client  clientCount
	server  serverCount
	calls   [Verdicts]uint64
	touched bool // has data in the slice being closed
	// asked and failed are callers' requests of the open slices; newest is
	// when the newest of the pods first answered.
	asked, failed [openSlices]uint32
	newest        int64
	timeouts      timeouts
	judge         groupJudge
}

type clientCount struct{ requests, failures uint64 }

type serverCount struct{ requests, failures, istioOK uint64 }

func (c *serverCount) add(r *Record) {
	c.requests++
	if r.Failure {
		c.failures++
	}
	if r.Code < 500 {
		c.istioOK++
	}
}

func (c *serverCount) plus(o serverCount) {
	c.requests += o.requests
	c.failures += o.failures
	c.istioOK += o.istioOK
}

// host is an upstream host; the pods are those that held it, in that order.
type host struct {
	addr  string
	index int32 // in the list
	pods  []*pod
	heard int64 // last, absurd times left out
}

// pod is one identity behind an upstream host.
type pod struct {
	host    *host
	heard   int64 // last, absurd times left out: what keeps a finding open
	targets []target
	// group is that of the target that clients name most, else the SNI,
	// else the label's; never nil.
	group                               *group
	labelled                            bool // group comes from the label, or is unknown
	name, namespace, podID, node, label string
	first, firstServer, last            int64 // ends; firstServer 0: none
	asked                               int64 // first start of a request in this life

	timeouts        uint64
	client          clientCount
	server, unnamed serverCount // unnamed: records that name no service, part of server
	disconnects     uint64
	calls           [Verdicts]uint64
	served          uint64 // bit i: server records in the slice servedAt-i
	servedAt        int64
	cells           [openSlices]*cell
	near            near
	answers         answers // of the slices that have closed
	judge           judge
}

// registry interns what records name: services, subsets, hosts and pods.
type registry struct {
	bounds   Bounds
	services map[string]*service
	uneven   map[string]bool
	list     []*service
	groups   int
	hosts    map[string]*host
	hostList []*host            // nil: free
	ports    map[string][]*host // by the IP
	free     []int32
	pods     int
	swept    int64 // when pods were last forgotten
	dropped  *[numBounds]uint64
	unknown  *group
	latest   int64 // an end after this is an absurd time
}

func newRegistry(b Bounds, dropped *[numBounds]uint64) *registry {
	g := &registry{bounds: b, services: map[string]*service{}, uneven: map[string]bool{}, hosts: map[string]*host{}, ports: map[string][]*host{}, dropped: dropped}
	g.unknown = g.newService(unknownService).whole
	return g
}

func (g *registry) newService(name string) *service {
	s := &service{name: name, groups: map[string]*group{}, uneven: g.uneven[name], outside: classify.Namespace(name) == ""}
	s.whole = &group{service: s, key: name + "|"}
	s.groups[""] = s.whole
	g.list = append(g.list, s)
	s.index = int32(len(g.list))
	g.services[name] = s
	g.groups++
	return s
}

// indexOf is the index of the service that a target names; 0: none.
func (g *registry) indexOf(t classify.Target) int32 {
	if t.Service == nil {
		return 0
	}
	if s := g.services[string(t.Service)]; s != nil {
		return s.index
	}
	return 0
}

// at returns the service of an index; nil for 0.
func (g *registry) at(index int32) *service {
	if index == 0 {
		return nil
	}
	return g.list[index-1]
}

// named returns the group that a target names; the unknown one where it names
// none or where no more services fit.
func (g *registry) named(t classify.Target) *group {
	if t.Service == nil {
		return g.unknown
	}
	s := g.services[string(t.Service)]
	if s == nil {
		if g.groups >= g.bounds.Services {
			g.dropped[BoundServices]++
			return g.unknown
		}
		s = g.newService(string(t.Service))
	}
	if len(t.Subset) == 0 {
		return s.whole
	}
	sub := s.groups[string(t.Subset)]
	if sub == nil {
		if g.groups >= g.bounds.Services {
			g.dropped[BoundServices]++
			return s.whole
		}
		sub = &group{service: s, subset: string(t.Subset), key: s.name + "|" + string(t.Subset)}
		s.groups[sub.subset] = sub
		g.groups++
	}
	return sub
}

// hostOf interns an address; nil where the record has none or no more fit.
func (g *registry) hostOf(addr []byte) *host {
	if len(addr) == 0 {
		return nil
	}
	h := g.hosts[string(addr)]
	if h == nil {
		if len(g.hosts) >= g.bounds.Pods && !g.makeRoom() {
			g.dropped[BoundPods]++
			return nil
		}
		h = &host{addr: string(addr), index: int32(len(g.hostList))}
		if n := len(g.free); n > 0 {
			h.index, g.free = g.free[n-1], g.free[:n-1]
			g.hostList[h.index] = h
		} else {
			g.hostList = append(g.hostList, h)
		}
		g.hosts[h.addr] = h
		g.ports[h.ip()] = append(g.ports[h.ip()], h)
	}
	return h
}

// podOf finds the pod that the record, which names that service or none (nil),
// speaks of, or makes it; nil where no more fit.
func (g *registry) podOf(h *host, r *Record, named *service) *pod {
	end := r.End()
	var p *pod
	if r.Side == classify.Server {
		p = h.writer(r, end, named)
	} else {
		p = h.holder(end, named)
	}
	if p == nil {
		if g.pods >= g.bounds.Pods && !g.makeRoom() {
			g.dropped[BoundPods]++
			return nil
		}
		p = &pod{host: h, group: g.unknown, labelled: true, first: end, last: end, asked: r.Start}
		h.pods = append(h.pods, p)
		g.pods++
	}
	p.first, p.last, p.asked = min(p.first, end), max(p.last, end), min(p.asked, r.Start)
	p.heard = max(p.heard, min(end, g.latest))
	if r.Side == classify.Server {
		g.identify(p, r, end)
	}
	return p
}

// writer finds the pod that wrote a server record at this address. Its id says
// so; without one another name, another service or a long silence mean another
// pod.
func (h *host) writer(r *Record, end int64, named *service) *pod {
	for i := len(h.pods) - 1; i >= 0; i-- {
		p := h.pods[i]
		if r.PodID != nil && p.podID != "" {
			if string(r.PodID) == p.podID {
				return p
			}
			continue
		}
		if r.Pod != nil && p.name != "" && string(r.Pod) != p.name {
			continue
		}
		if end-p.last <= silence && p.serves(named) {
			return p
		}
	}
	return nil
}

// holder finds the pod that, by server records, held the address at a time,
// and before the first of those to the address.
func (h *host) holder(end int64, named *service) *pod {
	for i := len(h.pods) - 1; i >= 0; i-- {
		p := h.pods[i]
		if i > 0 && p.from() > end {
			continue
		}
		if p.podID != "" || end-p.last <= silence && p.serves(named) {
			return p
		}
	}
	return nil
}

// serves says whether a record that names the service may speak of the pod. A
// pod with an id may stand behind several.
func (p *pod) serves(named *service) bool {
	return named == nil || p.labelled || p.podID != "" || p.group.service == named
}

// from is when the pod took the address: by its own records, else as far as
// any record says.
func (p *pod) from() int64 {
	if p.firstServer != 0 {
		return p.firstServer
	}
	return p.first
}

// identify keeps what a server record says of the pod that wrote it.
func (g *registry) identify(p *pod, r *Record, end int64) {
	if p.firstServer == 0 || end < p.firstServer {
		p.firstServer = end
	}
	fill(&p.podID, r.PodID)
	fill(&p.name, r.Pod)
	fill(&p.namespace, r.Namespace)
	fill(&p.node, r.Node)
	if p.label == "" && r.Label != nil {
		p.label = string(r.Label)
		if to := g.named(classify.Target{Service: r.Label}); p.labelled {
			g.move(p, to)
		}
	}
}

func fill(s *string, b []byte) {
	if *s == "" && b != nil {
		*s = string(b)
	}
}
