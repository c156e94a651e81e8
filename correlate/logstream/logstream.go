// Package logstream examines the log itself: what is missing in it, so that less
// can be proved than was read.
//
// It knows how often records of each side came, which of them belong together,
// and what a whole log would look like. It must never know what is wrong in the
// mesh, nor files, formats, clocks or names: services and clocks are numbers to it.
package logstream

import "slices"

// Reason is what is wrong with the log.
type Reason uint8

// The reasons. Their names (String) are cases of the finding log_stream in
// classify/causes, metric labels, and values of withheld.
const (
	OneSided      Reason = iota // of some services only one side writes
	ErrorsOnly                  // requests that went well are not logged
	Sampled                     // a share of the records does not arrive
	Code0Filtered               // records with code 0 are not logged: the pod's half of every timeout
	FieldsMissing               // fields without which sides cannot be joined
	Skew                        // clocks disagree
	Duplicates                  // records come twice

	// Reasons is the number of reasons.
	Reasons = int(Duplicates) + 1
)

var reasonNames = [Reasons]string{
	"one_sided", "errors_only", "sampled", "code_0_filtered", "fields_missing", "skew", "duplicates",
}

// String returns the reason's name.
func (r Reason) String() string { return reasonNames[r] }

// The sides, as indices.
const (
	Client = iota
	Server
)

// Field is a field of a record that may be missing.
type Field uint8

// The fields, by their keys in Istio's format.
const (
	Cluster        Field = iota // upstream_cluster: which side wrote it, and of which service
	RequestID                   // request_id
	UpstreamHost                // upstream_host, of a server downstream_local_address
	Connection                  // upstream_local_address, of a server downstream_remote_address
	Details                     // response_code_details
	DurationOfCall              // duration

	// Fields is the number of fields.
	Fields = int(DurationOfCall) + 1
)

var fieldNames = [Fields][2]string{
	{"upstream_cluster", "upstream_cluster"}, {"request_id", "request_id"},
	{"upstream_host", "downstream_local_address"}, {"upstream_local_address", "downstream_remote_address"},
	{"response_code_details", "response_code_details"}, {"duration", "duration"},
}

// Name returns the key of a field in the records of a side.
func (f Field) Name(side int) string { return fieldNames[f][side] }

// Record is what is looked at of an HTTP record. The zero value of a number is
// unknown.
type Record struct {
	Side            int // Client or Server
	Start, Duration int64
	Code            int
	Outcome         Outcome
	// Service numbers the service; Outside says that its pods are none of the
	// mesh's, and cannot be expected to log.
	Service int32
	Outside bool
	// ID, Connection and Caller are fingerprints of the request id, of the
	// connection between the proxies and of the caller's address; Host numbers
	// the upstream host, -1: none. A server's Caller, and Clock, are looked at
	// only where Keeps says so.
	ID, Connection, Caller uint64
	Host                   int32
	// Clock names whose clock the times are of: a node, else a pod. Borrowed.
	Clock []byte
	// Missing are the fields that such a record should have.
	Missing Set
	// File and Line are its place, of which it may come again.
	File int32
	Line int64
}

// End is when the record ended.
func (r *Record) End() int64 { return r.Start + r.Duration }

// Set is a set of fields.
type Set uint8

// Add adds a field.
func (s *Set) Add(f Field) { *s |= 1 << f }

// Outcome is what became of a request, as far as it matters here.
type Outcome uint8

// The outcomes.
const (
	Other   Outcome = iota
	OK              // an answer below 400, with nothing wrong
	Refused         // the application answered with an error
	Cut             // UT at a caller; at a pod code 0, or what a caller cut
)

// Fault is something that is wrong with the log. Times are event time in Unix
// milliseconds.
type Fault struct {
	Reason          Reason
	Start, Detected int64
	End             int64
	Ended           bool
	// Sides are those whose records are not whole.
	Sides [2]bool
	// Services are those of which a side is missing, by that side. Of is how many
	// services or clocks there are; 0 where it is of the whole log.
	Services [2][]int32
	Of       int
	// N of Total records show it.
	N, Total uint64
	Fields   []Missing
	Clocks   []Clock // at most MaxClocks, the most wrong first
}

// Missing is a field that records of a side do not have.
type Missing struct {
	Side     int
	Field    Field
	N, Total uint64
}

// Clock is one that is wrong.
type Clock struct {
	Name  string
	Ahead int64 // milliseconds; negative: behind
}

// MaxClocks is how many clocks a Fault names.
const MaxClocks = 10

// maxFaults is how many faults that ended are remembered.
const maxFaults = 50

// Log is what is known of the log. It belongs to one goroutine at a time.
type Log struct {
	pairs  pairs
	clocks clocks
	// epochs are the last whole one, the open one, and what comes early.
	epochs  [3]epoch
	began   int64 // start of the first, 0: nothing came
	next    int64 // end of the open one
	faults  []Fault
	changes uint64
}

// New returns a Log of which nothing is known.
func New() *Log { return &Log{pairs: newPairs(), clocks: newClocks()} }

// Faults returns what is wrong, and what was, in the order in which it began.
func (l *Log) Faults() []Fault { return slices.Clone(l.faults) }

// Changes counts the faults that began or ended.
func (l *Log) Changes() uint64 { return l.changes }

// Dropped counts clocks that could not be told apart any more, for want of room.
func (l *Log) Dropped() uint64 { return l.clocks.dropped }

// Unnamed counts a record whose side is not known, since it names no cluster.
func (l *Log) Unnamed(end int64) {
	l.start(end)
	l.at(end).unnamed++
}

// Keeps says whether records of this request id are kept until the other side's
// comes.
func (l *Log) Keeps(id uint64) bool { return id != 0 && l.pairs.inShare(id) }

// Add looks at a record.
func (l *Log) Add(r *Record) {
	end := r.End()
	l.start(end)
	e := l.at(end)
	s := e.service(r.Service)
	s.outside = s.outside || r.Outside
	c := &s.sides[r.Side]
	c.requests++
	if r.Side == Server || r.Outcome != Other {
		c.met++
	}
	all := &e.sides[r.Side]
	all.requests++
	switch {
	case r.Outcome == OK:
		c.ok++
		all.ok++
	case r.Outcome == Refused:
		c.refused++
	}
	if r.Code == 0 {
		all.code0++
	}
	for f := Field(0); r.Missing>>f != 0; f++ {
		if r.Missing>>f&1 != 0 {
			all.missing[f]++
		}
	}
	l.pair(e, r)
}

// NotReceived counts a timeout of a caller of which the called pod, though it
// logs, has no record.
func (l *Log) NotReceived(end int64, host int32) {
	l.start(end)
	e := l.at(end)
	e.lost++
	if len(e.lostAt) < 2 && !slices.Contains(e.lostAt, host) {
		e.lostAt = append(e.lostAt, host)
	}
}

// AnsweredLate counts a timeout of a caller that the called pod has answered.
func (l *Log) AnsweredLate(end int64) {
	l.start(end)
	l.at(end).late++
}

// start begins with the first record. Others that are a little earlier may
// follow.
func (l *Log) start(end int64) {
	switch {
	case l.began == 0:
		l.began = end
		l.next = end - mod(end, epochLen) + epochLen
	case end < l.began && l.began-end < leastSpan:
		l.began = end
	}
}

// at is the epoch that a record counts in.
func (l *Log) at(end int64) *epoch {
	switch {
	case end < l.next-epochLen:
		return &l.epochs[0]
	case end < l.next:
		return &l.epochs[1]
	}
	return &l.epochs[2]
}

// Advance says that all records that ended before now have come, late ones
// excepted.
func (l *Log) Advance(now int64) {
	if l.began == 0 {
		return
	}
	l.settle(now)
	for now >= l.next && l.some() {
		if l.next-l.began >= leastSpan {
			l.examine(l.next)
		}
		l.epochs[0], l.epochs[1], l.epochs[2] = l.epochs[1], l.epochs[2], epoch{}
		l.next += epochLen
	}
	if now >= l.next { // a gap: nothing came
		l.next = now - mod(now, epochLen) + epochLen
	}
}

// some says whether any epoch holds something, or a pair waits.
func (l *Log) some() bool {
	return l.pairs.count > 0 || slices.ContainsFunc(l.epochs[:], func(e epoch) bool { return e.some() })
}

// Close says that no more records come: what is there is looked at.
func (l *Log) Close(now int64) {
	if l.began == 0 {
		return
	}
	l.settle(endOfLog)
	l.epochs[1].plus(&l.epochs[2])
	l.epochs[2] = epoch{}
	l.examine(now)
}

func mod(a, b int64) int64 { return (a%b + b) % b }
