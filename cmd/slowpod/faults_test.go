package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/slowpod/slowpod/bench/workload"
	"github.com/slowpod/slowpod/sinks/report"
)

// Whatever is wrong in the configuration or the life of a mesh is found where
// it is, when it is, and as one thing.
func TestReportOfFaults(t *testing.T) {
	t.Parallel()
	for _, kind := range workload.FaultKinds() {
		for seed := range uint64(2) {
			t.Run(fmt.Sprintf("%s/seed=%d", kind, seed), func(t *testing.T) {
				t.Parallel()
				log := logOf(workload.Fault(workload.FaultOptions{
					Options: workload.Options{Seed: seed, Duration: 6 * time.Minute, Rate: 12}, Kind: kind,
					From: 80 * time.Second, To: 190 * time.Second,
				}))
				r := reportOf(t, fine(t, "report", "--output=json", log.file(t)))
				findsTheFault(t, r, &log.truth.Faults[0])
			})
		}
	}
}

func findsTheFault(t *testing.T, r *report.Report, truth *workload.FaultTruth) {
	t.Helper()
	if len(r.Findings) != 1 {
		for _, f := range r.Findings {
			t.Errorf("%s %q at %s, %v to %v: %s", f.Kind, f.Title, said(f.UpstreamHost), f.Start, f.End, f.Summary)
		}
		t.Fatalf("%d findings", len(r.Findings))
	}
	f := &r.Findings[0]
	got := []string{f.Kind, said(f.Service), said(f.UpstreamHost), said(f.Namespace)}
	want := []string{truth.Kind, truth.FQDN(), truth.UpstreamHost, truth.Namespace}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if f.Service == nil && said(f.Evidence.Authority) != truth.Authority {
		t.Errorf("of %s, want %s", said(f.Evidence.Authority), truth.Authority)
	}
	const slices = 20 * time.Second
	near := func(what string, got report.Time, want time.Time) {
		if d := time.UnixMilli(int64(got)).Sub(want); d < -slices || d > slices {
			t.Errorf("%s %v, want %v", what, got, want)
		}
	}
	near("starts", f.Start, truth.From)
	if f.End == nil {
		t.Error("has no end")
	} else {
		near("ends", *f.End, truth.To)
	}
	if n := utf8.RuneCountInString(f.Title); n > 50 || strings.ContainsAny(f.Title, "0123456789") {
		t.Errorf("title %q", f.Title)
	}
	if len(f.Next) == 0 || f.Next[0].Changes || f.Cause == "" || len(f.Evidence.Samples) == 0 {
		t.Errorf("cause %q, next %v, samples %v", f.Cause, f.Next, f.Evidence.Samples)
	}
}

// Where records name pods, commands do, too, of one of them where all are meant.
func TestReportOfFaultsFillsCommands(t *testing.T) {
	t.Parallel()
	for _, kind := range workload.FaultKinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			log := logOf(workload.Fault(workload.FaultOptions{
				Options: workload.Options{Seed: 3, Duration: 4 * time.Minute, Rate: 12, Format: workload.FluentBit}, Kind: kind,
				From: 80 * time.Second,
			}))
			for _, f := range reportOf(t, fine(t, "report", "--output=json", log.file(t))).Findings {
				for _, step := range f.Next {
					switch {
					case strings.Contains(step.Command, "<pod>") && len(f.Evidence.Hosts) > 0,
						strings.Contains(step.Command, "<ip>") && len(f.Evidence.Hosts) > 0,
						strings.Contains(step.Command, "<caller_namespace>") && !strings.Contains(step.Command, "<caller>"):
						t.Errorf("%s: %s", f.Kind, step.Command)
					}
				}
				if f.Kind == "passthrough" && len(f.Evidence.Hosts) == 0 {
					t.Error("passthrough leads nowhere")
				}
			}
		})
	}
}

// The same mesh without a fault gives no finding, scanners or not.
func TestReportWithoutFault(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			t.Parallel()
			log := logOf(workload.Fault(workload.FaultOptions{Options: workload.Options{Seed: seed}}))
			for _, f := range reportOf(t, fine(t, "report", "--output=json", log.file(t))).Findings {
				t.Errorf("%s %q: %s", f.Kind, f.Title, f.Summary)
			}
		})
	}
}

// The same lines in another order give the same findings, to the last number.
func TestReportOfFaultsInAnyOrder(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"app_crash", "unavailable", "throttled", "stale_address"} {
		log := logOf(workload.Fault(workload.FaultOptions{Options: workload.Options{Seed: 5, Duration: 5 * time.Minute, Rate: 12}, Kind: kind}))
		want := fine(t, "report", "--output=json", log.file(t))
		if got := fine(t, "report", "--output=json", log.shuffled(1).file(t)); got != want {
			t.Errorf("%s: %s", kind, cmp.Diff(want, got))
		}
	}
}

// Whoever asks for a host chooses its name: none that is not one enters a
// command.
func TestReportOfHostileAuthority(t *testing.T) {
	t.Parallel()
	log := logOf(workload.Fault(workload.FaultOptions{Options: workload.Options{Seed: 5, Duration: 3 * time.Minute}, Kind: "cluster_missing"}))
	for i, line := range log.lines {
		log.lines[i].text = bytes.ReplaceAll(line.text, []byte("reviews:9080"), []byte(`$(reboot);\u202e\u0007x`))
	}
	name := log.file(t)
	r := reportOf(t, fine(t, "report", "--output=json", name))
	if len(r.Findings) != 1 || said(r.Findings[0].Evidence.Authority) != "$(reboot);\u202e\ax" {
		t.Fatalf("%+v", r.Findings)
	}
	for _, step := range r.Findings[0].Next {
		if strings.ContainsAny(step.Command, "$;`&\u202e\a") {
			t.Errorf("a command is %q", step.Command)
		}
	}
	hasNoControls(t, "the text", fine(t, "report", name))
}
