package actor

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestSourceThatEndsWithAnErrorDoesNotStopTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		errBad := errors.New("half of it was unreadable")
		var runs, got atomic.Int64
		emit := func(out *Outlet) error {
			b := out.Batch("")
			b.New()
			return out.Emit(b, nil)
		}
		bad := source(func(_ context.Context, out *Outlet) error {
			runs.Add(1)
			return Final(errors.Join(emit(out), errBad))
		})
		slow := source(func(ctx context.Context, out *Outlet) error {
			select {
			case <-time.After(time.Hour):
			case <-ctx.Done():
				return nil
			}
			return emit(out)
		})
		s := sink(func(_ context.Context, b *Batch) error {
			got.Add(int64(b.Len()))
			return nil
		})
		g := graph(t, Settings{}, stage("bad", bad, "out"), stage("slow", slow, "out"), stage("out", s))
		if err := g.Run(t.Context()); !errors.Is(err, errBad) {
			t.Errorf("the run ended with %v", err)
		}
		if runs.Load() != 1 || got.Load() != 2 {
			t.Errorf("the source ran %d times, and %d events arrived", runs.Load(), got.Load())
		}
	})
}
