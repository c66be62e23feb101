package packconfiguration

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"gambolputty/config"
	"gambolputty/stages/cluster/pack"
)

// leadership is what a leader knows.
type leadership struct {
	on     bool
	term   int64        // of the role
	plan   *config.Plan // that was looked at last
	own    string       // hash of what it had to give
	large  string       // hash of what was too large
	tried  map[string]attempt
	agreed bool    // the revision is known to those who may lead next
	former *staged // its canaries have what nobody else has got
}

// why there is a revision.
type why struct {
	by, note string
	forced   bool // neither approval nor canaries are asked for
}

// leading makes revisions and gives them to the others, as long as this node leads.
func (n *node) leading(ctx context.Context) {
	leader, term := n.pack.Leader()
	if leader != n.pack.Name() {
		if n.lead.on {
			n.lead.on = false
			n.await(nil)
			n.stage(nil)
		}
		return
	}
	if n.busy {
		return // what is being put into effect belongs to what is given
	}
	if !n.lead.on || n.lead.term != term {
		if !n.begin(ctx, term) {
			return
		}
	}
	n.revise()
	n.watch(ctx)
	if n.busy || n.held.Hash == "" {
		return
	}
	if n.pack.Elects() && !n.lead.agreed {
		text, err := json.Marshal(n.held)
		if err == nil {
			err = n.pack.Agree(text)
		}
		if err != nil {
			n.env.Warn("the voters have not agreed upon the revision, that is tried again", "error", err)
			return
		}
		n.lead.agreed = true
	}
	n.give(ctx)
}

// begin takes the role of the leader. It goes on with the last revision that was given to all:
// one that was elected with that which the voters know, a fixed leader with that of its history.
func (n *node) begin(ctx context.Context, term int64) bool {
	plan := n.program.Plan()
	list, err := plan.Share(n.ignored)
	if err != nil {
		n.env.Warn("the own modules cannot be given to others", "error", err)
		return false
	}
	rolledBack := n.away != "" && !plan.Replaced // and yet it is what runs
	if rolledBack && n.noWay != n.away && n.retreatAgain(ctx) {
		return false
	}
	n.lead = leadership{on: true, term: term, tried: map[string]attempt{}}
	n.await(nil)
	n.stage(nil)
	if n.pack.Elects() && !n.inherit(ctx) {
		n.lead.on = false
		return false
	}
	last, known := n.book.last()
	if n.held.Hash == "" {
		n.held, _ = n.book.given()
	}
	if n.held.Hash == "" {
		return true
	}
	switch {
	case rolledBack:
		n.lead.own = config.HashShared(list)
	case known && (last.Stage == Proposed || last.Stage == Staged):
		// It is proposed again if it is still what the file says.
	case n.pack.Elects():
		n.lead.own = config.HashShared(list)
	case known:
		n.lead.own = last.Hash
	}
	n.reissue(max(term, n.held.Term))
	return true
}

// inherit takes over what the voters have agreed upon. It is false as long as that must come first.
func (n *node) inherit(ctx context.Context) bool {
	text, err := n.pack.Agreed()
	if err != nil {
		return false // the role was lost meanwhile
	}
	var r revision
	if len(text) == 0 || json.Unmarshal(text, &r) != nil || !r.after(n.held) {
		return true
	}
	if err := n.trusts(r); err != nil {
		n.env.Warn("what the voters have agreed upon is not given to others", "error", err)
		return false
	}
	list, err := n.filter(r.Modules)
	if err == nil && r.Hash != n.held.Hash && r.Hash != n.failed {
		n.newest = r
		n.use(ctx, r, list, false)
		return false
	}
	n.held = r
	return true
}

// reissue gives the last revision under a term of this leader.
func (n *node) reissue(term int64) {
	n.held.Term, n.held.Leader = term, n.pack.Name()
	n.sign(&n.held)
	n.lead.agreed = false
	n.env.Log.Info("the pack goes on with the last revision", "term", term, "revision", n.held.N, "hash", n.held.Hash[:12])
	n.announce()
}

// revise makes a revision if there is something new.
func (n *node) revise() {
	plan := n.program.Plan()
	if plan == n.lead.plan {
		return
	}
	list, err := plan.Share(n.ignored)
	if err != nil {
		n.env.Warn("the own modules cannot be given to others", "error", err)
		return
	}
	n.lead.plan = plan
	if hash := config.HashShared(list); hash != n.lead.own {
		n.lead.own = hash
		n.propose(list, why{by: n.pack.Name()})
	}
}

// propose makes a revision. It waits for approval or goes to the canaries first, if that is wanted.
func (n *node) propose(list []config.Shared, w why) {
	hash := config.HashShared(list)
	if text, err := json.Marshal(list); err != nil || len(text) > pack.MaxMessage-4096 {
		if n.lead.large != hash {
			n.env.Log.Error("the configuration is larger than 16 MiB, the others keep what they have", "bytes", len(text))
		}
		n.lead.large = hash
		return
	}
	n.drop()
	r := revision{
		Pack: n.pack.View().Pack, Leader: n.pack.Name(), Term: max(n.lead.term, n.held.Term), N: n.book.number(hash, n.held.N),
		Hash: hash, Time: time.Now(), Modules: list,
	}
	if w.forced {
		r.Approved = w.by
	}
	args := []any{"term", r.Term, "revision", r.N, "hash", hash[:12], "modules", len(list), "by", w.by}
	if w.note != "" {
		args = append(args, "note", w.note)
	}
	n.env.Log.Info("there is a new revision for the pack: "+difference(n.held.Modules, list), args...)
	if n.opts.Approve == "manual" && !w.forced && hash != n.held.Hash {
		n.remember(r, Proposed, w)
		n.await(&r)
		n.announce()
		n.env.Log.Warn("the revision waits for approval", "revision", r.N, "hash", hash[:12])
		return
	}
	n.advance(r, w)
}

// drop forgets a revision that has not been given to all, as there is a newer one.
func (n *node) drop() {
	n.mu.Lock()
	next, s := n.next, n.staged
	n.next, n.staged = nil, nil
	n.mu.Unlock()
	if next != nil {
		n.mark(*next, Superseded, "")
	}
	if s != nil && s.failed == "" {
		n.mark(s.revision, Superseded, "")
		n.lead.former = s
	}
}

// advance gives a revision that nobody need approve any more to the canaries, or to all.
func (n *node) advance(r revision, w why) {
	n.await(nil)
	n.sign(&r)
	if n.opts.Canary > 0 && !w.forced && n.held.Hash != "" && n.held.Hash != r.Hash {
		n.remember(r, Staged, w)
		s := &staged{revision: r, canaries: map[string]bool{}, before: map[string]string{}}
		if f := n.lead.former; f != nil {
			s.canaries, s.before = f.canaries, f.before
		} else {
			n.resume(s)
		}
		n.stage(s)
		n.announce()
		n.env.Log.Info("the revision goes to some nodes first", "revision", r.N, "nodes", n.opts.Canary, "for", n.opts.CanaryTime.String())
		return
	}
	n.open(r, w)
}

// open gives a revision to all.
func (n *node) open(r revision, w why) {
	n.held, n.lead.agreed, n.lead.former = r, false, nil
	n.stage(nil)
	n.announce()
	n.remember(r, Given, w)
	if n.pack.Elects() {
		n.save() // it may be a follower at its next start
	}
}

// announce sets what the pages show of this leader.
func (n *node) announce() {
	n.mu.Lock()
	defer n.mu.Unlock()
	shown := n.held
	if n.next != nil {
		shown = *n.next
	} else if n.staged != nil {
		shown = n.staged.revision
	}
	n.self.Term, n.self.N, n.self.Hash, n.self.State, n.self.Error = shown.Term, shown.N, shown.Hash, Leading, ""
	n.current = n.held
}

// named is a revision for people.
func named(r revision) string { return fmt.Sprintf("revision %d (%.8s)", r.N, r.Hash) }
