package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slowpod/slowpod/bench/workload"
	"github.com/slowpod/slowpod/sinks/report"
)

// In the catalog scenario a gateway gives up on one pod of version-v2, which
// one is up to the seed, and on no other.

const catalogService = "catalog.istioinaction.svc.cluster.local"

func TestReportOfCatalog(t *testing.T) {
	t.Parallel()
	for _, pods := range []int{2, 3} {
		for _, rate := range []float64{5, 10} {
			for seed := range uint64(3) {
				t.Run(fmt.Sprintf("pods=%d/rate=%g/seed=%d", pods, rate, seed), func(t *testing.T) {
					t.Parallel()
					log := catalog(workload.CatalogOptions{Options: workload.Options{Seed: seed, Rate: rate}, Pods: pods})
					name, calls := log.file(t), filepath.Join(t.TempDir(), "calls.jsonl")
					r := reportOf(t, fine(t, "report", "--output=json", "--calls="+calls, name))
					findsTheSlowPod(t, r, log)
					countsAsTheTruth(t, r, log)
					confirmsEveryTimeout(t, callsOf(t, calls), log, name)
				})
			}
		}
	}
}

func findsTheSlowPod(t *testing.T, r *report.Report, log *meshLog) {
	t.Helper()
	slow := log.slow()
	if len(r.Findings) != 1 {
		t.Fatalf("%d findings: %+v", len(r.Findings), r.Findings)
	}
	f := r.Findings[0]
	got := []string{f.Kind, f.Severity, f.Proof, said(f.Service), said(f.Subset), said(f.Namespace), said(f.UpstreamHost)}
	want := []string{"slow_pod", "critical", "both", catalogService, slow.Subset, slow.Namespace, slow.UpstreamHost}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if f.End != nil {
		t.Errorf("the pod is slow to the end, yet the finding ends at %v", f.End)
	}
	if since := f.Start.String(); since > slow.From.Add(30*time.Second).Format("2006-01-02T15:04:05.000Z") {
		t.Errorf("slow from %v on, found since %s", slow.From, since)
	}
	if f.Detected < f.Start {
		t.Errorf("detected %v before it began, %v", f.Detected, f.Start)
	}
	if e := f.Evidence; e.TimeoutMS == nil || *e.TimeoutMS != 500 || e.Siblings == 0 || e.Confirmed != e.Timeouts {
		t.Errorf("evidence %+v", e)
	}
	for _, p := range r.Pods {
		want := "healthy"
		if p.UpstreamHost == slow.UpstreamHost {
			want = "slow_pod"
		}
		if p.State != want {
			t.Errorf("%s is %s, want %s", p.UpstreamHost, p.State, want)
		}
	}
}

// countsAsTheTruth compares every count with the truth.
func countsAsTheTruth(t *testing.T, r *report.Report, log *meshLog) {
	t.Helper()
	truth := log.truth
	lines := uint64(len(log.lines))
	if want := (report.Lines{Read: lines, Records: lines, MalformedByReason: map[string]uint64{}}); !cmp.Equal(r.Lines, want) {
		t.Errorf("lines %+v, want %+v", r.Lines, want)
	}
	timeouts := uint64(len(truth.Timeouts))
	if want := []report.FlagCount{{Side: "client", Flag: "UT", Count: timeouts}, {Side: "server", Flag: "DC", Count: timeouts}}; !cmp.Equal(r.Flags, want) {
		t.Errorf("flags %+v, want %+v", r.Flags, want)
	}
	var keys uint64
	for _, n := range r.Join.ByKey {
		keys += n
	}
	if got := []string{"id_host", "probable", "tuple", "tuple_id"}; !slices.Equal(got, slices.Sorted(maps.Keys(r.Join.ByKey))) {
		t.Errorf("keys %v", r.Join.ByKey)
	}
	if j := r.Join; j.ClientHalves != timeouts || j.ServerHalves != timeouts || j.Joined != timeouts || keys != j.Joined {
		t.Errorf("%d timeouts, and joined %+v", timeouts, j)
	}
	if len(r.Dropped) != 0 {
		t.Errorf("dropped %v", r.Dropped)
	}

	type counts struct {
		Requests, Failures, Timeouts, Served, Disconnects uint64
		Confirmed                                         uint64
	}
	pods, subsets := map[string]counts{}, map[string]counts{}
	for _, p := range truth.Pods {
		c := counts{
			uint64(p.Requests), uint64(p.Failures), uint64(p.Timeouts), uint64(p.Served), uint64(p.Disconnects),
			uint64(p.Timeouts),
		}
		pods[p.UpstreamHost] = c
		for _, subset := range []string{p.Subset, ""} {
			s := subsets[subset]
			s.Requests += c.Requests
			s.Failures += c.Failures
			s.Served += c.Served
			s.Disconnects += c.Disconnects
			s.Confirmed += c.Confirmed
			subsets[subset] = s
		}
	}
	gotPods, gotSubsets := map[string]counts{}, map[string]counts{}
	for _, p := range r.Pods {
		if p.Service != catalogService {
			t.Errorf("%s belongs to %s", p.UpstreamHost, p.Service)
		}
		gotPods[p.UpstreamHost] = counts{
			p.Client.Requests, p.Client.Failures, p.Client.Timeouts, p.Server.Requests, p.Server.Disconnects, p.Calls["confirmed"],
		}
	}
	if diff := cmp.Diff(pods, gotPods); diff != "" {
		t.Errorf("pods: %s", diff)
	}
	for _, s := range r.Services {
		gotSubsets[said(s.Subset)] = counts{
			s.Client.Requests, s.Client.Failures, 0, s.Server.Requests, s.Server.Failures, s.Calls["confirmed"],
		}
		if s.Server.IstioSuccessRatio == nil || *s.Server.IstioSuccessRatio != 1 {
			t.Errorf("Istio counts code 0 as success, so %s %s has a ratio of 1", s.Service, said(s.Subset))
		}
	}
	if diff := cmp.Diff(subsets, gotSubsets); diff != "" {
		t.Errorf("services: %s", diff)
	}
	if ratio := r.Services[0].Client.SuccessRatio; ratio == nil || math.Abs(*ratio-truth.Client.SuccessRatio) > 0.01 {
		t.Errorf("callers' success %v, in truth %v", ratio, truth.Client.SuccessRatio)
	}
}

// confirmsEveryTimeout: each UT stands with its DC in one call, and only there.
func confirmsEveryTimeout(t *testing.T, calls []call, log *meshLog, file string) {
	t.Helper()
	type entry struct {
		RequestID string `json:"request_id"`
		Flags     string `json:"response_flags"`
	}
	at := func(s callSide) (e entry) {
		if s.File != file || s.Line < 1 || s.Line > len(log.lines) {
			t.Fatalf("there is no line %d in %s", s.Line, s.File)
		}
		if err := json.Unmarshal(log.lines[s.Line-1].text, &e); err != nil {
			t.Fatal(err)
		}
		return e
	}
	want := map[string]workload.Timeout{}
	for _, u := range log.truth.Timeouts {
		want[u.RequestID] = u
	}
	if len(calls) != len(want) {
		t.Errorf("%d calls, %d timeouts", len(calls), len(want))
	}
	for _, c := range calls {
		u, ok := want[said(c.RequestID)]
		if !ok {
			t.Fatalf("no such timeout, or twice: %+v", c)
		}
		delete(want, u.RequestID)
		if c.Verdict != "confirmed" || said(c.UpstreamHost) != u.UpstreamHost || c.Client == nil || len(c.Server) != 1 {
			t.Fatalf("%+v, for the timeout %+v", c, u)
		}
		if !c.Client.Start.Equal(u.Start) || c.Client.DurationMS != u.DurationMs {
			t.Errorf("client side %+v, for the timeout %+v", c.Client, u)
		}
		if got, want := at(*c.Client), (entry{u.RequestID, "UT"}); got != want {
			t.Errorf("the client line is of %+v, want %+v", got, want)
		}
		if got, want := at(c.Server[0]), (entry{u.RequestID, "DC"}); got != want {
			t.Errorf("the server line is of %+v, want %+v", got, want)
		}
	}
	for _, u := range want {
		t.Errorf("the timeout %+v is in no call", u)
	}
}

func TestReportOfTheSameLines(t *testing.T) {
	t.Parallel()
	options := workload.CatalogOptions{Options: workload.Options{Seed: 1}}
	log := catalog(options)
	want := fine(t, "report", "--output=json", log.file(t))
	same := func(name string, args ...string) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(want, fine(t, append([]string{"report", "--output=json"}, args...)...)); diff != "" {
				t.Error(diff)
			}
		})
	}
	same("shuffled", log.shuffled(1).file(t))
	same("shuffled again", log.shuffled(2).file(t))
	same("in two files", log.of(workload.ServerSide).file(t), log.of(workload.ClientSide).file(t))
	same("gzip", fileOf(t, gzipped(t, log.bytes())))
	same("zstd", fileOf(t, zstandard(t, log.bytes())))
	same("gzip in two members", fileOf(t, append(gzipped(t, log.part(0, 999).bytes()), gzipped(t, log.part(999, len(log.lines)).bytes())...)))
	same("Windows line ends", fileOf(t, bytes.ReplaceAll(log.bytes(), []byte("\n"), []byte("\r\n"))))
	same("without the last line end", fileOf(t, bytes.TrimSuffix(log.bytes(), []byte("\n"))))
	for name, args := range map[string][]string{"stdin": {"-"}, "stdin unnamed": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := slowpodOn(t, bytes.NewReader(log.bytes()), append([]string{"report", "--output=json"}, args...)...)
			if diff := cmp.Diff(want, a.stdout); diff != "" || a.code != exitFine {
				t.Errorf("exit code %d, %s\n%s", a.code, a.stderr, diff)
			}
		})
	}
	t.Run("a file for each pod", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		if err := workload.Catalog(options).WriteFiles(dir); err != nil {
			t.Fatal(err)
		}
		files, err := filepath.Glob(filepath.Join(dir, "*.log"))
		if err != nil || len(files) < 3 {
			t.Fatal(files, err)
		}
		if diff := cmp.Diff(want, fine(t, append([]string{"report", "--output=json"}, files...)...)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("half of them on stdin", func(t *testing.T) {
		t.Parallel()
		a := slowpodOn(t, bytes.NewReader(log.of(workload.ClientSide).bytes()),
			"report", "--output=json", log.of(workload.ServerSide).file(t), "-")
		if diff := cmp.Diff(want, a.stdout); diff != "" || a.code != exitFine {
			t.Errorf("exit code %d, %s\n%s", a.code, a.stderr, diff)
		}
	})
}

// The shape of a line changes nothing about what it says, except that Fluent
// Bit adds who wrote it.
func TestReportOfOtherShapes(t *testing.T) {
	t.Parallel()
	in := func(format workload.Format) *meshLog {
		return catalog(workload.CatalogOptions{Options: workload.Options{Seed: 2, Format: format}})
	}
	plain := in(workload.JSON)
	want := reportOf(t, fine(t, "report", "--output=json", plain.file(t)))

	t.Run("text", func(t *testing.T) {
		t.Parallel()
		got := reportOf(t, fine(t, "report", "--output=json", in(workload.Text).file(t)))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
	for _, format := range []workload.Format{workload.FluentBit, workload.FluentBitLog} {
		t.Run(format.String(), func(t *testing.T) {
			t.Parallel()
			got := reportOf(t, fine(t, "report", "--output=json", in(format).file(t)))
			findsTheSlowPod(t, got, plain)
			slow := plain.slow()
			if f := got.Findings[0]; said(f.Pod) != slow.Pod || said(f.Namespace) != slow.Namespace || f.Node == nil {
				t.Errorf("pod %q, namespace %q, node %q", said(f.Pod), said(f.Namespace), said(f.Node))
			}
			for _, s := range got.Findings[0].Next {
				if !strings.Contains(s.Command, slow.Pod) || strings.Contains(s.Command, "<") {
					t.Errorf("a command without the pod's name: %s", s.Command)
				}
			}
			for _, p := range plain.truth.Pods {
				i := slices.IndexFunc(got.Pods, func(q report.Pod) bool { return q.UpstreamHost == p.UpstreamHost })
				if i < 0 {
					t.Fatalf("no pod at %s", p.UpstreamHost)
				}
				q := got.Pods[i]
				if said(q.Pod) != p.Pod || said(q.PodID) != p.UID || said(q.Node) != p.Node || said(q.Namespace) != p.Namespace {
					t.Errorf("pod %q, id %q, node %q: want %+v", said(q.Pod), said(q.PodID), said(q.Node), p)
				}
			}
			// The rest is the same: but for the names, and the commands and
			// callers that go by them.
			if diff := cmp.Diff(anonymous(want), anonymous(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// anonymous is a report without what only the kubernetes object tells.
func anonymous(r *report.Report) *report.Report {
	c := *r
	c.Pods, c.Findings = slices.Clone(r.Pods), slices.Clone(r.Findings)
	for i := range c.Pods {
		p := &c.Pods[i]
		p.Pod, p.PodID, p.Node, p.Namespace = nil, nil, nil, nil
	}
	for i := range c.Findings {
		f := &c.Findings[i]
		f.Pod, f.Node, f.Namespace, f.Next = nil, nil, nil, nil
		f.Evidence.Callers = nil
	}
	return &c
}

func TestReportTextOfCatalog(t *testing.T) {
	t.Parallel()
	log := catalog(workload.CatalogOptions{})
	text := unwrapped(fine(t, "report", log.file(t)))
	timeouts := count(len(log.truth.Timeouts))
	success := fmt.Sprintf("%.1f", 100*log.truth.Client.SuccessRatio)
	for _, want := range []string{
		"One pod of catalog v2 is slow",
		log.slow().UpstreamHost,
		"callers " + success + " %, Istio's count 100.0 %: " + timeouts +
			" requests were cut by the caller (DC, code 0), which Istio counts as success",
		"kubectl -n istioinaction get pod -o wide --field-selector status.podIP=" + strings.TrimSuffix(log.slow().UpstreamHost, ":3000"),
		"kubectl -n istioinaction logs <pod>",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the text lacks %q", want)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}

// unwrapped has one space for each run of white space.
func unwrapped(s string) string { return strings.Join(strings.Fields(s), " ") }

// count writes a number below a million as the text does.
func count(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%d,%03d", n/1000, n%1000)
}

func TestReportOfTheGatewayAlone(t *testing.T) {
	t.Parallel()
	for _, pods := range []int{2, 3} {
		for seed := range uint64(2) {
			log := catalog(workload.CatalogOptions{Options: workload.Options{Seed: seed}, Pods: pods})
			name := log.of(workload.ClientSide).file(t)
			r := reportOf(t, fine(t, "report", "--output=json", name))
			found, ofLog := logApart(r)
			if len(found) != 1 || len(ofLog) != 1 || !tellsOfLog(&ofLog[0], "one_sided") {
				t.Fatalf("%d findings: %+v", len(r.Findings), r.Findings)
			}
			f := found[0]
			if f.Kind != "slow_pod_unverified" || f.Proof != "client" || said(f.UpstreamHost) != log.slow().UpstreamHost {
				t.Errorf("%s, proof %s, at %s; slow is %s", f.Kind, f.Proof, said(f.UpstreamHost), log.slow().UpstreamHost)
			}
			for _, s := range r.Services {
				if s.Server.SuccessRatio != nil || s.Server.IstioSuccessRatio != nil || said(s.Server.Withheld) != "one_sided" {
					t.Errorf("the server's ratios of %s %s are made of nothing: %+v", s.Service, said(s.Subset), s.Server)
				}
			}
			text := unwrapped(fine(t, "report", name))
			for _, want := range []string{
				"The pod’s own proxy wrote nothing in these records",
				"kubectl -n istioinaction logs <pod> -c istio-proxy",
				"no records of the called side",
			} {
				if !strings.Contains(text, want) {
					t.Errorf("the text lacks %q:\n%s", want, text)
				}
			}
		}
	}
}

func TestReportOfThePodsAlone(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		log := catalog(workload.CatalogOptions{Options: workload.Options{Seed: seed}})
		name := log.of(workload.ServerSide).file(t)
		r := reportOf(t, fine(t, "report", "--output=json", name))
		found, ofLog := logApart(r)
		if len(found) != 1 || len(ofLog) != 1 || !tellsOfLog(&ofLog[0], "one_sided") {
			t.Fatalf("%d findings: %+v", len(r.Findings), r.Findings)
		}
		f := found[0]
		if f.Kind != "slow_pod" || f.Proof != "server" || said(f.UpstreamHost) != log.slow().UpstreamHost {
			t.Errorf("%s, proof %s, at %s; slow is %s", f.Kind, f.Proof, said(f.UpstreamHost), log.slow().UpstreamHost)
		}
		for _, s := range r.Services {
			if s.Client.SuccessRatio != nil || said(s.Client.Withheld) != "one_sided" {
				t.Errorf("the callers' ratio of %s %s is made of nothing: %+v", s.Service, said(s.Subset), s.Client)
			}
		}
		if text := unwrapped(fine(t, "report", name)); !strings.Contains(text, "What the callers say is not in these records") {
			t.Errorf("the text does not say what is missing:\n%s", text)
		}
	}
}

func TestCallsFileIsForItsOwnerOnly(t *testing.T) {
	t.Parallel()
	calls := filepath.Join(t.TempDir(), "calls.jsonl")
	fine(t, "report", "--calls="+calls, catalog(workload.CatalogOptions{}).file(t))
	if fi, err := os.Stat(calls); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", fi.Mode(), err)
	}
}
