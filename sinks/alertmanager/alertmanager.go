// Package alertmanager tells Alertmanager about findings, by its API v2: the
// finding with its evidence and its next commands, which a Prometheus rule
// cannot carry.
//
// It knows which findings have been told, to which replica, and when to tell
// them again. It must never know how a finding came about, and nobody who
// reads lines ever waits for it. The alerts are called SlowpodFinding… and the
// shipped Prometheus rules never are, so the two roads can be used together and
// no alert name comes from both.
package alertmanager

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/config"

	"github.com/slowpod/slowpod/sinks/report"
)

const (
	// lives is for how many resend intervals an alert stays without being sent
	// again: three sendings may be lost, or slowpod restarted.
	lives = 4
	// resolvedFor is how long an alert is sent as resolved. A replica that was
	// restarted in between has forgotten it, and would otherwise never tell
	// people that it is over. One that was away for longer needs no word: what
	// it knew has expired by itself.
	resolvedFor = 15 * time.Minute
	// flushWithin is how long the last sending may take when Run ends.
	flushWithin = 5 * time.Second
)

// Options are what a sink is given besides its configuration.
type Options struct {
	// Logger may be nil.
	Logger *slog.Logger
	// Registerer may be nil; then there are no metrics.
	Registerer prometheus.Registerer
	// ExternalURL is where people reach slowpod's page; alerts link to it.
	// Empty: no link.
	ExternalURL string
}

// Sink keeps Alertmanager told. Send may be called at any time, by anyone;
// what it is given goes out while Run runs.
type Sink struct {
	book     *book
	resend   time.Duration
	client   *http.Client
	replicas []*replica
	metrics  *metrics

	mu       sync.Mutex
	findings []report.Finding // given last
	yields   bool             // since findings were looked at
	given    chan struct{}    // holds a token while findings have not been looked at
}

// New returns a sink that does nothing yet, so that a configuration can be
// checked without being used; it does read the files of secrets and
// certificates. The error has every mistake.
func New(cfg Config, o Options) (*Sink, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("alertmanager: %w", err)
	}
	with, err := cfg.HTTP.checked()
	if err != nil {
		return nil, fmt.Errorf("alertmanager: %w", err)
	}
	client, err := config.NewClientFromConfig(with, "alertmanager", config.WithUserAgent("slowpod"))
	if err != nil {
		return nil, fmt.Errorf("alertmanager: %w", err)
	}
	page, err := parseExternal(o.ExternalURL)
	if err != nil {
		return nil, fmt.Errorf("alertmanager: external URL: %w", err)
	}
	logger := o.Logger
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	s := &Sink{
		book:    newBook(writer{external: maps.Clone(cfg.ExternalLabels), runbooks: cfg.RunbooksURL, page: page}),
		resend:  cfg.ResendInterval,
		client:  client,
		metrics: newMetrics(),
		given:   make(chan struct{}, 1),
	}
	for _, u := range cfg.URLs {
		s.replicas = append(s.replicas, &replica{
			url: apiURL(u), timeout: cfg.Timeout, life: lives * cfg.ResendInterval,
			client: s.client, queue: newQueue(cfg.QueueCapacity),
			metrics: s.metrics.replica(u), logger: logger.With("alertmanager", u),
		})
	}
	if o.Registerer != nil {
		if err := s.metrics.register(o.Registerer, s.replicas); err != nil {
			return nil, fmt.Errorf("alertmanager: %w", err)
		}
	}
	return s, nil
}

func parseExternal(s string) (*url.URL, error) {
	if s == "" {
		return nil, nil
	}
	u, err := url.Parse(s)
	if err == nil && (u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
		err = fmt.Errorf("%q is no http:// or https:// URL", s)
	}
	return u, err
}

// Send gives the findings as they are now, open and ended ones, as often as
// one likes; it never blocks. Only the last list counts: an open finding fires
// until a list has it ended, or does not have it any more. So whoever wants a
// finding not to be alerted, because a greater one tells it too, leaves it out.
// A finding that is over when it is first given is not told: nobody needs to be
// woken for it. One that ended in silence is not resolved, for another slowpod may
// hear of the pod and fire the same alert: it is told no more, and expires. The
// list must not be altered afterwards.
func (s *Sink) Send(findings []report.Finding) { s.give(findings, false) }

// Yield leaves all alerts to another slowpod, which reads now what this one read:
// nothing is told of them any more, and what nobody takes over expires.
func (s *Sink) Yield() { s.give(nil, true) }

func (s *Sink) give(findings []report.Finding, yields bool) {
	s.mu.Lock()
	s.findings, s.yields = findings, s.yields || yields
	s.mu.Unlock()
	select {
	case s.given <- struct{}{}:
	default: // not looked at yet: it will be this one that is
	}
}

// Run sends until ctx ends, and then once more within a deadline, all of what
// is firing: so it stays told while slowpod is restarted or its work goes to
// another. It does not resolve what is not over. It returns nil; call it once.
//
//	Send → book ─┬→ queue → replica
//	             └→ queue → replica
func (s *Sink) Run(ctx context.Context) error {
	sending, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	last := make(chan struct{})
	var replicas sync.WaitGroup
	for _, r := range s.replicas {
		replicas.Go(func() { r.run(sending, last) })
	}
	s.keep(ctx)
	close(last)
	defer time.AfterFunc(flushWithin, stop).Stop()
	replicas.Wait()
	return nil
}

// Unregister takes the sink's metrics from the registerer that it was given, for
// one that takes its place.
func (s *Sink) Unregister(r prometheus.Registerer) { s.metrics.unregister(r) }

// keep puts into the queues what is to be sent, until ctx ends.
func (s *Sink) keep(ctx context.Context) {
	again := time.NewTicker(s.resend)
	defer again.Stop()
	for {
		select {
		case <-s.given:
			s.put(s.update())
		case <-again.C:
			s.putAll()
		case <-ctx.Done():
			select {
			case <-s.given:
				s.update()
			default:
			}
			s.putAll()
			return
		}
	}
}

// update looks at what was given and returns what is to be sent at once.
func (s *Sink) update() []*message {
	s.mu.Lock()
	findings, yields := s.findings, s.yields
	s.yields = false
	s.mu.Unlock()
	if yields {
		s.remove(s.book.forget())
	}
	changed, silent := s.book.update(findings, time.Now())
	s.remove(silent)
	return changed
}

// remove takes out of the queues what waits of alerts.
func (s *Sink) remove(keys []string) {
	for _, key := range keys {
		for _, r := range s.replicas {
			if r.queue.remove(key) {
				r.metrics.dropped[dropExpired].Inc()
			}
		}
	}
}

func (s *Sink) put(all []*message) {
	if len(all) == 0 {
		return
	}
	for _, r := range s.replicas {
		r.metrics.dropped[dropQueueFull].Add(float64(r.queue.put(all)))
	}
}

func (s *Sink) putAll() {
	all, forgotten := s.book.all(time.Now())
	s.remove(forgotten)
	s.put(all)
}
