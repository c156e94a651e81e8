package workload

import (
	"fmt"
	"math/rand/v2"
	"strconv"
)

// A Pod has a proxy that writes lines. It does not change after the generator
// was made; its fields may be read from any goroutine.
type Pod struct {
	Name      string
	Namespace string
	UID       string // of Kubernetes, a UUID
	IP        string
	Node      string
	Service   string // name of the service it belongs to, the workload's for a gateway
	Subset    string // of the service; empty where it has none
	Host      string // "ip:port" where callers reach it; empty for a gateway

	index      int
	skew       int64    // microseconds that the node's clock is ahead
	flush      int64    // microseconds after each full second when the proxy flushes
	pace       float64  // factor on service times: no two pods are quite alike
	gateway    *gateway // nil for a sidecar
	order      []field  // of keys in its JSON lines
	old        bool     // the proxy is of an old version and words some things otherwise
	kubernetes string   // the object that Fluent Bit adds, with its key
}

// A gateway is what a proxy at the edge adds to a pod.
type gateway struct {
	port     int    // where clients connect
	protocol string // that clients speak
	sni      string // of clients' TLS; empty for plain text
}

// A world holds what is there before the first request.
type world struct {
	rng   *rand.Rand
	nodes []node
	pods  []*Pod
}

type node struct {
	name string
	skew int64
}

// newWorld has nodes with these names. stream keeps the scenarios apart, which
// would otherwise draw the same numbers.
func newWorld(o Options, stream uint64, nodes ...string) *world {
	w := &world{rng: rand.New(rand.NewPCG(o.Seed, stream))}
	for _, name := range nodes {
		skew := int64(w.rng.Float64() * float64(o.Skew.Microseconds()))
		w.nodes = append(w.nodes, node{name, skew})
	}
	return w
}

// addPod names a pod of a deployment as Kubernetes does: hash is that of its
// replica set.
func (w *world) addPod(deployment, hash, namespace, service, subset, ip string) *Pod {
	n := w.nodes[len(w.pods)%len(w.nodes)]
	p := &Pod{
		Name:      deployment + "-" + hash + "-" + w.word(5),
		Namespace: namespace,
		UID:       newUUID(w.rng).String(),
		IP:        ip,
		Node:      n.name,
		Service:   service,
		Subset:    subset,
		index:     len(w.pods),
		skew:      n.skew,
		flush:     w.rng.Int64N(1e6),
		pace:      between(w.rng, 0.95, 1.05),
		order:     sortedKeys(),
	}
	w.pods = append(w.pods, p)
	p.kubernetes = w.kubernetesOf(p, hash)
	return p
}

// addGateway adds a pod at the edge of the mesh, of Istio's own ingress.
func (w *world) addGateway(hash, ip string, g gateway) *Pod {
	p := w.addPod("istio-ingressgateway", hash, "istio-system", "istio-ingressgateway", "", ip)
	p.gateway = &g
	return p
}

// word is n letters of the alphabet that Kubernetes makes names of.
func (w *world) word(n int) string {
	const alphabet = "bcdfghjklmnpqrstvwxz2456789"
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[w.rng.IntN(len(alphabet))]
	}
	return string(b)
}

func (w *world) kubernetesOf(p *Pod, hash string) string {
	labels := fmt.Sprintf(`"app":%q,"pod-template-hash":%q,"service.istio.io/canonical-name":%q`,
		p.Service, hash, p.Service)
	if p.Subset != "" {
		labels += fmt.Sprintf(`,"version":%q`, p.Subset)
	}
	var digests []byte
	for range 8 {
		digests = appendHex(digests, w.rng.Uint64(), 16)
	}
	return fmt.Sprintf(`"kubernetes":{"pod_name":%q,"namespace_name":%q,"pod_id":%q,"labels":{%s},`+
		`"annotations":{"istio.io/rev":"default"},"host":%q,"pod_ip":%q,"container_name":"istio-proxy",`+
		`"docker_id":%q,"container_hash":"docker.io/istio/proxyv2@sha256:%s",`+
		`"container_image":"docker.io/istio/proxyv2:1.28.0"}`,
		p.Name, p.Namespace, p.UID, labels, p.Node, p.IP, digests[:64], digests[64:])
}

func hostPort(ip string, port int) string { return ip + ":" + strconv.Itoa(port) }
