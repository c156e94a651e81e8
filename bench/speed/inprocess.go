package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/slowpod/slowpod/bench/process"
	"github.com/slowpod/slowpod/bench/stages"
	"github.com/slowpod/slowpod/bench/workload"
	"github.com/slowpod/slowpod/correlate"
	"github.com/slowpod/slowpod/ingest"
	"github.com/slowpod/slowpod/sinks/counts"
	"github.com/slowpod/slowpod/sinks/prom"
)

// stageLines is how long a log in memory is at most.
const stageLines = 100_000

func (b *bench) stages() *part {
	lines := min(b.lines, stageLines)
	log := func(make func(workload.CorpusOptions) *workload.Generator) func() *stages.Log {
		var in *stages.Log
		return func() *stages.Log { // which are made when they are needed
			if in == nil {
				in = stages.Read(make(workload.CorpusOptions{Options: workload.Options{Lines: lines}}))
			}
			return in
		}
	}
	calm := log(workload.Corpus)
	storm := log(func(o workload.CorpusOptions) *workload.Generator { return workload.Failing(0.30, o) })
	stage := func(name, of string, in func() *stages.Log, do func(*stages.Log) error) *row {
		return b.row(&row{name: name, log: of, procs: 1, quick: true, run: func(context.Context) (s sample, err error) {
			const passes = 3
			s.lines, s.bytes = passes*in().Lines, passes*in().Bytes
			s.cpu, err = charged(func() error {
				for range passes {
					if err := do(in()); err != nil {
						return err
					}
				}
				return nil
			})
			return s, err
		}})
	}
	record := func(in *stages.Log) error { return stages.All(in, false) }
	whole := func(in *stages.Log) error { return stages.All(in, true) }
	base := stage("fastjson, 15 fields", "memory", calm, stages.Fastjson)
	counted := stage("parse, classify, count", "memory", calm, stages.Count)
	return &part{
		title: "Stage by stage",
		about: "In this process, from memory, on one core. What the core costs, its join, its traces and its judge together, is the difference of the rows with it and without; `make bench-go` has a line for each.",
		rows: against(base, stage("parse", "memory", calm, stages.Parse), counted,
			stage("parse, classify, count, record", "memory", calm, record),
			stage("parse, classify, count, record, core", "memory", calm, whole),
			stage("parse, classify, count, record", "memory, 30 % failing", storm, record),
			stage("parse, classify, count, record, core", "memory, 30 % failing", storm, whole)),
		limits: func() []limit {
			return []limit{{what: "parse, classify and count, of the speed of fastjson with 15 fields", least: true, bound: 2, unit: " times",
				got: counted.times(base, linesPerCPU)}}
		},
	}
}

// charged is the CPU time that a function takes on one core, the garbage of
// others collected before.
func charged(do func() error) (time.Duration, error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	runtime.GC()
	before := process.Own()
	err := do()
	return process.Own() - before, err
}

// The fleet that is scraped, as it is after minutes in which each of its pods
// has been called.
const (
	scrapedServices = 1000
	scrapedLines    = 400_000
	scrapedRate     = 1000
	scrapedSlow     = 100 // one pod in so many
)

func (b *bench) scrape() *part {
	var handler http.Handler
	p := &part{
		title: "A scrape",
		about: "/metrics of 10,000 pods, of which 100 are slow, and 1,000 services: what one costs, and its size.",
		rows: []*row{b.row(&row{name: "**/metrics**", log: "10,000 pods", procs: 1, quick: true, run: func(context.Context) (s sample, err error) {
			if handler == nil {
				if handler, err = scraped(); err != nil {
					return s, err
				}
			}
			s.lines = 1
			began := time.Now()
			s.cpu, err = charged(func() error {
				began = time.Now()
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
				s.bytes = int64(w.Body.Len())
				return nil
			})
			s.wall = time.Since(began)
			return s, err
		}})},
	}
	p.limits = func() []limit {
		const every = 15 // seconds
		return []limit{{what: "a scrape of 10,000 pods every 15 s, of one core", bound: 5, unit: " %", got: 100 * p.rows[0].median(cpu) / every}}
	}
	return p
}

// seen is what a collector reads.
type seen struct {
	*correlate.Correlator
	*counts.Set
}

// scraped is the handler of a fleet.
func scraped() (http.Handler, error) {
	p := stages.NewPipeline(true)
	g := workload.Corpus(workload.CorpusOptions{
		Options: workload.Options{Lines: scrapedLines, Rate: scrapedRate}, Services: scrapedServices, Slow: scrapedSlow,
	})
	b := ingest.Batch{Source: "file", Stream: "bench", Lines: make([]ingest.Line, 1)}
	for l := (workload.Line{}); g.Next(&l); {
		b.Lines[0] = ingest.Line{Bytes: l.Bytes, Number: b.Lines[0].Number + 1}
		if err := p.Handle(b); err != nil {
			return nil, err
		}
	}
	reg := prometheus.NewRegistry()
	if err := reg.Register(prom.New(seen{p.Core, &p.Counts})); err != nil {
		return nil, err
	}
	return promhttp.HandlerFor(reg, promhttp.HandlerOpts{}), nil
}

// plain is a name without Markdown.
func plain(s string) string { return strings.NewReplacer("**", "", "`", "").Replace(s) }
