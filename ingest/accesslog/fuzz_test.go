package accesslog

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// FuzzJSON compares the parser with the oracle, on a parser that has just read
// something else.
func FuzzJSON(f *testing.F) {
	for _, line := range steady() {
		f.Add([]byte(line))
	}
	for _, line := range []string{
		`{"response_code":200,"duration":1,"@timestamp":1772446505.1}`,
		`{"response_code":200,"duration":1,"date":1772446505123.5}`,
		`{"response_code":200,"duration":1,"ts":"2026-03-02T10:15:04Z","@timestamp":"x"}`,
		`{"response_flags":"UT","start_time":"2026-03-02T10:15:04Z","upstream_cluster":";"}`,
		`{"response_flags":"UT","start_time":"2026-03-02T10:15:04Z","upstream_cluster":"-;"}`,
		`{"log":{"log":"{\"response_code\":1,\"start_time\":null}","time":"2026-03-02T10:15:04Z"},"kubernetes":{"labels":{"app":""}}}`,
		`{"log":1,"message":"{}","_p":"P"}`,
		`{"start_time":"2026-03-02T10:15:04Z","response_code":2e2,"path":"\u0000\/\b\f\r\ud83d\ude00"}`,
	} {
		f.Add([]byte(line))
	}
	p := NewParser()
	f.Fuzz(func(t *testing.T, line []byte) {
		var got Record
		p.Parse([]byte(steady()["FluentBitEscaped"]), &got)
		line = bytes.TrimLeft(line, " \t\r\n")
		if !bytes.HasPrefix(line, []byte("{")) {
			t.Skip()
		}
		compare(t, p, line)
	})
}

// TestRandomJSON does the same with lines that are put together from keys and
// values which matter, because a fuzzer's mutations seldom leave JSON whole.
func TestRandomJSON(t *testing.T) {
	rnd := rand.New(rand.NewSource(1))
	pick := func(of ...string) string { return of[rnd.Intn(len(of))] }
	var object func(depth int) string
	val := func(depth int) string {
		switch n := rnd.Intn(40); {
		case n == 0 && depth > 0:
			return object(depth - 1)
		case n == 1 && depth > 0:
			return quote(pick("", " ", "\n") + object(depth-1) + pick("", "\n"))
		}
		if rnd.Intn(300) == 0 {
			return pick(`01`, `"\x"`, "\"\t\"", "\"\x01\\n\"", `1.`, `nan`) // no JSON
		}
		if rnd.Intn(30) == 0 {
			return pick(`true`, `[]`, `[1,"a"]`, `{}`, `-1`, `1e3`, `9999999999999999`, `"x;"`, `"2026-02-30T00:00:00Z"`)
		}
		return pick(`null`, `null`, `""`, `"-"`, `0`, `1`, `200`, `503`, `1.5`, `1772446505.123`, `1772446505123`,
			`"7"`, `"12.5"`, `";"`, `"P"`, `"F"`, `"GET"`, `"a\u0062\n\"\\"`, `"\u00e9\u0000"`,
			`"2026-03-02T10:15:04.558Z"`, `"2026-03-02T10:15:04.5+02:00"`)
	}
	object = func(depth int) string {
		var s strings.Builder
		s.WriteString("{")
		for i := range rnd.Intn(12) {
			if i > 0 {
				s.WriteString(pick(",", ",", ",", " , "))
			}
			name := keyNames[1+rnd.Intn(int(numKeys)-1)]
			v := val(depth)
			switch k := keyOf([]byte(name)); {
			case k == keyCode, k == keyDuration, k == keyBytesSent, k == keyBytesReceived, k == keyAttempts:
				v = pick(`null`, `0`, `200`, `"503"`, `7.9`, v)
			case k == keyStart, k == keyTime:
				v = pick(`null`, `"2026-03-02T10:15:04.558Z"`, `"2026-03-02T10:15:04.5+02:00"`, v)
			}
			switch n := rnd.Intn(12); {
			case n < 4:
				name = pick("response_code", "response_flags", "start_time", "duration")
				if name == "start_time" {
					v = `"2026-03-02T10:15:04.558Z"`
				} else {
					v = pick(`null`, `5`, `"7"`)
				}
			case n == 4 && depth > 0:
				name, v = pick("log", "message"), object(depth-1)
			case n == 5 && depth > 0:
				name, v = pick("log", "message"), quote(object(depth-1))
			case n == 6:
				name = "kubernetes"
				v = fmt.Sprintf(`{"pod_name":%s,"host":%s,"labels":{"app":%s},"pod_name":%s}`, val(0), val(0), val(0), val(0))
			case n == 7:
				name = strings.ReplaceAll(name, "_", `\u005f`)
			}
			s.WriteString(`"` + name + `"` + pick(":", ":", " :\t") + v)
		}
		s.WriteString("}")
		return s.String()
	}
	p := NewParser()
	results := map[Result]int{}
	for range 10_000 {
		results[compare(t, p, []byte(object(3)))]++
	}
	t.Log(results)
	if min(results[Parsed], results[Malformed], results[Foreign]) < 1_000 {
		t.Errorf("the lines are too much alike: %v", results)
	}
}

// compare parses the line and holds it against the oracle.
func compare(t *testing.T, p *Parser, line []byte) Result {
	t.Helper()
	var got Record
	result, reason := p.Parse(line, &got)
	invariants(t, p, line, got, result, reason)

	want, wantResult, wantReason, sure := oracle(line)
	switch {
	case !sure:
		if json.Valid(bytes.TrimSpace(line)) {
			return result // a wrapped line that is no JSON
		}
		if result == Parsed || result == Malformed && reason != InvalidJSON {
			t.Fatalf("Parse(%q) = %v, %v; it is no JSON", line, result, reason)
		}
		return result
	case !utf8.Valid(line), strings.Contains(strings.ToLower(string(line)), `\ud`):
		return result // encoding/json replaces what is not UTF-8, the parser does not
	case deep(line):
		return result // the parser refuses it
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

func deep(line []byte) bool {
	return bytes.Count(line, []byte("["))+bytes.Count(line, []byte("{")) > 200
}

// invariants holds for any line.
func invariants(t *testing.T, p *Parser, line []byte, r Record, result Result, reason Reason) {
	t.Helper()
	if offset := p.Offset(); offset < 0 || offset > len(line) || result != Malformed && offset != 0 {
		t.Fatalf("Parse(%q) = %v, %v at %d", line, result, reason, offset)
	}
	if (reason == NoReason) == (result == Malformed) || result > Malformed || reason == TooLong {
		t.Fatalf("Parse(%q) = %v, %v", line, result, reason)
	}
	if result != Parsed {
		if diff := cmp.Diff(Record{ServiceTime: -1}, r); diff != "" {
			t.Fatalf("Parse(%q) = %v and left %s", line, result, diff)
		}
		return
	}
	if r.Code < 0 || r.Code > 999 || r.Duration < 0 || r.BytesReceived < 0 || r.BytesSent < 0 || r.Attempts < 0 || r.ServiceTime < -1 {
		t.Fatalf("Parse(%q): a number is out of range: %+v", line, r)
	}
	if r.Cluster != nil && !r.HasCluster {
		t.Fatalf("Parse(%q): a cluster in a format without one", line)
	}
	for _, v := range []reflect.Value{reflect.ValueOf(r), reflect.ValueOf(r.Writer)} {
		for i := range v.NumField() {
			if b, ok := v.Field(i).Interface().([]byte); ok && b != nil && (len(b) == 0 || string(b) == "-") {
				t.Fatalf("Parse(%q): %s is %q, want nil", line, v.Type().Field(i).Name, b)
			}
		}
	}
}
