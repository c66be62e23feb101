package zmq

import (
	"bytes"
	"context"
	"slices"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/stages/internal/zmqconn"
)

// peer is a connection from which messages come.
type peer struct {
	*source
	*zmqconn.Conn
	out  *actor.Outlet
	from string

	receipts *receipts // nil if they do not wait for delivery

	text  []byte   // of the batch, which its events share
	cuts  []cut    // where they lie in it
	pings [][]byte // to be answered when what came before them has been taken

	topic  []byte // of the message whose frames are being read
	skip   bool   // it was not asked for
	inside bool   // its first frame has been read
}

// cut is an event of the batch. Events without a topic have a negative one.
type cut struct{ topic, data, end int }

// receive reads until the peer or ctx ends. At the end of ctx what the peer has sent by then is
// read, too.
func (p *peer) receive(ctx context.Context) error {
	if p.opts.Pattern == "sub" {
		if err := p.Subscribe(p.opts.Topic); err != nil {
			return err
		}
	}
	if p.opts.Receipts == "delivered" {
		p.receipts = newReceipts(p.Conn)
		defer p.receipts.end()
	}
	release := p.Until(ctx)
	err := p.read()
	if release() || ctx.Err() == nil {
		return err
	}
	if p.receipts != nil {
		p.receipts.settle()
	}
	p.Hush()
	p.read()
	return nil
}

// most bounds what the events of a batch hold, beside its last message.
const most = 1 << 20

// mostPings bounds the answers that are put off until a batch is complete.
const mostPings = 64

// read hands on messages until there is an error. A batch goes as soon as the next message is
// not there yet, so that none waits for another.
func (p *peer) read() error {
	size := min(p.mark, max(1, p.out.Size()))
	for {
		f, err := p.Read()
		if err == nil {
			err = p.take(f)
		}
		if err == nil && len(p.cuts) < size && len(p.text) < most && len(p.pings) < mostPings && p.Waiting() {
			continue
		}
		if failed := p.emit(); failed != nil {
			return failed
		}
		if err != nil {
			return zmqconn.Plain(err)
		}
	}
}

// take adds a frame to the batch.
func (p *peer) take(f zmqconn.Frame) error {
	switch {
	case f.Command == "PING":
		context, err := zmqconn.PingContext(f.Body)
		if err != nil {
			return err
		}
		if p.receipts != nil && len(context) == 0 {
			return p.Answer(f.Body) // it is a heartbeat, which cannot wait
		}
		p.pings = append(p.pings, slices.Clone(context))
		return nil
	case f.Command != "":
		return nil // RFC 23 lets us pass over what we do not know
	case p.opts.Pattern == "pull":
		p.add(nil, f.Body)
		return nil
	}
	p.takePublished(f)
	return nil
}

// takePublished finds the topic of a message: its first frame, or the first word of the only one.
func (p *peer) takePublished(f zmqconn.Frame) {
	first := !p.inside
	p.inside = f.More
	if !first {
		if !p.skip {
			p.add(p.topic, f.Body)
		}
		return
	}
	p.skip = !bytes.HasPrefix(f.Body, []byte(p.opts.Topic)) // some publishers send everything
	switch {
	case p.skip:
	case f.More:
		p.topic = append(p.topic[:0], f.Body...)
	default:
		p.addSplit(f.Body)
	}
}

func (p *peer) addSplit(body []byte) {
	separator := p.opts.Separator
	if separator == "" {
		separator = " "
	}
	if topic, data, ok := bytes.Cut(body, []byte(separator)); ok {
		p.add(topic, data)
		return
	}
	p.add([]byte(p.opts.Topic), body)
}

// add notes an event of the batch.
func (p *peer) add(topic, data []byte) {
	c := cut{topic: -1}
	if p.opts.Pattern == "sub" {
		c.topic = len(p.text)
		p.text = append(p.text, topic...)
	}
	c.data = len(p.text)
	p.text = append(p.text, data...)
	c.end = len(p.text)
	p.cuts = append(p.cuts, c)
}

// emit hands the batch on and answers the peer.
func (p *peer) emit() error {
	b := p.fill()
	if p.receipts != nil {
		if b == nil && len(p.pings) == 0 {
			return nil
		}
		pings := p.pings
		p.pings = nil
		return p.receipts.emit(p.out, b, pings)
	}
	if b != nil {
		if err := p.out.Emit(b, nil); err != nil {
			return err
		}
	}
	if len(p.pings) == 0 {
		return nil
	}
	err := p.Send(func(f *zmqconn.Frames) {
		for _, context := range p.pings {
			f.Pong(context)
		}
	})
	p.pings = p.pings[:0]
	if err != nil {
		p.env.Log.Debug("a PING could not be answered", "peer", p.Peer, "error", err)
	}
	return nil
}

// fill makes a batch of what was noted, nil if that is nothing.
func (p *peer) fill() *actor.Batch {
	if len(p.cuts) == 0 {
		return nil
	}
	text := string(p.text)
	b := p.out.Batch(p.from)
	for _, c := range p.cuts {
		e := b.New()
		e.SetField(event.Data, event.String(text[c.data:c.end]))
		if c.topic >= 0 {
			e.SetField(topicKey, event.String(text[c.topic:c.data]))
		}
	}
	if cap(p.text) > most {
		p.text = nil
	}
	p.text, p.cuts = p.text[:0], p.cuts[:0]
	return b
}
