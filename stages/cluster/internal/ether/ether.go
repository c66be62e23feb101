// Package ether is a network in memory, for tests of what nodes do when a real one fails: it loses
// packets, breaks streams and falls apart, as dice say that begin with a seed. It is made for the
// time of testing/synctest, in which waiting takes no time.
package ether

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"
)

// Weather is how bad the network is.
type Weather struct {
	// Loss is the share of packets that get lost, one way. Streams send theirs again.
	Loss float64
	// Breaks is the share of writes at which a stream breaks.
	Breaks float64
}

// Ether is a network. Each host has one address of it.
type Ether struct {
	mu      sync.Mutex
	dice    *rand.Rand
	weather Weather
	side    map[netip.Addr]int
	tcp     map[netip.AddrPort]*listener
	udp     map[netip.AddrPort]*socket
	ports   uint16
	lost    int
}

// New makes a network.
func New(seed uint64) *Ether {
	return &Ether{
		dice: rand.New(rand.NewPCG(seed, 0)), side: map[netip.Addr]int{}, //nolint:gosec // nothing is secret about it
		tcp: map[netip.AddrPort]*listener{}, udp: map[netip.AddrPort]*socket{}, ports: 40_000,
	}
}

// Change changes the weather.
func (e *Ether) Change(w Weather) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.weather = w
}

// Split takes the hosts with these addresses from all others. Without one, all reach each other
// again.
func (e *Ether) Split(hosts ...string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	clear(e.side)
	for _, h := range hosts {
		e.side[netip.MustParseAddr(h)] = 1
	}
}

// Lost is how many packets were lost.
func (e *Ether) Lost() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.lost
}

// apart reports whether there is no way between two hosts. The mutex is held.
func (e *Ether) apart(a, b netip.AddrPort) bool { return e.side[a.Addr()] != e.side[b.Addr()] }

// drops throws the dice for a packet. The mutex is held.
func (e *Ether) drops() bool { return e.dice.Float64() < e.weather.Loss }

// flight is how long a packet is under way. The mutex is held.
func (e *Ether) flight() time.Duration {
	return 200*time.Microsecond + time.Duration(e.dice.Int64N(int64(3*time.Millisecond)))
}

// ListenPacket opens a socket for packets.
func (e *Ether) ListenPacket(_ context.Context, addr string) (net.PacketConn, error) {
	at, err := netip.ParseAddrPort(addr)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.udp[at] != nil {
		return nil, syscall.EADDRINUSE
	}
	s := &socket{e: e, at: at, in: make(chan datagram, 1024), closed: make(chan struct{})}
	e.udp[at] = s
	return s, nil
}

// ListenBroadcast fails: there are no broadcasts.
func (e *Ether) ListenBroadcast(context.Context, string) (net.PacketConn, error) {
	return nil, syscall.EACCES
}

// Listen opens a socket for streams.
func (e *Ether) Listen(_ context.Context, addr string) (net.Listener, error) {
	at, err := netip.ParseAddrPort(addr)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.tcp[at] != nil {
		return nil, syscall.EADDRINUSE
	}
	l := &listener{e: e, at: at, in: make(chan net.Conn, 64), closed: make(chan struct{})}
	e.tcp[at] = l
	return l, nil
}

// firstTry is the time after which TCP asks again for a connection; it doubles.
const firstTry = time.Second

// Dial opens a stream.
func (e *Ether) Dial(from net.IP, addr string, timeout time.Duration) (net.Conn, error) {
	to, err := netip.ParseAddrPort(addr)
	if err != nil {
		return nil, err
	}
	ip, ok := netip.AddrFromSlice(from)
	if !ok {
		return nil, fmt.Errorf("there is no address %v", from)
	}
	end := time.Now().Add(timeout)
	for pause := firstTry; ; pause *= 2 {
		c, err := e.connect(ip.Unmap(), to)
		if c != nil || err != nil {
			return c, err
		}
		left := time.Until(end)
		if pause >= left {
			time.Sleep(left)
			return nil, syscall.ETIMEDOUT
		}
		time.Sleep(pause)
	}
}

// connect asks once for a connection. Nothing comes back if that was lost.
func (e *Ether) connect(from netip.Addr, to netip.AddrPort) (net.Conn, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ports++
	at := netip.AddrPortFrom(from, e.ports)
	if e.apart(at, to) || e.drops() || e.drops() {
		return nil, nil
	}
	l := e.tcp[to]
	if l == nil {
		return nil, syscall.ECONNREFUSED
	}
	there, back := newLane(e, at, to), newLane(e, to, at)
	there.other, back.other = back, there
	select {
	case l.in <- &stream{in: there, out: back}:
		return &stream{in: back, out: there}, nil
	default:
		return nil, syscall.ECONNREFUSED
	}
}

// datagram is a packet.
type datagram struct {
	from netip.AddrPort
	text []byte
}

// socket is one for packets.
type socket struct {
	e      *Ether
	at     netip.AddrPort
	in     chan datagram
	closed chan struct{}
	end    sync.Once
}

// ReadFrom waits for a packet.
func (s *socket) ReadFrom(p []byte) (int, net.Addr, error) {
	select {
	case d := <-s.in:
		return copy(p, d.text), net.UDPAddrFromAddrPort(d.from), nil
	case <-s.closed:
		return 0, nil, net.ErrClosed
	}
}

// WriteTo sends a packet, and does not tell whether it arrives.
func (s *socket) WriteTo(p []byte, addr net.Addr) (int, error) {
	to, err := netip.ParseAddrPort(addr.String())
	if err != nil {
		return 0, err
	}
	select {
	case <-s.closed:
		return 0, net.ErrClosed
	default:
	}
	e := s.e
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.drops() || e.apart(s.at, to) {
		e.lost++
		return len(p), nil
	}
	d := datagram{s.at, append([]byte{}, p...)}
	time.AfterFunc(e.flight(), func() {
		e.mu.Lock()
		target := e.udp[to]
		e.mu.Unlock()
		if target == nil {
			return
		}
		select {
		case target.in <- d:
		default: // it cannot take more
		}
	})
	return len(p), nil
}

// Close closes the socket.
func (s *socket) Close() error {
	s.end.Do(func() {
		close(s.closed)
		s.e.mu.Lock()
		defer s.e.mu.Unlock()
		delete(s.e.udp, s.at)
	})
	return nil
}

// LocalAddr is its address.
func (s *socket) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(s.at) }

// SetDeadline is not needed.
func (s *socket) SetDeadline(time.Time) error { return nil }

// SetReadDeadline is not needed.
func (s *socket) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline is not needed.
func (s *socket) SetWriteDeadline(time.Time) error { return nil }

// listener is a socket for streams.
type listener struct {
	e      *Ether
	at     netip.AddrPort
	in     chan net.Conn
	closed chan struct{}
	end    sync.Once
}

// Accept waits for a stream.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.in:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close closes the socket.
func (l *listener) Close() error {
	l.end.Do(func() {
		close(l.closed)
		l.e.mu.Lock()
		defer l.e.mu.Unlock()
		delete(l.e.tcp, l.at)
	})
	return nil
}

// Addr is its address.
func (l *listener) Addr() net.Addr { return net.TCPAddrFromAddrPort(l.at) }
