package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/promslog"

	"github.com/slowpod/slowpod/cmd/slowpod/app"
	"github.com/slowpod/slowpod/sinks/report"
)

const runHelp = `FILE is read from its start and followed as it grows; "-" is stdin. Files named here replace those of the configuration, and then no configuration file is needed.

Examples:
  slowpod run /var/log/containers/*istio-proxy*.log
  kubectl logs -f -n istio-system deploy/istio-ingressgateway | slowpod run -
  slowpod run --config.file=slowpod.yml --calls=calls.jsonl`

type runOptions struct {
	files                     []string
	config, webConfig         string
	calls, letters            string
	listen, logLevel, logForm string
}

func runCommand(k *kingpin.Application) command {
	var o runOptions
	clause := k.Command("run", "Watch access logs as they are written: serve metrics and a page with what is found.").HelpLong(runHelp)
	clause.Arg("FILE", "Log files to follow.").StringsVar(&o.files)
	clause.Flag("config.file", "Configuration file; configs/slowpod.yml shows every option.").PlaceHolder("FILE").StringVar(&o.config)
	clause.Flag("calls", "Append each call that went wrong as one line of JSON to this file.").PlaceHolder("FILE").StringVar(&o.calls)
	clause.Flag("dead-letters", "Append each malformed line, with the reason and its place, as one line of JSON to this file.").PlaceHolder("FILE").StringVar(&o.letters)
	clause.Flag("web.config.file", "TLS and basic authentication, as of Prometheus' exporters.").PlaceHolder("FILE").StringVar(&o.webConfig)
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
	if len(o.files) > 0 { // they replace the configured sources
		cfg.Input.Files = o.files
		cfg.Kafka.Brokers, cfg.Kafka.Topics = nil, nil
	}
	if o.letters != "" {
		cfg.DeadLetters = app.DeadLettersConfig{File: o.letters}
	}
	if cfg.DeadLetters.Topic != "" && !cfg.HasKafka() {
		return cfg, usageError{errors.New("dead_letters.topic is one of the cluster that the files named replace: name a file with --dead-letters")}
	}
	if len(cfg.Input.Files) == 0 && !cfg.HasKafka() {
		return cfg, usageError{errors.New(`nothing to read: name log files or "-", or set kafka or input.files in the configuration file`)}
	}
	return cfg, nil
}

// gcPercent keeps garbage below a quarter of what is live. Of what run holds
// little has pointers, so that looking at it all that often costs 2 or 3 % of its
// time, and Go's default of 100 would double its memory.
const gcPercent = 25

func (o *runOptions) run(ctx context.Context, c console) error {
	cfg, err := o.effective()
	if err != nil {
		return err
	}
	files, err := o.inputs(cfg, c.stdin)
	if err != nil {
		return err
	}
	level := promslog.NewLevel()
	_ = level.Set(cfg.Log.Level) // has been checked
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	d := &daemon{
		cfg: cfg, files: files, console: c, level: level, logger: newLogger(level, cfg.Log.Format, c.stderr),
		configFile: o.config, webConfig: o.webConfig, callsFile: o.calls, load: o.effective,
	}
	return d.run(ctx)
}

// inputs is what files are to be read; none if topics are.
func (o *runOptions) inputs(cfg app.Config, stdin io.Reader) ([]string, error) {
	if len(cfg.Input.Files) == 0 {
		return nil, checkOutputs(o.calls, cfg.DeadLetters.File, nil)
	}
	files, err := inputs(cfg.Input.Files, stdin)
	if err != nil {
		return nil, err
	}
	return files, checkOutputs(o.calls, cfg.DeadLetters.File, files)
}

func newLogger(level *promslog.Level, format string, w io.Writer) *slog.Logger {
	f := promslog.NewFormat()
	_ = f.Set(format) // has been checked: by the flag, or with the configuration
	return promslog.New(&promslog.Config{Level: level, Format: f, Writer: w})
}

func logFinding(l *slog.Logger, level slog.Level, msg string, f *report.Finding) {
	attrs := []any{"kind", f.Kind, "severity", f.Severity, "title", report.Safe(f.Title), "start", f.Start.String()}
	for _, name := range [...]struct {
		key   string
		value *string
	}{{"service", f.Service}, {"upstream_host", f.UpstreamHost}, {"pod", f.Pod}, {"node", f.Node}} {
		if name.value != nil {
			attrs = append(attrs, name.key, report.Safe(*name.value))
		}
	}
	if f.End != nil {
		attrs = append(attrs, "end", f.End.String())
	}
	l.Log(context.Background(), level, msg, append(attrs, "summary", report.Safe(f.Summary), "id", fmt.Sprint(f.ID))...)
}
