package web

import (
	"strings"
	"time"

	"github.com/slowpod/slowpod/sinks/report"
)

// notice is what stands in the place of findings.
type notice struct {
	V     string
	Title string
	Story []run
	List  []string
}

const (
	// warmUp is how much of a log a first statement needs.
	warmUp = 40 * time.Second
	// behind is how far the watermark may trail before the page says so.
	behind = time.Minute
)

// judged tells whether enough was read to say that nothing is slow.
func judged(s *State) bool {
	span := s.Report.Span
	return s.Report.Lines.Records > 0 && s.Now != 0 && span != nil && between(span.Start, span.End) >= warmUp
}

// waiting says why the state is not the newest.
func waiting(s *State) string {
	switch {
	case len(s.Report.Findings) == 0 && !judged(s):
		return "starting"
	case s.Behind >= behind:
		return lasting(s.Behind) + " behind, catching up"
	}
	return ""
}

func newNotice(s *State, ended []*report.Finding) *notice {
	n := &notice{}
	if len(ended) == 0 && !judged(s) {
		n.notYet(s)
	} else {
		n.nothing(s, ended)
	}
	n.V = hash(n)
	return n
}

func (n *notice) notYet(s *State) {
	l := &s.Report.Lines
	n.Title = "Nothing to judge yet"
	story := "A first statement needs about " + lasting(warmUp) + " of requests. "
	switch span := s.Report.Span; {
	case l.Records == 0:
		story += "No record has come so far."
	case span == nil:
		story += plural(l.Records, "record has", "records have") + " come so far."
	default:
		story += plural(l.Records, "record has", "records have") + " come so far, " +
			lasting(between(span.Start, span.End)) + " of them."
	}
	n.Story = emphasize(story)
	for _, source := range s.Sources[:min(len(s.Sources), maxSources)] {
		n.List = append(n.List, clean(source, maxWhy))
	}
	if l.Read > 0 && l.Records == 0 {
		line := plural(l.Read, "line", "lines") + " read, " + count(l.Foreign) + " foreign, " +
			count(l.Malformed) + " malformed: none is an access-log entry."
		if l.Foreign >= l.Malformed {
			line += " Is accessLogFile set in the mesh config?"
		}
		n.List = append(n.List, line)
	}
}

func (n *notice) nothing(s *State, ended []*report.Finding) {
	b := baseOf(s.Report)
	n.Title = "Nothing is slow"
	if b.podsBoth == 0 { // one side alone proves nothing
		n.Title = "Nothing looks slow"
	}
	caveats := report.Caveats(s.Report)
	switch {
	case !report.Judged(s.Report):
		n.Title = "Nothing could be judged"
	case len(caveats) > 0:
		n.Title = "No pod stands out"
	}
	for _, c := range caveats {
		n.List = append(n.List, clean(c, maxWhy))
	}
	var story strings.Builder
	if s.Behind >= behind {
		n.Title += ", as of " + hour(s.Now.Clock())
		story.WriteString("The watermark stands at " + s.Now.Clock() + ", " + lasting(s.Behind) +
			" behind; findings come as it catches up. ")
	}
	story.WriteString(plural(b.services, "service", "services") + ", " + plural(b.pods, "pod", "pods") + ", " +
		plural(s.Report.Lines.Records, "record", "records"))
	if span := s.Report.Span; span != nil {
		story.WriteString(" in " + lasting(between(span.Start, span.End)))
	}
	story.WriteString(". Both sides report for " + of(b.podsBoth, b.pods) + " pods.")
	if len(ended) > 0 {
		story.WriteString(" The last finding ended at " + clock(*ended[0].End, s.Now) + ".")
	}
	n.Story = emphasize(story.String())
}
