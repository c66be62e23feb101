package store

import (
	"context"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/expr"
	"gambolputty/actor/option"
)

// Use is embedded in the options of modules that keep results in a store. Its options take
// the place of those of the same names that every module has.
type Use struct {
	Store string        `opt:"redis_store" old:"redis_client,redis-client,cache" null:"true" doc:"Id of a store module in which results are looked up before any work is done, and kept."`
	Key   expr.Template `opt:"redis_key" old:"redis-key,cache_key" null:"true" doc:"Key of a result in the store. Required with redis_store."`
	TTL   time.Duration `opt:"redis_ttl" old:"redis-ttl,cache_ttl" min:"0s" doc:"How long a result stays in the store, in seconds. 0 is for ever."`
	Lock  string        `opt:"redis_lock" old:"cache_lock" null:"true" doc:"Prefix for the names of locks in the store, with which nobody does the work for a key that somebody else does already, in this process or another one."`
}

// UseDefaults are the options of a module that uses no store.
var UseDefaults = Use{TTL: time.Minute}

// CheckStore tells what is missing, or of no use.
func (u *Use) CheckStore() error {
	switch {
	case u.Store != "" && u.Key.IsZero():
		return &option.Fault{Code: option.Required, Option: "redis_key", Message: "required option is missing: redis_store is set"}
	case u.Store == "" && !u.Key.IsZero():
		return &option.Fault{Code: "W105", Option: "redis_key", Message: "has no effect without redis_store"}
	case u.Store == "" && u.Lock != "":
		return &option.Fault{Code: "W105", Option: "redis_lock", Message: "has no effect without redis_store"}
	}
	return nil
}

// Uses names the store.
func (u *Use) Uses() []actor.Need {
	if u.Store == "" {
		return nil
	}
	return []actor.Need{Need("redis_store", u.Store)}
}

// Results returns the results in the store; nil, which is valid, without a store.
func (u *Use) Results(env actor.Env) (*Results, error) {
	if u.Store == "" {
		return nil, nil
	}
	s, err := Find(env, u.Store)
	if err != nil {
		return nil, err
	}
	return &Results{env: env, store: s, key: u.Key, ttl: u.TTL, lock: u.Lock}, nil
}

// Results is a store as a place for results. It is never in the way: whatever goes wrong
// with the store is a warning, and the work is done as if the result had not been there.
// It is safe for concurrent use. The nil Results has no store.
type Results struct {
	env   actor.Env
	store Store
	key   expr.Template
	ttl   time.Duration
	lock  string
}

// Key returns the key of the result for an event. It is not ok if a field of it is missing,
// which is counted, so that the store must not be used for this event; and without a store.
func (r *Results) Key(e *event.Event) (key string, ok bool) {
	if r == nil {
		return "", false
	}
	if key, ok = r.key.Text(e); !ok {
		r.env.Unresolved("redis_key", r.key.Source())
		return "", false
	}
	return key, true
}

// lockTime bounds how long the work for one result keeps others out.
const lockTime = time.Minute

// Get returns the result that is kept under key or, if there is none, what work returns,
// which is kept if keep is true. hit tells which of the two it was. An error is that of
// work. An empty key means no store.
func (r *Results) Get(ctx context.Context, key string, work func() (v event.Value, keep bool, err error)) (v event.Value, hit bool, err error) {
	if r == nil || key == "" {
		v, _, err = work()
		return v, false, err
	}
	if v, hit := r.look(ctx, key); hit {
		return v, true, nil
	}
	if r.lock != "" {
		unlock, err := r.store.Lock(ctx, r.lock+":"+key, lockTime)
		if err != nil {
			r.warn("lock", err)
		} else {
			defer func() { r.warn("unlock", unlock(ctx)) }()
			if v, hit := r.look(ctx, key); hit { // somebody else was faster
				return v, true, nil
			}
		}
	}
	v, keep, err := work()
	if err == nil && keep {
		v = v.Clone()
		r.warn("set", r.store.Set(ctx, Entry{key, v, r.ttl}))
	}
	return v, false, err
}

func (r *Results) look(ctx context.Context, key string) (event.Value, bool) {
	v, found, err := r.store.Get(ctx, key)
	r.warn("get", err)
	return v, found && err == nil
}

func (r *Results) warn(operation string, err error) {
	if err != nil {
		r.env.Count("store_errors", 1)
		r.env.Warn("store failed, going on without it", "operation", operation, "error", err)
	}
}
