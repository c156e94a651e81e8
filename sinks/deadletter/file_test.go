package deadletter

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/slowpod/slowpod/sinks/spool"
)

func torn() Letter {
	return Letter{Reason: "invalid_json", File: "gateway.log", Line: 17, Byte: 25, Text: []byte(`{"response_flags":"UT","p`)}
}

func lines(t *testing.T, letters ...Letter) string {
	t.Helper()
	var b bytes.Buffer
	f := NewFile(&b)
	for _, l := range letters {
		f.Put(l)
	}
	if err := f.Flush(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// The keys are a contract, in this order and to the letter.
func TestLine(t *testing.T) {
	f := func(l Letter, want string) {
		t.Helper()
		if diff := cmp.Diff(want+"\n", lines(t, l)); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
	}
	f(torn(), `{"reason":"invalid_json","file":"gateway.log","line":17,"byte":25,"cut":false,"text":"{\"response_flags\":\"UT\",\"p","base64":null}`)
	f(Letter{Reason: "too_long", File: "envoy/2", Line: 1 << 40, Byte: 4, Cut: true, Text: []byte("AAAA")},
		`{"reason":"too_long","file":"envoy/2","line":1099511627776,"byte":4,"cut":true,"text":"AAAA","base64":null}`)
	f(Letter{Reason: "no_time", File: "-", Line: 1, Text: []byte("a <b> & ä")},
		`{"reason":"no_time","file":"-","line":1,"byte":0,"cut":false,"text":"a <b> & ä","base64":null}`)
	f(Letter{Reason: "invalid_text", File: "-", Line: 2, Text: []byte("[\xff")},
		`{"reason":"invalid_text","file":"-","line":2,"byte":0,"cut":false,"text":null,"base64":"W/8="}`)
}

// Every byte of a line comes back, and none of it does anything to who reads the
// file.
func TestEveryByteSurvives(t *testing.T) {
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	for _, text := range []string{
		string(every), "a\"b\\c\n\r\t\x00\x1b[31m\x7f", "\u0080\u009b\u202e\u2066\u2028\ufffd</script>", "\xf0\x28\x8c",
		strings.Repeat("\x00", 1<<20), strings.Repeat("\xff", 1<<20), "",
	} {
		got := lines(t, Letter{Text: []byte(text)}, torn())
		if n := strings.Count(got, "\n"); n != 2 {
			t.Fatalf("%d lines", n)
		}
		for _, r := range got {
			if r < 0x20 && r != '\n' || r >= 0x7f && r <= 0x9f || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
				t.Errorf("%U in %.100q", r, got)
			}
		}
		var back struct {
			Text   *string
			Base64 []byte
		}
		if err := json.NewDecoder(strings.NewReader(got)).Decode(&back); err != nil {
			t.Fatal(err)
		}
		if back.Text != nil {
			back.Base64 = append(back.Base64, *back.Text...)
		}
		if string(back.Base64) != text {
			t.Errorf("%.100q came back as %.100q", text, back.Base64)
		}
	}
}

var errFull = errors.New("no space left on device")

// full fails always.
type full struct{ writes int }

func (f *full) Write([]byte) (int, error) {
	f.writes++
	return 0, errFull
}

// The first error is kept: nothing is written after it.
func TestWriteError(t *testing.T) {
	disk := &full{}
	f := NewFile(disk)
	f.Put(torn())
	for range 2 {
		if err := f.Flush(); !errors.Is(err, errFull) {
			t.Errorf("Flush: %v, want %v", err, errFull)
		}
	}
	tried := disk.writes
	for range 2000 {
		f.Put(torn())
	}
	if disk.writes != tried {
		t.Errorf("%d writes after the error", disk.writes-tried)
	}
}

// Workers write letters beside each other; each stands whole on its line.
func TestManyWorkers(t *testing.T) {
	var b bytes.Buffer
	s, err := spool.New(&b, "dead_letters", "dead.jsonl", prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	f := NewSpooled(s)
	var workers sync.WaitGroup
	for range 4 {
		workers.Go(func() {
			for range 500 {
				f.Put(torn())
			}
			if err := f.Flush(); err != nil {
				t.Error(err)
			}
		})
	}
	workers.Wait()
	if want := strings.Repeat(lines(t, torn()), 2000); b.String() != want {
		t.Errorf("%d bytes, want %d", b.Len(), len(want))
	}
}
