package stages_test

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// road lies between a module and its counterpart, and is as bad as a test wants it to be.
type road struct {
	t    testing.TB
	addr string // where the module connects to
	to   string // the counterpart
	all  sync.WaitGroup

	mu       sync.Mutex
	listener net.Listener // nil while the road is closed
	conns    map[net.Conn]bool
	noise    string        // what both ends hear instead of each other
	delay    time.Duration // of each piece of what is said
}

// newRoad makes a road that is closed.
func newRoad(t testing.TB, to string) *road {
	t.Helper()
	r := &road{t: t, to: to, addr: "127.0.0.1:0", conns: map[net.Conn]bool{}}
	r.open() // so that the address is known
	r.close()
	t.Cleanup(func() { r.close(); r.all.Wait() })
	return r
}

// open lets traffic pass.
func (r *road) open() {
	r.t.Helper()
	var err error
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		var l net.Listener
		if l, err = net.Listen("tcp", r.addr); err == nil {
			r.mu.Lock()
			r.addr, r.listener = l.Addr().String(), l
			r.mu.Unlock()
			r.all.Go(func() { r.accept(l) })
			return
		}
		if time.Now().After(end) {
			r.t.Fatal(err)
		}
	}
}

// close refuses connections and cuts those that there are.
func (r *road) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.listener != nil {
		r.listener.Close()
		r.listener = nil
	}
	r.cut()
}

func (r *road) cut() {
	for c := range r.conns {
		c.Close()
	}
	clear(r.conns)
}

// spoil cuts all connections, and those that come carry noise. Without any, all is well again.
func (r *road) spoil(noise string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.noise = noise
	r.cut()
}

// slow makes everything come late and in small pieces.
func (r *road) slow(delay time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.delay = delay
}

func (r *road) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		r.all.Go(func() { r.carry(c) })
	}
}

// enter notes a connection, if the road is still open.
func (r *road) enter(c net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.listener == nil {
		c.Close()
		return false
	}
	r.conns[c] = true
	return true
}

func (r *road) carry(from net.Conn) {
	defer from.Close()
	to, err := net.Dial("tcp", r.to)
	if err != nil {
		return
	}
	defer to.Close()
	if !r.enter(from) || !r.enter(to) {
		return
	}
	r.mu.Lock()
	noise, delay := r.noise, r.delay
	r.mu.Unlock()
	if noise != "" {
		for _, c := range []net.Conn{from, to} {
			io.WriteString(c, noise) // whoever has gone does not hear it
			c.(*net.TCPConn).CloseWrite()
		}
		io.Copy(io.Discard, from)
		return
	}
	var both sync.WaitGroup
	both.Go(func() { crawl(to, from, delay); to.(*net.TCPConn).CloseWrite() })
	both.Go(func() { crawl(from, to, delay); from.(*net.TCPConn).CloseWrite() })
	both.Wait()
}

// crawl copies, after a delay and in pieces if there is one.
func crawl(to, from net.Conn, delay time.Duration) {
	if delay == 0 {
		io.Copy(to, from)
		return
	}
	var buf [4096]byte
	for {
		n, err := from.Read(buf[:])
		for piece := buf[:n]; len(piece) > 0; {
			<-time.After(delay)
			k := (len(piece) + 1) / 2
			if _, err := to.Write(piece[:k]); err != nil {
				return
			}
			piece = piece[k:]
		}
		if err != nil {
			return
		}
	}
}
