package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/slowpod/slowpod/bench/workload"
	"github.com/slowpod/slowpod/sinks/report"
)

// twoMinutes are enough for a finding.
const twoMinutes = 2 * time.Minute

// logLine is one line of a simulated mesh.
type logLine struct {
	side workload.Side
	text []byte
}

// meshLog is the log of a simulated mesh, with the truth about it.
type meshLog struct {
	lines []logLine
	truth workload.Truth
}

func catalog(o workload.CatalogOptions) *meshLog { return logOf(workload.Catalog(o)) }

func logOf(g *workload.Generator) *meshLog {
	log := &meshLog{}
	for l := (workload.Line{}); g.Next(&l); {
		log.lines = append(log.lines, logLine{l.Side, bytes.Clone(l.Bytes)})
	}
	log.truth = g.Truth()
	return log
}

// slow is the pod that the scenario made slow.
func (l *meshLog) slow() workload.FaultTruth { return l.truth.Faults[0] }

// of returns the lines of one side.
func (l *meshLog) of(side workload.Side) *meshLog {
	out := &meshLog{truth: l.truth}
	for _, line := range l.lines {
		if line.side == side {
			out.lines = append(out.lines, line)
		}
	}
	return out
}

func (l *meshLog) part(from, to int) *meshLog {
	return &meshLog{lines: l.lines[from:to], truth: l.truth}
}

// shuffled returns the same lines in an order that has nothing to do with time.
func (l *meshLog) shuffled(seed uint64) *meshLog {
	out := &meshLog{lines: append([]logLine(nil), l.lines...), truth: l.truth}
	r := rand.New(rand.NewPCG(seed, 0))
	r.Shuffle(len(out.lines), func(i, k int) { out.lines[i], out.lines[k] = out.lines[k], out.lines[i] })
	return out
}

func (l *meshLog) bytes() []byte {
	var b bytes.Buffer
	for _, line := range l.lines {
		b.Write(line.text)
		b.WriteByte('\n')
	}
	return b.Bytes()
}

// file writes the log and returns the file's name.
func (l *meshLog) file(t *testing.T) string {
	t.Helper()
	return fileOf(t, l.bytes())
}

func fileOf(t *testing.T, b []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "access.log")
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func gzipped(t *testing.T, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func zstandard(t *testing.T, b []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	return w.EncodeAll(b, nil)
}

// noise is bytes that are nothing, the same ones every time.
func noise(n int) []byte {
	seed := [32]byte{1}
	b := make([]byte, n)
	rand.NewChaCha8(seed).Read(b)
	return b
}

// reportOf reads the JSON of a report.
func reportOf(t *testing.T, text string) *report.Report {
	t.Helper()
	var r report.Report
	dec := json.NewDecoder(strings.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&r); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return &r
}

// call is a line of the calls file.
type call struct {
	Verdict      string     `json:"verdict"`
	Key          *string    `json:"key"`
	Service      string     `json:"service"`
	Subset       *string    `json:"subset"`
	UpstreamHost *string    `json:"upstream_host"`
	RequestID    *string    `json:"request_id"`
	Client       *callSide  `json:"client"`
	Server       []callSide `json:"server"`
}

type callSide struct {
	Start         time.Time `json:"start"`
	DurationMS    int64     `json:"duration_ms"`
	Code          int       `json:"code"`
	Flags         *string   `json:"flags"`
	Details       *string   `json:"details"`
	UpstreamLocal *string   `json:"upstream_local_address"`
	File          string    `json:"file"`
	Line          int       `json:"line"`
}

func callsOf(t *testing.T, name string) []call {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var calls []call
	for line := range bytes.Lines(b) {
		dec := json.NewDecoder(bytes.NewReader(line))
		dec.DisallowUnknownFields()
		var c call
		if err := dec.Decode(&c); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		calls = append(calls, c)
	}
	return calls
}

// said is what a pointer points at, "" for nil.
func said(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
