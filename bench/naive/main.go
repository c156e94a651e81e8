// Command naive counts a log the way anyone would first: it is what slowpod is
// measured against. It reads line by line with bufio.Scanner, parses with
// fastjson or encoding/json, and counts with client_golang. It must never learn
// to judge, nor be made faster than a first draft is.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
	"github.com/valyala/fastjson"
)

// entry is what is counted of a line. A null is an empty text.
type entry struct {
	Cluster  string  `json:"upstream_cluster"`
	Host     string  `json:"upstream_host"`
	Flags    string  `json:"response_flags"`
	Duration float64 `json:"duration"` // milliseconds
}

func main() {
	std := flag.Bool("json", false, "parse with encoding/json instead of fastjson")
	flag.Usage = func() {
		fmt.Fprint(flag.CommandLine.Output(), "naive counts an Envoy access log from stdin and prints Prometheus text.\n\n  go run ./bench/naive <corpus.log\n\n")
		flag.PrintDefaults()
	}
	flag.Parse()
	parse := withFastjson()
	if *std {
		parse = func(line []byte, e *entry) error { return json.Unmarshal(line, e) }
	}
	if err := count(os.Stdin, os.Stdout, parse); err != nil {
		fmt.Fprintln(os.Stderr, "naive:", err)
		os.Exit(1)
	}
}

func withFastjson() func([]byte, *entry) error {
	var p fastjson.Parser
	return func(line []byte, e *entry) error {
		v, err := p.ParseBytes(line)
		if err != nil {
			return err
		}
		e.Cluster, e.Host = string(v.GetStringBytes("upstream_cluster")), string(v.GetStringBytes("upstream_host"))
		e.Flags, e.Duration = string(v.GetStringBytes("response_flags")), v.GetFloat64("duration")
		return nil
	}
}

// count reads all lines and then writes the counters.
func count(r io.Reader, w io.Writer, parse func([]byte, *entry) error) error {
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "requests_total", Help: "Lines of the log.",
	}, []string{"upstream_cluster", "upstream_host", "response_flags"})
	durations := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "request_duration_seconds", Help: "Durations of the log.",
	}, []string{"upstream_cluster"})
	registry := prometheus.NewRegistry()
	registry.MustRegister(requests, durations)

	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e entry
		if err := parse(lines.Bytes(), &e); err != nil {
			return fmt.Errorf("%w in %.200q", err, lines.Bytes())
		}
		requests.WithLabelValues(e.Cluster, e.Host, e.Flags).Inc()
		durations.WithLabelValues(e.Cluster).Observe(e.Duration / 1000)
	}
	if err := lines.Err(); err != nil {
		return err
	}
	families, err := registry.Gather()
	if err != nil {
		return err
	}
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(w, f); err != nil {
			return err
		}
	}
	return nil
}
