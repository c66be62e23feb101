package eventbuffer

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/actortest"
)

// brittle is a place that fails so many times.
type brittle struct {
	Place
	failures int
}

func (b *brittle) put(ctx context.Context, p parcel) error {
	if b.failures > 0 {
		b.failures--
		return errors.New("no space left on device")
	}
	return b.Place.put(ctx, p)
}

func TestADiskThatFailsHoldsTheInputsUpAndLosesNothing(t *testing.T) {
	place := &brittle{failures: 2}
	spec := Spec
	spec.Build = func(env actor.Env, o any) (any, error) {
		b := &buffer{env: env, opts: *o.(*Options), places: newPlaces(10)}
		return &opened{b, place}, nil
	}
	feed := make(chan string, 3)
	feed <- "spam"
	feed <- "egg"
	close(feed)
	r := actortest.Start(t, "- Lines\n- TestCatch\n- EventBuffer: {path: "+t.TempDir()+"}\n", spec, actortest.Lines(feed))
	if got := r.Finish(); len(got) != 2 {
		t.Errorf("%d arrived", len(got))
	}
	if log := r.Log(); strings.Count(log, "no space left on device") != 1 || !strings.Contains(log, "target works again") {
		t.Error(log)
	}
}

// opened is a buffer whose place is replaced when it has been opened.
type opened struct {
	*buffer
	place *brittle
}

// Open opens the real place.
func (o *opened) Open(ctx context.Context) error {
	if err := o.buffer.Open(ctx); err != nil {
		return err
	}
	o.place.Place = o.buffer.place
	o.buffer.place = o.place
	return nil
}

func TestPlacesAreWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlaces(10)
		if err := errors.Join(p.take(t.Context(), 4), p.take(t.Context(), 6)); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if p.take(ctx, 1) == nil {
			t.Error("there was no place")
		}
		done := make(chan error)
		go func() { done <- p.take(t.Context(), 50) }() // more than there are
		p.free(4)
		synctest.Wait()
		p.free(6)
		if err := <-done; err != nil || p.taken != 50 {
			t.Error(err, p.taken)
		}
	})
}
