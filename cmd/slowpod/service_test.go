package main

import (
	"context"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/slowpod/slowpod/sinks/report"
)

// patience is how long something may take that is a matter of moments on a
// machine with nothing else to do.
const patience = 2 * time.Minute

// eventually polls until what holds, or fails after a time.
func eventually(t *testing.T, within time.Duration, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(within); !holds(); {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", within, what)
		}
		pause(50 * time.Millisecond)
	}
}

func pause(d time.Duration) { <-time.After(d) }

// service is a `slowpod run` in this process.
type service struct {
	url    string
	stderr *buffer
	cancel context.CancelFunc
	code   chan int
}

// startService starts `slowpod run` and returns once it answers.
func startService(t *testing.T, stdin io.Reader, args ...string) *service {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s := &service{stderr: &buffer{}, cancel: cancel, code: make(chan int, 1)}
	args = append([]string{"run", "--web.listen-address=127.0.0.1:0"}, args...)
	go func() { s.code <- run(ctx, args, console{stdin, io.Discard, s.stderr}) }()
	t.Cleanup(func() {
		cancel()
		select {
		case <-s.code:
		case <-time.After(patience):
			t.Error("run does not end")
		}
		if t.Failed() {
			t.Log(s.stderr.String())
		}
	})
	s.url = pageIn(t, s.stderr)
	return s
}

// stop ends the service as SIGTERM does and returns its exit code.
func (s *service) stop() int {
	s.cancel()
	code := <-s.code
	s.code <- code // for the clean-up
	return code
}

var pageAddress = regexp.MustCompile(`page=(http://\S+/)`)

// pageIn waits for the address of the page in the log.
func pageIn(t *testing.T, log *buffer) (url string) {
	t.Helper()
	eventually(t, patience, "the log names the page", func() bool {
		m := pageAddress.FindStringSubmatch(log.String())
		if m != nil {
			url = m[1]
		}
		return m != nil
	})
	return url
}

func get(t *testing.T, url string) string {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", url, res.Status, err)
	}
	return string(body)
}

func (s *service) report(t *testing.T) *report.Report {
	t.Helper()
	return reportOf(t, get(t, s.url+"api/v1/report"))
}

// finds waits until all lines are read and the findings are these.
func (s *service) finds(t *testing.T, within time.Duration, lines int, want []report.Finding) {
	t.Helper()
	var got *report.Report
	deadline := time.Now().Add(within)
	for {
		got = s.report(t)
		if got.Lines.Read == uint64(lines) && cmp.Equal(want, got.Findings) {
			return
		}
		if time.Now().After(deadline) {
			break
		}
		pause(100 * time.Millisecond)
	}
	t.Errorf("%d of %d lines read after %v; findings wanted and found:\n%s", got.Lines.Read, lines, within, cmp.Diff(want, got.Findings))
}

// metrics reads /metrics as Prometheus does.
func metrics(t *testing.T, url string) map[string]*dto.MetricFamily {
	t.Helper()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	all, err := parser.TextToMetricFamilies(strings.NewReader(get(t, url+"metrics")))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// value is that of the series with these labels among others; -1 if there is
// none.
func value(all map[string]*dto.MetricFamily, name string, labels ...string) float64 {
	for _, m := range all[name].GetMetric() {
		found := 0
		for i := 0; i < len(labels); i += 2 {
			for _, l := range m.GetLabel() {
				if l.GetName() == labels[i] && l.GetValue() == labels[i+1] {
					found += 2
				}
			}
		}
		if found == len(labels) {
			return m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return -1
}
