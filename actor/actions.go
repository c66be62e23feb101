package actor

import (
	"slices"

	"gambolputty/actor/event"
	"gambolputty/actor/expr"
)

// Actions are what every module may do to the events that it handled. They happen in the
// order of the fields of this struct, but all values are computed before the first change.
type Actions struct {
	// Copy and Rename take fields over with their type.
	Copy, Rename []FieldPair
	// Add sets fields; Delete removes some before that.
	Add    []AddField
	Delete []expr.Template
	// EventType sets the type of the event, computed from the result of the above.
	EventType expr.Template
	// Internal stores a value under a name that filters can read.
	Internal *SetInternal
}

// FieldPair names two fields.
type FieldPair struct{ From, To event.Path }

// AddField is one field of add_fields.
type AddField struct {
	Name  expr.Template
	Value expr.ValueTemplate
}

// SetInternal is a value for the store behind $(internal.key).
type SetInternal struct {
	Key   string
	Value expr.Template
}

// none reports whether there is nothing to do.
func (a *Actions) none() bool {
	return len(a.Copy)+len(a.Rename)+len(a.Add)+len(a.Delete) == 0 && a.EventType.IsZero() && a.Internal == nil
}

// acting applies the actions of a module in one goroutine.
type acting struct {
	*Actions
	node  *node
	names []event.Path // those for the event at hand
	own   []event.Path // room for them
	vals  []event.Value
	fixed []event.Path // the compiled names that need no event; zero where they do
	named bool         // none of them does
}

func newActing(n *node) *acting {
	if n.Actions.none() {
		return nil
	}
	a := &acting{Actions: &n.Actions, node: n}
	for _, f := range a.Add {
		a.fixed = append(a.fixed, fixedPath(f.Name))
	}
	for _, d := range a.Delete {
		a.fixed = append(a.fixed, fixedPath(d))
	}
	a.names, a.named = a.fixed, !slices.ContainsFunc(a.fixed, event.Path.IsZero)
	return a
}

func fixedPath(t expr.Template) event.Path {
	s, ok := t.Static()
	if !ok {
		return event.Path{}
	}
	p, _ := event.ParsePath(s) // an empty name addresses nothing
	return p
}

func (a *acting) apply(e *event.Event) {
	a.compute(e)
	for _, c := range a.Copy {
		if v, ok := e.Get(c.From); ok {
			a.set(e, c.To, v)
		}
	}
	for _, r := range a.Rename {
		if v, ok := e.Get(r.From); ok {
			a.set(e, r.To, v)
			e.Delete(r.From)
		}
	}
	for i := range a.Delete {
		if p := a.names[len(a.Add)+i]; !p.IsZero() {
			e.Delete(p)
		}
	}
	for i := range a.Add {
		if !a.names[i].IsZero() {
			a.set(e, a.names[i], a.vals[i])
		}
	}
	a.finish(e)
}

// compute evaluates names and values from the event as the module left it.
func (a *acting) compute(e *event.Event) {
	a.vals = a.vals[:0]
	if !a.named {
		a.names = append(a.own[:0], a.fixed...)
		a.own = a.names
	}
	for i, f := range a.Add {
		if a.names[i].IsZero() {
			a.names[i] = a.path(e, f.Name, "add_fields")
		}
		v, ok := f.Value.Eval(e)
		if !ok {
			a.node.unresolved("add_fields", f.Name.Source())
		}
		a.vals = append(a.vals, v)
	}
	for i, d := range a.Delete {
		if at := len(a.Add) + i; a.names[at].IsZero() {
			a.names[at] = a.path(e, d, "delete_fields")
		}
	}
}

// path makes the path of a dynamic name. One with a missing field addresses nothing.
func (a *acting) path(e *event.Event, t expr.Template, option string) event.Path {
	s, ok := t.Text(e)
	if !ok {
		a.node.unresolved(option, t.Source())
		return event.Path{}
	}
	p, _ := event.ParsePath(s)
	return p
}

func (a *acting) set(e *event.Event, p event.Path, v event.Value) {
	if err := e.Set(p, v); err != nil {
		a.node.meter.Errors.Add(1)
		a.node.warn.log(levelWarn, "field was not added", "field", p.String(), "error", err)
	}
}

func (a *acting) finish(e *event.Event) {
	if !a.EventType.IsZero() {
		if s, ok := a.EventType.Text(e); ok {
			e.SetType(s)
		} else {
			a.node.unresolved("event_type", a.EventType.Source())
		}
	}
	if a.Internal == nil {
		return
	}
	if s, ok := a.Internal.Value.Text(e); ok {
		a.node.graph.Internal.Set(a.Internal.Key, event.String(s))
	} else {
		a.node.unresolved("set_internal", a.Internal.Value.Source())
	}
}
