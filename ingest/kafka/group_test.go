package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/slowpod/slowpod/ingest"
)

// feed produces into all partitions until the test is done with it.
func (c *cluster) feed(partitions int32) (stop func() (each int64)) {
	cl := c.producer(kgo.ProducerLinger(0))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan int64)
	go func() {
		defer cl.Close()
		n := int64(0)
		for ; ctx.Err() == nil; n++ {
			rs := []*kgo.Record{}
			for p := range partitions {
				rs = append(rs, &kgo.Record{Topic: testTopic, Partition: p, Value: fmt.Appendf(nil, "%d", n)})
			}
			if err := cl.ProduceSync(context.Background(), rs...).FirstErr(); err != nil {
				c.t.Error(err)
				break
			}
		}
		done <- n
	}()
	return func() int64 {
		cancel()
		return <-done
	}
}

// each checks that the members together had every line of every partition, and
// those of one partition in order.
func each(t *testing.T, partitions int, n int64, members ...*member) {
	t.Helper()
	for p := range partitions {
		seen := map[int64]bool{}
		for i, m := range members {
			got := offsets(m.got(), fmt.Sprint("logs/", p))
			for j := 1; j < len(got); j++ {
				if got[j] <= got[j-1] {
					// One member sees a line twice only if it lost the
					// partition in between.
					if !strings.Contains(m.callbacks(), fmt.Sprintf("-logs/%d", p)) {
						t.Errorf("member %d, partition %d: %d after %d", i, p, got[j], got[j-1])
					}
				}
			}
			for _, o := range got {
				seen[o] = true
			}
		}
		if int64(len(seen)) != n {
			t.Errorf("partition %d: %d of %d lines", p, len(seen), n)
		}
	}
}

// hasSeriesOfItsOwn waits until the series with a partition are those of the
// partitions that the member has now.
func (m *member) hasSeriesOfItsOwn(partitions int) {
	m.t.Helper()
	told := m.callbacks()
	for p := range partitions {
		stream := fmt.Sprint("logs/", p)
		owned := strings.LastIndex(told, "+"+stream) > strings.LastIndex(told, "-"+stream)
		for _, name := range []string{"lag_records", "last_record_timestamp_seconds"} {
			eventually(m.t, fmt.Sprintf("%s of %s: %v", name, stream, owned), func() bool {
				_, there := m.metric(name, strconv.Itoa(p))
				return there == owned
			})
		}
	}
}

// Members share the partitions; one leaves, the other takes over; nothing is
// lost, and what a member keeps in a rebalance is not revoked.
func TestMembers(t *testing.T) {
	t.Parallel()
	const partitions = 4
	c := newCluster(t, partitions)
	stop := c.feed(partitions)
	a := c.start(starter{})
	a.wants(100)
	b := c.start(starter{})
	b.wants(100)
	eventually(t, "two each", func() bool { return strings.Count(a.callbacks(), "-") == 2 })
	if !a.Ready() {
		eventually(t, "ready", a.Ready)
	}
	if got := a.callbacks(); len(got) != len("+logs/0 +logs/1 +logs/2 +logs/3 -logs/0 -logs/1") {
		t.Error("callbacks of the first:", got)
	}
	if got := b.callbacks(); len(got) != len("+logs/0 +logs/1") {
		t.Error("callbacks of the second:", got)
	}
	a.wants(len(a.got()) + 100)
	a.hasSeriesOfItsOwn(partitions)
	b.hasSeriesOfItsOwn(partitions)
	if err := b.stop(); err != nil {
		t.Error(err)
	}
	n := len(a.got())
	eventually(t, "all four again", func() bool { return strings.Count(a.callbacks(), "+") == 6 })
	a.wants(n + 100)
	a.hasSeriesOfItsOwn(partitions)
	total := stop()
	eventually(t, "the end", func() bool {
		for p := range int32(partitions) {
			if c.commit(testTopic, p).Offset != total {
				return false
			}
		}
		return true
	})
	a.stop()
	each(t, partitions, total, a, b)
	// Nobody failed, so nobody got a line twice.
	if got := len(a.got()) + len(b.got()); int64(got) != partitions*total {
		t.Errorf("%d lines, handled %d", partitions*total, got)
	}
}

// Who was thrown out joins again and loses nothing.
func TestThrownOut(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2)
	stop := c.feed(2)
	// The broker waits that long for the member that it did not know.
	m := c.start(starter{cfg: func(cfg *Config) { cfg.SessionTimeout = 500 * time.Millisecond }})
	m.wants(50)
	h := c.Fault(
		kfake.Fault{Keys: []kmsg.Key{kmsg.Heartbeat}, Group: testGroup, Err: kerr.UnknownMemberID},
		kfake.Fault{Keys: []kmsg.Key{kmsg.JoinGroup}, Group: testGroup, Err: kerr.UnknownMemberID},
	)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := h.Wait(ctx, 2); err != nil {
		t.Fatal(err)
	}
	eventually(t, "ready again", func() bool { v, _ := m.metric("rebalances_total"); return v >= 2 && m.Ready() })
	m.wants(len(m.got()) + 50)
	total := stop()
	eventually(t, "the end", func() bool { return c.commit(testTopic, 0).Offset == total && c.commit(testTopic, 1).Offset == total })
	m.stop()
	each(t, 2, total, m)
	if !strings.Contains(m.log.String(), noGroup) {
		t.Error("not told")
	}
}

// A commit that fails is counted and tried again; reading does not notice.
func TestCommitFails(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1)
	commits := kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Group: testGroup}
	illegal, loading := commits, commits
	illegal.Err, illegal.Count = kerr.IllegalGeneration, 3
	loading.Err = kerr.CoordinatorLoadInProgress
	c.Fault(illegal, loading)
	c.ControlKey(int16(kmsg.OffsetCommit), func(kmsg.Request) (kmsg.Response, error, bool) { return nil, errors.New("hang up"), true })
	c.produce(testTopic, 0, numbered("a", 10))
	m := c.start(starter{})
	m.wants(10)
	eventually(t, "committed at last", func() bool { return c.commit(testTopic, 0).Offset == 10 })
	if v, _ := m.metric("commit_failures_total"); v != 5 {
		t.Error("failures", v)
	}
	if n := m.log.count(noCommit + "; trying again"); n != 1 {
		t.Errorf("told %d times", n)
	}
	if v, _ := m.metric("rebalances_total"); v != 1 || len(m.got()) != 10 {
		t.Error(v, len(m.got()))
	}
}

// When the last commit of a generation fails, a member that keeps the partition
// goes on where it was: it need not repeat what it has handled.
func TestLastCommitFails(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1)
	m := c.start(starter{cfg: func(cfg *Config) { cfg.CommitInterval = time.Hour }})
	c.produce(testTopic, 0, numbered("a", 5))
	m.wants(5)
	c.Fault(
		kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: kerr.CoordinatorNotAvailable, Count: commitTries},
		kfake.Fault{Keys: []kmsg.Key{kmsg.Heartbeat}, Err: kerr.RebalanceInProgress},
	)
	eventually(t, "a second generation", func() bool { v, _ := m.metric("rebalances_total"); return v == 2 })
	c.produce(testTopic, 0, numbered("b", 5))
	m.wants(10)
	m.stop()
	if got := offsets(m.got(), "logs/0"); !slices.Equal(got, upTo(0, 10)) {
		t.Error(got)
	}
	if got := c.commit(testTopic, 0); got.Offset != 10 {
		t.Error(got)
	}
}

// A handler that waits hears at once that the group rebalances. The batch that
// it gives up is no fault, and comes again.
func TestWaitingHandlerInRebalance(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2)
	c.produce(testTopic, 0, numbered("a", 1))
	c.produce(testTopic, 1, numbered("a", 1))
	in := make(chan struct{}, 2)
	slow := func(cfg *Config) { cfg.RebalanceTimeout, cfg.SessionTimeout = 2*patience, 2*patience }
	a := c.start(starter{
		cfg: slow,
		handle: func(ctx context.Context, b ingest.Batch) error {
			if b.Stream == "logs/1" {
				return nil
			}
			in <- struct{}{}
			<-ctx.Done()
			return ctx.Err()
		},
	})
	<-in
	b := c.start(starter{cfg: slow})
	eventually(t, "the other has its half", func() bool { return strings.Contains(b.callbacks(), "+") })
	select {
	case <-a.done:
		t.Error("a batch given up ended the run:", a.err)
	default:
	}
	if err := a.stop(); err != nil {
		t.Error(err)
	}
	eventually(t, "redelivered", func() bool { return slices.Contains(b.got(), line{"logs/0", 0, "a0", false, false}) })
	if got := len(a.got()) + len(b.got()); got != 2 {
		t.Error("lines", got)
	}
}

// A batch that is being handled is finished and committed before its partition
// is anybody else's.
func TestBusyHandlerInRebalance(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2)
	c.produce(testTopic, 0, numbered("a", 1))
	c.produce(testTopic, 1, numbered("b", 1))
	in, out := make(chan struct{}, 2), make(chan struct{})
	a := c.start(starter{handle: func(ctx context.Context, b ingest.Batch) error {
		if b.Lines[0].Number > 0 {
			return nil
		}
		in <- struct{}{}
		<-ctx.Done() // the group rebalances
		<-out
		return nil
	}})
	<-in
	<-in
	b := c.start(starter{})
	time.Sleep(100 * time.Millisecond)
	if got := b.callbacks(); got != "" {
		t.Error("somebody else's already:", got)
	}
	close(out)
	eventually(t, "the other has its half", func() bool { return strings.Contains(b.callbacks(), "+") })
	c.produce(testTopic, 0, numbered("c", 1))
	c.produce(testTopic, 1, numbered("c", 1))
	a.wants(3)
	b.wants(1)
	if got := b.got()[0].text; got != "c0" {
		t.Error("delivered twice:", got)
	}
}

// Run ends though the group never answers.
func TestStopWhileJoining(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1)
	joining := make(chan struct{}, 1)
	c.ControlKey(int16(kmsg.JoinGroup), func(kmsg.Request) (kmsg.Response, error, bool) {
		joining <- struct{}{}
		return nil, nil, true
	})
	m := c.start(starter{cfg: func(cfg *Config) { cfg.Timeout = 100 * time.Millisecond; cfg.RebalanceTimeout = time.Minute }})
	<-joining
	if m.Ready() {
		t.Error("ready")
	}
	if err := m.stop(); err != nil {
		t.Error(err)
	}
}
