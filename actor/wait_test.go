package actor_test

import (
	"context"
	"testing"

	"gambolputty/actor"
)

type waiter bool

func (waiter) Serve(ctx context.Context) error { <-ctx.Done(); return nil }

func (w waiter) Waits() bool { return bool(w) }

func TestAServiceThatWaitsKeepsTheProgramGoing(t *testing.T) {
	for _, waits := range []bool{false, true} {
		spec := actor.DefineService(actor.Info{Name: "Waiter", Role: actor.StandAlone}, struct{}{},
			func(actor.Env, struct{}) (actor.Service, error) { return waiter(waits), nil })
		started := make(chan struct{})
		g, err := actor.New(actor.Settings{Ready: func() { close(started) }}, actor.Node{ID: "Waiter", Spec: spec, Opts: spec.Options()})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- g.Run(ctx) }()
		<-started
		if waits {
			if _, err := g.Reload(actor.Settings{}, actor.Node{ID: "Waiter", Spec: spec, Opts: spec.Options(), Origin: "x"}); err != nil {
				t.Error(err)
			}
			select {
			case <-done:
				t.Error("it has ended")
			default:
			}
			stop()
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		stop()
	}
}
