package pack

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/memberlist"
)

// delegate is what memberlist asks and tells. It holds a lock of its own while it does so: it
// must not be asked anything from here.
type delegate struct{ *Pack }

// NodeMeta is what this node tells of itself.
func (d delegate) NodeMeta(int) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.self.bytes()
}

// NotifyMsg is not used; messages go over streams.
func (d delegate) NotifyMsg([]byte) {}

// GetBroadcasts is not used.
func (d delegate) GetBroadcasts(int, int) [][]byte { return nil }

// greeting is what two nodes say to each other when they compare what they know.
type greeting struct {
	Name string    `json:"name"`
	Time time.Time `json:"time"`
}

// LocalState is the greeting of this node.
func (d delegate) LocalState(bool) []byte {
	text, err := json.Marshal(greeting{d.name, d.clock()})
	if err != nil {
		return nil // it is made of texts and numbers
	}
	return text
}

// maxSkew is how far the clocks of two nodes may differ without a warning.
const maxSkew = time.Minute

// MergeRemoteState compares the clocks.
func (d delegate) MergeRemoteState(text []byte, _ bool) {
	var g greeting
	if json.Unmarshal(text, &g) != nil {
		return // a later version may say something else
	}
	if skew := d.clock().Sub(g.Time); skew.Abs() > maxSkew && d.strange.due("clock "+g.Name) {
		d.env.Log.Warn("the clock of another node is different", "node", g.Name, "by", skew.Round(time.Second))
	}
}

// NotifyJoin notes a node.
func (d delegate) NotifyJoin(n *memberlist.Node) { d.seen(n, "node_joined") }

// NotifyUpdate notes what a node tells of itself now.
func (d delegate) NotifyUpdate(n *memberlist.Node) { d.seen(n, "") }

func (d delegate) seen(n *memberlist.Node, event string) {
	if n.Name == d.name {
		return
	}
	a := readAbout(n.Meta)
	d.mu.Lock()
	defer d.mu.Unlock()
	m := d.members[n.Name]
	if m == nil {
		m = &Member{Name: n.Name}
		d.members[n.Name] = m
	}
	if event != "" || m.about.ID != a.ID {
		m.State, m.Since = Alive, time.Now()
		m.heard = m.Since
	}
	m.Address, m.Role, m.Version, m.Modules, m.Conflicted, m.about = addressOf(n), a.Role, a.Version, a.Modules, a.Conflicted, a
	if event != "" {
		d.note(event, n.Name, "address", m.Address, "role", string(m.Role))
	}
	d.tell()
	d.awaken()
}

// NotifyLeave notes that a node has left or died.
func (d delegate) NotifyLeave(n *memberlist.Node) {
	d.mu.Lock()
	defer d.mu.Unlock()
	m := d.members[n.Name]
	if m == nil || m.Self || m.State == Left { // which it may have said by itself
		return
	}
	m.State, m.Since = Dead, time.Now()
	if m.about.Leaving || readAbout(n.Meta).Leaving {
		m.State = Left
	}
	d.note("node_"+string(m.State), n.Name, "address", m.Address)
	d.awaken()
}

// NotifyAlive refuses nodes that this one cannot work with.
func (d delegate) NotifyAlive(n *memberlist.Node) error {
	if n.Name == d.name {
		return nil
	}
	err := d.unfit(n)
	if err != nil && d.strange.due(err.Error()) {
		d.env.Log.Error("a node is refused", "error", err)
	}
	return err
}

// unfit says why a node cannot be part of the pack.
func (d delegate) unfit(n *memberlist.Node) error {
	a := readAbout(n.Meta)
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.self.speaks(a) {
		return fmt.Errorf("node %s speaks versions %d to %d of the protocol, and %s versions %d to %d",
			n.Name, a.Protocol[0], a.Protocol[1], d.name, d.self.Protocol[0], d.self.Protocol[1])
	}
	for _, m := range d.members {
		if m.Name != n.Name && m.Here() && mixed(m.Role, a.Role) {
			return fmt.Errorf("node %s has pack: %s, and %s has pack: %s; a pack has a fixed leader or elects one", n.Name, a.Role, m.Name, m.Role)
		}
	}
	return nil
}

// mixed reports whether two roles do not go together.
func mixed(a, b Role) bool { return a == leads && b == elective || a == elective && b == leads }

var errRefused = errors.New("refused")

// NotifyMerge refuses to get to know those that this node cannot work with. Whoever has the
// name of this node is asked who he is.
func (d delegate) NotifyMerge(peers []*memberlist.Node) error {
	for _, n := range peers {
		if n.State == memberlist.StateDead || n.State == memberlist.StateLeft {
			continue
		}
		if n.Name != d.name {
			if err := d.unfit(n); err != nil {
				return fmt.Errorf("%w: %w", errRefused, err)
			}
			continue
		}
		if readAbout(n.Meta).ID != d.id() && addressOf(n) != d.net.advertise.String() {
			select {
			case d.rivals <- addressOf(n):
			default: // one is enough
			}
			return fmt.Errorf("%w: there is another node %s at %s", errRefused, n.Name, addressOf(n))
		}
	}
	return nil
}

// NotifyConflict does the same for what is heard in passing.
func (d delegate) NotifyConflict(_, other *memberlist.Node) {
	if other.Name != d.name || addressOf(other) == d.net.advertise.String() {
		return
	}
	select {
	case d.rivals <- addressOf(other):
	default: // one is enough
	}
}

func (p *Pack) id() string { return p.net.keys.ID() }
