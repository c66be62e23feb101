// Package tcpsink sends events over TCP or TLS.
package tcpsink

import (
	"context"
	_ "embed"
	"errors"
	"strings"
	"sync"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/stages/internal/delivery"
	"gambolputty/stages/internal/tlsopt"
	"gambolputty/stages/internal/wire"
)

//go:embed tcpsink.md
var doc string

// Spec is the TcpSink module.
var Spec = actor.DefineSink(actor.Info{
	Name:     "TcpSink",
	Aliases:  []string{"output.Tcp"},
	Role:     actor.Output,
	Forgets:  true,
	Summary:  "Sends events over TCP or TLS.",
	Doc:      doc,
	Parallel: true,
	Workers:  1,
	Example: `- TcpSink:
    address: [loghost1:5151, loghost2:5151]
    format: $(data)
`,
}, Options{
	Balance:     "failover",
	Framing:     "newline",
	Connections: 1,
	Timing:      Timing{wire.Defaults},
	Client:      tlsopt.ClientDefaults,
	Options:     bulk(),
}, New)

func bulk() delivery.Options {
	o := delivery.Defaults(500, time.Second, 5000)
	o.Greedy = true // a write costs the same for one event and for all that wait
	return o
}

// lane is one connection with what it carries of a batch.
type lane struct {
	*wire.Link
	events []*event.Event
	buf    []byte
	err    error
}

type sink struct {
	env     actor.Env
	courier *delivery.Courier
	frames  *frames
	abreast int // lanes for a batch
	lanes   []*lane
	used    []*lane
	turn    int // the first lane of the next batch
}

// New makes a TcpSink. It connects when the first events come.
func New(env actor.Env, o Options) (actor.Sink, error) {
	config, err := o.Config(env.Log)
	if err != nil {
		return nil, err
	}
	s := &sink{
		env: env, courier: delivery.New(env, o.Options, strings.Join(o.Address, ", ")), frames: newFrames(env, &o),
		abreast: o.Connections,
	}
	count := o.Connections
	if o.Balance == roundRobin {
		count = max(count, len(o.Address))
	}
	for i := range count {
		d := &wire.Dialer{TLS: config, Connect: o.ConnectTimeout, Write: o.WriteTimeout, KeepAlive: o.KeepAlive, Lines: o.Acknowledged != "", Local: !o.WaitForPeer}
		first := 0
		if o.Balance == roundRobin {
			first = i + env.Worker
		}
		for k := range o.Address {
			d.Addresses = append(d.Addresses, wire.Address{Network: "tcp", Name: o.Address[(first+k)%len(o.Address)]})
		}
		s.lanes = append(s.lanes, &lane{Link: wire.NewLink(env, d, o.Compression, o.ResendBytes)})
	}
	return s, nil
}

// Open reaches out only if the program shall not start without the peer.
func (s *sink) Open(ctx context.Context) error {
	return s.courier.Require(ctx, s.lanes[0].Connect)
}

// Write delivers the events of the batch.
func (s *sink) Write(ctx context.Context, b *actor.Batch) error {
	if s.env.CheckOnly {
		s.env.Warn("nothing is sent, because nothing must be reached")
		return nil
	}
	return s.courier.Deliver(ctx, b, s.send)
}

// send tries once.
func (s *sink) send(ctx context.Context, events []*event.Event, r *delivery.Report) {
	count := min(s.abreast, len(events))
	first := s.turn
	s.turn = (s.turn + count) % len(s.lanes)
	if count == 1 {
		if err := s.sendOver(ctx, s.lanes[first], events); err != nil {
			r.AllLater(events, err)
		}
		return
	}
	var all sync.WaitGroup
	used := s.used[:0]
	for i := range count {
		l := s.lanes[(first+i)%len(s.lanes)]
		l.events = events[len(events)*i/count : len(events)*(i+1)/count]
		l.render(s, len(l.events))
		used = append(used, l)
		all.Go(func() { l.err = l.Send(ctx, l.buf) })
	}
	all.Wait()
	for _, l := range used {
		if l.err != nil {
			r.AllLater(l.events, l.err)
		}
		l.events = nil
	}
	s.used = used
}

// partEvents is how many events are rendered before the peer gets them, while the others are
// rendered.
const partEvents = 1000

// sendOver sends events over one lane.
func (s *sink) sendOver(ctx context.Context, l *lane, events []*event.Event) error {
	l.events = events
	defer func() { l.events = nil }()
	for len(l.events) > 0 {
		n := min(partEvents, len(l.events))
		l.render(s, n)
		if err := l.Put(ctx, l.buf); err != nil {
			return err
		}
		l.events = l.events[n:]
	}
	return l.Settle(ctx)
}

// keepBytes is the memory of a lane that is kept from batch to batch.
const keepBytes = 4 << 20

// render writes the first events of the lane.
func (l *lane) render(s *sink, count int) {
	l.buf = l.buf[:0]
	if cap(l.buf) > keepBytes {
		l.buf = nil
	}
	for _, e := range l.events[:count] {
		l.buf = s.frames.append(l.buf, s.env.Payload(e))
	}
}

// Close ends all connections in good order.
func (s *sink) Close(ctx context.Context) error {
	errs := make([]error, len(s.lanes))
	var all sync.WaitGroup
	for i, l := range s.lanes {
		all.Go(func() { errs[i] = l.Close(ctx) })
	}
	all.Wait()
	return errors.Join(errs...)
}
