package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/slowpod/slowpod/ingest"
	"github.com/slowpod/slowpod/ingest/accesslog"
)

// rejected is a line of each kind that the parser rejects.
var rejected = map[accesslog.Reason]string{
	accesslog.InvalidJSON:   `{"start_time":"2026-03-02T10:00:00.000Z","response_flags":"UT","path":"/login?password=hunter2","upstream_clus`,
	accesslog.InvalidText:   "[2026-03-02T10:00:00.000Z] \"GET /\xff\x1b[31m HTTP/1.1\" 200 -",
	accesslog.InvalidTime:   `{"start_time":"yesterday","response_code":200,"response_flags":"-"}`,
	accesslog.InvalidNumber: `{"start_time":"2026-03-02T10:00:00.000Z","response_code":"many","response_flags":"-"}`,
	accesslog.NoTime:        `{"duration":7,"response_code":200,"response_flags":"-"}`,
	accesslog.Partial:       `2026-03-02T10:00:00.000000000Z stdout P {"start_time":"2026-03-02T10:00:`,
	accesslog.TooLong:       `{"start_time":"2026-03-02T10:00:00.000Z","path":"/` + strings.Repeat("x", 2*ingest.MaxLineBytes),
}

// rejectedAt is the byte at which each of them cannot be read.
var rejectedAt = map[accesslog.Reason]int{
	accesslog.InvalidJSON: 110, accesslog.InvalidText: 55, // where they end
	accesslog.InvalidTime: 14, accesslog.InvalidNumber: 57, // the value
	accesslog.NoTime: 0, accesslog.Partial: 38, // the piece
	accesslog.TooLong: ingest.MaxLineBytes,
}

// foreign are lines that are no fault.
var foreign = []string{`hello`, `{"level":"info","msg":"ready"}`, "\x00\xff", `a,b,c`}

// rejectedLines are the rejected lines, in the order of their reasons, each
// behind a foreign one.
func rejectedLines(t *testing.T) (lines []string, reasons []accesslog.Reason) {
	t.Helper()
	reasons = slices.Sorted(maps.Keys(rejected))
	if len(reasons) != accesslog.Reasons-1 {
		t.Fatalf("lines for %d reasons of %d", len(reasons), accesslog.Reasons-1)
	}
	for i, reason := range reasons {
		lines = append(lines, foreign[i%len(foreign)], rejected[reason])
	}
	return lines, reasons
}

// letter is a line of a dead-letter file.
type letter struct {
	Reason string  `json:"reason"`
	File   string  `json:"file"`
	Line   int64   `json:"line"`
	Byte   int     `json:"byte"`
	Cut    bool    `json:"cut"`
	Text   *string `json:"text"`
	Base64 *string `json:"base64"`
}

func (l *letter) bytes(t *testing.T) string {
	t.Helper()
	if (l.Text == nil) == (l.Base64 == nil) {
		t.Fatalf("text %v, base64 %v", l.Text, l.Base64)
	}
	if l.Text != nil {
		return *l.Text
	}
	b, err := base64.StdEncoding.DecodeString(*l.Base64)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func lettersIn(t *testing.T, name string) (all []letter) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(b) {
		dec := json.NewDecoder(bytes.NewReader(line))
		dec.DisallowUnknownFields()
		var l letter
		if err := dec.Decode(&l); err != nil {
			t.Fatalf("%v in %.200q", err, line)
		}
		all = append(all, l)
	}
	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	return all
}

// areRejected demands a letter for each rejected line, in their order.
func areRejected(t *testing.T, letters []letter, file string) {
	t.Helper()
	lines, reasons := rejectedLines(t)
	if len(letters) != len(reasons) {
		t.Fatalf("%d letters, want %d: %+v", len(letters), len(reasons), letters)
	}
	for i, l := range letters {
		number := 2 * (i + 1)
		text, cut := lines[number-1], len(lines[number-1]) > ingest.MaxLineBytes
		text = text[:min(len(text), ingest.MaxLineBytes)]
		if l.Reason != reasons[i].String() || l.File != file || l.Line != int64(number) || l.Byte != rejectedAt[reasons[i]] || l.Cut != cut || l.bytes(t) != text {
			t.Errorf("%s: %s of %s:%d, byte %d, cut %v, %.100q", reasons[i], l.Reason, l.File, l.Line, l.Byte, l.Cut, l.bytes(t))
		}
	}
}

// A line of each kind that the parser rejects is found in the file, as it came,
// with the reason and its place; and nothing else is.
func TestReportKeepsDeadLetters(t *testing.T) {
	t.Parallel()
	lines, _ := rejectedLines(t)
	log := fileOf(t, []byte(strings.Join(lines, "\n")+"\n"))
	out := filepath.Join(t.TempDir(), "dead.jsonl")
	if err := os.WriteFile(out, []byte("of another report\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	a := slowpod(t, "report", "--dead-letters="+out, log)
	if !strings.Contains(a.stdout, "0 records, 7 foreign, 7 malformed") {
		t.Error(a.stdout)
	}
	areRejected(t, lettersIn(t, out), log)
}

// run appends: what an earlier run wrote is still true, and a line that it left
// torn stays by itself.
func TestRunKeepsDeadLetters(t *testing.T) {
	t.Parallel()
	lines, _ := rejectedLines(t)
	log := []byte(strings.Join(lines, "\n") + "\n")
	out := filepath.Join(t.TempDir(), "dead.jsonl")
	for _, before := range []string{"", `{"reason":"torn`} {
		if err := os.WriteFile(out, []byte(before), 0o644); err != nil {
			t.Fatal(err)
		}
		s := startService(t, bytes.NewReader(log), "--dead-letters="+out, "-")
		eventually(t, patience, "the letters are there", func() bool {
			b, err := os.ReadFile(out)
			return err == nil && bytes.Count(b, []byte("\n")) >= len(rejected)
		})
		if code := s.stop(); code != exitFine {
			t.Errorf("exit code %d", code)
		}
		if before != "" {
			b, err := os.ReadFile(out)
			rest, ok := bytes.CutPrefix(b, []byte(before+"\n"))
			if err != nil || !ok {
				t.Fatalf("%v, %.100q", err, b)
			}
			if err := os.WriteFile(out, rest, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		areRejected(t, lettersIn(t, out), "-")
	}
}

// From Kafka they go to a topic, with partition and offset, before the offset is
// committed; lines that are read again for open halves are not written again.
func TestRunKeepsDeadLettersInATopic(t *testing.T) {
	t.Parallel()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "envoy"), kfake.SeedTopics(1, "envoy-dead"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchMaxBytes(8<<20), kgo.ConsumeTopics("envoy-dead"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	produce := func(lines ...string) {
		t.Helper()
		for _, line := range lines {
			r := &kgo.Record{Topic: "envoy", Partition: 1, Value: []byte(line)}
			if err := client.ProduceSync(t.Context(), r).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
	}
	config := fileOf(t, fmt.Appendf(nil, `
kafka: {brokers: [%q], topics: [envoy], initial_offset: earliest, commit_interval: 100ms}
dead_letters: {topic: envoy-dead}
`, cluster.ListenAddrs()[0]))

	// A half that stays open, so that all behind it is read again.
	const half = `{"start_time":"2026-03-02T10:00:00.000Z","duration":500,"response_code":504,"response_flags":"UT","upstream_cluster":"outbound|80||a.b.svc.cluster.local","upstream_host":"10.0.0.1:80","upstream_local_address":"10.0.0.2:1234","request_id":"da28cc83-9055-9ed5-8c0e-104bf3337a0c"}`
	lines, reasons := rejectedLines(t)
	produce(half)
	produce(lines...)
	committed := func() int64 {
		info := cluster.GroupInfo("slowpod")
		if info == nil {
			return -1
		}
		return info.Commits["envoy"][1].Offset
	}
	s := startService(t, nil, "--config.file="+config)
	eventually(t, patience, "all is committed", func() bool { return committed() == int64(1+len(lines)) })
	if code := s.stop(); code != exitFine {
		t.Errorf("exit code %d", code)
	}
	// Everything again, for the join; and one line more.
	again := startService(t, nil, "--config.file="+config)
	produce(rejected[accesslog.InvalidTime])
	eventually(t, patience, "the new line is committed", func() bool { return committed() == int64(2+len(lines)) })
	if n := value(metrics(t, again.url), "slowpod_kafka_replayed_records_total", "topic", "envoy"); n != float64(1+len(lines)) {
		t.Errorf("%g records were read again", n)
	}

	want := append(reasons, accesslog.InvalidTime)
	var letters []*kgo.Record
	poll := func(within time.Duration, n int) {
		ctx, cancel := context.WithTimeout(t.Context(), within)
		defer cancel()
		for ctx.Err() == nil && len(letters) < n {
			letters = append(letters, client.PollFetches(ctx).Records()...)
		}
	}
	poll(patience, len(want))
	poll(time.Second, len(want)+1) // one too many would be a mistake
	if len(letters) != len(want) {
		t.Fatalf("%d letters, want %d", len(letters), len(want))
	}
	for i, r := range letters {
		got := map[string]string{}
		for _, h := range r.Headers {
			got[h.Key] = string(h.Value)
		}
		offset, text := 2*(i+1), rejected[want[i]]
		if i == len(reasons) {
			offset = 1 + len(lines)
		}
		cut := len(text) > 1_000_000
		if diff := cmp.Diff(map[string]string{
			"reason": want[i].String(), "topic": "envoy", "partition": "1", "offset": fmt.Sprint(offset), "byte": fmt.Sprint(rejectedAt[want[i]]), "cut": fmt.Sprint(cut),
		}, got); diff != "" {
			t.Error(diff)
		}
		if string(r.Value) != text[:min(len(text), 1_000_000)] {
			t.Errorf("%s: %.100q", want[i], r.Value)
		}
	}
}
