package explain

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"gotest.tools/v3/golden"

	"github.com/slowpod/slowpod/classify/causes"
	"github.com/slowpod/slowpod/ingest/accesslog"
)

// explained explains lines as they come on stdin.
func explained(t *testing.T, lines ...string) string {
	t.Helper()
	e, p := NewEntries(causes.Builtin()), accesslog.NewParser()
	for _, line := range lines {
		var r accesslog.Record
		if result, reason := p.Parse([]byte(line), &r); result != accesslog.Parsed {
			t.Fatalf("%s: %v %s", line, result, reason)
		}
		e.Add(&r)
	}
	var b strings.Builder
	if err := e.Write(&b, Options{}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// readable checks what every explanation promises.
func readable(t *testing.T, what, text string) {
	t.Helper()
	if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }) {
		t.Errorf("%s: what no terminal should get: %q", what, text)
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "       ") && (strings.Contains(line, "kubectl ") || strings.Contains(line, "istioctl ")) {
			if !oneProgram.MatchString(strings.TrimSpace(line)) {
				t.Errorf("%s: %q is not one program, piped to grep or jq at most", what, line)
			}
			continue
		}
		if len([]rune(line)) > 80 && strings.Contains(strings.TrimSpace(line), " ") && len(strings.Fields(line)) > 2 {
			t.Errorf("%s: %d columns: %s", what, len([]rune(line)), line)
		}
		if line != strings.TrimRight(line, " ") {
			t.Errorf("%s: spaces behind %q", what, line)
		}
	}
}

// Placeholders are the only thing in angle brackets.
var oneProgram = regexp.MustCompile(`^(kubectl|istioctl)( <[a-z_]+>| [^;&|$` + "`" + `<>\\]| [^;&|$` + "`" + `\\ ]+)*( \| (grep|jq) [^;&|$` + "`" + `\\]+)?$`)

// What every row of the table says, in the form in which it is told.
func TestRows(t *testing.T) {
	table := causes.Builtin()
	var all strings.Builder
	for i := range table.Rows {
		row := &table.Rows[i]
		var lines []string
		for _, e := range row.Examples {
			lines = append(lines, e.Line())
		}
		text := explained(t, lines[0])
		readable(t, row.ID, text)
		if !strings.HasPrefix(text, row.Title+"\n") {
			t.Errorf("%s is told as %s", row.ID, text)
		}
		// Its other examples, by themselves, are told alike but for their words.
		for _, line := range lines[1:] {
			if other := explained(t, line); !strings.HasPrefix(other, row.Title+"\n") {
				t.Errorf("%s: %s is told as %s", row.ID, line, other)
			}
		}
		fmt.Fprintf(&all, "==== %s ====\n", row.ID)
		for _, e := range row.Examples {
			fmt.Fprintf(&all, "%s\n", e)
		}
		fmt.Fprintf(&all, "----\n%s\n", text)
	}
	golden.Assert(t, all.String(), "rows.txt")
}

// Both lines of a call, in any order.
func TestPairs(t *testing.T) {
	table := causes.Builtin()
	var all strings.Builder
	for i := range table.Pairs {
		p := &table.Pairs[i]
		if p.Client == nil || p.Server == nil {
			continue
		}
		client, server := p.Examples[0].Line(), p.Examples[1].Line()
		text := explained(t, client, server)
		readable(t, p.ID, text)
		if !strings.HasPrefix(text, "Both sides of a call: "+p.Verdict+"\n") {
			t.Errorf("%s is told as %s", p.ID, text)
		}
		call := func(s string) string { s, _, _ = strings.Cut(s, "\n\n\n"); return strings.Split(s, "\n\n")[0] }
		if other := explained(t, server, client); call(other) != call(text) {
			t.Errorf("%s the other way round:\n%s", p.ID, other)
		}
		fmt.Fprintf(&all, "==== %s ====\n%s\n%s\n----\n%s\n", p.ID, p.Examples[0], p.Examples[1], text)
	}
	golden.Assert(t, all.String(), "pairs.txt")
}

// What is asked for by hand.
func TestGiven(t *testing.T) {
	const before = "upstream_reset_before_response_started"
	for name, g := range map[string]Given{
		"ut":                {Flags: "UT", Code: -1},
		"urx-ut":            {Flags: "URX,UT", Code: -1},
		"uf":                {Flags: "UF", Code: -1},
		"uf-refused":        {Flags: "UF", Reason: "delayed_connect_error:_111", Side: "client", Code: -1},
		"uf-server":         {Flags: "URX,UF", Reason: "delayed_connect_error:_Connection_refused", Side: "server", Code: 503},
		"uf-timeout":        {Flags: "UF", Details: before + "{connection_timeout}", Reason: "-", Side: "gateway", Code: -1},
		"uf-tls":            {Flags: "UF", Reason: "TLS_error:|268435703:SSL_routines:OPENSSL_internal:WRONG_VERSION_NUMBER:TLS_error_end", Code: -1},
		"uh":                {Flags: "UH", Code: -1},
		"nr":                {Flags: "NR", Code: -1},
		"nc":                {Flags: "NC", Code: -1},
		"dc-client":         {Flags: "DC", Side: "client", Code: 0},
		"dc-server":         {Flags: "DC", Side: "server", Code: 0},
		"invented":          {Flags: "XYZ", Code: -1},
		"invented-with-ut":  {Flags: "XYZ,UT", Details: "new_timeout", Side: "client", Code: -1},
		"no-flag":           {Flags: "-", Code: 503, Details: "via_upstream", Side: "client"},
		"long-name":         {Flags: "UpstreamOverflow", Code: 503, Details: before + "{overflow}"},
		"reset-in-details":  {Flags: "UF", Side: "client", Details: before + "{remote_connection_failure|delayed_connect_error:_Connection_refused}", Code: -1},
		"before-envoy-1.30": {Flags: "-", Details: "http2.remote_reset", Side: "server", Code: 0},
	} {
		t.Run(name, func(t *testing.T) {
			var b strings.Builder
			if err := WriteGiven(&b, causes.Builtin(), g, Options{}); err != nil {
				t.Fatal(err)
			}
			readable(t, name, b.String())
			golden.Assert(t, b.String(), "given-"+name+".txt")
			var colour strings.Builder
			if err := WriteGiven(&colour, causes.Builtin(), g, Options{Colour: true}); err != nil {
				t.Fatal(err)
			}
			if plain := looks.ReplaceAllString(colour.String(), ""); plain != b.String() || plain == colour.String() {
				t.Errorf("in colour it says something else:\n%s", colour.String())
			}
		})
	}
	if err := WriteGiven(new(strings.Builder), causes.Builtin(), Given{Flags: "UT", Side: "left"}, Options{}); err == nil {
		t.Error("a side that is none is no mistake")
	}
}

var looks = regexp.MustCompile("\x1b\\[[0-9;]*m")

func TestUnseen(t *testing.T) {
	var b strings.Builder
	if err := WriteUnseen(&b, causes.Builtin(), Options{Width: 80}); err != nil {
		t.Fatal(err)
	}
	readable(t, "unseen", b.String())
	for _, want := range []string{"injected sidecars that race", "excludeOutboundIPRanges", "declared port is only documentation"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not told", want)
		}
	}
}

// entry is a line of Istio's JSON with some of its fields.
func entry(fields ...string) string {
	return `{"start_time":"2026-03-02T10:16:19.812Z","method":"GET","protocol":"HTTP/1.1","path":"/",` + strings.Join(fields, ",") + `}`
}

func client(id, host string, fields ...string) string {
	return entry(append([]string{
		`"upstream_cluster":"outbound|8080||orders.shop.svc.cluster.local"`, `"request_id":"` + id + `"`,
		`"upstream_host":"` + host + `"`, `"upstream_local_address":"10.244.1.8:37022"`,
	}, fields...)...)
}

func server(id, host string, fields ...string) string {
	return entry(append([]string{
		`"upstream_cluster":"inbound|8080||"`, `"request_id":"` + id + `"`,
		`"downstream_local_address":"` + host + `"`, `"downstream_remote_address":"10.244.1.8:37022"`,
		`"upstream_local_address":"127.0.0.6:1"`,
	}, fields...)...)
}

const (
	ut = `"response_code":504,"response_flags":"UT","response_code_details":"response_timeout","duration":3001`
	dc = `"response_code":0,"response_flags":"DC","response_code_details":"downstream_remote_disconnect","duration":2999`
)

// Of many lines each kind is told once, with how many there were.
func TestManyLines(t *testing.T) {
	lines := []string{
		client("a", "10.0.0.1:80", ut), server("a", "10.0.0.1:80", dc),
		client("b", "10.0.0.1:80", ut), server("b", "10.0.0.1:80", dc),
		client("c", "10.0.0.2:80", ut), // its other side is not here
		server("c", "10.0.0.3:80", `"response_code":503,"response_flags":"UC","duration":5`), // an earlier try
		server("d", "10.0.0.9:80", dc), // of another call
	}
	text := explained(t, lines...)
	for _, want := range []string{
		"Both sides of a call: confirmed\n  2 calls; the same connection and request id\n",
		"Both sides of a call: hidden_retry\n",
		"\nThe caller's proxy stopped waiting for the answer\n  3 records, the first: ",
		"\nThe caller went away while the application worked on the request\n  3 records, the first: ",
		"\nThe application closed a connection as a request came in\n",
	} {
		if strings.Count(text, want) != 1 {
			t.Errorf("%q is there %d times in\n%s", want, strings.Count(text, want), text)
		}
	}
	if strings.Count(text, "Both sides") != 2 {
		t.Error(text)
	}
}

// Two lines are no call if nothing ties them together.
func TestNoCall(t *testing.T) {
	for name, lines := range map[string][2]string{
		"another id":  {client("a", "10.0.0.1:80", ut), server("b", "10.0.0.1:80", dc)},
		"another pod": {client("a", "10.0.0.1:80", ut), server("a", "10.0.0.2:80", `"response_code":200,"duration":1`)},
		"one side":    {client("a", "10.0.0.1:80", ut), client("a", "10.0.0.1:80", ut)},
	} {
		if text := explained(t, lines[0], lines[1]); strings.Contains(text, "Both sides") {
			t.Errorf("%s: %s", name, text)
		}
	}
	// Index 14 of an id is rewritten by the proxy that samples.
	const id, sampled = "da28cc83-9055-4ed5-8c0e-104bf3337a0c", "da28cc83-9055-9ed5-8c0e-104bf3337a0c"
	if text := explained(t, client(id, "10.0.0.1:80", ut), server(sampled, "10.0.0.1:80", dc)); !strings.Contains(text, "Both sides") {
		t.Error(text)
	}
}

// Text from logs is hostile.
func TestHostile(t *testing.T) {
	const attack = `\u001b]0;x\u0007$(id);\u202e` + "`id`" + `|sh`
	text := explained(t,
		entry(`"upstream_cluster":"outbound|80|`+attack+`|`+attack+`.svc"`, `"authority":"`+attack+`"`, `"request_id":"`+attack+`"`,
			`"upstream_host":"`+attack+`"`, `"response_code":503`, `"response_flags":"UF,`+attack+`"`,
			`"response_code_details":"`+attack+`"`, `"upstream_transport_failure_reason":"`+attack+`"`),
		entry(`"upstream_cluster":"outbound|80||a.b.svc.cluster.local"`, `"response_code":503`, `"response_flags":"`+attack+`"`),
	)
	readable(t, "hostile", text)
	if !strings.Contains(text, `\u001b]0;x\u0007$(id);\u202e`) {
		t.Errorf("the words are not shown verbatim:\n%s", text)
	}
}

// A kind of record that comes after all that are kept is explained in full.
func TestBeyondTheBound(t *testing.T) {
	var lines []string
	for range maxKept {
		lines = append(lines, client("a", "10.0.0.1:80", `"response_code":200,"response_code_details":"via_upstream"`))
	}
	text := explained(t, append(lines, client("b", "10.0.0.1:80", ut))...)
	if !strings.Contains(text, "Likely causes") || !strings.Contains(text, "among the first 2000 records") {
		t.Error(text)
	}
}

// What can be written into a log by anybody does not make slowpod grow.
func TestBounds(t *testing.T) {
	e, p := NewEntries(causes.Builtin()), accesslog.NewParser()
	for i := range maxKept + 50 {
		var r accesslog.Record
		p.Parse([]byte(client("a", "10.0.0.1:80", fmt.Sprintf(`"response_code":503,"response_flags":"X%d"`, i))), &r)
		e.Add(&r)
	}
	if len(e.groups) != maxGroups || len(e.kept) != maxKept || e.beyond != 50 {
		t.Errorf("%d groups, %d records kept, %d beyond", len(e.groups), len(e.kept), e.beyond)
	}
	n := 0
	for _, g := range e.groups {
		n += g.count
	}
	if n != maxKept+50 {
		t.Errorf("%d records are counted", n)
	}
}
