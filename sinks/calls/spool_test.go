package calls

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

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

func spooled(t *testing.T, d *disk) (*Writer, *Spool, func(reason string) int) {
	t.Helper()
	reg := prometheus.NewRegistry()
	s, err := NewSpool(d, "calls.jsonl", reg)
	if err != nil {
		t.Fatal(err)
	}
	return NewSpooled(s, named("gateway.log", "cart.log")), s, func(reason string) int {
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

// numbers are those of the calls that were written, each on a line of its own.
func (d *disk) numbers(t *testing.T) (all []int) {
	t.Helper()
	if !strings.HasSuffix(d.got.String(), "\n") {
		t.Error("the last line is torn")
	}
	for row := range strings.Lines(d.got.String()) {
		var c struct {
			ID string `json:"request_id"`
		}
		n := 0
		if err := json.Unmarshal([]byte(row), &c); err != nil {
			t.Fatalf("%v: %q", err, row)
		}
		if _, err := fmt.Sscan(c.ID, &n); err != nil {
			t.Fatal(err)
		}
		all = append(all, n)
	}
	return all
}

func (w *Writer) number(n int) {
	c := both()
	c.RequestID = fmt.Append(nil, n)
	w.Write(c)
}

// A disk that is full for a while costs nothing: what could not be written waits,
// and a line that was cut goes on where it was.
func TestSpool(t *testing.T) {
	d := &disk{room: 1000}
	w, s, lost := spooled(t, d)
	for n := range 1000 {
		w.number(n)
		if n%100 != 99 {
			continue
		}
		d.room += 333
		if err := w.Flush(); !errors.Is(err, errFull) {
			t.Fatalf("Flush: %v, want %v", err, errFull)
		}
	}
	d.room = 1 << 30
	for range 2 {
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	w.number(1000)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	all := d.numbers(t)
	for i, n := range all {
		if i != n {
			t.Fatalf("call %d in the place of %d", n, i)
		}
	}
	if len(all) != 1001 || lost(dropFull)+lost(dropShutdown) != 0 {
		t.Errorf("%d calls are there, %d and %d were dropped", len(all), lost(dropFull), lost(dropShutdown))
	}
}

// What goes beyond the bound, or does not get written by the end, is counted.
func TestSpoolIsBounded(t *testing.T) {
	const many = 20_000
	d := &disk{}
	w, s, lost := spooled(t, d)
	for n := range many {
		w.number(n)
	}
	if len(s.waiting) > spoolBytes || cap(s.waiting) > 2*spoolBytes {
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
