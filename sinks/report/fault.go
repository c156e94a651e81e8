package report

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/slowpod/slowpod/classify"
	"github.com/slowpod/slowpod/classify/causes"
	"github.com/slowpod/slowpod/correlate"
	"github.com/slowpod/slowpod/correlate/faults"
)

// meaning is what the table says of a finding of configuration or life; nil for
// a kind that it does not have.
func meaning(f *correlate.Finding) *causes.Finding {
	return causes.Builtin().Finding(f.Kind.String(), f.Case)
}

// whoOf is the subject of a fault as people call it: its service and subset,
// else the host that was asked for.
func whoOf(f *correlate.Finding) string {
	if f.Service == "" {
		name := f.Authority
		if host, _, err := net.SplitHostPort(name); err == nil {
			name = host
		}
		if name == "" {
			name = "an unnamed host"
		}
		return name
	}
	name := shortName(f.Service)
	if f.Subset != "" {
		name += " " + strings.TrimPrefix(f.Subset, "version-")
	}
	return name
}

// fitted puts the subject into a title of the table, as much of it as there is
// room for.
func fitted(title, who string) string {
	const place = "{who}"
	runes := []rune(who)
	if room := maxTitle - len([]rune(title)) + len(place); len(runes) > room {
		who = string(runes[:room-1]) + "…"
	}
	return strings.Replace(title, place, who, 1)
}

// faultSummary tells a fault in numbers, and what it means.
func faultSummary(f *correlate.Finding, m *causes.Finding) string {
	e := &f.Fault
	what := "requests"
	if f.Service != "" {
		what += " to " + whoOf(f)
	}
	n := fmt.Sprintf("%s of %s", count(e.Failures), count(e.Requests))
	if e.Failures == e.Requests {
		n = "All " + count(e.Requests)
	}
	return fmt.Sprintf("%s %s %s%s%s. %s", n, what, lasted(f.Start, lastOf(f)), atHosts(f), seenAs(e), m.Means)
}

// lastOf is when it was last seen.
func lastOf(f *correlate.Finding) int64 {
	if f.Ended {
		return f.End
	}
	return f.Last
}

func lasted(from, to int64) string {
	if to-from < 1000 {
		return "in a second"
	}
	return "in " + duration((to-from+999)/1000*1000)
}

func atHosts(f *correlate.Finding) string {
	hosts, what := f.Fault.Hosts, "pods"
	if f.Service == "" { // outside of the mesh, as far as it knows
		what = "addresses"
	}
	switch len(hosts) {
	case 0:
		return ""
	case 1:
		return " at " + hosts[0].Value
	}
	var names []string
	for _, h := range hosts {
		names = append(names, h.Value)
	}
	return fmt.Sprintf(" at %s %s (%s)", small(len(hosts)), what, strings.Join(names, ", "))
}

// seenAs quotes what all or most of the records say, if they do.
func seenAs(e *faults.Evidence) string {
	var parts []string
	many := "all"
	for _, counts := range []faults.Counts{e.Codes, e.Flags} {
		if len(counts) == 0 {
			continue
		}
		var sum uint64
		for _, c := range counts {
			sum += c.N
		}
		switch most := counts[0]; { // the highest
		case 2*most.N <= sum:
			continue
		case most.N < sum:
			many = "most"
		}
		parts = append(parts, counts[0].Value)
	}
	if len(parts) == 0 {
		return ""
	}
	return ", " + many + " with " + strings.Join(parts, " ")
}

// faultCause lists the causes, ranked: where records cannot separate them the
// likeliest comes first.
func faultCause(ranked []causes.Cause) string {
	var all []string
	for i := range ranked {
		all = append(all, ranked[i].Cause)
	}
	return strings.Join(all, "; or ")
}

// faultNext is one command per cause, in their order. None changes the cluster.
func faultNext(f *correlate.Finding, ranked []causes.Cause) []Step {
	names := namesOf(f)
	var steps []Step
	for i := range ranked {
		c := &ranked[i]
		if c.Command == "" {
			continue
		}
		steps = append(steps, Step{
			Why:     fmt.Sprintf("If %s: %s", c.Cause, lower(c.Tell)),
			Command: causes.Fill(c.Command, names),
		})
	}
	return steps
}

// lower begins a sentence within another.
func lower(s string) string {
	if s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}

func namesOf(f *correlate.Finding) *causes.Names {
	n := &causes.Names{
		Namespace: f.Namespace, Service: shortName(f.Service), Subset: f.Subset, Pod: cmp.Or(f.Pod, f.FaultPod), Node: f.Node,
		FQDN: f.Service, Authority: f.Authority, Host: f.UpstreamHost,
		Since: time.UnixMilli(f.Start).UTC().Format(time.RFC3339),
	}
	if f.Service == "" {
		host, _, _ := strings.Cut(f.Authority, ":")
		if ns := classify.Namespace(host); ns != "" {
			n.Service, n.Namespace, n.FQDN = shortName(host), ns, host
		}
	}
	if n.Host == "" && len(f.Fault.Hosts) > 0 {
		n.Host = f.Fault.Hosts[0].Value
	}
	for _, c := range f.Fault.Callers {
		if _, err := netip.ParseAddr(c.Name); err != nil { // an address is no pod's name
			n.Caller, n.CallerNamespace = c.Name, c.Namespace
			break
		}
	}
	return n
}

// faultEvidence is the numbers of a fault.
func faultEvidence(f *correlate.Finding) Evidence {
	e := &f.Fault
	out := Evidence{
		Requests: e.Requests, Failures: &e.Failures, Callers: []string{},
		Flags: values(e.Flags), Details: values(e.Details), Reasons: values(e.Reasons), Codes: values(e.Codes),
		Hosts: values(e.Hosts), Samples: []Sample{},
	}
	for _, c := range e.Callers {
		out.Callers = append(out.Callers, c.Name)
	}
	if f.Evidence.TimeoutMS > 0 {
		out.TimeoutMS, out.Timeouts = &f.Evidence.TimeoutMS, e.Failures
	}
	switch {
	case f.Service == "":
		out.Authority = orNull(f.Authority)
	case len(e.Names) > 0:
		out.Authority = &e.Names[0].Value
	}
	for i := range e.Samples {
		s := &e.Samples[i]
		out.Samples = append(out.Samples, Sample{
			RequestID: orNull(s.RequestID), Verdict: s.Verdict, Client: sampleSide(s.Client), Server: sampleSide(s.Server),
		})
	}
	return out
}

func values(counts faults.Counts) []Value {
	all := []Value{}
	for _, c := range counts {
		all = append(all, Value{c.Value, c.N})
	}
	return all
}

// faultFigures are the numbers of a fault, each with its name.
func faultFigures(r *Report, f *Finding) [][2]string {
	e := &f.Evidence
	rows := [][2]string{{"requests", fmt.Sprintf("%s of %s", count(*e.Failures), count(e.Requests))}}
	add := func(name, value string) {
		if value != "" {
			rows = append(rows, [2]string{name, Safe(value)})
		}
	}
	if f.Service != nil {
		add("asked for", text0(e.Authority))
	}
	if e.TimeoutMS != nil {
		add("timeout", fmt.Sprintf("%d ms, %s", *e.TimeoutMS, plural(int(e.Timeouts), "hit")))
	}
	add("codes", valueList(e.Codes))
	add("flags", valueList(e.Flags))
	add("details", valueList(e.Details))
	add("transport failure", valueList(e.Reasons))
	if len(e.Hosts) > 1 {
		add("hosts", valueList(e.Hosts))
	}
	if svc := row(r, f); svc != nil {
		add("success of service", ratios(r, svc))
	}
	add("callers", strings.Join(e.Callers, ", "))
	if len(e.Samples) > 0 {
		rows = append(rows, [2]string{"for example", example(&e.Samples[0])})
	}
	add("ruled out", strings.Join(e.RuledOut, "; "))
	add("cause", f.Cause)
	return rows
}

// mostValues is how many values a line names.
const mostValues = 4

func valueList(all []Value) string {
	var parts []string
	for _, v := range all[:min(len(all), mostValues)] {
		parts = append(parts, fmt.Sprintf("%s (%s)", v.Value, count(v.Count)))
	}
	return strings.Join(parts, ", ")
}
