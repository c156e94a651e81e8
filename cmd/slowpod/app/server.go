package app

import (
	"context"
	"errors"
	"fmt"
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

	"github.com/slowpod/slowpod/sinks/prom"
	"github.com/slowpod/slowpod/sinks/report"
	"github.com/slowpod/slowpod/sinks/web"
)

// Server serves the page, /metrics and /api/v1/report.
type Server struct {
	listener net.Listener
	http     *http.Server
}

// Listen opens the address, so that a taken one is known before anything is
// read. sources says of each input, in a sentence, what it does.
func Listen(address string, e *Engine, sources []string) (*Server, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("cannot serve on %s: %w: choose another address with --web.listen-address", address, err)
	}
	hosts := []string(nil)
	if onLoopback(l.Addr()) {
		hosts = web.LoopbackHosts()
	}
	view := &view{engine: e, sources: sources}
	page, err := web.New(web.Options{State: view.state, AllowedHosts: hosts})
	if err != nil {
		l.Close()
		return nil, err
	}
	reg := prometheus.NewRegistry()
	reg.MustRegister(
		prom.New(e), versioncollector.NewCollector("slowpod"),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	mux := http.NewServeMux()
	mux.Handle("/", page)
	mux.Handle("GET /metrics", page.Guard(promhttp.HandlerFor(reg, promhttp.HandlerOpts{EnableOpenMetrics: true, Registry: reg})))
	mux.Handle("GET /api/v1/report", page.Guard(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		_ = report.WriteJSON(w, e.Report()) // the client is gone: nobody to tell
	})))
	return &Server{listener: l, http: &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}}, nil
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
	return "http://" + addr + "/"
}

// shutdownWithin is how long requests in progress may take at the end.
const shutdownWithin = 5 * time.Second

// Run serves until ctx ends.
func (s *Server) Run(ctx context.Context) error {
	failed := make(chan error, 1)
	go func() { failed <- s.http.Serve(s.listener) }()
	select {
	case err := <-failed:
		return fmt.Errorf("web server: %w", err)
	case <-ctx.Done():
	}
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownWithin)
	defer cancel()
	err := s.http.Shutdown(within)
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
		behind = time.Duration(max(s.Span.End-s.Watermark, 0)) * time.Millisecond
	}
	v.current = &web.State{
		Report: r, Now: report.Time(s.Watermark), Behind: behind, Sources: v.sources, Version: version.Version,
	}
	v.version++
	return v.current, v.version
}
