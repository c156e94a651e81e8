package stages_test

import (
	"testing"

	"github.com/slowpod/slowpod/bench/stages"
	"github.com/slowpod/slowpod/bench/workload"
)

func TestEachStageReadsAllOrSaysWhichLineItCannot(t *testing.T) {
	in := stages.Read(workload.Corpus(workload.CorpusOptions{Options: workload.Options{Lines: 1000}}))
	if len(in.Batches) != 4 || in.Lines != 1000 || in.Bytes < 800_000 {
		t.Fatalf("%d batches, %d lines, %d bytes", len(in.Batches), in.Lines, in.Bytes)
	}
	for name, stage := range map[string]func(*stages.Log) error{
		"parse":    stages.Parse,
		"fastjson": stages.Fastjson,
		"count":    stages.Count,
		"pipeline": func(in *stages.Log) error { return stages.All(in, false) },
		"core":     func(in *stages.Log) error { return stages.All(in, true) },
	} {
		line := &in.Batches[3].Lines[7]
		whole := line.Bytes
		if err := stage(in); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		line.Bytes = whole[:200]
		if err := stage(in); err == nil {
			t.Errorf("%s: nothing is said of a torn line", name)
		}
		line.Bytes = whole
	}
}
