// Package udpserver receives datagrams.
package udpserver

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/option"
	"gambolputty/stages/internal/charset"
	"gambolputty/stages/internal/peers"
)

//go:embed udpserver.md
var doc string

// Spec is the UdpServer module.
var Spec = actor.DefineSource(actor.Info{
	Name:    "UdpServer",
	Aliases: []string{"input.Udp"},
	Role:    actor.Input,
	Summary: "Receives datagrams, each of which is one event.",
	Doc:     doc,
	Example: `- UdpServer:
    ipaddress: 127.0.0.1
    port: 5151
`,
}, Options{
	Port:          5151,
	Strip:         "auto",
	MaxPacketSize: 65535,
	Encoding:      charset.UTF8,
}, New)

// Options of the UdpServer module.
type Options struct {
	Address           string         `opt:"ipaddress" old:"interface" doc:"Address to listen on; empty is all addresses, IPv4 and IPv6."`
	Port              int            `opt:"port" min:"0" max:"65535" doc:"Port to listen on; 0 takes a free one and logs it."`
	Timeout           time.Duration  `opt:"timeout" null:"true" min:"0s" doc:"Write a line to the log, at debug level, when nothing came for so long."`
	Strip             string         `opt:"strip" enum:"auto|True|False|true|false" kinds:"boolean" doc:"Remove white space at both ends; auto does it for text only."`
	MaxPacketSize     int            `opt:"max_packet_size" min:"1" max:"65535" doc:"Longer datagrams are cut and counted."`
	ReceiveBufferSize int            `opt:"receive_buffer_size" min:"0" doc:"Receive buffer of the kernel in kilobytes; 0 leaves what the system gives."`
	MulticastGroup    string         `opt:"multicast_group" null:"true" doc:"Address of a multicast group to join."`
	MulticastDevice   string         `opt:"multicast_interface" null:"true" doc:"Network interface for the multicast group."`
	ReusePort         bool           `opt:"reuse_port" doc:"Let several processes listen on the port."`
	AllowFrom         peers.Networks `opt:"allow_from" doc:"Networks whose datagrams are taken, as in 192.168.0.0/16; empty is all."`
	Encoding          charset.Option `opt:"encoding" doc:"Character set of the text. utf-8 leaves the bytes as they are."`

	group netip.Addr
}

// Validate checks addresses.
func (o *Options) Validate() error {
	var errs []error
	if o.MulticastGroup != "" {
		var err error
		if o.group, err = netip.ParseAddr(o.MulticastGroup); err != nil || !o.group.IsMulticast() {
			errs = append(errs, &option.Fault{Code: option.NotAllowed, Option: "multicast_group", Message: fmt.Sprintf("must be a multicast address, got %q", o.MulticastGroup)})
		}
	}
	return errors.Join(errs...)
}

// Listens names the address.
func (o *Options) Listens() []actor.Address {
	if o.ReusePort {
		return nil
	}
	return []actor.Address{{Option: "port", Network: "udp", Host: o.Address, Port: o.Port}}
}

type server struct {
	env     actor.Env
	opts    Options
	conn    *net.UDPConn
	convert func(string) string
	drops   dropCounter
}

// New makes a UdpServer.
func New(env actor.Env, o Options) (actor.Source, error) {
	return &server{env: env, opts: o, convert: o.Encoding.Converter()}, nil
}

// Open binds the port.
func (s *server) Open(ctx context.Context) error {
	o := &s.opts
	lc := net.ListenConfig{}
	if o.ReusePort {
		lc.Control = reusePort
	}
	c, err := lc.ListenPacket(ctx, "udp", net.JoinHostPort(o.Address, strconv.Itoa(o.Port)))
	if err != nil {
		return fmt.Errorf("listen on ipaddress %q, port %d: %w", o.Address, o.Port, err)
	}
	s.conn = c.(*net.UDPConn)
	if o.ReceiveBufferSize > 0 {
		if err := s.conn.SetReadBuffer(o.ReceiveBufferSize * 1024); err != nil {
			return fmt.Errorf("set receive_buffer_size: %w", err)
		}
		s.env.Log.Info("receive buffer set", "asked", o.ReceiveBufferSize*1024, "granted", grantedBuffer(s.conn))
	}
	if o.MulticastGroup != "" {
		if err := s.join(); err != nil {
			return fmt.Errorf("join multicast_group: %w", err)
		}
	}
	s.drops = newDropCounter(s.conn)
	s.env.Log.Info("listening", "address", s.conn.LocalAddr().String())
	return nil
}

func (s *server) join() error {
	var device *net.Interface
	if s.opts.MulticastDevice != "" {
		var err error
		if device, err = net.InterfaceByName(s.opts.MulticastDevice); err != nil {
			return err
		}
	}
	group := net.UDPAddrFromAddrPort(netip.AddrPortFrom(s.opts.group, 0))
	if s.opts.group.Is4() {
		return ipv4.NewPacketConn(s.conn).JoinGroup(device, group)
	}
	return ipv6.NewPacketConn(s.conn).JoinGroup(device, group)
}

// Sizes of a read: as many datagrams as are waiting, up to this number.
const datagrams = 32

// Run reads datagrams until ctx ends.
func (s *server) Run(ctx context.Context, out *actor.Outlet) error {
	stop := context.AfterFunc(ctx, func() { s.conn.SetReadDeadline(time.Now()) })
	defer stop()
	messages := make([]ipv6.Message, datagrams)
	for i := range messages {
		messages[i].Buffers = [][]byte{make([]byte, s.opts.MaxPacketSize+1)}
	}
	conn := ipv6.NewPacketConn(s.conn)
	for {
		if s.opts.Timeout > 0 && ctx.Err() == nil {
			s.conn.SetReadDeadline(time.Now().Add(s.opts.Timeout))
		}
		n, err := conn.ReadBatch(messages, 0)
		switch {
		case ctx.Err() != nil && n <= 0:
			return nil
		case errors.Is(err, os.ErrDeadlineExceeded):
			s.env.Log.Debug("no datagram came for a while", "timeout", s.opts.Timeout)
			continue
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("read datagrams: %w", err)
		case err != nil:
			s.env.Warn("a datagram could not be read", "error", err) // such as an ICMP error of an earlier answer
			continue
		}
		if err := s.emit(out, messages[:n]); err != nil {
			return err
		}
		s.reportDrops()
	}
}

// emit sends what arrived together, one batch for each run of one sender.
func (s *server) emit(out *actor.Outlet, messages []ipv6.Message) error {
	var b *actor.Batch
	last := ""
	for i := range messages {
		m := &messages[i]
		from := s.sender(m.Addr)
		if from == "" {
			continue
		}
		if b != nil && from != last {
			if err := send(out, b); err != nil {
				return err
			}
			b = nil
		}
		if b == nil {
			b, last = out.Batch(from), from
		}
		s.add(b, m.Buffers[0][:m.N])
	}
	return send(out, b)
}

func send(out *actor.Outlet, b *actor.Batch) error {
	if b == nil || b.Len() == 0 {
		return nil
	}
	return out.Emit(b, nil)
}

// sender is the address of a peer as text, "" if it is not allowed.
func (s *server) sender(a net.Addr) string {
	u, ok := a.(*net.UDPAddr)
	if !ok {
		return "unknown"
	}
	peer := u.AddrPort()
	peer = netip.AddrPortFrom(peer.Addr().Unmap(), peer.Port())
	if s.opts.AllowFrom.Allow(peer.Addr()) {
		return peer.String()
	}
	s.env.Count("refused_datagrams", 1)
	return ""
}

func (s *server) add(b *actor.Batch, packet []byte) {
	if len(packet) > s.opts.MaxPacketSize {
		packet = packet[:s.opts.MaxPacketSize]
		s.env.Count("cut_datagrams", 1)
		s.env.Warn("datagram was cut", "max_packet_size", s.opts.MaxPacketSize)
	}
	text := string(packet)
	if s.strips(text) {
		text = strings.Trim(text, " \t\n\v\f\r")
	}
	if text == "" {
		return
	}
	if s.convert != nil {
		text = s.convert(text)
	}
	b.New().SetField(event.Data, event.String(text))
}

// strips reports whether white space around a datagram may be removed.
func (s *server) strips(text string) bool {
	switch strings.ToLower(s.opts.Strip) {
	case "true":
		return true
	case "false":
		return false
	}
	return s.convert != nil || strings.IndexByte(text, 0) < 0 && utf8.ValidString(text)
}

func (s *server) reportDrops() {
	if n := s.drops.since(time.Now()); n > 0 {
		s.env.Count("kernel_drops", n)
		s.env.Log.Warn("the kernel dropped datagrams because the pipeline was full", "count", n)
	}
}

// Close frees the port.
func (s *server) Close(context.Context) error {
	if s.conn != nil {
		s.conn.Close()
	}
	return nil
}
