package actor

import (
	"context"
	"sync/atomic"
	"time"

	"gambolputty/actor/ack"
	"gambolputty/actor/event"
)

// Outlet is the way out of a source. It belongs to one goroutine; a source with several
// gives each a Clone.
type Outlet struct {
	node   *node
	router *router
	size   int
}

func newOutlet(n *node) *Outlet {
	size := BatchSize
	for _, e := range n.edges() {
		s, _ := sizes(e.to.capacity)
		size = min(size, s)
	}
	return &Outlet{node: n, router: newRouter(n), size: size}
}

// Clone returns an outlet to the same receivers for another goroutine.
func (o *Outlet) Clone() *Outlet { return newOutlet(o.node) }

// Batch returns an empty batch whose New makes events received from the given place.
func (o *Outlet) Batch(from string) *Batch {
	b := o.node.graph.batch(o.node.src)
	b.from = from
	return b
}

// Buffers gives out memory to read into, for sources that tell their batches with HoldBuffer
// in which of it the texts lie.
func (o *Outlet) Buffers() *event.Buffers { return &o.node.graph.buffers }

// Size is the number of events at which a batch should be sent.
func (o *Outlet) Size() int { return o.size }

// Emit sends b on and blocks while the pipeline is full. t, which may be nil, hears once
// all of it has arrived or could not. The error says that the program is being stopped
// by force; b is gone then as well.
func (o *Outlet) Emit(b *Batch, t *ack.Ticket) error {
	n := o.node
	n.wishes.wait(n)
	if n.graph.keeper != nil {
		return o.emitKept(b, t)
	}
	n.pending.enter()
	b.tickets = append(b.tickets, ack.New(func(err error) {
		t.Release(err) // first, so that a commit is made before the source may close
		n.pending.leave()
	}))
	o.count(b)
	return n.send(n.graph.hard, o.router.finish(b))
}

func (o *Outlet) count(b *Batch) {
	o.node.came(b)
	b.born = time.Now().UnixNano()
	m := o.node.meter
	count := int64(len(b.events))
	m.Received.Add(count)
	handled := int64(o.router.selectInput(b))
	m.Handled.Add(handled)
	m.Filtered.Add(count - handled)
}

// Quiet reports whether the receivers wait for events, so that it is better to send a
// small batch now than to fill it.
func (o *Outlet) Quiet() bool {
	edges := o.node.edges()
	for i := range edges {
		if len(edges[i].to.ch) > 0 {
			return false
		}
	}
	return true
}

// gate counts deliveries that have not been answered.
type gate struct {
	open atomic.Int64
	zero chan struct{} // gets a token whenever the count reaches zero
}

func (g *gate) enter() { g.open.Add(1) }

func (g *gate) leave() {
	if g.open.Add(-1) > 0 {
		return
	}
	select {
	case g.zero <- struct{}{}:
	default:
	}
}

// empty waits until every delivery has been answered.
func (g *gate) empty(ctx context.Context) error {
	for g.open.Load() > 0 {
		select {
		case <-g.zero:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}
