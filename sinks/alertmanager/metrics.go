package alertmanager

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/slowpod/slowpod/sinks/dropped"
)

// Why alerts were not delivered, and requests failed: metric labels.
const (
	dropQueueFull = "queue_full" // the oldest, when too many wait for a replica
	dropRefused   = "refused"    // the replica does not want them: not tried again before the next time they are due
	dropExpired   = "expired"    // the replica was away until nobody needed to hear it
	dropShutdown  = "shutdown"   // not delivered by the end

	failNetwork = "network"
	failServer  = "server"  // 5xx
	failTooMany = "limited" // 429
	failRefused = "refused" // any other answer
)

var (
	dropReasons = []string{dropQueueFull, dropRefused, dropExpired, dropShutdown}
	failReasons = []string{failNetwork, failServer, failTooMany, failRefused}
)

type metrics struct {
	sent    *prometheus.CounterVec
	failed  *prometheus.CounterVec
	dropped *prometheus.CounterVec
	success *prometheus.GaugeVec
	queues  *queueCollector
}

// replicaMetrics are the handles of one replica.
type replicaMetrics struct {
	url     string
	sent    prometheus.Counter
	failed  map[string]prometheus.Counter // by reason
	dropped map[string]prometheus.Counter // by reason
	success prometheus.Gauge
}

func newMetrics() *metrics {
	const prefix = "slowpod_alertmanager_"
	return &metrics{
		sent: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: prefix + "alerts_sent_total", Help: "Alerts that a replica of Alertmanager accepted; each sending counts.",
		}, []string{"url"}),
		failed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: prefix + "requests_failed_total", Help: "Requests that a replica of Alertmanager did not accept, by reason.",
		}, []string{"url", "reason"}),
		dropped: dropped.New("alertmanager"),
		success: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: prefix + "last_success_timestamp_seconds", Help: "When a replica of Alertmanager last accepted alerts; 0 before the first.",
		}, []string{"url"}),
		queues: &queueCollector{},
	}
}

// replica returns the handles of a replica, so that all its series exist from
// the start.
func (m *metrics) replica(url string) replicaMetrics {
	r := replicaMetrics{
		url: url, sent: m.sent.WithLabelValues(url), success: m.success.WithLabelValues(url),
		failed: map[string]prometheus.Counter{}, dropped: map[string]prometheus.Counter{},
	}
	for _, reason := range failReasons {
		r.failed[reason] = m.failed.WithLabelValues(url, reason)
	}
	for _, reason := range dropReasons {
		r.dropped[reason] = m.dropped.WithLabelValues(url, reason)
	}
	return r
}

func (m *metrics) all() []prometheus.Collector {
	return []prometheus.Collector{m.sent, m.failed, m.dropped, m.success, m.queues}
}

func (m *metrics) register(to prometheus.Registerer, replicas []*replica) error {
	m.queues.replicas = replicas
	var errs []error
	for _, c := range m.all() {
		errs = append(errs, to.Register(c))
	}
	return errors.Join(errs...)
}

func (m *metrics) unregister(from prometheus.Registerer) {
	for _, c := range m.all() {
		from.Unregister(c)
	}
}

var (
	queueLength = prometheus.NewDesc("slowpod_alertmanager_queue_length",
		"Alerts that wait for a replica of Alertmanager.", []string{"url"}, nil)
	queueCapacity = prometheus.NewDesc("slowpod_alertmanager_queue_capacity",
		"Alerts that can wait for a replica of Alertmanager.", []string{"url"}, nil)
)

// queueCollector reads the queues at each scrape.
type queueCollector struct{ replicas []*replica }

func (c *queueCollector) Describe(ch chan<- *prometheus.Desc) { ch <- queueLength; ch <- queueCapacity }

func (c *queueCollector) Collect(ch chan<- prometheus.Metric) {
	for _, r := range c.replicas {
		ch <- prometheus.MustNewConstMetric(queueLength, prometheus.GaugeValue, float64(r.queue.len()), r.metrics.url)
		ch <- prometheus.MustNewConstMetric(queueCapacity, prometheus.GaugeValue, float64(r.queue.capacity), r.metrics.url)
	}
}
