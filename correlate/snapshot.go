package correlate

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/slowpod/slowpod/classify"
)

// DurationBounds are the upper bounds of Series.Durations in milliseconds; one
// more bucket holds what is longer.
var DurationBounds = [...]int64{5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000}

// Series counts the records of one service as they came, for metrics. The
// first index is SideClient or SideServer.
type Series struct {
	Outcomes  [2][classify.Outcomes]uint64
	Flags     [2][classify.Flags]uint64
	Durations [2][len(DurationBounds) + 1]uint64
	Sum       [2]int64 // of durations, milliseconds
	// Failures and IstioFailures count failed requests by our rule, and
	// server records with a code of 500 or more, which is Istio's.
	Requests, Failures [2]uint64
	IstioFailures      uint64
}

// The indices of Series.
const (
	SideClient = 0
	SideServer = 1
)

func (s *Series) observe(r *Record) {
	i := SideClient
	if r.Side == classify.Server {
		i = SideServer
	}
	s.Outcomes[i][r.Outcome]++
	if r.Flags != 0 {
		r.Flags.Each(func(f classify.Flag) { s.Flags[i][f]++ })
	}
	if !r.HTTP {
		return
	}
	s.Requests[i]++
	if r.Failure {
		s.Failures[i]++
	}
	if i == SideServer && r.Code >= 500 {
		s.IstioFailures++
	}
	b := 0
	for b < len(DurationBounds) && r.Duration > DurationBounds[b] {
		b++
	}
	s.Durations[i][b]++
	s.Sum[i] += r.Duration
}

// Plus adds o.
func (s *Series) Plus(o *Series) {
	for side := range s.Outcomes {
		for i, n := range o.Outcomes[side] {
			s.Outcomes[side][i] += n
		}
		for i, n := range o.Flags[side] {
			s.Flags[side][i] += n
		}
		for i, n := range o.Durations[side] {
			s.Durations[side][i] += n
		}
		s.Sum[side] += o.Sum[side]
		s.Requests[side] += o.Requests[side]
		s.Failures[side] += o.Failures[side]
	}
	s.IstioFailures += o.IstioFailures
}

// Calls counts calls by verdict.
type Calls [Verdicts]uint64

// Snapshot is what a Correlator holds at one time. It shares nothing with it.
type Snapshot struct {
	// Records is how many records were taken; Span is zero without any.
	Records uint64
	Span    Span
	Streams int // that are being read; without any nobody knows how pods are now
	// Watermark is up to when slices have been judged.
	Watermark   int64
	Last        int64 // latest end of a record, absurd times left out
	Late, Ahead uint64
	OpenHalves  int
	Join        JoinStats
	Dropped     map[string]uint64
	Services    []ServiceStats // by service
	Pods        []PodStats     // by service, upstream host, identity in time
	Findings    []Finding      // by start, kind, service, host
	// Log is what is wrong with the log itself, in the order in which it began.
	Log []LogFault
}

// ServiceStats is one service with its subsets.
type ServiceStats struct {
	Name   string
	Total  GroupStats
	Groups []GroupStats // those with a subset, by subset
	Series Series
}

// GroupStats is the siblings of one service and subset, or a whole service.
type GroupStats struct {
	Subset                         string
	ClientRequests, ClientFailures uint64
	ServerRequests, ServerFailures uint64
	// IstioOK are the server records that Istio counts as success: a code
	// below 500, 0 included.
	IstioOK uint64
	Calls   Calls
	// State is what it is now, Worst what it was at its worst.
	State, Worst State
}

// PodStats is one identity behind an upstream host. Names are "" where unknown.
type PodStats struct {
	UpstreamHost, Service, Subset               string
	Namespace, Pod, PodID, Node                 string
	ClientRequests, ClientFailures, Timeouts    uint64
	ServerRequests, ServerFailures, Disconnects uint64
	Calls                                       Calls
	State, Worst                                State
	// Live pods are those that were heard of in the last ten minutes and can
	// be compared; the rest is 0 for all others.
	Live  bool
	Sides [2]PodSide
	// More and MoreMS are how many requests, and how long in milliseconds,
	// it will take to be sure of a pod that evidence has begun to speak
	// against; 0 where none has, or where there is a finding.
	More, MoreMS int64
}

// PodSide is how a pod stands by one side's records.
type PodSide struct {
	// Compared is how many requests could be compared with the siblings'.
	Compared float64
	// Evidence that the pod is slow, as a share of what decides.
	Evidence float64
	// Since is how many of these since evidence began to speak against it.
	Since float64
	// Tail is the share of the last minute's requests that took longer than
	// nearly all of the siblings'.
	Tail float64
	// P50 and P90 are how many times as long as the siblings' the requests
	// of the last minute took; 0: unknown.
	P50, P90 float64
}

// Snapshot copies what is held.
func (c *Correlator) Snapshot() *Snapshot {
	s := &Snapshot{
		Records: c.records, Span: c.span, Streams: len(c.streams), Watermark: c.window.start, Last: c.lastEnd, Late: c.window.late, Ahead: c.window.ahead,
		OpenHalves: c.join.halves.openCount(), Join: c.join.stats, Dropped: map[string]uint64{},
	}
	for i, n := range c.dropped {
		if n > 0 {
			s.Dropped[Bound(i).String()] = n
		}
	}
	if c.join.traces.shift > 0 {
		s.Dropped[BoundTraces.String()] += c.join.traces.left
	}
	unnamed := map[*group]serverCount{}
	for _, h := range c.registry.hostList {
		if h == nil {
			continue
		}
		for _, p := range h.pods {
			s.Pods = append(s.Pods, p.stats(c.window.start))
			if p.unnamed.requests > 0 {
				to := c.registry.unnamedGroup(p)
				sum := unnamed[to]
				sum.plus(p.unnamed)
				unnamed[to] = sum
			}
		}
	}
	for _, svc := range c.registry.services {
		// A service that a label or an address stood for until records
		// named it is nobody's.
		if row := svc.stats(unnamed); row.seen() {
			s.Services = append(s.Services, row)
		}
	}
	for _, f := range c.findings {
		if !f.Ended {
			f.fill()
		}
		s.Findings = append(s.Findings, *f)
	}
	s.Log = c.logFaults()
	if n := c.log.Dropped(); n > 0 {
		s.Dropped["clocks"] = n
	}
	s.sort()
	return s
}

func (s *Snapshot) sort() {
	slices.SortFunc(s.Services, func(a, b ServiceStats) int { return strings.Compare(a.Name, b.Name) })
	slices.SortStableFunc(s.Pods, func(a, b PodStats) int {
		return cmp.Or(strings.Compare(a.Service, b.Service), strings.Compare(a.UpstreamHost, b.UpstreamHost))
	})
	slices.SortStableFunc(s.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), strings.Compare(a.Kind.String(), b.Kind.String()),
			strings.Compare(a.Service, b.Service), strings.Compare(a.UpstreamHost, b.UpstreamHost), strings.Compare(a.Authority, b.Authority))
	})
}

// inNamespace is the pod's namespace by its records, else by its service.
func (p *pod) inNamespace() string {
	if p.namespace != "" {
		return p.namespace
	}
	return classify.Namespace(p.group.service.name)
}

// stats is what is known of the pod when the slices until now have closed.
func (p *pod) stats(now int64) PodStats {
	s := PodStats{
		UpstreamHost: p.host.addr, Service: p.group.service.name, Subset: p.group.subset,
		Namespace: p.inNamespace(), Pod: p.name, PodID: p.podID, Node: p.node,
		ClientRequests: p.client.requests, ClientFailures: p.client.failures, Timeouts: p.timeouts,
		ServerRequests: p.server.requests, ServerFailures: p.server.failures, Disconnects: p.disconnects,
		Calls: p.calls, State: p.judge.state, Worst: p.judge.worst,
	}
	// The judge counts from when the first request ended, and hears of a pod only
	// when its service is called; and what is said now stands for a slice.
	if s.State == Starting && now+sliceLen-p.asked > grace {
		s.State = Healthy
	}
	p.judge.stats(&s)
	return s
}

func (j *judge) stats(s *PodStats) {
	if s.Live = j.sides != nil; !s.Live {
		return
	}
	for side := range j.sides {
		held, to := &j.sides[side], &s.Sides[side]
		to.Compared, to.Since, to.Tail, to.Evidence = held.trendN, held.since, held.tail, j.level(side)/bar
		if held.trendN > 0 {
			to.P50, to.P90 = math.Exp2(held.p50), math.Exp2(held.p90)
		}
	}
	if j.finding == nil && j.state == Healthy {
		s.More, s.MoreMS = j.forecast()
	}
}

func (svc *service) stats(unnamed map[*group]serverCount) ServiceStats {
	s := ServiceStats{Name: svc.name, Series: svc.series}
	for _, g := range svc.groups {
		server := g.server
		server.plus(unnamed[g])
		row := GroupStats{
			Subset: g.subset, ClientRequests: g.client.requests, ClientFailures: g.client.failures,
			ServerRequests: server.requests, ServerFailures: server.failures, IstioOK: server.istioOK, Calls: g.calls,
			State: g.judge.state(), Worst: g.judge.worst,
		}
		s.Total.plus(&row)
		if g.subset != "" {
			s.Groups = append(s.Groups, row)
		}
	}
	if svc.leavers.finding != nil {
		s.Total.State = max(s.Total.State, CallerCancels)
	}
	s.Total.Worst = max(s.Total.Worst, svc.leavers.worst)
	slices.SortFunc(s.Groups, func(a, b GroupStats) int { return strings.Compare(a.Subset, b.Subset) })
	return s
}

// seen says whether any record or call is counted for the service.
func (s *ServiceStats) seen() bool {
	t := &s.Total
	return t.ClientRequests+t.ServerRequests > 0 || t.Calls != Calls{} ||
		s.Series.Outcomes != [2][classify.Outcomes]uint64{}
}

func (g *GroupStats) plus(o *GroupStats) {
	g.ClientRequests += o.ClientRequests
	g.ClientFailures += o.ClientFailures
	g.ServerRequests += o.ServerRequests
	g.ServerFailures += o.ServerFailures
	g.IstioOK += o.IstioOK
	g.State, g.Worst = max(g.State, o.State), max(g.Worst, o.Worst)
	for i, n := range o.Calls {
		g.Calls[i] += n
	}
}
