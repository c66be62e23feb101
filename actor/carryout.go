package actor

import (
	"fmt"
	"slices"
	"sync"
)

// carryOut makes the change, from the outputs backwards, so that events always have
// somewhere to go. It stops at the first module that does not do what it should.
func (r *reload) carryOut() error {
	if err := r.services(); err != nil {
		return err
	}
	var inputs []*node
	for _, n := range r.order {
		if n.Spec.Role == Input {
			inputs = append(inputs, n)
			continue
		}
		if err := r.settle(n); err != nil {
			return err
		}
	}
	r.dismiss()
	for _, n := range inputs {
		if err := r.settle(n); err != nil {
			return err
		}
	}
	r.endUnused()
	return nil
}

// settle brings one module to where it should be.
func (r *reload) settle(n *node) (err error) {
	old := r.now[n.ID]
	switch r.plan[n] {
	case kept:
		list := &r.change.Kept
		if !slices.EqualFunc(old.Receivers, n.Receivers, Receiver.alike) {
			list = &r.change.Rerouted
		}
		*list = append(*list, n.ID)
		if t := r.tables[old]; t != nil {
			err = r.reroute(old, t)
		}
	case replaced:
		r.change.Replaced = append(r.change.Replaced, n.ID)
		err = r.replace(old, n)
	default:
		r.change.Added = append(r.change.Added, n.ID)
		err = r.start(n)
	}
	if err == nil {
		r.done[n] = true
		r.now[n.ID].Receivers = n.Receivers
	}
	return err
}

// reroute gives a module that goes on other receivers.
func (r *reload) reroute(n *node, t *table) error {
	old := n.table.Load()
	if err := r.takeBuffers(t, old); err != nil {
		return err
	}
	if n.switchTo(t) {
		t.unpin()
	} else {
		old.unpin()
	}
	return nil
}

// takeBuffers makes t use the buffers of old, which may be nil, and opens those that are new.
func (r *reload) takeBuffers(t, old *table) error {
	var opened []*spill
	for i := range t.edges {
		e := &t.edges[i]
		if e.Buffer == nil || old.spillTo(e.ID) != nil {
			continue
		}
		if err := e.openSpill(); err != nil {
			for _, s := range opened {
				s.edge.spill = nil
				s.close()
			}
			return fmt.Errorf("%s: buffer for %s: %w", t.node.ID, e.ID, err)
		}
		opened = append(opened, e.spill)
	}
	t.startQueues(old) // before the disks, which fill them
	for i := range t.edges {
		if s := old.spillTo(t.edges[i].ID); s != nil {
			s.move(&t.edges[i])
		}
	}
	for _, s := range opened {
		r.graph.tend(s)
	}
	return nil
}

// spillTo finds the buffer of the edge to a receiver.
func (t *table) spillTo(id string) *spill {
	if t == nil {
		return nil
	}
	for _, e := range t.edges {
		if e.ID == id {
			return e.spill
		}
	}
	return nil
}

// replace stops a module and lets another one go on with what it leaves.
func (r *reload) replace(old, n *node) error {
	old.heir.Store(true)
	switch {
	case n.Spec.Role == Input:
		if !old.oust(standDownTime) {
			old.heir.Store(false)
			return fmt.Errorf("%s does not end, because what it has read could not be delivered within %s", old.ID, standDownTime)
		}
	case !old.halted():
		if err := old.standDown(standDownTime); err != nil {
			return err
		}
	}
	if n.Spec.Role != Input {
		n.feed.inherit(old.feed)
	}
	if err := r.start(n); err != nil {
		return err
	}
	old.passTaps(n)
	old.ended()
	return nil
}

// start opens a module and lets it run.
func (r *reload) start(n *node) error {
	if err := n.open(); err != nil {
		n.shut()
		return fmt.Errorf("%w: %s: %w", ErrStart, n.ID, err)
	}
	var old *table
	if r.plan[n] == replaced {
		old = r.now[n.ID].table.Load()
	}
	if err := r.takeBuffers(n.table.Load(), old); err != nil {
		n.shut()
		return fmt.Errorf("%w: %w", ErrStart, err)
	}
	n.tellStart()
	r.now[n.ID] = n
	r.graph.live.spawn(n.run)
	return nil
}

// dismiss ends the inputs that are in the new configuration no more. New ones may want
// their ports, so they get some time.
func (r *reload) dismiss() {
	var leaving sync.WaitGroup
	for _, old := range r.graph.nodes {
		if n := r.next.byID[old.ID]; old.Spec.Role == Input && (n == nil || r.plan[n] == added && n != r.now[old.ID]) {
			leaving.Go(func() {
				if !old.oust(patience) {
					old.dismiss() // it ends when what it has read has been delivered
				}
			})
		}
	}
	leaving.Wait()
}

// services replaces stand-alone modules, after stopping those that use them.
func (r *reload) services() error {
	for _, n := range r.next.nodes {
		old := r.now[n.ID]
		if r.plan[n] != replaced || n.Spec.Role == Input || n.Spec.Role == StandAlone || !r.usesOther(n) || old.halted() {
			continue
		}
		old.heir.Store(true)
		if err := old.standDown(standDownTime); err != nil {
			return err
		}
	}
	g := r.graph
	for _, s := range slices.Backward(slices.Clone(g.services)) {
		if id := s.node.ID; r.different(id) && (r.next.byID[id] != nil || len(r.lastUsers(id)) == 0) {
			g.endService(s)
			delete(r.now, id)
		}
	}
	for _, n := range inOrder(r.next.nodes) {
		switch r.plan[n] {
		case kept:
			r.change.Kept = append(r.change.Kept, n.ID)
			r.done[n] = true
			continue
		case replaced:
			r.change.Replaced = append(r.change.Replaced, n.ID)
		case added:
			r.change.Added = append(r.change.Added, n.ID)
		}
		if err := g.serve(n); err != nil {
			return err
		}
		r.now[n.ID], r.done[n] = n, true
	}
	return nil
}

// lastUsers are the modules that use a stand-alone module and go with it.
func (r *reload) lastUsers(id string) (list []*node) {
	for _, n := range r.graph.nodes {
		gone := r.next.byID[n.ID] == nil && n.Spec.Role != StandAlone
		if gone && slices.ContainsFunc(n.needs(), func(d Need) bool { return d.ID == id }) {
			list = append(list, n)
		}
	}
	return list
}

// endUnused ends the stand-alone modules that are in the new configuration no more, once
// those that use them have done what they had to do.
func (r *reload) endUnused() {
	g := r.graph
	for _, s := range slices.Clone(g.services) {
		if r.next.byID[s.node.ID] != nil {
			continue
		}
		users := r.lastUsers(s.node.ID)
		delete(r.now, s.node.ID)
		g.live.spawn(func() {
			for _, n := range users {
				<-n.exited
			}
			g.endService(s)
		})
	}
}

func (r *reload) usesOther(n *node) bool {
	return slices.ContainsFunc(n.needs(), func(d Need) bool { return r.different(d.ID) })
}

// commit makes what has been reached the state of the graph.
func (r *reload) commit() {
	g := r.graph
	var nodes, former []*node
	seen := map[string]bool{}
	complete := true
	for _, n := range r.next.nodes {
		if seen[n.ID] = true; r.now[n.ID] != nil {
			nodes = append(nodes, r.now[n.ID])
		}
		if !r.done[n] {
			complete = false
			r.abandon(n)
		}
	}
	for _, n := range g.nodes {
		if seen[n.ID] {
			continue
		}
		if !complete && r.now[n.ID] == n {
			nodes = append(nodes, n)
			continue
		}
		r.change.Removed = append(r.change.Removed, n.ID)
	}
	for _, n := range g.nodes {
		if !slices.Contains(nodes, n) && r.plan[r.next.byID[n.ID]] != replaced {
			former = append(former, n)
			n.passTaps(nil)
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.former = append(g.former, former...) // for the balance
	g.nodes, g.byID = nodes, map[string]*node{}
	for _, n := range nodes {
		g.byID[n.ID] = n
	}
	if complete {
		g.Grace, g.MaxHops, g.DeadLetter = r.next.Grace, r.next.MaxHops, r.next.DeadLetter
	}
}

// abandon tells the receivers of a module that did not start, or was not switched, that
// nothing will come from it.
func (r *reload) abandon(n *node) {
	switch {
	case r.plan[n] != kept:
		n.ended()
		n.cease()
	case r.tables[r.now[n.ID]] != nil:
		r.tables[r.now[n.ID]].unpin()
	}
}
