package correlate

import (
	"math"

	"github.com/slowpod/slowpod/correlate/durations"
)

// Point is what requests took in a while: the pod's and the siblings' p90, as
// multiples of the median of their class.
type Point struct {
	At          int64 // when it began
	Own, Others float64
	Requests    int
}

// maxCourse is how many points a course has; when it is full two become one.
const maxCourse = 60

// follow adds a slice to the course.
func (e *evidence) follow(at int64, own, others *durations.Hist) {
	n := own.N()
	if n < 0.5 || others.N() < 0.5 {
		return
	}
	p := Point{At: at, Own: math.Exp2(own.Quantile(0.9)), Others: math.Exp2(others.Quantile(0.9)), Requests: int(n + 0.5)}
	if e.step == 0 {
		e.step = sliceLen
	}
	if k := len(e.course) - 1; k >= 0 && p.At-e.course[k].At < e.step {
		e.course[k].merge(p)
		return
	}
	if len(e.course) == maxCourse {
		for i := range maxCourse / 2 {
			e.course[i] = e.course[2*i]
			e.course[i].merge(e.course[2*i+1])
		}
		e.course = e.course[:maxCourse/2]
		e.step *= 2
	}
	e.course = append(e.course, p)
}

// merge takes a later point into this one.
func (p *Point) merge(o Point) {
	own, others := float64(p.Requests), float64(o.Requests)
	all := max(own+others, 1)
	p.Own = (p.Own*own + o.Own*others) / all
	p.Others = (p.Others*own + o.Others*others) / all
	p.Requests += o.Requests
}
