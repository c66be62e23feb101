package actor

import (
	"context"
	"errors"
	"testing"
	"time"

	"gambolputty/actor/disklog"
	"gambolputty/actor/event"
	"gambolputty/actor/expr"
)

// wantBalance checks the figures of a graph that has run.
func wantBalance(t *testing.T, g *Graph, want Balance) {
	t.Helper()
	if got := g.Balance(); got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if err := want.Err(); err != nil {
		t.Errorf("what the test wants is wrong: %v", err)
	}
}

func TestTheBalanceTellsWhatBecameOfEveryEvent(t *testing.T) {
	nop := func() Spec { return sink(func(context.Context, *Batch) error { return nil }) }
	in := func(receivers ...string) Node { return stage("in", counting(1000, 30, nil), receivers...) }
	few, err := expr.ParseFilter("$(n) in [1, 2, 3]")
	if err != nil {
		t.Fatal(err)
	}
	panics := processor(each(func(e *event.Event) {
		if numberOf(e)%100 == 0 {
			panic("a shrubbery")
		}
	}))
	patient := RestartPolicy{First: 1, Longest: 2, Max: 1000, Window: time.Minute, Calm: time.Minute}
	for name, c := range map[string]struct {
		settings Settings
		nodes    []Node
		want     Balance
	}{
		"straight on": {
			nodes: []Node{in("out"), stage("out", nop())},
			want:  Balance{Accepted: 1000, Delivered: 1000},
		},
		"three receivers": {
			nodes: []Node{in("a", "b", "c"), stage("a", nop()), stage("b", nop()), stage("c", nop())},
			want:  Balance{Accepted: 1000, Made: 2000, Delivered: 3000},
		},
		"no receiver": {
			nodes: []Node{in()},
			want:  Balance{Accepted: 1000, Ended: 1000},
		},
		"a receiver that wants few": {
			nodes: []Node{with(in("out"), func(n *Node) { n.Receivers[0].Filter = few }), stage("out", nop())},
			want:  Balance{Accepted: 1000, Delivered: 3, Ended: 997},
		},
		"an output that wants few": {
			nodes: []Node{in("out"), with(stage("out", nop()), func(n *Node) { n.Filter = few })},
			want:  Balance{Accepted: 1000, Delivered: 3, Ended: 997},
		},
		"split, in a pool": {
			nodes: []Node{in("split"), with(stage("split", processor(func(_ context.Context, b *Batch) error {
				b.Expand(func(e *event.Event, emit func(*event.Event)) {
					if numberOf(e)%2 == 1 {
						return
					}
					emit(e)
					emit(b.Fork(e))
					emit(b.Fresh())
				})
				return nil
			}), "out"), func(n *Node) { n.Workers = 4 }), stage("out", nop())},
			want: Balance{Accepted: 1000, Made: 1000, Delivered: 1500, Absorbed: 500},
		},
		"thrown away": {
			nodes: []Node{in("drop"), stage("drop", built(func(env Env) (Processor, error) {
				return procFunc(func(_ context.Context, b *Batch) error {
					b.Keep(func(e *event.Event) bool {
						if numberOf(e) < 10 {
							env.Drop(1)
							return false
						}
						return true
					})
					return nil
				}), nil
			}), "out"), stage("out", nop())},
			want: Balance{Accepted: 1000, Delivered: 990, Dropped: 10},
		},
		"joined": {
			nodes: []Node{in("join"), stage("join", built(func(Env) (Processor, error) { return &joiner{}, nil }), "out"), stage("out", nop())},
			want:  Balance{Accepted: 1000, Made: 1, Delivered: 1, Absorbed: 1000},
		},
		"a module that cannot bear some": {
			nodes: []Node{in("bad"), with(stage("bad", panics, "out"), func(n *Node) { n.Restart = patient }), stage("out", nop())},
			want:  Balance{Accepted: 1000, Delivered: 1000},
		},
		"on_error drop": {
			nodes: []Node{in("bad"), with(stage("bad", panics, "out"), func(n *Node) { n.Restart, n.OnError = patient, Drop }), stage("out", nop())},
			want:  Balance{Accepted: 1000, Delivered: 990, Dropped: 10},
		},
		"on_error dead_letter": {
			settings: Settings{DeadLetter: "dead"},
			nodes: []Node{in("bad"), with(stage("bad", panics, "out"), func(n *Node) { n.Restart, n.OnError = patient, DeadLetter }),
				stage("out", nop()), stage("dead", nop())},
			want: Balance{Accepted: 1000, Delivered: 990, DeadLettered: 10},
		},
		"a sink that settles and refuses": {
			settings: Settings{DeadLetter: "dead"},
			nodes: []Node{in("out"), stage("out", DefineSink(Info{Name: "Sink", Role: Output}, none{}, func(env Env, _ none) (Sink, error) {
				return sinkFunc(func(_ context.Context, b *Batch) error {
					for e := range b.View() {
						switch {
						case numberOf(e) < 10:
							env.Fault(e, "", errors.New("not today"))
						case numberOf(e) < 30:
							env.Drop(1)
						}
					}
					b.Settle(nil)
					return nil
				}), nil
			})), stage("dead", nop())},
			want: Balance{Accepted: 1000, Delivered: 970, DeadLettered: 10, Dropped: 20},
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := graph(t, c.settings, c.nodes...)
			if err := g.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			wantBalance(t, g, c.want)
		})
	}
}

// joiner makes one event of all.
type joiner struct{ kept Batch }

func (j *joiner) Process(_ context.Context, b *Batch) error {
	var all []*event.Event
	b.Expand(func(e *event.Event, _ func(*event.Event)) { all = append(all, e) })
	for _, e := range all {
		b.Move(e, &j.kept)
	}
	return nil
}

func (j *joiner) FlushEvery() time.Duration { return 0 }

func (j *joiner) Flush(_ context.Context, out *Batch) error {
	out.New()
	j.kept.Clear()
	out.Absorb(&j.kept)
	return nil
}

func TestTheBalanceKnowsWhatIsLostAndWhatStaysOnDisk(t *testing.T) {
	dir := t.TempDir()
	s := &slow{open: make(chan struct{})}
	ctx, stop := context.WithCancel(t.Context())
	sent := counting(1000, 10, nil)
	in := source(func(ctx context.Context, out *Outlet) error {
		stage, err := sent.Build(Env{}, sent.Options())
		if err != nil {
			return err
		}
		err = stage.(Source).Run(ctx, out)
		stop()
		return err
	})
	g := graph(t, Settings{Grace: 50 * time.Millisecond}, buffered(in, Buffer{Path: dir, Fsync: disklog.Never}), small(s.spec()))
	if err := g.Run(ctx); !errors.Is(err, ErrGrace) {
		t.Fatal(err)
	}
	b := g.Balance()
	if b.Lost == 0 || b.Buffered == 0 || b.Lost+b.Buffered != 1000 {
		t.Errorf("%+v", b)
	}
	// What was read from the disk and lost is there again.
	next := graph(t, Settings{}, buffered(counting(0, 1, nil), Buffer{Path: dir, Fsync: disklog.Never}), small(sink(func(context.Context, *Batch) error { return nil })))
	if err := next.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	found := next.Balance().Accepted
	if found < b.Buffered || found > 1000 {
		t.Errorf("%d were found, %d were left", found, b.Buffered)
	}
	wantBalance(t, next, Balance{Accepted: found, Delivered: found})
}

// What the runtime does wrong shows, as a module that reaches into a batch does.
func TestTheBalanceShowsWhatVanishesAndWhatComesFromNowhere(t *testing.T) {
	for name, c := range map[string]struct {
		change func(b *Batch)
		off    int64
	}{
		"vanishes":           {func(b *Batch) { b.events = b.events[:len(b.events)-1] }, 10},
		"comes from nowhere": {func(b *Batch) { b.events = append(b.events, b.events[0]) }, -10},
	} {
		t.Run(name, func(t *testing.T) {
			g, err := New(Settings{}, stage("in", counting(100, 10, nil), "bad"),
				stage("bad", processor(func(_ context.Context, b *Batch) error { c.change(b); return nil }), "out"),
				stage("out", sink(func(context.Context, *Batch) error { return nil })))
			if err != nil {
				t.Fatal(err)
			}
			if err := g.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			if b := g.Balance(); b.Off() != c.off || !errors.Is(b.Err(), ErrUnbalanced) {
				t.Errorf("%d: %v", b.Off(), b.Err())
			}
		})
	}
}

// with changes a node.
func with(n Node, f func(*Node)) Node {
	f(&n)
	return n
}
