package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/slowpod/slowpod/bench/workload"
)

// corpus is a log in a file, and what the programs that have read it say of it.
type corpus struct {
	name  string
	make  func(workload.CorpusOptions) *workload.Generator
	twist workload.Twist // nil: as they are
	lines int

	file   string
	bytes  int64
	agreed tally
	by     string // who said so first
}

// write makes the file.
func (c *corpus) write(ctx context.Context, dir string) (err error) {
	c.file = filepath.Join(dir, strings.ReplaceAll(c.name, " ", "-")+".log")
	f, err := os.Create(c.file)
	if err != nil {
		return err
	}
	defer func() {
		if e := f.Close(); err == nil {
			err = e
		}
	}()
	w := bufio.NewWriterSize(f, 256<<10)
	g := c.make(workload.CorpusOptions{Options: workload.Options{Lines: c.lines}})
	var buf []byte
	for l := (workload.Line{}); ctx.Err() == nil && g.Next(&l); {
		if buf = append(buf[:0], l.Bytes...); c.twist != nil {
			buf = c.twist(buf[:0], l.Bytes)
		}
		buf = append(buf, '\n')
		if _, err := w.Write(buf); err != nil {
			return err
		}
		c.bytes += int64(len(buf))
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return w.Flush()
}

// agree compares what a program has counted with what others have, and with
// how many lines there are.
func (c *corpus) agree(who string, t tally) error {
	if n, ok := t[allLines]; ok && n != c.lines {
		return fmt.Errorf("%s counts %d of %d lines of %s", who, n, c.lines, c.name)
	}
	if c.agreed == nil {
		if _, ok := t[allLines]; ok { // who counts some of them only, is compared, and nobody with it
			c.agreed, c.by = t, who
		}
		return nil
	}
	if what, ok := t.within(c.agreed); !ok {
		return fmt.Errorf("%s: %s counts %s %d times, %s %d times", c.name, who, what, t[what], c.by, c.agreed[what])
	}
	if _, ok := t[allLines]; ok {
		if what, ok := c.agreed.within(t); !ok {
			return fmt.Errorf("%s: %s counts %s %d times, %s %d times", c.name, who, what, t[what], c.by, c.agreed[what])
		}
	}
	return nil
}
