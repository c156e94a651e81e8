package configs

import (
	"os"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// at reads a value in a file by its path; a number in the path is the place in a
// list.
func at(t *testing.T, file string, path ...any) any {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := yaml.Unmarshal(b, &v); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	for _, step := range path {
		switch step := step.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[step]
		case int:
			l, _ := v.([]any)
			if step >= len(l) {
				t.Fatalf("%s: no %v", file, path)
			}
			v = l[step]
		}
	}
	return v
}

// What slowpod depends on in the files of other programs.
func TestShippers(t *testing.T) {
	f := func(file string, want any, path ...any) {
		t.Helper()
		if got := at(t, file, path...); got != want {
			t.Errorf("%s: %v is %v, want %v", file, path, got, want)
		}
	}
	const fluentbit = "fluent-bit/fluent-bit.yaml"
	f(fluentbit, "tail", "pipeline", "inputs", 0, "name")
	f(fluentbit, "cri", "pipeline", "inputs", 0, "multiline.parser")
	f(fluentbit, "kubernetes", "pipeline", "filters", 0, "name")
	f(fluentbit, "on", "pipeline", "filters", 0, "merge_log")
	f(fluentbit, nil, "pipeline", "filters", 0, "merge_log_key")
	f(fluentbit, "off", "pipeline", "filters", 0, "keep_log")
	f(fluentbit, "kafka", "pipeline", "outputs", 0, "name")
	f(fluentbit, "json", "pipeline", "outputs", 0, "format")
	f(fluentbit, "request_id", "pipeline", "outputs", 0, "message_key_field")

	f("istio/istio-operator.yaml", "/dev/stdout", "spec", "meshConfig", "accessLogFile")
	f("istio/istio-operator.yaml", "JSON", "spec", "meshConfig", "accessLogEncoding")
	f("istio/istio-operator.yaml", nil, "spec", "meshConfig", "accessLogFormat")

	const telemetry = "istio/telemetry.yaml"
	f(telemetry, "Telemetry", "kind")
	f(telemetry, "envoy", "spec", "accessLogging", 0, "providers", 0, "name")
	f(telemetry, "CLIENT_AND_SERVER", "spec", "accessLogging", 0, "match", "mode")
	f(telemetry, nil, "spec", "accessLogging", 0, "filter")
	b, err := os.ReadFile(telemetry)
	if err != nil || !strings.Contains(string(b), "response.code >= 400\n") {
		t.Errorf("%s does not warn of the usual filter (%v)", telemetry, err)
	}
}
