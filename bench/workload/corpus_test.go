package workload_test

import (
	"bytes"
	"encoding/json"
	"math"
	"testing"

	"github.com/slowpod/slowpod/bench/workload"
)

func TestCorpusIsWhatItIsSaidToBe(t *testing.T) {
	const lines = 200_000
	for seed := range uint64(2) {
		g := workload.Corpus(workload.CorpusOptions{Options: workload.Options{Seed: seed, Lines: lines}})
		var size, inbound, escaped, long int
		orders := map[string]int{}
		for l := (workload.Line{}); g.Next(&l); {
			size += len(l.Bytes) + 1
			if l.Side == workload.ServerSide {
				inbound++
			}
			if bytes.IndexByte(l.Bytes, '\\') >= 0 {
				escaped++
			}
			if !bytes.Contains(l.Bytes, []byte(`"x_forwarded_for":null`)) {
				long++
			}
			first, _, _ := bytes.Cut(l.Bytes, []byte(":"))
			orders[string(first)]++
		}
		within := func(what string, got, want, by float64) {
			t.Helper()
			if math.Abs(got-want) > by {
				t.Errorf("seed %d: %s %.4f, not %.4f", seed, what, got, want)
			}
		}
		within("bytes per line", float64(size)/lines, 849, 5)
		within("inbound", float64(inbound)/lines, 0.5, 0.02)
		within("escaped", float64(escaped)/lines, 0.004, 0.001)
		within("long", float64(long)/lines, 0.3, 0.01)
		within("hashed keys", float64(orders[`{"user_agent"`])/lines, 0.60, 0.02)
		within("declared keys", float64(orders[`{"start_time"`])/lines, 0.25, 0.02)
		within("sorted keys", float64(orders[`{"authority"`])/lines, 0.15, 0.02)
		truth := g.Truth()
		for _, flag := range []string{"UT", "UF", "URX", "UH", "NR", "UC"} {
			within(flag, float64(truth.Records["client"].Flags[flag])/lines, 0.0033, 0.0006)
		}
		within("DC", float64(truth.Records["server"].Flags["DC"])/lines, 0.0033, 0.0006)
		if len(truth.Timeouts) != 0 {
			t.Errorf("seed %d: %d timeouts listed unasked", seed, len(truth.Timeouts))
		}
		if len(truth.Pods) != 500 {
			t.Errorf("seed %d: %d pods", seed, len(truth.Pods))
		}
	}
}

func TestStormIsThirtyPercentHalves(t *testing.T) {
	const lines = 500_000
	g := workload.Storm(workload.CorpusOptions{Options: workload.Options{Lines: lines}})
	for l := (workload.Line{}); g.Next(&l); {
	}
	truth := g.Truth()
	halves := truth.Records["client"].Flags["UT"] + truth.Records["server"].Flags["DC"]
	if share := float64(halves) / lines; math.Abs(share-0.30) > 0.01 {
		t.Errorf("%.3f of the lines are UT or DC", share)
	}
}

func TestFailingIsHalvesOfTimeoutsAlone(t *testing.T) {
	const lines = 80_000
	for _, share := range []float64{0, 0.02, 0.10, 0.30} {
		g := workload.Failing(share, workload.CorpusOptions{Options: workload.Options{Lines: lines}})
		for l := (workload.Line{}); g.Next(&l); {
		}
		records := g.Truth().Records
		halves := records["client"].Flags["UT"] + records["server"].Flags["DC"]
		others := lines - halves - records["client"].Flags["-"] - records["server"].Flags["-"]
		// The first timeout ends after half a second, an eighth of the log.
		if got := float64(halves) / lines; got > 1.05*share || got < 0.82*share || others != 0 {
			t.Errorf("%.2f: %.4f of the lines are UT or DC, %d have other flags", share, got, others)
		}
	}
}

func TestCorpusOfManyServices(t *testing.T) {
	const services, slow = 1000, 100
	g := workload.Corpus(workload.CorpusOptions{
		Options: workload.Options{Lines: 40_000}, Services: services, Slow: slow,
	})
	took, n := map[bool]int{}, map[bool]int{} // milliseconds and lines, by whether the pod is slow
	index := map[*workload.Pod]int{}
	hosts := map[string]bool{}
	for i, p := range g.Pods() {
		index[p] = i
		hosts[p.Host] = true
	}
	if len(hosts) != 10*services {
		t.Errorf("%d addresses of %d pods", len(hosts), 10*services)
	}
	for l := (workload.Line{}); g.Next(&l); {
		var e entry
		if err := json.Unmarshal(l.Bytes, &e); err != nil {
			t.Fatal(err)
		}
		if l.Side == workload.ServerSide && e.ResponseFlags == "-" {
			isSlow := index[l.Pod]%slow == slow-1
			took[isSlow] += int(e.Duration)
			n[isSlow]++
		}
	}
	if mean, slow := float64(took[false])/float64(n[false]), float64(took[true])/float64(n[true]); slow < 3*mean {
		t.Errorf("slow pods take %.1f ms, others %.1f ms", slow, mean)
	}
}

func TestNextAllocatesNothingPerLine(t *testing.T) {
	for _, s := range scenarios() {
		g := s.make(workload.Options{Duration: 1 << 60})
		var l workload.Line
		for range 30_000 {
			g.Next(&l)
		}
		if n := testing.AllocsPerRun(10_000, func() { g.Next(&l) }); n > 0 {
			t.Errorf("%s: %.2f allocations for a line", s.name, n)
		}
	}
}
