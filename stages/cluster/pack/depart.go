package pack

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// What nodes ask of each other when one goes for good.
const (
	actionUnseat = "pack/unseat" // the sender leaves and gives up its vote
	actionRemove = "pack/remove" // the leader is to remove a node that is dead
	actionForget = "pack/forget" // a node has been removed
	actionBye    = "pack/bye"    // the sender ends
)

// errLeft says that this node is no part of the pack any more.
var errLeft = errors.New("this node has left the pack")

// answerCalls takes what other nodes ask about those that go.
func (p *Pack) answerCalls() {
	p.On(actionUnseat, func(from Member, _ []byte) error { return p.unseat(from) })
	p.On(actionRemove, func(_ Member, name []byte) error { return p.remove(string(name)) })
	p.On(actionBye, func(from Member, _ []byte) error { p.parted(from); return nil })
	p.On(actionForget, func(_ Member, name []byte) error { return p.forget(string(name)) })
}

// Leave makes this node leave the pack. The program goes on, without a leader, until it is started
// again. A node that votes gives up its vote first, so that the others need one less.
func (p *Pack) Leave(ctx context.Context) error {
	if p.left() {
		return errLeft
	}
	if err := p.giveUpVote(ctx); err != nil {
		p.leaving(false)
		return err
	}
	done := make(chan error, 1)
	select {
	case p.leaves <- done:
	case <-ctx.Done():
		p.leaving(false)
		return ctx.Err()
	}
	return <-done // which takes no longer than a farewell
}

// StepDown hands the role of an elected leader to another node. This one stays a member and may be
// elected again; it is handed the role back where its priority says so.
func (p *Pack) StepDown() error {
	leader, _ := p.Leader()
	switch {
	case p.left():
		return errLeft
	case p.raft == nil || p.raft.raft == nil:
		return errors.New("only an elected leader steps down, and this node has pack: " + string(p.opts.Pack))
	case leader == "":
		return errors.New("nobody leads the pack")
	case leader != p.name:
		return fmt.Errorf("%s leads the pack, only it can step down", leader)
	case len(p.raft.voters()) < 2:
		return errors.New("there is no other node that votes")
	}
	if err := p.raft.raft.LeadershipTransfer().Error(); err != nil {
		return fmt.Errorf("the role of the leader could not be handed to another node: %w", err)
	}
	return nil
}

// left reports whether this node has left.
func (p *Pack) left() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.gone
}

// leaving tells the others whether this node is about to leave.
func (p *Pack) leaving(on bool) {
	p.mu.Lock()
	p.self.Leaving = on
	p.mu.Unlock()
	p.awaken()
}

// giveUpVote takes this node from the voters, which only the leader can do.
func (p *Pack) giveUpVote(ctx context.Context) error {
	if p.raft == nil || p.raft.raft == nil || len(p.raft.voters()) < 2 || !p.raft.votes(p.name) {
		return nil
	}
	p.leaving(true)
	if leader, _ := p.Leader(); leader == p.name {
		if err := p.raft.raft.LeadershipTransfer().Error(); err != nil {
			return fmt.Errorf("the role of the leader could not be handed to another node: %w", err)
		}
	}
	for {
		changes := p.Changes()
		leader, _ := p.Leader()
		if leader != "" && leader != p.name {
			return p.Send(ctx, leader, actionUnseat, nil)
		}
		wait, cancel := context.WithTimeout(ctx, p.opts.DeadAfter)
		select {
		case <-changes:
			cancel()
		case <-wait.Done():
			cancel()
			return errors.New("nobody leads the pack, so that the vote of this node cannot be given up; stop the program instead")
		}
	}
}

// depart is the end of the membership.
func (p *Pack) depart() error {
	p.mu.Lock()
	if p.gone {
		p.mu.Unlock()
		return nil
	}
	p.gone, p.self.Leaving = true, true
	p.mu.Unlock()
	err := p.quit()
	p.mu.Lock()
	defer p.mu.Unlock()
	for name, m := range p.members {
		if !m.Self {
			delete(p.members, name) // nothing is heard of it any more
			continue
		}
		m.State, m.Since = Left, time.Now()
	}
	p.leader, p.term = "", 0
	p.note("node_left", p.name)
	return err
}

// sayGoodbye tells every node that this one ends. Gossip does so too, but its packets get lost.
func (p *Pack) sayGoodbye() {
	ctx, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	var telling sync.WaitGroup
	for _, m := range p.Members() {
		if m.State == Alive && !m.Self {
			telling.Go(func() { _ = p.sendOver(ctx, m.Address, actionBye, nil) }) // whoever does not hear it finds out
		}
	}
	telling.Wait()
}

// parted notes that a node has said that it ends.
func (p *Pack) parted(from Member) {
	p.mu.Lock()
	defer p.mu.Unlock()
	m := p.members[from.Name]
	if m == nil || m.about.ID != from.about.ID || !m.Here() {
		return
	}
	m.State, m.Since, m.about.Leaving = Left, time.Now(), true
	p.note("node_left", m.Name, "address", m.Address)
	p.awaken()
}

// votes reports whether a node is one of those that vote.
func (e *election) votes(name string) bool {
	return slices.ContainsFunc(e.voters(), func(s raft.Server) bool { return string(s.ID) == name })
}

// unseat takes a node that leaves from the voters.
func (p *Pack) unseat(from Member) error {
	if p.raft == nil || !p.Leads() {
		return fmt.Errorf("node %s does not lead", p.name)
	}
	p.mu.Lock()
	if m := p.members[from.Name]; m != nil {
		m.about.Leaving = true // it must not be given a seat again meanwhile
	}
	p.mu.Unlock()
	return p.raft.raft.RemoveServer(raft.ServerID(from.Name), 0, raftTimeout).Error()
}

// Remove takes a node that is gone from the pack, and from its voters. A node that is there is
// not removed: it can leave. If the node comes back, it is a member again.
func (p *Pack) Remove(ctx context.Context, name string) error {
	if p.left() {
		return errLeft
	}
	leader, _ := p.Leader()
	if leader == "" && p.raft == nil && !p.electing() { // a fixed leader is needed for nothing here
		leader = p.name
	}
	switch leader {
	case "":
		return errors.New("nobody leads the pack, so that the list of voters cannot be changed")
	case p.name:
		if err := p.remove(name); err != nil {
			return err
		}
		_ = p.Broadcast(ctx, actionForget, []byte(name)) // whoever is not reached forgets it in a day
		return nil
	}
	if err := p.Send(ctx, leader, actionRemove, []byte(name)); err != nil {
		return err
	}
	_ = p.Broadcast(ctx, actionForget, []byte(name)) // the same
	return p.forget(name)
}

// electing reports whether the pack elects its leader, as far as is known here.
func (p *Pack) electing() bool {
	return slices.ContainsFunc(p.Members(), func(m Member) bool { return m.Role == elective })
}

// removable says why a node cannot be removed.
func (p *Pack) removable(name string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	m := p.members[name]
	switch {
	case name == p.name, m != nil && m.Here():
		return fmt.Errorf("node %s is there; it can leave with: gambolputty pack leave", name)
	case m == nil && (p.raft == nil || !p.raft.votes(name)):
		return fmt.Errorf("there is no node %q in the pack", name)
	}
	return nil
}

// remove takes a node from the voters and forgets it.
func (p *Pack) remove(name string) error {
	if err := p.removable(name); err != nil {
		return err
	}
	if p.raft != nil && p.raft.raft != nil && p.raft.votes(name) {
		if err := p.raft.raft.RemoveServer(raft.ServerID(name), 0, raftTimeout).Error(); err != nil {
			return fmt.Errorf("node %s could not be taken from the voters: %w", name, err)
		}
	}
	return p.forget(name)
}

// forget takes a node that is gone from the list.
func (p *Pack) forget(name string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	m := p.members[name]
	if m == nil || m.Here() || m.Self {
		return nil // it may have come back meanwhile
	}
	delete(p.members, name)
	p.note("node_removed", name)
	return nil
}
