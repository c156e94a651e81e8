package kafka

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

func valid() Config {
	cfg := DefaultConfig()
	cfg.Brokers = []string{"kafka:9092"}
	cfg.Topics = []string{"mesh.access-logs_1"}
	return cfg
}

func TestConfigMistakes(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(*Config)
		want string // every mistake, one a line
	}{
		{"none", func(*Config) {}, ""},
		{"ipv6", func(c *Config) { c.Brokers = []string{"[::1]:9092"} }, ""},
		{"empty", func(c *Config) { *c = DefaultConfig() }, "brokers: name at least one broker as host:port\ntopics: name at least one topic"},
		{"broker", func(c *Config) { c.Brokers = []string{"kafka", ":9092", "kafka:0"} },
			"brokers: \"kafka\": write host:port\nbrokers: \":9092\": write host:port\nbrokers: \"kafka:0\": \"0\" is no port"},
		{"topic", func(c *Config) { c.Topics = []string{"a", "a", "b c", ""} },
			"topics: \"a\" is there twice\ntopics: \"b c\" is no name of a topic: letters, digits, '.', '_' and '-', at most 249\n" +
				"topics: \"\" is no name of a topic: letters, digits, '.', '_' and '-', at most 249"},
		{"group", func(c *Config) { c.GroupID = "" }, "group_id: must not be empty: members with the same group_id share the partitions"},
		{"offset", func(c *Config) { c.InitialOffset = "first" }, `initial_offset: "first" is none of earliest, latest`},
		{"tls off", func(c *Config) { c.TLS.CAFile = "ca.pem" }, "tls.enabled: is false, but other options of tls are set"},
		{"tls key", func(c *Config) { c.TLS = TLSConfig{Enabled: true, CertFile: "a"} }, "tls.cert_file: cert_file and key_file go together"},
		{"sasl off", func(c *Config) { c.SASL.Username = "u" },
			"sasl.mechanism: is empty, but other options of sasl are set; it is one of plain, scram-sha-256, scram-sha-512"},
		{"sasl", func(c *Config) { c.SASL.Mechanism = "gssapi" },
			"sasl.mechanism: \"gssapi\" is none of plain, scram-sha-256, scram-sha-512\nsasl.username: must not be empty\n" +
				"sasl.password_file: name a file, or an environment variable in password_env"},
		{"sasl twice", func(c *Config) {
			c.SASL = SASLConfig{Mechanism: "plain", Username: "u", PasswordFile: "f", PasswordEnv: "E"}
		}, "sasl.password_file: and password_env exclude one another"},
		{"bytes", func(c *Config) { c.MaxBytes = 1 }, "max_bytes: must be from 1KiB to 1GiB, not 1B"},
		{"replay", func(c *Config) { c.MaxReplay = -1 }, "max_replay: must be from 0 to 1099511627776, not -1"},
		{"heartbeat", func(c *Config) { c.HeartbeatInterval = 6 * time.Second },
			"heartbeat_interval: must be at most a third of session_timeout (15s), so that one lost heartbeat costs nothing, not 6s"},
		{"durations", func(c *Config) {
			c.MaxWait, c.CommitInterval, c.RebalanceTimeout, c.MetadataInterval, c.RetryBackoff, c.Timeout = 0, 0, 0, 0, 0, 0
		}, "max_wait: must be from 1ms to 1m0s, not 0s\ncommit_interval: must be from 1ms to 1h0m0s, not 0s\n" +
			"rebalance_timeout: must be from 10ms to 30m0s, not 0s\nmetadata_interval: must be from 1ms to 1h0m0s, not 0s\n" +
			"retry_backoff: must be from 1ms to 1m0s, not 0s\ntimeout: must be from 1ms to 5m0s, not 0s"},
		{"session", func(c *Config) { c.SessionTimeout = time.Hour }, "session_timeout: must be from 10ms to 30m0s, not 1h0m0s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := valid()
			c.edit(&cfg)
			err := cfg.Validate()
			got := ""
			if err != nil {
				got = err.Error()
				var one *ConfigError
				if !errors.As(err, &one) || len(one.Path) == 0 {
					t.Error("no ConfigError")
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error("-want +got\n", diff)
			}
			if _, err := New(cfg, Options{}); (err == nil) != (got == "") {
				t.Error("New:", err)
			}
		})
	}
}

func TestConfigYAML(t *testing.T) {
	text, err := yaml.Marshal(DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"max_bytes: 8MiB", "commit_interval: 1s", "initial_offset: latest", "insecure_skip_verify: false", "password_file: \"\""} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	var back Config
	if err := yaml.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(DefaultConfig(), back); diff != "" {
		t.Error(diff)
	}
}

func TestConfigFiles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "f")
	write := func(s string) {
		if err := os.WriteFile(file, []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	sasl := SASLConfig{Mechanism: "plain", Username: "u", PasswordFile: file}
	if _, err := New(Config{}, Options{}); err == nil {
		t.Error("an empty configuration")
	}
	for _, c := range []struct {
		text, want, mistake string
	}{
		{"secret", "secret", ""},
		{" s e\n", " s e", ""},
		{"secret\r\n", "secret", ""},
		{"\n", "", "sasl.password_file: "},
	} {
		write(c.text)
		got, err := sasl.password()
		if got != c.want || (err == nil) != (c.mistake == "") || err != nil && !strings.HasPrefix(err.Error(), c.mistake) {
			t.Errorf("%q: %q %v", c.text, got, err)
		}
	}
	t.Setenv("SLOWPOD_TEST_PASSWORD", "s")
	for name, ok := range map[string]bool{"SLOWPOD_TEST_PASSWORD": true, "SLOWPOD_TEST_NONE": false} {
		cfg := valid()
		cfg.SASL = SASLConfig{Mechanism: "scram-sha-512", Username: "u", PasswordEnv: name}
		if _, err := New(cfg, Options{}); (err == nil) != ok {
			t.Error(name, err)
		}
	}
	write("no PEM")
	for _, tls := range []TLSConfig{
		{Enabled: true, CAFile: file},
		{Enabled: true, CAFile: file + "none"},
		{Enabled: true, CertFile: file, KeyFile: file},
	} {
		cfg := valid()
		cfg.TLS = tls
		if _, err := New(cfg, Options{}); err == nil || !strings.HasPrefix(err.Error(), "tls.c") {
			t.Error(tls, err)
		}
	}
}
