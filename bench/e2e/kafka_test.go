//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
)

// broker is a Kafka of one Java process, broker and controller at once.
type broker struct {
	*process
	address    string
	properties string
	client     *kafka.Client
}

const (
	maxMessage = 8 << 20

	brokerProperties = `
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@%[2]s
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://%[1]s,CONTROLLER://%[2]s
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=%[3]s/data
auto.create.topics.enable=false
message.max.bytes=%[4]d
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=500
log.cleaner.dedupe.buffer.size=1048577
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
`
)

// startKafka formats a directory and starts a broker on it.
func startKafka(t testing.TB) *broker {
	t.Helper()
	dir := t.TempDir()
	b := &broker{address: freeAddress(t)}
	b.properties = write(t, dir, "server.properties",
		fmt.Sprintf(brokerProperties, b.address, freeAddress(t), dir, maxMessage))
	format := exec.Command("java", "-cp", jars, "kafka.tools.StorageTool", "format", "-t", "MkU3OEVBNTcwNTJENDM2Qg", "-c", b.properties)
	if out, err := format.CombinedOutput(); err != nil {
		t.Fatalf("kafka cannot format its directory: %v\n%s", err, out)
	}
	b.client = &kafka.Client{Addr: kafka.TCP(b.address), Timeout: 10 * time.Second, Transport: &kafka.Transport{}}
	b.start(t)
	return b
}

// start begins where stop ended: same address, same data.
func (b *broker) start(t testing.TB) {
	t.Helper()
	b.process = launch(t, "kafka", os.TempDir(), "java", "-Xms64m", "-Xmx256m", "-XX:+UseSerialGC",
		"-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
		"-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info",
		"-cp", jars, "kafka.Kafka", b.properties)
	b.says("Kafka Server started")
}

func (b *broker) stop() { b.end(syscall.SIGTERM) }

// topic makes a topic and waits until it can be written to.
func (b *broker) topic(t testing.TB, name string, partitions int) {
	t.Helper()
	eventually(t, "topic "+name+" is made", func() error {
		r, err := b.client.CreateTopics(t.Context(), &kafka.CreateTopicsRequest{
			Topics: []kafka.TopicConfig{{Topic: name, NumPartitions: partitions, ReplicationFactor: 1}},
		})
		if err == nil {
			err = r.Errors[name]
		}
		if errors.Is(err, kafka.TopicAlreadyExists) {
			err = nil
		}
		return err
	})
	eventually(t, "topic "+name+" has leaders", func() error {
		_, err := b.ends(t.Context(), name, partitions)
		return err
	})
}

// ends returns the offset behind the last record of each partition.
func (b *broker) ends(ctx context.Context, topic string, partitions int) ([]int64, error) {
	ask := make([]kafka.OffsetRequest, partitions)
	for i := range ask {
		ask[i] = kafka.LastOffsetOf(i)
	}
	r, err := b.client.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{topic: ask}})
	if err != nil {
		return nil, err
	}
	ends := make([]int64, partitions)
	for _, p := range r.Topics[topic] {
		if p.Error != nil {
			return nil, p.Error
		}
		ends[p.Partition] = p.LastOffset
	}
	return ends, nil
}

// caughtUp waits until a group has committed all that there is.
func (b *broker) caughtUp(t testing.TB, group, topic string, partitions int) {
	t.Helper()
	eventually(t, "group "+group+" has committed all of "+topic, func() error {
		ends, err := b.ends(t.Context(), topic, partitions)
		if err != nil {
			return err
		}
		ask := make([]int, partitions)
		for i := range ask {
			ask[i] = i
		}
		r, err := b.client.OffsetFetch(t.Context(), &kafka.OffsetFetchRequest{GroupID: group, Topics: map[string][]int{topic: ask}})
		if err != nil {
			return err
		}
		if r.Error != nil {
			return r.Error
		}
		if n := len(r.Topics[topic]); n != partitions {
			return fmt.Errorf("offsets of %d partitions", n)
		}
		var behind []string
		for _, p := range r.Topics[topic] {
			if p.Error != nil {
				return p.Error
			}
			// Nothing is committed where nothing was read.
			if end := ends[p.Partition]; p.CommittedOffset != end && end > 0 {
				behind = append(behind, fmt.Sprintf("partition %d: %d of %d", p.Partition, p.CommittedOffset, end))
			}
		}
		if len(behind) > 0 {
			return errors.New(strings.Join(behind, ", "))
		}
		return nil
	})
}

// writer produces as Fluent Bit does: what has one key comes into one
// partition, and what the broker does not take is sent again.
type writer struct{ kafka.Writer }

func (b *broker) writer(t testing.TB, topic string, codec kafka.Compression) *writer {
	w := &writer{kafka.Writer{
		Addr: kafka.TCP(b.address), Topic: topic, Balancer: kafka.Murmur2Balancer{}, Compression: codec,
		BatchSize: 1000, BatchBytes: maxMessage, BatchTimeout: 5 * time.Millisecond,
		RequiredAcks: kafka.RequireOne, MaxAttempts: 3, Transport: &kafka.Transport{},
	}}
	t.Cleanup(func() { _ = w.Close() })
	return w
}

// send returns when the broker has everything, whatever happens to it in
// between, or with an error when ctx has ended.
func (w *writer) send(ctx context.Context, all []kafka.Message) error {
	for len(all) > 0 {
		err := w.WriteMessages(ctx, all...)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var each kafka.WriteErrors
		if errors.As(err, &each) {
			var left []kafka.Message
			for i, e := range each {
				if e != nil {
					left = append(left, all[i])
				}
			}
			all = left
		}
		time.Sleep(50 * time.Millisecond)
	}
	return nil
}
