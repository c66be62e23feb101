package actor

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"gambolputty/actor/ack"
	"gambolputty/actor/event"
)

// throne is a Chief that is told whether it leads.
type throne struct {
	mu   sync.Mutex
	on   bool
	news chan struct{}
}

func (c *throne) Serve(ctx context.Context) error { <-ctx.Done(); return nil }

func (c *throne) Leads() bool { c.mu.Lock(); defer c.mu.Unlock(); return c.on }

func (c *throne) Changes() <-chan struct{} { c.mu.Lock(); defer c.mu.Unlock(); return c.news }

func (c *throne) lead(on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.on = on
	close(c.news)
	c.news = make(chan struct{})
}

// inTurn runs an input that runs while the process leads, in a bubble of synctest.
func inTurn(t *testing.T, spec Spec, out Spec, test func(*Graph, *throne)) {
	t.Helper()
	c := &throne{news: make(chan struct{})}
	in := stage("in", spec, "out")
	in.Leads = "pack"
	nodes := []Node{in, stage("out", out), stage("pack", DefineService(Info{Name: "Throne", Role: StandAlone}, none{}, func(Env, none) (Service, error) { return c, nil }))}
	for i := range nodes[1:] {
		nodes[1+i].Origin = "the same"
	}
	g := graph(t, Settings{}, nodes...)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- g.Run(ctx) }()
	synctest.Wait()
	test(g, c)
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// opened counts the instances of an input that are open.
type opened struct {
	open atomic.Int32
	ever atomic.Int32
	next chan int
}

func (o *opened) Open(context.Context) error  { o.open.Add(1); o.ever.Add(1); return nil }
func (o *opened) Close(context.Context) error { o.open.Add(-1); return nil }

func (o *opened) Run(ctx context.Context, out *Outlet) error {
	stage, err := patient(o.next).Build(Env{}, &none{})
	if err != nil {
		return err
	}
	return stage.(Source).Run(ctx, out)
}

func (o *opened) spec() Spec {
	return DefineSource(Info{Name: "Source", Role: Input}, none{}, func(Env, none) (Source, error) { return o, nil })
}

func TestAnInputRunsWhileTheProcessLeads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r recorder
		o := &opened{next: make(chan int)}
		inTurn(t, o.spec(), r.spec(), func(g *Graph, c *throne) {
			if s := g.Status()[0]; !s.Paused || !s.Standby || s.Ended || o.ever.Load() != 0 || Phase(g.phase.Load()) != Running {
				t.Errorf("before: %+v, opened %d times, %v", s, o.ever.Load(), g.phase.Load())
			}
			if err := g.Do(Resume, "in"); err == nil {
				t.Error("it can be resumed by hand")
			}
			for turn := range 2 {
				c.lead(true)
				synctest.Wait()
				if s := g.Status()[0]; s.Paused || s.Standby || o.open.Load() != 1 {
					t.Errorf("leading: %+v, %d open", s, o.open.Load())
				}
				o.next <- turn
				c.lead(false)
				synctest.Wait()
				if s := g.Status()[0]; !s.Standby || o.open.Load() != 0 {
					t.Errorf("after: %+v, %d open", s, o.open.Load())
				}
			}
			if n := g.Status()[0].Meter.Restarts.Load(); n != 0 {
				t.Errorf("%d restarts were counted, as if it had failed", n)
			}
		})
		r.wantOrder(t, 2)
	})
}

func TestAnInputThatEndsWhileItLeadsIsNotRunAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r recorder
		three := source(func(_ context.Context, out *Outlet) error {
			for n := range 3 {
				b := out.Batch("")
				b.New().SetField(number, event.Int(int64(n)))
				if err := out.Emit(b, nil); err != nil {
					return err
				}
			}
			return nil
		})
		inTurn(t, three, r.spec(), func(g *Graph, c *throne) {
			c.lead(true)
			synctest.Wait()
			c.lead(false)
			c.lead(true)
			synctest.Wait()
			if s := g.Status()[0]; !s.Ended || s.Standby {
				t.Errorf("%+v", s)
			}
		})
		r.wantOrder(t, 3)
	})
}

// What was accepted is delivered before the instance is closed, paused or not.
func TestAnInputThatMustStopDrains(t *testing.T) {
	for _, paused := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			var r recorder
			room := make(chan struct{})
			answers := make(chan error, 1)
			in := source(func(ctx context.Context, out *Outlet) error {
				b := out.Batch("")
				b.New().SetField(number, event.Int(0))
				if err := out.Emit(b, ack.New(func(err error) { answers <- err })); err != nil {
					return err
				}
				<-ctx.Done()
				return nil
			})
			slow := sink(func(_ context.Context, b *Batch) error { <-room; return r.write(b) })
			inTurn(t, in, slow, func(g *Graph, c *throne) {
				if paused {
					do(t, g, Pause, "in")
				}
				c.lead(true)
				synctest.Wait()
				c.lead(false)
				synctest.Wait()
				if g.Status()[0].Standby {
					t.Error("it waits again before all is delivered")
				}
				close(room)
				synctest.Wait()
				if err := <-answers; err != nil || !g.Status()[0].Standby {
					t.Errorf("answered %v, %+v", err, g.Status()[0])
				}
			})
			r.wantOrder(t, 1)
		})
	}
}

func TestAnInputThatCannotBeBuiltIsFoundAtTheStart(t *testing.T) {
	bad := errors.New("a setting that does not work")
	in := stage("in", DefineSource(Info{Name: "Source", Role: Input}, none{}, func(Env, none) (Source, error) { return nil, bad }), "out")
	in.Leads = "pack"
	c := &throne{news: make(chan struct{})}
	var r recorder
	g := graph(t, Settings{}, in, stage("out", r.spec()),
		stage("pack", DefineService(Info{Name: "Throne", Role: StandAlone}, none{}, func(Env, none) (Service, error) { return c, nil })))
	if err := g.Run(t.Context()); !errors.Is(err, ErrStart) || !errors.Is(err, bad) {
		t.Errorf("got %v", err)
	}
}

// A reload replaces an input that waits, and the next one waits as well.
func TestAReloadOfAnInputThatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r recorder
		former, next := &opened{next: make(chan int)}, &opened{next: make(chan int)}
		inTurn(t, former.spec(), r.spec(), func(g *Graph, c *throne) {
			settings, nodes := g.definition()
			nodes[0].Spec = next.spec()
			change, err := g.Reload(settings, nodes...)
			if err != nil || len(change.Replaced) != 1 || len(change.Kept) != 2 {
				t.Fatalf("%+v %v", change, err)
			}
			synctest.Wait()
			if s := g.Status()[0]; !s.Standby || next.ever.Load() != 0 {
				t.Errorf("%+v", s)
			}
			c.lead(true)
			synctest.Wait()
			next.next <- 0
			if former.ever.Load() != 0 {
				t.Error("the former one was opened")
			}
			nodes[2].Origin = "another"
			if _, err := g.Reload(settings, nodes...); !errors.Is(err, ErrRestart) {
				t.Errorf("the pack was replaced under it: %v", err)
			}
		})
		r.wantOrder(t, 1)
	})
}
