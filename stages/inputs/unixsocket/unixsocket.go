// Package unixsocket receives events over a Unix domain socket.
package unixsocket

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"strconv"
	"strings"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/option"
	"gambolputty/stages/internal/charset"
	"gambolputty/stages/internal/framing"
	"gambolputty/stages/internal/stream"
)

//go:embed unixsocket.md
var doc string

// Spec is the UnixSocket module.
var Spec = actor.DefineSource(actor.Info{
	Name:     "UnixSocket",
	Aliases:  []string{"input.UnixSocket"},
	Role:     actor.Input,
	Summary:  "Receives lines, chunks of bytes or datagrams over a Unix domain socket.",
	Doc:      doc,
	Parallel: true,
	Example: `- UnixSocket:
    path_to_socket: /var/run/gambolputty.sock
`,
}, Options{
	Type:           "stream",
	Mode:           "line",
	SocketMode:     "0600",
	ChunkSize:      16384,
	MaxLineLength:  1 << 20,
	LongLineAction: string(framing.Split),
	Encoding:       charset.UTF8,
}, New)

// Options of the UnixSocket module.
type Options struct {
	Path           string         `opt:"path_to_socket" required:"true" doc:"Socket file to make."`
	SocketMode     string         `opt:"socket_mode" kinds:"integer" doc:"Permissions of the socket file in octal digits."`
	SocketGroup    string         `opt:"socket_group" null:"true" doc:"Group of the socket file."`
	Type           string         `opt:"socket_type" enum:"stream|dgram" doc:"Connections, or datagrams that are one event each."`
	Mode           string         `opt:"mode" enum:"line|stream" doc:"line cuts connections at newlines, stream makes an event of whatever has arrived."`
	ChunkSize      int            `opt:"chunksize" min:"1" doc:"Most bytes of an event in stream mode."`
	Strip          bool           `opt:"strip" doc:"Remove white space at both ends, and leave out what is empty then."`
	MaxLineLength  int            `opt:"max_line_length" min:"1" doc:"Most bytes of an event."`
	LongLineAction string         `opt:"long_line_action" enum:"split|truncate|drop" doc:"What becomes of longer lines: several events, the first part alone, or nothing."`
	MaxConnections int            `opt:"max_connections" min:"0" doc:"Connections at a time; further ones are closed. 0 is no limit."`
	Encoding       charset.Option `opt:"encoding" doc:"Character set of the text. utf-8 leaves the bytes as they are."`

	mode fs.FileMode
}

// longestPath is what fits into the address of a socket on Linux.
const longestPath = 107

// Validate checks path and permissions.
func (o *Options) Validate() error {
	var errs []error
	mode, err := strconv.ParseUint(o.SocketMode, 8, 32)
	if err != nil || mode > 0o777 {
		errs = append(errs, &option.Fault{Code: option.NotAllowed, Option: "socket_mode", Message: fmt.Sprintf("must be octal digits such as 0600, got %q", o.SocketMode)})
	}
	o.mode = fs.FileMode(mode)
	if o.Path == "" {
		errs = append(errs, &option.Fault{Code: option.NotAllowed, Option: "path_to_socket", Message: "must not be empty"})
	}
	return errors.Join(errs...)
}

// Listens names the socket.
func (o *Options) Listens() []actor.Address {
	return []actor.Address{{Option: "path_to_socket", Network: "unix", Host: o.Path}}
}

type server struct {
	env      actor.Env
	opts     Options
	host     string
	listener net.Listener
	packets  *net.UnixConn
	made     fs.FileInfo // the socket file as it was made
}

// New makes a UnixSocket.
func New(env actor.Env, o Options) (actor.Source, error) {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	return &server{env: env, opts: o, host: host}, nil
}

func (s *server) abstract() bool { return strings.HasPrefix(s.opts.Path, "@") }

// Open makes the socket.
func (s *server) Open(ctx context.Context) error {
	o := &s.opts
	if len(o.Path) > longestPath {
		return fmt.Errorf("path_to_socket is longer than the %d bytes that the system allows", longestPath)
	}
	if err := s.removeStale(ctx); err != nil {
		return err
	}
	addr := &net.UnixAddr{Name: o.Path, Net: "unix"}
	if o.Type == "dgram" {
		addr.Net = "unixgram"
		c, err := net.ListenUnixgram("unixgram", addr)
		if err != nil {
			return fmt.Errorf("make path_to_socket: %w", err)
		}
		s.packets = c
	} else {
		l, err := net.ListenUnix("unix", addr)
		if err != nil {
			return fmt.Errorf("make path_to_socket: %w", err)
		}
		l.SetUnlinkOnClose(false)
		s.listener = l
	}
	if err := s.permit(); err != nil {
		return err
	}
	s.env.Log.Info("listening", "address", o.Path)
	return nil
}

// permit sets who may use the socket.
func (s *server) permit() error {
	o := &s.opts
	if s.abstract() {
		return nil
	}
	if err := os.Chmod(o.Path, o.mode); err != nil {
		return fmt.Errorf("set socket_mode: %w", err)
	}
	if o.SocketGroup != "" {
		g, err := user.LookupGroup(o.SocketGroup)
		if err != nil {
			return fmt.Errorf("look up socket_group: %w", err)
		}
		id, err := strconv.Atoi(g.Gid)
		if err != nil {
			return fmt.Errorf("look up socket_group: %w", err)
		}
		if err := os.Chown(o.Path, -1, id); err != nil {
			return fmt.Errorf("set socket_group: %w", err)
		}
	}
	var err error
	s.made, err = os.Lstat(o.Path)
	return err
}

// removeStale removes a socket file on which nobody listens any more.
func (s *server) removeStale(ctx context.Context) error {
	if s.abstract() {
		return nil
	}
	info, err := os.Lstat(s.opts.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("look at path_to_socket: %w", err)
	case info.Mode()&fs.ModeSocket == 0:
		return fmt.Errorf("path_to_socket: %s exists and is no socket", s.opts.Path)
	}
	network := "unix"
	if s.opts.Type == "dgram" {
		network = "unixgram"
	}
	d := net.Dialer{Timeout: time.Second}
	if c, err := d.DialContext(ctx, network, s.opts.Path); err == nil {
		c.Close()
		return fmt.Errorf("path_to_socket: another process listens on %s", s.opts.Path)
	}
	if err := os.Remove(s.opts.Path); err != nil {
		return fmt.Errorf("remove what is left of path_to_socket: %w", err)
	}
	return nil
}

// Run serves connections or reads datagrams.
func (s *server) Run(ctx context.Context, out *actor.Outlet) error {
	o := &s.opts
	if s.packets != nil {
		return s.datagrams(ctx, out)
	}
	srv := &stream.Server{
		Env: s.env, Limit: o.MaxLineLength, Long: framing.LongLine(o.LongLineAction), Most: o.MaxConnections, Keep: !o.Strip,
		From:  func(net.Conn) string { return s.host },
		Cut:   func() framing.Cut { return framing.Lines(true) },
		Clean: s.clean,
	}
	if o.Mode == "stream" {
		srv.Chunk, srv.Clean = o.ChunkSize, nil
	}
	return srv.Serve(ctx, out, s.listener)
}

func (s *server) clean() func(string) string {
	convert, strip := s.opts.Encoding.Converter(), s.opts.Strip
	return func(piece string) string {
		if convert != nil {
			piece = convert(piece)
		}
		if strip {
			piece = strings.Trim(piece, " \t\n\v\f\r")
		}
		return piece
	}
}

// datagrams makes an event of each datagram.
func (s *server) datagrams(ctx context.Context, out *actor.Outlet) error {
	stop := context.AfterFunc(ctx, func() { s.packets.SetReadDeadline(time.Now()) })
	defer stop()
	clean := s.clean()
	buf := make([]byte, s.opts.MaxLineLength)
	for {
		n, err := s.packets.Read(buf)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("read datagrams: %w", err)
		}
		text := clean(string(buf[:n]))
		if text == "" && s.opts.Strip {
			continue
		}
		b := out.Batch(s.host)
		b.New().SetField(event.Data, event.String(text))
		if err := out.Emit(b, nil); err != nil {
			return err
		}
	}
}

// Close closes the socket and removes its file, if it is still the one that was made.
func (s *server) Close(context.Context) error {
	if s.listener != nil {
		s.listener.Close()
	}
	if s.packets != nil {
		s.packets.Close()
	}
	if s.made == nil {
		return nil
	}
	if now, err := os.Lstat(s.opts.Path); err != nil || !os.SameFile(now, s.made) {
		return nil
	}
	return os.Remove(s.opts.Path)
}
