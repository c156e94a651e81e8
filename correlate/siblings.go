package correlate

import (
	"math"
	"slices"
	"strings"

	"github.com/slowpod/slowpod/correlate/durations"
)

// groupJudge is what is held of the siblings of one service and subset.
type groupJudge struct {
	live     []*pod // heard of lately, by address and id
	born     int64
	judged   int64             // end of the last slice with data
	requests float64           // since born
	sliceNo  int               // slices with data
	past     [2]durations.Hist // of all pods
	moves    [2][3]float64     // evidence that all take longer, by shift
	spread   [2]float64        // habitual, between siblings, octaves
	zone     [2]float64        // the dead zone that follows
	classes  durations.Classes
	report   [2]float64
	slow     bool
	// callersMove: most pods look slow to their callers at once.
	callersMove bool
	movedAt     int64 // last slice in which all pods seemed slower; 0: never
	calmRun     int   // slices in a row in which a slow service is not
	guard       int64 // nothing new is said of pods until then
	worst       State
	finding     *Finding
	evidence    *evidence
}

// share is a pod in the slice that is being closed.
type share struct {
	pod   *pod
	cell  *cell // nil: no data
	sides [2]shareSide
}

type shareSide struct {
	n          float64        // requests whose duration is known
	slice, cut durations.Hist // of these, those that are lower bounds
	even       durations.Hist // slice without the pod's habitual offset
	offset     float64        // what was taken off
	part       float64        // what it counts for among the siblings
	same       durations.Hist // these seconds: slice and near, without the offset
	window     durations.Hist
}

// closeSlice judges all pods that have data in the oldest open slice.
func (c *Correlator) closeSlice() {
	now := c.window.start + sliceLen
	place, pods := c.window.oldest()
	groups := c.groups[:0]
	for _, p := range pods {
		if !p.group.touched {
			p.group.touched = true
			groups = append(groups, p.group)
		}
		if p.group != c.registry.unknown { // nobody knows who its siblings are
			p.group.meet(p, now)
		}
	}
	// Names decide the order, not who came first: findings are numbered and
	// listed the same way however the lines were batched.
	slices.SortFunc(groups, func(a, b *group) int { return strings.Compare(a.key, b.key) })
	for _, g := range groups {
		if g != c.registry.unknown {
			c.judgeGroup(g, place, now)
			g.judge.note(now)
		}
		g.touched = false
	}
	c.countMesh(now)
	for i, g := range groups {
		if i+1 == len(groups) || groups[i+1].service != g.service {
			c.judgeLeavers(g.service, now)
		}
	}
	c.groups = groups
	for _, p := range pods {
		c.window.release(p, place)
	}
	c.window.shift(place)
	c.endSilent(now)
}

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

// rest says that the pod is compared no more.
func (j *judge) rest() {
	j.live, j.sides = false, nil
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
	since, watched := gj.born, gj.requests >= newRequests*float64(max(len(gj.live)-len(fresh), 1))
	if c.without&RuleNewOfPeers != 0 {
		since, watched = c.began, true
	}
	for _, p := range fresh {
		p.judge.isNew = watched && p.judge.born-since > newAfter
	}
}

func (c *Correlator) judgeGroup(g *group, place int, now int64) {
	gj := &g.judge
	g.forget(now)
	if gj.judged != 0 && now-gj.judged > outdated {
		gj.forgetPast()
	}
	c.births(g, now)
	gj.sliceNo++
	shares := c.gather(g, place, now)
	c.classify(g, shares, now)
	for i := range shares {
		shares[i].even(now)
	}
	c.judgeService(g, shares, now)
	for i := range shares {
		c.endGrace(shares[i].pod, now)
		c.judgePast(shares[i].pod, now)
	}
	var pool [2]pooled
	for side := range pool {
		c.pool(shares, side, now, &pool[side])
	}
	for i := range shares {
		s := &shares[i]
		if s.cell == nil {
			continue
		}
		for side := range s.sides {
			if s.sides[side].n > 0 {
				c.judgeSide(g, s, side, &pool[side], now)
			}
		}
	}
	gj.callersMove = callersMove(shares)
	var sum siblingSum
	for i := range shares {
		if shares[i].cell != nil {
			sum.add(&shares[i])
		}
	}
	for i := range shares {
		if s := &shares[i]; s.cell != nil {
			c.keepEvidence(s, &sum, now)
			c.decide(s.pod, now)
		}
	}
	c.decideService(g, shares, &sum, now)
	for i := range shares {
		shares[i].remember(gj, now)
	}
	g.remember(shares, now)
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
	}
	j.rate += (n/float64(j.missed+1) - j.rate) * rateWeight
	j.missed = 0
}

// callersMove says that most pods look slow to their callers at once, though
// not to themselves: that is a caller's doing.
func callersMove(shares []share) bool {
	pods, up := 0, 0
	for i := range shares {
		if j := &shares[i].pod.judge; shares[i].sides[SideClient].n > 0 || j.sides[SideClient].window.N() >= 1 {
			pods++
			if j.level(SideClient) > someShare*bar && j.level(SideServer) < someShare*bar {
				up++
			}
		}
	}
	return up >= 2 && 2*up >= pods
}

// gather lists the live pods and lets what is held of them fade.
func (c *Correlator) gather(g *group, place int, now int64) []share {
	gj := &g.judge
	elapsed := float64(now - max(gj.judged, now-int64(silence)))
	if gj.judged == 0 {
		elapsed = sliceLen
	}
	gj.judged = now
	shares := c.shares[:0]
	reportDecay := math.Exp2(-elapsed / reportHalfLife)
	nearDecay := math.Exp2(-elapsed / sliceLen)
	for side := range gj.report {
		gj.report[side] *= reportDecay
	}
	for _, p := range gj.live {
		shares = append(shares, share{pod: p, cell: p.cells[place]})
		j := &p.judge
		j.ut = (j.ut + float64(j.settled)) * reportDecay
		j.utLost = (j.utLost + float64(j.lost)) * reportDecay
		j.settled, j.lost = 0, 0
		j.refused *= reportDecay
		for side := range j.sides {
			j.report[side] *= reportDecay
			held := &j.sides[side]
			held.near.Scale(nearDecay)
			held.rose, held.effective = false, false
		}
		cell := p.cells[place]
		if cell == nil {
			j.missed++
			continue
		}
		p.perhapsReborn(cell, now)
		j.refused += float64(cell.refused)
		if cell.callerLeft > 0 {
			g.service.leavers.fresh.confirmed += float64(cell.callerLeft)
			g.service.leavers.began(cell.leftFrom)
		}
		for side := range cell.sides {
			v := &cell.sides[side]
			j.report[side] += float64(v.n)
			gj.report[side] += float64(v.n)
			if side == SideServer {
				g.service.leavers.fresh.lines += float64(v.n)
			}
			s, n, cut := &j.sides[side], float64(v.n), float64(v.cut)
			if side == SideServer {
				cut = max(cut-float64(cell.callerLeft), 0)
			}
			decay := math.Exp2(-min(elapsed/windowHalfLife, n/failingKept))
			s.n, s.cut = s.n*decay+n, s.cut*decay+cut
		}
		gj.requests += float64(max(cell.sides[SideClient].n, cell.sides[SideServer].n))
	}
	c.shares = shares
	return shares
}

// classify takes the medians of the classes and places what came in the slice
// relative to them.
func (c *Correlator) classify(g *group, shares []share, now int64) {
	classes, frozen := &g.judge.classes, g.judge.frozen()
	for i := range shares {
		if cell := shares[i].cell; cell != nil {
			for side := range cell.sides {
				classes.Observe(&cell.sides[side].lasted)
			}
		}
	}
	classes.Rank(now, frozen[SideClient] || frozen[SideServer])
	for i := range shares {
		if cell := shares[i].cell; cell != nil {
			for side := range cell.sides {
				classes.Learn(side, &cell.sides[side].lasted, frozen[side])
			}
		}
	}
	classes.Take(now, frozen)
	for i := range shares {
		s := &shares[i]
		for side := range s.sides {
			to, held := &s.sides[side], &s.pod.judge.sides[side]
			kept := held.waiting[:0]
			for _, w := range held.waiting {
				if !classes.Bin(side, w.Count, &to.slice, &to.cut) && now-w.since < waitFor {
					kept = append(kept, w)
				}
			}
			held.waiting = kept
			if s.cell != nil {
				s.cell.sides[side].lasted.Each(func(k durations.Count) {
					if !classes.Bin(side, k, &to.slice, &to.cut) && len(held.waiting) < maxWaiting {
						held.waiting = append(held.waiting, waiting{k, now})
					}
				})
			}
			to.n = to.slice.N()
		}
	}
}

// even takes off what the pod always differs by, once that is a long habit.
func (s *share) even(now int64) {
	for side := range s.sides {
		to, held := &s.sides[side], &s.pod.judge.sides[side]
		to.even = to.slice
		to.same = to.slice
		to.same.Add(&held.near, 1)
		to.window = held.window
		if s.pod.judge.age(now) >= longHabit && held.offset != 0 {
			to.offset = held.offset
			to.even.Shift(-held.offset)
			to.same.Shift(-held.offset)
			to.window.Shift(-held.offset)
		}
	}
}

// pooled is what all siblings did.
type pooled struct {
	same, window durations.Hist
	n, cut       float64 // failing calls, decayed
}

// pool sums up the siblings. Suspects and pods that have just been born weigh
// little, and no pod more than a few times the median.
func (c *Correlator) pool(shares []share, side int, now int64, to *pooled) {
	var counts []float64
	suspects, known := 0, 0
	for i := range shares {
		n := shares[i].sides[side].window.N()
		if n > 0 || shares[i].sides[side].n > 0 {
			counts = append(counts, n)
			known++
			if shares[i].pod.judge.suspect() {
				suspects++
			}
		}
	}
	if known == 0 {
		return
	}
	slices.Sort(counts)
	most := max(whaleAtLeast, whale*counts[len(counts)/2])
	rule := float64(suspects) > mostSuspects*float64(known)
	for i := range shares {
		s, j := &shares[i].sides[side], &shares[i].pod.judge
		s.part = 1
		if n := s.window.N(); n > most {
			s.part = most / n
		}
		switch {
		case c.young(j, now, careful):
			s.part *= youngWeight
		case !rule && j.suspect():
			s.part *= suspectWeight
		}
		to.same.Add(&s.same, s.part)
		to.window.Add(&s.window, s.part)
		to.n += j.sides[side].n
		to.cut += j.sides[side].cut
	}
}

// without is the pool without one pod.
func (p *pooled) without(s *shareSide) (same, window durations.Hist) {
	same, window = p.same, p.window
	same.Add(&s.same, -s.part)
	window.Add(&s.window, -s.part)
	for i := range same {
		same[i], window[i] = max(same[i], 0), max(window[i], 0)
		// What subtraction leaves of nothing is nothing.
		if same[i] < 1e-3 {
			same[i] = 0
		}
		if window[i] < 1e-3 {
			window[i] = 0
		}
	}
	return same, window
}

// reference is what the pod's siblings did in the same seconds; where that is
// little, in the last minute, and where that is little, too, what the service
// always did. ok says whether it is enough to compare with.
func (g *group) reference(s *shareSide, side int, pool *pooled, moving bool) (h durations.Hist, ok bool) {
	h, window := pool.without(s)
	n := h.N()
	if moving {
		// Nothing old is used while all of them change.
		if n < movingSiblings {
			return h, false
		}
		return h, true
	}
	if wn := window.N(); n < enoughSiblings && wn > 0 {
		h.Add(&window, min(1, (enoughSiblings-n)/wn))
		n = h.N()
	}
	past := &g.judge.past[side]
	pn := past.N()
	if n < fewSiblings && (pn <= fromPast || g.judge.slow) {
		return h, false
	}
	if n < enoughSiblings && pn > 0 {
		h.Add(past, min(1, min(fromPast, enoughSiblings-n)/pn))
	}
	return h, true
}

// judgePast says whether the pod's own past has a say: a long habit excuses,
// and what a pod has learned whose birth was seen.
func (c *Correlator) judgePast(p *pod, now int64) {
	j := &p.judge
	old := j.isNew || j.age(now) >= longHabit || c.without&RulePastAge != 0
	failing := j.sides[SideClient].failing || j.sides[SideServer].failing
	for side := range j.sides {
		s := &j.sides[side]
		s.pastCounts = old && !failing && s.past.N() >= leastPast
	}
}

// judgeSide enters a slice of one side into the evidence.
func (c *Correlator) judgeSide(g *group, s *share, side int, pool *pooled, now int64) {
	j, moving := &s.pod.judge, g.judge.moving(side, now)
	held, got := &j.sides[side], &s.sides[side]
	held.failing = held.fails(pool.cut-held.cut, pool.n-held.n)
	if held.failing {
		j.sides[SideClient].pastCounts, j.sides[SideServer].pastCounts = false, false
	}
	ref, ok := g.reference(got, side, pool, moving)
	if !ok {
		if moving {
			held.scale(0.9)
		}
		held.effective = false
		return
	}
	zone := deadZone + g.judge.zone[side]
	if g.service.uneven && !held.pastCounts {
		zone += unevenZone
	}
	plain := deadZone
	if c.without&RuleDeadZone != 0 {
		zone, plain = 0, 0
	}
	r := durations.NewReference(&ref)
	w := r.Weigh(&got.even, min(zone, mostDeadZone))
	most := maxSlice
	switch {
	case c.without&RuleSliceBound != 0:
		most = math.Inf(1)
	case held.failing:
		most = maxFailing
	}
	enter := func(sum *float32, l float64) {
		*sum = float32(min(max(float64(*sum)+min(max(l, -maxSlice), most), 0), maxSum))
	}
	held.recent <<= 1
	for k := range held.siblings {
		enter(&held.siblings[k], w.Slower[k])
		enter(&held.same[k], w.Same[k])
		held.trend[k] += float32(w.Slower[k])
		switch {
		case held.siblings[k] == 0:
			held.from[k] = 0
		case held.from[k] == 0:
			held.from[k] = now - sliceLen
		}
	}
	if w.ForAny() {
		held.recent |= 1
	}
	if held.trendFrom == 0 {
		held.trendFrom = now - sliceLen
	}
	held.trendN += got.n
	if past := held.past; past.N() >= leastPast {
		past.Scale(min(1, mostPast/past.N()))
		pr := durations.NewReference(&past)
		pw := pr.Weigh(&got.slice, plain)
		for k := range held.own {
			enter(&held.own[k], pw.Slower[k])
		}
	} else {
		held.own = held.siblings
	}
	if j.finding != nil {
		held.well = min(max(held.well+min(max(w.Well[held.lead], -maxSlice), most), 0), maxSum)
	}
	lead := held.lead
	if j.finding == nil {
		_, lead = held.evidence()
	}
	held.rose = w.For(lead)
	c.see(held, got, &ref, zone, now)
	// What it always differs by.
	if j.level(SideClient) < learnBelow && j.level(SideServer) < learnBelow && got.n > leastOffset {
		own := held.window
		own.Add(&got.slice, 1)
		d := min(max(own.Quantile(0.5)-ref.Quantile(0.5), -mostOffset), mostOffset)
		held.offset += (d - held.offset) * got.n / (held.offsetN + slowOffset)
		held.offsetN = min(held.offsetN+got.n, keptOffset)
	}
}

// see measures how large the difference is, and lets evidence fade of which
// nothing is left to see.
func (c *Correlator) see(held *sums, got *shareSide, ref *durations.Hist, zone float64, now int64) {
	own := got.window
	own.Add(&got.even, 1)
	held.p50 = own.Quantile(0.5) - ref.Quantile(0.5)
	held.p90 = own.Quantile(0.9) - ref.Quantile(0.9)
	held.tail = own.Beyond(ref.Quantile(0.99) + (zone+1)/4)
	held.effective = max(held.p50, held.p90) >= effect || held.tail >= tailEffect || c.without&RuleDeadZone != 0
	e, _ := held.evidence()
	if e == 0 {
		held.since = 0
	} else {
		held.since += got.n
	}
	if e < quietBelow {
		held.quiet++
	} else {
		held.quiet = 0
	}
	switch {
	case e > held.top+0.3:
		held.top, held.topAt = e, now
	case e < held.top/2:
		held.top = e
	case max(held.p50, held.p90) < fadeEffect && held.tail < fadeTail && own.N() >= fadeRequests && now-held.topAt >= fadeAfter:
		held.scale(fade)
	}
}

// calm says that the pod is as always, as far as anybody can tell.
func (j *judge) calm() bool {
	return j.level(SideClient) < learnBelow && j.level(SideServer) < learnBelow && j.finding == nil
}

// remember lets the slice become past.
func (s *share) remember(gj *groupJudge, now int64) {
	j := &s.pod.judge
	calm := j.calm()
	for side := range s.sides {
		held, got := &j.sides[side], &s.sides[side]
		if got.n == 0 {
			continue
		}
		held.near.Add(&got.slice, 1)
		held.window.Scale(math.Exp2(-min(float64(now-max(j.judged, now-windowHalfLife*10))/windowHalfLife, got.n/windowKept)))
		held.window.Add(&got.slice, 1)
		if calm && !gj.moving(side, now) && (!j.isNew || j.age(now) >= learnsFrom) {
			held.past.Scale(max(0, 1-got.n/keptPast))
			held.past.Add(&got.slice, 1)
		}
	}
	if s.cell != nil {
		j.judged = now
	}
}

// remember lets the slice become the service's past, and looks at how far its
// pods always lie apart.
func (g *group) remember(shares []share, now int64) {
	gj := &g.judge
	young, frozen := now-gj.born < longHabit, gj.frozen()
	every, least := 30, float64(leastPast)
	if young {
		every, least = 3, 30
	}
	for side := range gj.past {
		if !frozen[side] {
			decay := math.Exp2(-sliceLen / (30 * 60_000.0))
			gj.past[side].Scale(decay)
			for i := range shares {
				// A log may begin inside a fault; one pod alone is what the
				// service is.
				if len(gj.live) == 1 || shares[i].pod.judge.calm() {
					gj.past[side].Add(&shares[i].sides[side].slice, 1)
				}
			}
		}
		if gj.sliceNo%every == 0 {
			gj.spread[side] = spreadOf(gj.live, side, least)
			gj.zone[side] = spreadZone * max(gj.spread[side]-usualSpread, 0)
		}
	}
}

// spreadOf is the usual difference between siblings, in octaves.
func spreadOf(pods []*pod, side int, least float64) float64 {
	var offsets []float64
	for _, p := range pods {
		if s := &p.judge.sides[side]; s.offsetN >= least {
			offsets = append(offsets, s.offset)
		}
	}
	n := float64(len(offsets))
	if n < 3 {
		return 0
	}
	slices.Sort(offsets)
	median := offsets[len(offsets)/2]
	for i := range offsets {
		offsets[i] = math.Abs(offsets[i] - median)
	}
	slices.Sort(offsets)
	mad := 1.4826 * offsets[len(offsets)/2]
	return (n*mad + 3*priorSpread) / (n + 3)
}
