package main

import (
	"os"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/slowpod/slowpod/sinks/report"
)

var goVersion = runtime.Version()

// demoFindsWithin is how long is waited. The demo promises forty seconds to a
// program that has the machine for itself; how long it took is logged.
const demoFindsWithin = 3 * time.Minute

var demoPage = regexp.MustCompile(`page +(http://\S+/)\n`)

func TestDemoShowsTheSlowPod(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute of real time")
	}
	// Not parallel: it runs in real time.
	began := time.Now()
	p := startProcess(t, "demo", "--web.listen-address=127.0.0.1:0")
	deadline := time.Now().Add(demoFindsWithin)
	left := func() time.Duration { return max(time.Until(deadline), time.Millisecond) }

	url := ""
	eventually(t, left(), "the terminal names the page", func() bool {
		m := demoPage.FindStringSubmatch(p.stdout.String())
		if m != nil {
			url = m[1]
		}
		return m != nil
	})
	eventually(t, left(), "the finding stands in the terminal", func() bool {
		return strings.Contains(p.stdout.String(), "Run next")
	})
	var f report.Finding
	r := reportOf(t, get(t, url+"api/v1/report"))
	if len(r.Findings) != 1 {
		t.Fatalf("findings %+v", r.Findings)
	}
	f = r.Findings[0]
	if f.Kind != "slow_pod" || f.Proof != "both" || f.End != nil || f.Pod == nil {
		t.Fatalf("finding %+v", f)
	}
	terminal := p.stdout.String()
	for _, want := range []string{
		f.Title, *f.UpstreamHost, "has found something; see " + url + "findings/" + f.ID,
		"kubectl -n " + *f.Namespace, "the truth, which slowpod is not told: " + *f.Pod,
	} {
		if !strings.Contains(terminal, want) {
			t.Errorf("the terminal lacks %q", want)
		}
	}
	if n := strings.Count(terminal, "has found something"); n != 1 {
		t.Errorf("%d findings in the terminal, one pod is slow", n)
	}
	state := value(metrics(t, url), "slowpod_pod_state", "upstream_pod", *f.Pod, "upstream_host", *f.UpstreamHost, "state", "slow_pod")
	if state != 1 {
		t.Errorf("the pod's state is %g in /metrics", state)
	}
	for _, address := range []string{url, url + "findings/" + f.ID} {
		if page := get(t, address); !strings.Contains(page, "<title>"+f.Title+" | slowpod</title>") || !strings.Contains(page, *f.Pod) {
			t.Errorf("%s does not show the finding", address)
		}
	}
	t.Logf("the finding stood everywhere %.0f s after the start", time.Since(began).Seconds())
	if err := p.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := p.Wait(); err != nil {
		t.Errorf("%v\n%s", err, p.stderr.String())
	}
	if t.Failed() {
		t.Log(p.stdout.String())
	}
}

func TestDemoSaysWhenItsAddressIsTaken(t *testing.T) {
	t.Parallel()
	taken := takenAddress(t)
	if a := slowpod(t, "demo", "--web.listen-address="+taken); a.code != exitFailed || !strings.Contains(a.stderr, "cannot serve on "+taken) {
		t.Errorf("exit code %d\n%s", a.code, a.stderr)
	}
}
