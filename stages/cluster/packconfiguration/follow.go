package packconfiguration

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"gambolputty/actor"
	"gambolputty/config"
	"gambolputty/stages/cluster/pack"
)

// The actions of messages.
const (
	actionRevision = "configuration"
	actionReport   = "configuration_state"
)

// outcome is how the use of a revision ended.
type outcome struct {
	revision
	list   []config.Shared
	change actor.Change
	err    error
	cached bool
	back   *retreat // the leader goes back to it
}

// offered takes a revision of the leader. That it is used is another matter.
func (n *node) offered(ctx context.Context) pack.Handler {
	return func(from pack.Member, payload []byte) error {
		leader, _ := n.pack.Leader()
		if from.Name != leader || from.Self {
			return fmt.Errorf("%s is not the leader of %s", from.Name, n.pack.Name())
		}
		var r revision
		if err := json.Unmarshal(payload, &r); err != nil {
			return fmt.Errorf("the revision cannot be read: %w", err)
		}
		if config.HashShared(r.Modules) != r.Hash {
			return errors.New("the revision has another hash than it says")
		}
		select {
		case n.incoming <- r:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// follow uses the newest revision, and tells the leader how that went.
func (n *node) follow(ctx context.Context) {
	leader, _ := n.pack.Leader()
	if leader == n.pack.Name() {
		n.pending = nil
		return
	}
	if n.told != leader {
		n.told = leader
		n.report(ctx)
	}
	if n.pending == nil || n.busy {
		return
	}
	r := *n.pending
	n.pending = nil
	if err := n.trusts(r); err != nil {
		// It does not count as the newest, so that nobody without a key can keep others out.
		n.env.Log.Error("the revision is rejected", "term", r.Term, "revision", r.N, "leader", r.Leader, "error", err)
		n.settle(r, Rejected, err.Error())
		return
	}
	if !r.after(n.newest) {
		n.report(ctx) // the leader may not know
		return
	}
	n.newest = r
	n.consider(ctx, r)
}

// consider decides what to do with a revision that is new.
func (n *node) consider(ctx context.Context, r revision) {
	log := n.env.Log.With("term", r.Term, "revision", r.N, "hash", r.Hash[:12], "leader", r.Leader)
	if r.Hash == n.held.Hash {
		n.held = r
		n.settle(r, InSync, "")
		n.save()
		return
	}
	list, err := n.filter(r.Modules)
	if err != nil {
		log.Error("the revision is rejected", "error", err)
		n.settle(r, Rejected, err.Error())
		return
	}
	if n.opts.Mode == "report" {
		log.Info("a revision would change the configuration, which is only reported", "difference", difference(n.held.Modules, list))
		n.await(&r)
		if err := n.program.Try(list); err != nil {
			n.settle(r, Rejected, explain(err))
			return
		}
		n.settle(r, Pending, "")
		return
	}
	if n.opts.Approve == "manual" && !(r.Approved != "" && n.pack.Elects()) {
		log.Info("a revision waits for approval", "difference", difference(n.held.Modules, list))
		n.await(&r)
		n.settle(r, Pending, "")
		return
	}
	n.use(ctx, r, list, false)
}

// await sets the revision that waits for somebody.
func (n *node) await(r *revision) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.next = r
}

// use puts a revision into effect. That happens beside Serve, as the change of the program may
// wait for this module.
func (n *node) use(ctx context.Context, r revision, list []config.Shared, cached bool) {
	n.busy = true
	instead := n.instead(list)
	go func() {
		change, err := n.program.Take(ctx, list, instead)
		n.taken <- outcome{revision: r, list: list, change: change, err: err, cached: cached}
	}()
}

// instead keeps own modules away that have been rolled back, in whose place a list stands.
func (n *node) instead(list []config.Shared) *config.Instead {
	if n.away == "" {
		return nil
	}
	return &config.Instead{Own: n.away, Skip: n.ignored, Modules: list}
}

// finish notes how the use of a revision ended.
func (n *node) finish(o outcome) {
	n.busy = false
	if o.back != nil {
		n.retreated(o)
		return
	}
	if o.err != nil {
		n.failed = o.Hash
	}
	log := n.env.Log.With("term", o.Term, "revision", o.N, "hash", o.Hash[:min(len(o.Hash), 12)], "leader", o.Leader)
	_, invalid := errors.AsType[*config.InvalidError](o.err)
	switch {
	case errors.Is(o.err, context.Canceled), errors.Is(o.err, actor.ErrEnding):
	case o.err == nil:
		log.Info("a revision is in use: " + o.change.String())
		for _, id := range n.program.Plan().Skipped {
			log.Info("a module of the leader is not taken, as there is an own one with its id", "id", id)
		}
		n.held, n.shared = o.revision, o.list
		n.sound()
		n.settle(o.revision, InSync, "")
		if !o.cached {
			n.save()
			n.remember(o.revision, Given, why{note: "of the leader " + o.Leader})
		}
	case invalid:
		log.Error("the revision is rejected, the former configuration goes on")
		n.settle(o.revision, Rejected, explain(o.err))
	default:
		log.Error("the revision was taken back, the former configuration goes on", "error", o.err)
		n.settle(o.revision, RolledBack, o.err.Error())
	}
}

// maxReason bounds the reason that is told to the leader.
const maxReason = 2000

// explain says what is wrong in as many lines as there are.
func explain(err error) string {
	text := err.Error()
	if invalid, ok := errors.AsType[*config.InvalidError](err); ok {
		text = strings.TrimSpace(invalid.Report.Text())
	}
	return strings.ToValidUTF8(text[:min(len(text), maxReason)], "")
}
