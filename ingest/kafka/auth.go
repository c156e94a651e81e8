package kafka

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"strings"

	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"
)

// load reads the files; nil without an error is no TLS.
func (c *TLSConfig) load() (*tls.Config, error) {
	if !c.Enabled {
		return nil, nil
	}
	t := &tls.Config{
		ServerName:         c.ServerName,
		InsecureSkipVerify: c.InsecureSkipVerify,
		MinVersion:         tls.VersionTLS12,
	}
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, &ConfigError{[]string{"tls", "ca_file"}, err.Error()}
		}
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM(pem) {
			return nil, &ConfigError{[]string{"tls", "ca_file"}, c.CAFile + ": no certificate in it"}
		}
	}
	if c.CertFile != "" {
		cert, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
		if err != nil {
			return nil, &ConfigError{[]string{"tls", "cert_file"}, err.Error()}
		}
		t.Certificates = []tls.Certificate{cert}
	}
	return t, nil
}

func (c *SASLConfig) password() (string, error) {
	if c.PasswordEnv != "" {
		p, ok := os.LookupEnv(c.PasswordEnv)
		if !ok || p == "" {
			return "", &ConfigError{[]string{"sasl", "password_env"}, fmt.Sprintf("there is no environment variable %s, or it is empty", c.PasswordEnv)}
		}
		return p, nil
	}
	b, err := os.ReadFile(c.PasswordFile)
	if err != nil {
		return "", &ConfigError{[]string{"sasl", "password_file"}, err.Error()}
	}
	p := strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r")
	if p == "" {
		return "", &ConfigError{[]string{"sasl", "password_file"}, c.PasswordFile + ": is empty"}
	}
	return p, nil
}

// mechanism is nil when there is none.
func (c *SASLConfig) mechanism() sasl.Mechanism {
	if c.Mechanism == "" {
		return nil
	}
	return &mechanism{*c}
}

// mechanism looks up the password at every start.
type mechanism struct{ SASLConfig }

func (m *mechanism) Name() string { return strings.ToUpper(m.Mechanism) }

func (m *mechanism) Start(ctx context.Context) (sasl.StateMachine, []byte, error) {
	password, err := m.password()
	if err != nil {
		return nil, nil, err
	}
	var once sasl.Mechanism
	switch m.Mechanism {
	case mechanismPlain:
		once = plain.Mechanism{Username: m.Username, Password: password}
	case mechanismScram256:
		once, err = scram.Mechanism(scram.SHA256, m.Username, password)
	default:
		once, err = scram.Mechanism(scram.SHA512, m.Username, password)
	}
	if err != nil {
		return nil, nil, err
	}
	return once.Start(ctx)
}
