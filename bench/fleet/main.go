// Command fleet runs slowpod on simulated fleets and says whether it keeps what
// it promises: how many of the slow pods it finds, how soon, and how often it
// cries when there is nothing.
//
// It knows the scenarios and their limits, and how entries reach the core. It
// must never know which pod is slow before the score does: what is fed to the
// core is what a collector would get, and nothing else.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kingpin/v2"

	"github.com/slowpod/slowpod/bench/fleet/world"
	"github.com/slowpod/slowpod/cmd/slowpod/cli"
)

const about = `Simulates fleets of services, with slow pods and with what only looks like one, gives what their proxies log to slowpod, and compares its findings with the truth. The limits are those of the project's acceptance; the rows are in bench/fleet/rows.go.

By default one seed of two hours a row, four for the mix; counts are scaled. --full is what a release passes. One seed gives the same table.

Exit codes: 0 all limits are kept; 1 one is missed, or it failed; 2 usage.`

// Exit codes.
const (
	exitFine   = 0
	exitMissed = 1
	exitUsage  = 2
)

// options are what the flags say.
type options struct {
	full, broken, list, cases bool
	only                      []string
	seed                      uint64
	output                    string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], world.Run, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run parses the command line, runs the rows, prints the tables and returns the
// exit code.
func run(ctx context.Context, args []string, simulate simulate, stdout, stderr io.Writer) int {
	o, err := parse(args, stdout, stderr)
	var chosen []scenario
	if err == nil {
		chosen, err = o.choose()
	}
	if errors.Is(err, flag.ErrHelp) {
		return exitFine
	}
	if err != nil {
		fmt.Fprintf(stderr, "fleet: %v\nTry: go run ./bench/fleet --help\n", err)
		return exitUsage
	}
	if o.list {
		for _, row := range chosen {
			id, name := row.title()
			fmt.Fprintf(stdout, "%-5s %s\n", id, name)
		}
		return exitFine
	}
	err = o.play(ctx, chosen, simulate, stdout, stderr)
	switch {
	case err == nil:
		return exitFine
	case errors.Is(err, context.Canceled):
		err = errors.New("interrupted")
	}
	fmt.Fprintf(stderr, "fleet: %v\n", err)
	return exitMissed
}

func parse(args []string, stdout, stderr io.Writer) (*options, error) {
	var o options
	var only string
	k := kingpin.New("fleet", about)
	k.Flag("full", "The full sizes.").BoolVar(&o.full)
	k.Flag("only", "Only these rows, as A12,A14; A20 means A20a, A20b and A20c.").PlaceHolder("IDS").StringVar(&only)
	k.Flag("seed", "The first seed of each row; further ones follow it.").Default("1").Uint64Var(&o.seed)
	k.Flag("broken", "Run the deliberately broken builds instead, each with the damage that it must do.").BoolVar(&o.broken)
	k.Flag("list", "List the rows and end.").BoolVar(&o.list)
	k.Flag("cases", "Tell each fault that was missed or found late, and each false alert.").BoolVar(&o.cases)
	k.Flag("output", "Write the tables as Markdown, too.").PlaceHolder("FILE").StringVar(&o.output)
	_, err := cli.Parse(k, args, stdout, stderr)
	if only != "" {
		o.only = strings.Split(only, ",")
	}
	return &o, err
}

// choose returns the rows that were asked for.
func (o *options) choose() ([]scenario, error) {
	all := rows()
	if o.broken {
		all = brokenRows()
	}
	if len(o.only) == 0 {
		return all, nil
	}
	var chosen []scenario
	var mistakes []error
	used := map[string]bool{}
	for _, row := range all {
		id, _ := row.title()
		for _, want := range o.only {
			if strings.EqualFold(want, id) || strings.EqualFold(want, strings.TrimRight(id, "abc")) {
				used[want] = true
				chosen = append(chosen, row)
				break
			}
		}
	}
	for _, want := range o.only {
		if !used[want] {
			mistakes = append(mistakes, fmt.Errorf("--only=%s is no row; --list shows them", want))
		}
	}
	return chosen, errors.Join(mistakes...)
}

// errMissed is the end of a run that missed a limit.
type errMissed int

func (e errMissed) Error() string {
	if e == 1 {
		return "a limit is missed"
	}
	return fmt.Sprintf("%d limits are missed", int(e))
}

func (o *options) play(ctx context.Context, chosen []scenario, simulate simulate, stdout, stderr io.Writer) error {
	p := &plan{full: o.full, seed: o.seed, simulate: simulate}
	// Rows take minutes: what is done is shown, whatever ended the rest.
	chosen, failed := runAll(ctx, chosen, p, stderr)
	if failed != nil && len(chosen) == 0 {
		return failed
	}
	d := document{command: o.command(), seeds: o.seeds()}
	var missedLimits int
	d.results, missedLimits = results(chosen)
	d.results.text(stdout)
	for _, row := range chosen {
		if f, ok := row.(*fleet); ok && o.cases {
			for _, c := range f.sheet.Cases {
				fmt.Fprintf(stdout, "%s %s\n", f.id, c)
			}
		}
	}
	for _, row := range chosen {
		if f, ok := row.(*fleet); ok && f.ways != nil {
			d.besides = f.besides()
			fmt.Fprintln(stdout)
			d.besides.text(stdout)
		}
	}
	if o.output != "" {
		var b bytes.Buffer
		d.write(&b)
		if err := os.WriteFile(o.output, b.Bytes(), 0o644); err != nil {
			return err
		}
	}
	if failed == nil && missedLimits > 0 {
		return errMissed(missedLimits)
	}
	return failed
}

// command is what makes the same tables again.
func (o *options) command() string {
	command := "make fleet"
	if o.full {
		command += " FULL=1"
	}
	if o.broken {
		command += " BROKEN=1"
	}
	if len(o.only) > 0 {
		command += " ONLY=" + strings.Join(o.only, ",")
	}
	return fmt.Sprintf("%s SEED=%d", command, o.seed)
}

func (o *options) seeds() string {
	return fmt.Sprintf("each row begins with %d and counts up", o.seed)
}
