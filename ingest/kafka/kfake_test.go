package kafka

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	testTopic = "logs"
	testGroup = "g"
	patience  = time.Minute
)

// cluster is a broker in this process.
type cluster struct {
	*kfake.Cluster
	t    testing.TB
	addr string
}

func newCluster(t testing.TB, partitions int32, opts ...kfake.Opt) *cluster {
	t.Helper()
	opts = append([]kfake.Opt{
		kfake.NumBrokers(1),
		kfake.SeedTopics(partitions, testTopic),
		kfake.GroupMinSessionTimeout(10 * time.Millisecond),
	}, opts...)
	c, err := kfake.NewCluster(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return &cluster{c, t, c.ListenAddrs()[0]}
}

// config is one with which everything happens soon.
func (c *cluster) config() Config {
	cfg := DefaultConfig()
	cfg.Brokers = []string{c.addr}
	cfg.Topics = []string{testTopic}
	cfg.GroupID = testGroup
	cfg.InitialOffset = earliest
	cfg.MaxWait = 20 * time.Millisecond
	cfg.CommitInterval = 10 * time.Millisecond
	cfg.SessionTimeout = 5 * time.Second
	cfg.HeartbeatInterval = 20 * time.Millisecond
	cfg.RebalanceTimeout = 5 * time.Second
	cfg.MetadataInterval = 50 * time.Millisecond
	cfg.RetryBackoff = 5 * time.Millisecond
	cfg.Timeout = 2 * time.Second
	return cfg
}

// produce writes values into a partition, as one batch if they fit in one.
func (c *cluster) produce(topic string, partition int32, values []string, opts ...kgo.Opt) {
	c.t.Helper()
	rs := make([]*kgo.Record, len(values))
	for i, v := range values {
		rs[i] = &kgo.Record{Topic: topic, Partition: partition, Value: []byte(v)}
	}
	c.produceRecords(rs, opts...)
}

func (c *cluster) produceRecords(rs []*kgo.Record, opts ...kgo.Opt) {
	c.t.Helper()
	cl := c.producer(opts...)
	defer cl.Close()
	if err := cl.ProduceSync(context.Background(), rs...).FirstErr(); err != nil {
		c.t.Fatal(err)
	}
}

func (c *cluster) producer(opts ...kgo.Opt) *kgo.Client {
	c.t.Helper()
	opts = append([]kgo.Opt{
		kgo.SeedBrokers(c.addr),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.ProducerLinger(5 * time.Millisecond),
		kgo.ProducerBatchMaxBytes(16 << 20),
		kgo.MaxBufferedRecords(1 << 20),
	}, opts...)
	cl, err := kgo.NewClient(opts...)
	if err != nil {
		c.t.Fatal(err)
	}
	return cl
}

// commit is what the group has committed.
func (c *cluster) commit(topic string, partition int32) kfake.GroupCommit {
	info := c.GroupInfo(testGroup)
	if info == nil {
		return kfake.GroupCommit{Offset: -1}
	}
	gc, ok := info.Commits[topic][partition]
	if !ok {
		return kfake.GroupCommit{Offset: -1}
	}
	return gc
}
