package world

import (
	"encoding/binary"
	"strconv"

	"github.com/slowpod/slowpod/ingest/accesslog"
)

// scribe makes records of entries, as the proxies of Istio 1.22 (Envoy 1.30)
// write them, in memory of its own: a record is good until the next one.
type scribe struct {
	record accesslog.Record
	id     [36]byte
	path   []byte
	// Addresses: of the caller's application, of the caller's connection to
	// the pod, of the pod's proxy to its application.
	app, connection, inner []byte
}

// Texts that lines share.
var (
	namespace = []byte("sim")
	inbound   = []byte("inbound|8080||")
	route     = []byte("default")

	viaUpstream  = []byte("via_upstream")
	disconnected = []byte("downstream_remote_disconnect")
	remoteReset  = []byte("http2.remote_reset")
	timeout      = []byte("response_timeout")
	timeoutTry   = []byte("upstream_per_try_timeout")
	terminated   = []byte("upstream_reset_before_response_started{connection_termination}")
	notListening = []byte("upstream_reset_before_response_started{remote_connection_failure,delayed_connect_error:_111}")
	connectError = []byte("delayed_connect_error:_111")

	flagDC    = []byte("DC")
	flagDR    = []byte("DR")
	flagUT    = []byte("UT")
	flagURXUT = []byte("URX,UT")
	flagUF    = []byte("UF")
	flagURXUF = []byte("URX,UF")
	flagUC    = []byte("UC")
)

// Bodies of replies that a proxy makes itself.
const (
	bodyUT    = len("upstream request timeout")
	bodyUC    = len("upstream connect error or disconnect/reset before headers. reset reason: connection termination")
	bodyUF    = len("upstream connect error or disconnect/reset before headers. reset reason: remote connection failure, transport failure reason: delayed connect error: 111")
	bodyURXUF = len("upstream connect error or disconnect/reset before headers. retried and the latest reset reason: remote connection failure, transport failure reason: delayed connect error: 111")
)

// write makes the record of an entry.
func (w *scribe) write(e *entry) *accesslog.Record {
	s, k := e.pod.service, &e.pod.service.classes[e.class]
	r := &w.record
	r.Start, r.Duration = e.start, int64(e.duration)
	r.Method, r.Protocol, r.Authority, r.UserAgent = k.method, s.proto, s.authority, e.caller.agent
	w.path = strconv.AppendUint(append(w.path[:0], k.path...), uint64(e.item), 10)
	r.Path = w.path
	r.RequestID = nil
	if !e.nameless {
		w.writeID(e)
		r.RequestID = w.id[:]
	}
	r.BytesReceived = 0
	if k.in > 0 {
		r.BytesReceived = int64(k.in) + int64(e.idA&63)
	}
	r.BytesSent = int64(k.out) + int64(e.idA>>8&255)
	r.Code, r.ServiceTime, r.Attempts = int(e.code), int64(e.waited), 0
	r.Flags, r.Details, r.TransportFailure = nil, viaUpstream, nil
	r.HasCluster, r.Route, r.UpstreamHost = true, route, e.pod.host
	w.connection = appendPort(append(w.connection[:0], e.caller.ip...), e.port())
	if e.client {
		w.writeClient(r, s, e)
	} else {
		w.writeServer(r, s, e)
	}
	if e.ending != ended {
		w.writeEnding(r, s, e)
	}
	return r
}

func (w *scribe) writeClient(r *accesslog.Record, s *service, e *entry) {
	r.Cluster, r.ServerName, r.DownstreamLocal = s.cluster, nil, s.vip
	w.app = appendPort(append(w.app[:0], e.caller.ip...), e.appPort())
	r.DownstreamPeer, r.UpstreamLocal = w.app, w.connection
	if !e.joined {
		r.UpstreamLocal = nil
	}
	if s.logsAttempts {
		r.Attempts = int(e.attempt)
	}
	r.Writer = e.caller.writer()
}

func (w *scribe) writeServer(r *accesslog.Record, s *service, e *entry) {
	r.Cluster, r.ServerName, r.DownstreamLocal = inbound, nil, e.pod.host
	if e.caller.sidecar { // mTLS, whose SNI says which cluster was called
		r.ServerName = s.sni
	}
	w.inner = appendPort(append(w.inner[:0], "127.0.0.6"...), ephemeral(e.idB^e.pod.key))
	r.DownstreamPeer, r.UpstreamLocal = w.connection, w.inner
	if s.logsAttempts {
		r.Attempts = 1
	}
	r.Writer = e.pod.writer()
}

// writeEnding corrects what is different where nothing was answered.
func (w *scribe) writeEnding(r *accesslog.Record, s *service, e *entry) {
	again := e.attempt > 1
	switch e.ending {
	case abandoned:
		r.Code, r.BytesSent, r.Flags, r.Details = 0, 0, flagDC, disconnected
		if s.http2 { // a reset of the one stream
			r.Flags, r.Details = flagDR, remoteReset
		}
	case timeoutOfRoute:
		r.Code, r.BytesSent, r.Flags, r.Details = 504, int64(bodyUT), flagUT, timeout
	case timeoutOfTry:
		r.Code, r.BytesSent, r.Flags, r.Details = 504, int64(bodyUT), flagUT, timeoutTry
		if again {
			r.Flags = flagURXUT
		}
	case refusal:
		r.Code, r.BytesSent, r.Flags, r.Details = 503, int64(bodyUF), flagUF, notListening
		if again {
			r.BytesSent, r.Flags = int64(bodyURXUF), flagURXUF
		}
		r.TransportFailure = connectError
	case broken:
		r.Code, r.BytesSent, r.Flags, r.Details = 503, int64(bodyUC), flagUC, terminated
	}
}

func (i *identity) writer() accesslog.Writer {
	return accesslog.Writer{
		Namespace: namespace, Pod: i.name, PodID: i.id, PodIP: i.ip, Node: i.node.name,
		CanonicalName: i.app, App: i.app,
	}
}

// writeID writes the request id as a proxy draws it: a random UUID whose digit
// of the version says that the request is not traced.
func (w *scribe) writeID(e *entry) {
	high, low := e.idA&^0xf000|0x9000, e.idB&^(3<<62)|2<<62
	middle, rest := hex8(uint32(high)), hex8(uint32(low>>32))
	first, last := hex8(uint32(high>>32)), hex8(uint32(low))
	copy(w.id[0:], first[:])
	copy(w.id[9:], middle[:4])
	copy(w.id[14:], middle[4:])
	copy(w.id[19:], rest[:4])
	copy(w.id[24:], rest[4:])
	copy(w.id[28:], last[:])
	w.id[8], w.id[13], w.id[18], w.id[23] = '-', '-', '-', '-'
}

// hex8 is eight hexadecimal digits: a byte for each four bits, all at once.
func hex8(v uint32) (digits [8]byte) {
	x := uint64(v)
	x = (x | x<<16) & 0x0000ffff0000ffff
	x = (x | x<<8) & 0x00ff00ff00ff00ff
	x = (x | x<<4) & 0x0f0f0f0f0f0f0f0f
	letters := (x + 0x0606060606060606) >> 4 & 0x0101010101010101
	binary.BigEndian.PutUint64(digits[:], x+0x3030303030303030+letters*('a'-'0'-10))
	return digits
}

// port is the caller's of its connection to the pod. HTTP/2 shares two
// connections, one per thread of the proxy; HTTP/1.1 has one per request.
func (e *entry) port() uint64 {
	if e.pod.service.http2 {
		return ephemeral(e.caller.key ^ e.pod.key + e.idA&1)
	}
	return ephemeral(e.idA ^ e.pod.key + uint64(e.attempt))
}

// appPort is the one from which the caller's application called its proxy.
func (e *entry) appPort() uint64 {
	if e.pod.service.http2 {
		return ephemeral(e.caller.key)
	}
	return ephemeral(e.idA ^ e.caller.key)
}

// ephemeral is a port that Linux would give out, 32768 to 60999.
func ephemeral(x uint64) uint64 { return 32768 + mix(x)>>32*28232>>32 }

func appendPort(b []byte, port uint64) []byte {
	return append(b, ':', byte('0'+port/10000), byte('0'+port/1000%10), byte('0'+port/100%10),
		byte('0'+port/10%10), byte('0'+port%10))
}
