package world

import (
	"context"
	"reflect"
	"testing"
	"time"

	"github.com/slowpod/slowpod/ingest/accesslog"
)

// Lines of everything that happens parse to the records that they are of.
func TestLinesParseToTheirRecords(t *testing.T) {
	cfg := small()
	cfg.Length, cfg.Inject = 2*time.Minute, Everything()
	parser := accesslog.NewParser()
	var line []byte
	flags := make(map[string]bool)
	truth, err := Run(context.Background(), cfg, func(_ int64, r *accesslog.Record) {
		line = AppendLine(line[:0], r)
		var got accesslog.Record
		if result, reason := parser.Parse(line, &got); result != accesslog.Parsed {
			t.Fatalf("%v %v: %s", result, reason, line)
		}
		if !reflect.DeepEqual(&got, r) {
			t.Fatalf("%s\nparses to\n%+v\nis of\n%+v", line, got, *r)
		}
		flags[string(r.Flags)] = true
	})
	if err != nil {
		t.Fatal(err)
	}
	if truth.Records < 5000 || len(flags) < 4 {
		t.Errorf("only %d records with flags %v", truth.Records, flags)
	}
}

func TestAppendLine(t *testing.T) {
	r := accesslog.Record{
		Start: 1772446500123, Duration: 1015, Method: []byte("GET"), Path: []byte("/a\"\\\n"), Protocol: []byte("HTTP/1.1"),
		Code: 503, Flags: []byte("UF"), ServiceTime: -1, Attempts: 2, HasCluster: true,
		Writer: accesslog.Writer{Pod: []byte("p"), App: []byte("a")},
	}
	want := `{"@timestamp":1772446501.138,"log":{"authority":null,"bytes_received":0,"bytes_sent":0,` +
		`"connection_termination_details":null,"downstream_local_address":null,"downstream_remote_address":null,` +
		`"duration":1015,"method":"GET","path":"/a\"\\\u000a","protocol":"HTTP/1.1","request_id":null,` +
		`"requested_server_name":null,"response_code":503,"response_code_details":null,"response_flags":"UF",` +
		`"route_name":null,"start_time":"2026-03-02T10:15:00.123Z","upstream_cluster":null,"upstream_host":null,` +
		`"upstream_local_address":null,"upstream_request_attempt_count":2,"upstream_service_time":null,` +
		`"upstream_transport_failure_reason":null,"user_agent":null,"x_forwarded_for":null},` +
		`"kubernetes":{"pod_name":"p","namespace_name":null,"pod_id":null,"pod_ip":null,"host":null,` +
		`"labels":{"app":"a","service.istio.io/canonical-name":null},"container_name":"istio-proxy"}}`
	if got := string(AppendLine(nil, &r)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
