package web

import (
	"strings"

	"github.com/slowpod/slowpod/sinks/report"
)

// figure is one of the numbers under a finding's headline.
type figure struct {
	Class string // "eq" and "two" are what must be seen from afar
	Label string
	Parts []part
}

// part is a value of a figure, or the relation between two of them.
type part struct {
	Side     string // "kc" of the callers, "ks" of the pod, "" of neither
	Relation bool
	Text     string
	Unit     string
}

const (
	callers = "kc"
	pod     = "ks"
	none    = "–"
)

// figures chooses what to tell of a finding: what callers say against what the
// pod says, where both speak, else only what the one side can say. service is
// the row of the report that the finding speaks of, or nil.
func figures(f *report.Finding, service *report.Service) []figure {
	e := &f.Evidence
	if e.Failures != nil {
		return faultFigures(f, service)
	}
	// Of slowness even a zero speaks; other kinds have other numbers.
	slow := f.Kind == "network" || strings.HasPrefix(f.Kind, "slow_")
	var all []figure
	switch {
	case !slow && e.Timeouts == 0 && e.Disconnects == 0:
	case f.Kind == "network":
		all = append(all, timeouts(e), confirmed(e))
	case f.Proof == "both":
		all = append(all, matched(e))
	case f.Proof == "server":
		all = append(all, disconnects(e))
	default:
		all = append(all, timeouts(e))
	}
	// A service, a node or a caller has no siblings.
	ofPod := f.Kind == "slow_pod" || f.Kind == "slow_pod_unverified" || f.Kind == "network"
	if ofPod {
		all = append(all, siblings(e, f.Proof))
	}
	if slow || service != nil && (service.Client.SuccessRatio != nil || service.Server.IstioSuccessRatio != nil) {
		all = append(all, success(f.Proof, service))
	}
	if f.Kind != "network" && (ofPod || e.P50Ratio != nil) {
		all = append(all, median(e, ofPod && e.Siblings > 0))
	}
	return all
}

// faultFigures are those of a finding of configuration or life.
func faultFigures(f *report.Finding, service *report.Service) []figure {
	e := &f.Evidence
	side := callers
	if f.Proof == "server" {
		side = pod
	}
	all := []figure{{"eq", "requests that show it", []part{{Side: side, Text: count(*e.Failures)}, {Unit: "of " + count(e.Requests)}}}}
	for _, values := range [...]struct {
		label string
		all   []report.Value
	}{{"flags", e.Flags}, {"code", e.Codes}} {
		if len(values.all) > 0 {
			all = append(all, figure{"", values.label, []part{{Text: clean(values.all[0].Value, maxRail)}}})
		}
	}
	if e.TimeoutMS != nil {
		all = append(all, figure{"", "timeout", []part{{Text: count(uint64(*e.TimeoutMS)), Unit: "ms"}}})
	}
	if service != nil && (service.Client.SuccessRatio != nil || service.Server.IstioSuccessRatio != nil) {
		all = append(all, success(f.Proof, service))
	}
	return all
}

func matched(e *report.Evidence) figure {
	relation := "="
	if e.Confirmed != e.Timeouts {
		relation = "≠"
	}
	return figure{"eq", "timeouts matched by disconnects", []part{
		{Side: callers, Text: count(e.Timeouts)},
		{Relation: true, Text: relation},
		{Side: pod, Text: count(e.Confirmed)},
	}}
}

func timeouts(e *report.Evidence) figure {
	return figure{"eq", "timeouts at callers", []part{
		{Side: callers, Text: count(e.Timeouts)}, {Unit: "of " + count(e.Requests)},
	}}
}

func confirmed(e *report.Evidence) figure {
	return figure{"", "confirmed by the pod", []part{
		{Side: pod, Text: count(e.Confirmed)}, {Unit: "of " + count(e.Timeouts)},
	}}
}

func disconnects(e *report.Evidence) figure {
	parts := []part{{Side: pod, Text: count(e.Disconnects)}}
	if e.Requests > 0 {
		parts = append(parts, part{Unit: "of " + count(e.Requests)})
	}
	return figure{"eq", "disconnects at the pod", parts}
}

func siblings(e *report.Evidence, proof string) figure {
	switch {
	case e.Siblings == 0:
		return figure{"", "timeouts at siblings", []part{{Text: none}, {Unit: "no siblings"}}}
	case proof == "server": // a timeout is a word of the callers
		return figure{"", "siblings to compare with", []part{{Text: count(e.Siblings)}}}
	}
	label := "timeouts at " + small(e.Siblings) + " siblings"
	if e.Siblings == 1 {
		label = "timeouts at one sibling"
	}
	return figure{"", label, []part{{Text: count(e.SiblingTimeouts)}, {Unit: "of " + count(e.SiblingRequests)}}}
}

func success(proof string, s *report.Service) figure {
	if s == nil {
		s = &report.Service{}
	}
	switch proof {
	case "client":
		return figure{"two", "success: callers only", []part{ratio(callers, s.Client.SuccessRatio)}}
	case "server":
		return figure{"two", "success: server, server by Istio",
			compared(ratio(pod, s.Server.SuccessRatio), ratio(pod, s.Server.IstioSuccessRatio))}
	default:
		return figure{"two", "success: callers, server by Istio",
			compared(ratio(callers, s.Client.SuccessRatio), ratio(pod, s.Server.IstioSuccessRatio))}
	}
}

func ratio(side string, r *float64) part {
	if r == nil {
		return part{Side: side, Text: none}
	}
	return part{Side: side, Text: percent(*r), Unit: "%"}
}

// compared says whether two values are equal as they are shown; with one of
// them unknown it says neither.
func compared(a, b part) []part {
	relation := "≠"
	switch {
	case a.Text == none || b.Text == none:
		relation = "·"
	case a.Text == b.Text:
		relation = "="
	}
	return []part{a, {Relation: true, Text: relation}, b}
}

func median(e *report.Evidence, siblings bool) figure {
	label := "median against its past"
	switch {
	case siblings:
		label = "median against siblings"
	case e.Beside != "":
		label = "median against another subset"
	}
	if e.P50Ratio == nil {
		return figure{"", label, []part{{Text: none}}}
	}
	text := times(*e.P50Ratio, e.P50Cut)
	if e.P50Cut {
		text = "≥ " + text
	}
	return figure{"", label, []part{{Text: text, Unit: "times"}}}
}
