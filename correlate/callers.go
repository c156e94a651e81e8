package correlate

import (
	"cmp"
	"math/bits"
	"slices"
	"strings"
)

// callerSet is who called a pod, and whose requests timed out. What it holds
// does not depend on the order of the records.
type callerSet struct {
	seen uint64        // a bit for each caller: enough to tell one from several
	lost []callerCount // by name; the lowest few
}

// callerCount is how many requests of a caller timed out, or were left.
type callerCount struct {
	name string
	n    float64
}

// maxCallers is how many callers evidence names, and maxLost how many are
// counted.
const (
	maxCallers = 10
	maxLost    = 32
)

func (s *callerSet) see(producer uint64) { s.seen |= 1 << (producer & 63) }

// add counts timeouts of a caller; "" is nobody.
func (s *callerSet) add(name string, n float64) {
	if name == "" {
		return
	}
	i, found := slices.BinarySearchFunc(s.lost, name, func(c callerCount, name string) int { return strings.Compare(c.name, name) })
	switch {
	case found:
		s.lost[i].n += n
		return
	case i == maxLost:
		return
	case len(s.lost) == maxLost:
		s.lost = s.lost[:maxLost-1]
	}
	s.lost = slices.Insert(s.lost, i, callerCount{name, n})
}

func (s *callerSet) plus(o *callerSet) {
	s.seen |= o.seen
	for _, c := range o.lost {
		s.add(c.name, c.n)
	}
}

func (s *callerSet) clone() callerSet { return callerSet{s.seen, slices.Clone(s.lost)} }

// names are the callers whose requests timed out, by name.
func (s *callerSet) names() []string {
	var names []string
	for _, c := range s.lost[:min(len(s.lost), maxCallers)] {
		names = append(names, c.name)
	}
	return names
}

// of is how many callers the pod had, at least, and main the one that has most of
// the timeouts; "" where no one has, or where there is but one caller.
func (s *callerSet) of() (callers int, main string) {
	callers = max(bits.OnesCount64(s.seen), len(s.lost))
	if callers < 2 || len(s.lost) == 0 {
		return callers, ""
	}
	var all float64
	for _, c := range s.lost {
		all += c.n
	}
	most := slices.MaxFunc(s.lost, func(a, b callerCount) int { return cmp.Compare(a.n, b.n) })
	if most.n < mainCaller*all {
		return callers, ""
	}
	return callers, most.name
}

// mainCaller is the share of the timeouts that makes a caller the one to look at.
const mainCaller = 0.8
