package packconfiguration

import (
	"context"
	"encoding/json"
	"time"
)

// attempt is the last message to a node.
type attempt struct {
	at      time.Time
	busy    bool
	term, n int64 // of the revision
}

// delivery is how a message to a node ended.
type delivery struct {
	node string
	err  error
}

// give sends the revision to those that do not have it.
func (n *node) give(ctx context.Context) {
	texts := map[int64][]byte{}
	for _, m := range n.pack.Members() {
		if m.Self || !m.Here() || m.Role == "leader" {
			continue
		}
		n.mu.Lock()
		r := n.nodes[m.Name]
		n.mu.Unlock()
		if r.Term > n.held.Term && !n.pack.Elects() {
			n.overtake(r.Term)
			clear(texts)
		}
		want := n.held
		if n.staged != nil && n.staged.canaries[m.Name] {
			want = n.staged.revision
		}
		try := n.lead.tried[m.Name]
		again := try.term == want.Term && try.n == want.N
		if r.is(want) || try.busy || again && time.Since(try.at) < pause {
			continue
		}
		if texts[want.N] == nil {
			text, err := json.Marshal(want)
			if err != nil {
				return // it is made of texts and numbers
			}
			texts[want.N] = text
		}
		n.lead.tried[m.Name] = attempt{time.Now(), true, want.Term, want.N}
		go func(text []byte) {
			err := n.pack.Send(ctx, m.Name, actionRevision, text)
			select {
			case n.sent <- delivery{m.Name, err}:
			case <-ctx.Done():
			}
		}(texts[want.N])
	}
}

// overtake makes the revisions newer than a term: the clock of this node was ahead when it was
// the leader before.
func (n *node) overtake(term int64) {
	n.reissue(term + 1)
	n.mu.Lock()
	s := n.staged
	if s != nil {
		s.Term = term + 1
		n.sign(&s.revision)
	}
	if n.next != nil {
		n.next.Term = term + 1
	}
	n.mu.Unlock()
	n.announce()
}

// pause is the time after which a node gets the revision once more that has not told what has
// become of it.
const pause = time.Second

// delivered notes how a message ended.
func (n *node) delivered(d delivery) {
	try := n.lead.tried[d.node]
	try.busy = false
	n.lead.tried[d.node] = try
	if d.err != nil {
		n.env.Log.Debug("a node has not taken the revision, that is tried again", "node", d.node, "error", d.err)
	}
}
