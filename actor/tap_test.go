package actor

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"gambolputty/actor/event"
	"gambolputty/actor/expr"
)

func openTap(t *testing.T, g *Graph, o TapOptions) *Tap {
	t.Helper()
	tap, err := g.Tap(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tap.Close)
	return tap
}

// tapped reads the field n of what waits in a tap.
func tapped(tap *Tap) (list []string) {
	for {
		select {
		case seen := <-tap.Events():
			_, after, _ := strings.Cut(string(seen.Event), `"n":`)
			n, _, _ := strings.Cut(strings.TrimSuffix(after, "}"), ",")
			list = append(list, strings.TrimPrefix(seen.Edge+":"+n, ":"))
		default:
			return list
		}
	}
}

func where(t *testing.T, text string) *expr.Filter {
	t.Helper()
	f, err := expr.ParseFilter(text)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestATapShowsWhatPasses(t *testing.T) {
	var a, b recorder
	double := processor(each(func(e *event.Event) { e.SetField(number, event.Int(int64(2*numberOf(e)))) }))
	node := stage("double", double, "a", "b")
	node.Receivers[1].Filter = where(t, "$(n) > 3")
	g := graph(t, Settings{}, stage("in", counting(4, 2, nil), "double"), node, stage("a", a.spec()), stage("b", b.spec()))
	for name, c := range map[string]struct {
		o    TapOptions
		want string
	}{
		"what an input receives":        {TapOptions{Module: "in"}, "0 1 2 3"},
		"what it sends":                 {TapOptions{Module: "in", Out: true}, "double:0 double:1 double:2 double:3"},
		"before a module":               {TapOptions{Module: "double"}, "0 1 2 3"},
		"behind it, on one edge":        {TapOptions{Module: "double", Out: true, Edge: "b"}, "b:4 b:6"},
		"what comes in over one edge":   {TapOptions{Module: "b", Edge: "double"}, "b:4 b:6"},
		"with a filter":                 {TapOptions{Module: "a", Filter: where(t, "$(n) == 4")}, "4"},
		"a count":                       {TapOptions{Module: "a", Count: 2}, "0 2"},
		"a filter that does not hold":   {TapOptions{Module: "a", Filter: where(t, "$(n) == 5")}, ""},
		"two for a second":              {TapOptions{Module: "a", Rate: 2}, "0 2"},
		"room for one":                  {TapOptions{Module: "a", Room: 1}, "0"},
		"a filter and a count together": {TapOptions{Module: "double", Filter: where(t, "$(n) > 1"), Count: 1}, "2"},
	} {
		tap := openTap(t, g, c.o)
		defer func() {
			if got := strings.Join(tapped(tap), " "); got != c.want {
				t.Errorf("%s: got %s", name, got)
			}
			if dropped, unseen := tap.Dropped(); (dropped > 0) != (c.o.Rate > 0 || c.o.Room > 0) || unseen > 0 {
				t.Errorf("%s: %d dropped, %d not looked at", name, dropped, unseen)
			}
			if c.o.Count > 0 {
				<-tap.Done()
			}
		}()
	}
	if err := g.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	balance(t, g)
	if len(a.got) != 4 || len(b.got) != 2 {
		t.Errorf("taps must not change what arrives: %v %v", a.got, b.got)
	}
}

func TestATapIsRefusedWhereThereIsNothingToSee(t *testing.T) {
	g := graph(t, Settings{}, stage("in", counting(1, 1, nil), "out"), stage("out", new(recorder).spec()))
	for _, o := range []TapOptions{{Module: "no"}, {Module: "out", Out: true}, {Module: "in", Out: true, Edge: "x"}, {Module: "out", Edge: "x"}} {
		if _, err := g.Tap(o); !errors.Is(err, ErrNoModule) && !errors.Is(err, ErrNoEdge) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	var open []*Tap
	for range mostTaps {
		open = append(open, openTap(t, g, TapOptions{Module: "in"}))
	}
	if _, err := g.Tap(TapOptions{Module: "in"}); !errors.Is(err, ErrTooManyTaps) {
		t.Error(err)
	}
	for _, tap := range open {
		tap.Close()
		tap.Close()
	}
	if g.byID["in"].taps.Load() != nil || g.tapCount != 0 {
		t.Error("a closed tap leaves something behind")
	}
}

func TestTapsComeAndGoWhileEventsPass(t *testing.T) {
	var r recorder
	busy := stage("busy", processor(each(func(*event.Event) {})), "out")
	busy.Workers = 4
	g := graph(t, Settings{}, stage("in", counting(20_000, 50, nil), "busy"), busy, stage("out", r.spec()))
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; ctx.Err() == nil; i++ {
			tap, err := g.Tap(TapOptions{Module: "busy", Out: i%2 == 0, Filter: where(t, fmt.Sprintf("$(n) %% 7 == %d", i%7)), Room: 4})
			if err != nil {
				t.Error(err)
				return
			}
			select {
			case <-tap.Events():
			case <-ctx.Done():
			}
			tap.Close()
		}
	}()
	if err := g.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	stop()
	<-done
	r.wantOrder(t, 20_000)
}

func TestTextThatIsNoUTF8IsToldOf(t *testing.T) {
	for text, lossy := range map[string]bool{"fine": false, "\xff": true, "§": false} {
		e := event.New(event.NewSource("a", "b"), event.Field{Key: event.Intern("list"), Value: event.ListOf(event.String(text))})
		if got := !clean(e.Whole()); got != lossy {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func BenchmarkTap(b *testing.B) {
	e := event.New(event.NewSource("a", "b"), event.Field{Key: event.Data, Value: event.String("spam")})
	batch := &Batch{events: []*event.Event{e}}
	n := &node{graph: &Graph{}}
	b.Run("closed", func(b *testing.B) {
		for b.Loop() {
			n.came(batch)
		}
	})
	n.graph.byID = map[string]*node{"n": n}
	tap, err := n.graph.Tap(TapOptions{Module: "n", Rate: 10})
	if err != nil {
		b.Fatal(err)
	}
	defer tap.Close()
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			n.came(batch)
		}
	})
}
