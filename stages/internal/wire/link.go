package wire

import (
	"context"
	"errors"
	"time"

	"gambolputty/actor"
)

// Link is the way to a peer. It connects when there is something to send, and again after the
// connection has ended.
//
// What it was given has arrived once Send returns nil: the system of the peer has acknowledged
// every byte, or the peer has answered with a line, unless the dialer is Local. Whether the peer has read what its system
// has is not known. So what was delivered last is kept, and sent once more, in front of the
// next delivery, if the connection breaks. Links are for one goroutine.
type Link struct {
	env     actor.Env
	dialer  *Dialer
	pack    string
	conn    *Conn
	packer  *packer
	kept    history
	begun   bool // a delivery is under way
	suspect bool // a connection broke, and what is kept may not have been read
	told    Address
}

// keptTime is how long a peer is thought to leave unread what its system has.
const keptTime = time.Minute

// NewLink makes a link over connections of the dialer. compression is the kind of it or "",
// keep the number of bytes that are kept to be sent again, but at least the last delivery.
func NewLink(env actor.Env, d *Dialer, compression string, keep int) *Link {
	return &Link{env: env, dialer: d, pack: compression, kept: history{limit: keep, age: keptTime}}
}

// Connect makes sure that there is a connection.
func (l *Link) Connect(ctx context.Context) error {
	if l.conn != nil {
		if l.conn.Err() == nil {
			return nil
		}
		l.drop()
	}
	p, err := newPacker(l.pack)
	if err != nil {
		return err
	}
	c, err := l.dialer.Dial(ctx)
	if err != nil {
		return err
	}
	l.conn, l.packer = c, p
	if l.told != c.Address {
		l.told = c.Address
		l.env.Log.Info("connected", "peer", c.Address.Name)
	}
	return nil
}

// drop gives up a connection that has ended. After a good end everything was read.
func (l *Link) drop() {
	if l.conn.Broken() || l.conn.Open() > 0 {
		l.suspect = true
	} else if !l.suspect {
		l.kept.clear()
	}
	l.abort()
}

func (l *Link) abort() {
	l.conn.Close()
	l.conn, l.packer = nil, nil
}

// Send delivers b. After an error all of it must be sent again.
func (l *Link) Send(ctx context.Context, b []byte) error {
	if err := l.Put(ctx, b); err != nil {
		return err
	}
	return l.Settle(ctx)
}

// Put sends a part of a delivery, which Settle ends. After an error of either, all parts must be
// sent again. So a peer has something to do while the rest is being rendered.
func (l *Link) Put(ctx context.Context, b []byte) error {
	if !l.begun {
		if err := l.Connect(ctx); err != nil {
			return err
		}
		l.conn.Forget()
	}
	if err := l.write(ctx, b); err != nil {
		return l.failed(err)
	}
	l.begun = true
	if !l.dialer.Lines {
		l.kept.add(b)
	}
	return nil
}

// Settle waits until all that was put has arrived.
func (l *Link) Settle(ctx context.Context) error {
	if err := l.wait(ctx); err != nil {
		return l.failed(err)
	}
	l.begun, l.suspect = false, false
	l.kept.done(time.Now())
	return nil
}

func (l *Link) wait(ctx context.Context) error {
	switch {
	case l.dialer.Lines:
		return l.conn.Answer(ctx)
	case l.dialer.Local:
		l.kept.open = l.conn.Open()
		return nil
	}
	return l.conn.Settle(ctx)
}

// failed gives up the connection and the delivery that was under way. Whatever the error is: what
// the peer had not read before may be lost, too, unless it has ended in good order.
func (l *Link) failed(err error) error {
	l.suspect = l.suspect || l.dialer.Local || !errors.Is(err, errGone)
	l.begun = false
	l.kept.undo()
	l.abort()
	return err
}

// write sends the buffer, the first of a delivery behind what is in doubt.
func (l *Link) write(ctx context.Context, b []byte) error {
	buffers := make([][]byte, 0, 2)
	if l.suspect && !l.begun {
		again, n := l.kept.recent(time.Now())
		if n > 0 {
			buffers = append(buffers, again)
			l.env.Count("sent_again", n)
		}
	}
	if len(b) > 0 {
		buffers = append(buffers, b)
	}
	if l.packer != nil {
		packed, err := l.packer.pack(buffers...)
		if err != nil {
			return err
		}
		buffers = append(buffers[:0], packed)
	}
	for _, part := range buffers {
		l.env.Count("bytes", len(part))
	}
	return l.conn.Write(ctx, buffers...)
}

// farewells is how often a connection may break at its end before the link gives up.
const farewells = 10

// Close ends the connection in good order. If it breaks then, what is in doubt is sent once more
// over a new one.
func (l *Link) Close(ctx context.Context) error {
	var err error
	for range farewells {
		if l.conn != nil {
			if err = l.finish(ctx); err == nil {
				return nil
			}
			l.suspect = true
		}
		if !l.suspect || len(l.kept.marks) == 0 {
			return nil
		}
		if err = l.Send(ctx, nil); err != nil {
			return err
		}
	}
	l.abort()
	return err
}

// finish ends the connection. The error says that it broke.
func (l *Link) finish(ctx context.Context) error {
	defer func() { l.conn, l.packer = nil, nil }()
	if err := l.conn.Err(); err != nil {
		broken := l.conn.Broken() || l.conn.Open() > 0
		l.conn.Close()
		if broken {
			return err
		}
		return nil
	}
	if err := l.conn.Settle(ctx); err != nil {
		l.conn.Close()
		return err
	}
	if l.packer != nil {
		tail, err := l.packer.end()
		if err == nil {
			err = l.conn.Write(ctx, tail)
		}
		if err != nil {
			l.conn.Close()
			return err
		}
	}
	return l.conn.Finish(ctx)
}
