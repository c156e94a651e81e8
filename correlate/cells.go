package correlate

import (
	"math"
	"math/bits"
	"slices"

	"github.com/slowpod/slowpod/classify"
)

// histBuckets covers 1 ms to 17 minutes in quarter octaves, bucket 0 what is
// shorter.
const histBuckets = 80

// hist counts durations; cut holds those of requests that were cut, which are
// lower bounds, not values.
type hist struct {
	whole, cut [histBuckets]uint32
	n          uint32
}

// quarter holds 2^(1/4), 2^(2/4) and 2^(3/4) in units of 1/256.
var quarter = [3]uint64{304, 362, 431}

func bucketOf(ms int64) int {
	if ms < 1 {
		return 0
	}
	octave := bits.Len64(uint64(ms)) - 1
	mantissa := uint64(ms) << 8 >> octave // 256 … 511
	b := 1 + 4*octave
	for _, q := range quarter {
		if mantissa >= q {
			b++
		}
	}
	return min(b, histBuckets-1)
}

func (h *hist) add(ms int64, cut bool) {
	if cut {
		h.cut[bucketOf(ms)]++
	} else {
		h.whole[bucketOf(ms)]++
	}
	h.n++
}

func (h *hist) plus(o *hist) {
	if o.n == 0 {
		return
	}
	for i := range h.whole {
		h.whole[i] += o.whole[i]
		h.cut[i] += o.cut[i]
	}
	h.n += o.n
}

// plusLess adds the difference of two histograms, a holding all of b.
func (h *hist) plusLess(a, b *hist) {
	if a.n == b.n {
		return
	}
	for i := range h.whole {
		h.whole[i] += a.whole[i] - b.whole[i]
		h.cut[i] += a.cut[i] - b.cut[i]
	}
	h.n += a.n - b.n
}

// quantile returns the duration in ms below which a share q of the requests
// lies, and whether the request at that place was cut. Within a bucket the
// place is taken as even, in octaves.
func (h *hist) quantile(q float64) (ms float64, cut bool) {
	rank := q * float64(h.n)
	for i := range h.whole {
		w, c := float64(h.whole[i]), float64(h.cut[i])
		if rank > w+c {
			rank -= w + c
			continue
		}
		// Whole ones first: a cut request took longer than its bucket says.
		return math.Exp2((float64(i-1) + rank/max(w+c, 1)) / 4), rank > w
	}
	return 0, false
}

// view is one side's word on a pod in a slice.
type view struct {
	n, cut uint32 // requests; of these timed out (client), cut (server)
	hist   hist
}

// cell is what one slice holds of one pod.
type cell struct {
	client, server view
	// callerLeft are server cuts of which the client's record says that its
	// application left. confirmed and held are UT of which the server's
	// record is at hand already.
	callerLeft, confirmed, held int32
	firstBad                    int64 // earliest start of a request that timed out or was cut
	utShortest, utSum           int64
	callers                     []string // whose requests timed out: the lowest few
}

// maxCallers is how many callers evidence names.
const maxCallers = 10

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
		*c = cell{callers: c.callers[:0]}
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
	if r.Side == classify.Server {
		if r.Outcome == classify.ClosedAfterResponse {
			return
		}
		isCut := r.Outcome == classify.DownstreamClosed
		c.server.add(r, isCut)
		if isCut {
			c.bad(r)
		}
		return
	}
	timedOut := r.Outcome == classify.Timeout
	if !timedOut && (len(r.UpstreamLocal) == 0 || r.Outcome == classify.ClosedAfterResponse) {
		return // nothing was sent, or it says nothing of the duration
	}
	c.client.add(r, timedOut)
	if !timedOut {
		return
	}
	c.bad(r)
	c.utSum += r.Duration
	if c.utShortest == 0 || r.Duration < c.utShortest {
		c.utShortest = r.Duration
	}
	addCaller(&c.callers, caller)
}

func (v *view) add(r *Record, isCut bool) {
	v.n++
	if isCut {
		v.cut++
	}
	v.hist.add(r.Duration, isCut)
}

func (c *cell) bad(r *Record) {
	if c.firstBad == 0 || r.Start < c.firstBad {
		c.firstBad = r.Start
	}
}

// addCaller keeps the lowest names, sorted, so that the order of records does
// not matter.
func addCaller(set *[]string, caller string) {
	if caller == "" {
		return
	}
	i, found := slices.BinarySearch(*set, caller)
	if found || i == maxCallers {
		return
	}
	if len(*set) == maxCallers {
		*set = (*set)[:maxCallers-1]
	}
	*set = slices.Insert(*set, i, caller)
}
