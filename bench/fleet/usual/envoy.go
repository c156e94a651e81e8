package usual

import (
	"fmt"
	"math"

	"github.com/slowpod/slowpod/classify"
	"github.com/slowpod/slowpod/correlate"
)

// The defaults of Envoy's outlier detection (OutlierDetection in
// cluster.outlier_detection, and outlier_detection_impl.cc).
const (
	envoyInterval  = 10_000
	envoyHosts     = 5
	successVolume  = 100
	successFactor  = 1.9
	bestPercentage = 100.0
)

// Outliers is Envoy's outlier detection. A host is judged by its success in an
// interval; the alert is over after the first interval in which it is no
// outlier.
//
// Envoy sees what passes through one proxy. Here it sees the requests of all
// callers, which favours it: one caller's hardly ever reach the volume.
type Outliers struct {
	board
	name   string
	volume int // of requests that a host needs in an interval
	// limit is the success in percent below which a host is an outlier.
	limit  func(success []float64) float64
	ticker ticker
	hosts  map[string]*hostCount
}

type hostCount struct {
	service    string
	n, success int
}

func (h *hostCount) percentage() float64 { return bestPercentage * float64(h.success) / float64(h.n) }

// NewSuccessRate returns the statistic over the hosts of a cluster: less than
// the mean by 1.9 standard deviations.
func NewSuccessRate() *Outliers {
	return newOutliers("Envoy success rate, defaults", successVolume, func(success []float64) float64 {
		mean, square := 0.0, 0.0
		for _, v := range success {
			mean += v / float64(len(success))
		}
		for _, v := range success {
			square += (v - mean) * (v - mean) / float64(len(success))
		}
		return mean - successFactor*math.Sqrt(square)
	})
}

// NewFailures returns the fixed limit: so many percent of the requests fail.
func NewFailures(percentage float64, volume int) *Outliers {
	name := fmt.Sprintf("Envoy failure percentage %.0f %%, volume %d", percentage, volume)
	// A host at the limit is an outlier, too.
	limit := math.Nextafter(bestPercentage-percentage, bestPercentage)
	return newOutliers(name, volume, func([]float64) float64 { return limit })
}

func newOutliers(name string, volume int, limit func([]float64) float64) *Outliers {
	return &Outliers{
		board: newBoard(), name: name, volume: volume, limit: limit,
		ticker: ticker{every: envoyInterval}, hosts: map[string]*hostCount{},
	}
}

// Name says what it is.
func (o *Outliers) Name() string { return o.name }

// Observe counts a request for its host. As in Envoy, a failure is a code from
// 500 on, its own timeouts and refused connections included; what the caller
// hung up on counts as success.
func (o *Outliers) Observe(arrival int64, r *correlate.Record) {
	if end, ok := o.ticker.passed(arrival); ok {
		o.judge(end)
	}
	if r.Side != classify.Client || !r.HTTP || r.UpstreamHost == nil || r.Target.Service == nil {
		return
	}
	h := o.hosts[string(r.UpstreamHost)]
	if h == nil {
		h = &hostCount{service: string(r.Target.Service)}
		o.hosts[string(r.UpstreamHost)] = h
	}
	h.n++
	if r.Code < 500 {
		h.success++
	}
}

func (o *Outliers) judge(end int64) {
	rates := map[string][]float64{}
	for _, h := range o.hosts {
		if h.n >= o.volume {
			rates[h.service] = append(rates[h.service], h.percentage())
		}
	}
	outlier := func(host string) bool {
		h := o.hosts[host]
		if h == nil || h.n < o.volume || len(rates[h.service]) < envoyHosts {
			return false
		}
		return h.percentage() < o.limit(rates[h.service])
	}
	o.clearUnless(end, outlier)
	for host := range o.hosts {
		if outlier(host) {
			o.raise(host, end)
		}
	}
	clear(o.hosts)
}
