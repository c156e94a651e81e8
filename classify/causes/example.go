package causes

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Example is a record that a row is about, in short: side, code, flags and
// details, then what is out of the ordinary as key=value.
//
//	C 503 URX,UF upstream_reset_before_response_started{connection_timeout} duration=30012
//
// C is an outbound sidecar or gateway, S an inbound sidecar, W a waypoint, U a
// proxy whose format does not tell. "-" is for what is not set.
type Example struct{ text string }

// UnmarshalYAML reads an example.
func (e *Example) UnmarshalYAML(n *yaml.Node) error {
	if err := n.Decode(&e.text); err != nil {
		return err
	}
	if f := strings.Fields(e.text); len(f) < 4 || !strings.Contains("CSWU", f[0]) {
		return fmt.Errorf("line %d: %q is not side, code, flags, details, key=value…", n.Line, e.text)
	}
	return nil
}

// String returns the example as the table writes it.
func (e Example) String() string { return e.text }

// unconnected are the flags of requests that got no connection to an upstream,
// unchosen of those for which no upstream host was chosen either.
const (
	unconnected = " UF UO UH NR NC "
	unchosen    = " UH NR NC FI DPE IH "
)

// Line returns the example as Envoy writes it in Istio's JSON. It panics where that
// cannot be, which is tested of all.
func (e Example) Line() string {
	fields := strings.Fields(e.text)
	v := map[string]string{
		"method": "GET", "path": "/api/orders/42", "protocol": "HTTP/1.1", "authority": "orders:8080",
		"request_id": "da28cc83-9055-9ed5-8c0e-104bf3337a0c", "duration": "12",
		"start_time":             "2026-03-02T10:16:19.812Z",
		"upstream_cluster":       "outbound|8080||orders.shop.svc.cluster.local",
		"upstream_host":          "10.244.2.23:8080",
		"upstream_local_address": "10.244.1.8:37022", "downstream_local_address": "10.96.44.10:8080",
		"downstream_remote_address": "10.244.1.8:37910", "requested_server_name": "-", "route_name": "default",
		"upstream_transport_failure_reason": "-", "connection_termination_details": "-",
		"response_code": fields[1], "response_flags": fields[2], "response_code_details": fields[3],
	}
	switch fields[0] {
	case "S":
		v["upstream_cluster"], v["upstream_local_address"] = "inbound|8080||", "127.0.0.6:52563"
		v["downstream_local_address"], v["downstream_remote_address"] = "10.244.2.23:8080", "10.244.1.8:37022"
		v["requested_server_name"] = "outbound_.8080_._.orders.shop.svc.cluster.local"
		v["start_time"] = "2026-03-02T10:16:19.815Z"
	case "W":
		v["upstream_cluster"] = "inbound-vip|8080|http|orders.shop.svc.cluster.local"
	case "U":
		delete(v, "upstream_cluster")
	}
	for flag := range strings.SplitSeq(fields[2], ",") {
		if strings.Contains(unconnected, " "+flag+" ") && fields[3] != "via_upstream" {
			v["upstream_local_address"] = "-"
		}
		if strings.Contains(unchosen, " "+flag+" ") {
			v["upstream_host"], v["upstream_local_address"] = "-", "-"
		}
	}
	for _, f := range fields[4:] {
		key, value, ok := strings.Cut(f, "=")
		if _, known := v[key]; !ok || !known {
			panic(fmt.Sprintf("%q in %q is no key=value of an entry", f, e.text))
		}
		v[key] = value
	}
	return object(v)
}

// keys are in the order of Envoy ≥ 1.32.
var keys = []string{
	"authority", "connection_termination_details", "downstream_local_address", "downstream_remote_address",
	"duration", "method", "path", "protocol", "request_id", "requested_server_name", "response_code",
	"response_code_details", "response_flags", "route_name", "start_time", "upstream_cluster", "upstream_host",
	"upstream_local_address", "upstream_transport_failure_reason",
}

func object(v map[string]string) string {
	var parts []string
	for _, k := range keys {
		switch value, ok := v[k]; {
		case !ok:
		case k == "duration", k == "response_code":
			parts = append(parts, fmt.Sprintf("%q:%s", k, value))
		case value == "-" && k != "response_flags":
			parts = append(parts, fmt.Sprintf("%q:null", k))
		default:
			parts = append(parts, fmt.Sprintf("%q:%q", k, value))
		}
	}
	return "{" + strings.Join(parts, ",") + "}"
}
