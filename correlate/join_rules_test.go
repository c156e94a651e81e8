package correlate_test

import (
	"testing"
)

// TestJoinRules: what the keys and the wait demand beyond the golden pairs.
func TestJoinRules(t *testing.T) { testPairs(t, joinRules) }

var joinRules = []pair{
	{
		name:   "a request that was not sent has no other side",
		around: bothSides,
		lines: []string{
			"client bytes_sent=0 duration=3000 request_id=null response_code=503 response_code_details=upstream_reset_before_response_started{connection_timeout} response_flags=UF upstream_local_address=null",
			"server downstream_remote_address=203.0.113.7:0 duration=1000 request_id=7b0e2f10-6a5d-9c11-8d2e-3f4a5b6c7d8e start_time=10:16:21.912",
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
			"client bytes_sent=0 duration=3000 response_code=503 response_code_details=upstream_reset_before_response_started{connection_timeout} response_flags=UF upstream_local_address=null",
			"server downstream_remote_address=203.0.113.7:0 duration=1000 request_id=null start_time=10:16:21.912",
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
			"client bytes_sent=0 duration=3000 request_id=null response_code=503 response_code_details=upstream_reset_before_response_started{connection_timeout} response_flags=UF upstream_local_address=null",
			"client request_id=null",
			"server downstream_remote_address=203.0.113.7:0 request_id=null",
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
			"client request_id=null",
			"client request_id=null start_time=10:16:19.912 upstream_local_address=10.244.1.9:38000",
			"server downstream_remote_address=203.0.113.7:0 request_id=null start_time=10:16:19.865",
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
			"client request_id=null",
			"server downstream_remote_address=203.0.113.7:0 request_id=7b0e2f10-6a5d-9c11-8d2e-3f4a5b6c7d8e start_time=10:16:19.715",
			"server downstream_remote_address=203.0.113.8:0 request_id=dfa53579-b29c-9787-9719-10e42ca2cf98 start_time=10:16:19.915",
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
			"client request_id=7b0e2f10-6a5d-9c11-8d2e-3f4a5b6c7d8e",
			"client request_id=dfa53579-b29c-9787-9719-10e42ca2cf98 start_time=10:16:20.112",
			"server request_id=null start_time=10:16:20.115",
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
			"client bytes_sent=95 duration=4824 request_id=null response_code=503 response_code_details=via_upstream response_flags=URX upstream_service_time=4823",
			"server duration=2978 request_id=7b0e2f10-6a5d-9c11-8d2e-3f4a5b6c7d8e response_code=503 response_code_details=upstream_reset_before_response_started{connection_termination} response_flags=UC start_time=10:16:21.004",
			"server duration=673 request_id=7b0e2f10-6a5d-9c11-8d2e-3f4a5b6c7d8e response_code=503 response_code_details=upstream_reset_before_response_started{connection_termination} response_flags=UC start_time=10:16:23.990",
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
			"client bytes_sent=0 duration=1000 request_id=7b0e2f10-6a5d-9c11-8d2e-3f4a5b6c7d8e response_code=0 response_code_details=downstream_remote_disconnect response_flags=DC",
			"server bytes_sent=59 duration=900 request_id=7b0e2f10-6a5d-9c11-8d2e-3f4a5b6c7d8e response_code=200 response_code_details=via_upstream response_flags=- start_time=10:16:19.814 upstream_service_time=8",
			"server downstream_remote_address=203.0.113.7:0 duration=950 request_id=null start_time=10:16:19.962",
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
			"client bytes_sent=59 duration=1080 request_id=7b0e2f10-6a5d-9c11-8d2e-3f4a5b6c7d8e response_code=200 response_code_details=via_upstream response_flags=- upstream_local_address=10.244.1.8:37030 upstream_service_time=1079",
			"server downstream_remote_address=203.0.113.7:0 duration=1000 request_id=7b0e2f10-6a5d-9c11-8d2e-3f4a5b6c7d8e start_time=10:16:19.814",
			"server bytes_sent=59 downstream_remote_address=203.0.113.7:0 duration=40 request_id=7b0e2f10-6a5d-9c11-8d2e-3f4a5b6c7d8e response_code=200 response_code_details=via_upstream response_flags=- start_time=10:16:20.852 upstream_service_time=39",
			"client request_id=null start_time=10:16:17.862 upstream_local_address=10.244.1.9:38000",
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
			"client bytes_sent=9 duration=126 request_id=null response_code=500 response_code_details=via_upstream response_flags=- upstream_service_time=125",
			"server bytes_sent=9 duration=126 request_id=null response_code=500 response_code_details=via_upstream response_flags=- start_time=10:16:19.853 upstream_service_time=124",
			"server downstream_remote_address=203.0.113.7:0 duration=3100 request_id=7b0e2f10-6a5d-9c11-8d2e-3f4a5b6c7d8e start_time=10:16:16.920",
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
			"client bytes_sent=95 duration=2 response_code=503 response_code_details=upstream_reset_before_response_started{connection_termination} response_flags=UC start_time=10:16:19.814 upstream_host=10.244.2.25:8080",
			"server authority=null downstream_local_address=10.244.2.25:8080 duration=0 method=null path=null protocol=null request_id=null requested_server_name=null response_code_details=filter_chain_not_found response_flags=NR route_name=null start_time=10:16:19.813 upstream_cluster=null upstream_host=null upstream_local_address=null user_agent=null",
		},
		calls: []call{
			{verdict: "mtls_refused", key: "tuple", client: 1, server: []int64{2}},
		},
	},
	{
		name:   "the same, and the service has calls of a minute",
		around: bothSides,
		lines: []string{
			"client bytes_sent=95 duration=2 response_code=503 response_code_details=upstream_reset_before_response_started{connection_termination} response_flags=UC start_time=10:16:19.814 upstream_host=10.244.2.25:8080",
			"server authority=null downstream_local_address=10.244.2.25:8080 duration=0 method=null path=null protocol=null request_id=null requested_server_name=null response_code_details=filter_chain_not_found response_flags=NR route_name=null start_time=10:16:19.813 upstream_cluster=null upstream_host=null upstream_local_address=null user_agent=null",
			"client bytes_sent=59 duration=60000 request_id=dfa53579-b29c-9787-9719-10e42ca2cf98 response_code=200 response_code_details=via_upstream response_flags=- start_time=10:14:44.812 upstream_service_time=59999",
		},
		calls: []call{
			{verdict: "mtls_refused", key: "tuple", client: 1, server: []int64{2}},
		},
	},
	{
		name:   "the first timeout of a minute: the pod logs no ids",
		around: bothSides,
		lines: []string{
			"client duration=60001",
			"server duration=60000 request_id=null start_time=10:16:19.807",
		},
		calls: []call{
			{verdict: "confirmed", key: "tuple", client: 1, server: []int64{2}},
		},
	},
	{
		name:   "a half takes no half that ended after its wait",
		around: bothSides,
		lines: []string{
			"client",
			"server start_time=10:17:04.815",
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
			"client",
			"server bytes_sent=59 duration=5 response_code=200 response_code_details=via_upstream response_flags=- start_time=10:15:34.812 upstream_service_time=4",
		},
		calls: []call{
			{verdict: "not_received", client: 1},
		},
	},
	{
		name:   "a half takes no answer that ended after its wait",
		around: bothSides,
		lines: []string{
			"client",
			"server bytes_sent=59 duration=5 response_code=200 response_code_details=via_upstream response_flags=- start_time=10:17:05.812 upstream_service_time=4",
		},
		calls: []call{
			{verdict: "not_received", client: 1},
		},
	},
	{
		name:   "an attempt is not hidden by a call that ended after its wait",
		around: bothSides,
		lines: []string{
			"server",
			"client bytes_sent=59 duration=200 response_code=200 response_code_details=via_upstream response_flags=- start_time=10:17:05.812 upstream_host=10.244.2.24:8080 upstream_service_time=9",
		},
		calls: []call{
			{verdict: "server_only", server: []int64{1}},
		},
	},
	{
		name:   "the call ended just before its attempt: two clocks",
		around: bothSides,
		lines: []string{
			"client duration=2030 response_code_details=upstream_per_try_timeout response_flags=URX,UT upstream_host=10.244.2.24:8080 upstream_local_address=10.244.1.8:37030",
			"server duration=1000 start_time=10:16:21.512",
			"server downstream_local_address=10.244.2.24:8080 downstream_remote_address=10.244.1.8:37030 duration=999 start_time=10:16:20.845 upstream_host=10.244.2.24:8080",
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
			"client duration=2030 response_code_details=upstream_per_try_timeout response_flags=URX,UT start_time=10:16:27.912 upstream_host=10.244.2.24:8080 upstream_local_address=10.244.1.8:37030",
			"server duration=1000 start_time=10:16:29.612",
			"server downstream_local_address=10.244.2.24:8080 downstream_remote_address=10.244.1.8:37030 duration=999 start_time=10:16:28.945 upstream_host=10.244.2.24:8080",
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
			"server request_id=7b0e2f10-6a5d-9c11-8d2e-3f4a5b6c7d8e",
			"client bytes_sent=59 duration=90000 request_id=dfa53579-b29c-9787-9719-10e42ca2cf98 response_code=200 response_code_details=via_upstream response_flags=- start_time=10:15:22.812 upstream_service_time=89999",
		},
		calls: []call{
			{verdict: "server_only", server: []int64{1}},
		},
	},
}
