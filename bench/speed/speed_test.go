package main

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slowpod/slowpod/bench/workload"
)

func TestTallies(t *testing.T) {
	for _, c := range []struct {
		name string
		read func([]byte) (tally, error)
		out  string
		want tally
	}{
		{"report", reportTally, `{"lines":{"records":7},"flags":[{"side":"client","flag":"UT","count":2},{"side":"waypoint","flag":"UT","count":1},{"side":"server","flag":"DC","count":3}]}`,
			tally{allLines: 7, "UT": 3, "DC": 3}},
		{"metrics", metricsTally, "# TYPE requests_total counter\nrequests_total{response_flags=\"-\",upstream_host=\"a\"} 5\nrequests_total{response_flags=\"UF,URX\",upstream_host=\"a\"} 2\nrequests_total{response_flags=\"UF\",upstream_host=\"b\"} 1\n",
			tally{allLines: 8, "UF": 3, "URX": 2}},
		{"uniq", uniqTally, "     12 outbound|80||a\t10.0.0.1:80\t-\n      3 \t\tNR\n", tally{allLines: 15, "NR": 3}},
		{"hosts of UT", hostsTally, "     12 10.0.0.1:80\n      3 10.0.0.2:80\n", tally{"UT": 15}},
		{"csv", csvTally, "a,b,response_flags,count_star()\nx,y,\"UF,URX\",4\n,,-,6\n", tally{allLines: 10, "UF": 4, "URX": 4}},
	} {
		got, err := c.read([]byte(c.out))
		if err != nil || !cmp.Equal(got, c.want) {
			t.Errorf("%s: %v, %v, not %v", c.name, got, err, c.want)
		}
	}
}

func TestProgramsMustAgree(t *testing.T) {
	whole := tally{allLines: 10, "UT": 2, "DC": 1}
	for _, c := range []struct {
		name          string
		first, second tally
		want          string
	}{
		{"the same", whole, tally{allLines: 10, "UT": 2, "DC": 1}, ""},
		{"some flags only", whole, tally{"UT": 2}, ""},
		{"lines are missing", whole, tally{allLines: 9, "UT": 2, "DC": 1}, "b counts 9 of 10 lines of log"},
		{"a flag is missing", whole, tally{allLines: 10, "UT": 2}, "log: b counts DC 0 times, a 1 times"},
		{"a flag too many", whole, tally{allLines: 10, "UT": 2, "DC": 1, "UH": 1}, "log: b counts UH 1 times, a 0 times"},
		{"another number", whole, tally{"UT": 3}, "log: b counts UT 3 times, a 2 times"},
		{"some flags only, at first", tally{"UT": 3}, whole, ""},
	} {
		log := &corpus{name: "log", lines: 10}
		err := errors.Join(log.agree("a", c.first), log.agree("b", c.second))
		if got := message(err); got != c.want {
			t.Errorf("%s: %q, not %q", c.name, got, c.want)
		}
	}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// The second round was slow for both: the ratios of the rounds do not care.
func TestRatiosAreThoseWithinARound(t *testing.T) {
	at := func(seconds ...float64) *row {
		r := &row{}
		for _, s := range seconds {
			r.samples = append(r.samples, sample{lines: 100, bytes: 1000, cpu: time.Duration(s * float64(time.Second))})
		}
		return r
	}
	a, b := at(1, 10, 2), at(2, 20, 4)
	if got := a.times(b, linesPerCPU); got != 2 {
		t.Errorf("%g times, not 2", got)
	}
	if got := a.median(linesPerCPU); got != 50 {
		t.Errorf("median %g, not 50", got)
	}
	if got := at(1, 2, 3, 2).spread(); got != 1 {
		t.Errorf("spread %g, not 1", got)
	}
	if got := at(1, 3).median(cpu); got != 2 {
		t.Errorf("median of two %g, not 2", got)
	}
}

func TestLimits(t *testing.T) {
	for _, c := range []struct {
		limit
		kept bool
		want string
	}{
		{limit{what: "a", least: true, bound: 0.5, got: 0.5, unit: " M"}, true, "a >= 0.5 M"},
		{limit{what: "a", least: true, bound: 0.5, got: 0.49}, false, "a >= 0.5"},
		{limit{what: "a", bound: 2.5, got: 2.5}, true, "a <= 2.5"},
		{limit{what: "a", bound: 2.5, got: 2.6}, false, "a <= 2.5"},
	} {
		if c.limit.kept() != c.kept || c.required() != c.want {
			t.Errorf("%+v: %v, %s", c.limit, c.limit.kept(), c.required())
		}
	}
}

// page2 has all rows of two programs, with made-up figures.
func page2(t *testing.T) *page {
	t.Helper()
	b := &bench{dir: t.TempDir(), lines: 1000, rounds: 2, absent: []string{"duckdb"}}
	b.parts = []*part{b.neighbours(), b.failing(), b.scrape()}
	for i, p := range b.parts {
		p.name = []string{"neighbours", "failing", "scrape"}[i]
	}
	for i, r := range b.rows {
		for round := 1; round <= b.rounds; round++ {
			d := time.Duration(i+round) * 100 * time.Millisecond
			r.samples = append(r.samples, sample{lines: 1000 * (i + 1), bytes: 849_000, cpu: d, wall: d, peak: 20 << 20})
		}
	}
	return &page{bench: b, command: "go run ./bench/speed"}
}

func TestPageAndPicture(t *testing.T) {
	name := filepath.Join(t.TempDir(), "speed.md")
	if err := page2(t).files(name); err != nil {
		t.Fatal(err)
	}
	md, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"    go run ./bench/speed\n", "Machine: ", "![Lines per second", "(speed.svg)", "in 2 rounds",
		"| naive, fastjson | corpus | 1 |", "| **slowpod report** | corpus | 2 |", "Not on this machine", "duckdb",
		"| 30 % failing lines, of the speed at 2 % >= 0.5 |", "| **/metrics** | 10,000 pods |", " 20 | "} {
		if want = strings.ReplaceAll(want, "in 2 rounds", "in 2 rounds"); !strings.Contains(string(md), want) {
			t.Errorf("no %q in\n%s", want, md)
		}
	}
	picture, err := os.ReadFile(strings.TrimSuffix(name, "md") + "svg")
	if err != nil {
		t.Fatal(err)
	}
	bars := 0
	for d := xml.NewDecoder(bytes.NewReader(picture)); ; {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, picture)
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "rect" {
			bars++
		}
	}
	if want := 2 + 2*len(shares) + 3; bars != want || bytes.Contains(picture, []byte("NaN")) {
		t.Errorf("%d rectangles, not %d in\n%s", bars, want, picture)
	}
}

func TestATableLeavesOutWhatNoRowHas(t *testing.T) {
	tab := table{words: 1, head: []string{"", "a", "b", "c"}}
	tab.add("x", "", "1", "")
	tab.add("y", "", "2", "3")
	tab.prune()
	var b strings.Builder
	tab.markdown(&b)
	if want := "|  | b | c |\n|---|---:|---:|\n| x | 1 |  |\n| y | 2 | 3 |\n"; b.String() != want {
		t.Errorf("%s, not\n%s", &b, want)
	}
}

// What the machine did in the second round is not the program's.
func TestTheClockIsThatOfTheFastestRound(t *testing.T) {
	r := &row{samples: []sample{{lines: 100, wall: time.Second}, {lines: 100, wall: 3 * time.Second}, {lines: 100, wall: 2 * time.Second}}}
	if got := r.linesPerSecond(); got != 100 {
		t.Errorf("%g lines per second, not 100", got)
	}
}

func TestQuickRowsAreMeasuredMoreOften(t *testing.T) {
	var order []string
	add := func(name string, quick bool) *row {
		return &row{name: name, quick: quick, run: func(context.Context) (sample, error) {
			order = append(order, name)
			return sample{lines: 1, cpu: 1}, nil
		}}
	}
	b := &bench{rounds: 2, rows: []*row{add("a", false), add("b", true), add("c", true)}}
	if err := b.measure(t.Context(), io.Discard); err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(order, ""), "abcbcbcabcbcbc"; got != want || len(b.rows[1].samples) != 6 {
		t.Errorf("%s, not %s", got, want)
	}
}

func TestNoPictureOfWhatWasNotMeasured(t *testing.T) {
	p := page2(t)
	p.rows = p.rows[:3]
	if svg := p.picture(); svg != nil {
		t.Errorf("%s", svg)
	}
}

func TestALogIsWrittenWithItsTwist(t *testing.T) {
	c := &corpus{name: "new key order", lines: 50, make: workload.Corpus, twist: workload.ShuffledKeys(1)}
	if err := c.write(t.Context(), t.TempDir()); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(c.file)
	if err != nil || int64(len(b)) != c.bytes || bytes.Count(b, []byte("}\n")) != 50 {
		t.Errorf("%d bytes of %d, %v", len(b), c.bytes, err)
	}
}

func TestUsageErrorsSayWhatToDo(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"--lines=5", "--lines=5 is too few: give at least 1000"},
		{"--rounds=0", "--rounds must be at least 1"},
		{"--only=kafak", "--only=kafak is none of neighbours, failing, hostile, kafka, stages, scrape"},
		{"--output=page.html", "the name must end with .md"},
		{"more", "unexpected more"},
	} {
		var out, errs bytes.Buffer
		code := run(context.Background(), strings.Fields(c.args), &out, &errs)
		if code != exitUsage || !strings.Contains(errs.String(), c.want) {
			t.Errorf("%s: exit code %d, %s", c.args, code, &errs)
		}
	}
}

func TestHelpHasExamples(t *testing.T) {
	var out, errs bytes.Buffer
	if code := run(context.Background(), []string{"--help"}, &out, &errs); code != exitFine || !strings.Contains(out.String(), "go run ./bench/speed --only") {
		t.Errorf("exit code %d, %s%s", code, &out, &errs)
	}
}

// All parts once, small, as make bench runs them.
func TestRuns(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and runs all programs")
	}
	var out, errs bytes.Buffer
	name := filepath.Join(t.TempDir(), "speed.md")
	code := run(t.Context(), []string{"--lines=2000", "--rounds=1", "--only=neighbours,failing,hostile,kafka,stages", "--output=" + name}, &out, &errs)
	if code == exitUsage || !strings.Contains(out.String(), "slowpod run, lz4") {
		t.Fatalf("exit code %d\n%s\n%s", code, &out, &errs)
	}
	if _, err := os.Stat(name); err != nil {
		t.Error(err)
	}
}
