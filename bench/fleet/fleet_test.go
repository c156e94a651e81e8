package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slowpod/slowpod/bench/fleet/score"
	"github.com/slowpod/slowpod/bench/fleet/world"
	"github.com/slowpod/slowpod/ingest/accesslog"
)

// The world of these tests: one service of five pods, each called four times a
// second. Pod 0 times out on 80 % of its requests in the second half of the
// run, or from the start where SlowFromStart says so. It ends after an
// hour at most.
const (
	tinyBegin   = 1_772_445_600_000
	tinyPods    = 5
	tinyEvery   = 50 // milliseconds between two calls
	tinyTimeout = 500
)

func tinyWorld(_ context.Context, cfg world.Config, emit world.Emit) (*world.Truth, error) {
	length := min(cfg.Length, time.Hour).Milliseconds()
	t := &world.Truth{Begin: tinyBegin, End: tinyBegin + length}
	slow := world.Episode{Kind: world.Slow10, Service: tinyService, Pod: "pod-0", Host: tinyHost(0), PodID: "uid-0",
		Start: t.Begin + length/2, End: t.End, Factor: 10}
	if cfg.SlowFromStart > 0 {
		slow.Start = t.Begin
	}
	for i := range tinyPods {
		t.Pods = append(t.Pods, world.PodLife{Service: tinyService, Pod: fmt.Sprint("pod-", i), Host: tinyHost(i),
			PodID: fmt.Sprint("uid-", i), Born: t.Begin, Hidden: 1, Requests: int(length) / tinyEvery / tinyPods})
	}
	for at := t.Begin; at < t.End; at += tinyEvery {
		n := int((at - t.Begin) / tinyEvery)
		i := n % tinyPods
		bad := i == 0 && at >= slow.Start && n%25 != 0
		if i == 0 && at >= slow.Start {
			slow.Requests++
		}
		if bad {
			slow.Timeouts++
		}
		t.Records += 2
		client, server := tinyCall(n, i, at, bad)
		arrival := client.Start + client.Duration + 1000
		if !cfg.ServerSilent {
			emit(arrival, server)
		}
		emit(arrival, client)
	}
	if slow.Requests > 0 {
		t.Episodes = append(t.Episodes, slow)
	}
	return t, nil
}

const tinyService = "s.sim.svc.cluster.local"

func tinyHost(i int) string { return fmt.Sprintf("10.0.0.%d:8080", i+1) }

func tinyCall(n, i int, at int64, bad bool) (client, server *accesslog.Record) {
	id := fmt.Appendf(nil, "%08d-0000-4000-8000-000000000000", n)
	host, peer := []byte(tinyHost(i)), fmt.Appendf(nil, "10.0.1.1:%d", 10_000+n%20_000)
	common := accesslog.Record{Start: at, Duration: 20, Code: 200, Method: []byte("GET"), Path: []byte("/items"),
		Protocol: []byte("HTTP/1.1"), RequestID: id, Details: []byte("via_upstream"), HasCluster: true}
	c, s := common, common
	c.Cluster, c.UpstreamHost, c.UpstreamLocal = []byte("outbound|8080||"+tinyService), host, peer
	c.Writer = accesslog.Writer{Namespace: []byte("sim"), Pod: []byte("caller"), PodID: []byte("uid-caller")}
	s.Cluster, s.DownstreamLocal, s.DownstreamPeer = []byte("inbound|8080||"), host, peer
	s.UpstreamLocal, s.ServerName = []byte("127.0.0.6:4000"), []byte("outbound_.8080_._."+tinyService)
	s.Writer = accesslog.Writer{Namespace: []byte("sim"), Pod: fmt.Append(nil, "pod-", i), PodID: fmt.Append(nil, "uid-", i)}
	if bad {
		c.Duration, c.Code, c.Flags, c.Details = tinyTimeout, 504, []byte("UT"), []byte("response_timeout")
		s.Duration, s.Code, s.Flags, s.Details = tinyTimeout, 0, []byte("DC"), []byte("downstream_remote_disconnect")
	}
	return &c, &s
}

// playRow runs a row on the tiny world and returns its sheet.
func playRow(t *testing.T, f *fleet, length time.Duration) *score.Sheet {
	t.Helper()
	f.id = "T"
	f.short = size{1, length}
	for _, j := range f.jobs(&plan{seed: 1, simulate: tinyWorld}) {
		if err := j.run(context.Background(), func(float64) {}); err != nil {
			t.Fatal(err)
		}
	}
	return &f.sheet
}

func TestSlowPodIsFoundAndScored(t *testing.T) {
	f := &fleet{beside: true, limits: []limit{precision(1), recall(1), delay(0.5, 60), falsePer1000(0)}}
	s := playRow(t, f, 10*time.Minute)
	if s.True != 1 || s.False != 0 || s.Recall(score.Enough) != (score.Figure{Value: 1, Cases: 1}) {
		t.Errorf("%+v", s)
	}
	for _, l := range f.lines() {
		if l.verdict != fine {
			t.Errorf("%+v", l)
		}
	}
	b := f.besides()
	if len(b.rows) != 13 || b.rows[0][0] != "**slowpod**" || b.rows[1][2] != "1.000" {
		t.Errorf("beside the usual ways: %v", b.rows)
	}
}

// The verdict of a log that is cut counts, though no slice would have closed
// yet that decides.
func TestColdLogIsAskedAtItsEnd(t *testing.T) {
	for _, c := range []struct {
		cold bool
		want float64
	}{{true, 1}, {false, 0}} {
		f := &fleet{cold: c.cold, world: world.Config{SlowFromStart: 1}}
		s := playRow(t, f, 40*time.Second)
		if got := s.Recall(score.Enough).Value; got != c.want {
			t.Errorf("cold %v: recall %v, want %v", c.cold, got, c.want)
		}
		if c.cold && s.Faults[0].Delay != 40 {
			t.Errorf("delay %v s, want that of the cut", s.Faults[0].Delay)
		}
	}
}

// What arrives after the cut is not in the log.
func TestColdLogIsCut(t *testing.T) {
	late := func(ctx context.Context, cfg world.Config, emit world.Emit) (*world.Truth, error) {
		cfg.Length *= 3
		truth, err := tinyWorld(ctx, cfg, emit)
		truth.End = truth.Begin + cfg.Length.Milliseconds()/3
		return truth, err
	}
	f := &fleet{cold: true}
	// The fault begins at half of 90 s.
	if err := f.play(context.Background(), late, world.Config{Length: 30 * time.Second}, func(float64) {}); err != nil {
		t.Fatal(err)
	}
	if f.sheet.True+f.sheet.False != 0 {
		t.Errorf("%+v", &f.sheet)
	}
}

func TestBuilds(t *testing.T) {
	// Without the server's records there is only the callers' word.
	f := &fleet{build: clientOnly, unverified: true}
	if s := playRow(t, f, 10*time.Minute); s.Kinds[score.SlowPod].All() != 0 || s.Kinds[score.Unverified].True != 1 || s.True != 1 {
		t.Errorf("client side only: %+v", s)
	}
	// An alert without a name is on who held the address.
	var fed []accesslog.Writer
	b := *byAddress
	b.entry = func(r *accesslog.Record) { byAddress.entry(r); fed = append(fed, r.Writer) }
	f = &fleet{build: &b}
	if s := playRow(t, f, 10*time.Minute); s.True != 1 || s.False != 0 {
		t.Errorf("identity by address: %+v", s)
	}
	if slices.ContainsFunc(fed, func(w accesslog.Writer) bool { return w.Pod != nil || w.PodID != nil || w.Namespace == nil }) {
		t.Error("identity by address knows a pod")
	}
}

// The build edits a copy: the entry is borrowed.
func TestFeedLeavesTheEntryAlone(t *testing.T) {
	f := newFeed(byAddress, false)
	client, _ := tinyCall(1, 1, tinyBegin, false)
	f.take(tinyBegin, client)
	if client.Writer.Pod == nil {
		t.Error("the entry has lost its writer")
	}
}

func TestLimits(t *testing.T) {
	of := func(value float64, cases int) func(*score.Sheet) score.Figure {
		return func(*score.Sheet) score.Figure { return score.Figure{Value: value, Cases: cases} }
	}
	for _, c := range []struct {
		name     string
		limit    limit
		share    float64
		required string
		measured string
		verdict  verdict
	}{
		{"a lower bound kept", limit{what: "x", measure: of(0.9, 10), least: true, bound: 0.9}, 1, "x >= 0.900", "0.900 (10)", fine},
		{"and missed", limit{what: "x", measure: of(0.89, 10), least: true, bound: 0.9}, 1, "x >= 0.900", "0.890 (10)", missed},
		{"an upper bound kept", limit{what: "x", measure: of(75, 10), bound: 75, unit: secs}, 1, "x <= 75 s", "75 s (10)", fine},
		{"and missed", limit{what: "x", measure: of(76, 10), bound: 75, unit: secs}, 1, "x <= 75 s", "76 s (10)", missed},
		{"only shown", limit{what: "x", measure: of(0.5, 10), least: true, bound: 0.9, shown: true}, 1, "x", "0.500 (10)", unasked},
		{"nothing to show", limit{what: "x", measure: of(0, 0), shown: true}, 1, "x", "-", unasked},
		{"no case", limit{what: "x", measure: of(0, 0), least: true, bound: 0.9}, 1, "x >= 0.900", "-", noCase},
		{"a count is scaled and rounded up", limit{what: "x", measure: of(1, 1), bound: 3, scaled: true, unit: number}, 0.25, "x <= 1", "1", fine},
		{"but not from nothing", limit{what: "x", measure: of(1, 1), bound: 0, scaled: true, unit: number}, 0.25, "x <= 0", "1", missed},
		{"a share is not scaled", limit{what: "x", measure: of(0.9, 1), least: true, bound: 0.9}, 0.25, "x >= 0.900", "0.900 (1)", fine},
		{"the short form's own bound", limit{what: "x", measure: of(0.86, 1), least: true, bound: 0.87, short: 0.85}, 0.25, "x >= 0.850", "0.860 (1)", fine},
		{"not in the full form", limit{what: "x", measure: of(0.86, 1), least: true, bound: 0.87, short: 0.85}, 1, "x >= 0.870", "0.860 (1)", missed},
		{"what a broken build must exceed", over(limit{what: "x", measure: of(91, 1), bound: 40, unit: number}), 1, "x >= 40", "91", fine},
		{"and does not", over(limit{what: "x", measure: of(5, 1), bound: 40, unit: number}), 1, "x >= 40", "5", missed},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := line{required: c.required, measured: c.measured, verdict: c.verdict}
			if d := cmp.Diff(want, c.limit.check(&score.Sheet{}, c.share), cmp.AllowUnexported(line{})); d != "" {
				t.Error(d)
			}
		})
	}
	never := delay(0.5, 75)
	if l := never.check(&score.Sheet{Faults: []score.Fault{{Requests: 100}}}, 1); l.measured != "never (1)" || l.verdict != missed {
		t.Errorf("what is never found: %+v", l)
	}
}

func TestBlameIsTold(t *testing.T) {
	s := score.Sheet{False: 3, Hidden: 1, Blame: map[world.Kind]int{world.Deploy: 1, score.Nothing: 2, world.Surge: 1}}
	lines := (&fleet{sheet: s}).lines()
	if len(lines) != 1 || lines[0].measured != "nothing 2, deploy 1, surge 1; pods that always differ 1 (3)" {
		t.Errorf("%+v", lines)
	}
}

// The sizes of detection.md 4.1.
func TestSizes(t *testing.T) {
	for _, c := range []struct {
		id          string
		full        bool
		seeds       int
		hours       float64
		firstLength time.Duration
	}{
		{"A1", false, 1, 2, 2 * time.Hour}, {"A1", true, 4, 8, 2 * time.Hour},
		{"A12", false, 4, 8, 2 * time.Hour}, {"A12", true, 12, 36, 3 * time.Hour},
		{"A20a", true, 24, 4, 10 * time.Minute}, {"A20b", true, 8, 8. * 40 / 3600, 40 * time.Second},
	} {
		for _, row := range rows() {
			if id, _ := row.title(); id != c.id {
				continue
			}
			s := row.(*fleet).size(&plan{full: c.full})
			if s.seeds != c.seeds || s.hours() != c.hours || s.length != c.firstLength {
				t.Errorf("%s, full %v: %+v", c.id, c.full, s)
			}
			break
		}
	}
}

// Each row of the suite is there, in order, with something to hold to.
func TestRows(t *testing.T) {
	var ids []string
	for _, row := range append(rows(), brokenRows()...) {
		id, name := row.title()
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
		if f, ok := row.(*fleet); ok && len(f.limits) == 0 || name == "" {
			t.Errorf("%s %q has no limit or no name", id, name)
		}
	}
	want := "A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12 A13 A14 A15 A16 A17 A18 A19 A20a A20b A20c A21 A22a A22b B1 B2 B3 B4 B5 B6 B7"
	if got := strings.Join(ids, " "); got != want {
		t.Errorf("rows %s, want %s", got, want)
	}
}

func command(t *testing.T, args string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(context.Background(), strings.Fields(args), tinyWorld, &out, &errs)
	return code, out.String(), errs.String()
}

func TestUsage(t *testing.T) {
	for _, c := range []struct {
		args string
		code int
		want string // on either
	}{
		{"--only=A99", exitUsage, "--only=A99 is no row"},
		{"--only=A12,B9,B8", exitUsage, "--only=B8 is no row"},
		{"--broken --only=A12", exitUsage, "--only=A12 is no row"},
		{"--sed=1", exitUsage, "unknown long flag"},
		{"--seed=x", exitUsage, "invalid"},
		{"--help", exitFine, "--full"},
		{"--list", exitFine, "A22b  client only"},
		{"--list --only=a20", exitFine, "A20c  watermark"},
		{"--list --broken", exitFine, "B1    client side only"},
	} {
		code, out, errs := command(t, c.args)
		if code != c.code || !strings.Contains(out+errs, c.want) {
			t.Errorf("%s: exit code %d, %s%s", c.args, code, out, errs)
		}
	}
}

// A run prints its tables, writes them where it is told to, and fails when a
// limit is missed.
func TestRun(t *testing.T) {
	file := filepath.Join(t.TempDir(), "fleet.md")
	code, out, errs := command(t, "--only=A20b,A20c --seed=7 --output="+file)
	if code != exitFine {
		t.Errorf("exit code %d", code)
	}
	for _, want := range []string{"A20b  cold start, slow before the first line, 40 s", "recall, >= 100 requests >= 0.920", "1.000 (2)", "no case", "ok"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if strings.Count(errs, "done after") != 4 {
		t.Errorf("not a line for each row:\n%s", errs)
	}
	page, err := os.ReadFile(file)
	for _, want := range []string{"    make fleet ONLY=A20b,A20c SEED=7\n", "Seeds: each row begins with 7", " cores, go1.", "| A20b | cold start"} {
		if !strings.Contains(string(page), want) {
			t.Errorf("no %q in the page: %v\n%s", want, err, page)
		}
	}

	// A broken build that does no damage is a limit missed.
	code, out, errs = command(t, "--broken --only=B2")
	if code != exitMissed || !strings.Contains(out, "MISSED") || !strings.Contains(errs, "fleet: a limit is missed\n") {
		t.Errorf("no damage by a broken build: exit code %d\n%s%s", code, out, errs)
	}
}

func TestFailureAndInterruption(t *testing.T) {
	var out, errs bytes.Buffer
	broken := func(context.Context, world.Config, world.Emit) (*world.Truth, error) {
		return nil, errors.New("no world")
	}
	if code := run(context.Background(), []string{"--only=A1"}, broken, &out, &errs); code != exitMissed || !strings.Contains(errs.String(), "A1, seed 1: no world") {
		t.Errorf("exit code %d, %s", code, &errs)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	stuck := func(ctx context.Context, _ world.Config, _ world.Emit) (*world.Truth, error) { return nil, ctx.Err() }
	errs.Reset()
	if code := run(ctx, []string{"--only=A1"}, stuck, &out, &errs); code != exitMissed || !strings.Contains(errs.String(), "interrupted") {
		t.Errorf("exit code %d, %s", code, &errs)
	}
}

func TestCatalogRow(t *testing.T) {
	c := &catalog{}
	cell := catalogCell{rate: 10, log: time.Minute, pods: 3, runs: 3}
	ctx, quiet := context.Background(), func(float64) {}
	if err := errors.Join(c.play(ctx, 1, cell, quiet), c.playHealthy(ctx, 1, cell, quiet)); err != nil {
		t.Fatal(err)
	}
	c.share = 1
	lines := c.lines()
	if len(lines) != 3 || lines[0].verdict != fine || lines[0].measured != "1.000 (3)" || lines[2].measured != "0 (3)" {
		t.Errorf("%+v", lines)
	}
	c.cells = append(c.cells, catalogCell{rate: 5, log: 40 * time.Second, pods: 2, uniform: true, runs: 3, right: 2})
	if got := c.lines()[0]; got.verdict != missed || got.measured != "0.833 (6); worst 0.67: 5/s, 40s, 2 pods, all requests slower" {
		t.Errorf("%+v", got)
	}
}

func TestCost(t *testing.T) {
	m, err := measure(context.Background(), tinyWorld, world.Config{Length: 10 * time.Minute}, func(float64) {})
	if err != nil || m.records != 24_000 || m.pods != tinyPods || m.took <= 0 {
		t.Errorf("%+v, %v", m, err)
	}
	if m.bytes == 0 || m.bytes > 1<<20 {
		t.Errorf("%d bytes for %d pods", m.bytes, m.pods)
	}
	c := &cost{perRecord: 2 * time.Microsecond, perPod: 100, half: 100, all: 121}
	var got []verdict
	for _, l := range c.lines() {
		got = append(got, l.verdict)
	}
	if !slices.Equal(got, []verdict{missed, fine, missed}) {
		t.Errorf("%v", got)
	}
}
