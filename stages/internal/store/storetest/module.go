package storetest

import (
	"context"
	"strings"
	"testing"

	"gambolputty/actor"
	"gambolputty/actor/actortest"
	"gambolputty/stages/internal/store"
)

// Start runs a pipeline with a module that is a store, and returns the store as another
// module has found it. The options are those of the module as text.
func Start(t *testing.T, s actor.Spec, options string) (store.Store, *actortest.Running) {
	t.Helper()
	found := make(chan store.Store, 1)
	user := actor.DefineProcessor(actor.Info{Name: "StoreUser", Role: actor.Modifier}, userOptions{}, func(env actor.Env, o userOptions) (actor.Processor, error) {
		s, err := store.Find(env, o.Store)
		if err == nil {
			found <- s
		}
		return user{}, err
	})
	item := "- " + s.Name + "\n"
	if options != "" {
		item = "- " + s.Name + ":\n    " + strings.ReplaceAll(strings.Trim(options, "\n"), "\n", "\n    ") + "\n"
	}
	r := actortest.Start(t, "- Lines\n"+item+"- StoreUser: {redis_store: "+s.Name+"}\n- TestCatch\n", s, user, actortest.Lines(make(chan string)))
	select {
	case s := <-found:
		return s, r
	default:
		return nil, r
	}
}

type userOptions struct {
	Store string `opt:"redis_store"`
}

// Uses names the store.
func (o *userOptions) Uses() []actor.Need { return []actor.Need{store.Need("redis_store", o.Store)} }

type user struct{}

// Process does nothing.
func (user) Process(context.Context, *actor.Batch) error { return nil }

// Counter returns what a module has counted under a name.
func Counter(r *actortest.Running, module, name string) int64 {
	value := int64(0)
	r.Status(module).Meter.EachOwn(func(n string, v int64) {
		if n == name {
			value = v
		}
	})
	return value
}
