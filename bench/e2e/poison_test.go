//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/slowpod/slowpod/bench/workload"
)

// Anything may stand in a topic. What is no access-log entry is counted by what
// it is, stops nothing, and is committed like the rest.
func TestNothingInATopicStopsReading(t *testing.T) {
	t.Parallel()
	const topic, partitions, groupName = "envoy-access-logs", 2, "slowpod"

	broker := startKafka(t)
	broker.topic(t, topic, partitions)
	member := startMember(t, "slowpod", group(broker, groupName, topic, ""))
	member.ready()

	// A minute of entries, poison between any two of its five parts, another
	// minute in transactions: one that counts, one that was taken back.
	start := time.Now().Add(-10 * time.Minute).Truncate(time.Second)
	entries := entriesOf(start, time.Minute)
	want := map[string]float64{}
	send := func(all ...kafka.Message) {
		t.Helper()
		if err := broker.writer(t, topic, 0).send(t.Context(), all); err != nil {
			t.Fatal(err)
		}
	}
	for part := range 5 {
		for partition := range partitions {
			for _, p := range poison {
				key := []byte(fmt.Sprint(p.what, partition))
				if p.noKey {
					key = nil
				}
				send(kafka.Message{Key: key, Value: p.value})
				want[p.counts]++
			}
		}
		send(entries[part*len(entries)/5 : (part+1)*len(entries)/5]...)
	}
	const committed, aborted = 100, 50
	later := entriesOf(start.Add(2*time.Minute), time.Minute)
	transaction(t, broker, topic, later[:committed], kgo.TryCommit)
	transaction(t, broker, topic, later[committed:committed+aborted], kgo.TryAbort)
	send(later[committed+aborted:]...)
	// All of them: what was taken back is read as well, as the documentation says.
	want["record"] = float64(len(entries) + len(later))

	broker.caughtUp(t, groupName, topic, partitions)
	eventually(t, "everything is counted as what it is", func() error {
		all, err := member.metrics()
		if err != nil {
			return err
		}
		got := map[string]float64{
			"record":   sum(all, "slowpod_lines_total", "source", "kafka", "result", "record"),
			"foreign":  sum(all, "slowpod_lines_total", "source", "kafka", "result", "foreign"),
			"too_long": sum(all, "slowpod_malformed_lines_total", "source", "kafka", "reason", "too_long"),
			"malformed": sum(all, "slowpod_lines_total", "source", "kafka", "result", "malformed") -
				sum(all, "slowpod_malformed_lines_total", "source", "kafka", "reason", "too_long"),
			"empty": sum(all, "slowpod_kafka_skipped_records_total", "reason", "empty"),
		}
		for what, n := range want {
			if got[what] != n {
				err = fmt.Errorf("%s: %v instead of %v (all: %v)", what, got[what], n, got)
			}
		}
		if err != nil {
			return err
		}
		// A marker in each partition that the transaction wrote to.
		if n := sum(all, "slowpod_kafka_skipped_records_total", "reason", "control"); n < 2 || n > 2*partitions {
			return fmt.Errorf("%v transaction markers", n)
		}
		if n := sum(all, "slowpod_kafka_fetch_errors_total"); n != 0 {
			return fmt.Errorf("%v failures to read", n)
		}
		if n := sum(all, "slowpod_kafka_lag_records"); n != 0 {
			return fmt.Errorf("a lag of %v", n)
		}
		return nil
	})
	member.leave()
}

// poison by what it counts as.
var poison = []struct {
	what   string
	noKey  bool
	value  []byte
	counts string
}{
	{"binary", false, []byte("\x00\x01\xff\xfe\x80{\x00}\n\r\x7f"), "foreign"},
	{"noise", false, bytes.Repeat([]byte("\xf3\x28\x8c"), 1000), "foreign"},
	{"huge", false, bytes.Repeat([]byte("A"), 5<<20), "too_long"},
	{"huge JSON", false, append([]byte(`{"response_flags":"UT","path":"`), bytes.Repeat([]byte("x"), 5<<20)...), "too_long"},
	{"empty", false, []byte{}, "empty"},
	{"tombstone", false, nil, "empty"},
	{"null", true, nil, "empty"},
	{"proxy", false, []byte("2026-03-02T10:00:00.000000Z\tinfo\tEnvoy proxy is ready"), "foreign"},
	{"CSV", false, []byte("a,b,c"), "foreign"},
	{"another JSON", false, []byte(`{"log":"GET / 200","kubernetes":{"pod_name":"nginx-0"}}`), "foreign"},
	{"array", false, []byte(`[1,2,3]`), "foreign"},
	{"deep", false, bytes.Repeat([]byte("["), 100_000), "foreign"},
	{"cut off", false, []byte(`{"start_time":"2026-03-02T10:00:00.000Z","response_flags":"UT","upstream_clus`), "malformed"},
}

func entriesOf(start time.Time, d time.Duration) (all []kafka.Message) {
	next := byRequest(start, workload.Catalog(workload.CatalogOptions{
		Options: workload.Options{Seed: 3, Start: start, Duration: d, Rate: 10, Format: workload.FluentBit},
	}))
	for l, ok := next(); ok; l, ok = next() {
		all = append(all, l.message)
	}
	return all
}

// transaction produces all messages at once, and ends as it is told to.
func transaction(t testing.TB, b *broker, topic string, all []kafka.Message, end kgo.TransactionEndTry) {
	t.Helper()
	c, err := kgo.NewClient(kgo.SeedBrokers(b.address), kgo.TransactionalID("test"), kgo.DefaultProduceTopic(topic))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	var records []*kgo.Record
	for _, m := range all {
		records = append(records, &kgo.Record{Key: m.Key, Value: m.Value})
	}
	if err := c.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if err := c.EndTransaction(t.Context(), end); err != nil {
		t.Fatal(err)
	}
}
