// Package store is the small interface to key/value stores that modules share, whatever
// keeps the values, and what they need to use one: a store in memory, a buffer for writes,
// encodings, and a cache of results that is never in the way when its store fails.
package store

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/event"
)

// Store keeps values by their keys. It is safe for concurrent use, and every operation
// ends when its context does. An error says that the store could not be asked; what is
// not there is no error.
//
// A value that is set must not change any more and must be free of the batch that it came
// with: hand in a Clone of what is cut out of an event. A value that was read may be put
// into any number of events, because these copy lists and maps before they write to them.
type Store interface {
	// Get returns the value of a key.
	Get(ctx context.Context, key string) (v event.Value, found bool, err error)
	// Set writes entries, in one round trip where there is one. Two of them must not have
	// the same key. After an error other than *RefusedError any of them may be missing.
	Set(ctx context.Context, entries ...Entry) error
	// Delete removes keys, in one round trip. One that is not there is as good as removed.
	Delete(ctx context.Context, keys ...string) error
	// Pop returns the value of a key and removes it, in one step.
	Pop(ctx context.Context, key string) (v event.Value, found bool, err error)
	// Incr adds to counters and returns what they are then, each in one step and all of them
	// in one round trip. A counter that is not there begins at 0 and vanishes after ttl; one
	// that is there keeps the time it has. A key whose value is no integer is an error.
	Incr(ctx context.Context, ttl time.Duration, counts ...Count) ([]int64, error)
	// Iterate walks the entries whose keys begin with prefix, in no order. What is written
	// meanwhile may or may not be among them. The store may be used within the loop.
	Iterate(ctx context.Context, prefix string) iter.Seq2[Entry, error]
	// Lock waits until nobody holds the lock of that name, and takes it. It is freed by
	// unlock, or by itself after timeout. An unlock that comes too late frees nothing that
	// somebody else holds. Names of locks and keys of values do not meet.
	Lock(ctx context.Context, name string, timeout time.Duration) (unlock func(context.Context) error, err error)
}

// Entry is a key with its value.
type Entry struct {
	Key   string
	Value event.Value
	// TTL is the time until the entry vanishes; 0 is never. In Iterate it is the time left,
	// or 0 also where the store cannot tell.
	TTL time.Duration
}

// Count is what to add to a counter.
type Count struct {
	Key string
	By  int64
}

// RefusedError says that a store will never take some entries, because they are too big for
// example. All others that were handed in with them have been written.
type RefusedError struct {
	Keys []string
	Err  error
}

// Error tells how many entries were refused.
func (r *RefusedError) Error() string {
	return fmt.Sprintf("%d entries refused, such as %.100q: %s", len(r.Keys), r.Keys[0], r.Err)
}

func (r *RefusedError) Unwrap() error { return r.Err }

// ErrNotCounter says that a value that is to be counted up is no integer.
var ErrNotCounter = errors.New("the value is no integer")

// Kinds are the classes of the modules that are stores.
var Kinds = []string{"RedisStore", "KeyValueStore"}

// Need is what the option of a module asks for that names a store.
func Need(option, id string) actor.Need { return actor.Need{Option: option, ID: id, Kinds: Kinds} }

// Find returns the store with an id that the configuration has checked.
func Find(env actor.Env, id string) (Store, error) {
	s, ok := actor.Find[Store](env, id)
	if !ok {
		return nil, fmt.Errorf("there is no store with the id %s", id)
	}
	return s, nil
}
