// Package process runs programs for benchmarks and measures them from outside:
// what the kernel has charged them for. It tells that of its own process, too.
//
// It knows processes, and how slowpod is built, started and asked. It must never
// know what is compared with what.
package process

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Usage is what a process has cost from its start to its end.
type Usage struct {
	CPU  time.Duration // user and system, of waited-for children, too
	Wall time.Duration
	Peak int64 // bytes of resident memory at most; of the process alone
}

// Build compiles commands of this module into dir, each under its own name.
// Packages are named from the module's root, as ./cmd/slowpod; the root is where
// the program is started, or above it.
func Build(ctx context.Context, dir string, packages ...string) error {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return fmt.Errorf("the module's root is not found: %w", err)
	}
	cmd := exec.CommandContext(ctx, "go", append([]string{"build", "-trimpath", "-o", dir + string(filepath.Separator)}, packages...)...)
	cmd.Dir = strings.TrimSpace(string(out))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	return nil
}

// Run runs a command to its end. An error holds the end of what it said on
// standard error, unless that is redirected.
func Run(cmd *exec.Cmd) (Usage, error) {
	p, err := Start(cmd)
	if err != nil {
		return Usage{}, err
	}
	return p.Wait()
}

// A Process is one that was started and not waited for.
type Process struct {
	cmd   *exec.Cmd
	said  bytes.Buffer
	gone  chan struct{} // closed when it has ended
	usage Usage
	err   error
}

// Start starts a command. It dies with this program.
func Start(cmd *exec.Cmd) (*Process, error) {
	p := &Process{cmd: cmd, gone: make(chan struct{})}
	if cmd.Stderr == nil {
		cmd.Stderr = &p.said
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	own := peakOf("self") // not before: to start a child takes memory, too
	go func() {
		ended, seen := make(chan struct{}), make(chan int64)
		go func() { seen <- p.watch(ended) }()
		err := cmd.Wait()
		p.usage.Wall = time.Since(began)
		close(ended)
		p.measure(own, <-seen)
		p.err = p.explain(err)
		close(p.gone)
	}()
	return p, nil
}

// watch returns how much memory the process had at most when it last looked.
func (p *Process) watch(ended <-chan struct{}) (peak int64) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ended:
			return peak
		case <-tick.C:
			peak = max(peak, peakOf(strconv.Itoa(p.cmd.Process.Pid)))
		}
	}
}

// countsBy is by how much the kernel may be wrong where it counts memory: it
// counts on each processor by itself.
const countsBy = 1 << 20

// measure reads what the kernel has kept. Of memory that is not less than what
// this program had: a child begins in its parent's memory (exec_mmap in Linux'
// fs/exec.c), so below that only what was seen counts.
func (p *Process) measure(own, seen int64) {
	s := p.cmd.ProcessState
	p.usage.CPU = s.UserTime() + s.SystemTime()
	p.usage.Peak = seen
	if r, ok := s.SysUsage().(*syscall.Rusage); ok && r.Maxrss<<10 > own+countsBy {
		p.usage.Peak = r.Maxrss << 10
	}
}

func (p *Process) explain(err error) error {
	if err == nil {
		return nil
	}
	said := bytes.TrimSpace(p.said.Bytes())
	if n := len(said) - 2000; n > 0 {
		said = said[n:]
	}
	return fmt.Errorf("%s: %w\n%s", filepath.Base(p.cmd.Path), err, said)
}

// Own is what the kernel has charged this process for, up to now.
func Own() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // which cannot fail
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// Gone is closed when the process has ended.
func (p *Process) Gone() <-chan struct{} { return p.gone }

// Wait waits for its end.
func (p *Process) Wait() (Usage, error) {
	<-p.gone
	return p.usage, p.err
}

// Stop asks it to end, and waits.
func (p *Process) Stop() (Usage, error) {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	return p.Wait()
}

// Resident is how much memory the process has right now, in bytes; 0 when it
// has ended.
func (p *Process) Resident() int64 { return memory(strconv.Itoa(p.cmd.Process.Pid), "VmRSS:") }

func peakOf(pid string) int64 { return memory(pid, "VmHWM:") }

// memory reads a line of /proc/PID/status.
func memory(pid, name string) int64 {
	b, err := os.ReadFile("/proc/" + pid + "/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(b), name)
	kib, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	n, _ := strconv.ParseInt(kib, 10, 64) // 0 of a zombie, which has none
	return n << 10
}
