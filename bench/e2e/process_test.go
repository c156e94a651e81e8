//go:build e2e

package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// process is a server that a test started. It ends with the test at the latest,
// and even with the test's own process.
type process struct {
	t    testing.TB
	name string
	log  string // file with all that it printed
	cmd  *exec.Cmd
	gone chan struct{} // closed when it has ended
	ends string        // how
}

// launch starts a program; its working directory is dir.
func launch(t testing.TB, name, dir, program string, args ...string) *process {
	t.Helper()
	log, err := os.CreateTemp(t.TempDir(), name+"-*.log")
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	p := &process{t: t, name: name, log: log.Name(), cmd: exec.Command(program, args...), gone: make(chan struct{})}
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = dir, log, log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	go func() {
		_ = p.cmd.Wait()
		p.ends = p.cmd.ProcessState.String()
		close(p.gone)
	}()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the end of the log of %s:\n%s", name, tail(p.log, 60))
		}
		p.end(syscall.SIGTERM)
	})
	return p
}

// end signals the process and waits until it is gone; one that does not go in
// time is killed and a failure. It may be gone already.
func (p *process) end(signal os.Signal) {
	p.t.Helper()
	_ = p.cmd.Process.Signal(signal)
	select {
	case <-p.gone:
	case <-time.After(patience):
		_ = p.cmd.Process.Kill()
		<-p.gone
		p.t.Errorf("%s was still there %v after %v", p.name, patience, signal)
	}
}

// dead returns how the process ended, if it did.
func (p *process) dead() error {
	select {
	case <-p.gone:
		return fmt.Errorf("%s has ended: %s\n%s", p.name, p.ends, tail(p.log, 20))
	default:
		return nil
	}
}

// says waits until the process prints a text.
func (p *process) says(text string) {
	p.t.Helper()
	eventually(p.t, p.name+" prints "+text, func() error {
		if err := p.dead(); err != nil {
			return stop{err}
		}
		b, err := os.ReadFile(p.log)
		if err == nil && !bytes.Contains(b, []byte(text)) {
			err = errors.New("not yet")
		}
		return err
	})
}

// answers waits until a URL of the process is answered with 200.
func (p *process) answers(url string) {
	p.t.Helper()
	eventually(p.t, p.name+" answers "+url, func() error {
		if err := p.dead(); err != nil {
			return stop{err}
		}
		_, err := get(url)
		return err
	})
}

// stop is an error that waiting does not mend.
type stop struct{ error }

// patience is how long something may take that is a matter of moments on a
// machine with nothing else to do.
const patience = 3 * time.Minute

// eventually asks until there is no error any more, and fails the test when
// there still is one after all this time.
func eventually(t testing.TB, what string, check func() error) {
	t.Helper()
	begin := time.Now()
	for {
		err := check()
		if err == nil {
			if took := time.Since(begin); took > time.Second {
				t.Logf("%5.1f s until: %s", took.Seconds(), what)
			}
			return
		}
		var final stop
		if errors.As(err, &final) || time.Since(begin) > patience {
			t.Fatalf("not within %.0f s: %s: %v", time.Since(begin).Seconds(), what, err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

var client = &http.Client{Timeout: 10 * time.Second}

func get(url string) ([]byte, error) {
	r, err := client.Get(url)
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err == nil && r.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s %s", url, r.Status, b)
	}
	return b, err
}

// freeAddress is a loopback address that nobody listens on right now.
func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func tail(file string, n int) string {
	b, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimRight(string(b), "\n"), "\n")
	return strings.Join(lines[max(len(lines)-n, 0):], "\n")
}

// write makes a file in a directory of the test and returns its name.
func write(t testing.TB, dir, name, content string) string {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
