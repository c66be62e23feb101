package onmemcache

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"
)

// Options say where a server is.
type Options struct {
	// Network and Address are those of the server.
	Network, Address string
	// TLS is nil without.
	TLS *tls.Config
	// Username and Password are sent if there is a name.
	Username, Password string
	// Timeout bounds connecting, and every operation.
	Timeout time.Duration
	// MaxConnections is the most connections at a time.
	MaxConnections int
}

// client has connections to a server.
type client struct {
	opts  Options
	slots chan struct{} // holds a token for every connection in use

	mu     sync.Mutex
	idle   []*conn // the one used last is the last
	closed bool
}

type conn struct {
	net.Conn
	r    *bufio.Reader
	w    *bufio.Writer
	used bool // it has worked before
}

func newClient(o Options) *client {
	return &client{opts: o, slots: make(chan struct{}, o.MaxConnections)}
}

// do runs an exchange on a connection. If again is set and a connection that was idle
// turns out to be dead, it is run once more on a new one.
func (c *client) do(ctx context.Context, again bool, exchange func(*conn) error) error {
	ctx, cancel := context.WithTimeout(ctx, c.opts.Timeout)
	defer cancel()
	select {
	case c.slots <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("wait for a connection: %w", context.Cause(ctx))
	}
	defer func() { <-c.slots }()
	for {
		n, err := c.take(ctx)
		if err != nil {
			return err
		}
		old := n.used
		err = c.try(ctx, n, exchange)
		if err == nil || !old || !again || ctx.Err() != nil {
			return err
		}
		if _, answered := errors.AsType[serverError](err); answered {
			return err
		}
	}
}

// try runs an exchange and keeps the connection if it is still good for others.
func (c *client) try(ctx context.Context, n *conn, exchange func(*conn) error) error {
	stop := context.AfterFunc(ctx, func() { n.Close() })
	err := exchange(n)
	if !stop() && err != nil {
		return fmt.Errorf("memcached at %s: %w", c.opts.Address, errors.Join(context.Cause(ctx), err))
	}
	if _, answered := errors.AsType[serverError](err); err != nil && !answered {
		n.Close()
		return fmt.Errorf("memcached at %s: %w", c.opts.Address, err)
	}
	n.used = true
	c.give(n)
	return err
}

// take returns an idle connection or makes one.
func (c *client) take(ctx context.Context) (*conn, error) {
	c.mu.Lock()
	if last := len(c.idle) - 1; last >= 0 {
		n := c.idle[last]
		c.idle = c.idle[:last]
		c.mu.Unlock()
		return n, nil
	}
	c.mu.Unlock()
	return c.dial(ctx)
}

func (c *client) give(n *conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		n.Close()
		return
	}
	c.idle = append(c.idle, n)
}

func (c *client) dial(ctx context.Context) (*conn, error) {
	raw, err := (&net.Dialer{}).DialContext(ctx, c.opts.Network, c.opts.Address)
	if err != nil {
		return nil, fmt.Errorf("connect to memcached: %w", err)
	}
	if c.opts.TLS != nil {
		config := c.opts.TLS.Clone()
		if config.ServerName == "" {
			config.ServerName, _, _ = net.SplitHostPort(c.opts.Address)
		}
		t := tls.Client(raw, config)
		if err := t.HandshakeContext(ctx); err != nil {
			raw.Close()
			return nil, fmt.Errorf("connect to memcached at %s: %w", c.opts.Address, err)
		}
		raw = t
	}
	n := &conn{Conn: raw, r: bufio.NewReader(raw), w: bufio.NewWriter(raw)}
	stop := context.AfterFunc(ctx, func() { raw.Close() })
	defer stop()
	if err := c.login(n); err != nil {
		raw.Close()
		return nil, fmt.Errorf("log in to memcached at %s: %w", c.opts.Address, errors.Join(context.Cause(ctx), err))
	}
	return n, nil
}

// login sends name and password as the text protocol wants them.
func (c *client) login(n *conn) error {
	if c.opts.Username == "" {
		return nil
	}
	text := c.opts.Username + " " + c.opts.Password
	fmt.Fprintf(n.w, "set auth 0 0 %d\r\n%s\r\n", len(text), text)
	if err := n.w.Flush(); err != nil {
		return err
	}
	answer, err := readWord(n.r)
	if err == nil && !strings.HasPrefix(answer, "STORED") {
		err = serverError(answer)
	}
	return err
}

func (c *client) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	var errs []error
	for _, n := range c.idle {
		errs = append(errs, n.Close())
	}
	c.idle = nil
	return errors.Join(errs...)
}
