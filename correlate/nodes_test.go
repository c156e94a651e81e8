package correlate

import (
	"cmp"
	"fmt"
	"slices"
	"testing"

	"github.com/slowpod/slowpod/correlate/kind"
)

// Pods of several services that become slow together on one node have it in
// common: that is one more finding, which lists them, and ends with them.
func TestSlowNode(t *testing.T) {
	mesh := func(services int, late int64) *Snapshot {
		var all []Record
		for i := range services {
			s := newScene(uint64(i))
			s.service, s.subnet = fmt.Sprintf("svc%d.shop.svc.cluster.local", i), 10+i
			s.node = func(pod int) string { return fmt.Sprintf("worker-%d", pod) }
			from := onset + int64(i)*late
			s.traffic(0, 12*min1, 3, 10, func(at int64, pod int) end {
				if pod == 3 && at >= from && at < 6*min1 {
					return s.takes(4)
				}
				return s.ok()
			})
			all = append(all, s.records...)
		}
		slices.SortStableFunc(all, func(a, b Record) int { return cmp.Compare(a.End(), b.End()) })
		return read(all)
	}
	nodes := func(s *Snapshot) (rows []Finding) {
		for _, f := range s.Findings {
			if f.Kind == kind.SlowNode {
				rows = append(rows, f)
			}
		}
		return rows
	}
	found := nodes(mesh(4, 5*sec))
	if len(found) != 1 {
		t.Fatalf("%d findings of a node, want one", len(found))
	}
	f := found[0]
	if f.Node != "worker-3" || len(f.Members) != 4 || !f.Ended || f.Proof != ProofBoth || f.UpstreamHost != "" || f.Service != "" {
		t.Errorf("%+v", f)
	}
	if f.Start < epoch0+onset-10*sec || f.Start > epoch0+onset+10*sec || f.End < epoch0+6*min1-20*sec || f.End > epoch0+6*min1+20*sec {
		t.Errorf("from %d to %d ms", f.Start-epoch0, f.End-epoch0)
	}
	covered := 0
	s := mesh(4, 5*sec)
	for _, f := range s.Findings {
		if f.Covered {
			covered++
		}
	}
	if len(s.Findings) != 5 || covered != 4 {
		t.Errorf("%d findings, %d of them covered: each pod keeps its own", len(s.Findings), covered)
	}
	if n := len(nodes(mesh(2, 5*sec))); n != 0 {
		t.Error("two pods are no node")
	}
	if n := len(nodes(mesh(3, 50*sec))); n != 0 {
		t.Error("three pods that did not become slow together are no node")
	}
}
