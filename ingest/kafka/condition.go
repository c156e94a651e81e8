package kafka

import (
	"sync"
	"time"
)

// unreadableFor is how long others wait for a partition that cannot be read.
const unreadableFor = time.Minute

// condition is how a partition that this member owns is doing.
type condition struct {
	failing bool
	since   time.Time // when failing last changed
	lag     int64     // records that were there and not read; -1: nobody knows
}

// conditions are those of all that it owns, by stream.
type conditions struct {
	patience time.Duration

	mu  sync.Mutex
	all map[string]*condition
}

func (c *conditions) of(stream string) *condition {
	if c.all == nil {
		c.all = map[string]*condition{}
	}
	if c.all[stream] == nil {
		c.all[stream] = &condition{lag: -1}
	}
	return c.all[stream]
}

func (c *conditions) fails(stream string, now bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	*c.of(stream) = condition{failing: now, since: time.Now(), lag: -1}
}

func (c *conditions) lags(stream string, by int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.of(stream).lag = by
}

func (c *conditions) forget(stream string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.all, stream)
}

// good says whether none fails.
func (c *conditions) good() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, o := range c.all {
		if o.failing {
			return false
		}
	}
	return true
}

// caughtUp is Source.CaughtUp. What fails is still waited for at first, after
// an outage of all of them, too: they come back one after the other.
func (c *conditions) caughtUp(stream string, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.all[stream]
	if p == nil || !p.failing {
		return p != nil && p.lag == 0
	}
	long := func(o *condition) bool { return now.Sub(o.since) >= c.patience }
	if !long(p) {
		return false
	}
	for _, o := range c.all {
		if !o.failing && long(o) {
			return true
		}
	}
	return false
}
