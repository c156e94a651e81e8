package kafka

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	kafkago "github.com/segmentio/kafka-go"
)

const (
	noCommitted = "cannot look up the committed offsets"
	noCommit    = "cannot commit"
)

// generation owns partitions until ctx ends, which is when the group rebalances
// or is left. Then every worker finishes the batch it is in, or gives it up if that
// waits, and what is acknowledged is committed: within the rebalance the old
// generation may still do so. A handler that takes longer than
// SessionTimeout is not to be helped: kafka-go sends no heartbeats meanwhile, this
// member is thrown out, and its last commit refused. It returns false when the group has to be built anew for other topics.
func (r *run) generation(ctx context.Context, gen *kafkago.Generation, layout map[string]int) (again bool) {
	ctx, end := context.WithCancel(ctx)
	defer end()
	owned := r.take(ctx, gen)
	if owned == nil {
		return true
	}
	r.joined.Store(true)
	var workers sync.WaitGroup
	for _, p := range owned {
		workers.Go(func() { p.work(ctx) })
	}
	again = r.keep(ctx, gen, owned, layout)
	end()
	workers.Wait()
	r.lastCommit(gen, owned)
	return again
}

// keep commits on a timer and looks for new topics and partitions, until ctx
// ends or there are some.
func (r *run) keep(ctx context.Context, gen *kafkago.Generation, owned []*partition, layout map[string]int) (again bool) {
	commits := time.NewTicker(r.cfg.CommitInterval)
	defer commits.Stop()
	looks := time.NewTicker(r.cfg.MetadataInterval)
	defer looks.Stop()
	for {
		select {
		case <-ctx.Done():
			return true
		case <-commits.C:
			_ = r.commit(ctx, gen, owned)
		case <-looks.C:
			now, err := r.topics(ctx)
			switch {
			case err != nil:
			case !slices.Equal(slices.Sorted(maps.Keys(now)), slices.Sorted(maps.Keys(layout))):
				r.log.Info("the topics have changed; joining the group anew", "topics", slices.Sorted(maps.Keys(now)))
				return false
			case !maps.Equal(now, layout):
				// Every member sees this and joins again; the one that leads
				// the group makes the rebalance.
				r.log.Info("the number of partitions has changed; joining again")
				maps.Copy(layout, now)
				return true
			}
		}
	}
}

// take finds out from where to read the partitions of a generation, and settles
// what that means for those of the last one. It returns nil when ctx ends
// before.
func (r *run) take(ctx context.Context, gen *kafkago.Generation) []*partition {
	var tps []topicPartition
	for topic, as := range gen.Assignments {
		for _, a := range as {
			tps = append(tps, topicPartition{topic, a.ID})
		}
	}
	if len(tps) == 0 {
		r.settle(nil)
		return []*partition{}
	}
	pause := backoff{first: r.cfg.RetryBackoff}
	for {
		// Generation has the offsets, but not what was committed with them.
		found, err := r.client.fetchCommitted(ctx, gen.GroupID, tps)
		if err == nil {
			r.recovered(r.log, noCommitted)
			return r.settle(found)
		}
		if ctx.Err() == nil {
			r.trouble(r.log, noCommitted, err)
			r.client.forget()
		}
		if !pause.wait(ctx) {
			return nil
		}
	}
}

// settle makes held what a new generation owns and tells who wants to know. A
// partition that was held before, and for which nobody else has committed
// since, goes on where it was, though the last commit may have failed: its
// lines were handled. It is neither revoked nor assigned.
func (r *run) settle(found map[topicPartition]committed) []*partition {
	var revoked, assigned []string
	for tp, p := range r.held {
		if c, ok := found[tp]; !ok || c.offset != p.committed.offset {
			delete(r.held, tp)
			revoked = append(revoked, tp.String())
			r.metrics.forget(tp)
			r.conditions.forget(p.stream)
		}
	}
	owned := []*partition{}
	for tp, c := range found {
		p := r.held[tp]
		if p == nil {
			p = newPartition(r, tp, c)
			r.held[tp] = p
			assigned = append(assigned, tp.String())
		}
		owned = append(owned, p)
	}
	slices.Sort(revoked)
	slices.Sort(assigned)
	if len(revoked) > 0 {
		r.log.Info("partitions revoked", "streams", revoked)
		r.o.Revoked(revoked)
	}
	if len(assigned) > 0 {
		r.log.Info("partitions assigned", "streams", assigned)
		r.o.Assigned(assigned)
	}
	return owned
}

// commit commits what has changed since the last time.
func (r *run) commit(ctx context.Context, gen *kafkago.Generation, owned []*partition) error {
	points := map[topicPartition]committed{}
	for _, p := range owned {
		if c, changed := p.due(); changed {
			points[p.tp] = c
		}
	}
	if len(points) == 0 {
		return nil
	}
	refused, err := r.client.commit(ctx, gen, points)
	for _, e := range refused {
		err = e
	}
	switch {
	case err == nil:
		r.metrics.commits.Inc()
		r.recovered(r.log, noCommit)
	case ctx.Err() != nil && len(refused) == 0:
		return err // given up halfway: the last commit is still to come
	default:
		r.metrics.commitFailures.Inc()
		r.trouble(r.log, noCommit, err)
	}
	if err != nil && len(refused) == 0 {
		return err // nobody knows what of it was done
	}
	for _, p := range owned {
		if c, ok := points[p.tp]; ok && refused[p.tp] == nil {
			p.committed = c
		}
	}
	return err
}

// commitTries is how often the last commit of a generation is tried.
const commitTries = 4

// lastCommit commits when all workers have ended. ctx of the generation is over,
// and a broker that is away must not keep this member from leaving.
func (r *run) lastCommit(gen *kafkago.Generation, owned []*partition) {
	ctx, cancel := context.WithTimeout(context.Background(), max(r.cfg.RebalanceTimeout/4, time.Second))
	defer cancel()
	pause := backoff{first: r.cfg.RetryBackoff}
	for range commitTries {
		err := r.commit(ctx, gen, owned)
		if err == nil || fenced(err) || !pause.wait(ctx) {
			return
		}
	}
}

// fenced says that the group has gone on without this generation: its offsets
// will not be taken however often they are offered.
func fenced(err error) bool {
	return errors.Is(err, kafkago.UnknownMemberId) || errors.Is(err, kafkago.IllegalGeneration) ||
		errors.Is(err, kafkago.RebalanceInProgress)
}
