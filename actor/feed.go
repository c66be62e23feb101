package actor

import (
	"context"
	"sync"
	"time"
)

// fetched says why a worker came back from its inbox.
type fetched uint8

const (
	got       fetched = iota // there is a job
	ticked                   // it is time to flush
	asked                    // somebody wants something of the module
	drained                  // the inbox is closed and empty
	inherited                // there is one that the module's predecessor has begun
	halting                  // a successor is to take the module's place
	aborted                  // the program is being stopped by force
)

// feed hands the batches of an inbox to the workers of a pool and keeps the order of what
// they send on. A pool of one needs neither.
type feed struct {
	node *node
	bulk *bulk

	turn  chan struct{} // whoever holds the token may take the next batch
	slots chan struct{} // a token for each job that may be begun; bounds how far a fast worker may get ahead
	seq   uint64

	legacyMu  sync.Mutex
	legacies  []*legacy // of predecessors, the oldest first; empty once they are used up
	since     time.Time // when they were taken over
	held      *Batch    // waits until that is so
	ownClosed bool      // the own inbox
	begun     bool      // the predecessor had counted what was taken last

	mu      sync.Mutex
	due     uint64 // the job that must be sent next
	ready   [][]parcel
	filled  []bool
	sending bool
}

// ahead is the number of jobs per worker that may be finished before their turn.
const ahead = 2

func newFeed(n *node) *feed {
	f := &feed{node: n, bulk: newBulk(n.Opts)}
	if n.Workers < 2 {
		return f
	}
	f.turn = make(chan struct{}, 1)
	f.turn <- struct{}{}
	if n.Ordered && n.Spec.Role != Output {
		window := ahead * n.Workers
		f.slots = make(chan struct{}, window)
		for range window {
			f.slots <- struct{}{}
		}
		f.ready, f.filled = make([][]parcel, window), make([]bool, window)
	}
	return f
}

// next waits for a job, for a tick, or for the end.
func (f *feed) next(ctx context.Context, tick <-chan time.Time, news <-chan struct{}) (*job, fetched) {
	if f.turn != nil {
		if why := f.acquire(ctx, f.turn, tick, news); why != got {
			return nil, why
		}
		defer func() { f.turn <- struct{}{} }()
	}
	if f.slots != nil {
		if why := f.acquire(ctx, f.slots, tick, news); why != got {
			return nil, why
		}
	}
	b, why := f.take(ctx, tick, news)
	if why != got && why != inherited {
		if f.slots != nil {
			f.slots <- struct{}{}
		}
		return nil, why
	}
	if why == got {
		f.count(b)
	}
	j := &job{rest: b, seq: f.seq, ordered: f.slots != nil, counted: why == inherited && f.begun}
	f.seq++
	return j, got
}

// acquire waits for a token, and answers got when it has one.
func (f *feed) acquire(ctx context.Context, tokens <-chan struct{}, tick <-chan time.Time, news <-chan struct{}) fetched {
	select {
	case <-tokens:
		return got
	case <-tick:
		return ticked
	case <-f.node.halt:
		return halting
	case <-news:
		return asked
	case <-ctx.Done():
		return aborted
	}
}

func (f *feed) take(ctx context.Context, tick <-chan time.Time, news <-chan struct{}) (*Batch, fetched) {
	if f.heir() {
		return f.takeOver(ctx, tick, news)
	}
	if b := f.node.in.spilled(); b != nil {
		return b, got
	}
	if ctx.Err() != nil {
		return nil, aborted
	}
	select {
	case b, ok := <-f.node.in.ch:
		switch {
		case !ok:
			return nil, drained
		case f.bulk != nil:
			f.bulk.collect(ctx, f.node.in.ch, b, news)
		}
		return b, got
	case <-tick:
		return nil, ticked
	case <-f.node.halt:
		return nil, halting
	case <-news:
		return nil, asked
	case <-ctx.Done():
		return nil, aborted
	}
}

func (f *feed) count(b *Batch) {
	n := int64(len(b.events))
	f.node.in.events.Add(-n)
	f.node.meter.Received.Add(n)
}

// deliver sends the parcels of job seq on when all jobs before it have been. Whoever
// finishes the job that is awaited sends for all that are ready, the others go on.
func (f *feed) deliver(ctx context.Context, seq uint64, parcels []parcel) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	at := seq % uint64(len(f.ready))
	f.ready[at] = append(f.ready[at][:0], parcels...)
	f.filled[at] = true
	if f.sending {
		return nil
	}
	f.sending = true
	defer func() { f.sending = false }()
	var failed error
	for {
		at := f.awaited()
		if at < 0 {
			return failed
		}
		list := f.ready[at]
		f.mu.Unlock()
		if err := f.node.send(ctx, list); err != nil {
			failed = err
		}
		f.mu.Lock()
		f.filled[at] = false
		f.due++
		f.slots <- struct{}{}
	}
}

// awaited returns the place of the next job in order if it is finished, or -1.
func (f *feed) awaited() int {
	at := int(f.due % uint64(len(f.ready)))
	if !f.filled[at] {
		return -1
	}
	return at
}

// Bulk is embedded in the options of outputs that like bigger batches. The runtime joins
// batches for them, tickets included.
type Bulk struct {
	BatchSize     int           `opt:"batch_size" min:"1" doc:"Deliver when this many events are waiting."`
	StoreInterval time.Duration `opt:"store_interval_in_secs" min:"0s" doc:"An event waits at most this long. 0 delivers whenever the module has nothing else to do."`
	BacklogSize   int           `opt:"backlog_size" min:"1" doc:"Events that may wait for delivery."`
	BacklogFull   string        `opt:"backlog_full_action" enum:"block|drop_newest|drop_oldest" doc:"What happens when backlog_size is reached: the modules in front wait, or events are dropped, which is counted and warned about."`

	// Greedy makes batches of all that waits. For modules to which the size of a batch
	// means nothing, while every delivery has a price of its own.
	Greedy bool
}

func (b Bulk) bulk() *bulk {
	return &bulk{min(b.BatchSize, b.BacklogSize), b.BacklogSize, b.StoreInterval, b.Greedy, b.BacklogFull}
}

// Backlog is the size of the inbox that the options ask for, and of a batch.
func (b Bulk) Backlog() (backlog, batch int) { return b.BacklogSize, b.BatchSize }

type bulk struct {
	size, backlog int
	every         time.Duration
	greedy        bool
	full          string
}

func newBulk(opts any) *bulk {
	o, ok := opts.(interface{ bulk() *bulk })
	if !ok {
		return nil
	}
	return o.bulk()
}

// collect joins what arrives until there is enough or the time is over. The time counts
// from the first event, so that a trickle does not put it off for ever.
func (k *bulk) collect(ctx context.Context, in <-chan *Batch, b *Batch, news <-chan struct{}) {
	if k.every > 0 {
		k.await(ctx, in, b, news)
	}
	for k.greedy && len(b.events) < k.backlog {
		select {
		case more, ok := <-in:
			if !ok {
				return
			}
			b.swallow(more)
		default:
			return
		}
	}
}

func (k *bulk) await(ctx context.Context, in <-chan *Batch, b *Batch, news <-chan struct{}) {
	due := time.NewTimer(k.every)
	defer due.Stop()
	for len(b.events) < k.size {
		select {
		case more, ok := <-in:
			if !ok {
				return
			}
			b.swallow(more)
		case <-due.C:
			return
		case <-news: // somebody cannot wait
			return
		case <-ctx.Done():
			return
		}
	}
}
