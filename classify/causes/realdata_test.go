package causes

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slowpod/slowpod/classify"
	"github.com/slowpod/slowpod/ingest/accesslog"
)

// Every record of real logs that failed, carries a flag or is a half has a
// cause. Those that have none, and the words that the table does not know, are
// listed here with the reason.
func TestRealRecords(t *testing.T) {
	dir := os.Getenv("SLOWPOD_REALDATA")
	if dir == "" {
		t.Skip("SLOWPOD_REALDATA names no directory of real logs")
	}
	files, err := filepath.Glob(filepath.Join(dir, "dev", "*"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	table, parser := Builtin(), accesslog.NewParser()
	rows, without := map[string]int{}, map[string]int{}
	failing := 0
	for _, name := range files {
		if strings.HasSuffix(name, ".src.tsv") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(bytes.NewReader(text))
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var r accesslog.Record
			if result, _ := parser.Parse(lines.Bytes(), &r); result != accesslog.Parsed {
				continue
			}
			c := classify.Classify(&r)
			if !c.Failure && !c.Half && c.Flags == 0 {
				continue
			}
			failing++
			f := FactsOf(&r, &c)
			row := table.Row(&f)
			switch {
			case row == nil:
				without["no row: "+string(r.Flags)+" "+string(r.Details)]++
			case len(row.Causes) == 0 && row.Outcome != "ok":
				without["no cause: "+row.ID]++
			default:
				rows[row.ID]++
			}
			for _, w := range table.Words(&f, r.Flags) {
				if w.Means == "" {
					without[w.Field+" "+w.Text]++
				}
			}
		}
		if lines.Err() != nil {
			t.Fatal(name, lines.Err())
		}
	}
	t.Logf("%d records: %v", failing, rows)
	for what, n := range without {
		t.Errorf("%s: %d records", what, n)
	}
}
