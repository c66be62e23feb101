package packconfiguration

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
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
	agreed bool // the revision is known to those who may lead next
}

// attempt is the last message to a node.
type attempt struct {
	at   time.Time
	busy bool
}

// delivery is how a message to a node ended.
type delivery struct {
	node string
	err  error
}

// leading makes revisions and gives them to the others, as long as this node leads.
func (n *node) leading(ctx context.Context) {
	leader, term := n.pack.Leader()
	if leader != n.pack.Name() {
		n.lead.on = false
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

// begin takes the role of the leader. One that was elected goes on with the last revision that
// all voters know, and makes another one when its own configuration changes from now on.
func (n *node) begin(ctx context.Context, term int64) bool {
	list, err := n.program.Plan().Share(n.ignored)
	if err != nil {
		n.env.Warn("the own modules cannot be given to others", "error", err)
		return false
	}
	n.lead = leadership{on: true, term: term, tried: map[string]attempt{}}
	if n.pack.Elects() {
		text, err := n.pack.Agreed()
		if err != nil {
			n.lead.on = false
			return false // the role was lost meanwhile
		}
		var r revision
		if len(text) > 0 && json.Unmarshal(text, &r) == nil && r.after(n.held.Term, n.held.N) {
			list, err := n.filter(r.Modules)
			if err == nil && r.Hash != n.held.Hash && r.Hash != n.failed {
				n.lead.on = false
				n.use(ctx, r, list, false) // what was agreed upon comes first
				return false
			}
			n.held = r
		}
		if n.held.Hash != "" {
			n.lead.own = config.HashShared(list)
			n.new(n.held.Modules)
			return true
		}
	}
	n.held = revision{Term: n.held.Term, N: n.held.N}
	return true
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
		n.new(list)
	}
}

// new makes a revision.
func (n *node) new(list []config.Shared) {
	hash := config.HashShared(list)
	if text, err := json.Marshal(list); err != nil || len(text) > pack.MaxMessage-4096 {
		if n.lead.large != hash {
			n.env.Log.Error("the configuration is larger than 16 MiB, the others keep what they have", "bytes", len(text))
		}
		n.lead.large = hash
		return
	}
	before := n.held.Modules
	number := n.held.N + 1
	n.held = revision{
		Pack: n.pack.View().Pack, Leader: n.pack.Name(), Term: max(n.lead.term, n.held.Term), N: number,
		Hash: hash, Time: time.Now(), Modules: list,
	}
	n.lead.agreed = false
	n.env.Log.Info("there is a new revision for the pack: "+difference(before, list), "term", n.held.Term, "revision", number, "hash", hash[:12], "modules", len(list))
	n.announce()
}

// announce sets what the pages show of this leader.
func (n *node) announce() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.self.Term, n.self.N, n.self.Hash, n.self.State, n.self.Error = n.held.Term, n.held.N, n.held.Hash, Leading, ""
	n.next = nil
}

// give sends the revision to those that do not have it.
func (n *node) give(ctx context.Context) {
	if n.held.Hash == "" {
		return
	}
	var text []byte
	for _, m := range n.pack.Members() {
		if m.Self || !m.Here() || m.Role == "leader" {
			continue
		}
		n.mu.Lock()
		r := n.nodes[m.Name]
		n.mu.Unlock()
		if r.Term > n.held.Term && !n.pack.Elects() {
			// The clock of this node was ahead when it was the leader before.
			n.held.Term, n.held.N = r.Term+1, n.held.N+1
			n.announce()
			text = nil
		}
		try := n.lead.tried[m.Name]
		if r.Term == n.held.Term && r.N == n.held.N || try.busy || time.Since(try.at) < pause {
			continue
		}
		if text == nil {
			var err error
			if text, err = json.Marshal(n.held); err != nil {
				return // it is made of texts and numbers
			}
		}
		n.lead.tried[m.Name] = attempt{time.Now(), true}
		go func(text []byte) {
			err := n.pack.Send(ctx, m.Name, actionRevision, text)
			select {
			case n.sent <- delivery{m.Name, err}:
			case <-ctx.Done():
			}
		}(text)
	}
}

// pause is the time after which a node gets the revision once more that has not told what has
// become of it.
const pause = time.Second

// delivered notes how a message ended.
func (n *node) delivered(d delivery) {
	n.lead.tried[d.node] = attempt{at: n.lead.tried[d.node].at}
	if d.err != nil {
		n.env.Log.Debug("a node has not taken the revision, that is tried again", "node", d.node, "error", d.err)
	}
}

// reported takes what another node tells.
func (n *node) reported(from pack.Member, payload []byte) error {
	var r Report
	if err := json.Unmarshal(payload, &r); err != nil {
		return err
	}
	r.Node = from.Name
	r.Error = r.Error[:min(len(r.Error), maxReason)]
	n.mu.Lock()
	former := n.nodes[r.Node]
	n.nodes[r.Node] = r
	n.mu.Unlock()
	if former != r && (r.State == Rejected || r.State == RolledBack) {
		n.env.Log.Error("a node does not use the revision", "node", r.Node, "state", string(r.State), "term", r.Term, "revision", r.N, "error", r.Error)
	}
	select {
	case n.reports <- struct{}{}:
	default: // it will be looked at already
	}
	return nil
}

// View tells how the configuration is shared, for the pages.
func (n *node) View() any {
	if n.pack == nil {
		return nil
	}
	leads := n.pack.Leads()
	members := n.pack.Members()
	n.mu.Lock()
	defer n.mu.Unlock()
	v := View{Report: n.self, Mode: n.opts.Mode, Approve: n.opts.Approve, Nodes: []Report{}}
	if n.next != nil {
		v.Waiting = &Report{Node: n.next.Leader, Term: n.next.Term, N: n.next.N, Hash: n.next.Hash, State: Pending}
	}
	for _, m := range members {
		if !leads || m.Self || m.Role == "leader" {
			continue
		}
		r, known := n.nodes[m.Name]
		switch {
		case !m.Here():
			r.State = Unreachable
		case !known || r.Term != n.self.Term || r.N != n.self.N:
			r.State = Pending
		}
		r.Node = m.Name
		v.Nodes = append(v.Nodes, r)
	}
	slices.SortFunc(v.Nodes, func(a, b Report) int { return strings.Compare(a.Node, b.Node) })
	return v
}
