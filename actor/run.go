package actor

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"gambolputty/actor/meter"
)

// Run starts all modules and blocks until they have drained. Cancelling ctx stops the
// inputs and lets everything else finish; Abort does not wait for that. The error wraps
// ErrStart or ErrGaveUp with the module, or is the cause of an abort if events were lost.
func (g *Graph) Run(ctx context.Context) error {
	g.hard, g.abort = context.WithCancelCause(context.WithoutCancel(ctx))
	defer g.abort(nil)
	g.soft, g.stop = context.WithCancel(ctx)
	defer g.stop()
	for _, n := range g.nodes {
		n.begin()
	}
	defer g.endServices()
	if err := g.startServices(); err != nil {
		return err
	}
	defer g.closeSpills()
	if err := g.openSpills(); err != nil {
		return err
	}
	held := g.hold()
	for _, n := range g.nodes {
		n.table.Load().begin()
	}
	if err := g.ready(); err != nil {
		return err
	}
	g.phase.CompareAndSwap(int32(Starting), int32(Running))
	defer g.phase.Store(int32(Stopping))
	defer context.AfterFunc(g.soft, func() { g.phase.Store(int32(Stopping)) })()
	if g.Ready != nil {
		g.Ready()
	}
	defer g.limitGrace()()
	ended, stopTending := context.WithCancel(context.Background())
	defer stopTending()
	g.untend = ended
	g.live.join()
	if g.keeper != nil {
		g.restored = make(chan struct{})
		g.live.spawn(g.restore)
	}
	for _, n := range g.nodes {
		n.table.Load().startQueues(nil)
	}
	g.eachSpill(g.tend)
	for _, n := range g.nodes {
		if n.Spec.Role != StandAlone {
			g.live.spawn(n.run)
		}
	}
	held.release()
	close(g.running)
	defer g.waitForMore()()
	g.live.leave()
	<-g.live.empty
	stopTending()
	g.tending.Wait()
	return g.outcome()
}

// waitForMore keeps the run going until it is stopped, if a service says that there may be more
// to do than the inputs know of.
func (g *Graph) waitForMore() (release func() bool) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	for _, s := range g.services {
		if w, ok := s.stage.(Waiter); ok && w.Waits() {
			g.live.join()
			return context.AfterFunc(g.soft, g.live.leave)
		}
	}
	return func() bool { return false }
}

// tend runs the disk of an edge.
func (g *Graph) tend(s *spill) {
	g.live.spawn(s.run)
	g.tending.Go(func() { s.tend(g.untend) })
}

// holds keep inboxes open for which there may be no feeder for a moment.
type holds []*inbox

// hold keeps the inboxes of all modules open.
func (g *Graph) hold() holds {
	var list holds
	for _, n := range g.nodes {
		if n.in.hold() {
			list = append(list, n.in)
		}
	}
	return list
}

func (h holds) release() {
	for _, in := range h {
		in.feederEnded()
	}
}

// Abort ends a run at once. Events under way are lost and counted as such.
func (g *Graph) Abort(cause error) {
	if g.abort != nil {
		g.stop()
		g.abort(cause)
	}
}

// limitGrace aborts when draining takes too long.
func (g *Graph) limitGrace() (release func()) {
	var mu sync.Mutex
	var timer *time.Timer
	unhook := context.AfterFunc(g.soft, func() {
		if g.grace() <= 0 {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		timer = time.AfterFunc(g.grace(), func() { g.abort(ErrGrace) })
	})
	return func() {
		unhook()
		mu.Lock()
		defer mu.Unlock()
		if timer != nil {
			timer.Stop()
		}
	}
}

func (g *Graph) outcome() error {
	g.fatalMu.Lock()
	defer g.fatalMu.Unlock()
	if len(g.fatal) > 0 {
		return errors.Join(g.fatal...)
	}
	if g.hard.Err() != nil {
		return context.Cause(g.hard)
	}
	return nil
}

// fail notes that a module is beyond help and lets the others drain.
func (g *Graph) fail(err error) {
	g.note(err)
	g.stop()
}

// note keeps an error for the outcome of the run.
func (g *Graph) note(err error) {
	g.fatalMu.Lock()
	defer g.fatalMu.Unlock()
	g.fatal = append(g.fatal, err)
}

// ready builds and opens all instances, from the outputs backwards so that nothing is
// sent to a module that is not there. An output whose counterpart is away is no reason
// not to start: it is tried again later.
func (g *Graph) ready() error {
	var errs []error
	for _, n := range backwards(g.nodes) {
		if err := n.open(); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", n.ID, err))
		}
		if len(errs) == 0 {
			n.tellStart()
		}
	}
	if len(errs) == 0 {
		return nil
	}
	for _, n := range g.nodes {
		if n.Spec.Role != StandAlone {
			n.shut()
		}
	}
	return fmt.Errorf("%w: %w", ErrStart, errors.Join(errs...))
}

// open builds and opens the instances of a module.
func (n *node) open() error {
	for i := range n.Workers {
		w := &worker{node: n, index: i, router: newRouter(n)}
		n.workers = append(n.workers, w)
		if n.restricted() {
			if err := w.rehearse(); err != nil {
				return fmt.Errorf("build: %w", err)
			}
			n.standby.Store(true)
			continue
		}
		err := w.ready(n.work)
		if _, later := errors.AsType[transient](err); later {
			n.log.Error("module is not ready yet, trying again", "error", err)
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// shut closes the instances of a module that does not run.
func (n *node) shut() {
	for _, w := range n.workers {
		_ = w.close(n.graph.hard) // the start has failed, and there is a reason for that already
	}
}

// backwards lists the modules in the flow so that receivers come before senders.
func backwards(nodes []*node) []*node {
	var list []*node
	seen := map[*node]bool{}
	var visit func(n *node)
	visit = func(n *node) {
		if seen[n] || n.Spec.Role == StandAlone {
			return
		}
		seen[n] = true
		for _, e := range n.edges() {
			visit(e.to.node)
		}
		list = append(list, n)
	}
	for _, role := range []Role{Output, Misc, Modifier, Parser, Input} {
		for _, n := range nodes {
			if n.Spec.Role == role {
				visit(n)
			}
		}
	}
	return list
}

// run keeps the workers of a module going until its inbox is drained.
func (n *node) run() {
	defer n.over.Store(true)
	defer func() {
		if !n.heir.Load() { // whoever puts another module in its place does it then
			n.ended()
		}
	}()
	defer n.cease()
	ctx := n.graph.hard
	if n.Spec.Role == Input && n.graph.keeper != nil {
		<-n.graph.restored
	}
	errs := make([]error, len(n.workers))
	var first sync.WaitGroup
	first.Add(1)
	n.others.Add(len(n.workers) - 1) // before the first worker may wait for them
	for i, w := range n.workers {
		group := &n.others
		if i == 0 {
			group = &first
		}
		go func() {
			defer group.Done()
			errs[i] = n.supervise(ctx, w.life)
			w.lose(ctx, errors.Join(errs[i], context.Cause(ctx)))
			w.doing.Store(gone)
		}()
	}
	first.Wait()
	n.others.Wait()
	err := errors.Join(errs...)
	if err != nil {
		n.abandon(err)
		n.graph.note(fmt.Errorf("%s: %w", n.ID, err))
	}
	if _, others := errors.AsType[final](err); err != nil && !others {
		n.graph.stop()
	}
	if n.halted() {
		<-n.vacant
	}
	n.mu.Lock()
	n.gone = true
	n.mu.Unlock()
	if n.halted() {
		n.sendFinished(ctx)
		n.way.unpin()
	}
	close(n.exited)
	if n.Spec.Role != Input && !n.halted() {
		n.handBack(errors.Join(err, context.Cause(ctx)))
	}
}

// handBack empties the inbox of a module that works no more, and what it was left. After an
// orderly end there is nothing in them.
func (n *node) handBack(err error) {
	lose := func(in *inbox) {
		for b := range in.ch {
			in.events.Add(-int64(len(b.events)))
			n.lose(b, err)
			n.ring.leave()
		}
	}
	for _, l := range append(n.feed.legacies, &legacy{node: n}) {
		lose(l.node.in)
		for <-l.node.exited; len(l.node.left) > 0; {
			n.lose((<-l.node.left).b, err)
		}
	}
	for b := n.in.spilled(); b != nil; b = n.in.spilled() {
		n.lose(b, err)
		n.ring.leave()
	}
}

// abandon notes why a module will not be started again.
func (n *node) abandon(err error) {
	text := err.Error()
	n.forsaken.Store(&text)
}

// failure is why a module was given up, "" if it was not.
func (n *node) failure() string {
	if text := n.forsaken.Load(); text != nil {
		return *text
	}
	return ""
}

// Status is a snapshot of one module.
type Status struct {
	ID    string
	Spec  Spec
	Meter *meter.Module
	// Waiting and Capacity are the events in the inbox.
	Waiting, Capacity int
	Workers           int
	// Paused inputs send nothing; Ended modules never will again.
	Paused, Ended bool
	// Standby inputs are paused because the process does not lead.
	Standby bool
	// Ailments say what keeps the module from its work though it has not failed, such as a server
	// that does not answer.
	Ailments []string
	// Failed says why a module was given up, so that it works no more; "" as long as it does.
	Failed string
	// Options are those of the module, a pointer to its struct. They must not be changed. Hidden
	// are the names of those that must not be shown.
	Options   any
	Hidden    []string
	Receivers []EdgeStatus
}

// EdgeStatus is a snapshot of one edge.
type EdgeStatus struct {
	ID     string
	Filter string // as it was written; "" without
	Passed int64
}

// modules are those of the moment.
func (g *Graph) modules() []*node {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.nodes
}

// find returns the module with an id, or nil.
func (g *Graph) find(id string) *node {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.byID[id]
}

// grace is how long draining may take.
func (g *Graph) grace() time.Duration {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.Grace
}

// Status describes all modules in the order of the configuration.
func (g *Graph) Status() []Status {
	var list []Status
	for _, n := range g.modules() {
		s := Status{
			ID: n.ID, Spec: n.Spec, Meter: n.meter, Waiting: int(n.in.events.Load()), Capacity: n.Inbox, Workers: n.Workers,
			Options: n.Opts, Hidden: n.Hidden, Paused: n.wishes.held.Load() != nil || n.waits(), Standby: n.waits(), Ended: n.over.Load(), Ailments: n.ailments.list(), Failed: n.failure(),
		}
		for _, e := range n.edges() {
			r := EdgeStatus{ID: e.ID, Passed: e.passed.Load()}
			if e.Filter != nil {
				r.Filter = e.Filter.Source()
			}
			s.Receivers = append(s.Receivers, r)
		}
		list = append(list, s)
	}
	return list
}
