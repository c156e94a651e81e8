package main

import (
	"encoding/json"
	"strings"
	"testing"
)

func parsers() map[string]func([]byte, *entry) error {
	return map[string]func([]byte, *entry) error{
		"fastjson":      withFastjson(),
		"encoding/json": func(line []byte, e *entry) error { return json.Unmarshal(line, e) },
	}
}

func TestCounts(t *testing.T) {
	const log = `{"upstream_cluster":"outbound|80||a","upstream_host":"10.0.0.1:80","response_flags":"UT","duration":500}
{"upstream_cluster":"outbound|80||a","upstream_host":"10.0.0.1:80","response_flags":"UT","duration":501}
{"upstream_cluster":null,"upstream_host":null,"response_flags":"NR","duration":0}
`
	for name, parse := range parsers() {
		var out strings.Builder
		if err := count(strings.NewReader(log), &out, parse); err != nil {
			t.Fatal(name, err)
		}
		for _, want := range []string{
			`requests_total{response_flags="UT",upstream_cluster="outbound|80||a",upstream_host="10.0.0.1:80"} 2`,
			`requests_total{response_flags="NR",upstream_cluster="",upstream_host=""} 1`,
			`request_duration_seconds_bucket{upstream_cluster="outbound|80||a",le="0.5"} 1`,
			`request_duration_seconds_sum{upstream_cluster="outbound|80||a"} 1.001`,
		} {
			if !strings.Contains(out.String(), want+"\n") {
				t.Errorf("%s: no %s in\n%s", name, want, &out)
			}
		}
	}
}

func TestATornLineIsAnError(t *testing.T) {
	for name, parse := range parsers() {
		err := count(strings.NewReader(`{"upstream_cluster":"outb`), &strings.Builder{}, parse)
		if err == nil || !strings.Contains(err.Error(), `"{\"upstream_cluster`) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
