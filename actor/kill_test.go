package actor

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"gambolputty/actor/event"
)

func TestOnePoisonEventInAMillionCostsNoOther(t *testing.T) {
	const count, poison = 1_000_000, 424_242
	proc := processor(each(func(e *event.Event) {
		if numberOf(e) == poison {
			panic("and now for something completely different")
		}
	}))
	seen := make([]bool, count)
	var twice, marked int
	end := sink(func(_ context.Context, b *Batch) error {
		for e := range b.Each() {
			n := numberOf(e)
			if seen[n] {
				twice++
			}
			seen[n] = true
			if e.Has(event.MustPath("gambolputty.error")) {
				marked++
				if n != poison {
					t.Errorf("event %d is marked", n)
				}
			}
		}
		return nil
	})
	g, err := New(Settings{},
		Node{ID: "in", Spec: counting(count, BatchSize, nil), Opts: &none{}, Receivers: []Receiver{{ID: "proc"}}},
		Node{ID: "proc", Spec: proc, Opts: &none{}, Workers: 4, Ordered: true, Receivers: []Receiver{{ID: "out"}}},
		Node{ID: "out", Spec: end, Opts: &none{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	lost := 0
	for _, ok := range seen {
		if !ok {
			lost++
		}
	}
	if lost > 0 || twice > 0 || marked != 1 {
		t.Errorf("%d lost, %d twice, %d marked", lost, twice, marked)
	}
}

func TestAModuleThatAlwaysPanicsEndsTheRunWithItsName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var delivered atomic.Int64
		end := sink(func(_ context.Context, b *Batch) error { delivered.Add(int64(b.Len())); return nil })
		bad := built(func(Env) (Processor, error) { return nil, errors.New("no parrot") })
		g, err := New(Settings{},
			Node{ID: "in", Spec: counting(10, 1, nil), Opts: &none{}, Receivers: []Receiver{{ID: "parrot"}, {ID: "out"}}},
			Node{ID: "parrot", Spec: bad, Opts: &none{}},
			Node{ID: "out", Spec: end, Opts: &none{}})
		if err != nil {
			t.Fatal(err)
		}
		if err := g.Run(t.Context()); err == nil || !errors.Is(err, ErrStart) || !strings.Contains(err.Error(), "parrot: build: no parrot") {
			t.Errorf("a module that cannot be built: %v", err)
		}
		dying := processor(func(context.Context, *Batch) error { return errors.New("it is an ex-parrot") })
		g, err = New(Settings{},
			Node{ID: "in", Spec: counting(10, 1, nil), Opts: &none{}, Receivers: []Receiver{{ID: "parrot"}, {ID: "out"}}},
			Node{ID: "parrot", Spec: dying, Opts: &none{}, OnError: Drop, Restart: RestartPolicy{First: 1, Longest: 2, Max: 3, Window: 1e9, Calm: 1e9}},
			Node{ID: "out", Spec: end, Opts: &none{}})
		if err != nil {
			t.Fatal(err)
		}
		if err := g.Run(t.Context()); !errors.Is(err, ErrGaveUp) || !strings.Contains(err.Error(), "parrot: ") {
			t.Errorf("a module that always fails: %v", err)
		}
		if delivered.Load() == 0 {
			t.Error("the other branch got nothing")
		}
	})
}

func BenchmarkLatencyOfOneEventThroughFourModules(b *testing.B) {
	arrived := make(chan struct{})
	feed := make(chan struct{})
	in := source(func(_ context.Context, out *Outlet) error {
		for range feed {
			batch := out.Batch("")
			batch.New()
			if err := out.Emit(batch, nil); err != nil {
				return err
			}
		}
		return nil
	})
	pass := processor(each(func(*event.Event) {}))
	end := sink(func(context.Context, *Batch) error { arrived <- struct{}{}; return nil })
	g, err := New(Settings{},
		Node{ID: "in", Spec: in, Opts: &none{}, Receivers: []Receiver{{ID: "a"}}},
		Node{ID: "a", Spec: pass, Opts: &none{}, Receivers: []Receiver{{ID: "b"}}},
		Node{ID: "b", Spec: pass, Opts: &none{}, Receivers: []Receiver{{ID: "c"}}},
		Node{ID: "c", Spec: pass, Opts: &none{}, Receivers: []Receiver{{ID: "out"}}},
		Node{ID: "out", Spec: end, Opts: &none{}})
	if err != nil {
		b.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- g.Run(context.Background()) }()
	for b.Loop() {
		feed <- struct{}{}
		<-arrived
	}
	close(feed)
	if err := <-done; err != nil {
		b.Fatal(err)
	}
}
