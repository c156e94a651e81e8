package app

import (
	"log/slog"
	"reflect"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/slowpod/slowpod/correlate"
	"github.com/slowpod/slowpod/ingest/accesslog"
	"github.com/slowpod/slowpod/ingest/kafka"
)

// Partitions that come and go for as long as the process lives leave nothing
// behind but their counts.
func TestPartitionsThatComeAndGo(t *testing.T) {
	t.Parallel()
	e := NewEngine(correlate.Config{Bounds: correlate.DefaultBounds()}, nil)
	cfg := kafka.DefaultConfig()
	cfg.Brokers, cfg.Topics = []string{"localhost:1"}, []string{"envoy"}
	k, err := NewKafka(cfg, e, &Streams{}, nil, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	streams := []string{"envoy/0", "envoy/1"}
	for range 100 {
		k.assigned(streams)
		for _, p := range k.partitions {
			p.pipeline.counts.Line(accesslog.Foreign, accesslog.NoReason)
		}
		k.revoked(streams)
	}
	if n := reflect.ValueOf(&e.Set).Elem().FieldByName("workers").Len(); n != 2 {
		t.Errorf("%d workers are kept", n)
	}
	if len(e.feeds) != 0 || e.Snapshot().Streams != 0 {
		t.Errorf("%d feeds, %d streams", len(e.feeds), e.Snapshot().Streams)
	}
	if got := e.Totals().Read; got != 200 {
		t.Errorf("%d lines counted", got)
	}
}
