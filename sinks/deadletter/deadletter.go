// Package deadletter keeps malformed lines, with the reason and where they stood:
// in a file or in a Kafka topic.
//
// It knows how a letter is written. It must never know why a line is malformed,
// nor what becomes of one that is none.
package deadletter

// Letter is one malformed line. Whoever takes it copies what it keeps.
type Letter struct {
	// Reason is accesslog.Reason by its name.
	Reason string
	// File and Line say where it stood: a file, "-" for stdin, and the line
	// number from 1; from Kafka topic/partition and the offset.
	File string
	Line int64
	// Byte is the first byte of the line, from 0, at which it cannot be read.
	Byte int
	// Cut says that the line was longer than ingest.MaxLineBytes and that Text
	// is only its begin.
	Cut bool
	// Text is the line as it came, without its line end: any bytes.
	Text []byte
}
