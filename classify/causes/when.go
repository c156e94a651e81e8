package causes

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/slowpod/slowpod/classify"
)

// When says which records a row is about. Everything that is set must hold.
type When struct {
	// Flags must all be there, and one of AnyFlag. NoFlag means that there is
	// none at all.
	Flags   FlagSet `yaml:"flags"`
	AnyFlag FlagSet `yaml:"any_flag"`
	NoFlag  bool    `yaml:"no_flag"`
	// Details, Reason and the others: one of the patterns. Envoy repeats the
	// transport failure reason in the details, so Reason looks at both.
	Details     []Pattern `yaml:"details"`
	Reason      []Pattern `yaml:"reason"`
	Termination []Pattern `yaml:"connection_termination_details"`
	Cluster     []Pattern `yaml:"cluster"`
	Route       []Pattern `yaml:"route"`
	// Side is server, an inbound sidecar, whose upstream is its own
	// application; or client, every other proxy: outbound sidecars, gateways,
	// waypoints, and those whose format does not tell.
	Side string `yaml:"side"`
	Code []Code `yaml:"code"`
	// UpstreamHost and UpstreamLocal are "set" or "unset".
	UpstreamHost  string `yaml:"upstream_host"`
	UpstreamLocal string `yaml:"upstream_local_address"`
	// Subset is "set" or "unset": whether the cluster names one.
	Subset string `yaml:"subset"`
	TCP    *bool  `yaml:"tcp"`
	// DurationBelow is in milliseconds; 0 is no limit.
	DurationBelow int64 `yaml:"duration_below"`
}

// empty says whether it is about any record.
func (w *When) empty() bool { return w.String() == "any other record" }

// answer is what a condition says of facts of which some may not be given.
type answer int

const (
	no    answer = iota
	maybe        // it depends on what is not given
	yes
)

// fits says whether the facts are what the row is about. The flags come first:
// they rule out nearly all rows by two operations on integers.
func (w *When) fits(f *Facts) answer {
	if f.Flags&w.Flags.set != w.Flags.set ||
		w.AnyFlag.set != 0 && !f.Flags.Any(w.AnyFlag.set) || w.NoFlag && f.Flags != 0 {
		return no
	}
	a := known(f, GivenSide, w.Side == "" || (w.Side == "server") == (f.Side == classify.Server), w.Side != "")
	a = min(a, known(f, GivenCode, fitsCode(w.Code, f.Code), w.Code != nil))
	a = min(a, known(f, GivenTCP, w.TCP == nil || *w.TCP == f.TCP, w.TCP != nil))
	a = min(a, known(f, GivenDetails, anyFits(w.Details, f.Details), w.Details != nil))
	if a == no {
		return no
	}
	a = min(a, known(f, GivenReason, anyFits(w.Reason, f.Reason) || anyFits(w.Reason, f.Details), w.Reason != nil))
	a = min(a, known(f, GivenTermination, anyFits(w.Termination, f.Termination), w.Termination != nil))
	a = min(a, known(f, GivenCluster, anyFits(w.Cluster, f.Cluster), w.Cluster != nil))
	a = min(a, known(f, GivenRoute, anyFits(w.Route, f.Route), w.Route != nil))
	a = min(a, known(f, GivenUpstreamHost, (w.UpstreamHost == "set") == (f.UpstreamHost != nil), w.UpstreamHost != ""))
	a = min(a, known(f, GivenUpstreamLocal, (w.UpstreamLocal == "set") == (f.UpstreamLocal != nil), w.UpstreamLocal != ""))
	a = min(a, known(f, GivenCluster, (w.Subset == "set") == hasSubset(f.Cluster), w.Subset != ""))
	return min(a, known(f, GivenDuration, f.Duration < w.DurationBelow, w.DurationBelow > 0))
}

// known turns what a condition says of a field into an answer: a field that is
// not given may hold, and a condition that is not set does.
func known(f *Facts, field Given, fits, set bool) answer {
	switch {
	case !set, f.Given&field != 0 && fits:
		return yes
	case f.Given&field == 0:
		return maybe
	}
	return no
}

// Pattern is a text that may begin or end with "*", which stands for anything.
//
// Versions of Envoy write one thing with spaces or underscores, and the parts
// of it with a comma or a bar between; a pattern is written the newest way and
// fits all of them. "-" is for a field that is not set.
type Pattern struct {
	text        string
	bytes       []byte // the same
	front, back bool   // anything may stand in front, behind
}

func anyFits(patterns []Pattern, text []byte) bool {
	for i := range patterns {
		if patterns[i].Fits(text) {
			return true
		}
	}
	return false
}

// Fits says whether the pattern fits a text.
func (p *Pattern) Fits(text []byte) bool {
	switch {
	case p.text == "-" && !p.front && !p.back:
		return text == nil
	case len(text) < len(p.text):
		return false
	case p.front && p.back:
		if bytes.Contains(text, p.bytes) {
			return true
		}
		if bytes.IndexByte(text, ' ') < 0 && bytes.IndexByte(text, ',') < 0 {
			return false // written the newest way
		}
		for ; len(text) >= len(p.text); text = text[1:] {
			if same(text[:len(p.text)], p.text) {
				return true
			}
		}
		return false
	case p.front:
		return same(text[len(text)-len(p.text):], p.text)
	case p.back:
		return same(text[:len(p.text)], p.text)
	}
	return len(text) == len(p.text) && same(text, p.text)
}

// same compares two texts of one length as written by different versions.
func same(text []byte, p string) bool {
	for i, c := range text {
		if newest(c) != newest(p[i]) {
			return false
		}
	}
	return true
}

func newest(c byte) byte {
	switch c {
	case ' ':
		return '_'
	case ',':
		return '|'
	}
	return c
}

// Code is a response code, or a class of them such as 5xx.
type Code struct{ low, high int }

func fitsCode(codes []Code, code int) bool {
	for _, c := range codes {
		if c.low <= code && code <= c.high {
			return true
		}
	}
	return false
}

// FlagSet is a set of flags as the table writes it, and which one it is.
type FlagSet struct {
	set  classify.Set
	text string
}

// String says in a line which records it is about, in Envoy's words.
func (w *When) String() string {
	var parts []string
	add := func(format, value string) {
		if value != "" {
			parts = append(parts, fmt.Sprintf(format, value))
		}
	}
	add("flags %s", w.Flags.text)
	add("flag %s", strings.ReplaceAll(w.AnyFlag.text, ",", " or "))
	if w.NoFlag {
		parts = append(parts, "no flag")
	}
	add("side %s", w.Side)
	if w.TCP != nil && *w.TCP {
		parts = append(parts, "TCP")
	}
	add("code %s", either(w.Code))
	add("details %s", either(w.Details))
	add("transport failure reason %s", either(w.Reason))
	add("connection_termination_details %s", either(w.Termination))
	add("cluster %s", either(w.Cluster))
	add("route %s", either(w.Route))
	add("subset %s", w.Subset)
	add("upstream_host %s", w.UpstreamHost)
	add("upstream_local_address %s", w.UpstreamLocal)
	if w.DurationBelow > 0 {
		parts = append(parts, fmt.Sprintf("duration below %d ms", w.DurationBelow))
	}
	if parts == nil {
		return "any other record"
	}
	return strings.Join(parts, ", ")
}

// Open says in a line what a row looks at beyond what is given. The flags are.
func (w *When) Open(f *Facts) string {
	open := *w
	open.Flags, open.AnyFlag, open.NoFlag = FlagSet{}, FlagSet{}, false
	for _, field := range []struct {
		given Given
		clear func()
	}{
		{GivenSide, func() { open.Side = "" }},
		{GivenCode, func() { open.Code = nil }},
		{GivenDetails, func() { open.Details = nil }},
		{GivenReason, func() { open.Reason = nil }},
	} {
		if f.Given&field.given != 0 {
			field.clear()
		}
	}
	return open.String()
}

func either[T fmt.Stringer](values []T) string {
	var texts []string
	for _, v := range values {
		text := v.String()
		if text == "-" {
			text = "none"
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, " or ")
}
