package actor

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"gambolputty/actor/event"
	"gambolputty/actor/expr"
)

// parcel is a batch on its way to an inbox.
type parcel struct {
	edge *edge
	b    *Batch
}

// router selects, changes and sends on what comes out of a module. It belongs to one
// goroutine.
type router struct {
	node   *node
	table  *table // for which the rest was made
	input  *expr.Matcher
	edges  []*expr.Matcher
	act    *acting
	plain  bool              // everything goes to one receiver
	keep   func(*Batch) bool // stores the events before they are sent, if there is a Keeper
	match  []bool
	out    []parcel
	branch []*Batch
}

func newRouter(n *node) *router {
	r := &router{node: n, act: newActing(n)}
	if n.Filter != nil {
		r.input = n.Filter.Matcher(n.graph.Internal, n)
	}
	r.follow(n.table.Load())
	return r
}

// follow makes the router send by another table.
func (r *router) follow(t *table) {
	r.table, r.edges = t, nil
	for _, e := range t.edges {
		var m *expr.Matcher
		if e.Filter != nil {
			m = e.Filter.Matcher(r.node.graph.Internal, r.node)
		}
		r.edges = append(r.edges, m)
	}
	r.plain = false
	if len(t.edges) == 1 {
		e := t.edges[0]
		r.plain = e.Filter == nil && !e.Else && e.Sample == 0
	}
	r.branch = make([]*Batch, len(t.edges))
}

// pin makes sure that the router sends by the table in force, which stays open until it is
// unpinned.
func (r *router) pin() *table {
	t := r.node.pin()
	if t != r.table {
		r.follow(t)
	}
	return t
}

// selectInput marks the events that do not pass the module's filter.
func (r *router) selectInput(b *Batch) (handled int) {
	if r.input == nil {
		return len(b.events)
	}
	for _, e := range b.events {
		e.Skip = !r.input.Match(e)
		if !e.Skip {
			handled++
		}
	}
	return handled
}

// finish decides where the events of b go, applies the common actions, and returns what
// is to be sent. The parcels are valid until the next call.
func (r *router) finish(b *Batch) []parcel {
	t := r.pin()
	defer t.unpin()
	r.out = r.out[:0]
	n := len(t.edges) * len(b.events)
	r.setAside(b)
	if !r.plain && n > 0 {
		r.matchEdges(b)
	}
	r.actOn(b)
	if r.keep != nil && len(b.events) > 0 && !r.keep(b) {
		r.node.lose(b, errNotKept)
		t.pins.Add(int64(len(r.out)))
		return r.out
	}
	switch {
	case b.empty():
		b.release(nil)
	case len(t.edges) == 0:
		r.node.meter.Ended.Add(int64(len(b.events)))
		b.release(nil)
	case r.plain:
		r.out = append(r.out, parcel{&t.edges[0], b})
	default:
		r.distribute(b)
	}
	t.pins.Add(int64(len(r.out)))
	return r.out
}

var errNotKept = errors.New("the program was stopped before the events were stored")

// setAside takes the events with a fault out where on_error says so.
func (r *router) setAside(b *Batch) {
	if r.node.OnError == Pass {
		return
	}
	keep := b.events[:0]
	var bad []*event.Event
	for _, e := range b.events {
		if e.Fault {
			e.Fault, e.Skip = false, false
			bad = append(bad, e)
			continue
		}
		keep = append(keep, e)
	}
	b.events = keep
	if len(bad) > 0 {
		r.dispose(b, bad)
	}
}

// refused returns what a sink could not deliver on its way to the dead letter module.
func (r *router) refused(b *Batch) []parcel {
	t := r.pin()
	defer t.unpin()
	r.out = r.out[:0]
	r.setAside(b)
	t.pins.Add(int64(len(r.out)))
	return r.out
}

// dispose drops events or sends them to the dead letter module.
func (r *router) dispose(b *Batch, bad []*event.Event) {
	n := r.node
	if n.OnError != DeadLetter || r.table.dead.to == nil {
		n.meter.Dropped.Add(int64(len(bad)))
		return
	}
	n.meter.DeadLettered.Add(int64(len(bad)))
	o := b.share()
	o.events = append(o.events, bad...)
	r.out = append(r.out, parcel{&r.table.dead, o})
}

// hand ends what a sink has written, and is finish for all others.
func (r *router) hand(b *Batch) []parcel {
	if r.node.Spec.Role != Output {
		return r.finish(b)
	}
	parcels := r.refused(b)
	r.node.books.written.Add(int64(len(b.events)))
	b.release(nil)
	return parcels
}

// matchEdges evaluates all output filters before anything is changed or sent.
func (r *router) matchEdges(b *Batch) {
	n := len(b.events)
	r.match = r.match[:0]
	for k := range r.table.edges {
		edge, m := &r.table.edges[k], r.edges[k]
		for _, e := range b.events {
			hit := !edge.Else && (m == nil || m.Match(e))
			if hit && edge.Sample > 0 {
				hit = rand.Float64() < edge.Sample
			}
			r.match = append(r.match, hit)
		}
	}
	for k := range r.table.edges {
		if r.table.edges[k].Else {
			r.matchElse(k, n)
		}
	}
}

// matchElse lets edge k take what no other receiver took.
func (r *router) matchElse(k, n int) {
	for i := range n {
		taken := false
		for j := range r.table.edges {
			taken = taken || r.match[j*n+i]
		}
		r.match[k*n+i] = !taken
	}
}

// actOn applies the common actions to what the module handled.
func (r *router) actOn(b *Batch) {
	if r.act != nil {
		for _, e := range b.events {
			if !e.Skip {
				r.act.apply(e)
			}
		}
	}
	if r.input != nil || r.node.failed.Load() {
		for _, e := range b.events {
			e.Skip = false
		}
	}
}

// distribute gives every event to the receivers that match. The last of them gets the
// event itself, the others copies that share everything with it.
func (r *router) distribute(b *Batch) {
	unrouted, sent := 0, 0
	for i, e := range b.events {
		if !r.deal(b, e, i) {
			unrouted++
		}
	}
	r.node.meter.Unrouted.Add(int64(unrouted))
	for k, o := range r.branch {
		if o != nil {
			r.out = append(r.out, parcel{&r.table.edges[k], o})
			r.branch[k] = nil
			sent += len(o.events)
		}
	}
	r.node.books.copied.Add(int64(sent + unrouted - len(b.events)))
	b.release(nil)
}

func (r *router) deal(b *Batch, e *event.Event, i int) bool {
	first, last := -1, -1
	for k := range r.table.edges {
		if r.match[k*len(b.events)+i] {
			if first < 0 {
				first = k
			}
			last = k
		}
	}
	for k := max(first, 0); k <= last; k++ {
		if !r.match[k*len(b.events)+i] {
			continue
		}
		if r.branch[k] == nil {
			r.branch[k] = b.share()
		}
		o, c := r.branch[k], e
		if k != last {
			c = o.slab().Fork(e)
		}
		if k != first {
			c.ExtendID(r.table.edges[k].suffix)
		}
		o.events = append(o.events, c)
	}
	return last >= 0
}

// send delivers parcels in order. After an abort it hands back what is left.
func (n *node) send(ctx context.Context, parcels []parcel) error {
	var failed error
	for _, p := range parcels {
		if failed == nil {
			failed = n.sendOne(ctx, p)
			continue
		}
		n.lose(p.b, failed)
		p.edge.table.unpin()
	}
	return failed
}

func (n *node) sendOne(ctx context.Context, p parcel) error {
	defer p.edge.table.unpin()
	size := len(p.b.events)
	n.leaves(p)
	if p.edge.Closing {
		n.sendRound(p)
		return nil
	}
	var err error
	if p.edge.spill != nil {
		err = p.edge.spill.put(ctx, p.b)
	} else {
		err = p.edge.target().put(ctx, p.b, n)
	}
	if err != nil {
		n.lose(p.b, err)
		return err
	}
	n.meter.Emitted.Add(int64(size))
	p.edge.passed.Add(int64(size))
	return nil
}

// sendRound sends events round a loop once more, unless they went round too often.
func (n *node) sendRound(p parcel) {
	keep := p.b.events[:0]
	for _, e := range p.b.events {
		if e.Hops++; int(e.Hops) <= p.edge.table.maxHops {
			keep = append(keep, e)
		}
	}
	if tired := len(p.b.events) - len(keep); tired > 0 {
		n.meter.Dropped.Add(int64(tired))
		n.warn.log(levelError, "events went round a loop too often and were dropped", "receiver", p.edge.ID, "max_hops", p.edge.table.maxHops, "events", tired)
	}
	p.b.events = keep
	size := int64(len(keep))
	if !p.edge.to.putBack(p.b) {
		n.meter.Dropped.Add(size)
		n.warn.log(levelError, "loop is full or ending, events were dropped", "receiver", p.edge.ID, "events", size)
		p.b.release(nil)
		return
	}
	n.meter.Emitted.Add(size)
	p.edge.passed.Add(size)
}

// lose counts the events of a batch that could not go on and answers for them.
func (n *node) lose(b *Batch, err error) {
	n.meter.Lost.Add(int64(len(b.events)))
	b.release(fmt.Errorf("lost in %s: %w", n.ID, err))
}
