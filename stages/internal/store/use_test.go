package store_test

import (
	"context"
	"strings"
	"testing"

	"gambolputty/actor"
	"gambolputty/actor/actortest"
	"gambolputty/actor/event"
	"gambolputty/stages/internal/store"
	"gambolputty/stages/internal/store/storetest"
)

// user is a module that keeps results in a store.
type user struct {
	results *store.Results
	env     actor.Env
	work    func() (event.Value, bool, error)
}

type userOptions struct{ store.Use }

// Validate checks the options.
func (o *userOptions) Validate() error { return o.CheckStore() }

func userSpec(work func() (event.Value, bool, error)) actor.Spec {
	return actor.DefineProcessor(actor.Info{Name: "User", Role: actor.Modifier, Parallel: true}, userOptions{store.UseDefaults}, func(env actor.Env, o userOptions) (actor.Processor, error) {
		r, err := o.Results(env)
		return &user{r, env, work}, err
	})
}

// Process sets the field result.
func (u *user) Process(ctx context.Context, b *actor.Batch) error {
	for e := range b.Each() {
		key, _ := u.results.Key(e)
		v, hit, err := u.results.Get(ctx, key, u.work)
		if err != nil {
			u.env.Fault(e, "work", err)
			continue
		}
		_ = e.Set(event.MustPath("result"), v)
		_ = e.Set(event.MustPath("hit"), event.Bool(hit))
	}
	return nil
}

type service struct{ store.Store }

// Serve waits for the end.
func (service) Serve(ctx context.Context) error { <-ctx.Done(); return nil }

type noOptions struct{}

func storeSpec(s store.Store) actor.Spec {
	return actor.DefineService(actor.Info{Name: "KeyValueStore", Role: actor.StandAlone}, noOptions{}, func(actor.Env, noOptions) (actor.Service, error) { return service{s}, nil })
}

func process(t *testing.T, s store.Store, options string, work func() (event.Value, bool, error), in ...string) (out []*event.Event, log string) {
	t.Helper()
	feed := make(chan string, len(in))
	for _, line := range in {
		feed <- line
	}
	close(feed)
	r := actortest.Start(t, "- Lines\n- KeyValueStore\n- User:\n    pool_size: 1\n    redis_store: KeyValueStore\n"+options+"- TestCatch\n", storeSpec(s), userSpec(work), actortest.Lines(feed))
	out = r.Finish()
	return out, r.Log()
}

func TestResultsAreLookedUpFirst(t *testing.T) {
	s := store.NewMemory(store.MemoryOptions{})
	worked := 0
	work := func() (event.Value, bool, error) { worked++; return event.Int(int64(worked)), worked != 2, nil }
	out, _ := process(t, s, "    redis_key: r:$(data)\n    redis_lock: l\n", work, "a", "a", "b", "b")
	var got []string
	for _, e := range out {
		got = append(got, actortest.JSON(e))
	}
	if want := `{"data":"a","hit":false,"result":1} {"data":"a","hit":true,"result":1} {"data":"b","hit":false,"result":2} {"data":"b","hit":false,"result":3}`; strings.Join(got, " ") != want {
		t.Errorf("got %s", got)
	}
	storetest.Want(t, s, "r:a", "integer 1")
}

func TestAStoreThatFailsIsAMiss(t *testing.T) {
	s := &broken{Memory: store.NewMemory(store.MemoryOptions{}), err: errAway}
	out, log := process(t, s, "    redis_key: r:$(data)\n", func() (event.Value, bool, error) { return event.Int(1), true, nil }, "a", "a")
	if len(out) != 2 || !strings.Contains(actortest.JSON(out[1]), `"hit":false,"result":1`) || actortest.Tags(out[1]) != "" {
		t.Errorf("got %s", actortest.JSON(out[1]))
	}
	if !strings.Contains(log, "the store is away") {
		t.Error(log)
	}
}

func TestAKeyWithAMissingFieldIsNotUsed(t *testing.T) {
	s := store.NewMemory(store.MemoryOptions{})
	out, _ := process(t, s, "    redis_key: r:$(nope)\n", func() (event.Value, bool, error) { return event.Int(1), true, nil }, "a")
	if len(out) != 1 || s.Len() != 0 {
		t.Errorf("%d events, %d entries", len(out), s.Len())
	}
}

func TestWorkThatFailsIsNotKept(t *testing.T) {
	s := store.NewMemory(store.MemoryOptions{})
	out, _ := process(t, s, "    redis_key: r\n", func() (event.Value, bool, error) { return event.Null, true, errAway }, "a")
	if actortest.Tags(out[0]) != "user_failure" || s.Len() != 0 {
		t.Errorf("got %s, %d entries", actortest.Whole(out[0]), s.Len())
	}
}

func TestAStoreMustExistAndBeOne(t *testing.T) {
	actortest.Wrong(t, userSpec(nil), map[string]string{
		"redis_store: nowhere\nredis_key: k":   `error[E033]: User: redis_store: there is no module with the id "nowhere"`,
		"redis_store: TestCatch\nredis_key: k": "E034",
		"redis_store: nowhere":                 "redis_key",
	})
	if err := actortest.Options(t, userSpec(nil), "redis_ttl: 5m"); err != nil {
		t.Error(err)
	}
}
