package packconfiguration

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"gambolputty/actor"
	"gambolputty/actor/actortest"
	"gambolputty/stages/cluster/pack"
)

// canaries starts a leader with two followers that all have the first revision.
func canaries(t *testing.T, net string, p int, options string) (leader, a, b *member) {
	t.Helper()
	leader = startAs(t, "leader", "- Sink: {id: x}\n", "leader", net+".2", p, options)
	a = startAs(t, "a", "", "follower", net+".3", p, "")
	b = startAs(t, "b", "", "follower", net+".4", p, "")
	leader.is(t, "a", InSync)
	leader.is(t, "b", InSync) // the first revision goes to all, as there is nothing to go back to
	return leader, a, b
}

func TestARevisionGoesToACanaryFirstAndThenToAll(t *testing.T) {
	leader, a, b := canaries(t, "127.0.93", port(34), ", canary: 1, canary_time: 1h")
	leader.write("- Sink: {id: y}\n")
	leader.is(t, "a", Canary)
	leader.is(t, "b", Pending)
	if v := leader.view(); a.runs() != "y" || b.runs() != "x" || v.Canary == nil || v.Canary.N != 2 || leader.entry(2).Stage != Staged {
		t.Fatalf("%s, %s, %+v", a.runs(), b.runs(), v)
	}
	if d, err := leader.Difference(0); err != nil || d.Before.N != 1 || d.After.N != 2 {
		t.Errorf("%+v %v", d, err)
	}
	leader.write("- Sink: {id: z}\n") // another one meanwhile goes to the same
	until(t, "the next on the canary", func() bool { return a.runs() == "z" })
	if b.runs() != "x" || leader.entry(2).Stage != Superseded {
		t.Errorf("%s %+v", b.runs(), leader.entry(2))
	}
}

func TestTheNextRevisionGoesToTheSameCanaries(t *testing.T) {
	options := ", canary: 1, canary_time: 1h"
	leader := startAs(t, "leader", "- Sink: {id: x}\n", "leader", "127.0.103.2", port(45), options)
	b := startAs(t, "b", "", "follower", "127.0.103.4", port(45), "")
	leader.is(t, "b", InSync)
	leader.write("- Sink: {id: y}\n")
	leader.is(t, "b", Canary)
	a := startAs(t, "a", "", "follower", "127.0.103.3", port(45), "")
	until(t, "what all have", func() bool { return a.runs() == "x" })
	leader.write("- Sink: {id: z}\n")
	until(t, "the next one", func() bool { return b.runs() == "z" })
	leader.is(t, "b", Canary)
	if a.runs() != "x" {
		t.Errorf("the other runs %s", a.runs())
	}
}

func TestARevisionThatWaitsIsRefusedByARollback(t *testing.T) {
	leader := start(t, "- Sink: {id: x}\n", "leader", "127.0.104.2", port(46), ", approve: manual")
	f := start(t, "", "follower", "127.0.104.3", port(46), "")
	until(t, "something to approve", func() bool { return leader.view().Waiting != nil })
	if err := leader.Approve(t.Context(), Who{User: "brian"}, leader.view().Waiting.Hash); err != nil {
		t.Fatal(err)
	}
	leader.is(t, "follower", InSync)
	leader.write("- Sink: {id: y}\n")
	until(t, "the next to approve", func() bool { return leader.view().Waiting != nil })
	if n, err := leader.Rollback(t.Context(), Who{User: "brian"}, 0); err != nil || n != 3 {
		t.Fatal(n, err)
	}
	until(t, "the end of it", func() bool { return leader.view().Waiting == nil && leader.runs() == "x" && f.view().N == 3 })
	if _, taken := f.got(); taken != 1 || leader.entry(2).Stage != Superseded {
		t.Errorf("%d, %+v", taken, leader.entry(2))
	}
}

func TestARevisionThatProvesItselfIsGivenToAll(t *testing.T) {
	leader, a, b := canaries(t, "127.0.94", port(35), ", canary: 1, canary_time: 100ms")
	leader.write("- Sink: {id: y}\n")
	until(t, "all of them", func() bool { return a.runs() == "y" && b.runs() == "y" })
	leader.is(t, "b", InSync)
	leader.is(t, "a", InSync)
	log := leader.Log()
	first, passed := strings.Index(log, "a node gets the revision before the others"), strings.Index(log, "has proved itself")
	if first < 0 || passed < first || leader.entry(2).Stage != Given {
		t.Errorf("%+v\n%s", leader.entry(2), log)
	}
}

func TestARevisionThatFailsOnACanaryIsTakenBackEverywhere(t *testing.T) {
	leader, a, b := canaries(t, "127.0.95", port(36), ", canary: 1, canary_time: 1h")
	a.fail(errors.New("the port is taken"))
	leader.write("- Sink: {id: y}\n")
	until(t, "the end of it", func() bool { return leader.entry(2).Stage == Stopped })
	a.fail(nil)
	leader.is(t, "a", InSync)
	leader.is(t, "b", InSync)
	if a.runs() != "x" || b.runs() != "x" || leader.runs() != "x" {
		t.Errorf("%s, %s, %s", a.runs(), b.runs(), leader.runs())
	}
	if e := leader.entry(2); e.Note != "node a: rolled_back: the port is taken" {
		t.Errorf("%+v", e)
	}
	if e := leader.entry(3); e.Note != "rollback of 2 to 1" || e.Hash != leader.entry(1).Hash || !e.Runs {
		t.Errorf("%+v", e)
	}
	if !strings.Contains(leader.Log(), "the revision has failed and is taken back, the other nodes do not get it") {
		t.Error(leader.Log())
	}
}

func TestACanaryThatFailsLaterGoesBackAlsoIfTheLeaderCannot(t *testing.T) {
	leader, a, b := canaries(t, "127.0.96", port(37), ", canary: 1, canary_time: 1h")
	leader.write("- Sink: {id: y}\n")
	leader.is(t, "a", Canary)
	leader.fail(errors.New("the port is taken"))
	a.node.env.Ailing("server", "the server does not answer")
	until(t, "the former one", func() bool { return a.runs() == "x" && a.view().N == 3 && a.view().State == InSync })
	if b.runs() != "x" || leader.runs() != "y" || leader.entry(3).Note != "rollback of 2 to 1, but not on the leader" {
		t.Errorf("%s, %s, %+v", b.runs(), leader.runs(), leader.entry(3))
	}
	if e := leader.entry(2); !strings.Contains(e.Note, "the server does not answer") {
		t.Errorf("%+v", e)
	}
}

func TestACanaryThatDiesStopsTheRevision(t *testing.T) {
	s := staged{revision: made(1, 2, "x"), canaries: map[string]bool{"a": true}, before: map[string]string{"a": "is ill"}}
	good := Report{Term: 1, N: 2, State: InSync}
	for name, c := range map[string]struct {
		change func(*Report)
		state  string
		why    string
		well   bool
	}{
		"well":                 {func(*Report) {}, "alive", "", true},
		"dead":                 {func(*Report) {}, "dead", "not there any more", false},
		"suspect":              {func(*Report) {}, "suspect", "", true},
		"has not got it":       {func(r *Report) { r.N = 1; r.State = Rejected }, "alive", "", false},
		"rejected":             {func(r *Report) { r.State, r.Error = Rejected, "E013" }, "alive", "rejected: E013", false},
		"rolled back":          {func(r *Report) { r.State = RolledBack }, "alive", "rolled_back", false},
		"waits for approval":   {func(r *Report) { r.State = Pending }, "alive", "", false},
		"ill":                  {func(r *Report) { r.Health = "Sink: no answer" }, "alive", "no answer", false},
		"ill as it was before": {func(r *Report) { r.Health = "is ill" }, "alive", "", true},
	} {
		r := good
		c.change(&r)
		why, well := s.judge(memberOf("a", c.state), r)
		if well != c.well || (why == "") != (c.why == "") || !strings.Contains(why, c.why) {
			t.Errorf("%s: %q %v", name, why, well)
		}
	}
}

func TestACanaryIsOneAlsoAfterARestartOfTheLeader(t *testing.T) {
	cache := filepath.Join(t.TempDir(), "leader.pack")
	options := ", canary: 1, canary_time: 1h, cache_file: " + cache
	leader, a, b := canaries(t, "127.0.97", port(38), options)
	leader.write("- Sink: {id: y}\n")
	leader.is(t, "a", Canary)
	leader.Stop()
	leader = startAs(t, "leader", "- Sink: {id: y}\n", "leader", "127.0.97.2", port(38), options)
	leader.is(t, "a", Canary)
	leader.is(t, "b", Pending)
	if a.runs() != "y" || b.runs() != "x" || leader.view().Canary.N != 2 {
		t.Errorf("%s, %s, %+v", a.runs(), b.runs(), leader.view())
	}
	if n, err := leader.Rollback(t.Context(), Who{User: "brian"}, 0); err != nil || n != 3 {
		t.Fatal(n, err)
	}
	until(t, "the former one", func() bool { return a.runs() == "x" })
	leader.is(t, "a", InSync)
	leader.is(t, "b", InSync)
}

func memberOf(name, state string) pack.Member {
	return pack.Member{Name: name, State: pack.State(state)}
}

func TestAModuleThatHasFailedSinceTheRevisionIsInUseIsAnError(t *testing.T) {
	fail := make(chan struct{})
	var env actor.Env
	var first sync.Once
	fragile := actor.DefineService(actor.Info{Name: "Fragile", Role: actor.StandAlone}, struct{}{}, func(e actor.Env, _ struct{}) (actor.Service, error) {
		first.Do(func() { env = e })
		return breaking(fail), nil
	})
	actortest.Start(t, "- Fragile\n- Lines\n- TestCatch\n", fragile, actortest.Lines(make(chan string)))
	n := &node{env: env}
	once := func() {
		t.Helper()
		fail <- struct{}{}
		until(t, "the restart", func() bool {
			return n.health() != ""
		})
	}
	once()
	if got := n.health(); got != "Fragile: has failed and was started again, 1 times" {
		t.Error(got)
	}
	if n.sound(); n.health() != "" {
		t.Error("what was before counts")
	}
	once()
}

// breaking is a service that fails when it is told to.
type breaking chan struct{}

func (breaking) Open(context.Context) error { return nil }

func (b breaking) Serve(ctx context.Context) error {
	select {
	case <-b:
		return errors.New("it is broken")
	case <-ctx.Done():
		return nil
	}
}
