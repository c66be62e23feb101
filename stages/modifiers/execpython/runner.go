package execpython

import (
	"context"
	"errors"
	"fmt"

	"go.starlark.net/starlark"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/stages/modifiers/execpython/library"
	"gambolputty/stages/modifiers/execpython/python"
)

// runner runs a program as Starlark, in this process.
type runner struct {
	opts     *Options
	machine  *library.Machine
	body     starlark.Value
	interval *starlark.Function
	fields   *fields
	args     starlark.Tuple
	state    *state
	extra    []*event.Map
}

func newRunner(env actor.Env, o *Options) (*runner, error) {
	r := &runner{opts: o, state: actor.Shared(env, newState)}
	r.machine = library.NewMachine(library.Limits{Steps: o.MaxSteps, Time: o.Timeout}, func(line string) { env.Log.Debug("print", "text", line) })
	names := library.Names()
	names["state"] = r.state.dict
	names["emit"] = starlark.NewBuiltin("emit", r.emit)
	globals, err := r.machine.Start(o.prog, names)
	if err != nil {
		return nil, fmt.Errorf("start the program: %w", err)
	}
	r.body = globals[python.Entry]
	if o.interval != nil {
		if globals, err = r.machine.Start(o.interval, names); err != nil {
			return nil, fmt.Errorf("start on_interval: %w", err)
		}
		r.interval, _ = globals[intervalFunction].(*starlark.Function)
	}
	r.renew()
	return r, nil
}

// renew makes the view of an event. A program with a state may have kept the last one.
func (r *runner) renew() {
	if r.fields == nil || r.opts.state {
		r.fields = &fields{copies: r.opts.state}
		r.args = starlark.Tuple{r.fields}
	}
}

func (r *runner) open() error  { return nil }
func (r *runner) close() error { return nil }

// emit is the function emit(dict).
func (r *runner) emit(_ *starlark.Thread, _ *starlark.Builtin, a starlark.Tuple, named []starlark.Tuple) (starlark.Value, error) {
	var d starlark.IterableMapping
	if err := starlark.UnpackArgs("emit", a, named, "event", &d); err != nil {
		return nil, err
	}
	if len(r.extra) >= mostEvents {
		return nil, errManyEvents
	}
	m, err := library.ToMap(d)
	if err != nil {
		return nil, fmt.Errorf("emit: %w", err)
	}
	r.extra = append(r.extra, m)
	return starlark.None, nil
}

func (r *runner) run(ctx context.Context, e *event.Event) (result, error) {
	if r.opts.state {
		if err := r.state.check(); err != nil {
			return result{}, err
		}
	}
	r.renew()
	r.fields.e = e
	v, err := r.machine.Call(ctx, r.body, r.args)
	// What was returned may be fields of the event, so it is looked at before they are gone.
	var res result
	if err == nil && r.opts.ReturnValue {
		res, err = r.returned(v)
	}
	if flushed := r.fields.flush(); err == nil {
		err = flushed
	}
	r.fields.e = nil
	res.extra = r.take()
	return res, err
}

func (r *runner) take() []*event.Map {
	extra := r.extra
	r.extra = nil
	return extra
}

func (r *runner) tick(ctx context.Context) (result, error) {
	var args starlark.Tuple
	if r.interval.NumParams() > 0 {
		args = starlark.Tuple{r.state.dict}
	}
	v, err := r.machine.Call(ctx, r.interval, args)
	var res result
	if err == nil && r.opts.ReturnValue {
		res, err = r.returned(v)
	}
	r.state.due = true
	res.extra = r.take()
	return res, err
}

// returned makes of the value of a program what it says.
func (r *runner) returned(v starlark.Value) (result, error) {
	switch v := v.(type) {
	case *fields:
		return result{}, nil
	case starlark.NoneType:
		return result{}, nil
	case starlark.Bool:
		return result{drop: !bool(v)}, nil
	case starlark.IterableMapping:
		m, err := library.ToMap(v)
		return result{replaced: []*event.Map{m}}, err
	case *starlark.List:
		return several(v)
	case starlark.Tuple:
		return several(v)
	}
	return result{}, fmt.Errorf("the program returns %s, where None, False, a dict or a list of dicts is allowed", v.Type())
}

func several(list starlark.Sequence) (result, error) {
	if list.Len() > mostEvents {
		return result{}, errManyEvents
	}
	res := result{drop: list.Len() == 0}
	for x := range starlark.Elements(list) {
		d, ok := x.(starlark.IterableMapping)
		if !ok {
			return result{}, fmt.Errorf("the program returns a list with %s, where only dicts are allowed", x.Type())
		}
		m, err := library.ToMap(d)
		if err != nil {
			return result{}, err
		}
		res.replaced = append(res.replaced, m)
	}
	return res, nil
}

// state is what a program keeps from one event to the next. It outlives the instance.
type state struct {
	dict   *starlark.Dict
	calls  int
	next   int // the call at which its size is looked at
	due    bool
	toobig bool
}

func newState() *state { return &state{dict: new(starlark.Dict), next: 1000} }

var errState = errors.New("state holds too much, so that the program does not run before on_interval has made it smaller")

// check looks at the size of the state, seldom enough not to be noticed.
func (s *state) check() error {
	s.calls++
	if s.calls >= s.next || s.due {
		n := library.Size(s.dict)
		s.toobig = n < 0
		s.next = s.calls + max(1000, n)
		s.due = false
	}
	if s.toobig {
		return errState
	}
	return nil
}
