package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"unicode/utf8"
)

// table is text in columns.
type table struct {
	head []string
	rows [][]string
}

// text writes the table for a terminal.
func (t *table) text(w io.Writer) {
	widths := make([]int, len(t.head))
	for _, row := range append([][]string{t.head}, t.rows...) {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(plain(cell)))
		}
	}
	write := func(row []string) {
		var b strings.Builder
		for i, cell := range row {
			fmt.Fprintf(&b, "%-*s  ", widths[i], plain(cell))
		}
		fmt.Fprintln(w, strings.TrimRight(b.String(), " "))
	}
	write(t.head)
	rule := make([]string, len(widths))
	for i, n := range widths {
		rule[i] = strings.Repeat("-", n)
	}
	write(rule)
	for _, row := range t.rows {
		write(row)
	}
}

func plain(cell string) string { return strings.ReplaceAll(cell, "**", "") }

// markdown writes the table as Markdown.
func (t *table) markdown(w io.Writer) {
	write := func(row []string) { fmt.Fprintf(w, "| %s |\n", strings.Join(row, " | ")) }
	write(t.head)
	fmt.Fprintln(w, "|"+strings.Repeat("---|", len(t.head)))
	for _, row := range t.rows {
		write(row)
	}
}

// results is the table of the rows, and how many limits were missed.
func results(rows []scenario) (t table, missedLimits int) {
	t.head = []string{"id", "fleet", "required", "measured", ""}
	for _, row := range rows {
		id, name := row.title()
		for _, l := range row.lines() {
			v := string(l.verdict)
			if l.verdict == missed {
				missedLimits++
				v = "**" + v + "**"
			}
			t.rows = append(t.rows, []string{id, name, l.required, l.measured, v})
			id, name = "", ""
		}
	}
	return t, missedLimits
}

// document is what the command writes to a file: tables and how they came
// about.
type document struct {
	command, seeds   string
	results, besides table
}

func (d *document) write(w io.Writer) {
	fmt.Fprintf(w, "# The fleet\n\nSimulated fleets, scored as `bench/fleet/score` says. One command makes this page:\n\n")
	fmt.Fprintf(w, "    %s\n\nSeeds: %s. Machine: %s, %d cores, %s %s/%s.\n\n",
		d.command, d.seeds, cpuModel(), runtime.NumCPU(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	d.results.markdown(w)
	if len(d.besides.rows) > 0 {
		fmt.Fprintf(w, "\n## Beside the usual ways\n\nThe same records of the mix, in the same order.\n\n")
		d.besides.markdown(w)
	}
}

// cpuModel is the processor's name, as far as the system tells.
func cpuModel() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return "unknown processor"
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if name, value, ok := strings.Cut(s.Text(), ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown processor"
}
