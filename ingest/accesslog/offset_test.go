package accesslog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand"
	"strings"
	"testing"
)

// mark stands in front of the byte that cannot be read.
const mark = "▲"

// fault checks that the line is malformed, why, and that Offset says where the
// mark stood before it was taken out.
func fault(t *testing.T, marked string, want Reason) {
	t.Helper()
	before, after, ok := strings.Cut(marked, mark)
	if !ok {
		t.Fatalf("no mark in %q", marked)
	}
	line := before + after
	p := NewParser()
	var r Record
	result, reason := p.Parse([]byte(line), &r)
	if result != Malformed || reason != want {
		t.Errorf("Parse(%q) = %v, %v; want it malformed, %v", line, result, reason, want)
		return
	}
	if got := min(p.Offset(), len(line)); got != len(before) {
		t.Errorf("%v at %d of %q; want %d, the fault is in front of %q", reason, p.Offset(), line[:got]+mark+line[got:], len(before), after)
	}
}

func TestOffsetOfInvalidJSON(t *testing.T) {
	const entry = `{"start_time":"2026-03-02T10:15:04Z","response_code":`
	for _, rest := range []string{
		`▲`, `2▲`, `200,▲`, `200,"▲`, `200,"path▲`, `200,"path"▲`, `200,"path":▲`, `200,"path":"/a▲`,
		`0▲1}`, `-▲a}`, `1.▲}`, `1.▲e3}`, `1e+▲}`, `▲.5}`, `▲+1}`, `tru▲}`, `n▲an}`, `▲'a'}`, `200▲"path":1}`, `200 ▲x}`, `200,▲}`,
		`{▲,}}`, `[1,▲]}`, `[1▲}`, `200,▲1:2}`, `200,"a"▲,1}`, `200}▲x`, `200} ▲{}`, `200}▲` + "\x00",
		`"\▲x"}`, `"\u1▲x34"}`, `"\u12▲`, `"\▲`, "\"▲\t\"}", "\"▲\x01\\n\"}", `200,"▲` + "\n" + `":1}`,
	} {
		fault(t, entry+rest, InvalidJSON)
		fault(t, "  \t"+entry+rest, InvalidJSON)
		fault(t, "[pod/a/b] 2026-03-02T10:15:04Z stdout F "+entry+rest, InvalidJSON)
	}
	fault(t, entry+strings.Repeat("[", 299)+mark+strings.Repeat("[", 300), InvalidJSON)
	fault(t, istioJSON+mark+istioJSON, InvalidJSON)
}

// encoding/json says at which byte it gave up.
func TestOffsetLikeStandard(t *testing.T) {
	const some = "{}[]\",:\\u019.e-+ntf \x01\xff"
	rnd := rand.New(rand.NewSource(1))
	for range 20_000 {
		line := []byte(istioJSON)
		if rnd.Intn(2) == 0 {
			line = []byte(wrappers(istioText)["docker"])
		}
		for range 1 + rnd.Intn(2) {
			switch i := rnd.Intn(len(line)); rnd.Intn(3) {
			case 0:
				line = line[:i]
			case 1:
				line[i] = some[rnd.Intn(len(some))]
			case 2:
				line = append(line[:i], line[min(len(line), i+1+rnd.Intn(3)):]...)
			}
			if len(line) == 0 {
				line = []byte("{")
			}
		}
		want := -1
		if !json.Valid(line) {
			// No JSON goes on with a NUL, so that there is always a byte to blame.
			var syntax *json.SyntaxError
			if !errors.As(json.Unmarshal(append(bytes.Clone(line), 0), new(any)), &syntax) {
				t.Fatalf("%q", line)
			}
			want = int(syntax.Offset) - 1
		}
		if got := jsonFault(line); got != want {
			t.Fatalf("jsonFault(%q) = %d, want %d", line, got, want)
		}
	}
}

func TestOffsetOfValue(t *testing.T) {
	fault(t, `{"start_time":▲"yesterday","response_code":200}`, InvalidTime)
	fault(t, `{"response_code":200, "start_time" : ▲1772446504}`, InvalidTime)
	fault(t, `{"response_code":200,"duration":1,"@timestamp":▲"2026-03-02 10:15:04"}`, InvalidTime)
	fault(t, `{"response_code":200,"duration":1,"ts":▲"2026-03-02 10:15:04"}`, InvalidTime)
	fault(t, `{"response_code":200,"duration":1,"start_time":▲null}`, NoTime)
	fault(t, `{"response_code":200,"duration":1,"start_time":▲"-","time":"late"}`, NoTime)
	fault(t, ` ▲{"response_code":200,"duration":1}`, NoTime)
	for _, k := range []string{"response_code", "duration", "bytes_received", "bytes_sent", "upstream_request_attempt_count"} {
		fault(t, `{"start_time":"2026-03-02T10:15:04Z","x":{"`+k+`":1},"response_flags":"-","`+k+`":▲"x"}`, InvalidNumber)
	}
	// the last of a key that comes twice, escapes in its name or not
	fault(t, `{"start_time":"2026-03-02T10:15:04Z","response_code":-1,"a":[{}],"response\u005fcode":▲1e3,"b":0}`, InvalidNumber)

	fault(t, `{"_p":▲"P","log":"x"}`, Partial)
	fault(t, `{"log":{"logtag":▲"P","message":"x"}}`, Partial)
	fault(t, "2026-03-02T10:15:05.123456789Z stdout ▲P x", Partial)
}

// Within wrappers the offset is still that of the line as it came.
func TestOffsetInWrapper(t *testing.T) {
	entry := `{"start_time":"2026-03-02T10:15:04Z","user_agent":"é \"\u00e9\ud83d\ude00\ud800\t\\\/","response_code":▲-1}`
	text := `[2026-03-02T10:15:04Z] "GET /é\"	 HTTP/1.1" ▲x - 1 2 3 4 "-" "-" "-" "-" "-"`
	for _, marked := range []string{entry, text, `[2026-03-02T10:15:04Z] "GET / HTTP/1.1" 200 - 1 ▲`} {
		reason := InvalidNumber
		if strings.HasSuffix(marked, mark) {
			reason = InvalidText
		}
		for name, line := range wrappers(marked) {
			t.Run(name, func(t *testing.T) { fault(t, line, reason) })
		}
		fault(t, `{"log":{"a":1,"message":`+quote("[pod/a/b] "+marked)+`}}`, reason)
	}
	fault(t, `{"x":{"log":1},"log":{"log":`+entry+`}}`, InvalidNumber)
	fault(t, `{"log":"{\"start_time\":\"2026-03-02T10:15:04Z\",\"path\":\"/a▲"}`, InvalidJSON)
	fault(t, `{"log":"\u005b2026-03-02T10:15:04Z] \"GET / HTTP/1.1\" 200 - 1 ▲"}`, InvalidText)
	// no byte of the line stands for the second byte of an é alone
	fault(t, `{"log":"{\"start_time\":\"2026-03-02T10:15:04Z\",\"path\":▲\u00e9}"}`, InvalidJSON)
}

// Each byte of the text of a JSON string has its place in the string.
func TestIndexInString(t *testing.T) {
	pieces := []string{`a`, `é`, `😀`, `\n`, `\/`, `\"`, `\\`, `\u0041`, `\u00e9`, `\u20ac`, `\ud83d\ude00`, `\ud800`, `\udc00\ud800`, `\ud800\u0041`}
	rnd := rand.New(rand.NewSource(1))
	d := newDocument()
	for range 2_000 {
		raw := `{"log":"`
		begin := len(raw) - 1
		for range rnd.Intn(8) {
			raw += pieces[rnd.Intn(len(pieces))]
		}
		object, _ := d.parse([]byte(raw + `"}`))
		text, _ := object.Get("log").StringBytes()
		if got := indexInString([]byte(raw+`x"}`), begin, len(text)); got != len(raw) {
			t.Fatalf("indexInString(%s, %d) = %d, want %d", raw, len(text), got, len(raw))
		}
	}
}

func TestOffsetOfText(t *testing.T) {
	const time = `[2026-03-02T10:15:04Z] `
	for _, rest := range []string{
		// too early an end
		`▲`, `"▲`, `"GET /a HTTP/1.1▲`, `"GET /a HTTP/1.1"▲`, `"GET /a HTTP/1.1" ▲`, `"GET /a HTTP/1.1" 200▲`, `"GET /a HTTP/1.1" 200 -▲`,
		`"- - -" 0 UH - - ▲`, `"- - -" 0 UH - - "▲`, `"- - -" 0 UH - - "-" 0 0 0▲`, `"- - -" 0 UH - - "-" 0 0 0 ▲`,
		`"- - -" 0 - 0 0 0 - "-" "curl▲`, `"- - -" 0 - 0 0 0 - "-" "curl/8" "id▲`, `"- - -" 0 UH - - "-" 0 0 0 - "-" "-" "-" "-" "-"▲`,
		`"- - -" 0 UH - - "-" 0 0 0 - "-" "-" "-" "-" "-" a b c▲`, `"- - -" 0 UH - - "-" 0 0 0 - "-" "-" "-" "-" "-" a b c d e ▲`,
		// something else than was expected
		`"POST /▲" 200 - 12 345 21 20 "-" "-" "-" "-" "-"`,
		`"GET / HTTP/1.1" ▲ - 12 345 21 20 "-" "-" "-" "-" "-"`,
		`"GET / HTTP/1.1" 200 ▲ 12 345 21 20 "-" "-" "-" "-" "-"`,
		`"GET / HTTP/1.1" 200 - ▲ 12 345 21 20 "-" "-" "-" "-" "-"`,
		`"GET / HTTP/1.1" 200 - via_upstream ▲"-" 12 345 21 20 "-" "-" "-" "-" "-" a b c d e f`,
		`"GET / HTTP/1.1" 200 - 12 345 21 ▲ "-" "-" "-" "-" "-"`,
		`"GET / HTTP/1.1" 200 - 12 345 21 20 ▲- "-" "-" "-" "-"`,
		`"GET / HTTP/1.1" 200 - 12 345 21 20 "-" "-" "-" "-"▲ a b c d e`,
		`"GET / HTTP/1.1" 200 - 12 345 21 20 "-" "-" "-" "-" "10.0.0.1:80▲ x"`,
		`"GET / HTTP/1.1" 200 - 12 345 21 20 "-" "-" "-" "-" "-" a ▲ b c d e`,
		// another line begins
		`"GET / HTTP/1.1" 200 ▲` + istioText,
	} {
		fault(t, time+rest, InvalidText)
	}
	fault(t, `[2026-03-02T10:1▲`, InvalidText)
	fault(t, `[2026-03-02T10:15:04Z]▲`, InvalidText)
	fault(t, `[2026-03-02T10:15:04Z]▲ `+istioText, InvalidText)

	fault(t, `[▲2026-13-02T10:15:04Z] "- - -" 0 - 0 0 0 - "-" "-" "-" "-" "-"`, InvalidTime)
	for i := range 4 {
		numbers := []string{"200", "1", "2", "3"}
		numbers[i] = mark + "-9"
		fault(t, fmt.Sprintf(time+`"- - -" %s - %s %s %s - "-" "-" "-" "-" "-"`, numbers[0], numbers[1], numbers[2], numbers[3]), InvalidNumber)
	}
	fault(t, `cart-1 | ▲"- - -" 0 - 0 0 0 - "-" "-" "-" "-" "-"`, NoTime)
}
