package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/promslog"
	"github.com/prometheus/common/version"

	"github.com/slowpod/slowpod/cmd/slowpod/app"
	"github.com/slowpod/slowpod/sinks/alertmanager"
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
	// load reads the configuration again, with the command line on top.
	load func() (app.Config, error)

	setAlerts func(alertmanager.Config) error

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
// At the end reading stops first, and what was handled is committed. Then
// Alertmanager is told once more of what still fires, and what is final is
// written out. The server goes down last, so that the last scrape sees everything.
func (d *daemon) run(ctx context.Context) error {
	// Until the very end: a SIGHUP on the way there must not kill.
	hups := make(chan os.Signal, 1)
	signal.Notify(hups, syscall.SIGHUP)
	defer signal.Stop(hups)

	streams := &app.Streams{}
	reg := prometheus.NewRegistry()
	out := &outputs{logger: d.logger, reg: reg}
	writer, err := out.calls(d.callsFile, streams.Name)
	if err != nil {
		return err
	}
	letters, err := out.letters(d.cfg)
	if err != nil {
		return err
	}
	engine := app.NewEngine(d.cfg.Core(), writer)
	app.Register(reg, engine)
	d.registerReload(reg)

	live := &app.Live{Files: d.files, Stdin: d.console.stdin, Logger: d.logger, Engine: engine, Streams: streams, Letters: letters}
	read, ready := live.Run, (func() bool)(nil)
	if len(d.files) == 0 {
		topics, err := app.NewKafka(d.cfg.Kafka, engine, streams, letters, d.logger, reg)
		if err != nil {
			return usageError{err}
		}
		read, ready = topics.Run, topics.Ready
	}
	server, err := app.Listen(app.ServerOptions{
		Address: d.cfg.Web.ListenAddress, ConfigFile: d.webConfig, Engine: engine, Registry: reg,
		Sources: d.sources(), Ready: ready, Reload: d.reloader(), Logger: d.logger,
	})
	if err != nil {
		return err
	}
	alerts := app.NewAlerts(engine)
	if err := d.alert(alerts, server.URL(), reg); err != nil {
		return usageError{err}
	}
	d.logger.Info("slowpod runs", "version", version.Info(), "reads", report.Safe(strings.Join(d.sources(), " ")), "page", server.URL())

	reading, stopReading := context.WithCancel(ctx)
	defer stopReading()
	tending, stopTending := context.WithCancel(context.WithoutCancel(ctx))
	defer stopTending()
	serving, stopServing := context.WithCancel(context.WithoutCancel(ctx))
	defer stopServing()

	served := make(chan error, 1)
	go func() {
		served <- server.Run(serving)
		stopReading() // it has failed, or all is over
	}()
	var tenders sync.WaitGroup
	for _, tend := range append(out.tend(engine.Flush),
		engine.Run, d.announcer(engine).Run, alerts.Run,
		func(ctx context.Context) { d.hup(ctx, hups) },
	) {
		tenders.Go(func() { tend(tending) })
	}

	err = read(reading)
	if err == nil && reading.Err() == nil {
		d.logger.Info("the input has ended: everything is judged; serving until stopped")
		<-reading.Done()
	}
	stopTending()
	tenders.Wait()
	err = errors.Join(err, out.close())
	stopServing()
	err = errors.Join(err, <-served)
	totals := engine.Totals()
	d.logger.Info("slowpod has stopped", "lines", totals.Read, "records", totals.Records)
	return err
}

// announcer tells the log of findings.
func (d *daemon) announcer(engine *app.Engine) *app.Announcer {
	return &app.Announcer{
		Engine: engine,
		Began:  func(_ *report.Report, f *report.Finding) { logFinding(d.logger, slog.LevelWarn, "finding", f) },
		Ended: func(_ *report.Report, f *report.Finding) {
			logFinding(d.logger, slog.LevelInfo, "finding has ended", f)
		},
	}
}

// alert sets d.setAlerts, by which a sink of another configuration takes the
// place of the one that is there, and has it take the configured one.
func (d *daemon) alert(alerts *app.Alerts, page string, reg prometheus.Registerer) error {
	var sink *alertmanager.Sink
	d.setAlerts = func(cfg alertmanager.Config) error {
		var next *alertmanager.Sink
		if len(cfg.URLs) > 0 {
			o := alertmanager.Options{Logger: d.logger, ExternalURL: strings.TrimSuffix(page, "/")}
			if _, err := alertmanager.New(cfg, o); err != nil {
				return err // the old one stays
			}
			if sink != nil {
				sink.Unregister(reg) // the metrics have the same names
			}
			var err error
			o.Registerer = reg
			if next, err = alertmanager.New(cfg, o); err != nil {
				return err
			}
		} else if sink != nil {
			sink.Unregister(reg)
		}
		sink = next
		alerts.Use(sink)
		return nil
	}
	return d.setAlerts(d.cfg.Alertmanager)
}

func (d *daemon) sources() []string {
	if len(d.files) > 0 {
		return app.Sources(d.files)
	}
	return []string{fmt.Sprintf("Reading %s from Kafka as a member of %s.",
		strings.Join(d.cfg.Kafka.Topics, ", "), d.cfg.Kafka.GroupID)}
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
func (d *daemon) hup(ctx context.Context, hups <-chan os.Signal) {
	for {
		select {
		case <-hups:
			_ = d.reload() // logged
		case <-ctx.Done():
			return
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

// reload reads the configuration file again. The log level and who is alerted
// change at once; what else has changed is named, and needs a restart.
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
	next, err := d.load()
	if err != nil {
		return err
	}
	var restart []string
	for _, section := range next.Changed(d.cfg) {
		switch section {
		case "alertmanager":
			if err := d.setAlerts(next.Alertmanager); err != nil {
				return err
			}
			d.cfg.Alertmanager = next.Alertmanager
		case "log.level":
			_ = d.level.Set(next.Log.Level) // has been checked
			d.cfg.Log.Level = next.Log.Level
		default:
			restart = append(restart, section)
		}
	}
	if len(restart) > 0 {
		d.logger.Warn("these sections have changed and need a restart", "sections", strings.Join(restart, ", "))
	}
	d.logger.Info("the configuration was reloaded")
	return nil
}
