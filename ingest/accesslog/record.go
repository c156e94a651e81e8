// Package accesslog reads one line of an Envoy or Istio access log.
//
// It knows the formats and the wrappers that log shippers put around them, and
// recognises both per line. It must never know what a flag means, which side
// wrote a line, where lines come from or what time it is: it does no I/O and
// reads no clock.
package accesslog

// Record is one access-log entry. Text fields are nil where the entry has no
// value: the key is absent, null, "" or "-".
//
// Text is what was sent and is hostile: it may hold control characters, quotes
// and bytes that are no UTF-8. Numbers are whole, never negative (ServiceTime is
// -1 where unset) and have at most fifteen digits; a fraction is floored. Entries
// that hold anything else as a number, or JSON that is none by RFC 8259 (01, nan,
// 1.e3, control bytes in strings), are malformed.
//
// All byte slices are borrowed: they point into the line (text) or into the
// Parser's own memory (JSON). They are valid until the Parser's next Parse and
// only while the bytes of the line stay as they are.
type Record struct {
	// Start is %START_TIME%, or the envelope's time less Duration where the
	// entry has none. Unix milliseconds.
	Start int64
	// Duration is %DURATION% in milliseconds; 0 where unset.
	Duration int64

	Method, Path, Protocol, Authority  []byte
	RequestID, UserAgent, ForwardedFor []byte

	// Code is %RESPONSE_CODE%; 0 is "no response was sent".
	Code int
	// Flags is %RESPONSE_FLAGS% (or _LONG) verbatim, a comma-separated set;
	// nil where none is set.
	Flags []byte
	// Details is %RESPONSE_CODE_DETAILS%.
	Details []byte
	// TerminationDetails is %CONNECTION_TERMINATION_DETAILS%.
	TerminationDetails []byte
	// TransportFailure is %UPSTREAM_TRANSPORT_FAILURE_REASON%.
	TransportFailure []byte

	BytesReceived, BytesSent int64
	// ServiceTime is the x-envoy-upstream-service-time header in
	// milliseconds; -1 where unset.
	ServiceTime int64
	// Attempts is %UPSTREAM_REQUEST_ATTEMPT_COUNT%; 0 where unset.
	Attempts int

	// HasCluster says that the format carries the cluster, even if empty.
	// Without it nothing tells the side of the record.
	HasCluster bool
	// Cluster is %UPSTREAM_CLUSTER(_RAW)% without a trailing ";".
	Cluster                         []byte
	UpstreamHost, UpstreamLocal     []byte
	DownstreamLocal, DownstreamPeer []byte // …_LOCAL_ADDRESS, …_REMOTE_ADDRESS
	ServerName                      []byte // %REQUESTED_SERVER_NAME%, the SNI
	Route                           []byte

	// Writer is the pod whose proxy wrote the line, as the shipper's
	// metadata or a line prefix names it.
	Writer Writer
}

// Writer is what is said of the pod that wrote a line: by the kubernetes object
// of Fluent Bit, by pod_name and pod_namespace in the entry, or by the
// [pod/NAME/CONTAINER] prefix of kubectl logs (Pod alone). Borrowed like the
// fields of Record.
type Writer struct {
	Namespace, Pod, PodID, PodIP, Node []byte
	// CanonicalName and App are the labels service.istio.io/canonical-name
	// and app.
	CanonicalName, App []byte
}

// Result is what became of a line.
type Result uint8

const (
	// Parsed means that the line is an entry and the Record holds it.
	Parsed Result = iota
	// Foreign means that the line is not an access-log entry.
	Foreign
	// Malformed means that the line claims to be an entry and cannot be read.
	Malformed
)

// Reason says why a line is malformed. The names (String) are metric labels
// and keys of the report.
type Reason uint8

const (
	// NoReason is the reason of a line that is not malformed.
	NoReason Reason = iota
	// InvalidJSON means not one whole JSON object (a torn line, most often).
	InvalidJSON
	// InvalidText means a text entry that ends too early or has a field too few.
	InvalidText
	// InvalidTime means a start time that is no RFC 3339 time.
	InvalidTime
	// InvalidNumber means a code, duration, byte count or attempt count that is
	// no number in its range.
	InvalidNumber
	// NoTime means neither the entry nor its envelope has a time.
	NoTime
	// Partial means a piece (P) of a line that the container runtime split.
	Partial
	// TooLong means longer than ingest.MaxLineBytes. Never returned by Parse.
	TooLong

	// Reasons is the number of reasons, NoReason included.
	Reasons = int(TooLong) + 1
)

var reasonNames = [Reasons]string{
	"", "invalid_json", "invalid_text", "invalid_time", "invalid_number", "no_time", "partial", "too_long",
}

// String returns the reason's name; "" for NoReason.
func (r Reason) String() string { return reasonNames[r] }
