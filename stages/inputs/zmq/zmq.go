// Package zmq receives messages from ZeroMQ sockets.
package zmq

import (
	"context"
	_ "embed"
	"errors"
	"strings"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/option"
	"gambolputty/stages/internal/retry"
	"gambolputty/stages/internal/zmqconn"
)

//go:embed zmq.md
var doc string

// Spec is the Zmq module.
var Spec = actor.DefineSource(actor.Info{
	Name:    "Zmq",
	Aliases: []string{"ZmqTornado", "input.ZeroMQ", "input.ZmqTornado"},
	Role:    actor.Input,
	Summary: "Receives messages from ZeroMQ sockets.",
	Doc:     doc,
	Example: `- Zmq:
    mode: server
    address: '*:5570'
    pattern: sub
    topic: nginx
`,
}, Options{Mode: "server", Address: []string{"*:5570"}, Pattern: "pull", Receipts: "taken", MaxMessage: 64 << 20, Connections: 10000}, New)

// Options of the Zmq module.
type Options struct {
	Mode      string   `opt:"mode" enum:"server|client|bind|connect" doc:"server (or bind) waits for peers, client (or connect) connects to them."`
	Address   []string `opt:"address" doc:"Where to bind or to connect to, one or several: host:port, with * for all addresses of this host and IPv6 addresses in brackets, or ipc:// with the path of a socket."`
	Pattern   string   `opt:"pattern" enum:"pull|sub" doc:"pull takes what peers push, sub what they publish."`
	Topic     string   `opt:"topic" null:"true" doc:"For sub: what the topic must begin with; empty is everything."`
	HWM       *int     `opt:"hwm" min:"1" doc:"High water mark: most messages of a peer that are read ahead of the receivers. The default is 1000."`
	Separator string   `opt:"separator" null:"true" doc:"For sub: text between topic and payload in messages of one frame. The default is a blank."`
	Receipts  string   `opt:"receipts" enum:"taken|delivered" doc:"When a PING of ZmqSink is answered, which is the receipt for what came before it: when it has been handed on, or when it has been delivered."`
	zmqconn.CurveOptions
	MaxMessage   int           `opt:"max_message_size" min:"1" max:"2147483647" doc:"Most bytes of a frame. A peer that sends more is disconnected."`
	Connections  int           `opt:"max_connections" min:"0" doc:"Peers at a time in mode server; further ones are closed. 0 is no limit."`
	StartTimeout time.Duration `opt:"start_timeout_in_secs" min:"0s" doc:"In mode client: the program does not start if no peer can be reached within this time. 0 starts without one and tries again."`

	addresses []zmqconn.Address
}

// Binds reports whether a mode waits for peers.
func (o *Options) binds() bool { return o.Mode == "server" || o.Mode == "bind" }

// Validate checks addresses, keys and what has no effect.
func (o *Options) Validate() error {
	errs := []error{o.CheckCurve()}
	var err error
	if o.addresses, err = zmqconn.ParseAddresses(o.Address, o.binds()); err != nil {
		errs = append(errs, &option.Fault{Code: option.NotAllowed, Option: "address", Message: err.Error()})
	}
	if o.Pattern == "pull" {
		for _, set := range []struct{ name, value string }{{"topic", o.Topic}, {"separator", o.Separator}} {
			if set.value != "" {
				errs = append(errs, &option.Fault{Code: "W105", Option: set.name, Message: "has no effect, because only sub has topics"})
			}
		}
	}
	return errors.Join(errs...)
}

// Listens names the addresses.
func (o *Options) Listens() []actor.Address {
	if !o.binds() {
		return nil
	}
	return zmqconn.Listens(o.addresses, "address")
}

// defaultMark is the high water mark of ZeroMQ.
const defaultMark = 1000

type source struct {
	env  actor.Env
	opts Options
	hub  *zmqconn.Hub
	mark int
}

// New makes a Zmq.
func New(env actor.Env, o Options) (actor.Source, error) {
	keys, err := o.Keys()
	if err != nil {
		return nil, err
	}
	s := &source{env: env, opts: o, mark: defaultMark}
	if o.HWM != nil {
		s.mark = *o.HWM
	}
	s.hub = &zmqconn.Hub{
		Env: env, Config: zmqconn.Config{Kind: zmqconn.Kind(strings.ToUpper(o.Pattern)), Keys: keys, Most: o.MaxMessage},
		Addresses: o.addresses, Bind: o.binds(), Longest: retry.Inputs().Longest, Connections: o.Connections,
	}
	return s, nil
}

// Open binds, or reaches out if the program shall not start without a peer.
func (s *source) Open(ctx context.Context) error {
	if s.opts.binds() {
		return s.hub.Listen()
	}
	return retry.Required(ctx, s.opts.StartTimeout, s.hub.Reach)
}

// Run receives messages until ctx ends.
func (s *source) Run(ctx context.Context, out *actor.Outlet) error {
	s.hub.Serve = func(ctx context.Context, c *zmqconn.Conn) error {
		p := &peer{source: s, Conn: c, out: out.Clone(), from: "zmq://" + c.Address}
		return p.receive(ctx)
	}
	return s.hub.Run(ctx)
}

// Close frees the addresses.
func (s *source) Close(context.Context) error {
	s.hub.Close()
	return nil
}

var topicKey = event.Intern("topic")
