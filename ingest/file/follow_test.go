package file

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slowpod/slowpod/ingest"
)

// followed is a source that follows a file while a test changes it. It lives
// within synctest: the polls take no real time.
type followed struct {
	t      *testing.T
	name   string
	got    chan line
	done   chan error
	cancel context.CancelFunc
}

// follow runs a test in a bubble with a source that follows a file that begins
// as start. The run must end with nil when it is cancelled.
func follow(t *testing.T, start string, test func(f *followed)) {
	t.Helper()
	name := write(t, start)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		f := &followed{t, name, make(chan line, 1<<20), make(chan error, 1), cancel}
		go func() {
			f.done <- New(name, Options{Follow: true}).Run(ctx, func(_ context.Context, b ingest.Batch) error {
				for _, l := range keep(nil, b.Lines) {
					f.got <- l
				}
				return nil
			})
		}()
		test(f)
		cancel()
		if err := <-f.done; err != nil {
			t.Error(err)
		}
		if len(f.got) > 0 {
			t.Errorf("unexpected line %v", <-f.got)
		}
	})
}

// wants receives the next lines, for as long as that takes in polls.
func (f *followed) wants(want ...line) {
	f.t.Helper()
	for _, w := range want {
		select {
		case got := <-f.got:
			if diff := cmp.Diff(w, got); diff != "" {
				f.t.Fatal("-want +got\n", diff)
			}
		case err := <-f.done:
			f.t.Fatal("the run has ended", err)
		case <-time.After(time.Hour):
			f.t.Fatalf("no line, want %v", w)
		}
	}
}

// settles lets many polls pass in which nothing may come.
func (f *followed) settles() {
	f.t.Helper()
	time.Sleep(100 * pollInterval)
	synctest.Wait()
	if len(f.got) > 0 {
		f.t.Fatalf("unexpected line %v", <-f.got)
	}
}

func (f *followed) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// opens gives a writer that has the file open from now on.
func (f *followed) opens() *os.File {
	f.t.Helper()
	w, err := os.OpenFile(f.name, os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o600)
	f.must(err)
	f.t.Cleanup(func() { w.Close() })
	return w
}

func (f *followed) writes(w *os.File, s string) {
	f.t.Helper()
	_, err := w.WriteString(s)
	f.must(err)
}

func TestFollowGrowing(t *testing.T) {
	follow(t, "a\nb\n", func(f *followed) {
		f.wants(line{1, "a", false}, line{2, "b", false})
		f.settles()
		w := f.opens()
		f.writes(w, "c\n\nd\n")
		f.wants(line{3, "c", false}, line{5, "d", false})
		for i := range 50 {
			f.writes(w, "e\n")
			f.wants(line{int64(6 + i), "e", false})
		}
	})
}

func TestFollowEmpty(t *testing.T) {
	follow(t, "", func(f *followed) {
		f.settles()
		w := f.opens()
		f.writes(w, "\xef\xbb")
		f.settles()
		f.writes(w, "\xbfa\n")
		f.wants(line{1, "a", false})
	})
}

func TestFollowIncompleteLastLineWaits(t *testing.T) {
	follow(t, "a\nb", func(f *followed) {
		f.wants(line{1, "a", false})
		f.settles()
		w := f.opens()
		f.writes(w, "b\r")
		f.settles()
		f.writes(w, "\nc")
		f.wants(line{2, "bb", false})
		f.settles() // and is not handed over when the run is cancelled
	})
}

func TestFollowTooLong(t *testing.T) {
	follow(t, strings.Repeat("x", ingest.MaxLineBytes+1), func(f *followed) {
		f.settles()
		w := f.opens()
		f.writes(w, "x")
		f.wants(line{1, strings.Repeat("x", ingest.MaxLineBytes), true})
		f.writes(w, strings.Repeat("x", 3000))
		f.settles()
		f.writes(w, "x\nb\n")
		f.wants(line{2, "b", false})
	})
}

func TestFollowTruncated(t *testing.T) {
	follow(t, "aaaa\nbbbb\ntorn", func(f *followed) {
		f.wants(line{1, "aaaa", false}, line{2, "bbbb", false})
		w := f.opens()
		f.must(w.Truncate(0))
		f.writes(w, "c\n")
		f.wants(line{3, "torn", false}, line{1, "c", false})
		f.writes(w, "d\n")
		f.wants(line{2, "d", false})
		f.must(w.Truncate(0))
		f.settles()
		f.writes(w, "\xef\xbb\xbfe\n")
		f.wants(line{1, "e", false})
	})
}

func TestFollowRotated(t *testing.T) {
	follow(t, "a\n", func(f *followed) {
		f.wants(line{1, "a", false})
		old := f.opens()
		f.must(os.Rename(f.name, f.name+".1"))
		f.writes(old, "b\n")
		f.wants(line{2, "b", false})
		f.settles() // no file of that name: waits
		f.writes(old, "c\n")
		f.wants(line{3, "c", false})

		w := f.opens()
		f.writes(w, "new\n")
		f.writes(old, "late\n") // the writer has not reopened yet
		f.wants(line{4, "late", false})
		time.Sleep(2 * pollInterval)
		f.writes(old, "later\ntorn")
		f.wants(line{5, "later", false}, line{6, "torn", false}, line{1, "new", false})
		f.writes(w, "newer\n")
		f.wants(line{2, "newer", false})

		f.must(os.Remove(f.name)) // and once more
		f.writes(f.opens(), "third\n")
		f.wants(line{1, "third", false})
	})
}

func TestFollowSymlink(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(dir, "link")
	follow(t, "a\n", func(f *followed) {
		f.wants(line{1, "a", false})
		// What containerd's links do: the name stays, its target is another.
		f.must(os.WriteFile(link+"1", []byte("b\n"), 0o600))
		f.must(os.Symlink(link+"1", link))
		f.must(os.Rename(link, f.name))
		f.wants(line{1, "b", false})
		f.must(os.WriteFile(link+"2", []byte("c\n"), 0o600))
		f.must(os.Symlink(link+"2", link))
		f.must(os.Rename(link, f.name))
		f.wants(line{1, "c", false})
	})
}

func TestFollowCompressedSuccessorEnds(t *testing.T) {
	packed := string(compress(t, gzipFormat, []byte("z\n")))
	name := write(t, "a\n")
	synctest.Test(t, func(t *testing.T) {
		got := make(chan line, 10)
		done := make(chan error, 1)
		go func() {
			done <- New(name, Options{Follow: true}).Run(t.Context(), func(_ context.Context, b ingest.Batch) error {
				got <- keep(nil, b.Lines)[0]
				return nil
			})
		}()
		<-got
		os.Rename(name, name+".1")
		os.WriteFile(name, []byte(packed), 0o600)
		if l := <-got; l.Text != "z" {
			t.Error(l)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestFollowSuccessorThatCannotBeRead(t *testing.T) {
	name := write(t, "a\n")
	synctest.Test(t, func(t *testing.T) {
		done := make(chan error, 1)
		go func() {
			done <- New(name, Options{Follow: true}).Run(t.Context(), func(context.Context, ingest.Batch) error { return nil })
		}()
		synctest.Wait()
		os.Remove(name)
		time.Sleep(time.Minute)
		os.Mkdir(name, 0o700)
		begin := time.Now()
		if err := <-done; err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Error(err)
		}
		if waited := time.Since(begin); waited < 5*time.Second || waited > 20*time.Second {
			t.Error("gave up after", waited)
		}
	})
}

func TestFollowHandlerThatComplainsAboutTheEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	err := New(write(t, "a\n"), Options{Follow: true}).Run(ctx, func(ctx context.Context, _ ingest.Batch) error {
		cancel()
		return ctx.Err()
	})
	if err != nil {
		t.Error(err)
	}
}
