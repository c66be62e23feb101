package pack

import (
	"slices"
	"strings"
	"testing"
)

// voting are the names of those that may vote, as a node knows it.
func (n *node) voting() string {
	var names []string
	for _, s := range n.raft.voters() {
		names = append(names, string(s.ID))
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

func TestANodeLeavesThePack(t *testing.T) {
	inTheEther(t, 1, func(t *testing.T, l *lab) {
		all, again := elected(t, l)
		f := l.start(t, "f", "10.0.0.9", "    join: [10.0.0.2]\n    pack: follower\n")
		f.follows(t, leaderOf(t, all...).name)
		if err := f.Leave(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, n := range all {
			until(t, "f to have left", func() bool { return n.state("f") == Left })
		}
		if v := f.View(); v.State != "left" || v.Leader != "" || len(v.Members) != 1 || v.Members[0].State != Left {
			t.Errorf("%+v", v)
		}
		if err := f.Leave(t.Context()); err == nil {
			t.Error("it leaves twice")
		}
		if err := f.Send(t.Context(), "a", "spam", nil); err == nil {
			t.Error("it sends messages")
		}

		first := leaderOf(t, all...)
		i := slices.Index(all, first)
		if err := first.Leave(t.Context()); err != nil { // the leader hands its role on
			t.Fatal(err)
		}
		rest := without(all, first)
		second := leaderOf(t, rest...)
		until(t, "two voters", func() bool { return second.voting() == rest[0].name+" "+rest[1].name })
		if first.Leads() || first.View().State != "left" {
			t.Errorf("%+v", first.View())
		}
		first.Stop() // what it ran has gone on until now
		back := again(i)
		until(t, "three voters", func() bool { return leaderOf(t, append(rest, back)...) != nil && back.voting() == "a b c" })
	})
}

func TestAnElectedLeaderStepsDown(t *testing.T) {
	inTheEther(t, 1, func(t *testing.T, l *lab) {
		all, _ := elected(t, l)
		first := leaderOf(t, all...)
		rest := without(all, first)
		if err := rest[0].StepDown(); err == nil || !strings.Contains(err.Error(), first.name+" leads the pack") {
			t.Errorf("a node that does not lead steps down: %v", err)
		}
		if err := first.StepDown(); err != nil {
			t.Fatal(err)
		}
		second := leaderOf(t, rest...)
		first.follows(t, second.name)
		if first.voting() != "a b c" {
			t.Errorf("voters %s", first.voting())
		}
	})
}

func TestAFixedLeaderDoesNotStepDown(t *testing.T) {
	inTheEther(t, 1, func(t *testing.T, l *lab) {
		n := l.start(t, "a", "10.0.0.2", "    join: [10.0.0.2]\n    pack: leader\n")
		until(t, "it leads", func() bool { return n.Leads() })
		if err := n.StepDown(); err == nil || !strings.Contains(err.Error(), "pack: leader") {
			t.Errorf("got %v", err)
		}
	})
}

func TestANodeCannotGiveUpItsVoteWithoutALeader(t *testing.T) {
	inTheEther(t, 1, func(t *testing.T, l *lab) {
		all, _ := elected(t, l)
		leaderOf(t, all...)
		l.Split("10.0.0.2")
		until(t, "no leader", func() bool { return all[0].View().State == "no_leader" })
		if err := all[0].Leave(t.Context()); err == nil || !strings.Contains(err.Error(), "nobody leads the pack") {
			t.Errorf("got %v", err)
		}
		l.Split()
		leaderOf(t, all...)
		if all[0].View().State == "left" {
			t.Error("it has left")
		}
	})
}

func TestADeadNodeIsRemoved(t *testing.T) {
	inTheEther(t, 1, func(t *testing.T, l *lab) {
		all, _ := elected(t, l)
		f := l.start(t, "f", "10.0.0.9", "    join: [10.0.0.2]\n    pack: follower\n")
		first := leaderOf(t, all...)
		f.follows(t, first.name)
		rest := without(all, first)
		gone, other := rest[0], rest[1]
		for name, want := range map[string]string{gone.name: "is there; it can leave", first.name: "is there; it can leave", "z": `no node "z"`} {
			for _, n := range []*node{first, other, f} {
				if err := n.Remove(t.Context(), name); err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%s is removed on %s: %v", name, n.name, err)
				}
			}
		}
		l.Split(gone.opts.Interface)
		for _, n := range []*node{first, other, f} {
			until(t, "it to be dead", func() bool { return n.state(gone.name) == Dead })
		}
		if err := f.Remove(t.Context(), gone.name); err != nil { // which the leader does
			t.Fatal(err)
		}
		for _, n := range []*node{first, other, f} {
			if s := n.state(gone.name); s != "" {
				t.Errorf("%s knows it as %s", n.name, s)
			}
		}
		until(t, "two voters", func() bool { return !strings.Contains(first.voting()+other.voting(), gone.name) })
		l.Split(gone.opts.Interface, other.opts.Interface)
		until(t, "no leader", func() bool { return first.View().State == "no_leader" && f.View().State == "no_leader" })
		for _, n := range []*node{first, f} {
			if err := n.Remove(t.Context(), other.name); err == nil || !strings.Contains(err.Error(), "nobody leads") {
				t.Errorf("got %v", err)
			}
		}
		l.Split()
		until(t, "three voters", func() bool { return leaderOf(t, all...) != nil && first.voting() == "a b c" })
	})
}

func TestADeadNodeIsRemovedFromAPackWithAFixedLeader(t *testing.T) {
	inTheEther(t, 1, func(t *testing.T, l *lab) {
		a := l.start(t, "a", "10.0.0.2", "    join: [10.0.0.3]\n")
		b := l.start(t, "b", "10.0.0.3", "    join: [10.0.0.2]\n    pack: follower\n")
		c := l.start(t, "c", "10.0.0.4", "    join: [10.0.0.2]\n    pack: follower\n")
		c.follows(t, "a")
		b.follows(t, "a")
		l.Split("10.0.0.2")
		until(t, "a to be dead", func() bool { return b.state("a") == Dead && c.state("a") == Dead })
		if err := b.Remove(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		if b.state("a") != "" || c.state("a") != "" {
			t.Error("it is still known")
		}
		l.Split()
		a.follows(t, "a")
		b.follows(t, "a") // it is asked for by its address in join
		c.follows(t, "a")
	})
}
