// Package webservertornado serves health, metrics and the state of the program over HTTP.
package webservertornado

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
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/net/netutil"

	"gambolputty/actor"
	"gambolputty/actor/option"
	"gambolputty/stages/internal/peers"
	"gambolputty/stages/internal/stream"
)

//go:embed webservertornado.md
var doc string

// Spec is the WebserverTornado module.
var Spec = actor.DefineService(actor.Info{
	Name:    "WebserverTornado",
	Aliases: []string{"plugin.WebserverTornado"},
	Role:    actor.StandAlone,
	Summary: "Serves health, metrics for Prometheus and the state of all modules over HTTP.",
	Doc:     doc,
	Example: `- WebserverTornado:
    port: 5100
    tokens: ['${METRICS_TOKEN:-}']
`,
}, Options{
	Port: 5100, MinTLS: "1.2", BasePath: "/", MaxConnections: 500,
	StatisticModule: "SimpleStats", DocumentRoot: "docroot",
}, New)

// Options of the WebserverTornado module.
type Options struct {
	Given           option.Given
	Port            int               `opt:"port" min:"0" max:"65535" doc:"Port to listen on; 0 takes a free one and logs it."`
	Interface       *string           `opt:"interface" doc:"Address or host name to listen on; empty is all, and unix:PATH is a Unix socket for its owner and group. The default is all addresses if there is any kind of login, and 127.0.0.1 if there is none."`
	TLS             bool              `opt:"tls" doc:"Serve HTTPS only."`
	Key             string            `opt:"key" null:"true" doc:"PEM file with the private key. Required with tls."`
	Cert            string            `opt:"cert" null:"true" doc:"PEM file with the certificate chain. Required with tls. Both are read again when they have changed."`
	MinTLS          string            `opt:"min_tls_version" enum:"1.2|1.3" kinds:"float" doc:"Lowest version of TLS that is accepted."`
	ClientCA        string            `opt:"client_ca" null:"true" doc:"PEM file with authorities; clients must show a certificate of theirs."`
	ACME            *ACME             `opt:"acme" doc:"Take the certificates from an authority by ACME, in place of cert and key: domains, cache_dir, email, directory_url and ca_file. The port must be reachable from there as 443."`
	Users           map[string]string `opt:"users" secret:"true" doc:"Passwords of users by their names, as they are or as bcrypt hashes."`
	Tokens          []string          `opt:"tokens" secret:"true" doc:"Bearer tokens. Empty ones are ignored."`
	OIDC            *OIDC             `opt:"oidc" doc:"Login with a provider of OpenID Connect: issuer, client_id, client_secret, redirect_url, scopes, user_claim, roles_claim, admin_values, viewer_values and ca_file."`
	Roles           map[string]string `opt:"roles" doc:"viewer or admin for the name of a user, or for token followed by its place in tokens from 1, as in token1. Users are admins and tokens viewers unless they stand here. Profiles are for admins."`
	Allow           peers.Networks    `opt:"allow" doc:"Networks that may connect, as in 192.168.0.0/16; empty is all."`
	Hosts           []string          `opt:"hosts" doc:"Names by which a server without a login may be asked, beside localhost and addresses, such as the one that a reverse proxy passes on."`
	Proxies         peers.Networks    `opt:"trusted_proxies" doc:"Networks of reverse proxies whose X-Forwarded-For, X-Forwarded-Host and X-Forwarded-Proto say who asks and how. Whoever asks over a Unix socket is one."`
	OTLP            *OTLP             `opt:"otlp" doc:"Send what /metrics shows to a collector of OpenTelemetry as well: endpoint, interval, headers and ca_file."`
	MetricsAuth     bool              `opt:"metrics_auth" doc:"Ask for a login for /metrics as well."`
	BasePath        string            `opt:"base_path" doc:"Path under which a reverse proxy shows the server."`
	MaxConnections  int               `opt:"max_connections" min:"1" doc:"Connections at a time; further ones wait."`
	Profiles        bool              `opt:"pprof" doc:"Serve profiles of the program under /debug/pprof to admins."`
	AccessLog       bool              `opt:"access_log" doc:"Log every request at level info, and not at debug."`
	DocumentRoot    string            `opt:"document_root" doc:"Folder with files to serve beside the built-in paths. The default is no folder."`
	StatisticModule string            `opt:"statistic_module_id" doc:"Accepted; the counters are built in."`
	Application     *option.Value     `opt:"application_settings" null:"true" doc:"Accepted. What Tornado took here is either done anyway or has no effect."`
}

// Validate checks TLS, logins and roles.
func (o *Options) Validate() error {
	var errs []error
	fault := func(name string, code option.Code, format string, args ...any) {
		errs = append(errs, &option.Fault{Code: code, Option: name, Message: fmt.Sprintf(format, args...)})
	}
	for name, file := range map[string]string{"cert": o.Cert, "key": o.Key} {
		switch {
		case o.TLS && file == "" && o.ACME == nil:
			fault(name, option.Required, "required option is missing: tls is True")
		case o.ACME != nil && file != "":
			fault(name, option.Contradiction, "cannot be set together with acme")
		}
	}
	if o.ACME != nil {
		for name, text := range o.ACME.faults() {
			fault("acme."+name, option.NotAllowed, "%s", text)
		}
		if _, ok := o.socket(); ok || !o.TLS {
			fault("acme", option.Contradiction, "needs tls: True and an interface that the authority can reach")
		}
	}
	if o.ClientCA != "" && !o.TLS {
		fault("client_ca", option.Contradiction, "needs tls: True")
	}
	if path, ok := o.socket(); ok && (path == "" || len(path) > longestPath) {
		fault("interface", option.NotAllowed, "the path of a socket must have from 1 to %d bytes, got %q", longestPath, path)
	}
	if o.OTLP != nil {
		for name, text := range o.OTLP.faults() {
			fault("otlp."+name, option.NotAllowed, "%s", text)
		}
	}
	if o.OIDC != nil {
		for name, text := range o.OIDC.faults() {
			fault("oidc."+name, option.NotAllowed, "%s", text)
		}
	}
	if !strings.HasPrefix(o.BasePath, "/") {
		fault("base_path", option.NotAllowed, "must begin with /, got %q", o.BasePath)
	}
	for _, name := range slices.Sorted(maps.Keys(o.Roles)) {
		if role := o.Roles[name]; role != viewer && role != admin {
			fault("roles."+name, option.NotAllowed, "must be viewer or admin, got %q", role)
		}
		if !slices.Contains(o.holders(), name) {
			fault("roles."+name, option.NotAllowed, "there is no such user or token%s", hint(name, o.holders()))
		}
	}
	for name, password := range o.Users {
		if name == "" || strings.Contains(name, ":") || password == "" {
			fault("users", option.NotAllowed, "names and passwords must not be empty, and a name holds no colon")
		}
	}
	if o.Given["statistic_module_id"] {
		fault("statistic_module_id", "W105", "has no effect")
	}
	for _, name := range o.idle() {
		fault("application_settings."+name, "W105", "has no effect")
	}
	if o.Interface != nil && !o.protected() && !local(*o.Interface) {
		fault("interface", "W116", "the server is open to everybody who can reach it, as there are neither users nor tokens nor oidc nor client_ca")
	}
	return errors.Join(errs...)
}

func hint(name string, names []string) string {
	if near := option.Nearest(name, names); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return ""
}

// holders are the names of those who can have a role.
func (o *Options) holders() []string {
	names := slices.Sorted(maps.Keys(o.Users))
	for i := range o.Tokens {
		names = append(names, tokenName(i))
	}
	return names
}

func tokenName(i int) string { return fmt.Sprint("token", i+1) }

// protected reports whether anybody has to say who he is.
func (o *Options) protected() bool { return o.namesPeople() || o.OIDC != nil || o.ClientCA != "" }

// namesPeople reports whether there are logins that people can write down.
func (o *Options) namesPeople() bool {
	return len(o.Users) > 0 || slices.ContainsFunc(o.Tokens, func(t string) bool { return t != "" })
}

// local reports whether an interface is that of this host alone.
func local(iface string) bool {
	ip := net.ParseIP(iface)
	return iface == "localhost" || ip != nil && ip.IsLoopback() || strings.HasPrefix(iface, socketPrefix)
}

// tornado are the settings of a Tornado application that ask for what is done anyway.
var tornado = map[string]bool{
	"autoreload": false, "debug": false, "serve_traceback": false,
	"compress_response": true, "gzip": true, "xsrf_cookies": true,
}

// idle are the application_settings that change nothing.
func (o *Options) idle() []string {
	if o.Application == nil {
		return nil
	}
	var names []string
	for _, p := range o.Application.Pairs {
		if usual, known := tornado[p.Key.Text]; !known || p.Value.Kind != option.Boolean || p.Value.Truth() != usual {
			names = append(names, p.Key.Text)
		}
	}
	return names
}

// where is the interface to listen on.
func (o *Options) where() string {
	switch {
	case o.Interface != nil:
		return *o.Interface
	case o.protected():
		return ""
	}
	return "127.0.0.1"
}

// Listens names the address.
func (o *Options) Listens() []actor.Address {
	if path, ok := o.socket(); ok {
		return []actor.Address{{Option: "interface", Network: "unix", Host: path}}
	}
	return []actor.Address{{Option: "port", Network: "tcp", Host: o.where(), Port: o.Port}}
}

// Reads names the files of TLS and the folder.
func (o *Options) Reads() []actor.File {
	var list []actor.File
	for _, f := range []actor.File{{Option: "cert", Path: o.Cert, Live: true}, {Option: "key", Path: o.Key, Live: true}, {Option: "client_ca", Path: o.ClientCA}} {
		if f.Path != "" && o.TLS {
			list = append(list, f)
		}
	}
	if o.ACME != nil && o.ACME.CAFile != "" {
		list = append(list, actor.File{Option: "acme.ca_file", Path: o.ACME.CAFile})
	}
	if o.OTLP != nil && o.OTLP.CAFile != "" {
		list = append(list, actor.File{Option: "otlp.ca_file", Path: o.OTLP.CAFile})
	}
	if o.OIDC != nil && o.OIDC.CAFile != "" {
		list = append(list, actor.File{Option: "oidc.ca_file", Path: o.OIDC.CAFile})
	}
	if o.Given["document_root"] {
		list = append(list, actor.File{Option: "document_root", Path: o.DocumentRoot, Directory: true})
	}
	return list
}

// Limits of a server that strangers may reach.
const (
	headerTime  = 10 * time.Second
	requestTime = 30 * time.Second
	// answerTime is how long a client may take to hear an answer. WebSockets have times of
	// their own, and a profile takes half a minute by itself.
	answerTime = 2 * time.Minute
	idleTime   = time.Minute
	headerSize = 16 << 10
	bodySize   = 1 << 20
	configSize = 16 << 20
	// farewell is how long requests may go on after a stop.
	farewell = 5 * time.Second
)

type server struct {
	env       actor.Env
	opts      Options
	access    *access
	pulse     *pulse
	files     *os.Root // nil without a document_root
	listeners []net.Listener
	socket    *socketFile // nil without one
	tls       *tls.Config

	pagesMu sync.RWMutex
	pages   map[string]added // of other modules

	began time.Time
	offered
	policy   atomic.Pointer[Policy]
	sessions sessions
	registry *prometheus.Registry
	exporter *exporter     // nil without a collector
	oidc     *relyingParty // nil without one
	sampler  *sampler
	sockets  sockets
	gzips    *sync.Pool
	leaving  chan struct{} // closed when the server is to end
}

// New makes a WebserverTornado.
func New(env actor.Env, o Options) (actor.Service, error) {
	s := &server{env: env, opts: o, access: newAccess(env, &o), pulse: newPulse(env), sampler: newSampler(env), offered: lookUp(env), began: time.Now(), gzips: newPool(), leaving: make(chan struct{})}
	s.sockets.init()
	s.registry = s.newRegistry()
	s.Restrict(Policy{Title: "GambolPutty", Tap: true, Actions: true})
	return s, nil
}

// Open binds the port. Until all modules have started, /readyz says so.
func (s *server) Open(ctx context.Context) error {
	var err error
	if s.tls, err = s.secure(); err != nil {
		return err
	}
	if s.exporter, err = s.newExporter(); err != nil {
		return err
	}
	if s.oidc, err = newRelyingParty(s.opts.OIDC); err != nil {
		return err
	}
	if s.opts.Given["document_root"] {
		if s.files, err = os.OpenRoot(s.opts.DocumentRoot); err != nil {
			return fmt.Errorf("document_root: %w", err)
		}
	}
	if path, ok := s.opts.socket(); ok {
		if s.socket, err = makeSocket(ctx, path); err != nil {
			return fmt.Errorf("interface: %w", err)
		}
		s.listeners = []net.Listener{s.socket}
		s.env.Log.Info("listening", "address", socketPrefix+path)
		return nil
	}
	s.listeners, err = stream.Listen(ctx, s.env, s.opts.where(), s.opts.Port, 15*time.Second)
	return err
}

// bounded is a server in which no client takes more than its share.
func (s *server) bounded(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, MaxHeaderBytes: headerSize,
		ReadHeaderTimeout: headerTime, ReadTimeout: requestTime, WriteTimeout: answerTime, IdleTimeout: idleTime,
	}
}

// Serve answers requests until ctx ends.
func (s *server) Serve(ctx context.Context) error {
	h := s.bounded(s.handler())
	h.TLSConfig, h.ErrorLog = s.tls, slog.NewLogLogger(s.env.Log.Handler(), slog.LevelDebug)
	errs := make(chan error, len(s.listeners))
	for _, l := range s.listeners {
		l = netutil.LimitListener(l, s.opts.MaxConnections)
		go func() {
			if s.tls != nil {
				errs <- h.ServeTLS(l, "", "")
				return
			}
			errs <- h.Serve(l)
		}()
	}
	watch, end := context.WithCancel(ctx)
	defer end()
	go s.pulse.beat(watch)
	go s.sampler.run(watch)
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		if s.exporter != nil {
			s.exporter.run(watch)
		}
	}()
	defer func() { end(); <-sent }()
	if s.opts.ACME != nil {
		go s.fetchCertificates(watch)
	}
	select {
	case <-ctx.Done():
		close(s.leaving)
		s.sockets.stop()
	case err := <-errs:
		return fmt.Errorf("accept connections: %w", errors.Join(err, h.Close()))
	}
	defer s.sockets.end(farewell)
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	if h.Shutdown(late) != nil {
		h.Close() // whoever is still there is cut
	}
	return nil
}

// Close frees the port.
func (s *server) Close(context.Context) error {
	for _, l := range s.listeners {
		l.Close() // it may be closed already
	}
	s.socket.remove()
	if s.files != nil {
		return s.files.Close()
	}
	return nil
}
