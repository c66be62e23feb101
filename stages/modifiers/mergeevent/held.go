package mergeevent

import (
	"cmp"
	"container/heap"
	"slices"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/event"
)

// group is what is held of one key.
type group struct {
	key         string
	kept        *actor.Batch   // events of earlier batches, nil for none
	fresh       []*event.Event // events of the batch at hand
	count       int
	bytes       int
	first, last time.Time // when the first and the last of them came
	at          int       // place in the heap, -1 outside
	touched     bool
}

func (g *group) add(e *event.Event, size int, now time.Time) {
	if g.count == 0 {
		g.first = now
	}
	g.fresh = append(g.fresh, e)
	g.count++
	g.bytes += size
	g.last = now
}

// all are the events in the order in which they came.
func (g *group) all() []*event.Event {
	if g.kept == nil {
		return g.fresh
	}
	return append(slices.Collect(g.kept.Events()), g.fresh...)
}

// held are all groups of which something is held, those that go first on top of a heap.
type held struct {
	idle, wait time.Duration // the longest times, 0 for ever
	byKey      map[string]*group
	heap       []*group
	touched    []*group // by the batch at hand
	spare      []*group // to be used again
}

func newHeld(o Options) held {
	h := held{byKey: map[string]*group{}}
	if o.Interval != nil {
		h.idle, h.wait = *o.Interval, 10**o.Interval
	}
	if o.MaxWait != nil {
		h.wait = *o.MaxWait
	}
	return h
}

func (h *held) len() int { return len(h.byKey) }

// group returns the group of a key, a new one if there is none.
func (h *held) group(key []byte) *group {
	g := h.byKey[string(key)]
	if g != nil {
		return g
	}
	if last := len(h.spare) - 1; last >= 0 {
		g = h.spare[last]
		h.spare = h.spare[:last]
	} else {
		g = &group{at: -1}
	}
	if g.key != string(key) {
		g.key = string(key)
	}
	h.byKey[g.key] = g
	return g
}

// maxSpare bounds how many groups wait to be used again.
const maxSpare = 100

// recycle takes back a group that has left.
func (h *held) recycle(g *group) {
	if len(h.spare) >= maxSpare {
		return
	}
	clear(g.fresh)
	*g = group{key: g.key, fresh: g.fresh[:0], at: -1}
	h.spare = append(h.spare, g)
}

// forget takes a group out of the books.
func (h *held) forget(g *group) {
	delete(h.byKey, g.key)
	if g.at >= 0 {
		heap.Remove((*byDue)(h), g.at)
	}
}

// fix puts a group to which something was added in its place.
func (h *held) fix(g *group) {
	if !g.touched {
		g.touched = true
		h.touched = append(h.touched, g)
	}
	if g.at < 0 {
		heap.Push((*byDue)(h), g)
		return
	}
	heap.Fix((*byDue)(h), g.at)
}

// first is the group that goes first.
func (h *held) first() *group { return h.heap[0] }

// settle takes the events that stay out of their batch. Their text may be a small part of a
// big buffer, which must not be kept for its sake.
func (h *held) settle(b *actor.Batch) {
	for _, g := range h.touched {
		g.touched = false
		if g.at < 0 {
			continue // it has left
		}
		if g.kept == nil {
			g.kept = new(actor.Batch)
		}
		for _, e := range g.fresh {
			d := b.Move(e, g.kept)
			for i := range d.Len() {
				f := d.At(i)
				d.SetField(f.Key, f.Value.Clone())
			}
		}
		clear(g.fresh)
		g.fresh = g.fresh[:0]
	}
	clear(h.touched)
	h.touched = h.touched[:0]
}

// due is when a group goes; without a limit it is when it began.
func (h *held) dueAt(g *group) time.Time {
	switch {
	case h.idle > 0 && h.wait > 0:
		return earlier(g.last.Add(h.idle), g.first.Add(h.wait))
	case h.wait > 0:
		return g.first.Add(h.wait)
	}
	return g.first
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// due takes out the groups whose time has come, or all of them in the order in which they
// began.
func (h *held) due(now time.Time, all bool) (list []*group) {
	for len(h.heap) > 0 {
		g := h.heap[0]
		if !all && (h.idle == 0 && h.wait == 0 || h.dueAt(g).After(now)) {
			break
		}
		h.forget(g)
		list = append(list, g)
	}
	if all {
		slices.SortStableFunc(list, func(a, b *group) int { return cmp.Compare(a.first.UnixNano(), b.first.UnixNano()) })
	}
	return list
}

// byDue is the heap for package heap.
type byDue held

func (h *byDue) Len() int { return len(h.heap) }
func (h *byDue) Less(i, j int) bool {
	return (*held)(h).dueAt(h.heap[i]).Before((*held)(h).dueAt(h.heap[j]))
}
func (h *byDue) Swap(i, j int) {
	h.heap[i], h.heap[j] = h.heap[j], h.heap[i]
	h.heap[i].at, h.heap[j].at = i, j
}

// Push adds a group.
func (h *byDue) Push(x any) {
	g := x.(*group)
	g.at = len(h.heap)
	h.heap = append(h.heap, g)
}

// Pop removes the last group.
func (h *byDue) Pop() any {
	last := len(h.heap) - 1
	g := h.heap[last]
	h.heap[last] = nil
	h.heap = h.heap[:last]
	g.at = -1
	return g
}
