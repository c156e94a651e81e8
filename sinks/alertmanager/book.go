package alertmanager

import (
	"time"

	"github.com/slowpod/slowpod/sinks/report"
)

// book knows the alerts that fire, and those that did until lately. It is used
// by one goroutine and reads no clock.
type book struct {
	writer writer
	// byFinding is by the id of an open finding. It is what keeps the labels as
	// they were at firing, whatever becomes known of the finding later.
	byFinding map[string]*alert
	byKey     map[string]*alert
}

// alert is one set of labels: that is what an alert is to Alertmanager. Several
// findings may share it, one after the other or even at once.
type alert struct {
	key        string
	labels     map[string]string
	story      *report.Finding // told in the annotations
	startsAt   time.Time
	endsAt     time.Time // zero while it fires
	resolvedAt time.Time // when that was seen, by the clock

	open   bool        // within update: has an open finding
	silent bool        // within update: a finding of it ended in silence
	ended  report.Time // within update: when the last of its findings ended
}

// message is an alert as it is to be sent. It is never altered; a newer one
// takes its place.
type message struct {
	key          string
	labels       map[string]string
	annotations  map[string]string
	generatorURL string
	startsAt     time.Time
	endsAt       time.Time // zero while it fires
}

func newBook(w writer) *book {
	return &book{writer: w, byFinding: map[string]*alert{}, byKey: map[string]*alert{}}
}

// update takes the findings as they are now. It returns what began to fire and
// what is over, and the keys of alerts that are told no more, because nobody
// knows whether they are over.
func (b *book) update(findings []report.Finding, now time.Time) (changed []*message, silent []string) {
	for _, a := range b.byKey {
		a.open, a.silent, a.ended = false, false, 0
	}
	open := make(map[string]*alert, len(b.byFinding))
	var alerts []*alert
	for i := range findings {
		f := &findings[i]
		a := b.byFinding[f.ID]
		switch {
		case f.End != nil && a == nil: // never told, or told as over
		case f.End != nil:
			a.ended, a.silent = max(a.ended, *f.End), a.silent || f.Silent
			if !a.open {
				a.story = f
			}
		default:
			if a == nil {
				a = b.of(f)
			}
			open[f.ID] = a
			if !a.open || f.Start >= a.story.Start {
				a.story = f
			}
			a.open = true
			if a.startsAt.IsZero() || !a.endsAt.IsZero() {
				a.startsAt, a.endsAt = earlier(f.Start, now), time.Time{}
				alerts = append(alerts, a)
			}
		}
	}
	b.byFinding = open
	for key, a := range b.byKey {
		switch {
		case a.open || !a.endsAt.IsZero():
		case a.silent:
			delete(b.byKey, key)
			silent = append(silent, key)
		default:
			a.resolve(now)
			alerts = append(alerts, a)
		}
	}
	return b.messages(alerts), silent
}

// forget empties the book and returns the keys of what was in it.
func (b *book) forget() (keys []string) {
	for key := range b.byKey {
		keys = append(keys, key)
	}
	clear(b.byKey)
	clear(b.byFinding)
	return keys
}

// of returns the alert with the labels that a finding has now.
func (b *book) of(f *report.Finding) *alert {
	labels := b.writer.labels(f)
	key := keyOf(labels)
	a := b.byKey[key]
	if a == nil {
		a = &alert{key: key, labels: labels}
		b.byKey[key] = a
	}
	return a
}

// resolve ends an alert. Findings live in the time of their records, which in a
// replay is long ago and with a wrong clock is to come; Alertmanager holds an
// alert for firing until its end is in the past, and takes none that ends before
// it starts.
func (a *alert) resolve(now time.Time) {
	a.endsAt, a.resolvedAt = now, now
	if a.ended != 0 {
		a.endsAt = earlier(a.ended, now)
	}
	if a.endsAt.Before(a.startsAt) {
		a.endsAt = a.startsAt
	}
}

func earlier(t report.Time, now time.Time) time.Time {
	if at := time.UnixMilli(int64(t)); at.Before(now) {
		return at
	}
	return now
}

// all returns every alert that fires, and those that are over and still to be
// told; and the keys of those that need not be told any more.
func (b *book) all(now time.Time) (due []*message, forgotten []string) {
	var alerts []*alert
	for key, a := range b.byKey {
		if !a.endsAt.IsZero() && now.Sub(a.resolvedAt) >= resolvedFor {
			delete(b.byKey, key)
			forgotten = append(forgotten, key)
			continue
		}
		alerts = append(alerts, a)
	}
	return b.messages(alerts), forgotten
}

func (b *book) messages(alerts []*alert) []*message {
	all := make([]*message, 0, len(alerts))
	for _, a := range alerts {
		all = append(all, &message{
			key: a.key, labels: a.labels, annotations: b.writer.annotations(a.story),
			generatorURL: b.writer.link(a.story), startsAt: a.startsAt, endsAt: a.endsAt,
		})
	}
	return all
}
