package workload_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/slowpod/slowpod/bench/workload"
)

// scenario is one of the four, made with the options that all have.
type scenario struct {
	name string
	make func(workload.Options) *workload.Generator
}

func scenarios() []scenario {
	all := []scenario{
		{"catalog", func(o workload.Options) *workload.Generator {
			return workload.Catalog(workload.CatalogOptions{Options: o})
		}},
		{"mesh", func(o workload.Options) *workload.Generator {
			return workload.Mesh(workload.MeshOptions{Options: o})
		}},
		{"corpus", func(o workload.Options) *workload.Generator {
			return workload.Corpus(workload.CorpusOptions{Options: o, Timeouts: true})
		}},
		{"storm", func(o workload.Options) *workload.Generator {
			return workload.Storm(workload.CorpusOptions{Options: o, Timeouts: true})
		}},
	}
	for _, kind := range []string{"app_not_listening", "proxy_refusing"} {
		all = append(all, scenario{"fault " + kind, func(o workload.Options) *workload.Generator {
			return workload.Fault(workload.FaultOptions{Options: o, Kind: kind, From: 10 * time.Second})
		}})
	}
	return all
}

// entry is a line as another program reads it. Pointers are nil for null.
type entry struct {
	Authority                    *string   `json:"authority"`
	BytesReceived                *int      `json:"bytes_received"`
	BytesSent                    *int      `json:"bytes_sent"`
	ConnectionTerminationDetails *string   `json:"connection_termination_details"`
	DownstreamLocalAddress       string    `json:"downstream_local_address"`
	DownstreamRemoteAddress      string    `json:"downstream_remote_address"`
	Duration                     int64     `json:"duration"`
	Method                       *string   `json:"method"`
	Path                         *string   `json:"path"`
	Protocol                     string    `json:"protocol"`
	RequestID                    string    `json:"request_id"`
	RequestedServerName          *string   `json:"requested_server_name"`
	ResponseCode                 int       `json:"response_code"`
	ResponseCodeDetails          *string   `json:"response_code_details"`
	ResponseFlags                string    `json:"response_flags"`
	RouteName                    *string   `json:"route_name"`
	StartTime                    time.Time `json:"start_time"`
	UpstreamCluster              *string   `json:"upstream_cluster"`
	UpstreamHost                 *string   `json:"upstream_host"`
	UpstreamLocalAddress         *string   `json:"upstream_local_address"`
	UpstreamServiceTime          *string   `json:"upstream_service_time"`
	UpstreamTransport            *string   `json:"upstream_transport_failure_reason"`
	UserAgent                    *string   `json:"user_agent"`
	XForwardedFor                *string   `json:"x_forwarded_for"`

	pod  *workload.Pod
	side workload.Side
	end  int64 // ms, as Line.End
}

// ends is when the record ended, as a reader computes it.
func (e *entry) ends() int64 { return e.StartTime.UnixMilli() + e.Duration }

func (e *entry) has(flag string) bool {
	for f := range strings.SplitSeq(e.ResponseFlags, ",") {
		if f == flag {
			return true
		}
	}
	return false
}

func (e *entry) client() bool { return e.side == workload.ClientSide }

// read reads all lines strictly: keys that are not known are an error.
func read(t testing.TB, g *workload.Generator) []entry {
	t.Helper()
	var all []entry
	for l := (workload.Line{}); g.Next(&l); {
		d := json.NewDecoder(bytes.NewReader(l.Bytes))
		d.DisallowUnknownFields()
		e := entry{pod: l.Pod, side: l.Side, end: l.End}
		if err := d.Decode(&e); err != nil {
			t.Fatalf("%v in %s", err, l.Bytes)
		}
		all = append(all, e)
	}
	return all
}

// text is the whole log.
func text(t testing.TB, g *workload.Generator) string {
	t.Helper()
	var b strings.Builder
	n, err := g.WriteTo(&b)
	if err != nil || n != int64(b.Len()) {
		t.Fatalf("WriteTo = %d, %v for %d bytes", n, err, b.Len())
	}
	return b.String()
}

// or is what a string pointer holds, or a dash.
func or(s *string) string {
	if s == nil {
		return "-"
	}
	return *s
}
