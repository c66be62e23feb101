package actortest

import (
	"context"
	"errors"
	"testing"

	"gambolputty/actor"
	"gambolputty/actor/event"
)

// Bench measures a module with one worker on texts, which come round and round in the field
// data. What leaves the module is thrown away. The figures include about 100 ns an event for
// the way there and back.
func Bench(b *testing.B, s actor.Spec, options string, data ...string) {
	b.Helper()
	bytes := 0
	for _, d := range data {
		bytes += len(d)
	}
	b.SetBytes(int64(bytes / len(data)))
	bench(b, s, options, "", nil, Events(data...))
}

// BenchSource starts an input for a benchmark that feeds it. Its events are thrown away.
func BenchSource(b *testing.B, s actor.Spec, options string) *Running {
	b.Helper()
	return begin(b, mode{}, item(s.Name, options)+"- BenchDrain\n", []actor.Spec{s, drain()})
}

func drain() actor.Spec {
	return actor.DefineSink(actor.Info{Name: "BenchDrain", Role: actor.Output}, none{}, func(actor.Env, none) (actor.Sink, error) { return discard{}, nil })
}

// BenchEvents is Bench for events that are given as JSON objects. Further modules that it
// needs stand in more, as a configuration.
func BenchEvents(b *testing.B, s actor.Spec, options, more string, specs []actor.Spec, objects ...string) {
	b.Helper()
	var events []*event.Event
	for _, o := range objects {
		events = append(events, Event(b, o))
	}
	bench(b, s, options, more, specs, events)
}

func bench(b *testing.B, s actor.Spec, options, more string, specs []actor.Spec, events []*event.Event) {
	b.Helper()
	start := make(chan struct{})
	feed := actor.DefineSource(actor.Info{Name: "BenchFeed", Role: actor.Input}, none{}, func(actor.Env, none) (actor.Source, error) {
		return &copies{start, events, b.N}, nil
	})
	text := "- Global: {workers: 1}\n- BenchFeed\n" + item(s.Name, options) + more + "- BenchDrain\n"
	r := begin(b, mode{}, text, append([]actor.Spec{s, feed, drain()}, specs...))
	b.ReportAllocs()
	b.ResetTimer()
	close(start)
	if err := <-r.done; err != nil {
		b.Fatal(err)
	}
	b.StopTimer()
	r.ended = true
	r.cancel()
}

// copies is an input that sends copies of events.
type copies struct {
	start  <-chan struct{}
	events []*event.Event
	count  int
}

// Run sends them.
func (c *copies) Run(_ context.Context, out *actor.Outlet) error {
	<-c.start
	for i := 0; i < c.count; {
		b := out.Batch("")
		for range min(out.Size(), c.count-i) {
			from := c.events[i%len(c.events)]
			e := b.New()
			for k := range from.Len() {
				f := from.At(k)
				e.SetField(f.Key, f.Value)
			}
			i++
		}
		if err := out.Emit(b, nil); err != nil {
			return errors.Join(errBench, err)
		}
	}
	return nil
}

var errBench = errors.New("the benchmark was stopped")

type discard struct{}

// Write looks at the events.
func (discard) Write(_ context.Context, b *actor.Batch) error {
	for range b.Each() {
		continue
	}
	return nil
}
