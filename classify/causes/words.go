package causes

import "github.com/slowpod/slowpod/classify"

// Word is something that a record says beside its numbers, and what it means.
type Word struct {
	// Field is "flag", "details", "reset reason" or "transport failure reason".
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
		words = append(words, Word{"flag", flag.String(), t.Flags[flag].Means})
	})
	classify.EachCustom(flags, func(name []byte) {
		words = append(words, Word{Field: "flag", Text: string(name)})
	})
	if reset, ok := resetReason(f.Details); ok {
		words = append(words, Word{"reset reason", string(reset), meaning(t.Resets, reset)})
	} else if f.Details != nil {
		words = append(words, Word{"details", string(f.Details), meaning(t.Details, f.Details)})
	}
	if f.Reason != nil {
		words = append(words, Word{"transport failure reason", string(f.Reason), meaning(t.Reasons, f.Reason)})
	}
	return words
}

func meaning(terms []Term, text []byte) string {
	for i := range terms {
		if anyFits(terms[i].Is, text) {
			return terms[i].Means
		}
	}
	return ""
}
