package score

import (
	"math"
	"slices"

	"github.com/slowpod/slowpod/bench/fleet/world"
)

// Sheet is the score of one run, or of several together.
type Sheet struct {
	Runs    int
	Pods    int // that got a request
	PodDays float64
	// True and False are the alerts that name a pod slow.
	True, False int
	// Path are those of the false ones on pods the way to which lost packets,
	// Hidden those on pods that are permanently slower than their siblings.
	Path, Hidden int
	// Blame says what was on where a pod was falsely named; Nothing where
	// nothing was. An alert may count under several.
	Blame map[world.Kind]int
	// Faults are the episodes of slow pods, whatever their requests.
	Faults []Fault
	// Clears are the seconds from the end of a fault to that of its alert.
	Clears []float64
	// Kinds counts the alerts of each kind, Named the episodes that each kind
	// should have named.
	Kinds map[string]Count
	Named map[string]Named
	// Starting are pods that were said to be starting, StartingOld those of
	// them that were too old for it.
	Starting, StartingOld int
	// Cases tells, in words, each fault that was missed or found late, and
	// each false alert.
	Cases []string
}

// Nothing is the blame of an alert where nothing was on.
const Nothing world.Kind = "nothing"

// Fault is what became of one episode of a slow pod.
type Fault struct {
	Kind               world.Kind
	Severe             bool
	Requests, Timeouts int
	Found              bool
	Delay              float64 // seconds, where Timed
	Timed              bool
}

// Count is alerts of one kind.
type Count struct{ True, False int }

// All is all of them.
func (c Count) All() int { return c.True + c.False }

// Named is how many episodes were named as what they were, and after how many
// seconds.
type Named struct {
	Cases  int
	Delays []float64
}

// Plus adds another run.
func (s *Sheet) Plus(o *Sheet) {
	s.Runs += o.Runs
	s.Pods += o.Pods
	s.PodDays += o.PodDays
	s.True += o.True
	s.False += o.False
	s.Path += o.Path
	s.Hidden += o.Hidden
	s.Faults = append(s.Faults, o.Faults...)
	s.Cases = append(s.Cases, o.Cases...)
	s.Clears = append(s.Clears, o.Clears...)
	s.Starting += o.Starting
	s.StartingOld += o.StartingOld
	if s.Blame == nil {
		s.Blame, s.Kinds, s.Named = map[world.Kind]int{}, map[string]Count{}, map[string]Named{}
	}
	for kind, n := range o.Blame {
		s.Blame[kind] += n
	}
	for kind, n := range o.Kinds {
		sum := s.Kinds[kind]
		s.Kinds[kind] = Count{sum.True + n.True, sum.False + n.False}
	}
	for kind, n := range o.Named {
		sum := s.Named[kind]
		s.Named[kind] = Named{sum.Cases + n.Cases, append(slices.Clone(sum.Delays), n.Delays...)}
	}
}

// Figure is a number and how many cases it rests on: without any it says
// nothing.
type Figure struct {
	Value float64
	Cases int
}

func share(part, all int) Figure {
	if all == 0 {
		return Figure{}
	}
	return Figure{float64(part) / float64(all), all}
}

// Precision is the share of the alerts that were true.
func (s *Sheet) Precision() Figure { return share(s.True, s.True+s.False) }

// PathPrecision is the same where packets lost on the way to a pod make an
// alert on it true, too.
func (s *Sheet) PathPrecision() Figure { return share(s.True+s.Path, s.True+s.False) }

// FalsePer1000 is false alerts per 1000 pod-days.
func (s *Sheet) FalsePer1000() Figure {
	if s.PodDays == 0 {
		return Figure{}
	}
	return Figure{float64(s.False) / s.PodDays * 1000, s.Runs}
}

// Stratum chooses faults.
type Stratum func(*Fault) bool

// The strata, all of faults with enough requests.
var (
	Enough     Stratum = func(f *Fault) bool { return f.Requests >= FewRequests }
	Many       Stratum = func(f *Fault) bool { return f.Requests >= 100 }
	ManySevere Stratum = func(f *Fault) bool { return f.Requests >= 100 && f.Severe }
	ManyMild   Stratum = func(f *Fault) bool { return f.Requests >= 100 && !f.Severe }
	Some       Stratum = func(f *Fault) bool { return f.Requests >= 40 && f.Requests < 100 }
	Few        Stratum = func(f *Fault) bool { return f.Requests >= FewRequests && f.Requests < 40 }
	Severe     Stratum = func(f *Fault) bool { return f.Requests >= FewRequests && f.Severe }
	TimedOut   Stratum = func(f *Fault) bool { return f.Requests >= FewRequests && f.Timeouts >= 3 }
)

// Recall is the share of a stratum's faults that were found.
func (s *Sheet) Recall(of Stratum) Figure {
	found, all := 0, 0
	for i := range s.Faults {
		if f := &s.Faults[i]; of(f) {
			all++
			if f.Found {
				found++
			}
		}
	}
	return share(found, all)
}

// Delay is a quantile of the seconds from the start of a fault to its alert,
// over the faults that were found. Where there were faults and none was found
// it is infinite.
func (s *Sheet) Delay(of Stratum, q float64) Figure {
	var delays []float64
	cases := 0
	for i := range s.Faults {
		if f := &s.Faults[i]; of(f) {
			cases++
			if f.Timed {
				delays = append(delays, f.Delay)
			}
		}
	}
	return delay(delays, cases, q)
}

func delay(delays []float64, cases int, q float64) Figure {
	if cases > 0 && len(delays) == 0 {
		return Figure{math.Inf(1), cases}
	}
	return Figure{quantile(delays, q), len(delays)}
}

// AlertsPerFault is how many alerts a found fault got.
func (s *Sheet) AlertsPerFault() Figure {
	found := 0
	for i := range s.Faults {
		if s.Faults[i].Timed {
			found++
		}
	}
	return share(s.True, found)
}

// Clear is a quantile of the seconds from the end of a fault to that of its
// alert.
func (s *Sheet) Clear(q float64) Figure { return Figure{quantile(s.Clears, q), len(s.Clears)} }

// Share is the share of the episodes that a kind should have named and has.
func (s *Sheet) Share(kind string) Figure {
	return share(len(s.Named[kind].Delays), s.Named[kind].Cases)
}

// NamedDelay is a quantile of the seconds that it took.
func (s *Sheet) NamedDelay(kind string, q float64) Figure {
	return delay(s.Named[kind].Delays, s.Named[kind].Cases, q)
}

// quantile is the nearest rank: a value that was there, never one between two.
func quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return 0
	}
	values = slices.Clone(values)
	slices.Sort(values)
	rank := int(math.Ceil(q * float64(len(values))))
	return values[min(max(rank, 1), len(values))-1]
}
