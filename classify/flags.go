// Package classify says what a record means: its flags as a set, the side that
// wrote it, the service it speaks of and what became of the request.
//
// It knows Envoy's response flags and Istio's cluster names. It must never
// know other records: what two records prove together is correlate's affair.
package classify

import (
	"bytes"
	"math/bits"
)

// Flag is one of Envoy's core response flags (CORE_RESPONSE_FLAGS in Envoy's
// source/common/stream_info/utility.h).
type Flag uint8

// The core flags, in Envoy's order.
const (
	LH Flag = iota
	UH
	UT
	LR
	UR
	UF
	UC
	UO
	NR
	DI
	FI
	RL
	UAEX
	RLSE
	DC
	URX
	SI
	IH
	DPE
	UMSDR
	RFCF
	NFCF
	DT
	UPE
	NC
	OM
	DF
	DO
	DR
	UDO

	// Flags is the number of core flags.
	Flags = int(UDO) + 1
)

var flagNames = [Flags]struct{ short, long string }{
	LH:    {"LH", "FailedLocalHealthCheck"},
	UH:    {"UH", "NoHealthyUpstream"},
	UT:    {"UT", "UpstreamRequestTimeout"},
	LR:    {"LR", "LocalReset"},
	UR:    {"UR", "UpstreamRemoteReset"},
	UF:    {"UF", "UpstreamConnectionFailure"},
	UC:    {"UC", "UpstreamConnectionTermination"},
	UO:    {"UO", "UpstreamOverflow"},
	NR:    {"NR", "NoRouteFound"},
	DI:    {"DI", "DelayInjected"},
	FI:    {"FI", "FaultInjected"},
	RL:    {"RL", "RateLimited"},
	UAEX:  {"UAEX", "UnauthorizedExternalService"},
	RLSE:  {"RLSE", "RateLimitServiceError"},
	DC:    {"DC", "DownstreamConnectionTermination"},
	URX:   {"URX", "UpstreamRetryLimitExceeded"},
	SI:    {"SI", "StreamIdleTimeout"},
	IH:    {"IH", "InvalidEnvoyRequestHeaders"},
	DPE:   {"DPE", "DownstreamProtocolError"},
	UMSDR: {"UMSDR", "UpstreamMaxStreamDurationReached"},
	RFCF:  {"RFCF", "ResponseFromCacheFilter"},
	NFCF:  {"NFCF", "NoFilterConfigFound"},
	DT:    {"DT", "DurationTimeout"},
	UPE:   {"UPE", "UpstreamProtocolError"},
	NC:    {"NC", "NoClusterFound"},
	OM:    {"OM", "OverloadManagerTerminated"},
	DF:    {"DF", "DnsResolutionFailed"},
	DO:    {"DO", "DropOverload"},
	DR:    {"DR", "DownstreamRemoteReset"},
	UDO:   {"UDO", "UnconditionalDropOverload"},
}

// String returns the flag's short name, as %RESPONSE_FLAGS% prints it.
func (f Flag) String() string { return flagNames[f].short }

// Long returns the flag's long name, as %RESPONSE_FLAGS_LONG% prints it.
func (f Flag) Long() string { return flagNames[f].long }

// Set is the flags of one record. The order in which Envoy wrote them carries
// no meaning: it changed with Envoy 1.30.
type Set uint32

// custom marks a set that holds a flag beyond the core ones; Each names it.
const custom Set = 1 << 31

// Of returns the set of the given flags.
func Of(flags ...Flag) Set {
	var s Set
	for _, f := range flags {
		s |= 1 << f
	}
	return s
}

// Has says whether the set holds the flag.
func (s Set) Has(f Flag) bool { return s&(1<<f) != 0 }

// Any says whether the two sets share a flag.
func (s Set) Any(o Set) bool { return s&o != 0 }

// Custom says whether the record carries a flag that is not one of Envoy's
// core flags: extensions may register their own (REGISTER_CUSTOM_RESPONSE_FLAG).
func (s Set) Custom() bool { return s&custom != 0 }

// ParseSet reads a comma-separated set of short or long names. Unknown names
// are no error; they set the custom mark.
func ParseSet(text []byte) Set {
	var s Set
	for len(text) > 0 {
		var name []byte
		name, text = cutFlag(text)
		if name == nil {
			continue
		}
		if f, ok := lookup(name); ok {
			s |= 1 << f
		} else {
			s |= custom
		}
	}
	return s
}

// EachCustom calls f with every name in text that is no core flag, verbatim
// and borrowed from text.
func EachCustom(text []byte, f func(name []byte)) {
	for len(text) > 0 {
		var name []byte
		name, text = cutFlag(text)
		if name == nil {
			continue
		}
		if _, ok := lookup(name); !ok {
			f(name)
		}
	}
}

// Each calls f with every core flag of the set, in Envoy's order.
func (s Set) Each(f func(Flag)) {
	for rest := s &^ custom; rest != 0; rest &= rest - 1 {
		f(Flag(bits.TrailingZeros32(uint32(rest))))
	}
}

// cutFlag takes the first name off a list; nil where it is empty or "-".
func cutFlag(text []byte) (name, rest []byte) {
	name, rest, _ = bytes.Cut(text, []byte{','})
	name = bytes.TrimSpace(name)
	if len(name) == 0 || string(name) == "-" {
		return nil, rest
	}
	return name, rest
}

// lookup finds a core flag by its short or long name.
func lookup(name []byte) (Flag, bool) {
	for f := range flagNames {
		if string(name) == flagNames[f].short || string(name) == flagNames[f].long {
			return Flag(f), true
		}
	}
	return 0, false
}
