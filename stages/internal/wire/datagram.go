package wire

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"

	"golang.org/x/net/ipv4"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/stages/internal/delivery"
)

// Datagrams sends over UDP or to a unix datagram socket. There is no receipt: what the system
// has taken counts as sent.
type Datagrams struct {
	env      actor.Env
	address  Address
	conn     net.Conn
	many     *ipv4.PacketConn // sends several at once; nil for unix sockets
	messages []ipv4.Message
	resolved time.Time
	now      func() time.Time
}

const (
	// resolveEvery is how long the address of a name is used.
	resolveEvery = time.Minute
	// atOnce is the number of datagrams for one call of the system.
	atOnce = 64
	// connectTime bounds the look-up of a name.
	connectTime = 10 * time.Second
	// fullTries and fullPause are for a system that has no buffer left for the moment.
	fullTries = 20
	fullPause = 2 * time.Millisecond
)

// NewDatagrams makes a sender to an address whose network is udp or unixgram.
func NewDatagrams(env actor.Env, a Address) *Datagrams {
	d := &Datagrams{env: env, address: a, now: time.Now, messages: make([]ipv4.Message, atOnce)}
	for i := range d.messages {
		d.messages[i].Buffers = make([][]byte, 1)
	}
	return d
}

// Connect makes the socket ready, and looks names up again once in a while. As long as that
// fails the address from before is good enough.
func (d *Datagrams) Connect(ctx context.Context) error {
	if d.conn != nil && (d.address.Network != "udp" || d.now().Sub(d.resolved) < resolveEvery) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	c, err := (&net.Dialer{}).DialContext(ctx, d.address.Network, d.address.Name)
	if err != nil {
		if d.conn == nil {
			return err
		}
		d.env.Warn("name cannot be looked up again, its address from before is used", "address", d.address.Name, "error", err)
		d.resolved = d.now()
		return nil
	}
	d.Close()
	d.conn, d.resolved = c, d.now()
	if u, ok := c.(*net.UDPConn); ok {
		d.many = ipv4.NewPacketConn(u)
	}
	return nil
}

// Close gives the socket back.
func (d *Datagrams) Close() {
	if d.conn != nil {
		d.conn.Close()
		d.conn, d.many = nil, nil
	}
}

// TooLong reports whether a datagram can never be sent, because of its size.
func TooLong(err error) bool { return errors.Is(err, syscall.EMSGSIZE) }

// Send sends in order and returns how many the system has taken. A peer that refuses datagrams
// of UDP is counted and warned about; whether those before got there nobody knows.
func (d *Datagrams) Send(ctx context.Context, datagrams [][]byte) (int, error) {
	if err := d.Connect(ctx); err != nil {
		return 0, err
	}
	conn := d.conn
	defer context.AfterFunc(ctx, func() { conn.SetWriteDeadline(time.Unix(1, 0)) })()
	sent, tries := 0, 0
	for sent < len(datagrams) {
		n, err := d.write(datagrams[sent:])
		sent += n
		switch {
		case n > 0:
			tries = 0
		case err == nil, errors.Is(err, syscall.EINTR):
		case d.many != nil && errors.Is(err, syscall.ECONNREFUSED):
			// It tells of one sent before. This one was not sent, and gets another chance.
			d.env.Count("refused", 1)
			d.env.Warn("the peer refuses datagrams, nothing listens there", "address", d.address.Name)
		case errors.Is(err, syscall.ENOBUFS) && tries < fullTries:
			tries++
			if err := wait(ctx, fullPause); err != nil {
				return sent, err
			}
		case ctx.Err() != nil:
			return sent, context.Cause(ctx)
		default:
			if !TooLong(err) && d.many == nil {
				d.Close() // the listener of a unix socket has gone
			}
			return sent, err
		}
	}
	return sent, nil
}

// Packets are events with the datagram of each, in one buffer that is used again and again.
type Packets struct {
	buf  []byte
	ends []int
	list [][]byte
}

// Append adds the datagram that write appends.
func (p *Packets) Append(write func(dst []byte) []byte) int {
	before := len(p.buf)
	p.buf = write(p.buf)
	p.ends = append(p.ends, len(p.buf))
	return len(p.buf) - before
}

// Drop takes the last datagram back.
func (p *Packets) Drop() {
	p.ends = p.ends[:len(p.ends)-1]
	p.buf = p.buf[:p.last()]
}

func (p *Packets) last() int {
	if len(p.ends) == 0 {
		return 0
	}
	return p.ends[len(p.ends)-1]
}

// Reset forgets all of them.
func (p *Packets) Reset() {
	p.buf, p.ends = p.buf[:0], p.ends[:0]
	if cap(p.buf) > keepPackets {
		p.buf = nil
	}
}

// keepPackets is the memory that is kept from batch to batch.
const keepPackets = 4 << 20

// Deliver sends the datagrams, one for each event, and tells r what could not be sent.
func (d *Datagrams) Deliver(ctx context.Context, events []*event.Event, p *Packets, r *delivery.Report) {
	start := 0
	p.list = p.list[:0]
	for _, end := range p.ends {
		p.list = append(p.list, p.buf[start:end])
		start = end
	}
	for done := 0; done < len(events); {
		n, err := d.Send(ctx, p.list[done:])
		bytes := 0
		for _, one := range p.list[done : done+n] {
			bytes += len(one)
		}
		d.env.Count("bytes", bytes)
		done += n
		switch {
		case err == nil:
		case TooLong(err):
			r.Never(events[done], fmt.Errorf("%d bytes are too much for a datagram: %w", len(p.list[done]), err))
			done++
		default:
			d.env.Count("send_errors", 1)
			r.AllLater(events[done:], err)
			return
		}
	}
}

// write sends what the system takes with one call.
func (d *Datagrams) write(datagrams [][]byte) (int, error) {
	if d.many == nil {
		if _, err := d.conn.Write(datagrams[0]); err != nil {
			return 0, err
		}
		return 1, nil
	}
	batch := d.messages[:min(len(datagrams), atOnce)]
	for i := range batch {
		batch[i].Buffers[0] = datagrams[i]
	}
	n, err := d.many.WriteBatch(batch, 0)
	return max(n, 0), err // it may be negative with an error
}

func wait(ctx context.Context, t time.Duration) error {
	timer := time.NewTimer(t)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
