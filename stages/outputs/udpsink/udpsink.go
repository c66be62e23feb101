// Package udpsink sends events as UDP datagrams.
package udpsink

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/expr"
	"gambolputty/actor/option"
	"gambolputty/stages/internal/delivery"
	"gambolputty/stages/internal/render"
	"gambolputty/stages/internal/wire"
)

//go:embed udpsink.md
var doc string

// Spec is the UdpSink module.
var Spec = actor.DefineSink(actor.Info{
	Name:     "UdpSink",
	Aliases:  []string{"output.Udp"},
	Role:     actor.Output,
	Summary:  "Sends each event as a UDP datagram.",
	Doc:      doc,
	Parallel: true,
	Workers:  1,
	Example: `- UdpSink:
    address: loghost:5152
    format: $(data)
`,
}, Options{Address: "localhost:514", MaxSize: mostInDatagram, Newline: true, Options: bulk()}, New)

func bulk() delivery.Options {
	o := delivery.Defaults(500, 5*time.Second, 500)
	o.Greedy = true
	return o
}

// mostInDatagram is what fits a datagram over IPv4: 65535 bytes without the headers.
const mostInDatagram = 65507

// Options of the UdpSink module. batch_size and store_interval_in_secs are taken and have no
// effect.
type Options struct {
	Address string        `opt:"address" doc:"Receiver as host:port, with IPv6 addresses in brackets."`
	Format  expr.Template `opt:"format" null:"true" doc:"Text of a datagram. Without it, it is the whole event as JSON."`
	MaxSize int           `opt:"max_packet_size" min:"1" max:"65507" doc:"Most bytes of a datagram, the newline included. Longer events are rejected. Above about 1400 networks divide datagrams, and lose them more often."`
	Newline bool          `opt:"append_newline" doc:"End each datagram with a newline."`
	delivery.Options
}

// Validate checks the address.
func (o *Options) Validate() error {
	o.StoreInterval = 0 // datagrams do not wait for others
	errs := []error{o.CheckDelivery()}
	if err := wire.CheckHostPort(o.Address); err != nil {
		errs = append(errs, &option.Fault{Code: option.NotAllowed, Option: "address", Message: err.Error()})
	}
	return errors.Join(errs...)
}

type sink struct {
	env       actor.Env
	opts      Options
	courier   *delivery.Courier
	line      *render.Line
	datagrams *wire.Datagrams
	packets   wire.Packets
	events    []*event.Event
}

// New makes a UdpSink.
func New(env actor.Env, o Options) (actor.Sink, error) {
	return &sink{
		env: env, opts: o, courier: delivery.New(env, o.Options, o.Address), line: render.NewLine(env, o.Format),
		datagrams: wire.NewDatagrams(env, wire.Address{Network: "udp", Name: o.Address}),
	}, nil
}

// Open looks the name up only if the program shall not start without it.
func (s *sink) Open(ctx context.Context) error {
	return s.courier.Require(ctx, s.datagrams.Connect)
}

// Write sends the events of the batch.
func (s *sink) Write(ctx context.Context, b *actor.Batch) error {
	if s.env.CheckOnly {
		s.env.Warn("nothing is sent, because nothing must be reached")
		return nil
	}
	defer s.forget()
	return s.courier.Deliver(ctx, b, s.send)
}

func (s *sink) forget() {
	clear(s.events)
	s.events = s.events[:0]
}

// send tries once.
func (s *sink) send(ctx context.Context, events []*event.Event, r *delivery.Report) {
	s.packets.Reset()
	s.events = s.events[:0]
	for _, e := range events {
		size := s.packets.Append(func(dst []byte) []byte { return s.append(dst, e) })
		if size > s.opts.MaxSize {
			s.packets.Drop()
			r.Never(e, fmt.Errorf("%d bytes are more than max_packet_size, which is %d", size, s.opts.MaxSize))
			continue
		}
		s.events = append(s.events, e)
	}
	s.datagrams.Deliver(ctx, s.events, &s.packets, r)
}

func (s *sink) append(dst []byte, e *event.Event) []byte {
	dst = s.line.AppendText(dst, s.env.Payload(e))
	if s.opts.Newline {
		dst = append(dst, '\n')
	}
	return dst
}

// Close gives the socket back.
func (s *sink) Close(context.Context) error {
	s.datagrams.Close()
	return nil
}
