package correlate

import (
	"errors"
	"fmt"
)

// Bounds says how much the core may keep. What does not fit is dropped and
// counted under the name of the bound.
type Bounds struct {
	// JoinBytes holds the bytes of open halves (bound join_bytes). fastcache
	// takes 32 MiB at least.
	JoinBytes int
	// Halves is the number of open halves (bound halves).
	Halves int
	// Traces is the number of traces of finished records (bound traces, which
	// also counts halves whose request id has left too many to look at).
	Traces int
	// Pods is the number of pods (bound pods), Services that of services
	// with their subsets (bound services).
	Pods, Services int
	// Faults is the number of hosts, services and authorities whose failures
	// are counted at once (bound faults); of authorities, which anybody can
	// make up, half of that.
	Faults int
	// ForgetAfter is how long nobody must have heard of a pod until it is
	// forgotten, in milliseconds of records, ten minutes at least; 0: only when there
	// is no room for another.
	ForgetAfter int64
}

// DefaultBounds is enough for about ten thousand pods.
func DefaultBounds() Bounds {
	return Bounds{JoinBytes: 64 << 20, Halves: 500_000, Traces: 1 << 20, Pods: 100_000, Services: 10_000, Faults: 10_000, ForgetAfter: 3_600_000}
}

const minJoinBytes = 32 << 20

// Validate returns every mistake at once, each an error of its own.
func (b Bounds) Validate() error {
	var errs []error
	atLeast := func(name string, v, least int) {
		if v < least {
			errs = append(errs, &BoundError{Name: name, Least: least, Got: v})
		}
	}
	atLeast("join_bytes", b.JoinBytes, minJoinBytes)
	atLeast("halves", b.Halves, 1)
	atLeast("traces", b.Traces, 1)
	atLeast("pods", b.Pods, 1)
	atLeast("services", b.Services, 1)
	atLeast("faults", b.Faults, 2)
	if b.ForgetAfter != 0 {
		atLeast("forget_after", int(b.ForgetAfter), silence)
	}
	return errors.Join(errs...)
}

// BoundError is a bound that is too small.
type BoundError struct {
	Name       string
	Least, Got int
}

func (e *BoundError) Error() string {
	return fmt.Sprintf("%s must be at least %d, not %d", e.Name, e.Least, e.Got)
}

// Bound names something that was dropped at a bound: a metric label.
type Bound uint8

// The bounds that the core can reach.
const (
	BoundJoinBytes Bound = iota
	BoundHalves
	BoundHalvesPerCall
	BoundTraces
	BoundPods
	BoundServices
	BoundFaults
	BoundFindings

	numBounds = int(BoundFindings) + 1
)

var boundNames = [numBounds]string{
	"join_bytes", "halves", "halves_per_call", "traces", "pods", "services", "faults", "findings",
}

// String returns the bound's name.
func (b Bound) String() string { return boundNames[b] }
