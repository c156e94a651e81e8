package kind_test

import (
	"testing"

	"github.com/slowpod/slowpod/correlate/kind"
)

func TestSeverity(t *testing.T) {
	want := map[string][]string{
		"critical": {"slow_pod", "slow_service", "slow_node", "unavailable"},
		"info":     {"caller_cancels", "passthrough", "log_stream"},
	}
	severe := map[string]string{}
	for severity, names := range want {
		for _, name := range names {
			severe[name] = severity
		}
	}
	seen := map[string]bool{}
	for _, k := range kind.All() {
		want := "warning"
		if s, ok := severe[k.String()]; ok {
			want = s
		}
		if got := k.Severity(); got != want {
			t.Errorf("%s is %s, want %s", k, got, want)
		}
		if k.String() == "" || seen[k.String()] {
			t.Errorf("kind %d has the name %q", k, k)
		}
		seen[k.String()] = true
	}
}
