package kafka

import (
	"strconv"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// Registerer takes the metrics of a source.
type Registerer = prometheus.Registerer

// metrics are what a source counts. Series with a partition are there while
// this member owns it.
type metrics struct {
	records, bytes, replayed *prometheus.CounterVec
	skipped                  *prometheus.CounterVec
	lost                     *prometheus.CounterVec
	fetchErrors              *prometheus.CounterVec
	rebalances               prometheus.Counter
	commits, commitFailures  prometheus.Counter
	missing                  prometheus.Gauge
	lag, lastRecord          *prometheus.GaugeVec
}

// partitionMetrics are the handles of one partition. The gauges come into being
// when there is something to say.
type partitionMetrics struct {
	records, bytes, replayed, lost prometheus.Counter
	lag, lastRecord                func() prometheus.Gauge
}

func newMetrics(reg Registerer) (*metrics, error) {
	counter := func(name, help string) prometheus.CounterOpts {
		return prometheus.CounterOpts{Namespace: "slowpod", Subsystem: "kafka", Name: name, Help: help}
	}
	gauge := func(name, help string) prometheus.GaugeOpts {
		return prometheus.GaugeOpts{Namespace: "slowpod", Subsystem: "kafka", Name: name, Help: help}
	}
	topic, partition := []string{"topic"}, []string{"topic", "partition"}
	m := &metrics{
		records: prometheus.NewCounterVec(counter("records_total", "Records handled for the first time by this member."), topic),
		bytes:   prometheus.NewCounterVec(counter("bytes_total", "Bytes of their values, decompressed."), topic),
		replayed: prometheus.NewCounterVec(counter("replayed_records_total",
			"Records read again for the open halves of a partition's last owner."), topic),
		skipped: prometheus.NewCounterVec(counter("skipped_records_total",
			"Records that are no lines, by reason: empty (null values and tombstones too), control (transaction markers), unreadable."), []string{"reason"}),
		lost: prometheus.NewCounterVec(counter("lost_records_total",
			"Offsets that were gone before they were read: retention was faster."), topic),
		fetchErrors: prometheus.NewCounterVec(counter("fetch_errors_total", "Failures to read a partition, by reason."), []string{"reason"}),
		rebalances:  prometheus.NewCounter(counter("rebalances_total", "Generations of the group that this member took part in.")),
		commits:     prometheus.NewCounter(counter("commits_total", "Successful commits.")),
		commitFailures: prometheus.NewCounter(counter("commit_failures_total",
			"Failed commits. Each is tried again; what is lost by one is only that more is delivered twice after a crash.")),
		missing: prometheus.NewGauge(gauge("missing_topics", "Configured topics that do not exist.")),
		lag: prometheus.NewGaugeVec(gauge("lag_records",
			"Records in the partition that have not been handled, as of the last fetch."), partition),
		lastRecord: prometheus.NewGaugeVec(gauge("last_record_timestamp_seconds",
			"When the last new record was handled; absent before the first."), partition),
	}
	if reg == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{
		m.records, m.bytes, m.replayed, m.skipped, m.lost, m.fetchErrors, m.rebalances,
		m.commits, m.commitFailures, m.missing, m.lag, m.lastRecord,
	} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	for _, reason := range []string{skippedEmpty, skippedControl, skippedUnreadable} {
		m.skipped.WithLabelValues(reason)
	}
	return m, nil
}

// Reasons for which a record is no line.
const (
	skippedEmpty      = "empty"
	skippedControl    = "control"
	skippedUnreadable = "unreadable"
)

func (m *metrics) of(tp topicPartition) *partitionMetrics {
	lazily := func(v *prometheus.GaugeVec) func() prometheus.Gauge {
		return sync.OnceValue(func() prometheus.Gauge { return v.WithLabelValues(tp.topic, strconv.Itoa(tp.id)) })
	}
	return &partitionMetrics{
		records:    m.records.WithLabelValues(tp.topic),
		bytes:      m.bytes.WithLabelValues(tp.topic),
		replayed:   m.replayed.WithLabelValues(tp.topic),
		lost:       m.lost.WithLabelValues(tp.topic),
		lag:        lazily(m.lag),
		lastRecord: lazily(m.lastRecord),
	}
}

// forget drops the series of a partition that was taken away.
func (m *metrics) forget(tp topicPartition) {
	m.lag.DeleteLabelValues(tp.topic, strconv.Itoa(tp.id))
	m.lastRecord.DeleteLabelValues(tp.topic, strconv.Itoa(tp.id))
}
