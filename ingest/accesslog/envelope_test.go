package accesslog

import (
	"encoding/json"
	"strings"
	"testing"
)

// quote is s as a JSON string.
func quote(s string) string {
	var out strings.Builder
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic(err)
	}
	return strings.TrimSpace(out.String())
}

const kubernetes = `{"pod_name":"cart-7d9c-abcde","namespace_name":"shop","pod_id":"0b6c","labels":{"app":"cart","service.istio.io/canonical-name":"cart-c","x":"y"},"annotations":{"app":"no"},"host":"node-1","pod_ip":"10.244.2.23","container_name":"istio-proxy"}`

// wroteCart is r with what kubernetes says.
func wroteCart(r Record) Record {
	r.Writer = Writer{
		Namespace: b("shop"), Pod: b("cart-7d9c-abcde"), PodID: b("0b6c"), PodIP: b("10.244.2.23"), Node: b("node-1"),
		CanonicalName: b("cart-c"), App: b("cart"),
	}
	return r
}

// wrappers lists the wrappers of a line that do not name its writer.
func wrappers(line string) map[string]string {
	return map[string]string{
		"bare":               line,
		"docker":             `{"log":` + quote(line+"\n") + `,"stream":"stdout","time":"2026-03-02T10:15:05.123456789Z"}`,
		"cri":                "2026-03-02T10:15:05.123456789Z stdout F " + line,
		"cri, zone":          "2026-03-02T11:15:05.123456789+01:00 stderr F " + line,
		"kubectl timestamps": "2026-03-02T10:15:05.123456789Z " + line,
		"compose":            "cart-proxy_1  | " + line,
		"compose v2":         "cart-proxy-1 | " + line,
		"compose timestamps": "cart-proxy-1  | 2026-03-02T10:15:05.123456789Z " + line,
		"emissary":           "ACCESS " + line,
		"fluent bit":         `{"@timestamp":1772446505.123,"time":"2026-03-02T10:15:05.123456789Z","stream":"stdout","_p":"F","log":` + quote(line) + `}`,
		"fluent bit iso":     `{"@timestamp":"2026-03-02T10:15:05.123456Z","log":` + quote(line) + `}`,
		"fluent bit http":    `{"date":1772446505.123,"log":` + quote(line) + `}`,
		"fluent bit http ns": `{"date":"2026-03-02T10:15:05.123456789Z","log":` + quote(line) + `}`,
		"fluent bit sql":     `{"date":"2026-03-02 10:15:05.123456","log":` + quote(line) + `}`,
		"google cloud":       `{"textPayload":` + quote(line) + `,"timestamp":"2026-03-02T10:15:05.123456789Z","severity":"INFO","resource":{"type":"k8s_container"}}`,
		"body":               `{"body":` + quote(line) + `}`,
		"raw":                `{"raw":` + quote(line) + `}`,
		"fluent bit old cri": `{"@timestamp":1772446505.123,"stream":"stdout","logtag":"F","message":` + quote(line) + `}`,
		"fluentd, emissary":  `{"message":` + quote("ACCESS "+line+"\n") + `,"stream":"stdout"}`,
		"no parser, cri":     `{"@timestamp":1772446505.123,"log":` + quote("2026-03-02T10:15:05.123456789Z stdout F "+line) + `}`,
		"no parser, docker":  `{"@timestamp":1772446505.123,"log":` + quote(`{"log":`+quote(line+"\n")+`,"stream":"stdout","time":"2026-03-02T10:15:05.123456789Z"}`) + `}`,
	}
}

func TestWrappers(t *testing.T) {
	for name, line := range wrappers(istioJSON) {
		t.Run(name, func(t *testing.T) { parsed(t, line, call()) })
	}
	for name, line := range wrappers(istioText) {
		t.Run(name, func(t *testing.T) { parsed(t, line, call()) })
	}
	for name, line := range wrappers(envoyText) {
		t.Run(name, func(t *testing.T) { parsed(t, line, envoyCall()) })
	}
	for name, line := range wrappers("2026-03-02T10:15:04.558123Z\tinfo\tsds\tpush") {
		t.Run(name, func(t *testing.T) { foreign(t, line) })
	}
	for name, line := range wrappers(istioJSON[:100]) {
		t.Run(name, func(t *testing.T) { malformed(t, line, InvalidJSON) })
	}
	for name, line := range wrappers(istioText[:100]) {
		t.Run(name, func(t *testing.T) { malformed(t, line, InvalidText) })
	}
}

func TestObjectInWrapper(t *testing.T) {
	// log as an object
	parsed(t, `{"log":`+istioJSON+`,"stream":"stdout","time":"2026-03-02T10:15:05Z","kubernetes":`+kubernetes+`}`, wroteCart(call()))

	merged := istioJSON[1 : len(istioJSON)-1]
	// Merge_Log, with and without Keep_Log
	parsed(t, `{"@timestamp":1772446505.123,"stream":"stdout","kubernetes":`+kubernetes+`,`+merged+`}`, wroteCart(call()))
	parsed(t, `{"@timestamp":1772446505.123,"log":`+quote(istioJSON)+`,"kubernetes":`+kubernetes+`,`+merged+`}`, wroteCart(call()))

	// and so with any other key that wraps
	for _, k := range []string{"log", "message", "log_processed", "jsonPayload", "body", "raw"} {
		parsed(t, `{"`+k+`":`+istioJSON+`,"time":"2026-03-02T10:15:05Z"}`, call())
		parsed(t, `{"x":0,"`+k+`":{"message":`+quote(istioText)+`}}`, call())
		parsed(t, `{"`+k+`":`+quote("one line of many")+`,`+merged+`}`, call())
		foreign(t, `{"`+k+`":"one line of many"}`)
	}

	// the keys at the top win over log
	parsed(t, `{"log":"{\"start_time\":\"2000-01-01T00:00:00Z\",\"response_code\":1}",`+merged+`}`, call())
	// log wins over message
	parsed(t, `{"message":"hello","log":`+quote(istioJSON)+`}`, call())
	parsed(t, `{"log":null,"message":`+quote(istioJSON)+`}`, call())

	foreign(t, `{"log":7}`)
	foreign(t, `{"log":"","stream":"stdout"}`)
	foreign(t, `{"log":{"log":{"log":{"log":`+istioJSON+`}}}}`)
	deep := istioJSON
	for range maxDocuments {
		deep = `{"log":` + quote(deep) + `}`
	}
	foreign(t, deep)
}

func TestWriter(t *testing.T) {
	parsed(t, `{"log":`+quote(istioText)+`,"kubernetes":`+kubernetes+`}`, wroteCart(call()))
	parsed(t, `{"kubernetes":{"pod_name":null,"labels":7},"log":`+quote(istioText)+`}`, call())
	parsed(t, `{"kubernetes":{"pod_name":"a","pod_name":"b","labels":{"app":"a"},"labels":{"\u0061pp":"b"}},"log":`+quote(istioText)+`}`, with(call(), func(r *Record) {
		r.Writer = Writer{Pod: b("b"), App: b("b")}
	}))

	parsed(t, `{"kubernetes":{"labels":{"app":"a"},"labels":{"x":"y"}},"log":`+quote(istioText)+`}`, call())

	pod := with(call(), func(r *Record) { r.Writer.Pod = b("cart-7d9c-abcde") })
	parsed(t, "[pod/cart-7d9c-abcde/istio-proxy] "+istioText, pod)
	parsed(t, "[pod/cart-7d9c-abcde/istio-proxy] "+istioJSON, pod)
	parsed(t, "[pod/cart-7d9c-abcde/istio-proxy] 2026-03-02T10:15:05.123456789Z "+istioJSON, pod)
	parsed(t, "2026-03-02T10:15:05.123456789Z [pod/cart-7d9c-abcde/istio-proxy] "+istioJSON, pod)
	foreign(t, "[pod/cart-7d9c-abcde/istio-proxy] 2026-03-02T10:15:04.558123Z\tinfo\tsds\tpush")
	malformed(t, "[pod/cart-7d9c-abcde/istio-proxy] "+istioJSON[:40], InvalidJSON)
}

// An entry without a start time takes the envelope's, less its duration.
func TestEnvelopeTime(t *testing.T) {
	const entry = `"response_code":200,"duration":1500`
	want := func(start string) Record {
		return Record{Start: at(start), Duration: 1500, Code: 200, ServiceTime: -1}
	}
	parsed(t, `{`+entry+`,"time":"2026-03-02T10:15:05.123456789Z"}`, want("2026-03-02T10:15:03.623Z"))
	parsed(t, `{`+entry+`,"@timestamp":1772446505.123}`, want("2026-03-02T10:15:03.623Z"))
	parsed(t, `{`+entry+`,"@timestamp":1772446505}`, want("2026-03-02T10:15:03.5Z"))
	parsed(t, `{`+entry+`,"date":1772446505123}`, want("2026-03-02T10:15:03.623Z"))
	parsed(t, `{`+entry+`,"date":100000000000}`, want("1973-03-03T09:46:38.5Z"))
	parsed(t, `{`+entry+`,"date":99999999999}`, want("5138-11-16T09:46:37.5Z"))
	parsed(t, `{`+entry+`,"date":"2026-03-02T10:15:05.123456Z"}`, want("2026-03-02T10:15:03.623Z"))
	parsed(t, `{`+entry+`,"date":"2026-03-02T10:15:05.123456789Z"}`, want("2026-03-02T10:15:03.623Z"))
	parsed(t, `{`+entry+`,"date":"2026-03-02 10:15:05.123456"}`, want("2026-03-02T10:15:03.623Z"))
	parsed(t, `{`+entry+`,"timestamp":"2026-03-02T10:15:05.123Z"}`, want("2026-03-02T10:15:03.623Z"))
	parsed(t, `{`+entry+`,"timestamp":"2026-03-02T10:15:06Z","date":1772446505.123}`, want("2026-03-02T10:15:03.623Z"))
	parsed(t, `{`+entry+`,"date":1,"@timestamp":2,"time":"2026-03-02T10:15:05.123456789Z"}`, want("2026-03-02T10:15:03.623Z"))
	parsed(t, `{`+entry+`,"@timestamp":1772446505.123,"time":"late"}`, want("2026-03-02T10:15:03.623Z"))
	parsed(t, `2026-03-02T10:15:05.123456789Z stdout F {`+entry+`}`, want("2026-03-02T10:15:03.623Z"))
	parsed(t, `2026-03-02T10:15:05.123456789Z {`+entry+`}`, want("2026-03-02T10:15:03.623Z"))
	// the inner envelope stands nearer to the entry
	parsed(t, `{"@timestamp":1,"log":`+quote(`{`+entry+`,"time":"2026-03-02T10:15:05.123Z"}`)+`}`, want("2026-03-02T10:15:03.623Z"))

	malformed(t, `{`+entry+`,"time":"late","date":true,"@timestamp":-1}`, NoTime)
	malformed(t, `{`+entry+`,"time":1772446505e3}`, NoTime)
}

func TestPieces(t *testing.T) {
	malformed(t, `2026-03-02T10:15:05.123456789Z stdout P `+istioJSON[:300], Partial)
	malformed(t, `2026-03-02T10:15:05.123456789Z stdout P x`, Partial)
	malformed(t, `{"@timestamp":1,"_p":"P","log":`+quote(istioText)+`}`, Partial)
	malformed(t, `{"@timestamp":1,"logtag":"P","message":"x"}`, Partial)
	foreign(t, "2026-03-02T10:15:05.123456789Z stdout F")
	foreign(t, "2026-03-02T10:15:05.123456789Z stdout F ")
	foreign(t, "2026-03-02T10:15:05.123456789Z stdout Failed")
	foreign(t, "2026-03-02T10:15:05.123456789Z ")
}
