// Package spool writes lines to a file that may refuse them for a while.
//
// It knows how much may wait and what is counted of the rest. It must never know
// what a line says.
package spool

import (
	"bytes"
	"fmt"
	"io"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/slowpod/slowpod/sinks/dropped"
)

const (
	// maxWaiting is how many bytes are kept of what cannot be written. A line
	// that is longer by itself waits if nothing else does.
	maxWaiting = 4 << 20
	// writeAt is how much is written at once where nobody flushes before.
	writeAt = 64 << 10
)

// Why lines were dropped: metric labels.
const (
	dropFull     = "full"     // too many wait for the file
	dropShutdown = "shutdown" // not written by the end
)

// Spool is a file that may refuse lines for a while: they wait, up to a bound,
// and every Flush tries again; what comes beyond is dropped and counted. It is
// given whole lines and writes them so: one that was cut by an error goes on
// where it was cut. It belongs to one goroutine at a time.
type Spool struct {
	w       io.Writer
	waiting []byte
	failing bool
	full    prometheus.Counter
	late    prometheus.Counter
}

// New returns a Spool to w, which the metrics call target, for a sink of this
// name.
func New(w io.Writer, sink, target string, reg prometheus.Registerer) (*Spool, error) {
	lost := dropped.New(sink)
	s := &Spool{w: w, full: lost.WithLabelValues(target, dropFull), late: lost.WithLabelValues(target, dropShutdown)}
	return s, reg.Register(lost)
}

// Write takes a line. It never fails.
func (s *Spool) Write(line []byte) (int, error) {
	if len(s.waiting) > 0 && len(s.waiting)+len(line) > maxWaiting {
		if !s.failing {
			_ = s.Flush() // a long line beside others
		}
		if len(s.waiting) > 0 {
			s.full.Inc()
			return len(line), nil
		}
	}
	s.waiting = append(s.waiting, line...)
	if !s.failing && len(s.waiting) >= writeAt {
		_ = s.Flush() // the next one tells
	}
	return len(line), nil
}

// Flush writes what waits. Its error says that some of it still does.
func (s *Spool) Flush() error {
	if len(s.waiting) == 0 {
		return nil
	}
	n, err := s.w.Write(s.waiting)
	s.failing = err != nil
	s.waiting = append(s.waiting[:0], s.waiting[n:]...)
	if err == nil && cap(s.waiting) > 4*writeAt {
		s.waiting = nil // an outage is over
	}
	return err
}

// Close writes what waits, and counts what cannot be written as dropped. It does
// not close the file.
func (s *Spool) Close() error {
	err := s.Flush()
	if err == nil {
		return nil
	}
	n := bytes.Count(s.waiting, []byte{'\n'})
	s.waiting = nil
	s.late.Add(float64(n))
	return fmt.Errorf("%d lines could not be written: %w", n, err)
}
