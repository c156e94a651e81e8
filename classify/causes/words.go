package causes

import "github.com/slowpod/slowpod/classify"

// The fields of records in which words stand, as metrics and reports name them.
const (
	FlagField        = "flag"
	DetailsField     = "details"
	ResetReasonField = "reset_reason" // in the braces of the details
	FailureField     = "transport_failure_reason"
)

// Word is something that a record says beside its numbers, and what it means.
type Word struct {
	Field string
	// Text is the word as it came, from a log: escape it before it is shown.
	Text string
	// Means is "" where the table does not know the word.
	Means string
}

// Words returns the words of a record, in the order of its fields. Those that
// the table does not know are there too, verbatim: they are never guessed.
// flags is the text that f.Flags was read from.
func (t *Table) Words(f *Facts, flags []byte) []Word {
	var words []Word
	f.Flags.Each(func(flag classify.Flag) {
		words = append(words, Word{FlagField, flag.String(), t.Flags[flag].Means})
	})
	classify.EachCustom(flags, func(name []byte) {
		words = append(words, Word{Field: FlagField, Text: string(name)})
	})
	t.each(f.Details, f.Reason, func(field string, text []byte, means string) {
		words = append(words, Word{field, string(text), means})
	})
	return words
}

// EachUnknown calls f with each word of a record's details and transport
// failure reason that the table does not know, verbatim and borrowed. It
// allocates nothing.
func (t *Table) EachUnknown(details, reason []byte, f func(field string, text []byte)) {
	if reason == nil && (details == nil || string(details) == "via_upstream") {
		return // nearly all records
	}
	t.each(details, reason, func(field string, text []byte, means string) {
		if means == "" {
			f(field, text)
		}
	})
}

func (t *Table) each(details, reason []byte, f func(field string, text []byte, means string)) {
	if reset, ok := resetReason(details); ok {
		f(ResetReasonField, reset, t.resets.meaning(reset))
	} else if details != nil {
		f(DetailsField, details, t.details.meaning(details))
	}
	if reason != nil {
		f(FailureField, reason, t.reasons.meaning(reason))
	}
}

// glossary finds what a word means: those that stand in the table as they are
// at once, since nearly all halves carry one.
type glossary struct {
	exact map[string]string
	terms []Term
}

func newGlossary(terms []Term) glossary {
	g := glossary{exact: map[string]string{}, terms: terms}
	for _, term := range terms {
		for _, p := range term.Is {
			if !p.front && !p.back {
				g.exact[p.text] = term.Means
			}
		}
	}
	return g
}

// meaning returns what a word means; "" where it is not known.
func (g *glossary) meaning(text []byte) string {
	if means, ok := g.exact[string(text)]; ok {
		return means
	}
	for i := range g.terms {
		if anyFits(g.terms[i].Is, text) {
			return g.terms[i].Means
		}
	}
	return ""
}
