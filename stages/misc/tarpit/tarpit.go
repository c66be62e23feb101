// Package tarpit holds events up.
package tarpit

import (
	"context"
	"slices"
	"sync"
	"time"

	"gambolputty/actor"
)

// Spec is the Tarpit module.
var Spec = actor.DefineProcessor(actor.Info{
	Name:     "Tarpit",
	Aliases:  []string{"misc.Tarpit"},
	Role:     actor.Misc,
	Summary:  "Delays every event, for tests.",
	Doc:      "Every worker holds one event at a time, so that three workers let three events through per `delay`. Events that do not match the filter of the module are not held up.",
	Parallel: true,
	Example: `- Tarpit:
    delay: 250ms
`,
}, Options{Delay: 10 * time.Second}, New)

// Options of the Tarpit module.
type Options struct {
	Delay time.Duration `opt:"delay" min:"0s" doc:"How long an event is held, in seconds."`
}

type pit struct {
	delay time.Duration
	*timetable
}

// timetable says when each worker is free again. The events of one batch are in one
// hand, but each of them waits for a worker of its own.
type timetable struct {
	mu   sync.Mutex
	free []time.Time
}

// New makes a Tarpit.
func New(env actor.Env, o Options) (actor.Processor, error) {
	return &pit{o.Delay, actor.Shared(env, func() *timetable { return &timetable{free: make([]time.Time, env.Workers)} })}, nil
}

// book takes the next free worker for a while and returns when that is over.
func (t *timetable) book(now time.Time, d time.Duration) time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	next := 0
	for i := range t.free {
		if t.free[i].Before(t.free[next]) {
			next = i
		}
	}
	t.free[next] = slices.MaxFunc([]time.Time{t.free[next], now}, time.Time.Compare).Add(d)
	return t.free[next]
}

// Process waits until all events have had their time. Only a stop by force cuts that
// short.
func (p *pit) Process(ctx context.Context, b *actor.Batch) error {
	if p.delay == 0 {
		return nil
	}
	var last time.Time
	now := time.Now()
	for range b.View() {
		last = p.book(now, p.delay)
	}
	timer := time.NewTimer(time.Until(last))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
