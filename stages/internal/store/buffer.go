package store

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"gambolputty/actor/event"
	"gambolputty/stages/internal/retry"
)

// BufferOptions say when a buffer is written out.
type BufferOptions struct {
	// BatchSize entries are sent at once, or all that there are every Interval. Without one
	// of the two that one does not count; without an interval it is five seconds.
	BatchSize int
	Interval  time.Duration
	// Backlog is the most entries that wait. Beyond it Set blocks, or drops what it was given
	// with Drop.
	Backlog int
	Drop    bool
	// Timeout bounds one attempt to write.
	Timeout time.Duration
	// What may be nil: Count hears of the counters written and dropped, Failed of an attempt
	// that did not succeed, Works of one that did, Refused of entries that are given up.
	Count   func(name string, n int)
	Failed  func(error)
	Works   func()
	Refused func(*RefusedError)
}

// defaultInterval is the time after which a buffer is written that has only a size.
const defaultInterval = 5 * time.Second

// Buffer collects what is set in a store and writes it together. What is in it is seen by
// everybody who reads through it.
type Buffer struct {
	Store
	opts BufferOptions

	mu      sync.Mutex
	entries map[string]*pending
	queue   []*pending          // in the order in which they are due, with some that were withdrawn
	flying  map[string]struct{} // the keys that are being written
	wake    chan struct{}
	changed chan struct{} // closed when an attempt has ended, so that there may be room again

	writing chan struct{} // holds a token while nobody writes
}

// pending is an entry that waits.
type pending struct {
	Entry
	since   time.Time // when the first value of the key came that was not written
	expires time.Time // zero for never
}

// NewBuffer puts a buffer in front of a store. Nothing is written before Run is called.
func NewBuffer(s Store, o BufferOptions) *Buffer {
	if o.Interval <= 0 && o.BatchSize > 0 {
		o.Interval = defaultInterval
	}
	if o.BatchSize <= 0 || o.BatchSize > o.Backlog {
		o.BatchSize = o.Backlog
	}
	o.fill()
	b := &Buffer{Store: s, opts: o, entries: map[string]*pending{}, flying: map[string]struct{}{}, wake: make(chan struct{}, 1), changed: make(chan struct{}), writing: make(chan struct{}, 1)}
	b.writing <- struct{}{}
	return b
}

// fill puts something in the place of what is nil.
func (o *BufferOptions) fill() {
	if o.Count == nil {
		o.Count = func(string, int) {}
	}
	if o.Failed == nil {
		o.Failed = func(error) {}
	}
	if o.Works == nil {
		o.Works = func() {}
	}
	if o.Refused == nil {
		o.Refused = func(*RefusedError) {}
	}
}

// Len is the number of entries that wait.
func (b *Buffer) Len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.entries)
}

// Set takes entries in, and waits while there is no room for one of them.
func (b *Buffer) Set(ctx context.Context, entries ...Entry) error {
	for _, e := range entries {
		for {
			full := b.add(e)
			if full == nil {
				break
			}
			if b.opts.Drop {
				b.opts.Count("dropped", 1)
				break
			}
			select {
			case <-full:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
	}
	return nil
}

// add takes an entry in, or returns what is closed when it is worth another try.
func (b *Buffer) add(e Entry) (full <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	p := b.entries[e.Key]
	_, flies := b.flying[e.Key]
	switch {
	case p == nil && len(b.entries) >= b.opts.Backlog:
		b.nudge()
		return b.changed
	case p == nil || flies: // a value that is on its way stays as it is
		p = &pending{Entry: e, since: now}
		b.entries[e.Key] = p
		b.enqueue(p)
	}
	p.Entry = e
	if p.expires = (time.Time{}); e.TTL > 0 {
		p.expires = now.Add(e.TTL)
	}
	return nil
}

// enqueue puts an entry at the end of the queue. Those that were withdrawn stay in there
// until it is their turn, but not if they become too many.
func (b *Buffer) enqueue(p *pending) {
	b.queue = append(b.queue, p)
	if len(b.entries) >= b.opts.BatchSize || len(b.queue) == 1 {
		b.nudge()
	}
	if len(b.queue) > 2*len(b.entries)+16 {
		b.queue = slices.DeleteFunc(b.queue, func(p *pending) bool { return b.entries[p.Key] != p })
	}
}

// nudge makes Run look whether there is something to do.
func (b *Buffer) nudge() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// Get returns what waits, or what the store has.
func (b *Buffer) Get(ctx context.Context, key string) (event.Value, bool, error) {
	if p, ok := b.waiting(key); ok {
		return p.value()
	}
	return b.Store.Get(ctx, key)
}

func (b *Buffer) waiting(key string) (pending, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if p := b.entries[key]; p != nil {
		return *p, true
	}
	return pending{}, false
}

// value is what a reader sees.
func (p *pending) value() (event.Value, bool, error) {
	if p.over(time.Now()) {
		return event.Null, false, nil
	}
	return p.Value, true, nil
}

func (p *pending) over(now time.Time) bool { return !p.expires.IsZero() && !p.expires.After(now) }

// Delete removes what waits, and what the store has.
func (b *Buffer) Delete(ctx context.Context, keys ...string) error {
	if _, err := b.withdraw(ctx, keys...); err != nil {
		return err
	}
	return b.Store.Delete(ctx, keys...)
}

// Pop returns and removes what waits, or what the store has.
func (b *Buffer) Pop(ctx context.Context, key string) (event.Value, bool, error) {
	taken, err := b.withdraw(ctx, key)
	if err != nil {
		return event.Null, false, err
	}
	if len(taken) == 0 {
		return b.Store.Pop(ctx, key)
	}
	if err := b.Store.Delete(ctx, key); err != nil { // an older value
		b.putBack(taken[0])
		return event.Null, false, err
	}
	return taken[0].value()
}

// withdraw takes entries out. It waits until none of the keys is being written, so that
// what is done to them next is not undone by that.
func (b *Buffer) withdraw(ctx context.Context, keys ...string) ([]*pending, error) {
	for {
		taken, changed := b.tryWithdraw(keys)
		if changed == nil {
			return taken, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

func (b *Buffer) tryWithdraw(keys []string) (taken []*pending, changed <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, k := range keys {
		if _, flies := b.flying[k]; flies {
			return nil, b.changed
		}
	}
	for _, k := range keys {
		if p := b.entries[k]; p != nil {
			delete(b.entries, k)
			taken = append(taken, p)
		}
	}
	return taken, nil
}

// putBack makes an entry wait again, unless there is a newer one.
func (b *Buffer) putBack(p *pending) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.entries[p.Key] == nil {
		b.entries[p.Key] = p
		b.enqueue(p)
	}
}

// Incr writes out what waits for the counters and adds to them.
func (b *Buffer) Incr(ctx context.Context, ttl time.Duration, counts ...Count) ([]int64, error) {
	for _, c := range counts {
		for {
			if _, ok := b.waiting(c.Key); !ok {
				break
			}
			if err := b.send(ctx); err != nil {
				return nil, err
			}
		}
	}
	return b.Store.Incr(ctx, ttl, counts...)
}

// Iterate walks what waits and then what the store has.
func (b *Buffer) Iterate(ctx context.Context, prefix string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		seen := b.snapshot(prefix)
		for _, e := range seen {
			if !yield(e, nil) {
				return
			}
		}
		for e, err := range b.Store.Iterate(ctx, prefix) {
			if _, known := seen[e.Key]; known && err == nil {
				continue
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

func (b *Buffer) snapshot(prefix string) map[string]Entry {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	list := map[string]Entry{}
	for k, p := range b.entries {
		if strings.HasPrefix(k, prefix) && !p.over(now) {
			list[k] = p.left(now)
		}
	}
	return list
}

// left is the entry with the time that it has left.
func (p *pending) left(now time.Time) Entry {
	e := p.Entry
	if !p.expires.IsZero() {
		e.TTL = p.expires.Sub(now)
	}
	return e
}

// Run writes the buffer out whenever it is due, until ctx ends. What waits then is up to
// Flush.
func (b *Buffer) Run(ctx context.Context) {
	pause := retry.Backoff{First: 500 * time.Millisecond, Longest: 30 * time.Second}
	for b.await(ctx) {
		if err := b.send(ctx); err != nil {
			if pause.Wait(ctx) != nil {
				return
			}
			continue
		}
		pause.Reset()
	}
}

// await returns when a batch is due; false means that ctx has ended.
func (b *Buffer) await(ctx context.Context) bool {
	for {
		wait := b.wait()
		if wait <= 0 {
			return ctx.Err() == nil
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-b.wake:
		case <-ctx.Done():
			timer.Stop()
			return false
		}
		timer.Stop()
	}
}

// wait is the time until a batch is due.
func (b *Buffer) wait() time.Duration {
	const idle = time.Hour // there is a nudge with the first entry
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.queue) > 0 && b.entries[b.queue[0].Key] != b.queue[0] {
		b.queue[0] = nil
		b.queue = b.queue[1:]
	}
	switch {
	case len(b.queue) == 0:
		return idle
	case len(b.entries) >= b.opts.BatchSize:
		return 0
	}
	return time.Until(b.queue[0].since.Add(b.opts.Interval))
}

// Flush writes everything out, once nothing more is set. An attempt that fails ends it.
func (b *Buffer) Flush(ctx context.Context) error {
	for b.Len() > 0 {
		if err := b.send(ctx); err != nil {
			return err
		}
	}
	return nil
}

// send writes one batch. After a failure its entries wait again.
func (b *Buffer) send(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	select {
	case <-b.writing:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { b.writing <- struct{}{} }()
	batch, entries := b.take()
	if len(batch) == 0 {
		return nil
	}
	attempt, cancel := context.WithTimeout(ctx, b.opts.Timeout)
	defer cancel()
	err := b.Store.Set(attempt, entries...)
	refused, _ := errors.AsType[*RefusedError](err)
	if refused != nil {
		err = nil
	}
	b.finish(batch, err)
	switch {
	case err != nil:
		b.opts.Failed(err)
		return err
	case refused != nil:
		b.opts.Refused(refused)
	}
	b.opts.Count("written", len(batch))
	b.opts.Works()
	return nil
}

// take marks the entries of the next batch as being sent.
func (b *Buffer) take() (batch []*pending, entries []Entry) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	n := 0
	for ; n < len(b.queue) && len(batch) < b.opts.BatchSize; n++ {
		p := b.queue[n]
		b.queue[n] = nil
		switch {
		case b.entries[p.Key] != p: // withdrawn
		case p.over(now):
			delete(b.entries, p.Key)
		default:
			b.flying[p.Key] = struct{}{}
			batch = append(batch, p)
			entries = append(entries, p.left(now))
		}
	}
	b.queue = b.queue[n:]
	return batch, entries
}

// finish forgets what was written, or makes it wait again.
func (b *Buffer) finish(batch []*pending, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var again []*pending
	for _, p := range batch {
		switch {
		case b.entries[p.Key] != p: // replaced meanwhile
		case err == nil:
			delete(b.entries, p.Key)
		default:
			again = append(again, p)
		}
	}
	if len(again) > 0 {
		b.queue = append(again, b.queue...)
		b.nudge()
	}
	clear(b.flying)
	close(b.changed)
	b.changed = make(chan struct{})
}
