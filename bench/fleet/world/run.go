package world

import (
	"cmp"
	"context"
	"slices"

	"github.com/slowpod/slowpod/ingest/accesslog"
)

// Emit takes an entry when the collector gets it: at arrival, Unix
// milliseconds of true time. The record is borrowed until it returns.
type Emit func(arrival int64, r *accesslog.Record)

// Run simulates a fleet and returns what was true. Entries come in order of
// arrival. It is deterministic: the same Config, the same entries.
//
// No call begins after Length. What is open then goes on to its end, and what
// was written arrives, so that entries come for a minute longer.
func Run(ctx context.Context, cfg Config, emit Emit) (*Truth, error) {
	f, err := prepare(cfg)
	if err != nil {
		return nil, err
	}
	records, err := f.run(ctx, emit)
	if err != nil {
		return nil, err
	}
	return f.truth(records), nil
}

// prepare makes a fleet and plans what befalls it.
func prepare(cfg Config) (*fleet, error) {
	cfg = cfg.or(Default())
	if err := cfg.check(); err != nil {
		return nil, err
	}
	f := newFleet(cfg)
	f.planAll()
	for _, s := range f.services {
		s.prepare()
	}
	return f, nil
}

// run simulates second by second: all services, which know nothing of each
// other, then the arrivals of that second.
func (f *fleet) run(ctx context.Context, emit Emit) (records uint64, err error) {
	var w scribe
	take := func(arrival int64, e *entry) {
		records++
		emit(arrival, w.write(e))
	}
	for now := f.begin; ; now += second {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		open := now < f.end
		for _, s := range f.services {
			s.run(now, now+second)
			open = open || !s.quiet()
		}
		f.out.arrived(take)
		if !open && f.out.kept == 0 {
			return records, nil
		}
	}
}

func (f *fleet) truth(records uint64) *Truth {
	t := &Truth{Begin: f.begin / millisecond, End: f.end / millisecond, Records: records}
	for _, e := range f.episodes {
		t.Episodes = append(t.Episodes, *e)
	}
	slices.SortStableFunc(t.Episodes, func(a, b Episode) int { return cmp.Compare(a.Start, b.Start) })
	for _, s := range f.services {
		for _, p := range s.pods {
			t.Pods = append(t.Pods, p.life())
		}
	}
	return t
}
