package actor

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"gambolputty/actor/ack"
	"gambolputty/actor/event"
	"gambolputty/actor/expr"
)

// closet is a Keeper in memory.
type closet struct {
	mu      sync.Mutex
	story   []string
	left    [][]*event.Event // of a former life
	foreign error            // what came of events of an unknown input
	refuse  error
	late    bool // nothing is ever safe
}

func (c *closet) note(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.story = append(c.story, what)
}

func (c *closet) Serve(ctx context.Context) error { <-ctx.Done(); return nil }

func (c *closet) Keep(_ context.Context, input string, events []*event.Event, safe func()) (func(error), error) {
	if c.refuse != nil {
		return nil, c.refuse
	}
	c.note("keep " + input + " " + names(events))
	if !c.late {
		safe()
	}
	return func(err error) { c.note("arrived " + outcome(err)) }, nil
}

func (c *closet) Restore(_ context.Context, emit Emit) error {
	for _, events := range c.left {
		if err := emit("in", events, func(err error) { c.note("restored " + outcome(err)) }); err != nil {
			return err
		}
	}
	c.foreign = emit("nobody", nil, nil)
	return nil
}

func outcome(err error) string {
	if err != nil {
		return "not"
	}
	return "well"
}

func names(events []*event.Event) (s string) {
	for _, e := range events {
		v, _ := e.Get(event.KeyPath(event.Data))
		s += v.Str()
	}
	return s
}

func (c *closet) node() Node {
	return stage("closet", DefineService(Info{Name: "Closet", Role: StandAlone}, none{}, func(Env, none) (Service, error) { return c, nil }))
}

func mustTemplate(t *testing.T, text string) expr.Template {
	t.Helper()
	tpl, err := expr.ParseTemplate(text)
	if err != nil {
		t.Fatal(err)
	}
	return tpl
}

func named(data string) *event.Event {
	return event.New(event.NewSource("Source", "in"), event.Field{Key: event.Data, Value: event.String(data)})
}

// speaker emits one event for each word.
func (c *closet) speaker(words ...string) Spec {
	return source(func(_ context.Context, out *Outlet) error {
		for _, w := range words {
			b := out.Batch("")
			b.New().SetField(event.Data, event.String(w))
			told := make(chan struct{})
			if err := out.Emit(b, ack.New(func(err error) { c.note("told " + outcome(err)); close(told) })); err != nil {
				return err
			}
			<-told
		}
		return nil
	})
}

func TestEventsAreKeptBeforeAnybodyGetsThem(t *testing.T) {
	c := &closet{}
	in := stage("in", c.speaker("a"), "out")
	in.Actions = Actions{EventType: mustTemplate(t, "seen")}
	out := stage("out", sink(func(_ context.Context, b *Batch) error {
		for e := range b.Each() {
			c.note("write " + names([]*event.Event{e}) + " " + e.Type())
		}
		return nil
	}))
	if err := graph(t, Settings{}, in, out, c.node()).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := []string{"keep in a", "told well", "write a seen", "arrived well"}; !slices.Equal(c.story, want) {
		t.Errorf("got %q", c.story)
	}
	if !errors.Is(c.foreign, ErrNoInput) {
		t.Error(c.foreign)
	}
}

func TestWhatIsLeftComesFirstAndIsNotChangedAgain(t *testing.T) {
	c := &closet{left: [][]*event.Event{{named("x"), named("y")}, {named("z")}}}
	in := stage("in", c.speaker("a"), "out")
	in.Actions = Actions{EventType: mustTemplate(t, "seen")}
	var got []string
	out := stage("out", sink(func(_ context.Context, b *Batch) error {
		for e := range b.Each() {
			got = append(got, names([]*event.Event{e})+" "+e.Type())
		}
		return nil
	}))
	if err := graph(t, Settings{}, in, out, c.node()).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := []string{"x Unknown", "y Unknown", "z Unknown", "a seen"}; !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	n := 0
	for _, s := range c.story {
		if s == "restored well" {
			n++
		}
	}
	if n != 2 {
		t.Errorf("%q", c.story)
	}
}

func TestAnInputHearsOfTheDeliveryWhereNothingIsSafeBefore(t *testing.T) {
	c := &closet{late: true}
	out := stage("out", sink(func(context.Context, *Batch) error { return nil }))
	if err := graph(t, Settings{}, stage("in", c.speaker("a"), "out"), out, c.node()).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := []string{"keep in a", "arrived well", "told well"}; !slices.Equal(c.story, want) {
		t.Errorf("got %q", c.story)
	}
}

func TestWhatCouldNotBeKeptIsNotSent(t *testing.T) {
	c := &closet{refuse: errors.New("no room")}
	written := 0
	out := stage("out", sink(func(context.Context, *Batch) error { written++; return nil }))
	g := graph(t, Settings{}, stage("in", source(func(_ context.Context, out *Outlet) error {
		b := out.Batch("")
		b.New()
		if err := out.Emit(b, ack.New(func(err error) { c.note("told " + outcome(err)) })); !errors.Is(err, c.refuse) {
			t.Error(err)
		}
		return nil
	}), "out"), out, c.node())
	if err := g.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := []string{"told not"}; !slices.Equal(c.story, want) || written > 0 {
		t.Errorf("got %q, %d written", c.story, written)
	}
}
