package configs

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const (
	rulesFile   = "rules/slowpod.rules.yml"
	rulesTests  = "rules/slowpod.rules_test.yml"
	runbooksURL = "https://github.com/slowpod/slowpod/blob/main/configs/runbooks/"
)

type rule struct {
	Record      string            `yaml:"record"`
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for"`
	KeepFiring  string            `yaml:"keep_firing_for"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

func readRules(t *testing.T) []rule {
	t.Helper()
	var file struct {
		Groups []struct {
			Name  string `yaml:"name"`
			Rules []rule `yaml:"rules"`
		} `yaml:"groups"`
	}
	strict(t, rulesFile, &file)
	var all []rule
	for _, g := range file.Groups {
		all = append(all, g.Rules...)
	}
	if len(all) == 0 {
		t.Fatalf("%s has no rules", rulesFile)
	}
	return all
}

// strict reads a YAML file of one document, and takes no key that is unknown.
func strict(t *testing.T, name string, to any) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	dec := yaml.NewDecoder(bytes.NewReader(b))
	dec.KnownFields(true)
	if err := dec.Decode(to); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

var alertName = regexp.MustCompile(`^Slowpod([A-Z][a-z]+)+$`)

// Every alert says how bad it is, what it is, and what to do; and none takes a
// name from the alerts that slowpod sends itself.
func TestAlerts(t *testing.T) {
	tests, err := os.ReadFile(rulesTests)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, r := range readRules(t) {
		if r.Alert == "" {
			continue
		}
		if seen[r.Alert] {
			t.Errorf("%s is there twice", r.Alert)
		}
		seen[r.Alert] = true
		if !alertName.MatchString(r.Alert) || strings.HasPrefix(r.Alert, "SlowpodFinding") {
			t.Errorf("%s is no name for an alert of a rule", r.Alert)
		}
		switch r.Labels["severity"] {
		case "critical", "warning", "info":
		default:
			t.Errorf("%s: severity %q", r.Alert, r.Labels["severity"])
		}
		for _, name := range []string{"summary", "description"} {
			if r.Annotations[name] == "" {
				t.Errorf("%s has no %s", r.Alert, name)
			}
		}
		if strings.Contains(r.Annotations["summary"], "{{") {
			t.Errorf("%s: the summary is not the same each time", r.Alert)
		}
		if want := runbooksURL + r.Alert + ".md"; r.Annotations["runbook_url"] != want {
			t.Errorf("%s: runbook_url %q, want %q", r.Alert, r.Annotations["runbook_url"], want)
		}
		checkRunbook(t, r.Alert)
		// One test at least that it fires, and one that it does not.
		fires := regexp.MustCompile(`alertname: ` + r.Alert + `\n\s+exp_alerts:|alertname: ` + r.Alert + `, exp_alerts: [*\[{]{2}`)
		if !fires.Match(tests) {
			t.Errorf("%s: no test has it fire", r.Alert)
		}
		if !bytes.Contains(tests, []byte("alertname: "+r.Alert+", exp_alerts: []")) {
			t.Errorf("%s: no test has it not fire", r.Alert)
		}
	}
	if len(seen) != 7 {
		t.Errorf("%d alerts", len(seen))
	}
}

// checkRunbook holds that a runbook is there and has what one looks for.
func checkRunbook(t *testing.T, alert string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("runbooks", alert+".md"))
	if err != nil {
		t.Error(err)
		return
	}
	for _, part := range []string{"# " + alert + "\n", "## First three steps\n", "## When to silence\n", "## How to tell a false alarm\n"} {
		if !bytes.Contains(b, []byte(part)) {
			t.Errorf("runbook of %s: no %q", alert, strings.TrimSpace(part))
		}
	}
}

// Every runbook is in the index, every link between them leads somewhere, and
// every metric that one names exists.
func TestRunbooks(t *testing.T) {
	names, err := filepath.Glob("runbooks/*.md")
	if err != nil || len(names) == 0 {
		t.Fatalf("%v %v", names, err)
	}
	index, err := os.ReadFile("runbooks/README.md")
	if err != nil {
		t.Fatal(err)
	}
	metrics, recorded := knownMetrics(t), recordedNames(t)
	link := regexp.MustCompile(`\]\(([^)]+)\)`)
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if base := filepath.Base(name); base != "README.md" {
			checkRunbook(t, strings.TrimSuffix(base, ".md"))
			if !bytes.Contains(index, []byte("("+base+")")) {
				t.Errorf("%s is not in the index", base)
			}
		}
		for _, l := range link.FindAllSubmatch(b, -1) {
			if _, err := os.Stat(filepath.Join("runbooks", string(l[1]))); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		checkNames(t, name, string(b), metrics, recorded)
	}
}

var recordName = regexp.MustCompile(`^[a-z_]+:slowpod_[a-z_]+:[a-z0-9_]+$`)

// Recording rules are called level:metric:operation, and every metric that a
// rule reads exists.
func TestNamesInRules(t *testing.T) {
	metrics, recorded := knownMetrics(t), recordedNames(t)
	for _, r := range readRules(t) {
		if r.Record != "" && !recordName.MatchString(r.Record) {
			t.Errorf("%s is not level:metric:operation", r.Record)
		}
		if !checkNames(t, r.Alert+r.Record, r.Expr, metrics, recorded) {
			t.Errorf("%s reads no metric", r.Alert+r.Record)
		}
	}
}

func recordedNames(t *testing.T) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	for _, r := range readRules(t) {
		if r.Record != "" {
			all[r.Record] = true
		}
	}
	return all
}

var nameInText = regexp.MustCompile(`\b[a-z_0-9:]*slowpod_[a-z_0-9:]+`)

// checkNames holds that all names of metrics in a text exist, and says whether
// there were any.
func checkNames(t *testing.T, where, text string, metrics, recorded map[string]bool) bool {
	t.Helper()
	names := nameInText.FindAllString(text, -1)
	for _, name := range names {
		if !metrics[name] && !recorded[name] {
			t.Errorf("%s: there is no metric %s", where, name)
		}
	}
	return len(names) > 0
}

// knownMetrics reads the names of metrics out of the code that makes them, so
// that nothing needs to run for it.
func knownMetrics(t *testing.T) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	find := func(file, prefix, pattern string) {
		t.Helper()
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		found := regexp.MustCompile(pattern).FindAllSubmatch(b, -1)
		if len(found) == 0 {
			t.Fatalf("%s: no names of metrics were found", file)
		}
		for _, m := range found {
			name := prefix + string(m[1])
			for _, suffix := range []string{"", "_bucket", "_sum", "_count"} {
				if suffix == "" || strings.HasSuffix(name, "_duration_seconds") {
					all[name+suffix] = true
				}
			}
		}
	}
	find("../sinks/prom/prom.go", "slowpod_", `\bdesc\("([a-z_0-9]+)"`)
	find("../ingest/kafka/metrics.go", "slowpod_kafka_", `\b(?:counter|gauge|histogram)\("([a-z_0-9]+)"`)
	return all
}

// promtool is Prometheus' own judgement of the rules.
func TestPromtool(t *testing.T) {
	promtool := os.Getenv("PROMTOOL")
	if promtool == "" {
		var err error
		if promtool, err = exec.LookPath("promtool"); err != nil {
			t.Skip("no promtool: it comes with Prometheus; name it in PROMTOOL or put it into PATH")
		}
	}
	for _, args := range [][]string{{"check", "rules", rulesFile}, {"test", "rules", rulesTests}} {
		out, err := exec.Command(promtool, args...).CombinedOutput()
		if err != nil {
			t.Errorf("promtool %s: %v", strings.Join(args, " "), err)
		}
		t.Logf("promtool %s:\n%s", strings.Join(args, " "), out)
	}
}
