// Command slowpod reads the access logs of a service mesh, says which pod is
// slow, and proves it from both sides of the call.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/version"

	"github.com/slowpod/slowpod/cmd/slowpod/cli"
	"github.com/slowpod/slowpod/sinks/report"
)

// Exit codes.
const (
	exitFine   = 0
	exitFailed = 1 // while running
	exitUsage  = 2 // usage or configuration
)

// console is what a command talks to.
type console struct {
	stdin          io.Reader
	stdout, stderr io.Writer
}

// usageError is a mistake on the command line or in the configuration.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func main() {
	version.Version = cmp.Or(version.Version, "devel") // built without the Makefile
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], console{os.Stdin, os.Stdout, os.Stderr})
	stop()
	os.Exit(code)
}

// command is one subcommand: its flags are registered, its run does the work.
type command struct {
	clause *kingpin.CmdClause
	run    func(context.Context, console) error
}

// run parses the command line, runs the command and returns its exit code.
func run(ctx context.Context, args []string, c console) int {
	app := kingpin.New("slowpod", "Reads the access logs of Envoy and Istio, says which pod is slow, and proves it from both sides of the call.")
	app.HelpFlag.Help("Show this help.")
	app.UsageTemplate(usageTemplate)
	commands := []command{
		reportCommand(app), runCommand(app), demoCommand(app), explainCommand(app), checkCommand(app), versionCommand(app),
	}
	if len(args) == 0 {
		app.UsageWriter(c.stderr).Usage(nil)
		return exitUsage
	}
	name, err := cli.Parse(app, hideStdin(args), c.stdout, c.stderr)
	if errors.Is(err, flag.ErrHelp) {
		return exitFine
	}
	if err != nil {
		fmt.Fprintf(c.stderr, "slowpod: %s\nTry: slowpod %s--help\n", report.Safe(err.Error()), commandOf(commands, args))
		return exitUsage
	}
	for _, cmd := range commands {
		if cmd.clause.FullCommand() == name {
			return finish(cmd.run(ctx, c), c)
		}
	}
	return exitUsage
}

// stdinArg stands for "-" while kingpin, which loses a lone dash, reads the
// command line. No argument can hold a NUL.
const stdinArg = "\x00-"

func hideStdin(args []string) []string {
	args = slices.Clone(args)
	for i, a := range args {
		if a == "-" {
			args[i] = stdinArg
		}
	}
	return args
}

// finish reports an error, one line for each part, and returns the exit code.
func finish(err error, c console) int {
	if err == nil {
		return exitFine
	}
	if errors.Is(err, context.Canceled) {
		err = errors.New("interrupted")
	}
	for line := range strings.Lines(err.Error()) {
		fmt.Fprintf(c.stderr, "slowpod: %s\n", report.Safe(strings.TrimSuffix(line, "\n")))
	}
	var usage usageError
	if errors.As(err, &usage) {
		return exitUsage
	}
	return exitFailed
}

// commandOf is the command that the arguments name, for the hint at its help.
func commandOf(commands []command, args []string) string {
	for _, a := range args {
		for _, cmd := range commands {
			if cmd.clause.FullCommand() == a {
				return a + " "
			}
		}
	}
	return ""
}
