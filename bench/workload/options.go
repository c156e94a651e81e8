package workload

import (
	"fmt"
	"time"
)

// Side tells which proxy of a call writes a record. The zero value, BothSides,
// is only a selection of lines, never the side of one.
type Side uint8

// The sides of a call.
const (
	BothSides  Side = iota
	ClientSide      // the caller's proxy: a gateway or an outbound sidecar
	ServerSide      // the called pod's proxy: an inbound sidecar
)

// String is the name that ParseSide takes.
func (s Side) String() string {
	switch s {
	case ClientSide:
		return "client"
	case ServerSide:
		return "server"
	default:
		return "both"
	}
}

// ParseSide reads both, client or server.
func ParseSide(s string) (Side, error) {
	for _, side := range []Side{BothSides, ClientSide, ServerSide} {
		if s == side.String() {
			return side, nil
		}
	}
	return 0, fmt.Errorf("side %q is none of both, client, server", s)
}

// Format is the shape that a line is written in.
type Format uint8

// The formats. All but Text carry the 24 keys of Istio's default JSON format.
const (
	JSON         Format = iota // the bare line of the proxy
	FluentBit                  // Fluent Bit's Kafka output, keys merged, with a kubernetes object
	FluentBitLog               // the same with the line as an escaped string under "log"
	Text                       // Istio's default text format
)

// String is the name that ParseFormat takes.
func (f Format) String() string {
	switch f {
	case FluentBit:
		return "fluentbit"
	case FluentBitLog:
		return "fluentbit-log"
	case Text:
		return "text"
	default:
		return "json"
	}
}

// ParseFormat reads json, fluentbit, fluentbit-log or text.
func ParseFormat(s string) (Format, error) {
	for _, f := range []Format{JSON, FluentBit, FluentBitLog, Text} {
		if s == f.String() {
			return f, nil
		}
	}
	return 0, fmt.Errorf("format %q is none of json, fluentbit, fluentbit-log, text", s)
}

// Options are common to all scenarios. A zero field stands for the default,
// which some scenarios choose for themselves.
type Options struct {
	// Seed decides everything that is left to chance: the names of the pods as
	// well as each request. One seed gives the same bytes.
	Seed uint64
	// Start is the time of the first arrival's clock; 2026-03-02T10:00:00Z.
	// Lines carry it in milliseconds, so anything finer is cut off.
	Start time.Time
	// Duration is how long requests arrive. Those in flight at its end are
	// written to their end. The default is the scenario's.
	Duration time.Duration
	// Rate is requests per second from outside the mesh, on average; each of
	// them may cause more inside. The default is the scenario's.
	Rate float64
	// Lines ends the log after so many lines; 0 is no limit. Calls that are cut
	// in two by it are in the truth only with the half that was written.
	Lines int
	// Side leaves out the lines of the other side, as where only one is
	// collected. The truth still counts both.
	Side Side
	// Format of Line.Bytes; JSON.
	Format Format
	// Skew is how far apart the clocks of the nodes are at most: each node's is
	// ahead by a constant between 0 and Skew. 3 ms; negative for none.
	Skew time.Duration
}

// or fills the fields that are zero.
func (o Options) or(duration time.Duration, rate float64) Options {
	if o.Start.IsZero() {
		o.Start = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	}
	if o.Duration <= 0 {
		o.Duration = duration
	}
	if !(o.Rate > 0) {
		o.Rate = rate
	}
	switch {
	case o.Skew == 0:
		o.Skew = 3 * time.Millisecond
	case o.Skew < 0:
		o.Skew = 0
	}
	return o
}
