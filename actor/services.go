package actor

import (
	"context"
	"fmt"
	"slices"
)

// service is a stand-alone module at work.
type service struct {
	node  *node
	stage any
	end   context.CancelFunc
	ended chan struct{}
}

// startServices builds and starts the stand-alone modules, those that others of them use
// before these.
func (g *Graph) startServices() error {
	for _, n := range inOrder(g.nodes) {
		if err := g.serve(n); err != nil {
			return err
		}
	}
	return nil
}

// inOrder lists the stand-alone modules so that those that use others come last.
func inOrder(nodes []*node) []*node {
	var offers, users []*node
	for _, n := range nodes {
		switch {
		case n.Spec.Role != StandAlone:
		case len(n.needs()) > 0:
			users = append(users, n)
		default:
			offers = append(offers, n)
		}
	}
	return append(offers, users...)
}

// needs are the stand-alone modules that the options name.
func (n *node) needs() []Need {
	var list []Need
	if u, ok := n.Opts.(User); ok {
		list = u.Uses()
	}
	if n.Leads != "" {
		list = append(slices.Clone(list), Need{Option: "run_on", ID: n.Leads})
	}
	return list
}

// serve builds a stand-alone module and lets it run.
func (g *Graph) serve(n *node) error {
	// A stop by force does not take a store away from those who note in it what they had.
	ctx, cancel := context.WithCancel(context.WithoutCancel(g.hard))
	w := &worker{node: n}
	if err := w.ready(g.hard); err != nil {
		cancel()
		return fmt.Errorf("%w: %s: %w", ErrStart, n.ID, err)
	}
	s := &service{n, w.stage, cancel, make(chan struct{})}
	g.mu.Lock()
	g.services = append(g.services, s)
	g.offered[n.ID] = s
	if k, ok := w.stage.(Keeper); ok && !g.DryRun {
		g.keeper = k
	}
	g.mu.Unlock()
	go func() {
		defer close(s.ended)
		n.serve(ctx, w)
	}()
	return nil
}

// endServices ends the stand-alone modules, those that use others first.
func (g *Graph) endServices() {
	for len(g.services) > 0 {
		g.endService(g.services[len(g.services)-1])
	}
}

// endService ends one of them.
func (g *Graph) endService(s *service) {
	s.end()
	<-s.ended
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.offered[s.node.ID] == s {
		delete(g.offered, s.node.ID)
	}
	for i, o := range g.services {
		if o == s {
			g.services = append(g.services[:i:i], g.services[i+1:]...)
			return
		}
	}
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
		n.abandon(err)
		n.graph.fail(fmt.Errorf("%s: %w", n.ID, err))
	}
	_ = w.close(context.WithoutCancel(ctx)) // nothing can be done about it any more
}
