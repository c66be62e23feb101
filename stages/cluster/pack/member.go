package pack

import (
	"encoding/json"
	"net"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/memberlist"
)

// The versions of the protocol that this program speaks. Two nodes need one in common.
const (
	lowestProtocol  = 1
	highestProtocol = 1
)

// State is how a node of the pack is.
type State string

// The states of nodes.
const (
	Alive   State = "alive"
	Suspect State = "suspect" // nothing was heard of it for several rounds
	Left    State = "left"    // it has said that it ends
	Dead    State = "dead"
)

// States are all states.
func States() []State { return []State{Alive, Suspect, Left, Dead} }

// Member is a node of the pack.
type Member struct {
	Name    string `json:"name"`
	Address string `json:"address"`
	Role    Role   `json:"role"`
	State   State  `json:"state"`
	// Leader says that the node leads, Conflicted that it would but another one does.
	Leader     bool      `json:"leader"`
	Conflicted bool      `json:"conflicted,omitempty"`
	Self       bool      `json:"self,omitempty"`
	Version    string    `json:"version"`
	Modules    string    `json:"modules_hash"`
	Since      time.Time `json:"since"`

	about about
	heard time.Time
}

// Here reports whether the node can be reached, as far as is known.
func (m *Member) Here() bool { return m.State == Alive || m.State == Suspect }

// about is what a node tells of itself. It must stay small: memberlist has 512 bytes for it.
type about struct {
	ID       string `json:"i"` // of the process
	Role     Role   `json:"r"`
	Version  string `json:"v,omitempty"`
	Protocol [2]int `json:"p"`
	Modules  string `json:"h,omitempty"`
	// Began is when the process has started, Claim since when it leads: in milliseconds of
	// 1970, or the term of an election. The oldest claim wins between leaders, the highest
	// term between elected ones.
	Began      int64 `json:"b"`
	Claim      int64 `json:"c,omitempty"`
	Conflicted bool  `json:"x,omitempty"`
	// Seated says that a node with pack: auto knows who may vote.
	Seated   bool `json:"s,omitempty"`
	Priority int  `json:"o,omitempty"`
	// Leaving says that the process ends: memberlist does not tell that from a death.
	Leaving bool `json:"l,omitempty"`
}

func (a about) bytes() []byte {
	text, err := json.Marshal(a)
	if err != nil {
		return nil // it is made of texts and numbers
	}
	return text
}

func readAbout(text []byte) about {
	var a about
	if json.Unmarshal(text, &a) != nil {
		return about{} // it has no protocol in common with anybody
	}
	return a
}

// speaks reports whether two nodes have a version of the protocol in common.
func (a about) speaks(b about) bool {
	return a.Protocol[0] <= b.Protocol[1] && b.Protocol[0] <= a.Protocol[1] && b.Protocol[1] > 0
}

func addressOf(n *memberlist.Node) string {
	return net.JoinHostPort(n.Addr.String(), strconv.Itoa(int(n.Port)))
}

// version is that of the program.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	return info.Main.Version[:min(len(info.Main.Version), 40)]
}

// Event is something that happened in the pack.
type Event struct {
	Time time.Time `json:"time"`
	// Event is node_joined, node_left, node_dead, node_removed or leader_changed.
	Event string `json:"event"`
	Node  string `json:"node"`
}

// View is the pack as a node sees it.
type View struct {
	Pack string `json:"pack"`
	Node string `json:"node"`
	Role Role   `json:"role"`
	// State is leading, following, no_leader, conflicted or left.
	State   string   `json:"state"`
	Leader  string   `json:"leader"`
	Term    int64    `json:"term"`
	Members []Member `json:"members"`
	Events  []Event  `json:"events"`
}

// maxEvents is how many events are kept for people.
const maxEvents = 100

// View describes the pack.
func (p *Pack) View() View {
	p.mu.Lock()
	defer p.mu.Unlock()
	v := View{Pack: p.opts.Name, Node: p.name, Role: p.opts.Pack, Leader: p.leader, Term: p.term, Members: p.list(), Events: slices.Clone(p.events)}
	switch {
	case p.gone:
		v.State = "left"
	case p.leader == p.name && p.name != "":
		v.State = "leading"
	case p.self.Conflicted:
		v.State = "conflicted"
	case p.leader == "":
		v.State = "no_leader"
	default:
		v.State = "following"
	}
	return v
}

// Members are the nodes of the pack, this one among them, by their names.
func (p *Pack) Members() []Member {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.list()
}

func (p *Pack) list() []Member {
	list := []Member{}
	for _, m := range p.members {
		c := *m
		c.Leader = c.Name == p.leader
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b Member) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// Leader is the node that leads, "" if there is none, with the term of its leadership, which
// is higher for every leader that was elected after another. A node that has lost the role
// does not claim it for the moment that it takes to tell so.
func (p *Pack) Leader() (name string, term int64) {
	p.mu.Lock()
	name, term = p.leader, p.term
	p.mu.Unlock()
	if p.raft == nil || name != p.name {
		return name, term
	}
	if now, at := p.raft.standing(); now != name || at != term {
		return "", 0
	}
	return name, term
}

// Leads reports whether this node leads.
func (p *Pack) Leads() bool {
	leader, _ := p.Leader()
	return leader != "" && leader == p.Name()
}

// Name is the name of this node.
func (p *Pack) Name() string { return p.name }

// Changes returns a channel that is closed at the next change of the members or the leader.
func (p *Pack) Changes() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.changed
}

// tell wakes those that wait for changes. The mutex is held.
func (p *Pack) tell() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// note keeps an event and logs it. The mutex is held.
func (p *Pack) note(event, node string, args ...any) {
	p.events = append(p.events, Event{time.Now(), event, node})
	if len(p.events) > maxEvents {
		p.events = slices.Delete(p.events, 0, len(p.events)-maxEvents)
	}
	p.env.Log.Info(event+": "+node, args...)
	p.tell()
}
