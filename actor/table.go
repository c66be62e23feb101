package actor

import (
	"fmt"
	"sync"
	"sync/atomic"

	"gambolputty/actor/expr"
)

// table says where what leaves a module goes. It never changes; a reload puts another one
// in its place. What is on its way by the old one still arrives there, and only then do its
// receivers hear that nothing more will come by it.
type table struct {
	node    *node
	edges   []edge
	dead    edge // to the dead letter module; its inbox is nil without one
	maxHops int

	pins  atomic.Int64 // one as long as it is in force, one for each user and each parcel
	ended sync.Once
}

// edge leads from a module to one of its receivers.
type edge struct {
	Receiver
	table  *table
	to     *inbox
	spill  *spill // nil without a disk
	queue  *queue // nil without memory of its own
	suffix string // what copies for this receiver append to the event id
}

// newTable makes the table of a module; to finds the inbox of a receiver.
func newTable(n *node, to func(id string) *inbox, deadLetter *inbox) (*table, error) {
	t := &table{node: n, maxHops: n.graph.MaxHops, edges: make([]edge, 0, len(n.Receivers))}
	t.pins.Store(1)
	for k, r := range n.Receivers {
		in := to(r.ID)
		if in == nil {
			return nil, fmt.Errorf("receiver %s of %s does not exist", r.ID, n.ID)
		}
		r.passed = new(atomic.Int64)
		t.edges = append(t.edges, edge{Receiver: r, table: t, to: in, suffix: fmt.Sprintf("-%02x", k)})
	}
	if deadLetter != nil && deadLetter.node != n && n.Spec.Role != StandAlone {
		t.dead = edge{Receiver: Receiver{ID: deadLetter.node.ID, passed: new(atomic.Int64)}, table: t, to: deadLetter}
	}
	return t, nil
}

// begin counts the table's edges as feeders of their receivers.
func (t *table) begin() {
	for i := range t.edges {
		e := &t.edges[i]
		if r := e.to.ring; r != nil && t.node.ring != r {
			r.outside.Add(1)
		}
		if !e.Closing {
			e.to.feeders.Add(1)
		}
	}
	if t.dead.to != nil {
		t.dead.to.feeders.Add(1)
	}
}

// pin returns the table that is in force and keeps its receivers open until unpin.
func (n *node) pin() *table {
	for {
		t := n.table.Load()
		t.pins.Add(1)
		if n.table.Load() == t {
			return t // whoever replaces it has not taken its own pin out yet
		}
		t.unpin()
	}
}

// ended tells the receivers that nothing more will come from the module.
func (n *node) ended() {
	n.tableMu.Lock()
	defer n.tableMu.Unlock()
	if !n.silent {
		n.silent = true
		n.table.Load().unpin()
	}
}

// switchTo puts a table into force. It reports whether the module has ended, so that the receivers
// of the new table are still to be told, and those of the old one have been.
func (n *node) switchTo(t *table) (ended bool) {
	n.tableMu.Lock()
	defer n.tableMu.Unlock()
	n.table.Store(t)
	return n.silent
}

// unpin tells the receivers that nothing more will come, if this was the last pin.
func (t *table) unpin() {
	if t.pins.Add(-1) == 0 {
		t.ended.Do(t.end)
	}
}

func (t *table) end() {
	for i := range t.edges {
		e := &t.edges[i]
		if e.spill != nil {
			e.spill.end(e)
			continue
		}
		e.endQueue()
	}
	if t.dead.to != nil {
		t.dead.to.feederEnded()
	}
}

// endQueue lets what waits in the memory of the edge go first.
func (e *edge) endQueue() {
	if e.queue != nil {
		e.queue.end(e)
		return
	}
	e.end()
}

func (e *edge) end() {
	if r := e.to.ring; r != nil && e.table.node.ring != r {
		r.outsiderEnded()
	}
	if !e.Closing {
		e.to.feederEnded()
	}
}

// sameWay reports whether t sends the same events to the same inboxes as o.
func (t *table) sameWay(o *table) bool {
	if len(t.edges) != len(o.edges) || t.dead.to != o.dead.to || t.maxHops != o.maxHops {
		return false
	}
	for i := range t.edges {
		a, b := &t.edges[i], &o.edges[i]
		if a.to != b.to || !a.Receiver.alike(b.Receiver) {
			return false
		}
	}
	return true
}

// alike reports whether two receivers are written alike.
func (r Receiver) alike(o Receiver) bool {
	return r.ID == o.ID && filterText(r.Filter) == filterText(o.Filter) && r.Else == o.Else && r.Sample == o.Sample && same(r.Buffer, o.Buffer) && same(r.Queue, o.Queue)
}

// same reports whether both are missing or alike.
func same[T comparable](a, b *T) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

// filterText is the text of a filter, "" without one.
func filterText(f *expr.Filter) string {
	if f == nil {
		return ""
	}
	return f.Source()
}
