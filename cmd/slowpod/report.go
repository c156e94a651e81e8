package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/slowpod/slowpod/cmd/slowpod/app"
	"github.com/slowpod/slowpod/ingest/file"
	"github.com/slowpod/slowpod/sinks/deadletter"
	"github.com/slowpod/slowpod/sinks/report"
)

const reportHelp = `FILE is plain, gzip or zstd; several may come in any order of time; "-", or none when something is piped in, is stdin.

Examples:
  kubectl logs -n istio-system deploy/istio-ingressgateway | slowpod report -
  slowpod report gateway.log pods/*.log.gz --output=json --calls=calls.jsonl`

type reportOptions struct {
	files          []string
	output         string
	calls, letters string
}

// files → pipeline → sort by end time → core → text or JSON
//
//	│                              └──→ calls file
//	└──→ dead-letter file
func reportCommand(k *kingpin.Application) command {
	var o reportOptions
	clause := k.Command("report", "Read access logs and say which pod is slow: as text for a person, or as JSON.").HelpLong(reportHelp)
	clause.Arg("FILE", "Log files.").StringsVar(&o.files)
	clause.Flag("output", "How the report is written: text or json.").Default("text").StringVar(&o.output)
	clause.Flag("calls", "Also write each call that went wrong as one line of JSON to this file.").PlaceHolder("FILE").StringVar(&o.calls)
	clause.Flag("dead-letters", "Also write each malformed line, with the reason and its place, as one line of JSON to this file.").PlaceHolder("FILE").StringVar(&o.letters)
	return command{clause, func(ctx context.Context, c console) error { return o.run(ctx, c) }}
}

func (o *reportOptions) run(ctx context.Context, c console) error {
	if o.output != "text" && o.output != "json" {
		return usageError{fmt.Errorf("--output: %q is none of text, json", o.output)}
	}
	files, err := inputs(o.files, c.stdin)
	if err != nil {
		return err
	}
	if err := checkOutputs(o.calls, o.letters, files); err != nil {
		return err
	}
	offline := app.Offline{Files: files, Stdin: c.stdin, Logger: slog.New(slog.NewTextHandler(c.stderr, nil))}
	if o.calls != "" {
		f, err := os.OpenFile(o.calls, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
		if err != nil {
			return fmt.Errorf("calls file: %w", err)
		}
		defer f.Close()
		offline.Calls = f
	}
	if o.letters != "" {
		f, err := openLetters(o.letters)
		if err != nil {
			return fmt.Errorf("dead-letter file: %w", err)
		}
		defer f.Close()
		offline.Letters = deadletter.NewFile(f)
	}
	bar := newBar(c.stderr, files)
	offline.Progress = bar.set
	r, err := offline.Run(ctx)
	bar.finish()
	if r == nil {
		return err
	}
	if werr := o.write(c.stdout, r); werr != nil {
		err = errors.Join(err, fmt.Errorf("report: %w", werr))
	}
	if r.Lines.Read > 0 && r.Lines.Records == 0 {
		err = errors.Join(err, noEntry(r.Lines.Read))
	}
	return err
}

func (o *reportOptions) write(w io.Writer, r *report.Report) error {
	if o.output == "json" {
		return report.WriteJSON(w, r)
	}
	width, terminal := terminalWidth(w)
	return report.WriteText(w, r, report.TextOptions{Colour: terminal && os.Getenv("NO_COLOR") == "", Width: width})
}

func noEntry(lines uint64) error {
	if lines == 1 {
		return errors.New("no access-log entry in 1 line")
	}
	return fmt.Errorf("no access-log entry in %d lines", lines)
}

// inputs is what to read: the files, else stdin if something is piped in.
func inputs(files []string, stdin io.Reader) ([]string, error) {
	files = slices.Clone(files)
	seen := 0
	for i, f := range files {
		if f == stdinArg || f == "-" {
			files[i] = "-"
			seen++
		}
	}
	switch f, ok := stdin.(*os.File); {
	case seen > 1:
		return nil, usageError{errors.New(`"-" is given more than once: there is one stdin`)}
	case len(files) > 0:
		return files, nil
	case ok && term.IsTerminal(int(f.Fd())):
		return nil, usageError{errors.New("nothing to read: name log files, or pipe a log in")}
	}
	return []string{"-"}, nil
}

// openLetters opens a file of dead letters anew: a report tells of its input only.
func openLetters(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	if err := keepPrivate(f); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// checkOutputs finds files to write to that are something else.
func checkOutputs(calls, letters string, inputs []string) error {
	if err := errors.Join(notAnInput("--calls", calls, inputs), notAnInput("--dead-letters", letters, inputs)); err != nil {
		return err
	}
	if calls != "" && letters != "" && filepath.Clean(calls) == filepath.Clean(letters) {
		return usageError{errors.New("--calls and --dead-letters name one file: name two")}
	}
	return nil
}

// notAnInput keeps an output from replacing, or growing, what is to be read; flag
// is how it is named.
func notAnInput(flag, output string, inputs []string) error {
	out, err := os.Stat(output)
	if err != nil {
		return nil // not there yet, or opening it will say why
	}
	for _, name := range inputs {
		if in, err := os.Stat(name); err == nil && os.SameFile(in, out) && in.Mode().IsRegular() {
			return usageError{fmt.Errorf("%s=%s would replace an input: name another file", flag, output)}
		}
	}
	return nil
}

// terminalWidth says whether w is a terminal, and how wide text should be.
func terminalWidth(w io.Writer) (int, bool) {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return 0, false
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0, true
	}
	return min(max(width, 40), 120), true
}

// bar shows progress on a terminal; elsewhere it does nothing.
type bar struct{ p *progressbar.ProgressBar }

func newBar(w io.Writer, files []string) bar {
	if _, terminal := terminalWidth(w); !terminal {
		return bar{}
	}
	total := int64(0)
	for _, name := range files {
		size, ok := file.Size(name)
		if !ok {
			total = -1
			break
		}
		total += size
	}
	return bar{progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(w), progressbar.OptionSetDescription("reading"), progressbar.OptionShowBytes(true),
		progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionSetWidth(30),
	)}
}

func (b bar) set(read int64) {
	if b.p != nil {
		_ = b.p.Set64(read) // a progress bar that cannot be drawn is no error
	}
}

func (b bar) finish() {
	if b.p != nil {
		_ = b.p.Finish()
	}
}
