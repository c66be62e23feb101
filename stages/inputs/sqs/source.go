//go:build aws

package sqs

import (
	"context"
	"fmt"
	"sync"
	"time"

	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"gambolputty/actor"
	"gambolputty/stages/internal/retry"
	"gambolputty/stages/internal/sqsconn"
)

const (
	// patience is how long an answer may take beyond the time for which a request waits.
	patience = 20 * time.Second
	// slowest is the pause after a refusal that only people can do something about.
	slowest = 30 * time.Second
	// farewell is how long a stop waits for what is left to be said to the service.
	farewell = 10 * time.Second
)

// source is one worker of the module.
type source struct {
	env    actor.Env
	opts   Options
	client *sqsconn.Client
	system []types.MessageSystemAttributeName
	reader reader
	held   *held

	keeping sync.WaitGroup
	end     context.CancelFunc // ends keeping
}

// New makes an SQS. It connects when it runs.
func New(env actor.Env, o Options) (actor.Source, error) {
	c, err := sqsconn.New(context.Background(), &o.Options)
	if err != nil {
		return nil, err
	}
	s := &source{env: env, opts: o, client: c, reader: newReader(env), held: newHeld(env, c, &o), end: func() {}}
	for _, a := range o.AttributeNames {
		s.system = append(s.system, types.MessageSystemAttributeName(a))
	}
	return s, nil
}

// Open reaches out only if the program shall not start without the queue.
func (s *source) Open(ctx context.Context) error {
	if err := retry.Required(ctx, s.opts.StartTimeout, s.client.Ping); err != nil {
		return fmt.Errorf("%s: %w", s.opts.Target(), err)
	}
	return nil
}

// Run fetches messages until ctx ends.
func (s *source) Run(ctx context.Context, out *actor.Outlet) error {
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	s.end = end
	s.keeping.Go(func() { s.held.keep(life) })
	outage, backoff := retry.NewOutage(s.env, s.opts.Target()), retry.Inputs()
	for ctx.Err() == nil {
		messages, err := s.fetch(ctx)
		if err != nil {
			if ctx.Err() != nil {
				break
			}
			outage.Failed(err)
			if backoff.WaitAtLeast(ctx, least(err)) != nil {
				break
			}
			continue
		}
		outage.Over()
		backoff.Reset()
		if s.emit(out, s.held.fresh(messages)) != nil {
			break // the program is being stopped by force
		}
		if len(messages) == 0 && s.opts.WaitTime == 0 {
			pause(ctx, s.opts.PollInterval)
		}
	}
	return nil
}

func least(err error) time.Duration {
	if sqsconn.Hopeless(err) {
		return slowest
	}
	return 0
}

// fetch asks for messages once. Those of an answer that a stop cuts off come back to the
// queue when their time is over.
func (s *source) fetch(ctx context.Context) ([]types.Message, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(s.opts.WaitTime)*time.Second+patience)
	defer cancel()
	url, err := s.client.URL(ctx)
	if err != nil {
		return nil, err
	}
	a, err := s.client.ReceiveMessage(ctx, &awssqs.ReceiveMessageInput{
		QueueUrl: url, MaxNumberOfMessages: int32(s.opts.BatchSize), WaitTimeSeconds: int32(s.opts.WaitTime), VisibilityTimeout: int32(s.opts.VisibilityTimeout),
		MessageSystemAttributeNames: s.system, MessageAttributeNames: s.opts.MessageAttributeNames,
	})
	if err != nil {
		return nil, fmt.Errorf("fetch messages of queue %s: %w", s.opts.QueueName(), err)
	}
	return a.Messages, nil
}

// emit sends messages on, in batches that the receivers like.
func (s *source) emit(out *actor.Outlet, messages []*message) error {
	for len(messages) > 0 {
		n := min(len(messages), max(1, out.Size()))
		b := out.Batch(s.opts.Target())
		for _, m := range messages[:n] {
			s.reader.fill(b.New(), m.Message)
		}
		if err := out.Emit(b, s.held.ticket(messages[:n])); err != nil {
			return fmt.Errorf("send messages on: %w", err)
		}
		messages = messages[n:]
	}
	return nil
}

// Close removes what has been delivered from the queue and gives the rest back.
func (s *source) Close(context.Context) error {
	s.end()
	s.keeping.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	return s.held.giveBack(ctx)
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
