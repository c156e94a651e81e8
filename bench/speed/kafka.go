package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/slowpod/slowpod/bench/process"
)

func (b *bench) kafka() *part {
	p := &part{
		title: "From Kafka",
		about: "`slowpod run` as the only member of its group, from its start until it has committed all of four partitions, and to its end. " +
			"Batches of 1 MB, keys are request ids. The broker, kfake of franz-go, is a process of its own and not in the figures.",
	}
	for _, codec := range []string{"none", "lz4", "zstd"} {
		p.rows = append(p.rows, b.row(&row{
			name: "**slowpod run**, " + codec, log: "corpus", procs: 1, corpus: b.ordinary(),
			run: func(ctx context.Context) (sample, error) { return b.consume(ctx, codec) },
		}))
	}
	p.limits = func() []limit {
		return []limit{{what: "from Kafka with lz4", least: true, bound: 0.5, unit: " M lines/CPU-s", got: p.rows[1].median(linesPerCPU) / 1e6}}
	}
	return p
}

// broker is bench/broker, once it is needed.
type broker struct {
	process *process.Process
	stdin   io.Closer
	address string
	groups  int // that have read from it
}

func (k *broker) start(b *bench) error {
	cmd := exec.Command(filepath.Join(b.dir, "broker"), fmt.Sprint("--lines=", b.lines))
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer out.Close()
	cmd.Stdout = w
	k.stdin = stdin
	k.process, err = process.Start(cmd)
	w.Close()
	if err != nil {
		return err
	}
	s := bufio.NewScanner(out)
	if !s.Scan() {
		k.stop()
		return errors.New("the broker has not said its address")
	}
	k.address = s.Text()
	return nil
}

func (k *broker) stop() {
	if k.process != nil {
		k.stdin.Close()
		_, _ = k.process.Wait() // it has done its work
	}
}

// consume reads a topic with a new group.
func (b *bench) consume(ctx context.Context, topic string) (s sample, err error) {
	if b.broker.process == nil {
		if err := b.broker.start(b); err != nil {
			return s, err
		}
	}
	b.broker.groups++
	group := fmt.Sprint("g", b.broker.groups)
	config := filepath.Join(b.dir, "slowpod.yml")
	if err := os.WriteFile(config, fmt.Appendf(nil,
		"kafka: {brokers: [%q], topics: [%s], group_id: %s, initial_offset: earliest, commit_interval: 500ms}\n",
		b.broker.address, topic, group), 0o600); err != nil {
		return s, err
	}
	cmd := exec.Command(filepath.Join(b.dir, "slowpod"))
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	d, err := process.StartDaemon(cmd, "--config.file="+config)
	if err != nil {
		return s, err
	}
	err = b.broker.committed(ctx, d, topic, group)
	var m process.Metrics
	if err == nil {
		m, err = d.Scrape(ctx)
	}
	used, ended := d.Stop()
	if err = errors.Join(err, ended); err != nil {
		return s, err
	}
	c := b.ordinary()
	if n := int(m.Sum("slowpod_lines_total", "result")["record"]); n != c.lines {
		return s, fmt.Errorf("slowpod run counts %d of %d lines", n, c.lines)
	}
	return sample{lines: c.lines, bytes: c.bytes, cpu: used.CPU, peak: used.Peak}, nil
}

// committed waits until a group has committed all of a topic. The broker is
// asked, for a scrape is not free.
func (k *broker) committed(ctx context.Context, d *process.Daemon, topic, group string) error {
	const patience = 2 * time.Minute
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	client := &kafka.Client{Addr: kafka.TCP(k.address)}
	partitions := []int{0, 1, 2, 3}
	var ask []kafka.OffsetRequest
	for _, p := range partitions {
		ask = append(ask, kafka.LastOffsetOf(p))
	}
	last, err := client.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{topic: ask}})
	if err != nil {
		return err
	}
	left := int64(0)
	for _, p := range last.Topics[topic] {
		left += p.LastOffset
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		now, err := client.OffsetFetch(ctx, &kafka.OffsetFetchRequest{GroupID: group, Topics: map[string][]int{topic: partitions}})
		if err != nil {
			return err
		}
		done := int64(0)
		for _, p := range now.Topics[topic] {
			done += max(p.CommittedOffset, 0)
		}
		if done == left {
			return nil
		}
		select {
		case <-tick.C:
		case <-d.Gone():
			return errors.New("slowpod run has ended")
		case <-ctx.Done():
			return fmt.Errorf("%d of %d lines committed: %w", done, left, ctx.Err())
		}
	}
}
