// Package tarpit holds events up.
package tarpit

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/expr"
	"gambolputty/actor/option"
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
}, Options{Delay: Delay{fixed: 10 * time.Second}}, New)

// Options of the Tarpit module.
type Options struct {
	Delay  Delay         `opt:"delay" doc:"How long an event is held, in seconds, or a field with that in it, as in $(wait)."`
	Jitter time.Duration `opt:"jitter" min:"0s" doc:"Hold every event for up to this much longer, at random."`
	Rate   float64       `opt:"events_per_second" min:"0" doc:"Let so many events through in a second, over all workers, instead of holding each for delay. 0 is no limit."`
}

// Delay is a duration, or a dynamic string that gives one.
type Delay struct {
	fixed time.Duration
	field expr.Template
}

// OptionType tells what values look like.
func (Delay) OptionType() string { return "duration or dynamic string" }

// String writes the delay as it stands in a configuration.
func (d Delay) String() string {
	if d.field.IsZero() {
		return d.fixed.String()
	}
	return d.field.Source()
}

// DecodeOption reads a number of seconds, a duration, or a dynamic string.
func (d *Delay) DecodeOption(v *option.Value) error {
	if v.Kind == option.String && strings.Contains(v.Text, "$(") {
		return d.field.DecodeOption(v)
	}
	fixed, ok := parse(v.Text)
	switch {
	case !ok || v.Kind != option.String && v.Kind != option.Integer && v.Kind != option.Float:
		return v.Wrong("number of seconds, a duration such as 250ms, or a dynamic string")
	case fixed < 0:
		return v.Faultf(option.OutOfRange, "must be at least 0s, got %s", v.Text)
	}
	d.fixed, d.field = fixed, expr.Template{}
	return nil
}

// parse reads seconds or a duration.
func parse(s string) (time.Duration, bool) {
	if n, err := strconv.ParseFloat(s, 64); err == nil && math.Abs(n) < 1e9 {
		return time.Duration(n * float64(time.Second)), true
	}
	d, err := time.ParseDuration(s)
	return d, err == nil
}

type pit struct {
	env  actor.Env
	opts Options
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
	workers := env.Workers
	if o.Rate > 0 {
		workers = 1 // the rate is one for all of them
		o.Delay = Delay{fixed: time.Duration(float64(time.Second) / o.Rate)}
	}
	return &pit{env, o, actor.Shared(env, func() *timetable { return &timetable{free: make([]time.Time, workers)} })}, nil
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
	var last time.Time
	now := time.Now()
	for e := range b.View() {
		if d := p.delay(e); d > 0 {
			last = p.book(now, d)
		}
	}
	if last.IsZero() {
		return nil
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

// delay is the time for an event.
func (p *pit) delay(e *event.Event) time.Duration {
	d := p.opts.Delay.fixed
	if f := p.opts.Delay.field; !f.IsZero() {
		text, _ := f.Text(e) // what is not resolved is no number either
		var ok bool
		if d, ok = parse(text); !ok || d < 0 {
			p.env.Unresolved("delay", f.Source())
			return 0
		}
	}
	if p.opts.Jitter > 0 {
		d += rand.N(p.opts.Jitter)
	}
	return d
}
