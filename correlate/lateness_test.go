package correlate

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// timeless leaves out what may depend on the order of arrival: how far the
// watermark has come, and what was far ahead of it.
func timeless(s *Snapshot) Snapshot {
	c := *s
	c.Watermark, c.Ahead = 0, 0
	return c
}

// The same lines give the same findings, under the same ids.
func TestSameLinesSameFindings(t *testing.T) {
	s := newScene(6)
	s.traffic(0, 10*min1, 3, 10, func(at int64, pod int) end {
		if pod == 3 && at >= onset && at < 5*min1 {
			return s.share(0.8, timeout)
		}
		return s.share(0.02, cancel)
	})
	records := s.byEnd()
	first, second := read(records), read(records)
	if len(first.Findings) != 1 || first.Findings[0].ID == "" {
		t.Fatalf("findings %q", kinds(first))
	}
	if diff := gocmp.Diff(first, second, cmpopts.IgnoreUnexported(Finding{})); diff != "" {
		t.Errorf("read twice: -first +second\n%s", diff)
	}
}

// Nor does the order matter, while no record is later than the lateness.
func TestAnyOrderWithinTheLateness(t *testing.T) {
	bad := map[string]func(s *scene) func(int64, int) end{
		"slow pod": func(s *scene) func(int64, int) end { return s.slowThird(0.8, timeout) },
		"network":  func(s *scene) func(int64, int) end { return s.slowThird(0.5, lost) },
		"recovery": func(s *scene) func(int64, int) end {
			return func(at int64, pod int) end {
				if pod == 3 && at >= onset && at < 5*min1 {
					return s.share(0.3, timeout)
				}
				return s.ok()
			}
		},
		"callers leave": func(s *scene) func(int64, int) end { return s.slowThird(0.8, cancel) },
	}
	for name, of := range bad {
		t.Run(name, func(t *testing.T) {
			s := newScene(7)
			s.traffic(0, 10*min1, 3, 10, of(s))
			want := timeless(s.read())
			for seed := range uint64(4) {
				rng := rand.New(rand.NewPCG(seed, 11))
				arrival := make([]int64, len(s.records))
				order := make([]int, len(s.records))
				for i := range s.records {
					arrival[i], order[i] = s.records[i].End()+rng.Int64N(lateness), i
				}
				slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(arrival[a], arrival[b]) })
				shuffled := make([]Record, len(order))
				for i, k := range order {
					shuffled[i] = s.records[k]
				}
				got := timeless(read(shuffled))
				if diff := gocmp.Diff(want.Findings, got.Findings, cmpopts.IgnoreUnexported(Finding{})); diff != "" {
					t.Fatalf("seed %d: findings: -in order +shuffled\n%s", seed, diff)
				}
				if diff := gocmp.Diff(want, got, cmpopts.IgnoreUnexported(Finding{})); diff != "" {
					t.Fatalf("seed %d: -in order +shuffled\n%s", seed, diff)
				}
			}
		})
	}
}
