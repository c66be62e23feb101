package ether

import (
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
)

const (
	// again is the time after which a stream sends again what got lost; it doubles.
	again = 200 * time.Millisecond
	// patience is how long it does so before it breaks.
	patience = 15 * time.Second
)

// stream is one end of a stream.
type stream struct {
	in, out *lane
}

// lane is one direction of a stream.
type lane struct {
	e        *Ether
	from, to netip.AddrPort
	other    *lane

	mu     sync.Mutex
	way    []part    // what is under way
	free   time.Time // when the last of it arrives
	text   []byte    // what has arrived
	over   bool      // the sender has closed it
	broken bool
	closed bool // the reader has
	late   time.Time
	news   chan struct{}
}

// part is what was written at once; none is the end.
type part struct {
	text []byte
	sent time.Time
}

func newLane(e *Ether, from, to netip.AddrPort) *lane {
	return &lane{e: e, from: from, to: to, news: make(chan struct{})}
}

// tell wakes the reader. The mutex is held.
func (l *lane) tell() {
	close(l.news)
	l.news = make(chan struct{})
}

// fail breaks the stream in both directions.
func (l *lane) fail() {
	for _, d := range []*lane{l, l.other} {
		d.mu.Lock()
		d.broken = true
		d.tell()
		d.mu.Unlock()
	}
}

// send puts a part on its way.
func (l *lane) send(text []byte) {
	l.e.mu.Lock()
	wait := l.e.flight()
	for pause := again; l.e.drops() && wait < patience; pause *= 2 {
		wait += pause
	}
	l.e.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if at := now.Add(wait); at.After(l.free) {
		l.free = at
	}
	l.way = append(l.way, part{text, now})
	time.AfterFunc(l.free.Sub(now), l.arrive)
}

// arrive takes the next part from the way, if there is one.
func (l *lane) arrive() {
	l.e.mu.Lock()
	apart := l.e.apart(l.from, l.to)
	l.e.mu.Unlock()
	l.mu.Lock()
	if l.broken || len(l.way) == 0 {
		l.mu.Unlock()
		return
	}
	p := l.way[0]
	if apart {
		l.mu.Unlock()
		if time.Since(p.sent) > patience {
			l.fail()
			return
		}
		time.AfterFunc(again, l.arrive)
		return
	}
	defer l.mu.Unlock()
	l.way = l.way[1:]
	l.text = append(l.text, p.text...)
	l.over = l.over || p.text == nil
	l.tell()
}

// Read returns what has arrived.
func (s *stream) Read(p []byte) (int, error) {
	l := s.in
	for {
		l.mu.Lock()
		var err error
		switch {
		case l.closed:
			err = net.ErrClosed
		case len(l.text) > 0:
			n := copy(p, l.text)
			l.text = l.text[n:]
			l.mu.Unlock()
			return n, nil
		case l.broken:
			err = syscall.ECONNRESET
		case l.over:
			err = io.EOF
		case !l.late.IsZero() && !time.Now().Before(l.late):
			err = os.ErrDeadlineExceeded
		}
		news, late := l.news, l.late
		l.mu.Unlock()
		if err != nil {
			return 0, err
		}
		if late.IsZero() {
			<-news
			continue
		}
		t := time.NewTimer(time.Until(late))
		select {
		case <-news:
		case <-t.C:
		}
		t.Stop()
	}
}

// Write sends text. It never waits.
func (s *stream) Write(p []byte) (int, error) {
	l := s.out
	l.mu.Lock()
	broken := l.broken || l.closed
	l.mu.Unlock()
	s.in.mu.Lock()
	closed := s.in.closed
	s.in.mu.Unlock()
	switch {
	case closed:
		return 0, net.ErrClosed
	case broken:
		return 0, syscall.EPIPE
	}
	l.e.mu.Lock()
	breaks := l.e.dice.Float64() < l.e.weather.Breaks
	l.e.mu.Unlock()
	if breaks {
		l.fail()
		return 0, syscall.ECONNRESET
	}
	l.send(append([]byte{}, p...))
	return len(p), nil
}

// Close ends the stream; the other end reads what is under way before it hears of that.
func (s *stream) Close() error {
	s.in.mu.Lock()
	before := s.in.closed
	s.in.closed = true
	s.in.tell()
	s.in.mu.Unlock()
	if before {
		return net.ErrClosed
	}
	s.out.send(nil)
	return nil
}

// LocalAddr is the address of this end.
func (s *stream) LocalAddr() net.Addr { return net.TCPAddrFromAddrPort(s.in.to) }

// RemoteAddr is the address of the other end.
func (s *stream) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(s.in.from) }

// SetDeadline sets the end of reads.
func (s *stream) SetDeadline(t time.Time) error { return s.SetReadDeadline(t) }

// SetReadDeadline sets the end of reads.
func (s *stream) SetReadDeadline(t time.Time) error {
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	s.in.late = t
	s.in.tell()
	return nil
}

// SetWriteDeadline is not needed, as writes do not wait.
func (s *stream) SetWriteDeadline(time.Time) error { return nil }
