package explain

import (
	"fmt"
	"io"
	"strings"

	"github.com/slowpod/slowpod/classify"
	"github.com/slowpod/slowpod/classify/causes"
	"github.com/slowpod/slowpod/correlate"
	"github.com/slowpod/slowpod/sinks/report"
)

// Options say how text is written.
type Options struct {
	// Colour: the reader is a terminal.
	Colour bool
	// Width is where lines are wrapped; 0 means 80 columns. Commands are never
	// wrapped: they are there to be copied.
	Width int
}

// text builds an explanation. What comes from a log goes through report.Safe.
type text struct {
	b     strings.Builder
	o     Options
	table *causes.Table
}

func newText(t *causes.Table, o Options) *text {
	if o.Width == 0 {
		o.Width = 80
	}
	return &text{o: o, table: t}
}

// The few looks that text has.
const (
	bold    = "1"
	command = "36"
)

func (t *text) style(code, s string) string {
	if !t.o.Colour {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (t *text) line(s string) {
	t.b.WriteString(strings.TrimRight(s, " "))
	t.b.WriteByte('\n')
}

// wrap writes words in lines of the width, the first after first, the others
// indented as far.
func (t *text) wrap(first, s string) {
	indent := strings.Repeat(" ", len(first))
	line, empty := first, true
	for word := range strings.FieldsSeq(s) {
		if !empty && len([]rune(line))+1+len([]rune(word)) > t.o.Width {
			t.line(line)
			line, empty = indent, true
		}
		if !empty {
			line += " "
		}
		line += word
		empty = false
	}
	t.line(line)
}

func (t *text) title(s string) { t.line(t.style(bold, report.Safe(s))) }

func (t *text) heading(s string) {
	t.line("")
	t.line("  " + s)
}

// Write writes what the entries mean: each kind of them once, and the calls of
// which both sides are there.
func (e *Entries) Write(w io.Writer, o Options) error {
	t := newText(e.table, o)
	calls := e.calls()
	// What both sides prove is worth more than what one of them hints at.
	for _, c := range calls {
		t.call(c)
		t.line("")
	}
	for i := range e.kept {
		if k := &e.kept[i]; !k.paired {
			k.group.alone = true
		}
	}
	for i, g := range e.groups {
		if i > 0 {
			t.line("")
		}
		t.group(g, len(e.groups) > 1)
	}
	if e.beyond > 0 {
		t.line("")
		t.wrap("", fmt.Sprintf("Calls were sought among the first %d records; slowpod report joins all of them.", maxKept))
	}
	_, err := io.WriteString(w, t.b.String())
	return err
}

// group tells what records mean; in short where a call says the rest, or where
// they are fine and others may not be.
func (t *text) group(g *group, fine bool) {
	title := "Not in the table: what this record means is unknown"
	if g.row != nil {
		title = g.row.Title
	}
	t.title(title)
	line := g.facts.Side.String() + " record, " + g.line
	if g.facts.Side == classify.Unknown {
		line = "record of an unknown side, " + g.line
	}
	if g.count > 1 {
		line = fmt.Sprintf("%d records, the first: %s", g.count, line)
	}
	t.wrap("  ", report.Safe(line))
	switch {
	case g.row == nil:
		t.words(g.words)
		return
	case fine && g.row.Causes == nil:
		return
	}
	t.line("")
	t.wrap("  ", g.row.Means)
	t.words(g.words)
	if !g.alone {
		return // the call says the rest
	}
	t.causes(g.row.Causes, &g.names)
	t.ruledOut(g.row.RulesOut)
	t.elsewhere(&g.facts)
	t.behind(g.row, &g.names)
	t.finding(g.row.Finding)
}

func (t *text) call(c *call) {
	t.title("Both sides of a call: " + c.verdict.String())
	how := map[correlate.Key]string{
		correlate.TupleID: "the same connection and request id", correlate.IDHost: "the same request id and pod",
		correlate.Tuple: "the same connection within a second", correlate.Probable: "the same pod within a quarter of a second: probable",
	}[c.key]
	if how == "" {
		how = "the same request id, on another pod"
	}
	if c.count > 1 {
		how = fmt.Sprintf("%d calls; %s", c.count, how)
	}
	t.wrap("  ", how)
	t.wrap("  client: ", report.Safe(c.client.group.line))
	t.wrap("  server: ", report.Safe(c.server.group.line))
	t.line("")
	t.wrap("  ", c.pair.Means)
	t.wrap("  Fault: ", c.pair.Whose.String())
	list := c.pair.Causes
	if f := t.table.Finding(c.pair.Finding, ""); list == nil && f != nil {
		list = f.Causes
	}
	names := both(c.client.names, c.server.names)
	t.causes(list, &names)
	t.ruledOut(c.pair.RulesOut)
	t.finding(c.pair.Finding)
}

// words says what the words of a record mean, and which are not known.
func (t *text) words(words []causes.Word) {
	if len(words) > 0 {
		t.line("")
	}
	for _, w := range words {
		label := report.Safe(w.Text)
		if w.Field != causes.FlagField {
			label = strings.ReplaceAll(w.Field, "_", " ") + " " + label
		}
		means := w.Means
		switch {
		case means != "":
		case w.Field == causes.FlagField:
			means = "unknown. It is no flag of Envoy's own; an extension may have registered it."
		default:
			means = "unknown to slowpod, which does not guess."
		}
		t.wrap("  ", label+": "+means)
	}
}

// causes tells causes in their order, how to tell them apart, and what to run.
func (t *text) causes(list []causes.Cause, n *causes.Names) {
	if len(list) == 0 {
		return
	}
	t.heading("Likely causes, in order")
	t.whoIs(list, n)
	for i, c := range list {
		t.wrap(fmt.Sprintf("  %d. ", i+1), fmt.Sprintf("%s (%s)", sentence(c.Cause), c.Whose))
		t.wrap("     ", ended(c.Tell))
		t.command(c.Command, n)
	}
}

// whoIs says how to find the names of pods that commands ask for and records
// do not hold.
func (t *text) whoIs(list []causes.Cause, n *causes.Names) {
	find := func(placeholder, of, by string) {
		for _, c := range list {
			if !strings.Contains(causes.Fill(c.Command, n), placeholder) || strings.Contains(causes.Fill(by, n), "<") {
				continue
			}
			t.wrap("  - ", fmt.Sprintf("%s is %s:", placeholder, of))
			t.command(by, n)
			return
		}
	}
	find("<pod>", "the called pod", "kubectl get pod -A -o wide --field-selector status.podIP={ip}")
	find("<caller>", "the calling pod", "kubectl get pod -A -o wide --field-selector status.podIP={caller_ip}")
}

func (t *text) command(template string, n *causes.Names) {
	if template == "" {
		return
	}
	t.line("       " + t.style(command, causes.Fill(template, n)))
}

func (t *text) ruledOut(list []string) {
	if len(list) > 0 {
		t.line("")
		t.wrap("  Ruled out: ", strings.Join(list, "; ")+".")
	}
}

// elsewhere says what the record of the other side would prove.
func (t *text) elsewhere(f *causes.Facts) {
	pairs := t.table.Elsewhere(f)
	if len(pairs) == 0 {
		return
	}
	other := "called pod's"
	if f.Side == classify.Server {
		other = "caller's"
	}
	t.heading("What the " + other + " record of the same call would prove")
	for _, p := range pairs {
		when := p.Server
		if f.Side == classify.Server {
			when = p.Client
		}
		t.wrap("  - ", fmt.Sprintf("%s: %s. %s", p.Verdict, report.Safe(when.String()), p.Means))
	}
}

// behind says what no log shows.
func (t *text) behind(r *causes.Row, n *causes.Names) {
	hidden := t.table.Behind(r)
	if len(hidden) == 0 {
		return
	}
	t.heading("What no access log shows")
	for _, u := range hidden {
		t.unseen(u, n)
	}
}

func (t *text) unseen(u *causes.Unseen, n *causes.Names) {
	t.wrap("  - ", u.Title+". "+u.Means)
	t.wrap("    ", ended(u.Tell))
	t.command(u.Command, n)
}

func (t *text) finding(kind string) {
	if kind != "" {
		t.line("")
		t.wrap("  ", "The kind of finding for this: "+kind+".")
	}
}

// sentence begins with a capital letter.
func sentence(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// ended ends with a full stop.
func ended(s string) string { return strings.TrimSuffix(s, ".") + "." }

// WriteGiven writes what a record means of which only this much is known.
func WriteGiven(w io.Writer, table *causes.Table, g Given, o Options) error {
	f, err := g.facts()
	if err != nil {
		return err
	}
	t := newText(table, o)
	rows := table.Candidates(&f)
	words := table.Words(&f, []byte(g.Flags))
	var names causes.Names
	if len(rows) == 0 {
		t.title("Not in the table: what this means is unknown")
		t.words(words)
		_, err := io.WriteString(w, t.b.String())
		return err
	}
	last := rows[len(rows)-1]
	t.title(last.Title)
	t.wrap("  ", last.Means)
	t.words(words)
	t.causes(last.Causes, &names)
	t.ruledOut(last.RulesOut)
	if f.Given&causes.GivenSide != 0 {
		t.elsewhere(&f)
	}
	t.behind(last, &names)
	t.finding(last.Finding)
	if special := rows[:len(rows)-1]; len(special) > 0 {
		t.line("")
		t.title("More special, where the record has also")
		for _, r := range special {
			t.wrap("  - ", fmt.Sprintf("%s: %s. %s", report.Safe(r.When.Open(&f)), r.Title, r.Means))
			if len(r.Causes) > 0 {
				t.command(r.Causes[0].Command, &names)
			}
		}
		t.line("")
		t.wrap("  ", "--side, --details, --reason and --code narrow it down; a whole line on stdin does it best.")
	}
	_, err = io.WriteString(w, t.b.String())
	return err
}

// WriteUnseen writes what no access log shows.
func WriteUnseen(w io.Writer, table *causes.Table, o Options) error {
	t := newText(table, o)
	t.title("What no access log shows")
	for i := range table.Unseen {
		t.unseen(&table.Unseen[i], &causes.Names{})
	}
	_, err := io.WriteString(w, t.b.String())
	return err
}
