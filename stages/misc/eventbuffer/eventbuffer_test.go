package eventbuffer_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"gambolputty/actor"
	"gambolputty/actor/actortest"
	"gambolputty/config"
	"gambolputty/stages/misc/eventbuffer"
	"gambolputty/stages/misc/redisstore"
	"gambolputty/stages/modifiers/mergeevent"
	"gambolputty/stages/parsers/lineparser"
)

// gate is an output that lets some events through and is stuck then.
type gate struct {
	mu    sync.Mutex
	room  int
	wrote []string
	ids   []string
}

func (g *gate) spec() actor.Spec {
	return actor.DefineSink(actor.Info{Name: "Gate", Role: actor.Output}, struct{}{}, func(actor.Env, struct{}) (actor.Sink, error) { return g, nil })
}

// Write writes a batch, or waits for the end.
func (g *gate) Write(ctx context.Context, b *actor.Batch) error {
	g.mu.Lock()
	if b.Len() <= g.room {
		for e := range b.View() {
			g.wrote, g.ids = append(g.wrote, actortest.Data(e)), append(g.ids, e.ID())
		}
		g.room -= b.Len()
		g.mu.Unlock()
		return nil
	}
	g.mu.Unlock()
	<-ctx.Done()
	return ctx.Err()
}

func lines(from, end int) chan string {
	c := make(chan string, end-from)
	for i := from; i < end; i++ {
		c <- fmt.Sprintf("line %d", i)
	}
	return c
}

func want(from, end int) (list []string) {
	for i := from; i < end; i++ {
		list = append(list, fmt.Sprintf("line %d", i))
	}
	return list
}

const hasty = "- Global:\n    shutdown_timeout: 0.2\n"

// run is one life of a pipeline.
func run(t *testing.T, text string, feed chan string, g *gate) *actortest.Running {
	t.Helper()
	return actortest.Start(t, hasty+text, actortest.Lines(feed), g.spec(), eventbuffer.Spec, redisstore.Spec, lineparser.Spec, mergeevent.Spec)
}

// both runs a test with events kept on disk and in a store.
func both(t *testing.T, f func(t *testing.T, buffer string, left func() int)) {
	t.Run("disk", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "a", "buffer")
		f(t, "- EventBuffer:\n    path: "+dir+"\n", func() int {
			files, err := filepath.Glob(dir + "/*")
			if err != nil {
				t.Fatal(err)
			}
			return len(slices.DeleteFunc(files, func(f string) bool { return filepath.Base(f) == "lock" }))
		})
	})
	t.Run("store", func(t *testing.T) {
		m := miniredis.RunT(t)
		f(t, "- EventBuffer:\n    backend: RedisStore\n- RedisStore:\n    server: "+m.Addr()+"\n", func() (n int) {
			for _, k := range m.Keys() { // a dead process leaves its lease for a while
				if strings.HasPrefix(k, "gambolputty:eventbuffer:") {
					n++
				}
			}
			return n
		})
	})
}

func TestNothingIsLeftAfterAGracefulStop(t *testing.T) {
	both(t, func(t *testing.T, buffer string, left func() int) {
		feed := lines(0, 500)
		r := run(t, "- Lines\n- Gate: {inbox_size: 100000}\n"+buffer, feed, &gate{room: 1000})
		close(feed)
		r.Finish()
		if n := left(); n > 0 {
			t.Errorf("%d files or keys are left", n)
		}
		if n := counter(r, "stored"); n != 500 {
			t.Errorf("%d stored", n)
		}
		if n := counter(r, "unfinished"); n != 0 {
			t.Errorf("%d unfinished", n)
		}
	})
}

// until waits for something that must happen.
func until(t *testing.T, happened func() bool) {
	t.Helper()
	for late := time.Now().Add(20 * time.Second); !happened(); time.Sleep(time.Millisecond) {
		if time.Now().After(late) {
			t.Fatal("it does not happen")
		}
	}
}

func counter(r *actortest.Running, name string) (value int64) {
	r.Status("EventBuffer").Meter.EachOwn(func(n string, v int64) {
		if n == name {
			value = v
		}
	})
	return value
}

func TestWhatWasUnderWayComesAgainInOrderAndOnce(t *testing.T) {
	both(t, func(t *testing.T, buffer string, left func() int) {
		flow := "- Lines:\n    add_fields: {n: '$(data)'}\n    event_type: first\n- Gate: {inbox_size: 100000}\n"
		g := &gate{room: 30}
		r := run(t, flow+buffer, lines(0, 100), g)
		until(t, func() bool { return counter(r, "stored") >= 100 })
		r.StopHard()
		if left() == 0 || !strings.Contains(r.Log(), "sent again at the next start") {
			t.Fatalf("%d left\n%s", left(), r.Log())
		}
		g2 := &gate{room: 1000}
		feed := lines(100, 110)
		r = run(t, strings.Replace(flow, "first", "second", 1)+buffer, feed, g2)
		close(feed)
		r.Finish()
		if got := slices.Concat(g.wrote, g2.wrote); !slices.Equal(got, want(0, 110)) {
			t.Errorf("wrote %d, then %d: %.300q", len(g.wrote), len(g2.wrote), got)
		}
		if ids := slices.Concat(g.ids, g2.ids); len(slices.Compact(slices.Sorted(slices.Values(ids)))) != 110 {
			t.Error("ids have changed or are used twice")
		}
		if n := left(); n > 0 {
			t.Errorf("%d files or keys are left", n)
		}
		if log := r.Log(); !strings.Contains(log, "found=70 requeued=70 failed=0") {
			t.Error(log)
		}
	})
}

// What came from an event holds it: copies for several receivers, and parts.
func TestAnEventIsFinishedWhenAllThatCameFromItIs(t *testing.T) {
	both(t, func(t *testing.T, buffer string, _ func() int) {
		g := &gate{room: 10}
		r := run(t, "- Lines:\n    receivers: [Gate, TestCatch]\n- Gate: {inbox_size: 100000}\n- TestCatch\n"+buffer, lines(0, 20), g)
		r.Wait(20)
		r.StopHard()
		g2 := &gate{room: 1000}
		feed := make(chan string)
		r = run(t, "- Lines:\n    receivers: [Gate, TestCatch]\n- Gate: {inbox_size: 100000}\n- TestCatch\n"+buffer, feed, g2)
		close(feed)
		if again := r.Finish(); len(again) != 10 || len(g2.wrote) != 10 {
			t.Errorf("%d and %d came again", len(again), len(g2.wrote))
		}
	})
}

func TestEventsThatAModuleHoldsBackStayOpen(t *testing.T) {
	dir := t.TempDir()
	text := "- Lines\n- MergeEvent:\n    buffer_size: 1000\n    flush_interval_in_secs: 600\n    buffer_key: all\n    max_wait_in_secs: 6000\n- Gate: {inbox_size: 100000}\n- EventBuffer: {path: " + dir + "}\n"
	feed := lines(0, 5)
	r := run(t, text, feed, &gate{})
	until(t, func() bool { return counter(r, "stored") >= 5 })
	r.StopHard()
	g := &gate{room: 100}
	feed = make(chan string)
	r = run(t, text, feed, g)
	close(feed)
	r.Finish()
	if !strings.Contains(r.Log(), "found=5 requeued=5") {
		t.Error(r.Log())
	}
}

func TestEventsOfAnInputThatIsGoneStay(t *testing.T) {
	both(t, func(t *testing.T, buffer string, left func() int) {
		r := run(t, "- Lines: {id: former}\n- Gate: {inbox_size: 100000}\n"+buffer, lines(0, 10), &gate{})
		until(t, func() bool { return counter(r, "stored") >= 10 })
		r.StopHard()
		feed := make(chan string)
		close(feed)
		g := &gate{room: 100}
		r = run(t, "- Lines: {id: other}\n- Gate: {inbox_size: 100000}\n"+buffer, feed, g)
		r.Finish()
		if len(g.wrote) > 0 || left() == 0 || !strings.Contains(r.Log(), "input=former events=10") {
			t.Errorf("%q\n%s", g.wrote, r.Log())
		}
		r = run(t, "- Lines: {id: former}\n- Gate: {inbox_size: 100000}\n"+buffer, feed, g)
		r.Finish()
		if !slices.Equal(g.wrote, want(0, 10)) || left() > 0 {
			t.Errorf("%q, %d left", g.wrote, left())
		}
	})
}

func TestInputsWaitWhenTooManyEventsAreUnderWay(t *testing.T) {
	feed := lines(0, 100)
	r := run(t, "- Lines\n- Gate: {inbox_size: 100000}\n- EventBuffer: {max_events: 10, path: "+t.TempDir()+"}\n", feed, &gate{})
	until(t, func() bool { return counter(r, "unfinished") >= 10 })
	if n := counter(r, "unfinished"); n != 10 || len(feed) < 89 {
		t.Errorf("%d are under way, %d wait", n, len(feed))
	}
	r.StopHard()
}

func TestEventsAreStoredInTheBackground(t *testing.T) {
	both(t, func(t *testing.T, buffer string, left func() int) {
		buffer = strings.Replace(buffer, "- EventBuffer:\n", "- EventBuffer:\n    sync: False\n", 1)
		g := &gate{room: 30}
		r := run(t, "- Lines\n- Gate: {inbox_size: 100000}\n"+buffer, lines(0, 100), g)
		until(t, func() bool { return len(g.seen()) >= 30 && counter(r, "unfinished") >= 70 })
		r.StopHard() // what is not stored yet is stored now
		g2 := &gate{room: 1000}
		feed := lines(100, 110)
		r = run(t, "- Lines\n- Gate: {inbox_size: 100000}\n"+buffer, feed, g2)
		close(feed)
		r.Finish()
		if got := slices.Concat(g.wrote, g2.wrote); !slices.Equal(got, want(0, 110)) {
			t.Errorf("%d and %d: %.300q", len(g.wrote), len(g2.wrote), got)
		}
		if left() > 0 {
			t.Errorf("%d left", left())
		}
	})
}

func (g *gate) seen() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.wrote
}

func TestAFullDiskBufferGoesOnAsItIsTold(t *testing.T) {
	for _, full := range []string{"drop_newest", "drop_oldest"} {
		t.Run(full, func(t *testing.T) {
			feed := make(chan string)
			g := &gate{room: 1 << 20}
			r := run(t, "- Lines\n- Gate: {inbox_size: 100000}\n- EventBuffer: {max_size: 200000, when_full: "+full+", path: "+t.TempDir()+"}\n", feed, g)
			for range 300 {
				feed <- strings.Repeat("x", 10_000)
			}
			close(feed)
			r.Finish()
			if len(g.wrote) != 300 {
				t.Errorf("%d arrived", len(g.wrote))
			}
		})
	}
}

// The usual configuration of old is a RedisStore and an EventBuffer without a word.
func TestTheStoreIsUsedIfThereIsOne(t *testing.T) {
	m := miniredis.RunT(t)
	r := run(t, "- EventBuffer\n- RedisStore: {server: "+m.Addr()+"}\n- Lines\n- Gate: {inbox_size: 100000}\n", lines(0, 3), &gate{})
	until(t, func() bool { return counter(r, "stored") >= 3 })
	n := 0
	for _, k := range m.Keys() {
		if strings.HasPrefix(k, "gambolputty:eventbuffer:") {
			n++
		}
	}
	if n != 3 {
		t.Errorf("keys %q", m.Keys())
	}
	r.StopHard()
}

func TestTheDiskIsUsedIfThereIsNoStore(t *testing.T) {
	t.Setenv("STATE_DIRECTORY", t.TempDir())
	r := run(t, "- EventBuffer\n- Lines\n- Gate: {inbox_size: 100000}\n", lines(0, 3), &gate{})
	until(t, func() bool { return counter(r, "stored") >= 3 })
	if files, _ := filepath.Glob(os.Getenv("STATE_DIRECTORY") + "/buffer/*.seg"); len(files) != 1 {
		t.Errorf("files %q", files)
	}
	r.StopHard()
}

// Another process with the same store takes what belongs to the dead, and nothing else.
func TestOnlyTheEventsOfTheDeadAreTakenOver(t *testing.T) {
	m := miniredis.RunT(t)
	buffer := "- EventBuffer: {backend: RedisStore}\n- RedisStore: {server: " + m.Addr() + "}\n"
	r := run(t, "- Lines\n- Gate: {inbox_size: 100000}\n"+buffer, lines(0, 4), &gate{})
	until(t, func() bool { return counter(r, "stored") >= 4 })
	r.StopHard()
	// What is left now belongs to another host.
	for _, k := range m.Keys() {
		v, err := m.Get(k)
		if err != nil {
			t.Fatal(err)
		}
		host, _ := os.Hostname()
		if err := m.Set(k, strings.ReplaceAll(v, `"owner":"`+host+"/", `"owner":"elsewhere/`)); err != nil {
			t.Fatal(err)
		}
		if v, _ = m.Get(k); strings.HasPrefix(k, "gambolputty:eventbuffer:") {
			_, rest, _ := strings.Cut(v, `"owner":"`)
			owner, _, _ := strings.Cut(rest, `"`)
			if err := m.Set("gambolputty:eventbuffer-owner:"+owner, "1"); err != nil {
				t.Fatal(err)
			}
			m.SetTTL("gambolputty:eventbuffer-owner:"+owner, 30*time.Second)
		}
	}
	once := func() []string {
		g := &gate{room: 100}
		feed := make(chan string)
		close(feed)
		run(t, "- Lines\n- Gate: {inbox_size: 100000}\n"+buffer, feed, g).Finish()
		return g.wrote
	}
	if got := once(); len(got) > 0 {
		t.Errorf("taken from the living: %q", got)
	}
	m.FastForward(31 * time.Second)
	if got := once(); !slices.Equal(got, want(0, 4)) {
		t.Errorf("got %q", got)
	}
}

func TestAValueThatCannotBeReadIsKept(t *testing.T) {
	m := miniredis.RunT(t)
	for key, v := range map[string]string{"a": "spam", "b": `{"owner":"x","event":"!"}`, "c": `{"owner":"x","event":"c3BhbQ=="}`} {
		if err := m.Set("gambolputty:eventbuffer:"+key, v); err != nil {
			t.Fatal(err)
		}
	}
	feed := make(chan string)
	close(feed)
	r := run(t, "- Lines\n- Gate: {inbox_size: 100000}\n- EventBuffer\n- RedisStore: {server: "+m.Addr()+"}\n", feed, &gate{})
	r.Finish()
	if keys := m.Keys(); !slices.Contains(keys, "gambolputty:eventbuffer:bad:b") || !slices.Contains(keys, "gambolputty:eventbuffer:bad:c") || len(keys) != 3 {
		t.Errorf("keys %q", keys)
	}
	if counter(r, "bad") != 2 || !strings.Contains(r.Log(), "cannot be read") {
		t.Errorf("%d bad\n%s", counter(r, "bad"), r.Log())
	}
}

func TestAStoreThatIsAwayHoldsTheInputsUp(t *testing.T) {
	m := miniredis.RunT(t)
	address := m.Addr()
	g := &gate{room: 100}
	feed := make(chan string, 10)
	r := run(t, "- Lines\n- Gate: {inbox_size: 100000}\n- EventBuffer: {backend: RedisStore}\n- RedisStore: {server: "+address+"}\n", feed, g)
	feed <- "line 0"
	until(t, func() bool { return len(g.seen()) >= 1 })
	m.SetError("READONLY you cannot write")
	for i := 1; i < 5; i++ {
		feed <- fmt.Sprintf("line %d", i)
	}
	until(t, func() bool { return strings.Contains(r.Log(), "target=RedisStore") })
	if got := g.seen(); len(got) != 1 {
		t.Errorf("%q went on without being stored", got)
	}
	m.SetError("")
	close(feed)
	r.Finish()
	if !slices.Equal(g.wrote, want(0, 5)) {
		t.Errorf("%q", g.wrote)
	}
	if keys := m.Keys(); len(keys) > 0 {
		t.Errorf("left %q", keys)
	}
}

func TestReplayMayBeSlowedDown(t *testing.T) {
	dir := t.TempDir()
	r := run(t, "- Lines\n- Gate: {inbox_size: 100000}\n- EventBuffer: {path: "+dir+"}\n", lines(0, 20), &gate{})
	until(t, func() bool { return counter(r, "stored") >= 20 })
	r.StopHard()
	feed := make(chan string)
	close(feed)
	g := &gate{room: 100}
	start := time.Now()
	run(t, "- Lines\n- Gate: {inbox_size: 100000}\n- EventBuffer: {path: "+dir+", replay_rate: 100}\n", feed, g).Finish()
	if len(g.wrote) != 20 || time.Since(start) < 200*time.Millisecond {
		t.Errorf("%d in %s", len(g.wrote), time.Since(start))
	}
}

func TestOneProcessHasTheDirectory(t *testing.T) {
	dir := t.TempDir()
	text := "- Lines\n- Gate: {inbox_size: 100000}\n- EventBuffer: {path: " + dir + "}\n"
	r := run(t, text, make(chan string), &gate{})
	err := run(t, text, make(chan string), &gate{}).Err()
	if err == nil || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "another process") {
		t.Errorf("got %v", err)
	}
	r.StopHard()
}

func TestThereIsOneBuffer(t *testing.T) {
	_, report := config.Loader{Specs: []actor.Spec{eventbuffer.Spec, redisstore.Spec, actortest.Lines(nil), new(gate).spec()}}.LoadText("test", []byte("- Lines\n- Gate: {inbox_size: 100000}\n- EventBuffer\n- EventBuffer: {id: b}\n"))
	if !strings.Contains(report.Text(), "E038") {
		t.Error(report.Text())
	}
}

func TestWrongOptionsAreRefused(t *testing.T) {
	actortest.Wrong(t, eventbuffer.Spec, map[string]string{
		"gc_interval: 0": "at least 1s", "max_events: 0": "at least 1", "when_full: cry": "block", "fsync: often": "interval", "backend: Nowhere": "E033", "max_size: -1": "at least 0",
	})
	for options, want := range map[string]string{"backend: disk\nkey_prefix: x": "no effect on disk"} {
		if w := strings.Join(actortest.Warnings(t, eventbuffer.Spec, options), "\n"); !strings.Contains(w, want) {
			t.Errorf("%s gives %q", options, w)
		}
	}
}

func TestAStopDoesNotWaitForAStoreThatIsAway(t *testing.T) {
	m := miniredis.RunT(t)
	address := m.Addr()
	m.Close()
	r := run(t, "- Lines\n- Gate\n- EventBuffer: {backend: RedisStore}\n- RedisStore: {server: "+address+"}\n", lines(0, 0), &gate{})
	until(t, func() bool { return strings.Contains(r.Log(), "target=RedisStore") })
	r.Stop() // which fails if it takes too long
}
