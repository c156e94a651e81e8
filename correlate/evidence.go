package correlate

import (
	"cmp"
	"slices"
	"strings"

	"github.com/slowpod/slowpod/classify"
)

// Evidence is the numbers of a finding, from its start on. Counts are of
// slices that have closed.
type Evidence struct {
	Requests, Timeouts          uint64 // the callers' word
	Confirmed, Held             uint64 // timeouts of which the pod's record says so too
	ServerRequests, Disconnects uint64 // the pod's word, without what callers cut themselves
	Siblings                    int
	SiblingRequests             uint64
	SiblingTimeouts             uint64
	SiblingDisconnects          uint64
	// P50 and P90 compare with the siblings in the same slices.
	P50, P90 Ratio
	// TimeoutMS is the timeout that the callers' requests ran into; 0 where
	// their durations do not agree.
	TimeoutMS int64
	Callers   []string
	Samples   []Sample
}

// Ratio compares a quantile of durations with the siblings'. Cut: it fell on a
// request that was cut, so the ratio is a lower bound.
type Ratio struct {
	Value float64 // 0: unknown
	Cut   bool
}

// Sample is a call of a finding.
type Sample struct {
	Verdict   Verdict
	RequestID string
	Client    *SampleSide
	Server    *SampleSide
}

// SampleSide is one side of a sample. Flags and Details are "" where unset or
// unknown.
type SampleSide struct {
	Start, Duration int64
	Code            int
	Flags, Details  string
}

const maxSamples = 5

// evidence sums up slices while a pod is suspected.
type evidence struct {
	start, lastBad int64
	tally
	// bad is the tally as of the last bad slice: what a finding that has
	// ended rests on.
	bad     tally
	samples []Sample
}

// tally is the sums of some slices.
type tally struct {
	requests, timeouts          uint64
	confirmed, held             int64
	serverRequests, disconnects uint64
	siblings                    int
	sibling                     shares
	client, server, sibC, sibS  hist
	utShortest, utSum           int64
	callers                     []string
}

// newEvidence begins in a slice that is bad; the first bad request's start is
// the onset, if the slice knows it.
func newEvidence(slice int64, c *cell) *evidence {
	e := &evidence{start: slice}
	if c.firstBad != 0 {
		e.start = c.firstBad
	}
	return e
}

// siblingSum is the sum of one slice over all pods of a group.
type siblingSum struct {
	shares
	pods           int
	client, server hist
}

func (s *siblingSum) add(c *cell) {
	s.pods++
	s.plus(c.shares(), 1)
	s.client.plus(&c.client.hist)
	s.server.plus(&c.server.hist)
}

// add enters a slice of the pod, and what the whole group did in it.
func (e *evidence) add(c *cell, group *siblingSum, now int64) {
	own := c.shares()
	e.requests += uint64(own.client)
	e.timeouts += uint64(own.clientCut)
	e.serverRequests += uint64(own.server)
	e.disconnects += uint64(own.serverCut)
	e.confirmed += int64(c.confirmed)
	e.held += int64(c.held)
	e.siblings = max(e.siblings, group.pods-1)
	e.sibling.plus(group.shares, 1)
	e.sibling.plus(own, -1)
	e.client.plus(&c.client.hist)
	e.server.plus(&c.server.hist)
	e.sibC.plusLess(&group.client, &c.client.hist)
	e.sibS.plusLess(&group.server, &c.server.hist)
	e.utSum += c.utSum
	if c.utShortest != 0 && (e.utShortest == 0 || c.utShortest < e.utShortest) {
		e.utShortest = c.utShortest
	}
	for _, name := range c.callers {
		addCaller(&e.callers, name)
	}
	if own.clientCut > 0 || own.serverCut > 0 {
		e.lastBad, e.bad = now, e.tally
		e.bad.callers = slices.Clone(e.callers)
	}
}

// serious says that enough requests, and a share worth speaking of, were cut.
func (e *tally) serious(cut, n uint64) bool {
	return cut >= minCut && float64(cut) >= minShare*float64(n)
}

// numbers is the evidence as others see it; of a finding that has ended, up to
// its last bad slice.
func (e *evidence) numbers(ended bool) Evidence {
	if ended {
		v := e.bad.numbers()
		v.Samples = slices.Clone(e.samples)
		return v
	}
	v := e.tally.numbers()
	v.Samples = slices.Clone(e.samples)
	return v
}

func (e *tally) numbers() Evidence {
	v := Evidence{
		Requests: e.requests, Timeouts: e.timeouts, Confirmed: uint64(max(e.confirmed, 0)), Held: uint64(max(e.held, 0)),
		ServerRequests: e.serverRequests, Disconnects: e.disconnects, Siblings: e.siblings,
		SiblingRequests: uint64(e.sibling.client), SiblingTimeouts: uint64(e.sibling.clientCut),
		SiblingDisconnects: uint64(e.sibling.serverCut),
		TimeoutMS:          e.timeout(), Callers: slices.Clone(e.callers),
	}
	own, others := &e.client, &e.sibC
	if own.n == 0 || others.n == 0 || e.timeouts == 0 && e.disconnects > 0 {
		own, others = &e.server, &e.sibS
	}
	v.P50, v.P90 = ratio(own, others, 0.5), ratio(own, others, 0.9)
	return v
}

func ratio(own, others *hist, q float64) Ratio {
	if own.n == 0 || others.n == 0 {
		return Ratio{}
	}
	a, isCut := own.quantile(q)
	b, _ := others.quantile(q)
	return Ratio{Value: a / b, Cut: isCut}
}

// timeout is the value at which the durations of the timeouts pile up. The
// timer starts when the whole request has come in, so that none is shorter.
func (e *tally) timeout() int64 {
	if e.timeouts == 0 || e.utShortest == 0 {
		return 0
	}
	if mean := float64(e.utSum) / float64(e.timeouts); mean > 1.15*float64(e.utShortest)+20 {
		return 0
	}
	// People configure round values: take the next one below, if it is near.
	for _, step := range [...]int64{10_000, 5_000, 1_000, 500, 100, 50, 10} {
		if round := e.utShortest / step * step; round > 0 && e.utShortest-round <= max(10, e.utShortest/200) {
			return round
		}
	}
	return e.utShortest
}

// credit notes that the pod's record confirms a timeout that ended at end:
// the app had the request, or it was held in the pod's proxy.
func (c *Correlator) credit(p *pod, end int64, appHad bool, n int32) {
	if end >= c.window.start {
		cell := c.window.cell(p, c.window.nearest(end))
		if appHad {
			cell.confirmed += n
		} else {
			cell.held += n
		}
		return
	}
	if e := p.judge.evidence; e != nil && end >= e.start {
		e.tally.credit(appHad, n)
		if end <= e.lastBad {
			e.bad.credit(appHad, n)
		}
	}
}

func (e *tally) credit(appHad bool, n int32) {
	if appHad {
		e.confirmed += int64(n)
	} else {
		e.held += int64(n)
	}
}

// creditLeft notes that the caller's record says that its application left.
func (c *Correlator) creditLeft(p *pod, end int64) {
	if end >= c.window.start {
		c.window.cell(p, c.window.nearest(end)).callerLeft++
	}
}

// settle corrects what pair credited by what the whole call says.
func (c *Correlator) settle(p *pod, h *half, v Verdict) {
	if p == nil || h.outcome != classify.Timeout {
		return
	}
	sure := v == Confirmed || v == HeldInProxy
	switch {
	case sure && !h.paired:
		c.credit(p, h.end, v == Confirmed, 1)
	case !sure && h.paired:
		c.credit(p, h.end, true, -1)
	}
}

// sample keeps a call as an example: of those that count as evidence the
// earliest few, so that the order of lines does not matter.
func (p *pod) sample(call *Call) {
	e := p.judge.evidence
	if e == nil {
		return
	}
	s := Sample{Verdict: call.Verdict, RequestID: strings.Clone(string(call.RequestID))}
	end := int64(0)
	if len(call.Server) > 0 {
		end = call.Server[0].End()
		s.Server = sampleSide(&call.Server[0])
		if call.Client == nil && !isCut(call.Server[0].Outcome) {
			return
		}
	}
	if call.Client != nil {
		if call.Client.Outcome != classify.Timeout && call.Verdict != HiddenRetry {
			return
		}
		end = call.Client.End()
		s.Client = sampleSide(call.Client)
	}
	if end < e.start {
		return
	}
	i, _ := slices.BinarySearchFunc(e.samples, s, func(a, b Sample) int {
		return cmp.Or(cmp.Compare(a.end(), b.end()), strings.Compare(a.RequestID, b.RequestID))
	})
	if i == maxSamples {
		return
	}
	e.samples = slices.Insert(e.samples, i, s)
	e.samples = e.samples[:min(len(e.samples), maxSamples)]
}

func (s *Sample) end() int64 {
	if s.Client != nil {
		return s.Client.Start + s.Client.Duration
	}
	return s.Server.Start + s.Server.Duration
}

func sampleSide(r *Record) *SampleSide {
	return &SampleSide{Start: r.Start, Duration: r.Duration, Code: r.Code, Flags: string(r.FlagText), Details: string(r.Details)}
}
