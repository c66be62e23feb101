// Package permutate makes an event of every ordered selection from a list.
package permutate

import (
	"context"
	"errors"
	"fmt"

	"gambolputty/actor"
	"gambolputty/actor/event"
	"gambolputty/actor/option"
)

// Spec is the Permutate module.
var Spec = actor.DefineProcessor(actor.Info{
	Name:     "Permutate",
	Aliases:  []string{"modifier.Permutate"},
	Role:     actor.Modifier,
	Summary:  "Makes an event of every ordered selection of elements of a list.",
	Doc:      "A selection has as many elements as there are `target_fields`; elements at different places count separately even if they are equal. With `context_data_field` the event also gets what a map holds about each element.",
	Parallel: true,
	Example: `- Permutate:
    source_field: facets
    target_fields: [field1, field2]
    context_data_field: context
    context_target_mapping: {ctx: [ctx_field1, ctx_field2]}
`,
}, Options{Most: 10_000}, New)

// Options of the Permutate module.
type Options struct {
	SourceField  event.Path              `opt:"source_field" required:"true" doc:"Field with the list."`
	TargetFields []event.Path            `opt:"target_fields" required:"true" doc:"Fields for the elements of a selection."`
	ContextField event.Path              `opt:"context_data_field" null:"true" doc:"Field with a map from elements to maps of values."`
	Mapping      map[string][]event.Path `opt:"context_target_mapping" doc:"Fields for the values of each element, by the keys of those maps. Required with context_data_field."`
	Most         int                     `opt:"max_permutations" min:"1" doc:"Most events that one event may become; more are a fault."`
}

// Validate checks that there is a field for every value.
func (o *Options) Validate() error {
	var errs []error
	if len(o.TargetFields) == 0 {
		errs = append(errs, &option.Fault{Code: option.NotAllowed, Option: "target_fields", Message: "must name at least one field"})
	}
	if !o.ContextField.IsZero() && len(o.Mapping) == 0 {
		errs = append(errs, &option.Fault{Code: option.Required, Option: "context_target_mapping", Message: "required option is missing: context_data_field is set"})
	}
	for key, fields := range o.Mapping {
		if len(fields) < len(o.TargetFields) {
			errs = append(errs, &option.Fault{Code: option.Contradiction, Option: "context_target_mapping." + key,
				Message: fmt.Sprintf("must name a field for each of the %d target_fields, got %d", len(o.TargetFields), len(fields))})
		}
	}
	return errors.Join(errs...)
}

type modifier struct {
	env  actor.Env
	opts Options
}

// New makes a Permutate.
func New(env actor.Env, o Options) (actor.Processor, error) { return &modifier{env, o}, nil }

// Process replaces the events by those of their selections.
func (m *modifier) Process(_ context.Context, b *actor.Batch) error {
	b.Expand(func(e *event.Event, emit func(*event.Event)) {
		v, ok := e.Get(m.opts.SourceField)
		if !ok {
			emit(e)
			return
		}
		if err := m.check(v); err != nil {
			m.env.Fault(e, m.opts.SourceField.String(), err)
			emit(e)
			return
		}
		m.permutate(b, e, v.List(), emit)
	})
	return nil
}

var errNoList = errors.New("the value is not a list")

// check counts the selections, n!/(n-r)!, before any is made.
func (m *modifier) check(v event.Value) error {
	n, r := v.List().Len(), len(m.opts.TargetFields)
	switch {
	case v.Kind() != event.KindList:
		return errNoList
	case n < r:
		return fmt.Errorf("the list has %d elements, a selection needs %d", n, r)
	}
	count := 1
	for i := range r {
		if count *= n - i; count > m.opts.Most {
			return fmt.Errorf("there are more selections than max_permutations, %d", m.opts.Most)
		}
	}
	return nil
}

func (m *modifier) permutate(b *actor.Batch, e *event.Event, list *event.List, emit func(*event.Event)) {
	chosen := make([]int, 0, len(m.opts.TargetFields))
	used := make([]bool, list.Len())
	var choose func()
	choose = func() {
		if len(chosen) == len(m.opts.TargetFields) {
			c := b.Fork(e)
			m.set(c, list, chosen)
			emit(c)
			return
		}
		for i := range list.Len() {
			if used[i] {
				continue
			}
			used[i] = true
			chosen = append(chosen, i)
			choose()
			chosen = chosen[:len(chosen)-1]
			used[i] = false
		}
	}
	choose()
}

// set writes a selection; the elements themselves win over what is known about them.
func (m *modifier) set(e *event.Event, list *event.List, chosen []int) {
	if !m.opts.ContextField.IsZero() {
		if about, ok := e.Get(m.opts.ContextField); ok {
			for i, at := range chosen {
				m.setContext(e, about.Map(), list.At(at), i)
			}
		}
	}
	for i, at := range chosen {
		m.write(e, m.opts.TargetFields[i], list.At(at).Clone())
	}
}

// setContext writes what is known about the element at place i. Keys of maps are text, so
// the element is looked for by its text.
func (m *modifier) setContext(e *event.Event, about *event.Map, element event.Value, i int) {
	known, ok := about.GetName(element.Text())
	if !ok {
		return
	}
	for key, fields := range m.opts.Mapping {
		if v, ok := known.Map().GetName(key); ok {
			m.write(e, fields[i], v.Clone())
		}
	}
}

func (m *modifier) write(e *event.Event, p event.Path, v event.Value) {
	if err := e.Set(p, v); err != nil {
		m.env.Fault(e, p.String(), err)
	}
}
