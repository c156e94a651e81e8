package correlate

import (
	"bytes"

	"github.com/slowpod/slowpod/classify"
	"github.com/slowpod/slowpod/correlate/durations"
)

// view is one side's word on a pod in a slice.
type view struct {
	n, cut uint32          // requests; of these timed out (client), cut (server)
	lasted durations.Table // of those that say something of the pod
	// slowest is the one of these that was answered last, with a request id.
	slowest slowCall
}

// cell is what one slice holds of one pod.
type cell struct {
	sides [2]view // SideClient, SideServer
	// callerLeft are server cuts of which the client's record says that its
	// application left. confirmed and held are UT of which the server's
	// record is at hand already. refused are connections.
	callerLeft, confirmed, held, refused int32
	// byProxy are requests that the pod's own proxy answered, since its app
	// refused or closed the connection.
	byProxy  int32
	answers  answers
	leftFrom int64 // earliest start of a request that its caller left
	firstBad int64 // earliest start of a request that timed out or was cut
	ut       waited
	callers  callerSet
}

// answers are the times at which the pod's app answered, by whomever: 0, if it
// did not.
type answers struct{ first, last int64 }

func (a *answers) add(o answers) {
	if o.first != 0 && (a.first == 0 || o.first < a.first) {
		a.first = o.first
	}
	a.last = max(a.last, o.last)
}

// isAnswer says that the app of the pod itself answered: of a 503 or the like
// nobody knows whose it is.
func (r *Record) isAnswer() bool {
	return r.Outcome == classify.OK || r.Outcome == classify.ClientError || r.Outcome == classify.ServerError && r.Code < 502
}

func (c *cell) reset() {
	client, server := c.sides[SideClient].lasted, c.sides[SideServer].lasted
	client.Reset()
	server.Reset()
	*c = cell{callers: callerSet{lost: c.callers.lost[:0]}}
	c.sides[SideClient].lasted, c.sides[SideServer].lasted = client, server
}

// window is the set of open slices.
type window struct {
	start int64 // of the oldest; a multiple of sliceLen
	pods  [openSlices][]*pod
	free  []*cell
	// late counts records older than the oldest open slice, ahead those
	// beyond the newest; both are kept, in the nearest open slice.
	late, ahead uint64
}

// at returns the place of the slice that a record counts in.
func (w *window) at(t int64) int {
	switch i := (floorSlice(t) - w.start) / sliceLen; {
	case i < 0:
		w.late++
	case i >= openSlices:
		w.ahead++
	}
	return w.nearest(t)
}

// nearest returns the place of the open slice nearest to t.
func (w *window) nearest(t int64) int {
	return w.place(min(max((floorSlice(t)-w.start)/sliceLen, 0), openSlices-1))
}

func (w *window) place(i int64) int {
	return int(((w.start/sliceLen+i)%openSlices + openSlices) % openSlices)
}

// cell returns the pod's cell of the slice at a place.
func (w *window) cell(p *pod, place int) *cell {
	if c := p.cells[place]; c != nil {
		return c
	}
	var c *cell
	if n := len(w.free); n > 0 {
		c, w.free = w.free[n-1], w.free[:n-1]
		c.reset()
	} else {
		c = &cell{}
	}
	p.cells[place] = c
	w.pods[place] = append(w.pods[place], p)
	return c
}

// oldest returns the pods of the oldest slice; the caller gives each cell back
// with release and then calls shift.
func (w *window) oldest() (place int, pods []*pod) {
	place = w.place(0)
	return place, w.pods[place]
}

func (w *window) release(p *pod, place int) {
	w.free = append(w.free, p.cells[place])
	p.cells[place] = nil
}

func (w *window) shift(place int) {
	clear(w.pods[place])
	w.pods[place] = w.pods[place][:0]
	w.start += sliceLen
}

// empty says that no open slice holds anything.
func (w *window) empty() bool {
	for i := range w.pods {
		if len(w.pods[i]) > 0 {
			return false
		}
	}
	return true
}

// count enters a record into its slice; caller names who sent the request.
func (w *window) count(p *pod, r *Record, caller string) {
	c := w.cell(p, w.at(r.End()))
	if r.Outcome == classify.ClosedAfterResponse {
		return
	}
	if r.isAnswer() {
		c.answers.add(answers{r.End(), r.End()})
	}
	if r.Side == classify.Server {
		isCut := r.Outcome == classify.DownstreamClosed
		c.sides[SideServer].add(r, isCut)
		switch r.Outcome {
		case classify.ConnectFailed, classify.UpstreamClosed, classify.UpstreamReset:
			c.byProxy++
		}
		if isCut {
			c.bad(r)
		}
		return
	}
	if r.Outcome == classify.ConnectFailed || r.Outcome == classify.TLSFailed {
		c.refused++
	}
	timedOut := r.Outcome == classify.Timeout
	if !timedOut && len(r.UpstreamLocal) == 0 {
		return // nothing was sent
	}
	c.sides[SideClient].add(r, timedOut)
	c.callers.see(r.Producer)
	if !timedOut {
		return
	}
	c.bad(r)
	c.ut.add(waited{1, r.Duration, r.Duration})
	c.callers.add(caller, 1)
}

func (v *view) add(r *Record, isCut bool) {
	v.n++
	if isCut {
		v.cut++
	}
	if duration, ending, ok := r.timed(); ok {
		v.lasted.Add(durations.NewKey(r.PathClass, duration, ending))
		if ending == durations.Whole || ending == durations.Failed { // those that were cut wait for their call
			v.slowest.offer(r)
		}
	}
}

// slowCall is one side's record of a call, kept as an example.
type slowCall struct {
	id              [maxID]byte
	idLen           int
	start, duration int64
	code            int
}

// offer takes the record if it took longer than the one that is kept; of
// equals the lower id, so that the order of records does not matter.
func (s *slowCall) offer(r *Record) {
	if len(r.RequestID) == 0 || r.Duration < s.duration && s.idLen > 0 {
		return
	}
	if s.idLen > 0 && r.Duration == s.duration && bytes.Compare(r.RequestID, s.id[:s.idLen]) >= 0 {
		return
	}
	s.idLen = copy(s.id[:], r.RequestID)
	s.start, s.duration, s.code = r.Start, r.Duration, r.Code
}

// mostByProxy is the share of a pod's requests that its own proxy may answer
// until what callers measure there is no longer the time of its app. With gRPC
// the callers' records cannot tell: they show 200 without a flag.
const mostByProxy = 0.1

// isOfApp says that what callers measured of the pod is the time of its app.
func (c *cell) isOfApp() bool {
	return float64(c.byProxy) <= mostByProxy*float64(c.sides[SideServer].n)
}

// timed is how long the request took, as far as the record says something of
// the pod: not where others answered for it, and not where the time belongs to
// several pods. Of a request that timed out in the end each attempt had its
// share of the time.
func (r *Record) timed() (ms int64, e durations.Ending, ok bool) {
	switch r.Outcome {
	case classify.Timeout:
		return r.Duration / int64(max(r.Attempts, 1)), durations.TimedOut, true
	case classify.DownstreamClosed:
		e = durations.Cut
	case classify.ServerError:
		if r.Code == 503 {
			return 0, 0, false // a proxy's own answer
		}
		e = durations.Failed
	case classify.OK, classify.ClientError:
		if r.Code == 101 {
			return 0, 0, false // a connection that was handed over
		}
	default:
		return 0, 0, false
	}
	if r.Side == classify.Client && (r.Attempts > 1 || r.Flags.Has(classify.URX)) {
		return 0, 0, false
	}
	return r.Duration, e, true
}

func (c *cell) bad(r *Record) {
	if c.firstBad == 0 || r.Start < c.firstBad {
		c.firstBad = r.Start
	}
}
