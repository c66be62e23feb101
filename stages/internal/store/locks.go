package store

import (
	"context"
	"sync"
	"time"
)

// Locks are locks by name within the process. The zero Locks is ready for use.
type Locks struct {
	mu   sync.Mutex
	held map[string]*hold
}

// hold is one holder's time with a lock.
type hold struct {
	freed chan struct{}
	until time.Time
}

// Lock takes the lock of a name as the Store interface describes it.
func (l *Locks) Lock(ctx context.Context, name string, timeout time.Duration) (unlock func(context.Context) error, err error) {
	for {
		mine, other := l.take(name, timeout)
		if mine != nil {
			return func(context.Context) error { l.free(name, mine); return nil }, nil
		}
		if err := other.wait(ctx); err != nil {
			return nil, err
		}
	}
}

// take returns the new hold, or that of whoever is in the way.
func (l *Locks) take(name string, timeout time.Duration) (mine, other *hold) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if h := l.held[name]; h != nil && now.Before(h.until) {
		return nil, h
	}
	if l.held == nil {
		l.held = map[string]*hold{}
	}
	mine = &hold{freed: make(chan struct{}), until: now.Add(timeout)}
	l.held[name] = mine
	return mine, nil
}

// free gives a lock back, unless it is somebody else's by now.
func (l *Locks) free(name string, mine *hold) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held[name] == mine {
		delete(l.held, name)
		close(mine.freed)
	}
}

// wait returns when the hold is over.
func (h *hold) wait(ctx context.Context) error {
	timer := time.NewTimer(time.Until(h.until))
	defer timer.Stop()
	select {
	case <-h.freed:
		return nil
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
