package world

import (
	"context"
	"errors"
	"hash/fnv"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/slowpod/slowpod/ingest/accesslog"
)

func TestSameConfigSameEntries(t *testing.T) {
	cfg := small()
	cfg.Length, cfg.Inject, cfg.Loss = time.Minute, Everything(), 0
	run := func() (uint64, *Truth) {
		h := fnv.New64a()
		var line []byte
		truth, err := Run(context.Background(), cfg, func(_ int64, r *accesslog.Record) {
			line = AppendLine(line[:0], r)
			_, _ = h.Write(line)
		})
		if err != nil {
			t.Fatal(err)
		}
		return h.Sum64(), truth
	}
	a, truthA := run()
	b, truthB := run()
	if a != b || !reflect.DeepEqual(truthA, truthB) {
		t.Errorf("hashes %x and %x", a, b)
	}
	cfg.Seed++
	if c, _ := run(); c == a {
		t.Error("another seed, the same entries")
	}
}

// What befalls one part changes nothing elsewhere.
func TestServicesAreIndependent(t *testing.T) {
	cfg := small()
	cfg.Length = 2 * time.Minute
	count := func() map[string]int {
		n := make(map[string]int)
		for _, p := range simulate(t, cfg).truth.Pods {
			n[p.Service] += p.Requests
		}
		return n
	}
	calm := count()
	cfg.Inject = map[Kind]float64{Surge: 1}
	differ := 0
	for service, n := range count() {
		if calm[service] != n {
			differ++
		}
	}
	if differ != 1 {
		t.Errorf("a surge of one service changed %d", differ)
	}
}

func TestEntriesComeInOrderOfArrival(t *testing.T) {
	l := simulate(t, small())
	var delays []float64
	for i, s := range l.lines {
		if i > 0 && s.arrival < l.lines[i-1].arrival {
			t.Fatal("entries are out of order")
		}
		if s.arrival < s.end {
			t.Fatalf("an entry came %d ms before it ended", s.end-s.arrival)
		}
		delays = append(delays, float64(s.arrival-s.end))
	}
	within(t, "median delay in ms", median(delays), 800, 1300) // 1350 times ln 2
}

func TestCalmFleet(t *testing.T) {
	cfg := small()
	cfg.Services = 16
	l := simulate(t, cfg)
	if len(l.truth.Episodes) > 0 {
		t.Errorf("%d episodes", len(l.truth.Episodes))
	}
	clients, timeouts := 0, 0
	for i := range l.lines {
		switch s := &l.lines[i]; {
		case s.client && hasFlag(s.flags, "UT"):
			timeouts++
			fallthrough
		case s.client:
			clients++
		}
	}
	within(t, "share of timeouts", float64(timeouts)/float64(clients), 0, 0.001)
	if uint64(len(l.lines)) != l.truth.Records {
		t.Errorf("%d records of %d", len(l.lines), l.truth.Records)
	}
	// Workers are busy for a part of the time, and none waits for long.
	work := make(map[string]float64)
	for i := range l.lines {
		if s := &l.lines[i]; !s.client {
			work[s.writer] += s.duration()
		}
	}
	var shares []float64
	for _, p := range l.fleet.pods {
		share := work[string(p.name)] / float64(cfg.Length.Milliseconds()) / float64(p.workers)
		shares = append(shares, share)
	}
	within(t, "median share of busy workers", median(shares), 0.001, 0.3)
	within(t, "largest share of busy workers", slices.Max(shares), 0.02, 0.6)
}

// Without loss every attempt is a server line, and the truth counts attempts.
func TestTruthCountsWhatWasWritten(t *testing.T) {
	cfg := small()
	cfg.Attempts = AlwaysAttempts
	cfg.Inject = map[Kind]float64{Slow10: 200, SlowService: 40, HangUps: 60, Pause: 2}
	l := simulate(t, cfg)
	servers, attempts, sidecars := make(map[string]int), 0, make(map[string]bool)
	for _, c := range l.fleet.callers {
		sidecars[string(c.ip)] = c.sidecar
	}
	for i := range l.lines {
		s := &l.lines[i]
		ip := s.peer[:len(s.peer)-6]
		switch {
		case s.client:
			attempts += s.attempts
		default:
			servers[s.writer]++
			if !sidecars[ip] {
				attempts++
			}
		}
	}
	total := 0
	for _, p := range l.truth.Pods {
		total += p.Requests
		if servers[p.Pod] != p.Requests {
			t.Errorf("%s: %d lines, %d requests", p.Pod, servers[p.Pod], p.Requests)
		}
	}
	if attempts != total {
		t.Errorf("clients count %d attempts, the truth %d", attempts, total)
	}
	for _, kind := range []Kind{Slow10, SlowService} {
		began := make(map[*Episode]int)
		l.during(kind, false, func(e *Episode, _ *seen) { began[e]++ })
		for i := range l.truth.Episodes {
			// A request that was sent within and arrived behind the end.
			if e := &l.truth.Episodes[i]; e.Kind == kind && (began[e] < e.Requests-2 || began[e] > e.Requests+2) {
				t.Errorf("%s of %s: %d lines, %d requests", kind, e.Service, began[e], e.Requests)
			}
		}
	}
}

// A cut is DC over HTTP/1.1 and DR over HTTP/2, on the server's side of a
// timeout as on both of a caller that left.
func TestCutsHaveTwoShapes(t *testing.T) {
	cfg := small()
	cfg.Services, cfg.Inject = 16, map[Kind]float64{HangUps: 300, Slow10: 200}
	l := simulate(t, cfg)
	type shape struct {
		client          bool
		protocol, flags string
	}
	shapes := make(map[shape]int)
	servers := make(map[string]*seen)
	for i := range l.lines {
		s := &l.lines[i]
		if !s.client {
			servers[s.id+s.host] = s
		}
		if !s.cut() {
			continue
		}
		shapes[shape{s.client, s.protocol, s.flags}]++
		want := map[string]string{"HTTP/1.1": "downstream_remote_disconnect", "HTTP/2": "http2.remote_reset"}
		if s.details != want[s.protocol] {
			t.Errorf("%s: %s", s.protocol, s.details)
		}
	}
	for _, client := range []bool{false, true} {
		for protocol, flag := range map[string]string{"HTTP/1.1": "DC", "HTTP/2": "DR"} {
			if shapes[shape{client, protocol, flag}] == 0 {
				t.Errorf("no %s over %s, client %v", flag, protocol, client)
			}
			delete(shapes, shape{client, protocol, flag})
		}
	}
	if len(shapes) > 0 {
		t.Errorf("other cuts: %v", shapes)
	}
	// The pair: the same connection, the server's within 2 ms of the client's end.
	pairs := 0
	for i := range l.lines {
		c := &l.lines[i]
		if !c.client || c.id == "" || !c.cut() && !hasFlag(c.flags, "UT") {
			continue
		}
		s := servers[c.id+c.host]
		if s == nil {
			t.Fatalf("no server line of %s to %s", c.id, c.host)
		}
		if s.cut() {
			pairs++
			if s.peer != c.local || s.end < c.end-3 || s.end > c.end+3 {
				t.Errorf("client %+v\nserver %+v", *c, *s)
			}
		}
	}
	within(t, "pairs", float64(pairs), 100, 1e6)
}

func TestLossAndSilence(t *testing.T) {
	cfg := small()
	cfg.Length = 2 * time.Minute
	whole := simulate(t, cfg).truth
	cfg.Loss = 0.2
	lossy := simulate(t, cfg).truth
	within(t, "share left of 20 % loss", float64(lossy.Records)/float64(whole.Records), 0.79, 0.81)
	cfg.ServerSilent = true
	l := simulate(t, cfg)
	if !reflect.DeepEqual(whole.Pods, lossy.Pods) || !reflect.DeepEqual(whole.Pods, l.truth.Pods) {
		t.Error("something else happened because lines are missing")
	}
	for i := range l.lines {
		if !l.lines[i].client {
			t.Fatal("a server line")
		}
	}
	if len(l.lines) == 0 {
		t.Error("no client lines")
	}
}

func TestAttemptsAreLogged(t *testing.T) {
	for _, c := range []struct {
		attempts  Attempts
		low, high float64
	}{{AlwaysAttempts, 1, 1}, {NoAttempts, 0, 0}, {SomeAttempts, 0.2, 0.95}} {
		cfg := Config{Length: 30 * time.Second, Services: 40, Rate: 0.2, Attempts: c.attempts}
		with, lines := 0, simulate(t, cfg).lines
		for i := range lines {
			if lines[i].attempts > 0 {
				with++
			}
		}
		within(t, "share with attempts", float64(with)/float64(len(lines)), c.low, c.high)
	}
}

func TestConfigs(t *testing.T) {
	emit := func(int64, *accesslog.Record) {}
	for _, cfg := range []Config{
		{Services: -1}, {Length: -time.Hour}, {LeastPods: 5, MostPods: 2}, {Rate: -1}, {SlowFromStart: 2},
		{Inject: map[Kind]float64{"plague": 1}}, {Inject: map[Kind]float64{Hang: -1}},
	} {
		if _, err := Run(context.Background(), cfg, emit); err == nil {
			t.Errorf("%+v: no error", cfg)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Run(ctx, small(), emit); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	for pods := 1; pods <= 2; pods++ {
		cfg := small()
		cfg.Length, cfg.Inject, cfg.LeastPods, cfg.MostPods = time.Minute, Everything(), pods, pods
		if truth, err := Run(context.Background(), cfg, emit); err != nil || len(truth.Pods) < 8*pods {
			t.Errorf("%d pods: %v", pods, err)
		}
	}
}
