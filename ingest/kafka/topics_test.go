package kafka

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// A topic that does not exist stops nobody, is not created, and is read from
// when it is there. More partitions are noticed.
func TestTopics(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1, kfake.AllowAutoTopicCreation())
	var joins atomic.Int64
	c.ControlKey(int16(kmsg.JoinGroup), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		joins.Add(1)
		return nil, nil, false
	})
	c.produce(testTopic, 0, numbered("a", 3))
	m := c.start(starter{cfg: func(cfg *Config) { cfg.Topics = []string{"missing", testTopic} }})
	m.wants(3)
	eventually(t, "ready without it", func() bool {
		v, _ := m.metric("missing_topics")
		return v == 1 && c.TopicInfo("missing") == nil && m.Ready()
	})
	if n := joins.Load(); n > 2 {
		t.Errorf("joined %d times", n)
	}
	if err := c.CreateTopic("missing", 1, nil); err != nil {
		t.Fatal(err)
	}
	c.produce("missing", 0, numbered("b", 3))
	got := m.wants(6)
	if got[5].stream != "missing/0" {
		t.Error(got)
	}
	adm := kmsg.NewPtrCreatePartitionsRequest()
	tp := kmsg.NewCreatePartitionsRequestTopic()
	tp.Topic, tp.Count = testTopic, 2
	adm.Topics = append(adm.Topics, tp)
	cl := c.producer()
	defer cl.Close()
	if _, err := adm.RequestWith(context.Background(), cl); err != nil {
		t.Fatal(err)
	}
	c.produce(testTopic, 1, numbered("c", 1))
	got = m.wants(7)
	if got[6].stream != "logs/1" {
		t.Error(got)
	}

	if err := c.DeleteTopic("missing"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "given up", func() bool { return strings.HasSuffix(m.callbacks(), "-missing/0") })
	c.produce(testTopic, 1, numbered("d", 1))
	m.wants(8)
	eventually(t, "ready", m.Ready)
	m.stop()
	if c.TopicInfo("missing") != nil {
		t.Error("the topic was created again")
	}
	if n := joins.Load(); n > 8 {
		t.Errorf("joined %d times", n)
	}
}
