package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	kafkago "github.com/segmentio/kafka-go"

	"github.com/slowpod/slowpod/ingest"
)

// fetchSlack is how much longer than the broker may wait a fetch may take.
const fetchSlack = 10 * time.Second

// fetch asks the broker once and hands on what it brings. nil says that the
// connection is good for another.
func (p *partition) fetch(ctx context.Context, conn *kafkago.Conn) error {
	b, err := p.ask(conn)
	if err != nil {
		return err
	}
	start := p.next
	next := start // what comes after the chunk
	var n int
	for {
		space := p.chunk.space()
		if space == nil {
			if err := p.deliver(ctx, conn, next); err != nil {
				return err
			}
			continue
		}
		if n, err = read(b, space); err != nil {
			break
		}
		offset := b.Offset() - 1
		if offset < next {
			continue // a compressed or large batch comes whole
		}
		if offset >= p.replayEnd && p.chunk.first() < p.replayEnd {
			// What was acknowledged before and what was not are no batch.
			keep := p.chunk.used
			if err := p.deliver(ctx, conn, next); err != nil {
				return err
			}
			p.chunk.used = keep
			p.chunk.again(n)
		}
		if reason := p.chunk.add(offset, n); reason != "" {
			p.run.metrics.skipped.WithLabelValues(reason).Inc()
		}
		next = offset + 1
	}
	if errors.Is(err, errUnreadable) {
		// The batch is locked for ever; what is before the record is good.
		p.run.metrics.skipped.WithLabelValues(skippedUnreadable).Inc()
		if e := p.deliver(ctx, conn, next+1); e != nil {
			return e
		}
		return fmt.Errorf("offset %d: %w", next, err)
	}
	if errors.Is(err, io.EOF) {
		next = max(next, b.Offset()) // past what was compacted away at the end
	}
	end := b.HighWaterMark()
	if e := b.Close(); e != nil && !errors.Is(e, io.ErrShortBuffer) && !errors.Is(e, kafkago.RequestTimedOut) {
		err = e
	}
	if e := p.deliver(ctx, conn, next); e != nil {
		return e
	}
	switch {
	case errors.Is(err, io.ErrShortBuffer):
		return p.long(ctx, conn)
	case errors.Is(err, io.EOF), errors.Is(err, kafkago.RequestTimedOut):
		lag := max(0, end-max(next, p.replayEnd))
		p.metrics.lag().Set(float64(lag))
		p.run.conditions.lags(p.stream, lag)
		if next == start && end > next {
			return p.unstick(ctx, conn)
		}
		p.stuck = 0
		return nil
	}
	return err
}

// ask sends a fetch for next.
func (p *partition) ask(conn *kafkago.Conn) (*kafkago.Batch, error) {
	// The Conn's own offset is that of the last record read, which may lie
	// before next.
	if _, err := conn.Seek(p.next, kafkago.SeekAbsolute|kafkago.SeekDontCheck); err != nil {
		return nil, err
	}
	if err := p.extend(conn); err != nil {
		return nil, err
	}
	// Read uncommitted, the default: kafka-go does not leave out what was
	// aborted, and with read committed it takes an open transaction for a
	// broken connection.
	return conn.ReadBatchWith(kafkago.ReadBatchConfig{
		MinBytes: 1,
		MaxBytes: int(p.run.cfg.MaxBytes),
		MaxWait:  p.run.cfg.MaxWait,
	}), nil
}

// extend gives the broker time from now on. Without a deadline a read may never
// return.
func (p *partition) extend(conn *kafkago.Conn) error {
	return conn.SetReadDeadline(time.Now().Add(p.run.cfg.MaxWait + fetchSlack))
}

// read reads the next value. kafka-go panics on a batch without records, which
// compaction leaves behind; then the batch can neither be read nor closed.
func read(b *kafkago.Batch, buf []byte) (n int, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("%w: %v", errUnreadable, v)
		}
	}()
	return b.Read(buf)
}

// deliver hands the chunk on and, when that is acknowledged, moves next.
func (p *partition) deliver(ctx context.Context, conn *kafkago.Conn, next int64) error {
	lines := p.chunk.lines
	if len(lines) == 0 && next == p.next {
		return nil
	}
	defer p.chunk.reset()
	p.handling.Lock()
	defer p.handling.Unlock()
	if err := ctx.Err(); err != nil {
		return err // another owner may have it
	}
	p.fails(false) // the handler may wait, but that is no fault
	if len(lines) > 0 {
		b := ingest.Batch{Source: sourceName, Stream: p.stream, Lines: lines, Replay: lines[0].Number < p.replayEnd}
		if err := p.run.handle(ctx, b); err != nil {
			if ctx.Err() == nil {
				p.run.fail(err)
			}
			return fmt.Errorf("%w: %w", errHandler, err)
		}
		p.count(b)
	}
	p.next = next
	if p.wanted.Swap(false) {
		p.mark()
	}
	// The time the handler took is not the broker's.
	return p.extend(conn)
}

func (p *partition) count(b ingest.Batch) {
	if b.Replay {
		p.metrics.replayed.Add(float64(len(b.Lines)))
		return
	}
	p.metrics.records.Add(float64(len(b.Lines)))
	p.metrics.bytes.Add(float64(p.chunk.used))
	p.metrics.lastRecord().SetToCurrentTime()
}

// long reads the record at next, which is longer than the room for it: with
// more room, or, when that is not to be had, cut.
func (p *partition) long(ctx context.Context, conn *kafkago.Conn) error {
	if p.chunk.room < mostRoom {
		p.chunk.grow(mostRoom)
		return nil // and fetch again
	}
	b, err := p.ask(conn)
	if err != nil {
		return err
	}
	// Unlike Read this tells the offset of a record that is too long, at the
	// price of memory for all of it.
	m, err := b.ReadMessage()
	if e := b.Close(); err != nil || e != nil {
		return errors.Join(err, e)
	}
	n := copy(p.chunk.space(), m.Value[:min(len(m.Value), mostRoom)])
	if reason := p.chunk.add(m.Offset, n); reason != "" {
		p.run.metrics.skipped.WithLabelValues(reason).Inc()
	}
	return p.deliver(ctx, conn, m.Offset+1)
}

// unstick steps over an offset at which fetches bring nothing, though there is
// something behind it: compaction has taken the end of a compressed batch, and
// kafka-go asks for the missing records for ever. Twice in a row is proof.
func (p *partition) unstick(ctx context.Context, conn *kafkago.Conn) error {
	if p.stuck++; p.stuck < 2 {
		return nil
	}
	p.run.metrics.skipped.WithLabelValues(skippedUnreadable).Inc()
	return p.deliver(ctx, conn, p.next+1)
}
