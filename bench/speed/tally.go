package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// tally is how many lines have each flag; a line that has several counts for
// each. Under allLines are all of them; one without is of some flags only.
type tally map[string]int

const allLines = "all lines"

// add counts n lines with a set of flags, as a proxy writes it.
func (t tally) add(flags string, n int) {
	t[allLines] += n
	if flags == "-" || flags == "" {
		return
	}
	for f := range strings.SplitSeq(flags, ",") {
		t[f] += n
	}
}

// within says whether all of t's counts are u's, or which is not.
func (t tally) within(u tally) (what string, ok bool) {
	for what, n := range t {
		if u[what] != n {
			return what, false
		}
	}
	return "", true
}

// reportTally reads the JSON of slowpod report.
func reportTally(out []byte) (tally, error) {
	var r struct {
		Lines struct{ Records int }
		Flags []struct {
			Flag  string
			Count int
		}
	}
	if err := json.Unmarshal(out, &r); err != nil {
		return nil, err
	}
	t := tally{allLines: r.Lines.Records}
	for _, f := range r.Flags {
		t[f.Flag] += f.Count
	}
	return t, nil
}

// metricsTally reads the counters of naive and mtail.
func metricsTally(out []byte) (tally, error) {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(out))
	if err != nil {
		return nil, err
	}
	t := tally{}
	for _, s := range families["requests_total"].GetMetric() {
		for _, l := range s.Label {
			if l.GetName() == "response_flags" {
				t.add(l.GetValue(), int(s.GetCounter().GetValue()))
			}
		}
	}
	return t, nil
}

// uniqTally reads what `uniq -c` has counted; the flags are the last column.
func uniqTally(out []byte) (tally, error) {
	t := tally{}
	for line := range strings.Lines(string(out)) {
		count, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		n, err := strconv.Atoi(count)
		if err != nil {
			return nil, fmt.Errorf("no count in %q", line)
		}
		t.add(rest[strings.LastIndexByte(rest, '\t')+1:], n)
	}
	return t, nil
}

// hostsTally reads what `uniq -c` has counted of the hosts of UT.
func hostsTally(out []byte) (tally, error) {
	t := tally{"UT": 0}
	for line := range strings.Lines(string(out)) {
		count, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		n, err := strconv.Atoi(count)
		if err != nil {
			return nil, fmt.Errorf("no count in %q", line)
		}
		t["UT"] += n
	}
	return t, nil
}

// csvTally reads DuckDB's table: flags and counts are columns three and four.
func csvTally(out []byte) (tally, error) {
	rows, err := csv.NewReader(bytes.NewReader(out)).ReadAll()
	if err != nil {
		return nil, err
	}
	t := tally{}
	for _, row := range rows[min(1, len(rows)):] {
		n, err := strconv.Atoi(row[3])
		if err != nil {
			return nil, err
		}
		t.add(row[2], n)
	}
	return t, nil
}
