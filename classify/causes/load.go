package causes

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/slowpod/slowpod/classify"
)

// load reads the table, strictly, and tells every mistake at once.
func load(files fs.FS) (*Table, error) {
	var t Table
	var words struct{ Details, Resets, Reasons []Term }
	var errs []error
	for _, file := range []struct {
		name string
		into any
	}{
		{"flags", &t.Flags}, {"words", &words}, {"records", &t.Rows}, {"pairs", &t.Pairs},
		{"unseen", &t.Unseen}, {"findings", &t.Findings},
	} {
		text, err := fs.ReadFile(files, "table/"+file.name+".yaml")
		if err == nil {
			d := yaml.NewDecoder(bytes.NewReader(text))
			d.KnownFields(true)
			err = d.Decode(file.into)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s.yaml: %w", file.name, err))
		}
	}
	t.details, t.resets, t.reasons = newGlossary(words.Details), newGlossary(words.Resets), newGlossary(words.Reasons)
	for i := range t.Rows {
		r := &t.Rows[i]
		if f := t.Finding(r.Finding, r.Case); f != nil && r.Causes == nil {
			r.Causes = f.Ranked(r.First...)
		}
	}
	return &t, errors.Join(errs...)
}

// UnmarshalYAML reads a pattern.
func (p *Pattern) UnmarshalYAML(n *yaml.Node) error {
	if err := n.Decode(&p.text); err != nil {
		return err
	}
	p.text, p.front = strings.CutPrefix(p.text, "*")
	p.text, p.back = strings.CutSuffix(p.text, "*")
	p.bytes = []byte(p.text)
	if p.text == "" && !p.front && !p.back {
		return fmt.Errorf("line %d: an empty pattern", n.Line)
	}
	return nil
}

// String returns the pattern as the table writes it.
func (p Pattern) String() string {
	s := p.text
	if p.front {
		s = "*" + s
	}
	if p.back {
		s += "*"
	}
	return s
}

// UnmarshalYAML reads core flags, with commas between.
func (s *FlagSet) UnmarshalYAML(n *yaml.Node) error {
	if err := n.Decode(&s.text); err != nil {
		return err
	}
	s.set = classify.ParseSet([]byte(s.text))
	if s.set == 0 || s.set.Custom() {
		return fmt.Errorf("line %d: %q are no flags of Envoy", n.Line, s.text)
	}
	return nil
}

// String returns the flags as the table writes them.
func (s FlagSet) String() string { return s.text }

// UnmarshalYAML reads a code such as 503, or a class such as 5xx.
func (c *Code) UnmarshalYAML(n *yaml.Node) error {
	if class, ok := strings.CutSuffix(n.Value, "xx"); ok {
		hundreds, err := strconv.Atoi(class)
		c.low, c.high = hundreds*100, hundreds*100+99
		return err
	}
	var err error
	c.low, err = strconv.Atoi(n.Value)
	c.high = c.low
	return err
}

// String returns the code as the table writes it.
func (c Code) String() string {
	if c.low == c.high {
		return strconv.Itoa(c.low)
	}
	return strconv.Itoa(c.low/100) + "xx"
}
