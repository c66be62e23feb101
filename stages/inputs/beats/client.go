package beats

import (
	"bufio"
	"errors"
	"io"
	"net"
	"strings"

	"gambolputty/actor"
	"gambolputty/actor/event"
)

// client is a connection.
type client struct {
	*server
	peer    string
	out     *actor.Outlet
	acks    *acker
	source  connSource
	decoder event.Decoder

	batch *actor.Batch
	last  answer // of the last event of the batch
	id    uint64 // of the window
	size  uint32 // of the window
	left  uint32 // events that are still to come in the window
}

// handle reads a connection to its end.
func (s *server) handle(conn net.Conn, from string, out *actor.Outlet) {
	c := &client{server: s, peer: from, out: out, acks: newAcker(conn), source: connSource{bufio.NewReaderSize(conn, readBuffer)}}
	s.mu.Lock()
	s.ackers[c.acks] = true
	s.mu.Unlock()
	s.all.Go(func() {
		c.acks.run(aliveEvery)
		s.mu.Lock()
		delete(s.ackers, c.acks)
		s.mu.Unlock()
	})
	defer c.acks.finish(false)
	if err := c.read(); errors.Is(err, errProtocol) {
		s.env.Count("protocol_errors", 1)
		s.env.Warn("connection closed", "peer", from, "error", err)
	} else if !errors.Is(err, io.EOF) {
		s.env.Log.Debug("connection ended", "peer", from, "error", err)
	}
}

func (c *client) read() error {
	for {
		err := readFrame(c.source, c.limit, false, c)
		if err != nil || !c.source.ready() {
			if failed := c.flush(); failed != nil {
				return failed
			}
		}
		if err != nil {
			return err
		}
	}
}

// window begins a window of so many events.
func (c *client) window(_ byte, size uint32) error {
	c.size, c.left = size, size
	c.id++
	return c.flush()
}

// packed reads the frames in a compressed one.
func (c *client) packed(text string) error {
	f := <-c.inflaters
	defer func() { c.inflaters <- f }()
	inner, err := f.inflate(text, c.limit)
	if err != nil {
		return err
	}
	for s := (&textSource{inner}); ; {
		if err := readFrame(s, c.limit, true, c); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			if errors.Is(err, io.ErrUnexpectedEOF) {
				return wrong("a frame is cut off inside of a compressed one")
			}
			return err
		}
	}
}

var (
	sequenceKey = event.Intern("sequence")
	faultKey    = event.Intern("beats_parse_error")
	errNoObject = errors.New("it is no JSON object")
)

// object makes an event of a JSON frame. One that cannot be read is an event, too, so that it is
// not lost.
func (c *client) object(version byte, sequence uint32, text string) error {
	e := c.add(sequence)
	v, rest, err := c.decoder.Decode(text)
	switch {
	case err == nil && strings.Trim(rest, " \t\r\n") != "":
		err = errors.New("something follows the JSON value")
	case err == nil && c.opts.TargetField.IsZero() && v.Kind() != event.KindMap:
		err = errNoObject
	}
	if err != nil {
		e.SetField(event.Data, event.String(text))
		e.SetField(faultKey, event.Bool(true))
		c.env.Fault(e, event.Data.Name, err)
		return c.done(version, sequence)
	}
	c.put(e, v)
	return c.done(version, sequence)
}

// pairs makes an event of a data frame.
func (c *client) pairs(version byte, sequence uint32, pairs []pair) error {
	m := event.NewMap(len(pairs))
	for _, p := range pairs {
		m.Set(event.Intern(p.key), event.String(p.value))
	}
	c.put(c.add(sequence), event.MapOf(m))
	return c.done(version, sequence)
}

func (c *client) add(sequence uint32) *event.Event {
	if c.batch == nil {
		c.batch = c.out.Batch(c.peer)
	}
	e := c.batch.New()
	e.SetField(sequenceKey, event.Int(int64(sequence)))
	return e
}

func (c *client) put(e *event.Event, v event.Value) {
	if c.opts.TargetField.IsZero() {
		c.opts.Merge(c.env, e, v.Map())
		return
	}
	if err := e.Set(c.opts.TargetField.Path, v); err != nil {
		c.env.Fault(e, c.opts.TargetField.String(), err)
	}
}

// done ends an event. With the last one of a window the next begins, of the same size unless the
// client says otherwise.
func (c *client) done(version byte, sequence uint32) error {
	c.last = answer{version, c.id, sequence}
	if c.left > 0 {
		c.left--
	}
	ended := c.left == 0
	if !ended && !c.batch.Full(c.out.Size()) {
		return nil
	}
	err := c.flush()
	if ended {
		c.id++
		c.left = c.size
	}
	return err
}

// flush hands the batch on.
func (c *client) flush() error {
	b := c.batch
	if b == nil {
		return nil
	}
	c.batch = nil
	return c.out.Emit(b, c.acks.ticket(c.last))
}
