package prom

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"gotest.tools/v3/golden"

	"github.com/slowpod/slowpod/classify"
	"github.com/slowpod/slowpod/correlate"
	"github.com/slowpod/slowpod/correlate/kind"
	"github.com/slowpod/slowpod/correlate/logstream"
	"github.com/slowpod/slowpod/ingest/accesslog"
	"github.com/slowpod/slowpod/sinks/counts"
)

// fake is what is scraped, as it stands.
type fake struct {
	snapshot *correlate.Snapshot
	sources  map[string]*counts.Totals
	scrapes  int
}

func (f *fake) Snapshot() *correlate.Snapshot {
	f.scrapes++
	return f.snapshot
}

func (f *fake) BySource() map[string]*counts.Totals { return f.sources }

// full is a source that has something of everything.
func full() *fake {
	file := &counts.Totals{Read: 115, Records: 100, Foreign: 12}
	file.Malformed[accesslog.InvalidJSON], file.Malformed[accesslog.TooLong] = 2, 1
	file.Custom = map[counts.CustomFlag]uint64{{Side: classify.Client, Name: "XYZ"}: 2, {Side: classify.Server, Name: "XYZ"}: 1}
	file.Unknown = map[counts.UnknownWord]uint64{{Side: classify.Client, Field: "details", Text: "new"}: 4}
	s := &correlate.Snapshot{
		Records: 100, Streams: 2, Last: 1_772_446_600_500, Span: correlate.Span{Start: 1_772_446_500_000, End: 1_772_446_600_500}, Watermark: 1_772_446_580_000,
		Late: 3, Ahead: 4, OpenHalves: 7, Dropped: map[string]uint64{"traces": 5, "halves": 6},
	}
	s.Join.Duplicates = 2
	cart := correlate.ServiceStats{Name: "cart.shop.svc.cluster.local"}
	series := &cart.Series
	series.Outcomes[correlate.SideClient][classify.OK], series.Outcomes[correlate.SideClient][classify.Timeout] = 60, 20
	series.Outcomes[correlate.SideServer][classify.OK], series.Outcomes[correlate.SideServer][classify.DownstreamClosed] = 15, 5
	series.Flags[correlate.SideClient][classify.UT], series.Flags[correlate.SideServer][classify.DC] = 20, 5
	series.Durations[correlate.SideClient][0], series.Durations[correlate.SideClient][6] = 60, 20
	series.Durations[correlate.SideServer][1], series.Durations[correlate.SideServer][len(correlate.DurationBounds)] = 15, 5
	series.Sum = [2]int64{10_500, 400_250}
	series.Requests, series.Failures, series.IstioFailures = [2]uint64{80, 20}, [2]uint64{20, 5}, 1
	s.Services = []correlate.ServiceStats{cart, {Name: "quiet.shop.svc.cluster.local"}}
	s.Pods = []correlate.PodStats{
		{
			UpstreamHost: "10.0.0.9:8080", Service: cart.Name, Subset: "v2", Namespace: "shop", Pod: "cart-v2-1",
			Calls: correlate.Calls{correlate.Confirmed: 5, correlate.ClientOnly: 2}, State: correlate.SlowPod, Worst: correlate.SlowPod,
			Live: true, Sides: [2]correlate.PodSide{
				{Compared: 200, Evidence: 1.5, P50: 4, P90: 6}, {Compared: 190, Evidence: 2, P50: 4.5, P90: 6.5},
			},
		},
		{UpstreamHost: "10.0.0.13:8080", Service: cart.Name, Live: true, Sides: [2]correlate.PodSide{{Compared: 9, Evidence: 0.3, P50: 1.2, P90: 1}}},
		{UpstreamHost: "10.0.0.10:8080", Service: cart.Name, State: correlate.Network},
		{UpstreamHost: "10.0.0.11:8080", Service: cart.Name, State: correlate.SlowPodUnverified},
		// well again: no series for what it was
		{UpstreamHost: "10.0.0.12:8080", Service: cart.Name, Pod: "cart-v2-4", State: correlate.Healthy, Worst: correlate.SlowPod},
	}
	s.Findings = []correlate.Finding{
		{Kind: kind.SlowPod, Service: cart.Name}, {Kind: kind.ClusterMissing, Authority: "reviews:9080"},
		{Kind: kind.ClusterMissing, Authority: "ratings:9080"}, {Kind: kind.Unavailable, Service: cart.Name, Ended: true},
	}
	return &fake{snapshot: s, sources: map[string]*counts.Totals{"file": file, "kafka": {}}}
}

// gather scrapes a source once.
func gather(t *testing.T, f *fake) []*dto.MetricFamily {
	t.Helper()
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(New(f))
	families, err := reg.Gather()
	if err != nil {
		t.Errorf("scrape: %v", err)
	}
	return families
}

func labelNames(m *dto.Metric) (names []string) {
	for _, l := range m.GetLabel() {
		names = append(names, l.GetName())
	}
	return names
}

// Every metric, with its type and labels: what dashboards and rules rely on.
func TestNames(t *testing.T) {
	var b strings.Builder
	for _, f := range gather(t, full()) {
		names := labelNames(f.GetMetric()[0])
		for _, m := range f.GetMetric() {
			if !slices.Equal(labelNames(m), names) {
				t.Errorf("%s has the labels %q and %q", f.GetName(), names, labelNames(m))
			}
		}
		fmt.Fprintf(&b, "%s %s {%s}\n", f.GetName(), strings.ToLower(f.GetType().String()), strings.Join(names, ","))
	}
	golden.Assert(t, b.String(), "metrics.golden")
}

// What is promised by name is there.
func TestPromised(t *testing.T) {
	got := map[string][]string{}
	for _, f := range gather(t, full()) {
		got[f.GetName()] = labelNames(f.GetMetric()[0])
	}
	const pod = "upstream_namespace,upstream_service,upstream_subset,upstream_pod,upstream_host"
	for name, labels := range map[string]string{
		"slowpod_lines_total":              "source,result",
		"slowpod_requests_total":           "side,upstream_service,outcome",
		"slowpod_flags_total":              "side,upstream_service,flag",
		"slowpod_request_duration_seconds": "side,upstream_service",
		"slowpod_calls_total":              "upstream_service,upstream_host,upstream_pod,verdict",
		"slowpod_pod_state":                pod + ",state",
		"slowpod_service_state":            "upstream_service,state",
		"slowpod_findings":                 "kind,severity,upstream_service",
		"slowpod_dropped_total":            "bound",
	} {
		want := strings.Split(labels, ",")
		slices.Sort(want)
		if !slices.Equal(got[name], want) {
			t.Errorf("%s has the labels %q, want %q", name, got[name], want)
		}
	}
	// labels are bounded, and do not collide with those of a scrape
	for name, labels := range got {
		for _, l := range labels {
			if slices.Contains([]string{"namespace", "service", "pod", "instance", "job", "path", "request_id", "client"}, l) {
				t.Errorf("%s has the label %s", name, l)
			}
		}
	}
}

func scrape(t *testing.T, f *fake) string {
	t.Helper()
	var b bytes.Buffer
	enc := expfmt.NewEncoder(&b, expfmt.NewFormat(expfmt.TypeTextPlain))
	for _, family := range gather(t, f) {
		if err := enc.Encode(family); err != nil {
			t.Errorf("%s: %v", family.GetName(), err)
		}
	}
	return b.String()
}

func TestScrape(t *testing.T) { golden.Assert(t, scrape(t, full()), "scrape.golden") }

func TestLint(t *testing.T) {
	problems, err := promlint.NewWithMetricFamilies(gather(t, full())).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// One snapshot a scrape, and nothing is kept: a series that is gone is gone.
func TestNothingIsKept(t *testing.T) {
	f := full()
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(New(f))
	if _, err := reg.Gather(); err != nil {
		t.Fatal(err)
	}
	f.snapshot = &correlate.Snapshot{}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if name := family.GetName(); strings.HasPrefix(name, "slowpod_pod_state") || strings.HasPrefix(name, "slowpod_calls") || strings.HasPrefix(name, "slowpod_watermark") {
			t.Errorf("%s is still there", name)
		}
	}
	if f.scrapes != 2 {
		t.Errorf("%d snapshots for two scrapes", f.scrapes)
	}
}

// Ten thousand healthy pods cost nothing.
func TestHealthyPodsHaveNoSeries(t *testing.T) {
	f := full()
	f.snapshot.Pods = nil
	before := strings.Count(scrape(t, f), "\n")
	for i := range 10_000 {
		f.snapshot.Pods = append(f.snapshot.Pods, correlate.PodStats{
			UpstreamHost: fmt.Sprintf("10.0.%d.%d:8080", i/250, i%250), Service: "cart.shop.svc.cluster.local", Pod: fmt.Sprintf("cart-%d", i),
			ClientRequests: 100, ServerRequests: 100, Worst: correlate.SlowPod,
		})
	}
	if after := strings.Count(scrape(t, f), "\n"); after != before {
		t.Errorf("%d lines more", after-before)
	}
}

// An address that changed hands has two rows and, where the names are the same,
// one series: calls are summed, a state is said once.
func TestTwoIdentitiesOfOneHost(t *testing.T) {
	f := full()
	f.snapshot.Pods = []correlate.PodStats{f.snapshot.Pods[0], f.snapshot.Pods[0], f.snapshot.Pods[0]}
	f.snapshot.Pods[1].PodID, f.snapshot.Pods[2].Subset = "another", "v3"
	out := scrape(t, f)
	for _, want := range []string{
		`slowpod_calls_total{upstream_host="10.0.0.9:8080",upstream_pod="cart-v2-1",upstream_service="cart.shop.svc.cluster.local",verdict="confirmed"} 15`,
		`slowpod_pod_state{state="slow_pod",upstream_host="10.0.0.9:8080",upstream_namespace="shop",upstream_pod="cart-v2-1",upstream_service="cart.shop.svc.cluster.local",upstream_subset="v2"} 1`,
		`slowpod_pod_state{state="slow_pod",upstream_host="10.0.0.9:8080",upstream_namespace="shop",upstream_pod="cart-v2-1",upstream_service="cart.shop.svc.cluster.local",upstream_subset="v3"} 1`,
	} {
		if strings.Count(out, want) != 1 {
			t.Errorf("not once in the scrape: %s", want)
		}
	}
	if n := strings.Count(out, "\nslowpod_pod_state{"); n != 2 {
		t.Errorf("%d series of states, want those of two subsets", n)
	}
}

// What a log says need not be UTF-8; a scrape is whole all the same, even where
// two names become alike.
func TestInvalidUTF8(t *testing.T) {
	f := full()
	for i := range f.snapshot.Pods {
		p := &f.snapshot.Pods[i]
		p.UpstreamHost += "\xff"
		p.Namespace, p.Service, p.Subset, p.Pod = "n\xff", "s\xc3", "\xed\xa0\x80", "p\xff\""
	}
	f.snapshot.Services[0].Name += "\xff"
	f.sources["file\xff"] = f.sources["file"]
	if out := scrape(t, f); strings.ToValidUTF8(out, "") != out || !strings.Contains(out, "\uFFFD") {
		t.Errorf("scrape:\n%q", out)
	}
}

func TestNamesThatBecomeAlike(t *testing.T) {
	t.Run("pods", func(t *testing.T) {
		f := full()
		f.snapshot.Pods = []correlate.PodStats{f.snapshot.Pods[0], f.snapshot.Pods[0]}
		f.snapshot.Pods[0].Pod, f.snapshot.Pods[1].Pod = "p\xff", "p\xfe"
		scrape(t, f)
	})
	t.Run("services", func(t *testing.T) {
		f := full()
		f.snapshot.Services = []correlate.ServiceStats{f.snapshot.Services[0], f.snapshot.Services[0]}
		f.snapshot.Services[0].Name, f.snapshot.Services[1].Name = "s\xff", "s\xfe"
		scrape(t, f)
	})
}

// Numerators and denominators of the success ratios, by view.
func TestSuccess(t *testing.T) {
	out := scrape(t, full())
	for _, want := range []string{
		`slowpod_success_requests_total{upstream_service="cart.shop.svc.cluster.local",view="client"} 60`,
		`slowpod_view_requests_total{upstream_service="cart.shop.svc.cluster.local",view="client"} 80`,
		`slowpod_success_requests_total{upstream_service="cart.shop.svc.cluster.local",view="server"} 15`,
		`slowpod_view_requests_total{upstream_service="cart.shop.svc.cluster.local",view="server"} 20`,
		`slowpod_success_requests_total{upstream_service="cart.shop.svc.cluster.local",view="server_istio"} 19`,
		`slowpod_view_requests_total{upstream_service="cart.shop.svc.cluster.local",view="server_istio"} 20`,
		// a service's state exists for every service, healthy included
		`slowpod_service_state{state="healthy",upstream_service="quiet.shop.svc.cluster.local"} 1`,
	} {
		if !strings.Contains(out, want+"\n") {
			t.Errorf("not in the scrape: %s", want)
		}
	}
}

// Before the first record there is no watermark; a clock that runs ahead makes
// no negative delay.
func TestWatermark(t *testing.T) {
	f := &fake{snapshot: &correlate.Snapshot{}}
	if out := scrape(t, f); strings.Contains(out, "watermark") {
		t.Errorf("a watermark of nothing:\n%s", out)
	}
	f = full()
	if out := scrape(t, f); !strings.Contains(out, "slowpod_watermark_delay_seconds 20.5\n") {
		t.Errorf("delay:\n%s", out)
	}
	f.snapshot.Last = f.snapshot.Watermark - 5000
	if out := scrape(t, f); !strings.Contains(out, "slowpod_watermark_delay_seconds 0\n") {
		t.Errorf("delay:\n%s", out)
	}
}

// What a member held that has no stream any more is another's to say: no state
// and no delay, while what it counted stays.
func TestWithoutStreams(t *testing.T) {
	f := full()
	f.snapshot.Streams = 0
	for _, family := range gather(t, f) {
		switch name := family.GetName(); name {
		case "slowpod_pod_state", "slowpod_service_state", "slowpod_findings", "slowpod_watermark_delay_seconds", "slowpod_watermark_timestamp_seconds", "slowpod_log_stream":
			t.Error(name, "is there")
		}
	}
	var before, after int
	for _, family := range gather(t, full()) {
		before += len(family.GetMetric())
	}
	for _, family := range gather(t, f) {
		after += len(family.GetMetric())
	}
	if states, evidence, open, delays := 3+2, 2*3+1, 2, 2; before-after != states+evidence+open+delays+logstream.Reasons {
		t.Errorf("%d series are gone", before-after)
	}
}

// A fault of the log is there while it lasts.
func TestLogStream(t *testing.T) {
	f := full()
	f.snapshot.Log = []correlate.LogFault{
		{Fault: logstream.Fault{Reason: logstream.Sampled}}, {Fault: logstream.Fault{Reason: logstream.Skew, Ended: true}},
	}
	out := scrape(t, f)
	for _, want := range []string{`slowpod_log_stream{reason="sampled"} 1`, `slowpod_log_stream{reason="skew"} 0`, `slowpod_log_stream{reason="one_sided"} 0`} {
		if !strings.Contains(out, want+"\n") {
			t.Errorf("%s is not in\n%s", want, out)
		}
	}
}
