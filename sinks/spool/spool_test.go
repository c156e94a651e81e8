package spool

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

var errFull = errors.New("no space left on device")

// disk takes as much as there is room for, in the middle of a line if need be.
type disk struct {
	room int
	got  strings.Builder
}

func (d *disk) Write(b []byte) (int, error) {
	n := min(d.room, len(b))
	d.got.Write(b[:n])
	d.room -= n
	if n < len(b) {
		return n, errFull
	}
	return n, nil
}

// spooled returns a spool to a disk, and what it has dropped for a reason.
func spooled(t *testing.T, d *disk) (*Spool, func(reason string) int) {
	t.Helper()
	reg := prometheus.NewRegistry()
	s, err := New(d, "calls", "calls.jsonl", reg)
	if err != nil {
		t.Fatal(err)
	}
	return s, func(reason string) int {
		t.Helper()
		families, err := reg.Gather()
		if err != nil || len(families) != 1 || families[0].GetName() != "slowpod_sink_dropped_total" {
			t.Fatal(families, err)
		}
		for _, m := range families[0].GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			if labels["reason"] == reason && labels["sink"] == "calls" && labels["target"] == "calls.jsonl" {
				return int(m.GetCounter().GetValue())
			}
		}
		t.Fatalf("no series for %s", reason)
		return 0
	}
}

// line is one of some hundred bytes that says its number.
func line(n int) []byte { return fmt.Appendf(nil, "%d %s\n", n, strings.Repeat("x", 300)) }

func write(t *testing.T, s *Spool, line []byte) {
	t.Helper()
	if n, err := s.Write(line); n != len(line) || err != nil {
		t.Fatal(n, err)
	}
}

// numbers are those of the lines that were written, each whole.
func (d *disk) numbers(t *testing.T) (all []int) {
	t.Helper()
	for row := range strings.Lines(d.got.String()) {
		n := 0
		if _, err := fmt.Sscan(row, &n); err != nil || row != string(line(n)) {
			t.Fatalf("%v: torn: %q", err, row)
		}
		all = append(all, n)
	}
	return all
}

// A disk that is full for a while costs nothing: what could not be written waits,
// and a line that was cut goes on where it was.
func TestSpool(t *testing.T) {
	d := &disk{room: 1000}
	s, lost := spooled(t, d)
	for n := range 1000 {
		write(t, s, line(n))
		if n%100 != 99 {
			continue
		}
		d.room += 333
		if err := s.Flush(); !errors.Is(err, errFull) {
			t.Fatalf("Flush: %v, want %v", err, errFull)
		}
	}
	d.room = 1 << 30
	for range 2 {
		if err := s.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	write(t, s, line(1000))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	all := d.numbers(t)
	for i, n := range all {
		if i != n {
			t.Fatalf("line %d in the place of %d", n, i)
		}
	}
	if len(all) != 1001 || lost(dropFull)+lost(dropShutdown) != 0 {
		t.Errorf("%d lines are there, %d and %d were dropped", len(all), lost(dropFull), lost(dropShutdown))
	}
}

// What goes beyond the bound, or does not get written by the end, is counted.
func TestSpoolIsBounded(t *testing.T) {
	const many = 20_000
	d := &disk{}
	s, lost := spooled(t, d)
	for n := range many {
		write(t, s, line(n))
	}
	if len(s.waiting) > maxWaiting || cap(s.waiting) > 2*maxWaiting {
		t.Errorf("%d bytes wait", len(s.waiting))
	}
	d.room = 100_000
	if err := s.Close(); !errors.Is(err, errFull) {
		t.Errorf("Close: %v, want %v", err, errFull)
	}
	full, shutdown := lost(dropFull), lost(dropShutdown)
	if written := strings.Count(d.got.String(), "\n"); written == 0 || full == 0 || written+full+shutdown != many {
		t.Errorf("%d of %d written, %d and %d dropped", written, many, full, shutdown)
	}
}

// A line that is longer than all that may wait is written where the disk takes
// it, whatever waits before it; beside others that wait it is dropped.
func TestSpoolTakesALongLine(t *testing.T) {
	long := []byte(strings.Repeat("x", maxWaiting+1) + "\n")
	d := &disk{room: 1 << 30}
	s, lost := spooled(t, d)
	write(t, s, line(0))
	write(t, s, long)
	if got := d.got.Len(); got != len(line(0))+len(long) || lost(dropFull) != 0 {
		t.Errorf("%d bytes written, %d lines dropped", got, lost(dropFull))
	}
	d.room = 0
	write(t, s, line(1))
	if err := s.Flush(); err == nil {
		t.Fatal("the disk is full")
	}
	write(t, s, long)
	if lost(dropFull) != 1 || len(s.waiting) != len(line(1)) {
		t.Errorf("%d lines dropped, %d bytes wait", lost(dropFull), len(s.waiting))
	}
}
