package causes

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"go.yaml.in/yaml/v3"

	"github.com/slowpod/slowpod/classify"
	"github.com/slowpod/slowpod/ingest/accesslog"
)

// read reads an example as any line is read. What it returns borrows from it.
func read(t *testing.T, e Example) (*accesslog.Record, classify.Class) {
	t.Helper()
	r := new(accesslog.Record)
	if result, reason := accesslog.NewParser().Parse([]byte(e.Line()), r); result != accesslog.Parsed {
		t.Fatalf("%s: %v %s\n%s", e, result, reason, e.Line())
	}
	return r, classify.Classify(r)
}

// Every example of a row is about that row and has its outcome, whatever rows
// stand before it.
func TestRows(t *testing.T) {
	table := Builtin()
	for i := range table.Rows {
		row := &table.Rows[i]
		for _, e := range row.Examples {
			r, c := read(t, e)
			f := FactsOf(r, &c)
			got := table.Row(&f)
			if got == nil {
				t.Errorf("%s: no row for %s", row.ID, e)
				continue
			}
			if got != row {
				t.Errorf("%s: %s is taken for %s", row.ID, e, got.ID)
			}
			if row.Outcome != "" && c.Outcome.String() != row.Outcome && c.Outcome != classify.TCP {
				t.Errorf("%s: %s has outcome %s, want %s", row.ID, e, c.Outcome, row.Outcome)
			}
		}
	}
}

// A core flag alone leads to a row, on either side, and the word of it is known.
func TestEveryFlagHasARow(t *testing.T) {
	table := Builtin()
	for flag := range classify.Flags {
		for _, side := range []classify.Side{classify.Client, classify.Server, classify.Waypoint, classify.Unknown} {
			f := Facts{Given: GivenAll, Side: side, Flags: classify.Of(classify.Flag(flag)), Code: 503}
			if table.Row(&f) == nil {
				t.Errorf("%s of %s has no row", classify.Flag(flag), side)
			}
		}
	}
}

// What the table does not know is told verbatim and leads to no row by guess.
func TestUnknown(t *testing.T) {
	f := func(e Example, wantRow string, wantUnknown ...string) {
		t.Helper()
		r, c := read(t, e)
		facts := FactsOf(r, &c)
		id := ""
		if row := Builtin().Row(&facts); row != nil {
			id = row.ID
		}
		var unknown []string
		for _, w := range Builtin().Words(&facts, r.Flags) {
			if w.Means == "" {
				unknown = append(unknown, w.Field+" "+w.Text)
			}
		}
		var each []string
		classify.EachCustom(r.Flags, func(name []byte) { each = append(each, "flag "+string(name)) })
		Builtin().EachUnknown(r.Details, r.TransportFailure, func(field string, text []byte) { each = append(each, field+" "+string(text)) })
		if !slices.Equal(each, unknown) {
			t.Errorf("%s: unknown %q, one by one %q", e, unknown, each)
		}
		if id != wantRow || !slices.Equal(unknown, wantUnknown) {
			t.Errorf("%s: row %q, unknown %q; want %q, %q", e, id, unknown, wantRow, wantUnknown)
		}
	}
	f(Example{"C 503 XYZ -"}, "", "flag XYZ")
	f(Example{"C 200 XYZ something_new"}, "", "flag XYZ", "details something_new")
	f(Example{"C 503 - something_new"}, "", "details something_new")
	f(Example{"C 503 UF upstream_reset_before_response_started{new_reset|new_reason} upstream_transport_failure_reason=new_reason"},
		"connect_failed", "reset_reason new_reset", "transport_failure_reason new_reason")
	f(Example{"C 504 XYZ,UT response_timeout"}, "timeout", "flag XYZ")
	f(Example{"S 500 XYZ via_upstream"}, "app_error", "flag XYZ")
}

// The words of the examples are in the table: else rows speak of what it does
// not know.
func TestWordsOfExamples(t *testing.T) {
	table := Builtin()
	for i := range table.Rows {
		for _, e := range table.Rows[i].Examples {
			r, c := read(t, e)
			f := FactsOf(r, &c)
			for _, w := range table.Words(&f, r.Flags) {
				known := w.Means != ""
				if strange := strings.Contains(w.Text, "of_tomorrow") || strings.Contains(w.Text, "INTERNAL_ERROR"); known == strange {
					t.Errorf("%s: %s %s: known is %v", e, w.Field, w.Text, known)
				}
			}
		}
	}
}

func TestPattern(t *testing.T) {
	f := func(pattern, text string, want bool) {
		t.Helper()
		var p Pattern
		if err := yaml.Unmarshal([]byte(strconv.Quote(pattern)), &p); err != nil {
			t.Fatal(err)
		}
		var b []byte
		if text != "" {
			b = []byte(text)
		}
		if got := p.Fits(b); got != want {
			t.Errorf("%q fits %q: %v", pattern, text, got)
		}
		if p.String() != pattern {
			t.Errorf("%q is written %q", pattern, p.String())
		}
	}
	f("via_upstream", "via_upstream", true)
	f("via_upstream", "via_upstream2", false)
	f("via_upstream", "via", false)
	f("via*", "via_upstream", true)
	f("via*", "no_via", false)
	f("*stream", "via_upstream", true)
	f("*stream", "stream_", false)
	f("*upst*", "via_upstream", true)
	f("*upst*", "", false)
	f("*", "", true)
	f("-", "", true)
	f("-", "x", false)
	f("-", "-", false) // Envoy's word for it never reaches a record
	// One thing, as versions of Envoy write it.
	f("*{remote_connection_failure|delayed_connect_error:_111}", "upstream_reset_before_response_started{remote_connection_failure,delayed_connect_error:_111}", true)
	f("*delayed_connect_error:_111*", "delayed connect error: 111", true)
}

// What is given by hand leaves open what is not; the rows that remain stand in
// the order of the table and end with the first that is certain.
func TestCandidates(t *testing.T) {
	f := func(facts Facts, want ...string) {
		t.Helper()
		var got []string
		for _, row := range Builtin().Candidates(&facts) {
			got = append(got, row.ID)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%+v: %q, want %q", facts, got, want)
		}
	}
	f(Facts{Flags: classify.Of(classify.NC)}, "cluster_missing")
	f(Facts{Flags: classify.Of(classify.UT, classify.URX)}, "timeout_no_connection", "timeout_retries")
	f(Facts{Flags: classify.Of(classify.UF), Given: GivenReason | GivenSide, Side: classify.Server, Reason: []byte("delayed_connect_error:_111")},
		"app_port_unknown", "app_connect_timeout", "app_refused")
	f(Facts{Flags: classify.Of(classify.UC), Given: GivenSide, Side: classify.Server}, "app_died_after_headers", "keepalive_race", "app_closed")
}

// Rows may be asked for at each failing record.
func TestRowAllocatesNothing(t *testing.T) {
	r, c := read(t, Example{"C 503 UF upstream_reset_before_response_started{local_connection_failure}"})
	f := FactsOf(r, &c)
	unknown := 0
	if n := testing.AllocsPerRun(100, func() {
		Builtin().Row(&f)
		Builtin().EachUnknown(f.Details, f.Reason, func(string, []byte) { unknown++ })
	}); n != 0 || unknown != 0 {
		t.Errorf("%v allocations, %d unknown words", n, unknown)
	}
}

func BenchmarkRow(b *testing.B) {
	f := Facts{
		Given: GivenAll, Side: classify.Client, Flags: classify.Of(classify.UF, classify.URX), Code: 503,
		Details: []byte("upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused}"),
		Reason:  []byte("delayed_connect_error:_Connection_refused"),
	}
	table := Builtin()
	for b.Loop() {
		table.Row(&f)
	}
}

// Each mistake in the table is told, and nothing besides.
func TestMistakes(t *testing.T) {
	f := func(want string, spoil func(*Table)) {
		t.Helper()
		table := *Builtin()
		table.Flags, table.Rows, table.Pairs = slices.Clone(table.Flags), slices.Clone(table.Rows), slices.Clone(table.Pairs)
		table.Unseen, table.Findings = slices.Clone(table.Unseen), slices.Clone(table.Findings)
		spoil(&table)
		if errs := table.check(); len(errs) != 1 || !strings.Contains(errs[0].Error(), want) {
			t.Errorf("want %s; got %q", want, errs)
		}
	}
	f("flag 3 is not LR", func(t *Table) { t.Flags[3].Name = "XX" })
	f("flag 3 is not LR", func(t *Table) { t.Flags[3].Long = "XX" })
	f("31 flags, want", func(t *Table) { t.Flags = append(t.Flags, Flag{}) })

	f(`"row refused" is there twice`, func(t *Table) { t.Rows[0].ID = "refused" })
	f(`no finding "nope"`, func(t *Table) { t.Rows[0].Finding = "nope" })
	f(`case "nope"`, func(t *Table) { t.Rows[0].Case = "nope" })
	f(`has no cause "nope"`, func(t *Table) { t.Rows[0].First = []string{"nope"} })
	f("title, means and examples", func(t *Table) { t.Rows[0].Title = "" })
	f("title, means and examples", func(t *Table) { t.Rows[0].Means = "" })
	f("title, means and examples", func(t *Table) { t.Rows[0].Examples = nil })
	f(`side "left"`, func(t *Table) { t.Rows[0].When.Side = "left" })
	f(`"yes" is neither set nor unset`, func(t *Table) { t.Rows[0].When.UpstreamHost = "yes" })
	f(`"yes" is neither set nor unset`, func(t *Table) { t.Rows[0].When.UpstreamLocal = "yes" })
	f(`"yes" is neither set nor unset`, func(t *Table) { t.Rows[0].When.Subset = "yes" })

	f(`no finding "nope"`, func(t *Table) { t.Pairs[0].Finding = "nope" })
	f(`nobody is "me"`, func(t *Table) { t.Pairs[0].Whose = "me" })
	f("or no meaning", func(t *Table) { t.Pairs[0].Means = "" })
	f(`side "left"`, func(t *Table) { t.Pairs[0].Client = &When{Side: "left"} })

	f(`no row "nope"`, func(t *Table) { t.Unseen[0].Near = []string{"nope"} })
	f("is not one program", func(t *Table) { t.Unseen[0].Command = "ls" })

	title := func(title string) {
		t.Helper()
		f("the title", func(t *Table) { t.Findings[0].Title = title })
	}
	title("The title that leaves {who} a little too small room")
	title("{who} has 2 pods")
	title("Nobody is named")
	title("{who} calls {who}")

	cause := func(want string, c Cause) {
		t.Helper()
		f(want, func(t *Table) { t.Findings[0].Causes = []Cause{c} })
		f(want, func(t *Table) { t.Rows[0].Causes = []Cause{c} })
		f(want, func(t *Table) { t.Pairs[0].Causes = []Cause{c} })
	}
	cause("cause 1 needs", Cause{Whose: "app", Tell: "x"})
	cause("cause 1 needs", Cause{Cause: "x", Whose: "me", Tell: "x"})
	cause("cause 1 needs", Cause{Cause: "x", Whose: "app"})
	cause("cause 1 needs", Cause{Cause: "x", Whose: "app", Tell: "Look at {pod}"})

	command := func(want, command string) {
		t.Helper()
		cause(want, Cause{Cause: "x", Whose: "app", Tell: "x", Command: command})
	}
	for _, c := range []string{
		"ls", "kubectl get pod; rm -rf /", "kubectl get pod | sh", "kubectl get pod | grep x | sh", "kubectl get pod && ls",
		"kubectl get pod $(ls)", "kubectl get pod `ls`", "kubectl get pod > x", "kubectl get pod | grep x > y",
	} {
		command("is not one program", c)
	}
	command("has a bracket or a quote", "kubectl get pod | grep x)")
	command("has a bracket or a quote", `kubectl get pod | grep "x`)
	command("{who} in", "kubectl get pod {who}")
	command("without --tail", "kubectl -n {namespace} logs -l app={service}")
	for _, c := range []string{
		"kubectl -n {namespace} delete pod {pod}", "kubectl cordon {node}", "kubectl -n x rollout restart deployment y",
		"istioctl -n {namespace} proxy-config log {pod} --level debug",
	} {
		command("changes the cluster", c)
	}
}

// The table is read strictly, and the mistakes in its files are told at once.
func TestStrict(t *testing.T) {
	table := fstest.MapFS{}
	for _, name := range []string{"flags", "words", "records", "pairs", "unseen", "findings"} {
		text, err := files.ReadFile("table/" + name + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		table["table/"+name+".yaml"] = &fstest.MapFile{Data: text}
	}
	if _, err := load(table); err != nil {
		t.Fatal(err)
	}
	for name, mistake := range map[string]string{
		"flags": "- {name: UH}", "words": "details: [{is: ['']}]", "records": "- {when: {flags: XYZ}}",
		"pairs": "- {examples: [C 503]}", "unseen": "- {near: {}}", "findings": "- {causes: [{changes: true}]}",
	} {
		table["table/"+name+".yaml"] = &fstest.MapFile{Data: []byte(mistake)}
	}
	_, err := load(table)
	if err == nil {
		t.Fatal("no mistake is told")
	}
	for _, want := range []string{
		"flags.yaml: ", "field name not found", "words.yaml: line 1: an empty pattern", `records.yaml: line 1: "XYZ" are no flags`,
		"pairs.yaml: line 1: \"C 503\" is not side", "unseen.yaml: ", "field changes not found",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not told in\n%s", want, err)
		}
	}
}

// Words of all halves are looked up on the hot path.
func BenchmarkEachUnknown(b *testing.B) {
	table := Builtin()
	for _, details := range []string{"via_upstream", "downstream_remote_disconnect", "upstream_reset_before_response_started{connection_termination}"} {
		b.Run(details, func(b *testing.B) {
			text := []byte(details)
			for b.Loop() {
				table.EachUnknown(text, nil, func(string, []byte) { b.Fatal("unknown") })
			}
		})
	}
}
