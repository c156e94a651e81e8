// Package kafka reads lines from the topics of a Kafka cluster as one member of
// a consumer group and hands them on in batches, one worker per partition. It
// is the only place that knows offsets: what has been handled, what is
// committed, from where a new owner of a partition starts, and how a broker, a
// connection or a rebalance gets in the way of that. It must never know what a
// line says, nor keep one after the handler has returned.
package kafka

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slowpod/slowpod/ingest"
)

// Handler takes a batch; nil is the acknowledgement: the lines need not be
// delivered again. It is called by one goroutine per partition, for a stream
// never by two at once. The lines are borrowed: a handler that keeps bytes
// copies them. An error ends the run and is returned by it as it is.
//
// Its ctx ends with the generation of the group: when the group rebalances, and
// when the run ends. A handler that waits for something then gives the batch up
// with an error, which is no fault; one that is at work finishes it, for until it
// returns nobody gets the partition. What was given up is not acknowledged and
// comes again, in batches that may be cut differently: to this handler if the
// partition stays, else to its next owner, who counts the lines that this one had
// counted once more. That, and what was handled but not committed before a crash,
// is what at least once means here.
type Handler func(ctx context.Context, b ingest.Batch) error

// Options are what a source is given beside its configuration. The zero value
// of each is fine.
type Options struct {
	// Logger takes what an operator should know; nil is slog.Default().
	Logger *slog.Logger
	// Registerer gets the source's metrics; with nil nobody sees them.
	Registerer Registerer
	// Horizon returns the oldest offset that an open half of a stream still
	// needs. It travels with the committed offset, and whoever owns the
	// partition next reads again from there. It is asked while no handler of
	// that stream runs, and must not wait for one.
	Horizon func(stream string) (offset int64, ok bool)
	// Assigned is told which streams are read from now on, before their first
	// batch; Revoked which are no longer, after their last batch and commit. A
	// stream that this member keeps in a rebalance is in neither: what is known
	// about it stays good.
	Assigned, Revoked func(streams []string)
}

// Source is a member of a consumer group.
type Source struct {
	cfg     Config
	o       Options
	log     *slog.Logger
	metrics *metrics

	batchLines int // at most

	joined     atomic.Bool // holds an assignment, or is between two
	conditions conditions
}

// New checks the configuration, reads the files that it names and registers the
// metrics. It connects to nothing until Run.
func New(cfg Config, o Options) (*Source, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if _, err := cfg.TLS.load(); err != nil {
		return nil, err
	}
	if cfg.SASL.Mechanism != "" {
		if _, err := cfg.SASL.password(); err != nil {
			return nil, err
		}
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Horizon == nil {
		o.Horizon = func(string) (int64, bool) { return 0, false }
	}
	if o.Assigned == nil {
		o.Assigned = func([]string) {}
	}
	if o.Revoked == nil {
		o.Revoked = func([]string) {}
	}
	m, err := newMetrics(o.Registerer)
	if err != nil {
		return nil, err
	}
	return &Source{cfg: cfg, o: o, log: o.Logger.With("component", sourceName), metrics: m, batchLines: maxBatchLines,
		conditions: conditions{patience: unreadableFor}}, nil
}

// Ready says whether this member has its place in the group and every partition
// it owns is being read. It stays true through a rebalance that brings it nothing
// new.
func (s *Source) Ready() bool { return s.joined.Load() && s.conditions.good() }

// CaughtUp says whether nothing more is to be had of a stream for now: all that
// was there has been handled, as of the last answer of its broker, or it has
// been unreadable for a minute in which another was read, its leader being gone.
// While none can be read it is false for all that fail: what is written
// meanwhile is still to come.
func (s *Source) CaughtUp(stream string) bool { return s.conditions.caughtUp(stream, time.Now()) }

// Run reads until ctx ends, which is the ordinary end: it returns nil. What has
// been handled by then is committed, and the member has left the group. A
// broker that is away, a topic that does not exist and a commit that fails are
// logged, counted and tried again, never returned; the only error is that of a
// handler. Run is called once.
//
// Delivery is at least once. The committed offset is the next unhandled line.
func (s *Source) Run(ctx context.Context, handle Handler) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	client, err := s.newClient()
	if err != nil {
		return err
	}
	defer client.close()
	r := &run{
		Source: s, client: client, handle: handle,
		stop: stop, held: map[topicPartition]*partition{},
	}
	for ctx.Err() == nil {
		if topics := r.awaitTopics(ctx); topics != nil {
			if err := r.member(ctx, topics); err != nil {
				r.fail(err)
			}
		}
	}
	s.joined.Store(false)
	r.settle(nil)
	return r.err
}

// run is the state of one Run.
type run struct {
	*Source
	client *client
	handle Handler
	stop   context.CancelFunc
	sampler

	// held are the partitions that this member owns, or owned in the last
	// generation. Generations follow one another: nobody else looks at it.
	held map[topicPartition]*partition

	// reached says that the cluster has answered once.
	reached bool

	once sync.Once
	err  error // the handler's, once stop was called
}

// fail ends the run with an error.
func (r *run) fail(err error) {
	r.once.Do(func() { r.err = err })
	r.stop()
}

// sourceName is the label of this kind of source.
const sourceName = "kafka"
