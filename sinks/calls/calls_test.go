package calls

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gotest.tools/v3/golden"

	"github.com/slowpod/slowpod/classify"
	"github.com/slowpod/slowpod/correlate"
)

const start = 1_772_446_579_812 // 2026-03-02T10:16:19.812Z

// both is a timeout with the word of both sides.
func both() *correlate.Call {
	return &correlate.Call{
		Verdict: correlate.Confirmed, Key: correlate.TupleID, Service: "orders.shop.svc.cluster.local", Subset: "v2",
		UpstreamHost: "10.244.2.23:8080", RequestID: []byte("da28cc83-9055-9ed5-8c0e-104bf3337a0c"),
		Client: &correlate.Record{
			Class: classify.Class{Side: classify.Client, Outcome: classify.Timeout},
			Start: start, Duration: 3001, Code: 504, FlagText: []byte("URX,UT"), Details: []byte("response_timeout"),
			UpstreamLocal: []byte("10.244.1.8:37022"), File: 0, Line: 7,
		},
		Server: []correlate.Record{{
			Class: classify.Class{Side: classify.Server, Outcome: classify.DownstreamClosed},
			Start: start + 3, Duration: 2999, FlagText: []byte("DC"), Details: []byte("downstream_remote_disconnect"),
			UpstreamLocal: []byte("127.0.0.6:52563"), File: 1, Line: 1 << 40,
		}},
	}
}

func clientOnly() *correlate.Call {
	c := both()
	c.Verdict, c.Key, c.Subset, c.Server = correlate.ClientOnly, correlate.NoKey, "", nil
	return c
}

// fromTrace is a call of which the pod's record had finished: its trace holds
// times, code and place only.
func fromTrace() *correlate.Call {
	c := both()
	c.Verdict, c.Key = correlate.AnsweredLate, correlate.IDHost
	c.Server = []correlate.Record{{Start: start + 3, Duration: 5, Code: 200, File: 1, Line: 8}}
	return c
}

// notSent is a call that went nowhere.
func notSent() *correlate.Call {
	return &correlate.Call{
		Verdict: correlate.NotSent, Service: "unknown",
		Client: &correlate.Record{Start: start, Code: 503, FlagText: []byte("UH"), Details: []byte("no_healthy_upstream"), Line: 9},
	}
}

// serverOnly is what the called pod alone says, of two attempts.
func serverOnly() *correlate.Call {
	c := both()
	c.Verdict, c.Key, c.Client = correlate.ServerOnly, correlate.NoKey, nil
	c.Server = append(c.Server, c.Server[0])
	return c
}

// named names streams by their numbers.
func named(names ...string) func(int32) string {
	return func(n int32) string {
		if int(n) < len(names) {
			return names[n]
		}
		return ""
	}
}

func lines(t *testing.T, calls ...*correlate.Call) string {
	t.Helper()
	var b bytes.Buffer
	w := NewWriter(&b, named("gateway.log", "pods/cart <1>.log"))
	for _, c := range calls {
		w.Write(c)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestGolden(t *testing.T) {
	golden.Assert(t, lines(t, both(), clientOnly(), fromTrace(), notSent(), serverOnly()), "calls.golden")
}

// The keys are a contract, in this order and to the letter.
func TestLine(t *testing.T) {
	f := func(c *correlate.Call, want string) {
		t.Helper()
		if diff := cmp.Diff(want+"\n", lines(t, c)); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
	}
	const client = `{"start":"2026-03-02T10:16:19.812Z","duration_ms":3001,"code":504,"flags":"URX,UT","details":"response_timeout","upstream_local_address":"10.244.1.8:37022","file":"gateway.log","line":7}`
	f(both(), `{"verdict":"confirmed","key":"tuple_id","service":"orders.shop.svc.cluster.local","subset":"v2","upstream_host":"10.244.2.23:8080","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","client":`+client+
		`,"server":[{"start":"2026-03-02T10:16:19.815Z","duration_ms":2999,"code":0,"flags":"DC","details":"downstream_remote_disconnect","upstream_local_address":"127.0.0.6:52563","file":"pods/cart <1>.log","line":1099511627776}]}`)
	f(clientOnly(), `{"verdict":"client_only","key":null,"service":"orders.shop.svc.cluster.local","subset":null,"upstream_host":"10.244.2.23:8080","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","client":`+client+`,"server":[]}`)
	f(fromTrace(), `{"verdict":"answered_late","key":"id_host","service":"orders.shop.svc.cluster.local","subset":"v2","upstream_host":"10.244.2.23:8080","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c","client":`+client+
		`,"server":[{"start":"2026-03-02T10:16:19.815Z","duration_ms":5,"code":200,"flags":null,"details":null,"upstream_local_address":null,"file":"pods/cart <1>.log","line":8}]}`)
	f(notSent(), `{"verdict":"not_sent","key":null,"service":"unknown","subset":null,"upstream_host":null,"request_id":null,"client":{"start":"2026-03-02T10:16:19.812Z","duration_ms":0,"code":503,"flags":"UH","details":"no_healthy_upstream","upstream_local_address":null,"file":"gateway.log","line":9},"server":[]}`)
}

// Each line is one JSON document, whatever a log put into it.
func TestHostileText(t *testing.T) {
	c := both()
	hostile := "a\"b\\c\n\x00\x1b\x7f\u009b\u202e\u2028\xff</script>"
	c.Service, c.Subset, c.RequestID = hostile, hostile, []byte(hostile)
	c.Client.FlagText, c.Client.Details, c.Client.UpstreamLocal = []byte(hostile), []byte(hostile), []byte(hostile)
	out := lines(t, c, both())
	rows := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	if len(rows) != 2 {
		t.Fatalf("%d lines, want 2:\n%q", len(rows), out)
	}
	for _, row := range rows {
		if !json.Valid([]byte(row)) {
			t.Errorf("no JSON: %q", row)
		}
	}
}

// A call names files by number; one that is not known has no name.
func TestUnknownFile(t *testing.T) {
	c := both()
	c.Client.File = 5
	if out := lines(t, c); !strings.Contains(out, `"file":""`) {
		t.Error(out)
	}
}

// full fails after so many bytes.
type full struct{ room, writes int }

var errFull = errors.New("no space left on device")

func (f *full) Write(b []byte) (int, error) {
	f.writes++
	if f.room -= len(b); f.room < 0 {
		return 0, errFull
	}
	return len(b), nil
}

// The first error is kept: nothing is written after it, and Flush tells it as
// often as it is asked.
func TestWriteError(t *testing.T) {
	disk := &full{room: 100_000}
	w := NewWriter(disk, named())
	for range 2000 {
		w.Write(both())
	}
	failed := disk.writes
	if disk.room >= 0 {
		t.Fatal("the disk never got full")
	}
	w.Write(both())
	for range 2 {
		if err := w.Flush(); !errors.Is(err, errFull) {
			t.Errorf("Flush: %v, want %v", err, errFull)
		}
	}
	if disk.writes != failed {
		t.Errorf("%d writes after the error", disk.writes-failed)
	}

	// one that only Flush meets
	w = NewWriter(&full{}, named())
	w.Write(both())
	if err := w.Flush(); !errors.Is(err, errFull) {
		t.Errorf("Flush: %v, want %v", err, errFull)
	}
}
