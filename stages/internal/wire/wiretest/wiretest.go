// Package wiretest has peers for tests of outputs that send over streams.
package wiretest

import (
	"crypto/tls"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"gambolputty/actor/actortest"
)

// Peer accepts connections and keeps what comes.
type Peer struct {
	t      testing.TB
	listen net.Listener
	serve  func(n int, c net.Conn, keep io.Writer)
	all    sync.WaitGroup

	mu    sync.Mutex
	conns []net.Conn
	got   []*strings.Builder // by connection
}

// Listen starts a peer on a free port of this host that reads everything. With serve it does
// that instead, for connection n from 0; what goes to keep counts as read.
func Listen(t testing.TB, serve func(n int, c net.Conn, keep io.Writer)) *Peer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return On(t, l, serve)
}

// On is Listen with a listener of the test's own.
func On(t testing.TB, l net.Listener, serve func(n int, c net.Conn, keep io.Writer)) *Peer {
	p := &Peer{t: t, listen: l, serve: serve}
	if serve == nil {
		p.serve = func(_ int, c net.Conn, keep io.Writer) { io.Copy(keep, c) }
	}
	p.all.Go(p.accept)
	t.Cleanup(p.Close)
	return p
}

// Again starts a peer on the address of one that was closed.
func (p *Peer) Again() *Peer {
	p.t.Helper()
	l, err := net.Listen("tcp", p.Addr())
	if err != nil {
		p.t.Fatal(err)
	}
	return On(p.t, l, nil)
}

// Addr is where it listens.
func (p *Peer) Addr() string { return p.listen.Addr().String() }

// Close ends the listener and all connections.
func (p *Peer) Close() {
	p.listen.Close()
	p.mu.Lock()
	for _, c := range p.conns {
		c.Close()
	}
	p.mu.Unlock()
	p.all.Wait()
}

func (p *Peer) accept() {
	for {
		c, err := p.listen.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		n := len(p.conns)
		p.conns, p.got = append(p.conns, c), append(p.got, &strings.Builder{})
		p.mu.Unlock()
		p.all.Go(func() {
			defer c.Close()
			p.serve(n, c, keeper{p, n})
		})
	}
}

type keeper struct {
	peer *Peer
	n    int
}

// Write keeps what connection n has read.
func (k keeper) Write(b []byte) (int, error) {
	k.peer.mu.Lock()
	defer k.peer.mu.Unlock()
	return k.peer.got[k.n].Write(b)
}

// Connections is what came over each connection so far.
func (p *Peer) Connections() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []string
	for _, b := range p.got {
		list = append(list, b.String())
	}
	return list
}

// Text is all that came, one connection after the other.
func (p *Peer) Text() string { return strings.Join(p.Connections(), "") }

// Reset ends a connection with a reset, as a system does that goes down.
func Reset(c net.Conn) {
	if t, ok := c.(*net.TCPConn); ok {
		t.SetLinger(0)
	}
	c.Close()
}

// Until waits for something that other goroutines do.
func Until(t testing.TB, what string, is func() bool) {
	t.Helper()
	actortest.Until(t, what, is)
}

// ListenTLS is Listen with TLS.
func ListenTLS(t testing.TB, cert, key string, serve func(n int, c net.Conn, keep io.Writer)) *Peer {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}})
	if err != nil {
		t.Fatal(err)
	}
	return On(t, l, serve)
}
