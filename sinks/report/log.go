package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slowpod/slowpod/classify"
	"github.com/slowpod/slowpod/classify/causes"
	"github.com/slowpod/slowpod/correlate"
	"github.com/slowpod/slowpod/correlate/kind"
	"github.com/slowpod/slowpod/correlate/logstream"
)

// ofLog says that the finding is of the log itself, not of the mesh.
func (f *Finding) ofLog() bool { return f.Kind == kind.LogStream.String() }

// tellLog tells what is wrong with the log itself.
func tellLog(f *correlate.LogFault) Finding {
	reason := f.Reason.String()
	told := causes.Builtin().Finding(kind.LogStream.String(), reason)
	out := Finding{
		ID: f.ID, Kind: kind.LogStream.String(), Severity: kind.LogStream.Severity(), Proof: string(logProof(f)),
		Start: Time(f.Start), Detected: Time(f.Detected), Title: fitted(told.Title, ofWhom(f)), Summary: logSummary(f),
		Evidence: Evidence{Requests: f.Total, Callers: []string{}, Samples: []Sample{}}, Next: []Step{},
	}
	if f.Ended {
		end := Time(f.End)
		out.End = &end
	}
	var names causes.Names
	if service := sole(f); service != "" {
		out.Service, out.Namespace = &service, orNull(classify.Namespace(service))
		if f.Sides[correlate.SideServer] { // its pods; who calls it may be anywhere
			names.Namespace = classify.Namespace(service)
		}
		names.Service, names.FQDN = shortName(service), service
	}
	if len(f.Clocks) == 1 {
		names.Node, out.Node = f.Clocks[0].Name, &f.Clocks[0].Name
	}
	var words []string
	for i := range told.Causes {
		c := &told.Causes[i]
		words = append(words, c.Cause)
		if c.Command != "" {
			out.Next = append(out.Next, Step{Why: c.Tell, Command: causes.Fill(c.Command, &names)})
		}
	}
	out.Cause = reason + ": " + strings.Join(words, "; or ")
	return out
}

// sole is the only service that something is known of; "" where it is of more.
func sole(f *correlate.LogFault) string {
	if all := slices.Concat(f.Missing[:]...); f.Of == 1 && len(all) == 1 {
		return all[0]
	}
	return ""
}

// ofWhom is who a title speaks of.
func ofWhom(f *correlate.LogFault) string {
	switch {
	case f.Reason == logstream.OneSided && sole(f) != "":
		return shortName(sole(f))
	case f.Reason == logstream.OneSided:
		return "several services"
	case f.Reason == logstream.Skew && len(f.Clocks) == 1:
		return f.Clocks[0].Name
	case f.Sides == [2]bool{correlate.SideClient: true}:
		return "callers"
	case f.Sides == [2]bool{correlate.SideServer: true}:
		return "called pods"
	}
	return "the mesh"
}

// logProof is whose records show it: of what is missing, the other side's.
func logProof(f *correlate.LogFault) correlate.Proof {
	sides := f.Sides
	if f.Reason == logstream.OneSided || f.Reason == logstream.Sampled {
		sides[0], sides[1] = sides[1], sides[0]
	}
	switch {
	case f.Reason == logstream.Code0Filtered || sides[0] == sides[1]:
		return correlate.ProofBoth
	case sides[correlate.SideClient]:
		return correlate.ProofClient
	}
	return correlate.ProofServer
}

// writers are who writes the records of a side.
var writers = [2]string{correlate.SideClient: "callers", correlate.SideServer: "called pods"}

// logSummary says with numbers what is missing.
func logSummary(f *correlate.LogFault) string {
	switch f.Reason {
	case logstream.OneSided:
		var s []string
		for side, names := range f.Missing {
			if len(names) > 0 {
				s = append(s, fmt.Sprintf("Of %s there are records of %s only, none of %s.",
					listed(names, f.MissingOf[side]), writers[1-side], writers[side]))
			}
		}
		return strings.Join(s, " ") + " What one side says is not confirmed by the other."
	case logstream.ErrorsOnly:
		return fmt.Sprintf("Of %s of %s %s of a request that went well. There is nothing to count errors against: success ratios are withheld, and slow answers that were no errors are not seen.",
			plural(int(f.Total), "record"), both(f), numberTells(f.N))
	case logstream.Sampled:
		return fmt.Sprintf("Of %s that went well by one side’s log %s are not in that of %s, who logged before and after. Success ratios of that side are withheld, and what is missing there proves nothing.",
			plural(int(f.Total), "request"), count(f.N), both(f))
	case logstream.Code0Filtered:
		return fmt.Sprintf("Called pods that log have no record of %s of their callers, and not one with code 0 among %s: their half of every timeout is missing, so that a slow pod looks like a broken way to it.",
			plural(int(f.N), "timeout"), count(f.Total))
	case logstream.FieldsMissing:
		var s []string
		for _, m := range f.Fields {
			s = append(s, lacks(m))
		}
		return strings.Join(s, " ")
	case logstream.Skew:
		var s []string
		for _, c := range f.Clocks {
			s = append(s, fmt.Sprintf("%s %s", c.Name, aheadWords(c.Ahead)))
		}
		return fmt.Sprintf("By %s of %s of records of one call, clocks are off: %s. The two sides of a call are not joined by their times any more, and what such a clock stamps counts in the wrong slice.",
			count(f.N), plural(int(f.Total), "pair"), listed(s, f.Of))
	}
	return fmt.Sprintf("%s of %s came before, as the same record at another place. Counts are too high by as much.",
		count(f.N), plural(int(f.Total), "record"))
}

// both are the writers of the sides that are not whole.
func both(f *correlate.LogFault) string {
	var s []string
	for side, is := range f.Sides {
		if is {
			s = append(s, writers[side])
		}
	}
	return strings.Join(s, " and ")
}

func numberTells(n uint64) string {
	switch n {
	case 0:
		return "none tells"
	case 1:
		return "1 tells"
	}
	return count(n) + " tell"
}

func aheadWords(ms int64) string {
	if ms < 0 {
		return duration(-ms) + " behind"
	}
	return duration(ms) + " ahead"
}

// listed names some of all.
func listed(names []string, all int) string {
	s := strings.Join(names, ", ")
	if more := all - len(names); more > 0 {
		s += fmt.Sprintf(" and %d more", more)
	}
	return s
}

// lacks says what is lost with a field.
func lacks(m logstream.Missing) string {
	lost := [logstream.Fields]string{
		logstream.Cluster:        "neither side nor service of these are known, so they are counted only",
		logstream.RequestID:      "calls are joined by connection and time only (no tuple_id, no id_host), retries not at all",
		logstream.UpstreamHost:   "they speak of no pod, and no call is joined",
		logstream.Connection:     "calls are not joined by their connection (no tuple_id, no tuple)",
		logstream.Details:        "why a request failed is known by its flags only",
		logstream.DurationOfCall: "when a request ended, and how long it took, is not known",
	}[m.Field]
	who := writers[m.Side]
	if m.Field == logstream.Cluster {
		who = "all proxies"
	}
	return fmt.Sprintf("%s is missing in %s of %s of %s: %s.", m.Field.Name(m.Side), count(m.N), plural(int(m.Total), "record"), who, lost)
}

// log is the last section: what is wrong with the log itself.
func (t *text) log(r *Report) {
	first := true
	for i := range r.Findings {
		f := &r.Findings[i]
		if !f.ofLog() {
			continue
		}
		t.line("")
		if first {
			t.line("%s", t.style(bold, "The logs themselves"))
			first = false
		}
		t.line("  %s", t.style(bold, Safe(f.Title)))
		t.wrap("  ", "  ", when(r, f)+": "+Safe(f.Summary))
		t.wrap("  ", "  ", "cause: "+Safe(f.Cause))
		for _, s := range f.Next {
			t.line("  - %s", Safe(s.Why))
			t.line("    %s", t.style(command, Safe(s.Command)))
		}
	}
}
