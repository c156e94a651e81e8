package deadletter

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	kafkago "github.com/segmentio/kafka-go"

	"github.com/slowpod/slowpod/sinks/dropped"
	"github.com/slowpod/slowpod/sinks/report"
)

const (
	// maxWaiting is how many bytes of letters are kept of what the topic does
	// not take.
	maxWaiting = 8 << 20
	// letterBytes is what a letter takes beside its text, at most: headers, and
	// the names in them.
	letterBytes = 1 << 10
	// MaxText is how much of a line a letter carries: with its headers it fits
	// a broker's default message.max.bytes of 1,048,588. What is longer is cut
	// and marked so.
	MaxText = 1_000_000
	// batchBytes and batchLetters are how much is sent at once.
	batchBytes   = 1 << 20
	batchLetters = 500
	// firstPause and longestPause are the bounds of the back-off.
	firstPause   = 250 * time.Millisecond
	longestPause = 30 * time.Second
	// flushFor is how long Flush waits for the topic.
	flushFor = 2 * time.Second
)

// Why letters were dropped: metric labels.
const (
	dropFull     = "full"     // too many wait for the topic
	dropRefused  = "refused"  // the broker will never take it: larger than the topic allows
	dropShutdown = "shutdown" // not delivered by the end
)

// TopicOptions say where a Topic writes.
type TopicOptions struct {
	Brokers []string
	Topic   string
	// Transport is how the brokers are spoken to.
	Transport *kafkago.Transport
	// Timeout is how long a broker may take to answer.
	Timeout    time.Duration
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Topic writes letters that came from Kafka to a topic of its own: the value is
// the line as it came, the headers are reason, topic, partition, offset, byte
// and cut, all as text, and the key is topic/partition, so
// that the letters of a partition stay in their order. A topic that does not
// exist is waited for.
//
// Letters wait up to a bound while the topic does not take them; what comes
// beyond is dropped and counted, as is a letter that is too large for it. One
// whose answer got lost is sent again and may be there twice.
type Topic struct {
	o      TopicOptions
	writer *kafkago.Writer

	full, refused, late prometheus.Counter

	mu      sync.Mutex
	changed sync.Cond // something was put or settled, or somebody waits no more
	waiting []waiting // in the order in which they came
	bytes   int       // of waiting
	put     uint64    // letters that were taken in, since the start
	failing bool      // nobody waits for the topic
	alone   int       // letters to be sent one by one: one of them is too large

	complaint string // logged last; "" while all is well
}

// waiting is a letter that waits.
type waiting struct {
	number uint64 // of all that were taken in
	kafkago.Message
}

// size is how much of the bound it takes.
func (w *waiting) size() int { return len(w.Value) + letterBytes }

// NewTopic returns a Topic that sends nothing until Run.
func NewTopic(o TopicOptions) (*Topic, error) {
	lost := dropped.New("dead_letters")
	t := &Topic{
		o: o,
		writer: &kafkago.Writer{
			Addr: kafkago.TCP(o.Brokers...), Topic: o.Topic, Balancer: kafkago.Murmur2Balancer{}, Transport: o.Transport,
			RequiredAcks: kafkago.RequireAll, MaxAttempts: 1, BatchSize: batchLetters, BatchBytes: batchBytes,
			BatchTimeout: time.Millisecond, ReadTimeout: o.Timeout, WriteTimeout: o.Timeout,
		},
		full:    lost.WithLabelValues(o.Topic, dropFull),
		refused: lost.WithLabelValues(o.Topic, dropRefused),
		late:    lost.WithLabelValues(o.Topic, dropShutdown),
	}
	t.changed.L = &t.mu
	return t, o.Registerer.Register(lost)
}

// Put takes a letter. It waits for nothing.
func (t *Topic) Put(l Letter) {
	w := waiting{Message: message(l)}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.bytes+w.size() > maxWaiting {
		t.full.Inc()
		return
	}
	t.put++
	w.number = t.put
	t.waiting = append(t.waiting, w)
	t.bytes += w.size()
	t.changed.Broadcast()
}

// message makes a letter that is Kafka's own.
func message(l Letter) kafkago.Message {
	topic, partition := l.File, ""
	if i := strings.LastIndexByte(l.File, '/'); i >= 0 {
		topic, partition = l.File[:i], l.File[i+1:]
	}
	return kafkago.Message{
		Key: []byte(l.File), Value: bytes.Clone(l.Text[:min(len(l.Text), MaxText)]),
		Headers: []kafkago.Header{
			{Key: "reason", Value: []byte(l.Reason)},
			{Key: "topic", Value: []byte(topic)},
			{Key: "partition", Value: []byte(partition)},
			{Key: "offset", Value: strconv.AppendInt(nil, l.Line, 10)},
			{Key: "byte", Value: strconv.AppendInt(nil, int64(l.Byte), 10)},
			{Key: "cut", Value: strconv.AppendBool(nil, l.Cut || len(l.Text) > MaxText)},
		},
	}
}

// Flush waits until what was put so far is delivered or dropped. It waits for
// two seconds at most, and not at all while the topic takes nothing; its error
// says that some letters still wait.
func (t *Topic) Flush() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	last, over := t.put, false
	timer := time.AfterFunc(flushFor, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		over = true
		t.changed.Broadcast()
	})
	defer timer.Stop()
	for len(t.waiting) > 0 && t.waiting[0].number <= last {
		t.failing = t.failing || over
		if t.failing {
			return fmt.Errorf("%d dead letters wait for topic %s", len(t.waiting), t.o.Topic)
		}
		t.changed.Wait()
	}
	return nil
}

// Run sends letters until ctx ends, then once more what waits. What cannot be
// delivered then is dropped and counted.
func (t *Topic) Run(ctx context.Context) {
	defer func() { _ = t.writer.Close() }() // nothing is left in it
	stop := context.AfterFunc(ctx, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.changed.Broadcast()
	})
	defer stop()
	pause := firstPause
	for t.await(ctx) {
		if t.send() {
			pause = firstPause
			continue
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause/2 + rand.N(pause/2)):
		}
		pause = min(2*pause, longestPause)
	}
	for t.left() > 0 && t.send() {
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if n := len(t.waiting); n > 0 {
		t.late.Add(float64(n))
		t.o.Logger.Warn("dead letters were not delivered before the end", "topic", t.o.Topic, "letters", n)
	}
	t.settle(t.waiting, nil)
}

// await waits for a letter; false: ctx has ended.
func (t *Topic) await(ctx context.Context) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.waiting) == 0 && ctx.Err() == nil {
		t.changed.Wait()
	}
	return ctx.Err() == nil
}

func (t *Topic) left() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.waiting)
}

// batch copies the first letters that wait.
func (t *Topic) batch() []waiting {
	t.mu.Lock()
	defer t.mu.Unlock()
	n, size := 0, 0
	for n < min(len(t.waiting), batchLetters) {
		size += t.waiting[n].size()
		if n > 0 && (size > batchBytes || t.alone > 0) {
			break
		}
		n++
	}
	return slices.Clone(t.waiting[:n])
}

// send sends some of what waits. False: it is to be tried later.
func (t *Topic) send() bool {
	batch := t.batch()
	each, err := t.write(batch)
	t.mu.Lock()
	defer t.mu.Unlock()
	var kept []waiting
	for i := range batch {
		switch {
		case each[i] == nil:
		case tooLarge(each[i]) && len(batch) == 1:
			t.refused.Inc()
			t.o.Logger.Warn("a dead letter is larger than its topic allows; it is dropped", "topic", t.o.Topic,
				"from", report.Safe(string(batch[i].Key)), "bytes", len(batch[i].Value))
		default:
			kept = append(kept, batch[i])
		}
	}
	t.alone = max(t.alone-(len(batch)-len(kept)), 0)
	t.settle(batch, kept)
	if err == nil || tooLarge(err) {
		t.alone = max(t.alone, len(kept))
		t.failing = false
		t.well()
		return true
	}
	t.failing = true
	t.complain(err)
	return false
}

// settle takes the first letters out of those that wait, but for those kept.
func (t *Topic) settle(first, kept []waiting) {
	for i := range first {
		t.bytes -= first[i].size()
	}
	for i := range kept {
		t.bytes += kept[i].size()
	}
	t.waiting = append(kept, t.waiting[len(first):]...)
	t.changed.Broadcast()
}

// write sends letters and returns what became of each, and an error that stands
// for those that failed.
func (t *Topic) write(batch []waiting) (each []error, err error) {
	all := make([]kafkago.Message, len(batch))
	for i := range batch {
		all[i] = batch[i].Message
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*t.o.Timeout)
	defer cancel()
	each = make([]error, len(batch))
	err = t.writer.WriteMessages(ctx, all...)
	var some kafkago.WriteErrors
	if errors.As(err, &some) {
		copy(each, some)
		err = worst(each)
	} else if err != nil {
		for i := range each {
			each[i] = err
		}
	}
	if err != nil && !tooLarge(err) {
		t.o.Transport.CloseIdleConnections() // it keeps what it knew of topics and leaders
	}
	return each, err
}

// worst is an error that is worth waiting for, else one that is not; nil
// without any.
func worst(each []error) (err error) {
	for _, e := range each {
		if e != nil && (err == nil || tooLarge(err)) {
			err = e
		}
	}
	return err
}

// tooLarge says that a broker will never take it.
func tooLarge(err error) bool {
	return errors.Is(err, kafkago.MessageSizeTooLarge) || errors.Is(err, kafkago.RecordListTooLarge) ||
		errors.Is(err, kafkago.InvalidMessage) || errors.Is(err, kafkago.InvalidRecord)
}

// complain says once that the topic takes nothing, and well that it does again.
func (t *Topic) complain(err error) {
	if s := err.Error(); s != t.complaint {
		t.complaint = s
		t.o.Logger.Warn("the topic takes no dead letters: they wait, and are dropped when there are too many",
			"topic", t.o.Topic, "err", report.Safe(s))
	}
}

func (t *Topic) well() {
	if t.complaint != "" {
		t.complaint = ""
		t.o.Logger.Info("the topic takes dead letters again", "topic", t.o.Topic)
	}
}
