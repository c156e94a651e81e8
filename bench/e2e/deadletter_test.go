//go:build e2e

package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
)

// rejected is a line of each kind that cannot be read, by the reason.
var rejected = map[string]string{
	"invalid_json":   `{"start_time":"2026-03-02T10:00:00.000Z","response_flags":"UT","upstream_clus`,
	"invalid_text":   "[2026-03-02T10:00:00.000Z] \"GET /\xff\x1b[31m HTTP/1.1\" 200 -",
	"invalid_time":   `{"start_time":"yesterday","response_code":200,"response_flags":"-"}`,
	"invalid_number": `{"start_time":"2026-03-02T10:00:00.000Z","response_code":"many","response_flags":"-"}`,
	"no_time":        `{"duration":7,"response_code":200,"response_flags":"-"}`,
	"partial":        `2026-03-02T10:00:00.000000000Z stdout P {"start_time":"2026-03-02T10:00:`,
	"too_long":       `{"start_time":"2026-03-02T10:00:00.000Z","path":"/` + strings.Repeat("x", 2<<20),
}

// What is kept of a line of each kind, in a file and in a topic.
const cutInFile, cutInTopic = 1 << 20, 1_000_000

// Malformed lines that report reads stand in the file.
func TestDeadLettersInAFile(t *testing.T) {
	t.Parallel()
	var log []string
	for _, line := range rejected {
		log = append(log, line)
	}
	name := write(t, t.TempDir(), "access.log", strings.Join(log, "\n")+"\n")
	out := filepath.Join(t.TempDir(), "dead.jsonl")
	var exit *exec.ExitError
	if err := exec.Command(slowpod, "report", "--dead-letters="+out, name).Run(); !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("%v: there is no entry in this log", err)
	}
	f, err := os.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	found := map[string]bool{}
	rows := bufio.NewScanner(f)
	rows.Buffer(nil, 4<<20)
	for rows.Scan() {
		var l struct {
			Reason, File string
			Line         int
			Text         *string
			Base64       []byte
		}
		if err := json.Unmarshal(rows.Bytes(), &l); err != nil {
			t.Fatal(err)
		}
		text := string(l.Base64)
		if l.Text != nil {
			text = *l.Text
		}
		want := log[l.Line-1]
		if l.File != name || rejected[l.Reason] != want || text != want[:min(len(want), cutInFile)] {
			t.Errorf("%s:%d %s: %.100q", l.File, l.Line, l.Reason, text)
		}
		found[l.Reason] = true
	}
	if len(found) != len(rejected) || rows.Err() != nil {
		t.Errorf("%v, %v", found, rows.Err())
	}
}

// Those of a topic are found in the topic of dead letters, though it is made
// only later, the member is killed, and the broker was away: as they came, with
// reason, partition and offset.
func TestDeadLettersInATopic(t *testing.T) {
	t.Parallel()
	const topic, dead, partitions, groupName = "envoy-access-logs", "envoy-dead", 2, "slowpod"

	broker := startKafka(t)
	broker.topic(t, topic, partitions)
	member := startMember(t, "slowpod", group(broker, groupName, topic, "dead_letters: {topic: "+dead+"}\n"))
	member.ready()

	sent := map[string]int{}
	send := func() {
		t.Helper()
		for reason, line := range rejected {
			for key := range 4 { // of both partitions
				m := kafka.Message{Key: fmt.Append(nil, key), Value: []byte(line)}
				if err := broker.writer(t, topic, 0).send(t.Context(), []kafka.Message{m}); err != nil {
					t.Fatal(err)
				}
				sent[reason]++
			}
		}
	}
	arrive := func(when string) {
		t.Helper()
		eventually(t, when+" every dead letter is in the topic", func() error {
			found, err := lettersOf(t, broker, topic, dead)
			for reason, n := range sent {
				if found[reason] < n {
					err = errors.Join(err, fmt.Errorf("%d of %d lines with %s", found[reason], n, reason))
				}
			}
			return err
		})
	}

	send()
	broker.caughtUp(t, groupName, topic, partitions) // it does not wait for the other topic
	broker.topic(t, dead, 1)
	arrive("when the topic is made")

	send()
	broker.caughtUp(t, groupName, topic, partitions)
	member.end(syscall.SIGKILL) // what is committed is delivered
	arrive("when the member was killed")

	member.again(t)
	member.ready()
	broker.stop()
	eventually(t, "slowpod is not ready without a broker", member.notReady)
	broker.start(t)
	member.ready()
	send()
	arrive("when the broker was away")
	all, err := member.metrics()
	if err != nil {
		t.Fatal(err)
	}
	if n := sum(all, "slowpod_sink_dropped_total", "sink", "dead_letters"); n != 0 {
		t.Errorf("%v were dropped", n)
	}
	member.leave()
}

// lettersOf reads the topic of dead letters and says how many different lines
// there are for each reason. Each is the line that stands at the place that it
// names.
func lettersOf(t testing.TB, b *broker, topic, dead string) (map[string]int, error) {
	lines := map[string]string{}
	for p := range 2 {
		all, err := b.records(t, topic, p)
		if err != nil {
			return nil, err
		}
		for _, m := range all {
			lines[fmt.Sprintf("%d/%d", p, m.Offset)] = string(m.Value)
		}
	}
	all, err := b.records(t, dead, 0)
	if err != nil {
		return nil, err
	}
	found, seen := map[string]int{}, map[string]bool{}
	for _, m := range all {
		h := map[string]string{}
		for _, header := range m.Headers {
			h[header.Key] = string(header.Value)
		}
		place := h["partition"] + "/" + h["offset"]
		line := lines[place]
		if h["topic"] != topic || line == "" || line != rejected[h["reason"]] ||
			string(m.Value) != line[:min(len(line), cutInTopic)] || h["cut"] != fmt.Sprint(len(line) > cutInTopic) {
			return nil, stop{fmt.Errorf("%v: %.100q", h, m.Value)}
		}
		if !seen[place] {
			seen[place] = true
			found[h["reason"]]++
		}
	}
	return found, nil
}

// records reads a partition from its begin to its end.
func (b *broker) records(t testing.TB, topic string, partition int) (all []kafka.Message, err error) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ends, err := b.ends(ctx, topic, partition+1)
	if err != nil || ends[partition] == 0 {
		return nil, err
	}
	r := kafka.NewReader(kafka.ReaderConfig{
		Brokers: []string{b.address}, Topic: topic, Partition: partition, MaxBytes: maxMessage, MaxWait: 200 * time.Millisecond,
	})
	defer r.Close()
	for len(all) == 0 || all[len(all)-1].Offset < ends[partition]-1 {
		m, err := r.ReadMessage(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, nil
}
