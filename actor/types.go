package actor

import (
	"sync"
	"sync/atomic"

	"gambolputty/actor/event"
)

// eventTypes counts what reaches the outputs by event type, once somebody wants to know.
type eventTypes struct {
	mu     sync.RWMutex
	counts map[string]*atomic.Int64
}

const (
	// mostTypes bounds the types that are told apart: they may be made of what is in events.
	mostTypes = 1000
	// otherTypes is what the rest is counted as.
	otherTypes = "(others)"
)

// EventTypes returns how many events of each type have reached outputs since it was first
// called. An event that reaches two outputs counts twice.
func (v Env) EventTypes() map[string]int64 {
	g := v.node.graph
	t := g.types.Load()
	if t == nil {
		g.types.CompareAndSwap(nil, &eventTypes{counts: map[string]*atomic.Int64{}})
		t = g.types.Load()
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	all := make(map[string]int64, len(t.counts))
	for name, n := range t.counts {
		all[name] = n.Load()
	}
	return all
}

// count adds the events that an output handles. Those of one type mostly come together.
func (t *eventTypes) count(events []*event.Event) {
	last, n := "", int64(0)
	for _, e := range events {
		if e.Skip {
			continue
		}
		if name := e.Type(); name != last {
			t.add(last, n)
			last, n = name, 0
		}
		n++
	}
	t.add(last, n)
}

func (t *eventTypes) add(name string, n int64) {
	if n == 0 {
		return
	}
	t.mu.RLock()
	c := t.counts[name]
	t.mu.RUnlock()
	if c == nil {
		c = t.counter(name)
	}
	c.Add(n)
}

func (t *eventTypes) counter(name string) *atomic.Int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.counts) >= mostTypes && t.counts[name] == nil {
		name = otherTypes
	}
	c := t.counts[name]
	if c == nil {
		c = new(atomic.Int64)
		t.counts[string(append([]byte(nil), name...))] = c // the text may be part of something big
	}
	return c
}
