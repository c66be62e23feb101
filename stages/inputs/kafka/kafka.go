// Package kafka reads messages of Apache Kafka.
package kafka

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"

	"gambolputty/actor"
	"gambolputty/stages/internal/kafkaconn"
	"gambolputty/stages/internal/retry"
)

//go:embed kafka.md
var doc string

// Spec is the Kafka module.
var Spec = actor.DefineSource(actor.Info{
	Name:    "Kafka",
	Aliases: []string{"input.Kafka"},
	Role:    actor.Input,
	Summary: "Reads messages from topics of Apache Kafka.",
	Doc:     doc,
	Example: `- Kafka:
    brokers: ['kafka1:9092', 'kafka2:9092']
    topics: [nginx, apache]
    group_id: gambolputty
    auto_offset_reset: earliest
`,
}, defaults(), New)

// Times of the module.
const (
	// look is the pause between two looks for new topics and partitions.
	look = time.Minute
	// slowest is the pause after a refusal that only people can do something about.
	slowest = 30 * time.Second
	// farewell is how long Close waits for brokers that do not answer.
	farewell = 10 * time.Second
)

// spot is a partition of a topic.
type spot struct {
	topic     string
	partition int32
}

// source is the module at work.
type source struct {
	env    actor.Env
	opts   Options
	config *sarama.Config
	out    *actor.Outlet
	budget *atomic.Int64 // messages that may still be read; nil is any number
	topics *topics
	health *health

	// life ends in Close, when everything that was read has been answered; until then the
	// brokers are to believe that we are there. reading ends before that.
	life    context.Context
	end     context.CancelFunc
	reading context.Context
	finish  context.CancelCauseFunc
	readers gate
	ended   chan struct{} // closed when no goroutine speaks to the brokers any more
	hangUp  func()        // ends the connections, whoever waits for them
	mu      sync.Mutex    // guards hangUp
}

// New makes a Kafka.
func New(env actor.Env, o Options) (actor.Source, error) {
	c, err := o.Config(env.Log, o.Key)
	if err != nil {
		return nil, err
	}
	o.configure(c)
	s := &source{env: env, opts: o, config: c, topics: newTopics(env, &o), health: newHealth(retry.NewOutage(env, o.Target())), ended: make(chan struct{}), hangUp: func() {}}
	s.life, s.end = context.WithCancel(context.Background())
	if o.MessagesToRun > 0 {
		s.budget = new(atomic.Int64)
		s.budget.Store(o.MessagesToRun)
	}
	return s, nil
}

// Open reaches out only if the program shall not start without the brokers.
func (s *source) Open(ctx context.Context) error {
	err := retry.Required(ctx, s.opts.StartTimeout, func(ctx context.Context) error {
		c, err := s.connect(ctx)
		if err != nil {
			return err
		}
		return c.Close()
	})
	if err != nil {
		return fmt.Errorf("%s: %w", s.opts.Target(), err)
	}
	return nil
}

var (
	errFinished = errors.New("messages_to_read have been read")
	errReset    = errors.New("there is no offset to begin at, and auto_offset_reset is none")
)

// Run reads until ctx ends or enough has been read. The membership in the group goes on
// after it, so that what is still under way can be committed.
func (s *source) Run(ctx context.Context, out *actor.Outlet) error {
	s.out = out
	s.reading, s.finish = context.WithCancelCause(ctx)
	defer s.finish(nil)
	work := s.roam
	if s.opts.Group != "" {
		work = newGroup(s).work
	}
	go func() {
		defer close(s.ended)
		work()
	}()
	<-s.reading.Done()
	s.readers.shut()
	err := context.Cause(s.reading)
	switch {
	case errors.Is(err, errFinished):
		s.env.Log.Info("all messages have been read", "messages_to_read", s.opts.MessagesToRun)
	case ctx.Err() == nil:
		s.env.Quit(err)
		return err
	}
	return nil
}

// Close commits what has been delivered and ends the connections.
func (s *source) Close(context.Context) error {
	s.end()
	if s.reading == nil {
		return nil // it never ran
	}
	timer := time.NewTimer(farewell)
	defer timer.Stop()
	select {
	case <-s.ended:
	case <-timer.C:
		s.env.Log.Warn("the brokers do not answer, so what was delivered last may come again")
		s.mu.Lock()
		s.hangUp()
		s.mu.Unlock()
	}
	return nil
}

// connect makes a client.
func (s *source) connect(ctx context.Context) (sarama.Client, error) {
	return kafkaconn.Connect(ctx, s.opts.Addresses(), s.config)
}

// use notes how connections can be ended.
func (s *source) use(c sarama.Client) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hangUp = func() { c.Close() }
}

// persist runs session after session until reading has ended, with growing pauses after
// failures.
func (s *source) persist(session func() error) {
	backoff := retry.Inputs()
	for s.reading.Err() == nil {
		began := time.Now()
		err := session()
		if err == nil {
			backoff.Reset()
		}
		if err == nil || s.reading.Err() != nil {
			continue
		}
		if time.Since(began) > slowest {
			backoff.Reset()
		}
		s.health.failed(err)
		var least time.Duration
		if kafkaconn.Forbidden(err) {
			least = slowest
		}
		if backoff.WaitAtLeast(s.reading, least) != nil {
			return
		}
	}
}

// health tells the log about brokers that are away, for several goroutines.
type health struct {
	mu     sync.Mutex
	outage *retry.Outage
	down   atomic.Bool
	bad    context.Context // done while the brokers are away
	turn   context.CancelFunc
}

func newHealth(o *retry.Outage) *health {
	h := &health{outage: o}
	h.bad, h.turn = context.WithCancel(context.Background())
	return h
}

func (h *health) failed(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.outage.Failed(err)
	h.down.Store(true)
	h.turn()
}

// works is called for every batch, so it must not cost anything.
func (h *health) works() {
	if !h.down.Load() {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.down.Store(false)
	h.outage.Over()
	h.bad, h.turn = context.WithCancel(context.Background())
}

// trouble is done when the brokers are away the next time.
func (h *health) trouble() context.Context {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.bad
}

// gate counts those who are reading, until it is shut.
type gate struct {
	mu    sync.Mutex
	shuts bool
	in    sync.WaitGroup
}

// enter reports whether one more may read; leave must be called then.
func (g *gate) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shuts {
		return false
	}
	g.in.Add(1)
	return true
}

func (g *gate) leave() { g.in.Done() }

// shut lets nobody in any more and waits until all have left.
func (g *gate) shut() {
	g.mu.Lock()
	g.shuts = true
	g.mu.Unlock()
	g.in.Wait()
}
