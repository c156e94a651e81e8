package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/promslog"
	"github.com/prometheus/common/version"
	"golang.org/x/sync/errgroup"

	"github.com/slowpod/slowpod/cmd/slowpod/app"
	"github.com/slowpod/slowpod/sinks/alertmanager"
	"github.com/slowpod/slowpod/sinks/calls"
	"github.com/slowpod/slowpod/sinks/report"
)

// daemon is `slowpod run`, configured.
type daemon struct {
	cfg     app.Config
	files   []string
	console console
	level   *promslog.Level
	logger  *slog.Logger

	configFile, webConfig, callsFile string

	reloading sync.Mutex
	reloaded  prometheus.Gauge
	reloadAt  prometheus.Gauge
}

//	partitions ──► pipeline each ─────────────────────────┐
//	files, stdin ► pipeline each ► merge by end time ─────┴► core ─┬► /metrics
//	                                                               ├► page, /api/v1/report
//	                                                               ├► Alertmanager
//	                                                               ├► calls file
//	                                                               └► log: findings begin and end
//
// At the end reading stops and commits while Alertmanager is told once more of
// what still fires; then what is final is written out, and the server goes down
// last, so that the last scrape sees everything.
func (d *daemon) run(ctx context.Context) error {
	streams := &app.Streams{}
	reg := prometheus.NewRegistry()
	writer, closeCalls, err := d.openCalls(streams, reg)
	if err != nil {
		return err
	}
	engine := app.NewEngine(d.cfg.Bounds.Core(), writer)
	app.Register(reg, engine)
	d.registerReload(reg)

	var topics *app.Kafka
	var ready func() bool
	if len(d.files) == 0 {
		if topics, err = app.NewKafka(d.cfg.Kafka, engine, streams, d.logger, reg); err != nil {
			return usageError{err}
		}
		ready = topics.Ready
	}
	server, err := app.Listen(app.ServerOptions{
		Address: d.cfg.Web.ListenAddress, ConfigFile: d.webConfig, Engine: engine, Registry: reg,
		Sources: d.sources(), Ready: ready, Reload: d.reloader(), Logger: d.logger,
	})
	if err != nil {
		return err
	}
	var alerts *app.Alerts
	if len(d.cfg.Alertmanager.URLs) > 0 {
		sink, err := alertmanager.New(d.cfg.Alertmanager, alertmanager.Options{Logger: d.logger, Registerer: reg, ExternalURL: strings.TrimSuffix(server.URL(), "/")})
		if err != nil {
			return usageError{err}
		}
		alerts = &app.Alerts{Engine: engine, Sink: sink}
	}
	d.logger.Info("slowpod runs", "version", version.Info(), "reads", report.Safe(strings.Join(d.sources(), " ")), "page", server.URL())

	serverCtx, stopServer := context.WithCancel(context.WithoutCancel(ctx))
	defer stopServer()
	serving := make(chan error, 1)
	go func() { serving <- server.Run(serverCtx) }()

	err = d.serve(ctx, engine, topics, streams, alerts, serving)
	stopServer()
	err = errors.Join(err, <-serving, closeCalls())
	totals := engine.Totals()
	d.logger.Info("slowpod has stopped", "lines", totals.Read, "records", totals.Records)
	return err
}

// serve runs everything but the server until ctx ends or something fails.
func (d *daemon) serve(ctx context.Context, engine *app.Engine, topics *app.Kafka, streams *app.Streams, alerts *app.Alerts, serving chan error) error {
	announcer := &app.Announcer{
		Engine: engine,
		Began:  func(_ *report.Report, f *report.Finding) { logFinding(d.logger, slog.LevelWarn, "finding", f) },
		Ended: func(_ *report.Report, f *report.Finding) {
			logFinding(d.logger, slog.LevelInfo, "finding has ended", f)
		},
	}
	group, ctx := errgroup.WithContext(ctx)
	if topics != nil {
		group.Go(func() error { return topics.Run(ctx) })
	} else {
		live := &app.Live{Files: d.files, Stdin: d.console.stdin, Logger: d.logger, Engine: engine, Streams: streams}
		group.Go(func() error {
			err := live.Run(ctx)
			if err == nil && ctx.Err() == nil {
				d.logger.Info("the input has ended: everything is judged; serving until stopped")
			}
			return err
		})
	}
	group.Go(func() error { return engine.Run(ctx) })
	group.Go(func() error { return announcer.Run(ctx) })
	group.Go(func() error { return d.flush(ctx, engine) })
	group.Go(func() error { return d.hup(ctx) })
	if alerts != nil {
		group.Go(func() error { return alerts.Run(ctx) })
	}
	group.Go(func() error {
		select {
		case err := <-serving:
			serving <- nil
			return err
		case <-ctx.Done():
			return nil
		}
	})
	return group.Wait()
}

func (d *daemon) sources() []string {
	if len(d.files) > 0 {
		return app.Sources(d.files)
	}
	return []string{fmt.Sprintf("Reading %s from Kafka as a member of %s.",
		strings.Join(d.cfg.Kafka.Topics, ", "), d.cfg.Kafka.GroupID)}
}

// openCalls opens the calls file for appending: what an earlier run wrote is
// still true.
func (d *daemon) openCalls(streams *app.Streams, reg prometheus.Registerer) (*calls.Writer, func() error, error) {
	if d.callsFile == "" {
		return nil, func() error { return nil }, nil
	}
	f, err := os.OpenFile(d.callsFile, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err == nil {
		err = endLine(f)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("calls file: %w", err)
	}
	spool, err := calls.NewSpool(f, d.callsFile, reg)
	if err != nil {
		return nil, nil, err
	}
	return calls.NewSpooled(spool, streams.Name), func() error {
		defer f.Close()
		if err := spool.Close(); err != nil {
			return fmt.Errorf("calls file: %w", err)
		}
		return nil
	}, nil
}

// endLine ends a line that a killed process left torn, so that the next call
// stands on its own.
func endLine(f *os.File) error {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil || size == 0 {
		return nil // empty, or nothing that has an end: a pipe
	}
	last := make([]byte, 1)
	if _, err := f.ReadAt(last, size-1); err != nil {
		return err
	}
	if last[0] != '\n' {
		_, err = f.Write([]byte{'\n'})
	}
	return err
}

// flush writes calls out once a second. When a calls file cannot be written, and
// when it can again, is said once; it stops nothing.
func (d *daemon) flush(ctx context.Context, engine *app.Engine) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			err, failed := engine.Flush(), failing
			switch failing = err != nil; {
			case failing && !failed:
				d.logger.Error("the calls file cannot be written: calls wait for it, and are dropped when there are too many", "err", err)
			case failed && !failing:
				d.logger.Info("the calls file is written again")
			}
		}
	}
}

func (d *daemon) registerReload(reg prometheus.Registerer) {
	d.reloaded = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "slowpod_config_last_reload_successful", Help: "Whether the last attempt to read the configuration succeeded.",
	})
	d.reloadAt = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "slowpod_config_last_reload_success_timestamp_seconds", Help: "When the configuration was last read with success.",
	})
	reg.MustRegister(d.reloaded, d.reloadAt)
	d.reloaded.Set(1)
	d.reloadAt.SetToCurrentTime()
}

// hup reloads on SIGHUP.
func (d *daemon) hup(ctx context.Context) error {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP)
	defer signal.Stop(signals)
	for {
		select {
		case <-signals:
			_ = d.reload() // logged
		case <-ctx.Done():
			return nil
		}
	}
}

// reloader is what /-/reload calls: nothing where there is no file to read
// again.
func (d *daemon) reloader() func() error {
	if d.configFile == "" {
		return nil
	}
	return d.reload
}

// reload reads the configuration file again. The log level changes at once;
// what else has changed is named, and needs a restart.
func (d *daemon) reload() error {
	d.reloading.Lock()
	defer d.reloading.Unlock()
	err := d.tryReload()
	if err != nil {
		d.reloaded.Set(0)
		d.logger.Error("the configuration was not reloaded; the old one stays", "err", err)
		return err
	}
	d.reloaded.Set(1)
	d.reloadAt.SetToCurrentTime()
	return nil
}

func (d *daemon) tryReload() error {
	if d.configFile == "" {
		return errors.New("there is no --config.file to read again")
	}
	next, err := app.LoadConfig(d.configFile)
	if err != nil {
		return err
	}
	changed := next.Changed(d.cfg)
	if i := slices.Index(changed, "log.level"); i >= 0 {
		changed = slices.Delete(changed, i, i+1)
		_ = d.level.Set(next.Log.Level) // has been checked
		d.cfg.Log.Level = next.Log.Level
	}
	if len(changed) > 0 {
		d.logger.Warn("these sections have changed and need a restart", "sections", strings.Join(changed, ", "))
	}
	d.logger.Info("the configuration was reloaded")
	return nil
}
