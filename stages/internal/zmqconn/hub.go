package zmqconn

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"gambolputty/actor"
	"gambolputty/stages/internal/retry"
)

// Hub makes the connections of a socket: those that peers open to addresses that it binds, or
// those that it opens itself, again and again.
type Hub struct {
	Env actor.Env
	Config
	Addresses []Address
	Bind      bool
	// Longest is the longest pause between two attempts to connect.
	Longest time.Duration
	// Connections is the number of peers at a time; 0 is any.
	Connections int
	// Serve uses a connection until it ends or ctx does. The hub closes it then.
	Serve func(ctx context.Context, c *Conn) error

	listeners []net.Listener
	mu        sync.Mutex
	open      int
	foreign   map[string]bool // hosts whose programs are no peers
}

// Listen binds the addresses.
func (h *Hub) Listen() error {
	for _, a := range h.Addresses {
		l, err := a.listen()
		if err != nil {
			h.Close()
			return fmt.Errorf("bind %s: %w", a.Text, err)
		}
		h.listeners = append(h.listeners, l)
		h.Env.Log.Info("listening", "address", l.Addr().String())
	}
	return nil
}

// Reach connects to one of the addresses and closes the connection again.
func (h *Hub) Reach(ctx context.Context) error {
	var errs []error
	for _, a := range h.Addresses {
		c, err := h.dial(ctx, a)
		if err == nil {
			c.Close()
			return nil
		}
		errs = append(errs, fmt.Errorf("%s: %w", a.Text, err))
	}
	return errors.Join(errs...)
}

// Run serves connections until ctx ends, and returns when all are closed.
func (h *Hub) Run(ctx context.Context) error {
	var all sync.WaitGroup
	defer all.Wait()
	defer context.AfterFunc(ctx, h.Close)()
	if !h.Bind {
		for _, a := range h.Addresses {
			all.Go(func() { h.connect(ctx, a) })
		}
		<-ctx.Done()
		return nil
	}
	errs := make(chan error, len(h.listeners))
	for i, l := range h.listeners {
		all.Go(func() { errs <- h.accept(ctx, h.Addresses[i], l, &all) })
	}
	for range h.listeners {
		if err := <-errs; err != nil {
			h.Close()
			return err
		}
	}
	return nil
}

// Close frees the addresses.
func (h *Hub) Close() {
	for _, l := range h.listeners {
		l.Close() // it may be closed already
	}
}

// dialTime bounds an attempt to connect, without the handshake.
const dialTime = 10 * time.Second

// keepAlive finds peers whose host is gone.
func keepAlive(c net.Conn) {
	if t, ok := c.(*net.TCPConn); ok {
		t.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 15 * time.Second, Count: 4}) // without it, it takes longer
	}
}

func (h *Hub) dial(ctx context.Context, a Address) (*Conn, error) {
	raw, err := (&net.Dialer{Timeout: dialTime}).DialContext(ctx, a.Network, a.Target)
	if err != nil {
		return nil, Plain(err)
	}
	keepAlive(raw)
	c, err := Shake(ctx, raw, &h.Config)
	if err != nil {
		return nil, err
	}
	c.Address, c.Peer = a.Text, a.Text
	return c, nil
}

// connect keeps a connection to an address.
func (h *Hub) connect(ctx context.Context, a Address) {
	outage := retry.NewOutage(h.Env, a.Text)
	backoff := retry.Backoff{First: 500 * time.Millisecond, Longest: max(h.Longest, time.Millisecond)}
	for ctx.Err() == nil {
		c, err := h.dial(ctx, a)
		if err == nil {
			outage.Over()
			h.Env.Log.Info("connected", "peer", a.Text)
			began := time.Now()
			err = h.serve(ctx, c)
			if time.Since(began) > backoff.First { // a peer that ends at once is not to be asked all the time
				backoff.Reset()
			}
		}
		if ctx.Err() != nil {
			return
		}
		outage.Failed(err)
		if backoff.Wait(ctx) != nil {
			return
		}
	}
}

// acceptPause is the pause when the system has no more file descriptors.
const acceptPause = time.Second

func (h *Hub) accept(ctx context.Context, a Address, l net.Listener, all *sync.WaitGroup) error {
	for {
		raw, err := l.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				raw.Close()
			}
			return nil
		case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
			h.Env.Warn("no connection can be accepted, there are too many open files", "error", err)
			select {
			case <-time.After(acceptPause):
			case <-ctx.Done():
			}
			continue
		case err != nil:
			return fmt.Errorf("accept a connection at %s: %w", a.Text, err)
		}
		if !h.enter() {
			h.Env.Warn("connection refused, max_connections are open", "peer", raw.RemoteAddr().String())
			h.Env.Count("refused_connections", 1)
			raw.Close()
			continue
		}
		all.Go(func() {
			defer h.leave()
			h.receive(ctx, a, raw)
		})
	}
}

func (h *Hub) enter() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.Connections > 0 && h.open >= h.Connections {
		return false
	}
	h.open++
	return true
}

func (h *Hub) leave() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.open--
}

// receive gets to know a peer that has connected and serves it.
func (h *Hub) receive(ctx context.Context, a Address, raw net.Conn) {
	keepAlive(raw)
	c, err := Shake(ctx, raw, &h.Config)
	if err != nil {
		if ctx.Err() == nil && h.firstOf(raw.RemoteAddr()) {
			h.Env.Log.Warn("connection closed, the peer was not understood; further ones of this host are only counted", "peer", raw.RemoteAddr().String(), "error", err)
		}
		h.Env.Count("refused_peers", 1) // when the log has said it
		return
	}
	c.Address = a.Text
	h.Env.Log.Debug("peer connected", "peer", c.Peer)
	err = h.serve(ctx, c)
	switch {
	case errors.Is(err, ErrForeign) && h.firstOf(raw.RemoteAddr()):
		h.Env.Log.Warn("connection closed", "peer", c.Peer, "error", err)
	case err != nil:
		h.Env.Log.Debug("connection ended", "peer", c.Peer, "error", err)
	}
}

// mostForeign bounds the memory for hosts that were warned about.
const mostForeign = 1000

// firstOf reports whether a host has not been warned about.
func (h *Hub) firstOf(peer net.Addr) bool {
	host, _, err := net.SplitHostPort(peer.String())
	if err != nil {
		host = peer.String()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.foreign[host] || len(h.foreign) >= mostForeign {
		return false
	}
	if h.foreign == nil {
		h.foreign = map[string]bool{}
	}
	h.foreign[host] = true
	return true
}

// serve uses a connection. Whatever goes wrong concerns this one alone.
func (h *Hub) serve(ctx context.Context, c *Conn) (err error) {
	defer c.Close()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
			h.Env.Log.Error("connection closed after a panic", "peer", c.Peer, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		}
	}()
	return h.Serve(ctx, c)
}
