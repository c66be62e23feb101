package actor

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"gambolputty/actor/event"
	"gambolputty/actor/expr"
)

// TapOptions say which events a Tap shows.
type TapOptions struct {
	// Module is the id of the module to look at.
	Module string
	// Out shows what leaves the module, and not what comes in.
	Out bool
	// Edge is the module at the other end, to see one edge alone; "" is all of them.
	Edge string
	// Filter selects events; nil is all.
	Filter *expr.Filter
	// Rate is how many events a second are shown at most; 0 is all.
	Rate int
	// Count ends the tap after so many events; 0 never does.
	Count int
	// Room is how many events may wait for whoever looks; 0 means 256.
	Room int
}

// Tapped is an event as it passed, encoded.
type Tapped struct {
	Time time.Time
	// Edge is the receiver of an event that leaves; "" for one that comes in.
	Edge string
	// Event is a JSON object with the metadata.
	Event []byte
	// Lossy says that something in the event was no UTF-8 and was replaced.
	Lossy bool
}

// Tap lets somebody look at events as they pass. It never holds them up and never changes
// them: what comes too fast is left out and counted.
type Tap struct {
	TapOptions
	graph    *Graph
	node     *node // where it is attached
	out      bool
	events   chan Tapped
	done     chan struct{}
	once     sync.Once
	matchers sync.Pool
	encoders sync.Pool
	rate     perSecond
	looks    perSecond
	left     atomic.Int64

	dropped, unseen atomic.Int64
}

const (
	// mostTaps is how many taps may be open at a time.
	mostTaps = 20
	// mostLooks is how many events a second the filter of a tap is tried on. That costs
	// a hundredth of a CPU or so, whatever passes.
	mostLooks = 100_000
)

// Faults of a tap.
var (
	ErrNoModule    = errors.New("there is no such module")
	ErrNoEdge      = errors.New("there is no such edge")
	ErrTooManyTaps = fmt.Errorf("there are %d taps already", mostTaps)
)

// Tap attaches a tap to a module.
func (g *Graph) Tap(o TapOptions) (*Tap, error) {
	g.tapMu.Lock()
	defer g.tapMu.Unlock()
	n := g.find(o.Module)
	if n == nil || n.Spec.Role == StandAlone {
		return nil, fmt.Errorf("%w: %s", ErrNoModule, o.Module)
	}
	if g.tapCount >= mostTaps && !g.DryRun {
		return nil, ErrTooManyTaps
	}
	t := &Tap{TapOptions: o, graph: g, node: n, out: o.Out, done: make(chan struct{})}
	if t.Room == 0 {
		t.Room = 256
	}
	switch {
	case o.Out && n.Spec.Role == Output && n.table.Load().dead.to == nil:
		return nil, fmt.Errorf("%w: nothing leaves the output %s", ErrNoEdge, n.ID)
	case o.Out && o.Edge != "" && !n.leadsTo(o.Edge):
		return nil, fmt.Errorf("%w: %s does not send to %s", ErrNoEdge, n.ID, o.Edge)
	case !o.Out && o.Edge != "":
		if t.node = g.find(o.Edge); t.node == nil || !t.node.leadsTo(n.ID) {
			return nil, fmt.Errorf("%w: %s does not send to %s", ErrNoEdge, o.Edge, n.ID)
		}
		t.out, t.Edge = true, n.ID
	}
	t.events = make(chan Tapped, t.Room)
	t.matchers.New = func() any { return o.Filter.Matcher(g.Internal, nil) }
	t.encoders.New = func() any { return new(event.Encoder) }
	t.rate.most, t.looks.most = int64(o.Rate), mostLooks
	t.left.Store(int64(o.Count))
	g.tapCount++
	t.node.attach(t)
	return t, nil
}

// leadsTo reports whether events of the module may go to another one.
func (n *node) leadsTo(id string) bool {
	t := n.table.Load()
	return t.dead.to != nil && t.dead.ID == id || slices.ContainsFunc(t.edges, func(e edge) bool { return e.ID == id })
}

// Events gives what the tap has seen.
func (t *Tap) Events() <-chan Tapped { return t.events }

// Done is closed when nothing more will be seen. Events that were seen may still wait.
func (t *Tap) Done() <-chan struct{} { return t.done }

// Dropped returns how many events were left out since it was asked last, because they came
// too fast, and how many the filter was not even tried on.
func (t *Tap) Dropped() (dropped, unseen int64) { return t.dropped.Swap(0), t.unseen.Swap(0) }

// Close takes the tap away.
func (t *Tap) Close() {
	t.once.Do(func() {
		close(t.done)
		t.graph.tapMu.Lock()
		defer t.graph.tapMu.Unlock()
		t.graph.tapCount--
		t.node.detach(t)
	})
}

// taps are those of one module. The lists are never changed, only replaced.
type taps struct{ in, out []*Tap }

// attach and detach are called with the mutex of the graph.
func (n *node) attach(t *Tap) {
	var now taps
	if before := n.taps.Load(); before != nil {
		now = *before
	}
	if t.out {
		now.out = append(slices.Clone(now.out), t)
	} else {
		now.in = append(slices.Clone(now.in), t)
	}
	n.taps.Store(&now)
}

func (n *node) detach(t *Tap) {
	without := func(list []*Tap) []*Tap {
		return slices.DeleteFunc(slices.Clone(list), func(o *Tap) bool { return o == t })
	}
	before := n.taps.Load()
	if before == nil {
		return // the module is gone
	}
	now := &taps{without(before.in), without(before.out)}
	if len(now.in)+len(now.out) == 0 {
		now = nil
	}
	n.taps.Store(now)
}

// passTaps attaches the taps of a module that is replaced to the new one. A nil one ends them.
func (n *node) passTaps(to *node) {
	n.graph.tapMu.Lock()
	defer n.graph.tapMu.Unlock()
	t := n.taps.Swap(nil)
	if t == nil {
		return
	}
	for _, tap := range slices.Concat(t.in, t.out) {
		if to == nil {
			go tap.Close() // which takes the mutex
			continue
		}
		tap.node = to
	}
	if to != nil {
		to.taps.Store(t)
	}
}

// came shows what comes in to those who look.
func (n *node) came(b *Batch) {
	if t := n.taps.Load(); t != nil {
		for _, tap := range t.in {
			tap.look(b.events, "")
		}
	}
}

// leaves shows what is about to leave to those who look.
func (n *node) leaves(p parcel) {
	if t := n.taps.Load(); t != nil {
		for _, tap := range t.out {
			if tap.Edge == "" || tap.Edge == p.edge.ID {
				tap.look(p.b.events, p.edge.ID)
			}
		}
	}
}

// look copies the events that are to be shown, as long as they belong to the caller.
func (t *Tap) look(events []*event.Event, edge string) {
	now := time.Now()
	if t.Filter == nil {
		t.show(events, edge, now)
		return
	}
	m := t.matchers.Get().(*expr.Matcher)
	defer t.matchers.Put(m)
	for i, e := range events {
		if !t.looks.take(now) {
			t.unseen.Add(int64(len(events) - i))
			return
		}
		if m.Match(e) {
			t.show(events[i:i+1], edge, now)
		}
	}
}

func (t *Tap) show(events []*event.Event, edge string, now time.Time) {
	for i, e := range events {
		if !t.rate.take(now) {
			t.dropped.Add(int64(len(events) - i))
			return
		}
		if t.Count > 0 && t.left.Add(-1) < 0 {
			return
		}
		t.hand(e, edge, now)
		if t.Count > 0 && t.left.Load() <= 0 {
			go t.Close() // which waits for others that open and close taps
			return
		}
	}
}

func (t *Tap) hand(e *event.Event, edge string, now time.Time) {
	if len(t.events) == cap(t.events) { // so that nothing is encoded for nobody
		t.dropped.Add(1)
		return
	}
	n := t.encoders.Get().(*event.Encoder)
	defer t.encoders.Put(n)
	seen := Tapped{Time: now, Edge: edge, Event: n.AppendEvent(nil, e), Lossy: !clean(e.Whole())}
	select {
	case t.events <- seen:
	default:
		t.dropped.Add(1)
	}
}

// clean reports whether all text in a value is UTF-8.
func clean(v event.Value) bool {
	switch v.Kind() {
	case event.KindString:
		return utf8.ValidString(v.Str())
	case event.KindMap:
		for i := range v.Map().Len() {
			if !clean(v.Map().At(i).Value) {
				return false
			}
		}
	case event.KindList:
		for i := range v.List().Len() {
			if !clean(v.List().At(i)) {
				return false
			}
		}
	}
	return true
}

// perSecond counts up to a limit that is the same for every second. Several goroutines that
// begin a second together may exceed it by a few.
type perSecond struct {
	most         int64 // 0 is no limit
	second, used atomic.Int64
}

func (p *perSecond) take(now time.Time) bool {
	if p.most == 0 {
		return true
	}
	second := now.Unix()
	if before := p.second.Load(); before != second && p.second.CompareAndSwap(before, second) {
		p.used.Store(0)
	}
	return p.used.Load() < p.most && p.used.Add(1) <= p.most
}
