package correlate

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/VictoriaMetrics/fastcache"

	"github.com/slowpod/slowpod/classify"
)

// half is one open half. The array of halves is the authority on what is open;
// fastcache holds only the bytes of their records, and may lose them.
type half struct {
	id, tuple     uint64
	end, duration int64
	due           int64 // when it is resolved
	from          int64 // when it began to wait: its end, unless that is absurd
	wait          int64 // how far the other side's end may be; set when due
	host          int32
	service       int32  // index+1 of the service that the record names
	generation    uint32 // of this place in the array: makes the cache key unique
	chains        [numChains]link
	nextDue       int32 // index+1 in its bucket
	outcome       classify.Outcome
	side          classify.Side
	code          int16
	open          bool
	taken         bool // belongs to a call already
	appHad        bool // the app had the request
	failed        bool // cut or failed: may have been tried again
	paired        bool // credited before it was resolved, see pair
	pairedHeld    bool // … as held in the pod's proxy
	later         bool // looked at again at due
	lingers       bool // resolved; kept for attempts that ended a little later
	replay        bool
	file          int32
	line          int64
}

// link holds the neighbours in a chain, index+1 each.
type link struct{ prev, next int32 }

// The chains of a half: by request id, by connection, by host and time.
const (
	chainID = iota
	chainTuple
	chainHost

	numChains
)

// maxChain bounds a walk: a constant request id makes one chain of everything.
const maxChain = 256

// tupleWithin and hostWithin say how near two ends must be in milliseconds
// where no request id proves that they belong together.
const (
	tupleWithin = 1000
	hostWithin  = 250
)

// halfTable is the open halves, and when each is due.
type halfTable struct {
	bound int
	all   []half
	free  []int32
	heads [numChains][]int32
	due   map[int64]int32 // by slice: index+1 of the first
	bytes *fastcache.Cache
	key   [8]byte
	buf   []byte
}

func newHalfTable(bound, joinBytes int) *halfTable {
	n := 1
	for n < bound {
		n <<= 1
	}
	t := &halfTable{
		bound: bound, due: map[int64]int32{}, bytes: fastcache.New(joinBytes),
	}
	for i := range t.heads {
		t.heads[i] = make([]int32, n)
	}
	return t
}

// close gives fastcache's memory back.
func (t *halfTable) close() { t.bytes.Reset() }

func (t *halfTable) openCount() int { return len(t.all) - len(t.free) }

// put takes a record in and returns its place; -1 where no more fit.
func (t *halfTable) put(r *Record, host int32, due int64) int32 {
	var i int32
	switch n := len(t.free); {
	case n > 0:
		i, t.free = t.free[n-1], t.free[:n-1]
	case len(t.all) < t.bound:
		i = int32(len(t.all))
		t.all = append(t.all, half{})
	default:
		return -1
	}
	h := &t.all[i]
	*h = half{
		id: r.ID, tuple: r.Connection, end: r.End(), duration: r.Duration, host: host,
		generation: h.generation + 1, outcome: r.Outcome, side: r.Side, code: int16(r.Code),
		open: true, appHad: len(r.UpstreamLocal) > 0, failed: retried(r), replay: r.Replay, file: r.File, line: r.Line,
	}
	t.buf = r.AppendTo(t.buf[:0], nil)
	t.bytes.Set(t.keyOf(i), t.buf)
	for chain := range numChains {
		if h.in(chain) {
			t.link(i, chain)
		}
	}
	t.schedule(i, due)
	return i
}

func (t *halfTable) keyOf(i int32) []byte {
	binary.LittleEndian.PutUint32(t.key[:], uint32(i))
	binary.LittleEndian.PutUint32(t.key[4:], t.all[i].generation)
	return t.key[:]
}

// load decodes the record of a half into r, with its bytes in buf; false
// where fastcache dropped them.
func (t *halfTable) load(i int32, r *Record, buf *[]byte) bool {
	from := len(*buf)
	b, ok := t.bytes.HasGet(*buf, t.keyOf(i))
	*buf = b
	return ok && r.Decode(b[from:], nil) == nil
}

func (t *halfTable) release(i int32) {
	h := &t.all[i]
	t.bytes.Del(t.keyOf(i))
	for chain := range numChains {
		if h.in(chain) {
			t.unlink(i, chain)
		}
	}
	h.open = false
	t.free = append(t.free, i)
}

// in says whether a half is in a chain.
func (h *half) in(chain int) bool {
	switch chain {
	case chainID:
		return h.id != 0
	case chainTuple:
		return h.tuple != 0
	}
	return h.host >= 0
}

func hostHash(host int32, end int64) uint64 {
	return (uint64(host)<<40 ^ uint64(end/hostWithin)) * mixed
}

func (h *half) hash(chain int) uint64 {
	switch chain {
	case chainID:
		return h.id
	case chainTuple:
		return h.tuple
	}
	return hostHash(h.host, h.end)
}

func (t *halfTable) head(chain int, hash uint64) *int32 {
	return &t.heads[chain][(hash^hash>>32)&uint64(len(t.heads[chain])-1)]
}

func (t *halfTable) link(i int32, chain int) {
	h := &t.all[i]
	head := t.head(chain, h.hash(chain))
	h.chains[chain] = link{next: *head}
	if *head != 0 {
		t.all[*head-1].chains[chain].prev = i + 1
	}
	*head = i + 1
}

func (t *halfTable) unlink(i int32, chain int) {
	l := t.all[i].chains[chain]
	if l.next != 0 {
		t.all[l.next-1].chains[chain].prev = l.prev
	}
	if l.prev != 0 {
		t.all[l.prev-1].chains[chain].next = l.next
	} else {
		*t.head(chain, t.all[i].hash(chain)) = l.next
	}
}

// walk calls f with the open halves of a chain, other keys of the same bucket
// included, until f says no. It says whether the chain was walked to its end.
func (t *halfTable) walk(chain int, hash uint64, f func(i int32, h *half) bool) bool {
	n := 0
	for i := *t.head(chain, hash); i != 0; i = t.all[i-1].chains[chain].next {
		if n++; n > maxChain {
			return false
		}
		if !f(i-1, &t.all[i-1]) {
			break
		}
	}
	return true
}

func (t *halfTable) schedule(i int32, due int64) {
	h := &t.all[i]
	h.due = due
	bucket := floorSlice(due-1) + sliceLen // the first end of a slice at or after it
	h.nextDue = t.due[bucket]
	t.due[bucket] = i + 1
}

// takeDue appends to list the halves that are due up to now, in an order that
// does not depend on the order in which they came.
func (t *halfTable) takeDue(now int64, list []int32) []int32 {
	list = list[:0]
	for bucket, i := range t.due {
		if bucket > now {
			continue
		}
		for ; i != 0; i = t.all[i-1].nextDue {
			list = append(list, i-1)
		}
		delete(t.due, bucket)
	}
	slices.SortFunc(list, func(a, b int32) int { return t.all[a].compare(&t.all[b]) })
	return list
}

func (h *half) compare(o *half) int {
	for _, d := range [...]int64{
		h.due - o.due, h.end - o.end, int64(h.side) - int64(o.side), h.duration - o.duration,
	} {
		if d != 0 {
			return sign(d)
		}
	}
	switch {
	case h.id != o.id:
		return less(h.id < o.id)
	case h.tuple != o.tuple:
		return less(h.tuple < o.tuple)
	}
	if h.code != o.code {
		return int(h.code) - int(o.code)
	}
	return cmp.Or(cmp.Compare(h.file, o.file), cmp.Compare(h.line, o.line))
}

func sign(d int64) int {
	if d < 0 {
		return -1
	}
	return 1
}

func less(b bool) int {
	if b {
		return -1
	}
	return 1
}
