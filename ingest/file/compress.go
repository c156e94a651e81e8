package file

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// ErrCutShort is wrapped by the error of a run over a compressed file that ends
// too early or is damaged. Everything that could be decompressed has been
// handed over by then; zstd gives nothing of a block that is not complete.
var ErrCutShort = errors.New("compressed input is incomplete or damaged, fetch it again")

// format is how an input is compressed, by the name that users know.
type format string

const (
	plain      format = ""
	gzipFormat format = "gzip"
	zstdFormat format = "zstd"
)

const (
	// magicBytes is how many first bytes tell the formats apart.
	magicBytes = 4

	// maxWindow is the largest zstd window, and so the memory, that a file may
	// ask for. It is the limit of the zstd tool unless it is given --long.
	maxWindow = 128 << 20

	// compressedBytes is how much is read of a compressed input at once.
	compressedBytes = 64 << 10
)

var (
	gzipMagic = []byte{0x1f, 0x8b}
	zstdMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}
	// skippable begins a frame that holds no data, which some zstd tools put
	// first; the low half of its first byte is free.
	skippable = []byte{0x50, 0x2a, 0x4d, 0x18}
)

// recognise tells the format by the first bytes. While it is not sure, what it
// returns holds if nothing follows: the first two bytes of gzip or zstd are not
// the beginning of a text.
func recognise(head []byte) (f format, sure bool) {
	n := len(head)
	switch {
	case bytes.HasPrefix(head, gzipMagic):
		return gzipFormat, true
	case n >= 2 && bytes.HasPrefix(zstdMagic, head):
		return zstdFormat, n == magicBytes
	case n == magicBytes && isSkippable(head):
		return zstdFormat, true
	case n == magicBytes:
		return plain, true
	}
	return plain, n > 0 && head[0] != gzipMagic[0] && head[0] != zstdMagic[0] && !isSkippable(head)
}

// isSkippable says whether head, at most magicBytes long, is or can become the
// beginning of a skippable frame.
func isSkippable(head []byte) bool {
	for i, c := range head {
		if i == 0 {
			c &= 0xf0
		}
		if c != skippable[i] {
			return false
		}
	}
	return true
}

// decode returns what in holds once decompressed, and how to let go of it.
func (f format) decode(in io.Reader) (r io.Reader, free func(), err error) {
	switch f {
	case gzipFormat:
		z, err := gzip.NewReader(bufio.NewReaderSize(in, compressedBytes))
		if err != nil {
			return nil, nil, err
		}
		return fullReader{z}, func() { _ = z.Close() }, nil
	case zstdFormat:
		// Decompressing in the goroutine that reads: workers are the caller's
		// business, and so nothing is left behind after a damaged frame.
		z, err := zstd.NewReader(bufio.NewReaderSize(in, compressedBytes),
			zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, nil, err
		}
		return fullReader{z}, z.Close, nil
	}
	return in, func() {}, nil
}

// damaged says what end, an error of a decompressor, means for the user.
func damaged(name string, f format, lines int64, end error) error {
	if name == stdinName {
		name = "stdin"
	}
	after := strconv.FormatInt(lines, 10) + " lines"
	if lines == 1 {
		after = "1 line"
	}
	switch {
	case errors.Is(end, zstd.ErrWindowSizeExceeded), errors.Is(end, zstd.ErrDecoderSizeExceeded):
		return fmt.Errorf("%s: zstd window is larger than %d MiB, compress it again without --long: %w",
			name, maxWindow>>20, end)
	case errors.Is(end, io.ErrUnexpectedEOF), errors.Is(end, io.EOF):
		return fmt.Errorf("%s: %s stream is cut short after %s: %w", name, f, after, ErrCutShort)
	}
	return fmt.Errorf("%s: %s stream is damaged after %s (%w): %w", name, f, after, end, ErrCutShort)
}

// fullReader reads until p is full: decompressors bring little at a time, and
// no one waits for the lines of a file that is complete.
type fullReader struct{ r io.Reader }

func (f fullReader) Read(p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var m int
		m, err = f.r.Read(p[n:])
		n += m
	}
	return n, err
}
