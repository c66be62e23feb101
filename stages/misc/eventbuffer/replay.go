package eventbuffer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/stages/internal/retry"
)

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
