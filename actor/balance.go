package actor

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
)

// Balance says what has become of all events of a run. Every figure is counted where it
// happens and none is computed from the others, so that an event which the runtime loses or
// makes by mistake shows: at rest, Off is 0.
type Balance struct {
	// Accepted events were emitted by inputs, or were on disk when the run began.
	Accepted int64
	// Made events came into being on the way: copies for further receivers, the parts of an
	// event that was split, and the events of modules that report on others.
	Made int64
	// Delivered events were written by an output other than the dead letter module, and
	// DeadLettered ones by that one.
	Delivered, DeadLettered int64
	// Dropped events were thrown away on purpose: by a module, a full backlog or buffer, a
	// loop, or on_error.
	Dropped int64
	// Ended events came to a module without receivers, were wanted by none of its receivers,
	// or did not pass the filter of an output.
	Ended int64
	// Absorbed events became part of others: joined, counted or taken to pieces.
	Absorbed int64
	// Buffered events are on the disks of edges and have not been read from there.
	Buffered int64
	// InFlight events wait in inboxes.
	InFlight int64
	// Lost events were in memory when the run ended by force or a module failed for good. An
	// input that can repeat, a buffer or a Keeper they came from still has them.
	Lost int64
}

// Off is what the books are out by: above 0, so many events have vanished; below, so many
// have come from nowhere. While a run goes on, it is what modules have at hand.
func (b Balance) Off() int64 {
	return b.Accepted + b.Made - b.Delivered - b.DeadLettered - b.Dropped - b.Ended - b.Absorbed - b.Buffered - b.InFlight - b.Lost
}

// Err says by how much the books are out.
func (b Balance) Err() error {
	switch off := b.Off(); {
	case off > 0:
		return fmt.Errorf("%w: %d events have vanished", ErrUnbalanced, off)
	case off < 0:
		return fmt.Errorf("%w: %d events came from nowhere", ErrUnbalanced, -off)
	}
	return nil
}

// ErrUnbalanced says that the runtime has lost count of events, which is a fault in it.
var ErrUnbalanced = errors.New("the balance of events is not even")

// books are what is counted of a module for the balance alone.
type books struct {
	made, gone atomic.Int64 // by the module, as its instances tell
	copied     atomic.Int64 // for further receivers
	written    atomic.Int64 // what an output is done with, whether it passed the filter or not
	thrown     atomic.Int64 // by Env.Drop; such events are also gone or written
}

// enter notes what an instance has done since it was asked the last time.
func (k *books) enter(s *shelf) {
	if s.made != 0 {
		k.made.Add(int64(s.made))
	}
	if s.gone != 0 {
		k.gone.Add(int64(s.gone))
	}
	s.tally = tally{}
}

// spillBooks are what is counted of the disk of an edge.
type spillBooks struct {
	found   atomic.Int64 // left by a former run
	stored  atomic.Int64 // or refused for want of room
	read    atomic.Int64 // and sent on
	dropped atomic.Int64
	twice   atomic.Int64 // dropped from the disk while they were under way, so they do not count as dropped
}

// tally is how many events were made and how many ceased to be.
type tally struct{ made, gone int }

// enter tells the instance that has the batch.
func (b *Batch) enter(t tally) {
	if s := b.shelf; s != nil {
		s.made += t.made
		s.gone += t.gone
	}
}

// Balance adds up what has become of all events so far.
func (g *Graph) Balance() Balance {
	var b Balance
	g.mu.RLock()
	nodes := slices.Concat(g.nodes, g.former)
	deadLetter := g.byID[g.DeadLetter]
	g.mu.RUnlock()
	for _, n := range nodes {
		n.addTo(&b)
	}
	g.eachOpenSpill(func(s *spill) {
		found, dropped := s.books.found.Load(), s.books.dropped.Load()
		b.Accepted += found
		b.Dropped -= s.books.twice.Load()
		b.Buffered += found + s.books.stored.Load() - s.books.read.Load() - dropped + s.books.twice.Load()
	})
	g.eachQueue(func(q *queue) { b.InFlight += q.waiting.Load() })
	if deadLetter != nil {
		b.DeadLettered = min(b.DeadLettered, deadLetter.delivered())
	}
	b.Delivered -= b.DeadLettered
	return b
}

// eachOpenSpill is eachSpill for those who may come while the buffers are being opened.
func (g *Graph) eachOpenSpill(f func(*spill)) {
	if Phase(g.phase.Load()) != Starting {
		g.eachSpill(f)
	}
}

func (n *node) addTo(b *Balance) {
	m, k := n.meter, n.books
	b.Made += k.made.Load() + k.copied.Load()
	b.Dropped += m.Dropped.Load()
	b.DeadLettered += m.DeadLettered.Load()
	b.Ended += m.Unrouted.Load() + m.Ended.Load()
	b.Lost += m.Lost.Load()
	b.InFlight += n.in.events.Load()
	switch n.Spec.Role {
	case Input:
		b.Accepted += m.Received.Load()
	case Output:
		b.Delivered += n.delivered()
		b.Ended += m.Filtered.Load()
	default:
		b.Absorbed += k.gone.Load() - k.thrown.Load()
	}
}

// delivered is what an output has written.
func (n *node) delivered() int64 {
	k := n.books
	return k.written.Load() + k.gone.Load() - k.thrown.Load() - n.meter.Filtered.Load()
}
