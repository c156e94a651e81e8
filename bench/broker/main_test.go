package main

import (
	"bufio"
	"io"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

func TestEachTopicHoldsTheCorpus(t *testing.T) {
	const lines = 5000
	stdin, hold := io.Pipe()
	out, stdout := io.Pipe()
	ended := make(chan error)
	go func() { ended <- serve(t.Context(), lines, stdin, stdout) }()
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	for _, topic := range []string{"none", "lz4", "zstd"} {
		client, err := kgo.NewClient(kgo.SeedBrokers(address[:len(address)-1]), kgo.ConsumeTopics(topic))
		if err != nil {
			t.Fatal(err)
		}
		read, used, keys := 0, map[int32]bool{}, map[string]int{}
		for read < lines {
			f := client.PollFetches(t.Context())
			if err := f.Err(); err != nil {
				t.Fatal(err)
			}
			f.EachRecord(func(r *kgo.Record) {
				read++
				used[r.Partition] = true
				keys[string(r.Key)]++
			})
		}
		client.Close()
		if read != lines || len(used) != partitions || len(keys) < lines/3 || len(keys) > lines*2/3 || keys[""] > 0 {
			t.Errorf("%s: %d lines in %d partitions under %d keys, %d without", topic, read, len(used), len(keys), keys[""])
		}
	}
	hold.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
