package actor

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gambolputty/actor/ack"
	"gambolputty/actor/disklog"
	"gambolputty/actor/event"
)

// tide emits numbers until it is told to stop, and its next instance goes on with them.
type tide struct {
	step, first int64 // of the numbers; step 0 is 1
	next        atomic.Int64
	answered    atomic.Int64
	failed      atomic.Int64
	lives       atomic.Int64
}

func (d *tide) spec() Spec {
	return source(func(ctx context.Context, out *Outlet) error {
		d.lives.Add(1)
		for ctx.Err() == nil {
			b := out.Batch("the sea")
			for range 3 {
				b.New().SetField(number, event.Int((d.next.Add(1)-1)*max(1, d.step)+d.first))
			}
			t := ack.New(func(err error) {
				if err != nil {
					d.failed.Add(1)
				}
				d.answered.Add(3)
			})
			if err := out.Emit(b, t); err != nil {
				return err
			}
		}
		return nil
	})
}

// as gives a node an origin.
func as(n Node, origin string) Node {
	n.Origin = origin
	return n
}

// running starts a graph and returns what stops it and tells how it ended.
func running(t *testing.T, s Settings, nodes ...Node) (*Graph, func() error) {
	t.Helper()
	ready := make(chan struct{})
	s.Ready = func() { close(ready) }
	g := graph(t, s, nodes...)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- g.Run(ctx) }()
	select {
	case <-ready:
	case err := <-done:
		t.Fatal(err)
	}
	<-g.running
	end := func() error {
		stop()
		return errors.Join(<-done, g.Balance().Err())
	}
	t.Cleanup(stop)
	return g, end
}

func reloaded(t *testing.T, g *Graph, nodes ...Node) Change {
	t.Helper()
	c, err := g.Reload(Settings{}, nodes...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// pass waits until some more events have been answered.
func (d *tide) pass(t *testing.T, n int64) {
	t.Helper()
	until := d.answered.Load() + n
	for end := time.Now().Add(10 * time.Second); d.answered.Load() < until; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("nothing moves any more")
		}
	}
}

func untouched(*event.Event) {}

func TestAModuleThatIsReplacedHandsItsWorkToTheNextOneInOrder(t *testing.T) {
	for _, workers := range []int{1, 3} {
		t.Run(fmt.Sprint(workers, " workers"), func(t *testing.T) {
			d, r := &tide{}, &recorder{}
			layout := func(version int) []Node {
				p := as(stage("p", processor(each(untouched)), "out"), fmt.Sprint("p", version))
				p.Workers = workers + version%2
				p.Inbox = 100 + 50*(version%3)
				o := as(stage("out", r.spec()), fmt.Sprint("out", version/2))
				o.Inbox = 64
				return []Node{as(stage("in", d.spec(), "p"), "in"), p, o}
			}
			g, end := running(t, Settings{Poison: true}, layout(0)...)
			for version := 1; version <= 20; version++ {
				d.pass(t, 300)
				c := reloaded(t, g, layout(version)...)
				want := []string{"p"}
				if version%2 == 0 {
					want = []string{"out", "p"}
				}
				if slices.Sort(c.Replaced); !slices.Equal(c.Replaced, want) {
					t.Fatalf("%+v", c)
				}
			}
			d.pass(t, 300)
			if err := end(); err != nil {
				t.Fatal(err)
			}
			r.wantOrder(t, int(d.next.Load()))
			if d.lives.Load() != 1 || d.failed.Load() != 0 || d.answered.Load() != d.next.Load() {
				t.Errorf("%d lives of the input, %d failed, %d of %d answered", d.lives.Load(), d.failed.Load(), d.answered.Load(), d.next.Load())
			}
		})
	}
}

// TestAnyChangeUnderLoadLosesNothing reloads one random layout after the other: chains of
// other modules, other pools, other sizes, inputs that come, change and go.
func TestAnyChangeUnderLoadLosesNothing(t *testing.T) {
	seed := rand.Uint64()
	t.Log("seed", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	tides := []*tide{{step: 3}, {step: 3, first: 1}, {step: 3, first: 2}}
	records := map[string]*recorder{"a": {}, "b": {}}
	layout := func() []Node {
		var nodes []Node
		var chain []string
		for k := range random.IntN(4) {
			chain = append(chain, fmt.Sprint("p", k))
		}
		random.Shuffle(len(chain), func(i, j int) { chain[i], chain[j] = chain[j], chain[i] })
		chain = append(chain, []string{"a", "b"}[random.IntN(2)])
		for k, d := range tides {
			if k > 0 && random.IntN(3) == 0 {
				continue
			}
			nodes = append(nodes, as(stage(fmt.Sprint("in", k), d.spec(), chain[random.IntN(len(chain))]), fmt.Sprint(random.IntN(2))))
		}
		for k, id := range chain[:len(chain)-1] {
			n := as(stage(id, processor(each(untouched)), chain[k+1]), fmt.Sprint(random.IntN(3)))
			n.Workers, n.Ordered, n.Inbox = 1+random.IntN(3), random.IntN(2) == 0, 4+random.IntN(500)
			n.Origin += fmt.Sprint(n.Workers, n.Ordered, n.Inbox)
			nodes = append(nodes, n)
		}
		last := chain[len(chain)-1]
		nodes = append(nodes, as(stage(last, records[last].spec()), fmt.Sprint(random.IntN(2))))
		return nodes
	}
	g, end := running(t, Settings{Poison: true}, layout()...)
	for range 100 {
		tides[0].pass(t, 30)
		reloaded(t, g, layout()...)
	}
	if err := end(); err != nil {
		t.Fatal(err)
	}
	seen := map[int]int{}
	for _, r := range records {
		for _, n := range r.got {
			seen[n]++
		}
	}
	for k, d := range tides {
		for i := range int(d.next.Load()) {
			if c := seen[i*len(tides)+k]; c != 1 {
				t.Fatalf("event %d of input %d arrived %d times", i, k, c)
			}
		}
		if d.failed.Load() != 0 || d.answered.Load() != d.next.Load() {
			t.Errorf("input %d: %d failed, %d of %d answered", k, d.failed.Load(), d.answered.Load(), d.next.Load())
		}
	}
}

// TestAnInputThatHasEndedMayGetOtherReceivers: they must hear that nothing will come from it, or
// they wait for ever.
func TestAnInputThatHasEndedMayGetOtherReceivers(t *testing.T) {
	d, r := &tide{}, &recorder{}
	over := source(func(context.Context, *Outlet) error { return nil })
	layout := func(to string) []Node {
		return []Node{as(stage("over", over, to), "1"), as(stage("in", d.spec(), "one"), "1"), as(stage("one", r.spec()), "1"), as(stage("two", r.spec()), "1")}
	}
	g, end := running(t, Settings{Poison: true}, layout("one")...)
	for !g.find("over").silence() {
		time.Sleep(time.Millisecond)
	}
	reloaded(t, g, layout("two")...)
	d.pass(t, 100)
	ended := make(chan error, 1)
	go func() { ended <- end() }()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the run does not end")
	}
}

// silence reports whether the receivers were told that nothing more will come.
func (n *node) silence() bool {
	n.tableMu.Lock()
	defer n.tableMu.Unlock()
	return n.silent
}

func TestWhatWaitsForADeadOutputGoesToTheOneInItsPlace(t *testing.T) {
	d, r := &tide{}, &recorder{}
	asked := make(chan struct{}, 1)
	dead := sink(func(ctx context.Context, b *Batch) error {
		select {
		case asked <- struct{}{}:
		default:
		}
		<-ctx.Done() // nobody answers
		return ctx.Err()
	})
	in, p := as(stage("in", d.spec(), "p"), "1"), as(stage("p", processor(each(untouched)), "out"), "1")
	out := as(stage("out", dead), "dead")
	out.Inbox = 8
	g, end := running(t, Settings{}, in, p, out)
	<-asked
	for version := range 3 { // and the first two are no better
		c := reloaded(t, g, in, p, as(stage("out", dead), fmt.Sprint("dead", version)))
		if !slices.Equal(c.Replaced, []string{"out"}) {
			t.Errorf("%+v", c)
		}
	}
	reloaded(t, g, in, p, as(stage("out", r.spec()), "good"))
	d.pass(t, 1000)
	if err := end(); err != nil {
		t.Fatal(err)
	}
	r.wantOrder(t, int(d.next.Load()))
}

func TestAChangeThatFailsIsTakenBack(t *testing.T) {
	refusal := errors.New("the port is taken")
	broken := DefineSource(Info{Name: "Source", Role: Input}, none{}, func(Env, none) (Source, error) { return nil, refusal })
	d, e, r := &tide{}, &tide{}, &recorder{}
	layout := []Node{as(stage("in", d.spec(), "p"), "1"), as(stage("gone", e.spec(), "out"), "1"), as(stage("p", processor(each(untouched)), "out"), "1"), as(stage("out", r.spec()), "1")}
	g, end := running(t, Settings{}, layout...)
	d.pass(t, 100)
	for range 3 {
		c, err := g.Reload(Settings{}, as(stage("new", broken, "other"), "1"), as(stage("in", d.spec(), "other"), "2"), as(stage("other", processor(each(untouched)), "p"), "1"),
			as(stage("p", processor(each(untouched)), "out"), "2"), as(stage("out", r.spec()), "1"))
		if !errors.Is(err, ErrStart) || !errors.Is(err, refusal) || !strings.Contains(err.Error(), "new: ") || c.Any() {
			t.Fatalf("%v %+v", err, c)
		}
		d.pass(t, 100)
		e.pass(t, 100)
	}
	var ids []string
	for _, s := range g.Status() {
		ids = append(ids, s.ID)
	}
	if !slices.Equal(ids, []string{"in", "gone", "p", "out"}) {
		t.Errorf("modules after that: %v", ids)
	}
	if err := end(); err != nil {
		t.Fatal(err)
	}
	if len(r.got) != int(d.next.Load()+e.next.Load()) || d.failed.Load()+e.failed.Load() != 0 {
		t.Errorf("%d arrived of %d and %d", len(r.got), d.next.Load(), e.next.Load())
	}
}

func TestWhatCannotBeChangedIsRefusedAndGoesOn(t *testing.T) {
	d, r := &tide{}, &recorder{}
	in, out := as(stage("in", d.spec(), "out"), "1"), as(stage("out", r.spec()), "1")
	in.Receivers[0].Buffer = &Buffer{Path: t.TempDir()}
	g, end := running(t, Settings{}, in, out)
	d.pass(t, 10)
	if _, err := g.Reload(Settings{}, as(stage("in", d.spec(), "out"), "1"), out); !errors.Is(err, ErrRestart) || !strings.Contains(err.Error(), "in to out") {
		t.Error(err)
	}
	if _, err := g.Reload(Settings{}, as(stage("in", d.spec(), "nowhere"), "1"), out); err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Error(err)
	}
	d.pass(t, 10)
	if err := end(); err != nil {
		t.Fatal(err)
	}
	r.wantOrder(t, len(r.got)) // the rest is on the disk
	if _, err := g.Reload(Settings{}, in, out); !errors.Is(err, ErrEnding) {
		t.Error(err)
	}
}

func TestWhatWaitsBehindAnEdgeStaysInOrder(t *testing.T) {
	disk := &Buffer{Path: t.TempDir(), Fsync: disklog.Never}
	for name, r := range map[string]Receiver{
		"disk":            {ID: "out", Buffer: disk},
		"memory":          {ID: "out", Queue: &Queue{MaxEvents: 1000}},
		"memory and disk": {ID: "out", Buffer: &Buffer{Path: t.TempDir(), Fsync: disklog.Never}, Queue: &Queue{MaxEvents: 100}},
	} {
		t.Run(name, func(t *testing.T) {
			d, s := &tide{}, &slow{open: make(chan struct{})}
			layout := func(version int) []Node {
				p := as(stage("p", processor(each(untouched))), fmt.Sprint(version/2))
				p.Receivers = []Receiver{r}
				return []Node{as(stage("in", d.spec(), "p"), fmt.Sprint(version/3)), p, as(small(s.spec()), fmt.Sprint(version))}
			}
			g, end := running(t, Settings{Poison: true}, layout(0)...)
			for version := 1; version < 8; version++ {
				if version == 3 { // as the input cannot be replaced before all it has read is safe
					close(s.open)
				}
				if r.Buffer != nil || version > 3 {
					d.pass(t, 200)
				}
				reloaded(t, g, layout(version)...)
			}
			d.pass(t, 200)
			if r.Buffer != nil && spilled(g) == 0 {
				t.Error("nothing went to the disk")
			}
			if err := end(); err != nil {
				t.Fatal(err)
			}
			if len(s.got) == 0 || r.Buffer == nil && len(s.got) != int(d.next.Load()) {
				t.Fatalf("%d of %d arrived", len(s.got), d.next.Load())
			}
			for i, n := range s.got { // the rest is on the disk
				if n != i {
					t.Fatalf("place %d holds event %d", i, n)
				}
			}
		})
	}
}

// shop is a stand-alone module that says which version it is of.
type shop struct {
	version int
	open    *atomic.Int64
}

func (s shop) Serve(ctx context.Context) error {
	s.open.Add(1)
	defer s.open.Add(-1)
	<-ctx.Done()
	return nil
}

// customer uses a shop.
type customer struct{}

func (*customer) Uses() []Need { return []Need{{ID: "shop"}} }

func TestAStandAloneModuleIsReplacedWithThoseThatUseIt(t *testing.T) {
	var open atomic.Int64
	versions := map[int]int{}
	uses := DefineProcessor(Info{Name: "Proc", Role: Modifier}, customer{}, func(e Env, _ customer) (Processor, error) {
		s, ok := Find[*shop](e, "shop")
		if !ok {
			return nil, errors.New("no shop")
		}
		return procFunc(func(_ context.Context, b *Batch) error {
			versions[s.version] += b.Len()
			return nil
		}), nil
	})
	d, r := &tide{}, &recorder{}
	layout := func(version int) []Node {
		sells := DefineService(Info{Name: "Shop", Role: StandAlone}, none{}, func(Env, none) (Service, error) { return &shop{version, &open}, nil })
		return []Node{as(stage("in", d.spec(), "p"), "1"), as(stage("p", uses, "out"), "1"), as(stage("out", r.spec()), "1"), as(stage("shop", sells), fmt.Sprint(version))}
	}
	g, end := running(t, Settings{}, layout(0)...)
	for version := 1; version < 4; version++ {
		d.pass(t, 50)
		if c := reloaded(t, g, layout(version)...); !slices.Equal(c.Replaced, []string{"shop", "p"}) {
			t.Errorf("%+v", c)
		}
	}
	d.pass(t, 50)
	plain := []Node{as(stage("in", d.spec(), "out"), "1"), as(stage("out", r.spec()), "1")}
	if c := reloaded(t, g, plain...); !slices.Equal(c.Rerouted, []string{"in"}) || len(c.Removed) != 2 {
		t.Errorf("%+v", c)
	}
	d.pass(t, 50)
	if err := end(); err != nil {
		t.Fatal(err)
	}
	if len(r.got) != int(d.next.Load()) || open.Load() != 0 {
		t.Errorf("%d of %d arrived, %d shops open", len(r.got), d.next.Load(), open.Load())
	}
	for v := range 4 {
		if versions[v] == 0 {
			t.Errorf("version %d was never used", v)
		}
	}
}

// hoarder passes every second event on and keeps the others until it is flushed.
type hoarder struct{ kept *Batch }

func (h *hoarder) Process(_ context.Context, b *Batch) error {
	if h.kept == nil {
		h.kept = new(Batch)
	}
	b.Expand(func(e *event.Event, emit func(*event.Event)) {
		if numberOf(e)%2 == 0 {
			emit(e)
			return
		}
		b.Move(e, h.kept)
	})
	return nil
}

func (h *hoarder) Flush(_ context.Context, out *Batch) error {
	if h.kept != nil {
		out.Absorb(h.kept)
		h.kept = nil
	}
	return nil
}

func (h *hoarder) FlushEvery() time.Duration { return time.Hour }

func TestWhatAHaltedModuleHeldGoesWhereItWouldHaveGone(t *testing.T) {
	d, r := &tide{}, &recorder{}
	open := make(chan struct{})
	slow := sink(func(ctx context.Context, b *Batch) error {
		<-open
		return r.write(b)
	})
	hoards := built(func(Env) (Processor, error) { return &hoarder{}, nil })
	old := as(stage("old", slow), "1")
	old.Inbox = 4
	g, end := running(t, Settings{Poison: true}, as(stage("in", d.spec(), "p"), "1"), as(stage("p", hoards, "old"), "1"), old)
	time.Sleep(20 * time.Millisecond) // until the module waits for room
	c := reloaded(t, g, as(stage("in", d.spec(), "p"), "1"), as(stage("p", hoards, "new"), "2"), as(stage("new", r.spec()), "1"))
	if !slices.Equal(c.Replaced, []string{"p"}) || !slices.Equal(c.Removed, []string{"old"}) {
		t.Errorf("%+v", c)
	}
	close(open)
	if err := end(); err != nil {
		t.Fatal(err)
	}
	if d.failed.Load() != 0 {
		t.Errorf("%d failed", d.failed.Load())
	}
	r.wantAll(t, int(d.next.Load()))
}
