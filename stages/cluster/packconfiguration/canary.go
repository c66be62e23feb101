package packconfiguration

import (
	"context"
	"maps"
	"time"

	"gambolputty/stages/cluster/pack"
)

// staged is a revision that some nodes run before the others get it.
type staged struct {
	revision
	canaries map[string]bool
	before   map[string]string // what ailed them before they had it
	since    time.Time         // all of them run it and are well
	failed   string            // why the others do not get it
}

// stage sets the revision that some nodes get first.
func (n *node) stage(s *staged) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.staged = s
}

// watch looks after the canaries: the others get the revision when these have been well for long
// enough, and if one of them is not, all go back.
func (n *node) watch(ctx context.Context) {
	s := n.staged
	if s == nil || s.failed != "" {
		return
	}
	n.choose(s)
	well := 0
	for _, m := range n.pack.Members() {
		if !s.canaries[m.Name] {
			continue
		}
		n.mu.Lock()
		r := n.nodes[m.Name]
		n.mu.Unlock()
		why, good := s.judge(m, r)
		if why != "" {
			n.stop(ctx, s, "node "+m.Name+": "+why)
			return
		}
		if good {
			well++
		}
	}
	switch {
	case well == 0 || well < len(s.canaries):
		s.since = time.Time{}
	case s.since.IsZero():
		s.since = time.Now()
	case time.Since(s.since) >= n.opts.CanaryTime:
		n.env.Log.Info("the revision has proved itself, all get it", "revision", s.N, "hash", s.Hash[:12])
		n.act("canary_passed", s.revision, Who{User: n.pack.Name()}, "")
		n.open(s.revision, why{})
	}
}

// judge says what is wrong with a canary, or whether all is well.
func (s *staged) judge(m pack.Member, r Report) (why string, well bool) {
	switch {
	case m.State == pack.Dead:
		return "it is not there any more", false
	case !r.is(s.revision):
		return "", false
	case r.State == Rejected || r.State == RolledBack:
		return string(r.State) + ": " + r.Error, false
	case r.State != InSync:
		return "", false
	case r.Health != "" && r.Health != s.before[m.Name]:
		return r.Health, false
	}
	return "", true
}

// choose finds as many canaries as there shall be: those that have the revision already, and
// then others by name. One that has left makes room for another.
func (n *node) choose(s *staged) {
	before := maps.Clone(s.canaries)
	n.fill(s, n.pack.Members())
	if maps.Equal(before, s.canaries) {
		return
	}
	n.mu.Lock()
	if e := n.book.of(s.revision); e != nil { // for this node after a restart
		e.Canaries = map[string]string{}
		for name := range s.canaries {
			e.Canaries[name] = s.before[name]
		}
	}
	n.mu.Unlock()
	n.saveBook()
}

// resume makes those canaries again that were before a restart of this node.
func (n *node) resume(s *staged) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if e := n.book.of(s.revision); e != nil {
		for name, health := range e.Canaries {
			s.canaries[name], s.before[name] = true, health
		}
	}
}

// of is the record of a revision if it is the newest one.
func (b *book) of(r revision) *record {
	if last, known := b.last(); !known || last.N != r.N || last.Hash != r.Hash {
		return nil
	}
	return &b.Revisions[len(b.Revisions)-1]
}

// fill adds canaries until there are enough, and drops those that have left.
func (n *node) fill(s *staged, members []pack.Member) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, m := range members {
		if m.State == pack.Left {
			delete(s.canaries, m.Name)
		}
	}
	for _, has := range []bool{true, false} {
		for _, m := range members {
			r := n.nodes[m.Name]
			if len(s.canaries) >= n.opts.Canary || m.Self || !m.Here() || m.Role == "leader" || s.canaries[m.Name] || r.is(s.revision) != has {
				continue
			}
			s.canaries[m.Name], s.before[m.Name] = true, r.Health
			n.env.Log.Info("a node gets the revision before the others", "node", m.Name, "revision", s.N)
		}
	}
}

// stop takes a revision back that has failed on a canary. The leader goes back as well, so that
// it does not give away next what it has not given up itself.
func (n *node) stop(ctx context.Context, s *staged, reason string) {
	n.env.Log.Error("the revision has failed and is taken back, the other nodes do not get it", "revision", s.N, "hash", s.Hash[:12], "error", reason)
	n.mu.Lock()
	s.failed = reason
	n.mu.Unlock()
	n.mark(s.revision, Stopped, reason)
	n.act("canary_stopped", s.revision, Who{User: n.pack.Name()}, reason)
	n.goBack(ctx, retreat{who: Who{User: n.pack.Name()}, to: n.held, from: s.N, automatic: true})
}
