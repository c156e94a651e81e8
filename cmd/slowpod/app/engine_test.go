package app_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slowpod/slowpod/bench/workload"
	"github.com/slowpod/slowpod/cmd/slowpod/app"
	"github.com/slowpod/slowpod/correlate"
	"github.com/slowpod/slowpod/ingest"
)

// spread deals the lines of the catalog scenario out to partitions by the pod
// that wrote them, in batches.
func spread(t *testing.T, partitions int) (batches [][]ingest.Batch, truth workload.Truth) {
	t.Helper()
	g := workload.Catalog(workload.CatalogOptions{Options: workload.Options{Seed: 3, Duration: 5 * time.Minute}})
	batches = make([][]ingest.Batch, partitions)
	counts := make([]int64, partitions)
	place := map[string]int{}
	var l workload.Line
	for g.Next(&l) {
		i, ok := place[l.Pod.UID]
		if !ok {
			i = len(place) % partitions
			place[l.Pod.UID] = i
		}
		b := batches[i]
		if len(b) == 0 || len(b[len(b)-1].Lines) == 50 {
			b = append(b, ingest.Batch{Source: "kafka", Stream: fmt.Sprint("t/", i)})
		}
		counts[i]++
		last := &b[len(b)-1]
		last.Lines = append(last.Lines, ingest.Line{Bytes: append([]byte(nil), l.Bytes...), Number: counts[i]})
		batches[i] = b
	}
	return batches, g.Truth()
}

// Partitions that are read at their own speed give the finding that one ordered
// stream gives: those ahead wait for those behind, and nobody waits for ever.
func TestFeedsWaitForEachOther(t *testing.T) {
	t.Parallel()
	batches, truth := spread(t, 4)
	engine := app.NewEngine(correlate.Config{Bounds: correlate.DefaultBounds()}, nil)
	feeds := make([]*app.Feed, len(batches))
	for i := range feeds {
		feeds[i] = engine.Feed(nil)
	}
	var group sync.WaitGroup
	for i, own := range batches {
		group.Go(func() {
			p := app.NewPipeline(engine.Worker("kafka"), int32(i), nil, slog.New(slog.DiscardHandler))
			for _, b := range own {
				if err := feeds[i].Handle(t.Context(), p, b); err != nil {
					t.Error(err)
				}
			}
			feeds[i].Close()
		})
	}
	group.Wait()
	engine.Close()
	r := engine.Report()
	if len(r.Findings) != 1 || *r.Findings[0].UpstreamHost != truth.Faults[0].UpstreamHost {
		t.Fatalf("findings %+v, want one on %s", r.Findings, truth.Faults[0].UpstreamHost)
	}
	if got, want := r.Findings[0].Evidence.Confirmed, uint64(len(truth.Timeouts)); got != want {
		t.Errorf("%d timeouts confirmed, want %d", got, want)
	}
	if s := engine.Snapshot(); s.Late != 0 || s.Ahead != 0 {
		t.Errorf("%d records late, %d ahead", s.Late, s.Ahead)
	}
}

// A handler that waits for another stream ends with its context.
func TestFeedEndsWithItsContext(t *testing.T) {
	t.Parallel()
	batches, _ := spread(t, 2)
	engine := app.NewEngine(correlate.Config{Bounds: correlate.DefaultBounds()}, nil)
	feed, other := engine.Feed(nil), engine.Feed(nil)
	defer other.Close()
	ctx, cancel := context.WithCancel(t.Context())
	p := app.NewPipeline(engine.Worker("kafka"), 0, nil, slog.New(slog.DiscardHandler))
	q := app.NewPipeline(engine.Worker("kafka"), 1, nil, slog.New(slog.DiscardHandler))
	if err := other.Handle(ctx, q, batches[1][0]); err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		for _, b := range batches[0] {
			if err := feed.Handle(ctx, p, b); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	select {
	case err := <-done:
		t.Fatalf("went on to the end without the other stream: %v", err)
	case <-time.After(50 * time.Millisecond): // it waits, or is on its way there
	}
	cancel()
	if err := <-done; err == nil {
		t.Error("ended without an error")
	}
}

// A stream that is caught up and brings a line now and then does not hold back
// one with a backlog.
func TestALittleTrafficHoldsNobodyBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		batches, truth := spread(t, 2)
		engine := app.NewEngine(correlate.Config{Bounds: correlate.DefaultBounds()}, nil)
		ctx, cancel := context.WithCancel(t.Context())
		var group sync.WaitGroup
		defer group.Wait()
		defer cancel()
		busy, little := engine.Feed(func() bool { return false }), engine.Feed(func() bool { return true })
		group.Go(func() { engine.Run(ctx) })
		began := time.Now()
		group.Go(func() {
			q := app.NewPipeline(engine.Worker("kafka"), 1, nil, slog.New(slog.DiscardHandler))
			first := batches[1][0]
			for i := 0; ctx.Err() == nil; i = (i + 1) % len(first.Lines) {
				one := ingest.Batch{Source: "kafka", Stream: "t/1", Lines: first.Lines[i : i+1]}
				_ = little.Handle(ctx, q, one) // ends with ctx
				time.Sleep(5 * time.Second)
			}
		})
		p := app.NewPipeline(engine.Worker("kafka"), 0, nil, slog.New(slog.DiscardHandler))
		for _, b := range batches[0] {
			if err := busy.Handle(ctx, p, b); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took > 5*time.Minute {
			t.Errorf("five minutes of backlog took %v", took)
		}
		if engine.Snapshot().Records == 0 || len(truth.Timeouts) == 0 {
			t.Error("nothing was read")
		}
	})
}

// A stream that brings something every few seconds is not silent, however long
// it goes on: nothing of it is late.
func TestASlowStreamIsNotSilent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		batches, _ := spread(t, 1)
		engine := app.NewEngine(correlate.Config{Bounds: correlate.DefaultBounds()}, nil)
		feed := engine.Feed(nil)
		ctx, cancel := context.WithCancel(t.Context())
		var group sync.WaitGroup
		group.Go(func() { engine.Run(ctx) })
		p := app.NewPipeline(engine.Worker("kafka"), 0, nil, slog.New(slog.DiscardHandler))
		for _, b := range batches[0] {
			if err := feed.Handle(ctx, p, b); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Second)
		}
		cancel()
		group.Wait()
		if s := engine.Snapshot(); s.Records == 0 || s.Late != 0 {
			t.Errorf("%d of %d records late", s.Late, s.Records)
		}
	})
}

// A batch that was given up half way is counted once when it comes again, however
// it is cut then: a fetch brings more by now, or less.
func TestABatchThatComesAgainIsCountedOnce(t *testing.T) {
	t.Parallel()
	batches, _ := spread(t, 2)
	var all []ingest.Line
	for _, b := range batches[0] {
		all = append(all, b.Lines...)
	}
	for _, c := range []struct {
		name  string
		first int   // lines of the batch that is given up
		cuts  []int // how many lines it is then delivered in at a time
	}{
		{"the same", len(all), []int{len(all)}},
		{"more", len(all) - 100, []int{len(all)}},
		{"less", len(all), []int{1, 9, 90, len(all) - 100}},
		{"across its end", len(all) - 100, []int{len(all) - 200, 150, 50}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			engine := app.NewEngine(correlate.Config{Bounds: correlate.DefaultBounds()}, nil)
			feed, other := engine.Feed(nil), engine.Feed(nil)
			p := app.NewPipeline(engine.Worker("kafka"), 0, nil, slog.New(slog.DiscardHandler))
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			for range 2 { // it waits again
				if err := feed.Handle(ctx, p, ingest.Batch{Lines: all[:c.first]}); err == nil {
					t.Fatal("did not wait for the other stream")
				}
			}
			other.Close()
			at := 0
			for _, n := range c.cuts {
				if err := feed.Handle(t.Context(), p, ingest.Batch{Lines: all[at : at+n]}); err != nil {
					t.Fatal(err)
				}
				at += n
			}
			feed.Close()
			engine.Close()
			lines := uint64(len(all))
			if got, records := engine.Totals().Read, engine.Snapshot().Records; got != lines || records != lines {
				t.Errorf("%d lines and %d records counted of %d", got, records, lines)
			}
		})
	}
}
