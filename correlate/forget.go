package correlate

import "slices"

// sweepEvery is how much event time passes between two looks for pods to
// forget.
const sweepEvery = 60_000

// sweep forgets pods that nobody has heard of for as long as the bounds say.
func (g *registry) sweep(now int64) {
	if after := g.bounds.ForgetAfter; after > 0 && now-g.swept >= sweepEvery {
		g.swept = now
		g.forget(now - max(after, silence))
	}
}

// makeRoom forgets the pods that were not heard of for so long that their
// addresses may be another's, and says whether there were any. They count as
// dropped.
func (g *registry) makeRoom() bool {
	now := g.latest - farJump
	if now-g.swept < sweepEvery {
		return false
	}
	g.swept = now
	n := g.forget(now - silence)
	g.dropped[BoundPods] += uint64(n)
	return n > 0
}

// forget forgets the pods, and the addresses without any, that were last heard
// of before a time, and says how many pods. What was counted for services
// stays. No half or trace speaks of one that was silent for so long.
func (g *registry) forget(before int64) (n int) {
	for i, h := range g.hostList {
		if h == nil {
			continue
		}
		kept := h.pods[:0]
		for _, p := range h.pods {
			if p.heard >= before || p.judge.seen >= before || p.judge.finding != nil {
				kept = append(kept, p)
				continue
			}
			g.unnamedGroup(p).server.plus(p.unnamed)
			p.group.lose(p)
			n++
		}
		clear(h.pods[len(kept):])
		if h.pods = kept; len(kept) == 0 && h.heard < before {
			delete(g.hosts, h.addr)
			if g.ports[h.ip()] = slices.DeleteFunc(g.ports[h.ip()], func(o *host) bool { return o == h }); len(g.ports[h.ip()]) == 0 {
				delete(g.ports, h.ip())
			}
			g.hostList[i] = nil
			g.free = append(g.free, int32(i))
		}
	}
	g.pods -= n
	return n
}
