package app

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/slowpod/slowpod/correlate/kind"
	"github.com/slowpod/slowpod/sinks/alertmanager"
	"github.com/slowpod/slowpod/sinks/report"
)

// Alerts keeps Alertmanager told of an engine's findings.
type Alerts struct {
	engine *Engine
	next   chan *alertmanager.Sink
}

// NewAlerts returns Alerts that tell nobody until they are given a sink.
func NewAlerts(e *Engine) *Alerts {
	return &Alerts{engine: e, next: make(chan *alertmanager.Sink, 1)}
}

// Use puts a sink in the place of the one that is there; nil: nobody is told.
// The old one tells once more what fires, so that nothing expires meanwhile.
// It is called by one goroutine at a time.
func (a *Alerts) Use(sink *alertmanager.Sink) {
	select {
	case <-a.next: // was never looked at
	default:
	}
	a.next <- sink
}

// How often news is looked for, and how often the numbers of findings that
// have not changed otherwise are brought up to date.
const (
	alertsLook    = time.Second
	alertsRefresh = 30 * time.Second
)

// Run tells until ctx ends, and then once more all that fires. While there is no
// stream, the partitions being other members', it says nothing: neither that
// something fires nor that it is over.
func (a *Alerts) Run(ctx context.Context) {
	var sink *alertmanager.Sink
	var sinks sync.WaitGroup // this one, and those before it that have a last word
	defer sinks.Wait()
	stop := func() {}
	defer func() { stop() }()
	tick := time.NewTicker(alertsLook)
	defer tick.Stop()

	seen, sent, reads := uint64(0), time.Now(), false
	look := func() {
		changes, before := a.engine.Changes(), reads
		switch reads = a.engine.Reading(); {
		case sink == nil:
			reads = false
		case before && !reads:
			sink.Yield()
		case reads && (!before || changes != seen || changes > 0 && time.Since(sent) >= alertsRefresh):
			seen, sent = changes, time.Now()
			sink.Send(slices.DeleteFunc(a.engine.Report().Findings, silent))
		}
	}
	for {
		select {
		case next := <-a.next:
			stop()
			sink, reads, stop = next, false, start(ctx, next, &sinks)
			look()
		case <-tick.C:
			look()
		case <-ctx.Done():
			look()
			return
		}
	}
}

// silent says that a finding alerts nobody: another tells it, too, or it is of the
// log itself, and nothing is wrong in the mesh.
func silent(f report.Finding) bool { return f.Covered || f.Kind == kind.LogStream.String() }

// start runs a sink, if there is one, until it is stopped: later than ctx.
func start(ctx context.Context, sink *alertmanager.Sink, sinks *sync.WaitGroup) (stop func()) {
	ctx, stop = context.WithCancel(context.WithoutCancel(ctx))
	if sink != nil {
		sinks.Go(func() { _ = sink.Run(ctx) }) // returns nil
	}
	return stop
}
