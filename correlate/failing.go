package correlate

import "math"

// failingAbove is the share of cut requests below which a pod is like its
// siblings.
func failingAbove(cut, n float64) float64 {
	return min(0.9, failingDouble*(cut+0.5)/(n+20))
}

// fails says whether the pod's calls fail beyond what its siblings' do: its own
// past does not excuse that.
func (s *sums) fails(siblingsCut, siblings float64) bool {
	least := failingLeast
	if s.failing {
		least = failingStill
	}
	if s.cut < least || s.n <= 0 {
		return false
	}
	dead, share := failingAbove(siblingsCut, siblings), min(s.cut/s.n, 1)
	if share <= dead {
		return false
	}
	ratio := s.cut * math.Log(share/dead)
	if share < 1 {
		ratio += (s.n - s.cut) * math.Log((1-share)/(1-dead))
	}
	return ratio >= failingBar
}
