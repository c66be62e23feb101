package eventbuffer

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/stages/internal/retry"
)

type eventList = []*event.Event

// buffer is the module.
type buffer struct {
	env    actor.Env
	opts   Options
	places *places
	place  Place

	telling sync.Mutex
	outage  *retry.Outage
	oldest  int          // seconds, as it was counted
	failed  atomic.Int64 // events that were not delivered

	queue   chan *entry // with sync: False
	writing sync.WaitGroup
	ending  chan struct{}
	giveUp  context.CancelFunc // what cannot be stored
}

// entry is what an input has emitted at a time.
type entry struct {
	parcel parcel
	events int
	safe   func()

	mu     sync.Mutex
	tried  bool // to be stored
	stored bool
	over   bool // it has been delivered, so that there is no need to store it
}

// parcel is what a Place makes of events.
type parcel interface{ count() int }

// Open opens the place. A store that is away is no reason not to start.
func (b *buffer) Open(context.Context) error {
	var err error
	if b.place, err = OpenPlace(b.env, b.opts); err != nil {
		return err
	}
	b.outage = retry.NewOutage(b.env, b.place.target())
	if !b.opts.Sync {
		ctx, giveUp := context.WithCancel(context.Background())
		b.giveUp, b.ending, b.queue = giveUp, make(chan struct{}), make(chan *entry, b.opts.MaxEvents)
		b.writing.Go(func() { b.write(ctx) })
	}
	return nil
}

// Serve looks after the place.
func (b *buffer) Serve(ctx context.Context) error {
	if b.place == nil { // nothing must be reached
		<-ctx.Done()
		return nil
	}
	tick := time.NewTicker(maintenance)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			b.place.maintain(ctx)
			age := int(b.place.age().Seconds())
			b.env.Count("oldest_age_seconds", age-b.oldest)
			b.oldest = age
		case <-ctx.Done():
			return nil
		}
	}
}

// lastMoments is how long the end waits for a store.
const lastMoments = 10 * time.Second

// Close ends the use of the place.
func (b *buffer) Close(ctx context.Context) error {
	if b.place == nil {
		return nil
	}
	if b.queue != nil {
		close(b.ending) // an attempt under way is not cut off, as it might work after all
		late := time.AfterFunc(lastMoments, b.giveUp)
		b.writing.Wait()
		late.Stop()
		b.giveUp()
	}
	if n := b.failed.Load(); n > 0 {
		b.env.Log.Warn("events were not delivered; what is stored of them is sent again at the next start", "events", n, "target", b.place.target())
	}
	ctx, cancel := context.WithTimeout(ctx, lastMoments)
	defer cancel()
	return b.place.Close(ctx)
}

// Keep stores what an input emits.
func (b *buffer) Keep(ctx context.Context, input string, events []*event.Event, safe func()) (func(error), error) {
	n := len(events)
	if err := b.places.take(ctx, n); err != nil {
		return nil, err
	}
	e := &entry{parcel: b.place.prepare(input, events), events: n, safe: safe}
	b.env.Count("unfinished", n)
	if b.queue != nil {
		b.queue <- e // there are as many places as events
		return func(err error) { b.arrived(e, err) }, nil
	}
	if err := b.store(ctx, e); err != nil {
		b.leave(e)
		return nil, err
	}
	return func(err error) { b.arrived(e, err) }, nil
}

// write stores what is queued, in the end also what is left of it.
func (b *buffer) write(ctx context.Context) {
	for {
		select {
		case e := <-b.queue:
			b.storeLate(ctx, e)
		case <-b.ending:
			for {
				select {
				case e := <-b.queue:
					b.storeLate(ctx, e)
				default:
					return
				}
			}
		}
	}
}

func (b *buffer) storeLate(ctx context.Context, e *entry) {
	if err := b.store(ctx, e); err != nil {
		b.env.Warn("events could not be stored before the end", "target", b.place.target(), "events", e.events, "error", err)
	}
}

// store tries until it works. The error says that ctx has ended.
func (b *buffer) store(ctx context.Context, e *entry) error {
	tries := retry.Backoff{First: 500 * time.Millisecond, Longest: 30 * time.Second}
	for {
		if done, err := b.attempt(ctx, e); done {
			return err
		}
		if err := tries.Wait(ctx); err != nil {
			return err
		}
	}
}

func (b *buffer) attempt(ctx context.Context, e *entry) (done bool, err error) {
	if over, tried := e.delivered(); over {
		if tried { // an attempt that failed may have worked all the same
			b.place.remove(e.parcel)
		}
		return true, nil
	}
	err = b.place.put(ctx, e.parcel)
	switch {
	case err == nil:
		b.env.Count("stored", e.events)
		b.telling.Lock()
		b.outage.Over()
		b.telling.Unlock()
		e.safe()
		if e.nowStored() {
			b.place.remove(e.parcel)
		}
		return true, nil
	case errors.Is(err, errUnkept):
		b.env.Count("unkept", e.events)
		b.env.Warn("events go on without being kept", "target", b.place.target(), "error", err)
		return true, nil
	case ctx.Err() != nil:
		return true, context.Cause(ctx)
	}
	b.telling.Lock()
	defer b.telling.Unlock()
	b.outage.Failed(err)
	return false, err
}

// arrived is called when all that became of an entry has been delivered, or has not, and
// then the next life sends it again.
func (b *buffer) arrived(e *entry, err error) {
	defer b.leave(e)
	if err != nil {
		b.failed.Add(int64(e.events))
		return
	}
	if e.nowDelivered() {
		b.place.remove(e.parcel)
	}
}

// delivered reports whether there is no need to store the entry, and notes that it is tried
// otherwise.
func (e *entry) delivered() (over, tried bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	tried = e.tried
	e.tried = e.tried || !e.over
	return e.over, tried
}

// nowStored notes that the entry is in its place, and reports whether it need not be.
func (e *entry) nowStored() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.stored = true
	return e.over
}

// nowDelivered notes that the entry has been delivered, and reports whether it is in its
// place still.
func (e *entry) nowDelivered() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.over = true
	return e.stored
}

func (b *buffer) leave(e *entry) {
	b.env.Count("unfinished", -e.events)
	b.places.free(e.events)
}
