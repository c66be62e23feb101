package packconfiguration

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gambolputty/config"
	"gambolputty/stages/cluster/pack"
)

// These tests are named after what a pack must do.

func TestChangedModulesAreReplacedRemovedOnesGoAndTheOrderIsFollowed(t *testing.T) {
	leader := start(t, "- Sink: {id: a, a: one}\n- Sink: {id: b}\n- Sink: {id: c}\n", "leader", "127.0.80.2", port(20), "")
	f := start(t, "- Sink: {id: own}\n", "follower", "127.0.80.3", port(20), "")
	until(t, "all of them", func() bool { return f.runs() == "own a=one b c" })
	leader.write("- Sink: {id: a, a: two}\n- Sink: {id: b}\n- Sink: {id: c}\n")
	until(t, "the change", func() bool { return f.runs() == "own a=two b c" })
	leader.write("- Sink: {id: a, a: two}\n- Sink: {id: c}\n")
	until(t, "the removal", func() bool { return f.runs() == "own a=two c" })
	leader.write("- Sink: {id: c}\n- Sink: {id: a, a: two}\n")
	until(t, "the order", func() bool { return f.runs() == "own c a=two" })
}

func TestNumbersGrowAlsoOverARestartOfTheLeader(t *testing.T) {
	cache := filepath.Join(t.TempDir(), "leader.pack")
	leader := start(t, "- Sink: {id: x}\n", "leader", "127.0.81.2", port(21), ", cache_file: "+cache)
	f := start(t, "- Sink: {id: own}\n", "follower", "127.0.81.3", port(21), "")
	leader.is(t, "follower", InSync)
	first := f.view()
	leader.write("- Sink: {id: y}\n")
	until(t, "the second", func() bool { return f.view().N == 2 && f.view().State == InSync })
	_, taken := f.got()
	leader.Stop()
	leader = start(t, "- Sink: {id: y}\n", "leader", "127.0.81.2", port(21), ", cache_file: "+cache)
	leader.is(t, "follower", InSync)
	if v := f.view(); v.N != 2 || v.Term <= first.Term {
		t.Errorf("a file that is the same became %+v after %+v", v, first)
	}
	if _, now := f.got(); now != taken {
		t.Error("the same revision was put into effect again")
	}
	leader.Stop()
	leader = start(t, "- Sink: {id: z}\n", "leader", "127.0.81.2", port(21), ", cache_file: "+cache)
	until(t, "the third", func() bool { return f.view().N == 3 && f.runs() == "own z" })
	if list := leader.History().Revisions; len(list) != 3 || list[0].N != 3 || !list[0].Runs || list[2].Hash != first.Hash {
		t.Errorf("%+v", list)
	}
}

func TestALeaderTakesNoConfiguration(t *testing.T) {
	leader := start(t, "- Sink: {id: x}\n", "leader", "127.0.82.2", port(22), "")
	f := start(t, "- Sink: {id: own}\n", "follower", "127.0.82.3", port(22), "")
	leader.is(t, "follower", InSync)
	text, err := json.Marshal(made(leader.view().Term+1, 9, "evil"))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.pack.Send(t.Context(), "leader", actionRevision, text); err == nil || !strings.Contains(err.Error(), "is not the leader") {
		t.Errorf("got %v", err)
	}
	if err := leader.pack.Send(t.Context(), "leader", actionRevision, text); err == nil {
		t.Error("it takes its own")
	}
	if _, n := leader.got(); n != 0 || leader.runs() != "x" {
		t.Errorf("the leader runs %s", leader.runs())
	}
}

// made is a revision with modules of the given ids.
func made(term, n int64, ids ...string) revision {
	r := revision{Pack: "test", Leader: "leader", Term: term, N: n, Modules: []config.Shared{}}
	for _, id := range ids {
		r.Modules = append(r.Modules, config.Shared{ID: id, Class: "Sink", Declared: true, Text: "- Sink: {id: " + id + "}\n"})
	}
	r.Hash = config.HashShared(r.Modules)
	return r
}

func TestAModuleThatAnOlderFollowerDoesNotKnowIsAnErrorThere(t *testing.T) {
	leader := start(t, "- Sink: {id: x}\n", "leader", "127.0.83.2", port(23), "")
	f := start(t, "- Sink: {id: own}\n", "follower", "127.0.83.3", port(23), "")
	f.fake.mu.Lock()
	f.older = true
	f.fake.mu.Unlock()
	leader.is(t, "follower", InSync)
	leader.write("- Sink: {id: x}\n- Later\n")
	if r := leader.is(t, "follower", Rejected); !strings.Contains(r.Error, `unknown module "Later"`) {
		t.Errorf("%+v", r)
	}
	if f.runs() != "own x" {
		t.Errorf("it runs %s", f.runs())
	}
}

func TestAConfigurationOver16MiBIsNotGiven(t *testing.T) {
	leader := start(t, "- Sink: {id: x}\n", "leader", "127.0.84.2", port(24), "")
	f := start(t, "- Sink: {id: own}\n", "follower", "127.0.84.3", port(24), "")
	leader.is(t, "follower", InSync)
	leader.become("- Sink: {id: x, a: '" + strings.Repeat("\"", pack.MaxMessage/2) + "'}\n")
	until(t, "the error", func() bool { return strings.Contains(leader.Log(), "larger than 16 MiB") })
	if leader.view().N != 1 || f.runs() != "own x" {
		t.Errorf("%+v, %s", leader.view(), f.runs())
	}
	leader.become("- Sink: {id: y}\n")
	until(t, "the next one", func() bool { return f.runs() == "own y" })
}

func TestAFollowerWithoutModulesWaits(t *testing.T) {
	f := start(t, "", "follower", "127.0.85.3", port(25), "")
	if v := f.view(); v.State != Waiting || !f.Waits() {
		t.Errorf("%+v", v)
	}
	leader := start(t, "- Sink: {id: x}\n", "leader", "127.0.85.2", port(25), "")
	leader.is(t, "follower", InSync)
	if f.runs() != "x" {
		t.Errorf("it runs %s", f.runs())
	}
}

func TestALeaderThatGoesIsMissedOnceAndTheNextOneIsFollowed(t *testing.T) {
	leader := start(t, "- Sink: {id: x}\n", "leader", "127.0.86.2", port(26), "")
	f := start(t, "", "follower", "127.0.86.3", port(26), "")
	leader.is(t, "follower", InSync)
	leader.Stop()
	until(t, "the loss", func() bool { return strings.Contains(f.Log(), "nobody leads the pack any more") })
	if f.runs() != "x" {
		t.Errorf("it runs %s", f.runs())
	}
	leader = start(t, "- Sink: {id: y}\n", "leader", "127.0.86.2", port(26), "")
	leader.is(t, "follower", InSync)
	until(t, "the next", func() bool { return f.runs() == "y" })
	if n := strings.Count(f.Log(), "nobody leads the pack any more"); n != 1 {
		t.Errorf("it was told %d times", n)
	}
}

func TestTheHistoryIsTheOwnersAlone(t *testing.T) {
	cache := filepath.Join(t.TempDir(), "leader.pack")
	leader := start(t, "- Sink: {id: x}\n", "leader", "127.0.87.2", port(27), ", cache_file: "+cache)
	until(t, "the file", func() bool {
		info, err := os.Stat(cache + ".history")
		return err == nil && info.Mode().Perm() == 0o600
	})
	for i := range 25 {
		leader.become("- Sink: {id: x" + string(rune('a'+i)) + "}\n")
		until(t, "the revision", func() bool { return leader.view().N == int64(i+2) })
	}
	h := leader.History()
	if len(h.Revisions) != 20 || h.Revisions[0].N != 26 || h.Revisions[19].N != 7 {
		t.Errorf("%+v", h)
	}
}

func TestADamagedHistoryBeginsAnew(t *testing.T) {
	cache := filepath.Join(t.TempDir(), "leader.pack")
	for i, c := range []struct{ text, log string }{
		{"spam", "begins anew"}, {`{"pack":"other","revisions":[]}`, "is of another pack"},
	} {
		if err := os.WriteFile(cache+".history", []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		leader := start(t, "- Sink: {id: x}\n", "leader", "127.0.88.2", port(28+i), ", cache_file: "+cache)
		until(t, "a revision", func() bool { return leader.view().N == 1 && strings.Contains(leader.Log(), c.log) })
		leader.Stop()
	}
}

func TestAHistoryThatCannotBeWrittenIsTriedAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not there")
	leader := start(t, "- Sink: {id: x}\n", "leader", "127.0.89.2", port(30), ", cache_file: '"+filepath.Join(dir, "c")+"'")
	f := start(t, "", "follower", "127.0.89.3", port(30), "")
	leader.is(t, "follower", InSync)
	until(t, "the error", func() bool { return strings.Contains(leader.Log(), "history of revisions could not be written") })
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	until(t, "the file", func() bool { _, err := os.Stat(filepath.Join(dir, "c.history")); return err == nil })
	if f.runs() != "x" {
		t.Errorf("it runs %s", f.runs())
	}
}

// before is the revision in the history with a number.
func (m *member) entry(n int64) Entry {
	for _, e := range m.History().Revisions {
		if e.N == n {
			return e
		}
	}
	return Entry{}
}

func TestTheLeaderWaitsForApprovalBeforeAnyNodeGetsTheRevision(t *testing.T) {
	cache := filepath.Join(t.TempDir(), "leader.pack")
	options := ", approve: manual, cache_file: " + cache
	leader := start(t, "- Sink: {id: x}\n", "leader", "127.0.90.2", port(31), options)
	f := start(t, "", "follower", "127.0.90.3", port(31), "")
	until(t, "something to approve", func() bool { return leader.view().Waiting != nil })
	if v := leader.view(); v.Waiting.N != 1 || f.view().State != Waiting {
		t.Fatalf("%+v", v)
	}
	who := Who{"brian", "192.0.2.1", "page"}
	if err := leader.Approve(t.Context(), who, leader.view().Waiting.Hash); err != nil {
		t.Fatal(err)
	}
	leader.is(t, "follower", InSync)

	leader.write("- Sink: {id: y}\n")
	until(t, "the second", func() bool { return leader.view().Waiting != nil })
	d, err := leader.Difference(0)
	if got := Unified("a", "b", d.Before.Text, d.After.Text); err != nil || got != "--- a\n+++ b\n@@ -1 +1 @@\n-- Sink: {id: x}\n+- Sink: {id: y}\n" {
		t.Errorf("%v %s", err, got)
	}
	leader.write("- Sink: {id: z}\n")
	until(t, "the third", func() bool { w := leader.view().Waiting; return w != nil && w.N == 3 })
	if f.runs() != "x" || leader.entry(2).Stage != Superseded {
		t.Errorf("%s runs, %+v", f.runs(), leader.entry(2))
	}
	leader.Stop()
	leader = start(t, "- Sink: {id: z}\n", "leader", "127.0.90.2", port(31), options)
	until(t, "it to wait again", func() bool { w := leader.view().Waiting; return w != nil && w.N == 3 })
	leader.is(t, "follower", InSync)
	if f.runs() != "x" {
		t.Errorf("%s runs", f.runs())
	}
	if err := leader.Approve(t.Context(), who, leader.view().Waiting.Hash); err != nil {
		t.Fatal(err)
	}
	until(t, "its use", func() bool { return f.runs() == "z" && f.view().N == 3 })
	h := leader.History()
	if len(h.Actions) != 2 || h.Actions[0].Action != "approve" || h.Actions[0].Who != who || h.Actions[0].N != 3 || h.Actions[0].Hash != f.view().Hash {
		t.Errorf("%+v", h.Actions)
	}
	if log := leader.Log(); !strings.Contains(log, "pack action: approve") || !strings.Contains(log, "user=brian address=192.0.2.1 via=page revision=3 hash="+f.view().Hash) {
		t.Error(log)
	}
}

func TestRollback(t *testing.T) {
	cache := filepath.Join(t.TempDir(), "leader.pack")
	options := ", ignore_modules: [mine], cache_file: " + cache
	one, two := "- Sink: {id: mine}\n- Sink: {id: x, a: one}\n- Sink: {id: gone}\n", "- Sink: {id: mine}\n- Sink: {id: x, a: two}\n"
	leader := start(t, one, "leader", "127.0.91.2", port(32), options)
	f := start(t, "", "follower", "127.0.91.3", port(32), "")
	who := Who{"brian", "192.0.2.1", "cli"}
	leader.is(t, "follower", InSync)
	if _, err := leader.Rollback(t.Context(), who, 0); err == nil || !strings.Contains(err.Error(), "no former revision") {
		t.Errorf("got %v", err)
	}
	leader.write(two)
	until(t, "the second", func() bool { return f.runs() == "x=two" })
	for number, want := range map[int64]string{2: "is what runs", 7: "is not in the history"} {
		if _, err := leader.Rollback(t.Context(), who, number); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%d: got %v", number, err)
		}
	}
	if _, err := f.Rollback(t.Context(), who, 0); err == nil || !strings.Contains(err.Error(), "leader leads the pack") {
		t.Errorf("got %v", err)
	}
	n, err := leader.Rollback(t.Context(), who, 0)
	if err != nil || n != 3 {
		t.Fatal(n, err)
	}
	until(t, "the first again", func() bool { return f.runs() == "x=one gone" && f.view().N == 3 })
	if leader.runs() != "mine x=one gone" {
		t.Errorf("the leader runs %s", leader.runs())
	}
	if e := leader.entry(3); e.Note != "rollback of 2 to 1" || e.By != "brian at 192.0.2.1 (cli)" || e.Hash != leader.entry(1).Hash {
		t.Errorf("%+v", e)
	}
	if a := leader.History().Actions; len(a) != 1 || a[0].Action != "rollback" || a[0].Who != who {
		t.Errorf("%+v", a)
	}

	// The file holds what was rolled back. Neither a look at it nor a reload nor a restart brings it back.
	leader.write("# looked at\n" + two)
	until(t, "the look", func() bool {
		leader.fake.mu.Lock()
		defer leader.fake.mu.Unlock()
		return strings.HasPrefix(leader.own, "#")
	})
	leader.become(two)
	leader.Stop()
	leader = start(t, two, "leader", "127.0.91.2", port(32), options)
	leader.is(t, "follower", InSync)
	if leader.runs() != "mine x=one gone" || f.runs() != "x=one gone" || f.view().N != 3 {
		t.Errorf("%s, %s, %+v", leader.runs(), f.runs(), f.view())
	}

	// A change of the file does.
	leader.write("- Sink: {id: mine}\n- Sink: {id: x, a: three}\n")
	until(t, "the fourth", func() bool { return f.runs() == "x=three" && f.view().N == 4 })
	if leader.runs() != "mine x=three" {
		t.Errorf("the leader runs %s", leader.runs())
	}
	leader.write(two) // which counts now like any other
	until(t, "the fifth", func() bool { return f.runs() == "x=two" && leader.runs() == "mine x=two" })
	if n, err := leader.Rollback(t.Context(), who, 1); err != nil || n != 6 {
		t.Fatal(n, err)
	}
	until(t, "the sixth", func() bool { return f.runs() == "x=one gone" })
}

func TestARollbackToWhatDoesNotRunOnTheLeaderIsRefused(t *testing.T) {
	leader := start(t, "- Sink: {id: x}\n", "leader", "127.0.92.2", port(33), "")
	f := start(t, "", "follower", "127.0.92.3", port(33), "")
	leader.is(t, "follower", InSync)
	leader.write("- Sink: {id: y}\n")
	until(t, "the second", func() bool { return f.runs() == "y" })
	leader.fail(errors.New("the port is taken"))
	if _, err := leader.Rollback(t.Context(), Who{User: "brian"}, 0); err == nil || !strings.Contains(err.Error(), "the port is taken") {
		t.Errorf("got %v", err)
	}
	if leader.runs() != "y" || leader.view().N != 2 {
		t.Errorf("%s %+v", leader.runs(), leader.view())
	}
}

func TestALeaderThatCannotGoBackAfterARestartGivesNothingThatWasRolledBack(t *testing.T) {
	cache := filepath.Join(t.TempDir(), "leader.pack")
	options := ", cache_file: " + cache
	leader := start(t, "- Sink: {id: x}\n", "leader", "127.0.105.2", port(47), options)
	f := start(t, "", "follower", "127.0.105.3", port(47), "")
	leader.is(t, "follower", InSync)
	leader.write("- Later\n")
	until(t, "the second", func() bool { return f.runs() == "Later" })
	if _, err := leader.Rollback(t.Context(), Who{User: "brian"}, 1); err != nil {
		t.Fatal(err)
	}
	until(t, "the first again", func() bool { return f.runs() == "x" })
	leader.Stop()

	failing := errors.New("the port is taken")
	leader = startFailing(t, failing, "leader", "- Later\n", "leader", "127.0.105.2", port(47), options)
	leader.is(t, "follower", InSync)
	until(t, "the error", func() bool { return strings.Contains(leader.Log(), "the leader cannot go back") })
	leader.become("# a comment\n- Later\n")
	leader.write("- Later\n- Sink: {id: y}\n")
	until(t, "what is new", func() bool { return f.runs() == "Later y" })
	for _, e := range leader.History().Revisions[1:] {
		if e.N > 3 {
			t.Errorf("%+v", e)
		}
	}
}

func TestARollbackOfARollback(t *testing.T) {
	leader := start(t, "- Sink: {id: x}\n", "leader", "127.0.106.2", port(48), "")
	f := start(t, "", "follower", "127.0.106.3", port(48), "")
	leader.is(t, "follower", InSync)
	leader.write("- Sink: {id: y}\n")
	until(t, "the second", func() bool { return f.runs() == "y" })
	for i, want := range []string{"x", "y", "x"} {
		if n, err := leader.Rollback(t.Context(), Who{User: "brian"}, 0); err != nil || n != int64(i+3) {
			t.Fatal(n, err)
		}
		until(t, want, func() bool { return f.runs() == want && leader.runs() == want })
	}
}
