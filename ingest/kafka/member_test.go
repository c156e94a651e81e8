package kafka

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/slowpod/slowpod/ingest"
)

// line is an ingest.Line that keeps its bytes.
type line struct {
	stream string
	offset int64
	text   string
	cut    bool
	replay bool
}

// member is a source that runs.
type member struct {
	*Source
	t      testing.TB
	reg    *prometheus.Registry
	log    *logBuffer
	cancel context.CancelFunc
	done   chan struct{}
	err    error

	mu    sync.Mutex
	lines []line
	told  []string // what was assigned and revoked
}

// starter says how a member differs from the ordinary one.
type starter struct {
	cfg   func(*Config)
	batch int
	// patience with a partition that cannot be read; 0 is the ordinary one
	patience time.Duration
	horizon  func(string) (int64, bool)
	handle   Handler // before a batch is recorded
}

func (c *cluster) start(s starter) *member {
	c.t.Helper()
	cfg := c.config()
	if s.cfg != nil {
		s.cfg(&cfg)
	}
	m := &member{t: c.t, reg: prometheus.NewRegistry(), log: &logBuffer{}, done: make(chan struct{})}
	src, err := New(cfg, Options{
		Logger:     slog.New(slog.NewTextHandler(m.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Registerer: m.reg,
		Horizon:    s.horizon,
		Assigned:   func(streams []string) { m.tell("+", streams) },
		Revoked:    func(streams []string) { m.tell("-", streams) },
	})
	if err != nil {
		c.t.Fatal(err)
	}
	if s.batch > 0 {
		src.batchLines = s.batch
	}
	if s.patience > 0 {
		src.conditions.patience = s.patience
	}
	m.Source = src
	var ctx context.Context
	ctx, m.cancel = context.WithCancel(context.Background())
	go func() {
		defer close(m.done)
		m.err = src.Run(ctx, func(ctx context.Context, b ingest.Batch) error {
			if s.handle != nil {
				if err := s.handle(ctx, b); err != nil {
					return err
				}
			}
			m.record(b)
			return nil
		})
	}()
	c.t.Cleanup(func() {
		m.cancel()
		<-m.done
		if c.t.Failed() {
			c.t.Logf("log of a member:\n%s", m.log.String())
		}
	})
	return m
}

func (m *member) tell(sign string, streams []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range streams {
		m.told = append(m.told, sign+s)
	}
}

func (m *member) record(b ingest.Batch) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, l := range b.Lines {
		m.lines = append(m.lines, line{b.Stream, l.Number, string(l.Bytes), l.Cut, b.Replay})
	}
}

func (m *member) got() []line {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.lines)
}

func (m *member) callbacks() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return strings.Join(m.told, " ")
}

// wants waits for n lines.
func (m *member) wants(n int) []line {
	m.t.Helper()
	eventually(m.t, fmt.Sprintf("%d lines", n), func() bool { return len(m.got()) >= n })
	return m.got()
}

// stop ends the member and returns what Run returned.
func (m *member) stop() error {
	m.t.Helper()
	m.cancel()
	return m.ends()
}

func (m *member) ends() error {
	m.t.Helper()
	select {
	case <-m.done:
	case <-time.After(patience):
		m.t.Fatal("Run does not return")
	}
	return m.err
}

// metric sums the series of a family whose labels hold all of want; there says
// whether there is any.
func (m *member) metric(name string, want ...string) (v float64, there bool) {
	m.t.Helper()
	families, err := m.reg.Gather()
	if err != nil {
		m.t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "slowpod_kafka_"+name {
			continue
		}
		for _, s := range f.GetMetric() {
			labels := []string{}
			for _, l := range s.GetLabel() {
				labels = append(labels, l.GetValue())
			}
			if slices.ContainsFunc(want, func(w string) bool { return !slices.Contains(labels, w) }) {
				continue
			}
			there = true
			v += s.GetCounter().GetValue() + s.GetGauge().GetValue()
		}
	}
	return v, there
}

func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !cond() {
		if time.Now().After(deadline) {
			t.Fatalf("in vain: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

// numbered returns n values that begin with prefix.
func numbered(prefix string, n int) []string {
	s := make([]string, n)
	for i := range s {
		s[i] = fmt.Sprintf("%s%d", prefix, i)
	}
	return s
}

// offsets of the lines of a stream, in order.
func offsets(lines []line, stream string) []int64 {
	var all []int64
	for _, l := range lines {
		if l.stream == stream {
			all = append(all, l.offset)
		}
	}
	return all
}

// upTo is from, from+1, … to-1.
func upTo(from, to int64) []int64 {
	var all []int64
	for ; from < to; from++ {
		all = append(all, from)
	}
	return all
}

type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

var _ io.Writer = (*logBuffer)(nil)

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func (b *logBuffer) count(s string) int { return strings.Count(b.String(), s) }
