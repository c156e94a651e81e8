package kafka

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/slowpod/slowpod/ingest"
)

// failOn returns a handler that fails on the nth batch.
func failOn(n int32, err error) Handler {
	var calls atomic.Int32
	return func(context.Context, ingest.Batch) error {
		if calls.Add(1) == n {
			return err
		}
		return nil
	}
}

// The return of the handler is the acknowledgement, to the line; and a start
// within a batch of the broker's, compressed or not, repeats and loses nothing.
func TestAck(t *testing.T) {
	for _, codec := range []struct {
		name string
		kgo.CompressionCodec
	}{
		{"none", kgo.NoCompression()},
		{"gzip", kgo.GzipCompression()},
		{"snappy", kgo.SnappyCompression()},
		{"lz4", kgo.Lz4Compression()},
		{"zstd", kgo.ZstdCompression()},
	} {
		t.Run(codec.name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t, 1)
			values := numbered(strings.Repeat("compressible ", 20), 10)
			c.produce(testTopic, 0, values, kgo.ProducerBatchCompression(codec.CompressionCodec))

			boom := errors.New("boom")
			m := c.start(starter{batch: 3, handle: failOn(3, boom)})
			if err := m.ends(); err != boom {
				t.Fatal("Run returned", err)
			}
			if got := offsets(m.got(), "logs/0"); !slices.Equal(got, upTo(0, 6)) {
				t.Error("handled", got)
			}
			if got := c.commit(testTopic, 0); got.Offset != 6 || got.Metadata != "slowpod/1" {
				t.Errorf("committed %+v", got)
			}

			m = c.start(starter{batch: 3})
			got := m.wants(4)
			if err := m.stop(); err != nil {
				t.Error(err)
			}
			if !slices.Equal(offsets(got, "logs/0"), upTo(6, 10)) || got[0].text != values[6] || got[0].replay {
				t.Error("redelivered", got)
			}
			if got := c.commit(testTopic, 0); got.Offset != 10 {
				t.Errorf("committed %+v", got)
			}
		})
	}
}

// The next member of a partition reads from the horizon of the last one, and
// says which lines were acknowledged before.
func TestReplay(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1)
	c.produce(testTopic, 0, numbered("a", 10))
	m := c.start(starter{horizon: func(stream string) (int64, bool) { return 4, stream == "logs/0" }})
	m.wants(10)
	m.stop()
	if got := c.commit(testTopic, 0); got.Offset != 10 || got.Metadata != "slowpod/1 horizon=4" {
		t.Fatalf("committed %+v", got)
	}

	// The lines to be replayed and the new ones lie in one fetch.
	c.produce(testTopic, 0, numbered("b", 5))
	var mixed atomic.Bool
	hold := make(chan struct{})
	m = c.start(starter{handle: func(ctx context.Context, b ingest.Batch) error {
		mixed.CompareAndSwap(false, b.Replay != (b.Lines[len(b.Lines)-1].Number < 10) || b.Replay != (b.Lines[0].Number < 10))
		if !b.Replay {
			<-hold
		}
		return nil
	}})
	m.wants(6)
	// While it is not through, what is committed stands.
	if got := c.commit(testTopic, 0); got.Offset != 10 || got.Metadata != "slowpod/1 horizon=4" {
		t.Errorf("committed %+v", got)
	}
	close(hold)
	got := m.wants(11)
	m.stop()
	if !slices.Equal(offsets(got, "logs/0"), upTo(4, 15)) || mixed.Load() {
		t.Error(got, mixed.Load())
	}
	for _, l := range got {
		if l.replay != (l.offset < 10) {
			t.Error(l)
		}
	}
	if n, _ := m.metric("records_total"); n != 5 {
		t.Error("records", n)
	}
	if n, _ := m.metric("replayed_records_total"); n != 6 {
		t.Error("replayed", n)
	}
	if got := c.commit(testTopic, 0); got.Offset != 15 || got.Metadata != "slowpod/1" {
		t.Errorf("committed %+v", got)
	}
}

func TestReplayIsBounded(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1)
	c.produce(testTopic, 0, numbered("a", 10))
	m := c.start(starter{horizon: func(string) (int64, bool) { return 1, true }})
	m.wants(10)
	m.stop()
	m = c.start(starter{cfg: func(cfg *Config) { cfg.MaxReplay = 3 }})
	if got := m.wants(3); !slices.Equal(offsets(got, "logs/0"), upTo(7, 10)) {
		t.Error(got)
	}
}

func TestHorizonText(t *testing.T) {
	for _, c := range []struct {
		metadata string
		want     int64
		ok       bool
	}{
		{"slowpod/1 horizon=123", 123, true},
		{"slowpod/1 horizon=0", 0, true},
		{"slowpod/1 later=x horizon=7 more", 7, true},
		{"slowpod/1", 0, false},
		{"", 0, false},
		{"consumer-1-uuid", 0, false},
		{"slowpod/2 horizon=123", 0, false},
		{"slowpod/1 horizon=200", 0, false},
		{"slowpod/1 horizon=201", 0, false},
		{"slowpod/1 horizon=-1", 0, false},
		{"slowpod/1 horizon=", 0, false},
		{"slowpod/1 horizon=99999999999999999999", 0, false},
	} {
		got, ok := horizonOf(committed{200, c.metadata})
		if ok != c.ok || ok && got != c.want {
			t.Errorf("%q: %d %v", c.metadata, got, ok)
		}
	}
	for _, c := range []struct {
		next, horizon int64
		ok            bool
		want          string
	}{
		{10, 3, true, "slowpod/1 horizon=3"},
		{10, 3, false, "slowpod/1"},
		{10, 10, true, "slowpod/1"},
		{10, 11, true, "slowpod/1"},
		{10, -1, true, "slowpod/1"},
	} {
		if got := metadataOf(c.next, c.horizon, c.ok); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}

// A group that has never committed starts where it is told; and what it found
// there is committed, so that nothing is skipped by a crash before the first
// line.
func TestInitialOffset(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1)
	c.produce(testTopic, 0, numbered("old", 5))
	m := c.start(starter{cfg: func(cfg *Config) { cfg.InitialOffset = latest }})
	eventually(t, "the start is committed", func() bool { return c.commit(testTopic, 0).Offset == 5 })
	c.produce(testTopic, 0, numbered("new", 2))
	if got := m.wants(2); got[0].text != "new0" || got[0].replay {
		t.Error(got)
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2)
	c.produce(testTopic, 0, []string{"12345", "123"})
	hold := make(chan struct{})
	m := c.start(starter{batch: 1, handle: func(_ context.Context, b ingest.Batch) error {
		if b.Lines[0].Number == 1 {
			<-hold
		}
		return nil
	}})
	m.wants(1)
	close(hold)
	m.wants(2)
	eventually(t, "no lag", func() bool { v, there := m.metric("lag_records", "0"); return there && v == 0 })
	eventually(t, "ready", m.Ready)
	for name, want := range map[string]float64{
		"records_total": 2, "bytes_total": 8, "rebalances_total": 1, "lost_records_total": 0, "missing_topics": 0,
	} {
		if v, _ := m.metric(name); v != want {
			t.Error(name, v)
		}
	}
	if v, _ := m.metric("last_record_timestamp_seconds", "0"); v < float64(time.Now().Add(-time.Minute).Unix()) {
		t.Error("last record", v)
	}
	if _, there := m.metric("last_record_timestamp_seconds", "1"); there {
		t.Error("a last record where there is none")
	}
	m.stop()
	if v, _ := m.metric("commits_total"); v == 0 {
		t.Error("no commits")
	}
	for _, gone := range []string{"lag_records", "last_record_timestamp_seconds"} {
		if _, there := m.metric(gone); there {
			t.Error(gone, "is still there")
		}
	}
	if m.Ready() {
		t.Error("ready after the end")
	}
	if got := m.callbacks(); got != "+logs/0 +logs/1 -logs/0 -logs/1" {
		t.Error(got)
	}
	if _, err := New(c.config(), Options{Registerer: m.reg}); err == nil {
		t.Error("the same metrics twice")
	}
}
