// Command genlog writes the access logs of a simulated mesh, and on request the
// truth about them.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/slowpod/slowpod/bench/workload"
)

const about = `genlog writes the access logs of a simulated Istio mesh, both sides of every
call. One seed gives the same bytes.

Usage:
  go run ./bench/genlog -scenario NAME [flags]

Scenarios:
  catalog   a gateway and one service; one pod of version-v2 fails most of its
            requests from the first line on        (5 requests/s, 5m)
  mesh      a shop of six services with everyday noise; one pod is slow for the
            middle third                           (40 requests/s from outside, 30m)
  fault     a gateway and one service; something is wrong in the configuration or
            the life of a pod, from minute two to four  (20 requests/s, 6m)
  corpus    what benchmarks read: 500 pods, 849 bytes a line, 2 % failures
                                                   (10,000 requests/s, 1,000,000 lines)
  storm     the corpus with 30 % halves of timeouts (the same)

Examples:
  go run ./bench/genlog -scenario catalog -out catalog.log -truth truth.json
  go run ./bench/genlog -scenario fault -kind app_not_listening -out fault.log
  go run ./bench/genlog -scenario mesh -duration 10m -format fluentbit | gzip >mesh.json.gz
  go run ./bench/genlog -scenario catalog -side client -format text
  go run ./bench/genlog -scenario catalog -dir logs     # one file for each pod
  go run ./bench/genlog -scenario mesh -format fluentbit -kafka localhost:9092/envoy

Flags:
`

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// settings are what the flags say.
type settings struct {
	workload.Options
	scenario, out, dir, kafka string
	truth                     string
	start, format, side       string
	pods                      int
	slow, kind                string
	from, to                  time.Duration
	healthy                   bool
}

// run is the command: 0 when all is written, 1 when a file cannot be, 2 when it
// was asked for something it does not have.
func run(args []string, stdout, stderr io.Writer) int {
	var s settings
	err := s.parse(args, stdout)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintf(stderr, "genlog: %v\nRun genlog -help for what there is.\n", err)
		return 2
	}
	if err := s.write(stdout); err != nil {
		fmt.Fprintf(stderr, "genlog: %v\n", err)
		return 1
	}
	return 0
}

// parse reads the flags and checks them all, or prints the help.
func (s *settings) parse(args []string, help io.Writer) error {
	f := flag.NewFlagSet("genlog", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.StringVar(&s.scenario, "scenario", "", "`name`: catalog, mesh, fault, corpus or storm")
	f.Uint64Var(&s.Seed, "seed", 1, "`number` that decides everything left to chance")
	f.StringVar(&s.start, "start", "", "`time` of the beginning, as 2026-03-02T10:00:00Z (which is the default)")
	f.DurationVar(&s.Duration, "duration", 0, "how long requests arrive, as 5m (default: the scenario's)")
	f.Float64Var(&s.Rate, "rate", 0, "requests per `second` from outside (default: the scenario's)")
	f.IntVar(&s.Lines, "lines", 0, "end after this `number` of lines")
	f.StringVar(&s.format, "format", "json", "`shape` of a line: json, fluentbit, fluentbit-log or text")
	f.StringVar(&s.side, "side", "both", "whose lines: both, client or server")
	f.DurationVar(&s.Skew, "skew", 3*time.Millisecond, "how far the clocks of nodes are apart at most")
	f.StringVar(&s.out, "out", "-", "`file` to write to; - is standard output")
	f.StringVar(&s.dir, "dir", "", "`directory` to write one file for each pod to, instead of -out")
	f.StringVar(&s.kafka, "kafka", "", "`broker/topic` to write to, keyed by request, instead of -out")
	f.StringVar(&s.truth, "truth", "", "`file` to write the truth to, as JSON; - is standard output")
	f.IntVar(&s.pods, "pods", 0, "catalog: `number` of pods of version-v2 (default 3)")
	f.StringVar(&s.slow, "slow", "", "mesh: `service` of which a pod turns slow (default orders)")
	f.StringVar(&s.kind, "kind", "", "fault: `what` goes wrong; nothing without it")
	f.DurationVar(&s.from, "slow-from", 0, "catalog, mesh, fault: since the start, when the pod turns slow, or the fault begins")
	f.DurationVar(&s.to, "slow-to", 0, "catalog, mesh, fault: since the start, when that is over")
	f.BoolVar(&s.healthy, "healthy", false, "catalog, mesh: no pod is slow")
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprint(help, about)
			f.SetOutput(help)
			f.PrintDefaults()
		}
		return err
	}
	if f.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q: everything is a flag", f.Arg(0))
	}
	set := map[string]bool{}
	f.Visit(func(f *flag.Flag) { set[f.Name] = true })
	return errors.Join(s.check(set)...)
}

// check tells every mistake at once. set has the flags that were given.
func (s *settings) check(set map[string]bool) (mistakes []error) {
	wrong := func(format string, a ...any) { mistakes = append(mistakes, fmt.Errorf(format, a...)) }
	takes := map[string][]string{
		"catalog": {"pods", "slow-from", "slow-to", "healthy"},
		"mesh":    {"slow", "slow-from", "slow-to", "healthy"},
		"fault":   {"kind", "slow-from", "slow-to"},
		"corpus":  nil,
		"storm":   nil,
	}
	special, known := takes[s.scenario]
	switch {
	case s.scenario == "":
		wrong("-scenario is missing: give one of catalog, mesh, fault, corpus, storm")
	case !known:
		wrong("-scenario %q is none of catalog, mesh, fault, corpus, storm", s.scenario)
	default:
		for _, name := range []string{"pods", "slow", "kind", "slow-from", "slow-to", "healthy"} {
			if set[name] && !slices.Contains(special, name) {
				wrong("-%s has no meaning in the scenario %s: leave it out", name, s.scenario)
			}
		}
	}
	var err error
	if s.start != "" {
		if s.Start, err = time.Parse(time.RFC3339Nano, s.start); err != nil {
			wrong("-start %q is no time such as 2026-03-02T10:00:00Z", s.start)
		}
	}
	if s.Format, err = workload.ParseFormat(s.format); err != nil {
		wrong("-%w", err)
	}
	if s.Side, err = workload.ParseSide(s.side); err != nil {
		wrong("-%w", err)
	}
	if set["duration"] && s.Duration <= 0 {
		wrong("-duration must be more than 0, as 5m")
	}
	if set["rate"] && !(s.Rate > 0 && s.Rate <= 1e6) {
		wrong("-rate must be more than 0 and at most 1000000 requests per second")
	}
	if set["lines"] && s.Lines <= 0 {
		wrong("-lines must be more than 0")
	}
	if set["pods"] && (s.pods < 1 || s.pods > 200) {
		wrong("-pods must be from 1 to 200")
	}
	if s.from < 0 || s.to < 0 || set["slow-to"] && s.to <= s.from {
		wrong("-slow-to must be after -slow-from, and both after the start")
	}
	if set["slow"] && !slices.Contains(workload.MeshServices(), s.slow) {
		wrong("-slow %q is none of %s", s.slow, strings.Join(workload.MeshServices(), ", "))
	}
	if set["kind"] && !slices.Contains(workload.FaultKinds(), s.kind) {
		wrong("-kind %q is none of %s", s.kind, strings.Join(workload.FaultKinds(), ", "))
	}
	if s.dir != "" && set["out"] {
		wrong("-dir and -out are two places for the same lines: give one of them")
	}
	if s.kafka != "" {
		if broker, topic, ok := strings.Cut(s.kafka, "/"); !ok || broker == "" || topic == "" {
			wrong("-kafka %q is no broker and topic such as localhost:9092/envoy", s.kafka)
		}
		if s.dir != "" || set["out"] {
			wrong("-kafka is another place than -out and -dir: give one of them")
		}
	}
	if s.truth == "-" && s.out == "-" && s.dir == "" && s.kafka == "" {
		wrong("-truth - would mix with the lines on standard output: give -out or -dir a name")
	}
	switch {
	case s.Skew < 0:
		wrong("-skew must not be negative")
	case s.Skew == 0:
		s.Skew = -1 // none, where 0 stands for the default
	}
	return mistakes
}

func (s *settings) generator() *workload.Generator {
	switch s.scenario {
	case "mesh":
		return workload.Mesh(workload.MeshOptions{
			Options: s.Options, Slow: s.slow, From: s.from, To: s.to, Healthy: s.healthy,
		})
	case "fault":
		return workload.Fault(workload.FaultOptions{Options: s.Options, Kind: s.kind, From: s.from, To: s.to})
	case "corpus":
		return workload.Corpus(workload.CorpusOptions{Options: s.Options, Timeouts: s.truth != ""})
	case "storm":
		return workload.Storm(workload.CorpusOptions{Options: s.Options, Timeouts: s.truth != ""})
	default:
		return workload.Catalog(workload.CatalogOptions{
			Options: s.Options, Pods: s.pods, From: s.from, To: s.to, Healthy: s.healthy,
		})
	}
}

// write makes the log and then the truth about it.
func (s *settings) write(stdout io.Writer) error {
	g := s.generator()
	var err error
	switch {
	case s.dir != "":
		err = g.WriteFiles(s.dir)
	case s.kafka != "":
		err = toKafka(g, s.kafka)
	default:
		err = to(s.out, stdout, func(w io.Writer) error {
			_, err := g.WriteTo(w)
			return err
		})
	}
	if err != nil || s.truth == "" {
		return err
	}
	return to(s.truth, stdout, func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(g.Truth())
	})
}

// to opens a file for writing, where - is standard output.
func to(name string, stdout io.Writer, write func(io.Writer) error) error {
	if name == "-" {
		return write(stdout)
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}
