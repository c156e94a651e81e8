// Package usual is how people usually look for slow pods in access logs: what
// slowpod is measured beside.
//
// It knows records and when the collector got them. It must never know what is
// true, nor how slowpod judges: each way is what its source says, with the
// settings that its users have, and where a choice was left it is the one that
// favours the way.
//
// All of them go by the collector's clock, as rules over a log store do, and
// know a pod by its address, as the log does.
package usual

import (
	"github.com/slowpod/slowpod/classify"
	"github.com/slowpod/slowpod/correlate"
)

// Alert is a pod, by its address, that a way holds to be slow. Times are the
// collector's, in Unix milliseconds; Cleared is 0 while it lasts.
type Alert struct {
	Host        string
	At, Cleared int64
}

// Way looks at every record in order of arrival.
type Way interface {
	Name() string
	// Observe takes a record, which it must not keep.
	Observe(arrival int64, r *correlate.Record)
	// Alerts are all so far. They are borrowed until the next Observe.
	Alerts() []Alert
}

// All returns the usual ways, in the order of detection.md 3.2.
func All() []Way {
	return []Way{
		NewGrep(1), NewGrep(3), NewGrep(10), NewJoined(3),
		NewSuccessRate(), NewFailures(85, 50), NewFailures(50, 10),
		NewMAD(classify.Client, 0.95, 3), NewMAD(classify.Server, 0.95, 3), NewMAD(classify.Server, 0.5, 3),
		NewPeers(2, 5), NewPeers(3, 3),
	}
}

const minute = 60_000

// board holds the alerts of a way.
type board struct {
	all []Alert
	on  map[string]int // host: index
}

func newBoard() board { return board{on: map[string]int{}} }

// Alerts are all so far.
func (b *board) Alerts() []Alert { return b.all }

func (b *board) raise(host string, at int64) {
	if _, on := b.on[host]; on {
		return
	}
	b.on[host] = len(b.all)
	b.all = append(b.all, Alert{Host: host, At: at})
}

func (b *board) clear(host string, at int64) {
	if i, on := b.on[host]; on {
		b.all[i].Cleared = at
		delete(b.on, host)
	}
}

// clearUnless clears the alerts that nothing keeps up.
func (b *board) clearUnless(at int64, keep func(host string) bool) {
	for host := range b.on {
		if !keep(host) {
			b.clear(host, at)
		}
	}
}

// ticker cuts the collector's time into intervals.
type ticker struct{ every, end int64 }

// passed says whether an interval has ended by now, and when. What was counted
// lies in it; intervals without any record pass unnoticed, with the next one.
func (t *ticker) passed(now int64) (end int64, ok bool) {
	if now < t.end {
		return 0, false
	}
	end, ok = t.end, t.end != 0
	t.end = now - now%t.every + t.every
	return end, ok
}
