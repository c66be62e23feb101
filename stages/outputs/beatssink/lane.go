package beatssink

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync/atomic"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/stages/internal/wire"
)

// lane is the way to a server. It connects when there is something to send.
type lane struct {
	env      actor.Env
	dialer   *wire.Dialer
	next     int // the address to begin with
	patience time.Duration
	packer   *packer
	conn     *conn
	told     string

	// What it is to deliver, and what became of it.
	events    []*event.Event
	confirmed int
	err       error
}

// conn is a connection whose answers are read as they come, so that its end shows.
type conn struct {
	net.Conn
	name  string
	acked atomic.Uint32 // the last sequence number that is not 0
	news  chan struct{} // an answer came
	ended chan struct{} // closed when err is set
	err   error
}

func newConn(c net.Conn, name string) *conn {
	n := &conn{Conn: c, name: name, news: make(chan struct{}, 1), ended: make(chan struct{})}
	go n.read()
	return n
}

func (c *conn) read() {
	defer close(c.ended)
	var b [6]byte
	for {
		if _, err := io.ReadFull(c.Conn, b[:]); err != nil {
			c.err = plain(err)
			return
		}
		if b[0] != '2' || b[1] != 'A' {
			c.err = wrong("an answer that begins with 0x%02x 0x%02x", b[0], b[1])
			return
		}
		if n := binary.BigEndian.Uint32(b[2:]); n > 0 {
			c.acked.Store(n)
		}
		select {
		case c.news <- struct{}{}:
		default:
		}
	}
}

var errGone = errors.New("the server has closed the connection")

// plain is an error of the network without addresses, which are named anyway.
func plain(err error) error {
	var op *net.OpError
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errGone
	case errors.As(err, &op):
		return op.Err
	}
	return err
}

// connect makes sure that there is a connection: to the server of before, or to the next that
// answers.
func (l *lane) connect(ctx context.Context) error {
	if l.conn != nil {
		select {
		case <-l.conn.ended: // it ended while there was nothing to send
			l.drop()
		default:
			return nil
		}
	}
	var errs []error
	for i, a := range slices.Concat(l.dialer.Addresses[l.next:], l.dialer.Addresses[:l.next]) {
		c, err := l.dialer.Open(ctx, a)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		l.next = (l.next + i) % len(l.dialer.Addresses)
		l.conn = newConn(c, a.Name)
		if l.told != a.Name {
			l.told = a.Name
			l.env.Log.Info("connected", "peer", a.Name)
		}
		return nil
	}
	return errors.Join(errs...)
}

func (l *lane) drop() {
	if l.conn == nil {
		return
	}
	l.conn.Close()
	<-l.conn.ended
	l.conn = nil
}

// deliver sends the window and waits until it is acknowledged. After an error the next server
// is tried first.
func (l *lane) deliver(ctx context.Context) {
	l.confirmed = 0
	if l.err = l.connect(ctx); l.err != nil {
		return
	}
	if err := l.exchange(ctx); err != nil {
		l.err = fmt.Errorf("%s: %w", l.conn.name, err)
		l.drop()
		l.next = (l.next + 1) % len(l.dialer.Addresses)
	}
}

func (l *lane) exchange(ctx context.Context) error {
	c, window := l.conn, l.packer.bytes()
	defer context.AfterFunc(ctx, func() { c.SetWriteDeadline(time.Unix(1, 0)) })()
	c.acked.Store(0)
	c.SetWriteDeadline(time.Now().Add(l.patience))
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if _, err := c.Write(window); err != nil {
		return plain(err)
	}
	l.env.Count("bytes", len(window))
	timer := time.NewTimer(l.patience)
	defer timer.Stop()
	for l.confirmed < len(l.events) {
		select {
		case <-c.news:
			if err := l.look(); err != nil {
				return err
			}
			timer.Reset(l.patience) // 0 says that it is still at work
		case <-c.ended:
			if err := l.look(); err != nil || l.confirmed == len(l.events) {
				return err
			}
			return c.err
		case <-timer.C:
			return fmt.Errorf("no acknowledgement for %s", l.patience)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// look sees how far the server has acknowledged.
func (l *lane) look() error {
	n := l.conn.acked.Load()
	if uint64(n) > uint64(len(l.events)) {
		return wrong("it acknowledges event %d of %d", n, len(l.events))
	}
	l.confirmed = max(l.confirmed, int(n))
	return nil
}
