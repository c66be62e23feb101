package facet

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/stages/internal/store"
)

// remote collects in a store together with other processes. What is new goes there once in
// a while. The first process that finds the time of a group over takes it out and sends it.
type remote struct {
	env    actor.Env
	opts   Options
	store  store.Store
	table  *table
	prefix string
	lock   string
}

func newRemote(env actor.Env, o Options, s store.Store, t *table) *remote {
	r := &remote{env: env, opts: o, store: s, table: t, prefix: o.Prefix + ":", lock: o.Prefix + ":"}
	if o.Prefix == "" {
		r.prefix, r.lock = "FacetValues:", "FacetValues:"
	}
	if o.Lock != "" {
		r.lock = o.Lock + ":"
	}
	return r
}

const (
	// lockTime bounds how long others are kept out, and how long one waits for them.
	lockTime = 10 * time.Second
	// atOnce is the number of groups that are on their way at a time.
	atOnce = 8
)

// exchange brings what is new to the store and returns the groups to send. In the end
// nothing is left here.
func (r *remote) exchange(ctx context.Context, ending bool) []*group {
	return r.settle(ctx, r.due(time.Now(), ending), ending)
}

// due returns what is new, and the groups whose time is over, which are gone from here then.
func (r *remote) due(now time.Time, ending bool) (list []*group) {
	t := r.table
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, g := range slices.Clone(t.order) {
		if t.groups[g.name] != g {
			continue
		}
		fresh := g.unsent()
		over := ending || !now.Before(g.until)
		if over {
			t.forget(g)
		}
		if over || len(fresh.values) > 0 {
			list = append(list, fresh)
		}
	}
	return list
}

// unsent takes a copy of what is not in the store yet. It counts as stored from now on.
func (g *group) unsent() *group {
	fresh := &group{name: g.name, until: g.until, truncated: g.truncated}
	for i := range g.values {
		if v := &g.values[i]; v.count > 0 {
			fresh.values = append(fresh.values, *v)
			v.count = 0
		}
	}
	return fresh
}

// settle brings groups to the store and returns those whose time is over, or all of them by
// force. What the store does not take waits in memory; by force it is sent alone, which is
// better than not at all.
func (r *remote) settle(ctx context.Context, list []*group, force bool) []*group {
	full := make([]*group, len(list))
	next := make(chan int)
	var all sync.WaitGroup
	var failed atomic.Bool
	for range min(atOnce, len(list)) {
		all.Go(func() {
			var enc event.Encoder
			for i := range next {
				full[i] = r.bring(ctx, &enc, list[i], force, &failed)
			}
		})
	}
	for i := range list {
		next <- i
	}
	close(next)
	all.Wait()
	return slices.DeleteFunc(full, func(g *group) bool { return g == nil })
}

// bring brings one group to the store, unless that has failed for another one.
func (r *remote) bring(ctx context.Context, enc *event.Encoder, fresh *group, force bool, failed *atomic.Bool) *group {
	if !failed.Load() {
		full, err := r.trade(ctx, enc, fresh, force)
		if err == nil {
			return full
		}
		failed.Store(true)
		r.env.Count("store_errors", 1)
		r.env.Warn("store failed, values wait in memory", "redis_store", r.opts.Store, "error", err)
	}
	if force && len(fresh.values) > 0 {
		return fresh
	}
	if !force {
		r.putBack(enc, fresh)
	}
	return nil
}

// putBack makes the values of a group new again.
func (r *remote) putBack(enc *event.Encoder, fresh *group) {
	t := r.table
	t.mu.Lock()
	defer t.mu.Unlock()
	g := t.group([]byte(fresh.name), time.Now())
	g.until = fresh.until
	g.union(enc, fresh)
}

// union adds the values of o.
func (g *group) union(enc *event.Encoder, o *group) {
	for _, v := range o.values {
		id := string(appendIdentity(enc, nil, v.Value))
		if at, known := g.known[id]; known {
			g.values[at].count += v.count
			continue
		}
		g.known[id] = len(g.values)
		g.values = append(g.values, v)
	}
	g.truncated = g.truncated || o.truncated
}

// trade adds values to those in the store. If their time is over they are taken out and
// returned.
func (r *remote) trade(ctx context.Context, enc *event.Encoder, fresh *group, force bool) (full *group, err error) {
	wait, cancel := context.WithTimeout(ctx, lockTime)
	defer cancel()
	unlock, err := r.store.Lock(wait, r.lock+fresh.name, lockTime)
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	defer func() {
		if err := unlock(ctx); err != nil { // it will be free by itself
			r.env.Warn("lock could not be freed", "redis_store", r.opts.Store, "error", err)
		}
	}()
	key := r.prefix + fresh.name
	v, _, err := r.store.Get(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("get: %w", err)
	}
	full = newGroup(fresh.name)
	full.until = fresh.until
	if stored := read(fresh.name, v); stored != nil {
		full.union(enc, stored)
		if stored.until.Before(full.until) || len(fresh.values) == 0 {
			full.until = stored.until
		}
	}
	full.union(enc, fresh)
	full.truncated = full.truncated || len(full.values) > r.opts.MaxValues
	switch {
	case len(full.values) == 0: // somebody else has sent it
		return nil, nil
	case force, full.truncated, !time.Now().Before(full.until):
		if err := r.store.Delete(ctx, key); err != nil {
			return nil, fmt.Errorf("delete: %w", err)
		}
		return full, nil
	case len(fresh.values) == 0: // somebody else has begun anew
		return nil, nil
	}
	if err := r.store.Set(ctx, store.Entry{Key: key, Value: write(full), TTL: r.opts.TTL}); err != nil {
		return nil, fmt.Errorf("set: %w", err)
	}
	r.learn(full)
	return nil, nil
}

// learn takes over when a group is over, as the processes have to agree about it.
func (r *remote) learn(stored *group) {
	r.table.mu.Lock()
	defer r.table.mu.Unlock()
	if g := r.table.groups[stored.name]; g != nil && stored.until.Before(g.until) {
		g.until = stored.until
	}
}

var (
	untilKey  = event.Intern("until")
	valuesKey = event.Intern("values")
	fieldsKey = event.Intern("fields")
	timesKey  = event.Intern("counts")
)

// write makes a value of a group.
func write(g *group) event.Value {
	values, fields, times := make([]event.Value, len(g.values)), make([]event.Value, len(g.values)), make([]event.Value, len(g.values))
	for i, v := range g.values {
		values[i], times[i] = v.Value, event.Int(v.count)
		if v.fields != nil {
			fields[i] = event.MapOf(v.fields)
		}
	}
	return event.MapOf(event.FromFields([]event.Field{
		{Key: untilKey, Value: event.Int(g.until.UnixMilli())}, {Key: valuesKey, Value: event.ListOf(values...)},
		{Key: fieldsKey, Value: event.ListOf(fields...)}, {Key: timesKey, Value: event.ListOf(times...)},
	}))
}

// read makes a group of a value, or nil of one that is none.
func read(name string, v event.Value) *group {
	until, _ := v.Map().Get(untilKey)
	values, _ := v.Map().Get(valuesKey)
	fields, _ := v.Map().Get(fieldsKey)
	times, _ := v.Map().Get(timesKey)
	at, ok := until.Int()
	n := values.List().Len()
	if !ok || fields.List().Len() != n || times.List().Len() != n {
		return nil
	}
	g := &group{name: name, until: time.UnixMilli(at)}
	for i := range n {
		count, _ := times.List().At(i).Int()
		g.values = append(g.values, value{values.List().At(i), fields.List().At(i).Map(), count})
	}
	return g
}
