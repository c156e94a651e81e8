package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/slowpod/slowpod/bench/workload"
)

const (
	// partitions is how many a topic gets that is not there yet.
	partitions = 4
	// batchLines is how many lines are given to Kafka at once.
	batchLines = 1000
	// kafkaWithin is how long a broker may take for a batch.
	kafkaWithin = 30 * time.Second
)

// requestID is in a line, or in one that stands in a string.
var requestID = regexp.MustCompile(`request_id\\?":\\?"([^"\\]+)`)

// toKafka writes the lines into a topic, broker:port/topic. They are keyed by
// request, as the shipped configuration of Fluent Bit does it, so that both
// sides of a call are in one partition.
func toKafka(g *workload.Generator, place string) error {
	broker, topic, _ := strings.Cut(place, "/")
	ctx := context.Background()
	client := &kafka.Client{Addr: kafka.TCP(broker), Timeout: kafkaWithin}
	made, err := client.CreateTopics(ctx, &kafka.CreateTopicsRequest{
		Topics: []kafka.TopicConfig{{Topic: topic, NumPartitions: partitions, ReplicationFactor: 1}},
	})
	if err == nil {
		err = made.Errors[topic]
	}
	if err != nil && !errors.Is(err, kafka.TopicAlreadyExists) {
		return fmt.Errorf("topic %s: %w", topic, err)
	}
	w := &kafka.Writer{
		Addr: kafka.TCP(broker), Topic: topic, Balancer: kafka.Murmur2Balancer{}, RequiredAcks: kafka.RequireOne,
		BatchSize: batchLines, BatchTimeout: 5 * time.Millisecond, Compression: kafka.Lz4,
	}
	var batch []kafka.Message
	send := func() error {
		within, cancel := context.WithTimeout(ctx, kafkaWithin)
		defer cancel()
		defer func() { batch = batch[:0] }()
		return w.WriteMessages(within, batch...)
	}
	for l := (workload.Line{}); g.Next(&l); {
		m := kafka.Message{Value: bytes.Clone(l.Bytes)}
		if id := requestID.FindSubmatch(m.Value); id != nil {
			m.Key = id[1]
		}
		if batch = append(batch, m); len(batch) == batchLines {
			if err := send(); err != nil {
				return errors.Join(err, w.Close())
			}
		}
	}
	return errors.Join(send(), w.Close())
}
