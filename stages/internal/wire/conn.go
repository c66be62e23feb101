package wire

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"syscall"
	"time"
)

// Conn is a connection to a peer that listens. Methods are for one goroutine.
type Conn struct {
	Address Address

	conn     net.Conn // perhaps with TLS
	raw      syscall.RawConn
	whole    bool // a write that was cut short can go on where it ended
	patience time.Duration
	answers  chan int      // numbers of lines that came; nil if they are of no interest
	ended    chan struct{} // closed by the reader, which has set err before
	err      error
	gone     chan struct{} // closed by the reader, which has set below before
	below    error         // how the connection under TLS ended
	seen     error         // what peek found: the system tells of a reset only once
}

func newConn(a Address, c, socket net.Conn, d *Dialer) *Conn {
	conn := &Conn{Address: a, conn: c, whole: c == socket, patience: d.Write, ended: make(chan struct{}), gone: make(chan struct{})}
	if s, ok := socket.(syscall.Conn); ok {
		conn.raw, _ = s.SyscallConn() // the error says that the socket is closed, which others find too
	}
	if d.Lines {
		conn.answers = make(chan int, 1)
	}
	go func() {
		defer close(conn.gone)
		conn.read()
		if !conn.whole && errors.Is(conn.err, io.EOF) {
			conn.below = drain(socket)
		}
	}()
	return conn
}

// drain reads to the end of the connection under TLS. Behind the alert that ends TLS there may
// be a reset, which says that not everything was read.
func drain(socket net.Conn) error {
	socket.SetReadDeadline(time.Now().Add(lingerTime))
	if _, err := io.Copy(io.Discard, socket); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// read takes what the peer says, so that its end shows, and so that alerts of TLS are seen.
func (c *Conn) read() {
	defer close(c.ended)
	buf := make([]byte, 4096)
	for {
		n, err := c.conn.Read(buf)
		if lines := bytes.Count(buf[:n], []byte("\n")); lines > 0 && c.answers != nil {
			select {
			case before := <-c.answers:
				lines += before
			default:
			}
			c.answers <- lines
		}
		if err != nil {
			c.err = err
			return
		}
	}
}

var errGone = errors.New("the peer has closed the connection")

// Err tells whether the connection has ended, as far as it is known here.
func (c *Conn) Err() error {
	select {
	case <-c.ended:
		return c.reason()
	default:
	}
	if c.raw == nil {
		return nil
	}
	if err := peek(c.raw); err != nil {
		c.seen = err
		return c.wrap(err)
	}
	return nil
}

// Broken reports whether a connection that has an Err ended in disorder, so that the peer has
// perhaps not read all that its system had taken.
func (c *Conn) Broken() bool {
	<-c.gone
	return !errors.Is(c.err, io.EOF) || c.below != nil || c.seen != nil && !errors.Is(c.seen, io.EOF)
}

func (c *Conn) reason() error { return c.wrap(c.err) }

func (c *Conn) wrap(err error) error {
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: %w", c.Address.Name, errGone)
	}
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err // without the addresses of both ends
	}
	return fmt.Errorf("%s: %w", c.Address.Name, err)
}

// recordBytes is the most that is written over TLS at a time. After a time-out a connection
// with TLS cannot be used, so that the time must be enough for all of it.
const recordBytes = 64 << 10

// Write hands buffers to the system. It fails when the peer takes nothing for too long.
func (c *Conn) Write(ctx context.Context, buffers ...[]byte) error {
	defer context.AfterFunc(ctx, func() { c.conn.SetWriteDeadline(time.Unix(1, 0)) })()
	if c.whole {
		return c.writeAll(ctx, buffers)
	}
	for _, b := range buffers {
		for len(b) > 0 {
			n := min(len(b), recordBytes)
			if err := c.deadline(ctx); err != nil {
				return err
			}
			if _, err := c.conn.Write(b[:n]); err != nil {
				return c.failed(ctx, err)
			}
			b = b[n:]
		}
	}
	return nil
}

// writeAll writes everything with one call of the system, as long as it takes it.
func (c *Conn) writeAll(ctx context.Context, buffers [][]byte) error {
	rest := net.Buffers(buffers)
	for {
		if err := c.deadline(ctx); err != nil {
			return err
		}
		var n int64
		var err error
		if len(rest) == 1 {
			var one int
			one, err = c.conn.Write(rest[0])
			n, rest[0] = int64(one), rest[0][one:]
		} else {
			n, err = rest.WriteTo(c.conn)
		}
		switch {
		case err == nil:
			return nil
		case n > 0 && errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() == nil: // slow, but it gets on
		default:
			return c.failed(ctx, err)
		}
	}
}

func (c *Conn) deadline(ctx context.Context) error {
	err := c.conn.SetWriteDeadline(time.Now().Add(c.patience))
	if ctx.Err() != nil { // perhaps its deadline was overwritten just now
		return context.Cause(ctx)
	}
	if err != nil {
		return c.wrap(err)
	}
	return nil
}

func (c *Conn) failed(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return c.stalled()
	}
	return c.wrap(err)
}

func (c *Conn) stalled() error {
	return fmt.Errorf("%s: the peer has taken nothing for %s", c.Address.Name, c.patience)
}

// Pauses between looks at the queue. The first looks come at once, because on a fast network the
// acknowledgement is here as soon as the peer has run. Those after them take naps that the system
// keeps: timers of Go wait for a millisecond at least when nothing else is going on.
const (
	busyLooks    = 4
	napLooks     = 24
	napTime      = 20 * time.Microsecond
	firstPause   = time.Millisecond
	longestPause = 5 * time.Millisecond
)

// Settle waits until the system of the peer has acknowledged everything. It fails when the
// connection ends before, or when nothing moves for too long. Where the system does not tell,
// it returns at once.
func (c *Conn) Settle(ctx context.Context) error {
	if !knowsQueue || c.raw == nil {
		return nil
	}
	pause, last, moved := firstPause, -1, time.Time{}
	for look := 0; ; look++ {
		n, err := queued(c.raw)
		switch {
		case err != nil:
			return c.wrap(err)
		case n == 0:
			return c.arrived()
		case look < busyLooks:
			runtime.Gosched()
			continue
		case look < napLooks:
			nap(napTime)
			continue
		}
		now := time.Now()
		if n != last {
			last, moved = n, now
		}
		if now.Sub(moved) > c.patience {
			return c.stalled()
		}
		if err := c.pause(ctx, pause); err != nil {
			return err
		}
		pause = min(2*pause, longestPause)
	}
}

// Open is the number of bytes that the system of the peer has not acknowledged.
func (c *Conn) Open() int {
	if !knowsQueue || c.raw == nil {
		return 0
	}
	n, err := queued(c.raw)
	if err != nil {
		return 0 // it is closed, which the next write finds
	}
	return n
}

// arrived is asked once nothing is on the way any more. The queue of a unix socket is also empty
// when its reader is gone, without having read it.
func (c *Conn) arrived() error {
	if c.Address.Network != "unix" {
		return nil
	}
	if err := c.Err(); err != nil && c.Broken() {
		return err
	}
	return nil
}

// pause waits, but no longer than until the connection ends. A peer that has closed its side in
// good order may still acknowledge what was on the way.
func (c *Conn) pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-c.ended:
		if n, err := queued(c.raw); err == nil && n == 0 {
			return nil
		}
		return c.reason()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Forget drops answers that came before now.
func (c *Conn) Forget() {
	select {
	case <-c.answers:
	default:
	}
}

// Answer waits for a line of the peer.
func (c *Conn) Answer(ctx context.Context) error {
	timer := time.NewTimer(c.patience)
	defer timer.Stop()
	select {
	case <-c.answers:
		return nil
	case <-c.ended:
		select {
		case <-c.answers: // it came before the end
			return nil
		default:
			return c.reason()
		}
	case <-timer.C:
		return fmt.Errorf("%s: no line in answer for %s", c.Address.Name, c.patience)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// lingerTime is how long a peer may take to end a connection after us. One that does so has
// read everything; many never do.
const lingerTime = time.Second

var errBroke = errors.New("the connection broke at its end")

// Finish ends the sending side, waits a while for the peer to read to the end, and closes. The
// error says that the connection broke instead.
func (c *Conn) Finish(ctx context.Context) error {
	defer c.Close()
	if s, ok := c.conn.(interface{ CloseWrite() error }); ok {
		if err := s.CloseWrite(); err != nil {
			return c.wrap(err)
		}
	}
	timer := time.NewTimer(lingerTime)
	defer timer.Stop()
	select {
	case <-c.gone:
		if c.Broken() {
			return fmt.Errorf("%s: %w", c.Address.Name, errBroke)
		}
	case <-timer.C:
	case <-ctx.Done():
	}
	return nil
}

// Close ends the connection at once.
func (c *Conn) Close() {
	c.conn.Close()
	<-c.gone
}
