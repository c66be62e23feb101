// Package httpserver receives events as the bodies of HTTP requests.
package httpserver

import (
	"context"
	"crypto/tls"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/netutil"

	"gambolputty/actor"
	"gambolputty/actor/option"
	"gambolputty/stages/internal/parse"
	"gambolputty/stages/internal/peers"
	"gambolputty/stages/internal/stream"
	"gambolputty/stages/internal/tlsopt"
)

//go:embed httpserver.md
var doc string

// Spec is the HttpServer module.
var Spec = actor.DefineSource(actor.Info{
	Name:    "HttpServer",
	Role:    actor.Input,
	Summary: "Receives events as the bodies of HTTP requests, and answers when they are delivered.",
	Doc:     doc,
	Example: `- HttpServer:
    interface: localhost
    port: 8080
    paths: {/nginx: nginx_access, /app: app_log}
`,
}, Options{
	Port:        8080,
	Server:      tlsopt.Defaults,
	Decode:      Auto,
	MaxBody:     16 << 20,
	Respond:     "delivered",
	MaxInFlight: 100,
	ReadTimeout: 30 * time.Second,
}, New)

// Options of the HttpServer module.
type Options struct {
	Interface string            `opt:"interface" doc:"Address or host name to listen on; empty is all addresses, IPv4 and IPv6."`
	Port      int               `opt:"port" min:"0" max:"65535" doc:"Port to listen on; 0 takes a free one and logs it."`
	Paths     map[string]string `opt:"paths" doc:"Paths that take events, each with the event type of what comes there; others are answered with 404. Without the option every path takes events, and the type is that of the module."`
	Decode    Decode            `opt:"decode" enum:"auto|lines|ndjson|json|raw" doc:"What a body is: lines of text, a JSON object a line, a JSON document of which every item of a list is an event, or one event as it is. auto goes by the header Content-Type."`
	MaxBody   int64             `opt:"max_body_bytes" min:"1" unit:"bytes" doc:"Most bytes of a body, both as it comes and unpacked. Larger ones are answered with 413."`
	BasicAuth string            `opt:"basic_auth" secret:"true" null:"true" doc:"User and password that a client must give, as user:password."`
	Tokens    []string          `opt:"tokens" secret:"true" doc:"Bearer tokens, one of which a client must give."`
	tlsopt.Server
	Respond        string         `opt:"respond" enum:"delivered|accepted" doc:"delivered answers when the outputs have confirmed the events, with 200, or with 503 if that failed; accepted answers with 202 as soon as they are in the pipeline."`
	MaxInFlight    int            `opt:"max_in_flight" min:"1" doc:"Bodies that are read or wait for delivery at a time. Further ones are answered with 429."`
	MaxConnections int            `opt:"max_connections" min:"0" doc:"Connections at a time; further ones wait. 0 is no limit."`
	ReadTimeout    time.Duration  `opt:"read_timeout" min:"1ms" doc:"Time in seconds in which a request must have come as a whole."`
	AllowFrom      peers.Networks `opt:"allow_from" doc:"Networks that may send, as in 192.168.0.0/16; empty is all. Others are answered with 403."`
	parse.Guard
}

// Validate checks TLS, paths and secrets.
func (o *Options) Validate() error {
	errs := []error{o.CheckTLS()}
	fault := func(name string, code option.Code, format string, args ...any) {
		errs = append(errs, &option.Fault{Code: code, Option: name, Message: fmt.Sprintf(format, args...)})
	}
	for _, path := range slices.Sorted(maps.Keys(o.Paths)) {
		if !strings.HasPrefix(path, "/") || strings.ContainsAny(path, "?# ") {
			fault("paths", option.NotAllowed, "a path must begin with / and have no query, got %q", path)
		}
		if o.Paths[path] == "" {
			fault("paths", option.NotAllowed, "the event type of %s must not be empty", path)
		}
	}
	if user, password, _ := strings.Cut(o.BasicAuth, ":"); o.BasicAuth != "" && (user == "" || password == "") {
		fault("basic_auth", option.NotAllowed, "must be user:password")
	}
	if slices.Contains(o.Tokens, "") {
		fault("tokens", option.NotAllowed, "a token must not be empty")
	}
	return errors.Join(errs...)
}

// Listens names the address.
func (o *Options) Listens() []actor.Address {
	return []actor.Address{{Option: "port", Network: "tcp", Host: o.Interface, Port: o.Port}}
}

// Reads names the certificate files.
func (o *Options) Reads() []actor.File { return o.FilesTLS() }

type server struct {
	env       actor.Env
	opts      Options
	guard     guard
	tls       *tls.Config
	listeners []net.Listener
	http      *http.Server

	// slots are as many as bodies may be in flight; each keeps what one needs.
	slots    chan *slot
	stopping atomic.Bool
	reading  sync.WaitGroup // requests whose events are not all in the pipeline yet
	mu       sync.Mutex     // guards reading against Wait while stopping is set
}

// New makes a HttpServer.
func New(env actor.Env, o Options) (actor.Source, error) {
	return &server{env: env, opts: o, guard: newGuard(o), slots: make(chan *slot, o.MaxInFlight)}, nil
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

// headersSize bounds the headers of a request.
const headersSize = 64 << 10

// Run serves requests. When it returns, all that was read is in the pipeline, and those who
// wait for delivery are still to be answered: Close waits for that.
func (s *server) Run(ctx context.Context, out *actor.Outlet) error {
	for range s.opts.MaxInFlight {
		s.slots <- newSlot(s, out)
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(s.tls == nil)
	s.http = &http.Server{
		Handler: http.HandlerFunc(s.serve), TLSConfig: s.tls, Protocols: protocols, MaxHeaderBytes: headersSize,
		ReadTimeout: s.opts.ReadTimeout, ReadHeaderTimeout: s.opts.ReadTimeout, IdleTimeout: 2 * time.Minute,
		ErrorLog: slog.NewLogLogger(s.env.Log.Handler(), slog.LevelDebug),
	}
	errs := make(chan error, len(s.listeners))
	for _, l := range s.listeners {
		if s.opts.MaxConnections > 0 {
			l = netutil.LimitListener(l, s.opts.MaxConnections)
		}
		go func() { errs <- s.listen(l) }()
	}
	var failed error
	select {
	case <-ctx.Done():
	case failed = <-errs:
	}
	s.stop()
	if failed != nil {
		return fmt.Errorf("accept connections: %w", failed)
	}
	return nil
}

func (s *server) listen(l net.Listener) error {
	if s.tls != nil {
		return s.http.ServeTLS(l, "", "")
	}
	return s.http.Serve(l)
}

// stop ends accepting and waits until all that was read is in the pipeline.
func (s *server) stop() {
	s.mu.Lock()
	s.stopping.Store(true)
	s.mu.Unlock()
	for _, l := range s.listeners {
		l.Close() // it may be closed already
	}
	s.reading.Wait()
}

// enter reports whether a request may still put events into the pipeline. leave follows.
func (s *server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping.Load() {
		return false
	}
	s.reading.Add(1)
	return true
}

// Close answers the last requests and ends all connections.
func (s *server) Close(ctx context.Context) error {
	for _, l := range s.listeners {
		l.Close() // it may be closed already
	}
	if s.http == nil {
		return nil
	}
	// After a forced stop too the clients are to hear that their events have not arrived.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTime)
	defer cancel()
	if err := s.http.Shutdown(ctx); err != nil {
		return s.http.Close() // idle clients and those that do not read are cut
	}
	return nil
}

// closeTime is how long clients have to take the last answers.
const closeTime = 2 * time.Second
