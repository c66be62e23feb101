package pack

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/raft"
)

// elected starts three nodes that elect a leader, with folders of their own.
func elected(t *testing.T, net int, more ...string) ([]*node, func(i int) *node) {
	t.Helper()
	p := port()
	dirs := []string{t.TempDir(), t.TempDir(), t.TempDir()}
	one := func(i int) *node {
		options := fmt.Sprintf("    join: [127.0.%d.2, 127.0.%d.3, 127.0.%d.4]\n    pack: auto\n    voters: 3\n    data_dir: %s\n", net, net, net, dirs[i])
		if i < len(more) {
			options += more[i]
		}
		return start(t, string(rune('a'+i)), fmt.Sprintf("127.0.%d.%d", net, i+2), p, options)
	}
	var all []*node
	for i := range 3 {
		all = append(all, one(i))
	}
	return all, one
}

// leaderOf waits until all nodes have the same leader, and returns it.
func leaderOf(t *testing.T, nodes ...*node) *node {
	t.Helper()
	var leader string
	until(t, "one leader", func() bool {
		var term int64
		leader, term = nodes[0].Leader()
		known := slices.ContainsFunc(nodes, func(n *node) bool { return n.name == leader })
		return known && term > 0 && !slices.ContainsFunc(nodes, func(n *node) bool {
			l, at := n.Leader()
			return l != leader || at != term
		})
	})
	for _, n := range nodes {
		if n.name == leader {
			return n
		}
	}
	return nil
}

func without(all []*node, one *node) []*node {
	return slices.DeleteFunc(slices.Clone(all), func(n *node) bool { return n == one })
}

func TestALeaderIsElected(t *testing.T) {
	all, again := elected(t, 20)
	first := leaderOf(t, all...)
	f := start(t, "f", "127.0.20.9", first.opts.Port, "    join: [127.0.20.2]\n    pack: follower\n")
	until(t, "f to follow", func() bool { // on a slow machine there may be another election
		first = leaderOf(t, all...)
		l, _ := f.Leader()
		return first != nil && l == first.name
	})
	_, term := first.Leader()
	if err := first.Agree([]byte("spam")); err != nil {
		t.Fatal(err)
	}
	i := slices.Index(all, first)
	first.Stop()
	rest := without(all, first)
	second := leaderOf(t, rest...)
	if _, now := second.Leader(); now <= term {
		t.Errorf("term %d came after %d", now, term)
	}
	until(t, "f to follow the next one", func() bool {
		second = leaderOf(t, rest...)
		l, _ := f.Leader()
		return second != nil && l == second.name
	})
	if value, err := second.Agreed(); err != nil || string(value) != "spam" {
		t.Errorf("got %q %v", value, err)
	}
	back := again(i)
	leaderOf(t, append(rest, back)...)
	if back.Leads() {
		t.Error("the former leader leads at once")
	}
}

func TestAMinorityHasNoLeader(t *testing.T) {
	all, _ := elected(t, 21)
	first := leaderOf(t, all...)
	_, term := first.Leader()
	cutOff(all, first.opts.Interface)
	until(t, "the old leader to give up", func() bool { return !first.Leads() })
	rest := without(all, first)
	second := leaderOf(t, rest...)
	if _, now := second.Leader(); now <= term {
		t.Errorf("term %d came after %d", now, term)
	}
	until(t, "no leader", func() bool { return first.View().State == "no_leader" })
	if err := first.Agree([]byte("x")); !errors.Is(err, raft.ErrNotLeader) {
		t.Errorf("got %v", err)
	}
	cutOff(all)
	if l := leaderOf(t, all...); l.Leads() != true {
		t.Error("nobody leads")
	}
}

func TestThePreferredNodeLeads(t *testing.T) {
	all, _ := elected(t, 22, "", "", "    priority: 5\n")
	until(t, "c to lead", func() bool { return leaderOf(t, all...).name == "c" })
}

func TestAFollowerNeverLeads(t *testing.T) {
	p := port()
	a := start(t, "a", "127.0.23.2", p, "    join: [127.0.23.3]\n    pack: follower\n")
	b := start(t, "b", "127.0.23.3", p, "    join: [127.0.23.2]\n    pack: follower\n")
	until(t, "each other", func() bool { return a.state("b") == Alive && b.state("a") == Alive })
	if l, _ := a.Leader(); l != "" || a.View().State != "no_leader" {
		t.Errorf("%s leads", l)
	}
}

func TestADamagedFileDoesNotVote(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "votes.db"), []byte(strings.Repeat("spam", 10_000)), 0o600); err != nil {
		t.Fatal(err)
	}
	n := start(t, "a", "127.0.24.2", port(), "    join: [127.0.24.3]\n    pack: auto\n    voters: 1\n    data_dir: "+dir+"\n")
	if !strings.Contains(n.Log(), "does not vote until it was removed") || n.View().State != "no_leader" {
		t.Error(n.Log())
	}
	if err := n.Agree(nil); err == nil {
		t.Error("it agrees")
	}
}

func TestOneVoterElectsItself(t *testing.T) {
	dir := t.TempDir()
	options := "    join: [127.0.25.3]\n    pack: auto\n    voters: 1\n    data_dir: " + dir + "\n"
	n := start(t, "a", "127.0.25.2", port(), options)
	leaderOf(t, n)
	for i := range 50 { // more than a snapshot is made after
		if err := n.Agree([]byte(fmt.Sprint("value ", i))); err != nil {
			t.Fatal(err)
		}
	}
	if err := n.raft.raft.Snapshot().Error(); err != nil {
		t.Error(err)
	}
	_, term := n.Leader()
	n.Stop()
	n = start(t, "a", "127.0.25.2", port(), options)
	leaderOf(t, n)
	if value, err := n.Agreed(); err != nil || string(value) != "value 49" {
		t.Errorf("got %q %v", value, err)
	}
	if _, now := n.Leader(); now <= term {
		t.Errorf("term %d came after %d", now, term)
	}
}

func TestAnotherNodeTakesTheSeatOfOneThatIsGone(t *testing.T) {
	all, _ := elected(t, 26)
	leaderOf(t, all...)
	gone := all[2]
	gone.Stop()
	d := start(t, "d", "127.0.26.8", gone.opts.Port, "    join: [127.0.26.2]\n    pack: auto\n    voters: 3\n    data_dir: "+t.TempDir()+"\n")
	now := []*node{all[0], all[1], d}
	until(t, "d to be a voter", func() bool {
		return leaderOf(t, now...) != nil && slices.ContainsFunc(d.raft.voters(), func(s raft.Server) bool { return s.ID == "d" && s.Suffrage == raft.Voter })
	})
	if n := len(leaderOf(t, now...).raft.voters()); n != 3 {
		t.Errorf("%d voters", n)
	}
}

// Each end loses every fifth packet, and every third stream cannot be opened.
func TestABadNetworkHasOneLeader(t *testing.T) {
	all, _ := elected(t, 27)
	for _, n := range all {
		lost := func(string) bool { return rand.IntN(10) < 2 } // on both ends
		n.net.cut.Store(&lost)
	}
	first := leaderOf(t, all...)
	f := start(t, "f", "127.0.27.9", first.opts.Port, "    join: [127.0.27.2, 127.0.27.3]\n    pack: follower\n")
	until(t, "f to follow", func() bool { l, _ := f.Leader(); return l != "" })
	cutOff(all)
	until(t, "f to follow the same one", func() bool { l, _ := f.Leader(); return l == leaderOf(t, all...).name })
}
