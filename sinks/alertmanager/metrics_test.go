package alertmanager

import (
	"maps"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

// value reads one series; labels are the values, in any order.
func value(t *testing.T, reg *prometheus.Registry, name string, labels ...string) float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
	series:
		for _, m := range family.GetMetric() {
			have := map[string]bool{}
			for _, l := range m.GetLabel() {
				have[l.GetValue()] = true
			}
			for _, want := range labels {
				if !have[want] {
					continue series
				}
			}
			return m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	t.Fatalf("no series %s %v", name, labels)
	return 0
}

func TestMetrics(t *testing.T) {
	cfg := DefaultConfig()
	cfg.URLs = []string{"http://one:9093", "https://two/alertmanager"}
	reg := prometheus.NewRegistry()
	s, err := New(cfg, Options{Registerer: reg})
	if err != nil {
		t.Fatal(err)
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	if problems, err := promlint.NewWithMetricFamilies(families).Lint(); err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
	names := map[string]int{}
	for _, f := range families {
		names[f.GetName()] = len(f.GetMetric())
	}
	if want := map[string]int{
		"slowpod_alertmanager_alerts_sent_total":              2,
		"slowpod_alertmanager_requests_failed_total":          8,
		"slowpod_sink_dropped_total":                          8,
		"slowpod_alertmanager_last_success_timestamp_seconds": 2,
		"slowpod_alertmanager_queue_length":                   2,
		"slowpod_alertmanager_queue_capacity":                 2,
	}; !maps.Equal(names, want) {
		t.Errorf("series: %v, want %v", names, want)
	}
	if _, err := New(cfg, Options{Registerer: reg}); err == nil {
		t.Error("two sinks on one registerer")
	}
	s.Unregister(reg)
	if _, err := New(cfg, Options{Registerer: reg}); err != nil {
		t.Error(err)
	}
}
