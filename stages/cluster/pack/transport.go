package pack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"

	"gambolputty/stages/cluster/internal/seal"
)

// Kinds of packets and streams.
const (
	gossip  = 'm' // what memberlist says
	hello   = 'h' // a discovery broadcast
	message = 'a' // a message of another module
	ballot  = 'r' // what raft says
	who     = 'w' // asks which process is behind an address
	lane    = 'l' // packets of memberlist, where there is no UDP
)

const (
	// strangers is how many streams may be open of which it is not known yet whether the
	// other end knows the secret, and proofTime how long it may take to show that.
	strangers = 32
	proofTime = 5 * time.Second
	// largestPacket is the most that UDP carries.
	largestPacket = 65_535
)

// transport carries sealed packets and streams. It is the transport of memberlist.
type transport struct {
	keys      keys
	sealer    *seal.Keys // of packets; nil where all goes over streams
	lanes     *lanes     // for packets then
	network   network
	udp       net.PacketConn
	broadcast net.PacketConn // also gets broadcasts, where udp cannot
	tcp       net.Listener
	advertise netip.AddrPort

	packets chan *memberlist.Packet
	streams chan net.Conn
	ballots chan net.Conn

	greeted func(text []byte)              // a hello
	heard   func(id string)                // a node lives
	stream  func(kind byte, c net.Conn)    // of another kind, to be closed by it
	refused func(from net.Addr, err error) // something that no node of this pack says

	proving chan struct{}
	ctx     context.Context //nolint:containedctx // it is the life of the sockets
	cancel  context.CancelFunc
	end     sync.Once
	serving sync.WaitGroup
}

// keys protect streams.
type keys interface {
	ID() string
	Dial(c net.Conn, kind byte) (net.Conn, error)
	Accept(c net.Conn) (kind byte, s net.Conn, err error)
}

// sealed are the keys of a secret.
type sealed struct{ *seal.Keys }

// Dial begins a stream.
func (s sealed) Dial(c net.Conn, kind byte) (net.Conn, error) { return s.Keys.Dial(c, kind) }

// Accept takes a stream.
func (s sealed) Accept(c net.Conn) (byte, net.Conn, error) { return s.Keys.Accept(c) }

// protect sets what protects packets and streams: a secret, or certificates.
func (t *transport) protect(k keys) {
	t.keys = k
	if s, ok := k.(sealed); ok {
		t.sealer = s.Keys
		return
	}
	t.lanes = &lanes{net: t, to: map[string]chan []byte{}}
}

// where is what a node listens on and what it tells others.
type where struct {
	iface     string
	port      int
	advertise string
	broadcast string // "" for none
	streams   bool   // there is no UDP
}

// listen binds TCP and UDP.
func listen(ctx context.Context, n network, w where) (*transport, error) {
	t := &transport{
		network: n, packets: make(chan *memberlist.Packet, 256), streams: make(chan net.Conn), ballots: make(chan net.Conn),
		proving: make(chan struct{}, strangers),
	}
	t.ctx, t.cancel = context.WithCancel(context.WithoutCancel(ctx))
	var err error
	if t.tcp, err = n.Listen(ctx, net.JoinHostPort(w.iface, strconv.Itoa(w.port))); err != nil {
		return nil, err
	}
	bound := t.tcp.Addr().(*net.TCPAddr).AddrPort() //nolint:forcetypeassert // that is what networks give
	port := strconv.Itoa(int(bound.Port()))
	if !w.streams {
		if t.udp, err = n.ListenPacket(ctx, net.JoinHostPort(w.iface, port)); err != nil {
			return nil, errors.Join(err, t.close())
		}
	}
	if t.advertise, err = advertised(w.advertise, bound); err != nil {
		return nil, errors.Join(err, t.close())
	}
	if w.broadcast != "" && !bound.Addr().IsUnspecified() {
		// Without it the node is found by those that it finds.
		if u, err := n.ListenBroadcast(ctx, net.JoinHostPort(w.broadcast, port)); err == nil {
			t.broadcast = u
		}
	}
	return t, nil
}

// advertised is the address that others are told: what was configured, else the one that was
// bound, else the first of this host that others can reach.
func advertised(configured string, bound netip.AddrPort) (netip.AddrPort, error) {
	if configured != "" {
		host, port := configured, bound.Port()
		if h, p, err := net.SplitHostPort(configured); err == nil {
			n, err := strconv.ParseUint(p, 10, 16)
			if err != nil {
				return netip.AddrPort{}, fmt.Errorf("advertise: the port of %q is no number", configured)
			}
			host, port = h, uint16(n)
		}
		a, err := net.ResolveIPAddr("ip", host)
		if err != nil {
			return netip.AddrPort{}, fmt.Errorf("advertise: %w", err)
		}
		ip, _ := netip.AddrFromSlice(a.IP)
		return netip.AddrPortFrom(ip.Unmap(), port), nil
	}
	if !bound.Addr().IsUnspecified() {
		return netip.AddrPortFrom(bound.Addr().Unmap(), bound.Port()), nil
	}
	best := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return netip.AddrPort{}, err
	}
	for _, a := range addrs {
		n, ok := a.(*net.IPNet)
		if !ok {
			continue
		}
		if ip, ok := netip.AddrFromSlice(n.IP); ok && ip.Unmap().Is4() && ip.Unmap().IsGlobalUnicast() {
			best = ip.Unmap()
			break
		}
	}
	return netip.AddrPortFrom(best, bound.Port()), nil
}

// start begins to take what comes.
func (t *transport) start() {
	if t.udp != nil {
		t.serving.Go(func() { t.readPackets(t.udp) })
	}
	if t.broadcast != nil {
		t.serving.Go(func() { t.readPackets(t.broadcast) })
	}
	t.serving.Go(t.accept)
}

// stopLanes begins the end. No lane is opened after it.
func (t *transport) stopLanes() {
	if t.lanes != nil {
		t.lanes.mu.Lock()
		defer t.lanes.mu.Unlock()
	}
	t.cancel()
}

func (t *transport) over() bool { return t.ctx.Err() != nil }

func (t *transport) readPackets(c net.PacketConn) {
	buf := make([]byte, largestPacket)
	for {
		n, from, err := c.ReadFrom(buf)
		if err != nil {
			if t.over() {
				return
			}
			continue // such as a port that is not reachable any more
		}
		p, err := t.sealer.Open(buf[:n])
		switch {
		case errors.Is(err, seal.ErrRepeated):
			// The network may do that, and so may an enemy.
		case err != nil:
			t.refused(from, err)
		case p.From == t.keys.ID(): // a broadcast of this node
		case p.Kind == hello:
			t.greeted(p.Text)
		case p.Kind == gossip:
			t.heard(p.From)
			select {
			case t.packets <- &memberlist.Packet{Buf: p.Text, From: from, Timestamp: time.Now()}:
			default: // as if the network had lost it
			}
		}
	}
}

func (t *transport) accept() {
	for {
		c, err := t.tcp.Accept()
		if err != nil {
			if t.over() {
				return
			}
			select {
			case <-time.After(100 * time.Millisecond): // such as too many open files
			case <-t.ctx.Done():
			}
			continue
		}
		select {
		case t.proving <- struct{}{}:
			t.serving.Go(func() { t.prove(c) })
		default:
			c.Close() // nothing was said
		}
	}
}

// prove lets in who knows the secret.
func (t *transport) prove(c net.Conn) {
	c = t.cable(c)
	c.SetDeadline(time.Now().Add(proofTime)) // fails only if it is closed
	kind, s, err := t.keys.Accept(c)
	<-t.proving
	if err != nil {
		c.Close() // nothing was said
		if isStrange(err) {
			t.refused(c.RemoteAddr(), err)
		}
		return
	}
	c.SetDeadline(time.Time{}) // the same
	to := t.streams
	switch kind {
	case gossip:
	case ballot:
		to = t.ballots
	case lane:
		if t.lanes == nil {
			s.Close() // nobody needs it
			return
		}
		t.lanes.take(s)
		return
	default:
		t.stream(kind, s)
		return
	}
	select {
	case to <- s:
	case <-t.ctx.Done():
	}
}

// cable is a connection that ends with the transport.
type cable struct {
	net.Conn
	unhook func() bool
}

func (t *transport) cable(c net.Conn) cable {
	return cable{c, context.AfterFunc(t.ctx, func() { c.Close() })}
}

// Close closes the connection.
func (c cable) Close() error {
	c.unhook()
	return c.Conn.Close()
}

// dial opens a sealed stream.
func (t *transport) dial(kind byte, addr string, timeout time.Duration) (net.Conn, error) {
	if t.over() {
		return nil, net.ErrClosed
	}
	c, err := t.network.Dial(t.local(), addr, timeout)
	if err != nil {
		return nil, err
	}
	c = t.cable(c)
	c.SetDeadline(time.Now().Add(timeout)) // fails only if it is closed
	s, err := t.keys.Dial(c, kind)
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = fmt.Errorf("%s does not answer as a node of a pack: %w", addr, err)
		}
		return nil, errors.Join(err, c.Close())
	}
	c.SetDeadline(time.Time{}) // the same
	return s, nil
}

// local is the address that was bound: streams come from it, so that others know this node by
// it. It is nil if that is any address.
func (t *transport) local() net.IP {
	if ip := t.tcp.Addr().(*net.TCPAddr).IP; !ip.IsUnspecified() { //nolint:forcetypeassert // it is of TCP
		return ip
	}
	return nil
}

// sendTo sends a packet.
func (t *transport) sendTo(kind byte, text []byte, addr string) error {
	if t.lanes != nil {
		t.lanes.send(slices.Clone(text), addr)
		return nil
	}
	to, err := net.ResolveUDPAddr("udp", addr)
	if err != nil {
		return err
	}
	_, err = t.udp.WriteTo(t.sealer.Seal(kind, text), to)
	return err
}

// FinalAdvertiseAddr is the address that others are told.
func (t *transport) FinalAdvertiseAddr(string, int) (net.IP, int, error) {
	return t.advertise.Addr().AsSlice(), int(t.advertise.Port()), nil
}

// WriteTo sends a packet of memberlist.
func (t *transport) WriteTo(b []byte, addr string) (time.Time, error) {
	return time.Now(), t.sendTo(gossip, b, addr)
}

// PacketCh are the packets for memberlist.
func (t *transport) PacketCh() <-chan *memberlist.Packet { return t.packets }

// DialTimeout opens a stream of memberlist.
func (t *transport) DialTimeout(addr string, timeout time.Duration) (net.Conn, error) {
	return t.dial(gossip, addr, timeout)
}

// StreamCh are the streams for memberlist.
func (t *transport) StreamCh() <-chan net.Conn { return t.streams }

// Shutdown closes everything.
func (t *transport) Shutdown() error {
	err := t.close()
	t.serving.Wait()
	return err
}

func (t *transport) close() error {
	var errs []error
	t.end.Do(func() {
		t.stopLanes()
		errs = append(errs, t.tcp.Close())
		if t.udp != nil {
			errs = append(errs, t.udp.Close())
		}
		if t.broadcast != nil {
			errs = append(errs, t.broadcast.Close())
		}
	})
	return errors.Join(errs...)
}
