package alertmanager

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slowpod/slowpod/sinks/report"
)

// got is an alert as a replica received it.
type got struct {
	host         string
	at           time.Time // when
	Labels       map[string]string
	Annotations  map[string]string
	StartsAt     time.Time
	EndsAt       time.Time
	GeneratorURL string
}

func (g *got) firing() bool { return g.EndsAt.After(g.at) }

// fake is the replicas. A socket would stall the clock of the bubble.
type fake struct {
	mu     sync.Mutex
	answer func(host string, try int) (code int, err error) // nil: 200
	tries  map[string][]time.Time
	took   []got
}

func newFake() *fake { return &fake{tries: map[string][]time.Time{}} }

func (f *fake) RoundTrip(r *http.Request) (*http.Response, error) {
	body, _ := io.ReadAll(r.Body)
	host := r.URL.Host
	f.mu.Lock()
	f.tries[host] = append(f.tries[host], time.Now())
	answer, try := f.answer, len(f.tries[host])
	f.mu.Unlock()
	code := 200
	if answer != nil {
		var err error
		if code, err = answer(host, try); err != nil {
			return nil, err
		}
	}
	if code == hang {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	if code == 200 {
		var all []got
		if err := json.Unmarshal(body, &all); err != nil {
			return nil, err
		}
		f.mu.Lock()
		for _, g := range all {
			g.host, g.at = host, time.Now()
			f.took = append(f.took, g)
		}
		f.mu.Unlock()
	}
	return &http.Response{
		StatusCode: code, Status: http.StatusText(code), Request: r,
		Body: io.NopCloser(strings.NewReader("so it is")), Header: http.Header{},
	}, nil
}

// hang answers only when the request is given up.
const hang = -1

var errDead = errors.New("connection refused")

// received returns what a replica took since it was asked last.
func (f *fake) received(host string) []got {
	f.mu.Lock()
	defer f.mu.Unlock()
	var mine, rest []got
	for _, g := range f.took {
		if g.host == host {
			mine = append(mine, g)
		} else {
			rest = append(rest, g)
		}
	}
	f.took = rest
	return mine
}

func (f *fake) triesOf(host string) []time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]time.Time(nil), f.tries[host]...)
}

func (f *fake) set(answer func(string, int) (int, error)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer = answer
}

// running is a sink in a bubble.
type running struct {
	*Sink
	fake *fake
	stop context.CancelFunc
	done chan struct{}
}

func start(t *testing.T, f *fake, change func(*Config, *Options)) *running {
	t.Helper()
	cfg, o := DefaultConfig(), Options{}
	cfg.URLs = []string{"http://one:9093"}
	if change != nil {
		change(&cfg, &o)
	}
	s, err := New(cfg, o)
	if err != nil {
		t.Fatal(err)
	}
	s.client.Transport = f
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{Sink: s, fake: f, stop: cancel, done: make(chan struct{})}
	go func() {
		defer close(r.done)
		if err := s.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	synctest.Wait()
	t.Cleanup(func() { cancel(); <-r.done })
	return r
}

// send gives findings and waits until all that follows at once has happened.
func (r *running) send(findings ...report.Finding) {
	r.Send(findings)
	synctest.Wait()
}

func (r *running) shutdown() { r.stop(); <-r.done }

// pass lets time pass, and what is due then happen.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func ptr[T any](v T) *T { return &v }

// slow is an open finding that began a while ago.
func slow(id string, ago time.Duration) report.Finding {
	return report.Finding{
		ID: id, Kind: "slow_pod", Severity: "critical", Proof: "both",
		Service: ptr("catalog.istioinaction.svc.cluster.local"), Subset: ptr("version-v2"),
		Namespace: ptr("istioinaction"), Pod: ptr("catalog-v2-6df885b555-n9nxw"), Node: ptr("node-1"),
		UpstreamHost: ptr("172.17.0.17:3000"),
		Start:        report.Time(time.Now().Add(-ago).UnixMilli()), Detected: report.Time(time.Now().UnixMilli()),
		Title: "One pod of catalog v2 is slow", Summary: "Callers gave up on 28 of 120 requests.", Cause: "the app in the pod",
		Evidence: report.Evidence{Requests: 120, Timeouts: 28, Confirmed: 28, Disconnects: 28, Siblings: 2},
	}
}

func over(f report.Finding, ago time.Duration) report.Finding {
	f.End = ptr(report.Time(time.Now().Add(-ago).UnixMilli()))
	return f
}
