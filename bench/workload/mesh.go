package workload

import (
	"math/rand/v2"
	"time"
)

// MeshOptions of the scenario Mesh. Zero fields stand for defaults.
type MeshOptions struct {
	Options
	// Slow is the service that one pod of turns slow; "orders". Others: catalog,
	// cart, payments, inventory, frontend.
	Slow string
	// From and To bound the fault, since the start; the middle third.
	From, To time.Duration
	// TimeoutShare of the slow pod's requests take longer than their callers
	// wait, the others 100 to 400 ms longer than usual; 0.4.
	TimeoutShare float64
	// Healthy leaves the fault out.
	Healthy bool
}

// MeshServices are the names that MeshOptions.Slow takes.
func MeshServices() []string {
	return []string{"frontend", "orders", "cart", "catalog", "payments", "inventory"}
}

// Mesh is a small shop: two gateways, six services with three to five pods each
// on three nodes, some of them behind HTTP/2 and gRPC, with the noise of any
// mesh: a few 404 and 500, callers that leave, a rare timeout anywhere. One pod
// turns slow for a while and recovers; which one is up to the seed. What fails
// deeper in the mesh may fail the page that needed it.
//
// By default 40 requests/s from outside for 30 minutes, about 100 calls/s in
// all and two lines each.
func Mesh(o MeshOptions) *Generator {
	o.Options = o.or(30*time.Minute, 40)
	if o.Slow == "" {
		o.Slow = "orders"
	}
	if o.From <= 0 && o.To <= 0 {
		o.From = o.Duration / 3
	}
	if o.To <= 0 {
		o.To = o.From + o.Duration/3
	}
	if !(o.TimeoutShare > 0) {
		o.TimeoutShare = 0.4
	}
	const namespace, ms = "shop", time.Millisecond

	w := newWorld(o.Options, 2, "node-a", "node-b", "node-c")
	edge := gateway{port: 8443, protocol: "HTTP/2", sni: "shop.example.com"}
	gates := []*Pod{
		w.addGateway("7f9c6d5b8d", "10.244.0.9", edge),
		w.addGateway("7f9c6d5b8d", "10.244.1.9", edge),
	}
	add := func(name, vip string, port int, timeout time.Duration, ips string, pods int) *subset {
		s := newService(name, namespace, vip, port, port, timeout)
		return w.addSubset(s, "", namespace, ips, 20, pods)
	}
	frontend := add("frontend", "10.96.10.10", 8080, 5*time.Second, "10.244.2.%d", 4)
	orders := add("orders", "10.96.44.10", 8080, time.Second, "10.244.3.%d", 5)
	cart := add("cart", "10.96.45.11", 8080, 500*ms, "10.244.4.%d", 3)
	catalog := add("catalog", "10.96.46.12", 8080, 500*ms, "10.244.5.%d", 4)
	payments := add("payments", "10.96.47.13", 9090, 800*ms, "10.244.6.%d", 3)
	inventory := add("inventory", "10.96.48.14", 9090, 500*ms, "10.244.7.%d", 3)
	catalog.http2 = true
	for _, s := range []*subset{payments, inventory} {
		s.grpc, s.http2 = true, true
		s.client = plainAgent("grpc-go/1.71.0")
	}

	charge := newClass("POST", "/shop.Payments/Charge", 18*ms, 0.5, 142, 37)
	reserve := newClass("POST", "/shop.Inventory/Reserve", 7*ms, 0.45, 61, 12)
	lookup := newClass("POST", "/shop.Inventory/Get", 3*ms, 0.45, 19, 48)
	products := newClass("GET", "/api/products", 12*ms, 0.5, 0, 6200)
	product := newClass("GET", "/api/products/{n}", 6*ms, 0.5, 0, 910, step{inventory, lookup, false})
	basket := newClass("GET", "/api/carts/{n}", 5*ms, 0.5, 0, 640)
	put := newClass("POST", "/api/carts/{n}/items", 8*ms, 0.5, 74, 120)
	order := newClass("GET", "/api/orders/{n}", 9*ms, 0.5, 0, 1180)
	place := newClass("POST", "/api/orders", 20*ms, 0.5, 410, 260,
		step{inventory, reserve, true}, step{payments, charge, true})
	pages := []*class{
		newClass("GET", "/", 5*ms, 0.5, 0, 18400, step{catalog, products, false}),
		newClass("GET", "/product/{n}", 4*ms, 0.5, 0, 9100, step{catalog, product, true}),
		newClass("GET", "/cart", 4*ms, 0.5, 0, 5200, step{cart, basket, true}),
		newClass("POST", "/cart", 3*ms, 0.5, 91, 180, step{cart, put, true}),
		newClass("GET", "/orders/{n}", 4*ms, 0.5, 0, 4300, step{orders, order, true}),
		newClass("POST", "/checkout", 6*ms, 0.5, 388, 1500, step{cart, basket, true}, step{orders, place, true}),
		newClass("GET", "/static/app.js", 1*ms, 0.4, 0, 88000),
	}
	visits := newDeck(24, 36, 12, 10, 16, 12, 10)

	g := newGenerator("mesh", o.Options, w)
	g.noise = noise{notFound: 0.003, appError: 0.002, cancel: 0.001, timeout: 0.0005}
	if !o.Healthy {
		for _, set := range []*subset{frontend, orders, cart, catalog, payments, inventory} {
			if set.name == o.Slow {
				g.fault = &fault{
					pod: set.pods[w.rng.IntN(len(set.pods))], from: g.at(o.From), to: g.at(o.To),
					share: o.TimeoutShare, deal: evenDeck(10, 1), low: 100e3, high: 400e3,
				}
			}
		}
	}
	agents, spread := browsers(), evenDeck(len(gates), 1)
	g.arrive = func(at int64) {
		id := newUUID(g.rng)
		if g.rng.IntN(100) == 0 {
			id = id.sampled()
		}
		g.call(&hop{
			caller: gates[spread.draw(g.rng)], to: frontend, class: pages[visits.draw(g.rng)],
			agent: agents[g.rng.IntN(len(agents))], authority: "shop.example.com",
			id: id, at: at, number: g.rng.Uint32N(90000) + 1000, xff: stranger(g.rng),
		})
	}
	return g
}

// stranger is an address of the networks that are kept for examples.
func stranger(rng *rand.Rand) uint32 {
	network := [...]uint32{192<<24 | 0<<16 | 2<<8, 198<<24 | 51<<16 | 100<<8, 203<<24 | 0<<16 | 113<<8}
	return network[rng.IntN(len(network))] | (1 + rng.Uint32N(254))
}
