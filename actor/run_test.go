package actor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gambolputty/actor/ack"
	"gambolputty/actor/event"
)

// The tests build modules of functions, so that a graph reads like a sentence.

var number = event.Intern("n")

type none struct{}

type (
	sourceFunc func(context.Context, *Outlet) error
	procFunc   func(context.Context, *Batch) error
	sinkFunc   func(context.Context, *Batch) error
)

func (f sourceFunc) Run(c context.Context, o *Outlet) error  { return f(c, o) }
func (f procFunc) Process(c context.Context, b *Batch) error { return f(c, b) }
func (f sinkFunc) Write(c context.Context, b *Batch) error   { return f(c, b) }

func source(f sourceFunc) Spec {
	return DefineSource(Info{Name: "Source", Role: Input}, none{}, func(Env, none) (Source, error) { return f, nil })
}

func processor(f procFunc) Spec {
	return DefineProcessor(Info{Name: "Proc", Role: Modifier}, none{}, func(Env, none) (Processor, error) { return f, nil })
}

func built(build func(Env) (Processor, error)) Spec {
	return DefineProcessor(Info{Name: "Proc", Role: Modifier}, none{}, func(e Env, _ none) (Processor, error) { return build(e) })
}

func sink(f sinkFunc) Spec {
	return DefineSink(Info{Name: "Sink", Role: Output}, none{}, func(Env, none) (Sink, error) { return f, nil })
}

func each(f func(e *event.Event)) procFunc {
	return func(_ context.Context, b *Batch) error {
		for e := range b.Each() {
			f(e)
		}
		return nil
	}
}

func numberOf(e *event.Event) int {
	v, _ := e.Field(number)
	n, _ := v.Int()
	return int(n)
}

// counting emits the numbers from 0 to n-1 in batches of the given size.
func counting(n, size int, ticket func(last int) *ack.Ticket) Spec {
	return source(func(ctx context.Context, out *Outlet) error {
		for i := 0; i < n && ctx.Err() == nil; {
			b := out.Batch("the ministry")
			for range min(size, n-i) {
				b.New().SetField(number, event.Int(int64(i)))
				i++
			}
			var t *ack.Ticket
			if ticket != nil {
				t = ticket(i)
			}
			if err := out.Emit(b, t); err != nil {
				return err
			}
		}
		return nil
	})
}

// recorder keeps the numbers and ids it sees.
type recorder struct {
	mu  sync.Mutex
	got []int
	ids []string
	err []string
}

func (r *recorder) spec() Spec {
	return sink(func(_ context.Context, b *Batch) error { return r.write(b) })
}

func (r *recorder) write(b *Batch) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for e := range b.Each() {
		r.got = append(r.got, numberOf(e))
		r.ids = append(r.ids, e.ID())
		v, _ := e.Get(event.MustPath("gambolputty.error"))
		r.err = append(r.err, v.Str())
	}
	return nil
}

func (r *recorder) wantOrder(t *testing.T, n int) {
	t.Helper()
	if len(r.got) != n {
		t.Fatalf("%d events arrived, want %d", len(r.got), n)
	}
	for i, g := range r.got {
		if g != i {
			t.Fatalf("place %d holds event %d", i, g)
		}
	}
}

func (r *recorder) wantAll(t *testing.T, n int) {
	t.Helper()
	slices.Sort(r.got)
	r.wantOrder(t, n)
}

func stage(id string, s Spec, receivers ...string) Node {
	n := Node{ID: id, Spec: s, Opts: s.Options(), Restart: brisk, Ordered: true}
	for _, r := range receivers {
		n.Receivers = append(n.Receivers, Receiver{ID: r})
	}
	return n
}

var brisk = RestartPolicy{First: time.Millisecond, Longest: 4 * time.Millisecond, Max: 5, Window: time.Second, Calm: time.Minute}

func graph(t *testing.T, s Settings, nodes ...Node) *Graph {
	t.Helper()
	s.Poison = true
	s.Log = slog.New(slog.DiscardHandler)
	g, err := New(s, nodes...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // however the run ended
		if b := g.Balance(); b.Err() != nil {
			t.Errorf("%v: %+v", b.Err(), b)
		}
	})
	return g
}

func run(t *testing.T, nodes ...Node) *Graph {
	t.Helper()
	g := graph(t, Settings{}, nodes...)
	if err := g.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	balance(t, g)
	return g
}

// balance checks what must hold for every module at rest.
func balance(t *testing.T, g *Graph) {
	t.Helper()
	for _, s := range g.Status() {
		m := s.Meter
		if m.Received.Load() != m.Handled.Load()+m.Filtered.Load() {
			t.Errorf("%s: received %d, handled %d, filtered %d", s.ID, m.Received.Load(), m.Handled.Load(), m.Filtered.Load())
		}
		if s.Waiting != 0 {
			t.Errorf("%s: %d events wait in the inbox of a graph at rest", s.ID, s.Waiting)
		}
	}
}

func TestEveryEventArrivesInOrder(t *testing.T) {
	for name, c := range map[string]struct {
		workers, batch, inbox int
	}{
		"one worker":              {1, 100, 1000},
		"a pool":                  {4, 10, 1000},
		"a pool with tiny inbox":  {8, 1, 1},
		"batches above the inbox": {3, 500, 10},
	} {
		t.Run(name, func(t *testing.T) {
			var r recorder
			p := stage("p", processor(func(_ context.Context, b *Batch) error {
				for range rand.IntN(3) {
					runtime.Gosched()
				}
				return nil
			}), "out")
			p.Workers, p.Inbox = c.workers, c.inbox
			run(t, stage("in", counting(10_000, c.batch, nil), "p"), p, stage("out", r.spec()))
			r.wantOrder(t, 10_000)
		})
	}
}

func TestUnorderedPoolLosesNothing(t *testing.T) {
	var r recorder
	p := stage("p", processor(each(func(*event.Event) {})), "out")
	p.Workers, p.Ordered = 8, false
	run(t, stage("in", counting(5000, 7, nil), "p"), p, stage("out", r.spec()))
	r.wantAll(t, 5000)
}

func TestReceiversDoNotSeeEachOthersChanges(t *testing.T) {
	nested := event.MustPath("a.b")
	build := processor(each(func(e *event.Event) { _ = e.Set(nested, event.Int(0)) }))
	spoil := func(with string) Spec {
		return processor(each(func(e *event.Event) {
			_ = e.Set(nested, event.String(with))
			_ = e.Set(event.MustPath("a.only."+with), event.Bool(true))
			e.Delete(event.KeyPath(event.Data))
			e.Tag(with)
		}))
	}
	var mu sync.Mutex
	seen := map[string]int{}
	check := sink(func(_ context.Context, b *Batch) error {
		mu.Lock()
		defer mu.Unlock()
		var enc event.Encoder
		for e := range b.Each() {
			v, _ := e.Get(event.MustPath("a"))
			tags, _ := e.Get(event.MustPath("gambolputty.tags"))
			seen[string(enc.AppendValue(nil, v))+tags.Text()]++
		}
		return nil
	})
	run(t, stage("in", counting(1000, 50, nil), "build"), stage("build", build, "x", "y", "out"),
		stage("x", spoil("larch"), "out"), stage("y", spoil("spam"), "out"), stage("out", check))
	want := map[string]int{
		`{"b":0}None`: 1000,
		`{"b":"larch","only":{"larch":true}}["larch"]`: 1000,
		`{"b":"spam","only":{"spam":true}}["spam"]`:    1000,
	}
	if fmt.Sprint(seen) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", seen, want)
	}
}

func TestCopiesAndPartsGetIDsOfTheirOwn(t *testing.T) {
	var a, b, c recorder
	split := processor(func(_ context.Context, b *Batch) error {
		b.Expand(func(e *event.Event, emit func(*event.Event)) {
			emit(e)
			emit(b.Fork(e))
			emit(b.Fork(e))
		})
		return nil
	})
	run(t, stage("in", counting(1, 1, nil), "split"), stage("split", split, "a", "b", "c"),
		stage("a", a.spec()), stage("b", b.spec()), stage("c", c.spec()))
	id := a.ids[0]
	if len(id) < 33 || strings.ContainsAny(id, "-.") {
		t.Errorf("the first receiver got id %q", id)
	}
	for name, got := range map[string][2][]string{
		"first":  {a.ids, {id, id + ".1", id + ".2"}},
		"second": {b.ids, {id + "-01", id + ".1-01", id + ".2-01"}},
		"third":  {c.ids, {id + "-02", id + ".1-02", id + ".2-02"}},
	} {
		if !slices.Equal(got[0], got[1]) {
			t.Errorf("%s receiver: got %v, want %v", name, got[0], got[1])
		}
	}
}

func TestOneBadEventIsSetAside(t *testing.T) {
	const bad = 777
	refuse := func(fail func()) procFunc {
		return each(func(e *event.Event) {
			if numberOf(e) == bad {
				fail()
			}
		})
	}
	for name, c := range map[string]struct {
		proc    procFunc
		workers int
	}{
		"panic":           {refuse(func() { panic("nobody expects") }), 1},
		"panic in a pool": {refuse(func() { panic("nobody expects") }), 4},
		"panic outside of any loop": {func(_ context.Context, b *Batch) error {
			for e := range b.View() {
				if numberOf(e) == bad {
					panic("nobody expects")
				}
			}
			return nil
		}, 1},
		"panic in the dark": {func(_ context.Context, b *Batch) error {
			found := false
			for e := range b.Events() {
				found = found || numberOf(e) == bad
			}
			if found {
				panic("nobody expects")
			}
			return nil
		}, 2},
		"error": {func(_ context.Context, b *Batch) error {
			for e := range b.Each() {
				if numberOf(e) == bad {
					return errors.New("nobody expects")
				}
			}
			return nil
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			var r recorder
			p := stage("p", processor(c.proc), "out")
			p.Workers = c.workers
			run(t, stage("in", counting(5000, 100, nil), "p"), p, stage("out", r.spec()))
			r.wantOrder(t, 5000)
			if got := r.err[bad]; !strings.HasPrefix(got, "p: ") || !strings.Contains(got, "nobody expects") {
				t.Errorf("the bad event carries the error %q", got)
			}
			for i, e := range r.err {
				if i != bad && e != "" {
					t.Fatalf("event %d carries the error %q", i, e)
				}
			}
		})
	}
}

func TestBadEventGoesWhereOnErrorSays(t *testing.T) {
	panics := processor(each(func(e *event.Event) {
		if numberOf(e)%100 == 50 {
			panic("it is pining")
		}
	}))
	for name, c := range map[string]struct {
		onError OnError
		dead    bool
		out     int
		buried  int
	}{
		"passed on":                {Pass, true, 1000, 0},
		"dropped":                  {Drop, true, 990, 0},
		"to the dead letters":      {DeadLetter, true, 990, 10},
		"no dead letters there":    {DeadLetter, false, 990, 0},
		"passed on without a home": {Pass, false, 1000, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var r, d recorder
			p := stage("p", panics, "out")
			p.OnError = c.onError
			s := Settings{}
			if c.dead {
				s.DeadLetter = "dead"
			}
			g := graph(t, s, stage("in", counting(1000, 30, nil), "p"), p, stage("out", r.spec()), stage("dead", d.spec()))
			if err := g.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			if len(r.got) != c.out || len(d.got) != c.buried {
				t.Errorf("%d went on and %d were buried, want %d and %d", len(r.got), len(d.got), c.out, c.buried)
			}
		})
	}
}

func TestSinkThatCannotBearOneEventDeliversTheRest(t *testing.T) {
	var d recorder
	var mu sync.Mutex
	got := map[int]int{}
	s := sink(func(_ context.Context, b *Batch) error {
		var batch []int
		for e := range b.Each() {
			if numberOf(e) == 42 {
				panic("too many toffees")
			}
			batch = append(batch, numberOf(e))
		}
		mu.Lock()
		defer mu.Unlock()
		for _, n := range batch {
			got[n]++
		}
		return nil
	})
	g := graph(t, Settings{DeadLetter: "dead"}, stage("in", counting(100, 10, nil), "out"), stage("out", s), stage("dead", d.spec()))
	if err := g.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	for n := range 100 {
		want := 1
		if n == 42 {
			want = 0
		}
		if got[n] != want {
			t.Errorf("event %d was delivered %d times, want %d", n, got[n], want)
		}
	}
	if !slices.Equal(d.got, []int{42}) {
		t.Errorf("the dead letters are %v", d.got)
	}
}

func TestModuleThatAlwaysFailsIsGivenUp(t *testing.T) {
	for name, f := range map[string]procFunc{
		"panic on every event": each(func(*event.Event) { panic("ni") }),
		"error at once":        func(context.Context, *Batch) error { return errors.New("ni") },
	} {
		t.Run(name, func(t *testing.T) {
			var answered, failed atomic.Int32
			ticket := func(int) *ack.Ticket {
				return ack.New(func(err error) {
					answered.Add(1)
					if err != nil {
						failed.Add(1)
					}
				})
			}
			var r recorder
			g := graph(t, Settings{}, stage("in", counting(1000, 10, ticket), "knight"), stage("knight", processor(f), "out"), stage("out", r.spec()))
			err := g.Run(t.Context())
			if !errors.Is(err, ErrGaveUp) || !strings.Contains(err.Error(), "knight") {
				t.Errorf("got error %v", err)
			}
			if failed.Load() == 0 {
				t.Error("no ticket was answered with an error")
			}
			if g.byID["in"].pending.open.Load() != 0 {
				t.Errorf("%d deliveries are without an answer", g.byID["in"].pending.open.Load())
			}
		})
	}
}

func TestTransientFailureIsRetriedForAsLongAsItTakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r recorder
		inner := r.spec()
		fails := 0
		s := sink(func(ctx context.Context, b *Batch) error {
			if fails++; fails <= 50 {
				return Transient(errors.New("the shop is closed"))
			}
			st, _ := inner.Build(Env{}, inner.Options())
			return st.(Sink).Write(ctx, b)
		})
		run(t, stage("in", counting(100, 10, nil), "out"), stage("out", s))
		r.wantOrder(t, 100)
	})
}

func TestFaultsAtStartAreAllReported(t *testing.T) {
	broken := func(text string) Spec {
		return DefineSource(Info{Name: "Source", Role: Input}, none{}, func(Env, none) (Source, error) { return nil, errors.New(text) })
	}
	var r recorder
	g := graph(t, Settings{}, stage("a", broken("port taken"), "out"), stage("b", broken("no certificate"), "out"),
		stage("c", counting(10, 1, nil), "out"), stage("out", r.spec()))
	err := g.Run(t.Context())
	if !errors.Is(err, ErrStart) || !strings.Contains(err.Error(), "port taken") || !strings.Contains(err.Error(), "no certificate") {
		t.Errorf("got error %v", err)
	}
	if len(r.got) > 0 {
		t.Error("events were accepted before every module was ready")
	}
}
