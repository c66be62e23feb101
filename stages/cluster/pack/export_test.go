package pack

import (
	"time"

	"gambolputty/actor"
	"gambolputty/stages/cluster/internal/ether"
)

// Lab is how a node of a test differs from others.
type Lab struct {
	Net *ether.Ether
	// Skew is how far its clock goes wrong.
	Skew time.Duration
	// Protocol are the versions that it speaks; the zero value is those of this program.
	Protocol [2]int
}

// Spec is that of a node in a lab. made gets the node.
func (l Lab) Spec(made func(*Pack)) actor.Spec {
	return actor.DefineService(Spec.Info, *Spec.Options().(*Options), func(env actor.Env, o Options) (actor.Service, error) {
		s, err := New(env, o)
		if p, ok := s.(*Pack); ok && !env.CheckOnly {
			p.network = l.Net
			p.clock = func() time.Time { return time.Now().Add(l.Skew) }
			if l.Protocol != [2]int{} {
				p.protocol = l.Protocol
			}
			made(p)
		}
		return s, err
	})
}

// Claim is the term in which this node leads as far as the election knows, 0 if it does not.
func (p *Pack) Claim() int64 {
	if leader, term := p.raft.standing(); leader == p.name {
		return term
	}
	return 0
}
