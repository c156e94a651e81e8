package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/slowpod/slowpod/bench/fleet/score"
	"github.com/slowpod/slowpod/bench/fleet/usual"
	"github.com/slowpod/slowpod/bench/fleet/world"
	"github.com/slowpod/slowpod/ingest/accesslog"
)

// size is how much a row runs: seeds, and how long each.
type size struct {
	seeds  int
	length time.Duration
}

func (s size) hours() float64 { return float64(s.seeds) * s.length.Hours() }

// fleet is a row that simulates a fleet and scores what slowpod says of it.
type fleet struct {
	id, name    string
	world       world.Config // seed and length left out
	build       *build       // nil: whole
	short, full size         // zero: one seed, four seeds of two hours
	// cold rows are judged from the first line on, and their logs are cut:
	// what had not arrived by then never does, and what the core says when it
	// is closed there counts.
	cold bool
	// unverified has the callers' word name a pod, too.
	unverified bool
	states     bool // the row asks for the states of pods
	beside     bool // the usual ways run beside it
	limits     []limit

	mu    sync.Mutex
	sheet score.Sheet
	ways  []*score.Sheet // as usual.All
	share float64        // of the full form
}

func (f *fleet) title() (id, name string) { return f.id, f.name }

func (f *fleet) size(p *plan) size {
	short, full := f.short, f.full
	if short == (size{}) {
		short = oneSeed
	}
	if full == (size{}) {
		full = fourSeeds
	}
	f.share = 1
	if p.full {
		return full
	}
	f.share = short.hours() / full.hours()
	return short
}

func (f *fleet) jobs(p *plan) (jobs []job) {
	s := f.size(p)
	for i := range s.seeds {
		cfg := f.world
		cfg.Seed, cfg.Length = p.seed+uint64(i), s.length
		jobs = append(jobs, job{weight: weight(&cfg), run: func(ctx context.Context, progress func(float64)) error {
			return f.play(ctx, p.simulate, cfg, progress)
		}})
	}
	return jobs
}

// weight is how long a fleet takes to simulate, about, in service-hours.
func weight(c *world.Config) float64 {
	services, rate := 200.0, 1.0
	if c.Services != 0 {
		services = float64(c.Services)
	}
	if c.Rate != 0 {
		rate = c.Rate
	}
	return services * (0.1 + rate) * c.Length.Hours()
}

// progressEvery is how many entries lie between two words on progress.
const progressEvery = 1 << 14

// play simulates one seed.
func (f *fleet) play(ctx context.Context, simulate simulate, cfg world.Config, progress func(float64)) error {
	b := f.build
	if b == nil {
		b = whole
	}
	feed := newFeed(b, f.states)
	var ways []usual.Way
	if f.beside {
		ways = usual.All()
	}
	first, n := int64(0), 0
	length := cfg.Length.Milliseconds()
	truth, err := simulate(ctx, cfg, func(arrival int64, a *accesslog.Record) {
		if n == 0 {
			first = arrival
		}
		if n++; n%progressEvery == 0 {
			progress(float64(arrival-first) / float64(length))
		}
		if f.cold && arrival > first+length {
			return
		}
		r := feed.take(arrival, a)
		for _, w := range ways {
			w.Observe(arrival, r)
		}
	})
	if err != nil {
		return fmt.Errorf("%s, seed %d: %w", f.id, cfg.Seed, err)
	}
	opts := score.Options{From: truth.Begin + warmUp(&cfg).Milliseconds(), Unverified: f.unverified}
	if f.cold {
		feed.close(truth.End)
		opts.From = truth.Begin
	}
	sheet := score.Judge(truth, feed.alerts, feed.starting, opts)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sheet.Plus(sheet)
	for i, w := range ways {
		if f.ways == nil {
			f.ways = make([]*score.Sheet, len(ways))
		}
		if f.ways[i] == nil {
			f.ways[i] = &score.Sheet{}
		}
		f.ways[i].Plus(score.Judge(truth, cries(w), nil, opts))
	}
	return nil
}

// warmUp is how long nothing is judged: as long as no fault begins.
func warmUp(c *world.Config) time.Duration {
	w := c.WarmUp
	if w == 0 {
		w = 40 * time.Minute
	}
	return min(w, c.Length/3)
}

// cries are a usual way's alerts, on the pods that held the addresses.
func cries(w usual.Way) (all []score.Alert) {
	for _, a := range w.Alerts() {
		all = append(all, score.Alert{Kind: score.SlowPod, Host: a.Host, At: a.At, Cleared: a.Cleared})
	}
	return all
}

func (f *fleet) lines() (lines []line) {
	for i := range f.limits {
		lines = append(lines, f.limits[i].check(&f.sheet, f.share))
	}
	if f.sheet.False > 0 {
		lines = append(lines, line{required: "false alerts, by what was on", measured: blame(&f.sheet), verdict: unasked})
	}
	return lines
}

// blame says what false alerts were about, most of them first.
func blame(s *score.Sheet) string {
	kinds := slices.SortedFunc(maps.Keys(s.Blame), func(a, b world.Kind) int {
		return cmp.Or(cmp.Compare(s.Blame[b], s.Blame[a]), cmp.Compare(a, b))
	})
	var words []string
	for _, kind := range kinds {
		words = append(words, fmt.Sprintf("%s %d", kind, s.Blame[kind]))
	}
	return fmt.Sprintf("%s; pods that always differ %d (%d)", strings.Join(words, ", "), s.Hidden, s.False)
}

// besides compares slowpod with the usual ways.
func (f *fleet) besides() (t table) {
	if f.ways == nil {
		return t
	}
	t.head = []string{"detector", "precision", "recall", "delay p50", "p95", "false alerts per 1000 pod-days", "recall if >= 3 UT"}
	add := func(name string, s *score.Sheet) {
		row := []string{name}
		for _, c := range []struct {
			score.Figure
			unit
		}{
			{s.Precision(), ratio}, {s.Recall(score.Enough), ratio}, {s.Delay(score.Enough, 0.5), secs},
			{s.Delay(score.Enough, 0.95), secs}, {s.FalsePer1000(), number}, {s.Recall(score.TimedOut), ratio},
		} {
			if c.Cases == 0 {
				row = append(row, "-")
			} else {
				row = append(row, c.unit.String(c.Value))
			}
		}
		t.rows = append(t.rows, row)
	}
	add("**slowpod**", &f.sheet)
	for i, w := range usual.All() {
		add(w.Name(), f.ways[i])
	}
	return t
}

// note is a row that is held elsewhere.
type note struct{ id, name, required, where string }

func (n *note) title() (id, name string) { return n.id, n.name }
func (n *note) jobs(*plan) []job         { return nil }
func (n *note) lines() []line {
	return []line{{required: n.required, measured: n.where, verdict: unasked}}
}
