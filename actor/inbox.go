package actor

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// BatchSize is the number of events that a source puts into one batch at most.
const BatchSize = 256

// inbox is the channel of a module with what belongs to it. It is closed by the runtime
// when the last feeder has ended.
type inbox struct {
	node     *node
	ch       chan *Batch
	events   atomic.Int64 // waiting, for people to see
	capacity int          // in events
	full     string       // what to do when there is no room, where it is not to wait
	feeders  atomic.Int32

	// Batches that came round a loop and found the channel full. A loop that waits for
	// itself would wait for ever.
	mu       sync.Mutex
	overflow []*Batch
	closed   bool
	ring     *ring
}

// sizes turns a capacity in events into the size of a batch and their number.
func sizes(capacity int) (batch, depth int) {
	batch = min(BatchSize, max(1, capacity/4))
	return batch, max(1, capacity/batch)
}

func newInbox(n *node, capacity int) *inbox {
	_, depth := sizes(capacity)
	in := &inbox{node: n, ch: make(chan *Batch, depth), capacity: capacity}
	if k := newBulk(n.Opts); k != nil {
		in.full = k.full
	}
	return in
}

// hold counts a feeder more, unless the inbox is closed.
func (in *inbox) hold() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closed {
		return false
	}
	in.feeders.Add(1)
	return true
}

// feederEnded closes the inbox after the last feeder.
func (in *inbox) feederEnded() {
	in.mu.Lock()
	last := in.feeders.Add(-1) == 0
	in.closed = in.closed || last
	in.mu.Unlock()
	if last {
		close(in.ch)
	}
}

// put sends b on and blocks while the inbox is full. The time counts for from.
func (in *inbox) put(ctx context.Context, b *Batch, from *node) error {
	n := int64(len(b.events))
	in.events.Add(n)
	in.ring.enter()
	select {
	case in.ch <- b:
		return nil
	default:
	}
	if in.full == "drop_newest" || in.full == "drop_oldest" {
		in.makeRoom(b)
		return nil
	}
	return in.await(ctx, b, n, from)
}

func (in *inbox) await(ctx context.Context, b *Batch, n int64, from *node) error {
	if err := in.wait(ctx, b, from); err != nil {
		in.events.Add(-n)
		in.ring.leave()
		return err
	}
	return nil
}

// offer sends b on if there is room for it.
func (in *inbox) offer(b *Batch) bool {
	n := int64(len(b.events))
	in.events.Add(n)
	in.ring.enter()
	select {
	case in.ch <- b:
		return true
	default:
	}
	in.events.Add(-n)
	in.ring.leave()
	return false
}

// force sends b on and waits for room, whatever the receiver says about that.
func (in *inbox) force(ctx context.Context, b *Batch, from *node) error {
	n := int64(len(b.events))
	in.events.Add(n)
	in.ring.enter()
	return in.await(ctx, b, n, from)
}

// makeRoom drops what the module's options say: b, or what has waited for longest.
func (in *inbox) makeRoom(b *Batch) {
	for in.full == "drop_oldest" {
		select {
		case in.ch <- b:
			return
		default:
		}
		select {
		case old := <-in.ch:
			in.drop(old)
		default: // somebody has just taken it
		}
	}
	in.drop(b)
}

func (in *inbox) drop(b *Batch) {
	n := int64(len(b.events))
	in.events.Add(-n)
	in.ring.leave()
	in.node.meter.Dropped.Add(n)
	in.node.warn.log(levelWarn, "backlog is full, events were dropped", "backlog_full_action", in.full, "events", n)
	b.release(nil)
}

// longBlock is how long a sender waits before the log says so.
const longBlock = 10 * time.Second

func (in *inbox) wait(ctx context.Context, b *Batch, from *node) error {
	start := time.Now()
	long := time.NewTimer(longBlock)
	defer long.Stop()
	said := false
	for {
		select {
		case in.ch <- b:
			d := time.Since(start)
			from.meter.Blocked.Add(int64(d))
			if said {
				from.log.Info("edge is clear again", "receiver", in.node.ID, "blocked", d)
			}
			return nil
		case <-long.C:
			said = true
			from.log.Warn("edge is blocked, the receiver does not keep up", "receiver", in.node.ID)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// putBack sends b along an edge that closes a loop. It never blocks: above ten times
// the capacity, or when the inbox is closed already, it refuses.
func (in *inbox) putBack(b *Batch) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	n := int64(len(b.events))
	if in.closed || in.events.Load()+n > int64(10*in.capacity) {
		return false
	}
	in.events.Add(n)
	in.ring.enter()
	select {
	case in.ch <- b:
	default:
		in.overflow = append(in.overflow, b)
	}
	return true
}

// spilled takes a batch that had found the channel full.
func (in *inbox) spilled() *Batch {
	if in.ring == nil {
		return nil
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if len(in.overflow) == 0 {
		return nil
	}
	b := in.overflow[0]
	in.overflow = in.overflow[1:]
	return b
}

// ring is a set of modules that feed each other. Draining cannot travel round it, so the
// inboxes that close it are held open until nothing is under way inside any more.
type ring struct {
	underway atomic.Int64 // batches in inboxes and hands of the ring's modules
	outside  atomic.Int32 // feeders that are not part of the ring
	entries  []*inbox     // inboxes at the end of closing edges, each held once
	once     sync.Once
}

func (r *ring) enter() {
	if r != nil {
		r.underway.Add(1)
	}
}

func (r *ring) leave() {
	if r != nil && r.underway.Add(-1) == 0 {
		r.check()
	}
}

func (r *ring) outsiderEnded() {
	if r != nil && r.outside.Add(-1) == 0 {
		r.check()
	}
}

func (r *ring) check() {
	if r.outside.Load() > 0 || r.underway.Load() > 0 {
		return
	}
	r.once.Do(func() {
		for _, in := range r.entries {
			in.feederEnded()
		}
	})
}
