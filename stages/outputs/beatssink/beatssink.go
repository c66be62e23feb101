// Package beatssink sends events to Logstash and everything else that speaks the lumberjack
// protocol.
package beatssink

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
	"gambolputty/actor/expr"
	"gambolputty/actor/option"
	"gambolputty/stages/internal/delivery"
	"gambolputty/stages/internal/tlsopt"
	"gambolputty/stages/internal/wire"
)

//go:embed beatssink.md
var doc string

// Spec is the BeatsSink module.
var Spec = actor.DefineSink(actor.Info{
	Name:     "BeatsSink",
	Aliases:  []string{"output.Beats"},
	Role:     actor.Output,
	Summary:  "Sends events to Logstash as a Beat does.",
	Doc:      doc,
	Parallel: true,
	Workers:  1,
	Example: `- BeatsSink:
    server: [logstash1:5044, logstash2:5044]
    loadbalance: True
`,
}, Options{
	Server: []string{"localhost:5044"}, Timeout: 30 * time.Second, CompressLevel: 3,
	Client: tlsopt.ClientDefaults, Options: delivery.Defaults(500, time.Second, 5000),
}, New)

// Options of the BeatsSink module.
type Options struct {
	Server        []string      `opt:"server" doc:"Server as host:port, with IPv6 addresses in brackets, or a list of them."`
	LoadBalance   bool          `opt:"loadbalance" doc:"Share the events of a batch among all servers. Otherwise the first server that answers gets them."`
	Timeout       time.Duration `opt:"timeout" min:"1ms" doc:"Seconds to wait for a server to connect, to take events and to acknowledge them."`
	Format        expr.Template `opt:"format" null:"true" doc:"Text that is sent as the field message. Without it, the whole event is sent."`
	CompressLevel int           `opt:"compress_level" min:"0" max:"9" doc:"Level of compression; 0 is none."`
	Interface     ofInput       `opt:"interface" null:"true" doc:"No option of this module, which connects to others: see server."`
	Port          ofInput       `opt:"port" null:"true" doc:"No option of this module, which connects to others: see server."`
	tlsopt.Client
	delivery.Options
}

// ofInput is an option that a former version took over from the input.
type ofInput struct{}

// OptionType describes the option in tables.
func (*ofInput) OptionType() string { return "nothing" }

// DecodeOption says what to write instead.
func (*ofInput) DecodeOption(v *option.Value) error {
	f := v.Faultf(option.NotAllowed, "is no option of this module, which does not listen")
	f.Hint = "write server: host:port to say where to connect to"
	return f
}

// Validate checks addresses, TLS and delivery.
func (o *Options) Validate() error {
	errs := []error{o.CheckTLS(), o.CheckDelivery()}
	if len(o.Server) == 0 {
		errs = append(errs, &option.Fault{Code: option.NotAllowed, Option: "server", Message: "needs at least one host:port"})
	}
	for _, a := range o.Server {
		if err := wire.CheckHostPort(a); err != nil {
			errs = append(errs, &option.Fault{Code: option.NotAllowed, Option: "server", Message: err.Error()})
		}
	}
	if o.LoadBalance && len(o.Server) == 1 {
		errs = append(errs, &option.Fault{Code: "W105", Option: "loadbalance", Message: "has no effect, because there is one server"})
	}
	return errors.Join(errs...)
}

// Reads names the certificate files.
func (o *Options) Reads() []actor.File { return o.FilesTLS() }

type sink struct {
	env     actor.Env
	courier *delivery.Courier
	frames  *frames
	window  int // most events of one
	lanes   []*lane
	turn    int // the lane that gets the first part of the next batch
}

// New makes a BeatsSink. It connects when the first events come.
func New(env actor.Env, o Options) (actor.Sink, error) {
	config, err := o.Config(env.Log)
	if err != nil {
		return nil, err
	}
	s := &sink{env: env, window: o.BatchSize, courier: delivery.New(env, o.Options, strings.Join(o.Server, ", ")), frames: newFrames(env, &o)}
	dialer := &wire.Dialer{TLS: config, Connect: o.Timeout, KeepAlive: 30 * time.Second}
	for _, a := range o.Server {
		dialer.Addresses = append(dialer.Addresses, wire.Address{Network: "tcp", Name: a})
	}
	count, first := 1, 0
	if o.LoadBalance {
		count, first = len(o.Server), env.Worker // workers do not all begin with the same server
	}
	for i := range count {
		packer, err := newPacker(o.CompressLevel)
		if err != nil {
			return nil, err
		}
		s.lanes = append(s.lanes, &lane{env: env, dialer: dialer, next: (first + i) % len(o.Server), patience: o.Timeout, packer: packer})
	}
	return s, nil
}

// Open reaches out only if the program shall not start without a server.
func (s *sink) Open(ctx context.Context) error {
	return s.courier.Require(ctx, s.lanes[0].connect)
}

// Write delivers the events of the batch.
func (s *sink) Write(ctx context.Context, b *actor.Batch) error {
	if s.env.CheckOnly {
		s.env.Warn("nothing is sent, because nothing must be reached")
		return nil
	}
	return s.courier.Deliver(ctx, b, s.send)
}

// send tries once. The events go in windows, each of which is waited for.
func (s *sink) send(ctx context.Context, events []*event.Event, r *delivery.Report) {
	for most := s.window * len(s.lanes); len(events) > 0; {
		n := min(most, len(events))
		err := s.share(ctx, events[:n], r)
		events = events[n:]
		if err != nil { // the rest waits, so that the order is kept
			r.AllLater(events, err)
			return
		}
	}
}

// share gives each lane a part of the events.
func (s *sink) share(ctx context.Context, events []*event.Event, r *delivery.Report) (err error) {
	count := min(len(s.lanes), len(events))
	first := s.turn
	s.turn = (s.turn + count) % len(s.lanes)
	var all sync.WaitGroup
	for i := range count {
		l := s.lanes[(first+i)%len(s.lanes)]
		l.events = events[len(events)*i/count : len(events)*(i+1)/count]
		l.packer.render(s.frames, l.events)
		if count == 1 {
			l.deliver(ctx)
			break
		}
		all.Go(func() { l.deliver(ctx) })
	}
	all.Wait()
	for i := range count {
		l := s.lanes[(first+i)%len(s.lanes)]
		if l.err != nil {
			err = l.err
			r.AllLater(l.events[l.confirmed:], l.err)
		}
		l.events = nil
	}
	return err
}

// Close ends the connections.
func (s *sink) Close(context.Context) error {
	for _, l := range s.lanes {
		l.drop()
	}
	return nil
}

// errAck says that a server acknowledges what it was not sent.
var errAck = errors.New("the server does not speak the lumberjack protocol as it should")

func wrong(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errAck, fmt.Sprintf(format, args...))
}
