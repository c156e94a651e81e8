package accesslog

import (
	"math/rand"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// What a proxy puts into the fields of a line, the usual first.
var randomValues = map[string][]string{
	"start": {
		"2026-03-02T10:15:04.558Z", "2026-03-02T10:15:04.558Z", "2026-03-02T10:15:04.558Z", "2024-02-29T23:59:59.999Z",
		"2026-03-02T10:15:04Z", "2026-03-02T10:15:04.123456789Z", "2026-03-02T10:15:04.558+02:00",
	},
	"method": {"GET", "POST", "PRI", "VERSION-CONTROL"},
	"path": {
		"/", "/api/orders/42?full=1", "/é/中", "/%22a%22", "/a|b;c", "/shop.Cart/Add", "*", "cart:443", `/\"`,
		"/[2026-03-02T10:15:04.558Z]", "/?t=2026-03-02T10:15:04Z", "/HTTP/1.1",
	},
	"protocol": {"HTTP/1.1", "HTTP/2", "HTTP/3", "HTTP/1.0"},
	"code":     {"200", "504", "503", "404", "0", "999"},
	"flags":    {"-", "UT", "DC", "DR", "URX,UF", "UF,URX", "MYFLAG", "UpstreamRequestTimeout"},
	"details": {
		"via_upstream", "-", "response_timeout", "http1.codec_error", "downstream_local_disconnect(idle)",
		"upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused}",
		"upstream_reset_before_response_started{connection failure,TLS error: 26}",
		"rbac_access_denied_matched_policy[ns[shop]-policy[deny-all]-rule[0]]", "jwt_authn_access_denied{Jwt_is_missing}",
	},
	"termination": {"-", "-", "transport_socket_timeout_was_reached", "transport socket timeout was reached", "rbac_access_denied_matched_policy[none]", "a 1 2 3 4"},
	"failure": {
		"-", "-", "delayed_connect_error:_111", "TLS error: Secret is not supplied by SDS",
		"TLS_error:|268435581:SSL_routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:TLS_error_end", "0 91 16 -",
	},
	"mixer":     {"-", "OK", "UNAVAILABLE:mixer: no server"},
	"received":  {"0", "12", "999999999999999", "7.9"},
	"sent":      {"0", "24", "345", "999999999999999"},
	"duration":  {"21", "0", "59989", "-", "3.99"},
	"served":    {"20", "-", "0", "5003", "x", "-1", "12.5"},
	"forwarded": {"-", "192.0.2.1,10.0.0.1", "192.0.2.1, 10.0.0.1", "2001:db8::1", "", "[::1]", "é"},
	"agent": {
		"Go-http-client/1.1", "-", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36", "", "é 中 😀", "a\tb", `back\`, "[x]", " ",
		"\x7f\xff\xc3", "5", "a  b ", "200 - via_upstream -", "outbound|80||a",
	},
	"id":        {"5b6c9d1e-0f2a-9b3c-8d4e-5f60718293a4", "-", "constant", "", "é", `\`},
	"authority": {"cart:8080", "-", "[2001:db8::6]:8080", "cart.shop.svc.cluster.local", "", "é.example", "*"},
	"host": {
		"10.244.2.23:8080", "-", "[2001:db8::6]:8080", "127.0.0.1:80", "envoy://connect_originate/10.244.2.23:8080", "/var/run/app.sock",
	},
	"cluster": {
		"outbound|8080||cart.shop.svc.cluster.local", "inbound|8080||", "outbound|80||cart.shop.svc.cluster.local;", "-", "-;",
		"PassthroughCluster", "BlackHoleCluster", "inbound-vip|80|http|cart.shop.svc.cluster.local", "InboundPassthroughClusterIpv6;",
		"outbound_.80_.v1_.cart.shop.svc.cluster.local", ";", ";;",
	},
	"ulocal": {"10.244.1.8:37022", "-", "127.0.0.6:52563", "[::6]:52563", "envoy://internal_client_address/"},
	"dlocal": {"10.96.7.7:8080", "[2001:db8::7]:15006", "10.244.2.23:8080", "-"},
	"dpeer":  {"10.244.1.8:37910", "192.0.2.1:0", "[2001:db8::1]:0", "-"},
	"sni":    {"-", "outbound_.8080_._.cart.shop.svc.cluster.local", "shop.example"},
	"route":  {"default", "-", "allow_any", "block_all", "shop.http.0"},
	"*":      {"", "", "", " extra", " extra 1 -"},
}

// What no proxy should write, of fields that have faults of their own.
var randomFaults = map[string][]string{
	"start":    {"2026-13-02T10:15:04Z", "2026-03-02T10:15:04", "2026-03-02T10:15:04.Z", "2026-03-02T25:00:00Z", "2026-03-02T10:", "-", ""},
	"code":     {"1000", "-1", "2xx", "1e2", "0x1f4", "9999999999999999", "-", "+200", "²"},
	"received": {"-1", "9999999999999999", "x", "1e3", "-", "1,000"},
	"sent":     {"-1", "9999999999999999", "x", ".5", "5."},
	"duration": {"-21", "21ms", "9999999999999999", "NaN", "1.2.3"},
	"agent":    {`say "hi" to`, `"`, `a" "b`, `a" 1 2 3 "b`, `""`, `\"a\"`, `" "`, `[x] "y"`},
	"path":     {`/a"b`, `/a b`, `/?q="x"`, `/a" 200 - "`, "-", ""},
	"id":       {`x" "y`, `"`, "a b"},
	"failure":  {`a "b" c`, `a" "b`},
	"cluster":  {"", "a b", `a"b`},
	"sni":      {"", `"`, "a b"},
	"protocol": {"", "TLS", "HTTP", "http/1.1"},
	"flags":    {"", "U T"},
	"details":  {"", "2xx", "a{b", "a b"},
}

// randomText is a line and what it says; faulty where that is not certain.
func randomText(rnd *rand.Rand) (line string, want secondAnswer, faulty bool) {
	l := secondLayouts[rnd.Intn(len(secondLayouts))]
	if rnd.Intn(2) == 0 {
		l = secondLayouts[6]
	}
	values := map[string]string{}
	fault := ""
	if rnd.Intn(3) == 0 {
		fault = l.fields[rnd.Intn(len(l.fields))]
	}
	tcp := rnd.Intn(8) == 0
	line = secondName.ReplaceAllStringFunc(l.format, func(name string) string {
		of := randomValues[name]
		if name == fault && randomFaults[name] != nil {
			of, faulty = randomFaults[name], true
		}
		v := of[rnd.Intn((len(of)))]
		if rnd.Intn(2) == 0 {
			v = of[0]
		}
		if tcp && (name == "method" || name == "path" || name == "protocol") {
			v = "-"
		}
		values[name] = v
		return v
	})
	if faulty {
		return line, want, true
	}
	var of []string
	for _, name := range l.fields {
		of = append(of, latin1(values[name]))
	}
	return line, secondRecord(l.fields, of, around{})[0], false
}

// randomDamage is the line after something happened to it.
func randomDamage(rnd *rand.Rand, line string) string {
	some := []string{`"`, " ", "-", "[", "]", `\`, `" "`, "é", "\x00", "\t", "\r", "{", "}", ";", "9", "."}
	at := rnd.Intn(len(line) + 1)
	piece := some[rnd.Intn(len(some))]
	fields := strings.Split(line, " ")
	field := rnd.Intn(len(fields))
	switch rnd.Intn(9) {
	case 0: // cut
		return line[:at]
	case 1: // the front is lost
		return line[at:]
	case 2: // a field is lost
		return strings.Join(append(fields[:field:field], fields[field+1:]...), " ")
	case 3: // one comes twice
		return strings.Join(append(fields[:field+1:field+1], fields[field:]...), " ")
	case 4: // two change places
		other := rnd.Intn(len(fields))
		fields[field], fields[other] = fields[other], fields[field]
		return strings.Join(fields, " ")
	case 5: // something is put in
		return line[:at] + piece + line[at:]
	case 6: // or overwritten
		return line[:at] + piece + line[min(len(line), at+1):]
	case 7: // another line begins
		return line[:at] + line
	default: // or ends
		return line[:at] + line[rnd.Intn(len(line)+1):]
	}
}

// randomWrapper is the line in a wrapper and what that says of its writer. Now
// and then it says that the line is a piece.
func randomWrapper(rnd *rand.Rand, line string) (wrapped string, writer Writer, piece bool) {
	const stamp = "2026-03-02T10:15:05.123456789Z "
	pod, cart := Writer{Pod: b("cart-7d9c-abcde")}, wroteCart(Record{}).Writer
	docker := `{"log":` + quote(line+"\n") + `,"stream":"stdout","time":"2026-03-02T10:15:05.123456789Z"}`
	mark := "F"
	if piece = rnd.Intn(20) == 0; piece {
		mark = "P"
	}
	switch rnd.Intn(12) {
	case 0:
		return stamp + "stdout " + mark + " " + line, Writer{}, piece
	case 1:
		return `{"@timestamp":1772446505.123,"time":"2026-03-02T10:15:05.123Z","stream":"stdout","_p":"` + mark + `","log":` + quote(line) + `,"kubernetes":` + kubernetes + `}`, cart, piece
	case 2:
		return `{"@timestamp":"2026-03-02T10:15:05.123456Z","stream":"stdout","logtag":"` + mark + `","message":` + quote(line) + `}`, Writer{}, piece
	case 3:
		return docker + "\n", Writer{}, false
	case 4:
		return "[pod/cart-7d9c-abcde/istio-proxy] " + line, pod, false
	case 5:
		return stamp + line, Writer{}, false
	case 6:
		return "[pod/cart-7d9c-abcde/istio-proxy] " + stamp + line, pod, false
	case 7: // log is an object
		return `{"date":1772446505.123,"log":{"stream":"stdout","log":` + quote(line) + `},"kubernetes":` + kubernetes + `}`, cart, false
	case 8: // Docker's file without a parser
		return `{"date":1772446505.123,"log":` + quote(docker) + `}`, Writer{}, false
	}
	return line + "\n", Writer{}, false
}

// TestTextAgainstSecondReader holds the parser against the second reader with
// lines of each format in each wrapper, a third of them damaged.
func TestTextAgainstSecondReader(t *testing.T) {
	rnd := rand.New(rand.NewSource(1))
	p := NewParser()
	results := map[string]int{}
	for range 6_000 {
		line, want, faulty := randomText(rnd)
		certain := !faulty
		if rnd.Intn(3) == 0 {
			line, certain = randomDamage(rnd, line), false
		}
		wrapped, writer, piece := line, Writer{}, false
		if utf8.ValidString(line) {
			wrapped, writer, piece = randomWrapper(rnd, line)
		}
		if rnd.Intn(20) == 0 {
			wrapped, certain = wrapped[:rnd.Intn(len(wrapped)+1)], false
		}
		result, second := compareText(t, p, []byte(wrapped))
		switch {
		case second.unknown:
			results["unknown"]++
		case second.parsed != nil:
			results["ambiguous"]++
		default:
			results[strconv.Itoa(int(result))]++
		}
		if certain && !piece {
			want.record.Writer = writer
			if msg := second.wrong(want.record, Parsed, NoReason); msg != "" {
				t.Fatalf("the second reader misreads %q: %s", wrapped, msg)
			}
			var got Record
			p.Parse([]byte(wrapped), &got)
			if !reflect.DeepEqual(want.record, got) {
				t.Fatalf("Parse(%q): -written +got\n%s", wrapped, cmp.Diff(want.record, got))
			}
		}
	}
	t.Log(results)
	if min(results["0"], results["1"], results["2"]) < 300 || results["ambiguous"] > 1_200 || results["unknown"] > 120 {
		t.Errorf("the lines are too much alike, or too odd: %v", results)
	}
}
