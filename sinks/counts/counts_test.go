package counts

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slowpod/slowpod/classify"
	"github.com/slowpod/slowpod/ingest/accesslog"
)

func record(w *Worker, side classify.Side, outcome classify.Outcome, flags string) {
	r := &accesslog.Record{Flags: []byte(flags)}
	w.Record(r, &classify.Class{Side: side, Outcome: outcome, Flags: classify.ParseSet(r.Flags)})
}

func TestTotals(t *testing.T) {
	var s Set
	a, b, c := s.Worker("file"), s.Worker("file"), s.Worker("kafka")
	record(a, classify.Client, classify.Timeout, "URX,UT")
	record(a, classify.Client, classify.OK, "")
	record(b, classify.Server, classify.DownstreamClosed, "DC")
	record(b, classify.Server, classify.OK, "XYZ,DC")
	record(c, classify.Unknown, classify.TCP, "UF")
	a.Line(accesslog.Foreign, accesslog.NoReason)
	b.Line(accesslog.Malformed, accesslog.InvalidJSON)
	b.Line(accesslog.Malformed, accesslog.TooLong)
	c.Line(accesslog.Malformed, accesslog.InvalidJSON)

	want := &Totals{Read: 9, Records: 5, Foreign: 1}
	want.Malformed[accesslog.InvalidJSON], want.Malformed[accesslog.TooLong] = 2, 1
	// each flag of a set counts by itself, TCP included; "-" is no flag
	want.Flags[classify.Client][classify.UT], want.Flags[classify.Client][classify.URX] = 1, 1
	want.Flags[classify.Server][classify.DC], want.Flags[classify.Unknown][classify.UF] = 2, 1
	want.Outcomes[classify.Client][classify.Timeout], want.Outcomes[classify.Client][classify.OK] = 1, 1
	want.Outcomes[classify.Server][classify.DownstreamClosed], want.Outcomes[classify.Server][classify.OK] = 1, 1
	want.Outcomes[classify.Unknown][classify.TCP] = 1
	want.Custom = map[CustomFlag]uint64{{classify.Server, "XYZ"}: 1}

	got := s.Totals()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if got.Read != got.Records+got.Foreign+got.MalformedLines() {
		t.Errorf("read %d is not %d + %d + %d", got.Read, got.Records, got.Foreign, got.MalformedLines())
	}

	bySource := s.BySource()
	if len(bySource) != 2 || bySource["file"].Read != 7 || bySource["kafka"].Read != 2 || bySource["kafka"].MalformedLines() != 1 {
		t.Errorf("by source: %+v", bySource)
	}
	// what was read is a copy
	bySource["file"].Read = 0
	bySource["file"].Custom[CustomFlag{classify.Server, "XYZ"}] = 99
	if diff := cmp.Diff(want, s.Totals()); diff != "" {
		t.Errorf("after writing to a copy: -want +got\n%s", diff)
	}
}

func TestNothing(t *testing.T) {
	var s Set
	if diff := cmp.Diff(&Totals{}, s.Totals()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// Custom flags are what somebody else's proxy prints: a bound of them is told
// apart, on whatever side, and the rest is counted together.
func TestCustomFlagsAreBounded(t *testing.T) {
	var s Set
	w := s.Worker("file")
	const n = 1000
	for i := range n {
		record(w, classify.Client, classify.OK, fmt.Sprintf("X%d", i))
	}
	for range 5 { // known ones are still told apart
		record(w, classify.Client, classify.OK, "X0")
	}
	record(w, classify.Server, classify.OK, "X0")
	got := s.Totals().Custom
	if len(got) > maxFew+classify.Sides {
		t.Errorf("%d custom flags are told apart, want at most %d and the rest", len(got), maxFew)
	}
	var sum uint64
	for _, c := range got {
		sum += c
	}
	if sum != n+6 {
		t.Errorf("%d are counted, want %d", sum, n+6)
	}
	if got[CustomFlag{classify.Client, "X0"}] != 6 || got[CustomFlag{classify.Server, "X0"}] != 1 || got[CustomFlag{classify.Client, CustomOther}] != n-(maxFew-1) {
		t.Errorf("X0 %d, other %d", got[CustomFlag{classify.Client, "X0"}], got[CustomFlag{classify.Client, CustomOther}])
	}
}

// Which ones are told apart, and how often each was, is the same for any order of
// the lines and any number of workers.
func TestBoundsDoNotDependOnTheOrder(t *testing.T) {
	const n = 3000
	rng := rand.New(rand.NewPCG(1, 2))
	names := make([]int, n)
	for i := range names {
		names[i] = rng.IntN(300)
	}
	exact := map[string]uint64{}
	for _, i := range names {
		exact[fmt.Sprintf("X%03d", i)]++
	}
	var first *Totals
	for _, workers := range []int{1, 2, 5} {
		rng.Shuffle(n, func(i, k int) { names[i], names[k] = names[k], names[i] })
		var s Set
		all := make([]*Worker, workers)
		for i := range all {
			all[i] = s.Worker("file")
		}
		for i, name := range names {
			r := &accesslog.Record{Code: 503, Flags: fmt.Appendf(nil, "X%03d", name), Details: fmt.Appendf(nil, "new_%03d", name)}
			all[i%workers].Record(r, &classify.Class{Side: classify.Client, Flags: classify.ParseSet(r.Flags)})
		}
		got := s.Totals()
		if first == nil {
			first = got
		}
		if diff := cmp.Diff(first, got); diff != "" {
			t.Errorf("%d workers: %s", workers, diff)
		}
	}
	if len(first.Custom) != maxFew+1 || len(first.Unknown) != maxFew+1 {
		t.Errorf("%d flags, %d words", len(first.Custom), len(first.Unknown))
	}
	for flag, n := range first.Custom {
		if flag.Name != CustomOther && n != exact[flag.Name] {
			t.Errorf("%s: %d, want %d", flag.Name, n, exact[flag.Name])
		}
	}
}

// Words that the table of causes does not know are counted verbatim, and
// bounded as custom flags are.
func TestUnknownWords(t *testing.T) {
	var s Set
	w := s.Worker("file")
	count := func(details, reason string) {
		r := &accesslog.Record{Code: 503, Details: []byte(details), TransportFailure: []byte(reason)}
		if reason == "" {
			r.TransportFailure = nil
		}
		w.Record(r, &classify.Class{Side: classify.Client})
	}
	count("via_upstream", "")
	count("upstream_reset_before_response_started{connection_timeout}", "")
	count("new_details", "")
	count("new_details", "new_reason")
	count("upstream_reset_before_response_started{new_reset|new_reason}", "delayed_connect_error:_111")
	want := map[UnknownWord]uint64{
		{classify.Client, "details", "new_details"}:                 2,
		{classify.Client, "transport_failure_reason", "new_reason"}: 1,
		{classify.Client, "reset_reason", "new_reset"}:              1,
	}
	if diff := cmp.Diff(want, s.Totals().Unknown); diff != "" {
		t.Error(diff)
	}
	for i := range 1000 {
		count(fmt.Sprintf("new_%d_%s", i, strings.Repeat("x", 1000)), "")
	}
	sum := uint64(0)
	for word, n := range s.Totals().Unknown {
		sum += n
		if len(word.Text) > maxUnknownText {
			t.Errorf("%d bytes of a word are kept", len(word.Text))
		}
	}
	if got := s.Totals().Unknown; len(got) > maxFew+3 || sum != 1004 || got[UnknownWord{classify.Client, "details", CustomOther}] == 0 {
		t.Errorf("%d words are told apart, %d counted", len(got), sum)
	}
}

// Others read while workers count.
func TestReadWhileCounting(t *testing.T) {
	var s Set
	var workers sync.WaitGroup
	const batches, lines = 50, 20
	for range 4 {
		w := s.Worker("file")
		workers.Go(func() {
			for range batches {
				for range lines {
					record(w, classify.Client, classify.OK, "XYZ")
				}
			}
		})
	}
	for range 20 {
		if n := s.Totals().Read; n > 4*batches*lines {
			t.Errorf("%d lines, more than there are", n)
		}
	}
	workers.Wait()
	if n := s.Totals().Read; n != 4*batches*lines {
		t.Errorf("%d lines, want %d", n, 4*batches*lines)
	}
}

func TestNoAllocation(t *testing.T) {
	var s Set
	w := s.Worker("file")
	r := &accesslog.Record{Flags: []byte("URX,UT")}
	c := classify.Class{Side: classify.Client, Outcome: classify.Timeout, Flags: classify.ParseSet(r.Flags)}
	if n := testing.AllocsPerRun(100, func() {
		w.Record(r, &c)
		w.Line(accesslog.Foreign, accesslog.NoReason)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
