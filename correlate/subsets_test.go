package correlate

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestSubsets is what a subset is beside another one: v1 has three pods and most
// of the requests, v2 fewer of both.
func TestSubsets(t *testing.T) {
	v1 := func(s *scene) {
		s.subset, s.subnet = "v1", 1
		s.traffic(0, 10*min1, 3, 10, func(int64, int) end { return s.ok() })
		s.subset, s.subnet = "v2", 2
	}
	for _, c := range []struct {
		name string
		make func(*scene)
		want []string // kind subset
	}{
		{"a canary of one pod, slow from the first line", func(s *scene) {
			v1(s)
			s.traffic(0, 10*min1, 1, 2, func(int64, int) end { return s.takes(5) })
		}, []string{"slow_service v2 both"}},
		{"two pods, slow from the first line", func(s *scene) {
			v1(s)
			s.traffic(0, 10*min1, 2, 2, func(int64, int) end { return s.takes(5) })
		}, []string{"slow_service v2 both"}},
		{"as many requests as the other, slow from the first line", func(s *scene) {
			v1(s)
			s.traffic(0, 10*min1, 3, 10, func(int64, int) end { return s.takes(5) })
		}, []string{"slow_service v2 both"}},
		{"as many requests as the other, which takes as long", func(s *scene) {
			v1(s)
			s.traffic(0, 10*min1, 3, 10, func(int64, int) end { return s.ok() })
		}, []string{}},
		{"as many requests as the other, then three times as many", func(s *scene) {
			v1(s)
			s.traffic(0, 5*min1, 3, 10, func(int64, int) end { return s.takes(5) })
			s.traffic(5*min1, 10*min1, 3, 30, func(int64, int) end { return s.takes(5) })
		}, []string{"slow_service v2 both"}},
		{"a canary that comes later and is slow from its birth", func(s *scene) {
			v1(s)
			s.traffic(4*min1, 10*min1, 1, 2, func(int64, int) end { return s.takes(5) })
		}, []string{"slow_service v2 both"}},
		{"a canary that comes later, and starts slowly", func(s *scene) {
			v1(s)
			s.traffic(4*min1, 10*min1, 1, 2, func(at int64, _ int) end {
				if at < 6*min1 {
					return s.takes(5)
				}
				return s.ok()
			})
		}, []string{}},
		{"another version takes half as long again", func(s *scene) {
			v1(s)
			s.traffic(0, 10*min1, 1, 2, func(int64, int) end { return s.takes(1.5) })
		}, []string{}},
		{"another version takes a fifth of the time", func(s *scene) {
			v1(s)
			s.traffic(0, 10*min1, 1, 2, func(int64, int) end { return s.takes(0.2) })
		}, []string{}},
		{"one pod of three is slow: it is told, not its subset", func(s *scene) {
			v1(s)
			s.traffic(0, 10*min1, 3, 6, s.slowThirdBy(8))
		}, []string{"slow_pod v2 both"}},
		{"a canary is slow for three minutes", func(s *scene) {
			v1(s)
			s.traffic(0, 10*min1, 1, 2, func(at int64, _ int) end {
				if at < 3*min1 {
					return s.takes(5)
				}
				return s.ok()
			})
		}, []string{"slow_service v2 both ended"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for seed := range uint64(3) {
				s := newScene(seed)
				c.make(s)
				got := []string{}
				for _, f := range s.read().Findings {
					row := fmt.Sprint(f.Kind, " ", f.Subset, " ", f.Proof)
					if f.Ended {
						row += " ended"
					}
					got = append(got, row)
				}
				if d := cmp.Diff(c.want, got); d != "" {
					t.Errorf("seed %d: -want +got\n%s", seed, d)
				}
			}
		})
	}
}

// What has been so since the first line is told as that, however little it
// exceeds the dead zone.
func TestSubsetsSince(t *testing.T) {
	for seed := range uint64(6) {
		s := newScene(seed)
		s.subset, s.subnet = "v1", 1
		s.traffic(0, 10*min1, 3, 10, func(int64, int) end { return s.ok() })
		s.subset, s.subnet = "v2", 2
		s.traffic(0, 10*min1, 2, 3, func(int64, int) end { return s.takes(2.6) })
		got := s.read().Findings
		if len(got) != 1 || got[0].Start > epoch0+sliceLen {
			t.Errorf("seed %d: %v", seed, got)
		}
	}
}
