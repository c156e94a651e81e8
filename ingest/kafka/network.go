package kafka

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// network opens connections that can all be given up at once, and of which no
// read waits for ever: kafka-go sets no deadline while it authenticates or
// looks for a leader, and cannot be told to stop joining a group.
type network struct {
	limit time.Duration // of a read that has no deadline of its own
	ctx   context.Context
	abort context.CancelFunc // gives up every connection, and every later one
}

func newNetwork(limit time.Duration) *network {
	n := &network{limit: limit}
	n.ctx, n.abort = context.WithCancel(context.Background())
	return n
}

// dial is what kafka-go's dialer and transport call.
func (n *network) dial(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(n.ctx, cancel)()
	c, err := (&net.Dialer{Timeout: n.limit}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	conn := &bounded{Conn: c, limit: n.limit}
	conn.forget = context.AfterFunc(n.ctx, func() { _ = c.Close() })
	return conn, nil
}

// readAhead is how much a connection reads at once. kafka-go's own buffer of
// 4 KiB costs a system call for every four lines.
const readAhead = 64 << 10

// bounded gives a read without a deadline one, and reads ahead.
type bounded struct {
	net.Conn
	buf, ahead []byte // ahead is the part of buf that has not been taken
	limit      time.Duration
	deadline   atomic.Bool // somebody has set one
	once       sync.Once
	forget     func() bool
}

func (c *bounded) Read(p []byte) (int, error) {
	if len(c.ahead) == 0 {
		if len(p) >= readAhead {
			return c.read(p)
		}
		if c.buf == nil {
			c.buf = make([]byte, readAhead)
		}
		n, err := c.read(c.buf)
		if n == 0 {
			return 0, err
		}
		// An error comes again with the next read.
		c.ahead = c.buf[:n]
	}
	n := copy(p, c.ahead)
	c.ahead = c.ahead[n:]
	return n, nil
}

func (c *bounded) read(p []byte) (int, error) {
	if !c.deadline.Load() {
		if err := c.Conn.SetReadDeadline(time.Now().Add(c.limit)); err != nil {
			return 0, err
		}
	}
	return c.Conn.Read(p)
}

func (c *bounded) SetDeadline(t time.Time) error {
	c.deadline.Store(!t.IsZero())
	return c.Conn.SetDeadline(t)
}

func (c *bounded) SetReadDeadline(t time.Time) error {
	c.deadline.Store(!t.IsZero())
	return c.Conn.SetReadDeadline(t)
}

func (c *bounded) Close() error {
	c.once.Do(func() { c.forget() })
	return c.Conn.Close()
}
