package world

import (
	"strconv"
	"time"

	"github.com/slowpod/slowpod/ingest/accesslog"
)

// AppendLine appends the JSON line of an entry, without a line end, as Fluent
// Bit sends it: log is the entry in Istio's default JSON format (with the
// attempt count where it is logged), kubernetes the pod whose proxy wrote it.
// The time of the line is the entry's end, as if it had been flushed at once.
// A record that AppendLine has written parses to an equal one.
func AppendLine(dst []byte, r *accesslog.Record) []byte {
	end := r.Start + r.Duration
	dst = strconv.AppendInt(append(dst, `{"@timestamp":`...), end/1000, 10)
	dst = append(dst, '.', byte('0'+end/100%10), byte('0'+end/10%10), byte('0'+end%10))
	dst = append(dst, `,"log":{`...)
	dst = appendText(dst, `"authority":`, r.Authority)
	dst = appendNumber(dst, `,"bytes_received":`, r.BytesReceived)
	dst = appendNumber(dst, `,"bytes_sent":`, r.BytesSent)
	dst = appendText(dst, `,"connection_termination_details":`, r.TerminationDetails)
	dst = appendText(dst, `,"downstream_local_address":`, r.DownstreamLocal)
	dst = appendText(dst, `,"downstream_remote_address":`, r.DownstreamPeer)
	dst = appendNumber(dst, `,"duration":`, r.Duration)
	dst = appendText(dst, `,"method":`, r.Method)
	dst = appendText(dst, `,"path":`, r.Path)
	dst = appendText(dst, `,"protocol":`, r.Protocol)
	dst = appendText(dst, `,"request_id":`, r.RequestID)
	dst = appendText(dst, `,"requested_server_name":`, r.ServerName)
	dst = appendNumber(dst, `,"response_code":`, int64(r.Code))
	dst = appendText(dst, `,"response_code_details":`, r.Details)
	flags := r.Flags
	if flags == nil {
		flags = []byte{'-'} // the one text that is never null
	}
	dst = appendText(dst, `,"response_flags":`, flags)
	dst = appendText(dst, `,"route_name":`, r.Route)
	dst = append(dst, `,"start_time":"`...)
	dst = time.UnixMilli(r.Start).UTC().AppendFormat(dst, `2006-01-02T15:04:05.000Z"`)
	if r.HasCluster {
		dst = appendText(dst, `,"upstream_cluster":`, r.Cluster)
	}
	dst = appendText(dst, `,"upstream_host":`, r.UpstreamHost)
	dst = appendText(dst, `,"upstream_local_address":`, r.UpstreamLocal)
	if r.Attempts > 0 {
		dst = appendNumber(dst, `,"upstream_request_attempt_count":`, int64(r.Attempts))
	}
	dst = append(dst, `,"upstream_service_time":`...)
	if r.ServiceTime < 0 {
		dst = append(dst, `null`...)
	} else { // a header: a string
		dst = append(strconv.AppendInt(append(dst, '"'), r.ServiceTime, 10), '"')
	}
	dst = appendText(dst, `,"upstream_transport_failure_reason":`, r.TransportFailure)
	dst = appendText(dst, `,"user_agent":`, r.UserAgent)
	dst = appendText(dst, `,"x_forwarded_for":`, r.ForwardedFor)
	return appendWriter(dst, &r.Writer)
}

// appendWriter appends the kubernetes object and ends the line.
func appendWriter(dst []byte, w *accesslog.Writer) []byte {
	dst = appendText(dst, `},"kubernetes":{"pod_name":`, w.Pod)
	dst = appendText(dst, `,"namespace_name":`, w.Namespace)
	dst = appendText(dst, `,"pod_id":`, w.PodID)
	dst = appendText(dst, `,"pod_ip":`, w.PodIP)
	dst = appendText(dst, `,"host":`, w.Node)
	dst = appendText(dst, `,"labels":{"app":`, w.App)
	dst = appendText(dst, `,"service.istio.io/canonical-name":`, w.CanonicalName)
	return append(dst, `},"container_name":"istio-proxy"}}`...)
}

func appendNumber(dst []byte, key string, n int64) []byte {
	return strconv.AppendInt(append(dst, key...), n, 10)
}

// appendText appends a JSON string, null for nil.
func appendText(dst []byte, key string, text []byte) []byte {
	dst = append(dst, key...)
	if text == nil {
		return append(dst, `null`...)
	}
	dst = append(dst, '"')
	for i, c := range text {
		if c == '"' || c == '\\' || c < 0x20 {
			return appendEscaped(append(dst, text[:i]...), text[i:])
		}
	}
	return append(append(dst, text...), '"')
}

func appendEscaped(dst, text []byte) []byte {
	for _, c := range text {
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < 0x20:
			dst = append(dst, `\u00`...)
			dst = append(dst, "0123456789abcdef"[c>>4], "0123456789abcdef"[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}
