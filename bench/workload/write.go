package workload

import (
	"bufio"
	"errors"
	"io"
	"os"
	"path/filepath"
)

// WriteTo writes all the lines that are left, each with a newline.
func (g *Generator) WriteTo(w io.Writer) (int64, error) {
	b := bufio.NewWriterSize(w, 256<<10)
	var n int64
	for l := (Line{}); g.Next(&l); {
		if err := writeLine(b, &l); err != nil {
			return n, err
		}
		n += int64(len(l.Bytes)) + 1
	}
	return n, b.Flush()
}

// WriteFiles writes all the lines that are left into a file for each pod, as
// kubectl logs of every pod would: dir/NAMESPACE_POD.log. The directory is made
// if need be; files of these names are replaced. A pod without lines has none.
func (g *Generator) WriteFiles(dir string) (err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	type file struct {
		*os.File
		*bufio.Writer
	}
	files := make([]*file, len(g.world.pods))
	defer func() {
		for _, f := range files {
			if f != nil {
				err = errors.Join(err, f.Flush(), f.Close())
			}
		}
	}()
	for l := (Line{}); g.Next(&l); {
		f := files[l.Pod.index]
		if f == nil {
			created, err := os.Create(filepath.Join(dir, l.Pod.Namespace+"_"+l.Pod.Name+".log"))
			if err != nil {
				return err
			}
			f = &file{created, bufio.NewWriterSize(created, 16<<10)}
			files[l.Pod.index] = f
		}
		if err := writeLine(f.Writer, &l); err != nil {
			return err
		}
	}
	return nil
}

// writeLine appends a newline without touching the borrowed bytes.
func writeLine(w *bufio.Writer, l *Line) error {
	if _, err := w.Write(l.Bytes); err != nil {
		return err
	}
	return w.WriteByte('\n')
}
