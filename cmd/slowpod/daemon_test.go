package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/slowpod/slowpod/bench/workload"
)

// pager is an Alertmanager that remembers what it was told.
type pager struct {
	*httptest.Server
	mu     sync.Mutex
	firing int
	notes  []string
	note   func() string // at each request
}

func newPager(t *testing.T) *pager {
	p := &pager{note: func() string { return "" }}
	p.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var all []struct{ EndsAt time.Time }
		if err := json.NewDecoder(r.Body).Decode(&all); err != nil {
			t.Error(err)
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.notes = append(p.notes, p.note())
		for _, a := range all {
			if a.EndsAt.After(time.Now()) {
				p.firing++
			} else {
				t.Error("resolved")
			}
		}
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *pager) fires() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.firing
}

// slowPodLog is a log that ends while a pod is slow.
func slowPodLog() *meshLog {
	return catalog(workload.CatalogOptions{Options: workload.Options{Seed: 3, Duration: 5 * time.Minute}})
}

// At the end reading stops and the group is left, then Alertmanager has the last
// word, and all the while the server answers.
func TestRunEndsInOrder(t *testing.T) {
	t.Parallel()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "envoy"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	var left atomic.Bool
	cluster.ControlKey(int16(kmsg.LeaveGroup), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		time.Sleep(300 * time.Millisecond)
		left.Store(true)
		return nil, nil, false
	})
	producer, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(producer.Close)
	var records []*kgo.Record
	for _, l := range slowPodLog().lines {
		records = append(records, &kgo.Record{Topic: "envoy", Value: l.text})
	}
	if err := producer.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}

	p := newPager(t)
	config := fileOf(t, fmt.Appendf(nil, `
kafka: {brokers: [%q], topics: [envoy], initial_offset: earliest}
alertmanager: {urls: [%q], resend_interval: 1s}
`, cluster.ListenAddrs()[0], p.URL))
	s := startService(t, nil, "--config.file="+config)
	p.mu.Lock()
	p.note = func() string {
		res, err := http.Get(s.url + "-/healthy")
		if err == nil {
			res.Body.Close()
		}
		return fmt.Sprintf("left %v, healthy %v", left.Load(), err == nil)
	}
	p.mu.Unlock()
	eventually(t, patience, "it fires", func() bool { return p.fires() > 0 })
	if code := s.stop(); code != exitFine {
		t.Errorf("exit code %d", code)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if last := p.notes[len(p.notes)-1]; last != "left true, healthy true" {
		t.Errorf("at the last word: %s; %q", last, p.notes)
	}
}

// SIGHUP reloads, and does no harm while the process is on its way out.
func TestHangUp(t *testing.T) {
	t.Parallel()
	config := fileOf(t, []byte(`log: {level: info}`))
	p := startProcess(t, "run", "--web.listen-address=127.0.0.1:0", "--config.file="+config, fileOf(t, nil))
	page := pageIn(t, &p.stderr)
	if err := p.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	eventually(t, patience, "it reloads", func() bool { return strings.Contains(p.stderr.String(), "configuration was reloaded") })
	if strings.Contains(p.stderr.String(), "need a restart") {
		t.Error("what the command line says is taken for a change")
	}
	// Somebody who holds a connection keeps the server from going down.
	u, err := url.Parse(page)
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte("GET / HTTP/1.1\r\n")); err != nil {
		t.Fatal(err)
	}
	pause(100 * time.Millisecond)
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	pause(time.Second)
	if err := p.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal("it has ended already:", err)
	}
	if err := p.Wait(); err != nil {
		t.Errorf("%v\n%s", err, p.stderr.String())
	}
}

// A reload takes other Alertmanagers, and names what it cannot take.
func TestReload(t *testing.T) {
	t.Parallel()
	one, two := newPager(t), newPager(t)
	config := fileOf(t, nil)
	write := func(format string, args ...any) {
		t.Helper()
		if err := os.WriteFile(config, fmt.Appendf(nil, format, args...), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(`alertmanager: {urls: [%q], resend_interval: 1s}`, one.URL)
	s := startService(t, bytes.NewReader(slowPodLog().bytes()), "--config.file="+config, "-")
	reload := func() int {
		t.Helper()
		res, err := http.Post(s.url+"-/reload", "", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		return res.StatusCode
	}
	told := func() []string {
		var urls []string
		for _, m := range metrics(t, s.url)["slowpod_alertmanager_alerts_sent_total"].GetMetric() {
			urls = append(urls, m.GetLabel()[0].GetValue())
		}
		return urls
	}
	eventually(t, patience, "it fires at the first", func() bool { return one.fires() > 1 })

	write(`alertmanager: {urls: [%q], resend_interval: 1s}`, two.URL)
	if code := reload(); code != http.StatusOK {
		t.Error(code)
	}
	eventually(t, patience, "it fires at the second", func() bool { return two.fires() > 1 })
	if got := told(); !slices.Equal(got, []string{two.URL}) {
		t.Errorf("metrics are of %q", got)
	}
	if strings.Contains(s.stderr.String(), "need a restart") {
		t.Error("a restart is asked for")
	}
	before := one.fires()

	// A mistake leaves all as it is.
	write(`alertmanager: {urls: [%q], http_config: {authorization: {credentials_file: /nowhere}, basic_auth: {username: a}}}`, one.URL)
	if code := reload(); code != http.StatusInternalServerError {
		t.Error(code)
	}
	if got := value(metrics(t, s.url), "slowpod_config_last_reload_successful"); got != 0 {
		t.Errorf("success is %g", got)
	}
	write(`{alertmanager: {urls: [%q], resend_interval: 1s}, bounds: {pods: 7}}`, two.URL)
	if code := reload(); code != http.StatusOK {
		t.Error(code)
	}
	if !strings.Contains(s.stderr.String(), "sections=bounds\n") {
		t.Error("the bounds are not named as what needs a restart, or others are")
	}
	write(``)
	if code := reload(); code != http.StatusOK || told() != nil {
		t.Errorf("%d; still told: %q", code, told())
	}
	pause(2 * time.Second) // its last word
	last := two.fires()
	pause(2 * time.Second)
	if one.fires() != before || two.fires() != last {
		t.Error("somebody is told who is not configured any more")
	}
}
