package pack

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/raft"
)

// elected starts three nodes that elect a leader, with folders of their own.
func elected(t *testing.T, l *lab, more ...string) ([]*node, func(i int) *node) {
	t.Helper()
	dirs := []string{t.TempDir(), t.TempDir(), t.TempDir()}
	one := func(i int) *node {
		options := fmt.Sprintf("    join: [10.0.0.2, 10.0.0.3, 10.0.0.4]\n    pack: auto\n    voters: 3\n    data_dir: %s\n", dirs[i])
		if i < len(more) {
			options += more[i]
		}
		return l.start(t, string(rune('a'+i)), fmt.Sprintf("10.0.0.%d", i+2), options)
	}
	var all []*node
	for i := range 3 {
		all = append(all, one(i))
	}
	return all, one
}

// leaderOf waits until all nodes have the same leader and know who may vote, and returns it. The first
// list of voters is on one node only for a moment; the others cannot do without that one then.
func leaderOf(t *testing.T, nodes ...*node) *node {
	t.Helper()
	var leader string
	until(t, "one leader", func() bool {
		var term int64
		leader, term = nodes[0].Leader()
		known := slices.ContainsFunc(nodes, func(n *node) bool { return n.name == leader })
		return known && term > 0 && !slices.ContainsFunc(nodes, func(n *node) bool {
			l, at := n.Leader()
			return l != leader || at != term || !n.raft.seated()
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
	inTheEther(t, 1, func(t *testing.T, l *lab) {
		all, again := elected(t, l)
		first := leaderOf(t, all...)
		f := l.start(t, "f", "10.0.0.9", "    join: [10.0.0.2]\n    pack: follower\n")
		f.follows(t, first.name)
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
	})
}

func TestAMinorityHasNoLeader(t *testing.T) {
	inTheEther(t, 1, func(t *testing.T, l *lab) {
		all, _ := elected(t, l)
		first := leaderOf(t, all...)
		_, term := first.Leader()
		l.Split(first.opts.Interface)
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
		l.Split()
		if l := leaderOf(t, all...); l.Leads() != true {
			t.Error("nobody leads")
		}
	})
}

func TestThePreferredNodeLeads(t *testing.T) {
	inTheEther(t, 1, func(t *testing.T, l *lab) {
		all, _ := elected(t, l, "", "", "    priority: 5\n")
		until(t, "c to lead", func() bool { return leaderOf(t, all...).name == "c" })
	})
}

func TestAFollowerNeverLeads(t *testing.T) {
	inTheEther(t, 1, func(t *testing.T, l *lab) {
		a := l.start(t, "a", "10.0.0.2", "    join: [10.0.0.3]\n    pack: follower\n")
		b := l.start(t, "b", "10.0.0.3", "    join: [10.0.0.2]\n    pack: follower\n")
		until(t, "each other", func() bool { return a.state("b") == Alive && b.state("a") == Alive })
		if l, _ := a.Leader(); l != "" || a.View().State != "no_leader" {
			t.Errorf("%s leads", l)
		}
	})
}

func TestADamagedFileDoesNotVote(t *testing.T) {
	inTheEther(t, 1, func(t *testing.T, l *lab) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "votes.db"), []byte(strings.Repeat("spam", 10_000)), 0o600); err != nil {
			t.Fatal(err)
		}
		n := l.start(t, "a", "10.0.0.2", "    join: [10.0.0.3]\n    pack: auto\n    voters: 1\n    data_dir: "+dir+"\n")
		if !strings.Contains(n.Log(), "does not vote until it was removed") || n.View().State != "no_leader" {
			t.Error(n.Log())
		}
		if err := n.Agree(nil); err == nil {
			t.Error("it agrees")
		}
	})
}

func TestOneVoterElectsItself(t *testing.T) {
	inTheEther(t, 1, func(t *testing.T, l *lab) {
		dir := t.TempDir()
		options := "    join: [10.0.0.3]\n    pack: auto\n    voters: 1\n    data_dir: " + dir + "\n"
		n := l.start(t, "a", "10.0.0.2", options)
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
		n = l.start(t, "a", "10.0.0.2", options)
		leaderOf(t, n)
		if value, err := n.Agreed(); err != nil || string(value) != "value 49" {
			t.Errorf("got %q %v", value, err)
		}
		if _, now := n.Leader(); now <= term {
			t.Errorf("term %d came after %d", now, term)
		}
	})
}

func TestAnotherNodeTakesTheSeatOfOneThatIsGone(t *testing.T) {
	inTheEther(t, 1, func(t *testing.T, l *lab) {
		all, _ := elected(t, l)
		leaderOf(t, all...)
		gone := all[2]
		gone.Stop()
		d := l.start(t, "d", "10.0.0.8", "    join: [10.0.0.2]\n    pack: auto\n    voters: 3\n    data_dir: "+t.TempDir()+"\n")
		now := []*node{all[0], all[1], d}
		until(t, "d to be a voter", func() bool {
			return leaderOf(t, now...) != nil && slices.ContainsFunc(d.raft.voters(), func(s raft.Server) bool { return s.ID == "d" && s.Suffrage == raft.Voter })
		})
		if n := len(leaderOf(t, now...).raft.voters()); n != 3 {
			t.Errorf("%d voters", n)
		}
	})
}
