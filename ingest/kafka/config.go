package kafka

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"time"
)

// Config is the section of the configuration file about Kafka.
type Config struct {
	// Brokers are host:port of some brokers of the cluster; they name the rest.
	Brokers []string `yaml:"brokers"`
	// Topics are read whole. One that does not exist is waited for.
	Topics []string `yaml:"topics"`
	// GroupID names the consumer group. Members share the partitions. Nobody
	// but slowpod may be in it: a Java consumer that meets a member of
	// kafka-go's in its group dies.
	GroupID string `yaml:"group_id"`
	// ClientID is how brokers name this client in their logs and quotas.
	ClientID string `yaml:"client_id"`
	// InitialOffset is where a partition starts that the group has never
	// committed, or whose committed offset is beyond its end: earliest or
	// latest.
	InitialOffset string     `yaml:"initial_offset"`
	TLS           TLSConfig  `yaml:"tls"`
	SASL          SASLConfig `yaml:"sasl"`
	// MaxBytes is how much one fetch of a partition may bring. It is not kept
	// in memory at once.
	MaxBytes Size `yaml:"max_bytes"`
	// MaxWait is how long a broker may wait for something new.
	MaxWait time.Duration `yaml:"max_wait"`
	// MaxReplay bounds the lines that are read again per partition for the
	// open halves of its last owner.
	MaxReplay int64 `yaml:"max_replay"`
	// CommitInterval is how often offsets are committed, and with that about
	// how much is delivered twice after a crash.
	CommitInterval time.Duration `yaml:"commit_interval"`
	// SessionTimeout is how long the group waits for a member that is silent.
	SessionTimeout time.Duration `yaml:"session_timeout"`
	// HeartbeatInterval is how often a member says that it is there; it is
	// also how soon it hears of a rebalance.
	HeartbeatInterval time.Duration `yaml:"heartbeat_interval"`
	// RebalanceTimeout is how long the group waits for a member that is busy
	// with a batch; it waits for SessionTimeout at most. A quarter of it is
	// for the last commit.
	RebalanceTimeout time.Duration `yaml:"rebalance_timeout"`
	// MetadataInterval is how often new topics and partitions are looked for.
	MetadataInterval time.Duration `yaml:"metadata_interval"`
	// RetryBackoff is the first pause after a failure; it doubles up to twenty
	// times this.
	RetryBackoff time.Duration `yaml:"retry_backoff"`
	// Timeout is how long a broker may take to answer.
	Timeout time.Duration `yaml:"timeout"`
}

// TLSConfig is how brokers are spoken to in private.
type TLSConfig struct {
	Enabled bool `yaml:"enabled"`
	// CAFile holds the authorities to trust, in PEM; empty is the system's.
	CAFile string `yaml:"ca_file"`
	// CertFile and KeyFile are the client's own certificate, when the broker
	// asks for one.
	CertFile string `yaml:"cert_file"`
	KeyFile  string `yaml:"key_file"`
	// ServerName is the name in the brokers' certificates, when it is not the
	// one they are reached by.
	ServerName         string `yaml:"server_name"`
	InsecureSkipVerify bool   `yaml:"insecure_skip_verify"`
}

// SASLConfig is who slowpod is to the brokers. There is no option for the
// password itself, so that none stands in a configuration file.
type SASLConfig struct {
	// Mechanism is plain, scram-sha-256 or scram-sha-512; empty is none.
	Mechanism string `yaml:"mechanism"`
	Username  string `yaml:"username"`
	// PasswordFile is read at every connection, so that a password can be
	// changed under a running process. Its last line end is not part of it.
	PasswordFile string `yaml:"password_file"`
	// PasswordEnv is the name of an environment variable that holds it.
	PasswordEnv string `yaml:"password_env"`
}

const (
	earliest = "earliest"
	latest   = "latest"

	mechanismPlain          = "plain"
	mechanismScram256       = "scram-sha-256"
	mechanismScram512       = "scram-sha-512"
	mechanismsInWords       = "plain, scram-sha-256, scram-sha-512"
	maxMaxBytes             = 1 << 30
	maxMaxReplay      int64 = 1 << 40
)

// DefaultConfig returns every default. Brokers and topics have none.
func DefaultConfig() Config {
	return Config{
		Brokers:       []string{},
		Topics:        []string{},
		GroupID:       "slowpod",
		ClientID:      "slowpod",
		InitialOffset: latest,
		// Uncompressed topics waste what is cut off at the end of a fetch: 14 %
		// were read twice at 4 MiB, 4 % at 10 MiB. Compressed ones waste none.
		MaxBytes: 8 << 20,
		MaxWait:  500 * time.Millisecond,
		// Ten seconds of reading.
		MaxReplay:         10_000_000,
		CommitInterval:    time.Second,
		SessionTimeout:    15 * time.Second,
		HeartbeatInterval: 3 * time.Second,
		RebalanceTimeout:  30 * time.Second,
		MetadataInterval:  30 * time.Second,
		RetryBackoff:      250 * time.Millisecond,
		Timeout:           10 * time.Second,
	}
}

// ConfigError is one mistake in a Config.
type ConfigError struct {
	Path []string // the option, from the section's own root
	Text string
}

func (e *ConfigError) Error() string {
	path := ""
	for i, p := range e.Path {
		if i > 0 {
			path += "."
		}
		path += p
	}
	return path + ": " + e.Text
}

// Validate returns every mistake, each a *ConfigError, joined. It opens no
// file.
func (c *Config) Validate() error {
	var errs []error
	wrong := func(text string, path ...string) { errs = append(errs, &ConfigError{path, text}) }

	if len(c.Brokers) == 0 {
		wrong("name at least one broker as host:port", "brokers")
	}
	for _, b := range c.Brokers {
		if err := checkBroker(b); err != nil {
			wrong(fmt.Sprintf("%q: %v", b, err), "brokers")
		}
	}
	if len(c.Topics) == 0 {
		wrong("name at least one topic", "topics")
	}
	for i, t := range c.Topics {
		if !IsTopicName(t) {
			wrong(fmt.Sprintf("%q is no name of a topic: %s", t, TopicNameWords), "topics")
		} else if slices.Contains(c.Topics[:i], t) {
			wrong(fmt.Sprintf("%q is there twice", t), "topics")
		}
	}
	if c.GroupID == "" {
		wrong("must not be empty: members with the same group_id share the partitions", "group_id")
	}
	if c.InitialOffset != earliest && c.InitialOffset != latest {
		wrong(fmt.Sprintf("%q is none of %s, %s", c.InitialOffset, earliest, latest), "initial_offset")
	}
	c.TLS.validate(wrong)
	c.SASL.validate(wrong)
	inRange(wrong, c.MaxBytes, 1<<10, maxMaxBytes, "max_bytes")
	inRange(wrong, c.MaxWait, time.Millisecond, time.Minute, "max_wait")
	inRange(wrong, c.MaxReplay, 0, maxMaxReplay, "max_replay")
	inRange(wrong, c.CommitInterval, time.Millisecond, time.Hour, "commit_interval")
	inRange(wrong, c.SessionTimeout, 10*time.Millisecond, 30*time.Minute, "session_timeout")
	inRange(wrong, c.HeartbeatInterval, time.Millisecond, time.Minute, "heartbeat_interval")
	if c.HeartbeatInterval > c.SessionTimeout/3 {
		wrong(fmt.Sprintf("must be at most a third of session_timeout (%v), so that one lost heartbeat costs nothing, not %v",
			c.SessionTimeout, c.HeartbeatInterval), "heartbeat_interval")
	}
	inRange(wrong, c.RebalanceTimeout, 10*time.Millisecond, 30*time.Minute, "rebalance_timeout")
	inRange(wrong, c.MetadataInterval, time.Millisecond, time.Hour, "metadata_interval")
	inRange(wrong, c.RetryBackoff, time.Millisecond, time.Minute, "retry_backoff")
	inRange(wrong, c.Timeout, time.Millisecond, 5*time.Minute, "timeout")
	return errors.Join(errs...)
}

func inRange[T cmp.Ordered](wrong func(string, ...string), got, low, high T, path string) {
	if got < low || got > high {
		wrong(fmt.Sprintf("must be from %v to %v, not %v", low, high, got), path)
	}
}

func checkBroker(b string) error {
	host, port, err := net.SplitHostPort(b)
	if err != nil || host == "" {
		return errors.New("write host:port")
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		return fmt.Errorf("%q is no port", port)
	}
	return nil
}

// TopicNameWords say what IsTopicName wants.
const TopicNameWords = "letters, digits, '.', '_' and '-', at most 249"

// IsTopicName says whether a topic may have this name.
func IsTopicName(t string) bool {
	if t == "" || t == "." || t == ".." || len(t) > 249 {
		return false
	}
	for _, c := range []byte(t) {
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		if !letter && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

func (c *TLSConfig) validate(wrong func(string, ...string)) {
	if !c.Enabled {
		if *c != (TLSConfig{}) {
			wrong("is false, but other options of tls are set", "tls", "enabled")
		}
		return
	}
	if (c.CertFile == "") != (c.KeyFile == "") {
		wrong("cert_file and key_file go together", "tls", "cert_file")
	}
}

func (c *SASLConfig) validate(wrong func(string, ...string)) {
	switch c.Mechanism {
	case "":
		if *c != (SASLConfig{}) {
			wrong("is empty, but other options of sasl are set; it is one of "+mechanismsInWords, "sasl", "mechanism")
		}
		return
	case mechanismPlain, mechanismScram256, mechanismScram512:
	default:
		wrong(fmt.Sprintf("%q is none of %s", c.Mechanism, mechanismsInWords), "sasl", "mechanism")
	}
	if c.Username == "" {
		wrong("must not be empty", "sasl", "username")
	}
	switch {
	case c.PasswordFile == "" && c.PasswordEnv == "":
		wrong("name a file, or an environment variable in password_env", "sasl", "password_file")
	case c.PasswordFile != "" && c.PasswordEnv != "":
		wrong("and password_env exclude one another", "sasl", "password_file")
	}
}
