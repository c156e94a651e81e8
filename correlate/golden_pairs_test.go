package correlate_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/slowpod/slowpod/classify"
	"github.com/slowpod/slowpod/correlate"
	"github.com/slowpod/slowpod/ingest/accesslog"
)

// goldenPair is what two proxies write of a call, and what it proves. Calls
// name the lines by their place, from 1 on.
type goldenPair struct {
	name   string
	around traffic
	lines  []string
	calls  []call
	// pods, if set, are those that the calls are of: "service pod: calls".
	pods []string
	// noText says why the pair cannot be told in lines of text; "" if it can.
	noText string
}

// traffic is what else is in the log: ordinary calls to all pods, from 100 s
// before the pair to 150 s after it.
type traffic int

const (
	nothing traffic = iota
	callersOnly
	bothSides
)

// goldenStart is when the pairs begin.
var goldenStart = time.Date(2026, 3, 2, 10, 16, 19, 812e6, time.UTC)

// flavours are how proxies spell a line.
var flavours = map[string]func(testing.TB, string) string{
	"typed": func(_ testing.TB, line string) string { return line }, "strings": allStrings, "text": istioText,
}

// TestGoldenPairs: every pair has exactly one meaning, however the proxies
// spell their values.
func TestGoldenPairs(t *testing.T) { testPairs(t, goldenPairs) }

func testPairs(t *testing.T, pairs []goldenPair) {
	for _, pair := range pairs {
		for flavour, spell := range flavours {
			t.Run(pair.name+"/"+flavour, func(t *testing.T) {
				if flavour == "text" && pair.noText != "" {
					t.Skip(pair.noText)
				}
				var log []correlate.Record
				for i, line := range pair.lines {
					log = append(log, goldenRecord(t, spell(t, line), int64(i+1)))
				}
				log = append(log, ordinaryTraffic(t, pair.around, flavour)...)
				sortByEnd(log)
				lines := map[int64]int64{}
				for i := range log {
					// Of a line delivered twice either may be named.
					lines[log[i].Line] = log[i].Line
					for k, line := range pair.lines {
						if at := log[i].Line; at > 0 && at <= int64(len(pair.lines)) && line == pair.lines[at-1] {
							lines[at] = int64(k + 1)
							break
						}
					}
				}
				compareCalls(t, streamed(log), pair.calls, lines)
				// The oracle must know them, too.
				compareCalls(t, oracle(log), pair.calls, lines)
				if pair.pods != nil {
					if got := podsOf(log); !slices.Equal(got, pair.pods) {
						t.Errorf("pods %q, want %q", got, pair.pods)
					}
				}
			})
		}
	}
}

func compareCalls(t *testing.T, got, want []call, lines map[int64]int64) {
	t.Helper()
	print := func(calls []call) string {
		var s []string
		for _, k := range calls {
			s = append(s, k.named(lines))
		}
		slices.SortFunc(s, cmp.Compare[string])
		return strings.Join(s, "\n")
	}
	if g, w := print(got), print(want); g != w {
		t.Errorf("got\n%s\nwant\n%s", g, w)
	}
}

func goldenRecord(t testing.TB, line string, number int64) correlate.Record {
	t.Helper()
	var a accesslog.Record
	if result, reason := accesslog.NewParser().Parse([]byte(line), &a); result != accesslog.Parsed {
		t.Fatalf("not parsed (%v): %s", reason, line)
	}
	var r correlate.Record
	r.From(&a, classify.Classify(&a), 1, number)
	return r
}

// podsOf lists the pods of a log, with how many calls ended how.
func podsOf(records []correlate.Record) []string {
	c := correlate.New(correlate.Config{Bounds: correlate.Bounds{JoinBytes: 32 << 20, Halves: 100, Traces: 100, Pods: 100, Services: 10, Faults: 100}})
	stream := c.Stream()
	for i := range records {
		stream.Add(&records[i])
	}
	c.Close()
	var pods []string
	for _, p := range c.Snapshot().Pods {
		service, _, _ := strings.Cut(p.Service, ".")
		row := fmt.Sprintf("%s %s: %d by callers, %d by itself", service, p.Pod, p.ClientRequests, p.ServerRequests)
		for v, n := range p.Calls {
			if n > 0 {
				row += fmt.Sprintf(", %d %s", n, correlate.Verdict(v))
			}
		}
		pods = append(pods, row)
	}
	return pods
}

// decoded is the values of a line; numbers are as they are written.
func decoded(t testing.TB, line string) map[string]any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(line))
	d.UseNumber()
	var values map[string]any
	if err := d.Decode(&values); err != nil {
		t.Fatal(err)
	}
	return values
}

// allStrings spells a line the way of a format of strings: numbers in quotes,
// "-" where there is no value.
func allStrings(t testing.TB, line string) string {
	t.Helper()
	values := decoded(t, line)
	entry := values
	if wrapped, ok := values["log"].(map[string]any); ok {
		entry = wrapped
	}
	for k, v := range entry {
		switch v := v.(type) {
		case nil:
			entry[k] = "-"
		case json.Number:
			entry[k] = v.String()
		}
	}
	b, err := json.Marshal(values)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// istioFormat is Istio's default text format from 1.9 on (EnvoyTextLogFormat),
// with the JSON keys of the same operators.
const istioFormat = `[start_time] "method path protocol" response_code response_flags response_code_details connection_termination_details ` +
	`"upstream_transport_failure_reason" bytes_received bytes_sent duration upstream_service_time "x_forwarded_for" "user_agent" ` +
	`"request_id" "authority" "upstream_host" upstream_cluster upstream_local_address downstream_local_address ` +
	`downstream_remote_address requested_server_name route_name`

var istioKey = regexp.MustCompile(`[a-z_]+`)

// istioText spells a line as Istio's default text. A line that holds more than
// that has no text.
func istioText(t testing.TB, line string) string {
	t.Helper()
	values := decoded(t, line)
	text := istioKey.ReplaceAllStringFunc(istioFormat, func(key string) string {
		v, ok := values[key]
		if !ok {
			t.Fatalf("no %s in %s", key, line)
		}
		delete(values, key)
		if v == nil {
			return "-"
		}
		return fmt.Sprint(v)
	})
	if len(values) > 0 {
		t.Fatalf("the text has no place for %v", values)
	}
	return text
}

// The line of text says the same as the JSON that it was made of, and is what
// Istio writes.
func TestIstioText(t *testing.T) {
	const want = `[2026-03-02T10:16:19.815Z] "GET /api/orders/42 HTTP/1.1" 0 DC downstream_remote_disconnect - "-" 0 0 2999 - "-" ` +
		`"Go-http-client/1.1" "da28cc83-9055-9ed5-8c0e-104bf3337a0c" "orders:8080" "10.244.2.23:8080" inbound|8080|| 127.0.0.6:52563 ` +
		`10.244.2.23:8080 10.244.1.8:37022 outbound_.8080_._.orders.shop.svc.cluster.local default`
	if got := istioText(t, goldenPairs[0].lines[1]); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for _, pair := range slices.Concat(goldenPairs, joinRules) {
		if pair.noText != "" {
			continue
		}
		for _, line := range pair.lines {
			want, got := goldenRecord(t, line, 1), goldenRecord(t, istioText(t, line), 1)
			if diff := gocmp.Diff(want, got); diff != "" {
				t.Errorf("%s: -JSON +text\n%s", pair.name, diff)
			}
		}
	}
}

// ordinaryTraffic is one call to every pod of the pairs every five seconds.
func ordinaryTraffic(t testing.TB, around traffic, flavour string) []correlate.Record {
	if around == nothing {
		return nil
	}
	key := fmt.Sprint(around, flavour)
	if log, ok := ordinaryLogs[key]; ok {
		return log
	}
	spell := flavours[flavour]
	var log []correlate.Record
	line := int64(1000)
	add := func(text string) {
		line++
		log = append(log, goldenRecord(t, text, line))
	}
	for at := -100 * time.Second; at < 150*time.Second; at += 5 * time.Second {
		for _, pod := range []struct{ host, service string }{
			{"10.244.2.23:8080", "orders"}, {"10.244.2.24:8080", "orders"}, {"10.244.2.31:8080", "stock"},
		} {
			texts := strings.NewReplacer(
				"OK-ID", fmt.Sprintf("%s at %v", pod.host, at), "10.244.2.23:8080", pod.host, "orders.shop", pod.service+".shop",
				"2026-03-02T10:16:19.812Z", goldenStart.Add(at).Format("2006-01-02T15:04:05.000Z"),
				"2026-03-02T10:16:19.815Z", goldenStart.Add(at+3*time.Millisecond).Format("2006-01-02T15:04:05.000Z"),
			)
			add(spell(t, texts.Replace(ordinaryClient)))
			if around == bothSides {
				add(spell(t, texts.Replace(ordinaryServer)))
			}
		}
	}
	ordinaryLogs[key] = log
	return log
}

// ordinaryLogs keeps what it made: it is the same for all pairs.
var ordinaryLogs = map[string][]correlate.Record{}

const (
	ordinaryClient = `{"authority":"orders:8080","bytes_received":0,"bytes_sent":59,"connection_termination_details":null,"downstream_local_address":"10.96.44.10:8080","downstream_remote_address":"10.244.1.8:37910","duration":10,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"OK-ID","requested_server_name":null,"response_code":200,"response_code_details":"via_upstream","response_flags":"-","route_name":"default","start_time":"2026-03-02T10:16:19.812Z","upstream_cluster":"outbound|8080||orders.shop.svc.cluster.local","upstream_host":"10.244.2.23:8080","upstream_local_address":"10.244.1.8:37999","upstream_service_time":"9","upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`
	ordinaryServer = `{"authority":"orders:8080","bytes_received":0,"bytes_sent":59,"connection_termination_details":null,"downstream_local_address":"10.244.2.23:8080","downstream_remote_address":"10.244.1.8:37999","duration":5,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"OK-ID","requested_server_name":"outbound_.8080_._.orders.shop.svc.cluster.local","response_code":200,"response_code_details":"via_upstream","response_flags":"-","route_name":"default","start_time":"2026-03-02T10:16:19.815Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.23:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":"4","upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`
)

var goldenPairs = []goldenPair{
	{
		name: "1 timeout, HTTP/1.1",
		lines: []string{
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":24,"connection_termination_details":null,"downstream_local_address":"10.96.44.10:8080","downstream_remote_address":"10.244.1.8:37910","duration":3001,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":null,"response_code":504,"response_code_details":"response_timeout","response_flags":"UT","route_name":"default","start_time":"2026-03-02T10:16:19.812Z","upstream_cluster":"outbound|8080||orders.shop.svc.cluster.local","upstream_host":"10.244.2.23:8080","upstream_local_address":"10.244.1.8:37022","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":0,"connection_termination_details":null,"downstream_local_address":"10.244.2.23:8080","downstream_remote_address":"10.244.1.8:37022","duration":2999,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":"outbound_.8080_._.orders.shop.svc.cluster.local","response_code":0,"response_code_details":"downstream_remote_disconnect","response_flags":"DC","route_name":"default","start_time":"2026-03-02T10:16:19.815Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.23:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
		},
		calls: []call{
			{verdict: "confirmed", key: "tuple_id", client: 1, server: []int64{2}},
		},
	},
	{
		name: "2 timeout, HTTP/2",
		lines: []string{
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":24,"connection_termination_details":null,"downstream_local_address":"10.96.44.10:8080","downstream_remote_address":"10.244.1.8:37910","duration":3001,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":null,"response_code":504,"response_code_details":"response_timeout","response_flags":"UT","route_name":"default","start_time":"2026-03-02T10:16:19.812Z","upstream_cluster":"outbound|8080||orders.shop.svc.cluster.local","upstream_host":"10.244.2.23:8080","upstream_local_address":"10.244.1.8:37022","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":0,"connection_termination_details":null,"downstream_local_address":"10.244.2.23:8080","downstream_remote_address":"10.244.1.8:37022","duration":2999,"method":"GET","path":"/api/orders/42","protocol":"HTTP/2","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":"outbound_.8080_._.orders.shop.svc.cluster.local","response_code":0,"response_code_details":"http2.remote_reset","response_flags":"DR","route_name":"default","start_time":"2026-03-02T10:16:19.816Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.23:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
		},
		calls: []call{
			{verdict: "confirmed", key: "tuple_id", client: 1, server: []int64{2}},
		},
	},
	{
		name: "3 timeout, a proxy before 1.30",
		lines: []string{
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":24,"connection_termination_details":null,"downstream_local_address":"10.96.44.10:8080","downstream_remote_address":"10.244.1.8:37910","duration":3001,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":null,"response_code":504,"response_code_details":"response_timeout","response_flags":"UT","route_name":"default","start_time":"2026-03-02T10:16:19.812Z","upstream_cluster":"outbound|8080||orders.shop.svc.cluster.local","upstream_host":"10.244.2.23:8080","upstream_local_address":"10.244.1.8:37022","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":0,"connection_termination_details":null,"downstream_local_address":"10.244.2.23:8080","downstream_remote_address":"10.244.1.8:37022","duration":3000,"method":"GET","path":"/api/orders/42","protocol":"HTTP/2","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":"outbound_.8080_._.orders.shop.svc.cluster.local","response_code":0,"response_code_details":"http2.remote_reset","response_flags":"-","route_name":"default","start_time":"2026-03-02T10:16:19.814Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.23:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
		},
		calls: []call{
			{verdict: "confirmed", key: "tuple_id", client: 1, server: []int64{2}},
		},
	},
	{
		name: "4 per-try timeout on two pods",
		lines: []string{
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":24,"connection_termination_details":null,"downstream_local_address":"10.96.44.10:8080","downstream_remote_address":"10.244.1.8:37910","duration":2030,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":null,"response_code":504,"response_code_details":"upstream_per_try_timeout","response_flags":"URX,UT","route_name":"default","start_time":"2026-03-02T10:16:19.812Z","upstream_cluster":"outbound|8080||orders.shop.svc.cluster.local","upstream_host":"10.244.2.24:8080","upstream_local_address":"10.244.1.8:37030","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":0,"connection_termination_details":null,"downstream_local_address":"10.244.2.23:8080","downstream_remote_address":"10.244.1.8:37022","duration":1000,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":"outbound_.8080_._.orders.shop.svc.cluster.local","response_code":0,"response_code_details":"downstream_remote_disconnect","response_flags":"DC","route_name":"default","start_time":"2026-03-02T10:16:19.815Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.23:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":0,"connection_termination_details":null,"downstream_local_address":"10.244.2.24:8080","downstream_remote_address":"10.244.1.8:37030","duration":999,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":"outbound_.8080_._.orders.shop.svc.cluster.local","response_code":0,"response_code_details":"downstream_remote_disconnect","response_flags":"DC","route_name":"default","start_time":"2026-03-02T10:16:20.845Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.24:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
		},
		calls: []call{
			{verdict: "confirmed", key: "tuple_id", client: 1, server: []int64{3}},
			{verdict: "hidden_retry", client: 1, server: []int64{2}},
		},
	},
	{
		name: "5 the retry helped",
		lines: []string{
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":59,"connection_termination_details":null,"downstream_local_address":"10.96.44.10:8080","downstream_remote_address":"10.244.1.8:37910","duration":1045,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":null,"response_code":200,"response_code_details":"via_upstream","response_flags":"-","route_name":"default","start_time":"2026-03-02T10:16:19.812Z","upstream_cluster":"outbound|8080||orders.shop.svc.cluster.local","upstream_host":"10.244.2.24:8080","upstream_local_address":"10.244.1.8:37030","upstream_service_time":"1044","upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":0,"connection_termination_details":null,"downstream_local_address":"10.244.2.23:8080","downstream_remote_address":"10.244.1.8:37022","duration":1000,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":"outbound_.8080_._.orders.shop.svc.cluster.local","response_code":0,"response_code_details":"downstream_remote_disconnect","response_flags":"DC","route_name":"default","start_time":"2026-03-02T10:16:19.815Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.23:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":59,"connection_termination_details":null,"downstream_local_address":"10.244.2.24:8080","downstream_remote_address":"10.244.1.8:37030","duration":9,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":"outbound_.8080_._.orders.shop.svc.cluster.local","response_code":200,"response_code_details":"via_upstream","response_flags":"-","route_name":"default","start_time":"2026-03-02T10:16:20.845Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.24:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":"8","upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
		},
		calls: []call{
			{verdict: "hidden_retry", client: 1, server: []int64{2}},
		},
	},
	{
		name: "6 the caller hung up",
		lines: []string{
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":0,"connection_termination_details":null,"downstream_local_address":"10.96.44.10:8080","downstream_remote_address":"10.244.1.8:37910","duration":2966,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":null,"response_code":0,"response_code_details":"downstream_remote_disconnect","response_flags":"DC","route_name":"default","start_time":"2026-03-02T10:16:19.812Z","upstream_cluster":"outbound|8080||orders.shop.svc.cluster.local","upstream_host":"10.244.2.23:8080","upstream_local_address":"10.244.1.8:37022","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":0,"connection_termination_details":null,"downstream_local_address":"10.244.2.23:8080","downstream_remote_address":"10.244.1.8:37022","duration":2968,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":"outbound_.8080_._.orders.shop.svc.cluster.local","response_code":0,"response_code_details":"downstream_remote_disconnect","response_flags":"DC","route_name":"default","start_time":"2026-03-02T10:16:19.813Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.23:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
		},
		calls: []call{
			{verdict: "caller_left", key: "tuple_id", client: 1, server: []int64{2}},
		},
	},
	{
		name:   "7 a caller without a sidecar",
		around: bothSides,
		lines: []string{
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":0,"connection_termination_details":null,"downstream_local_address":"10.244.2.23:8080","downstream_remote_address":"10.244.1.8:37022","duration":2999,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":"outbound_.8080_._.orders.shop.svc.cluster.local","response_code":0,"response_code_details":"downstream_remote_disconnect","response_flags":"DC","route_name":"default","start_time":"2026-03-02T10:16:19.815Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.23:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
		},
		calls: []call{
			{verdict: "server_only", server: []int64{1}},
		},
	},
	{
		name: "8 answered at once",
		lines: []string{
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":24,"connection_termination_details":null,"downstream_local_address":"10.96.44.10:8080","downstream_remote_address":"10.244.1.8:37910","duration":3001,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":null,"response_code":504,"response_code_details":"response_timeout","response_flags":"UT","route_name":"default","start_time":"2026-03-02T10:16:19.812Z","upstream_cluster":"outbound|8080||orders.shop.svc.cluster.local","upstream_host":"10.244.2.23:8080","upstream_local_address":"10.244.1.8:37022","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":59,"connection_termination_details":null,"downstream_local_address":"10.244.2.23:8080","downstream_remote_address":"10.244.1.8:37022","duration":5,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":"outbound_.8080_._.orders.shop.svc.cluster.local","response_code":200,"response_code_details":"via_upstream","response_flags":"-","route_name":"default","start_time":"2026-03-02T10:16:19.815Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.23:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":"4","upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
		},
		calls: []call{
			{verdict: "answered_late", key: "tuple_id", client: 1, server: []int64{2}},
		},
	},
	{
		name:   "9 the pod reports, yet has no record",
		around: bothSides,
		lines: []string{
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":24,"connection_termination_details":null,"downstream_local_address":"10.96.44.10:8080","downstream_remote_address":"10.244.1.8:37910","duration":3001,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":null,"response_code":504,"response_code_details":"response_timeout","response_flags":"UT","route_name":"default","start_time":"2026-03-02T10:16:19.812Z","upstream_cluster":"outbound|8080||orders.shop.svc.cluster.local","upstream_host":"10.244.2.23:8080","upstream_local_address":"10.244.1.8:37022","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
		},
		calls: []call{
			{verdict: "not_received", client: 1},
		},
	},
	{
		name:   "10 the pod writes no log",
		around: callersOnly,
		lines: []string{
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":24,"connection_termination_details":null,"downstream_local_address":"10.96.44.10:8080","downstream_remote_address":"10.244.1.8:37910","duration":3001,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":null,"response_code":504,"response_code_details":"response_timeout","response_flags":"UT","route_name":"default","start_time":"2026-03-02T10:16:19.812Z","upstream_cluster":"outbound|8080||orders.shop.svc.cluster.local","upstream_host":"10.244.2.23:8080","upstream_local_address":"10.244.1.8:37022","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
		},
		calls: []call{
			{verdict: "client_only", client: 1},
		},
	},
	{
		name:   "11 cut while the answer was sent, alone",
		around: bothSides,
		lines: []string{
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":70000,"connection_termination_details":null,"downstream_local_address":"10.244.2.23:8080","downstream_remote_address":"10.244.1.8:37022","duration":900,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":"outbound_.8080_._.orders.shop.svc.cluster.local","response_code":206,"response_code_details":"downstream_remote_disconnect","response_flags":"DC","route_name":"default","start_time":"2026-03-02T10:16:19.815Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.23:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":"12","upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
		},
		calls: []call{
			{verdict: "server_only", server: []int64{1}},
		},
	},
	{
		name: "11 beside the caller's hang-up",
		lines: []string{
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":69000,"connection_termination_details":null,"downstream_local_address":"10.96.44.10:8080","downstream_remote_address":"10.244.1.8:37910","duration":902,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":null,"response_code":200,"response_code_details":"downstream_remote_disconnect","response_flags":"DC","route_name":"default","start_time":"2026-03-02T10:16:19.812Z","upstream_cluster":"outbound|8080||orders.shop.svc.cluster.local","upstream_host":"10.244.2.23:8080","upstream_local_address":"10.244.1.8:37022","upstream_service_time":"14","upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":70000,"connection_termination_details":null,"downstream_local_address":"10.244.2.23:8080","downstream_remote_address":"10.244.1.8:37022","duration":900,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":"outbound_.8080_._.orders.shop.svc.cluster.local","response_code":200,"response_code_details":"downstream_remote_disconnect","response_flags":"DC","route_name":"default","start_time":"2026-03-02T10:16:19.813Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.23:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":"12","upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
		},
		calls: []call{
			{verdict: "caller_left", key: "tuple_id", client: 1, server: []int64{2}},
		},
	},
	{
		name: "12 connection refused",
		lines: []string{
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":190,"connection_termination_details":null,"downstream_local_address":"10.96.44.10:8080","downstream_remote_address":"10.244.1.8:37910","duration":63,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":null,"response_code":503,"response_code_details":"upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused}","response_flags":"URX,UF","route_name":"default","start_time":"2026-03-02T10:16:19.812Z","upstream_cluster":"outbound|8080||orders.shop.svc.cluster.local","upstream_host":"10.244.2.23:8080","upstream_local_address":null,"upstream_service_time":null,"upstream_transport_failure_reason":"delayed_connect_error:_Connection_refused","user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
		},
		calls: []call{
			{verdict: "not_sent", client: 1},
		},
	},
	{
		name:   "13 the pod's clock is 35 s behind",
		around: bothSides,
		lines: []string{
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":24,"connection_termination_details":null,"downstream_local_address":"10.96.44.10:8080","downstream_remote_address":"10.244.1.8:37910","duration":3001,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":null,"response_code":504,"response_code_details":"response_timeout","response_flags":"UT","route_name":"default","start_time":"2026-03-02T10:16:19.812Z","upstream_cluster":"outbound|8080||orders.shop.svc.cluster.local","upstream_host":"10.244.2.23:8080","upstream_local_address":"10.244.1.8:37022","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":0,"connection_termination_details":null,"downstream_local_address":"10.244.2.23:8080","downstream_remote_address":"10.244.1.8:37022","duration":2999,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":"outbound_.8080_._.orders.shop.svc.cluster.local","response_code":0,"response_code_details":"downstream_remote_disconnect","response_flags":"DC","route_name":"default","start_time":"2026-03-02T10:15:44.815Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.23:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
		},
		calls: []call{
			{verdict: "confirmed", key: "tuple_id", client: 1, server: []int64{2}},
		},
	},
	{
		name:   "13 the pod's clock is 35 s ahead",
		around: bothSides,
		lines: []string{
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":24,"connection_termination_details":null,"downstream_local_address":"10.96.44.10:8080","downstream_remote_address":"10.244.1.8:37910","duration":3001,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":null,"response_code":504,"response_code_details":"response_timeout","response_flags":"UT","route_name":"default","start_time":"2026-03-02T10:16:19.812Z","upstream_cluster":"outbound|8080||orders.shop.svc.cluster.local","upstream_host":"10.244.2.23:8080","upstream_local_address":"10.244.1.8:37022","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":0,"connection_termination_details":null,"downstream_local_address":"10.244.2.23:8080","downstream_remote_address":"10.244.1.8:37022","duration":2999,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":"outbound_.8080_._.orders.shop.svc.cluster.local","response_code":0,"response_code_details":"downstream_remote_disconnect","response_flags":"DC","route_name":"default","start_time":"2026-03-02T10:16:54.815Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.23:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
		},
		calls: []call{
			{verdict: "confirmed", key: "tuple_id", client: 1, server: []int64{2}},
		},
	},
	{
		name: "14 an address that changed hands, with pod ids",
		lines: []string{
			`{"log":{"authority":"orders:8080","bytes_received":0,"bytes_sent":59,"connection_termination_details":null,"downstream_local_address":"10.96.44.10:8080","downstream_remote_address":"10.244.1.8:37910","duration":10,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"c1f7a7d2-3c44-9a10-9a55-0b7c6d5e4f31","requested_server_name":null,"response_code":200,"response_code_details":"via_upstream","response_flags":"-","route_name":"default","start_time":"2026-03-02T10:16:10.812Z","upstream_cluster":"outbound|8080||orders.shop.svc.cluster.local","upstream_host":"10.244.2.23:8080","upstream_local_address":"10.244.1.8:37999","upstream_service_time":"9","upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null},"kubernetes":{"pod_name":"web-1","namespace_name":"shop","pod_id":"id-web-1","host":"node-1"}}`,
			`{"log":{"authority":"orders:8080","bytes_received":0,"bytes_sent":59,"connection_termination_details":null,"downstream_local_address":"10.244.2.23:8080","downstream_remote_address":"10.244.1.8:37999","duration":5,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"c1f7a7d2-3c44-9a10-9a55-0b7c6d5e4f31","requested_server_name":"outbound_.8080_._.orders.shop.svc.cluster.local","response_code":200,"response_code_details":"via_upstream","response_flags":"-","route_name":"default","start_time":"2026-03-02T10:16:10.815Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.23:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":"4","upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null},"kubernetes":{"pod_name":"orders-a","namespace_name":"shop","pod_id":"id-a","host":"node-2"}}`,
			`{"log":{"authority":"orders:8080","bytes_received":0,"bytes_sent":24,"connection_termination_details":null,"downstream_local_address":"10.96.44.10:8080","downstream_remote_address":"10.244.1.8:37910","duration":3001,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":null,"response_code":504,"response_code_details":"response_timeout","response_flags":"UT","route_name":"default","start_time":"2026-03-02T10:16:19.812Z","upstream_cluster":"outbound|8080||orders.shop.svc.cluster.local","upstream_host":"10.244.2.23:8080","upstream_local_address":"10.244.1.8:37022","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null},"kubernetes":{"pod_name":"web-1","namespace_name":"shop","pod_id":"id-web-1","host":"node-1"}}`,
			`{"log":{"authority":"orders:8080","bytes_received":0,"bytes_sent":0,"connection_termination_details":null,"downstream_local_address":"10.244.2.23:8080","downstream_remote_address":"10.244.1.8:37022","duration":2999,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":"outbound_.8080_._.orders.shop.svc.cluster.local","response_code":0,"response_code_details":"downstream_remote_disconnect","response_flags":"DC","route_name":"default","start_time":"2026-03-02T10:16:19.815Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.23:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null},"kubernetes":{"pod_name":"orders-a","namespace_name":"shop","pod_id":"id-a","host":"node-2"}}`,
			`{"log":{"authority":"orders:8080","bytes_received":0,"bytes_sent":59,"connection_termination_details":null,"downstream_local_address":"10.96.44.10:8080","downstream_remote_address":"10.244.1.8:37910","duration":10,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"c1f7a7d2-3c44-9a10-9a55-0b7c6d5e4f32","requested_server_name":null,"response_code":200,"response_code_details":"via_upstream","response_flags":"-","route_name":"default","start_time":"2026-03-02T10:17:10.812Z","upstream_cluster":"outbound|8080||orders.shop.svc.cluster.local","upstream_host":"10.244.2.23:8080","upstream_local_address":"10.244.1.8:37999","upstream_service_time":"9","upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null},"kubernetes":{"pod_name":"web-1","namespace_name":"shop","pod_id":"id-web-1","host":"node-1"}}`,
			`{"log":{"authority":"orders:8080","bytes_received":0,"bytes_sent":59,"connection_termination_details":null,"downstream_local_address":"10.244.2.23:8080","downstream_remote_address":"10.244.1.8:37999","duration":5,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"c1f7a7d2-3c44-9a10-9a55-0b7c6d5e4f32","requested_server_name":"outbound_.8080_._.orders.shop.svc.cluster.local","response_code":200,"response_code_details":"via_upstream","response_flags":"-","route_name":"default","start_time":"2026-03-02T10:17:10.815Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.23:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":"4","upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null},"kubernetes":{"pod_name":"orders-b","namespace_name":"shop","pod_id":"id-b","host":"node-2"}}`,
			`{"log":{"authority":"orders:8080","bytes_received":0,"bytes_sent":24,"connection_termination_details":null,"downstream_local_address":"10.96.44.10:8080","downstream_remote_address":"10.244.1.8:37910","duration":3001,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"7b0e2f10-6a5d-9c11-8d2e-3f4a5b6c7d8e","requested_server_name":null,"response_code":504,"response_code_details":"response_timeout","response_flags":"UT","route_name":"default","start_time":"2026-03-02T10:17:19.812Z","upstream_cluster":"outbound|8080||orders.shop.svc.cluster.local","upstream_host":"10.244.2.23:8080","upstream_local_address":"10.244.1.8:37022","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null},"kubernetes":{"pod_name":"web-1","namespace_name":"shop","pod_id":"id-web-1","host":"node-1"}}`,
			`{"log":{"authority":"orders:8080","bytes_received":0,"bytes_sent":0,"connection_termination_details":null,"downstream_local_address":"10.244.2.23:8080","downstream_remote_address":"10.244.1.8:37022","duration":2999,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"7b0e2f10-6a5d-9c11-8d2e-3f4a5b6c7d8e","requested_server_name":"outbound_.8080_._.orders.shop.svc.cluster.local","response_code":0,"response_code_details":"downstream_remote_disconnect","response_flags":"DC","route_name":"default","start_time":"2026-03-02T10:17:19.815Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.23:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null},"kubernetes":{"pod_name":"orders-b","namespace_name":"shop","pod_id":"id-b","host":"node-2"}}`,
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
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":59,"connection_termination_details":null,"downstream_local_address":"10.96.44.10:8080","downstream_remote_address":"10.244.1.8:37910","duration":10,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"c1f7a7d2-3c44-9a10-9a55-0b7c6d5e4f31","requested_server_name":null,"response_code":200,"response_code_details":"via_upstream","response_flags":"-","route_name":"default","start_time":"2026-03-02T10:16:10.812Z","upstream_cluster":"outbound|8080||orders.shop.svc.cluster.local","upstream_host":"10.244.2.23:8080","upstream_local_address":"10.244.1.8:37999","upstream_service_time":"9","upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":59,"connection_termination_details":null,"downstream_local_address":"10.244.2.23:8080","downstream_remote_address":"10.244.1.8:37999","duration":5,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"c1f7a7d2-3c44-9a10-9a55-0b7c6d5e4f31","requested_server_name":"outbound_.8080_._.orders.shop.svc.cluster.local","response_code":200,"response_code_details":"via_upstream","response_flags":"-","route_name":"default","start_time":"2026-03-02T10:16:10.815Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.23:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":"4","upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":24,"connection_termination_details":null,"downstream_local_address":"10.96.44.10:8080","downstream_remote_address":"10.244.1.8:37910","duration":3001,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":null,"response_code":504,"response_code_details":"response_timeout","response_flags":"UT","route_name":"default","start_time":"2026-03-02T10:16:19.812Z","upstream_cluster":"outbound|8080||orders.shop.svc.cluster.local","upstream_host":"10.244.2.23:8080","upstream_local_address":"10.244.1.8:37022","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":0,"connection_termination_details":null,"downstream_local_address":"10.244.2.23:8080","downstream_remote_address":"10.244.1.8:37022","duration":2999,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":"outbound_.8080_._.orders.shop.svc.cluster.local","response_code":0,"response_code_details":"downstream_remote_disconnect","response_flags":"DC","route_name":"default","start_time":"2026-03-02T10:16:19.815Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.23:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"stock:8080","bytes_received":0,"bytes_sent":59,"connection_termination_details":null,"downstream_local_address":"10.96.44.10:8080","downstream_remote_address":"10.244.1.8:37910","duration":10,"method":"GET","path":"/api/stock/42","protocol":"HTTP/1.1","request_id":"c1f7a7d2-3c44-9a10-9a55-0b7c6d5e4f32","requested_server_name":null,"response_code":200,"response_code_details":"via_upstream","response_flags":"-","route_name":"default","start_time":"2026-03-02T10:17:10.812Z","upstream_cluster":"outbound|8080||stock.shop.svc.cluster.local","upstream_host":"10.244.2.23:8080","upstream_local_address":"10.244.1.8:37999","upstream_service_time":"9","upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"stock:8080","bytes_received":0,"bytes_sent":59,"connection_termination_details":null,"downstream_local_address":"10.244.2.23:8080","downstream_remote_address":"10.244.1.8:37999","duration":5,"method":"GET","path":"/api/stock/42","protocol":"HTTP/1.1","request_id":"c1f7a7d2-3c44-9a10-9a55-0b7c6d5e4f32","requested_server_name":"outbound_.8080_._.stock.shop.svc.cluster.local","response_code":200,"response_code_details":"via_upstream","response_flags":"-","route_name":"default","start_time":"2026-03-02T10:17:10.815Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.23:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":"4","upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"stock:8080","bytes_received":0,"bytes_sent":24,"connection_termination_details":null,"downstream_local_address":"10.96.44.10:8080","downstream_remote_address":"10.244.1.8:37910","duration":3001,"method":"GET","path":"/api/stock/42","protocol":"HTTP/1.1","request_id":"7b0e2f10-6a5d-9c11-8d2e-3f4a5b6c7d8e","requested_server_name":null,"response_code":504,"response_code_details":"response_timeout","response_flags":"UT","route_name":"default","start_time":"2026-03-02T10:17:19.812Z","upstream_cluster":"outbound|8080||stock.shop.svc.cluster.local","upstream_host":"10.244.2.23:8080","upstream_local_address":"10.244.1.8:37022","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"stock:8080","bytes_received":0,"bytes_sent":0,"connection_termination_details":null,"downstream_local_address":"10.244.2.23:8080","downstream_remote_address":"10.244.1.8:37022","duration":2999,"method":"GET","path":"/api/stock/42","protocol":"HTTP/1.1","request_id":"7b0e2f10-6a5d-9c11-8d2e-3f4a5b6c7d8e","requested_server_name":"outbound_.8080_._.stock.shop.svc.cluster.local","response_code":0,"response_code_details":"downstream_remote_disconnect","response_flags":"DC","route_name":"default","start_time":"2026-03-02T10:17:19.815Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.23:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
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
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":59,"connection_termination_details":null,"downstream_local_address":"10.96.44.10:8080","downstream_remote_address":"10.244.1.8:37910","duration":10,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"c1f7a7d2-3c44-9a10-9a55-0b7c6d5e4f31","requested_server_name":null,"response_code":200,"response_code_details":"via_upstream","response_flags":"-","route_name":"default","start_time":"2026-03-02T10:16:10.812Z","upstream_cluster":"outbound|8080||orders.shop.svc.cluster.local","upstream_host":"10.244.2.23:8080","upstream_local_address":"10.244.1.8:37999","upstream_service_time":"9","upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":59,"connection_termination_details":null,"downstream_local_address":"10.244.2.23:8080","downstream_remote_address":"10.244.1.8:37999","duration":5,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"c1f7a7d2-3c44-9a10-9a55-0b7c6d5e4f31","requested_server_name":"outbound_.8080_._.orders.shop.svc.cluster.local","response_code":200,"response_code_details":"via_upstream","response_flags":"-","route_name":"default","start_time":"2026-03-02T10:16:10.815Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.23:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":"4","upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":24,"connection_termination_details":null,"downstream_local_address":"10.96.44.10:8080","downstream_remote_address":"10.244.1.8:37910","duration":3001,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":null,"response_code":504,"response_code_details":"response_timeout","response_flags":"UT","route_name":"default","start_time":"2026-03-02T10:16:19.812Z","upstream_cluster":"outbound|8080||orders.shop.svc.cluster.local","upstream_host":"10.244.2.23:8080","upstream_local_address":"10.244.1.8:37022","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":0,"connection_termination_details":null,"downstream_local_address":"10.244.2.23:8080","downstream_remote_address":"10.244.1.8:37022","duration":2999,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":"outbound_.8080_._.orders.shop.svc.cluster.local","response_code":0,"response_code_details":"downstream_remote_disconnect","response_flags":"DC","route_name":"default","start_time":"2026-03-02T10:16:19.815Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.23:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":59,"connection_termination_details":null,"downstream_local_address":"10.96.44.10:8080","downstream_remote_address":"10.244.1.8:37910","duration":10,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"c1f7a7d2-3c44-9a10-9a55-0b7c6d5e4f32","requested_server_name":null,"response_code":200,"response_code_details":"via_upstream","response_flags":"-","route_name":"default","start_time":"2026-03-02T10:27:10.812Z","upstream_cluster":"outbound|8080||orders.shop.svc.cluster.local","upstream_host":"10.244.2.23:8080","upstream_local_address":"10.244.1.8:37999","upstream_service_time":"9","upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":59,"connection_termination_details":null,"downstream_local_address":"10.244.2.23:8080","downstream_remote_address":"10.244.1.8:37999","duration":5,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"c1f7a7d2-3c44-9a10-9a55-0b7c6d5e4f32","requested_server_name":"outbound_.8080_._.orders.shop.svc.cluster.local","response_code":200,"response_code_details":"via_upstream","response_flags":"-","route_name":"default","start_time":"2026-03-02T10:27:10.815Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.23:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":"4","upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":24,"connection_termination_details":null,"downstream_local_address":"10.96.44.10:8080","downstream_remote_address":"10.244.1.8:37910","duration":3001,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"7b0e2f10-6a5d-9c11-8d2e-3f4a5b6c7d8e","requested_server_name":null,"response_code":504,"response_code_details":"response_timeout","response_flags":"UT","route_name":"default","start_time":"2026-03-02T10:27:19.812Z","upstream_cluster":"outbound|8080||orders.shop.svc.cluster.local","upstream_host":"10.244.2.23:8080","upstream_local_address":"10.244.1.8:37022","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":0,"connection_termination_details":null,"downstream_local_address":"10.244.2.23:8080","downstream_remote_address":"10.244.1.8:37022","duration":2999,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"7b0e2f10-6a5d-9c11-8d2e-3f4a5b6c7d8e","requested_server_name":"outbound_.8080_._.orders.shop.svc.cluster.local","response_code":0,"response_code_details":"downstream_remote_disconnect","response_flags":"DC","route_name":"default","start_time":"2026-03-02T10:27:19.815Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.23:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
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
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":24,"connection_termination_details":null,"downstream_local_address":"10.96.44.10:8080","downstream_remote_address":"10.244.1.8:37910","duration":3001,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":null,"response_code":504,"response_code_details":"response_timeout","response_flags":"UT","route_name":"default","start_time":"2026-03-02T10:16:19.812Z","upstream_cluster":"outbound|8080||orders.shop.svc.cluster.local","upstream_host":"10.244.2.23:8080","upstream_local_address":"10.244.1.8:37022","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":0,"connection_termination_details":null,"downstream_local_address":"10.244.2.23:8080","downstream_remote_address":"10.244.1.8:37022","duration":2999,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":"outbound_.8080_._.orders.shop.svc.cluster.local","response_code":0,"response_code_details":"downstream_remote_disconnect","response_flags":"DC","route_name":"default","start_time":"2026-03-02T10:15:39.814Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.23:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
		},
		calls: []call{
			{verdict: "confirmed", key: "tuple_id", client: 1, server: []int64{2}},
		},
	},
	{
		name:   "15 the caller's clock is 40 s behind",
		around: bothSides,
		lines: []string{
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":24,"connection_termination_details":null,"downstream_local_address":"10.96.44.10:8080","downstream_remote_address":"10.244.1.8:37910","duration":3001,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":null,"response_code":504,"response_code_details":"response_timeout","response_flags":"UT","route_name":"default","start_time":"2026-03-02T10:15:39.812Z","upstream_cluster":"outbound|8080||orders.shop.svc.cluster.local","upstream_host":"10.244.2.23:8080","upstream_local_address":"10.244.1.8:37022","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":0,"connection_termination_details":null,"downstream_local_address":"10.244.2.23:8080","downstream_remote_address":"10.244.1.8:37022","duration":2999,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":"outbound_.8080_._.orders.shop.svc.cluster.local","response_code":0,"response_code_details":"downstream_remote_disconnect","response_flags":"DC","route_name":"default","start_time":"2026-03-02T10:16:19.814Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.23:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
		},
		calls: []call{
			{verdict: "confirmed", key: "tuple_id", client: 1, server: []int64{2}},
		},
	},
	{
		name:   "15 the pod's clock is 40 s ahead",
		around: bothSides,
		lines: []string{
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":24,"connection_termination_details":null,"downstream_local_address":"10.96.44.10:8080","downstream_remote_address":"10.244.1.8:37910","duration":3001,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":null,"response_code":504,"response_code_details":"response_timeout","response_flags":"UT","route_name":"default","start_time":"2026-03-02T10:16:19.812Z","upstream_cluster":"outbound|8080||orders.shop.svc.cluster.local","upstream_host":"10.244.2.23:8080","upstream_local_address":"10.244.1.8:37022","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":0,"connection_termination_details":null,"downstream_local_address":"10.244.2.23:8080","downstream_remote_address":"10.244.1.8:37022","duration":2999,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":"outbound_.8080_._.orders.shop.svc.cluster.local","response_code":0,"response_code_details":"downstream_remote_disconnect","response_flags":"DC","route_name":"default","start_time":"2026-03-02T10:16:59.814Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.23:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
		},
		calls: []call{
			{verdict: "confirmed", key: "tuple_id", client: 1, server: []int64{2}},
		},
	},
	{
		name:   "15 the caller's clock is 40 s ahead",
		around: bothSides,
		lines: []string{
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":24,"connection_termination_details":null,"downstream_local_address":"10.96.44.10:8080","downstream_remote_address":"10.244.1.8:37910","duration":3001,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":null,"response_code":504,"response_code_details":"response_timeout","response_flags":"UT","route_name":"default","start_time":"2026-03-02T10:16:59.812Z","upstream_cluster":"outbound|8080||orders.shop.svc.cluster.local","upstream_host":"10.244.2.23:8080","upstream_local_address":"10.244.1.8:37022","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":0,"connection_termination_details":null,"downstream_local_address":"10.244.2.23:8080","downstream_remote_address":"10.244.1.8:37022","duration":2999,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":"outbound_.8080_._.orders.shop.svc.cluster.local","response_code":0,"response_code_details":"downstream_remote_disconnect","response_flags":"DC","route_name":"default","start_time":"2026-03-02T10:16:19.814Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.23:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
		},
		calls: []call{
			{verdict: "confirmed", key: "tuple_id", client: 1, server: []int64{2}},
		},
	},
	{
		name: "16 both lines delivered twice",
		lines: []string{
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":24,"connection_termination_details":null,"downstream_local_address":"10.96.44.10:8080","downstream_remote_address":"10.244.1.8:37910","duration":3001,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":null,"response_code":504,"response_code_details":"response_timeout","response_flags":"UT","route_name":"default","start_time":"2026-03-02T10:16:19.812Z","upstream_cluster":"outbound|8080||orders.shop.svc.cluster.local","upstream_host":"10.244.2.23:8080","upstream_local_address":"10.244.1.8:37022","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":24,"connection_termination_details":null,"downstream_local_address":"10.96.44.10:8080","downstream_remote_address":"10.244.1.8:37910","duration":3001,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":null,"response_code":504,"response_code_details":"response_timeout","response_flags":"UT","route_name":"default","start_time":"2026-03-02T10:16:19.812Z","upstream_cluster":"outbound|8080||orders.shop.svc.cluster.local","upstream_host":"10.244.2.23:8080","upstream_local_address":"10.244.1.8:37022","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":0,"connection_termination_details":null,"downstream_local_address":"10.244.2.23:8080","downstream_remote_address":"10.244.1.8:37022","duration":2999,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":"outbound_.8080_._.orders.shop.svc.cluster.local","response_code":0,"response_code_details":"downstream_remote_disconnect","response_flags":"DC","route_name":"default","start_time":"2026-03-02T10:16:19.815Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.23:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":0,"connection_termination_details":null,"downstream_local_address":"10.244.2.23:8080","downstream_remote_address":"10.244.1.8:37022","duration":2999,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":"outbound_.8080_._.orders.shop.svc.cluster.local","response_code":0,"response_code_details":"downstream_remote_disconnect","response_flags":"DC","route_name":"default","start_time":"2026-03-02T10:16:19.815Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.23:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
		},
		calls: []call{
			{verdict: "confirmed", key: "tuple_id", client: 1, server: []int64{3}},
		},
	},
	{
		name: "16 an answer delivered twice",
		lines: []string{
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":24,"connection_termination_details":null,"downstream_local_address":"10.96.44.10:8080","downstream_remote_address":"10.244.1.8:37910","duration":3001,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":null,"response_code":504,"response_code_details":"response_timeout","response_flags":"UT","route_name":"default","start_time":"2026-03-02T10:16:19.812Z","upstream_cluster":"outbound|8080||orders.shop.svc.cluster.local","upstream_host":"10.244.2.23:8080","upstream_local_address":"10.244.1.8:37022","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":59,"connection_termination_details":null,"downstream_local_address":"10.244.2.23:8080","downstream_remote_address":"10.244.1.8:37022","duration":5,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":"outbound_.8080_._.orders.shop.svc.cluster.local","response_code":200,"response_code_details":"via_upstream","response_flags":"-","route_name":"default","start_time":"2026-03-02T10:16:19.815Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.23:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":"4","upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":59,"connection_termination_details":null,"downstream_local_address":"10.244.2.23:8080","downstream_remote_address":"10.244.1.8:37022","duration":5,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":"outbound_.8080_._.orders.shop.svc.cluster.local","response_code":200,"response_code_details":"via_upstream","response_flags":"-","route_name":"default","start_time":"2026-03-02T10:16:19.815Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.23:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":"4","upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
		},
		calls: []call{
			{verdict: "answered_late", key: "tuple_id", client: 1, server: []int64{2}},
		},
	},
	{
		name: "17 the id passed on to a deeper hop that is slow",
		lines: []string{
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":24,"connection_termination_details":null,"downstream_local_address":"10.96.44.10:8080","downstream_remote_address":"10.244.1.8:37910","duration":3001,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":null,"response_code":504,"response_code_details":"response_timeout","response_flags":"UT","route_name":"default","start_time":"2026-03-02T10:16:19.812Z","upstream_cluster":"outbound|8080||orders.shop.svc.cluster.local","upstream_host":"10.244.2.23:8080","upstream_local_address":"10.244.1.8:37022","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":0,"connection_termination_details":null,"downstream_local_address":"10.244.2.23:8080","downstream_remote_address":"10.244.1.8:37022","duration":2999,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":"outbound_.8080_._.orders.shop.svc.cluster.local","response_code":0,"response_code_details":"downstream_remote_disconnect","response_flags":"DC","route_name":"default","start_time":"2026-03-02T10:16:19.815Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.23:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":0,"connection_termination_details":null,"downstream_local_address":"10.96.44.10:8080","downstream_remote_address":"10.244.1.8:37910","duration":2990,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":null,"response_code":0,"response_code_details":"downstream_remote_disconnect","response_flags":"DC","route_name":"default","start_time":"2026-03-02T10:16:19.820Z","upstream_cluster":"outbound|8080||stock.shop.svc.cluster.local","upstream_host":"10.244.2.31:8080","upstream_local_address":"10.244.2.23:41000","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":0,"connection_termination_details":null,"downstream_local_address":"10.244.2.31:8080","downstream_remote_address":"10.244.2.23:41000","duration":2990,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":"outbound_.8080_._.stock.shop.svc.cluster.local","response_code":0,"response_code_details":"downstream_remote_disconnect","response_flags":"DC","route_name":"default","start_time":"2026-03-02T10:16:19.822Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.31:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
		},
		calls: []call{
			{verdict: "confirmed", key: "tuple_id", client: 1, server: []int64{2}},
			{verdict: "caller_left", key: "tuple_id", client: 3, server: []int64{4}},
		},
	},
	{
		name: "17 the id passed on to a deeper hop that fails",
		lines: []string{
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":59,"connection_termination_details":null,"downstream_local_address":"10.96.44.10:8080","downstream_remote_address":"10.244.1.8:37910","duration":1205,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":null,"response_code":200,"response_code_details":"via_upstream","response_flags":"-","route_name":"default","start_time":"2026-03-02T10:16:19.812Z","upstream_cluster":"outbound|8080||orders.shop.svc.cluster.local","upstream_host":"10.244.2.23:8080","upstream_local_address":"10.244.1.8:37022","upstream_service_time":"1204","upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":59,"connection_termination_details":null,"downstream_local_address":"10.244.2.23:8080","downstream_remote_address":"10.244.1.8:37022","duration":1202,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":"outbound_.8080_._.orders.shop.svc.cluster.local","response_code":200,"response_code_details":"via_upstream","response_flags":"-","route_name":"default","start_time":"2026-03-02T10:16:19.814Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.23:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":"1201","upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":24,"connection_termination_details":null,"downstream_local_address":"10.96.44.10:8080","downstream_remote_address":"10.244.1.8:37910","duration":1000,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":null,"response_code":504,"response_code_details":"response_timeout","response_flags":"UT","route_name":"default","start_time":"2026-03-02T10:16:19.820Z","upstream_cluster":"outbound|8080||stock.shop.svc.cluster.local","upstream_host":"10.244.2.31:8080","upstream_local_address":"10.244.2.23:41000","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":0,"connection_termination_details":null,"downstream_local_address":"10.244.2.31:8080","downstream_remote_address":"10.244.2.23:41000","duration":999,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":"outbound_.8080_._.stock.shop.svc.cluster.local","response_code":0,"response_code_details":"downstream_remote_disconnect","response_flags":"DC","route_name":"default","start_time":"2026-03-02T10:16:19.822Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.31:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
		},
		calls: []call{
			{verdict: "confirmed", key: "tuple_id", client: 3, server: []int64{4}},
		},
	},
	{
		name:   "17 the deeper hop's caller does not report",
		around: bothSides,
		lines: []string{
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":59,"connection_termination_details":null,"downstream_local_address":"10.96.44.10:8080","downstream_remote_address":"10.244.1.8:37910","duration":1205,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":null,"response_code":200,"response_code_details":"via_upstream","response_flags":"-","route_name":"default","start_time":"2026-03-02T10:16:19.812Z","upstream_cluster":"outbound|8080||orders.shop.svc.cluster.local","upstream_host":"10.244.2.23:8080","upstream_local_address":"10.244.1.8:37022","upstream_service_time":"1204","upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
			`{"authority":"orders:8080","bytes_received":0,"bytes_sent":0,"connection_termination_details":null,"downstream_local_address":"10.244.2.31:8080","downstream_remote_address":"10.244.2.23:41000","duration":999,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":"outbound_.8080_._.stock.shop.svc.cluster.local","response_code":0,"response_code_details":"downstream_remote_disconnect","response_flags":"DC","route_name":"default","start_time":"2026-03-02T10:16:19.822Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.31:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`,
		},
		calls: []call{
			{verdict: "server_only", server: []int64{2}},
		},
	},
}
