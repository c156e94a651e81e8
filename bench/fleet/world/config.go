package world

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// Default is a calm fleet of the usual size.
func Default() Config {
	return Config{
		Seed:      1,
		Length:    2 * time.Hour,
		WarmUp:    40 * time.Minute,
		Services:  200,
		LeastPods: 3,
		MostPods:  30,
		Rate:      1,
	}
}

// Everything is every fault and every trap as often as it usually comes.
func Everything() map[Kind]float64 {
	all := make(map[Kind]float64)
	for _, o := range occurrences() {
		all[o.kind] = 1
	}
	return all
}

// occurrence is how often a kind comes, per hour and 200 services.
type occurrence struct {
	kind    Kind
	perHour float64
}

// occurrences is in the order in which a run plans them: deployments first,
// because a fault needs a pod that lives. The slow pods are 36 in all.
func occurrences() []occurrence {
	return []occurrence{
		{Deploy, 12},
		{SlowNode, 1}, {Hang, 2}, {Ramp, 2}, {Slow10, 3}, {Slow5, 5}, {Slow3, 6}, {Slow2, 6},
		{Latency, 5}, {GCThrash, 3}, {Partial, 4},
		{PacketLoss, 12}, {SlowService, 8}, {HangUps, 8}, {SlowCaller, 6}, {Pause, 250},
		{MildNoise, 12}, {Surge, 6}, {LogOutage, 5},
	}
}

// or gives zero fields their defaults.
func (c Config) or(d Config) Config {
	if c.Length == 0 {
		c.Length = d.Length
	}
	if c.WarmUp == 0 {
		c.WarmUp = d.WarmUp
	}
	c.WarmUp = min(c.WarmUp, c.Length/3)
	if c.Services == 0 {
		c.Services = d.Services
	}
	if c.MostPods == 0 {
		c.MostPods = max(d.MostPods, c.LeastPods)
	}
	if c.LeastPods == 0 {
		c.LeastPods = min(d.LeastPods, c.MostPods)
	}
	if c.Rate == 0 {
		c.Rate = d.Rate
	}
	return c
}

// check names the first thing that no fleet can be made of.
func (c Config) check() error {
	switch {
	case c.Length < time.Second || c.WarmUp < 0:
		return fmt.Errorf("world: cannot simulate %v with %v to warm up", c.Length, c.WarmUp)
	case c.Services < 1 || c.Services > 10000:
		return fmt.Errorf("world: %d services are not 1 to 10,000", c.Services)
	case c.LeastPods < 1 || c.MostPods < c.LeastPods || c.MostPods > 1000:
		return fmt.Errorf("world: %d to %d pods are no range within 1 to 1,000", c.LeastPods, c.MostPods)
	case !(c.Rate > 0) || !(c.Loss <= 1) || !(c.SlowFromStart >= 0 && c.SlowFromStart <= 1):
		return fmt.Errorf("world: rate %v, loss %v or slow from the start %v out of range", c.Rate, c.Loss, c.SlowFromStart)
	}
	known := Everything()
	for _, k := range slices.Sorted(maps.Keys(c.Inject)) {
		if _, ok := known[k]; !ok || !(c.Inject[k] >= 0) {
			return fmt.Errorf("world: cannot inject %q %v times", k, c.Inject[k])
		}
	}
	return nil
}
