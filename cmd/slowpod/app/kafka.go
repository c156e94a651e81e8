package app

import (
	"context"
	"log/slog"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/slowpod/slowpod/ingest"
	"github.com/slowpod/slowpod/ingest/kafka"
	"github.com/slowpod/slowpod/sinks/counts"
)

// Kafka reads topics into an engine, a stream and a pipeline per partition.
type Kafka struct {
	engine  *Engine
	streams *Streams
	letters DeadLetters // nil: nobody wants them
	logger  *slog.Logger
	source  *kafka.Source

	mu         sync.Mutex
	partitions map[string]*partition
	workers    map[string]*counts.Worker // of each stream there ever was: their counts stay
	ending     func() bool
}

// partition is one stream of Kafka's on its way.
type partition struct {
	feed     *Feed
	pipeline *Pipeline
}

// NewKafka returns a Kafka that reads nothing until Run. Malformed lines go to
// letters, unless that is nil.
func NewKafka(cfg kafka.Config, e *Engine, s *Streams, letters DeadLetters, logger *slog.Logger, reg prometheus.Registerer) (*Kafka, error) {
	k := &Kafka{engine: e, streams: s, letters: letters, logger: logger, partitions: map[string]*partition{}, workers: map[string]*counts.Worker{}, ending: func() bool { return false }}
	source, err := kafka.New(cfg, kafka.Options{
		Logger: logger, Registerer: reg, Horizon: k.horizon, Assigned: k.assigned, Revoked: k.revoked,
	})
	k.source = source
	return k, err
}

// Ready says whether every partition that is ours is being read.
func (k *Kafka) Ready() bool { return k.source.Ready() }

// Run reads until ctx ends.
func (k *Kafka) Run(ctx context.Context) error {
	k.mu.Lock()
	k.ending = func() bool { return ctx.Err() != nil }
	k.mu.Unlock()
	return k.source.Run(ctx, func(ctx context.Context, b ingest.Batch) error {
		k.mu.Lock()
		p := k.partitions[b.Stream]
		k.mu.Unlock()
		return p.feed.Handle(ctx, p.pipeline, b)
	})
}

func (k *Kafka) assigned(streams []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, name := range streams {
		if k.workers[name] == nil {
			k.workers[name] = k.engine.Worker("kafka")
		}
		k.partitions[name] = &partition{
			feed:     k.engine.Feed(func() bool { return k.source.CaughtUp(name) }),
			pipeline: NewPipeline(k.workers[name], k.streams.Number(name), k.letters, k.logger),
		}
	}
}

func (k *Kafka) revoked(streams []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ending() {
		return // all go, one by one: time must not run on for those that are left
	}
	for _, name := range streams {
		if p := k.partitions[name]; p != nil {
			p.feed.Close()
			delete(k.partitions, name)
		}
	}
}

// horizon is asked for when an offset is about to be committed: what was
// decided about the lines before it is written out, and that after the oldest
// open half was asked for: one that is decided in between is in one of the two.
// So are the dead letters of these lines.
func (k *Kafka) horizon(stream string) (int64, bool) {
	oldest, ok := k.engine.Oldest(k.streams.Number(stream))
	// What the file refuses waits for it within a bound, and is lost if this
	// process is killed meanwhile: reading never waits for a sink. Whoever
	// writes them out once a second reports it.
	_ = k.engine.Flush()
	if k.letters != nil {
		_ = k.letters.Flush() // reports it, too
	}
	return oldest, ok
}
