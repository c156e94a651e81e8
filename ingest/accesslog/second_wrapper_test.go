package accesslog

import (
	"encoding/json"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"
)

// around is what the wrappers of a text say.
type around struct {
	ended  time.Time
	writer Writer
	depth  int
}

var (
	secondPod  = regexp.MustCompile(`(?s)^\[pod/([^/ \]]+)/([^/ \]]+)\] (.*)$`)
	secondCRI  = regexp.MustCompile(`(?s)^(` + secondTime + `) (?:stdout|stderr) (F|P)(?: (.*))?$`)
	secondKube = regexp.MustCompile(`(?s)^(` + secondTime + `) (.*)$`)
)

// secondRead reads a line.
func secondRead(line string) second { return readWrapped(line, around{}) }

func readWrapped(line string, a around) second {
	line = strings.TrimRight(line, "\r\n")
	var prefixes [3]int
	for {
		line = strings.TrimLeft(line, " \t\r\n")
		if prefixes[0] > 1 || prefixes[1]+prefixes[2] > 1 || a.depth > 2 {
			return second{unknown: true} // nobody wraps like that
		}
		if m := secondPod.FindStringSubmatch(line); m != nil {
			prefixes[0]++
			a.writer.Pod = []byte(m[1])
			line = m[3]
			continue
		}
		if m := secondCRI.FindStringSubmatch(line); m != nil {
			prefixes[1]++
			a.ended = secondParseTime(m[1], a.ended)
			if m[2] == "P" {
				return refusedBy(Malformed, Partial)
			}
			line = m[3]
			continue
		}
		if m := secondKube.FindStringSubmatch(line); m != nil {
			prefixes[2]++
			a.ended = secondParseTime(m[1], a.ended)
			line = m[2]
			continue
		}
		break
	}
	switch {
	case line == "":
		return refusedBy(Foreign, NoReason)
	case strings.HasPrefix(line, "[pod/"):
		return second{unknown: true} // not as kubectl writes it
	case line[0] == '{':
		return readObject(line, a)
	case line[0] == '[', line[0] == '"':
		return readText(line, a)
	case strings.Contains(line, " | ") || strings.HasPrefix(line, "ACCESS "):
		return second{unknown: true}
	}
	return refusedBy(Foreign, NoReason)
}

func secondParseTime(s string, otherwise time.Time) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return otherwise
	}
	return t
}

// readObject reads what Docker, Fluent Bit and the CRI parsers of it make of a
// line. An object with Envoy's own keys is left to the other oracle.
func readObject(line string, a around) second {
	a.depth++
	var o map[string]any
	d := json.NewDecoder(strings.NewReader(line))
	d.UseNumber()
	if !json.Valid([]byte(line)) || d.Decode(&o) != nil {
		// whether it claims to be an entry is a matter of taste
		s := refusedBy(Malformed, InvalidJSON)
		s.add(Foreign, NoReason)
		return s
	}
	if !utf8.ValidString(line) || strings.Contains(strings.ToLower(line), `\ud`) || deep([]byte(line)) {
		return second{unknown: true} // encoding/json replaces what is no UTF-8
	}
	return readKeys(o, a)
}

func readKeys(o map[string]any, a around) second {
	if oracleEntry(o) {
		raw, err := json.Marshal(o)
		if err != nil {
			return second{unknown: true}
		}
		r, result, reason, sure := oracle(raw)
		if !sure || a.depth > 1 || !a.ended.IsZero() && reason == NoTime {
			return second{unknown: true}
		}
		if r.Writer.Pod == nil {
			r.Writer.Pod = a.writer.Pod
		}
		if result != Parsed {
			return refusedBy(result, reason)
		}
		return second{answers: []secondAnswer{{r, result, reason}}}
	}
	for _, name := range []string{"pod_name", "timestamp", "textPayload", "jsonPayload", "log_processed", "body", "raw"} {
		if _, ok := o[name]; ok {
			return second{unknown: true} // another product's
		}
	}
	for _, name := range []string{"date", "@timestamp", "time"} {
		switch v := o[name].(type) {
		case string:
			if t, err := time.Parse("2006-01-02 15:04:05.999999", v); err == nil {
				a.ended = t
			}
			a.ended = secondParseTime(v, a.ended)
		case json.Number:
			if seconds, err := v.Float64(); err == nil && seconds > 0 && seconds < 1e11 {
				a.ended = time.UnixMilli(int64(seconds*1000 + 1e-4))
			}
		}
	}
	if k, ok := o["kubernetes"].(map[string]any); ok {
		labels, _ := k["labels"].(map[string]any)
		for _, f := range []struct {
			to   *[]byte
			from any
		}{
			{&a.writer.Pod, k["pod_name"]}, {&a.writer.Namespace, k["namespace_name"]}, {&a.writer.PodID, k["pod_id"]},
			{&a.writer.PodIP, k["pod_ip"]}, {&a.writer.Node, k["host"]}, {&a.writer.App, labels["app"]},
			{&a.writer.CanonicalName, labels["service.istio.io/canonical-name"]},
		} {
			if s, _ := f.from.(string); s != "" && s != "-" {
				*f.to = []byte(s)
			}
		}
	}
	if o["_p"] == "P" || o["logtag"] == "P" {
		return refusedBy(Malformed, Partial)
	}
	for _, name := range []string{"log", "message"} {
		switch v := o[name].(type) {
		case string:
			return readWrapped(v, a)
		case map[string]any:
			if a.depth > 2 {
				return second{unknown: true}
			}
			return readKeys(v, a)
		}
	}
	return refusedBy(Foreign, NoReason)
}
