package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/sync/errgroup"
	"golang.org/x/term"

	"github.com/slowpod/slowpod/bench/fleet/world"
)

// simulate is world.Run; tests have a world of their own.
type simulate func(context.Context, world.Config, world.Emit) (*world.Truth, error)

// plan is what a run was asked for.
type plan struct {
	full     bool
	seed     uint64
	simulate simulate
}

// scenario is a row of the table.
type scenario interface {
	title() (id, name string)
	// jobs are what is to be done; they may run at the same time.
	jobs(p *plan) []job
	// lines are what came of it, once all jobs are done.
	lines() []line
}

// job is one part of a row: one seed, mostly.
type job struct {
	weight float64 // against other jobs
	// alone jobs measure time or memory: nothing may run beside them.
	alone bool
	// run tells how far it is: 0 to 1.
	run func(ctx context.Context, progress func(float64)) error
}

// work is a job of a row that is being run.
type work struct {
	job
	row  scenario
	left *int // jobs of the row
}

// runAll runs the jobs of all rows, as many at a time as there are processors,
// and then those that want to be alone. The first error ends it; done are the
// rows all of whose jobs have ended by then.
func runAll(ctx context.Context, rows []scenario, p *plan, stderr io.Writer) (done []scenario, err error) {
	var together, alone []work
	left := make([]int, len(rows))
	defer func() {
		for i, row := range rows {
			if left[i] == 0 {
				done = append(done, row)
			}
		}
	}()
	total := 0.0
	for i, row := range rows {
		jobs := row.jobs(p)
		left[i] = len(jobs)
		for _, j := range jobs {
			total += j.weight
			w := work{j, row, &left[i]}
			if j.alone {
				alone = append(alone, w)
			} else {
				together = append(together, w)
			}
		}
	}
	m := newMeter(stderr, total)
	defer m.finish()
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for _, w := range together {
		if gctx.Err() != nil {
			break
		}
		group.Go(func() error { return m.run(gctx, w) })
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for _, w := range alone {
		if err := m.run(ctx, w); err != nil {
			return nil, err
		}
	}
	return nil, ctx.Err()
}

// meter shows how far everything is: a bar on a terminal, elsewhere a line for
// each row that is done.
type meter struct {
	w     io.Writer
	began time.Time
	bar   *progressbar.ProgressBar

	mu          sync.Mutex
	total, done float64
}

// barSteps is the resolution of the bar.
const barSteps = 1000

func newMeter(w io.Writer, total float64) *meter {
	m := &meter{w: w, began: time.Now(), total: total}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		m.bar = progressbar.NewOptions(barSteps,
			progressbar.OptionSetWriter(w), progressbar.OptionSetDescription("simulating"), progressbar.OptionSetWidth(30),
			progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(200*time.Millisecond),
			progressbar.OptionSetPredictTime(true), progressbar.OptionSetElapsedTime(true))
	}
	return m
}

func (m *meter) run(ctx context.Context, w work) error {
	at := 0.0
	progress := func(share float64) {
		share = min(max(share, at), 1)
		m.add((share - at) * w.weight)
		at = share
	}
	if err := w.run(ctx, progress); err != nil {
		return err
	}
	progress(1)
	m.ended(w)
	return nil
}

func (m *meter) add(weight float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.done += weight
	if m.bar != nil {
		_ = m.bar.Set(int(barSteps * m.done / m.total)) // a bar that cannot be drawn is no error
	}
}

// ended notes that a job is done, and says so of a row.
func (m *meter) ended(w work) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if *w.left--; *w.left > 0 || m.bar != nil {
		return
	}
	id, name := w.row.title()
	fmt.Fprintf(m.w, "%s %s: done after %s, %.0f %% of all\n", id, name, time.Since(m.began).Round(time.Second), 100*m.done/m.total)
}

func (m *meter) finish() {
	if m.bar != nil {
		_ = m.bar.Finish()
	}
}
