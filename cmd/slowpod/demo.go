package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"golang.org/x/sync/errgroup"

	"github.com/slowpod/slowpod/bench/workload"
	"github.com/slowpod/slowpod/cmd/slowpod/app"
	"github.com/slowpod/slowpod/ingest"
	"github.com/slowpod/slowpod/sinks/report"
)

const demoHelp = `Half an hour of calm logs is read at once; then it goes on in real time. Needs no broker and no cluster.

Example:
  slowpod demo`

// The timetable of the demo: how much calm is fed at full speed, how much of
// the fault has passed when it goes on in real time, and how long the fault
// lasts from then on.
const (
	demoCalm      = 30 * time.Minute
	demoFaultPast = 20 * time.Second
	demoFaultLeft = 2 * time.Minute
	demoLasts     = 24 * time.Hour
)

type demoOptions struct {
	listen string
	seed   uint64
}

// simulated mesh → pipeline → core ─┬─ terminal: findings, told as a story
//
//	└─ page, /metrics, /api/v1/report
func demoCommand(k *kingpin.Application) command {
	var o demoOptions
	clause := k.Command("demo", "Show a simulated mesh in which one pod turns slow and later recovers, and slowpod finding it.").HelpLong(demoHelp)
	clause.Flag("web.listen-address", "Where /metrics and the page are served.").Default("127.0.0.1:9504").PlaceHolder("ADDRESS").StringVar(&o.listen)
	clause.Flag("seed", "Another seed is another mesh, with another slow pod.").Default("1").Uint64Var(&o.seed)
	return command{clause, func(ctx context.Context, c console) error { return o.run(ctx, c) }}
}

func (o *demoOptions) run(ctx context.Context, c console) error {
	engine := app.NewEngine(app.DefaultConfig().Core(), nil)
	server, err := app.Listen(app.ServerOptions{
		Address: o.listen, Engine: engine, Registry: app.NewRegistry(engine), Sources: []string{"A simulated mesh is about to start."},
	})
	if err != nil {
		return err
	}
	start := time.Now().Add(-demoCalm - demoFaultPast).Truncate(time.Millisecond)
	mesh := workload.Mesh(workload.MeshOptions{
		Options: workload.Options{Seed: o.seed, Start: start, Duration: demoLasts, Format: workload.FluentBit},
		From:    demoCalm, To: demoCalm + demoFaultPast + demoFaultLeft,
	})
	out := newTeller(c.stdout)
	out.begin(mesh, server.URL())
	feeder := &feeder{
		mesh: mesh, feed: engine.Feed(nil),
		pipeline: app.NewPipeline(engine.Worker("demo"), 0, nil, slog.New(slog.DiscardHandler)),
	}
	announcer := &app.Announcer{Engine: engine, Began: out.began, Ended: out.ended}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return server.Run(ctx) })
	group.Go(func() error {
		began := time.Now()
		if err := feeder.until(ctx, began.UnixMilli()); err != nil {
			return err
		}
		out.live(feeder.lines, time.Since(began), mesh.Truth().Faults)
		group.Go(func() error { announcer.Run(ctx); return nil })
		group.Go(func() error { return out.recovers(ctx, began.Add(demoFaultLeft)) })
		return feeder.follow(ctx)
	})
	return group.Wait()
}

// feeder gives the lines of the mesh to a feed, as a source does.
type feeder struct {
	mesh     *workload.Generator
	feed     *app.Feed
	pipeline *app.Pipeline
	lines    int64
	next     workload.Line
	pending  bool
	batch    ingest.Batch
	bytes    []byte
}

// demoBatch is how many lines go into a batch.
const demoBatch = 500

// until feeds all lines that have ended by a time in Unix milliseconds.
func (f *feeder) until(ctx context.Context, end int64) error {
	for ctx.Err() == nil {
		f.batch = ingest.Batch{Source: "demo", Stream: "demo", Lines: f.batch.Lines[:0]}
		f.bytes = f.bytes[:0]
		more := f.fill(end)
		if err := f.feed.Handle(ctx, f.pipeline, f.batch); err != nil {
			return err
		}
		if !more {
			break
		}
	}
	return nil
}

// fill fills the batch and says whether lines may be left.
func (f *feeder) fill(end int64) bool {
	for len(f.batch.Lines) < demoBatch {
		if !f.pending {
			if f.pending = f.mesh.Next(&f.next); !f.pending {
				return false
			}
		}
		if f.next.End > end {
			return false
		}
		f.pending = false
		f.lines++
		from := len(f.bytes)
		f.bytes = append(f.bytes, f.next.Bytes...)
		f.batch.Lines = append(f.batch.Lines, ingest.Line{Bytes: f.bytes[from:len(f.bytes):len(f.bytes)], Number: f.lines})
	}
	return true
}

// follow feeds lines as their time comes.
func (f *feeder) follow(ctx context.Context) error {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			if err := f.until(ctx, now.UnixMilli()); err != nil {
				return err
			}
		}
	}
}

// teller says in the terminal what is happening and what to look at.
type teller struct {
	mu   sync.Mutex
	w    io.Writer
	text report.TextOptions
	url  string
}

func newTeller(w io.Writer) *teller {
	width, terminal := terminalWidth(w)
	return &teller{w: w, text: report.TextOptions{Colour: terminal && os.Getenv("NO_COLOR") == "", Width: width}}
}

func (t *teller) say(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(t.w, "%s  %s\n", time.Now().UTC().Format("15:04:05"), fmt.Sprintf(format, args...))
}

func (t *teller) begin(mesh *workload.Generator, url string) {
	t.url = url
	services := map[string]bool{}
	for _, p := range mesh.Pods() {
		services[p.Service] = true
	}
	fmt.Fprintf(t.w, "A simulated mesh: %d services, %d pods. No broker, no cluster; Ctrl-C ends it.\n\n"+
		"  page     %s\n  metrics  %smetrics\n  report   %sapi/v1/report\n\n", len(services), len(mesh.Pods()), url, url, url)
}

func (t *teller) live(lines int64, took time.Duration, faults []workload.FaultTruth) {
	t.say("read half an hour of calm logs and the first %.0f s of a fault: %d lines in %.1f s",
		demoFaultPast.Seconds(), lines, took.Seconds())
	for _, f := range faults {
		t.say("the truth, which slowpod is not told: %s of %s has turned slow at %s",
			f.Pod, f.Service, f.From.UTC().Format("15:04:05"))
	}
	t.say("from now on in real time; a finding takes three or four slices of 10 s ...")
}

func (t *teller) began(r *report.Report, f *report.Finding) {
	t.say("slowpod has found something; see %sfindings/%s", t.url, f.ID)
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintln(t.w)
	_ = report.WriteFinding(t.w, r, f, t.text) // a terminal that is gone: nobody to tell
}

func (t *teller) ended(_ *report.Report, f *report.Finding) {
	t.say("the finding “%s” has ended: it lasted until %s", report.Safe(f.Title), f.End.Clock())
}

// recovers says when the simulated pod recovers.
func (t *teller) recovers(ctx context.Context, at time.Time) error {
	timer := time.NewTimer(time.Until(at))
	defer timer.Stop()
	select {
	case <-timer.C:
		t.say("the simulated pod has recovered; the finding ends when its records show it")
	case <-ctx.Done():
	}
	return nil
}
