package app_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/slowpod/slowpod/cmd/slowpod/app"
	"github.com/slowpod/slowpod/correlate"
	"github.com/slowpod/slowpod/sinks/alertmanager"
)

// pager is an Alertmanager that remembers what it was told.
type pager struct {
	*httptest.Server
	mu             sync.Mutex
	firing, solved int
}

func newPager(t *testing.T) *pager {
	p := &pager{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var all []struct{ EndsAt time.Time }
		if err := json.NewDecoder(r.Body).Decode(&all); err != nil {
			t.Error(err)
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, a := range all {
			if a.EndsAt.After(time.Now()) {
				p.firing++
			} else {
				p.solved++
			}
		}
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *pager) told() (firing, solved int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.firing, p.solved
}

func (p *pager) config() alertmanager.Config {
	cfg := alertmanager.DefaultConfig()
	cfg.URLs, cfg.ResendInterval = []string{p.URL}, time.Second
	return cfg
}

func newSink(t *testing.T, cfg alertmanager.Config) *alertmanager.Sink {
	t.Helper()
	sink, err := alertmanager.New(cfg, alertmanager.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return sink
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("in vain:", what)
		}
	}
}

// slowPod is an engine that has found a slow pod, and the feeds of its streams.
func slowPod(t *testing.T) (*app.Engine, *app.Feed) {
	t.Helper()
	batches, _ := spread(t, 1)
	engine := app.NewEngine(correlate.Config{Bounds: correlate.DefaultBounds()}, nil)
	feed := engine.Feed(nil)
	p := app.NewPipeline(engine.Worker("kafka"), 0, nil, slog.New(slog.DiscardHandler))
	for _, b := range batches[0] {
		if err := feed.Handle(t.Context(), p, b); err != nil {
			t.Fatal(err)
		}
	}
	if r := engine.Report(); len(r.Findings) != 1 || r.Findings[0].End != nil {
		t.Fatalf("findings %+v", r.Findings)
	}
	return engine, feed
}

// A member that has lost its last partition neither resolves what it found nor
// goes on saying it, not even when it ends.
func TestAlertsWithoutStreams(t *testing.T) {
	t.Parallel()
	engine, feed := slowPod(t)
	p := newPager(t)
	alerts := app.NewAlerts(engine)
	alerts.Use(newSink(t, p.config()))
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { alerts.Run(ctx) })
	eventually(t, "it fires, again and again", func() bool { n, _ := p.told(); return n > 1 })

	feed.Close()
	time.Sleep(3 * time.Second) // it is seen within a second
	before, _ := p.told()
	time.Sleep(2500 * time.Millisecond)
	cancel()
	running.Wait()
	if after, solved := p.told(); after != before || solved != 0 {
		t.Errorf("fires %d times more, resolved %d times", after-before, solved)
	}
}
