package correlate

import (
	"testing"

	"github.com/slowpod/slowpod/classify"
)

// What each part of the core costs. An operation is a record, of the trace and of
// the join, and a pod in a slice, of the judge.

func BenchmarkTraces(b *testing.B) {
	b.ReportAllocs()
	t := newTraceTable(DefaultBounds().Traces)
	r := finished(0, classify.Server, epoch0, 12, 200, 1)
	for i := range b.N {
		r.ID, r.Start = uint64(i)*0x9e3779b97f4a7c15, epoch0+int64(i)/20
		t.add(r, 1, r.Start-80_000, r.Start+farJump)
	}
}

// BenchmarkJoin is the two halves of timeouts, from their coming to the verdict.
func BenchmarkJoin(b *testing.B) {
	b.ReportAllocs()
	s := newScene(1)
	s.traffic(0, 100*sec, 3, 100, func(int64, int) end { return timeout })
	var halves []Record
	for _, r := range s.byEnd() {
		if r.Half {
			halves = append(halves, r)
		}
	}
	c := New(Config{Bounds: DefaultBounds()})
	defer func() { c.join.halves.close() }()
	c.window.start = floorSlice(epoch0)
	host := c.registry.hostOf(halves[0].UpstreamHost)
	b.ResetTimer()
	for i := range b.N {
		r := halves[i%len(halves)]
		round := int64(i/len(halves)) * 100 * sec
		r.ID, r.Start = r.ID+uint64(round), r.Start+round
		if i%1000 == 0 {
			c.window.start = floorSlice(r.End())
			c.expire(c.window.start)
		}
		c.enter(&r, host.index)
	}
}

// BenchmarkJudge is a service of ten pods: what it costs to judge each of them in
// a slice, however many requests it had.
func BenchmarkJudge(b *testing.B) {
	b.ReportAllocs()
	const pods = 10
	s := newScene(2)
	s.traffic(0, 100*sec, pods, 50, func(int64, int) end { return s.ok() })
	records := s.byEnd()
	c := New(Config{Bounds: DefaultBounds()})
	defer c.join.halves.close()
	for i := range records {
		feed(c).Add(&records[i])
	}
	b.ResetTimer()
	for i := 0; i < b.N; {
		b.StopTimer()
		for j := range records[:1000] {
			r := records[j]
			r.Start += c.window.start - epoch0
			c.countPod(&r, c.registry.hostOf(r.UpstreamHost).pods[0], c.registry.named(r.Target))
		}
		b.StartTimer()
		for range 2 { // slices
			c.closeSlice()
			i += pods
		}
	}
}
