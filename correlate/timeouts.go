package correlate

import "slices"

// A timeout is too low where healthy pods run into it: where the p99 of what
// they need reaches most of it.
const (
	nearTimeout  = 0.8
	nearQuantile = 0.01 // of requests, that is
	nearLeast    = 20   // requests of a pod without which nothing is said of it
	nearFade     = 0.9  // of a slice
	mostNear     = 0.5  // share of pods
	// Where more of a pod's requests than this need so long it is down, and
	// no timeout would help.
	downAbove   = 0.3
	agreeWithin = 60_000
)

// timeouts are the requests of a group that timed out, of the last slices.
type timeouts struct {
	recent []timeoutSlice
	ms     int64 // that they ran into; 0 where their durations do not agree
	tooLow bool
}

type timeoutSlice struct {
	at            int64
	n             uint64
	shortest, sum int64
}

// near is how many of a pod's requests took most of the timeout, fading.
type near struct{ n, all float64 }

// judgeTimeouts looks, after a slice, whether healthy pods of the group run into
// their callers' timeout.
func (c *Correlator) judgeTimeouts(g *group, shares []share, now int64) {
	t := &g.timeouts
	t.recent = slices.DeleteFunc(t.recent, func(o timeoutSlice) bool { return now-o.at >= agreeWithin })
	o := timeoutSlice{at: now}
	for i := range shares {
		if cell := shares[i].cell; cell != nil && cell.sides[SideClient].cut > 0 {
			o.n += uint64(cell.sides[SideClient].cut)
			o.sum += cell.utSum
			if o.shortest == 0 || cell.utShortest < o.shortest {
				o.shortest = cell.utShortest
			}
		}
	}
	if o.n > 0 {
		t.recent = append(t.recent, o)
	}
	t.ms, t.tooLow = t.value(), false
	if t.ms == 0 {
		for i := range shares {
			shares[i].pod.near = near{}
		}
		return
	}
	pods, up := 0, 0
	for i := range shares {
		p := shares[i].pod
		if cell := shares[i].cell; cell != nil {
			n, all := cell.sides[SideClient].lasted.AtLeast(int64(nearTimeout * float64(t.ms)))
			p.near.n, p.near.all = p.near.n*nearFade+float64(n), p.near.all*nearFade+float64(all)
		}
		if p.near.all >= nearLeast && !p.judge.suspect() {
			pods++
			if p.near.n >= nearQuantile*p.near.all && p.near.n <= downAbove*p.near.all {
				up++
			}
		}
	}
	gj := &g.judge
	moves := gj.moving(SideClient, now) || gj.moving(SideServer, now)
	t.tooLow = up > 0 && float64(up) > mostNear*float64(pods) && !moves && !g.service.slow()
}

// value is the timeout that the last minute's requests ran into.
func (t *timeouts) value() int64 {
	var sum tally
	for _, o := range t.recent {
		sum.timeouts += o.n
		sum.utSum += o.sum
		if sum.utShortest == 0 || o.shortest < sum.utShortest {
			sum.utShortest = o.shortest
		}
	}
	return sum.timeout()
}
