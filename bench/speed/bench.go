package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/sync/errgroup"
	"golang.org/x/term"

	"github.com/slowpod/slowpod/bench/process"
	"github.com/slowpod/slowpod/bench/workload"
)

// bench is one run of this command.
type bench struct {
	dir           string // of the programs and the logs
	lines, rounds int

	parts   []*part
	corpora []*corpus
	rows    []*row // each once, though parts may share some
	broker  broker
	present []string // neighbours on this machine, with their versions
	absent  []string // those that are not
}

// part is a section of the page.
type part struct {
	name, title, about string
	rows               []*row
	limits             func() []limit // nil: it has none
}

// makers of all parts, in the order of the page.
var makers = []struct {
	name string
	make func(*bench) *part
}{
	{"neighbours", (*bench).neighbours},
	{"failing", (*bench).failing},
	{"hostile", (*bench).hostile},
	{"kafka", (*bench).kafka},
	{"stages", (*bench).stages},
	{"scrape", (*bench).scrape},
}

func partNames() (names []string) {
	for _, m := range makers {
		names = append(names, m.name)
	}
	return names
}

func known(name string) bool { return slices.Contains(partNames(), name) }

// prepare builds the programs and writes the logs of the chosen parts, or of
// all where none is named.
func (b *bench) prepare(ctx context.Context, only []string, stderr io.Writer) error {
	if err := process.Build(ctx, b.dir, "./cmd/slowpod", "./bench/naive", "./bench/broker"); err != nil {
		return err
	}
	for _, m := range makers {
		if len(only) > 0 && !slices.Contains(only, m.name) {
			continue
		}
		p := m.make(b)
		p.name = m.name
		b.parts = append(b.parts, p)
	}
	bar := newMeter(stderr, "writing logs", len(b.corpora))
	defer bar.finish()
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(2)
	for _, c := range b.corpora {
		group.Go(func() error {
			err := c.write(gctx, b.dir)
			bar.step(c.name)
			return err
		})
	}
	return group.Wait()
}

// measure runs everything once a round, and what is quick some more.
func (b *bench) measure(ctx context.Context, stderr io.Writer) error {
	order := slices.Clone(b.rows)
	for range quickTimes - 1 {
		for _, r := range b.rows {
			if r.quick {
				order = append(order, r)
			}
		}
	}
	bar := newMeter(stderr, "measuring", b.rounds*len(order))
	defer bar.finish()
	for round := range b.rounds {
		for _, r := range order {
			s, err := r.run(ctx)
			if err != nil {
				return fmt.Errorf("%s, %s: %w", plain(r.name), r.log, err)
			}
			r.samples = append(r.samples, s)
			bar.step(fmt.Sprintf("round %d: %s, %s: %.2f CPU-s", round+1, plain(r.name), r.log, s.cpu.Seconds()))
		}
	}
	return nil
}

func (b *bench) close() { b.broker.stop() }

func (b *bench) limits() (all []limit) {
	for _, p := range b.parts {
		if p.limits != nil {
			all = append(all, p.limits()...)
		}
	}
	return all
}

// corpus returns the log of a name; whoever asks first says how it is made.
func (b *bench) corpus(name string, lines int, make func(workload.CorpusOptions) *workload.Generator, twist workload.Twist) *corpus {
	for _, c := range b.corpora {
		if c.name == name {
			return c
		}
	}
	c := &corpus{name: name, make: make, twist: twist, lines: lines}
	b.corpora = append(b.corpora, c)
	return c
}

// ordinary is the log that all else is measured against.
func (b *bench) ordinary() *corpus { return b.corpus("corpus", b.lines, workload.Corpus, nil) }

// row returns the row of these names, as it is or as made here.
func (b *bench) row(r *row) *row {
	for _, have := range b.rows {
		if have.name == r.name && have.log == r.log && have.procs == r.procs {
			return have
		}
	}
	b.rows = append(b.rows, r)
	return r
}

// meter shows how far everything is: a bar on a terminal, elsewhere a line for
// each step.
type meter struct {
	mu  sync.Mutex // steps end beside each other
	w   io.Writer
	bar *progressbar.ProgressBar
}

func newMeter(w io.Writer, what string, steps int) *meter {
	m := &meter{w: w}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		m.bar = progressbar.NewOptions(steps,
			progressbar.OptionSetWriter(w), progressbar.OptionSetDescription(what), progressbar.OptionSetWidth(30),
			progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(200*time.Millisecond),
			progressbar.OptionSetPredictTime(true), progressbar.OptionSetElapsedTime(true))
	}
	return m
}

func (m *meter) step(done string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.bar != nil {
		_ = m.bar.Add(1) // a bar that cannot be drawn is no error
		return
	}
	fmt.Fprintln(m.w, done)
}

func (m *meter) finish() {
	if m.bar != nil {
		_ = m.bar.Finish()
	}
}
