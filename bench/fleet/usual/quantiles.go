package usual

import (
	"fmt"
	"math"
	"slices"

	"github.com/slowpod/slowpod/classify"
	"github.com/slowpod/slowpod/correlate"
)

// What a quantile of a minute needs to say anything.
const (
	quantileRequests = 10 // of a pod, in the minute
	quantilePods     = 3  // of a service, with as many each
)

// The usual z score of a median: 0.6745 makes the MAD of a normal distribution
// its standard deviation, 3.5 is the usual limit (Iglewicz and Hoaglin).
const (
	madScale = 0.6745
	madLimit = 3.5
	// The MAD is held to be at least 5 % of the median and half of the
	// millisecond that the log resolves: pods that are alike would otherwise
	// have none, and the score no meaning.
	madShare = 0.05
	madLeast = 0.5
)

// Quantiles compares a quantile of the durations that a pod has in a minute
// with that of its siblings in the same one, and cries when it is far above in
// so many minutes in a row. A minute with too few requests ends the row, as it
// does in a rule with "for".
type Quantiles struct {
	board
	name string
	side classify.Side
	q    float64
	rows int // minutes in a row
	// over says which of the values are too far above the others. values is
	// scratch.
	over   func(values []float64) (far func(v float64) bool)
	ticker ticker
	hosts  map[string]*durations
	// names has the service of hosts whose own records name none, as callers
	// name it; "" is one that is asked for.
	names map[string]string
}

// durations is the minute of a host.
type durations struct {
	service string
	ms      []int64
	value   float64
	row     int
}

// NewMAD returns a z score by the median absolute deviation of the siblings'
// quantiles, over 3.5 for so many minutes.
func NewMAD(side classify.Side, q float64, minutes int) *Quantiles {
	name := fmt.Sprintf("MAD of p%.0f, %s side, z > %.1f, %d min", q*100, side, madLimit, minutes)
	return newQuantiles(name, side, q, minutes, func(values []float64) func(float64) bool {
		mid := median(values)
		for i, v := range values {
			values[i] = math.Abs(v - mid)
		}
		mad := max(median(values), madShare*mid, madLeast)
		return func(v float64) bool { return madScale*(v-mid)/mad > madLimit }
	})
}

// NewPeers returns a comparison with the median of the pods' medians, on the
// server side: so many times above for so many minutes.
func NewPeers(factor float64, minutes int) *Quantiles {
	name := fmt.Sprintf("peer median >= %.0fx, %d min", factor, minutes)
	return newQuantiles(name, classify.Server, 0.5, minutes, func(values []float64) func(float64) bool {
		mid := max(median(values), 1) // of less than a millisecond the log says nothing
		return func(v float64) bool { return v >= factor*mid }
	})
}

func newQuantiles(name string, side classify.Side, q float64, rows int, over func([]float64) func(float64) bool) *Quantiles {
	return &Quantiles{
		board: newBoard(), name: name, side: side, q: q, rows: rows, over: over,
		ticker: ticker{every: minute}, hosts: map[string]*durations{}, names: map[string]string{},
	}
}

// Name says what it is.
func (w *Quantiles) Name() string { return w.name }

// Observe notes a duration. What was cut counts as it stands.
func (w *Quantiles) Observe(arrival int64, r *correlate.Record) {
	if end, ok := w.ticker.passed(arrival); ok {
		w.judge(end)
	}
	if !r.HTTP || r.UpstreamHost == nil {
		return
	}
	if r.Side != w.side {
		if len(w.names) > 0 && r.Target.Service != nil {
			w.learn(r)
		}
		return
	}
	h := w.hosts[string(r.UpstreamHost)]
	if h == nil {
		service := string(r.Target.Service)
		if service == "" {
			service = w.names[string(r.UpstreamHost)]
		}
		if service == "" { // it has no siblings as long as nobody says whose they are
			w.names[string(r.UpstreamHost)] = ""
			return
		}
		h = &durations{service: service}
		w.hosts[string(r.UpstreamHost)] = h
	}
	h.ms = append(h.ms, r.Duration)
}

func (w *Quantiles) learn(r *correlate.Record) {
	if service, asked := w.names[string(r.UpstreamHost)]; asked && service == "" {
		w.names[string(r.UpstreamHost)] = string(r.Target.Service)
	}
}

func (w *Quantiles) judge(end int64) {
	values := map[string][]float64{}
	for host, h := range w.hosts {
		if len(h.ms) == 0 { // silent for a minute: it may be another's by now
			w.clear(host, end)
			delete(w.hosts, host)
			delete(w.names, host)
			continue
		}
		if len(h.ms) >= quantileRequests {
			slices.Sort(h.ms)
			h.value = float64(h.ms[int(w.q*float64(len(h.ms)-1)+0.5)])
			values[h.service] = append(values[h.service], h.value)
		}
	}
	far := map[string]func(float64) bool{}
	for service, v := range values {
		if len(v) >= quantilePods {
			far[service] = w.over(v)
		}
	}
	for host, h := range w.hosts {
		if over := far[h.service]; over != nil && len(h.ms) >= quantileRequests && over(h.value) {
			if h.row++; h.row >= w.rows {
				w.raise(host, end)
			}
		} else {
			h.row = 0
			w.clear(host, end)
		}
		h.ms = h.ms[:0]
	}
}

// median is the middle value; it sorts.
func median(values []float64) float64 {
	slices.Sort(values)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}
