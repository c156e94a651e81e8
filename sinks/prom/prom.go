// Package prom exports what slowpod has seen as Prometheus metrics.
//
// It knows the names, labels and help of every product metric. It must never
// know how a number came about, and it keeps none: each scrape reads anew.
package prom

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/slowpod/slowpod/classify"
	"github.com/slowpod/slowpod/classify/causes"
	"github.com/slowpod/slowpod/correlate"
	"github.com/slowpod/slowpod/correlate/logstream"
	"github.com/slowpod/slowpod/ingest/accesslog"
	"github.com/slowpod/slowpod/sinks/counts"
)

// Source is what is scraped. A snapshot and the counts are read once a scrape.
type Source interface {
	Snapshot() *correlate.Snapshot
	BySource() map[string]*counts.Totals
}

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("slowpod_"+name, help, labels, nil)
}

var podLabels = []string{
	"upstream_namespace", "upstream_service", "upstream_subset", "upstream_pod", "upstream_host",
}

// Every metric, in the order in which the documentation lists them.
var (
	lines = desc("lines_total", "Lines read, by kind of source and by what they were: record, foreign or malformed.",
		"source", "result")
	malformed = desc("malformed_lines_total", "Malformed lines by reason.", "source", "reason")
	unknown   = desc("unknown_words_total",
		"Words that the table of causes does not know, by the field they stand in: flag, details, reset_reason, transport_failure_reason.",
		"source", "field")
	requests = desc("requests_total", "Records by who wrote them, the service called and what became of the request.",
		"side", "upstream_service", "outcome")
	flags     = desc("flags_total", "Response flags, each flag of a set by itself.", "side", "upstream_service", "flag")
	durations = desc("request_duration_seconds", "Durations of requests as the proxy that wrote the record measured them.",
		"side", "upstream_service")
	success = desc("success_requests_total",
		"Numerator of the success ratio of a view: client and server by slowpod's rule, server_istio as Istio's dashboards count.",
		"view", "upstream_service")
	all   = desc("view_requests_total", "Denominator of the success ratio of a view.", "view", "upstream_service")
	calls = desc("calls_total", "Calls that went wrong or were cut, by what both sides prove together. Final verdicts only.",
		"upstream_service", "upstream_host", "upstream_pod", "verdict")
	podState     = desc("pod_state", "1 while the pod is in the state; there is no series for a healthy pod.", append(podLabels, "state")...)
	serviceState = desc("service_state", "1 while the service is in the state.", "upstream_service", "state")
	findings     = desc("findings", "Open findings by kind; upstream_service is empty where one is of no service: its host is in the report.",
		"kind", "severity", "upstream_service")
	podEvidence = desc("pod_evidence_ratio", "Evidence that the pod is slow, by one side's records, as a share of what decides; there is no series for a pod that is healthy and has less than 0.4.",
		append(podLabels, "side")...)
	podP50 = desc("pod_p50_ratio", "How many times as long as its siblings' the pod's requests take at the median; for the pods that have evidence.",
		append(podLabels, "side")...)
	podP90      = desc("pod_p90_ratio", "The same at the 90th percentile.", append(podLabels, "side")...)
	fewRequests = desc("pods_with_few_requests", "Live pods of the service with fewer than 15 requests that could be compared: too few to tell.", "upstream_service")
	openHalves  = desc("open_halves", "Halves that wait for the other side of their call.")
	watermark   = desc("watermark_timestamp_seconds", "Event time up to which everything has been judged; absent before the first record.")
	delay       = desc("watermark_delay_seconds", "How far the watermark is behind the newest record, in event time.")
	late        = desc("late_records_total", "Records that ended before the oldest open slice, or far ahead of it; they count in the nearest.", "direction")
	duplicates  = desc("duplicate_records_total", "Halves that were delivered twice; the join took them once.")
	logStream   = desc("log_stream", "1 while this is wrong with the logs that are read, by reason: then less can be proved.", "reason")
	dropped     = desc("dropped_total", "What did not fit, by the bound that was reached.", "bound")
)

// Collector implements prometheus.Collector.
type Collector struct{ source Source }

// New returns a collector over a source.
func New(s Source) *Collector { return &Collector{source: s} }

// Describe sends nothing: which series exist depends on what was read.
func (c *Collector) Describe(chan<- *prometheus.Desc) {}

// Collect reads the source once.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	s := c.source.Snapshot()
	out := sender{ch, s.Streams > 0}
	for source, t := range c.source.BySource() {
		out.lines(source, t)
	}
	for name, series := range byName(s.Services) {
		out.service(name, series)
	}
	out.pods(s.Pods)
	out.findings(s.Findings)
	out.core(s)
}

// sender sends what a snapshot says. Without a stream it says nothing of now:
// the partitions are another's, and so is what becomes of the pods.
type sender struct {
	ch  chan<- prometheus.Metric
	now bool
}

func (o sender) counter(d *prometheus.Desc, v uint64, labels ...string) {
	o.send(d, prometheus.CounterValue, float64(v), labels)
}

func (o sender) gauge(d *prometheus.Desc, v float64, labels ...string) {
	o.send(d, prometheus.GaugeValue, v, labels)
}

// valid makes a label value of what a log says, which need not be UTF-8. Names
// that become alike by it share a series.
func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// named is the series and the state of the services of one valid name.
type named struct {
	correlate.Series
	state correlate.State
}

// byName returns services by valid name.
func byName(services []correlate.ServiceStats) map[string]*named {
	all := make(map[string]*named, len(services))
	for i := range services {
		s := &services[i]
		name := valid(s.Name)
		if all[name] == nil {
			all[name] = &named{}
		}
		all[name].Plus(&s.Series)
		all[name].state = max(all[name].state, s.Total.State)
	}
	return all
}

func (o sender) send(d *prometheus.Desc, t prometheus.ValueType, v float64, labels []string) {
	for i := range labels {
		labels[i] = valid(labels[i])
	}
	o.ch <- prometheus.MustNewConstMetric(d, t, v, labels...)
}

func (o sender) lines(source string, t *counts.Totals) {
	o.counter(lines, t.Records, source, "record")
	o.counter(lines, t.Foreign, source, "foreign")
	o.counter(lines, t.MalformedLines(), source, "malformed")
	for reason, n := range t.Malformed {
		if n > 0 {
			o.counter(malformed, n, source, accesslog.Reason(reason).String())
		}
	}
	fields := map[string]uint64{}
	for _, n := range t.Custom {
		fields[causes.FlagField] += n
	}
	for w, n := range t.Unknown {
		fields[w.Field] += n
	}
	for field, n := range fields {
		o.counter(unknown, n, source, field)
	}
}

// sides are the label values of Series' first index.
var sides = [2]string{correlate.SideClient: "client", correlate.SideServer: "server"}

func (o sender) service(name string, series *named) {
	for i, side := range sides {
		for outcome, n := range series.Outcomes[i] {
			if n > 0 {
				o.counter(requests, n, side, name, classify.Outcome(outcome).String())
			}
		}
		for flag, n := range series.Flags[i] {
			if n > 0 {
				o.counter(flags, n, side, name, classify.Flag(flag).String())
			}
		}
		if n := series.Requests[i]; n > 0 {
			o.durations(&series.Series, i, name)
			o.counter(success, n-series.Failures[i], side, name)
			o.counter(all, n, side, name)
		}
	}
	if n := series.Requests[correlate.SideServer]; n > 0 {
		o.counter(success, n-series.IstioFailures, "server_istio", name)
		o.counter(all, n, "server_istio", name)
	}
	if o.now {
		o.gauge(serviceState, 1, name, series.state.String())
	}
}

func (o sender) durations(s *correlate.Series, side int, service string) {
	buckets := make(map[float64]uint64, len(correlate.DurationBounds))
	var n uint64
	for i, bound := range correlate.DurationBounds {
		n += s.Durations[side][i]
		buckets[float64(bound)/1000] = n
	}
	n += s.Durations[side][len(correlate.DurationBounds)]
	o.ch <- prometheus.MustNewConstHistogram(durations, n, float64(s.Sum[side])/1000, buckets,
		sides[side], service)
}

// series names one series of a pod; two identities may share it.
type series struct{ namespace, service, subset, pod, host, last string }

func (o sender) pods(pods []correlate.PodStats) {
	byCall := map[series]uint64{}
	states := map[series]bool{}
	for i := range pods {
		p := &pods[i]
		for v, n := range p.Calls {
			if n > 0 {
				byCall[series{service: valid(p.Service), host: valid(p.UpstreamHost), pod: valid(p.Pod), last: correlate.Verdict(v).String()}] += n
			}
		}
		if o.now && p.State != correlate.Healthy {
			states[series{
				valid(p.Namespace), valid(p.Service), valid(p.Subset), valid(p.Pod), valid(p.UpstreamHost), p.State.String(),
			}] = true
		}
	}
	if o.now {
		o.evidence(pods)
	}
	for k, n := range byCall {
		o.counter(calls, n, k.service, k.host, k.pod, k.last)
	}
	for k := range states {
		o.gauge(podState, 1, k.namespace, k.service, k.subset, k.pod, k.host, k.last)
	}
}

// findings counts those that are open. Their services are bounded as all
// services are.
func (o sender) findings(all []correlate.Finding) {
	if !o.now {
		return
	}
	type series struct{ kind, severity, service string }
	open := map[series]int{}
	for i := range all {
		if f := &all[i]; !f.Ended {
			open[series{f.Kind.String(), f.Kind.Severity(), valid(f.Service)}]++
		}
	}
	for k, n := range open {
		o.gauge(findings, float64(n), k.kind, k.severity, k.service)
	}
}

// Evidence from which on a pod has series of it, and requests below which
// nothing can be told.
const (
	someEvidence = 0.4
	leastToTell  = 15
)

// evidence says how the pods stand that are not healthy or may turn out not to
// be. Two identities of one address share their series: the worse counts.
func (o sender) evidence(pods []correlate.PodStats) {
	few := map[string]int{}
	worst := map[series]*correlate.PodSide{}
	for i := range pods {
		p := &pods[i]
		if !p.Live {
			continue
		}
		compared := 0.0
		for side := range p.Sides {
			s := &p.Sides[side]
			compared = max(compared, s.Compared)
			if s.Compared == 0 || p.State == correlate.Healthy && s.Evidence < someEvidence {
				continue
			}
			k := series{valid(p.Namespace), valid(p.Service), valid(p.Subset), valid(p.Pod), valid(p.UpstreamHost), sides[side]}
			if known := worst[k]; known == nil || s.Evidence > known.Evidence {
				worst[k] = s
			}
		}
		if compared < leastToTell {
			few[valid(p.Service)]++
		}
	}
	for k, s := range worst {
		o.gauge(podEvidence, s.Evidence, k.namespace, k.service, k.subset, k.pod, k.host, k.last)
		o.gauge(podP50, s.P50, k.namespace, k.service, k.subset, k.pod, k.host, k.last)
		o.gauge(podP90, s.P90, k.namespace, k.service, k.subset, k.pod, k.host, k.last)
	}
	for name, n := range few {
		o.gauge(fewRequests, float64(n), name)
	}
}

func (o sender) core(s *correlate.Snapshot) {
	o.gauge(openHalves, float64(s.OpenHalves))
	if o.now && s.Watermark != 0 {
		o.gauge(watermark, float64(s.Watermark)/1000)
		o.gauge(delay, max(float64(s.Last-s.Watermark)/1000, 0))
	}
	o.counter(late, s.Late, "late")
	o.counter(late, s.Ahead, "ahead")
	o.counter(duplicates, s.Join.Duplicates)
	if o.now {
		var wrong [logstream.Reasons]float64
		for i := range s.Log {
			if !s.Log[i].Ended {
				wrong[s.Log[i].Reason] = 1
			}
		}
		for reason, v := range wrong {
			o.gauge(logStream, v, logstream.Reason(reason).String())
		}
	}
	for bound, n := range s.Dropped {
		o.counter(dropped, n, bound)
	}
}
