package alertmanager

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/config"
	"github.com/prometheus/common/model"
)

// Config is the alertmanager section of the configuration file. Every default
// is in DefaultConfig.
type Config struct {
	// URLs are the replicas, each by its own address and never through a load
	// balancer: every one gets every alert, and they agree among themselves who
	// tells people. None: no alerts are sent.
	URLs []string `yaml:"urls"`
	// Timeout is how long one request may take.
	Timeout time.Duration `yaml:"timeout"`
	// ResendInterval is how often a firing alert is sent again. Without being
	// sent again it expires after four times that.
	ResendInterval time.Duration `yaml:"resend_interval"`
	// QueueCapacity is how many alerts wait for one replica.
	QueueCapacity int `yaml:"queue_capacity"`
	// ExternalLabels are put on every alert. Members of one group must have the
	// same: an alert is known by its labels.
	ExternalLabels map[string]string `yaml:"external_labels"`
	// RunbooksURL is the folder that runbook_url points into.
	RunbooksURL string `yaml:"runbooks_url"`
	// HTTP is authentication, TLS and proxy, as in Prometheus.
	HTTP HTTPConfig `yaml:"http_config"`
}

// HTTPConfig is Prometheus' HTTP client configuration. It is a type of its own
// because theirs checks itself while it is being read, and ends the reading at
// the first mistake; Validate checks it with all else.
type HTTPConfig config.HTTPClientConfig

// DefaultConfig returns the configuration of an empty section: no replicas.
func DefaultConfig() Config {
	return Config{
		URLs:           []string{},
		Timeout:        10 * time.Second,
		ResendInterval: time.Minute,
		QueueCapacity:  10_000,
		ExternalLabels: map[string]string{},
		RunbooksURL:    "https://github.com/slowpod/slowpod/blob/main/configs/runbooks",
		HTTP:           HTTPConfig(config.DefaultHTTPClientConfig),
	}
}

// SetDirectory makes relative paths of secrets and certificates relative to the
// folder of the configuration file.
func (c *Config) SetDirectory(dir string) {
	(*config.HTTPClientConfig)(&c.HTTP).SetDirectory(dir)
}

// ConfigError is one mistake in a Config.
type ConfigError struct {
	Path []string // the option, from the section's own root
	Text string
}

func (e *ConfigError) Error() string { return strings.Join(e.Path, ".") + ": " + e.Text }

// The bounds of the options.
const (
	minTimeout, maxTimeout = 100 * time.Millisecond, 5 * time.Minute
	minResend, maxResend   = time.Second, time.Hour
)

// Validate returns every mistake at once, each a *ConfigError. It opens no
// file.
func (c *Config) Validate() error {
	var errs []error
	wrong := func(option, format string, args ...any) {
		errs = append(errs, &ConfigError{Path: []string{option}, Text: fmt.Sprintf(format, args...)})
	}
	within := func(option string, v, least, most time.Duration) {
		if v < least || v > most {
			wrong(option, "must be from %s to %s, not %s", short(least), short(most), short(v))
		}
	}
	for i, u := range c.URLs {
		if text := checkURL(u); text != "" {
			wrong("urls", "number %d: %s", i+1, text)
		} else if slices.ContainsFunc(c.URLs[:i], func(other string) bool { return apiURL(other) == apiURL(u) }) {
			wrong("urls", "number %d: %s stands there twice", i+1, u)
		}
	}
	within("timeout", c.Timeout, minTimeout, maxTimeout)
	within("resend_interval", c.ResendInterval, minResend, maxResend)
	if c.QueueCapacity < 1 {
		wrong("queue_capacity", "must be at least 1, not %d", c.QueueCapacity)
	}
	for _, name := range sortedKeys(c.ExternalLabels) {
		switch {
		case !model.LegacyValidation.IsValidLabelName(name):
			wrong("external_labels", "%q is no label name", name)
		case slices.Contains(ownLabels, name):
			wrong("external_labels", "%q is slowpod’s own label", name)
		}
	}
	if u, err := url.Parse(c.RunbooksURL); err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		wrong("runbooks_url", "%q is no http:// or https:// URL", c.RunbooksURL)
	}
	if _, err := c.HTTP.checked(); err != nil {
		wrong("http_config", "%s", err)
	}
	return errors.Join(errs...)
}

// checked returns a copy with what the library fills in while it checks.
func (h HTTPConfig) checked() (config.HTTPClientConfig, error) {
	c := config.HTTPClientConfig(h)
	if c.Authorization != nil {
		a := *c.Authorization
		c.Authorization = &a
	}
	return c, errors.Join(c.Validate(), c.TLSConfig.Validate())
}

// checkURL says what is wrong with the URL of a replica; "" if nothing is. The
// URL is a metric label and stands in the log, so it holds no secrets; and what
// is said does not repeat one that might.
func checkURL(s string) string {
	u, err := url.Parse(s)
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return "is no http:// or https:// URL"
	case u.User != nil:
		return "a user and a password belong into http_config.basic_auth"
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "nothing may come after the path"
	case strings.HasSuffix(strings.TrimRight(u.Path, "/"), apiPath):
		return "leave " + apiPath + " out, it is added"
	}
	return ""
}

const apiPath = "/api/v2/alerts"

func apiURL(base string) string { return strings.TrimRight(base, "/") + apiPath }

// short writes a duration as people do: 1h, not 1h0m0s.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
