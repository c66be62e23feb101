// Package graphitesink sends metrics to Graphite.
package graphitesink

import (
	"context"
	_ "embed"
	"net"
	"strconv"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/stages/internal/delivery"
	"gambolputty/stages/internal/tlsopt"
	"gambolputty/stages/internal/wire"
)

//go:embed graphitesink.md
var doc string

// Spec is the GraphiteSink module.
var Spec = actor.DefineSink(actor.Info{
	Name:     "GraphiteSink",
	Aliases:  []string{"output.Graphite"},
	Role:     actor.Output,
	Summary:  "Sends metrics to Graphite.",
	Doc:      doc,
	Parallel: true,
	Workers:  1,
	Example: `- GraphiteSink:
    server: 127.0.0.1
    formats: ['web.status_200_$(interval)s $(field_counts.200)',
              'web.all_$(interval)s $(total_count)']
`,
}, Options{Server: "localhost", Port: 2003, Proto: "tcp", Timing: Timing{wire.Defaults}, Client: tlsopt.ClientDefaults, Options: bulk()}, New)

func bulk() delivery.Options {
	o := delivery.Defaults(1, 5*time.Second, 50)
	o.Greedy = true // a write costs the same for one line and for all that wait
	return o
}

type sink struct {
	env     actor.Env
	opts    Options
	courier *delivery.Courier
	points  *points
	pickle  bool
	link    *wire.Link      // over TCP
	packets *wire.Datagrams // over UDP

	buf   []byte
	list  packets
	parts [][]byte
}

// New makes a GraphiteSink. It connects when the first events come.
func New(env actor.Env, o Options) (actor.Sink, error) {
	config, err := o.Config(env.Log)
	if err != nil {
		return nil, err
	}
	address := wire.Address{Network: o.Proto, Name: net.JoinHostPort(o.Server, strconv.Itoa(o.Port))}
	s := &sink{env: env, opts: o, courier: delivery.New(env, o.Options, address.Name), pickle: o.Pickle}
	if s.points, err = newPoints(env, &o); err != nil {
		return nil, err
	}
	if o.Proto == protoUDP {
		s.packets = wire.NewDatagrams(env, address)
		return s, nil
	}
	d := &wire.Dialer{Addresses: []wire.Address{address}, TLS: config, Connect: o.ConnectTimeout, Write: o.WriteTimeout, KeepAlive: o.KeepAlive, Local: !o.WaitForPeer}
	s.link = wire.NewLink(env, d, "", o.ResendBytes)
	return s, nil
}

// Open reaches out only if the program shall not start without the server.
func (s *sink) Open(ctx context.Context) error {
	if s.packets != nil {
		return s.courier.Require(ctx, s.packets.Connect)
	}
	return s.courier.Require(ctx, s.link.Connect)
}

// Write delivers the metrics of the batch. Their time stays the same however often it is tried.
func (s *sink) Write(ctx context.Context, b *actor.Batch) error {
	if s.env.CheckOnly {
		s.env.Warn("nothing is sent, because nothing must be reached")
		return nil
	}
	defer s.points.reset()
	now := time.Now()
	for e := range b.View() {
		s.points.add(e, now)
	}
	return s.courier.Deliver(ctx, b, s.send)
}

// send tries once.
func (s *sink) send(ctx context.Context, events []*event.Event, r *delivery.Report) {
	if s.packets != nil {
		s.sendPackets(ctx, events, r)
		return
	}
	if cap(s.buf) > keepBytes {
		s.buf = nil
	}
	s.buf = s.buf[:0]
	lines := 0
	if s.pickle {
		s.buf, lines = s.points.appendPickle(s.buf, events)
	} else {
		for p := range s.points.of(events) {
			s.buf = s.points.appendLine(s.buf, p)
			lines++
		}
	}
	if lines == 0 {
		return
	}
	if err := s.link.Send(ctx, s.buf); err != nil {
		r.AllLater(events, err)
		return
	}
	s.env.Count("metrics", lines)
}

// keepBytes is the memory that is kept from batch to batch.
const keepBytes = 1 << 20

// mostInPacket is what fits a packet of nearly every network, with its headers.
const mostInPacket = 1400

// packets are datagrams with as many lines as fit.
type packets struct {
	ends   []int
	owners []*event.Event // of the first line of each
}

func (s *sink) sendPackets(ctx context.Context, events []*event.Event, r *delivery.Report) {
	l := &s.list
	s.buf, s.parts, l.ends, l.owners = s.buf[:0], s.parts[:0], l.ends[:0], l.owners[:0]
	defer func() { clear(l.owners) }()
	start := 0
	for p := range s.points.of(events) {
		before := len(s.buf)
		s.buf = s.points.appendLine(s.buf, p)
		if before > start && len(s.buf)-start > mostInPacket {
			l.ends, start = append(l.ends, before), before
		}
		if len(l.owners) == len(l.ends) {
			l.owners = append(l.owners, p.owner)
		}
	}
	if start < len(s.buf) {
		l.ends = append(l.ends, len(s.buf))
	}
	start = 0
	for _, end := range l.ends {
		s.parts = append(s.parts, s.buf[start:end])
		start = end
	}
	s.sendParts(ctx, events, r)
}

// sendParts sends the datagrams. After an error the events of those that were not sent are tried
// again, from the first line on, which Graphite stores once.
func (s *sink) sendParts(ctx context.Context, events []*event.Event, r *delivery.Report) {
	for done := 0; done < len(s.parts); {
		n, err := s.packets.Send(ctx, s.parts[done:])
		for _, part := range s.parts[done : done+n] {
			s.env.Count("bytes", len(part))
		}
		done += n
		switch {
		case err == nil:
		case wire.TooLong(err): // one line of more than 64 KB
			s.env.Count("skipped", 1)
			s.env.Warn("metric skipped, it is too long for a datagram", "bytes", len(s.parts[done]))
			done++
		default:
			for i, e := range events {
				if e == s.list.owners[done] {
					r.AllLater(events[i:], err)
				}
			}
			return
		}
	}
}

// Close ends the connection in good order.
func (s *sink) Close(ctx context.Context) error {
	if s.packets != nil {
		s.packets.Close()
		return nil
	}
	return s.link.Close(ctx)
}
