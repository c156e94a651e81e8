package correlate

import (
	"math"
	"slices"

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
	rose     [2]bool           // the last slice added to it
	spread   [2]float64        // habitual, between siblings, octaves
	zone     [2]float64        // the dead zone that follows
	classes  durations.Classes
	report   [2]float64
	slow     bool
	most     bool // of the pods were slower in the last slice, by traffic
	// callersMove: most pods look slow to their callers at once.
	callersMove bool
	movedAt     int64 // last slice in which all pods seemed slower; 0: never
	calmRun     int   // slices in a row in which a slow service is not
	guard       int64 // nothing new is said of pods until then
	worst       State
	finding     *Finding
	evidence    *evidence
	beside      subsetJudge
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
		// Nothing old is used while all of them change; where they are asked
		// little, at most what they did in the last minute, if they go on.
		if wn := window.N(); n >= goOn && n < movingSiblings && wn > 0 {
			h.Add(&window, min(1, (movingSiblings-n)/wn))
			n = h.N()
		}
		return h, n >= movingSiblings-0.5 // sums of shares are not exact
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
