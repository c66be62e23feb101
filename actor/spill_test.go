package actor

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"gambolputty/actor/ack"
	"gambolputty/actor/disklog"
	"gambolputty/actor/event"
)

// slow is an output that waits for permission.
type slow struct {
	mu   sync.Mutex
	got  []int
	open chan struct{}
}

func (s *slow) spec() Spec {
	return sink(func(ctx context.Context, b *Batch) error {
		select {
		case <-s.open:
		case <-ctx.Done():
			return ctx.Err()
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		for e := range b.Each() {
			s.got = append(s.got, numberOf(e))
		}
		return nil
	})
}

func (s *slow) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.got)
}

func spilled(g *Graph) (n int64) {
	for _, s := range g.Status() {
		s.Meter.EachOwn(func(name string, v int64) {
			if name == "spilled" {
				n += v
			}
		})
	}
	return n
}

// buffered is an input with a buffer on the edge to out.
func buffered(spec Spec, b Buffer) Node {
	n := stage("in", spec, "out")
	n.Receivers[0].Buffer = &b
	return n
}

func small(s Spec) Node {
	n := stage("out", s)
	n.Inbox = 8
	return n
}

func TestAQuickReceiverGetsEverythingFromMemory(t *testing.T) {
	r := &recorder{}
	out := stage("out", r.spec())
	out.Inbox = 100_000
	g := graph(t, Settings{}, buffered(counting(1000, 10, nil), Buffer{Path: t.TempDir()}), out)
	if err := g.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.wantOrder(t, 1000)
	if n := spilled(g); n > 0 {
		t.Errorf("%d went to the disk", n)
	}
}

// What does not fit into memory waits on the disk, in order, and the input hears that it is
// safe although nothing has been written yet. An end of the input waits for all of it.
func TestWhatASlowReceiverCannotTakeWaitsOnTheDisk(t *testing.T) {
	for _, policy := range []disklog.Policy{disklog.Always, disklog.Never} {
		t.Run(string(policy), func(t *testing.T) {
			s := &slow{open: make(chan struct{})}
			var answers sync.WaitGroup
			safe := make(chan int, 1000)
			in := counting(1000, 2, func(last int) *ack.Ticket {
				answers.Add(1)
				return ack.New(func(err error) {
					if err != nil {
						t.Error(err)
					}
					safe <- last
					answers.Done()
				})
			})
			dir := t.TempDir()
			g := graph(t, Settings{}, buffered(in, Buffer{Path: dir, Fsync: policy}), small(s.spec()))
			done := make(chan error)
			go func() { done <- g.Run(t.Context()) }()
			for range 400 { // nobody has written anything
				<-safe
			}
			if s.count() > 0 {
				t.Error("something was written")
			}
			close(s.open)
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			answers.Wait()
			want := &recorder{got: s.got}
			want.wantOrder(t, 1000)
			st, err := disklog.Inspect(dir)
			if err != nil || len(st.Segments) > 0 {
				t.Errorf("left %+v %v", st, err)
			}
		})
	}
}

func TestAStopLeavesWhatIsOnTheDiskForTheNextRun(t *testing.T) {
	dir := t.TempDir()
	s := &slow{open: make(chan struct{})}
	sent := make(chan struct{})
	in := source(func(ctx context.Context, out *Outlet) error {
		for i := range 500 {
			b := out.Batch("")
			b.New().SetField(number, event.Int(int64(i)))
			if err := out.Emit(b, nil); err != nil {
				return err
			}
		}
		close(sent)
		<-ctx.Done()
		return nil
	})
	g := graph(t, Settings{Grace: 50 * time.Millisecond}, buffered(in, Buffer{Path: dir}), small(s.spec()))
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- g.Run(ctx) }()
	<-sent
	stop()
	if err := <-done; !errors.Is(err, ErrGrace) { // for what was in memory
		t.Fatal(err)
	}
	if len(s.got) > 0 {
		t.Errorf("%d written", len(s.got))
	}
	close(s.open)
	g = graph(t, Settings{}, buffered(counting(10, 1, nil), Buffer{Path: dir}), small(s.spec()))
	if err := g.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	old, fresh := s.got[:len(s.got)-10], s.got[len(s.got)-10:]
	if len(old) < 480 || !slices.IsSorted(old) || old[len(old)-1] != 499 || fresh[0] != 0 || fresh[9] != 9 {
		t.Errorf("%d old, %v new", len(old), fresh)
	}
}

func TestAReceiverThatLagsNowAndThenGetsEverythingInOrder(t *testing.T) {
	r := &recorder{}
	n := 0
	lazy := sink(func(_ context.Context, b *Batch) error {
		if n++; n%50 == 0 {
			time.Sleep(2 * time.Millisecond)
		}
		for e := range b.Each() {
			r.got = append(r.got, numberOf(e))
		}
		return nil
	})
	g := graph(t, Settings{Poison: true}, buffered(counting(20_000, 3, nil), Buffer{Path: t.TempDir(), Fsync: disklog.Never}), small(lazy))
	if err := g.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.wantOrder(t, 20_000)
	if spilled(g) == 0 {
		t.Error("nothing went to the disk")
	}
}

func TestAFullDiskBufferDropsWhatItIsToldTo(t *testing.T) {
	for _, full := range []string{disklog.DropNewest, disklog.DropOldest} {
		t.Run(full, func(t *testing.T) {
			s := &slow{open: make(chan struct{})}
			big := source(func(_ context.Context, out *Outlet) error {
				for i := range 300 {
					b := out.Batch("")
					e := b.New()
					e.SetField(number, event.Int(int64(i)))
					e.SetField(event.Data, event.String(string(make([]byte, 5000))))
					if err := out.Emit(b, nil); err != nil {
						return err
					}
				}
				close(s.open)
				return nil
			})
			g := graph(t, Settings{}, buffered(big, Buffer{Path: t.TempDir(), MaxBytes: 300_000, WhenFull: full, Fsync: disklog.Never}), small(s.spec()))
			if err := g.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			dropped := g.Status()[0].Meter.Dropped.Load()
			// What was on its way to the receiver when it was dropped arrives all the same.
			if sum := len(s.got) + int(dropped); sum < 300 || sum > 310 || dropped < 100 || !slices.IsSorted(s.got) {
				t.Errorf("%d arrived, %d dropped", len(s.got), dropped)
			}
			if last := s.got[len(s.got)-1]; full == disklog.DropOldest && last != 299 || full == disklog.DropNewest && last > 100 {
				t.Errorf("the last one is %d", last)
			}
		})
	}
}

// A stop leaves on the disk what is there, but the sender must come to its end, for which it
// may need room.
func TestAStopDoesNotHangOnAFullDiskBuffer(t *testing.T) {
	s := &slow{open: make(chan struct{})}
	const count = 300
	in := source(func(_ context.Context, out *Outlet) error {
		for i := range count {
			b := out.Batch("")
			e := b.New()
			e.SetField(number, event.Int(int64(i)))
			e.SetField(event.Data, event.String(string(make([]byte, 5000))))
			if err := out.Emit(b, nil); err != nil {
				return err
			}
		}
		return nil
	})
	g := graph(t, Settings{}, buffered(in, Buffer{Path: t.TempDir(), MaxBytes: 300_000, Fsync: disklog.Never}), small(s.spec()))
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	ready := make(chan struct{})
	g.Ready = func() { close(ready) }
	go func() { done <- g.Run(ctx) }()
	<-ready
	for end := time.Now().Add(10 * time.Second); g.nodes[0].edges()[0].spill.log.Stats().Waiting == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the disk is never full")
		}
	}
	stop()
	close(s.open)
	select {
	case err := <-done:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the program does not stop")
	}
	b := g.Balance()
	if b.Delivered+b.Buffered != count || b.Delivered < 100 || b.Lost > 0 {
		t.Errorf("%+v", b)
	}
}

func TestTwoEdgesCannotShareADirectory(t *testing.T) {
	dir := t.TempDir()
	in := buffered(counting(1, 1, nil), Buffer{Path: dir})
	in.Receivers = append(in.Receivers, Receiver{ID: "other", Buffer: &Buffer{Path: dir}})
	r := &recorder{}
	err := graph(t, Settings{}, in, stage("out", r.spec()), stage("other", r.spec())).Run(t.Context())
	if !errors.Is(err, ErrStart) || !errors.Is(err, disklog.ErrLocked) {
		t.Error(err)
	}
}

// BenchmarkEdge is the way of an event over an edge: through memory, and through the disk
// and back, where nothing is taken before everything has been sent. It is measured for an
// event of 200 bytes in batches of 250.
func BenchmarkEdge(b *testing.B) {
	for name, policy := range map[string]disklog.Policy{"memory": "", "disk, never": disklog.Never, "disk, always": disklog.Always} {
		b.Run(name, func(b *testing.B) {
			s := &slow{open: make(chan struct{})}
			text := event.String(string(make([]byte, 200)))
			in := source(func(_ context.Context, out *Outlet) error {
				for n := 0; n < b.N; {
					x := out.Batch("")
					for range min(250, b.N-n) {
						x.New().SetField(event.Data, text)
						n++
					}
					if err := out.Emit(x, nil); err != nil {
						return err
					}
				}
				if policy != "" {
					close(s.open)
				}
				return nil
			})
			node := stage("in", in, "out")
			if policy == "" {
				close(s.open)
			} else {
				node = buffered(in, Buffer{Path: b.TempDir(), Fsync: policy})
			}
			g, err := New(Settings{}, node, stage("out", sink(func(context.Context, *Batch) error { <-s.open; return nil })))
			if err != nil {
				b.Fatal(err)
			}
			if err := g.Run(context.Background()); err != nil {
				b.Fatal(err)
			}
		})
	}
}
