package world

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slowpod/slowpod/ingest/accesslog"
)

// small is a fleet that a test can afford, without loss.
func small() Config {
	return Config{
		Seed: 3, Length: 5 * time.Minute, WarmUp: time.Minute, Loss: -1,
		Services: 8, LeastPods: 3, MostPods: 8, Rate: 0.5,
	}
}

// seen is a line as a test looks at it.
type seen struct {
	arrival, start, end int64
	client              bool
	writer, node, host  string
	service, class      string
	id, flags, details  string
	protocol            string
	peer, local         string
	code, attempts      int
}

func (l *seen) duration() float64 { return float64(l.end - l.start) }
func (l *seen) cut() bool         { return l.code == 0 }

// look is a run that is over.
type look struct {
	fleet *fleet
	truth *Truth
	lines []seen
	// usual is the median of server durations by service and class, outside all
	// episodes, as if no pod differed.
	usual   map[string]float64
	factors map[string]float64 // of pods
}

// idling gives all pods so many workers that nothing waits for one: what is left
// is the service times.
func idling(f *fleet) {
	for _, p := range f.pods {
		p.workers = 10000
	}
}

// simulate runs a fleet whose clocks are right.
func simulate(t *testing.T, cfg Config, adjust ...func(*fleet)) *look {
	t.Helper()
	f, err := prepare(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range adjust {
		a(f)
	}
	for _, n := range f.nodes {
		n.skew = 0
	}
	l := &look{fleet: f, lines: make([]seen, 0, 40000)}
	texts := make(map[string]string)
	text := func(b []byte) string {
		s, ok := texts[string(b)]
		if !ok {
			s = string(b)
			texts[s] = s
		}
		return s
	}
	records, err := f.run(context.Background(), func(arrival int64, r *accesslog.Record) {
		path := r.Path[1:]
		s := seen{
			arrival: arrival, start: r.Start, end: r.Start + r.Duration, client: r.Cluster[0] == 'o',
			writer: text(r.Writer.Pod), node: text(r.Writer.Node), host: text(r.UpstreamHost),
			service: text(r.Authority[:bytes.IndexByte(r.Authority, ':')]), class: text(path[:bytes.IndexByte(path, '/')]),
			id: string(r.RequestID), flags: text(r.Flags), details: text(r.Details), protocol: text(r.Protocol),
			code: r.Code, attempts: r.Attempts,
		}
		s.peer, s.local = string(r.DownstreamPeer), string(r.UpstreamLocal)
		l.lines = append(l.lines, s)
	})
	if err != nil {
		t.Fatal(err)
	}
	l.truth = f.truth(records)
	l.measureUsual()
	return l
}

func (l *look) measureUsual() {
	l.factors = make(map[string]float64)
	for _, p := range l.fleet.pods {
		l.factors[string(p.name)] = p.factor
	}
	times := make(map[string][]float64)
	for i := range l.lines {
		if s := &l.lines[i]; !s.client && s.code == 200 && !l.afflicted(s) {
			times[s.service+s.class] = append(times[s.service+s.class], s.duration()/l.factors[s.writer])
		}
	}
	l.usual = make(map[string]float64)
	for k, v := range times {
		l.usual[k] = median(v)
	}
}

// afflicted says whether the line is of an episode of anything.
func (l *look) afflicted(s *seen) bool {
	for i := range l.truth.Episodes {
		e := &l.truth.Episodes[i]
		if e.Start <= s.end && s.start < e.End && l.concerns(e, s) {
			return true
		}
	}
	return false
}

// concerns says whether the line is of what the episode is of.
func (l *look) concerns(e *Episode, s *seen) bool {
	switch {
	case e.Pod != "":
		return e.Host == s.host
	case e.Caller != "":
		return e.Service == s.service
	case e.Node != "":
		return !s.client && e.Node == s.node
	}
	return e.Service == s.service
}

// during calls with the lines of one side that began in an episode of the kind.
func (l *look) during(kind Kind, client bool, take func(e *Episode, s *seen)) {
	for i := range l.truth.Episodes {
		e := &l.truth.Episodes[i]
		if e.Kind != kind {
			continue
		}
		for j := range l.lines {
			if s := &l.lines[j]; s.client == client && e.Start <= s.start && s.start < e.End && l.concerns(e, s) {
				take(e, s)
			}
		}
	}
}

// stretched is the server durations of the cheapest class during episodes of a
// kind, as a share of the usual one.
func (l *look) stretched(kind Kind, take func(e *Episode, s *seen, times float64)) {
	l.during(kind, false, func(e *Episode, s *seen) {
		if usual := l.usual[s.service+s.class] * l.factors[s.writer]; s.class == "class0" && usual >= 4 {
			take(e, s, (s.duration()+0.5)/(usual+0.5))
		}
	})
}

func (l *look) episodes(kind Kind) (n, requests, timeouts int) {
	for _, e := range l.truth.Episodes {
		if e.Kind == kind {
			n, requests, timeouts = n+1, requests+e.Requests, timeouts+e.Timeouts
		}
	}
	return n, requests, timeouts
}

func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	v = slices.Clone(v)
	slices.Sort(v)
	return v[len(v)/2]
}

func within(t *testing.T, what string, got, low, high float64) {
	t.Helper()
	t.Logf("%s: %.3g", what, got)
	if !(low <= got && got <= high) {
		t.Errorf("%s: %.3g, not within %g to %g", what, got, low, high)
	}
}

func hasFlag(flags, flag string) bool { return slices.Contains(strings.Split(flags, ","), flag) }
