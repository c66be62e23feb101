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
	endServices, err := g.startServices()
	defer endServices()
	if err != nil {
		return err
	}
	defer g.closeSpills()
	if err := g.openSpills(); err != nil {
		return err
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
	var all sync.WaitGroup
	for _, n := range g.nodes {
		if n.in.feeders.Load() == 0 {
			close(n.in.ch) // nobody feeds it
		}
	}
	if g.keeper != nil {
		g.restored = make(chan struct{})
		all.Go(g.restore)
	}
	ended, stopTending := context.WithCancel(context.Background())
	defer stopTending()
	var tending sync.WaitGroup
	g.eachQueue(func(q *queue) { all.Go(q.run) })
	g.eachSpill(func(s *spill) {
		all.Go(s.run)
		tending.Go(func() { s.tend(ended) })
	})
	for _, n := range g.nodes {
		if n.Spec.Role != StandAlone {
			all.Go(n.run)
		}
	}
	all.Wait()
	stopTending()
	tending.Wait()
	return g.outcome()
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
	if g.Grace <= 0 {
		return func() {}
	}
	var mu sync.Mutex
	var timer *time.Timer
	unhook := context.AfterFunc(g.soft, func() {
		mu.Lock()
		defer mu.Unlock()
		timer = time.AfterFunc(g.Grace, func() { g.abort(ErrGrace) })
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

// startServices builds and starts the stand-alone modules, those that others of them use
// before these, and ends them the other way round.
func (g *Graph) startServices() (end func(), err error) {
	var offers, users []*node
	for _, n := range g.nodes {
		if n.Spec.Role != StandAlone {
			continue
		}
		if u, ok := n.Opts.(User); ok && len(u.Uses()) > 0 {
			users = append(users, n)
			continue
		}
		offers = append(offers, n)
	}
	endOffers, err := g.serve(offers)
	if err != nil {
		return endOffers, err
	}
	endUsers, err := g.serve(users)
	return func() { endUsers(); endOffers() }, err
}

func (g *Graph) serve(nodes []*node) (end func(), err error) {
	// A stop by force does not take a store away from those who note in it what they had.
	ctx, cancel := context.WithCancel(context.WithoutCancel(g.hard))
	var running sync.WaitGroup
	end = func() { cancel(); running.Wait() }
	for _, n := range nodes {
		w := &worker{node: n}
		if err := w.ready(g.hard); err != nil {
			return end, fmt.Errorf("%w: %s: %w", ErrStart, n.ID, err)
		}
		g.services[n.ID] = w.stage
		if k, ok := w.stage.(Keeper); ok && !g.DryRun {
			g.keeper = k
		}
		running.Go(func() { n.serve(ctx, w) })
	}
	return end, nil
}

func (n *node) serve(ctx context.Context, w *worker) {
	err := n.supervise(ctx, func(ctx context.Context) error {
		s, ok := w.stage.(Service)
		if !ok {
			return nil
		}
		return s.Serve(ctx)
	})
	if err != nil {
		n.graph.fail(fmt.Errorf("%s: %w", n.ID, err))
	}
	_ = w.close(context.WithoutCancel(ctx)) // nothing can be done about it any more
}

// ready builds and opens all instances, from the outputs backwards so that nothing is
// sent to a module that is not there. An output whose counterpart is away is no reason
// not to start: it is tried again later.
func (g *Graph) ready() error {
	var errs []error
	for _, n := range g.backwards() {
		for i := range n.Workers {
			w := &worker{node: n, index: i, router: newRouter(n)}
			n.workers = append(n.workers, w)
			err := w.ready(g.hard)
			if _, later := errors.AsType[transient](err); later {
				n.log.Error("module is not ready yet, trying again", "error", err)
				continue
			}
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", n.ID, err))
				break
			}
		}
		if len(errs) == 0 {
			n.log.Info("started")
		}
	}
	if len(errs) == 0 {
		return nil
	}
	for _, n := range g.nodes {
		for _, w := range n.workers {
			_ = w.close(g.hard) // the start has failed, and this is why
		}
	}
	return fmt.Errorf("%w: %w", ErrStart, errors.Join(errs...))
}

// backwards lists the modules in the flow so that receivers come before senders.
func (g *Graph) backwards() []*node {
	var list []*node
	seen := map[*node]bool{}
	var visit func(n *node)
	visit = func(n *node) {
		if seen[n] || n.Spec.Role == StandAlone {
			return
		}
		seen[n] = true
		for _, e := range n.edges {
			visit(e.to.node)
		}
		list = append(list, n)
	}
	for _, role := range []Role{Output, Misc, Modifier, Parser, Input} {
		for _, n := range g.nodes {
			if n.Spec.Role == role {
				visit(n)
			}
		}
	}
	return list
}

// run keeps the workers of a module going until its inbox is drained.
func (n *node) run() {
	defer n.ended()
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
		}()
	}
	first.Wait()
	n.others.Wait()
	err := errors.Join(errs...)
	if err != nil {
		n.graph.note(fmt.Errorf("%s: %w", n.ID, err))
	}
	if _, others := errors.AsType[final](err); err != nil && !others {
		n.graph.stop()
	}
	if n.Spec.Role != Input {
		n.handBack(errors.Join(err, context.Cause(ctx)))
	}
}

// handBack empties the inbox of a module that works no more. After an orderly end there
// is nothing in it.
func (n *node) handBack(err error) {
	for b := range n.in.ch {
		n.in.events.Add(-int64(len(b.events)))
		n.lose(b, err)
		n.ring.leave()
	}
	for b := n.in.spilled(); b != nil; b = n.in.spilled() {
		n.lose(b, err)
		n.ring.leave()
	}
}

// Status is a snapshot of one module.
type Status struct {
	ID    string
	Spec  Spec
	Meter *meter.Module
	// Waiting and Capacity are the events in the inbox.
	Waiting, Capacity int
	Workers           int
	// Options are those of the module, a pointer to its struct. They must not be changed.
	Options   any
	Receivers []EdgeStatus
}

// EdgeStatus is a snapshot of one edge.
type EdgeStatus struct {
	ID     string
	Filter string // as it was written; "" without
	Passed int64
}

// Status describes all modules in the order of the configuration.
func (g *Graph) Status() []Status {
	var list []Status
	for _, n := range g.nodes {
		s := Status{ID: n.ID, Spec: n.Spec, Meter: n.meter, Waiting: int(n.in.events.Load()), Capacity: n.Inbox, Workers: n.Workers, Options: n.Opts}
		for _, e := range n.edges {
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
