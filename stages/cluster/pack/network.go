package pack

import (
	"context"
	"net"
	"time"
)

// network makes the sockets of a node. A test has one in which packets get lost.
type network interface {
	Listen(ctx context.Context, addr string) (net.Listener, error)
	ListenPacket(ctx context.Context, addr string) (net.PacketConn, error)
	// ListenBroadcast takes what is sent to a broadcast address, beside others that do.
	ListenBroadcast(ctx context.Context, addr string) (net.PacketConn, error)
	// Dial opens a stream from an address of this host, any if it is nil.
	Dial(from net.IP, addr string, timeout time.Duration) (net.Conn, error)
}

// host is the network of the host.
type host struct{}

// Listen binds TCP.
func (host) Listen(ctx context.Context, addr string) (net.Listener, error) {
	var c net.ListenConfig
	return c.Listen(ctx, "tcp", addr)
}

// ListenPacket binds UDP.
func (host) ListenPacket(ctx context.Context, addr string) (net.PacketConn, error) {
	var c net.ListenConfig
	return c.ListenPacket(ctx, "udp", addr)
}

// ListenBroadcast binds UDP of IPv4.
func (host) ListenBroadcast(ctx context.Context, addr string) (net.PacketConn, error) {
	c := net.ListenConfig{Control: shareAddress}
	return c.ListenPacket(ctx, "udp4", addr)
}

// Dial opens a connection of TCP.
func (host) Dial(from net.IP, addr string, timeout time.Duration) (net.Conn, error) {
	d := net.Dialer{Timeout: timeout}
	if from != nil {
		d.LocalAddr = &net.TCPAddr{IP: from}
	}
	return d.Dial("tcp", addr)
}
