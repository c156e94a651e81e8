package accesslog

import (
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The text formats once more, and in second_wrapper_test.go the wrappers, apart
// from the parser: the formats as Envoy and Istio write them, compiled to regular
// expressions. The second reader is slow, and knows when it does not know: a quote
// within a field can make a line say several things. It leaves open whether a
// line is foreign or malformed that ends before it claims to be an entry, which
// of two faults is named, and what is made of a line with a quote where no proxy
// puts one, so long as a record that is made of it could be written as that line.

// secondLayouts are the formats of access logs in text, one word for each field.
// Between flags and received, and behind sni, is what tells the versions
// (EnvoyTextLogFormat in Istio's pilot/pkg/networking/core/v1alpha3, since 1.12 in
// pilot/pkg/model/telemetry_logging.go).
var secondLayouts = []secondLayout{
	layout(false, `flags`, ``),                                                                    // Envoy
	layout(false, `flags`, ` cluster ulocal dlocal dpeer sni`),                                    // Istio 1.0
	layout(false, `flags "mixer"`, ` cluster ulocal dlocal dpeer sni`),                            // 1.1
	layout(false, `flags "mixer" "failure"`, ` cluster ulocal dlocal dpeer sni`),                  // 1.2
	layout(true, `flags "mixer" "failure"`, ` cluster ulocal dlocal dpeer sni route`),             // 1.3 to 1.7
	layout(true, `flags "failure"`, ` cluster ulocal dlocal dpeer sni route`),                     // 1.8
	layout(true, `flags details termination "failure"`, ` cluster ulocal dlocal dpeer sni route`), // since 1.9
	// No version of Istio wrote this: a format of one's own with Envoy's in front.
	layout(true, `flags`, ` cluster ulocal dlocal dpeer sni route`),
}

// secondLayout is one format: the names of its fields, and expressions with one
// group for each.
type secondLayout struct {
	fields []string
	format string // with one's own operators behind, as *
	clean  [2]*regexp.Regexp
	free   [2]*regexp.Regexp
}

// What stands in a field: in clean lines no quote and a space in few fields; in
// free ones anything in the two that the client fills and that real ones put
// quotes into.
var (
	secondClean = map[string]string{
		"start": `[^\]]*`, "protocol": `-|HTTP/[^ "]+`,
		"method": `[^ "]*`, "path": `[^ "]*`, "host": `[^ "]*`, "mixer": `[^"]*`, "failure": `[^"]*`,
		"forwarded": `[^"]*`, "agent": `[^"]*`, "id": `[^"]*`, "authority": `[^"]*`,
		// never a number: that would be the bytes received
		"details": `-|[^ "{}0-9-][^ "{}]*(?:\{[^"{}]*\})?`, "termination": `[^ "](?:[^"]*[^ "])?`,
	}
	secondFree = map[string]string{"path": `[^ ]*`, "agent": `.*`, "id": `[^ "]*`, "authority": `[^ "]*`}
	secondWord = `[^ "]+`

	secondName = regexp.MustCompile(`[a-z]+|\*`)
)

func layout(more bool, flags, tail string) secondLayout {
	format := `[start] "method path protocol" code ` + flags + ` received sent duration served "forwarded" "agent" "id" "authority" "host"` + tail
	l := secondLayout{fields: secondName.FindAllString(format, -1)}
	if more {
		format += "*"
	}
	l.format = format
	for i := range 2 {
		l.clean[i] = secondCompile(format, i == 1, secondClean)
		l.free[i] = secondCompile(format, i == 1, secondClean, secondFree)
	}
	return l
}

// secondCompile makes a regular expression of a format. The greedy one gives the
// first fields the most, the other one the least: where both agree there is no
// third, because each orders all readings by the lengths of their fields.
func secondCompile(format string, greedy bool, classes ...map[string]string) *regexp.Regexp {
	flags := "sU"
	if greedy {
		flags = "s"
	}
	format = secondName.ReplaceAllStringFunc(strings.ReplaceAll(format, "[start]", `\[start\]`), func(name string) string {
		if name == "*" {
			return `(?: ` + secondWord + `)*`
		}
		class := secondWord
		for _, c := range classes {
			if s, ok := c[name]; ok {
				class = s
			}
		}
		return "(" + class + ")"
	})
	return regexp.MustCompile("(?" + flags + ")^" + format + "$")
}

// second is what the second reader says of a line: any of the answers is right.
type second struct {
	answers []secondAnswer
	// parsed, where not nil, says of any other record whether the line can be
	// read that way.
	parsed func(Record) bool
	// unknown means that the line is beyond the reader.
	unknown bool
}

type secondAnswer struct {
	record Record
	result Result
	reason Reason
}

func (s *second) add(result Result, reason Reason) {
	s.answers = append(s.answers, secondAnswer{Record{ServiceTime: -1}, result, reason})
}

// wrong says what is wrong with what the parser made of the line; "" is nothing.
func (s second) wrong(r Record, result Result, reason Reason) string {
	got := secondAnswer{r, result, reason}
	if s.unknown {
		return ""
	}
	for _, want := range s.answers {
		if reflect.DeepEqual(want, got) {
			return ""
		}
	}
	if s.parsed != nil && result == Parsed && s.parsed(r) {
		return ""
	}
	return cmp.Diff(s.answers, []secondAnswer{got}, cmp.AllowUnexported(secondAnswer{}))
}

func refusedBy(result Result, reasons ...Reason) (s second) {
	for _, reason := range reasons {
		s.add(result, reason)
	}
	return s
}

const secondTime = `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)`

var (
	// secondClaim begins an entry; secondTorn may have begun one.
	secondClaim = regexp.MustCompile(`^\[\d{4}-\d\d-\d\dT\d\d:[^\]]{0,40}\] "`)
	secondTorn  = regexp.MustCompile(`^\[\d{4}-\d\d-\d\dT\d\d:`)
	secondTwice = regexp.MustCompile(`\[\d{4}-\d\d-\d\dT\d\d:[^\]]{0,49}\] "`)
	// secondLax is without what a line cannot do in any format.
	secondLax = regexp.MustCompile(`(?s)^\[[^\]]*\] "[^ ]* .*" [^ ]+ [^ ]+ .*[^ ]+ [^ ]+ [^ ]+ [^ ]+ ".*" ".*" ".*" ".*" "[^ "]*"( [^ ]+)*$`)
)

// readText reads an entry in text.
func readText(line string, a around) second {
	untimed := line[0] == '"'
	whole := line
	if untimed {
		whole = "[-] " + line
	}
	var refused second
	switch {
	case untimed:
		refused = refusedBy(Foreign, NoReason)
	case secondClaim.MatchString(line):
		refused = refusedBy(Malformed, InvalidText)
	case secondTorn.MatchString(line):
		// What must be there of a time, and behind it, to claim is a matter of taste.
		refused = refusedBy(Malformed, InvalidText, InvalidTime)
		refused.add(Foreign, NoReason)
		return refused
	default:
		return refusedBy(Foreign, NoReason)
	}
	rest := line
	if !untimed {
		_, rest, _ = strings.Cut(line, "]")
	}
	if secondTwice.MatchString(rest) {
		return refused // two lines in one
	}
	// One rune for each byte, because regular expressions read UTF-8.
	whole = latin1(whole)
	for _, free := range []bool{false, true} {
		if free && !secondLax.MatchString(whole) {
			return refused
		}
		var s second
		var layouts []secondLayout
		for _, l := range secondLayouts {
			res := l.clean
			if free {
				res = l.free
			}
			least := res[0].FindStringSubmatch(whole)
			if least == nil {
				continue
			}
			most := res[1].FindStringSubmatch(whole)
			layouts = append(layouts, l)
			s.answers = append(s.answers, secondRecord(l.fields, least[1:], a)...)
			if !slices.Equal(least, most) {
				s.answers = append(s.answers, secondRecord(l.fields, most[1:], a)...)
				s.parsed = func(r Record) bool { return writes(layouts, whole, r, a) }
			}
		}
		if layouts != nil {
			return s
		}
	}
	// Quotes stand where they should not: the parser may make of it what it can,
	// so long as the line can be read that way.
	refused.add(Malformed, InvalidText)
	for _, reason := range []Reason{InvalidTime, InvalidNumber, NoTime} {
		refused.add(Malformed, reason)
	}
	refused.parsed = func(r Record) bool { return writes(secondLayouts, whole, r, a) }
	return refused
}

// latin1 has a rune for each byte of s.
func latin1(s string) string {
	runes := make([]rune, len(s))
	for i := range len(s) {
		runes[i] = rune(s[i])
	}
	return string(runes)
}

// unlatin1 are the bytes again; nil of what is unset.
func unlatin1(s string) []byte {
	if s == "" || s == "-" {
		return nil
	}
	var out []byte
	for _, c := range s {
		out = append(out, byte(c))
	}
	return out
}

var (
	secondWhole  = regexp.MustCompile(`^` + secondTime + `$`)
	secondNumber = regexp.MustCompile(`^([0-9]{1,15})(?:\.[0-9]+)?$`)
)

// secondInt is 0 of what is unset and -1 of what is no number.
func secondInt(s string) int64 {
	if s == "-" || s == "" {
		return 0
	}
	m := secondNumber.FindStringSubmatch(s)
	if m == nil {
		return -1
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// secondRecord is what the fields say. There are several answers where it does
// not matter which of the faults is named.
func secondRecord(names, values []string, a around) []secondAnswer {
	v := map[string]string{}
	for i, name := range names {
		v[name] = values[i]
	}
	text := func(name string) []byte { return unlatin1(v[name]) }
	r := Record{
		Duration: secondInt(v["duration"]), Code: int(secondInt(v["code"])),
		BytesReceived: secondInt(v["received"]), BytesSent: secondInt(v["sent"]), ServiceTime: -1,
		Method: text("method"), Path: text("path"), Protocol: text("protocol"), Authority: text("authority"),
		RequestID: text("id"), UserAgent: text("agent"), ForwardedFor: text("forwarded"),
		Flags: text("flags"), Details: text("details"), TerminationDetails: text("termination"), TransportFailure: text("failure"),
		Cluster: unlatin1(strings.TrimSuffix(v["cluster"], ";")), UpstreamHost: text("host"), UpstreamLocal: text("ulocal"),
		DownstreamLocal: text("dlocal"), DownstreamPeer: text("dpeer"), ServerName: text("sni"), Route: text("route"),
		Writer: a.writer,
	}
	if text("served") != nil {
		r.ServiceTime = secondInt(v["served"])
	}
	r.HasCluster = v["cluster"] != ""

	var s second
	invalid := min(r.Duration, int64(r.Code), r.BytesReceived, r.BytesSent) < 0 || r.Code > 999
	timed := v["start"] != "-"
	start, err := time.Parse(time.RFC3339, v["start"])
	switch {
	case timed && (err != nil || !secondWhole.MatchString(v["start"])):
		s.add(Malformed, InvalidTime)
	case timed:
		r.Start = start.UnixMilli()
	case a.ended.IsZero() && !invalid:
		s.add(Malformed, NoTime)
	default:
		r.Start = a.ended.UnixMilli() - r.Duration
	}
	if invalid {
		s.add(Malformed, InvalidNumber)
	}
	if len(s.answers) == 0 {
		s.answers = []secondAnswer{{r, Parsed, NoReason}}
	}
	if c := v["received"][0]; c < '0' || c > '9' {
		// Envoy always has a number there: it may as well be another field.
		if timed {
			s.add(Malformed, InvalidText)
		} else {
			s.add(Foreign, NoReason)
		}
	}
	return s.answers
}

// writes says that one of the formats makes the line of the record.
func writes(layouts []secondLayout, line string, r Record, a around) bool {
	numbers := map[string]int64{"code": int64(r.Code), "received": r.BytesReceived, "sent": r.BytesSent, "duration": r.Duration}
	texts := map[string][]byte{
		"method": r.Method, "path": r.Path, "protocol": r.Protocol, "authority": r.Authority, "id": r.RequestID,
		"agent": r.UserAgent, "forwarded": r.ForwardedFor, "flags": r.Flags, "details": r.Details,
		"termination": r.TerminationDetails, "failure": r.TransportFailure, "cluster": r.Cluster, "host": r.UpstreamHost,
		"ulocal": r.UpstreamLocal, "dlocal": r.DownstreamLocal, "dpeer": r.DownstreamPeer, "sni": r.ServerName, "route": r.Route,
	}
	classes := map[string]string{"start": `[^\]]*`, "mixer": `.*`, "served": `[^ ]+`}
	for name, n := range numbers {
		classes[name] = `0*` + strconv.FormatInt(n, 10) + `(?:\.[0-9]+)?`
		if n == 0 {
			classes[name] += `|-`
		}
	}
	for name, b := range texts {
		classes[name] = regexp.QuoteMeta(latin1(string(b)))
		if b == nil {
			classes[name] = `-?`
		}
	}
	classes["cluster"] += ";?"
	if r.ServiceTime >= 0 {
		classes["served"] = `0*` + strconv.FormatInt(r.ServiceTime, 10) + `(?:\.[0-9]+)?`
	}
	for _, l := range layouts {
		m := secondCompile(l.format, true, classes).FindStringSubmatch(line)
		if m == nil || r.HasCluster != slices.Contains(l.fields, "cluster") || !cmp.Equal(r.Writer, a.writer) {
			continue
		}
		start := a.ended.UnixMilli() - r.Duration
		if m[1] != "-" {
			t, err := time.Parse(time.RFC3339, m[1])
			if start = t.UnixMilli(); err != nil {
				continue
			}
		}
		if start == r.Start {
			return true
		}
	}
	return false
}
