// Package score compares what a detector cried with what really was.
//
// It knows the truth about a simulated fleet and alerts: a kind, a pod or a
// service, and when. It must never know how anybody judges: no record, no
// slice, no evidence, so that slowpod and the usual ways are measured with the
// same rule.
package score

import (
	"cmp"
	"slices"

	"github.com/slowpod/slowpod/bench/fleet/world"
)

// The rules of the score. Times are milliseconds.
const (
	// clearing is how long after the end of what it names an alert is still
	// true: people would look and find the traces.
	clearing = 180_000
	// sameAlert is how long further alerts on the same pod are the same one,
	// from the one that counts on. It does not move along with them: what
	// flaps for an hour is more than one alert.
	sameAlert = 300_000
	// FewRequests is below what a slow pod is not asked for in recall: nobody
	// could know.
	FewRequests = 15
	// startingAge is up to when a pod may be called starting: 120 s, and the
	// two slices by which its first request comes before the end of its first
	// record.
	startingAge = 120_000 + 20_000
	// hiddenFactor is from which on a pod's own permanent factor, over the
	// median of its service's pods, is a difference that a person would see.
	hiddenFactor = 1.2
	// clearRoom is how long before the end of the run a fault must have ended
	// for its alert to be asked when it was over.
	clearRoom = 600_000

	day = 86_400_000
)

// The kinds of alerts that are scored. Others are left alone: they speak of
// configuration and of the life of pods, which no fleet here has faults of.
const (
	SlowPod       = "slow_pod"
	Unverified    = "slow_pod_unverified"
	Network       = "network"
	SlowService   = "slow_service"
	CallerCancels = "caller_cancels"
)

var kinds = [...]string{SlowPod, Unverified, Network, SlowService, CallerCancels}

// Alert is what a detector cried.
type Alert struct {
	Kind    string
	Service string // of alerts on a service
	// Pod names the pod; where it is "", or nobody's name, the alert is on
	// the pod that held Host at the time.
	Pod, Host string
	// At is when the alert first showed, in the collector's time; Cleared
	// when it was over, 0 where it never was.
	At, Cleared int64
}

// Sighting is a pod that was said to be starting, at a time of its records.
type Sighting struct {
	Pod, Host string
	At        int64
}

// Options says what of a run is judged.
type Options struct {
	// From is when judging begins, after the warm-up: earlier alerts and
	// pod-days do not count.
	From int64
	// Unverified has slow_pod_unverified name a pod slow just as slow_pod.
	Unverified bool
}

// Judge scores one run.
func Judge(t *world.Truth, alerts []Alert, starting []Sighting, o Options) *Sheet {
	j := newJudge(t, o)
	s := &Sheet{
		Runs: 1, Pods: j.pods(), PodDays: j.podDays(),
		Blame: map[world.Kind]int{}, Kinds: map[string]Count{}, Named: map[string]Named{},
	}
	for _, kind := range kinds {
		cries := j.cries(alerts, kind)
		s.Kinds[kind] = count(cries)
		s.Named[kind] = j.named(kind, cries)
		j.tell(s, kind, cries)
	}
	cries := j.cries(alerts, SlowPod)
	if o.Unverified {
		cries = j.cries(alerts, SlowPod, Unverified)
	}
	j.slowPods(s, cries)
	j.starting(s, starting)
	return s
}

// judge is the truth, made easy to ask.
type judge struct {
	truth  *world.Truth
	opts   Options
	byName map[string]*world.PodLife
	byHost map[string][]*world.PodLife // in order of birth
	median map[string]float64          // of Hidden, by service
}

func newJudge(t *world.Truth, o Options) *judge {
	j := &judge{
		truth: t, opts: o, byName: map[string]*world.PodLife{},
		byHost: map[string][]*world.PodLife{}, median: map[string]float64{},
	}
	j.opts.From = max(o.From, t.Begin)
	hidden := map[string][]float64{}
	for i := range t.Pods {
		p := &t.Pods[i]
		j.byName[p.Pod] = p
		j.byHost[p.Host] = append(j.byHost[p.Host], p)
		hidden[p.Service] = append(hidden[p.Service], p.Hidden)
	}
	for _, lives := range j.byHost {
		slices.SortStableFunc(lives, func(a, b *world.PodLife) int { return cmp.Compare(a.Born, b.Born) })
	}
	for service, factors := range hidden {
		j.median[service] = quantile(factors, 0.5)
	}
	return j
}

func (j *judge) pods() (n int) {
	for i := range j.truth.Pods {
		if j.truth.Pods[i].Requests > 0 {
			n++
		}
	}
	return n
}

func (j *judge) podDays() (days float64) {
	for i := range j.truth.Pods {
		p := &j.truth.Pods[i]
		died := j.truth.End
		if p.Died != 0 {
			died = min(p.Died, died)
		}
		days += float64(max(died-max(p.Born, j.opts.From), 0)) / day
	}
	return days
}

// named is which episodes that a kind is to name it has named. All are asked
// for, however few the requests; of slow pods those with enough.
func (j *judge) named(kind string, cries []*cry) (n Named) {
	for i := range j.truth.Episodes {
		e := &j.truth.Episodes[i]
		if !proves(kind, e) || e.SlowPod() && e.Requests < FewRequests {
			continue
		}
		n.Cases++
		if at, ok := firstHit(cries, e); ok {
			n.Delays = append(n.Delays, j.since(e, at))
		}
	}
	return n
}

// since is how long after the fault's start a time is. What began before the
// first line could not be seen before it.
func (j *judge) since(e *world.Episode, at int64) float64 {
	return seconds(at - max(e.Start, j.truth.Begin))
}

func seconds(ms int64) float64 { return float64(ms) / 1000 }

// slowPods scores the alerts that name a pod slow.
func (j *judge) slowPods(s *Sheet, cries []*cry) {
	n := count(cries)
	s.True, s.False = n.True, n.False
	for _, c := range cries {
		if len(c.hits) == 0 {
			j.blame(s, c)
		}
	}
	for i := range j.truth.Episodes {
		e := &j.truth.Episodes[i]
		if !e.SlowPod() {
			continue
		}
		f := Fault{Kind: e.Kind, Severe: e.Severe(), Requests: e.Requests, Timeouts: e.Timeouts}
		if at, ok := firstHit(cries, e); ok {
			f.Found, f.Delay, f.Timed = true, j.since(e, at), true
			s.clear(j.truth.End, e, cries)
		} else {
			f.Found = carried(cries, e)
		}
		s.Faults = append(s.Faults, f)
	}
}

// clear notes how long after the end of a fault its last alert was over. An
// alert that was over before is as good as one that ended with it: what flaps
// shows in the alerts per episode.
func (s *Sheet) clear(end int64, e *world.Episode, cries []*cry) {
	if e.End > end-clearRoom {
		return
	}
	var over int64
	for _, c := range cries {
		for _, h := range c.hits {
			switch {
			case h.episode != e:
			case c.Cleared == 0:
				over = end
			default:
				over = max(over, c.Cleared)
			}
		}
	}
	s.Clears = append(s.Clears, seconds(max(over-e.End, 0)))
}

// blame notes what a false alert on a pod was really about.
func (j *judge) blame(s *Sheet, c *cry) {
	if c.life == nil {
		s.Blame[Nothing]++
		return
	}
	if c.life.Hidden >= hiddenFactor*j.median[c.life.Service] {
		s.Hidden++
	}
	some := map[world.Kind]bool{}
	for i := range j.truth.Episodes {
		e := &j.truth.Episodes[i]
		if on(e, c.At) && touches(e, c.life) {
			some[e.Kind] = true
		}
	}
	if some[world.PacketLoss] {
		s.Path++
	}
	if len(some) == 0 {
		some[Nothing] = true
	}
	for kind := range some {
		s.Blame[kind]++
	}
}

// starting counts pods that were said to be starting, each once.
func (j *judge) starting(s *Sheet, all []Sighting) {
	const seen, old = 1, 2
	pods := map[string]int{}
	for _, a := range all {
		id, age := a.Host, int64(0)
		if p := j.life(a.Pod, a.Host, a.At); p != nil {
			id, age = p.PodID, a.At-max(p.First, p.Born)
		}
		pods[id] |= seen
		if age > startingAge {
			pods[id] |= old
		}
	}
	for _, what := range pods {
		s.Starting++
		if what&old != 0 {
			s.StartingOld++
		}
	}
}
