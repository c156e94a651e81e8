package accesslog

import (
	"strings"
	"testing"
)

func TestIstioJSON(t *testing.T) {
	parsed(t, istioJSON, call())

	// any key order, white space, line ends
	parsed(t, " \t{ \"response_flags\" : \"UT\",\n\"start_time\":\"2026-03-02T10:15:04.558Z\" ,\"response_code\":504}\r\n", Record{
		Start: at("2026-03-02T10:15:04.558Z"), Code: 504, Flags: b("UT"), ServiceTime: -1,
	})

	// several flags stay one set, verbatim
	parsed(t, `{"start_time":"2026-03-02T10:15:04Z","response_flags":"URX,UF"}`, Record{
		Start: at("2026-03-02T10:15:04Z"), Flags: b("URX,UF"), ServiceTime: -1,
	})

	// all strings, "-" for unset: a JSON-shaped text format
	parsed(t, `{"start_time":"2026-03-02T10:15:04.558Z","method":"GET","path":"/","protocol":"HTTP/2","response_code":"0","response_flags":"DC","response_code_details":"downstream_remote_disconnect","connection_termination_details":"-","upstream_transport_failure_reason":"-","bytes_received":"0","bytes_sent":"3","duration":"59989","upstream_service_time":"-","x_forwarded_for":"-","user_agent":"","upstream_cluster":"inbound|8080||"}`, Record{
		Start: at("2026-03-02T10:15:04.558Z"), Duration: 59989, Method: b("GET"), Path: b("/"), Protocol: b("HTTP/2"),
		Flags: b("DC"), Details: b("downstream_remote_disconnect"), BytesSent: 3, ServiceTime: -1,
		HasCluster: true, Cluster: b("inbound|8080||"),
	})

	// the cluster: present and empty, absent, with the delimiter of a stat name
	parsed(t, `{"start_time":"2026-03-02T10:15:04Z","response_code":404,"upstream_cluster":null}`, Record{
		Start: at("2026-03-02T10:15:04Z"), Code: 404, ServiceTime: -1, HasCluster: true,
	})
	parsed(t, `{"start_time":"2026-03-02T10:15:04Z","response_code":404}`, Record{
		Start: at("2026-03-02T10:15:04Z"), Code: 404, ServiceTime: -1,
	})
	parsed(t, `{"start_time":"2026-03-02T10:15:04Z","response_code":200,"upstream_cluster":"outbound|80||a.b.svc.cluster.local;"}`, Record{
		Start: at("2026-03-02T10:15:04Z"), Code: 200, ServiceTime: -1, HasCluster: true, Cluster: b("outbound|80||a.b.svc.cluster.local"),
	})

	// escapes
	parsed(t, `{"start_time":"2026-03-02T10:15:04Z","response_code":200,"user\u005fagent":"a \"b\" \\ \u00e9\n"}`, Record{
		Start: at("2026-03-02T10:15:04Z"), Code: 200, ServiceTime: -1, UserAgent: b("a \"b\" \\ é\n"),
	})

	// a key that comes twice has its last value
	parsed(t, `{"start_time":"2026-03-02T10:15:04Z","response_code":200,"path":"/a","response_code":503,"path":null}`, Record{
		Start: at("2026-03-02T10:15:04Z"), Code: 503, ServiceTime: -1,
	})

	// a text field that is no string is unset
	parsed(t, `{"start_time":"2026-03-02T10:15:04Z","response_code":200,"path":7,"route_name":{},"response_flags":[]}`, Record{
		Start: at("2026-03-02T10:15:04Z"), Code: 200, ServiceTime: -1,
	})
}

func TestNumbers(t *testing.T) {
	entry := func(key, v string) string {
		return `{"start_time":"2026-03-02T10:15:04Z","response_flags":"-","` + key + `":` + v + `}`
	}
	empty := Record{Start: at("2026-03-02T10:15:04Z"), ServiceTime: -1}

	parsed(t, entry("duration", `12.5`), with(empty, func(r *Record) { r.Duration = 12 }))
	parsed(t, entry("duration", `"12.999"`), with(empty, func(r *Record) { r.Duration = 12 }))
	parsed(t, entry("duration", `null`), empty)
	parsed(t, entry("duration", `"-"`), empty)
	parsed(t, entry("bytes_sent", `999999999999999`), with(empty, func(r *Record) { r.BytesSent = 999999999999999 }))
	parsed(t, entry("upstream_request_attempt_count", `3`), with(empty, func(r *Record) { r.Attempts = 3 }))
	parsed(t, entry("upstream_request_attempt_count", `"3"`), with(empty, func(r *Record) { r.Attempts = 3 }))
	parsed(t, entry("response_code", `999`), with(empty, func(r *Record) { r.Code = 999 }))
	// It is a header, written by whoever answered: no fault of the entry.
	parsed(t, entry("upstream_service_time", `0`), with(empty, func(r *Record) { r.ServiceTime = 0 }))
	parsed(t, entry("upstream_service_time", `"soon"`), empty)
	parsed(t, entry("upstream_service_time", `[]`), empty)

	for _, key := range []string{"response_code", "duration", "bytes_received", "bytes_sent", "upstream_request_attempt_count"} {
		for _, v := range []string{`-1`, `"-1"`, `1e3`, `"12ms"`, `" 1"`, `"1."`, `".5"`, `"+1"`, `true`, `[1]`, `{}`, `1000000000000000`} {
			malformed(t, entry(key, v), InvalidNumber)
		}
	}
	malformed(t, entry("response_code", `1000`), InvalidNumber)
}

func TestStartTime(t *testing.T) {
	entry := func(v string) string { return `{"response_code":200,"duration":1500,"start_time":` + v + `}` }
	parsed(t, entry(`"2026-03-02T12:15:04.5+02:00"`), Record{
		Start: at("2026-03-02T10:15:04.5Z"), Duration: 1500, Code: 200, ServiceTime: -1,
	})
	malformed(t, entry(`"2026-02-29T10:15:04Z"`), InvalidTime)
	malformed(t, entry(`"yesterday"`), InvalidTime)
	malformed(t, entry(`1772446504`), InvalidTime)
	malformed(t, entry(`{}`), InvalidTime)
	malformed(t, entry(`null`), NoTime)
	malformed(t, entry(`"-"`), NoTime)
	malformed(t, `{"response_code":200,"duration":1500}`, NoTime)
	// one name for a line with several faults
	malformed(t, `{"response_code":-1,"start_time":"now"}`, InvalidTime)
	malformed(t, `{"response_code":-1,"duration":1}`, InvalidNumber)
}

func TestEntryRule(t *testing.T) {
	const time = `"time":"2026-03-02T10:15:04Z"`
	want := Record{Start: at("2026-03-02T10:15:04Z"), ServiceTime: -1}
	parsed(t, `{"response_code":null,"start_time":null,`+time+`}`, want)
	parsed(t, `{"response_flags":null,"duration":null,`+time+`}`, want)
	parsed(t, `{"response_flags":null,"upstream_cluster":null,`+time+`}`, with(want, func(r *Record) { r.HasCluster = true }))
	parsed(t, `{"response_code":null,"method":null,"path":null,`+time+`}`, want)
	parsed(t, `{"response_code":null,"method":null,"x-envoy-origin-path":null,`+time+`}`, want)

	foreign(t, `{}`)
	foreign(t, `{"response_code":200,`+time+`}`)
	foreign(t, `{"response_code":200,"@timestamp":"2026-03-02T10:15:04Z","msg":"answered"}`)
	foreign(t, `{"response_code":200,"method":"GET"}`)
	foreign(t, `{"response_code":200,"path":"/"}`)
	foreign(t, `{"start_time":"2026-03-02T10:15:04Z","duration":4,"upstream_cluster":"x","method":"GET","path":"/"}`)
	foreign(t, `{"Response_Code":200,"Start_Time":"2026-03-02T10:15:04Z"}`)
	foreign(t, `{"level":"info","time":"2026-03-02T10:15:04.558123Z","scope":"xdsproxy","msg":"connected to upstream XDS server"}`)
	foreign(t, `{"identifier":{"logName":"x"},"httpLogs":{"logEntry":[{"commonProperties":{"startTime":"2026-03-02T10:15:04Z"},"request":{"authority":"a"},"response":{"responseCode":200}}]}}`)
}

// What is no JSON for encoding/json is none here, although fastjson takes it.
func TestStrictJSON(t *testing.T) {
	entry := func(v string) string {
		return `{"start_time":"2026-03-02T10:15:04Z","response_code":200,"x":` + v + `}`
	}
	for _, v := range []string{`01`, `-01`, `1.`, `1.e3`, `.5`, `+1`, `nan`, `NaN`, `inf`, `-`, `"\x"`, `"\u12g4"`, `tru`, `'a'`, `[1,]`, `{,}`,
		"\"a\x01\"", "\"a\x01\\n\"", "\"\t\\\\\"", "{\"\x01\\n\":1}"} {
		malformed(t, entry(v), InvalidJSON)
	}
	malformed(t, istioJSON+istioJSON, InvalidJSON)
	malformed(t, istioJSON+"x", InvalidJSON)
	malformed(t, istioJSON+"\x00", InvalidJSON)
	parsed(t, entry(strings.Repeat("[", 299)+strings.Repeat("]", 299)), Record{
		Start: at("2026-03-02T10:15:04Z"), Code: 200, ServiceTime: -1,
	})
	malformed(t, entry(strings.Repeat("[", 300)+strings.Repeat("]", 300)), InvalidJSON)
	malformed(t, entry(strings.Repeat("[", 1<<19)), InvalidJSON)

	// Bytes that are no UTF-8 stay as they are: a path is what a client sent.
	parsed(t, "{\"start_time\":\"2026-03-02T10:15:04Z\",\"response_code\":200,\"path\":\"/\xff\"}", Record{
		Start: at("2026-03-02T10:15:04Z"), Code: 200, ServiceTime: -1, Path: b("/\xff"),
	})
}

// The memory of a long line is given back, after what was borrowed has ended.
func TestLongLine(t *testing.T) {
	p := NewParser()
	var r Record
	long := []byte(`{"x":[` + strings.Repeat("0,", keepBytes) + `0],` + istioJSON[1:])
	for range 3 {
		if result, _ := p.Parse(long, &r); result != Parsed || string(r.Cluster) != string(call().Cluster) {
			t.Fatalf("%v, %q", result, r.Cluster)
		}
		if result, _ := p.Parse([]byte(istioJSON), &r); result != Parsed || p.documents[0].large {
			t.Fatalf("%v, large: %v", result, p.documents[0].large)
		}
	}
}
