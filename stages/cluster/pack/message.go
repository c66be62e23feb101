package pack

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// MaxMessage is the size of the largest message.
const MaxMessage = 16 << 20

// messageTime is how long a message may take with all that is done about it.
const messageTime = 30 * time.Second

// Handler takes a message of another node. Its error goes back to the sender.
type Handler func(from Member, payload []byte) error

// On sets what is done about messages with an action; nil ends that.
func (p *Pack) On(action string, h Handler) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.handlers[action] = h
}

// envelope stands before a message.
type envelope struct {
	From   string `json:"from"`
	ID     string `json:"id"`
	Action string `json:"action"`
	Size   int    `json:"size"`
	Sum    []byte `json:"sum"` // SHA-256
}

// maxEnvelope bounds what stands before a message.
const maxEnvelope = 4096

// receipt is the answer to a message.
type receipt struct {
	Error string `json:"error"`
}

// Send sends a message and waits until the other node has handled it. A message for this node
// is handled here.
func (p *Pack) Send(ctx context.Context, node, action string, payload []byte) error {
	if len(payload) > MaxMessage {
		return fmt.Errorf("a message of %d bytes is larger than 16 MiB", len(payload))
	}
	if p.left() {
		return errLeft
	}
	p.mu.Lock()
	m := p.members[node]
	var to Member
	if m != nil {
		to = *m
	}
	p.mu.Unlock()
	switch {
	case m == nil || !to.Here():
		return fmt.Errorf("node %s is not there", node)
	case to.Self:
		return p.handle(to, action, payload)
	}
	return p.sendOver(ctx, to.Address, action, payload)
}

func (p *Pack) sendOver(ctx context.Context, addr, action string, payload []byte) error {
	timeout := proofTime
	if end, ok := ctx.Deadline(); ok {
		timeout = min(timeout, time.Until(end))
	}
	c, err := p.net.dial(message, addr, timeout)
	if err != nil {
		return err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	if err := c.SetDeadline(time.Now().Add(messageTime)); err != nil {
		return err
	}
	sum := sha256.Sum256(payload)
	head, err := json.Marshal(envelope{p.name, p.id(), action, len(payload), sum[:]})
	if err != nil {
		return err
	}
	head = append(binary.BigEndian.AppendUint32(nil, uint32(len(head))), head...) //nolint:gosec // it is short
	for _, part := range [][]byte{head, payload} {
		if _, err := c.Write(part); err != nil {
			return err
		}
	}
	var r receipt
	if err := json.NewDecoder(io.LimitReader(c, maxEnvelope)).Decode(&r); err != nil {
		return fmt.Errorf("no receipt: %w", err)
	}
	if r.Error != "" {
		return errors.New(r.Error)
	}
	return nil
}

// Broadcast sends a message to all other nodes, one after the other.
func (p *Pack) Broadcast(ctx context.Context, action string, payload []byte) error {
	var errs []error
	for _, m := range p.Members() {
		if m.Here() && !m.Self {
			if err := p.Send(ctx, m.Name, action, payload); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", m.Name, err))
			}
		}
	}
	return errors.Join(errs...)
}

// serveStream answers a stream of another node.
func (p *Pack) serveStream(kind byte, c net.Conn) {
	defer c.Close()
	if c.SetDeadline(time.Now().Add(messageTime)) != nil {
		return
	}
	if kind == who {
		_ = json.NewEncoder(c).Encode(p.identity()) // whoever has gone does not read it
		return
	}
	if kind != message {
		return // a later version may know more
	}
	var r receipt
	if err := p.receive(c); err != nil {
		r.Error = err.Error()
		r.Error = r.Error[:min(len(r.Error), maxEnvelope/2)]
	}
	_ = json.NewEncoder(c).Encode(r) // whoever has gone does not read it
}

func (p *Pack) receive(c io.Reader) error {
	var size [4]byte
	if _, err := io.ReadFull(c, size[:]); err != nil {
		return err
	}
	n := binary.BigEndian.Uint32(size[:])
	if n > maxEnvelope {
		return errors.New("the envelope is too large")
	}
	head := make([]byte, n)
	if _, err := io.ReadFull(c, head); err != nil {
		return err
	}
	var e envelope
	if err := json.Unmarshal(head, &e); err != nil {
		return fmt.Errorf("the envelope cannot be read: %w", err)
	}
	if e.Size < 0 || e.Size > MaxMessage {
		return errors.New("the message is larger than 16 MiB")
	}
	var payload bytes.Buffer
	if _, err := io.CopyN(&payload, c, int64(e.Size)); err != nil {
		return err
	}
	if sum := sha256.Sum256(payload.Bytes()); !bytes.Equal(sum[:], e.Sum) {
		return errors.New("the message has another sum than its envelope says")
	}
	p.mu.Lock()
	m := p.members[e.From]
	var from Member
	if m != nil {
		from = *m
		from.Leader = from.Name == p.leader
	}
	p.mu.Unlock()
	if m == nil || from.about.ID != e.ID || !from.Here() {
		return fmt.Errorf("node %s is not known here", e.From)
	}
	return p.handle(from, e.Action, payload.Bytes())
}

func (p *Pack) handle(from Member, action string, payload []byte) error {
	p.mu.Lock()
	h := p.handlers[action]
	p.mu.Unlock()
	if h == nil {
		return fmt.Errorf("node %s does nothing about %s", p.name, action)
	}
	return h(from, payload)
}
