package actor

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Change says what a reload did, by the ids of modules.
type Change struct {
	Kept     []string // go on as they were
	Rerouted []string // go on with other receivers
	Replaced []string // were changed: a new instance has taken the place of the old one
	Added    []string
	Removed  []string
}

// Any reports whether anything is different.
func (c Change) Any() bool {
	return len(c.Rerouted)+len(c.Replaced)+len(c.Added)+len(c.Removed) > 0
}

// String says it in one line.
func (c Change) String() string {
	var parts []string
	for _, p := range []struct {
		ids  []string
		what string
	}{{c.Replaced, "replaced"}, {c.Added, "added"}, {c.Removed, "removed"}, {c.Rerouted, "rerouted"}} {
		if len(p.ids) > 0 {
			parts = append(parts, p.what+" "+strings.Join(p.ids, ", "))
		}
	}
	if len(parts) == 0 {
		return "nothing has changed"
	}
	return fmt.Sprintf("%s; %d modules go on", strings.Join(parts, "; "), len(c.Kept)+len(c.Rerouted))
}

// Faults of a reload. After any of them the graph is what it was before.
var (
	// ErrRestart says that a change cannot be made while the program runs.
	ErrRestart = errors.New("this change needs a restart of the program")
	// ErrEnding says that it is too late for a change.
	ErrEnding = errors.New("the program is ending")
)

// standDownTime is how long a module may take to come to a stop.
const standDownTime = 30 * time.Second

// Reload makes the running graph one of the given nodes. Modules whose origin is the same
// go on with their connections, their state and what waits in their inboxes. In the place of
// those that have changed new ones are put, which get what the old ones had not done. If a
// module does not start, all is put back as it was.
func (g *Graph) Reload(s Settings, nodes ...Node) (Change, error) {
	select {
	case <-g.running:
	default:
		return Change{}, errors.New("not all modules have started yet")
	}
	g.reloading.Lock()
	defer g.reloading.Unlock()
	if !g.live.join() {
		return Change{}, ErrEnding
	}
	defer g.live.leave()
	if g.soft.Err() != nil {
		return Change{}, ErrEnding
	}
	before, was := g.definition()
	change, err := g.change(s, nodes)
	if err == nil || errors.Is(err, ErrRestart) || errors.Is(err, errUnfit) {
		return change, err
	}
	if _, back := g.change(before, was); back != nil {
		err = errors.Join(err, fmt.Errorf("and the modules could not be put back as they were: %w", back))
		g.fail(err)
		g.giveUp(err)
	}
	return Change{}, err
}

// giveUp empties what nobody will ever read.
func (g *Graph) giveUp(err error) {
	for _, n := range g.nodes {
		if n.heir.Load() {
			n.ended()
		}
		if n.halted() {
			g.live.spawn(func() { n.handBack(err) })
		}
	}
}

var errUnfit = errors.New("the modules do not fit together")

// definition is what the graph is made from.
func (g *Graph) definition() (Settings, []Node) {
	var list []Node
	for _, n := range g.nodes {
		list = append(list, n.Node)
	}
	return g.Settings, list
}

// change brings the graph to the given state, or stops in the middle.
func (g *Graph) change(s Settings, nodes []Node) (Change, error) {
	s.Internal = g.Internal
	next, err := New(s, nodes...)
	if err != nil {
		return Change{}, fmt.Errorf("%w: %w", errUnfit, err)
	}
	r := &reload{graph: g, next: next, now: map[string]*node{}, plan: map[*node]fate{}, order: backwards(next.nodes)}
	for _, n := range g.nodes {
		r.now[n.ID] = n
	}
	r.compare()
	if err := r.possible(); err != nil {
		return Change{}, fmt.Errorf("%w: %w", ErrRestart, err)
	}
	held := g.hold()
	held = append(held, r.adopt()...)
	err = r.carryOut()
	r.commit()
	held.release()
	return r.change, err
}

// fate is what becomes of a module of the new configuration.
type fate int

const (
	added fate = iota
	kept
	replaced
)

// reload is one change of a graph.
type reload struct {
	graph  *Graph
	next   *Graph           // made for its nodes only
	now    map[string]*node // the modules by id, as far as the change has got
	plan   map[*node]fate   // of the nodes of next
	order  []*node          // of the nodes of next in the flow, receivers before senders
	tables map[*node]*table // of modules that go on, where something is different
	done   map[*node]bool   // nodes of next that have started or were switched
	change Change
}

// compare decides what becomes of every module.
func (r *reload) compare() {
	for _, n := range r.next.nodes {
		old := r.now[n.ID]
		switch {
		case old == nil || side(old) != side(n):
			r.plan[n] = added
		case n.Origin != "" && n.Origin == old.Origin && old.Spec.Name == n.Spec.Name && old.goesOn(n):
			r.plan[n] = kept
		default:
			r.plan[n] = replaced
		}
	}
	for again := true; again; {
		again = false
		for _, n := range r.next.nodes {
			if r.plan[n] == kept && r.touched(n) {
				r.plan[n], again = replaced, true
			}
		}
	}
}

// side tells what can take whose place.
func side(n *node) Role {
	switch n.Spec.Role {
	case Input, Output, StandAlone:
		return n.Spec.Role
	}
	return Parser
}

// goesOn reports whether a module can go on at all as n.
func (n *node) goesOn(as *node) bool {
	switch n.Spec.Role {
	case Input:
		return !n.softEnded()
	case StandAlone:
		return true
	}
	n.in.mu.Lock()
	defer n.in.mu.Unlock()
	return !n.halted() && !n.in.closed
}

// softEnded reports whether an input was told to end by a reload.
func (n *node) softEnded() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.ousted
}

// touched reports whether a module that has not changed must be replaced because another
// one has: a stand-alone module that it uses, or one that uses it.
func (r *reload) touched(n *node) bool {
	for _, need := range n.needs() {
		if r.different(need.ID) {
			return true
		}
	}
	if n.Spec.Role != StandAlone {
		return false
	}
	uses := func(list []*node) bool {
		return slices.ContainsFunc(list, func(u *node) bool {
			return u.Spec.Role == StandAlone && r.different(u.ID) && slices.ContainsFunc(u.needs(), func(d Need) bool { return d.ID == n.ID })
		})
	}
	return uses(r.next.nodes) || uses(r.graph.nodes)
}

// different reports whether another instance will be behind an id.
func (r *reload) different(id string) bool {
	n := r.next.byID[id]
	if n == nil {
		return r.now[id] != nil
	}
	return r.plan[n] != kept
}

// possible says why a change cannot be made in the running program.
func (r *reload) possible() error {
	var errs []error
	for _, g := range []*Graph{r.graph, r.next} {
		for _, n := range g.nodes {
			if n.Spec.Role == StandAlone && r.different(n.ID) && n.keeps() {
				errs = append(errs, fmt.Errorf("%s keeps the events of the inputs", n.ID))
			}
			if n.ring != nil && r.ringChanges(n.ID) {
				errs = append(errs, fmt.Errorf("%s is part of a loop", n.ID))
			}
		}
	}
	for _, n := range r.next.nodes {
		if n.Spec.Role == Input && r.plan[n] != added && slices.ContainsFunc(n.needs(), func(d Need) bool { return r.different(d.ID) }) {
			errs = append(errs, fmt.Errorf("%s uses a module that is different", n.ID))
		}
	}
	return errors.Join(append(errs, r.buffers()...)...)
}

// keeps reports whether the module is a Keeper.
func (n *node) keeps() bool {
	env := n.env(0)
	env.CheckOnly = true
	stage, err := n.Spec.Build(env, n.Opts)
	if err != nil {
		return false // which will be told when it is to start
	}
	_, ok := stage.(Keeper)
	return ok
}

// ringChanges reports whether the loop that a module is or will be part of is not the same
// afterwards.
func (r *reload) ringChanges(id string) bool {
	old, n := r.now[id], r.next.byID[id]
	if old == nil || n == nil || r.plan[n] != kept {
		return true
	}
	return !slices.Equal(circle(r.graph, old), circle(r.next, n))
}

// circle describes the loop that n is part of: its edges.
func circle(g *Graph, n *node) []string {
	if n.ring == nil {
		return nil
	}
	var list []string
	for _, m := range g.nodes {
		if m.ring != n.ring {
			continue
		}
		for _, e := range m.edges() {
			if e.to.node.ring == n.ring {
				list = append(list, fmt.Sprintf("%s>%s>%t>%s", m.ID, e.ID, e.Closing, filterText(e.Filter)))
			}
		}
	}
	slices.Sort(list)
	return list
}

// buffers says which disks of edges would have to be closed or used in another way.
func (r *reload) buffers() (errs []error) {
	for _, old := range r.graph.nodes {
		for _, e := range old.edges() {
			if e.spill == nil {
				continue
			}
			if to := r.buffered(old.ID, e.ID); to == nil || !same(to.Buffer, e.Buffer) {
				errs = append(errs, fmt.Errorf("the edge from %s to %s has a buffer on disk", old.ID, e.ID))
			}
		}
	}
	return errs
}

// buffered finds an edge of the new configuration that can go on with a buffer.
func (r *reload) buffered(from, to string) *edge {
	n := r.next.byID[from]
	if n == nil || r.plan[n] == added || r.next.byID[to] == nil || side(n) != side(r.now[from]) {
		return nil
	}
	edges := n.edges()
	for i := range edges {
		if edges[i].ID == to && edges[i].Buffer != nil {
			return &edges[i]
		}
	}
	return nil
}

// adopt makes the new nodes those of the running graph, and their edges lead to where the
// events will go: to modules that go on, where they do.
func (r *reload) adopt() holds {
	var held holds
	r.tables, r.done = map[*node]*table{}, map[*node]bool{}
	target := func(in *inbox) *inbox {
		if in != nil && r.plan[in.node] == kept {
			return r.now[in.node.ID].in
		}
		return in
	}
	for _, n := range r.next.nodes {
		t := n.table.Load()
		for i := range t.edges {
			t.edges[i].to = target(t.edges[i].to)
		}
		t.dead.to = target(t.dead.to)
		old := r.now[n.ID]
		if old != nil && r.plan[n] != added {
			t.count(old.table.Load())
		}
		if r.plan[n] != kept {
			n.graph = r.graph
			n.begin()
			if r.plan[n] == replaced {
				n.meter, n.books = old.meter, old.books
			}
			n.in.hold()
			held = append(held, n.in)
			t.begin()
			continue
		}
		t.node = old
		if !t.sameWay(old.table.Load()) {
			r.tables[old] = t
			t.begin()
		}
	}
	return held
}

// count goes on counting where another table did.
func (t *table) count(old *table) {
	for i := range t.edges {
		for k := range old.edges {
			if e := &old.edges[k]; e.ID == t.edges[i].ID {
				t.edges[i].passed = e.passed
			}
		}
	}
}
