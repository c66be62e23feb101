package actor

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gambolputty/actor/event"
)

func TestBlockedSinkStopsTheSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent atomic.Int64
		endless := source(func(ctx context.Context, out *Outlet) error {
			for ctx.Err() == nil {
				b := out.Batch("")
				for range 10 {
					b.New()
				}
				if err := out.Emit(b, nil); err != nil {
					return nil
				}
				sent.Add(10)
			}
			return nil
		})
		var got atomic.Int64
		open := make(chan struct{})
		s := sink(func(ctx context.Context, b *Batch) error {
			select {
			case <-open:
			case <-ctx.Done():
				return ctx.Err()
			}
			got.Add(int64(b.Len()))
			return nil
		})
		p := stage("p", processor(each(func(*event.Event) {})), "out")
		p.Inbox = 100
		o := stage("out", s)
		o.Inbox = 100
		g := graph(t, Settings{}, stage("in", endless, "p"), p, o)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- g.Run(ctx) }()
		synctest.Wait()
		if n := sent.Load(); n > 300 {
			t.Errorf("the source sent %d events into a blocked graph", n)
		}
		stop()
		close(open)
		if err := <-done; err != nil {
			t.Error(err)
		}
		if g.byID["in"].meter.Received.Load() != got.Load() {
			t.Errorf("%d events were accepted, %d delivered", g.byID["in"].meter.Received.Load(), got.Load())
		}
	})
}

func TestAbortCountsWhatIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := sink(func(ctx context.Context, b *Batch) error {
			<-ctx.Done()
			return ctx.Err()
		})
		g := graph(t, Settings{}, stage("in", counting(1_000_000, 10, nil), "p"), stage("p", processor(each(func(*event.Event) {})), "out"), stage("out", s))
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- g.Run(ctx) }()
		synctest.Wait()
		stop()
		synctest.Wait()
		g.Abort(ErrForced)
		if err := <-done; !errors.Is(err, ErrForced) {
			t.Errorf("got error %v", err)
		}
		var lost int64
		for _, st := range g.Status() {
			lost += st.Meter.Lost.Load()
		}
		if accepted := g.byID["in"].meter.Received.Load(); lost != accepted {
			t.Errorf("%d events were accepted and none delivered, but %d count as lost", accepted, lost)
		}
	})
}

func TestGraceEndsADrainThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := sink(func(ctx context.Context, b *Batch) error {
			<-ctx.Done()
			return ctx.Err()
		})
		g := graph(t, Settings{Grace: 30 * time.Second}, stage("in", counting(100, 10, nil), "out"), stage("out", s))
		ctx, stop := context.WithCancel(t.Context())
		time.AfterFunc(time.Minute, stop)
		start := time.Now()
		if err := g.Run(ctx); !errors.Is(err, ErrGrace) {
			t.Errorf("got error %v", err)
		}
		if d := time.Since(start); d != 90*time.Second {
			t.Errorf("it took %v", d)
		}
	})
}

func TestStopInTheMiddleDeliversWhatWasAccepted(t *testing.T) {
	for range 20 {
		var r recorder
		p := stage("p", processor(each(func(*event.Event) { runtime.Gosched() })), "out")
		p.Workers = 3
		g := graph(t, Settings{}, stage("in", counting(1_000_000, 10, nil), "p"), p, stage("out", r.spec()))
		ctx, stop := context.WithCancel(t.Context())
		time.AfterFunc(time.Duration(rand.IntN(int(3*time.Millisecond))), stop)
		if err := g.Run(ctx); err != nil {
			t.Fatal(err)
		}
		r.wantOrder(t, int(g.byID["in"].meter.Received.Load()))
		balance(t, g)
	}
}

func TestLoopWithAnExitDrains(t *testing.T) {
	var r recorder
	var rounds atomic.Int64
	turn := processor(func(_ context.Context, b *Batch) error {
		b.Keep(func(e *event.Event) bool {
			rounds.Add(1)
			return e.Hops < 3
		})
		return nil
	})
	run(t, stage("in", counting(1000, 10, nil), "turn"), stage("turn", turn, "again", "out"),
		stage("again", processor(each(func(*event.Event) {})), "turn"), stage("out", r.spec()))
	if rounds.Load() != 4000 || len(r.got) != 3000 {
		t.Errorf("%d rounds were made and %d events came out", rounds.Load(), len(r.got))
	}
}

func TestLoopWithoutEndIsCut(t *testing.T) {
	var r recorder
	pass := processor(each(func(*event.Event) {}))
	g := graph(t, Settings{MaxHops: 5}, stage("in", counting(100, 10, nil), "a"), stage("a", pass, "b"), stage("b", pass, "a", "out"), stage("out", r.spec()))
	if err := g.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(r.got) != 600 {
		t.Errorf("%d events came out, want 600", len(r.got))
	}
	if d := g.byID["b"].meter.Dropped.Load(); d != 100 {
		t.Errorf("%d events were dropped, want 100", d)
	}
}

// Whatever the graph looks like and whoever panics: each event that was accepted comes
// out of every path exactly once.
func TestRandomGraphsLoseNothing(t *testing.T) {
	for seed := range uint64(150) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		var nodes []Node
		depth := 1 + rnd.IntN(4)
		events := 200 + rnd.IntN(800)
		nodes = append(nodes, stage("in", counting(events, 1+rnd.IntN(300), nil), "s0"))
		var r recorder
		for i := range depth {
			poison := rnd.IntN(events)
			held := rnd.IntN(4) == 0
			var mu sync.Mutex
			n := stage(fmt.Sprintf("s%d", i), built(func(Env) (Processor, error) {
				if held {
					return &gather{every: time.Millisecond}, nil
				}
				return each(func(e *event.Event) {
					mu.Lock()
					bad := numberOf(e) == poison
					mu.Unlock()
					if bad {
						panic("spam")
					}
				}), nil
			}), fmt.Sprintf("s%d", i+1))
			if i == depth-1 {
				n.Receivers[0].ID = "out"
			}
			n.Inbox = 1 + rnd.IntN(500)
			n.Ordered = rnd.IntN(2) == 0
			if !held {
				n.Workers = 1 + rnd.IntN(4)
			}
			nodes = append(nodes, n)
		}
		g := graph(t, Settings{}, append(nodes, stage("out", r.spec()))...)
		if err := g.Run(t.Context()); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		slices.Sort(r.got)
		for i := range events {
			if i >= len(r.got) || r.got[i] != i {
				t.Fatalf("seed %d: event %d is missing or doubled (%d of %d arrived)", seed, i, len(r.got), events)
			}
		}
	}
}
