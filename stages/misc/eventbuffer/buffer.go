package eventbuffer

import (
	"context"
	"errors"
	"fmt"
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
	stop    context.CancelFunc
}

// entry is what an input has emitted at a time.
type entry struct {
	parcel parcel
	events int
	safe   func()

	mu     sync.Mutex
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
		ctx, stop := context.WithCancel(context.Background())
		b.stop, b.queue = stop, make(chan *entry, b.opts.MaxEvents)
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
	if b.stop != nil {
		b.stop()
		b.writing.Wait()
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

// write stores what is queued.
func (b *buffer) write(ctx context.Context) {
	for {
		select {
		case e := <-b.queue:
			if b.store(ctx, e) != nil {
				b.rescue(e)
			}
		case <-ctx.Done():
			b.rescue(nil)
			return
		}
	}
}

// rescue stores in the end what has not been delivered.
func (b *buffer) rescue(e *entry) {
	ctx, cancel := context.WithTimeout(context.Background(), lastMoments)
	defer cancel()
	lost := 0
	for {
		if e != nil && b.store(ctx, e) != nil {
			lost += e.events
		}
		select {
		case e = <-b.queue:
			continue
		default:
		}
		break
	}
	if lost > 0 {
		b.env.Log.Error("events could not be stored before the end", "events", lost)
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
	if e.delivered() {
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

func (e *entry) delivered() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.over
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

// Restore sends on what a former life has left.
func (b *buffer) Restore(ctx context.Context, emit actor.Emit) error {
	r := &replay{buffer: b, ctx: ctx, emit: emit, strangers: map[string]int{}}
	tries := retry.Inputs()
	for {
		err := b.place.Each(ctx, r.take)
		if err == nil && r.err == nil {
			r.send()
		}
		r.tell()
		switch {
		case r.err != nil, err == nil, ctx.Err() != nil:
			return r.err
		}
		b.telling.Lock()
		b.outage.Failed(err)
		b.telling.Unlock()
		if tries.Wait(ctx) != nil {
			return nil
		}
	}
}

// replay is what is sent again.
type replay struct {
	buffer *buffer
	ctx    context.Context
	emit   actor.Emit
	err    error

	input     string
	events    []*event.Event
	kept      []Kept
	found     int
	sent      int
	bad       int
	strangers map[string]int
}

// take takes one event; false ends the walk.
func (r *replay) take(k Kept) bool {
	r.found++
	if k.Err != nil {
		r.bad++
		return r.ctx.Err() == nil
	}
	if len(r.events) == batchOfThese || len(r.events) > 0 && r.input != k.Input {
		r.send()
	}
	r.input, r.events, r.kept = k.Input, append(r.events, k.Event), append(r.kept, k)
	return r.err == nil && r.ctx.Err() == nil
}

// send sends what has gathered.
func (r *replay) send() {
	if len(r.events) == 0 || r.err != nil {
		return
	}
	b := r.buffer
	n, events, p := len(r.events), r.events, again(r.kept)
	r.events, r.kept = nil, nil
	b.places.seize(n)
	b.env.Count("unfinished", n)
	e := &entry{parcel: p, events: n, stored: true}
	err := r.emit(r.input, events, func(err error) { b.arrived(e, err) })
	switch {
	case errors.Is(err, actor.ErrNoInput):
		b.leave(e)
		r.strangers[r.input] += n
		return
	case err != nil:
		r.err = fmt.Errorf("send events again: %w", err)
		return
	}
	r.sent += n
	b.env.Count("replayed", n)
	if rate := b.opts.ReplayRate; rate > 0 {
		pause := time.NewTimer(time.Duration(n) * time.Second / time.Duration(rate))
		defer pause.Stop()
		select {
		case <-pause.C:
		case <-r.ctx.Done():
		}
	}
}

// tell says what was found.
func (r *replay) tell() {
	log := r.buffer.env.Log
	if r.found == 0 {
		return
	}
	log.Info("events of a former run were sent again", "found", r.found, "requeued", r.sent, "failed", r.found-r.sent)
	if r.bad > 0 {
		log.Error("kept events cannot be read and stay where they are", "events", r.bad)
	}
	for input, n := range r.strangers {
		log.Error("kept events belong to an input that is not there any more; they stay, see gambolputty eventbuffer", "input", input, "events", n)
	}
}
