// Package world simulates a fleet: services, pods, nodes, callers, faults of
// pods, and everything that looks like one and is none. It writes what the
// proxies would log, in the order and at the time at which a collector would
// get it, and knows the truth.
//
// It must never know how anybody judges: of the product it knows the shape of
// an access-log entry and nothing else.
package world

import "time"

// Config says which fleet to simulate. The zero value of a field means its
// default; Default returns all of them spelled out.
type Config struct {
	Seed     uint64
	Length   time.Duration // simulated; 2 h
	WarmUp   time.Duration // no fault begins before; 40 min, at most a third of Length
	Services int           // 200
	// LeastPods and MostPods bound the pods of a service, log-uniform; 3, 30.
	LeastPods, MostPods int
	Rate                float64 // factor on all request rates; 1
	// Loss is the share of lines that is lost on every node, in place of the
	// nodes' own 0 to 5 %, where it is above 0. Below 0 no line is lost.
	Loss float64
	// Attempts says which services log upstream_request_attempt_count.
	Attempts Attempts
	// ServerSilent: no server record is ever written.
	ServerSilent bool
	// Inject is per kind of fault or trap a factor on how often it comes
	// (per hour and 200 services, as the kind's documentation says). A kind
	// that is missing does not come. Everything returns all at 1.
	Inject map[Kind]float64
	// SlowFromStart is the share of services that have one severely slow pod
	// since before the first line.
	SlowFromStart float64
}

// Attempts says which services log the attempt count.
type Attempts uint8

// The values of Attempts.
const (
	SomeAttempts   Attempts = iota // 70 % of the services
	AlwaysAttempts                 // all
	NoAttempts                     // none
)

// Kind is a kind of fault of a pod, or of a trap: what looks like one.
type Kind string

// The kinds. The first ones are slow pods: a finding on the pod is right.
const (
	Slow2    Kind = "x2"        // the service time is so many times longer
	Slow3    Kind = "x3"        // …
	Slow5    Kind = "x5"        // …
	Slow10   Kind = "x10"       // …
	Latency  Kind = "latency"   // so many ms on top
	GCThrash Kind = "gc_thrash" // long pauses again and again
	Partial  Kind = "partial"   // 15 to 40 % of requests are 15 times slower
	Hang     Kind = "hang"      // nothing is answered
	Ramp     Kind = "ramp"      // slower and slower
	SlowNode Kind = "slow_node" // all pods of a node are slow

	// Traps.
	SlowService Kind = "slow_service"
	PacketLoss  Kind = "packet_loss" // on the way to a pod
	HangUps     Kind = "hang_ups"    // callers that give up
	SlowCaller  Kind = "slow_caller" // a client's sidecar is slow
	Pause       Kind = "pause"       // one stop of 0.4 to 3 s
	MildNoise   Kind = "mild_noise"  // pods of a node x1.1 to 1.3
	Deploy      Kind = "deploy"      // rolling
	Surge       Kind = "surge"       // of traffic
	LogOutage   Kind = "log_outage"  // the server logs of a node are missing
)

// Truth is what really was.
type Truth struct {
	Begin, End int64 // simulated time, Unix milliseconds
	Records    uint64
	// Episodes are in order of start.
	Episodes []Episode
	Pods     []PodLife
}

// Episode is one fault or trap. Times are true times in Unix milliseconds, of
// no node's clock.
type Episode struct {
	Kind    Kind
	Service string // fully qualified; "" where it has none
	// Pod, Host and PodID are of the pod; "" where the episode is not of one
	// pod. A SlowNode has one episode per pod, with the same Node and Start.
	Pod, Host, PodID string
	Node             string
	Caller           string // the pod that hangs up or whose proxy is slow
	Start, End       int64
	// Factor is of the service time, where that says anything: of the part
	// that is slow for Partial, at the end for Ramp, of the mean for Latency.
	// Of a Surge it is the traffic's.
	Factor float64
	// Share is of the requests that are hit, where not all are: Partial,
	// PacketLoss (of packets, per direction), HangUps.
	Share float64
	// Requests are attempts aimed at the pod (the service) while the episode
	// lasted; Timeouts those of them that the caller's proxy timed out.
	Requests, Timeouts int
}

// SlowPod says whether a finding on the episode's pod is right.
func (e *Episode) SlowPod() bool {
	switch e.Kind {
	case Slow2, Slow3, Slow5, Slow10, Latency, GCThrash, Partial, Hang, Ramp, SlowNode:
		return true
	}
	return false
}

// Severe says that the pod is at least three times slower.
func (e *Episode) Severe() bool {
	return e.SlowPod() && e.Kind != Slow2 && e.Kind != GCThrash && e.Kind != Partial
}

// PodLife is a pod from when callers may choose it until it is gone.
type PodLife struct {
	Service, Pod, Host, PodID, Node string
	Born, Died                      int64 // Died 0: it lives
	First                           int64 // first request; 0: none
	Hash                            bool  // its service is balanced by consistent hashing
	// Hidden is the pod's own permanent factor on the service time.
	Hidden   float64
	Requests int
}
