package process_test

import (
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/slowpod/slowpod/bench/process"
)

// The shell's own time is little: what is counted is its children's.
func TestUsageIsThatOfChildrenToo(t *testing.T) {
	u, err := process.Run(exec.Command("sh", "-c", "head -c 200000000 /dev/zero | cat | wc -c"))
	if err != nil {
		t.Fatal(err)
	}
	alone, err := process.Run(exec.Command("sh", "-c", "true"))
	if err != nil || u.CPU < 3*alone.CPU || u.Wall <= 0 {
		t.Errorf("%+v for 200 MB through a pipe, %+v for nothing, %v", u, alone, err)
	}
}

// What this program has itself must not be taken for a child's.
func TestPeakIsTheChilds(t *testing.T) {
	held := make([]byte, 300<<20)
	for i := 0; i < len(held); i += 4096 {
		held[i] = 1
	}
	p, err := process.Start(exec.Command("cat"))
	if err != nil {
		t.Fatal(err)
	}
	u, _ := p.Stop()
	if u.Peak > 100<<20 || held[4096] != 1 {
		t.Errorf("cat has had %d MiB", u.Peak>>20)
	}
	// dd reads all of its block before it writes it, and has it until all of it
	// is taken; the kernel counts roughly.
	dd := exec.Command("dd", "if=/dev/zero", "bs=600M", "count=1")
	dd.Stdout = struct{ io.Writer }{io.Discard}
	u, err = process.Run(dd)
	if err != nil || u.Peak < 550<<20 {
		t.Errorf("dd has had %d MiB of 600, %v", u.Peak>>20, err)
	}
}

func TestAFailureSaysWhatTheProgramSaid(t *testing.T) {
	_, err := process.Run(exec.Command("sh", "-c", "echo no such thing >&2; exit 3"))
	if err == nil || !strings.Contains(err.Error(), "exit status 3") || !strings.Contains(err.Error(), "no such thing") {
		t.Error(err)
	}
}

func TestBuildAndRunSlowpod(t *testing.T) {
	dir := t.TempDir()
	if err := process.Build(t.Context(), dir, "./cmd/slowpod"); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(dir + "/slowpod")
	cmd.Stdin = strings.NewReader("not an entry\n")
	d, err := process.StartDaemon(cmd, "-")
	if err != nil {
		t.Fatal(err)
	}
	var foreign float64
	for foreign == 0 {
		select {
		case <-d.Gone():
			_, err := d.Wait()
			t.Fatal("it has ended:", err)
		default:
		}
		if m, err := d.Scrape(t.Context()); err == nil && m.Bytes > 0 && d.Resident() > 1<<20 {
			foreign = m.Sum("slowpod_lines_total", "result")["foreign"]
		}
	}
	if u, err := d.Stop(); foreign != 1 || err != nil || u.CPU <= 0 || u.Peak < 1<<20 {
		t.Errorf("%v lines, %+v, %v", foreign, u, err)
	}
}
