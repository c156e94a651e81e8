package accesslog

import (
	"fmt"
	"strings"
	"testing"
)

// The default JSON of other products than Istio: envoy-facts, section 7.

func TestEnvoyGateway(t *testing.T) {
	want := Record{
		Start: at("2026-03-02T10:15:04.558Z"), Duration: 5, Method: b("HEAD"), Path: b("/p?q=1"), Protocol: b("HTTP/2"),
		Authority: b("a.example"), RequestID: b("id-1"), UserAgent: b("x/1"), ForwardedFor: b("192.0.2.1"),
		Code: 503, Flags: b("UF"), Details: b("upstream_reset_before_response_started{connection_timeout}"),
		TransportFailure: b("delayed_connect_error:_111"), BytesSent: 7, ServiceTime: 4,
		HasCluster: true, Cluster: b("httproute/shop/cart/rule/0"), UpstreamHost: b("10.0.0.9:80"), UpstreamLocal: b("10.0.0.8:4711"),
		DownstreamLocal: b("10.0.0.8:10080"), DownstreamPeer: b("192.0.2.1:5050"), ServerName: b("a.example"), Route: b("httproute/shop/cart/rule/0/match/0/*"),
	}
	parsed(t, `{":authority":"a.example","bytes_received":0,"bytes_sent":7,"connection_termination_details":null,"downstream_local_address":"10.0.0.8:10080","downstream_remote_address":"192.0.2.1:5050","duration":5,"method":"HEAD","protocol":"HTTP/2","requested_server_name":"a.example","response_code":503,"response_code_details":"upstream_reset_before_response_started{connection_timeout}","response_flags":"UF","route_name":"httproute/shop/cart/rule/0/match/0/*","start_time":"2026-03-02T10:15:04.558Z","upstream_cluster":"httproute/shop/cart/rule/0","upstream_host":"10.0.0.9:80","upstream_local_address":"10.0.0.8:4711","upstream_transport_failure_reason":"delayed_connect_error:_111","user-agent":"x/1","x-envoy-origin-path":"/p?q=1","x-envoy-upstream-service-time":"4","x-forwarded-for":"192.0.2.1","x-request-id":"id-1"}`, want)

	// up to 1.2.6 and 1.3.0: a template of text, all strings
	parsed(t, `{"start_time":"2026-03-02T10:15:04.558Z","method":"HEAD","x-envoy-origin-path":"/p?q=1","protocol":"HTTP/2","response_code":"503","response_flags":"UF","response_code_details":"upstream_reset_before_response_started{connection_timeout}","connection_termination_details":"-","upstream_transport_failure_reason":"delayed_connect_error:_111","bytes_received":"0","bytes_sent":"7","duration":"5","x-envoy-upstream-service-time":"4","x-forwarded-for":"192.0.2.1","user-agent":"x/1","x-request-id":"id-1",":authority":"a.example","upstream_host":"10.0.0.9:80","upstream_cluster":"httproute/shop/cart/rule/0","upstream_local_address":"10.0.0.8:4711","downstream_local_address":"10.0.0.8:10080","downstream_remote_address":"192.0.2.1:5050","requested_server_name":"a.example","route_name":"httproute/shop/cart/rule/0/match/0/*"}`, want)

	// its AI gateway adds keys with dots
	parsed(t, `{"start_time":"2026-03-02T10:15:04Z","response_code":200,"duration":9,"gen_ai.request.model":"m","gen_ai.usage.total_tokens":12,"mcp.method.name":"tools/list"}`, Record{
		Start: at("2026-03-02T10:15:04Z"), Duration: 9, Code: 200, ServiceTime: -1,
	})
}

func TestContour(t *testing.T) {
	// Unset keys are omitted, the start time has another name.
	want := Record{
		Start: at("2026-03-02T10:15:04.558Z"), Duration: 3, Method: b("GET"), Path: b("/"), Protocol: b("HTTP/1.1"), Authority: b("a.example"),
		RequestID: b("id-1"), Code: 200, BytesSent: 9, ServiceTime: 2, HasCluster: true, Cluster: b("ns/svc/80/abc"), UpstreamHost: b("10.0.0.9:80"),
	}
	const rest = `"authority":"a.example","bytes_received":0,"bytes_sent":9,"duration":3,"grpc_status_number":0,"method":"GET","path":"/","protocol":"HTTP/1.1","request_id":"id-1","response_code":200,"response_flags":"-","uber_trace_id":"7:7:0:1","upstream_cluster":"ns/svc/80/abc","upstream_host":"10.0.0.9:80","upstream_service_time":"2"}`
	parsed(t, `{"@timestamp":"2026-03-02T10:15:04.558Z",`+rest, want)
	parsed(t, `{"ts":"2026-03-02T10:15:04.558Z",`+rest, want)
	// "@timestamp" is Fluent Bit's key, too, which stands in front.
	parsed(t, `{"@timestamp":1772446509.5,"@timestamp":"2026-03-02T10:15:04.558Z",`+rest, want)
	parsed(t, `{"@timestamp":1772446509.5,"ts":"2026-03-02T10:15:04.558Z",`+rest, want)
	parsed(t, `{"@timestamp":1772446509.5,"log":`+quote(`{"@timestamp":"2026-03-02T10:15:04.558Z",`+rest)+`}`, want)
	// Without any start time Fluent Bit's stands for the end.
	parsed(t, `{"@timestamp":1772446504.561,`+rest, want)
	malformed(t, `{"@timestamp":"2026-03-02 10:15:04",`+rest, InvalidTime)

	// Connection closed before a request was read: hardly anything is set.
	parsed(t, `{"@timestamp":"2026-03-02T10:15:04.558Z","response_code":0,"response_flags":"DPE","duration":0}`, Record{
		Start: at("2026-03-02T10:15:04.558Z"), Flags: b("DPE"), ServiceTime: -1,
	})
}

func TestEmissary(t *testing.T) {
	want := with(envoyCall(), func(r *Record) {
		r.HasCluster, r.Cluster = true, b("cluster_cart_shop_8080")
		r.UpstreamLocal, r.DownstreamLocal, r.DownstreamPeer = b("10.0.0.8:4711"), b("10.0.0.8:8080"), b("192.0.2.1:0")
	})
	const typed = `{"start_time":"2026-03-02T10:15:04.558Z","method":"POST","path":"/v1/carts/7?full=1","protocol":"HTTP/1.1","response_code":200,"response_flags":"-","bytes_received":12,"bytes_sent":345,"duration":21,"upstream_service_time":"20","x_forwarded_for":null,"user_agent":"Go-http-client/1.1","request_id":"5b6c9d1e-0f2a-9b3c-8d4e-5f60718293a4","authority":"cart:8080","upstream_host":"10.244.2.23:8080","upstream_cluster":"cluster_cart_shop_8080","upstream_local_address":"10.0.0.8:4711","downstream_local_address":"10.0.0.8:8080","downstream_remote_address":"192.0.2.1:0","requested_server_name":null,"istio_policy_status":null,"upstream_transport_failure_reason":null,"dd.trace_id":"1","dd.span_id":"2"}`
	parsed(t, typed, want)
	strs := typed
	for _, n := range []string{"200", "12", "345", "21"} {
		strs = strings.ReplaceAll(strs, ":"+n+",", `:"`+n+`",`)
	}
	parsed(t, strings.ReplaceAll(strs, "null", `"-"`), want)
	parsed(t, "ACCESS "+envoyText, envoyCall())
}

func TestConsul(t *testing.T) {
	parsed(t, `{"authority":"api","bytes_received":0,"bytes_sent":2,"connection_termination_details":null,"downstream_local_address":"127.0.0.1:5000","downstream_remote_address":"127.0.0.1:40000","duration":4,"method":"GET","path":"/","protocol":"HTTP/1.1","request_id":"id-1","requested_server_name":null,"response_code":200,"response_code_details":"via_upstream","response_flags":"-","route_name":null,"start_time":"2026-03-02T10:15:04.558Z","upstream_cluster":"api.default.dc1.internal.0c1d.consul","upstream_host":"10.0.0.9:20000","upstream_local_address":"10.0.0.8:4711","upstream_service_time":"3","upstream_transport_failure_reason":null,"user_agent":"curl/8","x_forwarded_for":null}`, Record{
		Start: at("2026-03-02T10:15:04.558Z"), Duration: 4, Method: b("GET"), Path: b("/"), Protocol: b("HTTP/1.1"), Authority: b("api"), RequestID: b("id-1"),
		UserAgent: b("curl/8"), Code: 200, Details: b("via_upstream"), BytesSent: 2, ServiceTime: 3, HasCluster: true,
		Cluster: b("api.default.dc1.internal.0c1d.consul"), UpstreamHost: b("10.0.0.9:20000"), UpstreamLocal: b("10.0.0.8:4711"),
		DownstreamLocal: b("127.0.0.1:5000"), DownstreamPeer: b("127.0.0.1:40000"),
	})
}

func TestOpenServiceMesh(t *testing.T) {
	// No address but the upstream host's, and a key that nobody else has.
	parsed(t, `{"start_time":"2026-03-02T10:15:04Z","method":"GET","path":"/","protocol":"HTTP/1.1","response_code":200,"response_code_details":"via_upstream","response_flags":"-","time_to_first_byte":504,"bytes_received":0,"bytes_sent":8,"duration":508,"upstream_service_time":"409","x_forwarded_for":null,"user_agent":"a","request_id":"id-1","requested_server_name":"s.ns.svc.cluster.local","authority":"s:14001","upstream_host":"127.0.0.1:14001","upstream_cluster":"ns/s|14001|local"}`, Record{
		Start: at("2026-03-02T10:15:04Z"), Duration: 508, Method: b("GET"), Path: b("/"), Protocol: b("HTTP/1.1"), Authority: b("s:14001"), RequestID: b("id-1"),
		UserAgent: b("a"), Code: 200, Details: b("via_upstream"), BytesSent: 8, ServiceTime: 409, UpstreamHost: b("127.0.0.1:14001"),
		HasCluster: true, Cluster: b("ns/s|14001|local"), ServerName: b("s.ns.svc.cluster.local"),
	})
}

// Clouds rename or add keys of Istio's format.
func TestClouds(t *testing.T) {
	entry := Record{Start: at("2026-03-02T10:15:04.558Z"), Duration: 5, Method: b("GET"), Code: 0, Flags: b("DC"), ServiceTime: -1}
	const all = `"start_time":"2026-03-02T10:15:04.558Z","duration":"5","method":"GET","response_code":"0","response_flags":"DC"`

	// Google: all strings, two headers under their own names, "body" beside the entry
	parsed(t, `{`+all+`,"bytes_sent":"0","x_request_id":"id-1","x_envoy_upstream_service_time":"7","resource":{"k8s":"x"},"body":{"stringValue":""},"time_unix_nano":1772446504558000000,"severity_text":""}`, with(entry, func(r *Record) {
		r.RequestID, r.ServiceTime = b("id-1"), 7
	}))
	parsed(t, `{`+all+`,"x_request_id":"-","x_envoy_upstream_service_time":"-","body":`+quote(istioText)+`}`, entry)

	// Alibaba
	parsed(t, `{"authority_for":"a","istio_policy_status":"-","trace_id":"-",`+all+`}`, with(entry, func(r *Record) { r.Authority = b("a") }))

	// Huawei names the pod, which Fluent Bit's filter knows better
	parsed(t, `{`+all+`,"pod_name":"cart-1","pod_namespace":"shop","mesh_id":"m","cluster_id":"c"}`, with(entry, func(r *Record) {
		r.Writer = Writer{Pod: b("cart-1"), Namespace: b("shop")}
	}))
	parsed(t, `{`+all+`,"pod_name":"-","pod_namespace":"shop"}`, entry)
	parsed(t, `{`+all+`,"pod_name":"x","pod_namespace":"y","kubernetes":`+kubernetes+`}`, wroteCart(entry))
	parsed(t, `{"log":`+quote(`{`+all+`,"pod_name":"x"}`)+`,"kubernetes":`+kubernetes+`}`, wroteCart(entry))

	// Higress prints JSON by a template of text: what is quoted in it breaks it.
	parsed(t, `{"ai_log":"-","authority":"a",`+all+`,"user_agent":"b"}`, with(entry, func(r *Record) { r.Authority, r.UserAgent = b("a"), b("b") }))
	fault(t, `{"ai_log":"{"▲x":1}",`+all+`}`, InvalidJSON)
}

// A json_format may nest, and headers under their own names are the natural keys.
func TestHeaders(t *testing.T) {
	const entry = `"start_time":"2026-03-02T10:15:04.558Z","response_code":200`
	want := Record{
		Start: at("2026-03-02T10:15:04.558Z"), Code: 200, ServiceTime: 3, Method: b("GET"), Path: b("/p"), Authority: b("a"),
		RequestID: b("id-1"), UserAgent: b("x/1"), ForwardedFor: b("192.0.2.1"),
	}
	const request = `":method":"GET",":path":"/p",":authority":"a","x-request-id":"id-1","user-agent":"x/1","x-forwarded-for":"192.0.2.1"`
	const response = `"x-envoy-upstream-service-time":"3","content-type":"text/html"`
	parsed(t, `{`+entry+`,`+request+`,`+response+`}`, want)
	parsed(t, `{`+entry+`,"request_headers":{`+request+`},"response_headers":{`+response+`}}`, want)
	parsed(t, `{"response_headers":{`+response+`},"request_headers":{`+request+`},`+entry+`}`, want)
	parsed(t, `{`+entry+`,"request_headers":{"x-envoy-original-path":"/p",`+strings.Replace(request, `":path":"/p",`, "", 1)+`},"response_headers":{`+response+`}}`, want)

	bare := Record{Start: want.Start, Code: 200, ServiceTime: -1}
	// A value outside wins; the request's wins over the response's.
	parsed(t, `{`+entry+`,"authority":"a",":authority":"b","x-request-id":"i","request_headers":{":authority":"c","x-request-id":"j"},"response_headers":{"x-request-id":"k"}}`,
		with(bare, func(r *Record) { r.Authority, r.RequestID = b("a"), b("i") }))
	parsed(t, `{`+entry+`,"x-request-id":null,"request_headers":{"x-request-id":"-"},"response_headers":{"x-request-id":"k"}}`, with(bare, func(r *Record) { r.RequestID = b("k") }))
	parsed(t, `{`+entry+`,"request_headers":{"x-request-id":"j","x-request-id":"k"}}`, with(bare, func(r *Record) { r.RequestID = b("k") }))
	// Only headers are read from there, and only from objects.
	parsed(t, `{`+entry+`,"request_headers":{"authority":"a","duration":7,"response_code":1,"start_time":"x"}}`, bare)
	parsed(t, `{`+entry+`,"request_headers":"x-request-id: a","response_headers":null}`, bare)
	parsed(t, `{`+entry+`,"request_headers":[{"x-request-id":"a"}],"response_headers":{"x-request-id":{}}}`, bare)
	foreign(t, `{"request_headers":{`+request+`},"duration":1}`)
	// the headers of one object are none of the next
	parsed(t, `{"request_headers":{`+request+`},"log":{`+entry+`}}`, bare)
}

// An address is taken as it stands, whatever its form.
func TestAddresses(t *testing.T) {
	for _, address := range []string{
		"10.244.2.23:8080", "203.0.113.7:0", "127.0.0.6:52563", "[::1]:8080", "[::6]:41233", "[2001:db8::7]:0", "10.0.0.1",
		"envoy://connect_originate/10.244.2.23:8080", "envoy://connect_originate/[2001:db8::7]:8080", "envoy://internal_client_address/",
		"/var/run/app.sock", "@/abstract",
	} {
		want := with(call(), func(r *Record) {
			a := b(address)
			r.UpstreamHost, r.UpstreamLocal, r.DownstreamLocal, r.DownstreamPeer = a, a, a, a
		})
		json, text := istioJSON, istioText
		for _, old := range []string{"10.96.7.7:8080", "10.244.1.8:37910", "10.244.2.23:8080", "10.244.1.8:37022"} {
			json = strings.Replace(json, `"`+old+`"`, quote(address), 1)
			text = strings.Replace(text, old, address, 1)
		}
		parsed(t, json, want)
		parsed(t, text, want)
	}
}

// %UPSTREAM_CLUSTER% shows the stat name, which ends in ";", since Istio 1.23.
func TestClusters(t *testing.T) {
	for in, want := range map[string]string{
		"outbound|80||a.ns.svc.cluster.local;": "outbound|80||a.ns.svc.cluster.local",
		"inbound|8080||;":                      "inbound|8080||",
		"inbound-vip|80|http|a.ns.svc;":        "inbound-vip|80|http|a.ns.svc",
		"outbound_.80_.v1_.a.ns.svc":           "outbound_.80_.v1_.a.ns.svc",
		"PassthroughCluster;":                  "PassthroughCluster",
		"InboundPassthroughClusterIpv4":        "InboundPassthroughClusterIpv4",
		"httproute/ns/a/rule/0":                "httproute/ns/a/rule/0",
		"a;b;;":                                "a;b;",
		";":                                    "", "-;": "", "-": "",
	} {
		record := with(call(), func(r *Record) {
			if r.Cluster = nil; want != "" {
				r.Cluster = b(want)
			}
		})
		parsed(t, strings.Replace(istioJSON, string(call().Cluster), in, 1), record)
		parsed(t, strings.Replace(istioText, string(call().Cluster), in, 1), record)
	}
}

// Escapes, quotes, and what is not ASCII or not UTF-8.
func TestTextOfClients(t *testing.T) {
	for in, want := range map[string]string{
		`naïve/1 中文`:                 "naïve/1 中文",
		`\u4e2d\u6587 \u00e9`:        "中文 é",
		`\ud83d\ude00`:               "😀",
		`\ud83d`:                     `\ud83d`, // half a pair stays as it is
		`say \"hi\" \\o/ \/`:         `say "hi" \o/ /`,
		`\b\f\n\r\t\u0000\u001b[2J`:  "\b\f\n\r\t\x00\x1b[2J",
		"\xff\xfe":                   "\xff\xfe",
		`{\"start_time\":\"x\"}`:     `{"start_time":"x"}`,
		`\u202egnp.exe`:              "\u202egnp.exe",
		strings.Repeat(`\u00e9`, 99): strings.Repeat("é", 99),
	} {
		record := with(call(), func(r *Record) { r.UserAgent = b(want) })
		parsed(t, strings.Replace(istioJSON, "Go-http-client/1.1", in, 1), record)
		if !strings.ContainsAny(want, "\n\r") {
			parsed(t, strings.Replace(istioText, "Go-http-client/1.1", want, 1), record)
		}
	}
}

// What the same streams hold and is no entry of Envoy's.
func TestOtherLogs(t *testing.T) {
	for _, line := range []string{
		// ztunnel, in both encodings
		`2026-03-02T10:15:04.558123Z	info	access	connection complete	src.addr=10.0.0.8:4711 dst.addr=10.0.0.9:8080 direction="outbound" bytes_sent=12 bytes_recv=345 duration="12ms"`,
		`{"level":"info","time":"2026-03-02T10:15:04.558123Z","scope":"access","message":"connection complete","src.addr":"10.0.0.8:4711","direction":"outbound","bytes_sent":12,"bytes_recv":345,"duration":"12ms"}`,
		// the agent with --log_as_json, Envoy with a JSON log format
		`{"level":"warn","time":"2026-03-02T10:15:04.558123Z","scope":"envoy config","msg":"gRPC config stream closed"}`,
		// an application that logs with a key of Envoy's
		`{"timestamp":"2026-03-02T10:15:04Z","message":"answered","response_code":200}`,
		`{"timestamp":"2026-03-02T10:15:04Z","body":{"response_code":200},"raw":"GET / 200"}`,
		// Google's wrapper around something else
		`{"textPayload":"Listening on :8080","timestamp":"2026-03-02T10:15:04Z","resource":{"labels":{"pod_name":"cart-1"}}}`,
	} {
		foreign(t, line)
	}
}

// A line that was broken in two is one malformed line and its rest, which claims
// nothing.
func TestBrokenLines(t *testing.T) {
	for _, line := range []string{istioJSON, istioText, envoyText} {
		for _, cut := range []int{40, 100, 160} {
			reason := map[bool]Reason{true: InvalidJSON, false: InvalidText}[line[0] == '{']
			fault(t, line[:cut]+mark, reason)
			foreign(t, line[cut:])
			fault(t, "2026-03-02T10:15:05Z stdout F "+line[:cut]+mark, reason)
			fault(t, "2026-03-02T10:15:05Z stdout ▲P "+line[:cut], Partial)
			foreign(t, "2026-03-02T10:15:05Z stdout F "+line[cut:])
			fault(t, fmt.Sprintf(`{"log":%s,"time":"2026-03-02T10:15:05Z"}`, strings.TrimSuffix(quote(line[:cut]), `"`)+mark+`"`), reason)
		}
	}
	// cut out of a wrapper, its escapes left
	fault(t, `{▲\"start_time\":\"2026-03-02T10:15:04.558Z\",\"response_code\":200}`, InvalidJSON)
	fault(t, `[2026-03-02T10:15:04.558Z] ▲\"GET / HTTP/1.1\" 200 - 0 0 0 - \"-\" \"-\" \"-\" \"-\" \"-\"`, InvalidText)
}
