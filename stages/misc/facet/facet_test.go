package facet

import (
	"context"
	"errors"
	"fmt"
	"slices"
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

// run sends events through the module and returns the events of facets.
func run(t *testing.T, options string, in ...string) []string {
	t.Helper()
	var events []*event.Event
	for _, text := range in {
		events = append(events, actortest.Event(t, text))
	}
	out := actortest.Process(t, Spec, options, events...)
	passed := 0
	var reports []string
	for _, e := range out {
		switch {
		case e.Type() == "facet" && actortest.Meta(e, "source_module") == "Facet":
			reports = append(reports, actortest.JSON(e))
		case actortest.JSON(e) != actortest.JSON(events[passed]):
			t.Errorf("event %d became %s", passed, actortest.JSON(e))
			fallthrough
		default:
			passed++
		}
	}
	if passed != len(in) {
		t.Errorf("%d of %d events passed", passed, len(in))
	}
	return reports
}

func want(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

var pythons = []string{
	`{"url": "http://www.google.com", "remote_ip": "127.0.0.1", "user_agent": "Eric"}`, `{"url": "http://www.google.com", "remote_ip": "127.0.0.1", "user_agent": "Eric"}`,
	`{"url": "http://www.blackknight.com", "remote_ip": "127.0.0.1", "user_agent": "Idle"}`, `{"url": "http://www.johann.com", "remote_ip": "127.0.0.2", "user_agent": "Graham"}`,
}

const (
	ofPythons = `"facets":["http://www.google.com","http://www.blackknight.com"],"other_event_fields":{"http://www.blackknight.com":{"remote_ip":"127.0.0.1","user_agent":"Idle"},"http://www.google.com":{"remote_ip":"127.0.0.1","user_agent":"Eric"}}}`
	byIP      = "source_field: url\ngroup_by: $(remote_ip)\n"
)

func TestTheReferencesExample(t *testing.T) {
	want(t, run(t, byIP+"add_event_fields: [remote_ip, user_agent]\ninterval: 1", pythons...),
		`{"data":"","facet_count":2,"facet_field":"url",`+ofPythons,
		`{"data":"","facet_count":1,"facet_field":"url","facets":["http://www.johann.com"],"other_event_fields":{"http://www.johann.com":{"remote_ip":"127.0.0.2","user_agent":"Graham"}}}`)
}

func TestValuesAndGroups(t *testing.T) {
	want(t, run(t, "source_field: v\ngroup_by: all", `{"v": 1}`, `{"v": "1"}`, `{"v": 1.0}`, `{"v": true}`, `{"v": null}`, `{"v": {"b": 1, "a": [2]}}`, `{"v": {"a": [2], "b": 1}}`, `{"v": 1}`, `{"x": 1}`),
		`{"data":"","facet_count":6,"facet_field":"v","facets":[1,"1",1.0,true,null,{"a":[2],"b":1}]}`)
	want(t, run(t, "source_field: v\ngroup_by: $(nope)", `{"v": 1}`))
	want(t, run(t, "source_field: v\ngroup_by: g", `{"v": 1, "g": "b"}`, `{"v": 1, "g": "a"}`, `{"v": 2, "g": "b"}`, `{"v": 2}`),
		`{"data":"","facet_count":2,"facet_field":"v","facets":[1,2]}`, `{"data":"","facet_count":1,"facet_field":"v","facets":[1]}`, `{"data":"","facet_count":1,"facet_field":"v","facets":[2]}`)
	want(t, run(t, "source_field: a.0\ngroup_by: x\nadd_event_fields: nope\ngroup_field: facet_of.group", `{"a": ["y"]}`),
		`{"data":"","facet_count":1,"facet_field":"a.0","facet_of":{"group":"x"},"facets":["y"]}`)
	want(t, run(t, "source_field: v\ngroup_by: x\ncount_values: True", `{"v": "a"}`, `{"v": "b"}`, `{"v": "a"}`),
		`{"data":"","facet_count":2,"facet_counts":{"a":2,"b":1},"facet_field":"v","facets":["a","b"]}`)
	want(t, run(t, "source_field: v\ngroup_by: x\nadd_event_fields: [h]\nother_event_fields_format: list", `{"v": "a", "h": 1}`, `{"v": "b"}`, `{"v": "a", "h": 2}`),
		`{"data":"","facet_count":2,"facet_field":"v","facets":["a","b"],"other_event_fields":[{"facet":"a","h":1},{"facet":"b"}]}`)
	want(t, run(t, "source_field: v\ngroup_by: x\nadd_event_fields: [h]", `{"v": "a", "h": 1}`, `{"v": "b"}`),
		`{"data":"","facet_count":2,"facet_field":"v","facets":["a","b"],"other_event_fields":{"a":{"h":1}}}`)
}

func TestThereIsAnEndToGroupsAndValues(t *testing.T) {
	want(t, run(t, "source_field: v\ngroup_by: $(g)\nmax_values_per_group: 2", `{"v": 1, "g": 1}`, `{"v": 1, "g": 2}`, `{"v": 2, "g": 1}`, `{"v": 3, "g": 1}`, `{"v": 4, "g": 1}`),
		`{"data":"","facet_count":3,"facet_field":"v","facet_truncated":true,"facets":[1,2,3]}`, `{"data":"","facet_count":1,"facet_field":"v","facets":[1]}`, `{"data":"","facet_count":1,"facet_field":"v","facets":[4]}`)
	want(t, run(t, "source_field: v\ngroup_by: $(v)\nmax_groups: 2", `{"v": 1}`, `{"v": 2}`, `{"v": 3}`, `{"v": 4}`),
		`{"data":"","facet_count":1,"facet_field":"v","facet_truncated":true,"facets":[1]}`, `{"data":"","facet_count":1,"facet_field":"v","facet_truncated":true,"facets":[2]}`,
		`{"data":"","facet_count":1,"facet_field":"v","facet_truncated":true,"facets":[3]}`, `{"data":"","facet_count":1,"facet_field":"v","facets":[4]}`)
}

func TestCommonActionsAndFilters(t *testing.T) {
	feed := make(chan string, 4)
	for _, s := range []string{"a", "b", "a", "c"} {
		feed <- s
	}
	close(feed)
	r := actortest.Start(t, "- Lines\n- FacetV2:\n    pool_size: 1\n    source_field: data\n    group_by: x\n    filter: $(data) != 'c'\n    add_fields: {seen: yes it was}\n    backend_ttl: 5m\n- TestCatch\n", Spec, actortest.Lines(feed))
	var got []string
	for _, e := range r.Finish() {
		got = append(got, actortest.JSON(e))
	}
	want(t, got, `{"data":"a","seen":"yes it was"}`, `{"data":"b","seen":"yes it was"}`, `{"data":"a","seen":"yes it was"}`, `{"data":"c"}`,
		`{"data":"","facet_count":2,"facet_field":"data","facets":["a","b"],"seen":"yes it was"}`)
}

func reports(r *actortest.Running) (list []string) {
	for _, e := range r.Wait(0) {
		if e.Type() == "facet" {
			list = append(list, actortest.JSON(e))
		}
	}
	return list
}

// live runs a pipeline in a bubble.
func live(t *testing.T, options string, specs []actor.Spec, more string) (send func(texts ...string), r *actortest.Running) {
	t.Helper()
	feed := make(chan string)
	r = actortest.Start(t, "- Lines\n"+more+"- Facet:\n    source_field: data\n    group_by: g\n    pool_size: 1\n"+options+"- TestCatch\n", append(specs, Spec, actortest.Lines(feed))...)
	return func(texts ...string) {
		for _, s := range texts {
			feed <- s
		}
		synctest.Wait()
	}, r
}

const of = `{"data":"","facet_count":%d,"facet_field":"data","facets":%s}`

func TestEveryIntervalBeginsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		send, r := live(t, "    interval: 5\n", nil, "")
		send("a", "b", "a")
		time.Sleep(4 * time.Second)
		want(t, reports(r))
		time.Sleep(2 * time.Second)
		want(t, reports(r), fmt.Sprintf(of, 2, `["a","b"]`))
		time.Sleep(20 * time.Second)
		send("a")
		r.Stop()
		want(t, reports(r), fmt.Sprintf(of, 2, `["a","b"]`), fmt.Sprintf(of, 1, `["a"]`))
	})
}

func TestIntervalsMayBeThoseOfTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(57 * time.Second) // of the minute
		send, r := live(t, "    interval: 60\n    aligned: True\n", nil, "")
		send("a")
		time.Sleep(3 * time.Second)
		send("b") // at the full minute
		want(t, reports(r), fmt.Sprintf(of, 1, `["a"]`))
		time.Sleep(59 * time.Second)
		want(t, reports(r), fmt.Sprintf(of, 1, `["a"]`))
		time.Sleep(2 * time.Second)
		want(t, reports(r), fmt.Sprintf(of, 1, `["a"]`), fmt.Sprintf(of, 1, `["b"]`))
		r.Stop()
	})
}

func TestAllWorkersFillOneTable(t *testing.T) {
	r := actortest.Start(t, "- Numbers\n- Facet: {pool_size: 4, source_field: n, group_by: g}\n- TestCatch\n", Spec, actortest.Numbers(5000))
	out := r.Finish()
	if v, _ := out[len(out)-1].Get(event.MustPath("facet_count")); v.Text() != "5000" || len(out) != 5001 {
		t.Errorf("%s values in %d events", v.Text(), len(out))
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
	mu   sync.Mutex
	away bool
}

var errAway = errors.New("the store is away")

func (f *flaky) set(away bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.away = away
}

func (f *flaky) err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.away {
		return errAway
	}
	return nil
}

// Lock fails or locks.
func (f *flaky) Lock(ctx context.Context, name string, d time.Duration) (func(context.Context) error, error) {
	if err := f.err(); err != nil {
		return nil, err
	}
	return f.Store.Lock(ctx, name, d)
}

func TestProcessesCollectTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store.NewMemory(store.MemoryOptions{})
		const options = "    interval: 10\n    backend: KeyValueStore\n    count_values: True\n"
		sendA, a := live(t, options, []actor.Spec{backend(s)}, "- KeyValueStore\n")
		time.Sleep(500 * time.Millisecond)
		sendB, b := live(t, options, []actor.Spec{backend(s)}, "- KeyValueStore\n")
		sendA("x", "y", "x")
		time.Sleep(3 * time.Second)
		sendB("y", "z")
		time.Sleep(2 * time.Second)
		sendA("x")
		if v, found, _ := s.Get(t.Context(), "FacetValues:g"); !found {
			t.Errorf("the store has %s", v.Text())
		}
		time.Sleep(8 * time.Second)
		want(t, append(reports(a), reports(b)...), `{"data":"","facet_count":3,"facet_counts":{"x":3,"y":2,"z":1},"facet_field":"data","facets":["x","y","z"]}`)
		time.Sleep(time.Minute)
		if s.Len() != 0 {
			t.Error("the store is not empty")
		}
		sendB("x")
		sendA("v")
		time.Sleep(time.Second)
		a.Stop()
		b.Stop()
		all := strings.Join(append(reports(a), reports(b)...), "\n")
		if strings.Count(all, "facet_field") > 3 || !strings.Contains(all, `"v":1`) || strings.Count(all, `"x":1`) != 1 {
			t.Errorf("at the end:\n%s", all)
		}
		if s.Len() != 0 {
			t.Error("the store is not empty")
		}
	})
}

func TestKeysInTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store.NewMemory(store.MemoryOptions{})
		send, r := live(t, "    interval: 10\n    cache: KeyValueStore\n    cache_key: p\n    cache_lock: l\n    cache_ttl: 30\n", []actor.Spec{backend(s)}, "- KeyValueStore\n")
		unlock, err := s.Lock(t.Context(), "l:g", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		send("x")
		time.Sleep(3 * time.Second)
		if s.Len() != 0 {
			t.Error("the lock is not respected")
		}
		if err := unlock(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		for e := range s.Iterate(t.Context(), "") {
			if e.Key != "p:g" || e.TTL > 30*time.Second || e.TTL < 28*time.Second {
				t.Errorf("%s lives for %s", e.Key, e.TTL)
			}
		}
		r.Stop()
	})
}

func TestValuesWaitWhileTheStoreIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &flaky{Store: store.NewMemory(store.MemoryOptions{}), away: true}
		send, r := live(t, "    interval: 5\n    redis_store: KeyValueStore\n", []actor.Spec{backend(s)}, "- KeyValueStore\n")
		send("a", "b")
		time.Sleep(20 * time.Second)
		send("a", "c")
		want(t, reports(r))
		if !strings.Contains(r.Log(), "the store is away") || storetest.Counter(r, "Facet", "store_errors") == 0 {
			t.Error(r.Log())
		}
		s.set(false)
		time.Sleep(2 * time.Second)
		want(t, reports(r), fmt.Sprintf(of, 3, `["a","b","c"]`))
		s.set(true)
		send("d")
		r.Stop()
		want(t, reports(r)[1:], fmt.Sprintf(of, 1, `["d"]`))
	})
}

func TestTooManyValuesAreTakenOutOfTheStore(t *testing.T) {
	s := store.NewMemory(store.MemoryOptions{})
	stored := newGroup("g")
	stored.values, stored.until = []value{{Value: event.String("old"), count: 1}}, time.Now().Add(time.Hour)
	storetest.Put(t, s, "FacetValues:g", write(stored), 0)
	storetest.Put(t, s, "FacetValues:h", event.String("nonsense"), 0)
	feed := make(chan string, 10)
	for _, x := range []string{"1", "2", "3", "4"} {
		feed <- x
	}
	close(feed)
	r := actortest.Start(t, "- Lines\n- KeyValueStore\n- Facet: {pool_size: 1, interval: 3600, source_field: data, group_by: g, redis_store: KeyValueStore, redis_ttl: 0, max_values_per_group: 2}\n- TestCatch\n", Spec, backend(s), actortest.Lines(feed))
	r.Finish()
	want(t, reports(r), `{"data":"","facet_count":4,"facet_field":"data","facet_truncated":true,"facets":["old","1","2","3"]}`, fmt.Sprintf(of, 1, `["4"]`))
	if read("h", event.String("nonsense")) != nil || read("h", write(stored)).values[0].Str() != "old" {
		t.Error("a group is not read as it was written")
	}
}

func TestWrongOptionsAreRefused(t *testing.T) {
	const ok = "source_field: a\ngroup_by: $(b)\n"
	actortest.Wrong(t, Spec, map[string]string{
		"group_by: $(a)": "source_field", "source_field: a": "group_by", "source_field: a\ngroup_by: ''": "must not be empty", ok + "interval: 0": "must be above 0", ok + "redis_store: nowhere": "E033", ok + "cache: TestCatch": "E034",
		ok + "other_event_fields_format: tuple": "dict, list", ok + "max_groups: 0": "at least 1", ok + "cache: a\nbackend: b": "another name",
	})
	if got := actortest.Warnings(t, Spec, ok+"interval: 90\nbackend: x"); len(got) != 1 || !strings.Contains(got[0], "above interval") {
		t.Errorf("warnings: %v", got)
	}
}

func BenchmarkEvent(b *testing.B) {
	var events []string
	for i := range 1000 {
		events = append(events, fmt.Sprintf(`{"remote_ip":"192.168.%d.20","url":"/cgi-bin/try/%d","user_agent":"curl/7.38.0"}`, i%10, i%97))
	}
	actortest.BenchEvents(b, Spec, "source_field: url\ngroup_by: $(remote_ip)\nadd_event_fields: [user_agent]", "", nil, events...)
}
