package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/slowpod/slowpod/bench/workload"
	"github.com/slowpod/slowpod/sinks/report"
)

// Whoever sends a request writes into the log: its path, authority, SNI, user
// agent, request id. What they write must reach nobody's terminal, browser or
// shell as anything but text.

// attack holds, as JSON carries it: terminal escapes (set the title, clear the
// screen; one of them by a C1 byte), HTML, shell, a line of another log, a NUL,
// DEL and bidirectional characters.
const attack = "\x1b]0;pwned\x07\x1b[2J\u009b31m<script>alert(1)</script><img src=x onerror=alert(1)>\"'>" +
	"; rm -rf / #$(reboot)`reboot`&& reboot | sh\n2026-03-02 CRITICAL all is lost\r\x00\x7f\u202egnp.exe\u2066\u2069"

// hostileFields are those that others write, and those that they do not but
// that may be forged by whoever writes to the log.
var hostileFields = []string{
	"path", "authority", "requested_server_name", "request_id", "user_agent", "upstream_host", "upstream_cluster",
	"response_code_details", "response_flags", "route_name", "method", "x_forwarded_for", "downstream_local_address",
	"downstream_remote_address", "upstream_local_address", "upstream_transport_failure_reason",
}

// rewritten returns the log with the fields of every line changed.
func (l *meshLog) rewritten(t *testing.T, change func(fields, kubernetes map[string]any)) *meshLog {
	t.Helper()
	out := &meshLog{truth: l.truth}
	for _, line := range l.lines {
		var fields map[string]any
		dec := json.NewDecoder(bytes.NewReader(line.text))
		dec.UseNumber()
		if err := dec.Decode(&fields); err != nil {
			t.Fatal(err)
		}
		kubernetes, _ := fields["kubernetes"].(map[string]any)
		change(fields, kubernetes)
		text, err := json.Marshal(fields)
		if err != nil {
			t.Fatal(err)
		}
		out.lines = append(out.lines, logLine{line.side, text})
	}
	return out
}

// surfaces is all that slowpod says of a log.
type surfaces struct {
	text, json, calls, stderr, page, finding, log string
	report                                        *report.Report
	url                                           string
}

func surfacesOf(t *testing.T, log *meshLog) surfaces {
	t.Helper()
	name, calls := log.file(t), filepath.Join(t.TempDir(), "calls.jsonl")
	text := slowpod(t, "report", name)
	js := slowpod(t, "report", "--output=json", "--calls="+calls, name)
	if text.code != exitFine || js.code != exitFine {
		t.Fatalf("exit codes %d and %d\n%s%s", text.code, js.code, text.stderr, js.stderr)
	}
	b, err := os.ReadFile(calls)
	if err != nil {
		t.Fatal(err)
	}
	s := startService(t, nil, name)
	eventually(t, patience, "the log is read", func() bool { return s.report(t).Lines.Read == uint64(len(log.lines)) })
	eventually(t, patience, "a finding is announced", func() bool { return strings.Contains(s.stderr.String(), "msg=finding ") })
	out := surfaces{
		text: text.stdout, json: js.stdout, calls: string(b), stderr: text.stderr + js.stderr,
		page: get(t, s.url), log: s.stderr.String(), report: reportOf(t, js.stdout), url: s.url,
	}
	live := get(t, s.url+"api/v1/report")
	out.json += live
	out.finding = get(t, s.url+"findings/"+reportOf(t, live).Findings[0].ID)
	return out
}

// hasNoControls: neither control characters, but for line ends, nor
// bidirectional ones, nor bytes that are no text.
func hasNoControls(t *testing.T, what, s string) {
	t.Helper()
	if !utf8.ValidString(s) {
		t.Errorf("%s is not UTF-8", what)
	}
	for i, r := range s {
		if r != '\n' && (r < 0x20 || r >= 0x7f && r <= 0x9f || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069) {
			t.Errorf("%s holds %U at %d: %.80q", what, r, i, s[max(0, i-40):])
			return
		}
	}
}

// commandWords are what a command may be made of: one program, piped to grep or
// jq at most.
var commandWords = regexp.MustCompile(`^(kubectl|istioctl)( [-A-Za-z0-9.:/=]+| <[a-z]+>)+( \| (grep|jq)( [-A-Za-z0-9.:/=]+)+)?$`)

func (s *surfaces) areSafe(t *testing.T) {
	t.Helper()
	hasNoControls(t, "the text", s.text)
	hasNoControls(t, "stderr", s.stderr)
	hasNoControls(t, "the log", s.log)
	hasNoControls(t, "the JSON", s.json)
	hasNoControls(t, "the calls file", s.calls)
	for line := range strings.Lines(s.calls) {
		if !json.Valid([]byte(line)) {
			t.Errorf("not JSON: %s", line)
		}
	}
	for _, line := range strings.Split(s.text, "\n") {
		if strings.HasPrefix(line, "2026-03-02 CRITICAL") || strings.HasPrefix(strings.TrimSpace(line), "rm -rf") {
			t.Errorf("a forged line: %q", line)
		}
	}
	for _, f := range s.report.Findings {
		for _, step := range f.Next {
			if !commandWords.MatchString(step.Command) {
				t.Errorf("not a command to be pasted: %q", step.Command)
			}
		}
		if n := utf8.RuneCountInString(f.Title); n > 50 {
			t.Errorf("a title of %d characters: %q", n, f.Title)
		}
	}
	for name, page := range map[string]string{"the page": s.page, "the page of the finding": s.finding} {
		hasNoControls(t, name, page)
		for _, tag := range []string{"<script>", "<img"} {
			if strings.Contains(page, tag) {
				t.Errorf("%s holds %s", name, tag)
			}
		}
	}
	metrics(t, s.url) // that they can be read
}

// The attacker's lines stand among good ones: these lose nothing.
func TestHostileLinesCostNothing(t *testing.T) {
	t.Parallel()
	good := catalog(workload.CatalogOptions{Options: workload.Options{Seed: 6, Format: workload.FluentBit}})
	want := reportOf(t, fine(t, "report", "--output=json", good.file(t)))

	// One field at a time, each on lines of its own, of both sides, and each
	// line beside the good one that it was made of.
	mixed := &meshLog{truth: good.truth}
	fields := append([]string{"pod_name", "namespace_name", "pod_id", "host"}, hostileFields...)
	for i, line := range good.lines {
		mixed.lines = append(mixed.lines, line)
		if i%20 != 0 {
			continue
		}
		field := fields[i/20%len(fields)]
		forged := good.part(i, i+1).rewritten(t, func(record, kubernetes map[string]any) {
			record["request_id"] = fmt.Sprintf("00000000-0000-4000-8000-%012d", i)
			if _, ok := kubernetes[field]; ok {
				kubernetes[field] = attack
			} else {
				record[field] = attack
			}
		})
		mixed.lines = append(mixed.lines, forged.lines...)
	}
	s := surfacesOf(t, mixed)
	s.areSafe(t)

	l := s.report.Lines
	if l.Read != uint64(len(mixed.lines)) || l.Read != l.Records+l.Foreign+l.Malformed {
		t.Errorf("%d lines, and read %+v", len(mixed.lines), l)
	}
	if l.Records < uint64(len(good.lines)) {
		t.Errorf("%d good lines, and records %+v", len(good.lines), l)
	}
	if len(s.report.Findings) != 1 {
		t.Fatalf("findings %+v", s.report.Findings)
	}
	f, w := s.report.Findings[0], want.Findings[0]
	same := func(what string, got, want any) {
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
	same("kind", f.Kind, w.Kind)
	same("proof", f.Proof, w.Proof)
	same("upstream host", f.UpstreamHost, w.UpstreamHost)
	same("service", f.Service, w.Service)
	same("subset", f.Subset, w.Subset)
	if f.Evidence.Confirmed < w.Evidence.Confirmed {
		t.Errorf("%d timeouts confirmed, %d without the attack", f.Evidence.Confirmed, w.Evidence.Confirmed)
	}
}

// The pod that is slow has names that somebody chose with care: the finding is
// told all the same, and its commands hold places to fill in.
func TestHostileNamesInAFinding(t *testing.T) {
	t.Parallel()
	log := catalog(workload.CatalogOptions{Options: workload.Options{Seed: 7, Format: workload.FluentBit}})
	slow := log.slow()
	name := strings.ReplaceAll(attack, "|", "") // which parts the names in a cluster
	forged := log.rewritten(t, func(fields, kubernetes map[string]any) {
		for field, v := range fields {
			if s, ok := v.(string); ok {
				s = strings.ReplaceAll(s, "catalog.istioinaction.svc.cluster.local", name+".istioinaction;reboot.svc.cluster.local")
				fields[field] = strings.ReplaceAll(s, "version-v2", "version-"+name)
			}
		}
		for _, field := range []string{"path", "authority", "user_agent", "response_code_details"} {
			fields[field] = attack
		}
		if id, ok := fields["request_id"].(string); ok {
			fields["request_id"] = id + attack
		}
		for _, field := range []string{"pod_name", "namespace_name", "host", "container_name"} {
			if v, ok := kubernetes[field].(string); ok {
				kubernetes[field] = v + attack
			}
		}
		kubernetes["labels"] = map[string]any{"app": attack, "service.istio.io/canonical-name": attack}
	})
	s := surfacesOf(t, forged)
	s.areSafe(t)
	if len(s.report.Findings) != 1 {
		t.Fatalf("findings %+v", s.report.Findings)
	}
	f := s.report.Findings[0]
	if f.Kind != "slow_pod" || f.Proof != "both" || said(f.UpstreamHost) != slow.UpstreamHost {
		t.Errorf("%s, proof %s, at %s, slow is %s", f.Kind, f.Proof, said(f.UpstreamHost), slow.UpstreamHost)
	}
	if !strings.Contains(said(f.Pod), attack) {
		t.Errorf("the JSON does not say what the pod's name is: %q", said(f.Pod))
	}
	for _, step := range f.Next {
		if strings.Contains(step.Command, slow.Pod) {
			t.Errorf("a part of a name in a command: %s", step.Command)
		}
	}
}

// Where the upstream host is no address, not even that enters a command.
func TestHostileUpstreamHost(t *testing.T) {
	t.Parallel()
	log := catalog(workload.CatalogOptions{Options: workload.Options{Seed: 8, Format: workload.JSON}})
	slow := log.slow().UpstreamHost
	s := surfacesOf(t, log.rewritten(t, func(fields, _ map[string]any) {
		for _, field := range []string{"upstream_host", "downstream_local_address"} {
			if fields[field] == slow {
				fields[field] = attack + ":80"
			}
		}
	}))
	s.areSafe(t)
	if len(s.report.Findings) != 1 || said(s.report.Findings[0].UpstreamHost) != attack+":80" {
		t.Errorf("findings %+v", s.report.Findings)
	}
}

// Malformed lines are shown in the log: escaped.
func TestHostileMalformedLines(t *testing.T) {
	t.Parallel()
	log := catalog(workload.CatalogOptions{Options: workload.Options{Duration: twoMinutes}})
	bad := []byte(`{"start_time":"` + "\x1b[2J\u202e\x9b" + `","response_code":` + "\n" +
		`[2026-03-02T10:00:00.000Z] "GET /` + "\x1b]0;pwned\x07\u202e" + ` HTTP/1.1" 200 -` + "\n")
	name := filepath.Join(t.TempDir(), "evil\x1b[2J\u202e.log")
	if err := os.WriteFile(name, append(bad, log.bytes()...), 0o600); err != nil {
		t.Fatal(err)
	}
	a := slowpod(t, "report", name)
	hasNoControls(t, "stderr", a.stderr)
	hasNoControls(t, "stdout", a.stdout)
	if !strings.Contains(a.stdout, "2 malformed") ||
		!strings.Contains(a.stderr, "reason=invalid_json") || !strings.Contains(a.stderr, "line=1 byte=15 ") ||
		!strings.Contains(a.stderr, "reason=invalid_text") || !strings.Contains(a.stderr, "line=2 byte=62 ") {
		t.Errorf("%s\n%s", a.stdout, a.stderr)
	}
	a = slowpod(t, "report", name+".missing")
	hasNoControls(t, "stderr", a.stderr)
}
