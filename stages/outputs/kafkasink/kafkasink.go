// Package kafkasink writes events to topics of Apache Kafka.
package kafkasink

import (
	"context"
	_ "embed"
	"fmt"

	"github.com/IBM/sarama"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/stages/internal/delivery"
	"gambolputty/stages/internal/kafkaconn"
)

//go:embed kafkasink.md
var doc string

// Spec is the KafkaSink module.
var Spec = actor.DefineSink(actor.Info{
	Name:     "KafkaSink",
	Aliases:  []string{"output.Kafka"},
	Role:     actor.Output,
	Forgets:  true,
	Summary:  "Writes events to topics of Apache Kafka.",
	Doc:      doc,
	Parallel: true,
	Workers:  1,
	Example: `- KafkaSink:
    brokers: ['kafka1:9092', 'kafka2:9092']
    topic: logs-$(gambolputty.event_type)
    key: $(host)
    compression: zstd
`,
}, defaults(), New)

// sink is one worker of the module.
type sink struct {
	env      actor.Env
	opts     Options
	config   *sarama.Config
	courier  *delivery.Courier
	letters  *letters
	producer *producer
}

// New makes a KafkaSink. It connects when the first events come.
func New(env actor.Env, o Options) (actor.Sink, error) {
	c, err := o.Config(env.Log, o.TLSKey)
	if err != nil {
		return nil, err
	}
	o.configure(c)
	if o.Transaction != "" && env.Worker > 0 { // each must have an id of its own
		o.Transaction = fmt.Sprintf("%s.worker%d", o.Transaction, env.Worker+1)
	}
	s := &sink{env: env, opts: o, config: c, courier: delivery.New(env, o.Options, o.Target()), letters: newLetters(env, &o)}
	s.producer = newProducer(env, &s.opts, c)
	return s, nil
}

// Open reaches out only if the program shall not start without the brokers.
func (s *sink) Open(ctx context.Context) error {
	if err := s.courier.Require(ctx, s.producer.connect); err != nil {
		return fmt.Errorf("%s: %w", s.opts.Target(), err)
	}
	return nil
}

// Write delivers the events of the batch.
func (s *sink) Write(ctx context.Context, b *actor.Batch) error {
	s.letters.write(b)
	defer s.letters.forget()
	s.producer.begin()
	return s.courier.Deliver(ctx, b, s.send)
}

// send tries once.
func (s *sink) send(ctx context.Context, events []*event.Event, r *delivery.Report) {
	mail := s.letters.of(events, r)
	if len(mail) == 0 {
		return
	}
	err := s.producer.deliver(ctx, mail)
	for _, l := range mail {
		switch {
		case l.refused != nil:
			r.Never(l.Event, l.refused)
		case !l.done:
			r.Later(l.Event, l.trouble)
		default:
			s.env.Count("bytes", l.size)
		}
		if err == nil {
			err = l.trouble
		}
	}
	if kafkaconn.Forbidden(err) {
		r.Wait(s.opts.RetryMax)
	}
}

// Close ends the connections.
func (s *sink) Close(context.Context) error { return s.producer.close() }
