package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/promslog"
	"github.com/prometheus/common/version"
	"golang.org/x/sync/errgroup"

	"github.com/slowpod/slowpod/cmd/slowpod/app"
	"github.com/slowpod/slowpod/sinks/report"
)

const runHelp = `FILE is read from its start and followed as it grows; "-" is stdin. Files named here replace those of the configuration, and then no configuration file is needed.

Examples:
  slowpod run /var/log/containers/*istio-proxy*.log
  kubectl logs -f -n istio-system deploy/istio-ingressgateway | slowpod run -
  slowpod run --config.file=slowpod.yml`

type runOptions struct {
	files                     []string
	config                    string
	listen, logLevel, logForm string
}

// files, stdin → pipeline each → merge by end time → core
//
//	├─ /metrics
//	├─ page, /api/v1/report
//	└─ log: findings begin and end
func runCommand(k *kingpin.Application) command {
	var o runOptions
	clause := k.Command("run", "Watch access logs as they are written: serve metrics and a page with what is found.").HelpLong(runHelp)
	clause.Arg("FILE", "Log files to follow.").StringsVar(&o.files)
	clause.Flag("config.file", "Configuration file; configs/slowpod.yml shows every option.").PlaceHolder("FILE").StringVar(&o.config)
	clause.Flag("web.listen-address", "Where /metrics and the page are served (default :9504).").PlaceHolder("ADDRESS").StringVar(&o.listen)
	clause.Flag("log.level", "debug, info, warn or error (default info).").PlaceHolder("LEVEL").EnumVar(&o.logLevel, promslog.LevelFlagOptions...)
	clause.Flag("log.format", "logfmt or json (default logfmt).").PlaceHolder("FORMAT").EnumVar(&o.logForm, promslog.FormatFlagOptions...)
	return command{clause, func(ctx context.Context, c console) error { return o.run(ctx, c) }}
}

// effective is the configuration with the command line on top.
func (o *runOptions) effective() (app.Config, error) {
	cfg := app.DefaultConfig()
	if o.config != "" {
		var err error
		if cfg, err = app.LoadConfig(o.config); err != nil {
			return cfg, usageError{err}
		}
	}
	set := func(to *string, v string) {
		if v != "" {
			*to = v
		}
	}
	set(&cfg.Web.ListenAddress, o.listen)
	set(&cfg.Log.Level, o.logLevel)
	set(&cfg.Log.Format, o.logForm)
	if len(o.files) > 0 {
		cfg.Input.Files = o.files
	}
	if len(cfg.Input.Files) == 0 {
		return cfg, usageError{errors.New(`nothing to read: name log files or "-", or set input.files in the configuration file`)}
	}
	return cfg, nil
}

func (o *runOptions) run(ctx context.Context, c console) error {
	cfg, err := o.effective()
	if err != nil {
		return err
	}
	files, err := inputs(cfg.Input.Files, c.stdin)
	if err != nil {
		return err
	}
	logger := newLogger(cfg.Log, c.stderr)
	engine := app.NewEngine(cfg.Bounds.Core())
	server, err := app.Listen(cfg.Web.ListenAddress, engine, app.Sources(files))
	if err != nil {
		return err
	}
	logger.Info("slowpod runs", "version", version.Info(), "files", report.Safe(strings.Join(files, " ")), "page", server.URL())
	live := &app.Live{Files: files, Stdin: c.stdin, Logger: logger, Engine: engine}
	announcer := &app.Announcer{
		Engine: engine,
		Began:  func(_ *report.Report, f *report.Finding) { logFinding(logger, slog.LevelWarn, "finding", f) },
		Ended:  func(_ *report.Report, f *report.Finding) { logFinding(logger, slog.LevelInfo, "finding has ended", f) },
	}
	// The server goes down last: the last scrape sees everything.
	serverCtx, stopServer := context.WithCancel(context.WithoutCancel(ctx))
	defer stopServer()
	serving := make(chan error, 1)
	group, ctx := errgroup.WithContext(ctx)
	go func() { serving <- server.Run(serverCtx) }()
	group.Go(func() error {
		if err := live.Run(ctx); err != nil {
			return err
		}
		if ctx.Err() == nil {
			logger.Info("the input has ended: everything is judged; serving until stopped")
		}
		return nil
	})
	group.Go(func() error { return engine.Run(ctx) })
	group.Go(func() error { return announcer.Run(ctx) })
	group.Go(func() error {
		select {
		case err := <-serving:
			serving <- nil
			return err
		case <-ctx.Done():
			return nil
		}
	})
	err = group.Wait()
	stopServer()
	err = errors.Join(err, <-serving)
	totals := engine.Totals()
	logger.Info("slowpod has stopped", "lines", totals.Read, "records", totals.Records)
	return err
}

func newLogger(cfg app.LogConfig, w io.Writer) *slog.Logger {
	level, format := promslog.NewLevel(), promslog.NewFormat()
	// Both have been checked: by the flag, or with the configuration.
	_ = level.Set(cfg.Level)
	_ = format.Set(cfg.Format)
	return promslog.New(&promslog.Config{Level: level, Format: format, Writer: w})
}

func logFinding(l *slog.Logger, level slog.Level, msg string, f *report.Finding) {
	attrs := []any{"kind", f.Kind, "severity", f.Severity, "title", report.Safe(f.Title), "start", f.Start.String()}
	if f.UpstreamHost != nil {
		attrs = append(attrs, "upstream_host", report.Safe(*f.UpstreamHost))
	}
	if f.Pod != nil {
		attrs = append(attrs, "pod", report.Safe(*f.Pod))
	}
	if f.End != nil {
		attrs = append(attrs, "end", f.End.String())
	}
	l.Log(context.Background(), level, msg, append(attrs, "summary", report.Safe(f.Summary), "id", fmt.Sprint(f.ID))...)
}
