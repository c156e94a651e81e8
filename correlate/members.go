package correlate

import (
	"slices"
	"strings"

	"github.com/slowpod/slowpod/correlate/durations"
)

// meet notes that a pod has data in the slice that ends at now.
func (g *group) meet(p *pod, now int64) {
	j := &p.judge
	j.seen = now
	if j.live {
		return
	}
	j.live, j.sides = true, &[2]sums{}
	i, _ := slices.BinarySearchFunc(g.judge.live, p, comparePods)
	g.judge.live = slices.Insert(g.judge.live, i, p)
}

func comparePods(a, b *pod) int {
	if d := strings.Compare(a.host.addr, b.host.addr); d != 0 {
		return d
	}
	return slices.Index(a.host.pods, a) - slices.Index(b.host.pods, b)
}

// lose forgets a pod that turns out to belong to another service or subset, and
// what it was compared by.
func (g *group) lose(p *pod) {
	j := &p.judge
	if !j.live {
		return
	}
	j.rest()
	g.judge.live = slices.DeleteFunc(g.judge.live, func(o *pod) bool { return o == p })
	if j.finding == nil {
		j.clear()
	}
}

// rest says that the pod is compared no more.
func (j *judge) rest() {
	j.live, j.sides = false, nil
	if j.finding == nil {
		j.evidence = nil
	}
	if j.state == Starting {
		j.state = Healthy
	}
}

// forget drops the pods that were not heard of for so long that they are no
// siblings any more, and what they were compared by.
func (g *group) forget(now int64) {
	g.judge.live = slices.DeleteFunc(g.judge.live, func(p *pod) bool {
		gone := now-max(p.heard, p.judge.seen) > silence
		if gone {
			p.judge.rest()
		}
		return gone
	})
}

// outdated is how long nobody must have called the service until what was usual
// says nothing any more.
const outdated = 3_600_000

// forgetPast begins to watch the service anew.
func (gj *groupJudge) forgetPast() {
	gj.born, gj.requests, gj.sliceNo = 0, 0, 0
	gj.past, gj.moves, gj.spread, gj.zone = [2]durations.Hist{}, [2][serviceShifts]float64{}, [2]float64{}, [2]float64{}
	gj.classes = durations.Classes{}
	for _, p := range gj.live {
		p.judge.born, p.judge.isNew, p.judge.graced = 0, false, false
		if p.judge.finding == nil {
			*p.judge.sides = [2]sums{}
			p.judge.clear()
		}
	}
}

// births says since when the pods are known, and which are new: those that
// came when their service was being watched already.
func (c *Correlator) births(g *group, now int64) {
	gj := &g.judge
	var fresh []*pod
	for _, p := range gj.live {
		if p.judge.born == 0 {
			p.judge.born = min(max(p.first, now-sliceLen), now-sliceLen+beforeFirst)
			p.judge.judged = now - sliceLen
			fresh = append(fresh, p)
		}
	}
	if len(fresh) == 0 {
		return
	}
	if gj.sliceNo == 0 {
		gj.born = fresh[0].judge.born
		for _, p := range fresh {
			gj.born = min(gj.born, p.judge.born)
		}
	}
	since, requests, known := gj.born, 0.0, -len(fresh)
	for _, o := range g.service.groups { // a subset may be new, too
		if len(o.judge.live) > 0 && o.judge.born != 0 {
			since = min(since, o.judge.born)
		}
		requests += o.judge.requests
		known += len(o.judge.live)
	}
	watched := requests >= newRequests*float64(max(known, 1))
	if c.without&RuleNewOfPeers != 0 {
		since, watched = c.began, true
	}
	for _, p := range fresh {
		p.judge.isNew = watched && p.judge.born-since > newAfter
	}
}

// perhapsReborn starts anew with a pod that is known by its address only, where
// that was silent as no pod is that lives: the next pod of a rollout may have
// got it.
func (p *pod) perhapsReborn(c *cell, now int64) {
	j := &p.judge
	n := float64(max(c.sides[SideClient].n, c.sides[SideServer].n))
	if p.podID == "" && p.name == "" && j.finding == nil && j.missed >= rebornAfter && j.rate*float64(j.missed) >= rebornRequests {
		*j.sides = [2]sums{}
		j.clear()
		j.born, j.isNew, j.graced, j.rate = now-sliceLen, true, false, 0
		p.asked = j.born
	}
	j.rate += (n/float64(j.missed+1) - j.rate) * rateWeight
	j.missed = 0
}
