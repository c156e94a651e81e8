package score

import (
	"fmt"
	"strings"
)

// late is the delay, in seconds, from which on a fault is worth a word.
const late = 200

// tell writes down what a kind should have named and did not, or late, and what
// it named wrongly.
func (j *judge) tell(s *Sheet, kind string, cries []*cry) {
	for i := range j.truth.Episodes {
		e := &j.truth.Episodes[i]
		if !proves(kind, e) || e.SlowPod() && (e.Requests < FewRequests || kind == Unverified) {
			continue
		}
		what := fmt.Sprintf("%s x%.2g on %s for %.0f s, %d requests, %d timeouts", e.Kind, e.Factor, subject(e.Service, e.Pod),
			seconds(e.End-e.Start), e.Requests, e.Timeouts)
		switch at, ok := firstHit(cries, e); {
		case !ok && !carried(cries, e):
			s.Cases = append(s.Cases, fmt.Sprintf("%s missed: %s", kind, what))
		case ok && j.since(e, at) > late:
			s.Cases = append(s.Cases, fmt.Sprintf("%s after %.0f s: %s", kind, j.since(e, at), what))
		}
	}
	for _, c := range cries {
		if len(c.hits) > 0 {
			continue
		}
		what := fmt.Sprintf("%s false, %.0f s in: %s", kind, seconds(c.At-j.truth.Begin), subject(c.Service, c.Pod))
		if c.life != nil {
			what += fmt.Sprintf(", aged %.0f s, always x%.2f of its siblings", seconds(c.At-c.life.Born), c.life.Hidden/j.median[c.life.Service])
		}
		for i := range j.truth.Episodes {
			e := &j.truth.Episodes[i]
			if on(e, c.At) && (c.life != nil && touches(e, c.life) || c.life == nil && e.Service == c.Service) {
				what += fmt.Sprintf("; %s since %.0f s", e.Kind, seconds(c.At-e.Start))
			}
		}
		s.Cases = append(s.Cases, what)
	}
}

// subject names a pod with its service, or what there is of the two.
func subject(service, pod string) string { return strings.TrimSpace(service + " " + pod) }
