package deadletter

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	kafkago "github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	testTopic = "dead"
	patience  = 2 * time.Minute
)

// cluster is a broker in this process.
type cluster struct {
	*kfake.Cluster
	t    *testing.T
	addr string
}

func newCluster(t *testing.T, topics ...string) *cluster {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, topics...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return &cluster{c, t, c.ListenAddrs()[0]}
}

// sink is a Topic at work.
type sink struct {
	*Topic
	t   *testing.T
	reg *prometheus.Registry
	end func()
}

func (c *cluster) sink() *sink {
	c.t.Helper()
	s := &sink{t: c.t, reg: prometheus.NewRegistry()}
	var err error
	s.Topic, err = NewTopic(TopicOptions{
		Brokers: []string{c.addr}, Topic: testTopic, Timeout: 2 * time.Second, Logger: slog.New(slog.DiscardHandler),
		Transport: &kafkago.Transport{DialTimeout: 2 * time.Second, MetadataTTL: 50 * time.Millisecond}, Registerer: s.reg,
	})
	if err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); s.Run(ctx) }()
	s.end = sync.OnceFunc(func() { cancel(); <-done })
	c.t.Cleanup(s.end)
	return s
}

// flushed waits until everything is settled.
func (s *sink) flushed() {
	s.t.Helper()
	for deadline := time.Now().Add(patience); ; <-time.After(20 * time.Millisecond) {
		err := s.Flush()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatal(err)
		}
	}
}

func (s *sink) dropped(reason string) int {
	s.t.Helper()
	families, err := s.reg.Gather()
	if err != nil {
		s.t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetName() == "reason" && l.GetValue() == reason {
					return int(m.GetCounter().GetValue())
				}
			}
		}
	}
	s.t.Fatalf("no series for %s", reason)
	return 0
}

// read returns n letters of the topic.
func (c *cluster) read(n int) (all []*kgo.Record) {
	c.t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.addr), kgo.ConsumeTopics(testTopic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		c.t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for len(all) < n {
		fetches := cl.PollFetches(ctx)
		if ctx.Err() != nil {
			c.t.Fatalf("%d letters of %d", len(all), n)
		}
		all = append(all, fetches.Records()...)
	}
	return all
}

func headers(r *kgo.Record) map[string]string {
	all := map[string]string{}
	for _, h := range r.Headers {
		all[h.Key] = string(h.Value)
	}
	return all
}

// The value is the line as it came, the headers say why and from where.
func TestTopic(t *testing.T) {
	t.Parallel()
	c := newCluster(t, testTopic)
	s := c.sink()
	text := []byte("{\"response_flags\":\"\xff\x00")
	s.Put(Letter{Reason: "invalid_json", File: "envoy/12", Line: 1 << 40, Byte: 20, Text: text})
	text[0] = '!' // it is borrowed
	s.flushed()
	r := c.read(1)[0]
	if got, want := string(r.Value), "{\"response_flags\":\"\xff\x00"; got != want {
		t.Errorf("value %q, want %q", got, want)
	}
	if string(r.Key) != "envoy/12" {
		t.Errorf("key %q", r.Key)
	}
	want := map[string]string{
		"reason": "invalid_json", "topic": "envoy", "partition": "12", "offset": "1099511627776", "byte": "20", "cut": "false",
	}
	if diff := cmp.Diff(want, headers(r)); diff != "" {
		t.Error(diff)
	}
}

// A letter fits a broker with its defaults; one that does not is cut.
func TestALongLineIsCut(t *testing.T) {
	t.Parallel()
	c := newCluster(t, testTopic)
	s := c.sink()
	f := func(length int, cut bool, wantLength int, wantCut string) {
		t.Helper()
		m := message(Letter{File: strings.Repeat("t", 249) + "/1000", Cut: cut, Text: bytes.Repeat([]byte("x"), length)})
		got := map[string]string{}
		for _, h := range m.Headers {
			got[h.Key] = string(h.Value)
		}
		if len(m.Value) != wantLength || got["cut"] != wantCut {
			t.Errorf("%d bytes, headers %v", len(m.Value), got)
		}
	}
	f(10, false, 10, "false")
	f(MaxText, false, MaxText, "false")
	f(MaxText+1, false, MaxText, "true")
	f(1<<20, true, MaxText, "true")
	for n := range 3 {
		s.Put(Letter{File: "envoy/0", Line: int64(n), Cut: true, Text: bytes.Repeat([]byte("x"), 1<<20)})
	}
	s.flushed()
	if n := len(c.read(3)); n != 3 || s.dropped(dropRefused) != 0 {
		t.Errorf("%d letters, %d refused", n, s.dropped(dropRefused))
	}
}

// The letters of a partition stay in their order, and none is lost, whatever the
// topic does not take for a while.
func TestATopicThatFails(t *testing.T) {
	t.Parallel()
	c := newCluster(t, testTopic)
	var tries int
	c.ControlKey(int16(kmsg.Produce), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if tries++; tries > 3 {
			return nil, nil, false
		}
		return refuse(kreq.(*kmsg.ProduceRequest), kerr.NotEnoughReplicas.Code), nil, true
	})
	s := c.sink()
	const many = 1200
	for n := range many {
		s.Put(Letter{File: "envoy/0", Line: int64(n)})
	}
	s.flushed()
	for i, r := range c.read(many) {
		if got := headers(r)["offset"]; got != fmt.Sprint(i) {
			t.Fatalf("letter %s in the place of %d", got, i)
		}
	}
}

// refuse answers a request with an error for each partition.
func refuse(req *kmsg.ProduceRequest, code int16) kmsg.Response {
	resp := req.ResponseKind().(*kmsg.ProduceResponse)
	for _, topic := range req.Topics {
		rt := kmsg.NewProduceResponseTopic()
		rt.Topic, rt.TopicID = topic.Topic, topic.TopicID
		for _, p := range topic.Partitions {
			rp := kmsg.NewProduceResponseTopicPartition()
			rp.Partition, rp.ErrorCode = p.Partition, code
			rt.Partitions = append(rt.Partitions, rp)
		}
		resp.Topics = append(resp.Topics, rt)
	}
	return resp
}

// A letter that is larger than the topic allows is dropped and counted; those
// beside it are not.
func TestALetterThatIsTooLarge(t *testing.T) {
	t.Parallel()
	c := newCluster(t, testTopic)
	c.ControlKey(int16(kmsg.Produce), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		req := kreq.(*kmsg.ProduceRequest)
		for _, topic := range req.Topics {
			for _, p := range topic.Partitions {
				if len(p.Records) > 50_000 {
					return refuse(req, kerr.MessageTooLarge.Code), nil, true
				}
			}
		}
		return nil, nil, false
	})
	s := c.sink()
	for n := range 20 {
		s.Put(Letter{File: "envoy/0", Line: int64(n), Text: bytes.Repeat([]byte("x"), 20_000*max(n%4, 1))})
	}
	s.flushed()
	all := c.read(15)
	for _, r := range all {
		if len(r.Value) > 50_000 {
			t.Errorf("%d bytes", len(r.Value))
		}
	}
	if len(all) != 15 || s.dropped(dropRefused) != 5 {
		t.Errorf("%d letters, %d refused", len(all), s.dropped(dropRefused))
	}
}

// A topic that does not exist is waited for. What does not fit meanwhile, or is
// not delivered by the end, is counted; nobody waits for it.
func TestATopicThatIsMissing(t *testing.T) {
	t.Parallel()
	c := newCluster(t, "another")
	s := c.sink()
	const many = 12
	for n := range many {
		s.Put(Letter{File: "envoy/0", Line: int64(n), Text: bytes.Repeat([]byte("x"), MaxText)})
	}
	if full := s.dropped(dropFull); full != many-8 {
		t.Errorf("%d dropped, want %d", full, many-8)
	}
	for range 3 {
		if s.Flush() == nil {
			t.Error("nothing waits")
		}
	}
	s.end()
	if n := s.dropped(dropShutdown); n != 8 {
		t.Errorf("%d dropped at the end", n)
	}
	if s.bytes != 0 || len(s.waiting) != 0 {
		t.Errorf("%d letters of %d bytes are kept", len(s.waiting), s.bytes)
	}
}

// What waits at the end is sent.
func TestTheEnd(t *testing.T) {
	t.Parallel()
	c := newCluster(t, testTopic)
	s := c.sink()
	for n := range 1000 {
		s.Put(Letter{File: "envoy/0", Line: int64(n)})
	}
	s.end()
	if n := len(c.read(1000)); n != 1000 || s.dropped(dropShutdown) != 0 {
		t.Errorf("%d letters, %d dropped", n, s.dropped(dropShutdown))
	}
}
