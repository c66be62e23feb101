package pack

import (
	"sync"
	"time"

	"gambolputty/actor"
	"gambolputty/stages/cluster/internal/ether"
	"gambolputty/stages/cluster/internal/seal"
)

// Keyring derives the keys of a secret once for all nodes of a test.
type Keyring struct {
	mu   sync.Mutex
	keys map[string][]byte
}

func (k *Keyring) derive(pack string, secrets ...string) (list [][]byte, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, s := range secrets {
		if k.keys[pack+s] == nil {
			keys, err := seal.Derive(pack, s)
			if err != nil {
				return nil, err
			}
			if k.keys == nil {
				k.keys = map[string][]byte{}
			}
			k.keys[pack+s] = keys[0]
		}
		list = append(list, k.keys[pack+s])
	}
	return list, nil
}

// Lab is how a node of a test differs from others.
type Lab struct {
	Net  *ether.Ether
	Keys *Keyring
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
			p.network, p.derive = l.Net, l.Keys.derive
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
