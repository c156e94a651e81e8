//go:build e2e

// Package e2e tests slowpod on real servers: Apache Kafka in, Prometheus and
// Alertmanager out, all on free loopback ports, in temporary directories and
// ended by the test that started them.
//
//	make e2e
//
// It knows slowpod as a user does: command line, configuration, HTTP and the
// files that it writes. It must never look inside.
package e2e

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Set by TestMain.
var (
	repo    string // its root
	jars    string // of Kafka, as a class path
	debian  string // root of the unpacked packages
	slowpod string // the program
)

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if err := prepare(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(filepath.Dir(slowpod))
	return m.Run()
}

// prepare finds what prepare.sh has fetched, and builds slowpod.
func prepare() error {
	var err error
	if repo, err = filepath.Abs("../.."); err != nil {
		return err
	}
	version := os.Getenv("KAFKA_VERSION")
	if version == "" {
		version = "4.3.1"
	}
	jars = filepath.Join(repo, ".cache", "kafka-"+version)
	debian = filepath.Join(repo, ".cache", "debian")
	for _, dir := range []string{jars, debian} {
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s is missing: make e2e-servers fetches it", dir)
		}
	}
	jars = filepath.Join(jars, "*")

	dir, err := os.MkdirTemp("", "slowpod-e2e-")
	if err != nil {
		return err
	}
	slowpod = filepath.Join(dir, "slowpod")
	build := exec.Command("go", "build", "-o", slowpod, "./cmd/slowpod")
	build.Dir = repo
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		os.RemoveAll(dir)
		return fmt.Errorf("slowpod cannot be built: %w", err)
	}
	return nil
}
