//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slowpod/slowpod/bench/workload"
)

const (
	direct = "SlowpodFindingSlowPod" // sent by slowpod itself
	ruled  = "SlowpodPodSlow"        // raised by Prometheus from the shipped rule
)

// One pod of catalog turns slow for two minutes and recovers. Its lines come by
// Kafka; the people on call hear of it on both roads, and of its end.
func TestASlowPodIsFoundToldAndResolved(t *testing.T) {
	t.Parallel()
	const topic, partitions, groupName = "envoy-access-logs", 4, "slowpod"
	const calm, fault, whole = time.Minute, 2 * time.Minute, 10 * time.Minute

	kafka := startKafka(t)
	kafka.topic(t, topic, partitions)
	alerts := startAlertmanager(t)
	member := startMember(t, "slowpod", group(kafka, groupName, topic, fmt.Sprintf(`
alertmanager:
  urls: [%q]
  resend_interval: 1s
`, alerts.url)))
	prom := startPrometheus(t, strings.TrimPrefix(member.url, "http://"), alerts.address)
	member.ready()

	// All of it is in the past: nothing is resolved in the future.
	start := time.Now().Add(-whole - time.Minute).Truncate(time.Second)
	scenario := func(format workload.Format) *workload.Generator {
		return workload.Catalog(workload.CatalogOptions{
			Options: workload.Options{Seed: 7, Start: start, Duration: whole, Rate: 20, Format: format},
			From:    calm, To: calm + fault,
		})
	}
	truth := everything(scenario(workload.JSON))
	slow := truth.Faults[0].UpstreamHost

	file, err := os.Create(t.TempDir() + "/lines.log")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines := &feed{next: byPod(start, scenario), to: kafka.writer(t, topic, 0), copy: file}

	// Until the fault has lasted for a minute and a half, then in real time: the
	// pod stays slow for as long as it takes to look.
	lines.sendUntil(t, calm+90*time.Second)
	lines.setSpeed(1)
	sent := lines.run(t)

	eventually(t, "Prometheus has the pod as slow", func() error {
		s, err := prom.one(`slowpod_pod_state{state="slow_pod"}`)
		if err == nil && (s.value != 1 || s.labels["upstream_host"] != slow) {
			err = fmt.Errorf("%v is slow, not %s", s, slow)
		}
		return err
	})
	eventually(t, "the shipped rule fires", func() error {
		s, err := prom.one(`ALERTS{alertname="` + ruled + `", alertstate="firing"}`)
		if err == nil && s.labels["upstream_host"] != slow {
			err = fmt.Errorf("it fires for %v, not %s", s.labels, slow)
		}
		return err
	})
	for _, name := range []string{ruled, direct} {
		eventually(t, "Alertmanager has "+name, func() error {
			all, err := alerts.active(name)
			if err == nil && (len(all) != 1 || all[0].Labels["upstream_host"] != slow) {
				err = fmt.Errorf("%v", all)
			}
			return err
		})
		eventually(t, "the pager has "+name, func() error { return alerts.pager.says(name, "firing") })
	}
	all, err := alerts.active(direct)
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	t.Logf("the direct alert: %v %q", all[0].Labels, all[0].Annotations)
	// request_ids may come later: a call is an example once it has waited.
	for _, name := range []string{"summary", "description", "evidence", "next", "runbook_url", "finding_id"} {
		if all[0].Annotations[name] == "" {
			t.Errorf("the direct alert has no annotation %s", name)
		}
	}

	lines.setSpeed(atOnce)
	sent()
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	kafka.caughtUp(t, groupName, topic, partitions)
	eventually(t, "Prometheus has a lag of zero", func() error {
		s, err := prom.one(`sum(slowpod_kafka_lag_records)`)
		if err == nil && s.value != 0 {
			err = fmt.Errorf("%v", s.value)
		}
		return err
	})

	want := offlineReport(t, file.Name())
	if len(want.Findings) != 1 || want.Findings[0].UpstreamHost != slow || want.Findings[0].Kind != "slow_pod" {
		t.Fatalf("slowpod report does not find the pod alone: %+v", want.Findings)
	}
	eventually(t, "the findings are those of slowpod report", func() error {
		got, err := member.report()
		if diff := cmp.Diff(want.Findings, got.Findings); err == nil && diff != "" {
			err = fmt.Errorf("(-report +run)\n%s", diff)
		}
		if diff := cmp.Diff(want.Lines, got.Lines); err == nil && diff != "" {
			err = fmt.Errorf("lines (-report +run)\n%s", diff)
		}
		return err
	})
	eventually(t, "Prometheus has the calls that slowpod report has", func() error {
		s, err := prom.one(`slowpod_calls_total{verdict="confirmed", upstream_host="` + slow + `"}`)
		if n := want.confirmed(slow); err == nil && s.value != float64(n) {
			err = fmt.Errorf("%v, not %d", s.value, n)
		}
		return err
	})

	// The rule bridges two minutes, the direct road does not.
	for _, name := range []string{direct, ruled} {
		eventually(t, "the pager is told that "+name+" is resolved", func() error { return alerts.pager.says(name, "resolved") })
		eventually(t, "Alertmanager has no "+name+" any more", func() error {
			all, err := alerts.active(name)
			if err == nil && len(all) > 0 {
				err = fmt.Errorf("%v", all)
			}
			return err
		})
	}
}

// everything is the truth about a whole scenario.
func everything(g *workload.Generator) workload.Truth {
	for l := (workload.Line{}); g.Next(&l); {
	}
	return g.Truth()
}

func (r *report) confirmed(host string) int {
	for _, p := range r.Pods {
		if p.UpstreamHost == host {
			return p.Calls["confirmed"]
		}
	}
	return 0
}
