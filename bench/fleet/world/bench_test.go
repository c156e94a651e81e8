package world_test

import (
	"context"
	"testing"
	"time"

	"github.com/slowpod/slowpod/bench/fleet/world"
	"github.com/slowpod/slowpod/ingest/accesslog"
)

// BenchmarkRun is what a record costs before anybody looks at it: a fleet of the
// usual size and all that befalls one, five minutes long.
func BenchmarkRun(b *testing.B) {
	cfg := world.Default()
	cfg.Length, cfg.Inject = 5*time.Minute, world.Everything()
	var records uint64
	for b.Loop() {
		truth, err := world.Run(context.Background(), cfg, func(int64, *accesslog.Record) {})
		if err != nil {
			b.Fatal(err)
		}
		records += truth.Records
	}
	b.ReportMetric(float64(records)/b.Elapsed().Seconds(), "records/s")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(records), "ns/record")
}
