// Package report holds the report: its schema, and how it reads as text and as
// JSON.
//
// It knows how findings are told to a person and to a program. It must never
// know how they were found, nor read anything but the Report it is given.
package report

import "github.com/slowpod/slowpod/correlate"

// SchemaVersion is the version of the JSON below. It changes only with a
// breaking change.
const SchemaVersion = 1

// Report is what slowpod has seen and found, as `report --output=json` and
// GET /api/v1/report print it. Every key is always there; unknown is null;
// arrays are sorted as said at each; ratios are 0 to 1 and unrounded; times
// are RFC 3339 UTC with milliseconds.
type Report struct {
	Schema   int            `json:"schema"`
	Lines    Lines          `json:"lines"`
	Span     *Span          `json:"span"`
	Flags    []FlagCount    `json:"flags"`    // by side, flag
	Outcomes []OutcomeCount `json:"outcomes"` // by side, outcome
	Join     Join           `json:"join"`
	// Dropped counts what was dropped at a bound, for the bounds that were
	// reached.
	Dropped  map[string]uint64 `json:"dropped"`
	Services []Service         `json:"services"` // by service, subset (null first)
	Pods     []Pod             `json:"pods"`     // by service, upstream host
	Findings []Finding         `json:"findings"` // by start, kind, name
	// Forecasts are pods without a finding against which evidence has begun to
	// speak, for text and page.
	Forecasts []Forecast `json:"-"`
	// Unknown are words that the table of causes does not know, verbatim, for
	// text; by side, field, text.
	Unknown []UnknownCount `json:"-"`
}

// Forecast is how many more requests it takes to be sure of a pod.
type Forecast struct {
	UpstreamHost, Service, Pod string
	Subset                     string
	Ratio                      float64 // times as long as the siblings', at the median or p90
	Tail                       float64 // share of requests that take far longer than theirs
	Requests                   uint64  // since it began to stand out
	More                       uint64
	Seconds                    int64
}

// Lines counts the lines read: Read = Records + Foreign + Malformed.
type Lines struct {
	Read              uint64            `json:"read"`
	Records           uint64            `json:"records"`
	Foreign           uint64            `json:"foreign"`
	Malformed         uint64            `json:"malformed"`
	MalformedByReason map[string]uint64 `json:"malformed_by_reason"`
}

// Span is from the start of the first record to the end of the last.
type Span struct {
	Start Time `json:"start"`
	End   Time `json:"end"`
}

// FlagCount counts one flag, under its short name, on one side.
type FlagCount struct {
	Side  string `json:"side"`
	Flag  string `json:"flag"`
	Count uint64 `json:"count"`
}

// UnknownCount counts one word of a field (flag, details, reset_reason,
// transport_failure_reason) on one side.
type UnknownCount struct {
	Side, Field, Text string
	Count             uint64
}

// OutcomeCount counts one outcome on one side.
type OutcomeCount struct {
	Side    string `json:"side"`
	Outcome string `json:"outcome"`
	Count   uint64 `json:"count"`
}

// Join counts halves, and the calls of which both sides were found.
type Join struct {
	ClientHalves uint64            `json:"client_halves"`
	ServerHalves uint64            `json:"server_halves"`
	Joined       uint64            `json:"joined"`
	ByKey        map[string]uint64 `json:"by_key"` // tuple_id, id_host, tuple, probable: all four always
}

// Service is one service (Subset nil) or one of its subsets.
type Service struct {
	Service string            `json:"service"`
	Subset  *string           `json:"subset"`
	Client  ClientRatio       `json:"client"`
	Server  ServerRatio       `json:"server"`
	Calls   map[string]uint64 `json:"calls"` // by verdict, zeros left out
	State   string            `json:"state"` // the worst within the span
}

// ClientRatio is success as the callers see it.
type ClientRatio struct {
	Requests     uint64   `json:"requests"`
	Failures     uint64   `json:"failures"`
	SuccessRatio *float64 `json:"success_ratio"`
	// Withheld says why there is no ratio: errors_only, sampled, one_sided or
	// no_requests.
	Withheld *string `json:"withheld"`
}

// ServerRatio is success as the called pods see it, and as Istio's dashboards
// count it (code below 500, 0 included).
type ServerRatio struct {
	Requests          uint64   `json:"requests"`
	Failures          uint64   `json:"failures"`
	SuccessRatio      *float64 `json:"success_ratio"`
	IstioSuccessRatio *float64 `json:"istio_success_ratio"`
	Withheld          *string  `json:"withheld"`
}

// Pod is one identity behind an upstream host: an address that changed hands
// has two.
type Pod struct {
	UpstreamHost string            `json:"upstream_host"`
	Service      string            `json:"service"`
	Subset       *string           `json:"subset"`
	Namespace    *string           `json:"namespace"`
	Pod          *string           `json:"pod"`
	PodID        *string           `json:"pod_id"`
	Node         *string           `json:"node"`
	Client       PodClient         `json:"client"`
	Server       PodServer         `json:"server"`
	Calls        map[string]uint64 `json:"calls"`
	State        string            `json:"state"`
}

// PodClient is what callers say of a pod.
type PodClient struct {
	Requests uint64 `json:"requests"`
	Timeouts uint64 `json:"timeouts"` // UT
	Failures uint64 `json:"failures"`
}

// PodServer is what the pod's own proxy says.
type PodServer struct {
	Requests    uint64 `json:"requests"`
	Disconnects uint64 `json:"disconnects"` // outcome downstream_closed: DC, DR or the flagless form
	Failures    uint64 `json:"failures"`
}

// Finding is a state that a person should hear of. Where it is of the log itself
// (log_stream), cause begins with the reason, and requests are the records that
// were looked at.
type Finding struct {
	ID           string  `json:"id"`
	Kind         string  `json:"kind"`
	Severity     string  `json:"severity"` // critical, warning, info
	Proof        string  `json:"proof"`    // both, client, server
	Service      *string `json:"service"`
	Subset       *string `json:"subset"`
	Namespace    *string `json:"namespace"`
	Pod          *string `json:"pod"`
	Node         *string `json:"node"`
	UpstreamHost *string `json:"upstream_host"`
	Start        Time    `json:"start"`    // onset as estimated
	Detected     Time    `json:"detected"` // end of the slice that decided
	End          *Time   `json:"end"`      // null while open
	// Silent says that it ended because nobody heard of the pod any more, so
	// that it may go on where others hear of it. It is no part of the schema.
	Silent bool `json:"-"`
	// Covered says that the finding of the pod's node tells it, too: one alert
	// is enough.
	Covered bool `json:"-"`
	// SinceFirst says that it has been so since the pod's first record.
	SinceFirst bool `json:"-"`
	// Title is at most 50 characters: who and what, never a number.
	Title    string   `json:"title"`
	Summary  string   `json:"summary"`
	Cause    string   `json:"cause"`
	Evidence Evidence `json:"evidence"`
	Next     []Step   `json:"next"`
}

// Evidence is the numbers behind a finding, from its start to its end.
type Evidence struct {
	Requests    uint64 `json:"requests"`    // that callers sent to the pod
	Timeouts    uint64 `json:"timeouts"`    // of these: UT
	Confirmed   uint64 `json:"confirmed"`   // of these: calls confirmed or held_in_proxy
	Disconnects uint64 `json:"disconnects"` // cut requests in the pod's own records
	// P50Ratio and P90Ratio compare durations with the siblings' in the same
	// time. Cut says that the quantile fell on a cut request, so that the
	// ratio is a lower bound.
	P50Ratio *float64 `json:"p50_ratio"`
	P50Cut   bool     `json:"p50_cut"`
	P90Ratio *float64 `json:"p90_ratio"`
	P90Cut   bool     `json:"p90_cut"`
	Siblings uint64   `json:"siblings"`
	// SiblingRequests and SiblingTimeouts are the siblings' together, for
	// text and page; they are no part of the schema.
	SiblingRequests uint64   `json:"-"`
	SiblingTimeouts uint64   `json:"-"`
	Callers         []string `json:"callers"` // sorted; at most 10
	// TimeoutMS is the timeout that UT records ran into, as far as their
	// durations agree.
	TimeoutMS *int64   `json:"timeout_ms"`
	Samples   []Sample `json:"samples"` // at most 5, the earliest
	// What follows is of findings of configuration and life; of others it is
	// null or empty. Failures are the records that show it, of Requests.
	Failures *uint64 `json:"failures"`
	// Authority is what was asked for, most of all: the authority, else the
	// server name, else the address.
	Authority *string `json:"authority"`
	// Hosts are the upstream hosts at which it was seen. Like flags, details,
	// transport failure reasons and codes, verbatim: at most ten, most first.
	Hosts   []Value `json:"hosts"`
	Flags   []Value `json:"flags"`
	Details []Value `json:"details"`
	Reasons []Value `json:"reasons"`
	Codes   []Value `json:"codes"`
	// RuledOut is what else it might have been, and why it is not, for text
	// and page.
	RuledOut []string `json:"-"`
	// Course is how it went, and UsualP90 what its points were before (0: not
	// known), for text and page.
	Course   []correlate.Point `json:"-"`
	UsualP90 float64           `json:"-"`
	// Than is whose durations the ratios compare with; Beside is the other
	// subset, where they do with one.
	Than   string `json:"-"`
	Beside string `json:"-"`
}

// Value is how often a value was seen in records.
type Value struct {
	Value string `json:"value"`
	Count uint64 `json:"count"`
}

// Sample is one call of a finding, with both sides where both were found.
type Sample struct {
	RequestID *string     `json:"request_id"`
	Verdict   string      `json:"verdict"`
	Client    *SampleSide `json:"client"`
	Server    *SampleSide `json:"server"`
}

// SampleSide is one side of a sample.
type SampleSide struct {
	Start      Time    `json:"start"`
	DurationMS int64   `json:"duration_ms"`
	Code       int     `json:"code"`
	Flags      *string `json:"flags"`
	Details    *string `json:"details"`
}

// Step is one thing to do next.
type Step struct {
	Why     string `json:"why"`
	Command string `json:"command"`
	// Changes marks a command that changes the cluster.
	Changes bool `json:"changes"`
}
