// Command soak has one slowpod run on a large fleet for long, scraped as
// Prometheus would, and looks at its memory from outside.
//
// It knows what the fleet is like and the limits. It must never know what
// slowpod keeps.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/slowpod/slowpod/bench/process"
	"github.com/slowpod/slowpod/bench/workload"
)

const about = `Gives slowpod run the lines of 1,000 services of ten pods each, one pod in a hundred slow and nothing else wrong, through a pipe as fast as it takes them, scrapes it every 15 s, and writes how its resident memory went.

100 million lines, 83 minutes by their own times, take about a quarter of an hour.

Example:
  go run ./bench/soak --lines=3000000

Exit codes: 0 the limits are kept; 1 one is missed, or it failed.`

const (
	services = 1000
	slow     = 100    // every so many-th pod
	rate     = 10_000 // calls per second, of two lines each

	scrapeEvery = 15 * time.Second
	lookEvery   = time.Second
)

func main() {
	k := kingpin.New("soak", about)
	k.HelpFlag.Short('h')
	lines := k.Flag("lines", "How many lines.").Default("100000000").Int()
	output := k.Flag("output", "Write the table as Markdown, too.").PlaceHolder("FILE").String()
	kingpin.MustParse(k.Parse(os.Args[1:]))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	kept, err := run(ctx, *lines, *output, os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
	}
	if err != nil || !kept {
		os.Exit(1)
	}
}

// run says whether the limits are kept.
func run(ctx context.Context, lines int, output string, stdout, stderr io.Writer) (kept bool, err error) {
	dir, err := os.MkdirTemp("", "slowpod-soak-")
	if err != nil {
		return false, err
	}
	defer func() { _ = os.RemoveAll(dir) }() // what is left, the system clears
	if err := process.Build(ctx, dir, "./cmd/slowpod"); err != nil {
		return false, err
	}
	c, err := watch(ctx, exec.Command(filepath.Join(dir, "slowpod")), lines, stderr)
	if err != nil {
		return false, err
	}
	c.write(stdout)
	if output != "" {
		f, err := os.Create(output)
		if err != nil {
			return false, err
		}
		c.page(f)
		if err := f.Close(); err != nil {
			return false, err
		}
	}
	return c.kept(), nil
}

// watch feeds a slowpod and looks at it until it has read everything.
func watch(ctx context.Context, cmd *exec.Cmd, lines int, stderr io.Writer) (*course, error) {
	in, stdin, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer stdin.Close()
	cmd.Stdin = in
	d, err := process.StartDaemon(cmd, "--log.level=error", "-")
	in.Close() // it is the daemon's
	if err != nil {
		return nil, err
	}
	c := &course{lines: lines}
	err = c.follow(ctx, d, stdin, stderr)
	used, ended := d.Stop()
	c.used = used
	return c, errors.Join(err, ended)
}

// feed writes the log and counts how far it is.
func feed(w io.WriteCloser, lines int, done *atomic.Int64) error {
	g := workload.Failing(0, workload.CorpusOptions{
		Options: workload.Options{Lines: lines, Rate: rate}, Services: services, Slow: slow,
	})
	_, err := g.WriteTo(&counter{w, done})
	return errors.Join(err, w.Close())
}

// counter counts the lines that go through it.
type counter struct {
	io.Writer
	done *atomic.Int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.Writer.Write(p)
	for _, b := range p[:n] {
		if b == '\n' {
			c.done.Add(1)
		}
	}
	return n, err
}

// follow looks at the daemon while it is fed, and until it has read all.
func (c *course) follow(ctx context.Context, d *process.Daemon, stdin io.WriteCloser, stderr io.Writer) error {
	var done atomic.Int64
	fed := make(chan error, 1)
	go func() { fed <- feed(stdin, c.lines, &done) }()
	bar := newBar(stderr, c.lines)
	defer func() { _ = bar.Finish() }()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	began := time.Now()
	scraped := began
	given := false
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-d.Gone():
			return errors.New("slowpod run has ended")
		case err := <-fed:
			if err != nil {
				return err
			}
			given = true
		case now := <-tick.C:
			c.looks = append(c.looks, look{now.Sub(began), int(done.Load()), d.Resident()})
			_ = bar.Set64(done.Load()) // a bar that cannot be drawn is no error
			if !given && now.Sub(scraped) < scrapeEvery {
				continue
			}
			scraped = now
			m, err := d.Scrape(ctx)
			if err != nil {
				return err
			}
			c.scrapes = append(c.scrapes, scrape{m.Took, m.Bytes, len(m.Sum("slowpod_pod_state", "upstream_host"))})
			if read := m.Sum("slowpod_lines_total", "result")["record"]; given && int(read) == c.lines {
				c.dropped = m.Sum("slowpod_dropped_total", "bound")
				return nil
			}
		}
	}
}

func newBar(w io.Writer, lines int) *progressbar.ProgressBar {
	f, ok := w.(*os.File)
	return progressbar.NewOptions(lines, progressbar.OptionSetWriter(w), progressbar.OptionSetDescription("soaking"),
		progressbar.OptionSetVisibility(ok && term.IsTerminal(int(f.Fd()))), progressbar.OptionClearOnFinish(),
		progressbar.OptionSetPredictTime(true), progressbar.OptionSetElapsedTime(true), progressbar.OptionThrottle(time.Second))
}
