package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/slowpod/slowpod/bench/workload"
)

// TestMain makes this binary the command itself, too: started under the name
// slowpod it runs main.
func TestMain(m *testing.M) {
	// Parallel tests mostly wait: for files to be polled, for streams to have
	// been silent long enough. -parallel on the command line still wins.
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	testscript.Main(m, map[string]func(){"slowpod": main})
}

// TestScripts are what a person types, and what the command answers.
//
// Beside testscript's own commands they have
//
//	exits CODE slowpod ARGS...
//
// and beside its variables $CONFIGS, the shipped configuration, and $LOGS, a
// directory with the files that writeLogs makes.
func TestScripts(t *testing.T) {
	t.Parallel()
	logs := t.TempDir()
	writeLogs(t, logs)
	configs, err := filepath.Abs("../../configs")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		ContinueOnError:     true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("CONFIGS", configs)
			env.Setenv("LOGS", logs)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
	})
}

// exits runs a command and demands its exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND ARGS...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		failed, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = failed.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// writeLogs writes good and bad logs:
//
//	gateway.log, pods.log   two minutes of a mesh with a slow pod, by who wrote them
//	cut.log                 pods.log, ending in the middle of a line
//	cut.log.gz              pods.log compressed, of which half is there
//	random.bin              bytes that are nothing
//	long.log                gateway.log with a line of 10 MB in its middle
//	blank.log, empty.log    lines of nothing but white space; not even these
func writeLogs(t *testing.T, dir string) {
	t.Helper()
	write := func(name string, b []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	log := catalog(workload.CatalogOptions{Options: workload.Options{Duration: twoMinutes}})
	gateway, pods := log.of(workload.ClientSide), log.of(workload.ServerSide)
	write("gateway.log", gateway.bytes())
	write("pods.log", pods.bytes())
	write("cut.log", pods.bytes()[:len(pods.bytes())-100])
	packed := gzipped(t, pods.bytes())
	write("cut.log.gz", packed[:len(packed)/2])
	write("random.bin", noise(100_000))
	half := len(gateway.lines) / 2
	write("long.log", bytes.Join([][]byte{
		gateway.part(0, half).bytes(), bytes.Repeat([]byte("a"), 10_000_000), {'\n'},
		gateway.part(half, len(gateway.lines)).bytes(),
	}, nil))
	write("blank.log", []byte("\n\n  \n\t\r\n"))
	write("empty.log", nil)
}

// answer is how a command ended.
type answer struct {
	code           int
	stdout, stderr string
}

// slowpod runs a command in this process, with nothing on stdin.
func slowpod(t *testing.T, args ...string) answer {
	t.Helper()
	return slowpodOn(t, strings.NewReader(""), args...)
}

func slowpodOn(t *testing.T, stdin io.Reader, args ...string) answer {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), args, console{stdin, &stdout, &stderr})
	return answer{code, stdout.String(), stderr.String()}
}

// fine runs a command that must end with 0 and returns what it printed.
func fine(t *testing.T, args ...string) string {
	t.Helper()
	a := slowpod(t, args...)
	if a.code != exitFine {
		t.Fatalf("slowpod %s: exit code %d\n%s", strings.Join(args, " "), a.code, a.stderr)
	}
	return a.stdout
}

// process is a slowpod of its own.
type process struct {
	*exec.Cmd
	stdout, stderr buffer
}

// startProcess starts a slowpod that is killed at the end of the test if it is
// still there.
func startProcess(t *testing.T, args ...string) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := &process{Cmd: exec.CommandContext(ctx, self, args...)}
	p.Args[0] = "slowpod"
	p.Stdout, p.Stderr = &p.stdout, &p.stderr
	if err := p.Start(); err != nil {
		cancel()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		if p.ProcessState == nil {
			_ = p.Wait() // killed
		}
	})
	return p
}

// buffer is written by a command and read by its test at the same time.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
