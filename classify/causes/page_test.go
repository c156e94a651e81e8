package causes

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/golden"
)

// The table as a page to read. It is made of the table and of nothing else.
func TestPage(t *testing.T) {
	golden.Assert(t, page(Builtin()), "../../../configs/reference/causes.md")
}

type pageWriter struct{ strings.Builder }

func (p *pageWriter) line(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }

func page(t *Table) string {
	p := new(pageWriter)
	p.line("# What goes wrong in a mesh, and what it looks like in access logs\n")
	p.line("Made from `classify/causes/table` by `go test ./classify/causes -update`; change it there. `slowpod explain` tells the same for one line. In commands `{…}` stands for a name.")
	p.line("\n- [Flags](#flags)\n- [Records](#records): what one record means\n- [Calls](#calls): what both sides of a call prove\n- [What no access log shows](#what-no-access-log-shows)\n- [Findings](#findings)")
	p.line("\n## Flags\n\n| flag | long name | means | first suspect | since |\n|---|---|---|---|---|")
	for _, f := range t.Flags {
		p.line("| `%s` | %s | %s | %s | %s |", f.Name, f.Long, f.Means, f.Suspect, f.Since)
	}
	p.line("\n## Records\n\nThe first that fits holds. Side `server` is an inbound sidecar, `client` every other proxy. `*` stands for anything; what Envoy wrote before 1.23 with spaces and before 1.31 with commas fits, too.")
	for i := range t.Rows {
		r := &t.Rows[i]
		p.line("\n### %s\n", r.Title)
		p.line("`%s`. %s\n", r.ID, strings.ReplaceAll(r.When.String(), "*", "\\*"))
		p.line("%s", r.Means)
		if r.Outcome != "" {
			p.line("\nOutcome `%s`.%s", r.Outcome, leadsTo(r.Finding, r.Case))
		} else if r.Finding != "" {
			p.line("\nThe outcome depends on the code.%s", leadsTo(r.Finding, r.Case))
		}
		if f := t.Finding(r.Finding, r.Case); f != nil && slices.Equal(r.Causes, f.Ranked(r.First...)) {
			p.line("\nCauses: those of the finding, the likeliest “%s”.", r.Causes[0].Cause)
		} else {
			p.causes(r.Causes)
		}
		p.ruledOut(r.RulesOut)
		p.line("\n```")
		for _, e := range r.Examples {
			p.line("%s", e)
		}
		p.line("```")
	}
	p.line("\n## Calls\n\nBy verdict; the first that fits holds.\n\n| verdict | client's record | server's record | means | fault |\n|---|---|---|---|---|")
	for i := range t.Pairs {
		pair := &t.Pairs[i]
		p.line("| `%s` | %s | %s | %s | %s |", pair.Verdict, side(pair.Client), side(pair.Server), pair.Means, pair.Whose)
	}
	p.line("\n## What no access log shows")
	for _, u := range t.Unseen {
		p.line("\n### %s\n\n%s %s.", u.Title, u.Means, strings.TrimSuffix(u.Tell, "."))
		if u.Command != "" {
			p.line("\n    %s", u.Command)
		}
	}
	p.line("\n## Findings")
	for i := range t.Findings {
		f := &t.Findings[i]
		name := f.Kind
		if f.Case != "" {
			name += ", " + f.Case
		}
		p.line("\n### %s\n\n“%s” %s", name, strings.ReplaceAll(f.Title, "{who}", "…"), f.Means)
		p.causes(f.Causes)
		p.ruledOut(f.RulesOut)
	}
	return p.String()
}

func leadsTo(kind, ofCase string) string {
	if kind == "" {
		return ""
	}
	if ofCase != "" {
		kind += ", " + ofCase
	}
	return " Finding `" + kind + "`."
}

func side(w *When) string {
	if w == nil {
		return "none"
	}
	return strings.ReplaceAll(strings.ReplaceAll(w.String(), "any other record", "any other"), "*", "\\*")
}

func (p *pageWriter) causes(causes []Cause) {
	if len(causes) > 0 {
		p.line("")
	}
	for i, c := range causes {
		p.line("%d. %s (%s). %s.", i+1, c.Cause, c.Whose, strings.TrimSuffix(c.Tell, "."))
		if c.Command != "" {
			p.line("   `%s`", c.Command)
		}
	}
}

func (p *pageWriter) ruledOut(list []string) {
	if len(list) > 0 {
		p.line("\nRuled out: %s.", strings.Join(list, "; "))
	}
}
