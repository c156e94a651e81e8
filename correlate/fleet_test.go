package correlate_test

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	fleet "github.com/slowpod/slowpod/bench/fleet/world"
	"github.com/slowpod/slowpod/classify"
	"github.com/slowpod/slowpod/correlate"
	"github.com/slowpod/slowpod/ingest/accesslog"
)

// The design promises the same findings for the same records, however they are
// cut into batches and streams and in any order within the lateness. Here a
// small fleet in which much goes wrong holds the core to that.

// fleetLine is an encoded record.
type fleetLine struct {
	end      int64
	producer uint64
	bytes    []byte
}

// fleetLog is a log in order of its ends: what one stream is on nodes without
// any lag.
type fleetLog []fleetLine

// smallFleet is the log of that fleet.
var smallFleet = sync.OnceValues(func() (*readLog, error) {
	log, _, err := simulateFleet(95)
	return &readLog{fleetLog: log}, err
})

// readLog is a log with what is found in it when it is read as it stands.
type readLog struct {
	fleetLog
	once  sync.Once
	found []correlate.Finding
}

func (l *readLog) want(t testing.TB) []correlate.Finding {
	t.Helper()
	l.once.Do(func() { l.found = l.findings(t) })
	return l.found
}

// plainFleet is the same, but no pod gets the address of another, and every
// record names its service: see the tests of what depends on the order.
var plainFleet = sync.OnceValues(func() (*readLog, error) {
	log, truth, err := simulateFleet(95)
	if err == nil {
		err = log.makePlain(truth)
	}
	return &readLog{fleetLog: log}, err
})

var fleetBounds = correlate.Bounds{JoinBytes: 32 << 20, Halves: 100_000, Traces: 100_000, Pods: 1000, Services: 100, Faults: 1000}

func simulateFleet(seed uint64) (fleetLog, *fleet.Truth, error) {
	cfg := fleet.Config{
		Seed: seed, Length: 20 * time.Minute, WarmUp: 3 * time.Minute, Services: 15, LeastPods: 3, MostPods: 5, Rate: 0.04,
		Inject: map[fleet.Kind]float64{
			fleet.Slow3: 6, fleet.Slow10: 6, fleet.Hang: 6, fleet.Partial: 6, fleet.SlowNode: 10, fleet.PacketLoss: 6,
			fleet.HangUps: 12, fleet.Deploy: 8, fleet.SlowService: 6, fleet.Pause: 1, fleet.LogOutage: 3,
		},
	}
	var log fleetLog
	var r correlate.Record
	truth, err := fleet.Run(context.Background(), cfg, func(_ int64, a *accesslog.Record) {
		r.From(a, classify.Classify(a), 0, int64(len(log)+1))
		log = append(log, fleetLine{r.End(), r.Producer, r.AppendTo(nil, nil)})
	})
	slices.SortStableFunc(log, func(a, b fleetLine) int { return cmp.Compare(a.end, b.end) })
	return log, truth, err
}

// makePlain gives each pod an address that no other has, and each server record
// the name of its service.
func (l fleetLog) makePlain(truth *fleet.Truth) error {
	byHost := map[string][]fleet.PodLife{}
	for _, p := range truth.Pods {
		byHost[p.Host] = append(byHost[p.Host], p)
	}
	for _, pods := range byHost {
		slices.SortFunc(pods, func(a, b fleet.PodLife) int { return cmp.Compare(a.Born, b.Born) })
	}
	var r correlate.Record
	for i := range l {
		if err := r.Decode(l[i].bytes, nil); err != nil {
			return err
		}
		for k, p := range byHost[string(r.UpstreamHost)] {
			if r.Side == classify.Server && p.PodID == string(r.PodID) || r.Side == classify.Client && p.Born <= r.End() {
				r.UpstreamHost = fmt.Appendf(nil, "%s%d", p.Host, k)
			}
		}
		if r.Side == classify.Server {
			r.Target.Service = fmt.Appendf(nil, "%s.sim.svc.cluster.local", r.Label)
		}
		l[i].bytes = r.AppendTo(nil, nil)
	}
	return nil
}

// within is the log with each record late by up to so many milliseconds.
func (l fleetLog) within(seed uint64, late int64) fleetLog {
	rng := rand.New(rand.NewPCG(seed, 44))
	type arrived struct {
		at int64
		fleetLine
	}
	lines := make([]arrived, len(l))
	for i := range l {
		lines[i] = arrived{l[i].end + rng.Int64N(late+1), l[i]}
	}
	slices.SortStableFunc(lines, func(a, b arrived) int { return cmp.Compare(a.at, b.at) })
	shuffled := make(fleetLog, len(l))
	for i := range lines {
		shuffled[i] = lines[i].fleetLine
	}
	return shuffled
}

// findings reads the log as one stream.
func (l fleetLog) findings(t testing.TB) []correlate.Finding { return l.snapshot(t).Findings }

func (l fleetLog) snapshot(t testing.TB) *correlate.Snapshot {
	t.Helper()
	c := correlate.New(correlate.Config{Bounds: fleetBounds})
	l.feed(t, c.Stream())
	c.Close()
	s := c.Snapshot()
	if s.Late != 0 || s.Ahead != 0 || len(s.Dropped) != 0 {
		t.Fatalf("%d late, %d ahead, dropped %v: the log is not what it should be", s.Late, s.Ahead, s.Dropped)
	}
	return s
}

// feed gives the records to a stream. What they borrow is overwritten at once.
func (l fleetLog) feed(t testing.TB, s *correlate.Stream) {
	t.Helper()
	var r correlate.Record
	var buf []byte
	for i := range l {
		buf = append(buf[:0], l[i].bytes...)
		if err := r.Decode(buf, nil); err != nil {
			t.Fatal(err)
		}
		s.Add(&r)
		clear(buf)
	}
}

// inBatches reads the log in batches of so many records, as the live engine
// does: after each somebody looks.
func (l fleetLog) inBatches(t testing.TB, size int) []correlate.Finding {
	t.Helper()
	c := correlate.New(correlate.Config{Bounds: fleetBounds})
	s := c.Stream()
	for batch := range slices.Chunk(l, size) {
		batch.feed(t, s)
		_ = c.Snapshot()
	}
	c.Close()
	return c.Snapshot().Findings
}

// inStreams reads the log as so many streams, the lines of one writer in one of
// them. They take turns, some lines each, and one waits where the core says so,
// as the live engine has it.
func (l fleetLog) inStreams(t testing.TB, n int) []correlate.Finding {
	t.Helper()
	rng := rand.New(rand.NewPCG(uint64(n), 45))
	c := correlate.New(correlate.Config{Bounds: fleetBounds})
	streams, rest := make([]*correlate.Stream, n), make([]fleetLog, n)
	for i := range streams {
		streams[i] = c.Stream()
	}
	for i := range l {
		k := l[i].producer % uint64(n)
		rest[k] = append(rest[k], l[i])
	}
	take := func(i int) {
		rest[i][:1].feed(t, streams[i])
		if rest[i] = rest[i][1:]; len(rest[i]) == 0 {
			streams[i].Close()
		}
	}
	for took := true; took; {
		took = false
		next := -1 // of those that wait
		for _, i := range rng.Perm(n) {
			lines := 1 + rng.IntN(50)
			for ; lines > 0 && len(rest[i]) > 0 && !streams[i].Blocked(rest[i][0].end); lines-- {
				take(i)
				took = true
			}
			if len(rest[i]) > 0 && (next < 0 || rest[i][0].end < rest[next][0].end) {
				next = i
			}
		}
		if !took && next >= 0 {
			take(next)
			took = true
		}
	}
	c.Close()
	s := c.Snapshot()
	if s.Late != 0 || s.Ahead != 0 {
		t.Fatalf("%d late, %d ahead: the log is not what it should be", s.Late, s.Ahead)
	}
	return s.Findings
}

func sameFindings(t *testing.T, name string, want, got []correlate.Finding) {
	t.Helper()
	if diff := gocmp.Diff(want, got, cmpopts.IgnoreUnexported(correlate.Finding{})); diff != "" {
		t.Errorf("%s: other findings, -want +got:\n%s", name, diff)
	}
}

func logOf(t testing.TB, of func() (*readLog, error)) *readLog {
	t.Helper()
	log, err := of()
	if err != nil {
		t.Fatal(err)
	}
	return log
}

// The fleet must have something to say, else the other tests say nothing.
func TestFleetHasFindings(t *testing.T) {
	kinds := map[string]int{}
	for _, f := range logOf(t, smallFleet).want(t) {
		kinds[f.Kind.String()]++
		if f.Ended {
			kinds["ended"]++
		}
		if f.Evidence.Confirmed > 0 {
			kinds["confirmed"]++
		}
	}
	for _, k := range []string{"slow_pod", "ended", "confirmed"} {
		if kinds[k] == 0 {
			t.Errorf("nothing %s among %v", k, kinds)
		}
	}
	if len(kinds) < 5 {
		t.Errorf("only %v are found", kinds)
	}
}

func TestSameFindingsTwice(t *testing.T) {
	t.Parallel()
	log := logOf(t, smallFleet)
	sameFindings(t, "the second time", log.want(t), log.findings(t))
}

func TestSameFindingsInAnyBatches(t *testing.T) {
	t.Parallel()
	log := logOf(t, smallFleet)
	want := log.want(t)
	const size = 97
	sameFindings(t, fmt.Sprintf("batches of %d", size), want, log.inBatches(t, size))
}

// fleetLate is how late the lines come, in milliseconds: the lateness is 10 s.
const fleetLate = 9_000

func TestSameFindingsInAnyOrder(t *testing.T) {
	t.Parallel()
	log := logOf(t, plainFleet)
	want := log.want(t)
	for seed := range uint64(5) {
		sameFindings(t, fmt.Sprintf("order %d", seed), want, log.within(seed, fleetLate).findings(t))
	}
}

func TestSameFindingsInAnyStreams(t *testing.T) {
	t.Parallel()
	log := logOf(t, plainFleet)
	want := log.want(t)
	for _, n := range []int{2, 4} {
		sameFindings(t, fmt.Sprintf("%d streams", n), want, log.inStreams(t, n))
	}
}

// Nor does what is wrong with the log depend on the order of its lines.
func TestSameLogFaultsInAnyOrder(t *testing.T) {
	t.Parallel()
	log := logOf(t, plainFleet)
	want := log.snapshot(t).Log
	if len(want) == 0 {
		t.Error("nothing is wrong with the log")
	}
	for seed := range uint64(5) {
		if diff := gocmp.Diff(want, log.within(seed, fleetLate).snapshot(t).Log); diff != "" {
			t.Errorf("order %d: other faults, -want +got:\n%s", seed, diff)
		}
	}
}

// The same of the fleet as it is: pods of deployments take the addresses of
// others, and callers without a sidecar name no service.
func TestSameFindingsInAnyOrderAsItIs(t *testing.T) {
	t.Skip("fails because of what TestAddressTakenInAnyOrder and TestPodNamedInAnyOrder show")
	log, _, err := simulateFleet(14)
	if err != nil {
		t.Fatal(err)
	}
	want := log.findings(t)
	for seed := range uint64(5) {
		sameFindings(t, fmt.Sprintf("order %d", seed), want, log.within(seed, fleetLate).findings(t))
	}
	for _, n := range []int{2, 4} {
		sameFindings(t, fmt.Sprintf("%d streams", n), want, log.inStreams(t, n))
	}
}
