package kafka

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/slowpod/slowpod/ingest"
)

// BenchmarkRead reads a topic of access-log lines, with all that belongs to it,
// from a broker in the same process: its work is in the figures, its
// allocations are not those of one record.
func BenchmarkRead(b *testing.B) {
	const records = 100_000
	for _, codec := range []struct {
		name string
		kgo.CompressionCodec
	}{{"none", kgo.NoCompression()}, {"lz4", kgo.Lz4Compression()}} {
		b.Run(codec.name, func(b *testing.B) {
			c := newCluster(b, 1)
			var size int64
			values := make([]string, records)
			for i := range values {
				values[i] = fmt.Sprintf(`{"start_time":"2026-11-21T10:00:00.%03dZ","request_id":"%032x","upstream_host":"10.%d.%d.%d:8080","duration":%d,%s}`,
					i%1000, i*2654435761, i%7, i%11, i%13, i%5000, strings.Repeat(`"field":"some value that is like the others",`, 15))
				size += int64(len(values[i]))
			}
			c.produce(testTopic, 0, values, kgo.ProducerBatchCompression(codec.CompressionCodec), kgo.ProducerBatchMaxBytes(1_000_000))
			b.SetBytes(size)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				cfg := c.config()
				cfg.GroupID = fmt.Sprint("g", i)
				src, err := New(cfg, Options{Logger: slog.New(slog.DiscardHandler)})
				if err != nil {
					b.Fatal(err)
				}
				ctx, cancel := context.WithCancel(b.Context())
				n := 0
				err = src.Run(ctx, func(_ context.Context, batch ingest.Batch) error {
					if n += len(batch.Lines); n == records {
						cancel()
					}
					return nil
				})
				if err != nil || n != records {
					b.Fatal(n, err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/records, "ns/record")
		})
	}
}
