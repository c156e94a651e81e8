// Package dropped counts what sinks did not take, under one name for all of them.
//
// It knows the metric. It must never know what was dropped, nor decide to.
package dropped

import "github.com/prometheus/client_golang/prometheus"

// New returns the counter of a sink, by target (a file, a topic, a URL) and reason. Each
// sink registers its own.
func New(sink string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{
		Name:        "slowpod_sink_dropped_total",
		Help:        "What a sink did not take and was given up, by sink, target and reason: calls, dead letters, and sendings of alerts, of which those that still fire are sent again when they are due.",
		ConstLabels: prometheus.Labels{"sink": sink},
	}, []string{"target", "reason"})
}
