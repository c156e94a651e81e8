package file

import (
	"bytes"
	"io"

	"github.com/slowpod/slowpod/ingest"
)

const (
	// maxBatchLines bounds the memory for the lines of a batch, which would
	// otherwise be twenty times that of a file of nearly empty lines.
	maxBatchLines = 4096

	// maxEmptyReads is how often a reader may bring nothing before it is held
	// to be broken.
	maxEmptyReads = 100
)

// utf8BOM is what some editors and shells write before the first line.
var utf8BOM = []byte("\xef\xbb\xbf")

// splitter cuts what it reads into lines, in one buffer that is used again and
// again. Where one read ends and the next begins leaves no mark on the lines.
//
// A line ends with \n or \r\n. One longer than maxLine is given out with its
// beginning as soon as it is known to be, and skipped to its end without being
// kept. One of nothing but white space is counted and not given out.
type splitter struct {
	readBytes, maxLine int

	memory // lines is what was given out last
	// buf[start:end] has been read and not given out; there is no line end in
	// buf[start:scan].
	start, scan, end int

	begun    bool  // past the place of a byte-order mark
	skipping bool  // in the rest of a line that was cut
	number   int64 // lines so far
}

// memory is what a splitter reads into, and where it lists the lines in that.
type memory struct {
	buf   []byte
	lines []ingest.Line
}

func newMemory(readBytes int) memory {
	return memory{make([]byte, readBytes), make([]ingest.Line, 0, min(maxBatchLines, 1+readBytes/256))}
}

func newSplitter(readBytes, maxLine int) *splitter {
	return &splitter{
		readBytes: readBytes,
		maxLine:   maxLine,
		memory:    newMemory(readBytes),
	}
}

// restart forgets everything but the memory: a new file begins.
func (s *splitter) restart() {
	s.start, s.scan, s.end = 0, 0, 0
	s.begun, s.skipping, s.number = false, false, 0
}

// swap lets go of the memory in which the lines given out last live, and goes on
// in m. What has been read and not given out goes along: less than a line, but
// after a batch of maxBatchLines.
func (s *splitter) swap(m memory) (given memory) {
	rest := s.buf[s.start:s.end]
	if len(m.buf) < len(rest) {
		m.buf = make([]byte, len(s.buf))
	}
	copy(m.buf, rest)
	s.scan -= s.start
	s.end -= s.start
	s.start = 0
	given, s.memory = s.memory, m
	return given
}

// fill reads once from r, and with that takes back the lines given out before.
// The lines in what was read are due even if there is an error.
func (s *splitter) fill(r io.Reader) error {
	s.makeRoom()
	room := s.buf[s.end:min(len(s.buf), s.end+s.readBytes)]
	for range maxEmptyReads {
		n, err := r.Read(room)
		s.end += n
		if n > 0 || err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

// makeRoom moves the incomplete line to the front, and doubles the buffer while
// that line takes more than half of it. As next has cut a line of maxLine+2
// bytes, there is room left at the limit, too.
func (s *splitter) makeRoom() {
	if s.start > 0 {
		copy(s.buf, s.buf[s.start:s.end])
		s.scan -= s.start
		s.end -= s.start
		s.start = 0
	}
	limit := max(s.readBytes, s.maxLine+3)
	if s.end > len(s.buf)/2 && len(s.buf) < limit {
		buf := make([]byte, min(2*len(s.buf)+1, limit))
		copy(buf, s.buf[:s.end])
		s.buf = buf
	}
}

// next returns some of the complete lines that have been read, or none when
// more has to be read. They are good until the next call of any method.
func (s *splitter) next() []ingest.Line {
	s.lines = s.lines[:0]
	if !s.begun && !s.begin() {
		return nil
	}
	for len(s.lines) < maxBatchLines {
		i := bytes.IndexByte(s.buf[s.scan:s.end], '\n')
		if i < 0 {
			s.incomplete()
			break
		}
		line := s.buf[s.start : s.scan+i]
		s.scan += i + 1
		s.start = s.scan
		if s.skipping {
			s.skipping = false
			continue
		}
		s.add(line)
	}
	return s.lines
}

// rest returns the last line, which has no line end, if there is one.
func (s *splitter) rest() []ingest.Line {
	s.lines = s.lines[:0]
	line := s.buf[s.start:s.end]
	s.start, s.scan = s.end, s.end
	if len(line) > 0 && !s.skipping {
		s.add(line)
	}
	s.begun, s.skipping = true, false
	return s.lines
}

// begin drops the byte-order mark; false says that it may not be complete.
func (s *splitter) begin() bool {
	head := s.buf[s.start:s.end]
	if len(head) < len(utf8BOM) && bytes.HasPrefix(utf8BOM, head) {
		return false
	}
	if bytes.HasPrefix(head, utf8BOM) {
		s.start += len(utf8BOM)
		s.scan = s.start
	}
	s.begun = true
	return true
}

// incomplete looks after a line whose end has not been read. Two bytes more
// than maxLine are proof that it is too long, for one can be the \r of its end.
func (s *splitter) incomplete() {
	s.scan = s.end
	if !s.skipping && s.end-s.start >= s.maxLine+2 {
		s.add(s.buf[s.start:s.end])
		s.skipping = true
	}
	if s.skipping {
		s.start = s.end
	}
}

// add counts a line and appends it unless it is blank. A line that is cut is
// never blank: nobody has looked at the rest of it.
func (s *splitter) add(line []byte) {
	s.number++
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	cut := len(line) > s.maxLine
	if cut {
		line = line[:s.maxLine]
	} else if blank(line) {
		return
	}
	s.lines = append(s.lines, ingest.Line{Bytes: line, Number: s.number, Cut: cut})
}

func blank(line []byte) bool {
	for _, c := range line {
		if c != ' ' && (c < '\t' || c > '\r') {
			return false
		}
	}
	return true
}
