package actor

import (
	"context"
	"errors"
)

// Chief is a service that knows whether this process leads others.
type Chief interface {
	// Leads reports whether it does.
	Leads() bool
	// Changes returns a channel that is closed when that may be different. Whoever asks for it
	// and then whether this process leads misses nothing.
	Changes() <-chan struct{}
}

// WaitsToLead is what is said of an input that runs on the leader only, on those that do not lead.
const WaitsToLead = "waiting for leadership"

// errUnled ends an instance because this process does not lead any more.
var errUnled = errors.New("this node does not lead any more")

// restricted reports whether the module runs only where the process leads.
func (n *node) restricted() bool { return n.Leads != "" && !n.graph.DryRun }

// chief is the service that knows who leads.
func (n *node) chief() Chief {
	c, _ := Find[Chief](Env{node: n}, n.Leads)
	return c
}

// leads reports whether the process leads now, and when to ask again.
func (n *node) leads() (bool, <-chan struct{}) {
	c := n.chief()
	if c == nil {
		return false, nil // it has come to its end, and so will this module
	}
	changes := c.Changes()
	return c.Leads(), changes
}

// awaitLeadership blocks until the process leads. It fails when the module is to end before.
func (n *node) awaitLeadership(ctx context.Context) bool {
	soft := n.softly()
	for {
		leads, changes := n.leads()
		switch before := n.standby.Swap(!leads); {
		case before && leads:
			n.log.Info("started, as this node leads the pack")
		case !before && !leads:
			n.log.Info("stopped, as this node does not lead the pack any more; " + WaitsToLead)
		}
		if leads {
			return true
		}
		select {
		case <-changes:
		case <-soft.Done():
			return false
		case <-ctx.Done():
			return false
		}
	}
}

// waits reports whether the module waits until the process leads.
func (n *node) waits() bool { return n.standby.Load() && !n.over.Load() }

// tellStart logs that the module has started, or what it waits for.
func (n *node) tellStart() {
	if n.waits() {
		n.log.Info(WaitsToLead)
		return
	}
	n.log.Info("started")
}

// whileLeading is a context that ends with ctx or with the leadership. lost reports which.
func (n *node) whileLeading(ctx context.Context) (led context.Context, release func(), lost func() bool) {
	led, cancel := context.WithCancelCause(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			leads, changes := n.leads()
			if !leads {
				cancel(errUnled)
				n.wishes.pause(false) // what it has is delivered
				return
			}
			select {
			case <-changes:
			case <-led.Done():
				return
			}
		}
	}()
	release = func() {
		cancel(nil)
		<-ended
	}
	return led, release, func() bool { return errors.Is(context.Cause(led), errUnled) }
}

// rehearse builds an instance and lets it go, so that what is wrong with it is known before it
// is needed.
func (w *worker) rehearse() error {
	return guard(func() error {
		_, err := w.node.Spec.Build(w.node.env(w.index), w.node.Opts)
		return err
	})
}
