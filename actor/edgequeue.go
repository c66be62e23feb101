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
	id   string // of the receiver

	waiting atomic.Int64 // events, for people to see

	mu      sync.Mutex
	running bool
	edge    *edge // which leads to the receiver; a reload puts another one in its place
	list    []*Batch
	events  int
	finish  func()        // tells the receiver that nothing more will come; set when the sender has ended
	arrived chan struct{} // gets a token when there is something to do
	room    chan struct{} // closed when there is more room
}

func newQueue(n *node, e *edge) *queue {
	return &queue{Queue: *e.Queue, from: n, id: e.ID, edge: e, arrived: make(chan struct{}, 1), room: make(chan struct{})}
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
	q.from.warn.log(levelWarn, "memory buffer is full, events were dropped", "receiver", q.id, "when_full", q.WhenFull, "events", n)
	b.release(nil)
}

// run brings what waits to the receiver until the sender has ended and nothing is left.
func (q *queue) run() {
	hard := q.from.graph.hard
	for {
		b, e, finish := q.next()
		switch {
		case b != nil:
			if err := e.to.force(hard, b, q.from); err != nil {
				q.from.lose(b, err)
			}
			e.table.unpin()
		case finish != nil:
			finish()
			return
		default:
			<-q.arrived
		}
	}
}

// next takes the first batch and its way, which stays open until it is unpinned, or returns
// what is to be done in the end.
func (q *queue) next() (b *Batch, e *edge, finish func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.list) == 0 {
		return nil, nil, q.finish
	}
	b = q.list[0]
	q.remove()
	q.edge.table.pins.Add(1)
	return b, q.edge, nil
}

// move makes another edge to the same receiver the way of what waits.
func (q *queue) move(e *edge) {
	q.mu.Lock()
	q.edge, e.queue = e, q
	q.mu.Unlock()
}

// end is called when nothing more will come by an edge.
func (q *queue) end(e *edge) {
	q.mu.Lock()
	mine := q.running && q.edge == e
	if mine {
		q.finish = e.end
	}
	q.mu.Unlock()
	if !mine { // another edge goes on with it, or it never came into force
		e.end()
		return
	}
	q.notify()
}

// startQueues starts the queues of the edges, or takes those of another table.
func (t *table) startQueues(old *table) {
	for i := range t.edges {
		e := &t.edges[i]
		if e.Queue == nil {
			continue
		}
		if q := old.queueTo(e.ID); q != nil && q.Queue == *e.Queue {
			q.move(e)
			continue
		}
		e.queue.from, e.queue.running = t.node, true
		t.node.graph.live.spawn(e.queue.run)
	}
}

// queueTo finds the queue of the edge to a receiver.
func (t *table) queueTo(id string) *queue {
	if t == nil {
		return nil
	}
	for _, e := range t.edges {
		if e.ID == id {
			return e.queue
		}
	}
	return nil
}

// eachQueue calls f for all queues.
func (g *Graph) eachQueue(f func(*queue)) {
	for _, n := range g.modules() {
		for _, e := range n.edges() {
			if e.queue != nil {
				f(e.queue)
			}
		}
	}
}
