// Package bench measures the stages together, on logs of a simulated mesh that
// the package workload makes.
package bench

import (
	"testing"

	"github.com/slowpod/slowpod/bench/stages"
	"github.com/slowpod/slowpod/bench/workload"
)

// BenchmarkPipeline reads logs of about 850 bytes a line on one core. An
// operation is a line.
//
// The log is read again and again, so that with the core its time jumps back
// where it begins anew; a core that has judged it is replaced then, out of the
// measured time.
func BenchmarkPipeline(b *testing.B) {
	const lines = 100_000
	for _, log := range []struct {
		name string
		make func(workload.CorpusOptions) *workload.Generator
	}{{"corpus", workload.Corpus}, {"storm", workload.Storm}} {
		b.Run(log.name, func(b *testing.B) {
			in := stages.Read(log.make(workload.CorpusOptions{Options: workload.Options{Lines: lines}}))
			for _, correlated := range []bool{false, true} {
				name := "parse,classify,count"
				if correlated {
					name += ",correlate"
				}
				b.Run(name, func(b *testing.B) {
					b.ReportAllocs()
					b.SetBytes(in.Bytes / int64(in.Lines))
					s := stages.NewPipeline(correlated)
					b.ResetTimer()
					for n, i := 0, 0; n < b.N; i++ {
						if i == len(in.Batches) {
							i = 0
							if correlated {
								b.StopTimer()
								s = stages.NewPipeline(true)
								b.StartTimer()
							}
						}
						batch := in.Batches[i]
						batch.Lines = batch.Lines[:min(len(batch.Lines), b.N-n)]
						if err := s.Handle(batch); err != nil {
							b.Fatal(err)
						}
						n += len(batch.Lines)
					}
					b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "lines/s")
				})
			}
		})
	}
}

// A record costs no allocation once the pods and services of the mesh are
// known. The core allocates when it closes a slice and while its tables grow:
// that is shared by all records of a slice, and must stay far below one for a
// record. One in fifty of these shows a fault: its texts are kept, in about
// twelve allocations.
func TestPipelineAllocatesNothingPerRecord(t *testing.T) {
	const part = 30_000 // lines
	in := stages.Read(workload.Corpus(workload.CorpusOptions{Options: workload.Options{Lines: 3 * part}}))
	for _, c := range []struct {
		name       string
		correlated bool
		limit      float64 // allocations for each record
	}{
		{"parse, classify, count", false, 0},
		{"parse, classify, count, correlate", true, 0.02 + 6.0/50},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := stages.NewPipeline(c.correlated)
			rest := in.Batches
			next := func() {
				const n = part / stages.BatchLines
				for _, b := range rest[:n] {
					if err := s.Handle(b); err != nil {
						t.Fatal(err)
					}
				}
				rest = rest[n:]
			}
			next()
			// AllocsPerRun runs it once more before it counts.
			perPart := testing.AllocsPerRun(1, next)
			if perRecord := perPart / part; perRecord > c.limit {
				t.Errorf("%g allocations for %d records: %.4f for each, at most %g are due", perPart, part, perRecord, c.limit)
			}
		})
	}
}
