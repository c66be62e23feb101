// Package tcpserver receives events over TCP.
package tcpserver

import (
	"context"
	"crypto/tls"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/option"
	"gambolputty/actor/regex"
	"gambolputty/stages/internal/charset"
	"gambolputty/stages/internal/framing"
	"gambolputty/stages/internal/peers"
	"gambolputty/stages/internal/stream"
	"gambolputty/stages/internal/tlsopt"
)

//go:embed tcpserver.md
var doc string

// Spec is the TcpServer module.
var Spec = actor.DefineSource(actor.Info{
	Name:     "TcpServer",
	Aliases:  []string{"TcpServerMultipleWorker", "input.Tcp"},
	Role:     actor.Input,
	Summary:  "Receives lines or chunks of bytes over TCP, with or without TLS.",
	Doc:      doc,
	Parallel: true,
	Example: `- TcpServer:
    interface: localhost
    port: 5151
`,
}, Options{
	Port:           5151,
	Server:         tlsopt.Defaults,
	Mode:           "line",
	Separator:      `\n`,
	ChunkSize:      16384,
	MaxBufferSize:  10240,
	Encoding:       charset.UTF8,
	Strip:          true,
	KeepSeparator:  true,
	LongLineAction: string(framing.Split),
	Framing:        "separator",
	KeepAlive:      15 * time.Second,
	Decompress:     "none",
}, New)

// Options of the TcpServer module.
type Options struct {
	Interface string `opt:"interface" doc:"Address or host name to listen on; empty is all addresses, IPv4 and IPv6."`
	Port      int    `opt:"port" min:"0" max:"65535" doc:"Port to listen on; 0 takes a free one and logs it."`
	tlsopt.Server
	Timeout        time.Duration  `opt:"timeout" null:"true" min:"0s" doc:"Close connections that send nothing for so long."`
	Mode           string         `opt:"mode" enum:"line|stream" doc:"line cuts at separators, stream makes an event of whatever has arrived."`
	Separator      string         `opt:"simple_separator" doc:"Text that ends an event in line mode. Escapes such as \\n, \\t, \\0 and \\x1e are understood."`
	Regex          string         `opt:"regex_separator" null:"true" doc:"Regular expression that ends an event in line mode, instead of simple_separator."`
	ChunkSize      int            `opt:"chunksize" min:"1" doc:"Most bytes of an event in stream mode."`
	MaxBufferSize  int            `opt:"max_buffer_size" min:"1" doc:"Receive buffer of a connection in kilobytes."`
	Encoding       charset.Option `opt:"encoding" doc:"Character set of the text. utf-8 leaves the bytes as they are."`
	Strip          bool           `opt:"strip" doc:"Remove white space at both ends in line mode."`
	KeepSeparator  bool           `opt:"keep_separator" doc:"Leave a separator that is no white space at the end of the event."`
	MaxLineLength  *int           `opt:"max_line_length" min:"1" doc:"Most bytes of an event in line mode. The default is max_buffer_size."`
	LongLineAction string         `opt:"long_line_action" enum:"split|truncate|drop" doc:"What becomes of longer lines: several events, the first part alone, or nothing."`
	Framing        string         `opt:"framing" enum:"separator|octet_counted|auto" doc:"octet_counted reads a length in front of each message (RFC 6587), auto takes both."`
	MaxConnections int            `opt:"max_connections" min:"0" doc:"Connections at a time; further ones are closed. 0 is no limit."`
	KeepAlive      time.Duration  `opt:"tcp_keepalive_in_secs" min:"0s" doc:"Time between probes that find dead peers; 0 is off."`
	Proxy          bool           `opt:"proxy_protocol" doc:"Connections begin with the header of the PROXY protocol, version 1 or 2, which names the real sender."`
	Decompress     string         `opt:"decompress" enum:"none|gzip|zlib" doc:"Decompress what each connection carries."`
	AllowFrom      peers.Networks `opt:"allow_from" doc:"Networks that may connect, as in 192.168.0.0/16; empty is all."`

	separator string
	pattern   *regex.Pattern
}

// Validate checks TLS, separators and networks.
func (o *Options) Validate() error {
	errs := []error{o.CheckTLS()}
	fault := func(name string, code option.Code, text string) {
		errs = append(errs, &option.Fault{Code: code, Option: name, Message: text})
	}
	o.separator = unescape(o.Separator)
	switch {
	case o.Regex != "":
		p, err := regex.Compile(o.Regex, regex.Options{})
		if err != nil {
			fault("regex_separator", option.Regex, err.Error())
			break
		}
		if caps, _ := p.Machine().Search("", 0); caps != nil {
			fault("regex_separator", option.Regex, "the separator must not match the empty text")
		}
		o.pattern = p
	case o.separator == "" && o.Mode == "line":
		fault("simple_separator", option.NotAllowed, "must not be empty in line mode")
	}
	return errors.Join(errs...)
}

// Listens names the address.
func (o *Options) Listens() []actor.Address {
	return []actor.Address{{Option: "port", Network: "tcp", Host: o.Interface, Port: o.Port}}
}

// Reads names the certificate files.
func (o *Options) Reads() []actor.File { return o.FilesTLS() }

// unescape resolves the escapes that a separator may be written with.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		if s[i] == 'x' && i+2 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(n))
				i += 2
				continue
			}
		}
		if at := strings.IndexByte(`nrt0\`, s[i]); at >= 0 {
			b.WriteByte("\n\r\t\x00\\"[at])
			continue
		}
		b.WriteString(s[i-1 : i+1])
	}
	return b.String()
}

// handshakeTime bounds how long a TLS handshake may take.
const handshakeTime = 10 * time.Second

type server struct {
	env       actor.Env
	opts      Options
	tls       *tls.Config
	listeners []net.Listener
}

// New makes a TcpServer.
func New(env actor.Env, o Options) (actor.Source, error) { return &server{env: env, opts: o}, nil }

// Open binds the port on every address that the interface means.
func (s *server) Open(ctx context.Context) error {
	var err error
	if s.tls, err = s.opts.Config(s.env.Log); err != nil {
		return err
	}
	s.listeners, err = stream.Listen(ctx, s.env, s.opts.Interface, s.opts.Port, s.opts.KeepAlive)
	return err
}

// Run serves connections.
func (s *server) Run(ctx context.Context, out *actor.Outlet) error {
	o := &s.opts
	limit := o.MaxBufferSize * 1024
	if o.MaxLineLength != nil {
		limit = *o.MaxLineLength
	}
	srv := &stream.Server{
		Env: s.env, Limit: limit, Long: framing.LongLine(o.LongLineAction), Idle: o.Timeout, Most: o.MaxConnections,
		From:    func(c net.Conn) string { return c.RemoteAddr().String() },
		Cut:     func() framing.Cut { return s.cut(limit) },
		Clean:   s.clean,
		Prepare: s.prepare,
	}
	if o.Decompress != "none" {
		srv.Unpack = func(r io.Reader) io.Reader { return newUnpacker(r, o.Decompress) }
	}
	if o.Mode == "stream" {
		srv.Chunk, srv.Clean = o.ChunkSize, nil
	}
	return srv.Serve(ctx, out, s.listeners...)
}

func (s *server) cut(limit int) framing.Cut {
	o := &s.opts
	var cut framing.Cut
	switch {
	case o.pattern != nil:
		cut = framing.Regex(o.pattern, o.KeepSeparator)
	default:
		cut = framing.Text(o.separator, o.KeepSeparator && strings.Trim(o.separator, blanks) != "")
	}
	switch o.Framing {
	case "octet_counted":
		return framing.OctetCounted(limit, nil)
	case "auto":
		return framing.OctetCounted(limit, cut)
	}
	return cut
}

// blanks is the white space of ASCII.
const blanks = " \t\n\v\f\r"

// clean makes what tidies the pieces of one connection.
func (s *server) clean() func(string) string {
	convert, strip := s.opts.Encoding.Converter(), s.opts.Strip
	return func(piece string) string {
		if convert != nil {
			piece = convert(piece)
		}
		if strip {
			piece = strings.Trim(piece, blanks)
		}
		return piece
	}
}

var errNotAllowed = errors.New("the peer is not in allow_from")

// prepare checks the peer, reads who is behind a proxy, and does the TLS handshake.
func (s *server) prepare(ctx context.Context, c net.Conn) (stream.Ready, error) {
	ready := stream.Ready{Conn: c}
	if !s.allowed(c.RemoteAddr()) {
		return ready, errNotAllowed
	}
	if s.opts.Proxy {
		c.SetReadDeadline(time.Now().Add(handshakeTime))
		from, err := readProxyHeader(c)
		if err != nil {
			return ready, fmt.Errorf("header of the PROXY protocol: %w", err)
		}
		c.SetReadDeadline(time.Time{})
		ready.From = from
	}
	if s.tls == nil {
		return ready, nil
	}
	ctx, cancel := context.WithTimeout(ctx, handshakeTime)
	defer cancel()
	secure := tls.Server(c, s.tls)
	if err := secure.HandshakeContext(ctx); err != nil {
		return ready, fmt.Errorf("TLS handshake: %w", err)
	}
	ready.Conn = secure
	certs := secure.ConnectionState().PeerCertificates
	if len(certs) == 0 {
		return ready, nil
	}
	subject := event.String(certs[0].Subject.String())
	ready.Mark = func(e *event.Event) {
		if err := e.Set(subjectPath, subject); err != nil {
			s.env.Fault(e, subjectPath.String(), err)
		}
	}
	return ready, nil
}

var subjectPath = event.MustPath("gambolputty.tls_subject")

func (s *server) allowed(a net.Addr) bool {
	peer, err := netip.ParseAddrPort(a.String())
	return err == nil && s.opts.AllowFrom.Allow(peer.Addr())
}

// Close frees the port.
func (s *server) Close(context.Context) error {
	for _, l := range s.listeners {
		l.Close() // it may be closed already
	}
	return nil
}
