package accesslog

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzScan holds the two ways through JSON together: the scanner, and fastjson
// for what the scanner leaves alone.
func FuzzScan(f *testing.F) {
	for _, line := range steady() {
		f.Add([]byte(line))
	}
	for _, line := range flat {
		f.Add([]byte(line))
	}
	p := newBothWays()
	f.Fuzz(p.compare)
}

// flat is JSON at the edges of what is scanned.
var flat = []string{
	`{}`, `{ }`, `{"response_code":200}`,
	`{"response_code":200,"start_time":"2026-03-02T10:15:04Z"}`,
	` { "response_code" : 200 , "start_time" : "2026-03-02T10:15:04Z" } `,
	`{"response_code":200,"start_time":"2026-03-02T10:15:04Z"} x`,
	`{"response_code":200,"start_time":"2026-03-02T10:15:04Z",}`,
	`{"response_code":200,"response_code":503,"start_time":"2026-03-02T10:15:04Z"}`, // the last counts
	`{"response_code":200,"start_time":"2026-03-02T10:15:04Z","path":"/a\"b"}`,
	`{"response_code":200,"start_time":"2026-03-02T10:15:04Z","other":"/a\"b\u0041\\"}`,
	`{"response_code":200,"start_time":"2026-03-02T10:15:04Z","other":"\x"}`,
	`{"response_code":200,"start_time":"2026-03-02T10:15:04Z","p\u0061th":"/a"}`,
	`{"response_code":200,"start_time":"2026-03-02T10:15:04Z","path":"tab	in it"}`,
	`{"response_code":200,"start_time":"2026-03-02T10:15:04Z","path":"Grüße, 世界"}`,
	"{\"response_code\":200,\"start_time\":\"2026-03-02T10:15:04Z\",\"path\":\"\xff\xfe\x00\"}",
	"{\"response_code\":200,\"start_time\":\"2026-03-02T10:15:04Z\",\"path\":\"\xff\xfe\"}",
	`{"response_code":01,"start_time":"2026-03-02T10:15:04Z"}`,
	`{"response_code":1e2,"start_time":"2026-03-02T10:15:04Z"}`,
	`{"response_code":true,"start_time":"2026-03-02T10:15:04Z"}`,
	`{"response_code":nulL,"start_time":"2026-03-02T10:15:04Z"}`,
	`{"response_code":"-","start_time":"2026-03-02T10:15:04Z","duration":"12.5","bytes_sent":""}`,
	`{"response_code":200,"start_time":null,"time":"2026-03-02T10:15:04Z"}`,
	`{"response_code":200,"start_time":"2026-03-02T10:15:04Z","request_headers":{":method":"GET"}}`,
	`{"response_code":200,"start_time":"2026-03-02T10:15:04Z","pod_name":"a","kubernetes":{"pod_name":"b"}}`,
	`{"response_code":200,"start_time":"2026-03-02T10:15:04Z","kubernetes":{"pod_name":"b","labels":{"app":"c","x":{"y":[1,{"z":null}]}},"pod_name":"d"}}`,
	`{"response_code":200,"start_time":"2026-03-02T10:15:04Z","kubernetes":{"pod_name":7,"labels":[],"host":"-","annotations":{"a":"\n"}}}`,
	`{"response_code":200,"start_time":"2026-03-02T10:15:04Z","kubernetes":{"labels":{},"pod_id":"u"}}`,
	`{"response_code":200,"start_time":"2026-03-02T10:15:04Z","kubernetes":null}`,
	`{"response_code":200,"start_time":"2026-03-02T10:15:04Z","kubernetes":{}}`,
	`{"response_code":200,"start_time":"2026-03-02T10:15:04Z","kubernetes":{"host":"n"`,
	`{"log":{"response_code":200,"start_time":"2026-03-02T10:15:04Z"},"kubernetes":{"host":"n"}}`,
	`{"log":"{\\"response_code\\":200,\\"start_time\\":\\"2026-03-02T10:15:04Z\\",\\"path\\":\\"\\\\\\"\\\\u0041\\"}\\n","_p":"F"}`,
	`{"log":"{\\"response_code\\":200,\\"start_time\\":\\"2026-03-02T10:15:04Z\\"","kubernetes":{"host":"n"},"time":"2026-03-02T10:15:05Z"}`,
	`{"log":"{\\"response_code\\":200,\\"duration\\":7}","time":"2026-03-02T10:15:05Z","@timestamp":1772446506.5,"kubernetes":{"host":"n"}}`,
	`{"log":"{\\"response_code\\":200,\\"duration\\":7}","date":"2026-03-02 10:15:05.1"}`,
	`{"log":"{\\"response_code\\":200,\\"duration\\":7}"}`,
	`{"log":"\\u007b\\"response_code\\":200}","time":"2026-03-02T10:15:05Z"}`,
	`{"log":"\\b\\f\\n\\r\\t\\/\\\\ plain","stream":"stdout"}`, `{"log":"","stream":"stdout"}`, `{"log":7}`, `{"log":null,"message":"{}"}`,
	`{"log":"{\\"a\\":1}","message":"{}"}`, `{"_p":"P","log":"{\\"response_code\\":200}"}`, `{"logtag":"P","log":"x"}`,
	`{"log":"x\\"","response_code":200,"start_time":"2026-03-02T10:15:04Z"}`,
	`{"_p":"P","response_code":200,"start_time":"2026-03-02T10:15:04Z"}`,
	`{"@timestamp":1772446505.1,"response_code":200,"duration":1}`,
}

// bothWays reads lines in both ways.
type bothWays struct{ scan, whole *Parser }

func newBothWays() *bothWays {
	p := &bothWays{NewParser(), NewParser()}
	p.whole.wholly = true
	return p
}

func (p *bothWays) compare(t *testing.T, line []byte) {
	t.Helper()
	before := bytes.Clone(line)
	var got, want Record
	result, reason := p.scan.Parse(line, &got)
	wantResult, wantReason := p.whole.Parse(line, &want)
	if result != wantResult || reason != wantReason || p.scan.Offset() != p.whole.Offset() {
		t.Fatalf("%q: scanned %v, %v at %d; wholly %v, %v at %d",
			line, result, reason, p.scan.Offset(), wantResult, wantReason, p.whole.Offset())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("%q: -wholly +scanned\n%s", line, diff)
	}
	if !bytes.Equal(line, before) {
		t.Fatalf("%q became %q", before, line)
	}
}

// TestScan reads the edges, and ordinary lines of which a few bytes are others.
func TestScan(t *testing.T) {
	p := newBothWays()
	for _, line := range flat {
		p.compare(t, []byte(line))
	}
	rng := rand.New(rand.NewPCG(1, 2))
	const odd = "\"\\{}[]:,- \t\n0\x00\x1f\xc3"
	for _, line := range steady() {
		if !strings.HasPrefix(line, "{") {
			continue
		}
		for range 1000 {
			b := []byte(line)
			for n := rng.IntN(3) + 1; n > 0 && len(b) > 0; n-- {
				i := rng.IntN(len(b))
				switch rng.IntN(4) {
				case 0:
					b[i] = odd[rng.IntN(len(odd))]
				case 1:
					b = append(b[:i], b[i+1:]...)
				case 2:
					b = b[:i+1]
				case 3:
					j := rng.IntN(len(b))
					b = append(b[:max(i, j)], b[min(i, j):]...) // a part comes twice
				}
			}
			p.compare(t, b)
		}
	}
}

// TestScanAnyOrder: the order of keys, which is guessed from earlier lines, does
// not matter.
func TestScanAnyOrder(t *testing.T) {
	p := newBothWays()
	rng := rand.New(rand.NewPCG(3, 4))
	fields := strings.Split(istioJSON[1:len(istioJSON)-1], `,"`)
	for i := range fields {
		fields[i] = `"` + strings.TrimPrefix(fields[i], `"`)
	}
	for range 500 {
		rng.Shuffle(len(fields), func(i, k int) { fields[i], fields[k] = fields[k], fields[i] })
		p.compare(t, []byte("{"+strings.Join(fields, ",")+"}"))
	}
	var r Record
	p.scan.Parse([]byte("{"+strings.Join(fields, ",")+"}"), &r)
	if diff := cmp.Diff(call(), r); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// TestOrders: lines of more orders than are remembered, of keys that nobody knows
// and with other spaces, each order coming again and again.
func TestOrders(t *testing.T) {
	p := newBothWays()
	rng := rand.New(rand.NewPCG(5, 6))
	fields := []string{`"response_code":200`, `"start_time":"2026-03-02T10:15:04Z"`, `"path":"/a"`, `"method": null`, `"x":[1]`, `"y":"b"`, `"duration":7`}
	lines := make([]string, 2*maxOrders)
	for i := range lines {
		rng.Shuffle(len(fields), func(i, k int) { fields[i], fields[k] = fields[k], fields[i] })
		lines[i] = "{" + strings.Join(fields[:3+i%5], []string{",", " ,", ", "}[i%3]) + "}"
	}
	for range 2000 {
		p.compare(t, []byte(lines[min(rng.IntN(len(lines)), rng.IntN(len(lines)))]))
	}
	if known := p.scan.scanners[0].orders.all; len(known[0].steps) == 0 || len(known[maxOrders-1].steps) == 0 {
		t.Error("orders are not remembered")
	}
	long := []byte(`{"` + strings.Repeat("x", maxOrderText) + `":1,` + lines[0][1:])
	for range 2 * learnRarely {
		p.compare(t, long)
	}
}

// A name finds its key, and nothing else does.
func TestKeyOf(t *testing.T) {
	for k := noKey + 1; k < numKeys; k++ {
		name := []byte(keyNames[k])
		if got := keyOf(name); got != k {
			t.Errorf("%s: %d, want %d", name, got, k)
		}
		if got := keyOf(append(name, 'x')); got != noKey {
			t.Errorf("%sx: %d", name, got)
		}
	}
	for name, k := range aliases {
		if got := keyOf([]byte(name)); got != k {
			t.Errorf("%s: %d, want %d", name, got, k)
		}
	}
	if keyOf(nil) != noKey {
		t.Error("no name is a key")
	}
}

// TestPlainEnd: eight bytes at a time and one at a time find the same end.
func TestPlainEnd(t *testing.T) {
	for c := range 256 {
		for n := range 20 {
			b := append(bytes.Repeat([]byte{0x80, ' ', '#', '[', ']', '!', 0xff, 0x7f}, 3)[:n], byte(c))
			b = append(b, "abcdefgh\""...)
			want := n
			if c >= ' ' && c != '"' && c != '\\' {
				want = len(b) - 1
			}
			if got := plainEnd(b, 0); got != want {
				t.Fatalf("plainEnd(%q) = %d, want %d", b, got, want)
			}
		}
	}
	if got := plainEnd([]byte("abc"), 1); got != 3 {
		t.Error(fmt.Sprint("without an end ", got))
	}
}

// What the scanner takes it takes whole: these must not fall back.
func TestScanned(t *testing.T) {
	for _, name := range []string{"IstioJSON", "FluentBitMerged", "FluentBitEscaped", "FluentBitText", "Docker", "DockerText", "AllStrings"} {
		var r Record
		if result, ok := NewParser().scan([]byte(steady()[name]), 0, &r); !ok || result != Parsed {
			t.Errorf("%s is not scanned", name)
		}
	}
}

// As the order of earlier lines leads it takes the same, and leaves the same.
func TestScannedInOrder(t *testing.T) {
	p := NewParser()
	f := func(line string, want bool) {
		t.Helper()
		var r Record
		if _, ok := p.scan([]byte(line), 0, &r); ok != want {
			t.Errorf("%s: %v, want %v", line, ok, want)
		}
	}
	const rest = `,"start_time":"2026-03-02T10:15:04Z"}`
	for _, duration := range []string{`7`, `0`, `12.5`, `7 `, `"7"`, `null`} {
		f(`{"response_code":200,"duration":`+duration+rest, true)
	}
	f(`{"duration":7,"response_code":200`+rest, true)
	// One order begins so, and the other one goes on so.
	f(`{"response_code":200,"response_code":503`+rest, false)
}
