//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"io"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/slowpod/slowpod/bench/workload"
)

// line is one of a scenario as it goes to Kafka.
type line struct {
	at      time.Duration // when it was written, since the start of the scenario
	message kafka.Message
}

// atOnce is a speed: as fast as Kafka takes it.
const atOnce = 0

// feed produces a scenario in its own time, or in a multiple of that.
type feed struct {
	next func() (line, bool)
	to   *writer
	copy io.Writer // gets each line, too; may be nil

	mu     sync.Mutex // of all below, and of next
	held   *line
	begin  time.Time     // when speed was set
	from   time.Duration // where the feed stood then
	speed  float64
	now    time.Duration // all before it has been sent
	closed bool          // nothing is left
}

// setSpeed is event time over time; atOnce is no limit.
func (f *feed) setSpeed(speed float64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.begin, f.from, f.speed = time.Now(), f.now, speed
}

// reached says up to where everything has been sent.
func (f *feed) reached() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

// run sends until nothing is left or the test ends.
func (f *feed) run(t testing.TB) (wait func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for !f.closed && ctx.Err() == nil {
			batch, until := f.due()
			if err := f.to.send(ctx, batch); err != nil {
				return // the test is over
			}
			f.mu.Lock()
			f.now = until
			f.mu.Unlock()
			if len(batch) < fullBatch {
				time.Sleep(50 * time.Millisecond)
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return func() { <-done }
}

// sendUntil sends everything up to a time at once.
func (f *feed) sendUntil(t testing.TB, end time.Duration) {
	t.Helper()
	for f.now < end && !f.closed {
		batch, until := f.upTo(end)
		if err := f.to.send(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
		f.now = until
	}
}

const fullBatch = 2000

// due takes what should be there by now.
func (f *feed) due() ([]kafka.Message, time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	end := time.Duration(1<<63 - 1)
	if f.speed != atOnce {
		end = f.from + time.Duration(float64(time.Since(f.begin))*f.speed)
	}
	return f.upTo(end)
}

// upTo takes what was written before end, one batch at most, and tells before
// which time that is everything.
func (f *feed) upTo(end time.Duration) (batch []kafka.Message, all time.Duration) {
	for len(batch) < fullBatch {
		if f.held == nil {
			l, ok := f.next()
			if !ok {
				f.closed = true
				return batch, end
			}
			f.held = &l
		}
		if f.held.at >= end {
			return batch, end
		}
		batch = append(batch, f.held.message)
		if f.copy != nil {
			_, _ = f.copy.Write(append(f.held.message.Value, '\n'))
		}
		all, f.held = f.held.at, nil
	}
	return batch, all
}

// byPod are the lines of a scenario, keyed by the pod that wrote them. Every
// other pod's come with the proxy's line as a string under "log", as where
// Fluent Bit does not merge it.
func byPod(start time.Time, scenario func(workload.Format) *workload.Generator) func() (line, bool) {
	merged, escaped := scenario(workload.FluentBit), scenario(workload.FluentBitLog)
	shape := map[*workload.Pod]bool{}
	return func() (line, bool) {
		var a, b workload.Line
		if !merged.Next(&a) || !escaped.Next(&b) {
			return line{}, false
		}
		if _, ok := shape[a.Pod]; !ok {
			shape[a.Pod] = len(shape)%2 == 1
		}
		value := a.Bytes
		if shape[a.Pod] {
			value = b.Bytes
		}
		return line{since(start, a.End), kafka.Message{Key: []byte(a.Pod.Name), Value: bytes.Clone(value)}}, true
	}
}

var requestID = regexp.MustCompile(`"request_id":"([^"]+)"`)

// byRequest are the lines of a scenario, keyed by request as message_key_field
// does it: both halves of a call come into one partition.
func byRequest(start time.Time, g *workload.Generator) func() (line, bool) {
	return func() (line, bool) {
		var l workload.Line
		if !g.Next(&l) {
			return line{}, false
		}
		m := kafka.Message{Value: bytes.Clone(l.Bytes)}
		if id := requestID.FindSubmatch(m.Value); id != nil {
			m.Key = id[1]
		}
		return line{since(start, l.End), m}, true
	}
}

func since(start time.Time, ms int64) time.Duration {
	return time.UnixMilli(ms).Sub(start)
}
