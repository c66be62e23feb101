package actor

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gambolputty/actor/event"
)

// patient is an input that sends a number whenever it is asked to.
func patient(next <-chan int) Spec {
	return source(func(ctx context.Context, out *Outlet) error {
		for {
			select {
			case n := <-next:
				b := out.Batch("")
				b.New().SetField(number, event.Int(int64(n)))
				if err := out.Emit(b, nil); err != nil {
					return err
				}
			case <-ctx.Done():
				return nil
			}
		}
	})
}

func do(t *testing.T, g *Graph, c Command, id string) {
	t.Helper()
	if err := g.Do(c, id); err != nil {
		t.Fatal(err)
	}
}

func TestAPausedInputWaits(t *testing.T) {
	for _, stop := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			next := make(chan int)
			var r recorder
			g := graph(t, Settings{}, stage("in", patient(next), "out"), stage("out", r.spec()))
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error)
			go func() { done <- g.Run(ctx) }()
			next <- 0
			synctest.Wait()
			do(t, g, Pause, "in")
			do(t, g, Pause, "in")
			next <- 1
			synctest.Wait()
			if len(r.got) != 1 || !g.Status()[0].Paused {
				t.Errorf("%d events came", len(r.got))
			}
			if !stop {
				do(t, g, Resume, "in")
				synctest.Wait()
				if len(r.got) != 2 || g.Status()[0].Paused {
					t.Errorf("%d events came after the pause", len(r.got))
				}
			}
			cancel() // what was accepted arrives, paused or not
			if err := <-done; err != nil {
				t.Error(err)
			}
			r.wantOrder(t, 2)
			if err := g.Do(Pause, "in"); err == nil {
				t.Error("an input that has ended can be paused")
			}
		})
	}
}

func TestARestartLosesNothing(t *testing.T) {
	var built sync.Map
	counted := func(id string, s Spec) Spec {
		build := s.Build
		s.Build = func(e Env, o any) (any, error) {
			n, _ := built.LoadOrStore(id, new(atomic.Int32))
			n.(*atomic.Int32).Add(1)
			return build(e, o)
		}
		return s
	}
	hold := DefineProcessor(Info{Name: "Proc", Role: Misc}, none{}, func(Env, none) (Processor, error) { return &gather{every: time.Hour}, nil })
	synctest.Test(t, func(t *testing.T) {
		next := make(chan int)
		var r recorder
		pool := stage("pool", counted("pool", processor(each(func(*event.Event) {}))), "hold")
		pool.Workers = 3
		g := graph(t, Settings{}, stage("in", counted("in", patient(next)), "pool"), pool,
			stage("hold", counted("hold", hold), "out"), stage("out", counted("out", r.spec())))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- g.Run(ctx) }()
		for i := range 5 {
			next <- i
			synctest.Wait()
			for _, id := range []string{"pool", "hold", "out"} {
				do(t, g, Restart, id)
				synctest.Wait()
			}
		}
		if len(r.got) > 0 {
			t.Errorf("%d events came too early", len(r.got))
		}
		do(t, g, Flush, "hold")
		synctest.Wait()
		r.wantOrder(t, 5)
		do(t, g, Restart, "in")
		synctest.Wait()
		next <- 5
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		r.wantOrder(t, 6)
		balance(t, g)
		for _, s := range g.Status() {
			if s.Meter.Restarts.Load() > 0 {
				t.Errorf("%s: a restart that was asked for is no failure", s.ID)
			}
		}
	})
	for id, want := range map[string]int32{"in": 2, "pool": 18, "hold": 6, "out": 6} {
		n, _ := built.Load(id)
		if got := n.(*atomic.Int32).Load(); got != want {
			t.Errorf("%s was built %d times, want %d", id, got, want)
		}
	}
}

type bulky struct{ Bulk }

func TestAFlushEndsTheWaitForMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := make(chan int)
		var r recorder
		out := stage("out", r.spec())
		out.Opts = &bulky{Bulk{BatchSize: 100, BacklogSize: 100, StoreInterval: time.Hour}}
		out.Spec.Build = func(Env, any) (any, error) { return r.spec().Build(Env{}, &none{}) }
		g := graph(t, Settings{}, stage("in", patient(next), "out"), out)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- g.Run(ctx) }()
		next <- 0
		synctest.Wait()
		if len(r.got) > 0 {
			t.Error("the event did not wait for others")
		}
		do(t, g, Flush, "out")
		synctest.Wait()
		r.wantOrder(t, 1)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestWhatAModuleCannotDoIsRefused(t *testing.T) {
	g := graph(t, Settings{}, stage("in", counting(1, 1, nil), "out"), stage("out", new(recorder).spec()))
	for _, c := range []struct {
		command Command
		id      string
	}{{Pause, "out"}, {Flush, "in"}, {Flush, "out"}, {"dance", "in"}} {
		if _, ok := errors.AsType[*Refusal](g.Do(c.command, c.id)); !ok {
			t.Errorf("%s may %s", c.id, c.command)
		}
	}
	if err := g.Do(Restart, "nobody"); !errors.Is(err, ErrNoModule) {
		t.Error(err)
	}
}
