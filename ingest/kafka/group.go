package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	kafkago "github.com/segmentio/kafka-go"
)

const (
	noCluster = "Kafka does not answer"
	noGroup   = "cannot join the consumer group"
	noTopics  = "topics do not exist"

	// leaveTimeout is how long leaving the group may take. kafka-go cannot be
	// told to stop while it waits for the other members to join.
	leaveTimeout = 3 * time.Second
)

// awaitTopics returns the configured topics that exist, once there is one, or
// nil when ctx has ended. A group that is given a topic that does not exist
// assigns no partition of any topic, so the missing ones are left out until
// they are there.
func (r *run) awaitTopics(ctx context.Context) map[string]int {
	pause := backoff{first: r.cfg.RetryBackoff}
	for {
		layout, err := r.topics(ctx)
		if err == nil && len(layout) > 0 {
			return layout
		}
		r.joined.Store(false)
		if err == nil {
			r.client.forget()
		}
		if !pause.wait(ctx) {
			return nil
		}
	}
}

// topics looks the configured topics up, and tells what is wrong with them.
func (r *run) topics(ctx context.Context) (map[string]int, error) {
	layout, err := r.client.layout(ctx, r.cfg.Topics)
	if err != nil {
		if !r.reached {
			err = explain(err)
		}
		if ctx.Err() == nil {
			r.trouble(r.log, noCluster, err)
		}
		return nil, err
	}
	r.reached = true
	r.recovered(r.log, noCluster)
	missing := slices.DeleteFunc(slices.Clone(r.cfg.Topics), func(t string) bool { _, ok := layout[t]; return ok })
	r.metrics.missing.Set(float64(len(missing)))
	if len(missing) > 0 {
		r.trouble(r.log, noTopics, errors.New(strings.Join(missing, ", ")))
	} else {
		r.recovered(r.log, noTopics)
	}
	return layout, nil
}

// member takes part in the group, for some topics, until ctx ends or another of
// the configured topics comes into being or goes. Its error is a mistake of
// ours.
func (r *run) member(ctx context.Context, layout map[string]int) error {
	network := newNetwork(r.cfg.Timeout)
	defer network.abort()
	dialer, err := r.newDialer(network)
	if err != nil {
		return err
	}
	group, err := kafkago.NewConsumerGroup(kafkago.ConsumerGroupConfig{
		ID:      r.cfg.GroupID,
		Brokers: r.cfg.Brokers,
		Dialer:  dialer,
		Topics:  slices.Sorted(maps.Keys(layout)),
		// Partition n of every topic goes to the same member, so that halves
		// that were keyed alike in two topics meet.
		GroupBalancers:    []kafkago.GroupBalancer{kafkago.RangeGroupBalancer{}},
		HeartbeatInterval: r.cfg.HeartbeatInterval,
		SessionTimeout:    r.cfg.SessionTimeout,
		RebalanceTimeout:  r.cfg.RebalanceTimeout,
		JoinGroupBackoff:  4 * r.cfg.RetryBackoff,
		Timeout:           r.cfg.Timeout,
		// Never WatchPartitionChanges: with a topic that is gone a member
		// rejoins hundreds of times a second. generation looks itself.
	})
	if err != nil {
		return fmt.Errorf("kafka: %w", err)
	}
	for ctx.Err() == nil {
		gen, err := group.Next(ctx)
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			r.joined.Store(false)
			r.trouble(r.log, noGroup, err)
			continue
		}
		r.recovered(r.log, noGroup)
		r.metrics.rebalances.Inc()
		again := make(chan bool, 1)
		gen.Start(func(gctx context.Context) {
			ok := r.generation(gctx, gen, layout)
			again <- ok
			if !ok {
				// To return is to join again, with a topic that may be gone;
				// and joining would create it.
				<-gctx.Done()
			}
		})
		select {
		case ok := <-again:
			if ok {
				continue
			}
			r.leave(group, network, nil)
			return nil
		case <-ctx.Done():
			r.leave(group, network, again)
			return nil
		}
	}
	r.leave(group, network, nil)
	return nil
}

// leave waits until the generation has ended, if there is one, and the group has
// been left: who exits before that leaves its partitions idle for a session
// timeout. It gives up leaving when that takes too long, but never a batch.
func (r *run) leave(group *kafkago.ConsumerGroup, network *network, ended <-chan bool) {
	left := make(chan struct{})
	go func() {
		_ = group.Close()
		close(left)
	}()
	if ended != nil {
		<-ended
	}
	defer time.AfterFunc(min(leaveTimeout, r.cfg.Timeout), network.abort).Stop()
	<-left
}
