package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

func TestWritesLogAndTruth(t *testing.T) {
	dir := t.TempDir()
	log, truth := filepath.Join(dir, "c.log"), filepath.Join(dir, "truth.json")
	var out, errs bytes.Buffer
	code := run([]string{"-scenario", "catalog", "-duration", "1m", "-start", "2020-08-22T16:35:27Z",
		"-out", log, "-truth", truth}, &out, &errs)
	if code != 0 || out.Len() != 0 || errs.Len() != 0 {
		t.Fatalf("exit code %d, %s%s", code, &out, &errs)
	}
	lines, err := os.ReadFile(log)
	if err != nil || !bytes.Contains(lines, []byte(`"start_time":"2020-08-22T16:35:`)) {
		t.Errorf("the log is not of the time asked for, %v", err)
	}
	var got struct {
		Client struct{ Requests int }
		Faults []struct{ Pod string }
	}
	b, _ := os.ReadFile(truth)
	if err := json.Unmarshal(b, &got); err != nil || got.Client.Requests*2 != bytes.Count(lines, []byte("\n")) || len(got.Faults) != 1 {
		t.Errorf("truth %s, %v", b, err)
	}
}

func TestStandardOutputIsTheDefault(t *testing.T) {
	for _, s := range []string{"catalog", "mesh", "corpus", "storm"} {
		var out, errs bytes.Buffer
		if code := run([]string{"-scenario", s, "-lines", "10", "-side", "client"}, &out, &errs); code != 0 {
			t.Errorf("%s: exit code %d, %s", s, code, &errs)
		}
		if n := strings.Count(out.String(), "\n"); n != 10 || strings.Contains(out.String(), "inbound|") {
			t.Errorf("%s: %d lines of 10", s, n)
		}
	}
}

// Both lines of a call are under one key.
func TestWritesToKafka(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	place := cluster.ListenAddrs()[0] + "/envoy"
	const lines = 500
	for _, format := range []string{"fluentbit", "fluentbit-log"} {
		var out, errs bytes.Buffer
		args := []string{"-scenario", "catalog", "-lines", strconv.Itoa(lines), "-format", format, "-kafka", place}
		if code := run(args, &out, &errs); code != 0 || out.Len() != 0 {
			t.Fatalf("exit code %d, %s%s", code, &out, &errs)
		}
	}
	reader, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.ConsumeTopics("envoy"))
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	keys, used := map[string]int{}, map[int32]bool{}
	for n := 0; n < 2*lines; {
		fetches := reader.PollFetches(t.Context())
		n += fetches.NumRecords()
		fetches.EachRecord(func(r *kgo.Record) { keys[string(r.Key)]++; used[r.Partition] = true })
	}
	if len(keys) > lines/2+5 || keys[""] != 0 || len(used) != partitions {
		t.Errorf("%d keys for %d lines, %d lines without; partitions %v", len(keys), lines, keys[""], used)
	}
}

func TestUsageErrorsSayWhatToDo(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"", "-scenario is missing: give one of catalog, mesh, fault, corpus, storm"},
		{"-scenario shop", `-scenario "shop" is none of catalog`},
		{"-scenario mesh -format xml", `-format "xml" is none of json, fluentbit, fluentbit-log, text`},
		{"-scenario mesh -side left", `-side "left" is none of both, client, server`},
		{"-scenario mesh -start noon", `-start "noon" is no time such as 2026`},
		{"-scenario mesh -pods 3", "-pods has no meaning in the scenario mesh: leave it out"},
		{"-scenario mesh -slow till", `-slow "till" is none of frontend, orders`},
		{"-scenario mesh -rate 0", "-rate must be more than 0"},
		{"-scenario catalog -duration -5m", "-duration must be more than 0"},
		{"-scenario catalog -slow-from 2m -slow-to 1m", "-slow-to must be after -slow-from"},
		{"-scenario catalog -truth -", "give -out or -dir a name"},
		{"-scenario catalog -dir a -out b", "give one of them"},
		{"-scenario catalog -kafka localhost:9092", "-kafka \"localhost:9092\" is no broker and topic"},
		{"-scenario catalog -kafka localhost:9092/envoy -out b", "-kafka is another place than -out"},
		{"-scenario catalog more", `unexpected argument "more"`},
		{"-nonsense", "flag provided but not defined: -nonsense"},
	} {
		var out, errs bytes.Buffer
		code := run(strings.Fields(c.args), &out, &errs)
		if code != 2 || out.Len() != 0 || !strings.Contains(errs.String(), c.want) {
			t.Errorf("%s: exit code %d, %s%s", c.args, code, &out, &errs)
		}
	}
}

func TestAFileThatCannotBeWritten(t *testing.T) {
	var out, errs bytes.Buffer
	if code := run([]string{"-scenario", "catalog", "-out", t.TempDir()}, &out, &errs); code != 1 || errs.Len() == 0 {
		t.Errorf("exit code %d, %s", code, &errs)
	}
}

func TestHelpHasExamples(t *testing.T) {
	var out, errs bytes.Buffer
	if code := run([]string{"-help"}, &out, &errs); code != 0 || errs.Len() != 0 || !strings.Contains(out.String(), "go run ./bench/genlog -scenario") {
		t.Errorf("exit code %d, %s%s", code, &out, &errs)
	}
}
