package actor

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"gambolputty/actor/event"
)

func TestOutputsKnowHowOldEventsAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := processor(func(_ context.Context, b *Batch) error {
			time.Sleep(time.Second)
			b.Expand(func(e *event.Event, emit func(*event.Event)) { emit(e); emit(b.Fork(e)) })
			return nil
		})
		hold := built(func(Env) (Processor, error) { return &gather{every: 3 * time.Second}, nil })
		g := graph(t, Settings{}, stage("in", counting(1, 1, nil), "slow"), stage("slow", slow, "hold"), stage("hold", hold, "out"), stage("out", new(recorder).spec()))
		if err := g.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if age := g.byID["out"].meter.Age.Sum(); age < 2*time.Second || age > 10*time.Second {
			t.Errorf("two events of a second or more are %s old", age)
		}
	})
}
