package actor

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"gambolputty/actor/ack"
	"gambolputty/actor/event"
)

func TestEveryTicketIsAnsweredOnce(t *testing.T) {
	var answers [101]atomic.Int32
	ticket := func(last int) *ack.Ticket {
		return ack.New(func(err error) {
			if err != nil {
				t.Error(err)
			}
			answers[last/10].Add(1)
		})
	}
	drop := processor(func(_ context.Context, b *Batch) error {
		b.Keep(func(e *event.Event) bool { return numberOf(e)%3 == 0 })
		return nil
	})
	var a, b recorder
	d := stage("drop", drop, "a", "b")
	d.Workers = 3
	run(t, stage("in", counting(1000, 10, ticket), "drop"), d, stage("a", a.spec()), stage("b", b.spec()))
	for i := 1; i <= 100; i++ {
		if n := answers[i].Load(); n != 1 {
			t.Errorf("ticket %d was answered %d times", i, n)
		}
	}
}

// gather holds events back and lets them out in one go.
type gather struct {
	store  Batch
	died   *atomic.Int32
	every  time.Duration
	killAt int
}

func (g *gather) Process(_ context.Context, b *Batch) error {
	g.store.Absorb(b.Take())
	if g.killAt > 0 && g.store.Len() >= g.killAt && g.died.Add(1) == 1 {
		panic("and now for something completely different")
	}
	return nil
}

func (g *gather) Flush(_ context.Context, out *Batch) error {
	out.Absorb(&g.store)
	return nil
}

func (g *gather) FlushEvery() time.Duration { return g.every }

func TestHeldEventsAreNotAnsweredBeforeTheyLeave(t *testing.T) {
	var early atomic.Int32
	var out atomic.Bool
	ticket := func(int) *ack.Ticket {
		return ack.New(func(err error) {
			if !out.Load() {
				early.Add(1)
			}
		})
	}
	var r recorder
	inner, _ := r.spec().Build(Env{}, &none{})
	s := sink(func(ctx context.Context, b *Batch) error {
		out.Store(true)
		return inner.(Sink).Write(ctx, b)
	})
	hold := built(func(Env) (Processor, error) { return &gather{every: time.Hour}, nil })
	run(t, stage("in", counting(500, 10, ticket), "hold"), stage("hold", hold, "out"), stage("out", s))
	r.wantOrder(t, 500)
	if early.Load() > 0 {
		t.Errorf("%d deliveries were answered while their events were held", early.Load())
	}
}

func TestHeldEventsOutliveTheInstance(t *testing.T) {
	var died atomic.Int32
	var r recorder
	hold := built(func(Env) (Processor, error) { return &gather{every: time.Hour, died: &died, killAt: 100}, nil })
	run(t, stage("in", counting(500, 10, nil), "hold"), stage("hold", hold, "out"), stage("out", r.spec()))
	if died.Load() == 0 {
		t.Fatal("the instance did not die")
	}
	r.wantAll(t, 500)
}

// pick holds some events back one by one, in batches by their number.
type pick struct {
	stores [7]Batch
	died   *atomic.Int32
	killAt int
	held   int
}

func (p *pick) Process(_ context.Context, b *Batch) error {
	var keep []*event.Event
	b.Expand(func(e *event.Event, emit func(*event.Event)) {
		if numberOf(e)%2 == 0 {
			emit(e)
			return
		}
		keep = append(keep, e)
	})
	for _, e := range keep {
		p.held++
		b.Move(e, &p.stores[numberOf(e)%7])
	}
	if p.killAt > 0 && p.held >= p.killAt && p.died.Add(1) == 1 {
		panic("and now for something completely different")
	}
	if p.held > 20 {
		b.Absorb(&p.stores[3])
	}
	return nil
}

func (p *pick) Flush(_ context.Context, out *Batch) error {
	for i := range p.stores {
		out.Absorb(&p.stores[i])
	}
	return nil
}

func (p *pick) FlushEvery() time.Duration { return time.Hour }

func TestSingleEventsMayBeHeld(t *testing.T) {
	for _, killAt := range []int{0, 30} {
		var died atomic.Int32
		var r recorder
		answers := make([]atomic.Int32, 51)
		ticket := func(last int) *ack.Ticket { return ack.New(func(error) { answers[last/10].Add(1) }) }
		hold := built(func(Env) (Processor, error) { return &pick{died: &died, killAt: killAt}, nil })
		run(t, stage("in", counting(500, 10, ticket), "hold"), stage("hold", hold, "out"), stage("out", r.spec()))
		r.wantAll(t, 500)
		for i := 1; i <= 50; i++ {
			if n := answers[i].Load(); n != 1 {
				t.Errorf("ticket %d was answered %d times", i, n)
			}
		}
		if killAt > 0 && died.Load() == 0 {
			t.Error("the instance did not die")
		}
	}
}
