package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/slowpod/slowpod/bench/process"
)

// page is what came of a run.
type page struct {
	*bench
	command string
}

// table is text in columns, of which the first few hold words, the others
// numbers.
type table struct {
	words int
	head  []string
	rows  [][]string
}

// prune takes out the columns that are empty in all rows.
func (t *table) prune() {
	for i := len(t.head) - 1; i >= t.words; i-- {
		if slices.ContainsFunc(t.rows, func(row []string) bool { return row[i] != "" }) {
			continue
		}
		t.head = slices.Delete(t.head, i, i+1)
		for j := range t.rows {
			t.rows[j] = slices.Delete(t.rows[j], i, i+1)
		}
	}
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

// text writes it for a terminal.
func (t *table) text(w io.Writer) {
	widths := make([]int, len(t.head))
	all := append([][]string{t.head}, t.rows...)
	for _, row := range all {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(plain(cell)))
		}
	}
	for _, row := range all {
		var b strings.Builder
		for i, cell := range row {
			fmt.Fprintf(&b, "%-*s  ", widths[i], plain(cell))
		}
		fmt.Fprintln(w, strings.TrimRight(b.String(), " "))
	}
}

// markdown writes it as Markdown.
func (t *table) markdown(w io.Writer) {
	write := func(row []string) { fmt.Fprintf(w, "| %s |\n", strings.Join(row, " | ")) }
	write(t.head)
	fmt.Fprintln(w, "|"+strings.Repeat("---|", t.words)+strings.Repeat("---:|", len(t.head)-t.words))
	for _, row := range t.rows {
		write(row)
	}
}

// required is the table of the limits.
func (p *page) required() (t table) {
	t.words, t.head = 1, []string{"required", "measured", ""}
	for _, l := range p.limits() {
		verdict := "kept"
		if !l.kept() {
			verdict = "**MISSED**"
		}
		t.add(l.required(), fmt.Sprintf("%.3g", l.got), verdict)
	}
	return t
}

// table of a part.
func (p *part) table() (t table) {
	if p.name == "scrape" {
		t.words, t.head = 2, []string{"", "of", "CPU time", "time", "size"}
		for _, r := range p.rows {
			t.add(r.name, r.log, fmt.Sprintf("%.0f ms", 1e3*r.median(cpu)), fmt.Sprintf("%.0f ms", 1e3*r.median(wall)),
				fmt.Sprintf("%.1f MB", float64(r.samples[0].bytes)/1e6))
		}
		return t
	}
	t.words, t.head = 2, []string{"", "log", "cores", "CPU ns/line", "lines/CPU-s", "MB/CPU-s", "of naive", "lines/s", "peak MiB", "spread"}
	if p.name == "stages" {
		t.head[6] = "of fastjson"
	}
	for _, r := range p.rows {
		cores, of, lines, memory := fmt.Sprint(r.procs), "", "", ""
		if r.procs == 0 {
			cores = "all"
		}
		if r.base != nil {
			of = fmt.Sprintf("%.2f", r.times(r.base, linesPerCPU))
		}
		if r.samples[0].wall > 0 {
			lines = count(r.linesPerSecond())
		}
		if r.samples[0].peak > 0 {
			memory = fmt.Sprintf("%.0f", r.median(peak)/(1<<20))
		}
		t.add(r.name, r.log, cores, fmt.Sprintf("%.0f", 1e9/r.median(linesPerCPU)), count(r.median(linesPerCPU)),
			fmt.Sprintf("%.0f", r.median(bytesPerCPU)/1e6), of, lines, memory, fmt.Sprintf("%.0f %%", 100*r.spread()))
	}
	t.prune()
	return t
}

// count writes a number to three digits.
func count(v float64) string {
	switch {
	case v >= 1e6:
		return fmt.Sprintf("%.2f M", v/1e6)
	case v >= 1e5:
		return fmt.Sprintf("%.0f k", v/1e3)
	case v >= 1e4:
		return fmt.Sprintf("%.1f k", v/1e3)
	}
	return fmt.Sprintf("%.0f", v)
}

// company tells which tools took part, and which were not there.
func (p *page) company() (note string) {
	if len(p.present) > 0 {
		note = "Of this machine: " + strings.Join(p.present, ", ") + ". "
	}
	if len(p.absent) > 0 {
		note += "Not on this machine, and so not in the table: " + strings.Join(p.absent, ", ") + "."
	}
	return strings.TrimSpace(note)
}

func (p *page) text(w io.Writer) {
	for _, part := range p.parts {
		t := part.table()
		fmt.Fprintf(w, "%s\n\n", part.title)
		t.text(w)
		if note := p.company(); note != "" && part.name == "neighbours" {
			fmt.Fprintf(w, "\n%s\n", note)
		}
		fmt.Fprintln(w)
	}
	if t := p.required(); len(t.rows) > 0 {
		t.text(w)
	}
}

// files writes the page, and its picture beside it if there is something to
// draw.
func (p *page) files(name string) error {
	picture := strings.TrimSuffix(name, filepath.Ext(name)) + ".svg"
	svg := p.picture()
	if svg == nil {
		picture = ""
	} else if err := os.WriteFile(picture, svg, 0o644); err != nil {
		return err
	}
	var b bytes.Buffer
	p.markdown(&b, filepath.Base(picture))
	return os.WriteFile(name, b.Bytes(), 0o644)
}

func (p *page) markdown(w io.Writer, picture string) {
	fmt.Fprintf(w, "# Speed\n\nWhole programs, measured from outside, taking turns in %d rounds; medians. One command makes this page:\n\n    %s\n\n", p.rounds, p.command)
	fmt.Fprintf(w, "Machine: %s.\n\n", process.Machine())
	fmt.Fprintf(w, "A CPU-second is one that the kernel charged to the process, user and system, from its start to its end, of each process of a pipeline. \"cores\" is GOMAXPROCS. "+
		"\"of naive\" is lines per CPU-second against `naive` with fastjson on the same log: the median of the ratios within each round. "+
		"\"lines/s\" is by the clock, in the fastest round. \"spread\" is how far the CPU times of the rounds lay apart. A line of the corpus has 849 bytes.\n\n")
	if t := p.required(); len(t.rows) > 0 {
		t.markdown(w)
		fmt.Fprintln(w)
	}
	if picture != "." {
		fmt.Fprintf(w, "![Lines per second against cores and against the share of failing lines](%s)\n\n", picture)
	}
	for i, part := range p.parts {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "## %s\n\n%s\n\n", part.title, part.about)
		t := part.table()
		t.markdown(w)
		if note := p.company(); note != "" && part.name == "neighbours" {
			fmt.Fprintf(w, "\n%s\n", note)
		}
	}
}
