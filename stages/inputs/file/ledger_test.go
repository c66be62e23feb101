package file_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/config"
	"gambolputty/stages/inputs/file"
)

// till is an output that counts numbered lines. While it is closed it accepts nothing.
type till struct {
	mu     sync.Mutex
	lines  map[string]int
	total  int
	open   chan struct{} // closed while it accepts
	change chan struct{}
}

func newTill() *till {
	t := &till{lines: map[string]int{}, open: make(chan struct{}), change: make(chan struct{}, 1)}
	close(t.open)
	return t
}

func (t *till) shut() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.open = make(chan struct{})
}

func (t *till) Write(ctx context.Context, b *actor.Batch) error {
	t.mu.Lock()
	open := t.open
	t.mu.Unlock()
	select {
	case <-open:
	case <-ctx.Done():
		return ctx.Err()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for e := range b.Each() {
		v, _ := e.Field(event.Data)
		t.lines[strings.Clone(v.Str())]++
		t.total++
	}
	select {
	case t.change <- struct{}{}:
	default:
	}
	return nil
}

func (t *till) sum() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.total
}

// wait waits for n lines altogether.
func (t *till) wait(tb testing.TB, n int) {
	tb.Helper()
	late := time.After(20 * time.Second)
	for t.sum() < n {
		select {
		case <-t.change:
		case <-late:
			tb.Fatalf("%d of %d lines came", t.sum(), n)
		}
	}
}

// check compares what came with the lines that were written, from 0.
func (t *till) check(tb testing.TB, n int, twice bool) {
	tb.Helper()
	t.mu.Lock()
	defer t.mu.Unlock()
	var missing, more []int
	for i := range n {
		switch c := t.lines[line(i)]; {
		case c == 0:
			missing = append(missing, i)
		case c > 1:
			more = append(more, i)
		}
	}
	if len(missing) > 0 || len(more) > 0 && !twice {
		tb.Errorf("%d lines: missing %v, more than once %v", n, head(missing), head(more))
	}
	if t.total != n && !twice {
		for l := range t.lines {
			if i, err := strconv.Atoi(strings.TrimLeft(strings.Fields(l + " x")[0], "0")); l != line(0) && (err != nil || l != line(i)) {
				tb.Errorf("nobody wrote %.100q", l)
			}
		}
	}
}

func head(list []int) []int { return list[:min(len(list), 20)] }

// line is a line of some length with a number.
func line(i int) string { return fmt.Sprintf("%09d %s", i, strings.Repeat("x", i*7919%97)) }

// testLog shows what the module logs if the test fails.
type testLog struct{ testing.TB }

func (l testLog) Write(p []byte) (int, error) {
	l.Log(strings.TrimSuffix(string(p), "\n"))
	return len(p), nil
}

// runner runs the module as a program does.
type runner struct {
	graph *actor.Graph
	stop  context.CancelFunc
	done  chan error
}

func start(tb testing.TB, till *till, options string) *runner {
	tb.Helper()
	sink := actor.DefineSink(actor.Info{Name: "Till", Role: actor.Output}, struct{}{}, func(actor.Env, struct{}) (actor.Sink, error) { return till, nil })
	plan, report := config.Loader{Specs: []actor.Spec{file.Spec, sink}}.LoadText("test", []byte("- File: {"+options+"}\n- Till: {queue_size: 10}\n"))
	if !report.OK(false) {
		tb.Fatal(report.Text())
	}
	ready := make(chan struct{})
	settings := plan.Settings()
	settings.Ready = func() { close(ready) }
	log := slog.New(slog.NewTextHandler(testLog{tb}, &slog.HandlerOptions{Level: slog.LevelDebug}))
	settings.Log = log
	graph, err := actor.New(settings, plan.Nodes(func(string, *slog.Level) *slog.Logger { return log })...)
	if err != nil {
		tb.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	r := &runner{graph, stop, make(chan error, 1)}
	go func() { r.done <- graph.Run(ctx) }()
	<-ready
	tb.Cleanup(r.kill)
	return r
}

// end stops it in good order.
func (r *runner) end(tb testing.TB) {
	tb.Helper()
	r.stop()
	if err := r.over(); err != nil {
		tb.Fatal(err)
	}
}

// over waits for the end.
func (r *runner) over() error {
	err := <-r.done
	r.done <- err
	return err
}

// kill stops it without waiting for anything.
func (r *runner) kill() {
	r.graph.Abort(errors.New("killed"))
	r.stop()
	r.over()
}

// writer writes numbered lines to a file that it opens anew when it is told.
type writer struct {
	p    *place
	f    *os.File
	next int
}

func (p *place) writer() *writer {
	w := &writer{p: p}
	w.reopen()
	return w
}

func (w *writer) reopen() {
	if w.f != nil {
		w.f.Close()
	}
	f, err := os.OpenFile(w.p.path("app.log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		w.p.t.Fatal(err)
	}
	w.f = f
}

// write writes n lines, in pieces that do not care for lines.
func (w *writer) write(n int, rnd *rand.Rand) {
	var text strings.Builder
	for range n {
		text.WriteString(line(w.next) + "\n")
		w.next++
	}
	for s := text.String(); s != ""; {
		k := min(len(s), 1+rnd.IntN(8000))
		if _, err := w.f.WriteString(s[:k]); err != nil {
			w.p.t.Fatal(err)
		}
		s = s[k:]
	}
}

func (p *place) options(paths, more string) string {
	return fmt.Sprintf("mode: tail, start_position: beginning, paths: '%s', sincedb_path: %s, stat_interval: 0.01, sincedb_write_interval: 0.02%s", p.path(paths), p.db, more)
}

// The writer never waits for the module here.
func TestNothingIsLostOrRepeated(t *testing.T) {
	rotate := func(p *place, w *writer, k int) {
		for i := k; i > 0; i-- {
			from, to := p.path("app.log."+strconv.Itoa(i)), p.path("app.log."+strconv.Itoa(i+1))
			if err := os.Rename(from, to); err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
		}
		p.rename("app.log", "app.log.1")
	}
	cases := map[string]struct {
		paths string
		act   func(p *place, w *writer, till *till, r **runner, i int, rnd *rand.Rand)
	}{
		"file_rotate_create": {"app.log", func(p *place, w *writer, _ *till, _ **runner, i int, rnd *rand.Rand) {
			rotate(p, w, 10)
			w.write(20, rnd) // the program has not noticed yet
			w.reopen()
		}},
		"file_rotate_create within the pattern": {"app.log*", func(p *place, w *writer, _ *till, _ **runner, i int, rnd *rand.Rand) {
			rotate(p, w, 10)
			w.write(20, rnd)
			w.reopen()
		}},
		"file_rotate_truncate": {"app.log", func(p *place, w *writer, till *till, _ **runner, i int, rnd *rand.Rand) {
			till.wait(t, w.next) // what is truncated before it was read is lost
			p.truncate("app.log")
		}},
		"file_rotate_restart": {"app.log", func(p *place, w *writer, till *till, r **runner, i int, rnd *rand.Rand) {
			(*r).end(t)
			w.write(30, rnd)
			rotate(p, w, 10)
			w.write(30, rnd)
			w.reopen()
			w.write(30, rnd)
			*r = start(t, till, p.options("app.log", ""))
		}},
		"file_truncate and restart": {"app.log", func(p *place, w *writer, till *till, r **runner, i int, rnd *rand.Rand) {
			till.wait(t, w.next)
			(*r).end(t)
			p.truncate("app.log")
			w.write(30, rnd)
			*r = start(t, till, p.options("app.log", ""))
		}},
		"deleted while nothing is accepted": {"app.log", func(p *place, w *writer, till *till, _ **runner, i int, rnd *rand.Rand) {
			till.wait(t, w.next)
			till.shut()
			w.write(5000, rnd)
			waitForLook()
			p.remove("app.log")
			w.reopen()
			w.write(10, rnd)
			waitForLook()
			till.accept()
		}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rnd := rand.New(rand.NewPCG(1, 2))
			p, till := newPlace(t), newTill()
			w := p.writer()
			w.write(1, rnd)
			r := start(t, till, p.options(c.paths, ""))
			till.wait(t, 1)
			for i := range 8 {
				for range 20 {
					w.write(rnd.IntN(40), rnd)
				}
				c.act(p, w, till, &r, i, rnd)
			}
			w.write(10, rnd)
			till.wait(t, w.next)
			r.end(t)
			till.check(t, w.next, false)
			r = start(t, till, p.options(c.paths, ""))
			waitForLook()
			r.end(t)
			till.check(t, w.next, false)
		})
	}
}

func (t *till) accept() {
	t.mu.Lock()
	defer t.mu.Unlock()
	close(t.open)
}

// A program that is killed cannot write its positions: what it had written at some time
// before is all that is left.
func TestNothingIsLostWhenKilled(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	p, till := newPlace(t), newTill()
	w := p.writer()
	for range 10 {
		r := start(t, till, p.options("app.log", ""))
		w.write(3000, rnd)
		waitForLook()
		old, err := os.ReadFile(p.db)
		if err != nil {
			t.Fatal(err)
		}
		w.write(3000, rnd)
		till.shut()
		w.write(3000, rnd)
		r.kill()
		till.accept()
		write(t, p.db, string(old))
	}
	r := start(t, till, p.options("app.log", ""))
	w.write(1, rnd)
	for late := time.Now().Add(time.Minute); !till.has(line(w.next - 1)); {
		if time.Now().After(late) {
			t.Fatal("the last line did not come")
		}
		<-till.change
	}
	r.end(t)
	till.check(t, w.next, true)
}

func (t *till) has(line string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.lines[line] > 0
}

// TestTheNextFileIsReadWhenTheOneBeforeIsFoundUnderItsNewName: the paths mean rotated files as
// well, and the one before is still being read when the next one comes.
func TestTheNextFileIsReadWhenTheOneBeforeIsFoundUnderItsNewName(t *testing.T) {
	p, till := newPlace(t), newTill()
	till.shut()
	w, rnd := p.writer(), rand.New(rand.NewPCG(1, 2))
	r := start(t, till, p.options("app.log*", ""))
	w.write(20_000, rnd) // more than fits into inboxes, so that the reader has to wait
	waitForLook()
	p.rename("app.log", "app.log.1")
	waitForLook()
	w.reopen()
	w.write(10, rnd)
	waitForLook()
	close(till.open)
	till.wait(t, w.next)
	r.end(t)
	till.check(t, w.next, false)
}

// TestRandomLife does what happens to a log in many years, in random order. Before a file
// is truncated everything in it must have been read.
func TestRandomLife(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			rnd := rand.New(rand.NewPCG(seed, 5))
			paths := []string{"app.log", "app.log*"}[seed%2]
			more := []string{"", ", max_open_files: 1", ", close_inactive_in_secs: 0.01"}[seed%3]
			p, till := newPlace(t), newTill()
			w := p.writer()
			r := start(t, till, p.options(paths, more))
			gone := 0
			for range 150 {
				switch k := rnd.IntN(20); {
				case k < 10:
					w.write(rnd.IntN(200), rnd)
				case k < 12:
					waitForLook()
				case k < 14:
					till.wait(t, w.next) // with one open file, one that is moved and closed may be missed
					gone++
					p.rename("app.log", "app.log."+strconv.Itoa(gone))
					w.write(rnd.IntN(3), rnd)
					w.reopen()
					w.write(rnd.IntN(100), rnd)
				case k < 16:
					till.wait(t, w.next)
					p.truncate("app.log")
					waitForLook() // a file that has grown past its former end since cannot be told from one that was not truncated
					w.write(rnd.IntN(100), rnd)
				case k < 17:
					till.wait(t, w.next)
					p.remove("app.log")
					w.reopen()
					w.write(1, rnd)
					till.wait(t, w.next) // what is moved after its forerunner was removed cannot be found
				default:
					r.end(t)
					w.write(rnd.IntN(100), rnd)
					r = start(t, till, p.options(paths, more))
				}
			}
			till.wait(t, w.next)
			r.end(t)
			till.check(t, w.next, false)
		})
	}
}
