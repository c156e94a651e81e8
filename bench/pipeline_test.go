// Package bench measures the stages together, on logs of a simulated mesh that
// the package workload makes.
package bench

import (
	"log/slog"
	"testing"

	"github.com/slowpod/slowpod/bench/workload"
	"github.com/slowpod/slowpod/cmd/slowpod/app"
	"github.com/slowpod/slowpod/correlate"
	"github.com/slowpod/slowpod/ingest"
	"github.com/slowpod/slowpod/sinks/counts"
)

// batchLines is about what a source hands on at once.
const batchLines = 256

// batches is a log in memory, as a source hands it on.
type batches struct {
	all   []ingest.Batch
	lines int
	bytes int64
}

func read(g *workload.Generator) *batches {
	b := &batches{}
	var memory []byte // of one batch, as one read fills it
	for l := (workload.Line{}); g.Next(&l); {
		if b.lines%batchLines == 0 {
			b.all = append(b.all, ingest.Batch{Source: "file", Stream: "bench"})
			memory = make([]byte, 0, batchLines<<10)
		}
		b.lines++
		b.bytes += int64(len(l.Bytes)) + 1
		from := len(memory)
		memory = append(memory, l.Bytes...)
		last := &b.all[len(b.all)-1]
		last.Lines = append(last.Lines, ingest.Line{Bytes: memory[from:len(memory):len(memory)], Number: int64(b.lines)})
	}
	return b
}

// stages are the pipeline with, on request, the core behind it.
type stages struct {
	counts counts.Set
	*app.Pipeline
	take func(*correlate.Record) error
}

func newStages(correlated bool) *stages {
	s := &stages{take: func(*correlate.Record) error { return nil }}
	s.Pipeline = app.NewPipeline(s.counts.Worker("file"), 0, nil, slog.New(slog.DiscardHandler))
	if correlated {
		stream := correlate.New(correlate.Config{Bounds: correlate.DefaultBounds()}).Stream()
		s.take = func(r *correlate.Record) error {
			stream.Add(r)
			return nil
		}
	}
	return s
}

func (s *stages) handle(tb testing.TB, b ingest.Batch) {
	if err := s.Handle(b, s.take); err != nil {
		tb.Fatal(err)
	}
}

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
			in := read(log.make(workload.CorpusOptions{Options: workload.Options{Lines: lines}}))
			for _, correlated := range []bool{false, true} {
				name := "parse,classify,count"
				if correlated {
					name += ",correlate"
				}
				b.Run(name, func(b *testing.B) {
					b.ReportAllocs()
					b.SetBytes(in.bytes / int64(in.lines))
					s := newStages(correlated)
					b.ResetTimer()
					for n, i := 0, 0; n < b.N; i++ {
						if i == len(in.all) {
							i = 0
							if correlated {
								b.StopTimer()
								s = newStages(true)
								b.StartTimer()
							}
						}
						batch := in.all[i]
						batch.Lines = batch.Lines[:min(len(batch.Lines), b.N-n)]
						s.handle(b, batch)
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
	in := read(workload.Corpus(workload.CorpusOptions{Options: workload.Options{Lines: 3 * part}}))
	for _, c := range []struct {
		name       string
		correlated bool
		limit      float64 // allocations for each record
	}{
		{"parse, classify, count", false, 0},
		{"parse, classify, count, correlate", true, 0.02 + 6.0/50},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStages(c.correlated)
			rest := in.all
			next := func() {
				const n = part / batchLines
				for _, b := range rest[:n] {
					s.handle(t, b)
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
