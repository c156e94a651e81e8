package workload

// An ending is how a call ended for one of its proxies.
type ending uint8

const (
	answered  ending = iota // whatever the application said
	timedOut                // the caller's proxy gave up
	closed                  // the caller closed the connection
	reset                   // the caller reset the stream of HTTP/2
	noHost                  // no healthy pod
	noRoute                 // no route matched
	refused                 // every try to connect was refused
	cut                     // the connection broke while the answer was awaited
	unreached               // no try to connect was answered
	noCluster               // the route names a cluster that is not there
	blocked                 // the mesh does not allow the host
	untrusted               // the certificate could not be verified
	plaintext               // the called proxy met plain text where it demands TLS
	full                    // the circuit breaker is open
	usedUp                  // the application answered each try with an error
	limited                 // the called proxy's rate limit is reached
	denied                  // a policy of the called proxy
	dead                    // the application closed its connection before it answered

	endings = int(dead) + 1
)

// words is what a proxy prints of an ending.
type words struct{ flags, details, transport string }

const resetBefore = "upstream_reset_before_response_started"

var said = [endings]words{
	answered:  {"-", "via_upstream", ""},
	timedOut:  {"UT", "response_timeout", ""},
	closed:    {"DC", "downstream_remote_disconnect", ""},
	reset:     {"DR", "http2.remote_reset", ""},
	noHost:    {"UH", "no_healthy_upstream", ""},
	noRoute:   {"NR", "route_not_found", ""},
	refused:   {"URX,UF", resetBefore + "{remote_connection_failure|delayed_connect_error:_Connection_refused}", "delayed_connect_error:_Connection_refused"},
	cut:       {"UC", resetBefore + "{connection_termination}", ""},
	unreached: {"URX,UF", resetBefore + "{connection_timeout}", ""},
	noCluster: {"NC", "cluster_not_found", ""},
	blocked:   {"-", "direct_response", ""},
	untrusted: {"URX,UF", resetBefore + "{remote_connection_failure|TLS_error:|268435581:SSL_routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:TLS_error_end}", "TLS_error:|268435581:SSL_routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:TLS_error_end"},
	plaintext: {"NR", "filter_chain_not_found", ""},
	full:      {"UO", resetBefore + "{overflow}", ""},
	usedUp:    {"URX", "via_upstream", ""},
	limited:   {"RL", "local_rate_limited", ""},
	denied:    {"-", "rbac_access_denied_matched_policy[none]", ""},
	dead:      {"UC", resetBefore + "{connection_termination}", ""},
}

// words as the proxy prints them. Old versions print flags in the order of a
// table, and worded refused connections otherwise.
func (e ending) words(old bool) words {
	if old && e == refused {
		return words{"UF,URX", resetBefore + "{remote_connection_failure,delayed_connect_error:_111}", "delayed_connect_error:_111"}
	}
	return said[e]
}

// named says that a route, and so a cluster, was found.
func (e ending) named() bool {
	return e != noRoute && e != noCluster && e != blocked && e != plaintext
}

// reached says that the called proxy sent the request to its application.
func (e ending) reached() bool {
	return e != refused && e != limited && e != denied && e != plaintext
}
