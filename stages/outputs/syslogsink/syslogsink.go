// Package syslogsink sends events to syslog servers and to the local syslog socket.
package syslogsink

import (
	"context"
	_ "embed"
	"errors"
	"strings"
	"syscall"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/expr"
	"gambolputty/stages/internal/delivery"
	"gambolputty/stages/internal/eventtime"
	"gambolputty/stages/internal/tlsopt"
	"gambolputty/stages/internal/wire"
)

//go:embed syslogsink.md
var doc string

// Spec is the SyslogSink module.
var Spec = actor.DefineSink(actor.Info{
	Name:     "SyslogSink",
	Aliases:  []string{"output.Syslog"},
	Role:     actor.Output,
	Summary:  "Sends events to a syslog server or to the local syslog socket.",
	Doc:      doc,
	Parallel: true,
	Workers:  1,
	Example: `- SyslogSink:
    format: $(data)
    address: loghost:514
    proto: udp
    facility: local0
`,
}, Options{
	Address:  []string{"localhost:514"},
	Proto:    "tcp",
	Facility: code{template("user")},
	Severity: code{template("info")},
	Style:    raw,
	Framing:  newline,
	AppName:  template("gambolputty"),
	Timing:   Timing{wire.Defaults},
	Client:   tlsopt.ClientDefaults,
	Options:  bulk(),
	Clock:    eventtime.Clock{TimeZone: "local"},
}, New)

func bulk() delivery.Options {
	o := delivery.Defaults(500, 0, 5000)
	o.Greedy = true
	return o
}

// template compiles a default.
func template(s string) expr.Template {
	t, err := expr.ParseTemplate(s)
	if err != nil {
		panic("syslogsink: " + err.Error()) // the text is a constant
	}
	return t
}

type sink struct {
	env      actor.Env
	opts     Options
	courier  *delivery.Courier
	messages *messages
	stream   *wire.Link      // nil if the address cannot have one
	packets  *wire.Datagrams // likewise
	prefer   bool            // the stream comes first
	buf      []byte
	list     wire.Packets
}

// New makes a SyslogSink. It connects when the first events come.
func New(env actor.Env, o Options) (actor.Sink, error) {
	config, err := o.Config(env.Log)
	if err != nil {
		return nil, err
	}
	s := &sink{env: env, opts: o, courier: delivery.New(env, o.Options, strings.Join(o.Address, ", ")), messages: newMessages(env, &o), prefer: o.Proto != protoUDP}
	d := &wire.Dialer{Addresses: o.addresses, TLS: config, Connect: o.ConnectTimeout, Write: o.WriteTimeout, KeepAlive: o.KeepAlive, Local: !o.WaitForPeer}
	path := o.addresses[0].Network == "unix"
	if s.prefer || path {
		s.stream = wire.NewLink(env, d, "", o.ResendBytes)
	}
	switch {
	case path:
		s.packets = wire.NewDatagrams(env, wire.Address{Network: "unixgram", Name: o.addresses[0].Name})
	case !s.prefer:
		s.packets = wire.NewDatagrams(env, o.addresses[0])
	}
	return s, nil
}

// Open reaches out only if the program shall not start without the server.
func (s *sink) Open(ctx context.Context) error {
	return s.courier.Require(ctx, func(ctx context.Context) error {
		_, err := s.connect(ctx)
		return err
	})
}

// Write delivers the events of the batch.
func (s *sink) Write(ctx context.Context, b *actor.Batch) error {
	if s.env.CheckOnly {
		s.env.Warn("nothing is sent, because nothing must be reached")
		return nil
	}
	return s.courier.Deliver(ctx, b, s.send)
}

// connect makes sure that there is a way to the server, and tells whether it is a stream. At a
// path there may be a socket of the other kind.
func (s *sink) connect(ctx context.Context) (stream bool, err error) {
	try := func(stream bool) error {
		if stream {
			return s.stream.Connect(ctx)
		}
		return s.packets.Connect(ctx)
	}
	if s.stream == nil || s.packets == nil {
		return s.prefer, try(s.prefer)
	}
	first := try(s.prefer)
	if first == nil {
		return s.prefer, nil
	}
	if errors.Is(first, syscall.EPROTOTYPE) || errors.Is(first, syscall.ECONNREFUSED) {
		if try(!s.prefer) == nil {
			s.prefer = !s.prefer // it stays like that until it fails
			return s.prefer, nil
		}
	}
	return false, first
}

// send tries once.
func (s *sink) send(ctx context.Context, events []*event.Event, r *delivery.Report) {
	stream, err := s.connect(ctx)
	if err != nil {
		r.AllLater(events, err)
		return
	}
	if cap(s.buf) > keepBytes {
		s.buf = nil
	}
	s.buf = s.buf[:0]
	now := time.Now()
	if !stream {
		s.sendPackets(ctx, events, now, r)
		return
	}
	if err := s.sendStream(ctx, events, now); err != nil {
		r.AllLater(events, err)
	}
}

// partEvents is how many messages are rendered before the server gets them, while the others are
// rendered.
const partEvents = 1000

func (s *sink) sendStream(ctx context.Context, events []*event.Event, now time.Time) error {
	for len(events) > 0 {
		n := min(partEvents, len(events))
		s.buf = s.buf[:0]
		for _, e := range events[:n] {
			s.buf = s.messages.appendFrame(s.buf, e, now)
		}
		if err := s.stream.Put(ctx, s.buf); err != nil {
			return err
		}
		events = events[n:]
	}
	return s.stream.Settle(ctx)
}

// keepBytes is the memory that is kept from batch to batch.
const keepBytes = 4 << 20

func (s *sink) sendPackets(ctx context.Context, events []*event.Event, now time.Time, r *delivery.Report) {
	s.list.Reset()
	for _, e := range events {
		s.list.Append(func(dst []byte) []byte { return s.messages.appendPacket(dst, e, now) })
	}
	s.packets.Deliver(ctx, events, &s.list, r)
}

// Close ends the connection in good order.
func (s *sink) Close(ctx context.Context) error {
	if s.packets != nil {
		s.packets.Close()
	}
	if s.stream == nil {
		return nil
	}
	return s.stream.Close(ctx)
}
