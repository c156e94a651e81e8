package correlate_test

import (
	"testing"
)

// TestJoinRules: what the keys and the wait demand beyond the golden pairs.
func TestJoinRules(t *testing.T) { testPairs(t, joinRules) }

var joinRules = []goldenPair{
	{
		name:   "a request that was not sent has no other side",
		around: bothSides,
		lines: []string{
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":0,"connection_termination_details":null,"downstream_local_address":"10.96.44.10:8080","downstream_remote_address":"10.244.1.8:37910","duration":3000,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":null,"requested_server_name":null,"response_code":503,"response_code_details":"upstream_reset_before_response_started{connection_timeout}","response_flags":"UF","route_name":"default","start_time":"2026-03-02T10:16:19.812Z","upstream_cluster":"outbound|8080||orders.shop.svc.cluster.local","upstream_host":"10.244.2.23:8080","upstream_local_address":null,"upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":0,"connection_termination_details":null,"downstream_local_address":"10.244.2.23:8080","downstream_remote_address":"203.0.113.7:0","duration":1000,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"7b0e2f10-6a5d-9c11-8d2e-3f4a5b6c7d8e","requested_server_name":"outbound_.8080_._.orders.shop.svc.cluster.local","response_code":0,"response_code_details":"downstream_remote_disconnect","response_flags":"DC","route_name":"default","start_time":"2026-03-02T10:16:21.912Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.23:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
		},
		calls: []call{
			{verdict: "not_sent", client: 1},
			{verdict: "server_only", server: []int64{2}},
		},
	},
	{
		name:   "not sent, and a pod's half without an id",
		around: bothSides,
		lines: []string{
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":0,"connection_termination_details":null,"downstream_local_address":"10.96.44.10:8080","downstream_remote_address":"10.244.1.8:37910","duration":3000,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":null,"response_code":503,"response_code_details":"upstream_reset_before_response_started{connection_timeout}","response_flags":"UF","route_name":"default","start_time":"2026-03-02T10:16:19.812Z","upstream_cluster":"outbound|8080||orders.shop.svc.cluster.local","upstream_host":"10.244.2.23:8080","upstream_local_address":null,"upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":0,"connection_termination_details":null,"downstream_local_address":"10.244.2.23:8080","downstream_remote_address":"203.0.113.7:0","duration":1000,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":null,"requested_server_name":"outbound_.8080_._.orders.shop.svc.cluster.local","response_code":0,"response_code_details":"downstream_remote_disconnect","response_flags":"DC","route_name":"default","start_time":"2026-03-02T10:16:21.912Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.23:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
		},
		calls: []call{
			{verdict: "not_sent", client: 1},
			{verdict: "server_only", server: []int64{2}},
		},
	},
	{
		name:   "not sent is no candidate beside the one that was",
		around: bothSides,
		lines: []string{
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":0,"connection_termination_details":null,"downstream_local_address":"10.96.44.10:8080","downstream_remote_address":"10.244.1.8:37910","duration":3000,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":null,"requested_server_name":null,"response_code":503,"response_code_details":"upstream_reset_before_response_started{connection_timeout}","response_flags":"UF","route_name":"default","start_time":"2026-03-02T10:16:19.812Z","upstream_cluster":"outbound|8080||orders.shop.svc.cluster.local","upstream_host":"10.244.2.23:8080","upstream_local_address":null,"upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":24,"connection_termination_details":null,"downstream_local_address":"10.96.44.10:8080","downstream_remote_address":"10.244.1.8:37910","duration":3001,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":null,"requested_server_name":null,"response_code":504,"response_code_details":"response_timeout","response_flags":"UT","route_name":"default","start_time":"2026-03-02T10:16:19.812Z","upstream_cluster":"outbound|8080||orders.shop.svc.cluster.local","upstream_host":"10.244.2.23:8080","upstream_local_address":"10.244.1.8:37022","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":0,"connection_termination_details":null,"downstream_local_address":"10.244.2.23:8080","downstream_remote_address":"203.0.113.7:0","duration":2999,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":null,"requested_server_name":"outbound_.8080_._.orders.shop.svc.cluster.local","response_code":0,"response_code_details":"downstream_remote_disconnect","response_flags":"DC","route_name":"default","start_time":"2026-03-02T10:16:19.815Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.23:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
		},
		calls: []call{
			{verdict: "not_sent", client: 1},
			{verdict: "confirmed", key: "probable", client: 2, server: []int64{3}},
		},
	},
	{
		name:   "two callers, one hang-up: nobody knows whose",
		around: bothSides,
		lines: []string{
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":24,"connection_termination_details":null,"downstream_local_address":"10.96.44.10:8080","downstream_remote_address":"10.244.1.8:37910","duration":3001,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":null,"requested_server_name":null,"response_code":504,"response_code_details":"response_timeout","response_flags":"UT","route_name":"default","start_time":"2026-03-02T10:16:19.812Z","upstream_cluster":"outbound|8080||orders.shop.svc.cluster.local","upstream_host":"10.244.2.23:8080","upstream_local_address":"10.244.1.8:37022","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":24,"connection_termination_details":null,"downstream_local_address":"10.96.44.10:8080","downstream_remote_address":"10.244.1.8:37910","duration":3001,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":null,"requested_server_name":null,"response_code":504,"response_code_details":"response_timeout","response_flags":"UT","route_name":"default","start_time":"2026-03-02T10:16:19.912Z","upstream_cluster":"outbound|8080||orders.shop.svc.cluster.local","upstream_host":"10.244.2.23:8080","upstream_local_address":"10.244.1.9:38000","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":0,"connection_termination_details":null,"downstream_local_address":"10.244.2.23:8080","downstream_remote_address":"203.0.113.7:0","duration":2999,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":null,"requested_server_name":"outbound_.8080_._.orders.shop.svc.cluster.local","response_code":0,"response_code_details":"downstream_remote_disconnect","response_flags":"DC","route_name":"default","start_time":"2026-03-02T10:16:19.865Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.23:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
		},
		calls: []call{
			{verdict: "client_only", client: 1},
			{verdict: "client_only", client: 2},
			{verdict: "server_only", server: []int64{3}},
		},
	},
	{
		name:   "one caller, two hang-ups: nobody knows which",
		around: bothSides,
		lines: []string{
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":24,"connection_termination_details":null,"downstream_local_address":"10.96.44.10:8080","downstream_remote_address":"10.244.1.8:37910","duration":3001,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":null,"requested_server_name":null,"response_code":504,"response_code_details":"response_timeout","response_flags":"UT","route_name":"default","start_time":"2026-03-02T10:16:19.812Z","upstream_cluster":"outbound|8080||orders.shop.svc.cluster.local","upstream_host":"10.244.2.23:8080","upstream_local_address":"10.244.1.8:37022","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":0,"connection_termination_details":null,"downstream_local_address":"10.244.2.23:8080","downstream_remote_address":"203.0.113.7:0","duration":2999,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"7b0e2f10-6a5d-9c11-8d2e-3f4a5b6c7d8e","requested_server_name":"outbound_.8080_._.orders.shop.svc.cluster.local","response_code":0,"response_code_details":"downstream_remote_disconnect","response_flags":"DC","route_name":"default","start_time":"2026-03-02T10:16:19.715Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.23:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":0,"connection_termination_details":null,"downstream_local_address":"10.244.2.23:8080","downstream_remote_address":"203.0.113.8:0","duration":2999,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"dfa53579-b29c-9787-9719-10e42ca2cf98","requested_server_name":"outbound_.8080_._.orders.shop.svc.cluster.local","response_code":0,"response_code_details":"downstream_remote_disconnect","response_flags":"DC","route_name":"default","start_time":"2026-03-02T10:16:19.915Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.23:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
		},
		calls: []call{
			{verdict: "client_only", client: 1},
			{verdict: "server_only", server: []int64{2}},
			{verdict: "server_only", server: []int64{3}},
		},
	},
	{
		name:   "the nearest on a connection: the caller has ids",
		around: bothSides,
		lines: []string{
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":24,"connection_termination_details":null,"downstream_local_address":"10.96.44.10:8080","downstream_remote_address":"10.244.1.8:37910","duration":3001,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"7b0e2f10-6a5d-9c11-8d2e-3f4a5b6c7d8e","requested_server_name":null,"response_code":504,"response_code_details":"response_timeout","response_flags":"UT","route_name":"default","start_time":"2026-03-02T10:16:19.812Z","upstream_cluster":"outbound|8080||orders.shop.svc.cluster.local","upstream_host":"10.244.2.23:8080","upstream_local_address":"10.244.1.8:37022","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":24,"connection_termination_details":null,"downstream_local_address":"10.96.44.10:8080","downstream_remote_address":"10.244.1.8:37910","duration":3001,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"dfa53579-b29c-9787-9719-10e42ca2cf98","requested_server_name":null,"response_code":504,"response_code_details":"response_timeout","response_flags":"UT","route_name":"default","start_time":"2026-03-02T10:16:20.112Z","upstream_cluster":"outbound|8080||orders.shop.svc.cluster.local","upstream_host":"10.244.2.23:8080","upstream_local_address":"10.244.1.8:37022","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":0,"connection_termination_details":null,"downstream_local_address":"10.244.2.23:8080","downstream_remote_address":"10.244.1.8:37022","duration":2999,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":null,"requested_server_name":"outbound_.8080_._.orders.shop.svc.cluster.local","response_code":0,"response_code_details":"downstream_remote_disconnect","response_flags":"DC","route_name":"default","start_time":"2026-03-02T10:16:20.115Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.23:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
		},
		calls: []call{
			{verdict: "not_received", client: 1},
			{verdict: "confirmed", key: "tuple", client: 2, server: []int64{3}},
		},
	},
	{
		name:   "the nearest on a connection: the pod has ids",
		around: bothSides,
		lines: []string{
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":95,"connection_termination_details":null,"downstream_local_address":"10.96.44.10:8080","downstream_remote_address":"10.244.1.8:37910","duration":4824,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":null,"requested_server_name":null,"response_code":503,"response_code_details":"via_upstream","response_flags":"URX","route_name":"default","start_time":"2026-03-02T10:16:19.812Z","upstream_cluster":"outbound|8080||orders.shop.svc.cluster.local","upstream_host":"10.244.2.23:8080","upstream_local_address":"10.244.1.8:37022","upstream_service_time":"4823","upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":0,"connection_termination_details":null,"downstream_local_address":"10.244.2.23:8080","downstream_remote_address":"10.244.1.8:37022","duration":2978,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"7b0e2f10-6a5d-9c11-8d2e-3f4a5b6c7d8e","requested_server_name":"outbound_.8080_._.orders.shop.svc.cluster.local","response_code":503,"response_code_details":"upstream_reset_before_response_started{connection_termination}","response_flags":"UC","route_name":"default","start_time":"2026-03-02T10:16:21.004Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.23:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":0,"connection_termination_details":null,"downstream_local_address":"10.244.2.23:8080","downstream_remote_address":"10.244.1.8:37022","duration":673,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"7b0e2f10-6a5d-9c11-8d2e-3f4a5b6c7d8e","requested_server_name":"outbound_.8080_._.orders.shop.svc.cluster.local","response_code":503,"response_code_details":"upstream_reset_before_response_started{connection_termination}","response_flags":"UC","route_name":"default","start_time":"2026-03-02T10:16:23.990Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.23:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
		},
		calls: []call{
			{verdict: "app_closed", key: "tuple", client: 1, server: []int64{3}},
			{verdict: "server_only", server: []int64{2}},
		},
	},
	{
		name:   "a finished record of the same id comes before a half of the same time",
		around: bothSides,
		lines: []string{
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":0,"connection_termination_details":null,"downstream_local_address":"10.96.44.10:8080","downstream_remote_address":"10.244.1.8:37910","duration":1000,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"7b0e2f10-6a5d-9c11-8d2e-3f4a5b6c7d8e","requested_server_name":null,"response_code":0,"response_code_details":"downstream_remote_disconnect","response_flags":"DC","route_name":"default","start_time":"2026-03-02T10:16:19.812Z","upstream_cluster":"outbound|8080||orders.shop.svc.cluster.local","upstream_host":"10.244.2.23:8080","upstream_local_address":"10.244.1.8:37022","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":59,"connection_termination_details":null,"downstream_local_address":"10.244.2.23:8080","downstream_remote_address":"10.244.1.8:37022","duration":900,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"7b0e2f10-6a5d-9c11-8d2e-3f4a5b6c7d8e","requested_server_name":"outbound_.8080_._.orders.shop.svc.cluster.local","response_code":200,"response_code_details":"via_upstream","response_flags":"-","route_name":"default","start_time":"2026-03-02T10:16:19.814Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.23:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":"8","upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":0,"connection_termination_details":null,"downstream_local_address":"10.244.2.23:8080","downstream_remote_address":"203.0.113.7:0","duration":950,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":null,"requested_server_name":"outbound_.8080_._.orders.shop.svc.cluster.local","response_code":0,"response_code_details":"downstream_remote_disconnect","response_flags":"DC","route_name":"default","start_time":"2026-03-02T10:16:19.962Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.23:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
		},
		calls: []call{
			{verdict: "caller_left", key: "tuple_id", client: 1, server: []int64{2}},
			{verdict: "server_only", server: []int64{3}},
		},
	},
	{
		name:   "an attempt on the same pod, and an unrelated half without an id",
		around: bothSides,
		lines: []string{
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":59,"connection_termination_details":null,"downstream_local_address":"10.96.44.10:8080","downstream_remote_address":"10.244.1.8:37910","duration":1080,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"7b0e2f10-6a5d-9c11-8d2e-3f4a5b6c7d8e","requested_server_name":null,"response_code":200,"response_code_details":"via_upstream","response_flags":"-","route_name":"default","start_time":"2026-03-02T10:16:19.812Z","upstream_cluster":"outbound|8080||orders.shop.svc.cluster.local","upstream_host":"10.244.2.23:8080","upstream_local_address":"10.244.1.8:37030","upstream_service_time":"1079","upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":0,"connection_termination_details":null,"downstream_local_address":"10.244.2.23:8080","downstream_remote_address":"203.0.113.7:0","duration":1000,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"7b0e2f10-6a5d-9c11-8d2e-3f4a5b6c7d8e","requested_server_name":"outbound_.8080_._.orders.shop.svc.cluster.local","response_code":0,"response_code_details":"downstream_remote_disconnect","response_flags":"DC","route_name":"default","start_time":"2026-03-02T10:16:19.814Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.23:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":59,"connection_termination_details":null,"downstream_local_address":"10.244.2.23:8080","downstream_remote_address":"203.0.113.7:0","duration":40,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"7b0e2f10-6a5d-9c11-8d2e-3f4a5b6c7d8e","requested_server_name":"outbound_.8080_._.orders.shop.svc.cluster.local","response_code":200,"response_code_details":"via_upstream","response_flags":"-","route_name":"default","start_time":"2026-03-02T10:16:20.852Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.23:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":"39","upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":24,"connection_termination_details":null,"downstream_local_address":"10.96.44.10:8080","downstream_remote_address":"10.244.1.8:37910","duration":3001,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":null,"requested_server_name":null,"response_code":504,"response_code_details":"response_timeout","response_flags":"UT","route_name":"default","start_time":"2026-03-02T10:16:17.862Z","upstream_cluster":"outbound|8080||orders.shop.svc.cluster.local","upstream_host":"10.244.2.23:8080","upstream_local_address":"10.244.1.9:38000","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
		},
		calls: []call{
			{verdict: "joined", key: "id_host", client: 1, server: []int64{2}},
			{verdict: "client_only", client: 4},
		},
	},
	{
		name:   "a connection comes before a time",
		around: bothSides,
		lines: []string{
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":9,"connection_termination_details":null,"downstream_local_address":"10.96.44.10:8080","downstream_remote_address":"10.244.1.8:37910","duration":126,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":null,"requested_server_name":null,"response_code":500,"response_code_details":"via_upstream","response_flags":"-","route_name":"default","start_time":"2026-03-02T10:16:19.812Z","upstream_cluster":"outbound|8080||orders.shop.svc.cluster.local","upstream_host":"10.244.2.23:8080","upstream_local_address":"10.244.1.8:37022","upstream_service_time":"125","upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":9,"connection_termination_details":null,"downstream_local_address":"10.244.2.23:8080","downstream_remote_address":"10.244.1.8:37022","duration":126,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":null,"requested_server_name":"outbound_.8080_._.orders.shop.svc.cluster.local","response_code":500,"response_code_details":"via_upstream","response_flags":"-","route_name":"default","start_time":"2026-03-02T10:16:19.853Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.23:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":"124","upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":0,"connection_termination_details":null,"downstream_local_address":"10.244.2.23:8080","downstream_remote_address":"203.0.113.7:0","duration":3100,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"7b0e2f10-6a5d-9c11-8d2e-3f4a5b6c7d8e","requested_server_name":"outbound_.8080_._.orders.shop.svc.cluster.local","response_code":0,"response_code_details":"downstream_remote_disconnect","response_flags":"DC","route_name":"default","start_time":"2026-03-02T10:16:16.920Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.23:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
		},
		calls: []call{
			{verdict: "joined", key: "tuple", client: 1, server: []int64{2}},
			{verdict: "server_only", server: []int64{3}},
		},
	},
	{
		name:   "plain text to a pod that demands mTLS",
		around: bothSides,
		lines: []string{
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":95,"connection_termination_details":null,"downstream_local_address":"10.96.44.10:8080","downstream_remote_address":"10.244.1.8:37910","duration":2,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":null,"response_code":503,"response_code_details":"upstream_reset_before_response_started{connection_termination}","response_flags":"UC","route_name":"default","start_time":"2026-03-02T10:16:19.814Z","upstream_cluster":"outbound|8080||orders.shop.svc.cluster.local","upstream_host":"10.244.2.25:8080","upstream_local_address":"10.244.1.8:37022","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":null,"bytes_received":0,"bytes_sent":0,"connection_termination_details":null,"downstream_local_address":"10.244.2.25:8080","downstream_remote_address":"10.244.1.8:37022","duration":0,"method":null,"path":null,"protocol":null,"request_id":null,"requested_server_name":null,"response_code":0,"response_code_details":"filter_chain_not_found","response_flags":"NR","route_name":null,"start_time":"2026-03-02T10:16:19.813Z","upstream_cluster":null,"upstream_host":null,"upstream_local_address":null,"upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":null,"x_forwarded_for":null}`,
		},
		calls: []call{
			{verdict: "mtls_refused", key: "tuple", client: 1, server: []int64{2}},
		},
	},
	{
		name:   "the same, and the service has calls of a minute",
		around: bothSides,
		lines: []string{
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":95,"connection_termination_details":null,"downstream_local_address":"10.96.44.10:8080","downstream_remote_address":"10.244.1.8:37910","duration":2,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":null,"response_code":503,"response_code_details":"upstream_reset_before_response_started{connection_termination}","response_flags":"UC","route_name":"default","start_time":"2026-03-02T10:16:19.814Z","upstream_cluster":"outbound|8080||orders.shop.svc.cluster.local","upstream_host":"10.244.2.25:8080","upstream_local_address":"10.244.1.8:37022","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":null,"bytes_received":0,"bytes_sent":0,"connection_termination_details":null,"downstream_local_address":"10.244.2.25:8080","downstream_remote_address":"10.244.1.8:37022","duration":0,"method":null,"path":null,"protocol":null,"request_id":null,"requested_server_name":null,"response_code":0,"response_code_details":"filter_chain_not_found","response_flags":"NR","route_name":null,"start_time":"2026-03-02T10:16:19.813Z","upstream_cluster":null,"upstream_host":null,"upstream_local_address":null,"upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":null,"x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":59,"connection_termination_details":null,"downstream_local_address":"10.96.44.10:8080","downstream_remote_address":"10.244.1.8:37910","duration":60000,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"dfa53579-b29c-9787-9719-10e42ca2cf98","requested_server_name":null,"response_code":200,"response_code_details":"via_upstream","response_flags":"-","route_name":"default","start_time":"2026-03-02T10:14:44.812Z","upstream_cluster":"outbound|8080||orders.shop.svc.cluster.local","upstream_host":"10.244.2.23:8080","upstream_local_address":"10.244.1.8:37022","upstream_service_time":"59999","upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
		},
		calls: []call{
			{verdict: "mtls_refused", key: "tuple", client: 1, server: []int64{2}},
		},
	},
	{
		name:   "the first timeout of a minute: the pod logs no ids",
		around: bothSides,
		lines: []string{
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":24,"connection_termination_details":null,"downstream_local_address":"10.96.44.10:8080","downstream_remote_address":"10.244.1.8:37910","duration":60001,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":null,"response_code":504,"response_code_details":"response_timeout","response_flags":"UT","route_name":"default","start_time":"2026-03-02T10:16:19.812Z","upstream_cluster":"outbound|8080||orders.shop.svc.cluster.local","upstream_host":"10.244.2.23:8080","upstream_local_address":"10.244.1.8:37022","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":0,"connection_termination_details":null,"downstream_local_address":"10.244.2.23:8080","downstream_remote_address":"10.244.1.8:37022","duration":60000,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":null,"requested_server_name":"outbound_.8080_._.orders.shop.svc.cluster.local","response_code":0,"response_code_details":"downstream_remote_disconnect","response_flags":"DC","route_name":"default","start_time":"2026-03-02T10:16:19.807Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.23:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
		},
		calls: []call{
			{verdict: "confirmed", key: "tuple", client: 1, server: []int64{2}},
		},
	},
	{
		name:   "a half takes no half that ended after its wait",
		around: bothSides,
		lines: []string{
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":24,"connection_termination_details":null,"downstream_local_address":"10.96.44.10:8080","downstream_remote_address":"10.244.1.8:37910","duration":3001,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":null,"response_code":504,"response_code_details":"response_timeout","response_flags":"UT","route_name":"default","start_time":"2026-03-02T10:16:19.812Z","upstream_cluster":"outbound|8080||orders.shop.svc.cluster.local","upstream_host":"10.244.2.23:8080","upstream_local_address":"10.244.1.8:37022","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":0,"connection_termination_details":null,"downstream_local_address":"10.244.2.23:8080","downstream_remote_address":"10.244.1.8:37022","duration":2999,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":"outbound_.8080_._.orders.shop.svc.cluster.local","response_code":0,"response_code_details":"downstream_remote_disconnect","response_flags":"DC","route_name":"default","start_time":"2026-03-02T10:17:04.815Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.23:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
		},
		calls: []call{
			{verdict: "not_received", client: 1},
			{verdict: "server_only", server: []int64{2}},
		},
	},
	{
		name:   "a half takes no answer that ended before its wait",
		around: bothSides,
		lines: []string{
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":24,"connection_termination_details":null,"downstream_local_address":"10.96.44.10:8080","downstream_remote_address":"10.244.1.8:37910","duration":3001,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":null,"response_code":504,"response_code_details":"response_timeout","response_flags":"UT","route_name":"default","start_time":"2026-03-02T10:16:19.812Z","upstream_cluster":"outbound|8080||orders.shop.svc.cluster.local","upstream_host":"10.244.2.23:8080","upstream_local_address":"10.244.1.8:37022","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":59,"connection_termination_details":null,"downstream_local_address":"10.244.2.23:8080","downstream_remote_address":"10.244.1.8:37022","duration":5,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":"outbound_.8080_._.orders.shop.svc.cluster.local","response_code":200,"response_code_details":"via_upstream","response_flags":"-","route_name":"default","start_time":"2026-03-02T10:15:34.812Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.23:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":"4","upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
		},
		calls: []call{
			{verdict: "not_received", client: 1},
		},
	},
	{
		name:   "a half takes no answer that ended after its wait",
		around: bothSides,
		lines: []string{
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":24,"connection_termination_details":null,"downstream_local_address":"10.96.44.10:8080","downstream_remote_address":"10.244.1.8:37910","duration":3001,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":null,"response_code":504,"response_code_details":"response_timeout","response_flags":"UT","route_name":"default","start_time":"2026-03-02T10:16:19.812Z","upstream_cluster":"outbound|8080||orders.shop.svc.cluster.local","upstream_host":"10.244.2.23:8080","upstream_local_address":"10.244.1.8:37022","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":59,"connection_termination_details":null,"downstream_local_address":"10.244.2.23:8080","downstream_remote_address":"10.244.1.8:37022","duration":5,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":"outbound_.8080_._.orders.shop.svc.cluster.local","response_code":200,"response_code_details":"via_upstream","response_flags":"-","route_name":"default","start_time":"2026-03-02T10:17:05.812Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.23:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":"4","upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
		},
		calls: []call{
			{verdict: "not_received", client: 1},
		},
	},
	{
		name:   "an attempt is not hidden by a call that ended after its wait",
		around: bothSides,
		lines: []string{
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":0,"connection_termination_details":null,"downstream_local_address":"10.244.2.23:8080","downstream_remote_address":"10.244.1.8:37022","duration":2999,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":"outbound_.8080_._.orders.shop.svc.cluster.local","response_code":0,"response_code_details":"downstream_remote_disconnect","response_flags":"DC","route_name":"default","start_time":"2026-03-02T10:16:19.815Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.23:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":59,"connection_termination_details":null,"downstream_local_address":"10.96.44.10:8080","downstream_remote_address":"10.244.1.8:37910","duration":200,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":null,"response_code":200,"response_code_details":"via_upstream","response_flags":"-","route_name":"default","start_time":"2026-03-02T10:17:05.812Z","upstream_cluster":"outbound|8080||orders.shop.svc.cluster.local","upstream_host":"10.244.2.24:8080","upstream_local_address":"10.244.1.8:37022","upstream_service_time":"9","upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
		},
		calls: []call{
			{verdict: "server_only", server: []int64{1}},
		},
	},
	{
		name:   "the call ended just before its attempt: two clocks",
		around: bothSides,
		lines: []string{
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":24,"connection_termination_details":null,"downstream_local_address":"10.96.44.10:8080","downstream_remote_address":"10.244.1.8:37910","duration":2030,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":null,"response_code":504,"response_code_details":"upstream_per_try_timeout","response_flags":"URX,UT","route_name":"default","start_time":"2026-03-02T10:16:19.812Z","upstream_cluster":"outbound|8080||orders.shop.svc.cluster.local","upstream_host":"10.244.2.24:8080","upstream_local_address":"10.244.1.8:37030","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":0,"connection_termination_details":null,"downstream_local_address":"10.244.2.23:8080","downstream_remote_address":"10.244.1.8:37022","duration":1000,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":"outbound_.8080_._.orders.shop.svc.cluster.local","response_code":0,"response_code_details":"downstream_remote_disconnect","response_flags":"DC","route_name":"default","start_time":"2026-03-02T10:16:21.512Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.23:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":0,"connection_termination_details":null,"downstream_local_address":"10.244.2.24:8080","downstream_remote_address":"10.244.1.8:37030","duration":999,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":"outbound_.8080_._.orders.shop.svc.cluster.local","response_code":0,"response_code_details":"downstream_remote_disconnect","response_flags":"DC","route_name":"default","start_time":"2026-03-02T10:16:20.845Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.24:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
		},
		calls: []call{
			{verdict: "confirmed", key: "tuple_id", client: 1, server: []int64{3}},
			{verdict: "hidden_retry", client: 1, server: []int64{2}},
		},
	},
	{
		name:   "the same, and a slice ends between the two",
		around: bothSides,
		lines: []string{
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":24,"connection_termination_details":null,"downstream_local_address":"10.96.44.10:8080","downstream_remote_address":"10.244.1.8:37910","duration":2030,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":null,"response_code":504,"response_code_details":"upstream_per_try_timeout","response_flags":"URX,UT","route_name":"default","start_time":"2026-03-02T10:16:27.912Z","upstream_cluster":"outbound|8080||orders.shop.svc.cluster.local","upstream_host":"10.244.2.24:8080","upstream_local_address":"10.244.1.8:37030","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":0,"connection_termination_details":null,"downstream_local_address":"10.244.2.23:8080","downstream_remote_address":"10.244.1.8:37022","duration":1000,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":"outbound_.8080_._.orders.shop.svc.cluster.local","response_code":0,"response_code_details":"downstream_remote_disconnect","response_flags":"DC","route_name":"default","start_time":"2026-03-02T10:16:29.612Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.23:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":0,"connection_termination_details":null,"downstream_local_address":"10.244.2.24:8080","downstream_remote_address":"10.244.1.8:37030","duration":999,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":"outbound_.8080_._.orders.shop.svc.cluster.local","response_code":0,"response_code_details":"downstream_remote_disconnect","response_flags":"DC","route_name":"default","start_time":"2026-03-02T10:16:28.945Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.24:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
		},
		calls: []call{
			{verdict: "confirmed", key: "tuple_id", client: 1, server: []int64{3}},
			{verdict: "hidden_retry", client: 1, server: []int64{2}},
		},
	},
	{
		name:   "a longer call teaches a longer wait, and decides what was read long ago",
		around: bothSides,
		lines: []string{
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":0,"connection_termination_details":null,"downstream_local_address":"10.244.2.23:8080","downstream_remote_address":"10.244.1.8:37022","duration":2999,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"7b0e2f10-6a5d-9c11-8d2e-3f4a5b6c7d8e","requested_server_name":"outbound_.8080_._.orders.shop.svc.cluster.local","response_code":0,"response_code_details":"downstream_remote_disconnect","response_flags":"DC","route_name":"default","start_time":"2026-03-02T10:16:19.815Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.23:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":59,"connection_termination_details":null,"downstream_local_address":"10.96.44.10:8080","downstream_remote_address":"10.244.1.8:37910","duration":90000,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"dfa53579-b29c-9787-9719-10e42ca2cf98","requested_server_name":null,"response_code":200,"response_code_details":"via_upstream","response_flags":"-","route_name":"default","start_time":"2026-03-02T10:15:22.812Z","upstream_cluster":"outbound|8080||orders.shop.svc.cluster.local","upstream_host":"10.244.2.23:8080","upstream_local_address":"10.244.1.8:37022","upstream_service_time":"89999","upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
		},
		calls: []call{
			{verdict: "server_only", server: []int64{1}},
		},
	},
}
