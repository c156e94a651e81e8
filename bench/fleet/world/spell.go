package world

// Kinds of spell that are no episode of their own.
const (
	coldStart Kind = "cold_start" // of a pod that a deployment brought
)

// spell is a time in which something is different for a pod, a service, a
// caller or a node. From and to are microseconds, to not included.
type spell struct {
	from, to int64
	kind     Kind
	size     float64 // factor, or microseconds on top
	share    float64
	episode  *Episode // nil where it is part of another one
}

func (s *spell) on(now int64) bool { return s.from <= now && now < s.to }

// has says whether one of the kind is on at some time from from to to.
func has(spells []spell, kind Kind, from, to int64) bool {
	for i := range spells {
		if s := &spells[i]; s.kind == kind && s.from < to && from < s.to {
			return true
		}
	}
	return false
}

// stretch is a service time as the spell makes it; chance is even in [0, 1).
func (s *spell) stretch(t float64, now int64, chance func() float64) float64 {
	switch s.kind {
	case Slow2, Slow3, Slow5, Slow10, SlowNode, SlowService, MildNoise:
		return t * s.size
	case Latency:
		return t + s.size
	case Partial:
		if chance() < s.share {
			return t * s.size
		}
	case Ramp:
		return t * (1 + (s.size-1)*float64(now-s.from)/float64(s.to-s.from))
	case coldStart:
		return t * (1 + (s.size-1)*float64(s.to-now)/float64(s.to-s.from))
	}
	return t
}

// counted adds an attempt sent at that time to the spells' episodes.
func counted(spells []spell, sent int64) {
	for i := range spells {
		if s := &spells[i]; s.episode != nil && s.on(sent) {
			s.episode.Requests++
		}
	}
}

// timedOut notes that the caller's proxy timed out an attempt sent at that time.
func timedOut(spells []spell, sent int64) {
	for i := range spells {
		if s := &spells[i]; s.episode != nil && s.on(sent) {
			s.episode.Timeouts++
		}
	}
}
