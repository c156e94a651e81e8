package correlate_test

import (
	"github.com/slowpod/slowpod/ingest/accesslog"
)

// stories are the ways in which a call can go wrong.
var stories = []func(c *story){
	func(c *story) { // the app is slow
		d := c.timeout()
		c.client(c.pod, d, 504, "UT", "response_timeout")
		c.closed(c.pod, d)
	},
	func(c *story) { // a gRPC call
		d := c.timeout()
		c.client(c.pod, d, 200, "UT", "response_timeout")
		c.server(c.pod, d, 0, "DR", "http2.remote_reset")
	},
	func(c *story) { // stuck in the pod's proxy
		d := c.timeout()
		c.client(c.pod, d, 504, "UT", "response_timeout")
		c.server(c.pod, d, 0, "!DC", "downstream_remote_disconnect")
	},
	func(c *story) { // timed out after the headers had been sent
		d := c.timeout()
		c.client(c.pod, d, 200, "UT", "response_timeout")
		c.server(c.pod, d, 200, "DC", "downstream_remote_disconnect")
	},
	func(c *story) { // answered, and the answer was lost
		d := c.timeout()
		c.client(c.pod, d, 504, "UT", "response_timeout")
		c.server(c.pod, c.span(1, d*7/10), 200, "", "via_upstream")
	},
	func(c *story) { // answered at the last moment
		d := c.timeout()
		c.client(c.pod, d, 504, "UT", "response_timeout")
		c.server(c.pod, c.span(d*8/10, d+100), 200, "", "via_upstream")
	},
	func(c *story) { // never received
		c.client(c.pod, c.timeout(), 504, "UT", "response_timeout")
	},
	func(c *story) { // waited for a connection until the timeout
		c.client(c.pod, c.timeout(), 504, "!UT", "response_timeout")
	},
	func(c *story) {
		c.client(c.pod, c.span(1, 10_000), 503, "!UF", "upstream_reset_before_response_started{connection_timeout}")
	},
	func(c *story) { c.client(nil, 0, 503, "!UH", "no_healthy_upstream") },
	func(c *story) { c.client(nil, 0, 404, "!NR", "route_not_found") },
	func(c *story) { c.client(nil, 0, 503, "!UO", "upstream_reset_before_response_started{overflow}") },
	func(c *story) { c.client(nil, 0, 503, "!NC", "cluster_not_found") },
	func(c *story) { // the link was cut
		d := c.timeout()
		c.client(c.pod, d, 503, "UC", "upstream_reset_before_response_started{connection_termination}")
		c.closed(c.pod, d)
	},
	func(c *story) { // plain text
		c.client(c.pod, 2, 503, "UC", "upstream_reset_before_response_started{connection_termination}")
		c.refused(c.pod, c.span(0, 4))
	},
	func(c *story) { // nothing listens
		c.client(c.pod, 72, 503, "", "via_upstream")
		c.server(c.pod, 70, 503, "!URX,UF", "upstream_reset_before_response_started{remote_connection_failure}")
	},
	func(c *story) { // the app closed
		d := c.timeout()
		c.client(c.pod, d, 503, "", "via_upstream")
		c.server(c.pod, d, 503, "UC", "upstream_reset_before_response_started{connection_termination}")
	},
	func(c *story) { // the app's own error
		d := c.span(1, 900)
		c.client(c.pod, d, 500, "", "via_upstream")
		c.server(c.pod, d, 500, "", "via_upstream")
	},
	func(c *story) { // the caller left
		d := c.timeout()
		c.client(c.pod, d, 0, "DC", "downstream_remote_disconnect")
		c.closed(c.pod, d)
	},
	func(c *story) {
		d := c.timeout()
		c.client(c.pod, d, 0, "DR", "http2.remote_reset")
		c.server(c.pod, d, 0, "DR", "http2.remote_reset")
	},
	func(c *story) { // while the answer was on its way
		d := c.timeout()
		c.client(c.pod, d, 200, "DC", "downstream_remote_disconnect")
		c.server(c.pod, d, 200, "DC", "downstream_remote_disconnect")
	},
	func(c *story) { // after the pod had done its part
		d := c.timeout()
		c.client(c.pod, d, 200, "DC", "downstream_remote_disconnect")
		c.server(c.pod, d*2/3, 206, "", "via_upstream")
	},
	func(c *story) { // a caller without a sidecar
		c.closed(c.pod, c.timeout())
	},
	func(c *story) { c.server(c.pod, c.span(1, 900), 503, "", "via_upstream") },
	func(c *story) { c.hiddenRetry(504, "UT", 0) },
	func(c *story) { c.hiddenRetry(200, "", 0) },
	func(c *story) { c.hiddenRetry(504, "UT", c.span(0, 1_500)) },
	func(c *story) { c.hiddenRetry(200, "", c.span(0, 1_500)) },
	func(c *story) { // what is in no join beside what is
		d := c.timeout()
		c.client(c.pod, d, 504, "UT", "response_timeout")
		c.closed(c.pod, d)
		a := accesslog.Record{
			Start: epoch + c.at, Duration: d, Code: 504, Flags: text("UT"), RequestID: text(c.id),
			UpstreamHost: text(c.pod.host()), UpstreamLocal: text(c.caller.ip + ":" + c.port),
			DownstreamLocal: text(c.pod.host()), DownstreamPeer: text(c.caller.ip + ":" + c.port), ServiceTime: -1,
		}
		c.write(a) // nobody knows which side
		a.HasCluster, a.Cluster = true, text("inbound-vip|8080|http|"+c.pod.service.name)
		c.write(a) // a waypoint
		a.Cluster, a.Code, a.RequestID, a.Flags = text("inbound|8080||"), 0, nil, text("DC")
		c.write(a) // TCP
	},
	func(c *story) { // attempts that the app's proxy failed, the last one too
		c.retried([]*pod{c.pod, c.other()}, 503)
	},
	func(c *story) { c.retried([]*pod{c.pod, c.pod, c.pod}, 503) },
	func(c *story) { c.retried([]*pod{c.other(), c.pod}, 200) },
	func(c *story) { // retries on the same pod, that times out every time
		d := c.span(200, 5_000)
		start := c.at
		for range 2 {
			c.connect()
			c.server(c.pod, d, 0, "DC", "downstream_remote_disconnect")
			c.at += d + 30
		}
		end := c.at
		c.at = start
		c.client(c.pod, end-start-30, 504, "URX,UT", "upstream_per_try_timeout")
	},
	func(c *story) { // a retry on the same pod helped
		d := c.span(200, 5_000)
		start := c.at
		c.server(c.pod, d, 0, "DC", "downstream_remote_disconnect")
		c.connect()
		c.at += d + 30
		c.server(c.pod, 50, 200, "", "via_upstream")
		c.at = start
		c.client(c.pod, d+80, 200, "", "via_upstream")
	},
	func(c *story) { c.deeper(true) },
	func(c *story) { c.deeper(false) },
	func(c *story) { // the application asks again, with the same id
		d := c.timeout()
		c.client(c.pod, d, 504, "UT", "response_timeout")
		c.closed(c.pod, d)
		c.at += d + c.span(100, 3_000)
		c.connect()
		c.client(c.pod, d, 504, "UT", "response_timeout")
		c.closed(c.pod, d)
	},
	func(c *story) { // the same, on another pod
		d := c.timeout()
		c.client(c.pod, d, 504, "UT", "response_timeout")
		c.closed(c.pod, d)
		c.at += d + c.span(100, 3_000)
		c.connect()
		c.pod = c.other()
		c.ordinary()
	},
}

// hiddenRetry: an attempt timed out on one pod, and the call ended on another.
// By the clock of the first one, the attempt ended that much after the call.
func (c *story) hiddenRetry(code int, flag string, skew int64) {
	d := c.span(200, 12_000)
	start, last := c.at, c.other()
	if skew != 0 {
		c.at += d + 30 + skew
	}
	c.closed(c.pod, d)
	c.at = start + d + 30
	c.connect()
	took := d
	if code == 200 {
		took = c.span(2, 400)
		c.server(last, took, 200, "", "via_upstream")
	} else {
		c.closed(last, d)
	}
	c.at = start
	c.client(last, d+30+took, code, flag, map[int]string{200: "via_upstream", 504: "upstream_per_try_timeout"}[code])
}

// retried: the app of every pod but the last closed the connection; the last
// one did, too, if the code is 503.
func (c *story) retried(pods []*pod, code int) {
	start := c.at
	var d int64
	for i, p := range pods {
		d = c.span(100, 3_000)
		c.connect()
		if i == len(pods)-1 && code == 200 {
			c.server(p, d, 200, "", "via_upstream")
		} else {
			c.server(p, d, 503, "UC", "upstream_reset_before_response_started{connection_termination}")
		}
		c.at += d + 30
	}
	end := c.at - 30
	c.at = start
	flags := ""
	if code == 503 {
		flags = "URX"
	}
	c.client(pods[len(pods)-1], end-start, code, flags, "via_upstream")
}

// deeper: the called application passes the id on to another service. Either
// the deeper hop is slow and so is the whole, or it fails and nobody cares.
func (c *story) deeper(slow bool) {
	if c.pod.service != c.services[0] {
		c.pod = c.services[0].pods[c.IntN(len(c.services[0].pods))]
	}
	d := c.timeout()
	if slow {
		c.client(c.pod, d, 504, "UT", "response_timeout")
		c.closed(c.pod, d)
	} else {
		c.client(c.pod, d, 200, "", "via_upstream")
		c.server(c.pod, d, 200, "", "via_upstream")
	}
	back := c.services[1]
	c.caller = caller{c.pod.name, c.pod.ip}
	c.pod = back.pods[c.IntN(len(back.pods))]
	c.xff = false
	c.at += 5
	c.connect()
	if slow {
		c.client(c.pod, d-5, 0, "DC", "downstream_remote_disconnect")
		c.closed(c.pod, d-5)
	} else {
		c.client(c.pod, d/2, 504, "UT", "response_timeout")
		c.closed(c.pod, d/2)
	}
}
