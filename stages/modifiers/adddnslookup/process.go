package adddnslookup

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"

	"gambolputty/actor"
	"gambolputty/actor/event"
)

type modifier struct {
	env      actor.Env
	opts     Options
	target   event.Path
	resolver *resolver // nil where nothing must be reached
	slots    chan struct{}
	tasks    []task
}

// task is what to look up for one event.
type task struct {
	present bool
	list    bool
	one     answer
	many    []answer
	err     error // the value cannot be looked up
}

// answer is the result of one lookup.
type answer struct {
	values []string
	err    error
}

var (
	errNotText   = errors.New("the value is neither a string nor a list of strings")
	errNotFound  = errors.New("there is no such record")
	errNoAddress = errors.New("the value is not an address")
	errNoName    = errors.New("the value is not a host name")
)

// Process looks up what is needed for all events of a batch, as much at a time as there are
// workers altogether, and then sets the results in order.
func (m *modifier) Process(ctx context.Context, b *actor.Batch) error {
	if m.resolver == nil {
		m.env.Warn("nothing is looked up, because nothing must be reached")
		return nil
	}
	m.lookAll(ctx, b)
	i := 0
	for e := range b.Each() {
		m.finish(e, &m.tasks[i])
		i++
	}
	clear(m.tasks)
	return nil
}

func (m *modifier) lookAll(ctx context.Context, b *actor.Batch) {
	n := b.Len()
	if cap(m.tasks) < n {
		m.tasks = make([]task, n)
	}
	m.tasks = m.tasks[:n]
	var all sync.WaitGroup
	defer all.Wait()
	i := 0
	for e := range b.View() {
		m.start(ctx, &all, e, &m.tasks[i])
		i++
	}
}

// start begins the lookups of one event.
func (m *modifier) start(ctx context.Context, all *sync.WaitGroup, e *event.Event, t *task) {
	v, ok := e.Get(m.opts.SourceField)
	if !ok {
		return
	}
	t.present = true
	switch v.Kind() {
	case event.KindString:
		m.look(ctx, all, v.Str(), &t.one)
	case event.KindList:
		t.list, t.many = true, make([]answer, v.List().Len())
		for i := range t.many {
			if item := v.List().At(i); item.IsString() {
				m.look(ctx, all, item.Str(), &t.many[i])
			} else {
				t.many[i].err = errNotText
			}
		}
	default:
		t.err = errNotText
	}
}

// look answers at once if the answer is known, or else when a place is free.
func (m *modifier) look(ctx context.Context, all *sync.WaitGroup, text string, a *answer) {
	q, known := m.resolver.known(text, a)
	if known {
		return
	}
	select {
	case m.slots <- struct{}{}:
	case <-ctx.Done():
		a.err = context.Cause(ctx)
		return
	}
	all.Go(func() {
		defer func() { <-m.slots }()
		defer func() {
			if v := recover(); v != nil { // nobody else would, here
				m.env.Log.Error("lookup panicked", "error", v, "stack", string(debug.Stack()))
				a.err = fmt.Errorf("panic: %v", v)
			}
		}()
		*a = m.resolver.lookUp(ctx, q)
	})
}

// finish sets the result on an event.
func (m *modifier) finish(e *event.Event, t *task) {
	if !t.present {
		return
	}
	v, ok, err := t.one.value(m.opts.ReturnAll), true, t.one.err
	if t.list {
		v, ok, err = m.join(t.many)
	}
	if t.err != nil {
		err = t.err
	}
	switch {
	case err == nil && ok:
		if err := e.Set(m.target, v); err != nil {
			m.env.Fault(e, m.target.String(), err)
		}
	case err == nil:
	case errors.Is(err, errNotFound):
		m.env.Miss(e, m.opts.SourceField.String(), err)
	default:
		m.env.Fault(e, m.opts.SourceField.String(), err)
	}
}

func (a *answer) value(all bool) event.Value {
	if a.err != nil || len(a.values) == 0 {
		return event.Null
	}
	if !all {
		return event.String(a.values[0])
	}
	list := make([]event.Value, len(a.values))
	for i, s := range a.values {
		list[i] = event.String(s)
	}
	return event.ListOf(list...)
}

// join makes a list of what was found. If nothing was, the first error tells why.
func (m *modifier) join(answers []answer) (v event.Value, ok bool, err error) {
	var list []event.Value
	for i := range answers {
		a := &answers[i]
		if a.err != nil {
			if err == nil {
				err = a.err
			}
			continue
		}
		for _, s := range a.values {
			if list = append(list, event.String(s)); !m.opts.ReturnAll {
				break
			}
		}
	}
	if len(list) > 0 {
		return event.ListOf(list...), true, nil
	}
	return event.Null, false, err
}
