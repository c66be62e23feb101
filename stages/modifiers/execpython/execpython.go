// Package execpython runs a program in Python on every event.
package execpython

import (
	"context"
	_ "embed"
	"fmt"
	"strings"
	"time"

	"gambolputty/actor"
	"gambolputty/actor/event"
)

//go:embed execpython.md
var doc string

// Spec is the ExecPython module.
var Spec = actor.DefineProcessor(actor.Info{
	Name:     "ExecPython",
	Aliases:  []string{"modifier.ExecPython"},
	Role:     actor.Modifier,
	Summary:  "Runs a program in Python on every event.",
	Doc:      doc,
	Parallel: true,
	Example: `- ExecPython:
    source: |
      event['request_time'] = math.ceil(float(event.get('request_time', 0)) * 1000)
`,
}, Options{MaxSteps: 1_000_000, Timeout: time.Second, Engine: "starlark"}, New)

// engine runs a program.
type engine interface {
	open() error
	// run handles an event, which it changes in place.
	run(ctx context.Context, e *event.Event) (result, error)
	// tick calls on_interval.
	tick(ctx context.Context) (result, error)
	close() error
}

// result is what a program made beside its changes.
type result struct {
	drop     bool
	replaced []*event.Map // events instead of the one at hand
	extra    []*event.Map // events beside it
}

// mostEvents bounds what a program makes of one event.
const mostEvents = 10_000

var errManyEvents = fmt.Errorf("the program makes more than %d events of one", mostEvents)

type modifier struct {
	env    actor.Env
	opts   Options
	engine engine
	before event.Event // the event as it came in
}

// New makes an ExecPython.
func New(env actor.Env, o Options) (actor.Processor, error) {
	if o.unread != nil {
		return nil, fmt.Errorf("read source_file: %w", o.unread)
	}
	if o.Debug && env.Worker == 0 {
		env.Log.Info("program", "source", numbered(o.text))
	}
	m := &modifier{env: env, opts: o}
	var err error
	if o.Engine == realPython {
		m.engine = newChild(env, &m.opts)
	} else if m.engine, err = newRunner(env, &m.opts); err != nil {
		return nil, err
	}
	if o.Interval != nil {
		return &ticking{m}, nil
	}
	return m, nil
}

// numbered puts the number of each line in front of it.
func numbered(source string) string {
	var out strings.Builder
	n := 0
	for line := range strings.Lines(source) {
		n++
		fmt.Fprintf(&out, "%d\t%s", n, line)
	}
	return out.String()
}

// Process runs the program on the events.
func (m *modifier) Process(ctx context.Context, b *actor.Batch) error {
	b.Expand(func(e *event.Event, emit func(*event.Event)) { m.handle(ctx, b, e, emit) })
	return nil
}

// Open starts the engine.
func (m *modifier) Open(context.Context) error { return m.engine.open() }

// Close ends the engine.
func (m *modifier) Close(context.Context) error { return m.engine.close() }

func (m *modifier) handle(ctx context.Context, b *actor.Batch, e *event.Event, emit func(*event.Event)) {
	if m.opts.Rollback || m.opts.ReturnValue || m.opts.emits {
		e.ForkTo(&m.before)
		defer func() { m.before = event.Event{} }()
	}
	r, err := m.engine.run(ctx, e)
	if err != nil {
		if m.opts.Rollback {
			m.before.ForkTo(e)
			r.extra = nil
		}
		m.env.Fault(e, "source", err)
		r.drop, r.replaced = false, nil
	}
	switch {
	case len(r.replaced) == 1:
		replace(e, r.replaced[0])
		emit(e)
	case r.replaced != nil:
		m.emit(b, r.replaced, emit)
	case r.drop:
		m.env.Drop(1)
	default:
		emit(e)
	}
	m.emit(b, r.extra, emit)
}

// emit makes events with the metadata of the one that came in, and other fields.
func (m *modifier) emit(b *actor.Batch, list []*event.Map, emit func(*event.Event)) {
	for _, fields := range list {
		e := b.Fork(&m.before)
		replace(e, fields)
		emit(e)
	}
}

// replace replaces all fields, but not the metadata.
func replace(e *event.Event, fields *event.Map) {
	for e.Len() > 0 {
		e.DeleteField(e.At(e.Len() - 1).Key)
	}
	e.Merge(fields, false)
}

// ticking calls on_interval now and then.
type ticking struct{ *modifier }

// FlushEvery is the interval.
func (t *ticking) FlushEvery() time.Duration { return *t.opts.Interval }

// Flush calls on_interval and makes the events that it wants.
func (t *ticking) Flush(ctx context.Context, out *actor.Batch) error {
	r, err := t.engine.tick(ctx)
	if err != nil {
		t.env.Warn("on_interval failed", "error", err)
		t.env.Count("interval_errors", 1)
	}
	for _, fields := range append(r.replaced, r.extra...) {
		out.New().Merge(fields, false)
	}
	return nil
}
