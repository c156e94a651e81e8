// Package calls writes each call as one JSON line.
//
// It knows what a line of the calls file looks like. It must never know why a
// verdict was given.
package calls

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"

	"github.com/slowpod/slowpod/correlate"
	"github.com/slowpod/slowpod/sinks/report"
	"github.com/slowpod/slowpod/sinks/spool"
)

// line is one call. What is unknown is null.
type line struct {
	Verdict      string  `json:"verdict"`
	Key          *string `json:"key"`
	Service      string  `json:"service"`
	Subset       *string `json:"subset"`
	UpstreamHost *string `json:"upstream_host"`
	RequestID    *string `json:"request_id"`
	Client       *side   `json:"client"`
	Server       []side  `json:"server"`
}

// side is one record of a call. File and Line say where it stood.
type side struct {
	Start         report.Time `json:"start"`
	DurationMS    int64       `json:"duration_ms"`
	Code          int         `json:"code"`
	Flags         *string     `json:"flags"`
	Details       *string     `json:"details"`
	UpstreamLocal *string     `json:"upstream_local_address"`
	File          string      `json:"file"`
	Line          int64       `json:"line"`
}

// output takes lines: a buffer, or a spool.Spool.
type output interface {
	io.Writer
	Flush() error
}

// Writer writes calls. It keeps the first error of Write and writes nothing
// after it; a Spool has none.
type Writer struct {
	name func(file int32) string
	out  output
	line bytes.Buffer
	json *json.Encoder // to line
	err  error
}

// NewWriter returns a Writer to w that fails as w does; name is the name of a
// stream by its Record.File.
func NewWriter(w io.Writer, name func(file int32) string) *Writer {
	return newWriter(bufio.NewWriterSize(w, 64<<10), name)
}

// NewSpooled returns a Writer to a Spool.
func NewSpooled(s *spool.Spool, name func(file int32) string) *Writer { return newWriter(s, name) }

func newWriter(out output, name func(file int32) string) *Writer {
	cw := &Writer{name: name, out: out}
	cw.json = json.NewEncoder(&cw.line)
	cw.json.SetEscapeHTML(false)
	return cw
}

// Write writes one call.
func (w *Writer) Write(c *correlate.Call) {
	if w.err != nil {
		return
	}
	l := line{
		Verdict: c.Verdict.String(), Key: orNull(c.Key.String()), Service: c.Service, Subset: orNull(c.Subset),
		UpstreamHost: orNull(c.UpstreamHost), RequestID: orNull(string(c.RequestID)), Server: []side{},
	}
	if c.Client != nil {
		s := w.side(c.Client)
		l.Client = &s
	}
	for i := range c.Server {
		l.Server = append(l.Server, w.side(&c.Server[i]))
	}
	w.line.Reset()
	if w.err = w.json.Encode(l); w.err == nil {
		_, w.err = w.out.Write(report.SafeJSON(w.line.Bytes()))
	}
}

// Flush writes out what is buffered. Its error is the first that there was; that
// of a Spool is of now.
func (w *Writer) Flush() error {
	if w.err != nil {
		return w.err
	}
	return w.out.Flush()
}

func (w *Writer) side(r *correlate.Record) side {
	s := side{
		Start: report.Time(r.Start), DurationMS: r.Duration, Code: r.Code, Flags: orNull(string(r.FlagText)),
		Details: orNull(string(r.Details)), UpstreamLocal: orNull(string(r.UpstreamLocal)), Line: r.Line,
	}
	s.File = w.name(r.File)
	return s
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
