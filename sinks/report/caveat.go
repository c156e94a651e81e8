package report

import (
	"fmt"
	"slices"

	"github.com/slowpod/slowpod/classify"
)

// What makes "nothing found" worth a second look.
const (
	minSpan        = 40_000 // ms: less shows a slow pod only by luck
	caveatFailures = 4
	caveatShare    = 0.01
	maxCaveats     = 3
	littleRecords  = 1000
	fullRatio      = 1.3 // below, it is not all requests that take longer
)

// Judged says whether any record says whom it speaks of. Without that they are
// counted, and nothing more.
func Judged(r *Report) bool { return r.Lines.Records == 0 || len(r.Pods) > 0 || len(r.Services) > 0 }

// Caveats says, a sentence each, what stands against the thought that all is
// well where no pod was found slow: failures that no pod stands out with,
// records that could not be judged, a log that is too short.
func Caveats(r *Report) []string {
	var all []string
	waypoints := uint64(0)
	for _, o := range r.Outcomes {
		if o.Side == classify.Waypoint.String() {
			waypoints += o.Count
		}
	}
	if waypoints > 0 && !Judged(r) {
		all = append(all, fmt.Sprintf("%s of %s are a waypoint’s, which logs a request once, for both sides: they are counted, and tell of no pod.",
			count(waypoints), plural(int(r.Lines.Records), "record")))
	}
	if !Judged(r) && waypoints < r.Lines.Records {
		flags := uint64(0)
		for _, f := range r.Flags {
			flags += f.Count
		}
		all = append(all, fmt.Sprintf("%s name no cluster, so nothing tells who wrote them and which pod they speak of; they carry %s. Add %%UPSTREAM_CLUSTER_RAW%% and the addresses to the log format, as Istio’s has them.",
			plural(int(r.Lines.Records-waypoints), "record"), plural(int(flags), "flag")))
	}
	rows := services(r)
	rows = slices.DeleteFunc(rows, func(s *Service) bool {
		c := &s.Client
		return c.Failures < caveatFailures || float64(c.Failures) < caveatShare*float64(c.Requests)
	})
	slices.SortStableFunc(rows, func(a, b *Service) int { return int(b.Client.Failures) - int(a.Client.Failures) })
	for _, s := range rows[:min(len(rows), maxCaveats)] {
		all = append(all, failing(r, s))
	}
	for i := range r.Forecasts[:min(len(r.Forecasts), maxCaveats)] {
		all = append(all, r.Forecasts[i].String())
	}
	if short := r.Span != nil && r.Span.End-r.Span.Start < minSpan; len(r.Forecasts) == 0 && Judged(r) && (short || r.Lines.Records < littleRecords) {
		all = append(all, "So little tells only a glaring case: a pod three times slower than its siblings needs about 15 to 40 requests over at least 40 s to stand out; one 1.5 to 2 times slower, or failing now and then, 100 or more.")
	}
	return all
}

// String says what speaks against the pod, and how much more it takes.
func (f *Forecast) String() string {
	who := f.UpstreamHost
	if f.Pod != "" {
		who = f.Pod
	}
	what := fmt.Sprintf("takes %.1f times as long as its siblings", f.Ratio)
	if f.Ratio < fullRatio {
		what = fmt.Sprintf("takes far longer than its siblings for %.0f %% of its requests", 100*f.Tail)
	}
	return fmt.Sprintf("Not sure yet: %s of %s %s, over %s. About %s more (about %s) would tell.",
		who, shortName(f.Service), what, plural(int(f.Requests), "request"), plural(int(f.More), "request"), duration(1000*f.Seconds))
}

// failing says how many requests to a service failed for its callers, and
// whether at one pod or all over.
func failing(r *Report, s *Service) string {
	var worst *Pod
	var timeouts, failures uint64
	pods := 0
	for i := range r.Pods {
		p := &r.Pods[i]
		if p.Service != s.Service {
			continue
		}
		timeouts += p.Client.Timeouts
		failures += p.Client.Failures
		if p.Client.Failures > 0 {
			pods++
		}
		if worst == nil || p.Client.Failures > worst.Client.Failures {
			worst = p
		}
	}
	text := fmt.Sprintf("%s of %s requests to %s failed for their callers", count(s.Client.Failures), count(s.Client.Requests), shortName(s.Service))
	switch timeouts {
	case 0:
	case s.Client.Failures:
		text += ", all by timeout"
	default:
		text += fmt.Sprintf(", %s of them by timeout", count(timeouts))
	}
	switch {
	case worst == nil || failures == 0:
		text += "; no pod was named."
	case pods == 1 || float64(worst.Client.Failures) >= 0.8*float64(s.Client.Failures):
		text += fmt.Sprintf("; %s at %s.", ofAll(worst.Client.Failures, s.Client.Failures), worst.UpstreamHost)
	default:
		text += fmt.Sprintf(", spread over %s.", plural(pods, "pod"))
	}
	if s.Client.Failures == s.Client.Requests {
		text += " Either it serves nobody, or these records leave out what went well: then ratios of success say nothing."
	}
	return text
}
