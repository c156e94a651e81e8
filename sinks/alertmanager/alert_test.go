package alertmanager

import (
	"bytes"
	"encoding/json"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"gotest.tools/v3/golden"

	"github.com/slowpod/slowpod/sinks/report"
)

const at = report.Time(1_790_000_000_000)

// catalog is a finding with all there is to tell.
func catalog() report.Finding {
	return report.Finding{
		ID: "5f2c9a1b77d0e341", Kind: "slow_pod", Severity: "critical", Proof: "both",
		Service: ptr("catalog.istioinaction.svc.cluster.local"), Subset: ptr("version-v2"),
		Namespace: ptr("istioinaction"), Pod: ptr("catalog-v2-6df885b555-n9nxw"), Node: ptr("node-1"),
		UpstreamHost: ptr("172.17.0.17:3000"), Start: at, Detected: at + 30_000,
		Title: "One pod of catalog v2 is slow",
		Summary: "Callers gave up on 28 of 120 requests when the 500 ms timeout ran out. " +
			"The pod’s own proxy logged all 28 as disconnects. Its 2 siblings had none.",
		Cause: "the app in the pod: it had the requests and did not answer in time",
		Evidence: report.Evidence{
			Requests: 120, Timeouts: 28, Confirmed: 28, Disconnects: 28,
			P50Ratio: ptr(1.04), P90Ratio: ptr(12.345), P90Cut: true, Siblings: 2,
			Callers: []string{"istio-ingressgateway-66c76dfc5-dqlvl"}, TimeoutMS: ptr(int64(500)),
			Samples: []report.Sample{
				{RequestID: ptr("8d2f6e5a-8a2c-9f46-a3b4-b3a1c7c4f001"), Verdict: "confirmed"},
				{RequestID: nil, Verdict: "confirmed"},
				{RequestID: ptr("8d2f6e5a-8a2c-9f46-a3b4-b3a1c7c4f002"), Verdict: "confirmed"},
				{RequestID: ptr("8d2f6e5a-8a2c-9f46-a3b4-b3a1c7c4f002"), Verdict: "confirmed"},
			},
		},
		Next: []report.Step{
			{Why: "See what the app was doing", Command: "kubectl -n istioinaction logs catalog-v2-6df885b555-n9nxw --since=1h --tail=200"},
			{Why: "Replace the pod, once you have looked inside", Command: "kubectl -n istioinaction delete pod catalog-v2-6df885b555-n9nxw", Changes: true},
		},
	}
}

// network is a finding of which little is known, and that is over.
func network() report.Finding {
	return report.Finding{
		ID: "00c0ffee00c0ffee", Kind: "network", Severity: "warning", Proof: "client",
		UpstreamHost: ptr("10.0.0.9:80"), Start: at, Detected: at + 30_000, End: ptr(at + 600_000),
		Title: "Calls to one pod of unknown get lost", Summary: "Callers gave up on 4 of 5 requests.", Evidence: report.Evidence{Requests: 5, Timeouts: 4},
	}
}

func TestGolden(t *testing.T) {
	page, _ := url.Parse("https://slowpod.example.com/base/")
	w := writer{
		external: map[string]string{"cluster": "prod"}, runbooks: DefaultConfig().RunbooksURL + "/", page: page,
	}
	b := newBook(w)
	now := time.UnixMilli(int64(at)).Add(time.Minute)
	open := network()
	open.End = nil
	b.update([]report.Finding{catalog(), open}, now)
	b.update([]report.Finding{catalog(), network()}, now.Add(time.Hour))
	all, _ := b.all(now.Add(time.Hour))
	slices.SortFunc(all, func(a, b *message) int { return strings.Compare(a.key, b.key) })
	body, err := encode(all, now.Add(time.Hour), 4*time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := json.Indent(&got, body, "", "  "); err != nil {
		t.Fatal(err)
	}
	got.WriteByte('\n')
	golden.Assert(t, got.String(), "alerts.json")
}

func TestAlertName(t *testing.T) {
	f := func(kind, want string) {
		t.Helper()
		if got := alertName(kind); got != want {
			t.Errorf("%s is %s, want %s", kind, got, want)
		}
	}
	f("slow_pod", "SlowpodFindingSlowPod")
	f("slow_pod_unverified", "SlowpodFindingSlowPodUnverified")
	f("network", "SlowpodFindingNetwork")
	f("mtls_mismatch", "SlowpodFindingMtlsMismatch")
	f("_odd__one_", "SlowpodFindingOddOne")
}

// The two roads to Alertmanager never raise the same alert name.
func TestNamesAreNotOfTheRules(t *testing.T) {
	rules, err := os.ReadFile("../../configs/rules/slowpod.rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile(`(?m)^\s*- alert: (\S+)`).FindAllStringSubmatch(string(rules), -1)
	if len(names) == 0 {
		t.Fatal("no rules were found")
	}
	for _, n := range names {
		if strings.HasPrefix(n[1], namePrefix) {
			t.Errorf("%s could come from both", n[1])
		}
	}
}

func TestRunbooksExist(t *testing.T) {
	w := writer{runbooks: DefaultConfig().RunbooksURL}
	for _, kind := range []string{"slow_pod", "slow_pod_unverified", "network", "slow_service", "certificate"} {
		u := w.annotations(&report.Finding{Kind: kind})["runbook_url"]
		name := "../../configs/runbooks/" + u[strings.LastIndexByte(u, '/')+1:]
		if _, err := os.Stat(name); err != nil {
			t.Errorf("%s: %s", kind, err)
		}
	}
}

// Whoever sends a request writes much of what is in a log: nothing of it may
// act on a terminal, look like something else, or be long.
func TestHostileText(t *testing.T) {
	evil := "a\x1b[2J\u202eb\x00\n9. reboot: rm -rf /\xff\u2066" + strings.Repeat("é€", 5000)
	f := report.Finding{
		ID: evil, Kind: evil, Severity: evil, Proof: evil, Service: &evil, Subset: &evil, Namespace: &evil, Pod: &evil,
		Node: &evil, UpstreamHost: &evil, Title: evil, Summary: evil, Cause: evil,
	}
	for range 100 {
		f.Evidence.Callers = append(f.Evidence.Callers, evil)
		f.Evidence.Samples = append(f.Evidence.Samples, report.Sample{RequestID: ptr(evil + string(rune('a'+len(f.Evidence.Samples))))})
		f.Next = append(f.Next, report.Step{Why: evil, Command: evil})
	}
	page, _ := url.Parse("https://slowpod.example.com")
	w := writer{runbooks: DefaultConfig().RunbooksURL, page: page}
	total := 0
	check := func(name, s string, most int) {
		t.Helper()
		total += len(s)
		if len(s) > most {
			t.Errorf("%s has %d bytes", name, len(s))
		}
		if !utf8.ValidString(s) {
			t.Errorf("%s is no UTF-8", name)
		}
		if safe := report.Safe(s); safe != s && name != "next" {
			t.Errorf("%s is not safe: %q", name, s)
		}
	}
	for name, v := range w.labels(&f) {
		check(name, v, maxLabel)
	}
	for name, v := range w.annotations(&f) {
		check(name, v, 12_000)
		if name != "next" {
			continue
		}
		for i, line := range strings.Split(v, "\n") {
			check("a step", line, 2*maxLine+100)
			if i < maxItems && !regexp.MustCompile(`^\d+\. a`).MatchString(line) {
				t.Errorf("step %d is %.60q", i, line)
			}
			if strings.Contains(line, "reboot: rm") && !strings.HasSuffix(line, "(too long: see slowpod’s page)") {
				t.Errorf("half a command: %.60q", line)
			}
		}
	}
	if total > 40_000 {
		t.Errorf("an alert of %d bytes", total)
	}
	if link := w.link(&f); !strings.HasPrefix(link, "https://slowpod.example.com/findings/") || strings.ContainsAny(link, "\n\x1b ") {
		t.Errorf("link %.80q", link)
	}
	body, err := encode([]*message{{labels: w.labels(&f), annotations: w.annotations(&f)}}, time.Now(), time.Minute)
	if err != nil || !json.Valid(body) {
		t.Errorf("%v", err)
	}
}

func TestBounded(t *testing.T) {
	f := func(s string, most int, want string) {
		t.Helper()
		if got := bounded(s, most); got != want {
			t.Errorf("%q in %d is %q, want %q", s, most, got, want)
		}
	}
	f("", 10, "")
	f("0123456789", 10, "0123456789")
	f("0123456789a", 10, "0123456…")
	f("éééééé", 10, "ééé…")
	f("012345\n", 10, `012345\…`)
	f("01\n", 10, `01\u000a`)
	f("01234567\xe2\x82", 10, `0123456…`)
}

func TestSteps(t *testing.T) {
	f := func(want string, next ...report.Step) {
		t.Helper()
		if got := steps(next); got != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}
	f("")
	f("1. Look: kubectl get pod", report.Step{Why: "Look", Command: "kubectl get pod"})
	f("1. Look: a\\u000a2. Act: b\n2. Act (changes the cluster): c",
		report.Step{Why: "Look", Command: "a\n2. Act: b"}, report.Step{Why: "Act", Command: "c", Changes: true})
	f("1. Look: (too long: see slowpod’s page)", report.Step{Why: "Look", Command: strings.Repeat("a", maxLine+1)})
}

func TestNumbers(t *testing.T) {
	e := catalog().Evidence
	const want = "requests=120 timeouts=28 confirmed=28 disconnects=28 timeout_ms=500 p50_ratio=1.0 p90_ratio>=12.3 siblings=2"
	if got := numbers(&e); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}
