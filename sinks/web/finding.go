package web

import (
	"github.com/slowpod/slowpod/sinks/report"
)

// finding is one finding, unfolded.
type finding struct {
	Slug  string
	Head  head
	Facts facts
	Next  next
}

type head struct {
	V                               string
	First                           bool // the headline of the page
	Severity, Class, Kind, Proof    string
	When, Title                     string
	Host, Pod, Namespace, Node, Who string
	Story                           []run
}

type facts struct {
	V    string
	List []figure
}

type next struct {
	V     string
	Steps []step
}

type step struct {
	N       int
	Why     string
	Command string
	Changes bool
	// Whole says that the command stands there as it was given. One that had to
	// be cut or escaped is not to be copied.
	Whole bool
}

func newFinding(s *State, f *report.Finding, first bool) finding {
	v := finding{Slug: slugOf(f.ID)}
	v.Head = head{
		First:     first,
		Severity:  clean(f.Severity, maxRail),
		Class:     class(f.Severity),
		Kind:      clean(f.Kind, maxRail),
		Proof:     proof(f.Proof),
		When:      when(f, s.Now),
		Title:     clean(f.Title, maxTitle),
		Host:      name(f.UpstreamHost),
		Pod:       name(f.Pod),
		Namespace: name(f.Namespace),
		Node:      name(f.Node),
		Story:     emphasize(clean(f.Summary, maxSummary)),
	}
	switch {
	case f.UpstreamHost == nil: // a service, a node or a caller
		v.Head.Who = name(f.Service)
		if f.Service == nil {
			v.Head.Who = name(f.Evidence.Authority)
		}
		if f.Service == nil && f.Node != nil {
			v.Head.Who = "node " + name(f.Node)
		}
		if f.Service != nil && f.Subset != nil {
			v.Head.Who += ", " + name(f.Subset)
		}
	case f.Pod == nil:
		v.Head.Pod = "pod unknown"
	}
	v.Facts.List = figures(f, serviceOf(s.Report, f))
	for i, st := range f.Next[:min(len(f.Next), maxSteps)] {
		command := clean(st.Command, maxCommand)
		v.Next.Steps = append(v.Next.Steps, step{
			N:       i + 1,
			Why:     clean(st.Why, maxWhy),
			Command: command,
			Changes: st.Changes,
			Whole:   command == st.Command,
		})
	}
	v.Head.V, v.Facts.V, v.Next.V = hash(v.Head), hash(v.Facts), hash(v.Next)
	return v
}

func proof(proof string) string {
	switch proof {
	case "both":
		return "seen from both sides"
	case "client":
		return "callers’ word only"
	case "server":
		return "the pod’s word only"
	default:
		return clean(proof, maxRail)
	}
}

// when says since when a finding holds, or from when to when it held.
func when(f *report.Finding, now report.Time) string {
	start := clock(f.Start, now)
	if f.End != nil {
		return "ended, from " + start + " to " + clock(*f.End, f.Start) + " UTC, " + lasting(between(f.Start, *f.End))
	}
	if now <= f.Start {
		return "since " + start + " UTC"
	}
	return "since " + start + " UTC, " + lasting(between(f.Start, now))
}

// serviceOf returns the row of a finding's service: of its subset, where there
// is one.
func serviceOf(r *report.Report, f *report.Finding) *report.Service {
	if f.Service == nil {
		return nil
	}
	var whole *report.Service
	for i := range r.Services {
		s := &r.Services[i]
		switch {
		case s.Service != *f.Service:
		case s.Subset == nil:
			whole = s
		case f.Subset != nil && *s.Subset == *f.Subset:
			return s
		}
	}
	return whole
}
