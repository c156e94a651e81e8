package accesslog

import "strings"

// key is the place of a JSON key that the parser knows.
type key uint8

const (
	noKey key = iota

	// The 24 keys of Istio's default JSON format (EnvoyJSONLogFormatIstio in
	// istio.io/istio, pilot/pkg/model/telemetry_logging.go).
	keyAuthority
	keyBytesReceived
	keyBytesSent
	keyTerminationDetails
	keyDownstreamLocal
	keyDownstreamRemote
	keyDuration
	keyMethod
	keyPath
	keyProtocol
	keyRequestID
	keyServerName
	keyCode
	keyDetails
	keyFlags
	keyRoute
	keyStart
	keyCluster
	keyUpstreamHost
	keyUpstreamLocal
	keyServiceTime
	keyTransportFailure
	keyUserAgent
	keyForwardedFor

	// Not in any default format, yet the natural name of the operator.
	keyAttempts

	// What comes from a header, under another name than Istio's: see aliases.
	keyMethodHeader
	keyPathHeader
	keyAuthorityHeader
	keyRequestIDHeader
	keyUserAgentHeader
	keyForwardedForHeader
	keyServiceTimeHeader

	// Objects of headers by their names, as a nested json_format has them.
	keyRequestHeaders
	keyResponseHeaders

	// Contour's name of the start time. The other one, "@timestamp", is
	// Fluent Bit's time key as well.
	keyStartContour

	// From here on: keys of the envelope.
	keyTimestamp    // Fluent Bit out_kafka, and Contour's start time
	keyDate         // Fluent Bit out_http
	keyTime         // Docker, Fluent Bit's cri parsers
	keyTimeOfCloud  // Google Cloud Logging
	keyLog          // Docker, Fluent Bit
	keyMessage      // Fluent Bit's older cri parser, Fluentd
	keyProcessed    // the usual Merge_Log_Key of Fluent Bit's kubernetes filter
	keyTextPayload  // Google Cloud Logging, a string
	keyJSONPayload  // the same, an object
	keyBody         // OpenTelemetry
	keyRaw          // where a shipper keeps the line beside what it made of it
	keyPiece        // Fluent Bit's multiline parser cri: "F", or "P" for a piece
	keyPieceOld     // the same in its older cri parser
	keyKubernetes   // Fluent Bit's kubernetes filter
	keyPodName      // Huawei's ASM: the writer, in the entry itself
	keyPodNamespace // the same
	numKeys

	firstEnvelopeKey = keyTimestamp
)

var keyNames = [numKeys]string{
	keyAuthority:          "authority",
	keyBytesReceived:      "bytes_received",
	keyBytesSent:          "bytes_sent",
	keyTerminationDetails: "connection_termination_details",
	keyDownstreamLocal:    "downstream_local_address",
	keyDownstreamRemote:   "downstream_remote_address",
	keyDuration:           "duration",
	keyMethod:             "method",
	keyPath:               "path",
	keyProtocol:           "protocol",
	keyRequestID:          "request_id",
	keyServerName:         "requested_server_name",
	keyCode:               "response_code",
	keyDetails:            "response_code_details",
	keyFlags:              "response_flags",
	keyRoute:              "route_name",
	keyStart:              "start_time",
	keyCluster:            "upstream_cluster",
	keyUpstreamHost:       "upstream_host",
	keyUpstreamLocal:      "upstream_local_address",
	keyServiceTime:        "upstream_service_time",
	keyTransportFailure:   "upstream_transport_failure_reason",
	keyUserAgent:          "user_agent",
	keyForwardedFor:       "x_forwarded_for",
	keyAttempts:           "upstream_request_attempt_count",
	keyMethodHeader:       ":method",
	keyPathHeader:         "x-envoy-origin-path",
	keyAuthorityHeader:    ":authority",
	keyRequestIDHeader:    "x-request-id",
	keyUserAgentHeader:    "user-agent",
	keyForwardedForHeader: "x-forwarded-for",
	keyServiceTimeHeader:  "x-envoy-upstream-service-time",
	keyRequestHeaders:     "request_headers",
	keyResponseHeaders:    "response_headers",
	keyStartContour:       "ts",
	keyTimestamp:          "@timestamp",
	keyDate:               "date",
	keyTime:               "time",
	keyTimeOfCloud:        "timestamp",
	keyLog:                "log",
	keyMessage:            "message",
	keyProcessed:          "log_processed",
	keyTextPayload:        "textPayload",
	keyJSONPayload:        "jsonPayload",
	keyBody:               "body",
	keyRaw:                "raw",
	keyPiece:              "_p",
	keyPieceOld:           "logtag",
	keyKubernetes:         "kubernetes",
	keyPodName:            "pod_name",
	keyPodNamespace:       "pod_namespace",
}

// aliases are further names of keys. Where several names of one key have a
// value, the last one in the line has it.
var aliases = map[string]key{
	// The names that Envoy Gateway gives what comes from a header are in keyNames
	// (EnvoyJSONLogFields, internal/xds/translator/accesslog.go).
	":path":                 keyPathHeader,
	"x-envoy-original-path": keyPathHeader,
	// Google's service mesh
	"x_request_id":                  keyRequestIDHeader,
	"x_envoy_upstream_service_time": keyServiceTimeHeader,
	// Alibaba's ASM
	"authority_for": keyAuthorityHeader,
}

// keyTable finds keys by name: open addressing by slot.
var keyTable = func() (t [256]struct {
	name string
	key  key
}) {
	add := func(name string, k key) {
		i := slot([]byte(name))
		for t[i].name != "" {
			i++
		}
		t[i].name, t[i].key = name, k
	}
	for k := noKey + 1; k < numKeys; k++ {
		add(keyNames[k], k)
	}
	for name, k := range aliases {
		add(name, k)
	}
	return t
}()

// slot is where in keyTable a name is, unless another one is there; it must not
// be empty.
func slot(name []byte) uint8 {
	n := len(name)
	return uint8(n)*37 + name[0]*7 + name[n/2]*29 + name[n-1]
}

// keyOf returns the key of that name, noKey if there is none.
func keyOf(name []byte) key {
	if len(name) == 0 {
		return noKey
	}
	for i := slot(name); keyTable[i].name != ""; i++ {
		if keyTable[i].name == string(name) {
			return keyTable[i].key
		}
	}
	return noKey
}

// ofHeader says that the key is the name of a header.
func (k key) ofHeader() bool { return keyMethodHeader <= k && k <= keyServiceTimeHeader }

// ofEntry says that the key belongs to an entry, not to an envelope.
func (k key) ofEntry() bool { return noKey < k && k < firstEnvelopeKey }

// beginsKey reports whether some key begins with the fragment.
func beginsKey(fragment []byte) bool {
	for _, name := range keyNames[noKey+1:] {
		if len(fragment) <= len(name) && strings.HasPrefix(name, string(fragment)) {
			return true
		}
	}
	return false
}
