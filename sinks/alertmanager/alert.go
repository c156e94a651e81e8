package alertmanager

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/slowpod/slowpod/sinks/report"
)

// ownLabels are the labels that slowpod sets. No number is among them, nor
// anything that changes while an alert fires: an alert is known by its labels,
// and with other labels it is another alert.
var ownLabels = []string{
	"alertname", "kind", "severity",
	"upstream_service", "upstream_subset", "upstream_namespace", "upstream_host", "upstream_pod",
	"upstream_node", "authority",
}

// namePrefix is of all alerts that are sent directly. The alerts of the shipped
// Prometheus rules never start with it.
const namePrefix = "SlowpodFinding"

// runbooks has the kinds of findings for which there is a runbook.
var runbooks = map[string]string{
	"slow_pod":            "SlowpodPodSlow",
	"slow_pod_unverified": "SlowpodPodSlowUnverified",
	"slow_service":        "SlowpodServiceSlow",
	"slow_node":           "SlowpodFindingSlowNode",
	"caller_cancels":      "SlowpodFindingCallerCancels",
	"network":             "SlowpodFindingNetwork",
	"unavailable":         "SlowpodServiceUnavailable",
}

// faultRunbook is that of all findings of configuration and life: what to do is
// in the finding.
const faultRunbook = "SlowpodFault"

// writer writes findings as alerts.
type writer struct {
	external map[string]string
	runbooks string   // URL of the folder
	page     *url.URL // nil: no links
}

// labels returns a finding's labels as far as they are known now.
func (w *writer) labels(f *report.Finding) map[string]string {
	labels := make(map[string]string, len(ownLabels)+len(w.external))
	for k, v := range w.external {
		labels[k] = v
	}
	labels["alertname"] = bounded(alertName(f.Kind), maxLabel)
	labels["kind"] = bounded(f.Kind, maxLabel)
	labels["severity"] = bounded(f.Severity, maxLabel)
	known := func(name string, v *string) {
		if v != nil && *v != "" {
			labels[name] = bounded(*v, maxLabel)
		}
	}
	known("upstream_service", f.Service)
	known("upstream_subset", f.Subset)
	known("upstream_namespace", f.Namespace)
	known("upstream_host", f.UpstreamHost)
	known("upstream_pod", f.Pod)
	if f.UpstreamHost == nil && f.Service == nil { // what it is of has no other name
		known("authority", f.Evidence.Authority)
	}
	if f.UpstreamHost == nil && f.Service == nil { // of pods the node may become known while the alert fires
		known("upstream_node", f.Node)
	}
	return labels
}

// alertName is one per kind: slow_pod is SlowpodFindingSlowPod.
func alertName(kind string) string {
	var b strings.Builder
	b.WriteString(namePrefix)
	for word := range strings.SplitSeq(kind, "_") {
		if word != "" {
			b.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	return b.String()
}

// keyOf is the same for the same labels only.
func keyOf(labels map[string]string) string {
	var b strings.Builder
	for _, name := range sortedKeys(labels) {
		b.WriteString(name + "\xff" + labels[name] + "\xff")
	}
	return b.String()
}

// annotations returns what is told of a finding: all that may change.
func (w *writer) annotations(f *report.Finding) map[string]string {
	kind, ok := runbooks[f.Kind]
	switch {
	case ok:
	case f.Evidence.Failures != nil:
		kind = faultRunbook
	default:
		kind = "README"
	}
	all := map[string]string{
		"summary":     bounded(f.Title, maxTitle),
		"description": bounded(f.Summary, maxStory),
		"evidence":    bounded(numbers(&f.Evidence), maxStory),
		"proof":       bounded(f.Proof, maxLabel),
		"started":     f.Start.String(),
		"finding_id":  bounded(f.ID, maxLabel),
		"runbook_url": strings.TrimRight(w.runbooks, "/") + "/" + kind + ".md",
	}
	if f.End != nil {
		all["ended"] = f.End.String()
	}
	some := func(name, text string) {
		if text != "" {
			all[name] = text
		}
	}
	some("cause", bounded(f.Cause, maxStory))
	some("callers", list(f.Evidence.Callers))
	some("request_ids", list(requestIDs(f.Evidence.Samples)))
	some("next", steps(f.Next))
	if f.Pod != nil {
		some("pod", bounded(*f.Pod, maxLabel))
	}
	if f.Node != nil {
		some("node", bounded(*f.Node, maxLabel))
	}
	return all
}

// link is where slowpod's own page tells the finding.
func (w *writer) link(f *report.Finding) string {
	if w.page == nil {
		return ""
	}
	return w.page.JoinPath("findings", url.PathEscape(bounded(f.ID, maxLabel))).String()
}

func requestIDs(samples []report.Sample) []string {
	var ids []string
	for i := range samples {
		if id := samples[i].RequestID; id != nil && *id != "" && !slices.Contains(ids, *id) {
			ids = append(ids, *id)
		}
	}
	return ids
}

// wire is an alert as API v2 takes it.
type wire struct {
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     string            `json:"startsAt"`
	EndsAt       string            `json:"endsAt"`
	GeneratorURL string            `json:"generatorURL,omitempty"`
}

// encode writes messages at the moment they are sent. Only then is it decided
// until when a firing alert fires: one that has waited for a replica would
// otherwise arrive as one that is over.
func encode(all []*message, now time.Time, life time.Duration) ([]byte, error) {
	out := make([]wire, len(all))
	for i, m := range all {
		ends := m.endsAt
		if ends.IsZero() {
			ends = now.Add(life)
		}
		out[i] = wire{
			Labels: m.labels, Annotations: m.annotations, GeneratorURL: m.generatorURL,
			StartsAt: stamp(m.startsAt), EndsAt: stamp(ends),
		}
	}
	return json.Marshal(out)
}

func stamp(t time.Time) string { return report.Time(t.UnixMilli()).String() }
