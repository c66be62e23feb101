// Package noop does nothing to events, but may look at them.
package noop

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/expr"
)

// Spec is the Noop module.
var Spec = actor.DefineProcessor(actor.Info{
	Forgets:  true,
	Name:     "Noop",
	Aliases:  []string{"misc.Noop"},
	Role:     actor.Misc,
	Summary:  "Does nothing itself: a place for filters, for the options of every module, and for fan-out.",
	Parallel: true,
	Ends:     true,
	Example: `- Noop:
    id: tag_web
    filter: $(port) in [80, 443]
    add_fields: {service: web}
`,
}, Options{}, New)

// Options of the Noop module.
type Options struct {
	Log    bool         `opt:"log" doc:"Write a line to the log about the events that pass, at most one a second; with their content if the level is debug."`
	Assert *expr.Filter `opt:"assert" null:"true" doc:"What must be true of every event, written as a filter. An event for which it is not is treated as one that the module could not handle: it is counted and tagged noop_failure."`
}

type noop struct {
	env   actor.Env
	opts  Options
	holds *expr.Matcher
	next  time.Time // when a line may be written again
	quiet int       // events since the last line
}

// New makes a Noop.
func New(env actor.Env, o Options) (actor.Processor, error) {
	n := &noop{env: env, opts: o}
	if o.Assert != nil {
		n.holds = o.Assert.Matcher(new(expr.Internal), nil)
	}
	return n, nil
}

// assertTag marks events that are not as they should be.
const assertTag = "noop_failure"

var errAssertion = errors.New("the assertion does not hold")

// Process leaves the events as they are.
func (n *noop) Process(_ context.Context, b *actor.Batch) error {
	if n.holds == nil && !n.opts.Log {
		return nil
	}
	for e := range b.Each() {
		if n.holds != nil && !n.holds.Match(e) {
			e.Tag(assertTag)
			n.env.Fault(e, "assert", errAssertion)
		}
		if n.opts.Log {
			n.log(e)
		}
	}
	return nil
}

// shown is how much of an event the log shows, in bytes.
const shown = 2048

func (n *noop) log(e *event.Event) {
	n.quiet++
	now := time.Now()
	if now.Before(n.next) {
		return
	}
	n.env.Log.Info("events pass", "events", n.quiet, "event_id", e.ID(), "event_type", e.Type())
	if n.env.Log.Enabled(context.Background(), slog.LevelDebug) {
		text := new(event.Encoder).AppendEvent(nil, e)
		n.env.Log.Debug("the last of them", "event", string(text[:min(len(text), shown)]))
	}
	n.next, n.quiet = now.Add(time.Second), 0
}
