//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// member is a running slowpod.
type member struct {
	*process
	url   string
	calls string // its file of calls
	args  []string
}

// group is the configuration of the members of a consumer group.
func group(b *broker, name, topic, more string) string {
	return fmt.Sprintf(`
kafka:
  brokers: [%q]
  topics: [%q]
  group_id: %q
  initial_offset: earliest
  session_timeout: 3s
  heartbeat_interval: 500ms
  commit_interval: 500ms
  metadata_interval: 2s
%s`, b.address, topic, name, more)
}

// startMember starts a slowpod, without waiting for it.
func startMember(t testing.TB, name, config string) *member {
	t.Helper()
	dir := t.TempDir()
	address := freeAddress(t)
	m := &member{url: "http://" + address, calls: dir + "/calls.jsonl"}
	m.args = []string{
		"run", "--config.file=" + write(t, dir, "slowpod.yml", config),
		"--calls=" + m.calls, "--web.listen-address=" + address,
	}
	m.process = launch(t, name, dir, slowpod, m.args...)
	return m
}

// again starts a member that has ended as it was started before.
func (m *member) again(t testing.TB) {
	t.Helper()
	m.process = launch(t, m.name, os.TempDir(), slowpod, m.args...)
}

// ready waits until the member reads all that it was assigned.
func (m *member) ready() {
	m.t.Helper()
	m.answers(m.url + "/-/ready")
}

// metrics scrapes the member itself.
func (m *member) metrics() (map[string]*dto.MetricFamily, error) {
	b, err := get(m.url + "/metrics")
	if err != nil {
		return nil, err
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	return parser.TextToMetricFamilies(bytes.NewReader(b))
}

// sum adds up the series of a metric that have these labels.
func sum(all map[string]*dto.MetricFamily, name string, labels ...string) float64 {
	total := 0.0
series:
	for _, s := range all[name].GetMetric() {
		has := map[string]string{}
		for _, l := range s.Label {
			has[l.GetName()] = l.GetValue()
		}
		for i := 0; i < len(labels); i += 2 {
			if has[labels[i]] != labels[i+1] {
				continue series
			}
		}
		total += s.GetCounter().GetValue() + s.GetGauge().GetValue()
	}
	return total
}

// report is of JSON what the tests look at.
type report struct {
	Lines    struct{ Read, Records, Foreign, Malformed int }
	Pods     []podReport
	Findings []finding
}

type podReport struct {
	UpstreamHost string         `json:"upstream_host"`
	Calls        map[string]int `json:"calls"`
}

// finding is comparable: two that are equal tell the same.
type finding struct {
	ID           string `json:"id"`
	Kind         string `json:"kind"`
	UpstreamHost string `json:"upstream_host"`
	Start        string `json:"start"`
	Detected     string `json:"detected"`
	End          string `json:"end"`
	Evidence     struct {
		Requests, Timeouts, Confirmed, Disconnects, Siblings int
	} `json:"evidence"`
}

// report asks the member for what it has seen.
func (m *member) report() (report, error) {
	var r report
	b, err := get(m.url + "/api/v1/report")
	if err == nil {
		err = json.Unmarshal(b, &r)
	}
	return r, err
}

// offlineReport is what slowpod report says about a file.
func offlineReport(t testing.TB, file string) report {
	t.Helper()
	var r report
	out, err := exec.Command(slowpod, "report", "--output=json", file).Output()
	if err == nil {
		err = json.Unmarshal(out, &r)
	}
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Logf("%s", exit.Stderr)
		}
		t.Fatal(err)
	}
	return r
}
