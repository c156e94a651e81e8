package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	kafkago "github.com/segmentio/kafka-go"
)

// partition is one partition that this member owns. It outlives a rebalance
// that leaves it here.
type partition struct {
	run     *run
	tp      topicPartition
	stream  string
	metrics *partitionMetrics
	chunk   chunk
	stuck   int  // fetches in a row that brought nothing where there is something
	failing bool // as Source.conditions has it

	// handling is held while the handler runs, and while next and the horizon
	// are looked at together.
	handling sync.Mutex
	// next is the first line that has not been handled, -1 before the broker
	// was asked where the partition begins. Lines before replayEnd were
	// acknowledged by an earlier owner.
	next, replayEnd int64
	wanted          atomic.Bool // mark after this batch
	point           atomic.Pointer[committed]

	// committed is what the broker has, as far as is known. Only the
	// generation looks at it.
	committed committed
}

func newPartition(r *run, tp topicPartition, c committed) *partition {
	p := &partition{
		run: r, tp: tp, stream: tp.String(), metrics: r.metrics.of(tp), chunk: chunk{most: r.batchLines},
		next: c.offset, replayEnd: c.offset, committed: c,
	}
	if horizon, ok := horizonOf(c); ok {
		// The newest lines are those whose other half may still come.
		p.next = max(horizon, c.offset-r.cfg.MaxReplay)
	}
	p.fails(true) // until it was read once
	return p
}

var (
	// errUnreadable is a record on which kafka-go fails for good.
	errUnreadable = errors.New("kafka-go cannot read it")
	// errHandler is an error that the handler returned.
	errHandler = errors.New("handler")
)

// work reads the partition until ctx ends, whatever happens. A Conn that has
// returned an error is out of step with its stream, so each is closed and
// another opened.
func (p *partition) work(ctx context.Context) {
	pause := backoff{first: p.run.cfg.RetryBackoff}
	for {
		err := p.session(ctx, &pause)
		switch {
		case errors.Is(err, errHandler), ctx.Err() != nil:
			return
		case errors.Is(err, errUnreadable):
			p.run.tell(p.run.log, "unreadable "+p.stream, "a record of "+p.stream+" is skipped", err)
			p.run.metrics.fetchErrors.WithLabelValues("unreadable").Inc()
			continue
		case errors.Is(err, kafkago.OffsetOutOfRange):
			p.run.metrics.fetchErrors.WithLabelValues("out_of_range").Inc()
		default:
			p.run.metrics.fetchErrors.WithLabelValues(reason(err)).Inc()
			p.fails(true)
			p.run.trouble(p.run.log, "cannot read "+p.stream, err)
			p.run.client.forget() // the leader may be another one
		}
		if !pause.wait(ctx) {
			return
		}
	}
}

func reason(err error) string {
	var code kafkago.Error
	if errors.As(err, &code) {
		return "broker"
	}
	return "connection"
}

// fails says that the partition cannot be read now, or can.
func (p *partition) fails(now bool) {
	if p.failing == now {
		return
	}
	p.failing = now
	p.run.conditions.fails(p.stream, now)
}

// session reads over one connection until that fails.
func (p *partition) session(ctx context.Context, pause *backoff) error {
	timed, cancel := context.WithTimeout(ctx, 2*p.run.cfg.Timeout)
	defer cancel()
	conn, err := p.run.client.dialLeader(timed, p.tp)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	// A fetch that waits is given up when the partition is.
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	if err := p.locate(conn); err != nil {
		return err
	}
	for ctx.Err() == nil {
		if err := p.fetch(ctx, conn); err != nil {
			return err
		}
		p.fails(false)
		pause.reset()
		p.run.recovered(p.run.log, "cannot read "+p.stream)
	}
	return ctx.Err()
}

// locate compares next with what the partition has, at every new connection: a
// fetch at an offset that is not there fails, and one in a topic that was
// recreated must not skip its first lines.
func (p *partition) locate(conn *kafkago.Conn) error {
	if err := conn.SetReadDeadline(time.Now().Add(p.run.cfg.Timeout)); err != nil {
		return err
	}
	first, last, err := conn.ReadOffsets()
	if err != nil {
		return fmt.Errorf("first and last offset: %w", err)
	}
	p.handling.Lock()
	defer p.handling.Unlock()
	start := first
	if p.run.cfg.InitialOffset == latest {
		start = last
	}
	log := p.run.log.With("stream", p.stream, "first", first, "last", last)
	switch {
	case p.next < 0:
		p.next, p.replayEnd = start, start
		log.Info("nothing is committed yet", "start", p.next)
	case p.next < first:
		if lost := first - max(p.next, p.replayEnd); lost > 0 {
			log.Warn("lines were gone before they were read: retention is shorter than the lag", "wanted", p.next, "lost", lost)
			p.metrics.lost.Add(float64(lost))
		}
		p.next, p.replayEnd = first, max(first, p.replayEnd)
	case p.next > last:
		log.Warn("the committed offset is beyond the end: was the topic recreated?", "wanted", p.next, "start", start)
		p.next, p.replayEnd = start, start
	default:
		log.Debug("reading", "start", p.next, "replay", max(0, p.replayEnd-p.next))
	}
	return nil
}
