package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/slowpod/slowpod/cmd/slowpod/app"
	"github.com/slowpod/slowpod/ingest/kafka"
	"github.com/slowpod/slowpod/sinks/calls"
	"github.com/slowpod/slowpod/sinks/deadletter"
	"github.com/slowpod/slowpod/sinks/spool"
)

// outputs are what `slowpod run` writes beside what it serves: calls and dead
// letters.
type outputs struct {
	logger *slog.Logger
	reg    prometheus.Registerer

	files []*outputFile
	topic *deadletter.Topic
}

// outputFile is a file that is appended to: what an earlier run wrote is still
// true.
type outputFile struct {
	what  string // "calls file"
	file  *os.File
	spool *spool.Spool
	flush func() error // nil: that of the calls
}

// calls opens the calls file; nil: nobody wants it.
func (o *outputs) calls(name string, stream func(int32) string) (*calls.Writer, error) {
	if name == "" {
		return nil, nil
	}
	f, err := o.open("calls", "calls file", name)
	if err != nil {
		return nil, err
	}
	return calls.NewSpooled(f.spool, stream), nil
}

// letters opens what takes dead letters; nil: nobody wants them.
func (o *outputs) letters(cfg app.Config) (app.DeadLetters, error) {
	switch {
	case cfg.DeadLetters.File != "":
		f, err := o.open("dead_letters", "dead-letter file", cfg.DeadLetters.File)
		if err != nil {
			return nil, err
		}
		if err := keepPrivate(f.file); err != nil {
			return nil, fmt.Errorf("%s: %w", f.what, err)
		}
		letters := deadletter.NewSpooled(f.spool)
		f.flush = letters.Flush
		return letters, nil
	case cfg.DeadLetters.Topic != "":
		topic := cfg.DeadLetters.Topic
		transport, err := kafka.NewTransport(cfg.Kafka, []string{topic})
		if err != nil {
			return nil, usageError{err}
		}
		o.topic, err = deadletter.NewTopic(deadletter.TopicOptions{
			Brokers: cfg.Kafka.Brokers, Topic: topic, Transport: transport, Timeout: cfg.Kafka.Timeout,
			Logger: o.logger, Registerer: o.reg,
		})
		return o.topic, err
	}
	return nil, nil
}

func (o *outputs) open(sink, what, name string) (*outputFile, error) {
	f, err := openToAppend(name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	s, err := spool.New(f, sink, name, o.reg)
	if err != nil {
		f.Close()
		return nil, err
	}
	out := &outputFile{what: what, file: f, spool: s}
	o.files = append(o.files, out)
	return out, nil
}

// openToAppend opens or makes a file, and begins a line of its own.
func openToAppend(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	if err := endLine(f); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// keepPrivate lets only its owner read a file, whoever could before: lines that
// came from a log hold secrets.
func keepPrivate(f *os.File) error {
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() || info.Mode().Perm() == 0o600 {
		return err
	}
	return f.Chmod(0o600)
}

// endLine ends a line that a killed process left torn, so that the next one
// stands on its own.
func endLine(f *os.File) error {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil || size == 0 {
		return nil // empty, or nothing that has an end: a pipe
	}
	last := make([]byte, 1)
	if _, err := f.ReadAt(last, size-1); err != nil {
		return err
	}
	if last[0] != '\n' {
		_, err = f.Write([]byte{'\n'})
	}
	return err
}

// tend returns what has to run beside reading. flushCalls writes out calls: they
// are made under a lock that is not known here.
func (o *outputs) tend(flushCalls func() error) (all []func(context.Context)) {
	for _, f := range o.files {
		if f.flush == nil {
			f.flush = flushCalls
		}
		all = append(all, func(ctx context.Context) { o.flush(ctx, f) })
	}
	if o.topic != nil {
		all = append(all, o.topic.Run)
	}
	return all
}

// flush writes a file out once a second. When it cannot be written, and when it
// can again, is said once; it stops nothing.
func (o *outputs) flush(ctx context.Context, f *outputFile) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			err, failed := f.flush(), failing
			switch failing = err != nil; {
			case failing && !failed:
				o.logger.Error("the "+f.what+" cannot be written: its lines wait, and are dropped when there are too many", "err", err)
			case failed && !failing:
				o.logger.Info("the " + f.what + " is written again")
			}
		}
	}
}

// close writes out what waits. Nobody may write any more.
func (o *outputs) close() (err error) {
	for _, f := range o.files {
		if e := f.spool.Close(); e != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", f.what, e))
		}
		f.file.Close()
	}
	return err
}
