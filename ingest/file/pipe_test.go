//go:build unix

package file

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/slowpod/slowpod/ingest"
)

func TestPipe(t *testing.T) {
	name := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Skip(err)
	}
	if _, ok := Size(name); ok {
		t.Error("a pipe has a size")
	}
	run := func(ctx context.Context) (got chan string, done chan error) {
		got, done = make(chan string, 10), make(chan error)
		go func() {
			done <- New(name, Options{}).Run(ctx, func(_ context.Context, b ingest.Batch) error {
				for _, l := range b.Lines {
					got <- string(l.Bytes)
				}
				return nil
			})
		}()
		return got, done
	}

	got, done := run(t.Context())
	w, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(w, "a\nb")
	if l := <-got; l != "a" {
		t.Error(l)
	}
	w.Close()
	if err := <-done; err != nil || <-got != "b" {
		t.Error(err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	got, done = run(ctx)
	if w, err = os.OpenFile(name, os.O_WRONLY, 0); err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	io.WriteString(w, "a\nb")
	<-got
	cancel()
	if err := <-done; err != context.Canceled {
		t.Error(err)
	}
}
