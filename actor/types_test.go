package actor

import (
	"fmt"
	"testing"

	"gambolputty/actor/event"
)

func TestOutputsAreCountedByEventType(t *testing.T) {
	var r recorder
	g := graph(t, Settings{}, stage("in", counting(10, 3, nil), "mark"),
		stage("mark", processor(each(func(e *event.Event) { e.SetType(fmt.Sprint("type", numberOf(e)/8)) })), "out"), stage("out", r.spec()))
	env := g.byID["out"].env(0)
	env.EventTypes()
	if err := g.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(env.EventTypes()); got != "map[type0:8 type1:2]" {
		t.Error(got)
	}
}

func TestTheTypesThatAreCountedAreBounded(t *testing.T) {
	g := graph(t, Settings{}, stage("in", counting(1, 1, nil), "out"), stage("out", new(recorder).spec()))
	env := g.byID["out"].env(0)
	env.EventTypes()
	for i := range mostTypes + 7 {
		e := event.New(event.NewSource("a", "b"))
		e.SetType(fmt.Sprint(i))
		g.types.Load().count([]*event.Event{e})
	}
	if all := env.EventTypes(); len(all) != mostTypes+1 || all[otherTypes] != 7 {
		t.Errorf("%d types, %d others", len(all), all[otherTypes])
	}
}
