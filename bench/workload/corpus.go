package workload

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// CorpusOptions of the scenarios Corpus, Storm and Failing. Zero fields stand
// for defaults.
type CorpusOptions struct {
	Options
	// Services, of ten pods each; 50, at most 2,000.
	Services int
	// Slow has every so many-th pod take five times as long as the others, all
	// the time; 0 has none do so.
	Slow int
	// Timeouts has the truth list every call that timed out, which takes some
	// 50 bytes each; without it, it only counts them.
	Timeouts bool
}

// Corpus is the log that benchmarks of reading are run on: 50 services of 10
// pods, some much busier than others, called by one another's sidecars. Half of
// the lines are inbound; 2 % tell of a failure, a sixth of those each of UT, DC,
// "UF,URX", UH, NR and UC; 0.4 % hold an escape; 30 % have long user agents,
// query strings and X-Forwarded-For. Pods write their keys in one of three
// orders, for 60, 25 and 15 % of the lines. A line has 849 bytes on average.
//
// By default 1,000,000 lines of 10,000 requests/s; with a Duration and no Lines,
// as many as it takes.
func Corpus(o CorpusOptions) *Generator { return corpus("corpus", o, one, one) }

// Storm is the same where 30 % of the lines are the two halves of timeouts, UT
// and DC, over all pods.
func Storm(o CorpusOptions) *Generator { return corpus("storm", o, 0.296, one) }

// Failing is the same where a share of the lines, 0 to 1, are the halves of
// timeouts, and nothing else goes wrong.
func Failing(share float64, o CorpusOptions) *Generator { return corpus("failing", o, share, 0) }

// one is of the calls, for a third of a percent of the lines.
const one = 0.00658

// corpus lets a share of its calls time out, and others go wrong otherwise: a
// share for each way.
func corpus(name string, o CorpusOptions, timeouts, others float64) *Generator {
	endless := o.Duration <= 0
	if endless && o.Lines <= 0 {
		o.Lines = 1_000_000
	}
	o.Options = o.or(time.Hour, 10_000)
	if endless {
		o.Duration = 0 // until there are enough lines
	}

	const pods = 10
	services := o.Services
	if services <= 0 {
		services = 50
	}
	w := newWorld(o.Options, 3, "node-1", "node-2", "node-3", "node-4", "node-5", "node-6", "node-7", "node-8")
	podShares := zipfCounts(pods, 200, 0.8)
	serviceShares := zipfCounts(services, 2000, 1)
	shops := []string{"retail", "billing", "search", "media", "ops"}
	nouns := []string{"orders", "users", "items", "prices", "events", "stock", "carts", "offers", "rates", "tokens"}
	sets := make([]*subset, services)
	classes := make([][]*class, services)
	for i := range sets {
		noun, namespace := nouns[i%len(nouns)], shops[i%len(shops)]
		s := newService(fmt.Sprintf("%s-api-%02d", noun, i), namespace, fmt.Sprintf("10.%d.%d.10", 96+i/256, i%256), 8080, 8080, 500*time.Millisecond)
		sets[i] = w.addSubset(s, "", namespace, fmt.Sprintf("10.%d.%d.%%d", 128+i/16, i%256), 10, pods)
		sets[i].share = newDeck(podShares...)
		for j, method := range []string{"GET", "GET", "POST", "GET"} {
			path := []string{"/api/v1/{n}", "/api/v1/{n}/details", "/api/v1/batch", "/api/v2/search"}[j]
			path = strings.Replace(path, "v1", "v1/"+noun, 1)
			body := 0
			if method == "POST" {
				body = 240
			}
			work := time.Duration(3+7*j+i%9) * time.Millisecond
			classes[i] = append(classes[i], newClass(method, path, work, 0.6, body, 700*(j+1)))
		}
	}
	order(w.pods, podShares, serviceShares)
	if o.Slow > 0 {
		for i := o.Slow - 1; i < len(w.pods); i += o.Slow {
			w.pods[i].pace *= 5
		}
	}

	g := newGenerator(name, o.Options, w)
	g.count.unlisted = !o.Timeouts
	g.noise = noise{timeout: timeouts, noHost: others, noRoute: others, refused: others, cut: others}

	busy, callers := newDeck(serviceShares...), newDeck(podShares...)
	agents, odd := browsers(), oddAgents()
	plain := []*agent{plainAgent("Go-http-client/1.1"), plainAgent("python-requests/2.32.5"), plainAgent("okhttp/5.1.0")}
	g.arrive = func(at int64) {
		i := busy.draw(g.rng)
		h := hop{
			caller: sets[(i+1)%services].pods[callers.draw(g.rng)], to: sets[i],
			class: classes[i][g.rng.IntN(len(classes[i]))], agent: plain[g.rng.IntN(len(plain))],
			authority: sets[i].host, id: newUUID(g.rng), at: at, number: g.rng.Uint32N(1e6),
		}
		if u := g.rng.Float64(); u < 0.004 {
			h.agent = odd[g.rng.IntN(len(odd))]
		} else if u > 0.7 {
			h.agent, h.query, h.xff = agents[g.rng.IntN(len(agents))], queries()[g.rng.IntN(4)], stranger(g.rng)
		}
		g.call(&h)
	}
	return g
}

func queries() [4]string {
	return [4]string{
		"?page=3&per_page=50&sort=-created_at&fields=id,name,status,total",
		"?from=2026-02-01&to=2026-03-01&currency=EUR&locale=de_DE&expand=lines",
		"?q=blue+running+shoes&category=sport&brand=acme&min_price=20&max_price=90",
		"?utm_source=newsletter&utm_medium=email&utm_campaign=spring&ref=header",
	}
}

// order gives the pods of a corpus their key orders, such that 60, 25 and 15 %
// of the lines have one each. Sorted keys are of new proxies, the others of old
// ones.
func order(pods []*Pod, podShares, serviceShares []int) {
	weight := func(p *Pod) int { // lines as a server, and as a caller of the service before
		s := p.index / len(podShares)
		before := (s + len(serviceShares) - 1) % len(serviceShares)
		return podShares[p.index%len(podShares)] * (serviceShares[s] + serviceShares[before])
	}
	busiest := slices.SortedStableFunc(slices.Values(pods), func(a, b *Pod) int {
		return cmp.Compare(weight(b), weight(a))
	})
	orders := [...][]field{hashedKeys(), declaredKeys(), sortedKeys()}
	want := [...]float64{0.60, 0.25, 0.15}
	var have [3]float64
	for _, p := range busiest {
		least := 0 // served of its share
		for i := range want {
			if have[i]/want[i] < have[least]/want[least] {
				least = i
			}
		}
		have[least] += float64(weight(p))
		p.order, p.old = orders[least], least < 2
	}
}
