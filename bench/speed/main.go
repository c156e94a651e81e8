// Command speed measures how fast slowpod is: beside what else counts a log,
// on logs full of failures, on hostile ones, from Kafka, and stage by stage.
//
// It knows what is compared with what, and the limits that slowpod promises.
// Every program is a process of its own, built from this checkout, and what
// counts is the CPU time that the kernel charges it; all take turns, in rounds,
// so that what else the machine does meets all of them. What counts lines must
// count the same to the last one.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/alecthomas/kingpin/v2"

	"github.com/slowpod/slowpod/cmd/slowpod/cli"
)

const about = `Measures slowpod beside what else counts a log, as whole processes that take turns, by the CPU time that the kernel charges them, and compares with the limits that slowpod promises. jq, mtail and duckdb take part if they are there.

It takes a few minutes, and about 4 GB of the directory for temporary files (TMPDIR).

Examples:
  go run ./bench/speed --output=bench/results/speed.md
  go run ./bench/speed --only=kafka,stages --rounds=1

Exit codes: 0 all limits are kept; 1 one is missed, or it failed; 2 usage.`

// Exit codes.
const (
	exitFine   = 0
	exitMissed = 1
	exitUsage  = 2
)

// options are what the flags say.
type options struct {
	lines, rounds int
	only          []string
	output        string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parse(args, stdout, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return exitFine
	}
	if err != nil {
		fmt.Fprintf(stderr, "speed: %v\nTry: go run ./bench/speed --help\n", err)
		return exitUsage
	}
	err = o.compare(ctx, stdout, stderr)
	switch {
	case err == nil:
		return exitFine
	case ctx.Err() != nil:
		err = errors.New("interrupted")
	}
	fmt.Fprintf(stderr, "speed: %v\n", err)
	return exitMissed
}

func parse(args []string, stdout, stderr io.Writer) (*options, error) {
	var o options
	var only string
	k := kingpin.New("speed", about)
	k.Flag("lines", "Lines of a log, at least 1000.").Default("300000").IntVar(&o.lines)
	k.Flag("rounds", "How often each is measured; the median counts.").Default("3").IntVar(&o.rounds)
	k.Flag("only", "Only these parts: "+strings.Join(partNames(), ",")+".").PlaceHolder("PARTS").StringVar(&only)
	k.Flag("output", "Write the tables as Markdown, too, with a picture of the same name in SVG.").PlaceHolder("FILE.md").StringVar(&o.output)
	if _, err := cli.Parse(k, args, stdout, stderr); err != nil {
		return nil, err
	}
	if only != "" {
		o.only = strings.Split(only, ",")
	}
	return &o, o.check()
}

func (o *options) check() error {
	var mistakes []error
	if o.lines < 1000 {
		mistakes = append(mistakes, fmt.Errorf("--lines=%d is too few: give at least 1000", o.lines))
	}
	if o.rounds < 1 {
		mistakes = append(mistakes, errors.New("--rounds must be at least 1"))
	}
	if o.output != "" && filepath.Ext(o.output) != ".md" {
		mistakes = append(mistakes, fmt.Errorf("--output=%s: the name must end with .md", o.output))
	}
	for _, name := range o.only {
		if !known(name) {
			mistakes = append(mistakes, fmt.Errorf("--only=%s is none of %s", name, strings.Join(partNames(), ", ")))
		}
	}
	return errors.Join(mistakes...)
}

// errMissed is the end of a run that missed a limit.
type errMissed int

func (e errMissed) Error() string {
	if e == 1 {
		return "a limit is missed"
	}
	return fmt.Sprintf("%d limits are missed", int(e))
}

// compare measures, and shows and writes what came of it.
func (o *options) compare(ctx context.Context, stdout, stderr io.Writer) error {
	dir, err := os.MkdirTemp("", "slowpod-speed-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // what is left, the system clears
	b := &bench{dir: dir, lines: o.lines, rounds: o.rounds}
	defer b.close()
	if err := b.prepare(ctx, o.only, stderr); err != nil {
		return err
	}
	if err := b.measure(ctx, stderr); err != nil {
		return err
	}
	p := page{bench: b, command: o.command()}
	p.text(stdout)
	if o.output != "" {
		if err := p.files(o.output); err != nil {
			return err
		}
	}
	missed := 0
	for _, l := range b.limits() {
		if !l.kept() {
			missed++
		}
	}
	if missed > 0 {
		return errMissed(missed)
	}
	return nil
}

// command is what makes the same page again.
func (o *options) command() string {
	var b strings.Builder
	fmt.Fprintf(&b, "make bench LINES=%d ROUNDS=%d", o.lines, o.rounds)
	if len(o.only) > 0 {
		fmt.Fprintf(&b, " ONLY=%s", strings.Join(o.only, ","))
	}
	if o.output != "" {
		fmt.Fprintf(&b, " OUTPUT=%s", o.output)
	}
	return b.String()
}
