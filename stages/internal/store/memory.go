package store

import (
	"container/heap"
	"context"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"gambolputty/actor/event"
)

// MemoryOptions bound a store in memory.
type MemoryOptions struct {
	// MaxEntries is the number of entries beyond which those go that nobody has used for
	// the longest time; 0 is no bound.
	MaxEntries int
	// MaxBytes bounds the memory of the entries, as far as it can be told; 0 is no bound.
	MaxBytes int64
	// Count, which may be nil, hears how the counters entries, evictions and bytes change.
	Count func(name string, n int)
}

// Memory is a store in memory. It has no goroutine: an entry whose time is over goes when
// it is asked for, or when something is written.
type Memory struct {
	Locks
	opts MemoryOptions
	base time.Time // expiries count from here, on a clock that nobody sets back

	mu     sync.Mutex
	items  map[string]*item
	recent item // ring of all items; the one used last stands behind it
	due    deadlines
	bytes  int64
}

type item struct {
	prev, next *item
	key        string
	value      event.Value
	expires    time.Duration // since base, 0 for never
	at         int           // place in due, if expires
	size       int64         // if there is a bound
}

// NewMemory makes an empty store.
func NewMemory(o MemoryOptions) *Memory {
	m := &Memory{opts: o, base: time.Now(), items: map[string]*item{}}
	m.recent.prev, m.recent.next = &m.recent, &m.recent
	if o.Count == nil {
		m.opts.Count = func(string, int) {}
	}
	return m
}

func (m *Memory) now() time.Duration { return time.Since(m.base) }

// Len is the number of entries, with those whose time is over and that nobody has missed.
func (m *Memory) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.items)
}

// Get returns the value of a key.
func (m *Memory) Get(_ context.Context, key string) (v event.Value, found bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	it := m.find(key, m.now())
	if it == nil {
		return event.Null, false, nil
	}
	m.use(it)
	return it.value, true, nil
}

// Set writes entries.
func (m *Memory) Set(_ context.Context, entries ...Entry) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	for _, e := range entries {
		m.put(e, now)
	}
	m.trim(now)
	return nil
}

// Delete removes keys.
func (m *Memory) Delete(_ context.Context, keys ...string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, k := range keys {
		if it := m.items[k]; it != nil {
			m.remove(it)
		}
	}
	return nil
}

// Pop returns the value of a key and removes it.
func (m *Memory) Pop(_ context.Context, key string) (v event.Value, found bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	it := m.find(key, m.now())
	if it == nil {
		return event.Null, false, nil
	}
	m.remove(it)
	return it.value, true, nil
}

// Incr adds to counters. Those that are no integers stop it before anything has changed.
func (m *Memory) Incr(_ context.Context, ttl time.Duration, counts ...Count) ([]int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	for _, c := range counts {
		if it := m.find(c.Key, now); it != nil && it.value.Kind() != event.KindInt {
			return nil, ErrNotCounter
		}
	}
	results := make([]int64, len(counts))
	for i, c := range counts {
		it := m.find(c.Key, now)
		if it == nil {
			m.put(Entry{c.Key, event.Int(0), ttl}, now)
			it = m.items[c.Key]
		}
		n, _ := it.value.Int()
		results[i] = n + c.By
		it.value = event.Int(results[i])
		m.use(it)
	}
	m.trim(now)
	return results, nil
}

// Iterate walks the entries whose keys begin with prefix.
func (m *Memory) Iterate(ctx context.Context, prefix string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for _, e := range m.snapshot(prefix) {
			if err := ctx.Err(); err != nil {
				yield(Entry{}, context.Cause(ctx))
				return
			}
			if !yield(e, nil) {
				return
			}
		}
	}
}

func (m *Memory) snapshot(prefix string) []Entry {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	var list []Entry
	for it := m.recent.prev; it != &m.recent; it = it.prev {
		left := it.expires - now
		if !strings.HasPrefix(it.key, prefix) || it.expires > 0 && left <= 0 {
			continue
		}
		list = append(list, Entry{it.key, it.value, max(0, left)})
	}
	return list
}

// find returns the living item of a key, or nil.
func (m *Memory) find(key string, now time.Duration) *item {
	it := m.items[key]
	if it != nil && it.expires > 0 && it.expires <= now {
		m.remove(it)
		return nil
	}
	return it
}

// put writes an entry and makes it the one used last.
func (m *Memory) put(e Entry, now time.Duration) {
	it := m.items[e.Key]
	if it == nil {
		it = &item{key: strings.Clone(e.Key)}
		m.items[it.key] = it
		m.opts.Count("entries", 1)
	} else {
		m.forget(it)
	}
	it.value = e.Value
	if it.expires = 0; e.TTL > 0 {
		it.expires = now + e.TTL
		heap.Push(&m.due, it)
	}
	if m.opts.MaxBytes > 0 {
		it.size = overhead + int64(len(e.Key)) + size(e.Value)
		m.bytes += it.size
		m.opts.Count("bytes", int(it.size))
	}
	m.use(it)
}

// forget takes an item out of all that depends on its value.
func (m *Memory) forget(it *item) {
	if it.expires > 0 {
		heap.Remove(&m.due, it.at)
	}
	if m.opts.MaxBytes > 0 {
		m.bytes -= it.size
		m.opts.Count("bytes", -int(it.size))
	}
}

func (m *Memory) remove(it *item) {
	m.forget(it)
	it.prev.next, it.next.prev = it.next, it.prev
	delete(m.items, it.key)
	m.opts.Count("entries", -1)
}

// use makes an item the one used last.
func (m *Memory) use(it *item) {
	if it.prev != nil {
		it.prev.next, it.next.prev = it.next, it.prev
	}
	it.prev, it.next = &m.recent, m.recent.next
	it.prev.next, it.next.prev = it, it
}

// trim removes what is over, and what is too much.
func (m *Memory) trim(now time.Duration) {
	for len(m.due) > 0 && m.due[0].expires <= now {
		m.remove(m.due[0])
	}
	for m.tooMuch() {
		m.remove(m.recent.prev)
		m.opts.Count("evictions", 1)
	}
}

func (m *Memory) tooMuch() bool {
	return m.opts.MaxEntries > 0 && len(m.items) > m.opts.MaxEntries ||
		m.opts.MaxBytes > 0 && m.bytes > m.opts.MaxBytes && len(m.items) > 0
}

// overhead is about what an item takes beside its key and what its value points to.
const overhead = 150

// size is about the memory that a value points to.
func size(v event.Value) int64 {
	const each = 16
	switch v.Kind() {
	case event.KindString:
		return int64(len(v.Str()))
	case event.KindBigInt, event.KindDecimal:
		return int64(len(v.Text()))
	case event.KindList:
		n := int64(3 * each)
		for i := range v.List().Len() {
			n += each + size(v.List().At(i))
		}
		return n
	case event.KindMap:
		n := int64(3 * each)
		for i := range v.Map().Len() {
			n += 2*each + size(v.Map().At(i).Value)
		}
		return n
	}
	return 0
}

// deadlines is a heap of items, the one that goes first on top.
type deadlines []*item

func (d deadlines) Len() int           { return len(d) }
func (d deadlines) Less(i, j int) bool { return d[i].expires < d[j].expires }
func (d deadlines) Swap(i, j int) {
	d[i], d[j] = d[j], d[i]
	d[i].at, d[j].at = i, j
}

// Push is for package heap.
func (d *deadlines) Push(x any) {
	it := x.(*item)
	it.at = len(*d)
	*d = append(*d, it)
}

// Pop is for package heap.
func (d *deadlines) Pop() any {
	last := len(*d) - 1
	it := (*d)[last]
	*d = slices.Delete(*d, last, last+1)
	return it
}
