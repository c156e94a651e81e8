package correlate

import "slices"

// Event time is cut into slices; a slice closes when the stream's watermark
// has passed it by the lateness. All in milliseconds.
const (
	sliceLen = 10_000
	lateness = 10_000
	// openSlices is how many slices are open at once: the oldest and four
	// ahead of it.
	openSlices = 5
)

// An epoch is the stream's own measure of time, without any clock: it ends
// when some producer has moved on by epochLen of its own end time in at least
// epochRecords records. A producer that wrote nothing for activeEpochs is left
// out until it writes again, so that producers that died cannot hang the
// watermark and a skewed one cannot move it.
const (
	epochLen     = 15_000
	epochRecords = 4
	activeEpochs = 4
	forgetEpochs = 64
)

// farJump is how far ahead of its producer's newest end a record may be
// before a second one must agree: one absurd time moves nothing.
const farJump = 300_000

type producerState struct {
	first     int64 // end of its first record
	newest    int64
	candidate int64 // a far jump that waits for a second record; 0 none
	base      int64 // newest when the epoch began
	records   int   // in this epoch
	epoch     int   // of the last record
}

// watermark is the median rule: a slice closes when at least half of the
// active producers have written a record that ended a lateness after it. It
// costs O(1) per record; the producers are counted again when a slice closes
// or an epoch ends.
type watermark struct {
	producers     map[uint64]*producerState
	epoch         int
	threshold     int64 // what a producer's newest must reach
	active, ahead int
	// moved is how far the producer that moved most has come since its first
	// record.
	moved int64
}

func newWatermark() *watermark {
	return &watermark{producers: map[uint64]*producerState{}}
}

// observe takes note of a record and says whether slices may close.
func (w *watermark) observe(producer uint64, end int64) bool {
	p := w.producers[producer]
	if p == nil {
		p = &producerState{first: end, newest: end, base: end, epoch: w.epoch}
		w.producers[producer] = p
		w.active++
		if end >= w.threshold {
			w.ahead++
		}
	}
	if p.epoch != w.epoch {
		if w.epoch-p.epoch >= activeEpochs { // it is back
			w.active++
			if p.newest >= w.threshold {
				w.ahead++
			}
		}
		p.epoch, p.base, p.records = w.epoch, p.newest, 0
	}
	p.records++
	before := p.newest
	p.move(end)
	w.moved = max(w.moved, p.newest-p.first)
	if before < w.threshold && p.newest >= w.threshold {
		w.ahead++
	}
	if p.records >= epochRecords && p.newest-p.base >= epochLen {
		w.epoch++
		w.forget()
		w.recount()
	}
	return w.ready()
}

// move sets the producer's newest end.
func (p *producerState) move(end int64) {
	switch {
	case end <= p.newest:
		p.candidate = 0
	case end-p.newest <= farJump:
		p.newest, p.candidate = end, 0
	case p.candidate == 0:
		p.candidate = end
	default:
		p.newest, p.candidate = min(end, p.candidate), 0
	}
}

func (w *watermark) ready() bool { return w.ahead > 0 && 2*w.ahead >= w.active }

func (w *watermark) isActive(p *producerState) bool { return w.epoch-p.epoch < activeEpochs }

func (w *watermark) forget() {
	for id, p := range w.producers {
		if w.epoch-p.epoch >= forgetEpochs {
			delete(w.producers, id)
		}
	}
}

func (w *watermark) recount() {
	w.active, w.ahead = 0, 0
	for _, p := range w.producers {
		if w.isActive(p) {
			w.active++
			if p.newest >= w.threshold {
				w.ahead++
			}
		}
	}
}

// position is the latest time that at least half of the active producers have
// reached.
func (w *watermark) position() int64 {
	var ends []int64
	for _, p := range w.producers {
		if w.isActive(p) {
			ends = append(ends, p.newest)
		}
	}
	if len(ends) == 0 {
		return 0
	}
	slices.Sort(ends)
	return ends[len(ends)/2]
}

// opened sets the start of the oldest open slice.
func (w *watermark) opened(start int64) {
	w.threshold = start + sliceLen + lateness
	w.recount()
}

// closable is the start of the slice that is the oldest open one when
// everything up to position has been written.
func closable(position int64) int64 {
	return floorSlice(position-sliceLen-lateness) + sliceLen
}

func floorSlice(t int64) int64 {
	r := t % sliceLen
	if r < 0 {
		r += sliceLen
	}
	return t - r
}
