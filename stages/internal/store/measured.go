package store

import (
	"context"
	"errors"
	"iter"
	"time"

	"gambolputty/actor/event"
)

// Measured counts what happens in a store: operations and the time they took, failed ones,
// hits and misses.
type Measured struct {
	store Store
	count func(name string, n int)
}

// Measure puts the counters hits, misses, operations, operation_micros and
// failed_operations in front of a store.
func Measure(s Store, count func(name string, n int)) *Measured { return &Measured{s, count} }

// done notes an operation.
func (m *Measured) done(start time.Time, err error) {
	m.count("operations", 1)
	m.count("operation_micros", int(time.Since(start).Microseconds()))
	refused, _ := errors.AsType[*RefusedError](err)
	if err != nil && refused == nil && !errors.Is(err, context.Canceled) {
		m.count("failed_operations", 1)
	}
}

func (m *Measured) read(start time.Time, found bool, err error) {
	m.done(start, err)
	switch {
	case err != nil:
	case found:
		m.count("hits", 1)
	default:
		m.count("misses", 1)
	}
}

// Get is that of the store.
func (m *Measured) Get(ctx context.Context, key string) (v event.Value, found bool, err error) {
	start := time.Now()
	v, found, err = m.store.Get(ctx, key)
	m.read(start, found, err)
	return v, found, err
}

// Set is that of the store.
func (m *Measured) Set(ctx context.Context, entries ...Entry) error {
	start := time.Now()
	err := m.store.Set(ctx, entries...)
	m.done(start, err)
	return err
}

// Delete is that of the store.
func (m *Measured) Delete(ctx context.Context, keys ...string) error {
	start := time.Now()
	err := m.store.Delete(ctx, keys...)
	m.done(start, err)
	return err
}

// Pop is that of the store.
func (m *Measured) Pop(ctx context.Context, key string) (v event.Value, found bool, err error) {
	start := time.Now()
	v, found, err = m.store.Pop(ctx, key)
	m.read(start, found, err)
	return v, found, err
}

// Incr is that of the store.
func (m *Measured) Incr(ctx context.Context, ttl time.Duration, counts ...Count) ([]int64, error) {
	start := time.Now()
	list, err := m.store.Incr(ctx, ttl, counts...)
	m.done(start, err)
	return list, err
}

// Iterate is that of the store.
func (m *Measured) Iterate(ctx context.Context, prefix string) iter.Seq2[Entry, error] {
	return m.store.Iterate(ctx, prefix)
}

// Lock is that of the store; waiting for others counts as no operation.
func (m *Measured) Lock(ctx context.Context, name string, timeout time.Duration) (unlock func(context.Context) error, err error) {
	return m.store.Lock(ctx, name, timeout)
}
