// Package zmqsink sends events through ZeroMQ sockets.
package zmqsink

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/stages/internal/delivery"
	"gambolputty/stages/internal/zmqconn"
)

//go:embed zmqsink.md
var doc string

// Spec is the ZmqSink module.
var Spec = actor.DefineSink(actor.Info{
	Name:     "ZmqSink",
	Aliases:  []string{"output.Zmq"},
	Role:     actor.Output,
	Summary:  "Sends events through ZeroMQ sockets.",
	Doc:      doc,
	Parallel: true,
	Workers:  1,
	Example: `- ZmqSink:
    server: collector:5570
    pattern: pub
    topic: nginx
    format: $(data)
`,
}, Options{Server: []string{"localhost:5570"}, Pattern: "push", Mode: "connect", Connections: 10000, Options: bulk()}, New)

func bulk() delivery.Options {
	o := delivery.Defaults(500, 5*time.Second, 5000)
	o.Greedy = true // a receipt costs the same for one event and for all that wait
	return o
}

// Limits of a socket.
const (
	defaultMark = 1000
	// mostFromPeer is more than peers say, which are commands and subscriptions.
	mostFromPeer = 64 << 10
)

// carrier brings messages to peers.
type carrier interface {
	// serve uses a connection until it ends.
	serve(ctx context.Context, c *zmqconn.Conn) error
	// send brings the messages to peers. It tells r about those that did not arrive.
	send(ctx context.Context, m *messages, r *delivery.Report)
	// finish waits until nothing is under way.
	finish(ctx context.Context)
}

type sink struct {
	env      actor.Env
	opts     Options
	courier  *delivery.Courier
	hub      *zmqconn.Hub
	carrier  carrier
	messages messages

	stop    context.CancelFunc
	running sync.WaitGroup
	failed  chan error
}

// New makes a ZmqSink.
func New(env actor.Env, o Options) (actor.Sink, error) {
	keys, err := o.Keys()
	if err != nil {
		return nil, err
	}
	mark := defaultMark
	if o.HWM != nil {
		mark = *o.HWM
	}
	s := &sink{env: env, opts: o, courier: delivery.New(env, o.Options, strings.Join(o.Server, ", ")), failed: make(chan error, 1)}
	s.messages = newMessages(env, &o)
	kind := zmqconn.Push
	if o.Pattern == "pub" {
		kind, s.carrier = zmqconn.Pub, newPublisher(env, mark)
	} else {
		s.carrier = newPusher(env, mark, o.MaxRetries > 0)
	}
	s.hub = &zmqconn.Hub{
		Env: env, Config: zmqconn.Config{Kind: kind, Keys: keys, Most: mostFromPeer},
		Addresses: o.addresses, Bind: o.binds(), Longest: o.RetryMax, Connections: o.Connections, Serve: s.carrier.serve,
	}
	return s, nil
}

// Open binds, or reaches out if the program shall not start without a peer. Then peers may come.
func (s *sink) Open(ctx context.Context) error {
	if s.env.CheckOnly {
		return nil
	}
	switch {
	case s.opts.binds():
		if err := s.hub.Listen(); err != nil {
			return err
		}
	case s.opts.StartTimeout > 0:
		if err := s.courier.Connect(ctx, s.hub.Reach); err != nil {
			return err
		}
	}
	var running context.Context
	running, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	s.running.Go(func() {
		if err := s.hub.Run(running); err != nil {
			s.failed <- err
		}
	})
	return nil
}

// Write delivers the events of the batch.
func (s *sink) Write(ctx context.Context, b *actor.Batch) error {
	if s.env.CheckOnly {
		s.env.Warn("nothing is sent, because nothing must be reached")
		return nil
	}
	select {
	case err := <-s.failed:
		return fmt.Errorf("peers cannot connect any more: %w", err)
	default:
	}
	defer s.messages.reset()
	return s.courier.Deliver(ctx, b, s.send)
}

var errNoTopic = errors.New("a field of topic is missing")

// send tries once.
func (s *sink) send(ctx context.Context, events []*event.Event, r *delivery.Report) {
	s.messages.reset()
	for _, e := range events {
		if !s.messages.add(e) {
			r.Never(e, errNoTopic)
		}
	}
	if len(s.messages.cuts) == 0 {
		return
	}
	s.env.Count("bytes", len(s.messages.text))
	s.carrier.send(ctx, &s.messages, r)
}

// Close waits until nothing is under way and ends the connections.
func (s *sink) Close(ctx context.Context) error {
	if s.stop != nil {
		s.carrier.finish(ctx)
		s.stop()
	}
	s.hub.Close()
	s.running.Wait()
	return nil
}
