package web

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"

	"github.com/slowpod/slowpod/sinks/report"
)

// What a page holds at most; what is left out is counted on it.
const (
	maxUnfolded = 3
	maxOpen     = 200
	maxEnded    = 10
	maxSteps    = 12
	maxSources  = 10
)

// view is a page as its template takes it: text that is clean, and nothing left
// to decide. A V is the hash of its section, by which a browser knows what
// changed.
type view struct {
	Assets, CSS, JS string
	Root, Home      string // the way back to /, relative, so that any path prefix works
	Version         string

	Live     live
	Count    string // open findings, in words
	Open     []link
	OpenMore string
	Ended    []link
	EndedV   string
	Counts   []fact
	CountsV  string

	Notice   *notice
	Findings []finding
	More     string
	Single   bool // the page of one finding
}

// live is what the top bar says of the state.
type live struct {
	V          string
	Wait       string // why the state is not the newest; empty when it is
	Stamp      string
	Day, Clock string
}

// link is a finding in the rail.
type link struct {
	V, Slug         string
	Severity, Class string
	Title, Where    string
	Current         bool
}

type fact struct{ Name, Value string }

// newView makes the page of the finding with that slug, or, where slug is
// empty, of all. It returns false when there is no such finding.
func newView(s *State, slug string) (*view, bool) {
	s = filled(s)
	v := &view{Version: clean(s.Version, maxName), Live: newLive(s), Single: slug != ""}
	open, ended := split(s.Report.Findings)
	shown := open[:min(len(open), maxUnfolded)]
	if slug != "" {
		i := slices.IndexFunc(s.Report.Findings, func(f report.Finding) bool { return slugOf(f.ID) == slug })
		if i < 0 {
			return nil, false
		}
		shown = []*report.Finding{&s.Report.Findings[i]}
	}
	current := ""
	for i, f := range shown {
		v.Findings = append(v.Findings, newFinding(s, f, i == 0))
		if i == 0 {
			current = slugOf(f.ID)
		}
	}
	if slug == "" && len(open) > len(shown) {
		v.More = plural(len(open)-len(shown), "more open finding", "more open findings")
	}
	if len(shown) == 0 {
		v.Notice = newNotice(s, ended)
	}
	v.Count = "no open findings"
	if len(open) > 0 {
		v.Count = plural(len(open), "open finding", "open findings")
	}
	if len(open) > maxOpen {
		v.OpenMore = count(len(open)-maxOpen) + " more are not listed"
		open = open[:maxOpen]
	}
	for _, f := range open {
		v.Open = append(v.Open, newLink(f, s.Now, current))
	}
	for _, f := range ended[:min(len(ended), maxEnded)] {
		v.Ended = append(v.Ended, newLink(f, s.Now, current))
	}
	v.EndedV = hash(v.Ended)
	v.Counts = counts(s)
	v.CountsV = hash(v.Counts)
	return v, true
}

// goneView is the page of a finding that the state does not hold.
func goneView(s *State) *view {
	s = filled(s)
	v := &view{Version: clean(s.Version, maxName), Live: newLive(s), Single: true, Count: "all findings"}
	v.Notice = &notice{Title: "No such finding", Story: emphasize("It is older than what is kept, or it never was.")}
	v.Notice.V = hash(v.Notice)
	return v
}

func filled(s *State) *State {
	if s == nil {
		s = &State{}
	}
	if s.Report == nil {
		c := *s
		c.Report = &report.Report{}
		s = &c
	}
	return s
}

// split returns the open findings, the most severe first and then by start, and
// the ended ones, the last to end first.
func split(findings []report.Finding) (open, ended []*report.Finding) {
	for i := range findings {
		if f := &findings[i]; f.End == nil {
			open = append(open, f)
		} else {
			ended = append(ended, f)
		}
	}
	slices.SortStableFunc(open, func(a, b *report.Finding) int {
		return cmp.Or(cmp.Compare(rank(a.Severity), rank(b.Severity)), cmp.Compare(a.Start, b.Start))
	})
	slices.SortStableFunc(ended, func(a, b *report.Finding) int { return cmp.Compare(*b.End, *a.End) })
	return open, ended
}

func rank(severity string) int {
	switch severity {
	case "critical":
		return 0
	case "warning":
		return 1
	default:
		return 2
	}
}

// class is the CSS class of a severity: only of those that are known.
func class(severity string) string {
	switch severity {
	case "critical", "warning":
		return severity
	default:
		return "info"
	}
}

func newLive(s *State) live {
	l := live{Wait: waiting(s)}
	if s.Now != 0 {
		l.Stamp, l.Day, l.Clock = s.Now.String(), day(s.Now), s.Now.Clock()
	}
	l.V = hash(l)
	return l
}

func newLink(f *report.Finding, now report.Time, current string) link {
	l := link{
		Slug:     slugOf(f.ID),
		Severity: clean(f.Severity, maxRail),
		Class:    class(f.Severity),
		Title:    clean(f.Title, maxRail),
	}
	l.Current = l.Slug == current
	where := f.UpstreamHost
	if where == nil {
		where = cmp.Or(f.Pod, f.Service, f.Node)
	}
	if where != nil {
		l.Where = clean(*where, maxRail) + ", "
	}
	if f.End == nil {
		l.Where += lasting(between(f.Start, now))
	} else {
		l.Where += hour(clock(f.Start, now)) + " to " + hour(clock(*f.End, f.Start))
	}
	l.V = hash(l)
	return l
}

func counts(s *State) []fact {
	r := s.Report
	b := baseOf(r)
	var facts []fact
	if b.services > 0 {
		facts = append(facts, fact{"services healthy", of(b.servicesHealthy, b.services)})
	}
	if b.pods > 0 {
		facts = append(facts, fact{"pods healthy", of(b.podsHealthy, b.pods)},
			fact{"both sides report", of(b.podsBoth, b.pods)})
	}
	facts = append(facts, fact{"records", count(r.Lines.Records)})
	if n := r.Lines.Malformed; n > 0 {
		facts = append(facts, fact{"malformed lines", count(n)})
	}
	var dropped uint64
	for _, n := range r.Dropped {
		dropped += n
	}
	if dropped > 0 {
		facts = append(facts, fact{"dropped at a bound", count(dropped)})
	}
	if s.Behind > 0 {
		facts = append(facts, fact{"watermark behind", lasting(s.Behind)})
	}
	return facts
}

func of(n, all int) string { return count(n) + " of " + count(all) }

// base is what a statement about all pods rests on.
type base struct{ services, servicesHealthy, pods, podsHealthy, podsBoth int }

func baseOf(r *report.Report) base {
	var b base
	for i := range r.Services {
		if s := &r.Services[i]; s.Subset == nil {
			b.services++
			b.servicesHealthy += one(s.State == "healthy")
		}
	}
	b.pods = len(r.Pods)
	for i := range r.Pods {
		p := &r.Pods[i]
		b.podsHealthy += one(p.State == "healthy")
		b.podsBoth += one(p.Client.Requests > 0 && p.Server.Requests > 0)
	}
	return b
}

func one(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// isSlug tells whether a string may stand in an address and an id as it is.
func isSlug(s string) bool {
	if len(s) == 0 || len(s) > 64 || s[0] == '.' {
		return false
	}
	for _, c := range []byte(s) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.':
		default:
			return false
		}
	}
	return true
}

// slugOf is a finding's id, or a hash of it where the id is no slug.
func slugOf(id string) string {
	if isSlug(id) {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:8])
}

// hash is the version of a section.
func hash(section any) string {
	b, err := json.Marshal(section)
	if err != nil {
		return "" // no section holds what JSON cannot
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:6])
}
