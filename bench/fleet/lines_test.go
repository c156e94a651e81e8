package main

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/slowpod/slowpod/bench/fleet/world"
	"github.com/slowpod/slowpod/classify"
	"github.com/slowpod/slowpod/cmd/slowpod/app"
	"github.com/slowpod/slowpod/correlate"
	"github.com/slowpod/slowpod/correlate/kind"
	"github.com/slowpod/slowpod/ingest/accesslog"
	"github.com/slowpod/slowpod/sinks/report"
)

// A fleet may be given to the core as records, or written as lines that the
// whole path reads: what is found must be the same.

// written is a fleet both ways.
type written struct {
	lines   bytes.Buffer
	records []writtenRecord
}

type writtenRecord struct {
	end   int64
	bytes []byte
}

func write(t *testing.T) *written {
	t.Helper()
	cfg := world.Config{
		Seed: 66, Length: 10 * time.Minute, WarmUp: 2 * time.Minute, Services: 12, LeastPods: 3, MostPods: 5, Rate: 0.04,
		Inject: map[world.Kind]float64{
			world.Slow3: 8, world.Slow10: 8, world.Hang: 8, world.SlowNode: 12, world.PacketLoss: 8, world.HangUps: 16,
			world.Deploy: 12, world.SlowService: 8,
		},
	}
	var w written
	var line []byte
	var r correlate.Record
	_, err := world.Run(context.Background(), cfg, func(_ int64, a *accesslog.Record) {
		line = append(world.AppendLine(line[:0], a), '\n')
		w.lines.Write(line)
		r.From(a, classify.Classify(a), 0, int64(len(w.records)+1))
		w.records = append(w.records, writtenRecord{r.End(), r.AppendTo(nil, nil)})
	})
	if err != nil {
		t.Fatal(err)
	}
	return &w
}

// straight gives the records to a core, in order of their ends, as a report
// does: findings as "kind service pod host start detected".
func (w *written) straight(t *testing.T) (findings []string) {
	t.Helper()
	slices.SortFunc(w.records, func(a, b writtenRecord) int {
		return cmp.Or(cmp.Compare(a.end, b.end), bytes.Compare(a.bytes, b.bytes))
	})
	cfg := correlate.Config{Bounds: correlate.DefaultBounds()}
	cfg.Bounds.ForgetAfter = 0
	core := correlate.New(cfg)
	stream := core.Stream()
	var r correlate.Record
	for i := range w.records {
		if err := r.Decode(w.records[i].bytes, nil); err != nil {
			t.Fatal(err)
		}
		stream.Add(&r)
	}
	core.Close()
	s := core.Snapshot()
	for _, f := range s.Findings {
		findings = append(findings, fmt.Sprintln(f.Kind, f.Service, f.Pod, f.UpstreamHost, report.Time(f.Start), report.Time(f.Detected)))
	}
	for _, f := range s.Log {
		findings = append(findings, fmt.Sprintln(f.Reason, report.Time(f.Start), report.Time(f.Detected)))
	}
	return findings
}

// reported is what `slowpod report --output=json` prints of a file, or of stdin.
func reported(t *testing.T, name string, stdin io.Reader) []byte {
	t.Helper()
	o := app.Offline{Files: []string{name}, Stdin: stdin, Logger: slog.New(slog.DiscardHandler)}
	r, err := o.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := report.WriteJSON(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func said(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func TestLinesSayWhatRecordsSay(t *testing.T) {
	t.Parallel()
	w := write(t)
	plain, zipped := filepath.Join(t.TempDir(), "fleet.log"), filepath.Join(t.TempDir(), "fleet.log.gz")
	var z bytes.Buffer
	gz := gzip.NewWriter(&z)
	if _, err := gz.Write(w.lines.Bytes()); err != nil {
		t.Fatal(err)
	}
	if err := gz.Close(); err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{plain: w.lines.Bytes(), zipped: z.Bytes()} {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}

	printed := reported(t, plain, nil)
	var r report.Report
	if err := json.Unmarshal(printed, &r); err != nil {
		t.Fatal(err)
	}
	if n := uint64(len(w.records)); r.Lines.Read != n || r.Lines.Records != n {
		t.Errorf("%d lines read, %d records, want %d", r.Lines.Read, r.Lines.Records, n)
	}
	var got, ofLog []string
	kinds := map[string]int{}
	for i := range r.Findings {
		f := &r.Findings[i]
		kinds[f.Kind]++
		if reason, _, _ := strings.Cut(f.Cause, ":"); f.Kind == kind.LogStream.String() {
			ofLog = append(ofLog, fmt.Sprintln(reason, f.Start, f.Detected))
			continue
		}
		got = append(got, fmt.Sprintln(f.Kind, said(f.Service), said(f.Pod), said(f.UpstreamHost), f.Start, f.Detected))
	}
	got = append(got, ofLog...)
	if diff := gocmp.Diff(w.straight(t), got); diff != "" {
		t.Errorf("-records +lines:\n%s", diff)
	}
	if kinds["slow_pod"] == 0 || len(kinds) < 3 {
		t.Errorf("only %v are found: nothing to compare", kinds)
	}

	for name, b := range map[string][]byte{
		"gzip":           reported(t, zipped, nil),
		"stdin":          reported(t, "-", bytes.NewReader(w.lines.Bytes())),
		"gzip via stdin": reported(t, "-", bytes.NewReader(z.Bytes())),
	} {
		if !bytes.Equal(b, printed) {
			t.Errorf("%s: another report, -file +%s:\n%s", name, name, gocmp.Diff(string(printed), string(b)))
		}
	}
}
