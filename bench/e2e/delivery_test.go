//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/slowpod/slowpod/bench/workload"
)

// The producer keys by request, and members come and go under load, gently and
// not; so does the broker. Whatever happens, every call that timed out before it
// is told by one of the members.
func TestNoTimeoutIsLost(t *testing.T) {
	t.Parallel()
	const topic, partitions, groupName = "envoy-access-logs", 4, "slowpod"
	// 2400 lines a second; what waits for 40 s of their time waits for ten.
	const rate, speed = 300, 4

	kafka := startKafka(t)
	kafka.topic(t, topic, partitions)
	start := time.Now().Add(-time.Hour).Truncate(time.Second)
	storm := workload.Storm(workload.CorpusOptions{
		Options:  workload.Options{Seed: 11, Start: start, Duration: time.Hour, Rate: rate, Format: workload.FluentBit},
		Timeouts: true,
	})
	load := &feed{next: byRequest(start, storm), to: kafka.writer(t, topic, 0)}
	load.setSpeed(speed)
	load.run(t)

	config := group(kafka, groupName, topic, "")
	first := startMember(t, "first", config)
	first.ready()
	told := &callBook{start: start, members: []*member{first}, seen: map[timeoutKey]*callCopies{}}

	for _, event := range []struct {
		what string
		do   func()
	}{
		{"nothing has happened", func() {}},
		{"a second member has joined", func() {
			second := startMember(t, "second", config)
			told.members = append(told.members, second)
			second.ready()
			told.until(t, "the second member has told of calls", func() error { return told.has(second) })
			shareSeries(t, partitions, first, second)
		}},
		{"the second member has left", func() {
			told.members[1].leave()
			shareSeries(t, partitions, first)
		}},
		{"the broker was stopped and started", func() {
			kafka.stop()
			eventually(t, "slowpod is not ready without a broker", first.notReady)
			kafka.start(t)
			first.ready()
		}},
		{"a member was killed and started", func() {
			first.end(syscall.SIGKILL)
			first.tear(t)
			first.again(t)
			first.ready()
		}},
		{"the broker was killed and started", func() {
			kafka.end(syscall.SIGKILL)
			kafka.start(t)
			first.ready()
		}},
		{"a member was ended and started", func() {
			first.leave()
			first.again(t)
			first.ready()
		}},
	} {
		event.do()
		told.hasAll(t, event.what, load, storm)
	}
	told.summary(t)
}

// shareSeries waits until each partition has its series at one of the members,
// and at no other.
func shareSeries(t testing.TB, partitions int, members ...*member) {
	t.Helper()
	eventually(t, "each partition has series at one member", func() error {
		for _, name := range []string{"slowpod_kafka_lag_records", "slowpod_kafka_last_record_timestamp_seconds"} {
			owners := map[string]int{}
			for _, m := range members {
				all, err := m.metrics()
				if err != nil {
					return err
				}
				own := 0
				for _, s := range all[name].GetMetric() {
					for _, l := range s.Label {
						if l.GetName() == "partition" {
							owners[l.GetValue()]++
							own++
						}
					}
				}
				if own == 0 {
					return fmt.Errorf("%s has no %s", m.name, name)
				}
			}
			for p := range partitions {
				if n := owners[fmt.Sprint(p)]; n != 1 {
					return fmt.Errorf("%s of partition %d is at %d members", name, p, n)
				}
			}
		}
		return nil
	})
}

// leave ends a member as an orchestrator does.
func (m *member) leave() {
	m.t.Helper()
	m.end(syscall.SIGTERM)
	if code := m.cmd.ProcessState.ExitCode(); code != 0 {
		m.t.Errorf("%s ended with %d after SIGTERM", m.name, code)
	}
}

// tear has the file of calls end in the middle of a line, as SIGKILL may.
func (m *member) tear(t testing.TB) {
	t.Helper()
	f, err := os.OpenFile(m.calls, os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteString("\n" + `{"verdict":"conf`)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (m *member) notReady() error {
	if _, err := get(m.url + "/-/ready"); err == nil {
		return errors.New("it is ready")
	}
	_, err := get(m.url + "/-/healthy")
	return err
}

// timeoutKey is what repeats of a call have in common.
type timeoutKey struct {
	requestID, upstreamHost string
	start                   int64
}

// callCopies are the repeats of a call.
type callCopies struct {
	verdicts []string
	joined   bool // with both sides, in one of them at least
}

// callBook is the union of the members' files of calls.
type callBook struct {
	start   time.Time
	members []*member
	read    []int64 // of each file, so far
	seen    map[timeoutKey]*callCopies
	torn    int
}

// update reads what the members have written since.
func (b *callBook) update() error {
	for i, m := range b.members {
		if i == len(b.read) {
			b.read = append(b.read, 0)
		}
		n, err := b.readFile(m.calls, b.read[i])
		b.read[i] += n
		if err != nil {
			return stop{err}
		}
	}
	return nil
}

func (b *callBook) readFile(name string, from int64) (n int64, err error) {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	} else if err != nil {
		return 0, err
	}
	defer f.Close()
	if _, err := f.Seek(from, io.SeekStart); err != nil {
		return 0, err
	}
	for r := bufio.NewReader(f); ; {
		line, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return n, nil // the rest is still being written
		} else if err != nil {
			return n, err
		}
		n += int64(len(line))
		var call struct {
			Verdict      string
			UpstreamHost string `json:"upstream_host"`
			RequestID    string `json:"request_id"`
			Client       *struct {
				Start time.Time
				Flags string
			}
			Server []json.RawMessage
		}
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		if err := json.Unmarshal(line, &call); err != nil {
			if bytes.Count(line, []byte(`{"verdict":`)) > 1 {
				return n, fmt.Errorf("a call was written behind a torn line, and is lost with it: %s", line)
			}
			b.torn++ // by SIGKILL
			continue
		}
		if call.Client == nil || call.Client.Flags != "UT" {
			continue
		}
		k := timeoutKey{call.RequestID, call.UpstreamHost, call.Client.Start.UnixMilli()}
		if b.seen[k] == nil {
			b.seen[k] = &callCopies{}
		}
		b.seen[k].verdicts = append(b.seen[k].verdicts, call.Verdict)
		b.seen[k].joined = b.seen[k].joined || len(call.Server) > 0
	}
}

func (b *callBook) until(t testing.TB, what string, check func() error) {
	t.Helper()
	eventually(t, what, func() error {
		if err := b.update(); err != nil {
			return err
		}
		return check()
	})
}

func (b *callBook) has(m *member) error {
	if i := slices.Index(b.members, m); b.read[i] == 0 {
		return errors.New("none")
	}
	return nil
}

// hasAll waits until the members have told of every timeout that had been
// produced when it was called, and of none that never was.
func (b *callBook) hasAll(t testing.TB, what string, load *feed, g *workload.Generator) {
	t.Helper()
	load.mu.Lock()
	before, truth := load.now, g.Truth().Timeouts
	load.mu.Unlock()

	want := map[timeoutKey]time.Duration{}
	for _, c := range truth {
		if end := c.Start.Add(time.Duration(c.DurationMs) * time.Millisecond).Sub(b.start); end < before {
			want[timeoutKey{c.RequestID, c.UpstreamHost, c.Start.UnixMilli()}] = end
		}
	}
	eventually(t, fmt.Sprintf("all %d timeouts until %.0f s are told: %s", len(want), before.Seconds(), what), func() error {
		if err := b.update(); err != nil {
			return err
		}
		missing, last := 0, time.Duration(0)
		earliest := time.Duration(1<<63 - 1)
		for k, end := range want {
			if b.seen[k] == nil {
				missing++
				earliest, last = min(earliest, end), max(last, end)
			}
		}
		if missing > 0 {
			return fmt.Errorf("%d of %d are missing, of %.1f to %.1f s; the load is at %.0f s",
				missing, len(want), earliest.Seconds(), last.Seconds(), load.reached().Seconds())
		}
		return nil
	})
	load.mu.Lock()
	truth = g.Truth().Timeouts
	load.mu.Unlock()
	all := map[timeoutKey]bool{}
	for _, c := range truth {
		all[timeoutKey{c.RequestID, c.UpstreamHost, c.Start.UnixMilli()}] = true
	}
	for k := range b.seen {
		if !all[k] {
			t.Fatalf("%s: a timeout is told that never was: %+v", what, k)
		}
	}
}

// summary says how often calls were told, and as what.
func (b *callBook) summary(t testing.TB) {
	copies, alone := 0, 0
	verdicts := map[string]int{}
	for _, c := range b.seen {
		copies += len(c.verdicts)
		if !c.joined {
			alone++
		}
		for _, v := range c.verdicts {
			verdicts[v]++
		}
	}
	t.Logf("%d timeouts, told %d times, as %v; %d without their other side; %d torn lines", len(b.seen), copies, verdicts, alone, b.torn)
	if alone > 0 {
		t.Errorf("%d timeouts are told without the other side, which was in the same partition", alone)
	}
}
