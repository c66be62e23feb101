package packconfiguration

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"gambolputty/config"
	"gambolputty/stages/cluster/pack"
)

// State is what has become of a revision on a node.
type State string

// The states of revisions.
const (
	Waiting     State = "waiting_for_configuration" // there is none yet
	InSync      State = "in_sync"
	Pending     State = "pending" // it has not been used yet, or is only reported
	Canary      State = "canary"  // it runs here before the others get it
	Rejected    State = "rejected"
	RolledBack  State = "rolled_back"
	Unreachable State = "unreachable"
	Leading     State = "leader"
)

// Report is what a node tells the leader.
type Report struct {
	Node  string `json:"node"`
	Term  int64  `json:"term"`
	N     int64  `json:"n"`
	Hash  string `json:"hash"`
	State State  `json:"state"`
	Error string `json:"error,omitempty"`
	// Health says what keeps modules of the node from their work, "" if nothing does.
	Health string `json:"health,omitempty"`
}

// revision is a configuration that the leader gives.
type revision struct {
	Pack    string          `json:"pack"`
	Leader  string          `json:"leader"`
	Term    int64           `json:"term"`
	N       int64           `json:"n"`
	Hash    string          `json:"hash"`
	Time    time.Time       `json:"time"`
	Modules []config.Shared `json:"modules"`
	// Approved says who has approved it on the leader.
	Approved string `json:"approved,omitempty"`
	// Key is the public key that belongs to the signature.
	Key       string `json:"key,omitempty"`
	Signature []byte `json:"signature,omitempty"`
}

// after compares two revisions by their age.
func (r revision) after(other revision) bool {
	return cmp.Or(cmp.Compare(r.Term, other.Term), cmp.Compare(r.N, other.N)) > 0
}

// is reports whether a report is about a revision.
func (r Report) is(rev revision) bool { return r.Term == rev.Term && r.N == rev.N }

// View is the shared configuration as a node sees it.
type View struct {
	Report
	Mode    string   `json:"mode"`
	Approve string   `json:"approve"`
	Groups  []string `json:"groups,omitempty"`
	// Waiting is a revision that waits for approval.
	Waiting *Report `json:"waiting,omitempty"`
	// Canary is a revision that some nodes run before the others get it.
	Canary *Report `json:"canary,omitempty"`
	// Nodes are the followers, as the leader knows them.
	Nodes []Report `json:"nodes"`
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
	v := View{Report: n.self, Mode: n.opts.Mode, Approve: n.opts.Approve, Groups: n.opts.Groups, Nodes: []Report{}}
	if n.next != nil && n.opts.Mode != "report" {
		v.Waiting = about(*n.next)
	}
	if n.staged != nil {
		v.Canary = about(n.staged.revision)
		v.Canary.State = Canary
	}
	for _, m := range members {
		if leads && !m.Self && m.Role != "leader" {
			v.Nodes = append(v.Nodes, n.stands(m))
		}
	}
	slices.SortFunc(v.Nodes, func(a, b Report) int { return strings.Compare(a.Node, b.Node) })
	return v
}

func about(r revision) *Report {
	return &Report{Node: r.Leader, Term: r.Term, N: r.N, Hash: r.Hash, State: Pending}
}

// stands says how a follower stands to what it is given. The mutex is held.
func (n *node) stands(m pack.Member) Report {
	r, known := n.nodes[m.Name]
	r.Node = m.Name
	isCanary := n.staged != nil && n.staged.canaries[m.Name]
	want := n.current
	if isCanary {
		want = n.staged.revision
	}
	switch {
	case !m.Here():
		r.State = Unreachable
	case !known || !r.is(want):
		r.State, r.Error = Pending, ""
	case r.State != InSync || n.staged == nil:
	case isCanary:
		r.State = Canary
	default:
		r.State = Pending // its turn comes when the canaries are well
	}
	return r
}

// settle sets what this node tells, and tells it.
func (n *node) settle(r revision, s State, reason string) {
	n.mu.Lock()
	n.self.Term, n.self.N, n.self.Hash, n.self.State, n.self.Error = r.Term, r.N, r.Hash, s, reason
	if s != Pending {
		n.next = nil
	}
	n.current = n.held
	n.mu.Unlock()
	n.report(context.Background())
}

// report tells the leader how this node stands.
func (n *node) report(ctx context.Context) {
	leader, _ := n.pack.Leader()
	if leader == "" || leader == n.pack.Name() {
		return
	}
	n.mu.Lock()
	text, err := json.Marshal(n.self)
	n.mu.Unlock()
	if err != nil {
		return // it is made of texts and numbers
	}
	go func() { _ = n.pack.Send(ctx, leader, actionReport, text) }() // the leader asks by sending again
}

// examine tells the leader when the health of the modules has changed.
func (n *node) examine(ctx context.Context) {
	health := n.health()
	n.mu.Lock()
	different := health != n.self.Health
	n.self.Health = health
	n.mu.Unlock()
	if different {
		n.report(ctx)
	}
}

// health says which modules cannot do their work, and which have failed since the revision is
// in use.
func (n *node) health() string {
	var list []string
	for _, s := range n.env.Status() {
		for _, why := range s.Ailments {
			list = append(list, s.ID+": "+why)
		}
		if more := s.Meter.Restarts.Load() - n.restarts[s.ID]; more > 0 {
			list = append(list, fmt.Sprintf("%s: has failed and was started again, %d times", s.ID, more))
		}
	}
	text := strings.Join(list, "; ")
	return strings.ToValidUTF8(text[:min(len(text), maxReason)], "")
}

// sound notes how often modules have failed before the revision came into use.
func (n *node) sound() {
	n.restarts = map[string]int64{}
	for _, s := range n.env.Status() {
		n.restarts[s.ID] = s.Meter.Restarts.Load()
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
	r.Health = r.Health[:min(len(r.Health), maxReason)]
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
