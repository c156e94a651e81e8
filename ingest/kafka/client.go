package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"

	kafkago "github.com/segmentio/kafka-go"
)

// client speaks to the cluster outside of the group protocol: topics, leaders,
// and the offsets with their metadata, which kafka-go's Generation can neither
// read nor write.
type client struct {
	*kafkago.Client
	net       *network
	transport *kafkago.Transport
	dialer    *kafkago.Dialer
}

// metadataTTL is how old what is known about topics and leaders may be. It is
// an upper bound: kafka-go asks again after a random share of it.
const metadataTTL = 5 * time.Second

// NewTransport returns how the brokers of a cluster are spoken to, for one who
// does not read these topics but something else. The configuration must be valid.
func NewTransport(cfg Config, topics []string) (*kafkago.Transport, error) {
	tls, err := cfg.TLS.load()
	if err != nil {
		return nil, err
	}
	return &kafkago.Transport{
		DialTimeout: cfg.Timeout,
		MetadataTTL: min(metadataTTL, cfg.MetadataInterval),
		// Without this it asks for every topic of the cluster.
		MetadataTopics: topics,
		ClientID:       cfg.ClientID,
		TLS:            tls,
		SASL:           cfg.SASL.mechanism(),
	}, nil
}

func (s *Source) newClient() (*client, error) {
	transport, err := NewTransport(s.cfg, s.cfg.Topics)
	if err != nil {
		return nil, err
	}
	n := newNetwork(s.cfg.Timeout)
	transport.Dial, transport.Context = n.dial, n.ctx
	c := &client{net: n, transport: transport}
	c.Client = &kafkago.Client{Addr: kafkago.TCP(s.cfg.Brokers...), Timeout: s.cfg.Timeout, Transport: c.transport}
	if c.dialer, err = s.newDialer(n); err != nil {
		return nil, err
	}
	return c, nil
}

func (s *Source) newDialer(n *network) (*kafkago.Dialer, error) {
	tls, err := s.cfg.TLS.load()
	if err != nil {
		return nil, err
	}
	return &kafkago.Dialer{
		ClientID:      s.cfg.ClientID,
		Timeout:       s.cfg.Timeout,
		DialFunc:      n.dial,
		TLS:           tls,
		SASLMechanism: s.cfg.SASL.mechanism(),
	}, nil
}

func (c *client) close() {
	c.transport.CloseIdleConnections()
	c.net.abort()
}

// forget drops what is cached about topics, leaders and brokers, a failure to
// ask included: kafka-go keeps the first failure until its next look.
func (c *client) forget() { c.transport.CloseIdleConnections() }

// layout is how many partitions each topic has that exists.
func (c *client) layout(ctx context.Context, topics []string) (map[string]int, error) {
	res, err := c.Metadata(ctx, &kafkago.MetadataRequest{Topics: topics})
	if err != nil {
		c.forget()
		return nil, err
	}
	layout := map[string]int{}
	for _, t := range res.Topics {
		switch {
		case errors.Is(t.Error, kafkago.UnknownTopicOrPartition):
		case t.Error != nil:
			return nil, fmt.Errorf("topic %s: %w", t.Name, t.Error)
		default:
			layout[t.Name] = len(t.Partitions)
		}
	}
	return layout, nil
}

// dialLeader connects to the broker that has a partition. kafka-go's own
// DialLeader looks the leader up in a way that creates a topic that is gone.
func (c *client) dialLeader(ctx context.Context, tp topicPartition) (*kafkago.Conn, error) {
	res, err := c.Metadata(ctx, &kafkago.MetadataRequest{Topics: []string{tp.topic}})
	if err != nil {
		return nil, err
	}
	for _, t := range res.Topics {
		if t.Error != nil {
			return nil, t.Error
		}
		for _, p := range t.Partitions {
			switch {
			case p.ID != tp.id:
			case p.Leader.Host == "":
				return nil, kafkago.LeaderNotAvailable
			default:
				return c.dialer.DialPartition(ctx, "tcp", "", p)
			}
		}
	}
	return nil, kafkago.UnknownTopicOrPartition
}

// committed is what the group has committed for a partition; offset -1 is
// nothing yet.
type committed struct {
	offset   int64
	metadata string
}

func (c *client) fetchCommitted(ctx context.Context, group string, tps []topicPartition) (map[topicPartition]committed, error) {
	req := &kafkago.OffsetFetchRequest{GroupID: group, Topics: map[string][]int{}}
	for _, tp := range tps {
		req.Topics[tp.topic] = append(req.Topics[tp.topic], tp.id)
	}
	res, err := c.OffsetFetch(ctx, req)
	if err != nil {
		return nil, err
	}
	if res.Error != nil {
		return nil, res.Error
	}
	all := map[topicPartition]committed{}
	for topic, ps := range res.Topics {
		for _, p := range ps {
			if p.Error != nil {
				return nil, p.Error
			}
			all[topicPartition{topic, p.Partition}] = committed{p.CommittedOffset, p.Metadata}
		}
	}
	for _, tp := range tps {
		if _, ok := all[tp]; !ok {
			return nil, fmt.Errorf("%s: the broker did not say what is committed", tp)
		}
	}
	return all, nil
}

// commit commits and returns what was refused.
func (c *client) commit(ctx context.Context, gen *kafkago.Generation, points map[topicPartition]committed) (map[topicPartition]error, error) {
	req := &kafkago.OffsetCommitRequest{
		GroupID: gen.GroupID, GenerationID: int(gen.ID), MemberID: gen.MemberID,
		Topics: map[string][]kafkago.OffsetCommit{},
	}
	for tp, p := range points {
		req.Topics[tp.topic] = append(req.Topics[tp.topic], kafkago.OffsetCommit{Partition: tp.id, Offset: p.offset, Metadata: p.metadata})
	}
	res, err := c.OffsetCommit(ctx, req)
	if err != nil {
		return nil, err
	}
	refused := map[topicPartition]error{}
	for topic, ps := range res.Topics {
		for _, p := range ps {
			if p.Error != nil {
				refused[topicPartition{topic, p.Partition}] = p.Error
			}
		}
	}
	return refused, nil
}

// topicPartition names a partition.
type topicPartition struct {
	topic string
	id    int
}

// String is the name of the stream.
func (tp topicPartition) String() string { return tp.topic + "/" + strconv.Itoa(tp.id) }

// explain says what a bare end of a connection usually means: brokers hang up
// without a word on a client that speaks plain text to a listener with TLS, or
// does not authenticate.
func explain(err error) error {
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns):
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: the broker closed the connection: does this listener want TLS or SASL?", err)
	}
	return err
}
