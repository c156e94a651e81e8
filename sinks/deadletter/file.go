package deadletter

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"sync"
	"unicode/utf8"

	"github.com/slowpod/slowpod/sinks/report"
	"github.com/slowpod/slowpod/sinks/spool"
)

// row is a letter as a line of JSON. What is unknown is null.
type row struct {
	Reason string `json:"reason"`
	File   string `json:"file"`
	Line   int64  `json:"line"`
	Byte   int    `json:"byte"`
	Cut    bool   `json:"cut"`
	// One of the two: Text where the line is UTF-8, else Base64, so that every
	// byte survives.
	Text   *string `json:"text"`
	Base64 []byte  `json:"base64"`
}

// output takes lines: a buffer, or a spool.Spool.
type output interface {
	io.Writer
	Flush() error
}

// File writes each letter as one line of JSON. It may be used by several
// goroutines at once. It keeps the first error of a write and writes nothing after
// it; a Spool has none.
type File struct {
	mu   sync.Mutex
	out  output
	line bytes.Buffer
	json *json.Encoder // to line
	err  error
}

// NewFile returns a File to w that fails as w does.
func NewFile(w io.Writer) *File { return newFile(bufio.NewWriterSize(w, 64<<10)) }

// NewSpooled returns a File to a Spool.
func NewSpooled(s *spool.Spool) *File { return newFile(s) }

func newFile(out output) *File {
	f := &File{out: out}
	f.json = json.NewEncoder(&f.line)
	f.json.SetEscapeHTML(false)
	return f
}

// keepBytes is how much memory is kept for the next letter.
const keepBytes = 64 << 10

// Put writes a letter.
func (f *File) Put(l Letter) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return
	}
	r := row{Reason: l.Reason, File: l.File, Line: l.Line, Byte: l.Byte, Cut: l.Cut}
	if utf8.Valid(l.Text) {
		s := string(l.Text)
		r.Text = &s
	} else {
		r.Base64 = l.Text
	}
	if f.err = f.json.Encode(r); f.err == nil {
		_, f.err = f.out.Write(report.SafeJSON(f.line.Bytes()))
	}
	f.line.Reset()
	if f.line.Cap() > keepBytes {
		f.line = bytes.Buffer{}
	}
}

// Flush writes out what is buffered. Its error is the first that there was; that
// of a Spool is of now.
func (f *File) Flush() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return f.err
	}
	return f.out.Flush()
}
