package accesslog

import (
	"bytes"
	"fmt"
	"math/rand"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// istioTexts is a line of each layout that Istio's text has had.
func istioTexts() []string {
	front, back, _ := strings.Cut(istioText, `via_upstream - "-" `)
	noRoute := strings.TrimSuffix(back, " default")
	return []string{
		istioText,
		front + noRoute,
		front + back,
		front + `"-" ` + noRoute,
		front + `"TLS error: 1" ` + back,
		front + `"-" "-" ` + noRoute,
		front + `"OK" "TLS error: 1" ` + back,
		`[2026-03-02T10:15:04.558Z] "- - -" 0 - - - "-" 3 0 - - "-" "-" "-" "-" "[::1]:9" outbound|80||cart; [::1]:1 envoy://internal_client_address/ 10.0.0.8:0 - - extra`,
		`[2026-03-02T10:15:04.558Z] "GET / HTTP/2" 503 URX,UF upstream_reset_before_response_started{connection failure,TLS error: 26} transport socket timeout was reached "TLS error: 26" 0 91 16 - "-" "-" "-" "cart" "10.0.0.9:80" outbound|80||cart - 10.96.7.7:80 10.0.0.8:4711 - default`,
	}
}

func FuzzIstioText(f *testing.F) {
	for _, line := range istioTexts() {
		f.Add([]byte(line))
	}
	for _, line := range []string{
		`[2026-03-02T10:15:04.558Z] "- - -" 0 UF,URX "-" "TLS error: x" 0 0 3 - "-" "-" "-" "-" "10.0.0.9:9200" a b c d e f`,
		`[2026-03-02T10:15:04.558Z] "GET /a"b HTTP/1.1" 0 DC "-" 0 0 3 - "" "" "" "" "10.0.0.9:9200" a b c d e`,
		`[2026-03-02T10:15:04.558Z] "GET  -" 0 DC x{ }{ y z "-" 0 0 3 - "" "" "" "" "" ; b c d e f g`,
		`[2026-03-02T10:15:04.558Z`, `[2026-03-02T10:15:04.558Z] "`, `[2026-03-02T10:15:04.558Z] "" "" ""`,
	} {
		f.Add([]byte(line))
	}
	fuzzText(f)
}

func FuzzEnvoyText(f *testing.F) {
	f.Add([]byte(envoyText))
	f.Add([]byte(`[2026-03-02T10:15:04.558Z] "- - -" 0 UF,URX 0 0 3 - "-" "-" "-" "-" "10.0.0.9:9200"`))
	f.Add([]byte(`[2026-03-02T10:15:04.558+02:00] "GET  HTTP/1.1" 0 DC - - - - "" "a" "b" "" "" ""`))
	fuzzText(f)
}

func fuzzText(f *testing.F) {
	p := NewParser()
	f.Fuzz(func(t *testing.T, line []byte) {
		var got Record
		p.Parse([]byte(istioText), &got)
		line = bytes.TrimLeft(line, " \t\r\n")
		if !bytes.HasPrefix(line, []byte("[")) || bytes.HasPrefix(line, []byte("[pod/")) {
			t.Skip()
		}
		compareText(t, p, line)
	})
}

// compareText parses the line and holds it against the oracle.
func compareText(t *testing.T, p *Parser, line []byte) Result {
	t.Helper()
	before := bytes.Clone(line)
	var got Record
	result, reason := p.Parse(line, &got)
	invariants(t, p, line, got, result, reason)
	if !bytes.Equal(before, line) {
		t.Fatalf("Parse changed the line %q to %q", before, line)
	}

	want, wantResult, wantReason, sure, maybe := oracleTextLine(string(line))
	if !sure {
		if result == Parsed && !maybe {
			t.Fatalf("Parse(%q) = %v, want it refused", line, result)
		}
		return result
	}
	if wantResult != Parsed {
		want = Record{ServiceTime: -1}
	}
	if result != wantResult || reason != wantReason {
		t.Fatalf("Parse(%q) = %v, %v; want %v, %v", line, result, reason, wantResult, wantReason)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("Parse(%q): -want +got\n%s", line, diff)
	}
	return result
}

// TestRandomText writes a record as text in each layout and reads it back.
func TestRandomText(t *testing.T) {
	rnd := rand.New(rand.NewSource(1))
	pick := func(of ...string) string { return of[rnd.Intn(len(of))] }
	p := NewParser()
	results := map[Result]int{}
	for range 5_000 {
		number := func() string {
			return pick("0", "1", "200", "503", "59989", "-", "12.5", "-1", "1e3", "x", "9999999999999999")
		}
		if rnd.Intn(3) > 0 {
			number = func() string { return pick("0", "1", "200", "503", "-") }
		}
		word := func() string {
			return pick("-", "a", "10.0.0.1:80", "10.0.0.1:0", "[::1]:8080", "[2001:db8::6]:0", "envoy://connect_originate/10.0.0.1:80",
				"envoy://internal_client_address/", "outbound|80||a.b.svc.cluster.local;", "outbound_.80_.v1_.a.b", "é", ";")
		}
		text := func() string {
			return pick("-", "", "a", "Mozilla/5.0 (X11; Linux)", "192.0.2.1,10.0.0.1", "é 中", `\`, "5")
		}
		line := fmt.Sprintf(`[%s] "%s %s %s" %s %s`, pick("2026-03-02T10:15:04.558Z", "2026-03-02T10:15:04Z", "2026-03-02T10:15:04.558+02:00", "2026-13-02T10:15:04Z"),
			pick("GET", "-", ""), pick("/", "/a?b=c", "-", "", "/é"), pick("HTTP/1.1", "HTTP/2", "-"), number(), pick("-", "UT", "URX,UF"))
		switch rnd.Intn(4) {
		case 1:
			line += ` "` + text() + `"`
		case 2:
			line += ` "` + text() + `" "` + text() + `"`
		case 3:
			line += " " + pick("-", "via_upstream", "x{y}", "x{y z}") + " " + pick("-", "a", "transport socket timeout was reached") + ` "` + text() + `"`
		}
		line += " " + number() + " " + number() + " " + number() + " " + number()
		for range 4 {
			line += ` "` + text() + `"`
		}
		line += ` "` + word() + `"`
		for range rnd.Intn(9) {
			line += " " + word()
		}
		results[compareText(t, p, []byte(line))]++
	}
	t.Log(results)
	if min(results[Parsed], results[Malformed]) < 500 {
		t.Errorf("the lines are too much alike: %v", results)
	}
}

// FuzzWrapped puts a line into each wrapper: it says the same there, and what
// cannot be read stands where the wrapper has put it.
func FuzzWrapped(f *testing.F) {
	for _, line := range steady() {
		f.Add([]byte(line))
	}
	for _, line := range istioTexts() {
		f.Add([]byte(line))
	}
	for _, line := range []string{`[2026-03-02T10:15:04.558Z] "GET /é`, `{"start_time":"é`, `[pod//] `, "2026-03-02T10:15:04Z stdout P ", `{"response_code":0,"duration":"1ms"}`} {
		f.Add([]byte(line))
	}
	p := NewParser()
	f.Fuzz(func(t *testing.T, raw []byte) {
		var bare Record
		result, reason := p.Parse(raw, &bare)
		offset := p.Offset()
		invariants(t, p, raw, bare, result, reason)
		line := string(raw)
		if !utf8.Valid(raw) || !wrappable(line) || reason == NoTime {
			return
		}
		inner := NewParser() // bare borrows from p
		for name, wrapped := range wrappers(line) {
			var got Record
			result2, reason2 := inner.Parse([]byte(wrapped), &got)
			if result != result2 || reason != reason2 {
				t.Fatalf("Parse(%q) = %v, %v; in %s %v, %v", line, result, reason, name, result2, reason2)
			}
			if diff := cmp.Diff(bare, got); diff != "" {
				t.Fatalf("Parse(%q) in %s: -bare +wrapped\n%s", line, name, diff)
			}
			if result != Malformed {
				continue
			}
			if want := offsetWrapped(name, line, offset); inner.Offset() != want {
				t.Fatalf("Parse(%q) %v at %d; in %s at %d, want %d", line, reason, offset, name, inner.Offset(), want)
			}
		}
	})
}

// wrappable says that the line has no prefix and wraps no other line, so that a
// wrapper around it is the outermost and not one too many.
func wrappable(line string) bool {
	if !strings.HasPrefix(line, "{") && !strings.HasPrefix(line, "[2") || strings.ContainsAny(line, "\r\n") || strings.Contains(line, `\u00`) {
		return false
	}
	for _, k := range []key{keyLog, keyMessage, keyTextPayload, keyJSONPayload, keyBody, keyRaw} {
		if strings.Contains(line, keyNames[k]) {
			return false
		}
	}
	return true
}

// offsetWrapped is where the offset of the line is in that wrapper of the line.
func offsetWrapped(wrapper, line string, offset int) int {
	begin := strings.Index(wrappers("#")[wrapper], "#")
	wrapped := wrappers(line)[wrapper][begin:]
	front := line[:offset]
	for !strings.HasPrefix(wrapped, line) { // escaped once more
		front, line = quote(front), quote(line)
		front, line = front[1:len(front)-1], line[1:len(line)-1]
	}
	return begin + len(front)
}
