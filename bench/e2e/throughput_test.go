//go:build e2e

package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/slowpod/slowpod/bench/workload"
)

// BenchmarkThroughput has one slowpod read a million lines from four partitions,
// all that it does with them included: from its start until it has read the
// last, and the CPU of its whole life.
//
//	go test -tags e2e -run '^$' -bench Throughput -benchtime 1x ./bench/e2e
func BenchmarkThroughput(b *testing.B) {
	const lines, partitions = 1_000_000, 4
	start := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	broker := startKafka(b)
	for _, codec := range []struct {
		name string
		kafka.Compression
	}{{"none", 0}, {"lz4", kafka.Lz4}} {
		topic := "corpus-" + codec.name
		broker.topic(b, topic, partitions)
		load := &feed{
			next: byRequest(start, workload.Corpus(workload.CorpusOptions{Options: workload.Options{Seed: 1, Start: start, Lines: lines}})),
			to:   broker.writer(b, topic, codec.Compression),
		}
		load.run(b)()

		b.Run(codec.name, func(b *testing.B) {
			var cpu, memory float64
			for i := range b.N {
				name := fmt.Sprint(codec.name, i, b.N)
				m := startMember(b, "slowpod", group(broker, name, topic, ""))
				// The broker is asked, not the member: a scrape is not free.
				broker.caughtUp(b, name, topic, partitions)
				b.StopTimer()
				all, err := m.metrics()
				if n := sum(all, "slowpod_lines_total", "result", "record"); err != nil || n != lines {
					b.Errorf("%.0f lines read: %v", n, err)
				}
				memory = max(memory, sum(all, "process_resident_memory_bytes"))
				m.leave()
				cpu += (m.cmd.ProcessState.UserTime() + m.cmd.ProcessState.SystemTime()).Seconds()
				b.StartTimer()
			}
			n := float64(b.N) * lines
			b.ReportMetric(n/b.Elapsed().Seconds(), "lines/s")
			b.ReportMetric(cpu*1e6/n, "CPU-s/Mline")
			b.ReportMetric(n/cpu, "lines/CPU-s")
			b.ReportMetric(memory/(1<<20), "MiB")
		})
	}
}
