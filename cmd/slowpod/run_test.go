package main

import (
	"bytes"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slowpod/slowpod/bench/workload"
	"github.com/slowpod/slowpod/sinks/report"
)

// showsTheSlowPod demands the finding in the metrics and on the page.
func showsTheSlowPod(t *testing.T, url string, log *meshLog, lines int) {
	t.Helper()
	slow := log.slow()
	all := metrics(t, url)
	timeouts := float64(len(log.truth.Timeouts))
	for _, m := range []struct {
		want   float64
		name   string
		labels []string
	}{
		{1, "slowpod_pod_state", []string{
			"upstream_service", catalogService, "upstream_subset", slow.Subset,
			"upstream_namespace", slow.Namespace, "upstream_host", slow.UpstreamHost, "state", "slow_pod",
		}},
		{1, "slowpod_service_state", []string{"upstream_service", catalogService, "state", "healthy"}},
		{timeouts, "slowpod_flags_total", []string{"side", "client", "upstream_service", catalogService, "flag", "UT"}},
		{timeouts, "slowpod_flags_total", []string{"side", "server", "upstream_service", catalogService, "flag", "DC"}},
		{timeouts, "slowpod_requests_total", []string{"side", "client", "upstream_service", catalogService, "outcome", "timeout"}},
		{float64(log.truth.Client.Requests), "slowpod_view_requests_total", []string{"view", "client", "upstream_service", catalogService}},
		{float64(log.truth.Client.Requests), "slowpod_success_requests_total", []string{"view", "server_istio", "upstream_service", catalogService}},
		{1, "slowpod_build_info", []string{"goversion", goVersion}},
	} {
		if got := value(all, m.name, m.labels...); got != m.want {
			t.Errorf("%s%v is %g, want %g", m.name, m.labels, got, m.want)
		}
	}
	if n := len(all["slowpod_pod_state"].GetMetric()); n != 1 {
		t.Errorf("%d pods have a state, and one is not healthy", n)
	}
	read := 0.0
	for _, m := range all["slowpod_lines_total"].GetMetric() {
		read += m.GetCounter().GetValue()
	}
	if read != float64(lines) {
		t.Errorf("slowpod_lines_total adds up to %g of %d", read, lines)
	}
	for _, name := range []string{
		"slowpod_request_duration_seconds", "slowpod_open_halves", "slowpod_watermark_delay_seconds",
		"go_goroutines", "process_resident_memory_bytes",
	} {
		if all[name] == nil {
			t.Errorf("there is no %s", name)
		}
	}
	page := get(t, url)
	for _, want := range []string{"<title>One pod of catalog v2 is slow | slowpod</title>", slow.UpstreamHost, "kubectl -n " + slow.Namespace} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

func appendTo(t *testing.T, name string, b []byte) {
	t.Helper()
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(b); err != nil {
		t.Fatal(err)
	}
}

// chunks cuts bytes into n parts, wherever that is.
func chunks(b []byte, n int) [][]byte {
	var all [][]byte
	for i := range n {
		all = append(all, b[i*len(b)/n:(i+1)*len(b)/n])
	}
	return all
}

// settled is how long the findings of a stream that has gone silent may take:
// 15 s until it counts as silent, and the slices that are open then.
const settled = 50 * time.Second

func TestRunFindsInAGrowingFileWhatReportFinds(t *testing.T) {
	if testing.Short() {
		t.Skip("waits until a silent stream is judged")
	}
	t.Parallel()
	log := catalog(workload.CatalogOptions{Options: workload.Options{Seed: 3}})
	want := reportOf(t, fine(t, "report", "--output=json", log.file(t)))

	name := fileOf(t, nil)
	s := startService(t, nil, name)
	if page := get(t, s.url); !strings.Contains(page, "access.log") {
		t.Error("the page does not say what is followed")
	}
	written := 0
	for _, chunk := range chunks(log.bytes(), 6) {
		appendTo(t, name, chunk)
		written += len(chunk)
		whole := bytes.Count(log.bytes()[:written], []byte("\n"))
		eventually(t, patience, "what was written is read", func() bool { return s.report(t).Lines.Read == uint64(whole) })
	}
	// The finding is there before the input has ended, ...
	got := s.report(t)
	findsTheSlowPod(t, got, log)
	countsAsTheTruth(t, withoutOpenCalls(got, want), log)
	showsTheSlowPod(t, s.url, log, len(log.lines))
	if f := got.Findings[0]; f.ID != want.Findings[0].ID {
		t.Errorf("the finding is %s, and %s in a report", f.ID, want.Findings[0].ID)
	}
	// ... and the same to the last number once all is judged.
	s.finds(t, settled, len(log.lines), want.Findings)
	if code := s.stop(); code != exitFine {
		t.Errorf("exit code %d", code)
	}
	if log := s.stderr.String(); !strings.Contains(log, "msg=finding ") || !strings.Contains(log, "kind=slow_pod ") {
		t.Errorf("the log does not tell the finding:\n%s", log)
	}
}

// withoutOpenCalls takes the join and the calls of another report: a service
// that goes on has halves that wait.
func withoutOpenCalls(r, of *report.Report) *report.Report {
	c := *r
	c.Join, c.Pods, c.Services = of.Join, slices.Clone(r.Pods), slices.Clone(r.Services)
	for i := range min(len(c.Pods), len(of.Pods)) {
		c.Pods[i].Calls = of.Pods[i].Calls
	}
	for i := range min(len(c.Services), len(of.Services)) {
		c.Services[i].Calls = of.Services[i].Calls
	}
	return &c
}

func TestRunFollowsSeveralFiles(t *testing.T) {
	if testing.Short() {
		t.Skip("waits until a silent stream is judged")
	}
	t.Parallel()
	log := catalog(workload.CatalogOptions{Options: workload.Options{Seed: 4}})
	want := reportOf(t, fine(t, "report", "--output=json", log.file(t)))

	dir := t.TempDir()
	gateway, pods := filepath.Join(dir, "gateway.log"), filepath.Join(dir, "pods.log")
	const parts = 5
	client, server := chunks(log.of(workload.ClientSide).bytes(), parts), chunks(log.of(workload.ServerSide).bytes(), parts)
	appendTo(t, gateway, client[0])
	appendTo(t, pods, server[0])
	s := startService(t, nil, gateway, pods)
	for i := 1; i < parts; i++ {
		before := s.report(t).Lines.Read
		appendTo(t, pods, server[i])
		appendTo(t, gateway, client[i])
		eventually(t, patience, "both files are read on", func() bool { return s.report(t).Lines.Read > before })
	}
	s.finds(t, settled, len(log.lines), want.Findings)
	showsTheSlowPod(t, s.url, log, len(log.lines))
	if code := s.stop(); code != exitFine {
		t.Errorf("exit code %d", code)
	}
}

// Stdin ends, and then all is judged: the report of `run` is that of `report`,
// and it stays until it is stopped.
func TestRunOnStdin(t *testing.T) {
	t.Parallel()
	log := catalog(workload.CatalogOptions{Options: workload.Options{Seed: 5}})
	want := fine(t, "report", "--output=json", log.file(t))

	s := startService(t, bytes.NewReader(log.bytes()), "-")
	eventually(t, patience, "the input has ended", func() bool {
		return strings.Contains(s.stderr.String(), "the input has ended")
	})
	if diff := cmp.Diff(want, get(t, s.url+"api/v1/report")); diff != "" {
		t.Error(diff)
	}
	showsTheSlowPod(t, s.url, log, len(log.lines))
	all := metrics(t, s.url)
	if got := value(all, "slowpod_calls_total", "upstream_host", log.slow().UpstreamHost, "verdict", "confirmed"); got != float64(len(log.truth.Timeouts)) {
		t.Errorf("%g calls confirmed of %d", got, len(log.truth.Timeouts))
	}
	if got := value(all, "slowpod_lines_total", "source", "stdin", "result", "record"); got != float64(len(log.lines)) {
		t.Errorf("%g records from stdin of %d", got, len(log.lines))
	}
	if code := s.stop(); code != exitFine {
		t.Errorf("exit code %d", code)
	}
}

func TestRunReadsWhatItsConfigurationNames(t *testing.T) {
	t.Parallel()
	log := catalog(workload.CatalogOptions{Options: workload.Options{Duration: twoMinutes}})
	configured, named := log.of(workload.ClientSide), log.of(workload.ServerSide)
	config := fileOf(t, []byte(`{web: {listen_address: "127.0.0.1:0"}, log: {format: json}, input: {files: ["`+configured.file(t)+`"]}}`))
	for _, c := range []struct {
		args []string
		want int
	}{
		{nil, len(configured.lines)},
		{[]string{named.file(t)}, len(named.lines)}, // files on the command line replace these
	} {
		// The flags win over the file.
		s := startService(t, nil, append([]string{"--config.file=" + config, "--log.format=logfmt"}, c.args...)...)
		eventually(t, patience, "the file is read", func() bool { return s.report(t).Lines.Read == uint64(c.want) })
		if code := s.stop(); code != exitFine {
			t.Errorf("exit code %d", code)
		}
	}
}

// One input that cannot be read must not pass unnoticed.
func TestRunEndsWhenAnInputCannotBeRead(t *testing.T) {
	t.Parallel()
	log := catalog(workload.CatalogOptions{Options: workload.Options{Duration: twoMinutes}})
	a := slowpod(t, "run", "--web.listen-address=127.0.0.1:0", log.file(t), filepath.Join(t.TempDir(), "missing.log"))
	if a.code != exitFailed || !strings.Contains(a.stderr, "missing.log: no such file or directory") {
		t.Errorf("exit code %d\n%s", a.code, a.stderr)
	}
}

func TestRunSaysWhenItsAddressIsTaken(t *testing.T) {
	t.Parallel()
	name, taken := fileOf(t, nil), takenAddress(t)
	a := slowpod(t, "run", "--web.listen-address="+taken, name)
	if a.code != exitFailed || !strings.Contains(a.stderr, "cannot serve on "+taken) || !strings.Contains(a.stderr, "--web.listen-address") {
		t.Errorf("exit code %d\n%s", a.code, a.stderr)
	}
}

// takenAddress is one on which something listens already.
func takenAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

func TestRunEndsOnSignals(t *testing.T) {
	t.Parallel()
	name := catalog(workload.CatalogOptions{Options: workload.Options{Duration: twoMinutes}}).file(t)
	for _, signal := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			p := startProcess(t, "run", "--web.listen-address=127.0.0.1:0", name)
			url := pageIn(t, &p.stderr)
			eventually(t, patience, "the file is read", func() bool {
				var r report.Report
				return json.Unmarshal([]byte(get(t, url+"api/v1/report")), &r) == nil && r.Lines.Records > 0
			})
			if err := p.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			if err := p.Wait(); err != nil {
				t.Errorf("%v\n%s", err, p.stderr.String())
			}
			if log := p.stderr.String(); !strings.Contains(log, "slowpod has stopped") || strings.Contains(log, "slowpod: ") {
				t.Errorf("its last words:\n%s", log)
			}
		})
	}
}

// A listener on loopback answers to its own name only, whatever is asked for.
func TestRunOnLoopbackRefusesOtherNames(t *testing.T) {
	t.Parallel()
	s := startService(t, nil, catalog(workload.CatalogOptions{Options: workload.Options{Duration: twoMinutes}}).file(t))
	for _, path := range []string{"", "api/v1/report"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = "attacker.example"
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode == http.StatusOK {
			t.Errorf("/%s answers to any name", path)
		}
	}
}

// A calls file that refuses what is written stops nothing. It is said once, and
// what is lost in the end is counted.
func TestRunWithAFullDisk(t *testing.T) {
	t.Parallel()
	const full = "/dev/full"
	if _, err := os.Stat(full); err != nil {
		t.Skip(err)
	}
	log := catalog(workload.CatalogOptions{})
	s := startService(t, bytes.NewReader(log.bytes()), "--calls="+full, "-")
	eventually(t, patience, "all is judged", func() bool { return strings.Contains(s.stderr.String(), "the input has ended") })
	eventually(t, patience, "it is said", func() bool { return strings.Contains(s.stderr.String(), "calls file cannot be written") })
	if got := value(metrics(t, s.url), "slowpod_sink_dropped_total", "sink", "calls", "target", full, "reason", "full"); got != 0 {
		t.Errorf("%g calls were dropped, and there is room for them to wait", got)
	}
	pause(2 * time.Second)
	if code := s.stop(); code != exitFailed {
		t.Errorf("exit code %d", code)
	}
	last := s.stderr.String()
	if n := strings.Count(last, "cannot be written"); n != 1 {
		t.Errorf("said %d times", n)
	}
	if !strings.Contains(last, " lines could not be written: ") {
		t.Errorf("its last words:\n%s", last)
	}
}

// Nor does a dead-letter file.
func TestRunWithAFullDiskForDeadLetters(t *testing.T) {
	t.Parallel()
	const full = "/dev/full"
	if _, err := os.Stat(full); err != nil {
		t.Skip(err)
	}
	lines, _ := rejectedLines(t)
	s := startService(t, strings.NewReader(strings.Join(lines, "\n")+"\n"), "--dead-letters="+full, "-")
	eventually(t, patience, "all is read", func() bool { return strings.Contains(s.stderr.String(), "the input has ended") })
	eventually(t, patience, "it is said", func() bool { return strings.Contains(s.stderr.String(), "dead-letter file cannot be written") })
	if code := s.stop(); code != exitFailed {
		t.Errorf("exit code %d", code)
	}
	if last := s.stderr.String(); !strings.Contains(last, "slowpod: dead-letter file: 7 lines could not be written: ") {
		t.Errorf("its last words:\n%s", last)
	}
}
