package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/IBM/sarama"

	"gambolputty/stages/internal/retry"
)

// group reads as a member of a consumer group. A member lives as long as the source has
// events under way, so that their offsets can be committed.
type group struct {
	*source
	client sarama.Client
	member sarama.ConsumerGroup

	mu      sync.Mutex
	kept    map[spot]position // where we were when we had a partition last
	invalid map[spot]bool     // whose offset is not there any more
	cause   error             // the last failure that concerns all partitions
}

// position is how far a partition has been delivered, and who we were in the group then.
type position struct {
	next   int64
	member string
}

func newGroup(s *source) *group {
	return &group{source: s, kept: map[spot]position{}, invalid: map[spot]bool{}}
}

// work is a member of the group until all that was read has been answered.
func (g *group) work() {
	g.persist(g.session)
	if g.member != nil {
		if err := g.member.Close(); err != nil && g.life.Err() == nil {
			g.env.Log.Warn("the group could not be left, so its partitions move after session_timeout_ms only", "error", err)
		}
	}
	if g.client != nil {
		g.client.Close() // what there was to say has been said
	}
}

// session is a member of the group until partitions move, topics come or go, or something
// fails. The error is nil if a new session may begin at once.
func (g *group) session() error {
	if err := g.join(); err != nil {
		return err
	}
	names, err := g.topics.find(g.client)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		g.health.works()
		g.await(g.reading, nil)
		return nil
	}
	ctx, cancel := context.WithCancel(g.life)
	defer cancel()
	var watch sync.WaitGroup
	watch.Go(func() {
		if g.await(ctx, names) {
			cancel()
		}
	})
	g.setCause(nil)
	err = g.member.Consume(ctx, names, g)
	cancel()
	watch.Wait()
	if g.life.Err() != nil {
		return nil
	}
	if cause := g.setCause(nil); err == nil && !g.astray() {
		err = cause
	}
	if err != nil {
		return fmt.Errorf("consumer group %s: %w", g.opts.Group, err)
	}
	return nil
}

// join makes the connections, if there are none yet.
func (g *group) join() error {
	if g.member != nil {
		return nil
	}
	c, err := g.connect(g.reading)
	if err != nil {
		return err
	}
	m, err := sarama.NewConsumerGroupFromClient(g.opts.Group, c)
	if err != nil {
		return errors.Join(err, c.Close())
	}
	g.client, g.member = c, m
	g.use(c)
	context.AfterFunc(g.reading, m.PauseAll)
	go func() {
		for err := range m.Errors() {
			g.note(err)
		}
	}()
	return nil
}

// await looks for topics until there are others than these. It reports whether there are.
func (g *group) await(ctx context.Context, than []string) bool {
	backoff := retry.Inputs()
	for g.topics.rest(ctx, &backoff) {
		names, err := g.topics.find(g.client)
		if err == nil && !slices.Equal(names, than) {
			return true
		}
	}
	return false
}

func (g *group) setCause(err error) (before error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	before, g.cause = g.cause, err
	return before
}

// astray reports whether the session has ended because of an offset out of range, so that
// there is no reason to wait.
func (g *group) astray() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.invalid) > 0
}

// note takes notice of a failure that did not come back from Consume.
func (g *group) note(err error) {
	at := spot{partition: -1}
	if c, ok := errors.AsType[*sarama.ConsumerError](err); ok {
		at, err = spot{c.Topic, c.Partition}, c.Err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case errors.Is(err, sarama.ErrOffsetOutOfRange):
		g.invalid[at] = true // the next session begins elsewhere
	case at.partition >= 0:
		g.complain(at, err)
	default:
		g.env.Warn("the group has a problem", "group_id", g.opts.Group, "error", err)
	}
}

// Setup is called at the begin of a session, before any partition is read.
func (g *group) Setup(s sarama.ConsumerGroupSession) error {
	g.health.works()
	n := 0
	for _, list := range s.Claims() {
		n += len(list)
	}
	g.env.Log.Info("partitions assigned", "group_id", g.opts.Group, "partitions", n, "member", s.MemberID(), "generation", s.GenerationID())
	return g.begin(s)
}

// Cleanup is called at the end of a session, before the last commit.
func (g *group) Cleanup(s sarama.ConsumerGroupSession) error {
	cause := context.Cause(s.Context())
	if cause == nil || isOneOf(cause, context.Canceled, sarama.ErrRebalanceInProgress, sarama.ErrSessionPartitionCountChanged, sarama.ErrUnknownMemberId, sarama.ErrIllegalGeneration) {
		g.env.Log.Debug("partitions given back", "cause", cause)
		return nil
	}
	g.setCause(cause)
	return nil
}

func isOneOf(err error, targets ...error) bool {
	return slices.ContainsFunc(targets, func(t error) bool { return errors.Is(err, t) })
}

// ConsumeClaim reads one partition until it is taken away, and then waits, but not for ever,
// until all that was read of it has been answered.
func (g *group) ConsumeClaim(s sarama.ConsumerGroupSession, c sarama.ConsumerGroupClaim) error {
	at := spot{c.Topic(), c.Partition()}
	if g.opts.Reset == "none" && c.InitialOffset() < 0 {
		g.finish(fmt.Errorf("topic %s, partition %d: %w", at.topic, at.partition, errReset))
		return nil
	}
	t := newTrack(s, at)
	gone := make(chan struct{}) // the partition is not ours any more
	done := make(chan struct{}) // nothing is read of it any more
	if g.readers.enter() {
		stop, cancel := context.WithCancel(s.Context())
		defer cancel()
		defer context.AfterFunc(g.reading, cancel)()
		r := g.newReader(at, t.open)
		go func() {
			defer g.readers.leave()
			defer close(done)
			r.read(c.Messages(), stop.Done())
		}()
	} else {
		close(done)
	}
	go func() {
		defer close(gone)
		select {
		case <-s.Context().Done():
			return
		case <-done:
		}
		for { // the member lives on without reading, until all has been answered
			select {
			case _, ok := <-c.Messages():
				if !ok {
					return
				}
			case <-s.Context().Done():
				return
			}
		}
	}()
	<-gone
	g.handOver(t, done, s.MemberID())
	return nil
}

// handOver waits for what is under way.
func (g *group) handOver(t *track, done <-chan struct{}, member string) {
	ctx, cancel := context.WithTimeout(g.life, g.opts.handover())
	defer cancel()
	select {
	case <-done:
	case <-ctx.Done():
	}
	err := t.ledger.Wait(ctx)
	next := t.detach()
	if err != nil && g.life.Err() == nil {
		g.env.Log.Warn("a partition was taken away before all of its events were delivered, so some will come again", "topic", t.topic, "partition", t.partition, "committed", next)
	}
	if next >= 0 {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.kept[t.spot] = position{next, member}
	}
}
