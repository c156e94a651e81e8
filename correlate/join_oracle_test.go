package correlate_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/slowpod/slowpod/correlate"
)

// streamed is what the Correlator says of records in the order given.
func streamed(records []correlate.Record) []call {
	var calls []call
	c := correlate.New(correlate.Config{
		Bounds: correlate.Bounds{JoinBytes: 32 << 20, Halves: 10_000, Traces: 10_000, Pods: 1000, Services: 100, Faults: 1000},
		OnCall: func(k *correlate.Call) {
			got := call{verdict: k.Verdict.String(), key: k.Key.String()}
			if k.Client != nil {
				got.client = k.Client.Line
			}
			for i := range k.Server {
				got.server = append(got.server, k.Server[i].Line)
			}
			calls = append(calls, got)
		},
	})
	stream := c.Stream()
	for i := range records {
		stream.Add(&records[i])
	}
	c.Close()
	return calls
}

// disagreement compares what the Correlator makes of records with what the
// oracle says; "" where they agree.
func disagreement(records []correlate.Record) string {
	// A line that was delivered twice may be named by either delivery.
	names, lines := map[string]int64{}, map[int64]int64{}
	for i := range records {
		r := &records[i]
		k := sameLine(r)
		if names[k] == 0 || r.Line < names[k] {
			names[k] = r.Line
		}
	}
	for i := range records {
		lines[records[i].Line] = names[sameLine(&records[i])]
	}
	want := map[string]int{}
	either, open := map[int64]bool{}, map[int64]bool{0: true}
	for _, k := range oracle(records) {
		if k.open {
			for _, line := range append(k.server, k.client) {
				open[lines[line]] = true
			}
			continue
		}
		if k.verdict == notReceivedOrNot {
			either[lines[k.client]] = true
		}
		want[k.named(lines)]++
	}
	for _, k := range streamed(records) {
		if !slices.ContainsFunc(append(k.server, k.client), func(line int64) bool { return !open[lines[line]] }) {
			continue
		}
		if (k.verdict == "not_received" || k.verdict == "client_only") && either[lines[k.client]] {
			k.verdict = notReceivedOrNot
		}
		want[k.named(lines)]--
	}
	var diff []string
	for k, n := range want {
		switch {
		case n > 0:
			diff = append(diff, fmt.Sprintf("want %s", k))
		case n < 0:
			diff = append(diff, fmt.Sprintf("got  %s", k))
		}
	}
	slices.SortFunc(diff, func(a, b string) int { return cmp.Compare(b, a) })
	return strings.Join(diff, "\n")
}

func (c call) named(lines map[int64]int64) string {
	c.client = lines[c.client]
	server := make([]int64, len(c.server))
	for i, s := range c.server {
		server[i] = lines[s]
	}
	slices.Sort(server)
	c.server = server
	return c.String()
}

// smallest drops records as long as the rest still disagrees on the same call.
func smallest(records []correlate.Record, full string) []correlate.Record {
	first, _, _ := strings.Cut(full, "\n")
	for size := len(records) / 2; size > 0; {
		dropped := false
		for at := 0; at+size <= len(records); {
			rest := slices.Concat(records[:at], records[at+size:])
			if len(rest) > 0 && strings.Contains(disagreement(rest), first) {
				records, dropped = rest, true
			} else {
				at += size
			}
		}
		if !dropped || size > 1 {
			size /= 2
		}
	}
	return records
}

// report fails with the smallest log on which the two disagree.
func report(t *testing.T, records []correlate.Record) {
	t.Helper()
	full := disagreement(records)
	if full == "" {
		return
	}
	least := smallest(records, full)
	var b strings.Builder
	for i := range least {
		fmt.Fprintln(&b, describe(&least[i]))
	}
	t.Errorf("%d records:\n%s\nthe smallest log that disagrees:\n%s%s", len(records), full, b.String(), disagreement(least))
}

func describe(r *correlate.Record) string {
	return fmt.Sprintf("%4d %s end %d (start %d + %d) code %d flags %q details %q id %q host %q peer %q local %q service %q",
		r.Line, r.Side, r.End()-epoch, r.Start-epoch, r.Duration, r.Code, r.FlagText, r.Details, r.RequestID,
		r.UpstreamHost, r.Peer, r.UpstreamLocal, r.Target.Service)
}

// TestJoinAgainstOracle: the calls of a random mesh are those that the oracle
// finds, whether the log is in order of end time or up to 8 s late.
func TestJoinAgainstOracle(t *testing.T) {
	seeds := uint64(120)
	if testing.Short() {
		seeds = 30
	}
	const enough = 5 // to see what is wrong
	failed := 0
	for seed := range seeds {
		for _, late := range []int64{0, 8_000} {
			log := newWorld(seed, knobsOf(seed)).log()
			sortByEnd(log)
			shuffleWithin(log, seed, late)
			if disagreement(log) == "" {
				continue
			}
			if failed++; failed <= enough {
				t.Run(fmt.Sprintf("seed %d/late by %d ms", seed, late), func(t *testing.T) { report(t, log) })
			}
			break
		}
	}
	if failed > 0 {
		t.Errorf("%d of %d logs", failed, seeds)
	}
}

// FuzzJoin turns bytes into a mesh: the seed, then how often what goes wrong.
func FuzzJoin(f *testing.F) {
	for seed := range byte(16) {
		f.Add(uint64(seed), []byte{})
		f.Add(uint64(seed), []byte{40, 5, 0, 50, 10, 20, 60, 10, 0, 20, 30, 50, seed})
	}
	f.Fuzz(func(t *testing.T, seed uint64, shares []byte) {
		k := knobsOf(seed)
		for i, share := range []*int{
			&k.requests, &k.lost, &k.twice, &k.noID, &k.halfID, &k.index14, &k.xff, &k.ordinary, &k.far, &k.silent,
			&k.noSNI, &k.pooled,
		} {
			if i < len(shares) {
				*share = int(shares[i]) % 101
			}
		}
		if len(shares) > 12 {
			b := shares[12]
			k.named, k.long, k.dense, k.subsets = b&1 != 0, b&2 != 0, b&4 != 0, b&8 != 0
		}
		// A log without long silences: nobody takes its times for absurd.
		k.requests, k.lost = k.requests+60, k.lost/2
		log := newWorld(seed, k).log()
		sortByEnd(log)
		report(t, log)
		shuffleWithin(log, seed, 8_000)
		report(t, log)
	})
}
