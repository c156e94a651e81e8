package kafka

import (
	"crypto/tls"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/plain"
)

// A broker that is away, at the start or later, is told once, makes the source
// not ready, and is waited for; then it goes on where it was.
func TestBrokerAway(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_, port, _ := net.SplitHostPort(addr)
	n, _ := strconv.Atoi(port)
	l.Close()
	dir := t.TempDir()
	broker := func() *cluster { return newCluster(t, 2, kfake.Ports(n), kfake.DataDir(dir)) }

	away := &cluster{t: t, addr: addr}
	m := away.start(starter{})
	eventually(t, "told", func() bool { return m.log.count(noCluster+"; trying again") == 1 })
	if m.Ready() {
		t.Error("ready without a broker")
	}
	c := broker()
	c.produce(testTopic, 0, numbered("a", 10))
	m.wants(10)
	eventually(t, "ready", m.Ready)
	eventually(t, "committed", func() bool { return c.commit(testTopic, 0).Offset == 10 })
	for range 2 {
		c.Close()
		eventually(t, "not ready", func() bool { return !m.Ready() })
		c = broker()
		before := len(m.got())
		c.produce(testTopic, 0, numbered("b", 5))
		c.produce(testTopic, 1, numbered("b", 5))
		m.wants(before + 10)
		eventually(t, "ready again", m.Ready)
	}
	eventually(t, "committed", func() bool { return c.commit(testTopic, 0).Offset == 20 })
	if err := m.stop(); err != nil {
		t.Error(err)
	}
	for stream, n := range map[string]int64{"logs/0": 20, "logs/1": 10} {
		if got := offsets(m.got(), stream); !slices.Equal(got, upTo(0, n)) {
			t.Error(stream, got)
		}
	}
	if n := m.log.count(noCluster + "; trying again"); n > 3 {
		t.Errorf("told %d times", n)
	}
	if got := m.callbacks(); got != "+logs/0 +logs/1 -logs/0 -logs/1" {
		t.Error(got)
	}
}

// A broker that takes the connection and says nothing keeps nobody from
// stopping.
func TestSilentBroker(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var accepted atomic.Int64
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
			accepted.Add(1)
		}
	}()
	silent := &cluster{t: t, addr: l.Addr().String()}
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, mechanism := range []string{"", "plain"} {
		m := silent.start(starter{cfg: func(cfg *Config) {
			cfg.Timeout = 30 * time.Millisecond
			if mechanism != "" {
				cfg.SASL = SASLConfig{Mechanism: mechanism, Username: "u", PasswordFile: file}
			}
		}})
		before := accepted.Load()
		eventually(t, "tried three times", func() bool { return accepted.Load() >= before+3 })
		eventually(t, "told", func() bool { return m.log.count(noCluster+"; trying again") == 1 })
		if err := m.stop(); err != nil || m.Ready() {
			t.Error(err)
		}
	}
}

func TestBoundedRead(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	n := newNetwork(20 * time.Millisecond)
	conn, err := n.dial(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	var timeout net.Error
	if _, err := conn.Read(make([]byte, 1)); !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Error(err)
	}
	// A deadline of the caller's own is longer, and aborting is sooner.
	conn.SetReadDeadline(time.Now().Add(time.Hour))
	time.AfterFunc(40*time.Millisecond, n.abort)
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
	if _, err := n.dial(t.Context(), "tcp", l.Addr().String()); err == nil {
		t.Error("dialled after abort")
	}
}

func TestSASL(t *testing.T) {
	t.Parallel()
	password := func(s string) string {
		file := filepath.Join(t.TempDir(), "password")
		if err := os.WriteFile(file, []byte(s+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	c := newCluster(t, 1, kfake.EnableSASL(),
		kfake.Superuser("PLAIN", "app", "secret"),
		kfake.Superuser("SCRAM-SHA-256", "app", "secret256"),
		kfake.Superuser("SCRAM-SHA-512", "app", "secret512"))
	c.produce(testTopic, 0, numbered("a", 3), kgo.SASL(plain.Auth{User: "app", Pass: "secret"}.AsMechanism()))

	for mechanism, secret := range map[string]string{"plain": "secret", "scram-sha-256": "secret256", "scram-sha-512": "secret512"} {
		m := c.start(starter{cfg: func(cfg *Config) {
			cfg.GroupID = mechanism
			cfg.SASL = SASLConfig{Mechanism: mechanism, Username: "app", PasswordFile: password(secret)}
		}})
		m.wants(3)
		m.stop()
	}

	// A password that is wrong is looked up again.
	file := password("wrong")
	m := c.start(starter{cfg: func(cfg *Config) {
		cfg.SASL = SASLConfig{Mechanism: "plain", Username: "app", PasswordFile: file}
	}})
	eventually(t, "told", func() bool { return m.log.count(noCluster) == 1 })
	if strings.Contains(m.log.String(), "wrong") {
		t.Error("the password is in the log")
	}
	if err := os.WriteFile(file, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	m.wants(3)
	m.stop()

	// No SASL where it is wanted ends the connection without a word.
	m = c.start(starter{})
	eventually(t, "told", func() bool { return m.log.count("does this listener want TLS or SASL?") == 1 })
	m.stop()
}

func TestTLS(t *testing.T) {
	t.Parallel()
	pair := httptest.NewTLSServer(nil) // for its certificate
	defer pair.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	block := &pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate().Raw}
	if err := os.WriteFile(ca, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	c := newCluster(t, 1, kfake.TLS(&tls.Config{Certificates: pair.TLS.Certificates}))
	c.produce(testTopic, 0, numbered("a", 3), kgo.DialTLSConfig(&tls.Config{InsecureSkipVerify: true}))
	for i, good := range []TLSConfig{
		{CAFile: ca},
		{CAFile: ca, ServerName: "example.com"},
		{InsecureSkipVerify: true},
	} {
		m := c.start(starter{cfg: func(cfg *Config) {
			cfg.GroupID = strconv.Itoa(i)
			cfg.TLS = good
			cfg.TLS.Enabled = true
		}})
		m.wants(3)
		m.stop()
	}
	for message, bad := range map[string]TLSConfig{
		"failed to verify certificate": {Enabled: true},
		"not elsewhere.example":        {Enabled: true, CAFile: ca, ServerName: "elsewhere.example"},
		"does this listener want TLS":  {},
	} {
		m := c.start(starter{cfg: func(cfg *Config) { cfg.TLS = bad }})
		eventually(t, message, func() bool { return m.log.count(message) > 0 })
		m.stop()
	}
}

func TestExplain(t *testing.T) {
	for _, err := range []error{io.EOF, io.ErrUnexpectedEOF} {
		if got := explain(err); !errors.Is(got, err) || !strings.Contains(got.Error(), "TLS or SASL") {
			t.Error(got)
		}
	}
	if err := errors.New("x"); explain(err) != err {
		t.Error("explained")
	}
}

// A partition that cannot be read says nothing about the others. They wait for
// it for a while, as long as one of them can be read; when none can, they all
// wait.
func TestOnePartitionAway(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2)
	c.produce(testTopic, 0, numbered("a", 5))
	c.produce(testTopic, 1, numbered("b", 5))
	m := c.start(starter{patience: 2 * time.Second})
	m.wants(10)
	eventually(t, "both are caught up", func() bool { return m.CaughtUp("logs/0") && m.CaughtUp("logs/1") })

	fault := kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Topic: testTopic, Partitions: []int32{0}, Err: kerr.NotLeaderForPartition, Count: -1}
	first := c.Fault(fault)
	eventually(t, "the one is not", func() bool { return !m.CaughtUp("logs/0") })
	if !m.CaughtUp("logs/1") || m.Ready() {
		t.Error("the other is caught up:", m.CaughtUp("logs/1"), "ready:", m.Ready())
	}
	eventually(t, "nobody waits for it any more", func() bool { return m.CaughtUp("logs/0") })

	fault.Partitions = []int32{1}
	second := c.Fault(fault)
	eventually(t, "neither can be read", func() bool { return !m.CaughtUp("logs/1") })
	time.Sleep(3 * time.Second)
	if m.CaughtUp("logs/0") || m.CaughtUp("logs/1") {
		t.Error("somebody is caught up, and the broker is away")
	}
	first.Remove()
	second.Remove()
	eventually(t, "both are caught up again", func() bool { return m.Ready() && m.CaughtUp("logs/0") && m.CaughtUp("logs/1") })
}
