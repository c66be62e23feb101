// Package throttle lets only some of the events through that have the same key.
package throttle

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/expr"
	"gambolputty/actor/option"
	"gambolputty/stages/internal/store"
)

//go:embed throttle.md
var doc string

// Spec is the Throttle module.
var Spec = actor.DefineProcessor(actor.Info{
	Name:      name,
	Aliases:   []string{"misc.Throttle"},
	Role:      actor.Misc,
	Summary:   "Lets only the events number min_count to max_count of the same key pass in each time frame.",
	Doc:       doc,
	Parallel:  true,
	Withholds: true,
	Example: `- Throttle:
    key: $(host)-$(gambolputty.event_type)
    timeframe: 60
    max_count: 5
`,
}, Options{
	Timeframe: 600 * time.Second, MinCount: 1, MaxCount: 1, Prefix: "gambolputty:throttle", OnMissing: pass, MaxKeys: 1_000_000, Action: drop,
}, New)

const name = "Throttle"

// What happens to events without a key, and to those that are too many.
const (
	pass   = "pass"
	drop   = "drop"
	shared = "shared"
	tag    = "tag"
)

// Options of the Throttle module.
type Options struct {
	Given     option.Given
	Key       expr.Template `opt:"key" required:"true" doc:"What makes events the same."`
	Timeframe time.Duration `opt:"timeframe" min:"1ms" doc:"Length of a time frame, which begins with the first event of a key, in seconds."`
	MinCount  int           `opt:"min_count" min:"1" doc:"Number of the first event of a time frame that passes."`
	MaxCount  int           `opt:"max_count" min:"1" doc:"Number of the last event of a time frame that passes."`
	Backend   string        `opt:"backend" null:"true" doc:"Id of a store, with which several processes count together."`
	Prefix    string        `opt:"backend_key_prefix" doc:"Text in front of keys in the store. The id of this module follows if it has one of its own."`
	OnMissing string        `opt:"on_missing_key" enum:"pass|drop|shared" doc:"What happens to events in which a field of the key is missing: they pass without being counted, are dropped, or have one key together."`
	MaxKeys   int           `opt:"max_keys" min:"1" doc:"Keys that are counted at a time; beyond that the oldest ones are forgotten."`
	Rate      float64       `opt:"rate" min:"0" doc:"Let so many events of a key pass in a second, instead of counting time frames. 0 is off."`
	Burst     int           `opt:"burst" min:"0" doc:"Events of a key that may pass at once with rate, after a pause. The default is rate, at least 1."`
	Summary   bool          `opt:"emit_summary" doc:"Send an event for every time frame in which events were held back."`
	Action    string        `opt:"action" enum:"drop|tag" doc:"What happens to the others: they are dropped, or get the field throttled."`
}

// Validate checks what does not go together.
func (o *Options) Validate() error {
	var errs []error
	fault := func(name string, code option.Code, format string, args ...any) {
		errs = append(errs, &option.Fault{Code: code, Option: name, Message: fmt.Sprintf(format, args...)})
	}
	if o.MaxCount < o.MinCount {
		fault("max_count", option.Contradiction, "must not be below min_count, %d, got %d", o.MinCount, o.MaxCount)
	}
	if o.Rate > 0 {
		for _, name := range []string{"min_count", "max_count", "backend"} {
			if o.Given[name] {
				fault(name, option.Contradiction, "cannot be set together with rate")
			}
		}
	} else if o.Burst > 0 {
		fault("burst", option.Required, "needs rate")
	}
	if o.Backend == "" && o.Given["backend_key_prefix"] {
		fault("backend_key_prefix", "W105", "has no effect without backend")
	}
	return errors.Join(errs...)
}

// Uses names the store.
func (o *Options) Uses() []actor.Need {
	if o.Backend == "" {
		return nil
	}
	return []actor.Need{store.Need("backend", o.Backend)}
}

type throttle struct {
	env    actor.Env
	opts   Options
	table  *table
	remote *remote // nil without a backend
	keys   [][]byte
	passes []bool
	buf    []byte
}

// New makes a Throttle.
func New(env actor.Env, o Options) (actor.Processor, error) {
	t := &throttle{env: env, opts: o, buf: make([]byte, 0, 512)} // not nil, as an empty key must not be
	type both struct {
		*table
		*remote
	}
	var err error
	s := actor.Shared(env, func() both {
		b := both{table: newTable(o)}
		b.remote, err = newRemote(env, o)
		return b
	})
	t.table, t.remote = s.table, s.remote
	return t, err
}

// Process drops or marks the events that are too many.
func (t *throttle) Process(ctx context.Context, b *actor.Batch) error {
	t.read(b)
	t.decide(ctx)
	i, held, dropped := -1, 0, 0
	b.Keep(func(e *event.Event) bool {
		i++
		if t.passes[i] {
			return true
		}
		held++
		if t.opts.Action == tag && t.keys[i] != nil {
			e.SetField(throttledKey, event.Bool(true))
			return true
		}
		dropped++
		return false
	})
	if held > 0 {
		t.env.Count("throttled", held)
		t.env.Drop(dropped)
	}
	return nil
}

var throttledKey = event.Intern("throttled")

// read makes the keys of the events of a batch; nil stands for an event that is not counted,
// and passes tells what becomes of it.
func (t *throttle) read(b *actor.Batch) {
	t.keys, t.passes, t.buf = t.keys[:0], t.passes[:0], t.buf[:0]
	for e := range b.View() {
		from := len(t.buf)
		var resolved bool
		t.buf, resolved = t.opts.Key.Append(t.buf, e)
		if !resolved {
			t.env.Unresolved("key", t.opts.Key.Source())
			t.buf = append(t.buf[:from], t.opts.Key.Source()...)
		}
		key := t.buf[from:len(t.buf):len(t.buf)]
		if !resolved && t.opts.OnMissing != shared {
			key = nil
		}
		t.keys = append(t.keys, key)
		t.passes = append(t.passes, t.opts.OnMissing == pass)
	}
}

// decide counts the events that have keys.
func (t *throttle) decide(ctx context.Context) {
	if t.remote != nil && t.remote.decide(ctx, t.keys, t.passes) {
		if t.opts.Summary {
			t.table.note(t.keys, t.passes)
		}
		return
	}
	if n := t.table.decide(t.keys, t.passes); n > 0 {
		t.env.Count("forgotten_keys", n)
	}
}

// cleanEvery is the time between two looks for keys whose time is over.
const cleanEvery = 15 * time.Second

// FlushEvery is the time between two looks for time frames that are over.
func (t *throttle) FlushEvery() time.Duration {
	if t.opts.Summary {
		return max(10*time.Millisecond, min(time.Second, t.opts.Timeframe/2))
	}
	return cleanEvery
}

// Flush forgets what is over, and sends summaries.
func (t *throttle) Flush(_ context.Context, out *actor.Batch) error {
	for _, s := range t.table.closed(t.env.Ending()) {
		e := out.New()
		e.SetType("throttle")
		e.SetField(countKey, event.Int(int64(s.throttled)))
		e.SetField(keyKey, event.String(s.key))
		e.SetField(firstKey, event.String(s.first.UTC().Format(timeLayout)))
		e.SetField(lastKey, event.String(s.last.UTC().Format(timeLayout)))
	}
	return nil
}

const timeLayout = "2006-01-02T15:04:05.000Z"

var (
	countKey = event.Intern("throttled_count")
	keyKey   = event.Intern("key")
	firstKey = event.Intern("first")
	lastKey  = event.Intern("last")
)
