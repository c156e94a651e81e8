package workload

import (
	"math"
	"time"
)

// CatalogOptions of the scenario Catalog. Zero fields stand for defaults.
type CatalogOptions struct {
	Options
	// Pods of the subset version-v2; 3, at most 230. One of them is
	// slow.
	Pods int
	// Success is the share of all requests that callers see succeed; 0.77. The
	// slow pod fails as many of its requests as that takes: with three pods
	// about 86 %. Below 1 - 0.8/Pods it fails them all.
	Success float64
	// Uniform has the slow pod take 50 to 900 ms longer for each request,
	// instead of failing some at random; Success has no meaning then.
	Uniform bool
	// Healthy leaves the fault out.
	Healthy bool
	// From and To bound the fault, since the start: from the first line on,
	// and with 0 until the last.
	From, To time.Duration
}

// Catalog is a small mesh of a well-known course: an ingress gateway sends 20 %
// of its requests to version-v1 of the service catalog and 80 % to version-v2,
// with a timeout of 0.5 s. One pod of version-v2, which one is up to the seed,
// answers slowly. The gateway logs "504 UT" for what takes too long and the
// slow pod "0 DC"; nothing else goes wrong.
//
// By default 5 requests/s for 5 minutes.
func Catalog(o CatalogOptions) *Generator {
	o.Options = o.or(5*time.Minute, 5)
	if o.Pods <= 0 {
		o.Pods = 3
	}
	if !(o.Success > 0) {
		o.Success = 0.77
	}
	const namespace, toV2 = "istioinaction", 0.8

	w := newWorld(o.Options, 1, "worker-1", "worker-2")
	gate := w.addGateway("6fb7ccd8cc", "172.17.0.10", gateway{port: 8080, protocol: "HTTP/1.1"})
	s := newService("catalog", namespace, "10.96.177.54", 80, 3000, 500*time.Millisecond)
	v1 := w.addSubset(s, "version-v1", namespace, "172.17.0.%d", 14, 2)
	v2 := w.addSubset(s, "version-v2", namespace, "172.17.0.%d", 17, min(o.Pods, 230))
	items := newClass("GET", "/items", 6*time.Millisecond, 0.5, 0, 502)

	g := newGenerator("catalog", o.Options, w)
	if !o.Healthy {
		f := &fault{
			pod:  v2.pods[w.rng.IntN(len(v2.pods))],
			from: g.at(o.From),
			to:   g.at(o.Duration),
			deal: evenDeck(20, 1),
		}
		if o.To > 0 {
			f.to = g.at(o.To)
		}
		if o.Uniform {
			f.low, f.high = 50e3, 900e3
		} else {
			f.share = math.Min(1, (1-o.Success)*float64(len(v2.pods))/toV2)
		}
		g.fault = f
	}

	curl := plainAgent("curl/8.11.1")
	split := newDeck(4, 16)
	g.arrive = func(at int64) {
		to := v2
		if split.draw(g.rng) == 0 {
			to = v1
		}
		g.call(&hop{
			caller: gate, to: to, class: items, agent: curl, authority: "catalog.istioinaction.io",
			id: newUUID(g.rng), at: at, xff: 192<<24 | 168<<16 | 65<<8 | 3,
		})
	}
	return g
}
