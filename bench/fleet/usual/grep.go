package usual

import (
	"fmt"

	"github.com/slowpod/slowpod/classify"
	"github.com/slowpod/slowpod/correlate"
)

// Grep counts the callers' UT lines of a minute and a host: the tutorials'
// grep, as a rule. It cries as soon as the count is reached and is over after
// the first minute in which it is not.
type Grep struct {
	board
	least  int
	ticker ticker
	counts map[string]int
}

// NewGrep returns a Grep that cries from least lines on.
func NewGrep(least int) *Grep {
	return &Grep{board: newBoard(), least: least, ticker: ticker{every: minute}, counts: map[string]int{}}
}

// Name says what it is.
func (g *Grep) Name() string { return fmt.Sprintf("UT grep, >= %d per minute and host", g.least) }

// Observe counts a UT line.
func (g *Grep) Observe(arrival int64, r *correlate.Record) {
	g.tick(arrival)
	if timedOut(r) {
		g.count(arrival, string(r.UpstreamHost))
	}
}

func timedOut(r *correlate.Record) bool {
	return r.Side == classify.Client && r.Flags.Has(classify.UT) && r.UpstreamHost != nil
}

func (g *Grep) tick(arrival int64) {
	end, ok := g.ticker.passed(arrival)
	if !ok {
		return
	}
	g.clearUnless(end, func(host string) bool { return g.counts[host] >= g.least })
	clear(g.counts)
}

func (g *Grep) count(arrival int64, host string) {
	if g.counts[host]++; g.counts[host] == g.least {
		g.raise(host, arrival)
	}
}

// Joined counts the UT lines to which the pod's own proxy has a disconnect,
// by request id and host: the two greps put together.
type Joined struct {
	Grep
	ticker ticker
	// The halves of this minute and of the last, so that each waits for its
	// other side for one to two minutes.
	young, old map[string]sides
}

// sides is which sides of a call have been seen.
type sides uint8

const (
	callerSide sides = 1 << iota
	podSide
)

// NewJoined returns a Joined that cries from least pairs on.
func NewJoined(least int) *Joined {
	return &Joined{Grep: *NewGrep(least), ticker: ticker{every: minute}, young: map[string]sides{}, old: map[string]sides{}}
}

// Name says what it is.
func (j *Joined) Name() string { return fmt.Sprintf("UT joined with DC, >= %d", j.least) }

// Observe joins a half with its other side.
func (j *Joined) Observe(arrival int64, r *correlate.Record) {
	j.tick(arrival)
	if _, ok := j.ticker.passed(arrival); ok {
		j.young, j.old = j.old, j.young
		clear(j.young)
	}
	var side sides
	switch {
	case r.RequestID == nil || r.UpstreamHost == nil:
		return
	case timedOut(r):
		side = callerSide
	case r.Side == classify.Server && r.Outcome == classify.DownstreamClosed:
		side = podSide
	default:
		return
	}
	key := string(r.RequestID) + " " + string(r.UpstreamHost)
	before := j.young[key] | j.old[key]
	j.young[key] = before | side
	if before != callerSide|podSide && before|side == callerSide|podSide {
		j.count(arrival, string(r.UpstreamHost))
	}
}
