package main

import (
	"github.com/slowpod/slowpod/classify"
	"github.com/slowpod/slowpod/correlate"
	"github.com/slowpod/slowpod/ingest/accesslog"
)

// build is slowpod, whole or deliberately broken: a suite that a broken one
// passes has no teeth.
type build struct {
	name string
	// config, entry and drop change what the core is told to do, what it
	// reads, and what it never gets. Each may be nil.
	config func(*correlate.Config)
	entry  func(*accesslog.Record)
	drop   func(*correlate.Record) bool
}

var whole = &build{name: "slowpod"}

// The broken builds.
var (
	clientOnly = &build{name: "client side only", drop: func(r *correlate.Record) bool { return r.Side == classify.Server }}
	byAddress  = &build{name: "identity by address", entry: func(r *accesslog.Record) { r.Writer.PodID, r.Writer.Pod = nil, nil }}

	noDeadZone   = without("no dead zone", correlate.RuleDeadZone)
	noSliceBound = without("no bound of a slice", correlate.RuleSliceBound)
	noGrace      = without("no grace", correlate.RuleGrace)
	anyPast      = without("any own past", correlate.RuleOwnPast)
	newToStream  = without("new to the stream", correlate.RuleNewOfPeers)
)

func without(name string, rules correlate.Rule) *build {
	return &build{name: name, config: func(c *correlate.Config) { c.Without = rules }}
}
