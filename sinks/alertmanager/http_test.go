package alertmanager

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/common/config"

	"github.com/slowpod/slowpod/sinks/report"
)

// One round trip over a socket, with TLS and a password: what Alertmanager gets.
func TestRoundTrip(t *testing.T) {
	asked := make(chan got, 10)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /base/api/v2/alerts", func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if user != "slowpod" || password != "hunter2" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if ct := r.Header.Get("Content-Type"); ct != "application/json" {
			t.Errorf("content type %q", ct)
		}
		var all []got
		if err := json.NewDecoder(r.Body).Decode(&all); err != nil || len(all) != 1 {
			t.Errorf("%d alerts: %v", len(all), err)
		}
		asked <- all[0]
	})
	server := httptest.NewTLSServer(mux)
	defer server.Close()
	cfg := DefaultConfig()
	cfg.URLs = []string{server.URL + "/base/"}
	cfg.HTTP.TLSConfig.InsecureSkipVerify = true
	cfg.HTTP.BasicAuth = &config.BasicAuth{Username: "slowpod", PasswordFile: writeFile(t, "password", "hunter2\n")}
	s := runFor(t, cfg, Options{ExternalURL: "http://slowpod:9504"})
	s.Send([]report.Finding{slow("5f2c", time.Minute)})
	g := <-asked
	if g.Labels["alertname"] != "SlowpodFindingSlowPod" || !g.EndsAt.After(time.Now()) || g.GeneratorURL != "http://slowpod:9504/findings/5f2c" {
		t.Errorf("received %+v", g)
	}
}

// The default type of authorization is filled in.
func TestBearer(t *testing.T) {
	asked := make(chan string, 10)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- r.Header.Get("Authorization")
	}))
	defer server.Close()
	cfg := DefaultConfig()
	cfg.URLs = []string{server.URL}
	cfg.HTTP.Authorization = &config.Authorization{Credentials: "hunter2"}
	s := runFor(t, cfg, Options{})
	s.Send([]report.Finding{slow("a", time.Minute)})
	if got := <-asked; got != "Bearer hunter2" {
		t.Errorf("authorization %q", got)
	}
}

// A proxy that redirects with 301 turns a POST into a GET, and Alertmanager
// answers that with 200: it has accepted nothing.
func TestRedirectIsNoAcceptance(t *testing.T) {
	asked := make(chan string, 10)
	mux := http.NewServeMux()
	mux.HandleFunc("/api/v2/alerts", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/elsewhere", http.StatusMovedPermanently)
	})
	mux.HandleFunc("/elsewhere", func(_ http.ResponseWriter, r *http.Request) { asked <- r.Method })
	server := httptest.NewServer(mux)
	defer server.Close()
	cfg := DefaultConfig()
	cfg.URLs = []string{server.URL}
	var log syncBuffer
	s, stop := launch(t, cfg, Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	s.Send([]report.Finding{slow("a", time.Minute)})
	if method := <-asked; method != http.MethodGet {
		t.Fatalf("redirected by %s", method)
	}
	stop()
	if text := log.String(); strings.Count(text, "redirected") != 1 || !strings.Contains(text, "alertmanager="+server.URL) {
		t.Errorf("log:\n%s", text)
	}
}

// Trouble is told once, and so is its end.
func TestLogsOnce(t *testing.T) {
	var log syncBuffer
	cfg := DefaultConfig()
	cfg.URLs = []string{"http://one:9093"}
	s, err := New(cfg, Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	f := newFake()
	s.client.Transport = f
	r := s.replicas[0]
	b := []*message{{key: "a"}}
	for _, code := range []int{400, 400, 503, 503, 503, 200, 200} {
		f.set(func(string, int) (int, error) { return code, nil })
		r.send(t.Context(), b)
	}
	text := log.String()
	if strings.Count(text, "does not accept") != 2 || strings.Count(text, "accepts alerts again") != 1 {
		t.Errorf("log:\n%s", text)
	}
	if !strings.Contains(text, "so it is") {
		t.Errorf("the answer is not told:\n%s", text)
	}
}

func runFor(t *testing.T, cfg Config, o Options) *Sink {
	t.Helper()
	s, _ := launch(t, cfg, o)
	return s
}

// launch runs a sink until stop is called, or the test ends.
func launch(t *testing.T, cfg Config, o Options) (s *Sink, stop func()) {
	t.Helper()
	s, err := New(cfg, o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		s.client.CloseIdleConnections()
	})
	t.Cleanup(stop)
	return s, stop
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
