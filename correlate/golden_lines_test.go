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

// pair is what two proxies write of a call, and what it proves. Lines are as
// lineOf has them; calls name them by their place, from 1 on.
type pair struct {
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

// pairsBegin is when the pairs begin.
var pairsBegin = time.Date(2026, 3, 2, 10, 16, 19, 812e6, time.UTC)

// The lines of a call whose caller stopped waiting after three seconds.
const (
	clientLine = `{"authority":"orders:8080","bytes_received":0,"bytes_sent":24,"connection_termination_details":null,"downstream_local_address":"10.96.44.10:8080","downstream_remote_address":"10.244.1.8:37910","duration":3001,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":null,"response_code":504,"response_code_details":"response_timeout","response_flags":"UT","route_name":"default","start_time":"2026-03-02T10:16:19.812Z","upstream_cluster":"outbound|8080||orders.shop.svc.cluster.local","upstream_host":"10.244.2.23:8080","upstream_local_address":"10.244.1.8:37022","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`
	serverLine = `{"authority":"orders:8080","bytes_received":0,"bytes_sent":0,"connection_termination_details":null,"downstream_local_address":"10.244.2.23:8080","downstream_remote_address":"10.244.1.8:37022","duration":2999,"method":"GET","path":"/api/orders/42","protocol":"HTTP/1.1","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","requested_server_name":"outbound_.8080_._.orders.shop.svc.cluster.local","response_code":0,"response_code_details":"downstream_remote_disconnect","response_flags":"DC","route_name":"default","start_time":"2026-03-02T10:16:19.815Z","upstream_cluster":"inbound|8080||","upstream_host":"10.244.2.23:8080","upstream_local_address":"127.0.0.6:52563","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":"Go-http-client/1.1","x_forwarded_for":null}`
)

// lineOf is the line of a caller ("client key=value …") or of a called pod
// ("server key=value …") that says what clientLine or serverLine says, but for
// the values that are named. Of a start_time the date goes without saying; null
// is no value; kubernetes.KEY is what Fluent Bit adds, around the entry.
func lineOf(t testing.TB, text string) string {
	t.Helper()
	words := strings.Fields(text)
	entry := decoded(t, map[string]string{"client": clientLine, "server": serverLine}[words[0]])
	kubernetes := map[string]any{}
	for _, word := range words[1:] {
		key, value, _ := strings.Cut(word, "=")
		if of, ok := strings.CutPrefix(key, "kubernetes."); ok {
			kubernetes[of] = value
			continue
		}
		old, known := entry[key]
		if !known {
			t.Fatalf("no key %s in %q", key, text)
		}
		_, isNumber := old.(json.Number)
		switch {
		case value == "null":
			entry[key] = nil
		case isNumber:
			entry[key] = json.Number(value)
		case key == "start_time":
			entry[key] = pairsBegin.Format("2006-01-02T") + value + "Z"
		default:
			entry[key] = value
		}
	}
	var line any = entry
	if len(kubernetes) > 0 {
		line = map[string]any{"kubernetes": kubernetes, "log": entry}
	}
	b, err := json.Marshal(line)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// flavours are how proxies spell a line.
var flavours = map[string]func(testing.TB, string) string{
	"typed": func(_ testing.TB, line string) string { return line }, "strings": allStrings, "text": istioText,
}

func testPairs(t *testing.T, pairs []pair) {
	for _, p := range pairs {
		for flavour, spell := range flavours {
			t.Run(p.name+"/"+flavour, func(t *testing.T) {
				if flavour == "text" && p.noText != "" {
					t.Skip(p.noText)
				}
				var log []correlate.Record
				for i, line := range p.lines {
					log = append(log, recordOf(t, spell(t, lineOf(t, line)), int64(i+1)))
				}
				log = append(log, ordinaryTraffic(t, p.around, flavour)...)
				sortByEnd(log)
				lines := map[int64]int64{}
				for i := range log {
					// Of a line delivered twice either may be named.
					lines[log[i].Line] = log[i].Line
					for k, line := range p.lines {
						if at := log[i].Line; at > 0 && at <= int64(len(p.lines)) && line == p.lines[at-1] {
							lines[at] = int64(k + 1)
							break
						}
					}
				}
				compareCalls(t, streamed(log), p.calls, lines)
				// The oracle must know them, too.
				compareCalls(t, oracle(log), p.calls, lines)
				if p.pods != nil {
					if got := podsOf(log); !slices.Equal(got, p.pods) {
						t.Errorf("pods %q, want %q", got, p.pods)
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

func recordOf(t testing.TB, line string, number int64) correlate.Record {
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
	if got := istioText(t, serverLine); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for _, p := range slices.Concat(goldenPairs, joinRules) {
		if p.noText != "" {
			continue
		}
		for _, line := range p.lines {
			line = lineOf(t, line)
			want, got := recordOf(t, line, 1), recordOf(t, istioText(t, line), 1)
			if diff := gocmp.Diff(want, got); diff != "" {
				t.Errorf("%s: -JSON +text\n%s", p.name, diff)
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
		log = append(log, recordOf(t, spell(t, lineOf(t, text)), line))
	}
	for at := -100 * time.Second; at < 150*time.Second; at += 5 * time.Second {
		start := func(after time.Duration) string { return pairsBegin.Add(at + after).Format("15:04:05.000") }
		for _, pod := range []struct{ host, service string }{
			{"10.244.2.23:8080", "orders"}, {"10.244.2.24:8080", "orders"}, {"10.244.2.31:8080", "stock"},
		} {
			fqdn := pod.service + ".shop.svc.cluster.local"
			ok := fmt.Sprintf(" bytes_sent=59 request_id=%s@%v response_code=200 response_code_details=via_upstream response_flags=-", pod.host, at)
			add("client" + ok + " duration=10 upstream_service_time=9 start_time=" + start(0) +
				" upstream_cluster=outbound|8080||" + fqdn + " upstream_host=" + pod.host + " upstream_local_address=10.244.1.8:37999")
			if around == bothSides {
				add("server" + ok + " duration=5 upstream_service_time=4 start_time=" + start(3*time.Millisecond) +
					" requested_server_name=outbound_.8080_._." + fqdn + " upstream_host=" + pod.host +
					" downstream_local_address=" + pod.host + " downstream_remote_address=10.244.1.8:37999")
			}
		}
	}
	ordinaryLogs[key] = log
	return log
}

// ordinaryLogs keeps what it made: it is the same for all pairs.
var ordinaryLogs = map[string][]correlate.Record{}
