package score

import (
	"cmp"
	"slices"
	"strings"

	"github.com/slowpod/slowpod/bench/fleet/world"
)

// life is the pod that an alert is on; nil where there never was one.
func (j *judge) life(pod, host string, at int64) *world.PodLife {
	if p := j.byName[pod]; pod != "" && p != nil {
		return p
	}
	lives := j.byHost[host]
	for i := len(lives) - 1; i > 0; i-- {
		if lives[i].Born <= at {
			return lives[i]
		}
	}
	if len(lives) == 0 {
		return nil
	}
	return lives[0]
}

// cry is what counts as one alert.
type cry struct {
	Alert
	life *world.PodLife // nil: on a service, or on a pod that never was
	// hits are what it is true of, with the time of the first alert that was;
	// none: it is false.
	hits []hit
}

type hit struct {
	episode *world.Episode
	at      int64
}

// cries are the alerts of some kinds that count, each with what it is true of.
//
// What is within five minutes is one, but never across truth: a cry just
// before a fault neither becomes true nor hides what comes after it.
func (j *judge) cries(alerts []Alert, of ...string) (all []*cry) {
	alerts = slices.Clone(alerts)
	slices.SortStableFunc(alerts, func(a, b Alert) int { return cmp.Compare(a.At, b.At) })
	type key struct {
		subject string
		right   bool
	}
	last := map[key]*cry{}
	for _, a := range alerts {
		if a.At < j.opts.From || !slices.Contains(of, a.Kind) {
			continue
		}
		c, subject := j.cry(a)
		k := key{subject, len(c.hits) > 0}
		if first := last[k]; first != nil && c.At-first.At <= sameAlert {
			first.join(c)
			continue
		}
		last[k] = c
		all = append(all, c)
	}
	return all
}

func ofService(kind string) bool { return kind == SlowService || kind == CallerCancels }

// cry finds what an alert is on, and what it is true of.
func (j *judge) cry(a Alert) (c *cry, subject string) {
	c, subject = &cry{Alert: a}, a.Service
	if !ofService(a.Kind) {
		subject = a.Host
		if c.life = j.life(a.Pod, a.Host, a.At); c.life != nil {
			subject = c.life.PodID
		}
	}
	for i := range j.truth.Episodes {
		e := &j.truth.Episodes[i]
		if proves(a.Kind, e) && on(e, a.At) && c.isOn(e) {
			c.hits = append(c.hits, hit{e, a.At})
		}
	}
	return c, subject
}

// join takes a later alert into this one.
func (c *cry) join(later *cry) {
	c.Cleared = later.Cleared // it is on again, or over later
	for _, h := range later.hits {
		if !slices.ContainsFunc(c.hits, func(o hit) bool { return o.episode == h.episode }) {
			c.hits = append(c.hits, h)
		}
	}
}

// isOn says whether the cry is on what the episode is of.
func (c *cry) isOn(e *world.Episode) bool {
	if ofService(c.Kind) {
		// Where no record names the service, its pods' labels do: svc-1 for
		// svc-1.sim.svc.cluster.local.
		return e.Service == c.Service || c.Service != "" && strings.HasPrefix(e.Service, c.Service+".")
	}
	return c.life != nil && e.PodID == c.life.PodID
}

// proves says whether an episode makes an alert of a kind true.
func proves(kind string, e *world.Episode) bool {
	switch kind {
	case SlowPod, Unverified:
		return e.SlowPod()
	case Network:
		return e.Kind == world.PacketLoss
	case SlowService:
		return e.Kind == world.SlowService
	case CallerCancels:
		return e.Kind == world.HangUps
	}
	return false
}

// on says whether an episode is on, or ended a short while ago.
func on(e *world.Episode, at int64) bool { return e.Start <= at && at <= e.End+clearing }

func count(cries []*cry) (n Count) {
	for _, c := range cries {
		if len(c.hits) > 0 {
			n.True++
		} else {
			n.False++
		}
	}
	return n
}

func firstHit(cries []*cry, e *world.Episode) (at int64, ok bool) {
	for _, c := range cries {
		for _, h := range c.hits {
			if h.episode == e && (!ok || h.at < at) {
				at, ok = h.at, true
			}
		}
	}
	return at, ok
}

// carried says that the pod was named for another fault before this one began,
// and rightly still is. That finds the fault, but has no delay.
func carried(cries []*cry, e *world.Episode) bool {
	return slices.ContainsFunc(cries, func(c *cry) bool {
		return len(c.hits) > 0 && c.isOn(e) && c.At < e.Start && (c.Cleared == 0 || c.Cleared >= e.Start)
	})
}

// touches says whether an episode may make a pod look slow: it is of the pod,
// of all pods of its node, of its service, or of who calls that.
func touches(e *world.Episode, p *world.PodLife) bool {
	switch {
	case e.PodID != "":
		return e.PodID == p.PodID
	case e.Caller != "": // the node is the caller's
		return e.Caller == p.Pod || e.Service == p.Service
	case e.Node != "":
		return e.Node == p.Node
	}
	return e.Service == p.Service
}
