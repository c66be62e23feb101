// Package beats receives events from Beats, Logstash and everything else that speaks the
// lumberjack protocol.
package beats

import (
	"context"
	"crypto/tls"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/option"
	"gambolputty/stages/internal/parse"
	"gambolputty/stages/internal/peers"
	"gambolputty/stages/internal/stream"
	"gambolputty/stages/internal/tlsopt"
)

//go:embed beats.md
var doc string

// Spec is the Beats module.
var Spec = actor.DefineSource(actor.Info{
	Name:    "Beats",
	Aliases: []string{"input.Beats"},
	Role:    actor.Input,
	Summary: "Receives events from Elastic Beats and Logstash.",
	Doc:     doc,
	Example: `- Beats:
    port: 5044
`,
}, Options{Port: 5151, MaxBufferSize: 10240, TargetField: target{event.KeyPath(event.Data)}, Server: tlsopt.Defaults}, New)

// Options of the Beats module.
type Options struct {
	Interface     string        `opt:"interface" null:"true" doc:"Address or host name to listen on; empty is all."`
	Port          int           `opt:"port" min:"0" max:"65535" doc:"Port to listen on. Beats usually send to 5044. 0 takes one that is free."`
	Timeout       time.Duration `opt:"timeout" min:"0s" null:"true" doc:"Seconds of silence after which a connection is closed. Not set is never."`
	MaxBufferSize int           `opt:"max_buffer_size" min:"1" max:"1048576" doc:"Most kilobytes of a frame, compressed and decompressed."`
	TargetField   target        `opt:"target_field" null:"true" doc:"Field for what was sent. Empty puts the members of objects on the top level."`
	parse.Guard
	tlsopt.Server
	MaxConnections int            `opt:"max_connections" min:"0" doc:"Connections at a time; further ones are closed. 0 is no limit."`
	AllowFrom      peers.Networks `opt:"allow_from" doc:"Networks that may connect, as in 192.168.0.0/16; empty is all."`
}

// target is a field, or the top level.
type target struct{ event.Path }

// OptionType describes the option in tables.
func (target) OptionType() string { return "field" }

// DecodeOption reads the name of a field; an empty one is the top level.
func (t *target) DecodeOption(v *option.Value) error {
	*t = target{}
	switch {
	case v.Kind == option.Null || v.Kind == option.Boolean && !v.Truth():
		return nil
	case v.Kind != option.String:
		return v.Wrong("string")
	case v.Text == "":
		return nil
	}
	return t.UnmarshalText([]byte(v.Text))
}

// Validate checks TLS.
func (o *Options) Validate() error { return o.CheckTLS() }

// Listens names the address.
func (o *Options) Listens() []actor.Address {
	return []actor.Address{{Option: "port", Network: "tcp", Host: o.Interface, Port: o.Port}}
}

// Reads names the certificate files.
func (o *Options) Reads() []actor.File { return o.FilesTLS() }

type server struct {
	env       actor.Env
	opts      Options
	limit     int // bytes of a frame
	tls       *tls.Config
	listeners []net.Listener
	// inflaters are as many as frames may be decompressed at a time, so that memory is bounded
	// however many connections there are.
	inflaters chan *inflater

	mu     sync.Mutex
	ackers map[*acker]bool
	all    sync.WaitGroup
}

// New makes a Beats.
func New(env actor.Env, o Options) (actor.Source, error) {
	s := &server{env: env, opts: o, limit: o.MaxBufferSize << 10, ackers: map[*acker]bool{}}
	n := 2 * runtime.GOMAXPROCS(0)
	s.inflaters = make(chan *inflater, n)
	for range n {
		s.inflaters <- &inflater{}
	}
	return s, nil
}

// Open binds the port.
func (s *server) Open(ctx context.Context) error {
	var err error
	if s.tls, err = s.opts.Config(s.env.Log); err != nil {
		return err
	}
	s.listeners, err = stream.Listen(ctx, s.env, s.opts.Interface, s.opts.Port, 15*time.Second)
	return err
}

// Run reads from connections until ctx ends. When it returns, all that was read is in the
// pipeline; what is delivered after that is acknowledged before Close.
func (s *server) Run(ctx context.Context, out *actor.Outlet) error {
	srv := &stream.Server{
		Env: s.env, Idle: s.opts.Timeout, Most: s.opts.MaxConnections, Prepare: s.prepare, Handle: s.handle,
		From: func(c net.Conn) string { return c.RemoteAddr().String() },
	}
	return srv.Serve(ctx, out, s.listeners...)
}

// handshakeTime bounds how long a TLS handshake may take.
const handshakeTime = 10 * time.Second

var errNotAllowed = errors.New("the peer is not in allow_from")

func (s *server) prepare(ctx context.Context, c net.Conn) (stream.Ready, error) {
	peer, err := netip.ParseAddrPort(c.RemoteAddr().String())
	if err != nil || !s.opts.AllowFrom.Allow(peer.Addr()) {
		return stream.Ready{}, errNotAllowed
	}
	if s.tls == nil {
		return stream.Ready{Conn: c}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, handshakeTime)
	defer cancel()
	secure := tls.Server(c, s.tls)
	if err := secure.HandshakeContext(ctx); err != nil {
		return stream.Ready{}, fmt.Errorf("TLS handshake: %w", err)
	}
	return stream.Ready{Conn: secure}, nil
}

// Close frees the port and ends the connections, all of whose events have been answered for.
func (s *server) Close(context.Context) error {
	for _, l := range s.listeners {
		l.Close() // it may be closed already
	}
	s.mu.Lock()
	for a := range s.ackers {
		a.finish(true)
	}
	s.mu.Unlock()
	s.all.Wait()
	return nil
}
