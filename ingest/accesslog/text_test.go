package accesslog

import (
	"strings"
	"testing"
)

func TestEnvoyText(t *testing.T) {
	parsed(t, envoyText, envoyCall())
	parsed(t, envoyText+"\r\n", envoyCall())

	// TCP, nothing set
	parsed(t, `[2026-03-02T10:15:04.558Z] "- - -" 0 UF,URX 0 0 3 - "-" "-" "-" "-" "10.0.0.9:9200"`, Record{
		Start: at("2026-03-02T10:15:04.558Z"), Duration: 3, Flags: b("UF,URX"), ServiceTime: -1, UpstreamHost: b("10.0.0.9:9200"),
	})

	// Istio 1.0: Envoy's fields in front, Istio's behind
	parsed(t, envoyText+` outbound|8080||cart.shop.svc.cluster.local - 10.96.7.7:8080 10.244.1.8:37910 sni.example`, with(envoyCall(), func(r *Record) {
		r.HasCluster = true
		r.Cluster = b("outbound|8080||cart.shop.svc.cluster.local")
		r.DownstreamLocal = b("10.96.7.7:8080")
		r.DownstreamPeer = b("10.244.1.8:37910")
		r.ServerName = b("sni.example")
	}))
}

func TestIstioText(t *testing.T) {
	parsed(t, istioText, call())

	// details, termination and transport failure; a termination has spaces,
	// details had some within {} before Envoy replaced them
	parsed(t, `[2026-03-02T10:15:04.558Z] "GET / HTTP/2" 503 URX,UF upstream_reset_before_response_started{connection failure,TLS error: 26} transport socket timeout was reached "TLS error: Secret is not supplied by SDS" 0 91 16 - "-" "-" "-" "cart" "10.0.0.9:80" outbound|80||cart - 10.96.7.7:80 10.0.0.8:4711 - default`, Record{
		Start: at("2026-03-02T10:15:04.558Z"), Duration: 16, Method: b("GET"), Path: b("/"), Protocol: b("HTTP/2"), Authority: b("cart"),
		Code: 503, Flags: b("URX,UF"),
		Details:            b("upstream_reset_before_response_started{connection failure,TLS error: 26}"),
		TerminationDetails: b("transport socket timeout was reached"),
		TransportFailure:   b("TLS error: Secret is not supplied by SDS"),
		BytesSent:          91, ServiceTime: -1,
		HasCluster: true, Cluster: b("outbound|80||cart"), UpstreamHost: b("10.0.0.9:80"),
		DownstreamLocal: b("10.96.7.7:80"), DownstreamPeer: b("10.0.0.8:4711"), Route: b("default"),
	})

	// a TCP connection that is still open has no duration
	parsed(t, `[2026-03-02T10:15:04.558Z] "- - -" 0 - - - "-" 3 0 - - "-" "-" "-" "-" "10.0.0.9:80" outbound|80||cart 10.0.0.8:1 10.96.7.7:80 10.0.0.8:2 - -`, Record{
		Start: at("2026-03-02T10:15:04.558Z"), BytesReceived: 3, ServiceTime: -1,
		HasCluster: true, Cluster: b("outbound|80||cart"), UpstreamHost: b("10.0.0.9:80"),
		UpstreamLocal: b("10.0.0.8:1"), DownstreamLocal: b("10.96.7.7:80"), DownstreamPeer: b("10.0.0.8:2"),
	})

	// a stat name as the cluster, a waypoint's addresses, and somebody's own operators behind
	parsed(t, strings.Replace(strings.Replace(istioText, "local 10.244.1.8:37022", "local; envoy://internal_client_address/", 1),
		`"10.244.2.23:8080"`, `"envoy://connect_originate/10.244.2.23:8080"`, 1)+" extra 1", with(call(), func(r *Record) {
		r.UpstreamHost = b("envoy://connect_originate/10.244.2.23:8080")
		r.UpstreamLocal = b("envoy://internal_client_address/")
	}))
}

// What stands between the flags and the bytes tells the version.
func TestOlderIstioText(t *testing.T) {
	const (
		front = `[2026-03-02T10:15:04.558Z] "POST /v1/carts/7?full=1 HTTP/1.1" 200 - `
		back  = ` 12 345 21 20 "-" "Go-http-client/1.1" "5b6c9d1e-0f2a-9b3c-8d4e-5f60718293a4" "cart:8080" "10.244.2.23:8080" outbound|8080||cart.shop.svc.cluster.local 10.244.1.8:37022 10.96.7.7:8080 10.244.1.8:37910 -`
		route = ` default`
	)
	older := with(call(), func(r *Record) { r.Details = nil })
	failed := with(older, func(r *Record) { r.TransportFailure = b("TLS error: 1") })
	noRoute := with(older, func(r *Record) { r.Route = nil })

	parsed(t, front+`"-"`+back, noRoute)                                                                                  // 1.1, 1.2
	parsed(t, front+`"UNAVAILABLE:mixer"`+back, noRoute)                                                                  // its field is Mixer's, no failure of the transport
	parsed(t, front+`"-" "-"`+back+route, older)                                                                          // 1.3 to 1.7
	parsed(t, front+`"OK" "TLS error: 1"`+back+route, failed)                                                             //
	parsed(t, front+`"TLS error: 1"`+back+route, failed)                                                                  // 1.8
	parsed(t, front+`"-" "TLS error: 1"`+back, with(noRoute, func(r *Record) { r.TransportFailure = b("TLS error: 1") })) // 1.2 under 1.3
	malformed(t, front+`via_upstream - "-"`+back, InvalidText)                                                            // has a route
	malformed(t, front+`via_upstream "-"`+back+route, InvalidText)                                                        // has a termination
	malformed(t, front+`via_upstream - - -`+back+route, InvalidText)                                                      // the failure is quoted
}

// Envoy escapes nothing in text.
func TestTextQuotes(t *testing.T) {
	agent := func(line, agent string) string {
		return strings.Replace(line, `"Go-http-client/1.1"`, `"`+agent+`"`, 1)
	}
	for _, want := range []string{
		`Mozilla/5.0 (X11; Linux x86_64)`, `say "hi" to`, `"`, `""`, `a" "b`, `a" "b" "c`, `back\`, `\"quoted\"`, `[x] "y"`, ` `, `a" 1 2 3 "b`,
	} {
		parsed(t, agent(istioText, want), with(call(), func(r *Record) { r.UserAgent = b(want) }))
		parsed(t, agent(envoyText, want), with(envoyCall(), func(r *Record) { r.UserAgent = b(want) }))
	}
	parsed(t, agent(istioText, ""), with(call(), func(r *Record) { r.UserAgent = nil }))

	for _, want := range []string{`/a"b`, `/a" 200 - "`, `/a b`, `/?q="x"`} {
		parsed(t, strings.Replace(istioText, "/v1/carts/7?full=1", want, 1), with(call(), func(r *Record) { r.Path = b(want) }))
	}
	parsed(t, strings.Replace(istioText, "/v1/carts/7?full=1", "", 1), with(call(), func(r *Record) { r.Path = nil }))
}

// The time may stand in the envelope alone; then only a whole line is an entry.
func TestTextWithoutTime(t *testing.T) {
	_, bare, _ := strings.Cut(istioText, "] ")
	malformed(t, bare, NoTime)
	malformed(t, strings.Replace(bare, " 200 ", " 2000 ", 1), InvalidNumber)
	parsed(t, "2026-03-02T10:15:05.000000000Z "+bare, with(call(), func(r *Record) { r.Start = at("2026-03-02T10:15:04.979Z") }))
	foreign(t, bare[:len(bare)-20])
	foreign(t, `"GET / HTTP/1.1" 200 512`)
	foreign(t, `"a","b"`)
	foreign(t, `"`)
}

func TestBrokenText(t *testing.T) {
	malformed(t, strings.Replace(istioText, "2026-03-02T10", "2026-13-02T10", 1), InvalidTime)
	malformed(t, strings.Replace(istioText, ":04.558Z", ":4", 1), InvalidTime)
	for _, code := range []string{"1000", "-1", "2xx", "200.x"} {
		malformed(t, strings.Replace(istioText, " 200 ", " "+code+" ", 1), InvalidNumber)
	}
	malformed(t, strings.Replace(istioText, " 21 20 ", " -21 20 ", 1), InvalidNumber)
	malformed(t, strings.Replace(istioText, " 21 20 ", " 21ms 20 ", 1), InvalidNumber)
	malformed(t, strings.Replace(envoyText, " 12 345 ", " -12 345 ", 1), InvalidNumber)
	parsed(t, strings.Replace(istioText, " 21 20 ", " 21.9 x ", 1), with(call(), func(r *Record) { r.ServiceTime = -1 }))

	// fields that are too few, empty or of another format
	malformed(t, `[2026-03-02T10:15:04.558Z] "`, InvalidText)
	malformed(t, `[2026-03-02T10:15:04.558Z] "POST /" 200 - 12 345 21 20 "-" "-" "-" "-" "-"`, InvalidText)
	malformed(t, `[2026-03-02T10:15:04.558Z] "POST / HTTP/1.1" 200  12 345 21 20 "-" "-" "-" "-" "-"`, InvalidText)
	malformed(t, `[2026-03-02T10:15:04.558Z] "GET / HTTP/1.1" 200 - my-route 1 2 3 4 "-" "-" "-" "-"`, InvalidText)
	malformed(t, strings.Replace(istioText, " 21 20 ", " 21 ", 1), InvalidText)
	malformed(t, strings.Replace(istioText, ` "cart:8080"`, "", 1), InvalidText)
	malformed(t, strings.Replace(istioText, " 10.96.7.7:8080", "", 1), InvalidText)
	malformed(t, strings.Replace(istioText, " 10.96.7.7:8080", " ", 1), InvalidText)

	// two lines that were written into each other, cut anywhere
	for i := len("[2026-03-02T10:"); i < len(istioText); i++ {
		var r Record
		if result, _ := NewParser().Parse([]byte(istioText[:i]+istioText), &r); result != Malformed {
			t.Errorf("cut at %d, the whole line behind: %v, want it malformed", i, result)
		}
	}
	malformed(t, strings.Replace(istioText, "10.244.2.23", "10.244.2026-03-02T10:15:04.558Z 2.23", 1), InvalidText)
}

func TestForeignText(t *testing.T) {
	for _, line := range []string{
		"", " ", "\n", "\t \r\n", "\x00\x01\x02", "\x1f\x8b\x08\x00",
		"2026-03-02T10:15:04.558123Z\tinfo\txdsproxy\tconnected to upstream XDS server: istiod.istio-system.svc:15012",
		"2026-03-02T10:15:04.558123Z info xdsproxy connected",
		"[2026-03-02 10:15:04.558][1][warning][runtime] [source/common/runtime/runtime_features.cc:31] Unable to use",
		"[2026-03-02T10:15:04.558Z][1][info] text",
		"[2026-03-02T10:15:04.558Z] info text",
		"[2026-03-02T10:15 text",
		"[2026-03-02T10:15:04." + strings.Repeat("5", 64) + `Z] "- - -" 0 - 0 0 0 - "-" "-" "-" "-" "-"`,
		"[2026-03-02", "[", "[]", `["a"]`, `[{"response_code":200}]`, "[pod/a/b]", "[pod/a/b] ",
		"binaryPath: /usr/local/bin/envoy", "  zipkin:", "---",
		"log_id,timestamp,cmdb_id,log_name,value",
		`x,1772446504,cart-0,log,"""GET / HTTP/2"" 200 - via_upstream - ""-"" 5 1 1 1 ""-"" ""-"" ""-"" ""a"" ""b"" c d e f - default"`,
		`192.0.2.1 - - [02/Mar/2026:10:15:04 +0000] "GET / HTTP/1.1" 200 512 "-" "curl/8.0"`,
	} {
		foreign(t, line)
	}
}
