// Package causes is the table of what goes wrong in a mesh: what a record or a
// call with given flags, details, transport failure reason, side and code
// means, what may have caused it, whose fault that is, what it rules out and
// what to run next.
//
// It knows the meaning of the words that Envoy and Istio write, all of it in
// table/*.yaml, which needs no Go to be read. It must never know how often
// something happened, nor to whom: that is correlate's affair.
package causes

import (
	"embed"
	"slices"
	"sync"

	"github.com/slowpod/slowpod/classify"
)

// Table is the whole table. It does not change once it is loaded.
type Table struct {
	// Flags are Envoy's core flags, in Envoy's order.
	Flags []Flag
	// details, resets and reasons are the words that records carry beside
	// their flags.
	details, resets, reasons glossary
	// Rows are what single records mean. The first that fits holds.
	Rows []Row
	// Pairs are what the two sides of a call mean together.
	Pairs []Pair
	// Unseen is what no access log shows.
	Unseen []Unseen
	// Findings are what findings of configuration and life mean, by kind.
	Findings []Finding
}

// Flag is one of Envoy's core response flags.
type Flag struct {
	Name  string `yaml:"flag"`
	Long  string `yaml:"long"`
	Means string `yaml:"means"`
	// Suspect is whom to look at first.
	Suspect string `yaml:"suspect"`
	// Since is the Envoy and Istio that wrote it first; "" for those that
	// every Envoy in use has.
	Since string `yaml:"since"`
}

// Term is a word of %RESPONSE_CODE_DETAILS%, of the reset reason inside it, or
// of %UPSTREAM_TRANSPORT_FAILURE_REASON%.
type Term struct {
	Is    []Pattern `yaml:"is"`
	Means string    `yaml:"means"`
}

// Row is what a record means.
type Row struct {
	ID    string `yaml:"id"`
	When  When   `yaml:"when"`
	Title string `yaml:"title"`
	Means string `yaml:"means"`
	// Outcome is what classify makes of such a record; "" where that depends
	// on the code.
	Outcome string `yaml:"outcome"`
	// Finding is the kind of finding that such records lead to; "" for none.
	// Case is the case of that finding; "" is the ordinary one.
	Finding string `yaml:"finding"`
	Case    string `yaml:"case"`
	// Causes stand the likeliest first. A row without own ones has those of
	// its finding, the ones that First names before the others.
	First    []string  `yaml:"first"`
	Causes   []Cause   `yaml:"causes"`
	RulesOut []string  `yaml:"rules_out"`
	Examples []Example `yaml:"examples"`
}

// Cause is one of the causes of something.
type Cause struct {
	// ID names the cause within a finding, where one can be put first.
	ID    string `yaml:"id"`
	Cause string `yaml:"cause"`
	Whose Whose  `yaml:"whose"`
	// Tell is how it is told from the other causes: what to look at.
	Tell string `yaml:"tell"`
	// Command is what to run for that, with placeholders for Fill. It never
	// changes the cluster.
	Command string `yaml:"command"`
}

// Pair is what the two sides of a call mean together.
type Pair struct {
	ID string `yaml:"id"`
	// Verdict is correlate's word for it.
	Verdict string `yaml:"verdict"`
	// Client and Server say which records it is; nil where that side has none.
	Client *When `yaml:"client"`
	Server *When `yaml:"server"`

	Means    string    `yaml:"means"`
	Whose    Whose     `yaml:"whose"`
	Finding  string    `yaml:"finding"`
	Causes   []Cause   `yaml:"causes"`
	RulesOut []string  `yaml:"rules_out"`
	Examples []Example `yaml:"examples"` // the client's first, then the server's
}

// Unseen is something that no access log shows.
type Unseen struct {
	ID    string `yaml:"id"`
	Title string `yaml:"title"`
	Means string `yaml:"means"`
	// Tell and Command are how it can be seen all the same.
	Tell    string `yaml:"tell"`
	Command string `yaml:"command"`
	// Near are the rows behind which it hides.
	Near []string `yaml:"near"`
}

// Finding is what a kind of finding means.
type Finding struct {
	Kind string `yaml:"kind"`
	// Case tells apart what one kind is told as; "" is the ordinary case.
	Case string `yaml:"case"`
	// Title is who and what, with {who} for the subject: what is left of 50
	// characters is its room.
	Title string `yaml:"title"`
	Means string `yaml:"means"`
	// Causes are ranked.
	Causes   []Cause  `yaml:"causes"`
	RulesOut []string `yaml:"rules_out"`
}

// Whose says whose fault something is. See whose for the words.
type Whose string

// whose are the words for fault, and how they are said.
var whose = map[Whose]string{
	"app":      "the called application",
	"proxy":    "the called pod's proxy",
	"caller":   "whoever calls",
	"network":  "the network between the proxies",
	"config":   "the mesh's configuration",
	"policy":   "a policy that does what it says",
	"platform": "Kubernetes: the pod's life, its node",
	"mesh":     "the mesh's control plane or certificates",
	"outside":  "a host or service outside the mesh",
	"logging":  "the way logs are written or shipped",
	"nobody":   "nobody",
}

// String returns the words for a reader.
func (w Whose) String() string { return whose[w] }

//go:embed table
var files embed.FS

// Builtin returns slowpod's table. It is read once; that it can be read, and what
// must be true of it besides, is tested, so it panics if not.
var Builtin = sync.OnceValue(func() *Table {
	t, err := load(files)
	if err != nil {
		panic(err)
	}
	return t
})

// Row returns the row that says what a record means: the first that fits. It
// is nil where the table knows nothing: never a guess. It allocates nothing.
func (t *Table) Row(f *Facts) *Row {
	for i := range t.Rows {
		if t.Rows[i].When.fits(f) == yes {
			return &t.Rows[i]
		}
	}
	return nil
}

// Candidates returns the rows that what is given does not rule out, in the
// order of the table, up to and with the first that fits for certain. Where
// flags are given, rows that may fit must be about one of them.
func (t *Table) Candidates(f *Facts) []*Row {
	var rows []*Row
	for i := range t.Rows {
		switch t.Rows[i].When.fits(f) {
		case yes:
			return append(rows, &t.Rows[i])
		case maybe:
			if w := &t.Rows[i].When; f.Flags == 0 || w.Flags.set|w.AnyFlag.set != 0 {
				rows = append(rows, &t.Rows[i])
			}
		}
	}
	return rows
}

// Pair returns what the two sides of a call mean under a verdict of correlate;
// a side that has no record is nil. It is nil where the table has no such
// verdict.
func (t *Table) Pair(verdict string, client, server *Facts) *Pair {
	fits := func(w *When, f *Facts) bool {
		return w == nil && f == nil || w != nil && f != nil && w.fits(f) == yes
	}
	for i := range t.Pairs {
		p := &t.Pairs[i]
		if p.Verdict == verdict && fits(p.Client, client) && fits(p.Server, server) {
			return p
		}
	}
	return nil
}

// Finding returns what a kind of finding means, in the given case of it or,
// where the table has no such case, in the ordinary one. It is nil for a kind
// that the table does not have.
func (t *Table) Finding(kind, ofCase string) *Finding {
	var ordinary *Finding
	for i := range t.Findings {
		switch f := &t.Findings[i]; {
		case f.Kind != kind:
		case f.Case == ofCase:
			return f
		case f.Case == "":
			ordinary = f
		}
	}
	return ordinary
}

// Elsewhere returns what the record of the other side would prove: the pairs
// that a record of which this is known may make with one of that side, but for
// those that say nothing of this one.
func (t *Table) Elsewhere(f *Facts) []*Pair {
	var pairs []*Pair
	for i := range t.Pairs {
		p := &t.Pairs[i]
		this := p.Client
		if f.Side == classify.Server {
			this = p.Server
		}
		if p.Client != nil && p.Server != nil && !this.empty() && this.fits(f) != no {
			pairs = append(pairs, p)
		}
	}
	return pairs
}

// Behind returns what no access log shows and may hide behind a row.
func (t *Table) Behind(r *Row) []*Unseen {
	var hidden []*Unseen
	for i := range t.Unseen {
		if slices.Contains(t.Unseen[i].Near, r.ID) {
			hidden = append(hidden, &t.Unseen[i])
		}
	}
	return hidden
}

// Ranked returns the causes with the named ones first, in the order named, and
// the others after them as they stand. Records may prove more than the table
// can know.
func (f *Finding) Ranked(first ...string) []Cause {
	ranked := make([]Cause, 0, len(f.Causes))
	taken := map[string]bool{}
	for _, id := range first {
		for _, c := range f.Causes {
			if c.ID == id && id != "" && !taken[id] {
				ranked, taken[id] = append(ranked, c), true
			}
		}
	}
	for _, c := range f.Causes {
		if !taken[c.ID] {
			ranked = append(ranked, c)
		}
	}
	return ranked
}
