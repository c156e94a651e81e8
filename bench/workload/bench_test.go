package workload_test

import (
	"testing"

	"github.com/slowpod/slowpod/bench/workload"
)

func BenchmarkNext(b *testing.B) {
	for _, format := range []workload.Format{workload.JSON, workload.FluentBit, workload.FluentBitLog, workload.Text} {
		for _, s := range scenarios() {
			b.Run(s.name+"/"+format.String(), func(b *testing.B) {
				g := s.make(workload.Options{Duration: 1 << 60, Format: format})
				b.ReportAllocs()
				for l := (workload.Line{}); b.Loop(); {
					if !g.Next(&l) {
						b.Fatal("the log ended")
					}
					b.SetBytes(int64(len(l.Bytes)))
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "lines/s")
			})
		}
	}
}
