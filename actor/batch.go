package actor

import (
	"iter"
	"slices"
	"strconv"

	"gambolputty/actor/ack"
	"gambolputty/actor/event"
)

// Batch is the unit that travels on channels: events, the storage they live in, and the
// delivery tickets they hold. A stage changes a batch in place and never touches a
// ticket. Text in events may be kept as long as the stage likes; the events themselves
// may not, unless they are taken out with Take.
//
// The loops belong to the batch, so that after a failure the runtime knows which event
// was under way. Each, Keep and Expand are promises: when the loop goes on, the event
// is finished. View promises nothing.
type Batch struct {
	events  []*event.Event
	spare   []*event.Event // room for Expand
	tickets []*ack.Ticket
	own     *event.Slab   // where new events go; no other batch has it
	held    []*event.Slab // where other events of this batch live
	cur     cursor
	from    string
	src     *event.Source
	graph   *Graph
	shelf   *shelf

	born int64 // when an input sent the oldest of the events, in nanoseconds since 1970; 0 is not known

	before, after *Batch // neighbours on the shelf
}

// cursor says how far a loop got: in[at] is under way, out is finished.
type cursor struct {
	on      bool
	commits bool
	at      int
	in, out []*event.Event
	tally   // of what is finished
}

// Len is the number of events that passed the module's filter.
func (b *Batch) Len() int {
	n := 0
	for _, e := range b.events {
		if !e.Skip {
			n++
		}
	}
	return n
}

// Full reports whether there are n events or more, in a source that fills the batch.
func (b *Batch) Full(n int) bool { return len(b.events) >= n }

// New adds a fresh event, with an empty text in the field data. In a source it carries the
// place given to Outlet.Batch.
func (b *Batch) New() *event.Event {
	e := b.slab().New(b.src, b.from)
	e.AppendField(event.Data, noText)
	b.Add(e)
	return e
}

// Fork makes a copy of e that shares everything with it until one of the two is written
// to. It becomes part of the batch when it is emitted in Expand.
func (b *Batch) Fork(e *event.Event) *event.Event { return b.slab().Fork(e) }

// Fresh makes an event without being asked for by another one, to be emitted in Expand.
func (b *Batch) Fresh() *event.Event {
	e := b.slab().New(b.src, "")
	e.AppendField(event.Data, noText)
	return e
}

var noText = event.String("")

// Add appends an event of the stage's own, as Flush does with what it kept.
func (b *Batch) Add(e *event.Event) {
	b.events = append(b.events, e)
	b.enter(tally{made: 1})
}

// HoldBuffer says that texts of events in b, which must not be empty, lie in m. A source
// calls it before it emits b.
func (b *Batch) HoldBuffer(m *event.Buffer) {
	if m != nil {
		b.slab().HoldBuffer(m)
	}
}

// Nodes is memory for values of events in b, or nil if there are too few of them for that.
// The values go with the batch, so they must not be put into events of another one.
func (b *Batch) Nodes() *event.Nodes {
	const few = 16
	if len(b.events) < few {
		return nil
	}
	return b.slab().Nodes()
}

// KeepValues says that something may be kept of the events that is not copied. It is for
// modules that have promised to forget and with some options do not.
func (b *Batch) KeepValues() {
	if b.own != nil {
		b.own.KeepValues()
	}
	for _, s := range b.held {
		s.KeepValues()
	}
}

func (b *Batch) slab() *event.Slab {
	if b.own == nil {
		b.own = b.graph.slabs.Slab()
	}
	return b.own
}

// Each walks the events that passed the module's filter.
func (b *Batch) Each() iter.Seq[*event.Event] { return b.walk(true) }

// View walks them too, for a first look before the work is done.
func (b *Batch) View() iter.Seq[*event.Event] { return b.walk(false) }

func (b *Batch) walk(commits bool) iter.Seq[*event.Event] {
	return func(yield func(*event.Event) bool) {
		b.cur = cursor{on: true, commits: commits, in: b.events}
		for i, e := range b.events {
			if e.Skip {
				continue
			}
			b.cur.at = i
			if !yield(e) {
				return // the cursor stays: with an error, the rest is tried again
			}
		}
		b.cur.on = false
	}
}

// Keep drops the events for which keep is false.
func (b *Batch) Keep(keep func(*event.Event) bool) {
	b.Expand(func(e *event.Event, emit func(*event.Event)) {
		if keep(e) {
			emit(e)
		}
	})
}

// Expand replaces every event by those that fn emits for it. The first of several keeps
// the id, part i of the others gets it with .i appended, unless it has an id of its own.
func (b *Batch) Expand(fn func(e *event.Event, emit func(*event.Event))) {
	in, out := b.events, b.spare[:0]
	b.cur = cursor{on: true, commits: true, in: in, out: out}
	var parent *event.Event
	part := 0
	emit := func(e *event.Event) {
		if part > 0 && e != parent && e.SameID(parent) {
			e.ExtendID(partSuffix(part))
		}
		part++
		out = append(out, e)
	}
	for i, e := range in {
		b.cur.at, b.cur.out = i, out
		if e.Skip {
			out = append(out, e)
			continue
		}
		parent, part = e, 0
		fn(e, emit)
		if part == 0 {
			b.cur.gone++
		} else if part > 1 {
			b.cur.made += part - 1
		}
	}
	b.events, b.spare, b.cur.on = out, in, false
	b.enter(b.cur.tally)
}

// suffixes are what the first parts of an event append to its id.
var suffixes = func() (list [256]string) {
	for i := range list {
		list[i] = "." + strconv.Itoa(i)
	}
	return list
}()

func partSuffix(part int) string {
	if part < len(suffixes) {
		return suffixes[part]
	}
	return "." + strconv.Itoa(part)
}

// Take moves the events that passed the filter, with a hold on the tickets, into a batch
// of their own, for stages that keep events back. The delivery is not finished before
// that batch is absorbed by another one and delivered.
func (b *Batch) Take() *Batch {
	b.KeepValues()
	t := &Batch{tickets: slices.Clone(b.tickets), graph: b.graph, src: b.src, shelf: b.shelf, born: b.born}
	rest := b.events[:0]
	for _, e := range b.events {
		if e.Skip {
			rest = append(rest, e)
			continue
		}
		t.events = append(t.events, e.Detach())
	}
	b.events = rest
	t.holdTickets()
	t.shelf.add(t)
	return t
}

// Move puts one event, which must not be emitted then, with a hold on the tickets into a
// batch that the stage keeps, as Take does with all of them. It returns the event as it
// lives on there.
func (b *Batch) Move(e *event.Event, to *Batch) *event.Event {
	b.KeepValues()
	to.keep(b)
	to.ages(b)
	d := e.Detach()
	to.events = append(to.events, d)
	b.enter(tally{gone: -1}) // it is not emitted, but it is not gone either
	if n := len(to.tickets) - len(b.tickets); n < 0 || !slices.Equal(to.tickets[n:], b.tickets) {
		to.tickets = append(to.tickets, b.tickets...)
		b.holdTickets()
	}
	return d
}

// Absorb appends o's events and takes its tickets over; o is empty afterwards.
func (b *Batch) Absorb(o *Batch) {
	if o.shelf != nil {
		b.keep(o)
	}
	b.join(o)
}

// keep makes a batch of the stage's own known that something from o goes into.
func (b *Batch) keep(o *Batch) {
	if b.shelf == nil {
		b.shelf, b.graph, b.src = o.shelf, o.graph, o.src
		b.shelf.add(b)
	}
}

// Events walks what a stage has taken or is about to let go, filtered or not.
func (b *Batch) Events() iter.Seq[*event.Event] { return slices.Values(b.events) }

// Settle says in a sink that all events but these are done with, so that a failure of the
// instance does not deliver them once more. Those that were handed to Env.Fault stay.
func (b *Batch) Settle(rest []*event.Event) {
	left := b.events[:0]
	for _, e := range b.events {
		if e.Fault {
			left = append(left, e)
		}
	}
	before := len(b.events)
	b.events = append(left, rest...)
	b.enter(tally{gone: before - len(b.events)})
}

// Clear forgets the events of b but keeps its tickets: they depend on what b goes into.
func (b *Batch) Clear() {
	b.enter(tally{gone: len(b.events)})
	b.events = b.events[:0]
}

func (b *Batch) join(o *Batch) {
	b.ages(o)
	b.events = append(b.events, o.events...)
	b.tickets = append(b.tickets, o.tickets...)
	b.held = append(b.held, o.held...)
	if o.own != nil {
		b.held = append(b.held, o.own)
	}
	o.shelf.remove(o)
	*o = Batch{graph: b.graph, src: b.src}
}

// swallow joins o to b and gives its shell back, with the memory of its lists. Nobody else
// may know o.
func (b *Batch) swallow(o *Batch) {
	events, spare, tickets, held := o.events, o.spare, o.tickets, o.held
	b.join(o)
	o.events, o.spare, o.tickets, o.held = events, spare, tickets, held
	b.graph.recycle(o)
}

func (b *Batch) holdTickets() {
	for _, t := range b.tickets {
		t.Hold(1)
	}
}

// share makes an empty batch that holds what keeps the events of b alive.
func (b *Batch) share() *Batch {
	o := b.graph.batch(b.src)
	o.born = b.born
	o.tickets = append(o.tickets, b.tickets...)
	o.holdTickets()
	o.held = append(o.held, b.held...)
	if b.own != nil {
		o.held = append(o.held, b.own)
	}
	for _, s := range o.held {
		s.Hold()
	}
	return o
}

// release ends the batch: its events have arrived (nil) or have not.
func (b *Batch) release(err error) {
	for _, t := range b.tickets {
		t.Release(err)
	}
	b.dropStorage()
	b.graph.recycle(b)
}

func (b *Batch) dropStorage() {
	if b.own != nil {
		b.own.Release()
		b.own = nil
	}
	for _, s := range b.held {
		s.Release()
	}
}

// empty says that the batch carries neither events nor promises.
func (b *Batch) empty() bool { return len(b.events) == 0 && len(b.tickets) == 0 }

// cut sorts b out after a failure. What is finished is returned. If the event that was
// under way is known, it is returned too, and b keeps what has to be done before it, and
// after what has to be done after it. In a sink nothing is finished before Write has
// returned.
func (b *Batch) cut(sink bool) (finished *Batch, culprit *event.Event, after []*event.Event) {
	c := b.cur
	b.cur = cursor{}
	finished = b.share()
	if !c.on {
		return finished, nil, nil
	}
	before := c.in[:c.at]
	if c.commits && !sink {
		done := c.out
		if done == nil { // Each: everything before the culprit
			done = before
		}
		finished.events = append(finished.events, done...)
		b.enter(c.tally)
		before = nil
	}
	culprit, after = c.in[c.at], slices.Clone(c.in[c.at+1:])
	b.events, b.spare = slices.Clone(before), nil
	return finished, culprit, after
}

// with makes a batch of some of b's events.
func (b *Batch) with(events ...*event.Event) *Batch {
	o := b.share()
	o.events = append(o.events, events...)
	return o
}

// halve moves the second half of b away, to find out which one holds an event that the
// stage cannot bear.
func (b *Batch) halve() *Batch {
	n := len(b.events) / 2
	o := b.with(b.events[n:]...)
	b.events = b.events[:n]
	return o
}

// shelf knows the batches a stage has taken and not given on, in that order, so that
// nothing is forgotten when the stage instance dies.
type shelf struct {
	first, last *Batch
	tally
}

func (s *shelf) add(b *Batch) {
	if s == nil {
		return
	}
	if b.before = s.last; s.last != nil {
		s.last.after = b
	} else {
		s.first = b
	}
	s.last = b
}

func (s *shelf) remove(b *Batch) {
	if s == nil || b.before == nil && s.first != b {
		return // it is not on the shelf
	}
	if b.before != nil {
		b.before.after = b.after
	} else {
		s.first = b.after
	}
	if b.after != nil {
		b.after.before = b.before
	} else {
		s.last = b.before
	}
	b.before, b.after = nil, nil
}

// takeAll moves what a dead instance had kept into one batch, or returns nil.
func (s *shelf) takeAll() *Batch {
	if s.first == nil {
		return nil
	}
	all := &Batch{graph: s.first.graph, src: s.first.src}
	for s.first != nil {
		all.join(s.first)
	}
	return all
}
