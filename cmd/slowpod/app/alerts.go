package app

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/slowpod/slowpod/sinks/alertmanager"
)

// Alerts keeps Alertmanager told of the engine's findings.
type Alerts struct {
	Engine *Engine
	Sink   *alertmanager.Sink
}

// How often news is looked for, and how often the numbers of findings that
// have not changed otherwise are brought up to date.
const (
	alertsLook    = time.Second
	alertsRefresh = 30 * time.Second
)

// Run tells until ctx ends. While there is no stream, the partitions being other
// members', it says nothing: neither that something fires nor that it is over. Whatever becomes of Alertmanager, it returns nil.
func (a *Alerts) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return a.Sink.Run(ctx) })
	group.Go(func() error {
		tick := time.NewTicker(alertsLook)
		defer tick.Stop()
		seen, sent, reads := uint64(0), time.Now(), false
		for {
			changes, before := a.Engine.Changes(), reads
			switch reads = a.Engine.Reading(); {
			case before && !reads:
				a.Sink.Yield()
			case reads && (!before || changes != seen || changes > 0 && time.Since(sent) >= alertsRefresh):
				seen, sent = changes, time.Now()
				a.Sink.Send(a.Engine.Report().Findings)
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return nil
			}
		}
	})
	return group.Wait()
}
