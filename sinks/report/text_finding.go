package report

import (
	"fmt"
	"strings"

	"github.com/slowpod/slowpod/correlate"
)

func (t *text) finding(r *Report, f *Finding) {
	colour := yellow
	if f.Severity == "critical" {
		colour = red
	}
	t.line("%s  %s", t.style(colour, strings.ToUpper(f.Severity)), t.style(bold, Safe(f.Title)))
	t.line("  %s", t.style(dim, f.Kind+", "+proofWords(f)+", "+when(r, f)))
	t.line("  %s", identity(f))
	t.line("")
	t.wrap("  ", "  ", Safe(f.Summary))
	t.line("")
	for _, row := range figures(r, f) {
		t.wrap("                      ", fmt.Sprintf("  %-20s", row[0]), row[1])
	}
	t.course(f)
	t.line("")
	t.line("  %s", t.style(bold, "Run next"))
	for _, s := range f.Next {
		mark := ""
		if s.Changes {
			mark = " " + t.style(yellow, "(changes the cluster)")
		}
		t.wrap("    ", "  - ", Safe(s.Why)+mark)
		t.line("    %s", t.style(command, Safe(s.Command)))
	}
	t.line("")
}

func proofWords(f *Finding) string {
	switch f.Proof {
	case "both":
		return "seen from both sides"
	case "server":
		return "seen by the pod’s own proxy only"
	}
	return "seen by the callers only"
}

func when(r *Report, f *Finding) string {
	start := "since " + day(f.Start)
	switch {
	case r.Span != nil && f.Start-r.Span.Start < 10_000:
		start = "since the first records, " + day(r.Span.Start) + " or earlier"
	case f.SinceFirst:
		start = "since its first records, " + day(f.Start) + " or earlier"
	}
	if f.End != nil {
		return "from " + strings.TrimPrefix(start, "since ") + " to " + f.End.Clock() + " UTC"
	}
	return start
}

func day(t Time) string { return t.String()[:10] + " " + t.Clock() + " UTC" }

func identity(f *Finding) string {
	parts := []string{Safe(text0(f.UpstreamHost))}
	switch {
	case f.Evidence.Authority != nil && f.Service == nil:
		return Safe(*f.Evidence.Authority)
	case f.UpstreamHost == nil && f.Service == nil:
		return "node " + Safe(text0(f.Node))
	case f.UpstreamHost == nil: // of a whole service, whose name says where it is
		return Safe(text0(f.Service))
	}
	for _, p := range [...]struct {
		name  string
		value *string
	}{{"pod", f.Pod}, {"namespace", f.Namespace}, {"node", f.Node}} {
		if p.value != nil {
			parts = append(parts, p.name+" "+Safe(*p.value))
		}
	}
	return strings.Join(parts, "  ")
}

func text0(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// figures are the numbers of a finding, each with its name.
func figures(r *Report, f *Finding) [][2]string {
	e := &f.Evidence
	var rows [][2]string
	add := func(name, format string, args ...any) {
		rows = append(rows, [2]string{name, fmt.Sprintf(format, args...)})
	}
	if e.Failures != nil {
		return faultFigures(r, f)
	}
	ofPod := f.UpstreamHost != nil
	if f.Proof != "server" && e.Requests > 0 {
		add("timeouts", "%s of %s requests (UT) at the callers", count(e.Timeouts), count(e.Requests))
	}
	switch {
	case f.Proof == "both" && ofPod && e.Timeouts > 0:
		add("disconnects", "%s (DC, DR) at the pod; %s matched to a timeout, call by call", count(e.Disconnects), count(e.Confirmed))
	case f.Proof != "client":
		add("disconnects", "%s (DC, DR) at the %s", count(e.Disconnects), map[bool]string{true: "pod", false: "pods"}[ofPod])
	}
	if f.Proof != "server" && ofPod && e.Siblings > 0 {
		add("siblings", "%s of %s requests, %s", plural(int(e.SiblingTimeouts), "timeout"), count(e.SiblingRequests), plural(int(e.Siblings), "pod"))
	}
	if svc := row(r, f); svc != nil {
		if s := ratios(r, svc); s != "" {
			add("success of service", "%s", s)
		}
	}
	for _, q := range [...]struct {
		name  string
		ratio *float64
		isCut bool
	}{{"median duration", e.P50Ratio, e.P50Cut}, {"p90 duration", e.P90Ratio, e.P90Cut}} {
		if q.ratio != nil {
			add(q.name, "%s times %s", times(correlate.Ratio{Value: *q.ratio, Cut: q.isCut}), Safe(e.Than))
		}
	}
	if e.TimeoutMS != nil {
		add("timeout", "%d ms, %s", *e.TimeoutMS, plural(int(e.Timeouts), "hit"))
	}
	if len(e.Callers) > 0 {
		add("callers", "%s", Safe(strings.Join(e.Callers, ", ")))
	}
	if len(e.Samples) > 0 {
		add("for example", "%s", example(&e.Samples[0]))
	}
	if len(e.RuledOut) > 0 {
		add("ruled out", "%s", strings.Join(e.RuledOut, "; "))
	}
	add("cause", "%s", Safe(f.Cause))
	return rows
}

// example tells one call from both sides, as far as they are known.
func example(s *Sample) string {
	var parts []string
	if s.RequestID != nil {
		parts = append(parts, "request id "+Safe(*s.RequestID))
	}
	for _, side := range [...]struct {
		who string
		r   *SampleSide
	}{{"caller", s.Client}, {"pod", s.Server}} {
		if side.r == nil {
			continue
		}
		part := fmt.Sprintf("%s logged %d", side.who, side.r.Code)
		if side.r.Flags != nil {
			part += " " + Safe(*side.r.Flags)
		}
		parts = append(parts, part+" after "+duration(side.r.DurationMS))
	}
	return strings.Join(parts, "; ")
}

// row is the whole service of a finding.
func row(r *Report, f *Finding) *Service {
	for i := range r.Services {
		if s := &r.Services[i]; s.Subset == nil && f.Service != nil && s.Service == *f.Service {
			return s
		}
	}
	return nil
}
