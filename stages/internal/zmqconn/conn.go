package zmqconn

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// Conn is a connection to a peer after the handshake. One goroutine may read while others write.
type Conn struct {
	// Peer is the address of the peer.
	Peer string
	// Address is the one of the configuration, by which the connection came about.
	Address string
	// Pings says that the peer knows PING.
	Pings bool

	conn   net.Conn
	reader reader
	opener *opener
	minor  byte

	writing sync.Mutex
	frames  Frames
}

// Frame is what came.
type Frame struct {
	// Body is good until the next Read.
	Body []byte
	// More says that a further frame of the message follows.
	More bool
	// Command is the name of a command; messages have none.
	Command string
}

// Read waits for a frame. A PING whose context is too long is an error.
func (c *Conn) Read() (Frame, error) {
	flags, body, err := c.reader.next()
	if err != nil {
		return Frame{}, err
	}
	if c.opener != nil {
		if flags, body, err = c.opener.open(body); err != nil {
			return Frame{}, err
		}
	}
	if flags&flagCommand == 0 {
		return Frame{Body: body, More: flags&flagMore != 0}, nil
	}
	name, rest, err := command(body)
	if err != nil {
		return Frame{}, err
	}
	return Frame{Body: rest, Command: name}, nil
}

// Waiting reports whether a Read would not wait.
func (c *Conn) Waiting() bool { return c.reader.whole() }

// command takes a command apart.
func command(body []byte) (name string, rest []byte, err error) {
	if len(body) == 0 || int(body[0]) > len(body)-1 || body[0] == 0 {
		return "", nil, foreign("a command without a name")
	}
	n := int(body[0]) + 1
	return string(body[1:n]), body[n:], nil
}

// PingContext is what a PONG must carry for the body of a PING.
func PingContext(body []byte) ([]byte, error) {
	const ttl, most = 2, 16
	if len(body) < ttl || len(body) > ttl+most {
		return nil, foreign("a PING of %d bytes", len(body))
	}
	return body[ttl:], nil
}

// Send writes the frames that fill adds. It blocks as long as the peer takes nothing.
func (c *Conn) Send(fill func(*Frames)) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.frames.reset()
	fill(&c.frames)
	if len(c.frames.buf) == 0 {
		return nil
	}
	if _, err := c.conn.Write(c.frames.buf); err != nil {
		return Plain(err)
	}
	return nil
}

// Subscribe asks a publisher for what begins with the topic.
func (c *Conn) Subscribe(topic string) error {
	return c.Send(func(f *Frames) {
		if c.minor > 0 && c.minor != versionTwo {
			f.command("SUBSCRIBE", []byte(topic))
			return
		}
		f.Message(append([]byte{1}, topic...))
	})
}

// Subscription reads what a subscriber says: that it wants, or does not want any more, what
// begins with a topic.
func Subscription(f Frame) (topic string, on, ok bool) {
	switch {
	case f.Command == "SUBSCRIBE":
		return string(f.Body), true, true
	case f.Command == "CANCEL":
		return string(f.Body), false, true
	case f.Command == "" && len(f.Body) > 0 && f.Body[0] <= 1:
		return string(f.Body[1:]), f.Body[0] == 1, true
	}
	return "", false, false
}

// Times of a farewell.
const (
	quietTime    = 50 * time.Millisecond
	farewellTime = time.Second
)

// Until makes a Read end a moment after ctx, in which what the system has can still be read.
func (c *Conn) Until(ctx context.Context) (release func() bool) {
	return context.AfterFunc(ctx, func() { c.conn.SetReadDeadline(time.Now().Add(quietTime)) })
}

// Hush ends our side of the connection, so that the peer sends no more; what it had sent can be
// read for a while.
func (c *Conn) Hush() {
	c.conn.SetReadDeadline(time.Now().Add(farewellTime))
	if s, ok := c.conn.(interface{ CloseWrite() error }); ok {
		s.CloseWrite() // if it fails, there is nothing to read either
	}
}

// Finish ends our side and waits until the peer has ended its own, but not for long.
func (c *Conn) Finish() {
	c.Hush()
	io.Copy(io.Discard, c.conn)
	c.conn.Close()
}

// Close ends the connection at once.
func (c *Conn) Close() { c.conn.Close() }

// Plain is an error of the network without addresses, which log lines have already.
func Plain(err error) error {
	var op *net.OpError
	switch {
	case errors.Is(err, io.EOF):
		return errEnded
	case errors.As(err, &op):
		return op.Err
	}
	return err
}

var errEnded = errors.New("the peer has closed the connection")

// handshakeTime is how long a peer may take until it is known.
const handshakeTime = 10 * time.Second

// Shake gets to know the peer. On an error the connection is closed.
func Shake(ctx context.Context, conn net.Conn, cfg *Config) (*Conn, error) {
	c := &Conn{Peer: conn.RemoteAddr().String(), conn: conn, reader: reader{src: conn, most: handshakeBytes}}
	conn.SetDeadline(time.Now().Add(handshakeTime))
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	err := c.shake(cfg)
	if !stop() || err != nil {
		conn.Close()
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil, foreign("nothing complete came within %s", handshakeTime)
		}
		return nil, Plain(err)
	}
	conn.SetDeadline(time.Time{})
	c.reader.most = cfg.Most
	if c.opener != nil {
		c.reader.most += sealedBytes
	}
	return c, nil
}

// Probe finds out whether the peer answers a PING, before it is given anything else. Those that
// do not know it say nothing.
func (c *Conn) Probe() error {
	if c.minor == versionTwo {
		return nil
	}
	probe := []byte("probe")
	if err := c.Send(func(f *Frames) { f.Ping(probe) }); err != nil {
		return err
	}
	c.conn.SetReadDeadline(time.Now().Add(probeTime))
	defer c.conn.SetReadDeadline(time.Time{})
	for {
		f, err := c.Read()
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil
		case err != nil:
			return Plain(err)
		case f.Command == "PONG" && bytes.Equal(f.Body, probe):
			c.Pings = true
			return nil
		case f.Command == "PING":
			if err := c.Answer(f.Body); err != nil {
				return err
			}
		}
	}
}

const probeTime = 2 * time.Second

// Answer answers a PING with the given body.
func (c *Conn) Answer(ping []byte) error {
	context, err := PingContext(ping)
	if err != nil {
		return fmt.Errorf("answer a PING: %w", err)
	}
	return c.Send(func(f *Frames) { f.Pong(context) })
}
