package actor

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Queue puts memory of its own in front of a receiver, for one edge: what finds the inbox
// full waits there, and only when the queue is full the sender is held up.
type Queue struct {
	// MaxEvents that wait in it.
	MaxEvents int
	// WhenFull is block, drop_oldest or drop_newest.
	WhenFull string
}

// queue is such memory. A goroutine of its own brings the batches on.
type queue struct {
	Queue
	from *node
	edge *edge

	waiting atomic.Int64 // events, for people to see

	mu      sync.Mutex
	list    []*Batch
	events  int
	finish  func()        // tells the receiver that nothing more will come; set when the sender has ended
	arrived chan struct{} // gets a token when there is something to do
	room    chan struct{} // closed when there is more room
}

func newQueue(n *node, e *edge) *queue {
	return &queue{Queue: *e.Queue, from: n, edge: e, arrived: make(chan struct{}, 1), room: make(chan struct{})}
}

// target is what takes the batches of an edge: an inbox, or a queue in front of it.
type target interface {
	// put sends b on, as the options say where there is no room.
	put(ctx context.Context, b *Batch, from *node) error
	// offer sends b on if there is room for it.
	offer(b *Batch) bool
	// force sends b on and waits for room, whatever the options say.
	force(ctx context.Context, b *Batch, from *node) error
}

// target is where batches of the edge go that are in memory.
func (e *edge) target() target {
	if e.queue != nil {
		return e.queue
	}
	return e.to
}

func (q *queue) put(ctx context.Context, b *Batch, from *node) error {
	if q.offer(b) {
		return nil
	}
	switch q.WhenFull {
	case "drop_newest":
		q.drop(b)
		return nil
	case "drop_oldest":
		q.makeRoom(b)
		return nil
	}
	return q.force(ctx, b, from)
}

func (q *queue) offer(b *Batch) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.fits(b) {
		return false
	}
	q.add(b)
	return true
}

// fits reports whether there is room; a batch that never could find any may come alone.
func (q *queue) fits(b *Batch) bool {
	return len(q.list) == 0 || q.events+len(b.events) <= q.MaxEvents
}

func (q *queue) add(b *Batch) {
	q.list = append(q.list, b)
	q.count(len(b.events))
	q.notify()
}

func (q *queue) count(n int) {
	q.events += n
	q.waiting.Add(int64(n))
}

func (q *queue) notify() {
	select {
	case q.arrived <- struct{}{}:
	default:
	}
}

func (q *queue) force(ctx context.Context, b *Batch, from *node) error {
	start := time.Now()
	defer func() { from.meter.Blocked.Add(int64(time.Since(start))) }()
	for {
		q.mu.Lock()
		if q.fits(b) {
			q.add(b)
			q.mu.Unlock()
			return nil
		}
		room := q.room
		q.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// makeRoom drops what has waited for longest.
func (q *queue) makeRoom(b *Batch) {
	q.mu.Lock()
	var old []*Batch
	for !q.fits(b) {
		old = append(old, q.list[0])
		q.remove()
	}
	q.add(b)
	q.mu.Unlock()
	for _, o := range old {
		q.drop(o)
	}
}

// remove takes the first batch out.
func (q *queue) remove() {
	q.count(-len(q.list[0].events))
	q.list[0] = nil
	q.list = q.list[1:]
	close(q.room)
	q.room = make(chan struct{})
}

func (q *queue) drop(b *Batch) {
	n := int64(len(b.events))
	q.from.meter.Dropped.Add(n)
	q.from.warn.log(levelWarn, "memory buffer is full, events were dropped", "receiver", q.edge.ID, "when_full", q.WhenFull, "events", n)
	b.release(nil)
}

// run brings what waits to the receiver until the sender has ended and nothing is left.
func (q *queue) run() {
	hard := q.from.graph.hard
	for {
		b, finish := q.next()
		switch {
		case b != nil:
			if err := q.edge.to.force(hard, b, q.from); err != nil {
				q.from.lose(b, err)
			}
		case finish != nil:
			finish()
			return
		default:
			<-q.arrived
		}
	}
}

// next takes the first batch, or returns what is to be done in the end.
func (q *queue) next() (b *Batch, finish func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.list) == 0 {
		return nil, q.finish
	}
	b = q.list[0]
	q.remove()
	return b, nil
}

// end is called when nothing more will be put in.
func (q *queue) end(finish func()) {
	q.mu.Lock()
	q.finish = finish
	q.mu.Unlock()
	q.notify()
}

// eachQueue calls f for all queues.
func (g *Graph) eachQueue(f func(*queue)) {
	for _, n := range g.nodes {
		for i := range n.edges {
			if q := n.edges[i].queue; q != nil {
				f(q)
			}
		}
	}
}
