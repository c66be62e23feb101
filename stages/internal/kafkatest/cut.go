package kafkatest

import (
	"encoding/binary"
	"net"
	"sync"
)

// Cut loses answers of a fake: the request is served, and then the connection ends.
type Cut struct {
	// Key is the kind of the request, and At which one of them it is, from 1.
	Key int16
	At  int
	// More is how many of those that follow are lost as well.
	More int

	mu   sync.Mutex
	seen int
	done bool
}

// Listen is for kfake.ListenFn.
func (c *Cut) Listen(network, address string) (net.Listener, error) {
	l, err := net.Listen(network, address)
	if err != nil {
		return nil, err
	}
	return &cutListener{l, c}, nil
}

// Happened reports whether the answer was lost.
func (c *Cut) Happened() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.done
}

// request notes a request and reports whether its answer is the one to be lost.
func (c *Cut) request(key int16) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if key != c.Key {
		return false
	}
	c.seen++
	return c.seen >= c.At && c.seen <= c.At+c.More
}

type cutListener struct {
	net.Listener
	cut *Cut
}

// Accept wraps a connection.
func (l *cutListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &cutConn{Conn: conn, cut: l.cut}, nil
}

// cutConn looks for the request in what comes in, and for its answer in what goes out.
type cutConn struct {
	net.Conn
	cut    *Cut
	in     []byte
	mu     sync.Mutex
	doomed bool
	id     uint32 // of the answer to be lost
}

// Read notes requests.
func (c *cutConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.in = append(c.in, p[:n]...)
	for len(c.in) >= 12 {
		size := int(binary.BigEndian.Uint32(c.in)) + 4
		if len(c.in) < size {
			break
		}
		if c.cut.request(int16(binary.BigEndian.Uint16(c.in[4:]))) {
			c.mu.Lock()
			c.doomed, c.id = true, binary.BigEndian.Uint32(c.in[8:])
			c.mu.Unlock()
		}
		c.in = c.in[size:]
	}
	return n, err
}

// Write sends answers, but one.
func (c *cutConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	lose := c.doomed && len(p) >= 8 && binary.BigEndian.Uint32(p[4:]) == c.id
	c.mu.Unlock()
	if !lose {
		return c.Conn.Write(p)
	}
	c.cut.mu.Lock()
	c.cut.done = true
	c.cut.mu.Unlock()
	c.Conn.Close()
	return 0, net.ErrClosed
}
