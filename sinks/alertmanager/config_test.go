package alertmanager

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/config"
	"go.yaml.in/yaml/v3"
)

func parse(t *testing.T, text string) Config {
	t.Helper()
	cfg := DefaultConfig()
	dec := yaml.NewDecoder(strings.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(&cfg); err != nil {
		t.Fatal(err)
	}
	return cfg
}

func TestDefaultsAreValid(t *testing.T) {
	cfg := DefaultConfig()
	if err := cfg.Validate(); err != nil {
		t.Error(err)
	}
	if _, err := New(cfg, Options{}); err != nil {
		t.Error(err)
	}
}

func TestConfigFile(t *testing.T) {
	cfg := parse(t, `
urls: [http://am-0:9093, https://am-1/base]
timeout: 5s
resend_interval: 30s
queue_capacity: 50
external_labels: {cluster: prod}
runbooks_url: https://wiki.example.com/slowpod
http_config:
  basic_auth: {username: slowpod, password_file: password}
  tls_config: {ca_file: ca.pem}
`)
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	cfg.SetDirectory("/etc/slowpod")
	want := DefaultConfig()
	want.URLs = []string{"http://am-0:9093", "https://am-1/base"}
	want.Timeout, want.ResendInterval, want.QueueCapacity = 5*time.Second, 30*time.Second, 50
	want.ExternalLabels = map[string]string{"cluster": "prod"}
	want.RunbooksURL = "https://wiki.example.com/slowpod"
	want.HTTP.BasicAuth = &config.BasicAuth{Username: "slowpod", PasswordFile: "/etc/slowpod/password"}
	want.HTTP.TLSConfig.CAFile = "/etc/slowpod/ca.pem"
	if !reflect.DeepEqual(cfg, want) {
		t.Errorf("got  %+v\nwant %+v", cfg, want)
	}
	if !cfg.HTTP.FollowRedirects || !cfg.HTTP.EnableHTTP2 {
		t.Error("defaults within http_config are lost")
	}
}

func TestMistakes(t *testing.T) {
	f := func(text string, want ...string) {
		t.Helper()
		cfg := parse(t, text)
		err := cfg.Validate()
		if err == nil {
			t.Errorf("%s: nothing is wrong", text)
			return
		}
		if got := strings.Split(err.Error(), "\n"); !cmp.Equal(got, want) {
			t.Errorf("%s:\n%s", text, cmp.Diff(want, got))
		}
		if _, err := New(cfg, Options{}); err == nil {
			t.Errorf("%s: New takes it", text)
		}
	}
	f(`urls: [am:9093]`, "urls: number 1: is no http:// or https:// URL")
	f(`urls: ["http://a", "ftp://a"]`, "urls: number 2: is no http:// or https:// URL")
	f(`urls: ["http://joe:secret@a:9093"]`, "urls: number 1: a user and a password belong into http_config.basic_auth")
	f(`urls: ["joe:secret@a:9093"]`, "urls: number 1: is no http:// or https:// URL")
	f(`urls: ["http://a/?token=secret"]`, "urls: number 1: nothing may come after the path")
	f(`urls: ["http://a:9093/api/v2/alerts"]`, "urls: number 1: leave /api/v2/alerts out, it is added")
	f(`urls: ["http://a:9093", "http://a:9093/"]`, "urls: number 2: http://a:9093/ stands there twice")
	f(`timeout: 0s`, "timeout: must be from 100ms to 5m, not 0s")
	f(`resend_interval: 24h`, "resend_interval: must be from 1s to 1h, not 24h")
	f(`queue_capacity: 0`, "queue_capacity: must be at least 1, not 0")
	f(`external_labels: {"a-b": x, severity: page}`,
		`external_labels: "a-b" is no label name`, `external_labels: "severity" is slowpod’s own label`)
	f(`runbooks_url: runbooks`, `runbooks_url: "runbooks" is no http:// or https:// URL`)
	f(`http_config: {authorization: {type: basic}}`,
		`http_config: authorization type cannot be set to "basic", use "basic_auth" instead`)
	f("timeout: 0s\nqueue_capacity: -1\nurls: [x]",
		"urls: number 1: is no http:// or https:// URL",
		"timeout: must be from 100ms to 5m, not 0s",
		"queue_capacity: must be at least 1, not -1")
}

func TestOptions(t *testing.T) {
	cfg := DefaultConfig()
	if _, err := New(cfg, Options{ExternalURL: "slowpod:9504"}); err == nil {
		t.Error("an external URL without a scheme is taken")
	}
	cfg.HTTP.TLSConfig.CAFile = filepath.Join(t.TempDir(), "ca.pem")
	if _, err := New(cfg, Options{}); err == nil || !strings.Contains(err.Error(), "ca.pem") {
		t.Errorf("a certificate that is not there: %v", err)
	}
}

// Secrets are never printed with the configuration.
func TestSecretsAreHidden(t *testing.T) {
	cfg := parse(t, `http_config: {authorization: {credentials: hunter2}}`)
	b, err := yaml.Marshal(cfg)
	if err != nil || strings.Contains(string(b), "hunter2") {
		t.Errorf("%s %v", b, err)
	}
}

func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	name = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}
