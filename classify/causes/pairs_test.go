package causes_test

import (
	"slices"
	"testing"

	"github.com/slowpod/slowpod/classify"
	"github.com/slowpod/slowpod/classify/causes"
	"github.com/slowpod/slowpod/correlate"
	"github.com/slowpod/slowpod/ingest/accesslog"
)

// The pairs stand under correlate's own verdicts, each of them, and mean what
// correlate makes of them.
func TestPairs(t *testing.T) {
	table := causes.Builtin()
	var known, told []string
	for v := range correlate.Verdicts {
		known = append(known, correlate.Verdict(v).String())
	}
	for i := range table.Pairs {
		p := &table.Pairs[i]
		if !slices.Contains(known, p.Verdict) {
			t.Errorf("%s: correlate has no verdict %q", p.ID, p.Verdict)
		}
		told = append(told, p.Verdict)
		var sides []*causes.Facts
		var records []correlate.Record
		for _, e := range p.Examples {
			r := new(accesslog.Record)
			if result, _ := accesslog.NewParser().Parse([]byte(e.Line()), r); result != accesslog.Parsed {
				t.Fatalf("%s: %s", p.ID, e.Line())
			}
			c := classify.Classify(r)
			f := causes.FactsOf(r, &c)
			sides = append(sides, &f)
			var record correlate.Record
			record.From(r, c, 0, 0)
			records = append(records, record)
		}
		var client, server *causes.Facts
		switch {
		case p.Client != nil && p.Server != nil:
			client, server = sides[0], sides[1]
			if v, _, ok := correlate.Pair(&records[0], &records[1]); !ok || v.String() != p.Verdict {
				t.Errorf("%s: correlate says %s, %v", p.ID, v, ok)
			}
		case p.Client != nil:
			client = sides[0]
		default:
			server = sides[0]
		}
		if got := table.Pair(p.Verdict, client, server); got != p {
			t.Errorf("%s: the examples are taken for %+v", p.ID, got)
		}
	}
	for _, v := range known {
		if !slices.Contains(told, v) {
			t.Errorf("the table does not tell %s", v)
		}
	}
}
