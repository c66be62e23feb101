package actor

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"gambolputty/actor/disklog"
	"gambolputty/actor/event"
)

// queued is an input with memory of its own in front of out.
func queued(spec Spec, q Queue) Node {
	n := stage("in", spec, "out")
	n.Receivers[0].Queue = &q
	return n
}

func TestAQueueKeepsTheOrderAndLosesNothing(t *testing.T) {
	for _, size := range []int{1, 7, 100_000} {
		r := &recorder{}
		g := graph(t, Settings{}, queued(counting(5000, 10, nil), Queue{MaxEvents: size}), small(r.spec()))
		if err := g.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.wantOrder(t, 5000)
	}
}

// How much the sender may be ahead of a receiver that does nothing, and what is dropped then.
func TestAFullQueueDoesWhatItIsToldTo(t *testing.T) {
	const count, inbox, waits = 200, 8, 50
	for full, want := range map[string]int{
		"block":       0,
		"drop_newest": count - waits,
		"drop_oldest": count - waits,
	} {
		t.Run(full, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &slow{open: make(chan struct{})}
				g := graph(t, Settings{}, queued(counting(count, 1, nil), Queue{MaxEvents: waits, WhenFull: full}), small(s.spec()))
				done := make(chan error, 1)
				go func() { done <- g.Run(t.Context()) }()
				synctest.Wait() // nothing moves any more
				b := g.Balance()
				under := int(b.InFlight)
				if under < waits-1 || under > waits+inbox { // one may be with the receiver
					t.Errorf("%d events wait: %+v", under, b)
				}
				if full == "block" && b.Accepted > waits+inbox+4 {
					t.Errorf("%d events were taken", b.Accepted)
				}
				close(s.open)
				if err := <-done; err != nil {
					t.Fatal(err)
				}
				dropped := int(g.Balance().Dropped)
				if len(s.got)+dropped != count || !slices.IsSorted(s.got) {
					t.Errorf("%d arrived, %d were dropped", len(s.got), dropped)
				}
				if diff := want - dropped; diff < 0 || diff > inbox+4 {
					t.Errorf("%d were dropped", dropped)
				}
				if last := s.got[len(s.got)-1]; full != "drop_newest" && last != count-1 {
					t.Errorf("the last one is %d", last)
				}
				if full == "drop_newest" && s.got[waits-1] != waits-1 {
					t.Errorf("of the first %d some were dropped: %v", waits, s.got[:waits])
				}
			})
		})
	}
}

func TestAQueueOverflowsToTheDiskInOrder(t *testing.T) {
	s := &slow{open: make(chan struct{})}
	sent := counting(5000, 10, nil)
	in := source(func(ctx context.Context, out *Outlet) error {
		all, err := sent.Build(Env{}, sent.Options())
		if err != nil {
			return err
		}
		err = all.(Source).Run(ctx, out)
		close(s.open)
		return err
	})
	n := queued(in, Queue{MaxEvents: 500})
	n.Receivers[0].Buffer = &Buffer{Path: t.TempDir(), Fsync: disklog.Never}
	g := graph(t, Settings{}, n, small(s.spec()))
	if err := g.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(s.got) != 5000 || !slices.IsSorted(s.got) {
		t.Errorf("%d arrived", len(s.got))
	}
	if n := spilled(g); n < 4000 || n > 4500 {
		t.Errorf("%d went to the disk", n)
	}
}

func TestWhatWaitsInAQueueIsLostAndCountedWhenTheTimeIsOver(t *testing.T) {
	s := &slow{open: make(chan struct{})}
	ctx, stop := context.WithCancel(t.Context())
	in := source(func(ctx context.Context, out *Outlet) error {
		for i := range 100 {
			b := out.Batch("")
			b.New().SetField(number, event.Int(int64(i)))
			if err := out.Emit(b, nil); err != nil {
				return err
			}
		}
		stop()
		return nil
	})
	g := graph(t, Settings{Grace: 20 * time.Millisecond}, queued(in, Queue{MaxEvents: 1000}), small(s.spec()))
	if err := g.Run(ctx); !errors.Is(err, ErrGrace) {
		t.Fatal(err)
	}
	if b := g.Balance(); b.Lost != 100 {
		t.Errorf("%+v", b)
	}
}
