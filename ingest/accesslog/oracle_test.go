package accesslog

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// oracle says what a line that begins with "{" must parse to. It knows the
// formats, not the parser: encoding/json, regexp, time and strconv do the work.
// sure is false where the line is beyond what it knows: a text line in a
// wrapper, or what is no JSON at all.
func oracle(line []byte) (r Record, result Result, reason Reason, sure bool) {
	r.ServiceTime = -1
	var ended time.Time
	for range 3 { // strings within strings
		var o map[string]any
		d := json.NewDecoder(bytes.NewReader(line))
		d.UseNumber()
		if !json.Valid(line) || d.Decode(&o) != nil {
			return r, 0, 0, false
		}
		for hop := 0; ; hop++ { // objects within objects
			if hop == 3 {
				return r, Foreign, NoReason, true
			}
			for _, name := range []string{"timestamp", "date", "@timestamp", "time"} {
				if t, ok := oracleTime(o[name]); ok {
					ended = t
				} else if t, ok := oracleSQLTime(o[name]); ok {
					ended = t
				}
			}
			if pod := oracleText(o, "pod_name"); pod != nil && r.Writer.Pod == nil {
				r.Writer.Pod, r.Writer.Namespace = pod, oracleText(o, "pod_namespace")
			}
			oracleWriter(o["kubernetes"], &r.Writer)
			if oracleEntry(o) && !oracleHeaders(o) {
				return r, 0, 0, false
			}
			if oracleEntry(o) {
				reason = oracleRecord(o, ended, &r)
				if reason != NoReason {
					return r, Malformed, reason, true
				}
				return r, Parsed, NoReason, true
			}
			if o["_p"] == "P" || o["logtag"] == "P" {
				return r, Malformed, Partial, true
			}
			var next map[string]any
			var text string
			var isObject, isString bool
			for _, name := range []string{"log", "message", "log_processed", "textPayload", "jsonPayload", "body", "raw"} {
				if isObject || isString {
					break
				}
				next, isObject = o[name].(map[string]any)
				text, isString = o[name].(string)
			}
			if isString {
				line = []byte(strings.Trim(text, " \t\r\n"))
				break
			}
			if !isObject {
				return r, Foreign, NoReason, true
			}
			o = next
		}
		if len(line) == 0 {
			return r, Foreign, NoReason, true
		}
	}
	return r, 0, 0, false
}

func oracleEntry(o map[string]any) bool {
	has := func(k string) bool { _, ok := o[k]; return ok }
	return (has("response_code") || has("response_flags")) &&
		(has("start_time") || has("duration") || has("upstream_cluster") ||
			has("method") && (has("path") || has("x-envoy-origin-path")))
}

func oracleText(o map[string]any, names ...string) []byte {
	for _, name := range names {
		if s, ok := o[name].(string); ok && s != "" && s != "-" {
			return []byte(s)
		}
	}
	return nil
}

var oracleDigits = regexp.MustCompile(`^([0-9]{1,15})(\.[0-9]+)?$`)

// oracleNumber is -1 for what is no number; unset is 0.
func oracleNumber(v any) int64 {
	switch v := v.(type) {
	case nil:
		return 0
	case string:
		if v == "" || v == "-" {
			return 0
		}
		return oracleNumber(json.Number(v))
	case json.Number:
		m := oracleDigits.FindStringSubmatch(string(v))
		if m == nil {
			return -1
		}
		n, _ := strconv.ParseInt(m[1], 10, 64)
		return n
	}
	return -1
}

var oracleRFC3339 = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-](0\d|1\d|2[0-3]):[0-5]\d)$`)

func oracleTime(v any) (time.Time, bool) {
	switch v := v.(type) {
	case string:
		t, err := time.Parse(time.RFC3339, v)
		return t, err == nil && oracleRFC3339.MatchString(v)
	case json.Number:
		m := oracleDigits.FindStringSubmatch(string(v))
		if m == nil {
			return time.Time{}, false
		}
		n, _ := strconv.ParseInt(m[1], 10, 64)
		if n >= 100_000_000_000 {
			return time.UnixMilli(n), true
		}
		ms, _ := strconv.ParseInt((m[2] + "0000")[1:4], 10, 64)
		if m[2] == "" {
			ms = 0
		}
		return time.UnixMilli(n*1000 + ms), true
	}
	return time.Time{}, false
}

func oracleSQLTime(v any) (time.Time, bool) {
	s, _ := v.(string)
	t, err := time.Parse("2006-01-02 15:04:05", s)
	return t, err == nil && len(s) < len("2006-01-02 15:04:05.0000000000") && !strings.HasSuffix(s, ".") && !strings.Contains(s, ",")
}

func oracleWriter(v any, w *Writer) {
	o, _ := v.(map[string]any)
	labels, _ := o["labels"].(map[string]any)
	set := func(to *[]byte, from map[string]any, name string) {
		if b := oracleText(from, name); b != nil {
			*to = b
		}
	}
	set(&w.Pod, o, "pod_name")
	set(&w.Namespace, o, "namespace_name")
	set(&w.PodID, o, "pod_id")
	set(&w.PodIP, o, "pod_ip")
	set(&w.Node, o, "host")
	set(&w.App, labels, "app")
	set(&w.CanonicalName, labels, "service.istio.io/canonical-name")
}

// oracleHeaders puts the headers of objects of headers where the object itself
// has none. false means that two names of one header have a value, in an order
// that a map has forgotten.
func oracleHeaders(o map[string]any) bool {
	headers := [][]string{
		{":method"}, {"x-envoy-origin-path", ":path", "x-envoy-original-path"}, {":authority", "authority_for"},
		{"x-request-id", "x_request_id"}, {"user-agent"}, {"x-forwarded-for"},
		{"x-envoy-upstream-service-time", "x_envoy_upstream_service_time"},
	}
	for _, names := range headers {
		n := 0
		for _, place := range []any{o, o["request_headers"], o["response_headers"]} {
			place, _ := place.(map[string]any)
			for _, name := range names {
				v, ok := place[name]
				if !ok {
					continue
				}
				n++
				if s, isText := o[name].(string); o[name] == nil || isText && (s == "" || s == "-") {
					o[name] = v
				}
			}
		}
		if n > 1 && len(names) > 1 {
			return false
		}
	}
	return true
}

func oracleRecord(o map[string]any, ended time.Time, r *Record) Reason {
	start := o["start_time"]
	if s, ok := start.(string); start == nil || ok && (s == "" || s == "-") {
		start = nil
		for _, name := range []string{"ts", "@timestamp"} {
			if b := oracleText(o, name); b != nil {
				start = string(b)
			}
		}
	}
	if start != nil {
		s, _ := start.(string)
		t, ok := oracleTime(s)
		if !ok {
			return InvalidTime
		}
		r.Start = t.UnixMilli()
	}

	code, attempts := oracleNumber(o["response_code"]), oracleNumber(o["upstream_request_attempt_count"])
	r.Duration = oracleNumber(o["duration"])
	r.BytesReceived = oracleNumber(o["bytes_received"])
	r.BytesSent = oracleNumber(o["bytes_sent"])
	if min(code, attempts, r.Duration, r.BytesReceived, r.BytesSent) < 0 || code > 999 || attempts > 1<<30 {
		return InvalidNumber
	}
	r.Code, r.Attempts = int(code), int(attempts)
	for _, name := range []string{"x_envoy_upstream_service_time", "x-envoy-upstream-service-time", "upstream_service_time"} {
		v := o[name]
		if s, ok := v.(string); v == nil || ok && (s == "" || s == "-") {
			continue
		}
		if n := oracleNumber(v); n >= 0 {
			r.ServiceTime = n
		}
	}
	if start == nil {
		if ended.IsZero() {
			return NoTime
		}
		r.Start = ended.UnixMilli() - r.Duration
	}

	r.Method = oracleText(o, "method", ":method")
	r.Path = oracleText(o, "path", "x-envoy-origin-path", ":path", "x-envoy-original-path")
	r.Protocol = oracleText(o, "protocol")
	r.Authority = oracleText(o, "authority", ":authority", "authority_for")
	r.RequestID = oracleText(o, "request_id", "x-request-id", "x_request_id")
	r.UserAgent = oracleText(o, "user_agent", "user-agent")
	r.ForwardedFor = oracleText(o, "x_forwarded_for", "x-forwarded-for")
	r.Flags = oracleText(o, "response_flags")
	r.Details = oracleText(o, "response_code_details")
	r.TerminationDetails = oracleText(o, "connection_termination_details")
	r.TransportFailure = oracleText(o, "upstream_transport_failure_reason")
	_, r.HasCluster = o["upstream_cluster"]
	cluster := strings.TrimSuffix(string(oracleText(o, "upstream_cluster")), ";")
	r.Cluster = oracleText(map[string]any{"": cluster}, "")
	r.UpstreamHost = oracleText(o, "upstream_host")
	r.UpstreamLocal = oracleText(o, "upstream_local_address")
	r.DownstreamLocal = oracleText(o, "downstream_local_address")
	r.DownstreamPeer = oracleText(o, "downstream_remote_address")
	r.ServerName = oracleText(o, "requested_server_name")
	r.Route = oracleText(o, "route_name")
	return NoReason
}
