// Package app puts the stages together: what the commands share.
//
// It knows every stage and in which order they run. It must never know a
// format, a flag or a rule of its own.
package app

import (
	"log/slog"
	"strings"
	"sync/atomic"

	"github.com/slowpod/slowpod/classify"
	"github.com/slowpod/slowpod/correlate"
	"github.com/slowpod/slowpod/ingest"
	"github.com/slowpod/slowpod/ingest/accesslog"
	"github.com/slowpod/slowpod/sinks/counts"
	"github.com/slowpod/slowpod/sinks/deadletter"
	"github.com/slowpod/slowpod/sinks/report"
)

// Pipeline is the hot path of one worker: parse, classify, count, hand on. It
// belongs to one goroutine at a time and allocates nothing per line.
type Pipeline struct {
	parser  *accesslog.Parser
	counts  *counts.Worker
	file    int32
	letters DeadLetters
	logger  *slog.Logger
	logged  *logged

	entry accesslog.Record
	rec   correlate.Record
}

// logged is what has been logged of a stream, by whichever of its pipelines.
type logged [accesslog.Reasons]atomic.Bool

// DeadLetters takes malformed lines, of several pipelines at once.
type DeadLetters interface {
	// Put copies what it keeps, and waits for nobody.
	Put(deadletter.Letter)
	// Flush writes out what was put. Its error says that some still waits.
	Flush() error
}

// NewPipeline returns the pipeline of a stream; file is its number in
// correlate.Record.File. Malformed lines go to letters, unless that is nil.
func NewPipeline(w *counts.Worker, file int32, letters DeadLetters, logger *slog.Logger) *Pipeline {
	return &Pipeline{parser: accesslog.NewParser(), counts: w, file: file, letters: letters, logger: logger, logged: &logged{}}
}

// Beside returns a pipeline for other lines of the same stream, in another
// goroutine. What one of them has logged the others do not log again.
func (p *Pipeline) Beside(w *counts.Worker) *Pipeline {
	return &Pipeline{parser: accesslog.NewParser(), counts: w, file: p.file, letters: p.letters, logger: p.logger, logged: p.logged}
}

// Handle takes a batch and gives each record to take, which must not keep it.
// It stops at the first error of take, and has no other: a bad line is counted.
func (p *Pipeline) Handle(b ingest.Batch, take func(*correlate.Record) error) error {
	for i := range b.Lines {
		l := &b.Lines[i]
		if b.Replay {
			if err := p.replay(l, take); err != nil {
				return err
			}
			continue
		}
		if l.Cut {
			p.bad(b.Stream, l, accesslog.TooLong, len(l.Bytes))
			continue
		}
		switch result, reason := p.parser.Parse(l.Bytes, &p.entry); result {
		case accesslog.Foreign:
			p.counts.Line(result, reason)
		case accesslog.Malformed:
			p.bad(b.Stream, l, reason, p.parser.Offset())
		case accesslog.Parsed:
			class := classify.Classify(&p.entry)
			p.counts.Record(&p.entry, &class)
			p.fill(class, l.Number)
			if err := take(&p.rec); err != nil {
				return err
			}
		}
	}
	return nil
}

// withoutQueries cuts the query strings out of a line: they may hold secrets.
func withoutQueries(line []byte) string {
	var b strings.Builder
	inQuery := false
	for _, c := range line {
		switch {
		case c == '?':
			b.WriteString("?…")
			inQuery = true
		case c == ' ', c == '"', c == '\\':
			inQuery = false
		}
		if !inQuery {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// fill makes the compact record of the entry.
func (p *Pipeline) fill(class classify.Class, number int64) {
	p.rec.From(&p.entry, class, p.file, number)
	if p.rec.Producer == 0 {
		p.rec.Producer = uint64(p.file) + 1 // nothing names the writer: the stream
	}
}

// replay hands on a line that was counted before.
func (p *Pipeline) replay(l *ingest.Line, take func(*correlate.Record) error) error {
	if result, _ := p.parser.Parse(l.Bytes, &p.entry); l.Cut || result != accesslog.Parsed {
		return nil
	}
	p.fill(classify.Classify(&p.entry), l.Number)
	p.rec.Replay = true
	return take(&p.rec)
}

// maxLoggedLine is how much of a malformed line the log shows, in bytes.
const maxLoggedLine = 200

// bad counts a malformed line, which cannot be read from the byte at on, and keeps
// it as a dead letter; the first of each reason is logged.
func (p *Pipeline) bad(stream string, l *ingest.Line, reason accesslog.Reason, at int) {
	p.counts.Line(accesslog.Malformed, reason)
	if p.letters != nil {
		p.letters.Put(deadletter.Letter{
			Reason: reason.String(), File: stream, Line: l.Number, Byte: at, Cut: l.Cut, Text: l.Bytes,
		})
	}
	if p.logged[reason].Load() || p.logged[reason].Swap(true) {
		return
	}
	p.logger.Warn("malformed line; further ones for this reason are only counted",
		"reason", reason.String(), "file", report.Safe(stream), "line", l.Number, "byte", at,
		"begins", report.Safe(withoutQueries(l.Bytes[:min(len(l.Bytes), maxLoggedLine)])))
}
