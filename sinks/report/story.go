package report

import (
	"fmt"
	"strings"

	"github.com/slowpod/slowpod/correlate"
	"github.com/slowpod/slowpod/correlate/kind"
)

// maxTitle is the length of a title in characters.
const maxTitle = 50

// tell turns a finding into a story with numbers: what callers see, what the
// pod says, what its siblings did, and what to run next.
func tell(f *correlate.Finding, span *Span) Finding {
	out := Finding{
		ID: f.ID, Kind: f.Kind.String(), Severity: f.Kind.Severity(), Proof: string(f.Proof),
		Service: orNull(f.Service), Subset: orNull(f.Subset), Namespace: orNull(f.Namespace),
		Pod: orNull(f.Pod), Node: orNull(f.Node), UpstreamHost: orNull(f.UpstreamHost),
		Start: Time(f.Start), Detected: Time(f.Detected),
		Silent: f.Silent, Covered: f.Covered, SinceFirst: f.SinceFirst,
	}
	if m := meaning(f); m != nil {
		ranked := m.Ranked(f.First...)
		out.Title, out.Summary, out.Cause = fitted(m.Title, whoOf(f)), faultSummary(f, m), faultCause(ranked)
		out.Evidence, out.Next = faultEvidence(f), faultNext(f, ranked)
		out.Evidence.RuledOut = m.RulesOut
	} else {
		out.Title, out.Summary, out.Cause = title(f), summary(f), cause(f)
		out.Evidence, out.Next = evidence(f), next(f)
		out.Evidence.RuledOut = ruledOut(f)
	}
	if f.Ended {
		end := Time(f.End)
		out.End = &end
	}
	return out
}

// title says who and what; its verb carries the certainty.
func title(f *correlate.Finding) string {
	format := map[kind.Kind]string{
		kind.SlowPod:           "One pod of %s is slow",
		kind.SlowPodUnverified: "One pod of %s looks slow",
		kind.Network:           "Calls to one pod of %s get lost",
		kind.SlowService:       "All pods of %s are slow",
		kind.CallerCancels:     "Callers of %s leave early",
		kind.SlowNode:          "Pods on node %s are slow",
	}[f.Kind]
	switch {
	case f.Kind == kind.Network && f.Evidence.Held > f.Evidence.Confirmed:
		format = "Requests to one pod of %s get stuck"
	case f.Kind == kind.Network && f.Evidence.Timeouts == 0:
		format = "Calls to one pod of %s are delayed"
	case f.Kind == kind.SlowPod && f.Proof != correlate.ProofBoth:
		format = "One pod of %s looks slow" // its callers do not say so
	case f.Kind == kind.SlowService && f.Proof == correlate.ProofClient:
		format = "All pods of %s look slow"
	}
	name, subset := shortName(f.Service), strings.TrimPrefix(f.Subset, "version-")
	if f.Kind == kind.SlowNode {
		name = f.Node
	}
	room := maxTitle - len(format) + len("%s")
	if subset != "" && len(name)+1+len(subset) <= room {
		name += " " + subset
	}
	if runes := []rune(name); len(runes) > room {
		name = string(runes[:room-1]) + "…"
	}
	return fmt.Sprintf(format, name)
}

// shortName is a service as people call it: its first label.
func shortName(service string) string {
	name, _, _ := strings.Cut(service, ".")
	return name
}

func evidence(f *correlate.Finding) Evidence {
	e := &f.Evidence
	out := Evidence{
		Requests: e.Requests, Timeouts: e.Timeouts, Confirmed: e.Confirmed + e.Held, Disconnects: e.Disconnects,
		P50Cut: e.P50.Cut, P90Cut: e.P90.Cut, Siblings: uint64(e.Siblings),
		SiblingRequests: e.SiblingRequests, SiblingTimeouts: e.SiblingTimeouts,
		Callers: append([]string{}, e.Callers...), Samples: []Sample{},
		Flags: []Value{}, Details: []Value{}, Reasons: []Value{}, Codes: []Value{}, Hosts: []Value{},
		Course: e.Course, UsualP90: e.UsualP90, Than: "the siblings’",
	}
	if e.P50.Value > 0 {
		out.P50Ratio = &e.P50.Value
	}
	if e.P90.Value > 0 {
		out.P90Ratio = &e.P90.Value
	}
	switch {
	case e.HasBeside:
		out.Beside = subsetName(e.Beside)
		out.Than = out.Beside + "’s"
	case e.Siblings == 0 && f.UpstreamHost != "" || f.Kind == kind.SlowService:
		out.Than = "that before"
	}
	if e.TimeoutMS > 0 {
		out.TimeoutMS = &e.TimeoutMS
	}
	for i := range e.Samples {
		s := &e.Samples[i]
		out.Samples = append(out.Samples, Sample{
			RequestID: orNull(s.RequestID), Verdict: s.Verdict.String(),
			Client: sampleSide(s.Client), Server: sampleSide(s.Server),
		})
	}
	return out
}

func sampleSide(s *correlate.SampleSide) *SampleSide {
	if s == nil {
		return nil
	}
	return &SampleSide{
		Start: Time(s.Start), DurationMS: s.Duration, Code: s.Code, Flags: orNull(s.Flags), Details: orNull(s.Details),
	}
}
