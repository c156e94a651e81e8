package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/slowpod/slowpod/bench/workload"
	"github.com/slowpod/slowpod/classify"
	"github.com/slowpod/slowpod/correlate"
	"github.com/slowpod/slowpod/correlate/kind"
	"github.com/slowpod/slowpod/ingest/accesslog"
)

// catalog is A21: the smallest mesh there is, a gateway and one service of
// which one pod fails, on the real way from the line on. A log is read from its
// start to its end, and then asked.
type catalog struct {
	id, name string

	mu      sync.Mutex
	cells   []catalogCell
	share   float64 // of the full form's healthy runs
	healthy struct{ runs, cried int }
}

// catalogCell is one kind of log.
type catalogCell struct {
	rate    float64
	log     time.Duration
	pods    int
	uniform bool // every request of the slow pod is slower; else some are far too slow

	runs, right int
}

func (c *catalogCell) String() string {
	kind := "two kinds of requests"
	if c.uniform {
		kind = "all requests slower"
	}
	return fmt.Sprintf("%v/s, %v, %d pods, %s", c.rate, c.log, c.pods, kind)
}

// The runs of a cell, and of a cell without the fault, in the short and the
// full form: 3,000 healthy ones in all.
const (
	shortRuns, fullRuns               = 8, 200
	shortHealthyRuns, fullHealthyRuns = 5, 125
	shortLog                          = 30 * time.Second
)

func (c *catalog) title() (id, name string) { return c.id, c.name }

func (c *catalog) jobs(p *plan) (jobs []job) {
	runs, healthyRuns := shortRuns, shortHealthyRuns
	if p.full {
		runs, healthyRuns = fullRuns, fullHealthyRuns
	}
	c.share = float64(healthyRuns) / fullHealthyRuns
	for _, rate := range []float64{5, 10, 20} {
		for _, log := range []time.Duration{shortLog, 40 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute} {
			if log == shortLog && rate != 5 {
				continue
			}
			for _, pods := range []int{2, 3} {
				for _, uniform := range []bool{false, true} {
					cell := catalogCell{rate: rate, log: log, pods: pods, uniform: uniform, runs: runs}
					jobs = append(jobs, job{weight: cell.weight(runs), run: func(ctx context.Context, progress func(float64)) error {
						return c.play(ctx, p.seed, cell, progress)
					}})
				}
				if log != shortLog {
					cell := catalogCell{rate: rate, log: log, pods: pods, runs: healthyRuns}
					jobs = append(jobs, job{weight: cell.weight(healthyRuns), run: func(ctx context.Context, progress func(float64)) error {
						return c.playHealthy(ctx, p.seed, cell, progress)
					}})
				}
			}
		}
	}
	return jobs
}

// weight in the service-hours of a fleet: 4,000 requests/s are 200 services,
// and a line costs about three times as much as an entry.
func (c *catalogCell) weight(runs int) float64 {
	return 3 * 200 * c.rate / 4000 * c.log.Hours() * float64(runs)
}

func (c *catalog) play(ctx context.Context, seed uint64, cell catalogCell, progress func(float64)) error {
	for i := range cell.runs {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		o := cell.options(seed, i)
		found, truth := findingsOf(o)
		if len(found) == 1 && found[0].Kind == kind.SlowPod && found[0].UpstreamHost == truth.Faults[0].UpstreamHost {
			cell.right++
		}
		progress(float64(i+1) / float64(cell.runs))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cells = append(c.cells, cell)
	return nil
}

func (c *catalog) playHealthy(ctx context.Context, seed uint64, cell catalogCell, progress func(float64)) error {
	cried := 0
	for i := range cell.runs {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		o := cell.options(seed, i)
		o.Healthy = true
		if found, _ := findingsOf(o); len(found) > 0 {
			cried++
		}
		progress(float64(i+1) / float64(cell.runs))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.healthy.runs += cell.runs
	c.healthy.cried += cried
	return nil
}

func (c *catalogCell) options(seed uint64, i int) workload.CatalogOptions {
	return workload.CatalogOptions{
		Options: workload.Options{Seed: seed*1_000_003 + uint64(i), Duration: c.log, Rate: c.rate},
		Pods:    c.pods, Uniform: c.uniform,
	}
}

// catalogBounds is enough for a small mesh, so that a core costs little to
// make.
func catalogBounds() correlate.Bounds {
	b := correlate.DefaultBounds()
	b.JoinBytes, b.Halves, b.Traces = 32<<20, 1<<14, 1<<14
	return b
}

// findingsOf reads one log and returns what the judge found in it.
func findingsOf(o workload.CatalogOptions) ([]correlate.Finding, workload.Truth) {
	core := correlate.New(correlate.Config{Bounds: catalogBounds()})
	stream := core.Stream()
	parser := accesslog.NewParser()
	var entry accesslog.Record
	var record correlate.Record
	g := workload.Catalog(o)
	n := int64(0)
	for l := (workload.Line{}); g.Next(&l); {
		n++
		if result, _ := parser.Parse(l.Bytes, &entry); result != accesslog.Parsed {
			continue
		}
		record.From(&entry, classify.Classify(&entry), 0, n)
		if record.Producer == 0 {
			record.Producer = 1
		}
		stream.Add(&record)
	}
	core.Close()
	found := core.Snapshot().Findings
	return slices.DeleteFunc(found, func(f correlate.Finding) bool { return !slices.Contains(allKinds, f.Kind.String()) }), g.Truth()
}

func (c *catalog) lines() []line {
	healthy := limit{what: "anything named without the fault", bound: 1, scaled: true}
	most := healthy.within(c.share)
	v := fine
	if float64(c.healthy.cried) > most {
		v = missed
	}
	return []line{
		c.line("named and alone, 40 s to 5 min", 0.99, func(cell *catalogCell) bool { return cell.log != shortLog }),
		c.line("named and alone, 30 s at 5/s", 0.90, func(cell *catalogCell) bool { return cell.log == shortLog }),
		{required: fmt.Sprintf("%s <= %.0f", healthy.what, most), measured: fmt.Sprintf("%d (%d)", c.healthy.cried, c.healthy.runs), verdict: v},
	}
}

// line sums up cells and names the worst.
func (c *catalog) line(what string, least float64, of func(*catalogCell) bool) line {
	var sum, worst catalogCell
	for i := range c.cells {
		cell := &c.cells[i]
		if !of(cell) {
			continue
		}
		sum.runs += cell.runs
		sum.right += cell.right
		if worst.runs == 0 || cell.right < worst.right || cell.right == worst.right && cell.String() < worst.String() {
			worst = *cell
		}
	}
	share := func(c *catalogCell) float64 { return float64(c.right) / float64(max(c.runs, 1)) }
	out := line{required: fmt.Sprintf("%s >= %.2f", what, least), measured: fmt.Sprintf("%.3f (%d)", share(&sum), sum.runs), verdict: fine}
	if share(&sum) < least {
		out.verdict = missed
	}
	if worst.right < worst.runs {
		out.measured += fmt.Sprintf("; worst %.2f: %s", share(&worst), &worst)
	}
	return out
}
