package correlate

import (
	"bytes"
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/slowpod/slowpod/classify"
	"github.com/slowpod/slowpod/correlate/kind"
	"github.com/slowpod/slowpod/correlate/logstream"
)

// LogFault is something that is wrong with the log itself, with the names of
// what it is known of.
type LogFault struct {
	ID string // as of a Finding
	logstream.Fault
	// Missing are the services of which a side's records are missing, sorted: the
	// first few of MissingOf.
	Missing   [2][]string
	MissingOf [2]int
}

// maxMissing is how many services a LogFault names of each side.
const maxMissing = 10

// examine has a record looked at for what it says of the log.
func (c *Correlator) examine(r *Record, svc *service, hostIndex int32) {
	seen := logstream.Record{
		Side: SideClient, Start: r.Start, Duration: r.Duration, Code: r.Code, Outcome: logOutcome(r),
		Outside: svc.outside, ID: r.ID, Connection: r.Connection, Host: hostIndex,
		Missing: missingFields(r), File: r.File, Line: r.Line,
	}
	own := r.UpstreamLocal
	if r.Side == classify.Server {
		seen.Side, own = SideServer, r.UpstreamHost
	}
	keeps := c.log.Keeps(r.ID)
	if svc != c.registry.unknown.service {
		seen.Service = svc.index
	}
	if seen.Clock = r.Node; keeps && seen.Clock == nil && !bytes.HasPrefix(own, []byte("envoy:")) { // HBONE has no addresses
		seen.Clock = addressIP(own)
	}
	if seen.Connection != 0 && (keeps || seen.Side == SideClient) {
		if caller := addressIP(r.Peer); caller != nil {
			seen.Caller = xxhash.Sum64(caller)
		}
	}
	c.log.Add(&seen)
}

func logOutcome(r *Record) logstream.Outcome {
	switch {
	case r.Outcome == classify.OK && r.Flags == 0:
		return logstream.OK
	case r.Outcome == classify.ClientError || r.Outcome == classify.ServerError:
		return logstream.Refused
	case r.Side == classify.Client && r.Outcome == classify.Timeout, r.Side == classify.Server && r.Outcome == classify.DownstreamClosed:
		return logstream.Cut
	}
	return logstream.Other
}

// missingFields are the fields that a record should have and has not. What a
// proxy answers by itself went to no host.
func missingFields(r *Record) (missing logstream.Set) {
	if len(r.Details) == 0 {
		missing.Add(logstream.Details)
	}
	if r.Duration == 0 {
		missing.Add(logstream.DurationOfCall)
	}
	if r.Outcome != classify.OK || r.Flags != 0 || string(r.Details) == "direct_response" {
		return missing
	}
	if len(r.RequestID) == 0 {
		missing.Add(logstream.RequestID)
	}
	if len(r.UpstreamHost) == 0 {
		missing.Add(logstream.UpstreamHost)
	}
	if len(r.Peer) == 0 {
		missing.Add(logstream.Connection)
	}
	return missing
}

// logFaults copies what is wrong with the log.
func (c *Correlator) logFaults() []LogFault {
	var all []LogFault
	for _, f := range c.log.Faults() {
		named := LogFault{Fault: f, ID: findingID(kind.LogStream, "", "", f.Reason.String(), f.Start)}
		for side, services := range f.Services {
			for _, i := range services {
				name := unknownService
				if s := c.registry.at(i); s != nil {
					name = s.name
				}
				named.Missing[side] = append(named.Missing[side], name)
			}
			slices.Sort(named.Missing[side])
			named.MissingOf[side] = len(services)
			named.Missing[side] = named.Missing[side][:min(len(services), maxMissing)]
		}
		named.Services = [2][]int32{} // numbers are nobody else's
		all = append(all, named)
	}
	return all
}
