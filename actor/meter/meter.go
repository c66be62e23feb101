// Package meter holds the counters of a module. They are plain atomics that any
// goroutine may add to and read, and they cost nothing until somebody does.
package meter

import (
	"math/bits"
	"sync"
	"sync/atomic"
	"time"
)

// Module holds what is counted for one module. At rest Received = Handled + Filtered.
type Module struct {
	// Received events came in, Handled ones passed the filter, Filtered ones did not.
	Received, Handled, Filtered atomic.Int64
	// Emitted events left, counted once for each receiver that took them.
	Emitted atomic.Int64
	// Unrouted events left but no receiver wanted them; Ended ones have no receiver.
	Unrouted, Ended atomic.Int64
	// Dropped events were thrown away on purpose or because they could not be handled;
	// DeadLettered ones went to the dead letter module instead.
	Dropped, DeadLettered atomic.Int64
	// Lost events were in the module when the program was stopped by force.
	Lost atomic.Int64
	// Errors counts faults of events, Restarts those of the module.
	Errors, Restarts atomic.Int64
	// Unresolved counts dynamic strings with a missing field.
	Unresolved atomic.Int64
	// FilterErrors and FilterMismatches count filters that failed and filters that
	// compared text with numbers.
	FilterErrors, FilterMismatches atomic.Int64
	// Blocked is the time in nanoseconds spent waiting for full inboxes.
	Blocked atomic.Int64
	// Busy is the time in nanoseconds spent in the module itself, over all workers.
	Busy atomic.Int64
	// Handling is the distribution of the handling time of an event.
	Handling Histogram
	// Age is the distribution of the time from an input to the end of an output's work, in
	// outputs. Where batches are joined, it is that of the oldest event.
	Age Histogram

	mu  sync.Mutex
	own map[string]*atomic.Int64
}

// Own returns the counter of the given name that only this kind of module has.
func (m *Module) Own(name string) *atomic.Int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.own == nil {
		m.own = map[string]*atomic.Int64{}
	}
	c, ok := m.own[name]
	if !ok {
		c = new(atomic.Int64)
		m.own[name] = c
	}
	return c
}

// EachOwn calls f for every counter that Own has made.
func (m *Module) EachOwn(f func(name string, value int64)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, c := range m.own {
		f(name, c.Load())
	}
}

// Histogram counts durations in buckets that double in width: bucket i holds those below
// 2^i nanoseconds.
type Histogram struct {
	buckets [48]atomic.Int64
	sum     atomic.Int64
}

// Observe adds n events that took d altogether.
func (h *Histogram) Observe(d time.Duration, n int) {
	if n == 0 {
		return
	}
	each := uint64(max(d, 0)) / uint64(n)
	h.buckets[min(bits.Len64(each), len(h.buckets)-1)].Add(int64(n))
	h.sum.Add(int64(d))
}

// Sum is the time of all observed events together.
func (h *Histogram) Sum() time.Duration { return time.Duration(h.sum.Load()) }

// Each calls f with every bucket's upper bound and the number of events in it.
func (h *Histogram) Each(f func(below time.Duration, n int64)) {
	for i := range h.buckets {
		f(time.Duration(1)<<i, h.buckets[i].Load())
	}
}
