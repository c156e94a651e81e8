// Package stages runs the parts of the pipeline in process, on logs that are in
// memory.
//
// It knows how the commands put the parts together. It must never know what is
// fast enough.
package stages

import (
	"fmt"
	"log/slog"

	"github.com/valyala/fastjson"

	"github.com/slowpod/slowpod/bench/workload"
	"github.com/slowpod/slowpod/classify"
	"github.com/slowpod/slowpod/cmd/slowpod/app"
	"github.com/slowpod/slowpod/correlate"
	"github.com/slowpod/slowpod/ingest"
	"github.com/slowpod/slowpod/ingest/accesslog"
	"github.com/slowpod/slowpod/sinks/counts"
)

// BatchLines is about what a source hands on at once.
const BatchLines = 256

// A Log is a log in memory, as a source hands it on.
type Log struct {
	Batches []ingest.Batch
	Lines   int
	Bytes   int64
}

// Read takes all lines of a generator.
func Read(g *workload.Generator) *Log {
	in := &Log{}
	var memory []byte // of one batch, as one read fills it
	for l := (workload.Line{}); g.Next(&l); {
		if in.Lines%BatchLines == 0 {
			in.Batches = append(in.Batches, ingest.Batch{Source: "file", Stream: "bench"})
			memory = make([]byte, 0, BatchLines<<10)
		}
		in.Lines++
		in.Bytes += int64(len(l.Bytes)) + 1
		from := len(memory)
		memory = append(memory, l.Bytes...)
		last := &in.Batches[len(in.Batches)-1]
		last.Lines = append(last.Lines, ingest.Line{Bytes: memory[from:len(memory):len(memory)], Number: int64(in.Lines)})
	}
	return in
}

// A Pipeline parses, classifies, counts and makes compact records, and hands them
// on to the core, if there is one.
type Pipeline struct {
	Counts   counts.Set
	Core     *correlate.Correlator // nil: the records go nowhere
	pipeline *app.Pipeline
	take     func(*correlate.Record) error
}

// NewPipeline returns one of the defaults, with a core or without.
func NewPipeline(correlated bool) *Pipeline {
	p := &Pipeline{take: func(*correlate.Record) error { return nil }}
	p.pipeline = app.NewPipeline(p.Counts.Worker("file"), 0, nil, slog.New(slog.DiscardHandler))
	if correlated {
		p.Core = correlate.New(correlate.Config{Bounds: correlate.DefaultBounds()})
		stream := p.Core.Stream()
		p.take = func(r *correlate.Record) error {
			stream.Add(r)
			return nil
		}
	}
	return p
}

// Handle takes a batch.
func (p *Pipeline) Handle(b ingest.Batch) error { return p.pipeline.Handle(b, p.take) }

// All takes a log, with a new pipeline.
func All(in *Log, correlated bool) error {
	p := NewPipeline(correlated)
	for _, b := range in.Batches {
		if err := p.Handle(b); err != nil {
			return err
		}
	}
	if n := p.Counts.Totals().Records; n != uint64(in.Lines) {
		return fmt.Errorf("%d records of %d lines", n, in.Lines)
	}
	return nil
}

// Parse only parses a log.
func Parse(in *Log) error {
	p := accesslog.NewParser()
	var r accesslog.Record
	for _, b := range in.Batches {
		for i := range b.Lines {
			if result, reason := p.Parse(b.Lines[i].Bytes, &r); result != accesslog.Parsed {
				return fmt.Errorf("line %d: %v %v", b.Lines[i].Number, result, reason)
			}
		}
	}
	return nil
}

// Count parses, classifies and counts a log, and makes nothing for the core.
func Count(in *Log) error {
	p := accesslog.NewParser()
	var set counts.Set
	w := set.Worker("file")
	var r accesslog.Record
	for _, b := range in.Batches {
		for i := range b.Lines {
			if result, reason := p.Parse(b.Lines[i].Bytes, &r); result != accesslog.Parsed {
				return fmt.Errorf("line %d: %v %v", b.Lines[i].Number, result, reason)
			}
			class := classify.Classify(&r)
			w.Record(&r, &class)
		}
	}
	if n := set.Totals().Records; n != uint64(in.Lines) {
		return fmt.Errorf("%d records of %d lines", n, in.Lines)
	}
	return nil
}

// Fastjson parses a log with fastjson and gets 15 of its fields, those that a
// record has: what a parser of one's own must be worth.
func Fastjson(in *Log) error {
	texts := [...]string{"start_time", "method", "path", "authority", "response_flags", "response_code_details",
		"upstream_cluster", "upstream_host", "upstream_service_time", "upstream_transport_failure_reason", "request_id"}
	numbers := [...]string{"response_code", "duration", "bytes_sent", "bytes_received"}
	var p fastjson.Parser
	size, sum := 0, 0
	for _, b := range in.Batches {
		for i := range b.Lines {
			v, err := p.ParseBytes(b.Lines[i].Bytes)
			if err != nil {
				return fmt.Errorf("line %d: %w", b.Lines[i].Number, err)
			}
			for _, name := range texts {
				size += len(v.GetStringBytes(name))
			}
			for _, name := range numbers {
				sum += v.GetInt(name)
			}
		}
	}
	if size == 0 || sum == 0 {
		return fmt.Errorf("nothing in %d lines", in.Lines)
	}
	return nil
}
