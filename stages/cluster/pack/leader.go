package pack

import (
	"time"
)

// decide looks at who is there, and finds out who leads. It returns when a conflict was last
// told of.
func (p *Pack) decide(told time.Time) time.Time {
	p.mu.Lock()
	self := p.members[p.name]
	rival := ""
	if p.opts.Pack == leads {
		rival = p.olderClaim()
		p.self.Conflicted = rival != ""
	}
	if p.raft != nil {
		p.self.Claim, p.self.Seated = p.raft.claim(), p.raft.seated()
	}
	different := self.about != p.self
	self.about, self.Conflicted, self.Modules = p.self, p.self.Conflicted, p.self.Modules
	if leader := p.choose(); leader != p.leader {
		former := p.leader
		p.leader = leader
		if leader == "" {
			p.env.Log.Warn("nobody leads the pack any more, all goes on as it is", "former", former)
			leader = "nobody"
		}
		p.note("leader_changed", leader, "former", former)
	} else if different {
		p.tell()
	}
	p.mu.Unlock()
	if different {
		_ = p.gossip.UpdateNode(p.round()) // it only says that there was nobody to tell so far
	}
	if rival == "" {
		return time.Time{}
	}
	if time.Since(told) >= time.Minute {
		p.env.Log.Error("another node leads the pack and was there first; this one does not lead as long as that is so", "leader", rival)
		return time.Now()
	}
	return told
}

// olderClaim is the leader before which this one has to stand back.
func (p *Pack) olderClaim() string {
	for _, m := range p.members {
		if m.Here() && !m.Self && m.Role == leads && !m.Conflicted && older(m, p.members[p.name]) {
			return m.Name
		}
	}
	return ""
}

// older reports whether a was leader before b.
func older(a, b *Member) bool {
	return a.about.Claim < b.about.Claim || a.about.Claim == b.about.Claim && a.Name < b.Name
}

// choose finds the leader as it is seen from here.
func (p *Pack) choose() string {
	switch {
	case p.raft != nil:
		return p.raft.leader()
	case p.opts.Pack == leads && !p.self.Conflicted:
		return p.name
	}
	var best *Member
	for _, m := range p.members {
		switch {
		case !m.Here() || m.Conflicted:
		case m.Role == elective && m.about.Claim > 0:
			if best == nil || m.about.Claim > best.about.Claim {
				best = m
			}
		case m.Role != leads:
		case m.Name == p.leader: // nobody leaves a leader that is there
			return m.Name
		case best == nil || older(m, best):
			best = m
		}
	}
	if best == nil {
		return ""
	}
	return best.Name
}
