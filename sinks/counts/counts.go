// Package counts counts lines, flags and outcomes as they came.
//
// It knows how often what was read. It must never know what records prove
// together, nor who reads the sums.
package counts

import (
	"sync"

	"github.com/slowpod/slowpod/classify"
	"github.com/slowpod/slowpod/classify/causes"
	"github.com/slowpod/slowpod/ingest/accesslog"
)

// Totals are counts since the start.
type Totals struct {
	Read, Records, Foreign uint64
	// Malformed is by accesslog.Reason.
	Malformed [accesslog.Reasons]uint64
	// Flags and Outcomes are by classify.Side first.
	Flags    [classify.Sides][classify.Flags]uint64
	Outcomes [classify.Sides][classify.Outcomes]uint64
	// Custom counts flags that are no core flags, by side and name.
	Custom map[CustomFlag]uint64
	// Unknown counts words of details and transport failure reasons that the
	// table of causes does not know.
	Unknown map[UnknownWord]uint64
}

// UnknownWord is a word that one side logged; Field is as causes.Word has it.
type UnknownWord struct {
	Side        classify.Side
	Field, Text string
}

// maxUnknownText bounds a word that is told apart, in bytes.
const maxUnknownText = 256

// CustomFlag is a flag that an extension registered, as one side logged it.
type CustomFlag struct {
	Side classify.Side
	Name string
}

// MalformedLines is the sum over all reasons.
func (t *Totals) MalformedLines() uint64 {
	var n uint64
	for _, m := range t.Malformed {
		n += m
	}
	return n
}

// Worker counts for one worker. Its lock is nobody else's but a reader's, once
// a scrape.
type Worker struct {
	mu     sync.Mutex
	source string
	table  *causes.Table
	totals Totals // whose maps are custom's and unknown's

	custom  few[CustomFlag]
	unknown few[UnknownWord]
}

// Line counts a line that gave no record.
func (w *Worker) Line(result accesslog.Result, reason accesslog.Reason) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.totals.Read++
	if result == accesslog.Foreign {
		w.totals.Foreign++
	} else {
		w.totals.Malformed[reason]++
	}
}

// Record counts a line that gave a record.
func (w *Worker) Record(r *accesslog.Record, c *classify.Class) {
	w.mu.Lock()
	defer w.mu.Unlock()
	t := &w.totals
	t.Read++
	t.Records++
	t.Outcomes[c.Side][c.Outcome]++
	w.table.EachUnknown(r.Details, r.TransportFailure, func(field string, text []byte) {
		w.unknown.add(UnknownWord{c.Side, field, unknownText(text)}, 1)
	})
	if c.Flags == 0 {
		return
	}
	c.Flags.Each(func(f classify.Flag) { t.Flags[c.Side][f]++ })
	if c.Flags.Custom() {
		classify.EachCustom(r.Flags, func(name []byte) { w.custom.add(CustomFlag{c.Side, string(name)}, 1) })
	}
}

// unknownText is as much of a word as is told apart.
func unknownText(text []byte) string { return string(text[:min(len(text), maxUnknownText)]) }

// Set is the workers of a process.
type Set struct {
	mu      sync.Mutex
	workers []*Worker
}

// Worker adds a worker that reads from a kind of source, a metric label.
func (s *Set) Worker(source string) *Worker {
	w := &Worker{source: source, table: causes.Builtin()}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.workers = append(s.workers, w)
	return w
}

// BySource returns the sums of all workers of each kind of source.
func (s *Set) BySource() map[string]*Totals {
	s.mu.Lock()
	defer s.mu.Unlock()
	sums := map[string]*Totals{}
	for _, w := range s.workers {
		if sums[w.source] == nil {
			sums[w.source] = &Totals{}
		}
		w.mu.Lock()
		w.totals.Custom, w.totals.Unknown = w.custom.counts, w.unknown.counts
		sums[w.source].Plus(&w.totals)
		w.mu.Unlock()
	}
	return sums
}

// Totals returns the sum of all workers.
func (s *Set) Totals() *Totals {
	sum := &Totals{}
	for _, t := range s.BySource() {
		sum.Plus(t)
	}
	return sum
}

// Plus adds o.
func (t *Totals) Plus(o *Totals) {
	t.Read += o.Read
	t.Records += o.Records
	t.Foreign += o.Foreign
	for i, n := range o.Malformed {
		t.Malformed[i] += n
	}
	for s := range o.Flags {
		for i, n := range o.Flags[s] {
			t.Flags[s][i] += n
		}
		for i, n := range o.Outcomes[s] {
			t.Outcomes[s][i] += n
		}
	}
	t.Custom = plus(t.Custom, o.Custom)
	t.Unknown = plus(t.Unknown, o.Unknown)
}
