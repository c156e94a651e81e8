package calls

import (
	"bytes"
	"fmt"
	"io"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/slowpod/slowpod/sinks/dropped"
)

const (
	// spoolBytes is how much is kept of what cannot be written.
	spoolBytes = 4 << 20
	// spoolWrite is how much is written at once where nobody flushes before.
	spoolWrite = 64 << 10
)

// Why calls were dropped: metric labels.
const (
	dropFull     = "full"     // too many wait for the file
	dropShutdown = "shutdown" // not written by the end
)

// Spool is a file that may refuse lines for a while: they wait, up to a bound,
// and every Flush tries again; what comes beyond is dropped and counted. It is
// given whole lines and writes them so: one that was cut by an error goes on
// where it was cut.
type Spool struct {
	w       io.Writer
	waiting []byte
	failing bool
	full    prometheus.Counter
	late    prometheus.Counter
}

// NewSpool returns a Spool to w, which is called name in the metrics.
func NewSpool(w io.Writer, name string, reg prometheus.Registerer) (*Spool, error) {
	lost := dropped.New("calls")
	s := &Spool{w: w, full: lost.WithLabelValues(name, dropFull), late: lost.WithLabelValues(name, dropShutdown)}
	return s, reg.Register(lost)
}

// Write takes a line. It never fails.
func (s *Spool) Write(line []byte) (int, error) {
	if len(s.waiting)+len(line) > spoolBytes {
		s.full.Inc()
		return len(line), nil
	}
	s.waiting = append(s.waiting, line...)
	if !s.failing && len(s.waiting) >= spoolWrite {
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
	if err == nil && cap(s.waiting) > 4*spoolWrite {
		s.waiting = nil // an outage is over
	}
	return err
}

// Close writes what waits, and counts what cannot be written as dropped.
func (s *Spool) Close() error {
	err := s.Flush()
	if err == nil {
		return nil
	}
	n := bytes.Count(s.waiting, []byte{'\n'})
	s.waiting = nil
	s.late.Add(float64(n))
	return fmt.Errorf("%d calls could not be written: %w", n, err)
}
