// Command broker is a Kafka in memory with the corpus in it, for benchmarks: so
// that what reads from it is a process of its own, whose work can be told from
// the broker's.
package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/slowpod/slowpod/bench/workload"
)

const about = `Starts a broker on loopback, fills the topics none, lz4 and zstd with the corpus, each compressed as it is called, prints the broker's address, and ends with its standard input.

Example:
  sleep 1h | go run ./bench/broker --lines=300000`

const (
	partitions = 4
	// batchBytes is how large a batch may be before it is compressed, a little
	// less than what brokers take by default.
	batchBytes = 1_000_000
)

func main() {
	k := kingpin.New("broker", about)
	lines := k.Flag("lines", "Lines in each topic.").Default("300000").Int()
	kingpin.MustParse(k.Parse(os.Args[1:]))
	if err := serve(context.Background(), *lines, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "broker:", err)
		os.Exit(1)
	}
}

// serve runs the broker until there is no more to read.
func serve(ctx context.Context, lines int, until io.Reader, w io.Writer) error {
	codecs := map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	}
	opts := []kfake.Opt{kfake.NumBrokers(1)}
	for topic := range codecs {
		opts = append(opts, kfake.SeedTopics(partitions, topic))
	}
	cluster, err := kfake.NewCluster(opts...)
	if err != nil {
		return err
	}
	defer cluster.Close()
	address := cluster.ListenAddrs()[0]
	for topic, codec := range codecs {
		if err := fill(ctx, address, topic, codec, lines); err != nil {
			return fmt.Errorf("topic %s: %w", topic, err)
		}
	}
	if _, err := fmt.Fprintln(w, address); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, until)
	return err
}

// fill produces the corpus, keyed by request as the shipped configuration of
// Fluent Bit does it: both sides of a call are in one partition.
func fill(ctx context.Context, address, topic string, codec kgo.CompressionCodec, lines int) error {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(address), kgo.DefaultProduceTopic(topic), kgo.ProducerBatchCompression(codec),
		kgo.ProducerBatchMaxBytes(batchBytes), kgo.ProducerLinger(100*time.Millisecond), kgo.MaxBufferedRecords(1<<15),
	)
	if err != nil {
		return err
	}
	defer client.Close()
	var failed kgo.FirstErrPromise
	g := workload.Corpus(workload.CorpusOptions{Options: workload.Options{Lines: lines}})
	for l := (workload.Line{}); g.Next(&l); {
		r := &kgo.Record{Value: bytes.Clone(l.Bytes)}
		_, rest, _ := bytes.Cut(r.Value, []byte(`"request_id":"`))
		r.Key, _, _ = bytes.Cut(rest, []byte(`"`))
		client.Produce(ctx, r, failed.Promise())
	}
	if err := client.Flush(ctx); err != nil {
		return err
	}
	return failed.Err()
}
