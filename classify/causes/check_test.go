package causes

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/slowpod/slowpod/classify"
)

func TestBuiltin(t *testing.T) {
	table, err := load(files)
	if err := errors.Join(append(table.check(), err)...); err != nil {
		t.Error(err)
	}
}

// check says what is wrong with the table beyond its form.
func (t *Table) check() (errs []error) {
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	for f := range classify.Flags {
		if f >= len(t.Flags) || t.Flags[f].Name != classify.Flag(f).String() || t.Flags[f].Long != classify.Flag(f).Long() {
			wrong("flags.yaml: flag %d is not %s, %s", f, classify.Flag(f), classify.Flag(f).Long())
		}
	}
	if len(t.Flags) != classify.Flags {
		wrong("flags.yaml: %d flags, want Envoy's %d", len(t.Flags), classify.Flags)
	}
	kinds := map[string]bool{"": true}
	seen := map[string]bool{}
	once := func(id string) {
		if id == "" || seen[id] {
			wrong("%q is there twice, or is empty", id)
		}
		seen[id] = true
	}
	for i := range t.Findings {
		f := &t.Findings[i]
		once("finding " + f.Kind + "/" + f.Case)
		kinds[f.Kind] = true
		if strings.Count(f.Title, "{who}") != 1 || len([]rune(f.Title)) > 50-12+len("{who}") || strings.ContainsAny(f.Title, "0123456789") {
			wrong("%s: the title %q names {who} once, leaves it 12 of 50 characters and holds no number", f.Kind, f.Title)
		}
		errs = append(errs, checkCauses(f.Kind, f.Causes)...)
	}
	ids := map[string]bool{}
	for i := range t.Rows {
		r := &t.Rows[i]
		once("row " + r.ID)
		ids[r.ID] = true
		f := t.Finding(r.Finding, r.Case)
		if r.Finding != "" && (f == nil || f.Case != r.Case) {
			wrong("%s: no finding %q, case %q", r.ID, r.Finding, r.Case)
		}
		for _, id := range r.First {
			if f == nil || !slices.ContainsFunc(f.Causes, func(c Cause) bool { return c.ID == id }) {
				wrong("%s: the finding %q has no cause %q", r.ID, r.Finding, id)
			}
		}
		if len(r.Examples) == 0 || r.Title == "" || r.Means == "" {
			wrong("%s: title, means and examples must be there", r.ID)
		}
		errs = append(errs, r.When.check(r.ID)...)
		errs = append(errs, checkCauses(r.ID, r.Causes)...)
	}
	for i := range t.Pairs {
		p := &t.Pairs[i]
		once("pair " + p.ID)
		if !kinds[p.Finding] || whose[p.Whose] == "" || p.Means == "" {
			wrong("%s: no finding %q, nobody is %q, or no meaning", p.ID, p.Finding, string(p.Whose))
		}
		for _, w := range []*When{p.Client, p.Server} {
			if w != nil {
				errs = append(errs, w.check(p.ID)...)
			}
		}
		errs = append(errs, checkCauses(p.ID, p.Causes)...)
	}
	for i := range t.Unseen {
		u := &t.Unseen[i]
		once("unseen " + u.ID)
		errs = append(errs, checkCommand(u.ID, u.Command)...)
		for _, id := range u.Near {
			if !ids[id] {
				wrong("%s: no row %q", u.ID, id)
			}
		}
	}
	return errs
}

func (w *When) check(id string) (errs []error) {
	for _, v := range []string{w.UpstreamHost, w.UpstreamLocal, w.Subset} {
		if v != "" && v != "set" && v != "unset" {
			errs = append(errs, fmt.Errorf("%s: %q is neither set nor unset", id, v))
		}
	}
	if w.Side != "" && w.Side != "client" && w.Side != "server" {
		errs = append(errs, fmt.Errorf("%s: side %q is neither client nor server", id, w.Side))
	}
	return errs
}

func checkCauses(id string, causes []Cause) (errs []error) {
	for i, c := range causes {
		if c.Cause == "" || whose[c.Whose] == "" || c.Tell == "" || strings.Contains(c.Tell, "{") {
			errs = append(errs, fmt.Errorf("%s: cause %d needs cause, whose (one of the known words) and tell, without placeholders", id, i+1))
		}
		errs = append(errs, checkCommand(id, c.Command)...)
	}
	return errs
}

// A command is one program, piped to grep or jq at most, that changes nothing.
var (
	commandForm = regexp.MustCompile(`^(kubectl|istioctl) [^;&|$` + "`" + `<>\\]+( \| (grep|jq) [^;&|$` + "`" + `<>\\]+)?$`)
	changing    = regexp.MustCompile(`^kubectl (-n \S+ )?(delete|apply|patch|edit|rollout restart|rollout undo|label|annotate|scale|cordon|drain|create|replace)\b| --level\b`)
	placeholder = regexp.MustCompile(`\{[a-z_]+\}`)
)

// placeholders are what Fill knows.
var placeholders = []string{
	"{namespace}", "{service}", "{subset}", "{pod}", "{node}", "{fqdn}", "{authority}", "{ip}", "{port}",
	"{caller}", "{caller_namespace}", "{caller_ip}", "{request_id}", "{since}",
}

func checkCommand(id, command string) (errs []error) {
	if command == "" {
		return nil
	}
	if !commandForm.MatchString(command) {
		errs = append(errs, fmt.Errorf("%s: %q is not one program, piped to grep or jq at most", id, command))
	}
	if strings.Count(command, "(") != strings.Count(command, ")") || strings.Count(command, `"`)%2 != 0 {
		errs = append(errs, fmt.Errorf("%s: %q has a bracket or a quote without its other", id, command))
	}
	if strings.Contains(command, " logs -l ") && !strings.Contains(command, " --tail=") {
		errs = append(errs, fmt.Errorf("%s: by a selector, kubectl logs gives ten lines of each pod without --tail: %q", id, command))
	}
	if changing.MatchString(command) {
		errs = append(errs, fmt.Errorf("%s: %q changes the cluster", id, command))
	}
	for _, p := range placeholder.FindAllString(command, -1) {
		if !slices.Contains(placeholders, p) {
			errs = append(errs, fmt.Errorf("%s: %s in %q is no placeholder", id, p, command))
		}
	}
	return errs
}
