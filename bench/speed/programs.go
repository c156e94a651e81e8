package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/slowpod/slowpod/bench/process"
	"github.com/slowpod/slowpod/bench/workload"
)

// program is a row of a command that reads a log, and tells what it has counted
// on standard output. FILE stands for the log in its arguments; where it does
// not, the log is its standard input.
func (b *bench) program(name string, c *corpus, procs int, read func([]byte) (tally, error), args ...string) *row {
	return b.row(&row{name: name, log: c.name, procs: procs, corpus: c, run: func(ctx context.Context) (sample, error) {
		cmd := exec.CommandContext(ctx, args[0], args[1:]...)
		cmd.Env = append(os.Environ(), "LC_ALL=C", "FILE="+c.file)
		if procs > 0 {
			cmd.Env = append(cmd.Env, fmt.Sprint("GOMAXPROCS=", procs))
		}
		if !strings.Contains(strings.Join(args, " "), "FILE") {
			f, err := os.Open(c.file)
			if err != nil {
				return sample{}, err
			}
			defer f.Close()
			cmd.Stdin = f
		}
		for i, a := range cmd.Args {
			if !strings.Contains(a, "$FILE") { // a shell knows what that is
				cmd.Args[i] = strings.ReplaceAll(a, "FILE", c.file)
			}
		}
		var out bytes.Buffer
		cmd.Stdout = &out
		used, err := process.Run(cmd)
		if err != nil {
			return sample{}, err
		}
		t, err := read(out.Bytes())
		if err == nil {
			err = c.agree(name, t)
		}
		return sample{lines: c.lines, bytes: c.bytes, cpu: used.CPU, wall: used.Wall, peak: used.Peak}, err
	}})
}

// naive is what reads of a log are compared with.
func (b *bench) naive(c *corpus) *row {
	return b.program("naive, fastjson", c, 1, metricsTally, filepath.Join(b.dir, "naive"))
}

func (b *bench) report(c *corpus, procs int) *row {
	return b.program("**slowpod report**", c, procs, reportTally, filepath.Join(b.dir, "slowpod"), "report", "--output=json", "FILE")
}

// against gives rows what they are compared with, which comes before them.
func against(base *row, rows ...*row) []*row {
	for _, r := range rows {
		r.base = base
	}
	return append([]*row{base}, rows...)
}

func (b *bench) neighbours() *part {
	c := b.ordinary()
	base, one, two := b.naive(c), b.report(c, 1), b.report(c, 2)
	p := &part{
		title: "Beside what else counts a log",
		about: "From a file, page cache warm, to counters by cluster, host and flags; `slowpod report` joins and judges besides. " +
			"`naive` is bench/naive: bufio.Scanner, a JSON parser, client_golang. All have counted the same lines and flags.",
		rows: against(base, one, two,
			b.program("naive, encoding/json", c, 1, metricsTally, filepath.Join(b.dir, "naive"), "-json")),
	}
	p.limits = func() []limit {
		return []limit{
			{what: "report on one core, of the speed of naive", least: true, bound: 1.8, unit: " times", got: one.times(base, linesPerCPU)},
			{what: "report on two cores, of the speed on one", least: true, bound: 1.6, unit: " times", got: 1 / two.times(one, wall)},
		}
	}
	neighbour := func(tool string, rows func() []*row) {
		if _, err := exec.LookPath(tool); err != nil {
			b.absent = append(b.absent, tool)
			return
		}
		b.present = append(b.present, version(tool))
		for _, r := range rows() {
			r.base = base
			p.rows = append(p.rows, r)
		}
	}
	neighbour("jq", func() []*row {
		tenth := b.corpus("a tenth of corpus", b.lines/10, workload.Corpus, nil)
		return []*row{
			b.program("grep UT, jq, sort, uniq", c, 0, hostsTally, "sh", "-c",
				`grep -F '"UT"' "$FILE" | jq -r .upstream_host | sort | uniq -c`),
			b.program("jq, sort, uniq", tenth, 0, uniqTally, "sh", "-c",
				`jq -r '[.upstream_cluster, .upstream_host, .response_flags] | @tsv' "$FILE" | sort | uniq -c`),
		}
	})
	neighbour("mtail", func() []*row {
		return []*row{b.program("mtail", c, 1, metricsTally, "sh", "-c",
			`printf %s "$1" >"$0" && exec mtail --one_shot --one_shot_format=prometheus --logtostderr --port=0 --progs="$0" --logs="$FILE"`,
			filepath.Join(b.dir, "count.mtail"), mtailProgram)}
	})
	neighbour("duckdb", func() []*row {
		return []*row{b.program("duckdb", c, 1, csvTally, "duckdb", "-csv", "-c", strings.ReplaceAll(duckdbQuery, "\n", " "))}
	})
	return p
}

// version is a tool's name and, as far as it says, its version: the first word
// with a digit in it.
func version(tool string) string {
	out, err := exec.Command(tool, "--version").Output()
	if err != nil {
		return tool
	}
	for word := range strings.FieldsSeq(string(out)) {
		if strings.ContainsAny(word, "0123456789") {
			return tool + " " + strings.TrimPrefix(word, tool+"-")
		}
	}
	return tool
}

// What mtail is given: an expression for each field, as keys come in any order.
const mtailProgram = `counter requests_total by upstream_cluster, upstream_host, response_flags
histogram request_duration_seconds by upstream_cluster buckets 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10
/"response_flags":"(?P<flags>[^"]*)"/ {
  /"upstream_cluster":"?(?P<cluster>[^",]*)/ {
    /"upstream_host":"?(?P<host>[^",]*)/ {
      requests_total[$cluster][$host][$flags]++
      /"duration":(?P<ms>\d+)/ {
        request_duration_seconds[$cluster] = float($ms) / 1000.0
      }
    }
  }
}
`

// What DuckDB is asked, in a batch.
const duckdbQuery = `SET threads=1;
SELECT upstream_cluster, upstream_host, response_flags, count(*),
  histogram(duration, [5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000])
FROM read_json('FILE', format='newline_delimited', columns={upstream_cluster: 'VARCHAR',
  upstream_host: 'VARCHAR', response_flags: 'VARCHAR', duration: 'BIGINT'})
GROUP BY ALL`

// shares of lines that fail.
var shares = []float64{0, 0.02, 0.10, 0.30}

func (b *bench) failing() *part {
	p := &part{
		title: "When much goes wrong",
		about: "Logs of which a share of the lines are the halves of timeouts, UT and DC, over all pods: each waits for the other.",
	}
	var reports []*row
	for _, share := range shares {
		c := b.corpus(fmt.Sprintf("%.0f %% failing", 100*share), b.lines, func(o workload.CorpusOptions) *workload.Generator {
			return workload.Failing(share, o)
		}, nil)
		one := b.report(c, 1)
		reports = append(reports, one)
		p.rows = append(p.rows, against(b.naive(c), one, b.report(c, 2))...)
	}
	p.limits = func() []limit {
		calm, storm := reports[1], reports[3]
		return []limit{{what: "30 % failing lines, of the speed at 2 %", least: true, bound: 0.5, got: storm.times(calm, linesPerCPU)}}
	}
	return p
}

func (b *bench) hostile() *part {
	plain := b.report(b.ordinary(), 1)
	p := &part{
		title: "Hostile logs",
		about: "What a writer can do to a reader: a new order of the keys on every line; the first letter of every text as \\u0061; paths of 64 KiB; a new service on every line.",
		rows:  []*row{plain},
	}
	var hostile []*row
	for _, h := range []struct {
		name  string
		lines int
		twist workload.Twist
	}{
		{"new key order", b.lines, workload.ShuffledKeys(1)},
		{"escaped texts", b.lines, workload.EscapedValues()},
		{"paths of 64 KiB", max(b.lines/64, 100), workload.LongPaths()},
		{"new services", b.lines, workload.NewServices()},
	} {
		c := b.corpus(h.name, h.lines, workload.Corpus, h.twist)
		r := b.report(c, 1)
		if h.name != "new services" { // of which client_golang keeps all, and prints gigabytes
			p.rows = append(p.rows, against(b.naive(c), r)...)
		} else {
			p.rows = append(p.rows, r)
		}
		hostile = append(hostile, r)
	}
	p.limits = func() (all []limit) {
		for _, r := range hostile {
			all = append(all, limit{what: r.log + ", CPU time per byte", bound: 2.5, unit: " times the corpus'", got: 1 / r.times(plain, bytesPerCPU)})
		}
		return all
	}
	return p
}
