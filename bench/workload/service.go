package workload

import (
	"fmt"
	"strings"
	"time"
)

// A service is called through its subsets, of which a plain one has only one,
// without a name.
type service struct {
	name    string
	fqdn    string
	vip     string // "ip:port" of the cluster's address
	port    int
	target  int
	timeout int64  // microseconds, of the route to it
	grpc    bool   // its callers speak gRPC
	http2   bool   // between the proxies
	inbound string // cluster in the server's lines
	host    string // authority that callers inside the mesh use
	client  *agent // program that they use
}

// A subset is the pods that a route leads to.
type subset struct {
	*service
	pods    []*Pod
	share   deck   // of pods, as the caller's load balancer spreads them
	cluster string // in the client's lines
	sni     string // in the server's lines
}

// A class is a kind of request that takes a like time.
type class struct {
	method     string
	head, tail string // of the path, around a number
	numbered   bool
	median     float64 // microseconds of the application's own work
	sigma      float64
	in, out    int    // bytes of body, about
	calls      []step // that the application makes before it answers
}

// A step is a call that a request needs.
type step struct {
	to       *subset
	class    *class
	required bool // the request fails when it does
}

func newService(name, namespace, vip string, port, target int, timeout time.Duration) *service {
	return &service{
		name:    name,
		fqdn:    name + "." + namespace + ".svc.cluster.local",
		vip:     hostPort(vip, port),
		port:    port,
		target:  target,
		timeout: timeout.Microseconds(),
		inbound: fmt.Sprintf("inbound|%d||", target),
		host:    hostPort(name, port),
		client:  plainAgent("Go-http-client/1.1"),
	}
}

// addSubset adds n pods of a service, with addresses from a pattern such as
// "10.244.1.%d" and a first number.
func (w *world) addSubset(s *service, name, namespace, ips string, first, n int) *subset {
	set := &subset{
		service: s,
		share:   evenDeck(n, 4),
		cluster: fmt.Sprintf("outbound|%d|%s|%s", s.port, name, s.fqdn),
		sni:     fmt.Sprintf("outbound_.%d_.%s_.%s", s.port, name, s.fqdn),
	}
	deployment, hash := s.name, w.word(10)
	if name != "" {
		deployment += "-" + strings.TrimPrefix(name, "version-")
	}
	for i := range n {
		p := w.addPod(deployment, hash, namespace, s.name, name, fmt.Sprintf(ips, first+i))
		p.Host = hostPort(p.IP, s.target)
		set.pods = append(set.pods, p)
	}
	return set
}

// newClass reads a path in which {n} stands for a number.
func newClass(method, path string, median time.Duration, sigma float64, in, out int, calls ...step) *class {
	head, tail, numbered := strings.Cut(path, "{n}")
	return &class{
		method: method, head: head, tail: tail, numbered: numbered,
		median: float64(median.Microseconds()), sigma: sigma, in: in, out: out, calls: calls,
	}
}
