package throttle

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"gambolputty/actor"
	"gambolputty/actor/actortest"
	"gambolputty/actor/event"
	"gambolputty/stages/internal/store"
	"gambolputty/stages/internal/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// lines makes n events with the field k.
func lines(k string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "{\"k\":%q,\"n\":%d}\n", k, i+1)
	}
	return b.String()
}

func TestOnlySomeOfEachKeyPass(t *testing.T) {
	first := func(n int) string { return lines("a", n) }
	actortest.Cases(t, Spec, map[string]actortest.Case{
		"the first ten":    {Options: "key: $(k)\nmin_count: 1\nmax_count: 10", In: first(19), Want: first(10)},
		"only the fifth":   {Options: "key: $(k)\nmin_count: 5\nmax_count: 10", In: first(5), Want: `{"k":"a","n":5}`},
		"too few":          {Options: "key: $(k)\nmin_count: 5\nmax_count: 10", In: first(1)},
		"the same twice":   {Options: "key: $(k)", In: first(2), Want: first(1)},
		"two keys":         {Options: "key: $(k)", In: lines("a", 2) + lines("b", 2), Want: lines("a", 1) + lines("b", 1)},
		"a key in parts":   {Options: "key: $(k)-$(n)", In: first(3), Want: first(3)},
		"an empty key":     {Options: "key: $(k)", In: lines("", 2) + lines("a", 1), Want: lines("", 1) + lines("a", 1)},
		"no field":         {Options: "key: $(nope)", In: first(3), Want: first(3)},
		"no field, drop":   {Options: "key: $(nope)\non_missing_key: drop\naction: tag", In: first(3)},
		"no field, shared": {Options: "key: $(n)$(nope)\non_missing_key: shared", In: first(3), Want: first(1)},
		"marked":           {Options: "key: $(k)\naction: tag", In: first(2), Want: `{"k":"a","n":1}` + "\n" + `{"k":"a","n":2,"throttled":true}`},
		"a filter":         {Options: "key: $(k)\nfilter: $(n) > 2", In: first(4), Want: first(3)},
		"few keys":         {Options: "key: $(k)\nmax_keys: 1", In: lines("a", 1) + lines("b", 1) + lines("a", 1), Want: lines("a", 1) + lines("b", 1)},
		"a burst":          {Options: "key: $(k)\nrate: 0.001\nburst: 2", In: first(4), Want: first(2)},
		"a rate alone":     {Options: "key: $(k)\nrate: 3", In: first(5), Want: first(3)},
	})
	actortest.Wrong(t, Spec, map[string]string{
		"timeframe: 1": "key", "key: $(a\n": "E032", "key: $(k)\nmin_count: 3\nmax_count: 2": "E038", "key: $(k)\nmin_count: 0": "at least 1", "key: $(k)\ntimeframe: 0": "at least 1ms",
		"key: $(k)\nbackend: nowhere": "E033", "key: $(k)\nbackend: TestCatch": "E034", "key: $(k)\nrate: 1\nmax_count: 2": "cannot be set together with rate", "key: $(k)\nburst: 2": "needs rate",
		"key: $(k)\non_missing_key: explode": "pass, drop, shared", "key: $(k)\nmin_count: 5": "must not be below min_count, 5, got 1",
	})
	if got := actortest.Warnings(t, Spec, "key: $(k)\nbackend_key_prefix: x"); len(got) != 1 {
		t.Errorf("warnings: %v", got)
	}
}

// live runs a pipeline with the module in a bubble, in which time only passes while all wait.
func live(t *testing.T, options string, f func(t *testing.T, send func(texts ...string), r *actortest.Running)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		feed := make(chan string)
		r := actortest.Start(t, "- Lines\n- Throttle:\n    key: $(data)\n    pool_size: 1\n"+options+"- TestCatch\n", Spec, actortest.Lines(feed))
		f(t, func(texts ...string) {
			for _, s := range texts {
				feed <- s
			}
			synctest.Wait()
		}, r)
		r.Stop()
	})
}

// data is what was caught so far.
func data(r *actortest.Running) string {
	var list []string
	for _, e := range r.Wait(0) {
		if v, _ := e.Get(event.MustPath("data")); v.Str() != "" {
			list = append(list, v.Str())
		}
	}
	return strings.Join(list, " ")
}

func TestANewTimeFrameBeginsWhenTheOldOneIsOver(t *testing.T) {
	live(t, "    timeframe: 1\n", func(t *testing.T, send func(...string), r *actortest.Running) {
		send("a")
		time.Sleep(500 * time.Millisecond)
		send("a", "b")
		time.Sleep(500 * time.Millisecond)
		send("a") // not later than a second
		if got := data(r); got != "a b" {
			t.Errorf("got %s", got)
		}
		time.Sleep(600 * time.Millisecond)
		send("a", "b")
		if got := data(r); got != "a b a b" {
			t.Errorf("got %s", got)
		}
	})
}

func TestARateGivesTokensBack(t *testing.T) {
	live(t, "    rate: 2\n    burst: 3\n", func(t *testing.T, send func(...string), r *actortest.Running) {
		send("a", "a", "a", "a", "a")
		time.Sleep(600 * time.Millisecond)
		send("a", "a")
		time.Sleep(time.Minute)
		send("a", "a", "a", "a")
		if got := data(r); got != strings.TrimSpace(strings.Repeat("a ", 7)) {
			t.Errorf("got %s", got)
		}
	})
}

func TestWindowsThatAreOverTakeNoMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, o := range []Options{{Timeframe: time.Minute, MinCount: 1, MaxCount: 1, MaxKeys: 1000}, {Rate: 1, Burst: 60, MaxKeys: 1000}} {
			tab := newTable(o)
			for i := range 500 {
				tab.decide([][]byte{fmt.Append(nil, i)}, make([]bool, 1))
			}
			time.Sleep(2 * time.Minute)
			if tab.closed(false); len(tab.windows) != 0 || tab.oldest.next != &tab.oldest {
				t.Errorf("%d windows are left", len(tab.windows))
			}
		}
	})
}

func summaries(r *actortest.Running) string {
	var list []string
	for _, e := range r.Wait(0) {
		if e.Type() == "throttle" {
			list = append(list, actortest.JSON(e))
		}
	}
	return strings.Join(list, "\n")
}

func TestSummariesTellWhatWasHeldBack(t *testing.T) {
	live(t, "    timeframe: 10\n    emit_summary: True\n", func(t *testing.T, send func(...string), r *actortest.Running) {
		send("a", "a", "b")
		time.Sleep(5 * time.Second)
		send("a")
		if got := summaries(r); got != "" {
			t.Errorf("too early: %s", got)
		}
		time.Sleep(7 * time.Second)
		if got, want := summaries(r), `{"data":"","first":"2000-01-01T00:00:00.000Z","key":"a","last":"2000-01-01T00:00:05.000Z","throttled_count":2}`; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		send("b", "b")
		r.Stop()
		if got := summaries(r); strings.Count(got, "\n") != 1 || !strings.Contains(got, `"key":"b"`) {
			t.Errorf("at the end: %s", got)
		}
	})
	live(t, "    rate: 1\n    timeframe: 10\n    emit_summary: True\n", func(t *testing.T, send func(...string), r *actortest.Running) {
		for range 15 {
			send("a", "a")
			time.Sleep(time.Second)
		}
		if got := summaries(r); strings.Count(got, "throttled_count") != 1 || !strings.Contains(got, `"throttled_count":11`) {
			t.Errorf("a rate that is exceeded all the time: %s", got)
		}
	})
}

func TestCountsAreExactOverAllWorkers(t *testing.T) {
	r := actortest.Start(t, "- Numbers\n- Throttle: {pool_size: 4, key: x, max_count: 1234}\n- TestCatch\n", Spec, actortest.Numbers(10_000))
	if out := r.Finish(); len(out) != 1234 {
		t.Errorf("%d events passed", len(out))
	}
	if n := storetest.Counter(r, "Throttle", "throttled"); n != 10_000-1234 || r.Status("Throttle").Meter.Dropped.Load() != n {
		t.Errorf("%d were counted", n)
	}
}

// service makes a module of a store.
type service struct{ store.Store }

// Serve waits for the end.
func (service) Serve(ctx context.Context) error { <-ctx.Done(); return nil }

func backend(s store.Store) actor.Spec {
	return actor.DefineService(actor.Info{Name: "KeyValueStore", Role: actor.StandAlone}, struct{}{}, func(actor.Env, struct{}) (actor.Service, error) { return service{s}, nil })
}

// flaky is a store that fails at will.
type flaky struct {
	store.Store
	mu    sync.Mutex
	away  bool
	calls int
}

var errAway = errors.New("the store is away")

// Incr fails or counts.
func (f *flaky) Incr(ctx context.Context, ttl time.Duration, counts ...store.Count) ([]int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	if f.away {
		return nil, errAway
	}
	return f.Store.Incr(ctx, ttl, counts...)
}

func (f *flaky) set(away bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.away = away
}

// shared2 runs a pipeline whose module counts in a store.
func withStore(t *testing.T, s store.Store, options string, n int) []*event.Event {
	t.Helper()
	r := actortest.Start(t, "- Numbers\n- KeyValueStore\n- Throttle:\n    backend: KeyValueStore\n"+options+"- TestCatch\n", Spec, backend(s), actortest.Numbers(n))
	return r.Finish()
}

func TestProcessesCountTogetherInAStore(t *testing.T) {
	s := store.NewMemory(store.MemoryOptions{})
	const options = "    key: $(data)x\n    pool_size: 4\n    max_count: 150\n"
	passed := 0
	for range 3 {
		passed += len(withStore(t, s, options, 100))
	}
	if passed != 150 {
		t.Errorf("%d passed", passed)
	}
	storetest.Want(t, s, "gambolputty:throttle:x", "integer 300")
	withStore(t, s, options+"    id: mine\n    backend_key_prefix: p\n", 10)
	storetest.Want(t, s, "p:mine:x", "integer 10")
	for e := range s.Iterate(t.Context(), "p:") {
		if e.TTL <= 9*time.Minute || e.TTL > 10*time.Minute {
			t.Errorf("the count vanishes after %s", e.TTL)
		}
	}
}

func TestKeysOfABatchAreCountedInOneRoundTrip(t *testing.T) {
	f := &flaky{Store: store.NewMemory(store.MemoryOptions{})}
	out := withStore(t, f, "    key: $(n)\n    pool_size: 1\n", 50)
	if len(out) != 50 || f.calls > 5 {
		t.Errorf("%d passed after %d calls", len(out), f.calls)
	}
}

func TestWithoutItsStoreItCountsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &flaky{Store: store.NewMemory(store.MemoryOptions{}), away: true}
		feed := make(chan string)
		r := actortest.Start(t, "- Lines\n- KeyValueStore\n- Throttle: {key: $(data), backend: KeyValueStore, pool_size: 1, emit_summary: True}\n- TestCatch\n", Spec, backend(f), actortest.Lines(feed))
		for range 5 {
			feed <- "a"
		}
		synctest.Wait()
		if got := data(r); got != "a" || f.calls != 1 || storetest.Counter(r, "Throttle", "backend_down") != 1 {
			t.Errorf("got %s after %d calls", got, f.calls)
		}
		if !strings.Contains(r.Log(), "the store is away") {
			t.Error(r.Log())
		}
		f.set(false)
		time.Sleep(1100 * time.Millisecond)
		feed <- "b"
		feed <- "b"
		synctest.Wait()
		if got := data(r); got != "a b" || storetest.Counter(r, "Throttle", "backend_down") != 0 {
			t.Errorf("got %s", got)
		}
		storetest.Want(t, f, "gambolputty:throttle:b", "integer 2")
		r.Stop()
		if got := summaries(r); !strings.Contains(got, `"key":"b"`) || !strings.Contains(got, `"throttled_count":4`) {
			t.Errorf("summaries: %s", got)
		}
	})
}

func BenchmarkThrottle(b *testing.B) {
	for _, keys := range []int{1, 100_000} {
		b.Run(fmt.Sprint(keys, " keys"), func(b *testing.B) {
			tab := newTable(Options{Timeframe: time.Minute, MinCount: 1, MaxCount: 5, MaxKeys: 1_000_000})
			names := make([][]byte, keys)
			for i := range names {
				names[i] = fmt.Appendf(nil, "web%06d-httpd_access_log", i)
			}
			passes := make([]bool, 50)
			batch := make([][]byte, 50)
			b.ReportAllocs()
			for i := 0; i < b.N; i += len(batch) {
				for k := range batch {
					batch[k] = names[(i+k)*7919%keys]
				}
				tab.decide(batch, passes)
			}
		})
	}
}

func BenchmarkEvent(b *testing.B) {
	var events []string
	for i := range 1000 {
		events = append(events, fmt.Sprintf(`{"data":"x","host":"web%03d","http_status":200}`, i))
	}
	actortest.BenchEvents(b, Spec, "key: $(host)-$(gambolputty.event_type)\nmax_count: 1000000000", "", nil, events...)
}
