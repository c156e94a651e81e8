package report

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// TextOptions says how text is written.
type TextOptions struct {
	// Colour: the reader is a terminal.
	Colour bool
	// Width is where lines are wrapped; 0 means 100 columns.
	Width int
}

// WriteText writes the report for a person: what is wrong, what proves it,
// what to run next; then the services and what was read.
func WriteText(w io.Writer, r *Report, o TextOptions) error {
	t := &text{colour: o.Colour, width: o.Width}
	if t.width == 0 {
		t.width = 100
	}
	t.head(r)
	for i := range r.Findings {
		if f := &r.Findings[i]; !f.ofLog() {
			t.finding(r, f)
		}
	}
	t.services(r)
	t.read(r)
	t.log(r)
	_, err := io.WriteString(w, t.b.String())
	return err
}

// WriteFinding writes one finding of the report as WriteText does.
func WriteFinding(w io.Writer, r *Report, f *Finding, o TextOptions) error {
	t := &text{colour: o.Colour, width: o.Width}
	if t.width == 0 {
		t.width = 100
	}
	t.finding(r, f)
	_, err := io.WriteString(w, t.b.String())
	return err
}

// text builds the report; everything that comes from a log goes through Safe.
type text struct {
	b      strings.Builder
	colour bool
	width  int
}

// The few looks that text has.
const (
	bold    = "1"
	red     = "1;31"
	yellow  = "1;33"
	dim     = "2"
	command = "36"
)

func (t *text) style(code, s string) string {
	if !t.colour {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (t *text) line(format string, args ...any) {
	fmt.Fprintf(&t.b, format+"\n", args...)
}

// wrap writes words in lines of the width, indented.
func (t *text) wrap(indent, first, s string) {
	line := first
	for word := range t.words(s, indent) {
		space := ""
		if strings.TrimSpace(line) != "" && !strings.HasSuffix(line, " ") {
			space = " "
		}
		if len([]rune(line+space+word)) > t.width && strings.TrimSpace(line) != "" {
			t.line("%s", line)
			line, space = indent, ""
		}
		line += space + word
	}
	t.line("%s", line)
}

// words are the words of a text, those cut in pieces that are longer than a
// line.
func (t *text) words(s, indent string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		room := max(t.width-len(indent), 10)
		for word := range strings.FieldsSeq(s) {
			for runes := []rune(word); len(runes) > 0; {
				n := min(len(runes), room)
				if !yield(string(runes[:n])) {
					return
				}
				runes = runes[n:]
			}
		}
	}
}

func (t *text) head(r *Report) {
	found, open := 0, 0
	for i := range r.Findings {
		f := &r.Findings[i]
		if f.ofLog() {
			continue
		}
		found++
		if f.End == nil {
			open++
		}
	}
	switch {
	case r.Lines.Records == 0 && r.Lines.Read == 0:
		t.line("%s", t.style(bold, "Nothing to judge: the input holds no lines."))
	case r.Lines.Records == 0:
		t.line("%s", t.style(bold, "Nothing to judge: no access-log entry in "+plural(int(r.Lines.Read), "line")+"."))
	case found == 0:
		t.nothing(r)
	case found == 1:
		t.line("%s", t.style(bold, "1 finding")+t.openAtEnd(open))
	default:
		t.line("%s", t.style(bold, fmt.Sprintf("%d findings", found))+t.openAtEnd(open))
	}
	t.line("")
}

func (t *text) openAtEnd(open int) string {
	if open == 0 {
		return ", over by the end of the records"
	}
	return fmt.Sprintf(", %d still going on at the end of the records", open)
}

// nothing is the headline where no pod was found slow: what that rests on, and
// what stands against it.
func (t *text) nothing(r *Report) {
	caveats := Caveats(r)
	headline := "No slow pod found."
	switch {
	case !Judged(r):
		headline = "Nothing could be judged."
	case !siblingsIn(r):
		headline = "No slow pod found; none has siblings in these records to compare it with."
	case len(caveats) > 0:
		headline = "No pod stands out from its siblings."
	}
	t.line("%s", t.style(bold, headline))
	for _, c := range caveats {
		t.wrap("  ", "- ", Safe(c))
	}
	t.rests(r)
}

// siblingsIn says whether any service or subset has two addresses.
func siblingsIn(r *Report) bool {
	first := map[[2]string]string{}
	for i := range r.Pods {
		p := &r.Pods[i]
		key := [2]string{p.Service, text0(p.Subset)}
		if host, known := first[key]; known && host != p.UpstreamHost {
			return true
		}
		first[key] = p.UpstreamHost
	}
	return false
}

// rests says what "nothing found" rests on.
func (t *text) rests(r *Report) {
	both := 0
	for i := range r.Pods {
		if r.Pods[i].Client.Requests > 0 && r.Pods[i].Server.Requests > 0 {
			both++
		}
	}
	if !Judged(r) {
		return
	}
	t.wrap("", "", fmt.Sprintf("That rests on %s of %s; for %d of %d pods both sides report.",
		plural(int(r.Lines.Records), "record"), plural(len(services(r)), "service"), both, len(r.Pods)))
}

// services are the rows of whole services.
func services(r *Report) []*Service {
	var rows []*Service
	for i := range r.Services {
		if r.Services[i].Subset == nil {
			rows = append(rows, &r.Services[i])
		}
	}
	return rows
}

// ratios says success as the callers and as Istio count it, and why they
// differ where they do by more than a point.
func ratios(r *Report, s *Service) string {
	client, istio := s.Client.SuccessRatio, s.Server.IstioSuccessRatio
	if client == nil && istio == nil && s.Client.Requests+s.Server.Requests == 0 {
		return ""
	}
	if client == nil || istio == nil {
		both := []string{
			view("callers", client, s.Client.Requests, s.Client.Withheld, "the callers"),
			view("Istio's count", istio, s.Server.Requests, s.Server.Withheld, "the called side"),
		}
		if client == nil && istio != nil { // what is known first
			slices.Reverse(both)
		}
		return strings.Join(both, ", ")
	}
	both := fmt.Sprintf("callers %s, Istio's count %s", percent(*client), percent(*istio))
	if max(*client-*istio, *istio-*client) <= 0.01 {
		return both
	}
	return both + ": " + whyDifferent(r, s)
}

// view says one side's count of success, or why there is none.
func view(name string, ratio *float64, requests uint64, withheld *string, who string) string {
	switch {
	case ratio != nil:
		return name + " " + percent(*ratio)
	case requests == 0:
		return "no records of " + who
	}
	return fmt.Sprintf("%s withheld (%s, see the logs themselves)", name, text0(withheld))
}

// whyDifferent explains the gap between the callers' success and Istio's
// count in one sentence.
func whyDifferent(r *Report, s *Service) string {
	server := &s.Server
	if *s.Client.SuccessRatio > *server.IstioSuccessRatio {
		return "the called pods logged failures of requests whose callers are not in these records"
	}
	hidden := uint64(0)
	for i := range r.Pods {
		if p := &r.Pods[i]; p.Service == s.Service {
			hidden += p.Server.Disconnects
		}
	}
	istioFailures := server.Requests - uint64(*server.IstioSuccessRatio*float64(server.Requests)+0.5)
	hidden = min(hidden, server.Failures-min(istioFailures, server.Failures))
	if hidden == 0 && server.Failures > 0 {
		return "failures that carry a code below 500, gRPC’s for one, count as success for Istio"
	}
	if hidden == 0 {
		return "the callers’ failures are not in the called pods’ records: those requests never reached them, or their records are missing"
	}
	was := "were"
	if hidden == 1 {
		was = "was"
	}
	return fmt.Sprintf("%s %s cut by the caller (%scode 0), which Istio counts as success", plural(int(hidden), "request"), was, cutFlags(r))
}

// cutFlags names the flags that servers, of all services, logged for cut
// requests.
func cutFlags(r *Report) string {
	var names []string
	for _, f := range r.Flags {
		if f.Side == "server" && (f.Flag == "DC" || f.Flag == "DR") {
			names = append(names, f.Flag)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return strings.Join(names, " or ") + ", "
}

// maxServices is how many services the text lists: the JSON has them all.
const maxServices = 5

// services lists the services with failures, those with most first.
func (t *text) services(r *Report) {
	all := services(r)
	rows := slices.DeleteFunc(slices.Clone(all), func(s *Service) bool { return s.Client.Failures+s.Server.Failures == 0 })
	if len(all) == 0 {
		return
	}
	slices.SortStableFunc(rows, func(a, b *Service) int {
		return int(b.Client.Failures+b.Server.Failures) - int(a.Client.Failures+a.Server.Failures)
	})
	if len(rows) > 0 {
		t.line("%s", t.style(bold, "Success of services with failures"))
	} else {
		t.line("%s", t.style(bold, "Services"))
	}
	for _, s := range rows[:min(len(rows), maxServices)] {
		t.line("  %s", Safe(s.Service))
		t.line("    %s", t.style(dim, fmt.Sprintf("%s by callers, %s by the pods",
			plural(int(s.Client.Requests), "request"), count(s.Server.Requests))))
		if line := ratios(r, s); line != "" {
			t.wrap("    ", "    ", line)
		}
	}
	if more := len(rows) - maxServices; more > 0 {
		t.line("  and %d more with fewer; --output=json has them all", more)
	}
	if fine := len(all) - len(rows); fine > 0 {
		t.line("  %s without a failure", plural(fine, "service"))
	}
	t.line("")
}

func (t *text) read(r *Report) {
	t.line("%s", t.style(bold, "Read"))
	l := &r.Lines
	line := fmt.Sprintf("%s: %s, %s foreign, %s malformed", plural(int(l.Read), "line"), plural(int(l.Records), "record"),
		count(l.Foreign), count(l.Malformed))
	var reasons []string
	for _, name := range slices.Sorted(maps.Keys(l.MalformedByReason)) {
		reasons = append(reasons, name+" "+count(l.MalformedByReason[name]))
	}
	if len(reasons) > 0 {
		line += " (" + strings.Join(reasons, ", ") + ")"
	}
	t.wrap("  ", "  ", line)
	if r.Span != nil {
		t.line("  from %s to %s", day(r.Span.Start), day(r.Span.End))
	}
	if r.Join.ClientHalves+r.Join.ServerHalves > 0 {
		t.wrap("  ", "  ", fmt.Sprintf("%s of callers and %s of called pods went wrong or were cut; %s joined from both sides",
			plural(int(r.Join.ClientHalves), "record"), count(r.Join.ServerHalves), plural(int(r.Join.Joined), "call")))
	}
	if unknown := mostOf(r.Unknown); len(unknown) > 0 {
		t.wrap("  ", "  ", "unknown to slowpod: "+strings.Join(unknown, ", "))
	}
	for _, name := range slices.Sorted(maps.Keys(r.Dropped)) {
		t.line("  %s dropped at the bound %s", count(r.Dropped[name]), name)
	}
}

// maxUnknown is how many unknown words the text names.
const maxUnknown = 5

// mostOf names the words that came most often.
func mostOf(words []UnknownCount) []string {
	words = slices.Clone(words)
	slices.SortStableFunc(words, func(a, b UnknownCount) int { return cmp.Compare(b.Count, a.Count) })
	var names []string
	for i := range words[:min(len(words), maxUnknown)] {
		w := &words[i]
		names = append(names, fmt.Sprintf("%s %s (%s)", strings.ReplaceAll(w.Field, "_", " "), Safe(w.Text), count(w.Count)))
	}
	if more := len(words) - maxUnknown; more > 0 {
		names = append(names, fmt.Sprintf("and %s more", count(uint64(more))))
	}
	return names
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return count(uint64(max(n, 0))) + " " + word + "s"
}
