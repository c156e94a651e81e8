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
	recent []timeoutsOfSlice
	ms     int64 // that they ran into; 0 where their durations do not agree
	tooLow bool
}

type timeoutsOfSlice struct {
	at int64
	waited
}

// waited is how many requests timed out, and how long they had waited, in
// milliseconds.
type waited struct {
	n             uint64
	shortest, sum int64
}

func (t *waited) add(o waited) {
	if o.n == 0 {
		return
	}
	if t.n == 0 || o.shortest < t.shortest {
		t.shortest = o.shortest
	}
	t.n += o.n
	t.sum += o.sum
}

// value is the timeout at which the durations pile up; 0 where they do not
// agree. The timer starts when the whole request has come in, so that none is
// shorter.
func (t *waited) value() int64 {
	if t.n == 0 {
		return 0
	}
	if mean := float64(t.sum) / float64(t.n); mean > 1.15*float64(t.shortest)+20 {
		return 0
	}
	// People configure round values: take the next one below, if it is near.
	for _, step := range [...]int64{10_000, 5_000, 1_000, 500, 100, 50, 10, 5} {
		near := max(min(10, step/4), t.shortest/200)
		if round := t.shortest / step * step; round > 0 && t.shortest-round <= near {
			return round
		}
	}
	return t.shortest
}

// near is how many of a pod's requests took most of the timeout, fading.
type near struct{ n, all float64 }

// judgeTimeouts looks, after a slice, whether healthy pods of the group run into
// their callers' timeout.
func (c *Correlator) judgeTimeouts(g *group, shares []share, now int64) {
	t := &g.timeouts
	t.recent = slices.DeleteFunc(t.recent, func(o timeoutsOfSlice) bool { return now-o.at >= agreeWithin })
	o := timeoutsOfSlice{at: now}
	for i := range shares {
		if cell := shares[i].cell; cell != nil {
			o.add(cell.ut)
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
	var sum waited
	for _, o := range t.recent {
		sum.add(o.waited)
	}
	return sum.value()
}
