package correlate

import (
	"cmp"
	"slices"
	"strings"

	"github.com/slowpod/slowpod/classify"
	"github.com/slowpod/slowpod/correlate/faults"
)

// Sample is a call of a finding.
type Sample struct {
	Verdict   Verdict
	RequestID string
	Client    *SampleSide
	Server    *SampleSide
}

// SampleSide is one side of a sample.
type SampleSide = faults.Side

const maxSamples = 5

// sample keeps a call as an example: of those that count as evidence the
// earliest few, so that the order of lines does not matter.
func (p *pod) sample(call *Call) {
	e := p.judge.evidence
	if e == nil {
		return
	}
	s := Sample{Verdict: call.Verdict, RequestID: string(call.RequestID)}
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

// keepSlowest keeps the slowest calls of a slice among the examples, with both
// sides where each side's slowest is the same call.
func (e *evidence) keepSlowest(c *cell) {
	for side := range c.sides {
		o := &c.sides[side].slowest
		if o.idLen == 0 {
			continue
		}
		id := string(o.id[:o.idLen])
		told := &SampleSide{Start: o.start, Duration: o.duration, Code: o.code}
		i := slices.IndexFunc(e.slowest, func(s Sample) bool { return s.RequestID == id })
		if i < 0 {
			i = len(e.slowest)
			e.slowest = append(e.slowest, Sample{RequestID: id})
		}
		s := &e.slowest[i]
		if side == SideClient {
			s.Client = told
		} else {
			s.Server = told
		}
		switch {
		case s.Server == nil:
			s.Verdict = ClientOnly
		case s.Client == nil:
			s.Verdict = ServerOnly
		default:
			s.Verdict = Joined
		}
	}
	slices.SortFunc(e.slowest, func(a, b Sample) int {
		return cmp.Or(cmp.Compare(b.duration(), a.duration()), strings.Compare(a.RequestID, b.RequestID))
	})
	e.slowest = e.slowest[:min(len(e.slowest), maxSamples)]
}

// duration is the longer of what the two sides say.
func (s *Sample) duration() int64 {
	var d int64
	for _, side := range [...]*SampleSide{s.Client, s.Server} {
		if side != nil {
			d = max(d, side.Duration)
		}
	}
	return d
}
