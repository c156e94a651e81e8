package correlate_test

import "testing"

// TestGoldenPairs: every pair has exactly one meaning, however the proxies
// spell their values.
func TestGoldenPairs(t *testing.T) { testPairs(t, goldenPairs) }

var goldenPairs = []pair{
	{
		name: "1 timeout, HTTP/1.1",
		lines: []string{
			"client",
			"server",
		},
		calls: []call{
			{verdict: "confirmed", key: "tuple_id", client: 1, server: []int64{2}},
		},
	},
	{
		name: "2 timeout, HTTP/2",
		lines: []string{
			"client",
			"server protocol=HTTP/2 response_code_details=http2.remote_reset response_flags=DR start_time=10:16:19.816",
		},
		calls: []call{
			{verdict: "confirmed", key: "tuple_id", client: 1, server: []int64{2}},
		},
	},
	{
		name: "3 timeout, a proxy before 1.30",
		lines: []string{
			"client",
			"server duration=3000 protocol=HTTP/2 response_code_details=http2.remote_reset response_flags=- start_time=10:16:19.814",
		},
		calls: []call{
			{verdict: "confirmed", key: "tuple_id", client: 1, server: []int64{2}},
		},
	},
	{
		name: "4 per-try timeout on two pods",
		lines: []string{
			"client duration=2030 response_code_details=upstream_per_try_timeout response_flags=URX,UT upstream_host=10.244.2.24:8080 upstream_local_address=10.244.1.8:37030",
			"server duration=1000",
			"server downstream_local_address=10.244.2.24:8080 downstream_remote_address=10.244.1.8:37030 duration=999 start_time=10:16:20.845 upstream_host=10.244.2.24:8080",
		},
		calls: []call{
			{verdict: "confirmed", key: "tuple_id", client: 1, server: []int64{3}},
			{verdict: "hidden_retry", client: 1, server: []int64{2}},
		},
	},
	{
		name: "5 the retry helped",
		lines: []string{
			"client bytes_sent=59 duration=1045 response_code=200 response_code_details=via_upstream response_flags=- upstream_host=10.244.2.24:8080 upstream_local_address=10.244.1.8:37030 upstream_service_time=1044",
			"server duration=1000",
			"server bytes_sent=59 downstream_local_address=10.244.2.24:8080 downstream_remote_address=10.244.1.8:37030 duration=9 response_code=200 response_code_details=via_upstream response_flags=- start_time=10:16:20.845 upstream_host=10.244.2.24:8080 upstream_service_time=8",
		},
		calls: []call{
			{verdict: "hidden_retry", client: 1, server: []int64{2}},
		},
	},
	{
		name: "6 the caller hung up",
		lines: []string{
			"client bytes_sent=0 duration=2966 response_code=0 response_code_details=downstream_remote_disconnect response_flags=DC",
			"server duration=2968 start_time=10:16:19.813",
		},
		calls: []call{
			{verdict: "caller_left", key: "tuple_id", client: 1, server: []int64{2}},
		},
	},
	{
		name:   "7 a caller without a sidecar",
		around: bothSides,
		lines: []string{
			"server",
		},
		calls: []call{
			{verdict: "server_only", server: []int64{1}},
		},
	},
	{
		name: "8 answered at once",
		lines: []string{
			"client",
			"server bytes_sent=59 duration=5 response_code=200 response_code_details=via_upstream response_flags=- upstream_service_time=4",
		},
		calls: []call{
			{verdict: "answered_late", key: "tuple_id", client: 1, server: []int64{2}},
		},
	},
	{
		name:   "9 the pod reports, yet has no record",
		around: bothSides,
		lines: []string{
			"client",
		},
		calls: []call{
			{verdict: "not_received", client: 1},
		},
	},
	{
		name:   "10 the pod writes no log",
		around: callersOnly,
		lines: []string{
			"client",
		},
		calls: []call{
			{verdict: "client_only", client: 1},
		},
	},
	{
		name:   "11 cut while the answer was sent, alone",
		around: bothSides,
		lines: []string{
			"server bytes_sent=70000 duration=900 response_code=206 upstream_service_time=12",
		},
		calls: []call{
			{verdict: "server_only", server: []int64{1}},
		},
	},
	{
		name: "11 beside the caller's hang-up",
		lines: []string{
			"client bytes_sent=69000 duration=902 response_code=200 response_code_details=downstream_remote_disconnect response_flags=DC upstream_service_time=14",
			"server bytes_sent=70000 duration=900 response_code=200 start_time=10:16:19.813 upstream_service_time=12",
		},
		calls: []call{
			{verdict: "caller_left", key: "tuple_id", client: 1, server: []int64{2}},
		},
	},
	{
		name: "12 connection refused",
		lines: []string{
			"client bytes_sent=190 duration=63 response_code=503 response_code_details=upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused} response_flags=URX,UF upstream_local_address=null upstream_transport_failure_reason=delayed_connect_error:_Connection_refused",
		},
		calls: []call{
			{verdict: "not_sent", client: 1},
		},
	},
	{
		name:   "13 the pod's clock is 35 s behind",
		around: bothSides,
		lines: []string{
			"client",
			"server start_time=10:15:44.815",
		},
		calls: []call{
			{verdict: "confirmed", key: "tuple_id", client: 1, server: []int64{2}},
		},
	},
	{
		name:   "13 the pod's clock is 35 s ahead",
		around: bothSides,
		lines: []string{
			"client",
			"server start_time=10:16:54.815",
		},
		calls: []call{
			{verdict: "confirmed", key: "tuple_id", client: 1, server: []int64{2}},
		},
	},
	{
		name: "14 an address that changed hands, with pod ids",
		lines: []string{
			"client bytes_sent=59 duration=10 request_id=c1f7a7d2-3c44-9a10-9a55-0b7c6d5e4f31 response_code=200 response_code_details=via_upstream response_flags=- start_time=10:16:10.812 upstream_local_address=10.244.1.8:37999 upstream_service_time=9 kubernetes.pod_name=web-1 kubernetes.namespace_name=shop kubernetes.pod_id=id-web-1 kubernetes.host=node-1",
			"server bytes_sent=59 downstream_remote_address=10.244.1.8:37999 duration=5 request_id=c1f7a7d2-3c44-9a10-9a55-0b7c6d5e4f31 response_code=200 response_code_details=via_upstream response_flags=- start_time=10:16:10.815 upstream_service_time=4 kubernetes.pod_name=orders-a kubernetes.namespace_name=shop kubernetes.pod_id=id-a kubernetes.host=node-2",
			"client kubernetes.pod_name=web-1 kubernetes.namespace_name=shop kubernetes.pod_id=id-web-1 kubernetes.host=node-1",
			"server kubernetes.pod_name=orders-a kubernetes.namespace_name=shop kubernetes.pod_id=id-a kubernetes.host=node-2",
			"client bytes_sent=59 duration=10 request_id=c1f7a7d2-3c44-9a10-9a55-0b7c6d5e4f32 response_code=200 response_code_details=via_upstream response_flags=- start_time=10:17:10.812 upstream_local_address=10.244.1.8:37999 upstream_service_time=9 kubernetes.pod_name=web-1 kubernetes.namespace_name=shop kubernetes.pod_id=id-web-1 kubernetes.host=node-1",
			"server bytes_sent=59 downstream_remote_address=10.244.1.8:37999 duration=5 request_id=c1f7a7d2-3c44-9a10-9a55-0b7c6d5e4f32 response_code=200 response_code_details=via_upstream response_flags=- start_time=10:17:10.815 upstream_service_time=4 kubernetes.pod_name=orders-b kubernetes.namespace_name=shop kubernetes.pod_id=id-b kubernetes.host=node-2",
			"client request_id=7b0e2f10-6a5d-9c11-8d2e-3f4a5b6c7d8e start_time=10:17:19.812 kubernetes.pod_name=web-1 kubernetes.namespace_name=shop kubernetes.pod_id=id-web-1 kubernetes.host=node-1",
			"server request_id=7b0e2f10-6a5d-9c11-8d2e-3f4a5b6c7d8e start_time=10:17:19.815 kubernetes.pod_name=orders-b kubernetes.namespace_name=shop kubernetes.pod_id=id-b kubernetes.host=node-2",
		},
		calls: []call{
			{verdict: "confirmed", key: "tuple_id", client: 3, server: []int64{4}},
			{verdict: "confirmed", key: "tuple_id", client: 7, server: []int64{8}},
		},
		pods: []string{
			"orders orders-a: 2 by callers, 2 by itself, 1 confirmed",
			"orders orders-b: 2 by callers, 2 by itself, 1 confirmed",
		},
		noText: "the text has no kubernetes object, and so no pod id",
	},
	{
		name: "14 an address that changed hands to another service",
		lines: []string{
			"client bytes_sent=59 duration=10 request_id=c1f7a7d2-3c44-9a10-9a55-0b7c6d5e4f31 response_code=200 response_code_details=via_upstream response_flags=- start_time=10:16:10.812 upstream_local_address=10.244.1.8:37999 upstream_service_time=9",
			"server bytes_sent=59 downstream_remote_address=10.244.1.8:37999 duration=5 request_id=c1f7a7d2-3c44-9a10-9a55-0b7c6d5e4f31 response_code=200 response_code_details=via_upstream response_flags=- start_time=10:16:10.815 upstream_service_time=4",
			"client",
			"server",
			"client authority=stock:8080 bytes_sent=59 duration=10 path=/api/stock/42 request_id=c1f7a7d2-3c44-9a10-9a55-0b7c6d5e4f32 response_code=200 response_code_details=via_upstream response_flags=- start_time=10:17:10.812 upstream_cluster=outbound|8080||stock.shop.svc.cluster.local upstream_local_address=10.244.1.8:37999 upstream_service_time=9",
			"server authority=stock:8080 bytes_sent=59 downstream_remote_address=10.244.1.8:37999 duration=5 path=/api/stock/42 request_id=c1f7a7d2-3c44-9a10-9a55-0b7c6d5e4f32 requested_server_name=outbound_.8080_._.stock.shop.svc.cluster.local response_code=200 response_code_details=via_upstream response_flags=- start_time=10:17:10.815 upstream_service_time=4",
			"client authority=stock:8080 path=/api/stock/42 request_id=7b0e2f10-6a5d-9c11-8d2e-3f4a5b6c7d8e start_time=10:17:19.812 upstream_cluster=outbound|8080||stock.shop.svc.cluster.local",
			"server authority=stock:8080 path=/api/stock/42 request_id=7b0e2f10-6a5d-9c11-8d2e-3f4a5b6c7d8e requested_server_name=outbound_.8080_._.stock.shop.svc.cluster.local start_time=10:17:19.815",
		},
		calls: []call{
			{verdict: "confirmed", key: "tuple_id", client: 3, server: []int64{4}},
			{verdict: "confirmed", key: "tuple_id", client: 7, server: []int64{8}},
		},
		pods: []string{
			"orders : 2 by callers, 2 by itself, 1 confirmed",
			"stock : 2 by callers, 2 by itself, 1 confirmed",
		},
	},
	{
		name: "14 an address that changed hands in ten minutes of silence",
		lines: []string{
			"client bytes_sent=59 duration=10 request_id=c1f7a7d2-3c44-9a10-9a55-0b7c6d5e4f31 response_code=200 response_code_details=via_upstream response_flags=- start_time=10:16:10.812 upstream_local_address=10.244.1.8:37999 upstream_service_time=9",
			"server bytes_sent=59 downstream_remote_address=10.244.1.8:37999 duration=5 request_id=c1f7a7d2-3c44-9a10-9a55-0b7c6d5e4f31 response_code=200 response_code_details=via_upstream response_flags=- start_time=10:16:10.815 upstream_service_time=4",
			"client",
			"server",
			"client bytes_sent=59 duration=10 request_id=c1f7a7d2-3c44-9a10-9a55-0b7c6d5e4f32 response_code=200 response_code_details=via_upstream response_flags=- start_time=10:27:10.812 upstream_local_address=10.244.1.8:37999 upstream_service_time=9",
			"server bytes_sent=59 downstream_remote_address=10.244.1.8:37999 duration=5 request_id=c1f7a7d2-3c44-9a10-9a55-0b7c6d5e4f32 response_code=200 response_code_details=via_upstream response_flags=- start_time=10:27:10.815 upstream_service_time=4",
			"client request_id=7b0e2f10-6a5d-9c11-8d2e-3f4a5b6c7d8e start_time=10:27:19.812",
			"server request_id=7b0e2f10-6a5d-9c11-8d2e-3f4a5b6c7d8e start_time=10:27:19.815",
		},
		calls: []call{
			{verdict: "confirmed", key: "tuple_id", client: 3, server: []int64{4}},
			{verdict: "confirmed", key: "tuple_id", client: 7, server: []int64{8}},
		},
		pods: []string{
			"orders : 2 by callers, 2 by itself, 1 confirmed",
			"orders : 2 by callers, 2 by itself, 1 confirmed",
		},
	},
	{
		name:   "15 the pod's clock is 40 s behind",
		around: bothSides,
		lines: []string{
			"client",
			"server start_time=10:15:39.814",
		},
		calls: []call{
			{verdict: "confirmed", key: "tuple_id", client: 1, server: []int64{2}},
		},
	},
	{
		name:   "15 the caller's clock is 40 s behind",
		around: bothSides,
		lines: []string{
			"client start_time=10:15:39.812",
			"server start_time=10:16:19.814",
		},
		calls: []call{
			{verdict: "confirmed", key: "tuple_id", client: 1, server: []int64{2}},
		},
	},
	{
		name:   "15 the pod's clock is 40 s ahead",
		around: bothSides,
		lines: []string{
			"client",
			"server start_time=10:16:59.814",
		},
		calls: []call{
			{verdict: "confirmed", key: "tuple_id", client: 1, server: []int64{2}},
		},
	},
	{
		name:   "15 the caller's clock is 40 s ahead",
		around: bothSides,
		lines: []string{
			"client start_time=10:16:59.812",
			"server start_time=10:16:19.814",
		},
		calls: []call{
			{verdict: "confirmed", key: "tuple_id", client: 1, server: []int64{2}},
		},
	},
	{
		name: "16 both lines delivered twice",
		lines: []string{
			"client",
			"client",
			"server",
			"server",
		},
		calls: []call{
			{verdict: "confirmed", key: "tuple_id", client: 1, server: []int64{3}},
		},
	},
	{
		name: "16 an answer delivered twice",
		lines: []string{
			"client",
			"server bytes_sent=59 duration=5 response_code=200 response_code_details=via_upstream response_flags=- upstream_service_time=4",
			"server bytes_sent=59 duration=5 response_code=200 response_code_details=via_upstream response_flags=- upstream_service_time=4",
		},
		calls: []call{
			{verdict: "answered_late", key: "tuple_id", client: 1, server: []int64{2}},
		},
	},
	{
		name: "17 the id passed on to a deeper hop that is slow",
		lines: []string{
			"client",
			"server",
			"server downstream_local_address=10.96.44.10:8080 downstream_remote_address=10.244.1.8:37910 duration=2990 requested_server_name=null start_time=10:16:19.820 upstream_cluster=outbound|8080||stock.shop.svc.cluster.local upstream_host=10.244.2.31:8080 upstream_local_address=10.244.2.23:41000",
			"server downstream_local_address=10.244.2.31:8080 downstream_remote_address=10.244.2.23:41000 duration=2990 requested_server_name=outbound_.8080_._.stock.shop.svc.cluster.local start_time=10:16:19.822 upstream_host=10.244.2.31:8080",
		},
		calls: []call{
			{verdict: "confirmed", key: "tuple_id", client: 1, server: []int64{2}},
			{verdict: "caller_left", key: "tuple_id", client: 3, server: []int64{4}},
		},
	},
	{
		name: "17 the id passed on to a deeper hop that fails",
		lines: []string{
			"client bytes_sent=59 duration=1205 response_code=200 response_code_details=via_upstream response_flags=- upstream_service_time=1204",
			"server bytes_sent=59 duration=1202 response_code=200 response_code_details=via_upstream response_flags=- start_time=10:16:19.814 upstream_service_time=1201",
			"client duration=1000 start_time=10:16:19.820 upstream_cluster=outbound|8080||stock.shop.svc.cluster.local upstream_host=10.244.2.31:8080 upstream_local_address=10.244.2.23:41000",
			"server downstream_local_address=10.244.2.31:8080 downstream_remote_address=10.244.2.23:41000 duration=999 requested_server_name=outbound_.8080_._.stock.shop.svc.cluster.local start_time=10:16:19.822 upstream_host=10.244.2.31:8080",
		},
		calls: []call{
			{verdict: "confirmed", key: "tuple_id", client: 3, server: []int64{4}},
		},
	},
	{
		name:   "17 the deeper hop's caller does not report",
		around: bothSides,
		lines: []string{
			"client bytes_sent=59 duration=1205 response_code=200 response_code_details=via_upstream response_flags=- upstream_service_time=1204",
			"server downstream_local_address=10.244.2.31:8080 downstream_remote_address=10.244.2.23:41000 duration=999 requested_server_name=outbound_.8080_._.stock.shop.svc.cluster.local start_time=10:16:19.822 upstream_host=10.244.2.31:8080",
		},
		calls: []call{
			{verdict: "server_only", server: []int64{2}},
		},
	},
}
