package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	versioncollector "github.com/prometheus/client_golang/prometheus/collectors/version"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/version"
	toolkit "github.com/prometheus/exporter-toolkit/web"

	"github.com/slowpod/slowpod/sinks/prom"
	"github.com/slowpod/slowpod/sinks/report"
	"github.com/slowpod/slowpod/sinks/web"
)

// ServerOptions are what a server serves.
type ServerOptions struct {
	Address string
	// ConfigFile is exporter-toolkit's web configuration: TLS and basic
	// authentication. Empty: plain HTTP.
	ConfigFile string
	Engine     *Engine
	// Sources say of each input, in a sentence, what it does.
	Sources []string
	// Registry is what /metrics shows.
	Registry *prometheus.Registry
	// Ready says whether records can come in; nil: always.
	Ready func() bool
	// Reload reads the configuration again; nil: there is nothing to reload.
	Reload func() error
	Logger *slog.Logger
}

// Server serves the page, /metrics, /api/v1/report and what an operator asks
// for below /-/.
type Server struct {
	listener net.Listener
	http     *http.Server
	o        ServerOptions
}

// NewRegistry returns a registry with what Register adds.
func NewRegistry(e *Engine) *prometheus.Registry {
	reg := prometheus.NewRegistry()
	Register(reg, e)
	return reg
}

// Register adds what is known of the engine and of the process.
func Register(reg prometheus.Registerer, e *Engine) {
	reg.MustRegister(
		prom.New(e), versioncollector.NewCollector("slowpod"),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
}

// Listen opens the address, so that a taken one is known before anything is
// read.
func Listen(o ServerOptions) (*Server, error) {
	if o.ConfigFile != "" {
		if err := toolkit.Validate(o.ConfigFile); err != nil {
			return nil, fmt.Errorf("--web.config.file=%s: %w", o.ConfigFile, err)
		}
	}
	l, err := net.Listen("tcp", o.Address)
	if err != nil {
		return nil, fmt.Errorf("cannot serve on %s: %w: choose another address with --web.listen-address", o.Address, err)
	}
	hosts := []string(nil)
	if onLoopback(l.Addr()) {
		hosts = web.LoopbackHosts()
	}
	view := &view{engine: o.Engine, sources: o.Sources}
	page, err := web.New(web.Options{State: view.state, AllowedHosts: hosts})
	if err != nil {
		l.Close()
		return nil, err
	}
	s := &Server{listener: l, o: o}
	mux := http.NewServeMux()
	mux.Handle("/", page)
	handle := func(pattern string, f http.HandlerFunc) { mux.Handle(pattern, page.Guard(f)) }
	handle("GET /metrics", promhttp.HandlerFor(o.Registry, promhttp.HandlerOpts{EnableOpenMetrics: true, Registry: o.Registry}).ServeHTTP)
	handle("GET /api/v1/report", s.report)
	handle("GET /-/healthy", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "slowpod is healthy.") })
	handle("GET /-/ready", s.ready)
	if o.Reload != nil {
		handle("POST /-/reload", s.reload)
	}
	s.http = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	return s, nil
}

func (s *Server) report(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_ = report.WriteJSON(w, s.o.Engine.Report()) // the client is gone: nobody to tell
}

func (s *Server) ready(w http.ResponseWriter, _ *http.Request) {
	if s.o.Ready != nil && !s.o.Ready() {
		http.Error(w, "slowpod is not ready: it has no place in the consumer group, or a partition cannot be read.", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "slowpod is ready.")
}

func (s *Server) reload(w http.ResponseWriter, _ *http.Request) {
	if err := s.o.Reload(); err != nil {
		http.Error(w, fmt.Sprintf("failed to reload: %v", err), http.StatusInternalServerError)
		return
	}
	fmt.Fprintln(w, "reloaded")
}

func onLoopback(a net.Addr) bool {
	addr, err := netip.ParseAddrPort(a.String())
	return err == nil && addr.Addr().Unmap().IsLoopback()
}

// URL is where the page is.
func (s *Server) URL() string {
	addr := s.listener.Addr().String()
	if a, err := netip.ParseAddrPort(addr); err == nil && a.Addr().IsUnspecified() {
		addr = fmt.Sprintf("localhost:%d", a.Port())
	}
	scheme := "http"
	if s.o.ConfigFile != "" {
		scheme = "https"
	}
	return scheme + "://" + addr + "/"
}

// shutdownWithin is how long requests in progress may take at the end.
const shutdownWithin = 5 * time.Second

// Run serves until ctx ends.
func (s *Server) Run(ctx context.Context) error {
	failed := make(chan error, 1)
	go func() {
		failed <- toolkit.Serve(s.listener, s.http, &toolkit.FlagConfig{WebConfigFile: &s.o.ConfigFile}, slog.New(slog.DiscardHandler))
	}()
	select {
	case err := <-failed:
		return fmt.Errorf("web server: %w", err)
	case <-ctx.Done():
	}
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownWithin)
	defer cancel()
	err := s.http.Shutdown(within)
	if errors.Is(err, context.DeadlineExceeded) { // a client holds on: it is not our fault
		err = s.http.Close()
	}
	if serr := <-failed; !errors.Is(serr, http.ErrServerClosed) {
		err = errors.Join(err, serr)
	}
	return err
}

// view is what the page shows, made at most once a second and only when asked.
type view struct {
	engine  *Engine
	sources []string

	mu      sync.Mutex
	made    time.Time
	version uint64
	changes uint64 // of the findings, when current was made
	current *web.State
}

func (v *view) state() (*web.State, uint64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.current != nil && time.Since(v.made) < time.Second {
		return v.current, v.version
	}
	v.made = time.Now()
	totals := v.engine.Totals()
	if v.current != nil && v.current.Report.Lines.Read == totals.Read &&
		v.changes == v.engine.Changes() && v.current.Now == report.Time(v.engine.Watermark()) {
		return v.current, v.version
	}
	v.changes = v.engine.Changes()
	s := v.engine.Snapshot()
	r := report.New(totals, s)
	behind := time.Duration(0)
	if s.Watermark != 0 {
		behind = time.Duration(max(s.Last-s.Watermark, 0)) * time.Millisecond
	}
	v.current = &web.State{
		Report: r, Now: report.Time(s.Watermark), Behind: behind, Sources: v.sources, Version: version.Version,
	}
	v.version++
	return v.current, v.version
}
