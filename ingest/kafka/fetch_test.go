package kafka

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/slowpod/slowpod/ingest"
)

// What is no line is counted and stepped over, what is too long is cut, and
// everything else is a line, whatever it says.
func TestPoison(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1, kfake.BrokerConfigs(map[string]string{"message.max.bytes": "20000000"}))
	huge := strings.Repeat("x", 5<<20)
	whole := strings.Repeat("y", ingest.MaxLineBytes)
	value := func(s string) *kgo.Record { return &kgo.Record{Topic: testTopic, Value: []byte(s)} }
	c.produceRecords([]*kgo.Record{
		value("first"),
		value("\x00\x01\xff\xfe\r\x00"),
		value(huge),
		value(""),
		{Topic: testTopic, Key: []byte("tombstone")},
		value(" \t\r\n"),
		value("with its end\r\n"),
		value(whole + "\n"),
		{Topic: testTopic, Key: []byte("k"), Value: []byte("with headers"), Headers: []kgo.RecordHeader{{Key: "h", Value: []byte("v")}}},
		value(whole + "z"),
		value(huge[:2<<20]),
	})
	for _, end := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort} {
		cl := c.producer(kgo.TransactionalID("tx"))
		if err := cl.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := cl.ProduceSync(context.Background(), value("in a transaction")).FirstErr(); err != nil {
			t.Fatal(err)
		}
		if err := cl.EndTransaction(context.Background(), end); err != nil {
			t.Fatal(err)
		}
		cl.Close()
	}
	c.produceRecords([]*kgo.Record{value("last")}, kgo.ProducerBatchCompression(kgo.ZstdCompression()))

	m := c.start(starter{})
	got := m.wants(11)
	m.stop()
	beginning := huge[:ingest.MaxLineBytes]
	want := []line{
		{"logs/0", 0, "first", false, false},
		{"logs/0", 1, "\x00\x01\xff\xfe\r\x00", false, false},
		{"logs/0", 2, beginning, true, false},
		{"logs/0", 6, "with its end", false, false},
		{"logs/0", 7, whole, false, false},
		{"logs/0", 8, "with headers", false, false},
		{"logs/0", 9, whole, true, false},
		{"logs/0", 10, beginning, true, false},
		{"logs/0", 11, "in a transaction", false, false},
		{"logs/0", 13, "in a transaction", false, false}, // aborted: kafka-go cannot tell
		{"logs/0", 15, "last", false, false},
	}
	if !slices.Equal(got, want) {
		for i := range max(len(got), len(want)) {
			var g, w line
			if i < len(got) {
				g = got[i]
			}
			if i < len(want) {
				w = want[i]
			}
			if g != w {
				t.Errorf("line %d: got %d %.20q cut %v, want %d %.20q cut %v", i, g.offset, g.text, g.cut, w.offset, w.text, w.cut)
			}
		}
	}
	for reason, n := range map[string]float64{skippedEmpty: 3, skippedControl: 2, skippedUnreadable: 0} {
		if v, _ := m.metric("skipped_records_total", reason); v != n {
			t.Error(reason, v)
		}
	}
	if got := c.commit(testTopic, 0); got.Offset != 16 {
		t.Error("committed", got.Offset)
	}
}

// An error of a fetch leaves a Conn out of step; the partition goes on with
// another and neither loses nor repeats anything.
func TestFetchErrors(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1)
	c.produce(testTopic, 0, numbered("a", 5))
	m := c.start(starter{})
	m.wants(5)
	eventually(t, "ready", m.Ready)
	fetch := []kmsg.Key{kmsg.Fetch}
	for i, err := range []*kerr.Error{
		kerr.NotLeaderForPartition, kerr.UnknownTopicOrPartition, kerr.OffsetOutOfRange, kerr.KafkaStorageError, nil,
	} {
		if err == nil {
			c.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) { return nil, errors.New("hang up"), true })
		} else {
			h := c.Fault(kfake.Fault{Keys: fetch, Err: err, Count: 2})
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			if err := h.Wait(ctx, 2); err != nil {
				t.Fatal(err)
			}
			cancel()
		}
		c.produce(testTopic, 0, numbered("b", 1))
		m.wants(6 + i)
	}
	eventually(t, "ready again", m.Ready)
	m.stop()
	if got := offsets(m.got(), "logs/0"); !slices.Equal(got, upTo(0, 10)) {
		t.Error(got)
	}
	if v, _ := m.metric("fetch_errors_total"); v < 9 {
		t.Error("errors", v)
	}
	if v, _ := m.metric("rebalances_total"); v != 1 {
		t.Error("generations", v)
	}
}

// Lines that retention took first are counted, and reading goes on behind them.
func TestRetention(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1)
	c.produce(testTopic, 0, numbered("a", 5))
	m := c.start(starter{horizon: func(string) (int64, bool) { return 2, true }})
	m.wants(5)
	m.stop()
	for range 10 {
		c.produce(testTopic, 0, numbered("b", 1))
	}
	if err := c.DeleteRecords(testTopic, 0, 12); err != nil {
		t.Fatal(err)
	}
	m = c.start(starter{})
	got := m.wants(3)
	if !slices.Equal(offsets(got, "logs/0"), upTo(12, 15)) || got[0].replay {
		t.Error(got)
	}
	if v, _ := m.metric("lost_records_total"); v != 7 {
		t.Error("lost", v)
	}
}

// A topic that was made anew is read from its start, though more was committed
// than it has.
func TestRecreated(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1)
	c.produce(testTopic, 0, numbered("a", 20))
	m := c.start(starter{})
	m.wants(20)
	m.stop()
	// kfake drops commits with the topic, brokers do not always.
	old := c.commit(testTopic, 0)
	if err := c.DeleteTopic(testTopic); err != nil {
		t.Fatal(err)
	}
	if err := c.CreateTopic(testTopic, 1, nil); err != nil {
		t.Fatal(err)
	}
	c.commitAs(old.Offset, "slowpod/1 horizon=3")
	c.produce(testTopic, 0, numbered("b", 5))
	m = c.start(starter{})
	if got := m.wants(5); !slices.Equal(offsets(got, "logs/0"), upTo(0, 5)) || got[0].replay || got[0].text != "b0" {
		t.Error(got)
	}
	eventually(t, "committed", func() bool { return c.commit(testTopic, 0).Offset == 5 })
}

// commitAs commits for the group while it is empty.
func (c *cluster) commitAs(offset int64, metadata string) {
	c.t.Helper()
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Group, req.Generation = testGroup, -1
	topic := kmsg.NewOffsetCommitRequestTopic()
	topic.Topic = testTopic
	p := kmsg.NewOffsetCommitRequestTopicPartition()
	p.Offset, p.Metadata = offset, &metadata
	topic.Partitions = append(topic.Partitions, p)
	req.Topics = append(req.Topics, topic)
	cl := c.producer()
	defer cl.Close()
	if _, err := req.RequestWith(context.Background(), cl); err != nil {
		c.t.Fatal(err)
	}
}

// Compaction leaves batches without records, on which kafka-go panics, and
// compressed batches whose end is missing, at which it asks for ever.
func TestCompacted(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1)
	c.produce(testTopic, 0, numbered("x", 20)) // the offsets, to the broker
	log := []struct {
		end   int64
		batch []byte
	}{
		{3, recordBatch(0, 3, false, "a", "b", "c")},
		{8, recordBatch(3, 5, false)},
		{9, recordBatch(8, 1, false, "d")},
		{15, recordBatch(9, 6, true, "e", "f", "g")},
		{16, recordBatch(15, 1, false, "h")},
		{20, recordBatch(16, 4, false, "i", "j")},
	}
	c.ControlKey(int16(kmsg.Fetch), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		req := kreq.(*kmsg.FetchRequest)
		offset := req.Topics[0].Partitions[0].FetchOffset
		if offset >= 20 {
			return nil, nil, false
		}
		resp := req.ResponseKind().(*kmsg.FetchResponse)
		topic := kmsg.NewFetchResponseTopic()
		topic.Topic = testTopic
		p := kmsg.NewFetchResponseTopicPartition()
		p.HighWatermark, p.LastStableOffset = 20, 20
		for _, b := range log {
			if b.end > offset {
				p.RecordBatches = append(p.RecordBatches, b.batch...)
			}
		}
		topic.Partitions = append(topic.Partitions, p)
		resp.Topics = append(resp.Topics, topic)
		return resp, nil, true
	})
	m := c.start(starter{})
	got := m.wants(10)
	eventually(t, "the end", func() bool { return c.commit(testTopic, 0).Offset == 20 })
	m.stop()
	text := ""
	for _, l := range got {
		text += l.text
	}
	if want := []int64{0, 1, 2, 8, 9, 10, 11, 15, 16, 17}; text != "abcdefghij" || !slices.Equal(offsets(got, "logs/0"), want) {
		t.Error(text, offsets(got, "logs/0"))
	}
}

// recordBatch is a batch as a broker keeps it; span is how many offsets it
// covers.
func recordBatch(first int64, span int, compressed bool, values ...string) []byte {
	var rs []byte
	for i, v := range values {
		r := kmsg.Record{OffsetDelta: int32(i), Value: []byte(v)}
		r.Length = int32(len(r.AppendTo(nil)) - 1)
		rs = r.AppendTo(rs)
	}
	attrs := int16(0)
	if compressed {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		w.Write(rs)
		w.Close()
		rs, attrs = b.Bytes(), 1
	}
	b := kmsg.RecordBatch{
		FirstOffset: first, Magic: 2, Attributes: attrs, LastOffsetDelta: int32(span - 1),
		NumRecords: int32(len(values)), Records: rs, ProducerID: -1, ProducerEpoch: -1, FirstSequence: -1,
	}
	raw := b.AppendTo(nil)
	binary.BigEndian.PutUint32(raw[8:], uint32(len(raw)-12))
	return raw
}
