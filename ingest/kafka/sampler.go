package kafka

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"
)

// sampler keeps trouble that lasts from filling the log: the first time it is
// told, then once a minute with how often it was seen, then its end.
type sampler struct {
	mu   sync.Mutex
	open map[string]*trouble
}

type trouble struct {
	seen   int
	logged time.Time
}

const troubleEvery = time.Minute

// trouble tells that something goes wrong and is tried again.
func (s *sampler) trouble(log *slog.Logger, what string, err error) {
	s.tell(log, what, what+"; trying again", err)
}

// tell logs a message about something, unless it was told just now.
func (s *sampler) tell(log *slog.Logger, what, message string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.open[what]
	if t == nil {
		t = &trouble{}
		if s.open == nil {
			s.open = map[string]*trouble{}
		}
		s.open[what] = t
	}
	t.seen++
	if t.seen == 1 || time.Since(t.logged) >= troubleEvery {
		t.logged = time.Now()
		log.Warn(message, "err", err, "seen", t.seen)
	}
}

// recovered tells that it went well, if it did not before.
func (s *sampler) recovered(log *slog.Logger, what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.open[what]; t != nil {
		delete(s.open, what)
		log.Info("recovered: "+what, "failures", t.seen)
	}
}

// backoff is the pause between tries: it doubles and is shaken, so that members
// that failed together do not try together.
type backoff struct{ first, next time.Duration }

// mostBackoff is the longest pause in terms of the first.
const mostBackoff = 20

// wait pauses; false says that ctx has ended.
func (b *backoff) wait(ctx context.Context) bool {
	b.next = min(max(b.first, b.next*2), mostBackoff*b.first)
	t := time.NewTimer(b.next/2 + rand.N(b.next/2+1))
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (b *backoff) reset() { b.next = 0 }
