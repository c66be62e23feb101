package store

import (
	"context"
	"iter"
	"strings"
	"time"

	"gambolputty/actor/event"
)

// Scoped puts a prefix in front of all keys, and gives entries without a time to live one.
type Scoped struct {
	store  Store
	prefix string
	ttl    time.Duration
}

// Scope makes a Scoped, or returns s itself if there is nothing to do.
func Scope(s Store, prefix string, ttl time.Duration) Store {
	if prefix == "" && ttl == 0 {
		return s
	}
	return &Scoped{s, prefix, ttl}
}

// Get is that of the store.
func (s *Scoped) Get(ctx context.Context, key string) (v event.Value, found bool, err error) {
	return s.store.Get(ctx, s.prefix+key)
}

// Set is that of the store.
func (s *Scoped) Set(ctx context.Context, entries ...Entry) error {
	list := make([]Entry, len(entries))
	for i, e := range entries {
		e.Key = s.prefix + e.Key
		if e.TTL == 0 {
			e.TTL = s.ttl
		}
		list[i] = e
	}
	return s.store.Set(ctx, list...)
}

// Delete is that of the store.
func (s *Scoped) Delete(ctx context.Context, keys ...string) error {
	list := make([]string, len(keys))
	for i, k := range keys {
		list[i] = s.prefix + k
	}
	return s.store.Delete(ctx, list...)
}

// Pop is that of the store.
func (s *Scoped) Pop(ctx context.Context, key string) (v event.Value, found bool, err error) {
	return s.store.Pop(ctx, s.prefix+key)
}

// Incr is that of the store.
func (s *Scoped) Incr(ctx context.Context, ttl time.Duration, counts ...Count) ([]int64, error) {
	list := make([]Count, len(counts))
	for i, c := range counts {
		list[i] = Count{s.prefix + c.Key, c.By}
	}
	if ttl == 0 {
		ttl = s.ttl
	}
	return s.store.Incr(ctx, ttl, list...)
}

// Iterate is that of the store.
func (s *Scoped) Iterate(ctx context.Context, prefix string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for e, err := range s.store.Iterate(ctx, s.prefix+prefix) {
			e.Key = strings.TrimPrefix(e.Key, s.prefix)
			if !yield(e, err) {
				return
			}
		}
	}
}

// Lock is that of the store.
func (s *Scoped) Lock(ctx context.Context, name string, timeout time.Duration) (unlock func(context.Context) error, err error) {
	return s.store.Lock(ctx, s.prefix+name, timeout)
}
