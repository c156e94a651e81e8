package correlate

import (
	"testing"

	"github.com/slowpod/slowpod/classify"
	"github.com/slowpod/slowpod/correlate/logstream"
)

// A clock that no record names is its pod's, and that has an address.
func TestSkewOfAnAddress(t *testing.T) {
	s := newScene(1)
	s.traffic(0, 8*min1, 3, 10, func(int64, int) end { return s.ok() })
	for i := range s.records {
		r := &s.records[i]
		if r.Node = nil; r.Side == classify.Server && string(r.UpstreamHost) == "10.244.2.3:8080" {
			r.Start += 5 * sec
		}
	}
	faults := s.read().Log
	if len(faults) != 1 || faults[0].Reason != logstream.Skew || len(faults[0].Clocks) != 1 || faults[0].Clocks[0].Name != "10.244.2.3" {
		t.Errorf("%+v", faults)
	}
}
