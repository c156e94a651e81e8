// Package ingest names what every source hands on: a batch of lines.
//
// It knows what a line is and how long its bytes live. It must never know what
// a line says, nor where the batch goes.
package ingest

// MaxLineBytes is the longest line that is read whole. A longer one is handed
// on with Cut set and counts as malformed, reason too_long.
const MaxLineBytes = 1 << 20

// Line is one line as it came, without its line end.
type Line struct {
	// Bytes are borrowed: valid until the handler of the batch returns.
	Bytes []byte
	// Number is the line's place in its stream: the line number in a file
	// (from 1, blank lines counted).
	Number int64
	// Cut says that the line was longer than MaxLineBytes and that Bytes
	// holds only its beginning.
	Cut bool
}

// Batch is some lines of one stream in the order in which they were written.
type Batch struct {
	// Source is the kind of source, a metric label: "file", "stdin" or "demo".
	Source string
	// Stream names the file as the user did; "-" is stdin.
	Stream string
	// Number is the place among the batches of a file, from 0: several handlers
	// can share one, see file.Source.RunParallel.
	Number int64
	// Lines are borrowed: valid until the handler returns.
	Lines []Line
	// Replay says that these are lines that were acknowledged before: they
	// feed the join only, never counters or slices.
	Replay bool
}
