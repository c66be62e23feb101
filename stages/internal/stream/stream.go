// Package stream serves connections that carry events: it accepts them, cuts what comes,
// and hands it on in order, one goroutine for each connection.
package stream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/stages/internal/framing"
)

// Server says how connections are served.
type Server struct {
	Env actor.Env
	// Chunk is the most bytes of an event in stream mode; 0 cuts with Cut.
	Chunk int
	// Cut makes what cuts one connection, Limit and Long deal with pieces that do not end.
	Cut   func() framing.Cut
	Limit int
	Long  framing.LongLine
	// Clean changes a piece before it becomes an event, for one goroutine each. Keep says
	// that pieces which are empty then become events as well.
	Clean func() func(string) string
	Keep  bool
	// From names the sender.
	From func(net.Conn) string
	// Idle ends connections that are silent for so long; 0 never does.
	Idle time.Duration
	// Most is the number of connections at a time; 0 is any.
	Most int
	// Prepare makes a connection ready, as TLS needs it.
	Prepare func(ctx context.Context, c net.Conn) (Ready, error)
	// Unpack reads what the peer has compressed.
	Unpack func(io.Reader) io.Reader
	// Handle, if it is set, deals with connections instead of cutting them. A read fails when
	// the peer has been silent for too long, and some time after the end of ctx. Handle closes
	// the connection, perhaps later than it returns.
	Handle func(c net.Conn, from string, out *actor.Outlet)

	open atomic.Int64
}

// Ready is a connection that can be read.
type Ready struct {
	net.Conn
	// From names the sender where the connection knows better than its address.
	From string
	// Mark adds to the events; it may be nil.
	Mark func(*event.Event)
}

// Times that bound what a peer can hold up.
const (
	// drainTime is how long connections are read after a stop was asked for, quietTime
	// how long they may be silent then.
	drainTime = time.Second
	quietTime = 50 * time.Millisecond
	// acceptPause is the pause when the system has no more file descriptors.
	acceptPause = time.Second
)

// Serve accepts connections until ctx ends, reads what they have sent by then, and
// returns when all are closed.
func (s *Server) Serve(ctx context.Context, out *actor.Outlet, listeners ...net.Listener) error {
	var all sync.WaitGroup
	defer all.Wait()
	errs := make(chan error, len(listeners))
	for _, l := range listeners {
		all.Go(func() { errs <- s.accept(ctx, out, l, &all) })
	}
	stop := context.AfterFunc(ctx, func() {
		for _, l := range listeners {
			l.Close()
		}
	})
	defer stop()
	for range listeners {
		if err := <-errs; err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) accept(ctx context.Context, out *actor.Outlet, l net.Listener, all *sync.WaitGroup) error {
	for {
		c, err := l.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				c.Close()
			}
			return nil
		case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
			s.Env.Warn("no connection can be accepted, there are too many open files", "error", err)
			select {
			case <-time.After(acceptPause):
			case <-ctx.Done():
			}
			continue
		case err != nil:
			return fmt.Errorf("accept a connection: %w", err)
		}
		if s.Most > 0 && s.open.Load() >= int64(s.Most) {
			s.Env.Warn("connection refused, max_connections are open", "peer", c.RemoteAddr().String())
			s.Env.Count("refused_connections", 1)
			c.Close()
			continue
		}
		s.open.Add(1)
		conn := &connection{Server: s, out: out.Clone()}
		all.Go(func() {
			defer s.open.Add(-1)
			conn.serve(ctx, c)
		})
	}
}

// connection is one connection at work.
type connection struct {
	*Server
	out    *actor.Outlet
	from   string
	peer   string
	mark   func(*event.Event)
	clean  func(string) string
	warned bool
}

// serve reads a connection to its end. Whatever goes wrong concerns this one alone.
func (c *connection) serve(ctx context.Context, conn net.Conn) {
	handed := false
	defer func(raw net.Conn) {
		if !handed {
			raw.Close()
		}
	}(conn)
	defer func() {
		if p := recover(); p != nil {
			c.Env.Log.Error("connection closed after a panic", "peer", c.peer, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		}
	}()
	c.peer, c.from = conn.RemoteAddr().String(), c.From(conn)
	if c.Prepare != nil {
		ready, err := c.Prepare(ctx, conn)
		if err != nil {
			c.Env.Warn("connection was not established", "peer", c.peer, "error", err)
			return
		}
		conn, c.mark = ready.Conn, ready.Mark
		if ready.From != "" {
			c.from = ready.From
		}
	}
	if c.Clean != nil {
		c.clean = c.Clean()
	}
	timed := &timed{Conn: conn, ctx: ctx, idle: c.Idle}
	defer timed.watch()()
	if c.Handle != nil {
		handed = true
		c.Handle(timed, c.from, c.out)
		return
	}
	var cut framing.Cut
	if c.Chunk == 0 {
		cut = c.Cut()
	}
	var src io.Reader = timed
	if c.Unpack != nil {
		src = c.Unpack(timed)
	}
	r := framing.NewReader(src, cut, c.Limit, c.Long)
	r.Buffers = c.out.Buffers()
	defer r.Close()
	err := c.read(r)
	if err != nil && !errors.Is(err, io.EOF) {
		c.Env.Log.Debug("connection ended", "peer", c.peer, "error", err)
	}
}

func (c *connection) read(r *framing.Reader) error {
	for {
		failed := r.Fill()
		b := c.out.Batch(c.from)
		err := c.collect(r, &b, failed != nil)
		if b.Len() > 0 {
			b.HoldBuffer(r.Buffer())
			if emitErr := c.out.Emit(b, nil); emitErr != nil {
				return emitErr
			}
		}
		switch {
		case errors.Is(err, framing.ErrLength):
			c.Env.Warn("connection closed", "peer", c.peer, "error", err)
			return nil
		case err != nil:
			return err
		case failed != nil:
			return failed
		}
	}
}

// collect turns what has been read into events. A batch that is full is sent on the way.
func (c *connection) collect(r *framing.Reader, b **actor.Batch, atEnd bool) error {
	for {
		piece, ok, err := c.next(r)
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		c.add(*b, piece)
		if (*b).Full(c.out.Size()) {
			full := *b
			*b = c.out.Batch(c.from)
			full.HoldBuffer(r.Buffer())
			if err := c.out.Emit(full, nil); err != nil {
				return err
			}
		}
	}
	c.warnOfLongLines(r)
	if atEnd && c.Chunk == 0 {
		if rest := r.Rest(); rest != "" {
			c.add(*b, rest)
		}
	}
	return nil
}

func (c *connection) next(r *framing.Reader) (string, bool, error) {
	if c.Chunk > 0 {
		piece := r.Take(c.Chunk)
		return piece, piece != "", nil
	}
	return r.Next()
}

func (c *connection) add(b *actor.Batch, piece string) {
	if c.clean != nil {
		piece = c.clean(piece)
	}
	if piece == "" && !c.Keep {
		return
	}
	e := b.New()
	e.SetField(event.Data, event.String(piece))
	if c.mark != nil {
		c.mark(e)
	}
}

func (c *connection) warnOfLongLines(r *framing.Reader) {
	if r.TooLong == 0 {
		return
	}
	c.Env.Count("long_lines", r.TooLong)
	r.TooLong = 0
	if !c.warned {
		c.warned = true
		c.Env.Log.Warn("line is longer than max_line_length", "peer", c.peer, "limit", c.Limit, "action", string(c.Long))
	}
}

// timed is a connection that ends when it is idle for too long, and that is read for a
// little while after a stop was asked for.
type timed struct {
	net.Conn
	ctx  context.Context
	idle time.Duration
	end  time.Time // set once the stop was seen
}

// watch wakes a read when ctx ends.
func (t *timed) watch() (release func()) {
	stop := context.AfterFunc(t.ctx, func() { t.SetReadDeadline(time.Now()) })
	return func() { stop() }
}

// Read reads with the deadline that applies.
func (t *timed) Read(p []byte) (int, error) {
	for {
		if t.ctx.Err() == nil && t.idle > 0 {
			t.SetReadDeadline(time.Now().Add(t.idle))
		}
		if t.ctx.Err() != nil {
			return t.drain(p)
		}
		n, err := t.Conn.Read(p)
		if n > 0 || err == nil || t.ctx.Err() == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
	}
}

// drain reads what is in the buffers of the system already.
func (t *timed) drain(p []byte) (int, error) {
	now := time.Now()
	if t.end.IsZero() {
		t.end = now.Add(drainTime)
	}
	if now.After(t.end) {
		return 0, io.EOF
	}
	t.SetReadDeadline(now.Add(quietTime))
	n, err := t.Conn.Read(p)
	if n == 0 && errors.Is(err, os.ErrDeadlineExceeded) {
		return 0, io.EOF
	}
	return n, err
}
