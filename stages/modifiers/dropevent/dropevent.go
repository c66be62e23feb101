// Package dropevent drops events.
package dropevent

import (
	"context"
	"math/rand/v2"

	"gambolputty/actor"
	"gambolputty/actor/event"
)

// Spec is the DropEvent module.
var Spec = actor.DefineProcessor(actor.Info{
	Name:      "DropEvent",
	Aliases:   []string{"modifier.DropEvent"},
	Role:      actor.Modifier,
	Summary:   "Drops every event that matches its filter.",
	Forgets:   true,
	Doc:       "Without a filter all events are dropped. What is dropped counts as delivered, because it was meant to go.",
	Parallel:  true,
	Withholds: true,
	Ends:      true,
	Example: `- DropEvent:
    filter: $(gambolputty.event_type) == 'Unknown'
`,
}, Options{SampleRate: 1}, New)

// Options of the DropEvent module.
type Options struct {
	SampleRate float64 `opt:"sample_rate" min:"0" max:"1" doc:"Share of the matching events that are dropped, chosen at random."`
	LogDropped bool    `opt:"log_dropped" doc:"Write the id of every dropped event to the log, at debug level."`
}

type dropper struct {
	env  actor.Env
	opts Options
}

// New makes a DropEvent.
func New(env actor.Env, o Options) (actor.Processor, error) { return &dropper{env, o}, nil }

// Process drops the events.
func (d *dropper) Process(ctx context.Context, b *actor.Batch) error {
	n := 0
	b.Keep(func(e *event.Event) bool {
		if d.opts.SampleRate < 1 && rand.Float64() >= d.opts.SampleRate {
			return true
		}
		n++
		if d.opts.LogDropped {
			d.env.Log.DebugContext(ctx, "event dropped", "event_id", e.ID())
		}
		return false
	})
	d.env.Drop(n)
	return nil
}
