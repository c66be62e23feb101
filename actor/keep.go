package actor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"gambolputty/actor/ack"
	"gambolputty/actor/event"
)

// Keeper is implemented by a stand-alone module that keeps what inputs emit until all of it
// has arrived, so that it survives the process. There is at most one.
type Keeper interface {
	// Keep stores copies of what an input emits, and calls safe once when they are safe. It
	// returns when the events may go on: then, or at once if the module does not care. The
	// runtime calls arrived when all that became of the events has been delivered, or has
	// not, which is an error. Keep fails only if ctx ends, and then nothing is kept.
	Keep(ctx context.Context, input string, events []*event.Event, safe func()) (arrived func(error), err error)
	// Restore hands to emit what is left of a former life, in order. It is called before any
	// input runs.
	Restore(ctx context.Context, emit Emit) error
}

// Emit sends events to the receivers of an input as if it had made them, and blocks while
// the pipeline is full. arrived is as in Keeper. The error is ErrNoInput if there is no such
// input, and arrived is not called then; any other says that the program is ending.
type Emit func(input string, events []*event.Event, arrived func(error)) error

// ErrNoInput says that an input does not exist.
var ErrNoInput = errors.New("there is no such input")

// custody is a delivery of an input whose events are kept: the input hears that they have
// arrived as soon as they are safe.
type custody struct {
	node    *node
	ticket  *ack.Ticket
	told    atomic.Bool
	arrived func(error)
}

func (c *custody) tell(err error) {
	if c.told.CompareAndSwap(false, true) {
		c.ticket.Release(err)
	}
}

func (c *custody) safe() { c.tell(nil) }

func (c *custody) done(err error) {
	if c.arrived != nil {
		c.arrived(err)
	}
	c.tell(err)
	c.node.pending.leave()
}

// emitKept is Emit where a Keeper keeps the events.
func (o *Outlet) emitKept(b *Batch, t *ack.Ticket) error {
	n := o.node
	n.pending.enter()
	c := &custody{node: n, ticket: t}
	b.tickets = append(b.tickets, ack.New(c.done))
	b.KeepValues() // the keeper may hold on to them
	o.count(b)
	var failed error
	o.router.keep = func(b *Batch) bool {
		c.arrived, failed = n.graph.keeper.Keep(n.graph.hard, n.ID, b.events, c.safe)
		return failed == nil
	}
	err := n.send(n.graph.hard, o.router.finish(b))
	return errors.Join(failed, err)
}

// restore gives out what a former life left behind. The inputs wait for it.
func (g *Graph) restore() {
	defer close(g.restored)
	outlets := map[*node]*Outlet{}
	err := guard(func() error {
		return g.keeper.Restore(g.soft, func(input string, events []*event.Event, arrived func(error)) error {
			n := g.input(input)
			if n == nil {
				return ErrNoInput
			}
			o := outlets[n]
			if o == nil {
				o = newOutlet(n)
				o.router.input, o.router.act = nil, nil // it has all been done to them
				outlets[n] = o
			}
			return o.emitAgain(events, arrived)
		})
	})
	if err != nil && g.soft.Err() == nil {
		g.fail(fmt.Errorf("restore what was kept: %w", err))
	}
}

// input finds an input by its id, or the first one of a class.
func (g *Graph) input(name string) *node {
	g.mu.RLock()
	defer g.mu.RUnlock()
	if n := g.byID[name]; n != nil && n.Spec.Role == Input {
		return n
	}
	for _, n := range g.nodes {
		if n.Spec.Role == Input && n.Spec.Name == name {
			return n
		}
	}
	return nil
}

// emitAgain sends events on that are kept already.
func (o *Outlet) emitAgain(events []*event.Event, arrived func(error)) (err error) {
	n := o.node
	if n.graph.soft.Err() != nil {
		return context.Cause(n.graph.soft)
	}
	count := int64(len(events))
	n.meter.Received.Add(count)
	n.meter.Handled.Add(count)
	n.pending.enter()
	t := ack.New(func(err error) {
		arrived(err)
		n.pending.leave()
	})
	for part := range slices.Chunk(events, o.size) {
		b := n.graph.batch(n.src)
		b.events = append(b.events, part...)
		b.tickets = append(b.tickets, t)
		t.Hold(1)
		err = errors.Join(err, n.send(n.graph.hard, o.router.finish(b)))
	}
	t.Release(nil)
	return err
}
