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
	elected, inTerm := "", int64(0)
	if p.raft != nil {
		p.self.Claim, p.self.Seated = 0, p.raft.seated()
		if elected, inTerm = p.raft.standing(); elected == p.name {
			p.self.Claim = inTerm
		}
	}
	different := self.about != p.self
	self.about, self.Conflicted, self.Modules = p.self, p.self.Conflicted, p.self.Modules
	leader, term := elected, inTerm
	if p.raft == nil {
		leader, term = p.choose()
	}
	different = different || term != p.term
	if p.term = term; leader != p.leader {
		former := p.leader
		p.leader = leader
		if leader == "" {
			p.env.Log.Warn("nobody leads the pack any more, all goes on as it is", "former", former)
			leader = "nobody"
		}
		p.note("leader_changed", leader, "former", former, "term", term)
	} else if different {
		p.tell()
	}
	p.mu.Unlock()
	if different {
		select {
		case p.news <- struct{}{}:
		default: // it will be told already
		}
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

// choose finds the leader as it is seen from here, and its claim.
func (p *Pack) choose() (leader string, claim int64) {
	if p.opts.Pack == leads && !p.self.Conflicted {
		return p.name, p.self.Claim
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
			return m.Name, m.about.Claim
		case best == nil || older(m, best):
			best = m
		}
	}
	if best == nil {
		return "", 0
	}
	return best.Name, best.about.Claim
}
