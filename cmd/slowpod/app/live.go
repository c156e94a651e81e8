package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/slowpod/slowpod/ingest"
	"github.com/slowpod/slowpod/ingest/file"
	"github.com/slowpod/slowpod/sinks/report"
)

// Live reads files as they grow, and stdin, into an engine.
type Live struct {
	Files   []string // "-" is Stdin
	Stdin   io.Reader
	Logger  *slog.Logger
	Engine  *Engine
	Streams *Streams
	// Letters, if set, takes malformed lines.
	Letters DeadLetters
}

// Run reads until ctx ends. Where nothing can come any more, stdin having
// ended, it judges what is there and returns. An input that cannot be read ends
// it with an error.
func (l *Live) Run(ctx context.Context) error {
	merger := NewMerger()
	feed := l.Engine.Feed(nil)
	group, reading := errgroup.WithContext(ctx)
	for _, name := range l.Files {
		p := NewPipeline(l.Engine.Worker(SourceOf(name)), l.Streams.Number(name), l.Letters, l.Logger)
		src := file.New(name, file.Options{Stdin: l.Stdin, Follow: name != "-"})
		if len(l.Files) == 1 {
			group.Go(func() error {
				return ended(reading, src.Run(reading, func(ctx context.Context, b ingest.Batch) error {
					return feed.Handle(ctx, p, b)
				}))
			})
			break
		}
		lane := merger.Lane()
		group.Go(func() error {
			defer lane.Close()
			return ended(reading, src.Run(reading, func(ctx context.Context, b ingest.Batch) error { return lane.Handle(ctx, p, b) }))
		})
	}
	if len(l.Files) > 1 {
		group.Go(func() error { return merger.Run(reading, feed.Add) })
	}
	err := group.Wait()
	if err == nil && ctx.Err() == nil {
		l.Engine.Close()
	}
	return err
}

// ended forgives an error that is only the end of ctx.
func ended(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

// Announcer tells findings as they begin and end.
type Announcer struct {
	Engine *Engine
	// Began and Ended are called from Run, one at a time.
	Began, Ended func(*report.Report, *report.Finding)
}

// announceEvery is how often findings are looked for: slices close once in ten
// seconds at most.
const announceEvery = time.Second

// Run looks for findings until ctx ends, and then once more.
func (a *Announcer) Run(ctx context.Context) {
	tick := time.NewTicker(announceEvery)
	defer tick.Stop()
	var told map[string]bool
	seen := uint64(0)
	look := func() {
		if n := a.Engine.Changes(); n != seen {
			seen = n
			told = a.tell(told)
		}
	}
	for {
		look()
		select {
		case <-tick.C:
		case <-ctx.Done():
			look()
			return
		}
	}
}

// tell tells what has changed since it returned told: whether each finding that
// there was is open. One that is remembered no more does not come again.
func (a *Announcer) tell(told map[string]bool) map[string]bool {
	r := a.Engine.Report()
	now := make(map[string]bool, len(r.Findings))
	for i := range r.Findings {
		f := &r.Findings[i]
		wasOpen, known := told[f.ID]
		isOpen := f.End == nil
		if !known {
			a.Began(r, f)
		}
		if !isOpen && (wasOpen || !known) {
			a.Ended(r, f)
		}
		now[f.ID] = isOpen
	}
	return now
}

// Sources says of each input what it does, for a page without anything else to
// show.
func Sources(files []string) []string {
	var s []string
	for _, name := range files {
		if name == "-" {
			s = append(s, "Reading stdin.")
		} else {
			s = append(s, fmt.Sprintf("Following %s as it grows.", report.Safe(name)))
		}
	}
	return s
}
