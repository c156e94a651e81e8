package main

import (
	"github.com/slowpod/slowpod/bench/fleet/score"
	"github.com/slowpod/slowpod/classify"
	"github.com/slowpod/slowpod/correlate"
	"github.com/slowpod/slowpod/ingest/accesslog"
)

// slicesEvery is how much of the watermark lies between two looks at the
// states of pods, in milliseconds: a slice.
const slicesEvery = 10_000

// feed gives entries to a core, in order of arrival on one stream, and writes
// down what it says and when. It parses nothing: the entries come as the
// parser would have left them.
type feed struct {
	build  *build
	states bool // look at the states of pods, too
	core   *correlate.Correlator
	stream *correlate.Stream

	entry    accesslog.Record
	record   correlate.Record
	line     int64
	changes  uint64
	looked   int64          // watermark of the last look at the states
	findings map[string]int // by id: index into alerts
	alerts   []score.Alert
	starting []score.Sighting
}

func newFeed(b *build, states bool) *feed {
	cfg := correlate.Config{Bounds: correlate.DefaultBounds()}
	if b.config != nil {
		b.config(&cfg)
	}
	core := correlate.New(cfg)
	return &feed{build: b, states: states, core: core, stream: core.Stream(), findings: map[string]int{}}
}

// take takes an entry, which is borrowed, and returns the record of it, which
// is valid until the next one; nil where the build does not get it.
func (f *feed) take(arrival int64, a *accesslog.Record) *correlate.Record {
	f.line++
	if f.build.entry != nil {
		f.entry = *a
		f.build.entry(&f.entry)
		a = &f.entry
	}
	f.record.From(a, classify.Classify(a), 0, f.line)
	if f.record.Producer == 0 {
		f.record.Producer = 1 // as in the pipeline: the stream
	}
	if f.build.drop != nil && f.build.drop(&f.record) {
		return nil
	}
	f.stream.Add(&f.record)
	f.look(arrival)
	return &f.record
}

// close says that the log has ended; what the core finds in its last slices
// counts as found then.
func (f *feed) close(arrival int64) {
	f.core.Close()
	f.look(arrival)
}

// look writes down what is new. A snapshot costs: there is one only when a
// finding began or ended, or when states are due.
func (f *feed) look(arrival int64) {
	news := f.core.Changes() != f.changes
	due := f.states && f.core.Watermark() >= f.looked+slicesEvery
	if !news && !due {
		return
	}
	f.changes = f.core.Changes()
	s := f.core.Snapshot()
	for i := range s.Findings {
		f.note(arrival, &s.Findings[i])
	}
	if !due {
		return
	}
	f.looked = f.core.Watermark()
	for i := range s.Pods {
		if p := &s.Pods[i]; p.State.String() == "starting" {
			f.starting = append(f.starting, score.Sighting{Pod: p.Pod, Host: p.UpstreamHost, At: f.looked})
		}
	}
}

// note keeps a finding that is new, and when one is over.
func (f *feed) note(arrival int64, n *correlate.Finding) {
	i, known := f.findings[n.ID]
	if !known {
		i = len(f.alerts)
		f.findings[n.ID] = i
		f.alerts = append(f.alerts, score.Alert{
			Kind: n.Kind.String(), Service: n.Service, Pod: n.Pod, Host: n.UpstreamHost, At: arrival,
		})
	}
	if a := &f.alerts[i]; n.Ended && a.Cleared == 0 {
		a.Cleared = arrival
	}
}
