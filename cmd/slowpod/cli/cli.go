// Package cli has kingpin parse a command line without ending the process.
//
// It knows how kingpin ends. It must never know a command or a flag.
package cli

import (
	"flag"
	"io"

	"github.com/alecthomas/kingpin/v2"
)

// Parse parses args and returns the full name of the command, "" where k has
// none. The error is flag.ErrHelp where help was asked for, and has been written
// to stdout.
func Parse(k *kingpin.Application, args []string, stdout, stderr io.Writer) (command string, err error) {
	k.UsageWriter(stdout).ErrorWriter(stderr)
	k.HelpFlag.Short('h')
	// kingpin takes for granted that this does not return.
	k.Terminate(func(int) { panic(flag.ErrHelp) })
	defer func() {
		if r := recover(); r == flag.ErrHelp { //nolint:errorlint // the very value, or another panic
			err = flag.ErrHelp
		} else if r != nil {
			panic(r)
		}
	}()
	return k.Parse(args)
}
