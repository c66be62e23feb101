package packconfiguration

import (
	"context"
	"errors"
	"fmt"

	"gambolputty/config"
)

// retreat is a wish to go back to a former revision.
type retreat struct {
	who    Who
	number int64 // 0 is the one before
	done   chan answer

	to        revision
	from      int64
	own       string // hash of the modules of the file that do not run any more
	automatic bool   // as a canary has failed
	again     bool   // as it was so before the start
}

// answer is what became of a wish.
type answer struct {
	n   int64
	err error
}

// Rollback makes the modules of a former revision those of the pack again, as a new revision, and
// returns its number. 0 stands for the revision before that which runs.
func (n *node) Rollback(ctx context.Context, who Who, number int64) (int64, error) {
	if n.pack == nil {
		return 0, errors.New("there is no pack")
	}
	r := retreat{who: who, number: number, done: make(chan answer, 1)}
	select {
	case n.retreats <- r:
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	select {
	case a := <-r.done:
		return a.n, a.err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// rollback begins to go back, or says why it does not.
func (n *node) rollback(ctx context.Context, r retreat) {
	leader, _ := n.pack.Leader()
	switch {
	case leader == "":
		r.refuse(errors.New("nobody leads the pack"))
		return
	case leader != n.pack.Name():
		r.refuse(fmt.Errorf("%s leads the pack, only it can go back", leader))
		return
	case n.busy || !n.lead.on:
		r.refuse(errors.New("another change is under way, try again when it is done"))
		return
	}
	now := n.held
	if n.next != nil {
		now = *n.next
	} else if n.staged != nil {
		now = n.staged.revision
	}
	to, err := n.book.target(r.number, now)
	if err != nil {
		r.refuse(err)
		return
	}
	r.to, r.from = to, now.N
	n.goBack(ctx, r)
}

func (r retreat) refuse(err error) {
	if r.done != nil {
		r.done <- answer{0, err}
	}
}

// goBack puts a former revision into effect on the leader: in the place of the modules of its
// file, which nobody writes.
func (n *node) goBack(ctx context.Context, r retreat) {
	own, err := n.program.Plan().Own(n.ignored)
	list := r.to.Modules
	if err == nil && n.pack.Elects() {
		list, err = n.filter(list)
	}
	if err != nil {
		n.notBack(outcome{revision: r.to, list: r.to.Modules, back: &r}, err)
		return
	}
	r.own = config.HashShared(own)
	instead := &config.Instead{Own: r.own, Skip: n.ignored, Modules: list}
	n.busy = true
	shared := n.shared
	go func() {
		change, err := n.program.Take(ctx, shared, instead)
		n.taken <- outcome{revision: r.to, list: list, change: change, err: err, back: &r}
	}()
}

// retreatAgain goes back once more after a start, as the file is still what it was when somebody
// went back. It is false if it is not known to what.
func (n *node) retreatAgain(ctx context.Context) bool {
	to, known := n.book.given()
	if !known {
		return false
	}
	n.goBack(ctx, retreat{to: to, again: true})
	return n.busy
}

// retreated gives the others what the leader has gone back to.
func (n *node) retreated(o outcome) {
	r, err := o.back, o.err
	if err == nil && !n.program.Plan().Replaced {
		err = errors.New("the file of the leader has changed meanwhile, what it holds now runs")
	}
	if err != nil {
		n.notBack(o, err)
		return
	}
	n.setAway(r.own)
	n.sound()
	if r.again {
		n.env.Log.Info("the modules of the file are not used, as they were rolled back; that ends when the file changes", "revision", o.N)
		return
	}
	n.forward(o, fmt.Sprintf("rollback of %d to %d", r.from, r.to.N))
}

// forward makes a new revision of a former one.
func (n *node) forward(o outcome, note string) {
	r := o.back
	if !n.pack.Leads() || !n.lead.on {
		r.refuse(errors.New("this node does not lead the pack any more"))
		return
	}
	list := o.list
	if plan := n.program.Plan(); plan.Replaced {
		n.lead.plan = plan
		if shared, err := plan.Share(n.ignored); err == nil {
			list = shared
		}
	}
	n.lead.own = config.HashShared(list)
	n.propose(list, why{by: r.who.String(), note: note, forced: true})
	n.act("rollback", n.held, r.who, note)
	n.env.Log.Warn("the pack is rolled back; the file of the leader is as it was, and counts again when it changes", "from", r.from, "to", r.to.N, "revision", n.held.N, "by", r.who.String())
	if r.done != nil {
		r.done <- answer{n.held.N, nil}
	}
}

// notBack is for a leader that cannot go back itself. If a canary has failed, the others go back
// all the same. What its file says is not given to anybody then, until it changes.
func (n *node) notBack(o outcome, err error) {
	r := o.back
	reason := errors.New(explain(err))
	n.env.Log.Error("the leader cannot go back, what it has goes on there", "to", r.to.N, "error", reason)
	if !r.again && !r.automatic {
		r.refuse(fmt.Errorf("%s does not run on the leader any more: %w", named(r.to), reason))
		return
	}
	n.noWay = r.own
	n.setAway(r.own)
	if r.automatic {
		plan := n.program.Plan()
		n.forward(o, fmt.Sprintf("rollback of %d to %d, but not on the leader", r.from, r.to.N))
		n.lead.plan = plan
		if list, err := plan.Share(n.ignored); err == nil {
			n.lead.own = config.HashShared(list)
		}
	}
}

// setAway notes that the own modules with a hash do not run, as they were rolled back.
func (n *node) setAway(own string) {
	if n.away == own {
		return
	}
	n.away = own
	n.mu.Lock()
	n.book.Away = own
	n.mu.Unlock()
	n.saveBook()
}

// keepAway ends a rollback when the file of this node is not what it was.
func (n *node) keepAway() {
	plan := n.program.Plan()
	if n.away == "" || n.busy || plan == n.seen {
		return
	}
	n.seen = plan
	own, err := plan.Own(n.ignored)
	if err == nil && config.HashShared(own) != n.away {
		n.env.Log.Info("the own file has changed, it counts again")
		n.setAway("")
	}
}
