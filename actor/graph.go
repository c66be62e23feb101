// Package actor is the runtime: it builds modules from their specs, connects them by
// channels of batches, and keeps them running. It knows no module.
//
// Every module is an actor. It has an inbox, a bounded channel of batches; a state that
// one goroutine touches, or one for each worker of a pool; receivers; and a supervisor
// that builds a new instance when it fails. A ticket that travels with the batches tells
// the input when the last descendant of what it read has been delivered.
package actor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"gambolputty/actor/event"
	"gambolputty/actor/expr"
	"gambolputty/actor/meter"
)

// Settings of a graph.
type Settings struct {
	// Log gets what concerns the graph as a whole.
	Log *slog.Logger
	// Grace is how long draining may take after a stop was asked for. 0 is for ever.
	Grace time.Duration
	// MaxHops is how often an event may go round a loop; 0 means 100.
	MaxHops int
	// DeadLetter is the id of the output for events that no module could handle.
	DeadLetter string
	// Internal is the store behind $(internal.key); nil makes a new one.
	Internal *expr.Internal
	// DryRun builds the modules but opens none.
	DryRun bool
	// Poison makes events that were given back unreadable, for tests.
	Poison bool
	// Ready is called once when every module has started.
	Ready func()
	// Offers are what Offered finds.
	Offers []any
}

// Graph is a set of modules that feed each other.
type Graph struct {
	Settings
	keeper   Keeper        // keeps what inputs emit; nil most of the time
	restored chan struct{} // closed when it has given out what was left
	slabs    event.Pool
	buffers  event.Buffers
	batches  sync.Pool

	mu      sync.RWMutex // guards what a reload changes
	nodes   []*node
	byID    map[string]*node
	offered map[string]*service

	soft, hard context.Context
	abort      context.CancelCauseFunc
	stop       context.CancelFunc
	phase      atomic.Int32
	live       *crowd
	former     []*node       // removed by a reload
	running    chan struct{} // closed when all modules have started
	services   []*service    // in the order of their start
	tending    sync.WaitGroup
	untend     context.Context // ends when the disks of edges need no care any more
	reloading  sync.Mutex

	tapMu    sync.Mutex
	tapCount int
	types    atomic.Pointer[eventTypes]

	fatalMu sync.Mutex
	fatal   []error
}

// Faults of a run.
var (
	// ErrStart is wrapped by what Run returns when a module could not start.
	ErrStart = errors.New("a module could not start")
	// ErrForced is the cause of a stop that did not wait for the events under way.
	ErrForced = errors.New("stopped by force")
	// ErrQuit is the cause when the only output has nobody to write to any more.
	ErrQuit = errors.New("nobody reads the output any more")
	// ErrGrace is the cause when the modules did not drain in time.
	ErrGrace = errors.New("the modules did not drain in time")
)

// New connects nodes. An error means that the nodes do not fit together, which a checked
// configuration rules out.
func New(s Settings, nodes ...Node) (*Graph, error) {
	g := &Graph{Settings: s, byID: map[string]*node{}, offered: map[string]*service{}, live: newCrowd(), running: make(chan struct{})}
	g.slabs.Poison, g.buffers.Poison = s.Poison, s.Poison
	g.MaxHops = cmp.Or(g.MaxHops, 100)
	if g.Internal == nil {
		g.Internal = new(expr.Internal)
	}
	for _, n := range nodes {
		if g.byID[n.ID] != nil {
			return nil, fmt.Errorf("two modules have the id %s", n.ID)
		}
		g.add(n)
	}
	if err := g.connect(); err != nil {
		return nil, err
	}
	return g, nil
}

func (g *Graph) add(c Node) {
	n := &node{Node: c, graph: g, meter: new(meter.Module), books: new(books), log: c.Log}
	if n.log == nil {
		n.log = slog.New(slog.DiscardHandler)
	}
	n.Workers = max(1, n.Workers)
	n.Inbox = cmp.Or(n.Inbox, 1000)
	if n.Restart == (RestartPolicy{}) {
		n.Restart = DefaultRestart
	}
	n.OnError = cmp.Or(n.OnError, Pass)
	switch n.Spec.Role {
	case Output:
		n.OnError = DeadLetter
	case Input:
		n.Workers = 1
	}
	n.warn = &throttle{logger: n.log}
	n.src = event.NewSource(n.Spec.Name, n.ID)
	n.in = newInbox(n, n.Inbox)
	n.pending.zero = make(chan struct{}, 1)
	n.feed = newFeed(n)
	g.nodes = append(g.nodes, n)
	g.byID[n.ID] = n
}

func (g *Graph) connect() error {
	var deadLetter *inbox
	if g.DeadLetter != "" {
		d := g.byID[g.DeadLetter]
		if d == nil {
			return fmt.Errorf("dead letter module %s does not exist", g.DeadLetter)
		}
		deadLetter = d.in
	}
	to := func(id string) *inbox {
		if n := g.byID[id]; n != nil {
			return n.in
		}
		return nil
	}
	for _, n := range g.nodes {
		t, err := newTable(n, to, deadLetter)
		if err != nil {
			return err
		}
		n.table.Store(t)
	}
	g.findRings()
	for _, n := range g.nodes {
		edges := n.edges()
		for i := range edges {
			if e := &edges[i]; e.Queue != nil {
				e.queue = newQueue(n, e)
			}
		}
		for _, e := range edges {
			if (e.Buffer != nil || e.Queue != nil) && n.ring != nil && n.ring == e.to.ring {
				return fmt.Errorf("the edge from %s to %s is part of a loop and cannot have a buffer", n.ID, e.ID)
			}
		}
	}
	return nil
}

// findRings marks the edges that close a loop, and keeps the inboxes at the end of closing
// edges open as long as something goes round.
func (g *Graph) findRings() {
	const (
		white = iota
		grey
		black
	)
	colour := map[*node]int{}
	var visit func(n *node)
	visit = func(n *node) {
		colour[n] = grey
		edges := n.edges()
		for k := range edges {
			to := edges[k].to.node
			switch colour[to] {
			case grey:
				edges[k].Closing = true
				g.makeRing(to)
			case white:
				visit(to)
			}
		}
		colour[n] = black
	}
	for _, n := range g.nodes {
		if colour[n] == white {
			visit(n)
		}
	}
}

// makeRing gives all modules that reach entry and are reached from it one ring.
func (g *Graph) makeRing(entry *node) {
	r := entry.ring
	if r == nil {
		r = new(ring)
		for _, n := range g.nodes {
			if n == entry || reaches(entry, n, map[*node]bool{}) && reaches(n, entry, map[*node]bool{}) {
				n.ring, n.in.ring = r, r
			}
		}
	}
	for _, in := range r.entries {
		if in == entry.in {
			return
		}
	}
	r.entries = append(r.entries, entry.in)
	entry.in.feeders.Add(1)
}

func reaches(from, to *node, seen map[*node]bool) bool {
	seen[from] = true
	for _, e := range from.edges() {
		if e.to.node == to || !seen[e.to.node] && reaches(e.to.node, to, seen) {
			return true
		}
	}
	return false
}

// batch returns an empty batch whose new events come from src.
func (g *Graph) batch(src *event.Source) *Batch {
	b, _ := g.batches.Get().(*Batch)
	if b == nil {
		b = new(Batch)
	}
	b.graph, b.src = g, src
	return b
}

// recycle takes the shell of a released batch back. Its lists may go on pointing to events
// behind their ends, which live in slabs that are used again as well: to clear all of them
// costs more than what it is good for, as some have been long.
func (g *Graph) recycle(b *Batch) {
	clear(b.events)
	clear(b.spare)
	clear(b.tickets)
	clear(b.held)
	*b = Batch{events: b.events[:0], spare: b.spare[:0], tickets: b.tickets[:0], held: b.held[:0]}
	if !g.Poison {
		g.batches.Put(b)
	}
}
