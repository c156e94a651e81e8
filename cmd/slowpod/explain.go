package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/alecthomas/kingpin/v2"

	"github.com/slowpod/slowpod/classify/causes"
	"github.com/slowpod/slowpod/ingest"
	"github.com/slowpod/slowpod/ingest/accesslog"
	"github.com/slowpod/slowpod/ingest/file"
	"github.com/slowpod/slowpod/sinks/explain"
)

const explainHelp = `FLAGS are response flags as Envoy logs them; "-", or nothing when something is piped in, reads whole lines from stdin: one record, both sides of a call, or more.

Examples:
  slowpod explain UF --side=server
  slowpod explain URX,UF --reason=delayed_connect_error:_Connection_refused
  grep da28cc83-9055-9ed5 gateway.log catalog.log | slowpod explain -`

type explainOptions struct {
	given  explain.Given
	flags  []string
	unseen bool
}

// flags, or lines → accesslog → the table of causes → text
func explainCommand(k *kingpin.Application) command {
	var o explainOptions
	clause := k.Command("explain", "Say what response flags, a line or the two sides of a call mean, and what to run.").HelpLong(explainHelp)
	clause.Arg("FLAGS", "Response flags.").StringsVar(&o.flags)
	clause.Flag("details", `The response_code_details; "-" for none.`).PlaceHolder("TEXT").StringVar(&o.given.Details)
	clause.Flag("reason", `The upstream_transport_failure_reason; "-" for none.`).PlaceHolder("TEXT").StringVar(&o.given.Reason)
	clause.Flag("side", "Whose proxy logged it: client, server, gateway or waypoint.").PlaceHolder("SIDE").StringVar(&o.given.Side)
	clause.Flag("code", "The response code.").PlaceHolder("CODE").Default("-1").IntVar(&o.given.Code)
	clause.Flag("unseen", "Say what no access log shows.").BoolVar(&o.unseen)
	return command{clause, func(ctx context.Context, c console) error { return o.run(ctx, c) }}
}

func (o *explainOptions) run(ctx context.Context, c console) error {
	width, terminal := terminalWidth(c.stdout)
	text := explain.Options{Colour: terminal && os.Getenv("NO_COLOR") == "", Width: width}
	o.given.Details, o.given.Reason = shown(o.given.Details), shown(o.given.Reason)
	byHand := o.given.Details != "" || o.given.Reason != "" || o.given.Side != "" || o.given.Code >= 0
	switch lines := len(o.flags) == 1 && o.flags[0] == stdinArg; {
	case o.unseen:
		return explain.WriteUnseen(c.stdout, causes.Builtin(), text)
	case lines && byHand:
		return usageError{errors.New("--details, --reason, --side and --code are for FLAGS: a line holds its own")}
	case !lines && (len(o.flags) > 0 || byHand):
		for i, f := range o.flags {
			o.flags[i] = shown(f)
		}
		o.given.Flags = strings.Join(o.flags, ",")
		if err := explain.WriteGiven(c.stdout, causes.Builtin(), o.given, text); err != nil {
			return usageError{err}
		}
		return nil
	}
	if _, err := inputs(o.flags, c.stdin); err != nil {
		return usageError{errors.New("nothing to explain: name flags, or pipe lines in")}
	}
	return o.lines(ctx, c, text)
}

// shown undoes hideStdin: here "-" is what Envoy writes for nothing.
func shown(s string) string {
	if s == stdinArg {
		return "-"
	}
	return s
}

// maxWhy bounds the lines of which each is told why it cannot be explained.
const maxWhy = 5

func (o *explainOptions) lines(ctx context.Context, c console, text explain.Options) error {
	entries, parser := explain.NewEntries(causes.Builtin()), accesslog.NewParser()
	read, records, without := 0, 0, 0
	err := file.New("-", file.Options{Stdin: c.stdin}).Run(ctx, func(_ context.Context, b ingest.Batch) error {
		for _, line := range b.Lines {
			read++
			var r accesslog.Record
			result, reason := accesslog.Malformed, accesslog.TooLong
			if !line.Cut {
				result, reason = parser.Parse(line.Bytes, &r)
			}
			if result == accesslog.Parsed {
				records++
				entries.Add(&r)
				continue
			}
			if without++; without <= maxWhy {
				fmt.Fprintf(c.stderr, "slowpod: line %d: %s\n", line.Number, why(result, reason))
			}
		}
		return nil
	})
	if without > maxWhy {
		fmt.Fprintf(c.stderr, "slowpod: %d more lines are no entries\n", without-maxWhy)
	}
	if records > 0 {
		err = errors.Join(err, entries.Write(c.stdout, text))
	} else if read > 0 {
		err = errors.Join(err, noEntry(uint64(read)))
	}
	return err
}

// why says what keeps a line from being explained.
func why(result accesslog.Result, reason accesslog.Reason) string {
	if result == accesslog.Foreign {
		return "no access-log entry"
	}
	return "malformed, " + reason.String() + ": " + map[accesslog.Reason]string{
		accesslog.InvalidJSON:   "it is not one whole JSON object; a torn line, most often",
		accesslog.InvalidText:   "it ends too early, or has a field too few",
		accesslog.InvalidTime:   "its start_time is no time",
		accesslog.InvalidNumber: "its code, duration or byte count is no number",
		accesslog.NoTime:        "neither it nor what wraps it has a time",
		accesslog.Partial:       "it is a piece of a line that the container runtime split",
		accesslog.TooLong:       "it is longer than 1 MiB",
	}[reason]
}
