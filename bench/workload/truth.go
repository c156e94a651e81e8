package workload

import (
	"strings"
	"time"
)

// Truth is what really happened, as far as the lines that were handed out tell
// of it. Lines that Options.Side leaves out count all the same: the truth is
// about the mesh.
type Truth struct {
	Scenario string    `json:"scenario"`
	Seed     uint64    `json:"seed"`
	Start    time.Time `json:"start"`
	// Client counts what all callers saw, by their proxies' records; Entry only
	// what gateways saw.
	Client Requests `json:"client"`
	Entry  Requests `json:"entry"`
	// Records by side: "client" and "server".
	Records map[string]Records `json:"records"`
	// Pods that can be called, in the order in which they were made.
	Pods []PodTruth `json:"pods"`
	// Faults that the scenario put in.
	Faults []FaultTruth `json:"faults"`
	// Timeouts are the calls that a caller's proxy ended with UT, by their end.
	// Benchmarks do not keep them unless asked to.
	Timeouts []Timeout `json:"timeouts"`
}

// Requests as callers see them. A failure is a code from 500, no code at all,
// or a timeout.
type Requests struct {
	Requests     int     `json:"requests"`
	Failures     int     `json:"failures"`
	SuccessRatio float64 `json:"success_ratio"` // 0 to 1; 1 without requests
}

// Records of one side. Flags has each flag of a record by itself, and "-" for
// records without one.
type Records struct {
	Records int            `json:"records"`
	Flags   map[string]int `json:"flags"`
}

// PodTruth is what happened to the calls that a pod got.
type PodTruth struct {
	Pod          string `json:"pod"`
	Namespace    string `json:"namespace"`
	UID          string `json:"uid"`
	Node         string `json:"node"`
	Service      string `json:"service"`
	Subset       string `json:"subset"`
	UpstreamHost string `json:"upstream_host"`
	Requests     int    `json:"requests"`    // client records that name the pod
	Failures     int    `json:"failures"`    // of those, by the client's record
	Timeouts     int    `json:"timeouts"`    // of those, with UT
	Served       int    `json:"served"`      // server records
	Disconnects  int    `json:"disconnects"` // of those, with DC or DR
}

// FaultTruth is what went wrong, from From until before To.
type FaultTruth struct {
	// Kind is the finding that it should give.
	Kind string `json:"kind"`
	// Of one pod, or of a service, whose pod is "", or of neither, but of what
	// was asked for.
	Authority    string    `json:"authority,omitempty"`
	Pod          string    `json:"pod"`
	Namespace    string    `json:"namespace"`
	Service      string    `json:"service"`
	Subset       string    `json:"subset"`
	UpstreamHost string    `json:"upstream_host"`
	From         time.Time `json:"from"`
	To           time.Time `json:"to"`
	// TimeoutShare of a slow pod's requests took longer than their callers wait.
	TimeoutShare float64 `json:"timeout_share"`
	// ExtraMs is by how many milliseconds the others took longer, at least and
	// at most.
	ExtraMs [2]float64 `json:"extra_ms"`
}

// Timeout is a call that ended with UT, with the values of the client's line.
type Timeout struct {
	RequestID    string    `json:"request_id"`
	UpstreamHost string    `json:"upstream_host"`
	Start        time.Time `json:"start"`
	DurationMs   int64     `json:"duration_ms"`
}

// Truth is about the lines handed out so far; after the end, about all.
func (g *Generator) Truth() Truth {
	c := &g.count
	t := Truth{
		Scenario: g.scenario,
		Seed:     g.options.Seed,
		Start:    time.UnixMicro(g.start).UTC(),
		Client:   c.client.sum(),
		Entry:    c.entry.sum(),
		Records:  map[string]Records{"client": c.records(ClientSide), "server": c.records(ServerSide)},
		Pods:     []PodTruth{},
		Faults:   []FaultTruth{},
		Timeouts: make([]Timeout, 0, len(c.timeouts)),
	}
	for _, p := range g.world.pods {
		if p.gateway != nil {
			continue
		}
		n := &c.pods[p.index]
		t.Pods = append(t.Pods, PodTruth{
			Pod: p.Name, Namespace: p.Namespace, UID: p.UID, Node: p.Node, Service: p.Service, Subset: p.Subset,
			UpstreamHost: p.Host, Requests: n.requests, Failures: n.failures, Timeouts: n.timeouts,
			Served: n.served, Disconnects: n.disconnects,
		})
	}
	if f := g.fault; f != nil {
		t.Faults = append(t.Faults, FaultTruth{
			Kind: "slow_pod", Pod: f.pod.Name, Namespace: f.pod.Namespace, Service: f.pod.Service, Subset: f.pod.Subset,
			UpstreamHost: f.pod.Host, From: time.UnixMicro(f.from).UTC(), To: time.UnixMicro(f.to).UTC(),
			TimeoutShare: f.share, ExtraMs: [2]float64{f.low / 1000, f.high / 1000},
		})
	}
	if f := g.trouble; f != nil {
		t.Faults = append(t.Faults, f.truth())
	}
	for _, u := range c.timeouts {
		t.Timeouts = append(t.Timeouts, Timeout{
			RequestID: u.id.String(), UpstreamHost: u.pod.Host,
			Start: time.UnixMilli(u.start).UTC(), DurationMs: u.duration,
		})
	}
	return t
}

// counts is the truth while it grows.
type counts struct {
	client, entry tally
	endings       [ServerSide + 1][endings]int
	pods          []podCount // by Pod.index
	timeouts      []timeout
	unlisted      bool // keep no timeouts
}

type tally struct{ requests, failures int }

type podCount struct{ requests, failures, timeouts, served, disconnects int }

type timeout struct {
	id              uuid
	pod             *Pod
	start, duration int64 // milliseconds, by the caller's clock
}

func newCounts(pods int) counts { return counts{pods: make([]podCount, pods)} }

func (c *counts) add(r *record) {
	c.endings[r.side][r.ending]++
	if r.side == ServerSide {
		n := &c.pods[r.pod.index]
		n.served++
		if r.ending == closed || r.ending == reset {
			n.disconnects++
		}
		return
	}
	failed := r.failed()
	c.client.add(failed)
	if r.caller.gateway != nil {
		c.entry.add(failed)
	}
	if r.pod == nil || r.cluster != "" { // no pod of the mesh
		return
	}
	n := &c.pods[r.pod.index]
	n.requests++
	if failed {
		n.failures++
	}
	if r.ending == timedOut {
		n.timeouts++
		if !c.unlisted {
			c.timeouts = append(c.timeouts,
				timeout{r.id, r.pod, (r.start + r.caller.skew) / 1000, (r.end - r.start) / 1000})
		}
	}
}

func (t *tally) add(failed bool) {
	t.requests++
	if failed {
		t.failures++
	}
}

func (t tally) sum() Requests {
	if t.requests == 0 {
		return Requests{SuccessRatio: 1}
	}
	return Requests{t.requests, t.failures, float64(t.requests-t.failures) / float64(t.requests)}
}

func (c *counts) records(side Side) Records {
	r := Records{Flags: map[string]int{}}
	for e, n := range c.endings[side] {
		if n == 0 {
			continue
		}
		r.Records += n
		for flag := range strings.SplitSeq(said[e].flags, ",") {
			r.Flags[flag] += n
		}
	}
	return r
}
