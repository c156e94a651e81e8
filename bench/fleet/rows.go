package main

import (
	"time"

	"github.com/slowpod/slowpod/bench/fleet/score"
	"github.com/slowpod/slowpod/bench/fleet/world"
)

// The rows of detection.md 4.1, with their limits. Counts are those of the full
// form; the short one gets its share, rounded up.

// The forms most rows have.
var (
	oneSeed   = size{1, 2 * time.Hour}
	fourSeeds = size{4, 2 * time.Hour}
)

// allKinds are what the judge cries.
var allKinds = []string{score.SlowPod, score.Unverified, score.Network, score.SlowService, score.CallerCancels}

func rows() []scenario {
	return []scenario{
		&fleet{id: "A1", name: "calm", world: world.Config{},
			limits: []limit{slowPods(1), alerts("alerts of all kinds", 3, allKinds...)}},
		&fleet{id: "A2", name: "pauses", world: only(3, world.Pause), limits: []limit{slowPods(1)}},
		&fleet{id: "A3", name: "mild noise", world: only(3, world.MildNoise), limits: []limit{slowPods(3)}},
		&fleet{id: "A4", name: "deploys", world: only(2, world.Deploy), states: true,
			limits: []limit{slowPods(5),
				counted("pods starting after 120 s of age", 0, func(s *score.Sheet) int { return s.StartingOld })}},
		&fleet{id: "A5", name: "surges", world: only(3, world.Surge), limits: []limit{slowPods(1)}},
		&fleet{id: "A6", name: "slow callers", world: only(3, world.SlowCaller), limits: []limit{slowPods(1)}},
		&fleet{id: "A7", name: "hang-ups", world: only(3, world.HangUps),
			limits: []limit{named(score.CallerCancels, 0.85), namedDelay(score.CallerCancels, 0.5, 120), slowPods(1)}},
		&fleet{id: "A8", name: "log outages", world: only(3, world.LogOutage), limits: []limit{slowPods(2)}},
		&fleet{id: "A9", name: "packet loss", world: only(3, world.PacketLoss),
			limits: []limit{named(score.Network, 0.70), namedDelay(score.Network, 0.5, 220), slowPods(2)}},
		&fleet{id: "A10", name: "slow services", world: only(2, world.SlowService),
			limits: []limit{named(score.SlowService, 0.95), namedDelay(score.SlowService, 0.5, 75),
				namedDelay(score.SlowService, 0.95, 300), slowPods(3)}},
		&fleet{id: "A11", name: "slow pods", world: only(1, slowKinds...),
			limits: []limit{precision(0.98), recall(0.88),
				recallOf(">= 100 requests, severe", score.ManySevere, 0.97),
				delayOf(">= 100 requests, severe", score.ManySevere, 0.5, 75),
				delayOf(">= 100 requests, severe", score.ManySevere, 0.95, 200),
				recallOf(">= 100 requests, mild", score.ManyMild, 0.85)}},
		&fleet{id: "A12", name: "mix", world: mix(), beside: true,
			short: fourSeeds, full: size{12, 3 * time.Hour},
			limits: append([]limit{precision(0.95), recall(0.87).but(0.85), falsePer1000(15), delay(0.5, 105), delay(0.95, 700),
				alertsPerFault(1.1), clears(0.5, 120)}, strata()...)},
		&fleet{id: "A13", name: "mix, 20 % loss", world: mix(func(c *world.Config) { c.Loss = 0.20 }),
			limits: []limit{precision(0.95), recall(0.82)}},
		&fleet{id: "A14", name: "mix, server silent", world: mix(func(c *world.Config) { c.ServerSilent = true }),
			unverified: true, limits: []limit{slowPods(0), named(score.Unverified, 0.75)}},
		// Its negative control is among the broken builds.
		&fleet{id: "A15", name: "mix, addresses change hands", world: mix(),
			limits: []limit{falsePer1000(15)}},
		&fleet{id: "A16", name: "mix, a fifth of the traffic", world: mix(func(c *world.Config) { c.Rate = 0.2 }),
			limits: []limit{precision(0.95), recall(0.83)}},
		&fleet{id: "A17", name: "mix, one pod each", world: mix(func(c *world.Config) { c.LeastPods, c.MostPods = 1, 1 }),
			limits: []limit{recall(0.90), delay(0.5, 75)}},
		&fleet{id: "A18", name: "mix, two pods each", world: mix(func(c *world.Config) { c.LeastPods, c.MostPods = 2, 2 }),
			limits: []limit{precision(0.95), recall(0.85)}},
		&cost{id: "A19", name: "cost"},
		&fleet{id: "A20a", name: "cold start, calm", world: world.Config{Services: 60}, cold: true, states: true,
			short: size{6, 10 * time.Minute}, full: size{24, 10 * time.Minute},
			limits: []limit{
				counted("slow_pod without a hidden difference", 2, func(s *score.Sheet) int { return s.True + s.False - s.Hidden }),
				perRun("slow_pod per start", 2), perPods("slow_pod per 1000 pods", 3),
				alerts("alerts of the other kinds", 2, score.Unverified, score.Network, score.SlowService, score.CallerCancels),
				counted("pods starting", 3, func(s *score.Sheet) int { return s.Starting })}},
		coldSlow("40 s", 40*time.Second, 0.92, 0.88, 0.65),
		coldSlow("2 min", 2*time.Minute, 0.97, 0.92, 0.88),
		coldSlow("5 min", 5*time.Minute, 0.97, 0.92, 0.80),
		coldSlow("10 min", 10*time.Minute, 0.97, 0.92, 0.80,
			delay(0.5, 75), delayOf(">= 100 requests", score.Many, 0.95, 130)),
		&note{id: "A20c", name: "watermark", required: "never hangs > 70 s, lag <= 15 s, skew stays its own",
			where: "go test ./correlate -run Watermark"},
		&catalog{id: "A21", name: "catalog"},
		clientOnlyRow("A22a", "client only, attempts logged", world.AlwaysAttempts, 0.92),
		clientOnlyRow("A22b", "client only, attempts never logged", world.NoAttempts, 0.90),
	}
}

// brokenRows are deliberately broken builds, each with the damage that it must
// do: kept limits here mean that the suite sees it.
func brokenRows() []scenario {
	return []scenario{
		&fleet{id: "B1", name: "client side only", build: clientOnly, world: mix(), unverified: true,
			limits: []limit{slowPods(0), over(falsePer1000(40))}},
		&fleet{id: "B2", name: "identity by address (A15's control)", build: byAddress,
			world:  mix(func(c *world.Config) { c.Inject[world.Deploy] = 2 }),
			limits: []limit{over(falsePer1000(40))}},
		&fleet{id: "B3", name: "no dead zone", build: noDeadZone, world: mix(), limits: []limit{over(falsePer1000(100))}},
		&fleet{id: "B4", name: "no bound of a slice, pauses", build: noSliceBound, world: only(9, world.Pause),
			limits: []limit{over(counted("slow_pod", 4, falseAlerts))}},
		&fleet{id: "B5", name: "no grace, deploys", build: noGrace, world: only(2, world.Deploy),
			limits: []limit{over(counted("slow_pod", 6, falseAlerts))}},
		&fleet{id: "B6", name: "any own past, slow before the first line, 5 min", build: anyPast, cold: true,
			world: world.Config{Services: 100, SlowFromStart: 0.4}, short: size{4, 5 * time.Minute}, full: size{8, 5 * time.Minute},
			limits: []limit{under(recallOf(">= 100 requests", score.Many, 0.97))}},
		&fleet{id: "B7", name: "new to the stream, cold start, calm", build: newToStream, cold: true, states: true,
			world: world.Config{Services: 60}, short: size{6, 10 * time.Minute}, full: size{24, 10 * time.Minute},
			limits: []limit{over(counted("pods starting", 4, func(s *score.Sheet) int { return s.Starting }))}},
	}
}

func falseAlerts(s *score.Sheet) int { return s.False }

// strata are shown beside the limits of the mix.
func strata() []limit {
	return show(
		recallOf(">= 100 requests, severe", score.ManySevere, 0), recallOf(">= 100 requests, mild", score.ManyMild, 0),
		recallOf("40-99 requests", score.Some, 0), recallOf("15-39 requests", score.Few, 0),
		named(score.SlowService, 0), named(score.CallerCancels, 0), named(score.Network, 0),
	)
}

func coldSlow(name string, log time.Duration, many, some, few float64, more ...limit) *fleet {
	return &fleet{id: "A20b", name: "cold start, slow before the first line, " + name, cold: true,
		world: world.Config{Services: 100, SlowFromStart: 0.4},
		short: size{2, log}, full: size{8, log},
		limits: append([]limit{
			recallOf(">= 100 requests", score.Many, many), recallOf("40-99", score.Some, some), recallOf("15-39", score.Few, few),
		}, more...)}
}

func clientOnlyRow(id, name string, a world.Attempts, path float64) *fleet {
	return &fleet{id: id, name: name, unverified: true,
		world: mix(func(c *world.Config) { c.ServerSilent, c.Attempts = true, a }),
		limits: []limit{slowPods(0), pathPrecision(path), precision(0.65), recall(0.75),
			recallOf("severe", score.Severe, 0.90)}}
}

var slowKinds = []world.Kind{
	world.Slow2, world.Slow3, world.Slow5, world.Slow10, world.Latency, world.GCThrash, world.Partial, world.Hang,
	world.Ramp, world.SlowNode,
}

// only is a fleet in which nothing but some kinds comes, so many times as often
// as usual.
func only(factor float64, kinds ...world.Kind) world.Config {
	c := world.Config{Inject: map[world.Kind]float64{}}
	for _, kind := range kinds {
		c.Inject[kind] = factor
	}
	return c
}

// mix is a fleet in which everything comes.
func mix(changes ...func(*world.Config)) world.Config {
	c := world.Config{Inject: world.Everything()}
	for _, change := range changes {
		change(&c)
	}
	return c
}
