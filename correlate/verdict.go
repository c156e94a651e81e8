package correlate

import (
	"github.com/slowpod/slowpod/classify"
)

// Verdict is what the two sides of a call prove together.
type Verdict uint8

// The verdicts.
const (
	// Confirmed: the caller timed out, and the app had the request.
	Confirmed Verdict = iota
	// HeldInProxy: the caller timed out, and the request was stuck in the
	// pod's own proxy, before the app.
	HeldInProxy
	// AnsweredLate: the pod did answer: the response was lost or late.
	AnsweredLate
	// NotReceived: the pod reports, and never saw the request.
	NotReceived
	// NotSent: no request went out.
	NotSent
	// ClientOnly: only the caller's word.
	ClientOnly
	// ServerOnly: only the pod's word.
	ServerOnly
	// CallerLeft: the calling application gave up or left, not the mesh.
	CallerLeft
	// HiddenRetry: an earlier attempt on this pod; the call ended on another.
	HiddenRetry
	// Cut: the link between the proxies broke.
	Cut
	// MTLSRefused: plain text met a proxy that demands mTLS.
	MTLSRefused
	// AppRefused, AppClosed: the pod's proxy could not reach, or lost, its app.
	AppRefused
	AppClosed
	// Joined: the two sides, for the record; the outcomes say the rest.
	Joined
	// Undecided: a half alone, within the horizon of the first or last record.
	Undecided

	// Verdicts is the number of verdicts.
	Verdicts = int(Undecided) + 1
)

var verdictNames = [Verdicts]string{
	"confirmed", "held_in_proxy", "answered_late", "not_received", "not_sent", "client_only", "server_only",
	"caller_left", "hidden_retry", "cut", "mtls_refused", "app_refused", "app_closed", "joined", "undecided",
}

// String returns the verdict's name, a metric label and a key of the report.
func (v Verdict) String() string { return verdictNames[v] }

// lateShare is the share of the client's time from which on an answer counts
// as the app's slowness, not as a loss on the way.
const lateShare = 0.8

// aloneClient is the verdict of a client half without any server record.
// shared says that traces of its id would have been kept, reports that the pod
// wrote server records around it, edge that it lies within the horizon of the
// first or last record.
func aloneClient(r *Record, shared, reports, edge bool) Verdict {
	switch {
	case len(r.UpstreamLocal) == 0:
		return NotSent
	case edge:
		return Undecided
	case r.Outcome == classify.Timeout && shared && reports:
		return NotReceived
	}
	return ClientOnly
}

// both is the verdict of a client half and the server records of its call.
func both(client *Record, server []Record) Verdict {
	switch client.Outcome {
	case classify.Timeout:
		return timedOut(client, server)
	case classify.DownstreamClosed, classify.ClosedAfterResponse:
		return CallerLeft
	case classify.UpstreamClosed:
		for i := range server {
			switch server[i].Outcome {
			case classify.DownstreamClosed, classify.ClosedAfterResponse:
				return Cut
			case classify.NoRoute:
				return MTLSRefused
			}
		}
	default:
		if client.Code == 503 && string(client.Details) == "via_upstream" {
			return appFault(server)
		}
	}
	return Joined
}

func timedOut(client *Record, server []Record) Verdict {
	verdict := AnsweredLate
	for i := range server {
		s := &server[i]
		switch {
		case isCut(s.Outcome) && len(s.UpstreamLocal) > 0:
			return Confirmed
		case isCut(s.Outcome):
			verdict = HeldInProxy
		case float64(s.Duration) >= lateShare*float64(client.Duration):
			return Confirmed
		}
	}
	return verdict
}

func isCut(o classify.Outcome) bool {
	return o == classify.DownstreamClosed || o == classify.ClosedAfterResponse
}

func appFault(server []Record) Verdict {
	for i := range server {
		switch server[i].Outcome {
		case classify.ConnectFailed, classify.TLSFailed:
			return AppRefused
		case classify.UpstreamClosed:
			return AppClosed
		}
	}
	return Joined
}

// retried says that a server half was an earlier attempt of a call that ended
// elsewhere: it was cut or failed.
func retried(s *Record) bool { return isCut(s.Outcome) || s.Failure }
