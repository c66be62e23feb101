package packconfiguration

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// voters are three nodes of a pack that elects its leader.
type voters struct {
	t       *testing.T
	dir     string
	net     string
	port    int
	options string
	nodes   map[string]*member
}

func newVoters(t *testing.T, net string, p int, options string) *voters {
	t.Helper()
	v := &voters{t, t.TempDir(), net, p, options, map[string]*member{}}
	for _, name := range []string{"a", "b", "c"} {
		v.start(name, "")
	}
	return v
}

func (v *voters) start(name, text string) *member {
	v.t.Helper()
	data := filepath.Join(v.dir, name)
	v.nodes[name] = startAs(v.t, name, text, "auto, voters: 3, data_dir: "+data, fmt.Sprint(v.net, ".", name[0]-'a'+2), v.port, v.options+", cache_file: "+data+".pack")
	return v.nodes[name]
}

func (v *voters) stop(name string) {
	v.t.Helper()
	v.nodes[name].Stop()
	delete(v.nodes, name)
}

// leader waits for one that all agree upon, and returns the names of the others as well.
func (v *voters) leader() (leader string, others []string) {
	v.t.Helper()
	until(v.t, "one leader", func() bool {
		leader, others = "", nil
		for name, n := range v.nodes {
			l, _ := n.pack.Leader()
			if l == "" || leader != "" && l != leader || v.nodes[l] == nil {
				return false
			}
			leader = l
			if name != l {
				others = append(others, name)
			}
		}
		return v.nodes[leader].view().State != Waiting || v.nodes[leader].node.pack.Leads()
	})
	return leader, others
}

func TestOnlyANodeThatKnowsTheNewestRevisionLeadsNext(t *testing.T) {
	v := newVoters(t, "127.0.101", port(43), "")
	first, others := v.leader()
	v.nodes[first].write("- Sink: {id: x}\n")
	for _, name := range others {
		until(t, "the first", func() bool { return v.nodes[name].runs() == "x" })
	}
	late, knows := others[0], others[1]
	v.stop(late)
	v.nodes[first].write("- Sink: {id: y}\n")
	until(t, "the second", func() bool { return v.nodes[knows].runs() == "y" })
	v.stop(first) // nobody has a majority now
	back := v.start(late, "")
	leader, _ := v.leader()
	if leader != knows || strings.Contains(back.Log(), "leader_changed: "+late) {
		t.Errorf("%s leads, which does not know what %s knows", leader, knows)
	}
	until(t, "the second on the late one", func() bool { return back.runs() == "y" })

	// Whoever led before comes back with the file that it had, and takes what the new one gives.
	v.nodes[knows].write("- Sink: {id: y, a: new}\n")
	until(t, "the third", func() bool { return back.runs() == "y=new" })
}

func TestAPackThatElectsIsApprovedOnceAndRolledBackByWhoLeads(t *testing.T) {
	v := newVoters(t, "127.0.102", port(44), ", approve: manual")
	leader, others := v.leader()
	l, who := v.nodes[leader], Who{User: "brian"}
	next := func(text string, n int64) {
		t.Helper()
		l.write(text)
		until(t, "something to approve", func() bool { w := l.view().Waiting; return w != nil && w.N == n })
		if err := l.Approve(t.Context(), who, l.view().Waiting.Hash); err != nil {
			t.Fatal(err)
		}
	}
	// The empty list of the start is a revision as well.
	until(t, "the first", func() bool { return l.view().Waiting != nil })
	next("- Sink: {id: x}\n", 2)
	for _, name := range others {
		until(t, "the second, without being asked again", func() bool { return v.nodes[name].runs() == "x" })
	}
	next("- Sink: {id: y}\n", 3)
	for _, name := range others {
		until(t, "the third", func() bool { return v.nodes[name].runs() == "y" })
	}
	v.stop(leader)
	leader, others = v.leader()
	l = v.nodes[leader]
	var n int64
	until(t, "the way back", func() (ok bool) {
		var err error
		n, err = l.Rollback(t.Context(), who, 2) // it takes a moment until the role is taken
		return err == nil
	})
	until(t, "the second again", func() bool { f := v.nodes[others[0]]; return f.runs() == "x" && f.view().N == n })
	if l.runs() != "x" {
		t.Errorf("the leader runs %s", l.runs())
	}
}
