package actortest

import (
	"context"
	"fmt"
	"log/slog"
	"testing"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/config"
)

// Bench measures a module with one worker. The texts come round and round in the field
// data; what leaves the module is thrown away. The figures include about 100 ns an event
// for the way there and back.
func Bench(b *testing.B, s actor.Spec, options string, data ...string) {
	b.Helper()
	b.ReportAllocs()
	bytes := 0
	for _, d := range data {
		bytes += len(d)
	}
	b.SetBytes(int64(bytes / len(data)))
	text := "- Global: {workers: 1}\n- TestFeed\n" + item(s.Name, options) + "- TestCatch\n"
	source := actor.DefineSource(actor.Info{Name: "TestFeed", Role: actor.Input}, none{}, func(actor.Env, none) (actor.Source, error) { return loop{b.N, data}, nil })
	sink := actor.DefineSink(actor.Info{Name: "TestCatch", Role: actor.Output}, none{}, func(actor.Env, none) (actor.Sink, error) { return abyss{}, nil })
	plan, report := config.Loader{Specs: []actor.Spec{s, source, sink}}.LoadText("test", []byte(text))
	if !report.OK(false) {
		b.Fatalf("the configuration is wrong:\n%s\n%s", text, report.Text())
	}
	settings := plan.Settings()
	settings.Log = slog.New(slog.DiscardHandler)
	graph, err := actor.New(settings, plan.Nodes(func(string, *slog.Level) *slog.Logger { return settings.Log })...)
	if err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	if err := graph.Run(context.Background()); err != nil {
		b.Fatal(err)
	}
}

// loop is an input that sends count events of these texts.
type loop struct {
	count int
	data  []string
}

// Run sends the events.
func (l loop) Run(_ context.Context, out *actor.Outlet) error {
	for i := 0; i < l.count; {
		b := out.Batch("")
		for range min(out.Size(), l.count-i) {
			b.New().SetField(event.Data, event.String(l.data[i%len(l.data)]))
			i++
		}
		if err := out.Emit(b, nil); err != nil {
			return fmt.Errorf("send: %w", err)
		}
	}
	return nil
}

// abyss is an output that wants nothing.
type abyss struct{}

// Write throws the batch away.
func (abyss) Write(context.Context, *actor.Batch) error { return nil }
